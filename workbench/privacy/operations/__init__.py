"""Operations on released tables, each registered under the name it is stored by."""

from workbench.privacy.operations import (
    cards,
    consistency,
    deciles,
    figures,
    pairing,
    ranking,
    rows,
    scoring,
    small_groups,
)

__all__ = [
    "cards",
    "consistency",
    "deciles",
    "figures",
    "pairing",
    "ranking",
    "rows",
    "scoring",
    "small_groups",
]
