"""Operations on released tables, each registered under the name it is stored by."""

from workbench.privacy.operations import consistency, figures, ranking, rows, scoring, small_groups

__all__ = ["consistency", "figures", "ranking", "rows", "scoring", "small_groups"]
