"""Which products go together more than by chance, as lists to recommend from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from workbench.errors import QuestionRefused
from workbench.privacy.columns import AND
from workbench.privacy.release import Release

if TYPE_CHECKING:
    import pandas as pd


def recommendations(affinity: Release | Mapping[str, Release], *, most: int = 3) -> pd.DataFrame:
    """Return what to offer to whom has a product: what surely goes with it more than by chance.

    Parameters
    ----------
    affinity : Release or mapping of str to Release
        From `Release.affinity`; or persona to that of its customers alone.
    most : int
        Products a list is long at most.

    Returns
    -------
    DataFrame
        ``product``, ``offer``, ``lift``, ``lift_low``, the surest first; of several, ``persona``.
        Pairs whose margin holds 1, the lift of chance, are left out. It stands on released figures
        alone.

    Raises
    ------
    QuestionRefused
        The release has no lifts, or there is none.
    """
    import pandas as pd

    if isinstance(affinity, Mapping):
        if not affinity:
            raise QuestionRefused("recommendations are of one persona's lifts or more; none given.")
        lists = {persona: recommendations(each, most=most) for persona, each in affinity.items()}
        return pd.concat(lists, names=["persona"]).reset_index(level=0).reset_index(drop=True)
    if "lift" not in affinity.columns or len(affinity.by) != 1:
        raise QuestionRefused(
            f"recommendations are made of lifts; '{affinity.name}' has none. Ask "
            "wb.query(…, by=wb.pairs(…)).customers() and take .affinity(of=…) of the release."
        )
    frame = affinity.frame[[affinity.by[0].name, "lift", "lift_low"]].dropna()
    frame = frame[frame.lift_low > 1]
    names = frame[affinity.by[0].name].str.split(AND, expand=True, regex=False)
    one, other = (names[i] if i in names else names.get(0) for i in (0, 1))
    both = pd.concat(
        [
            frame.assign(product=one, offer=other),
            frame.assign(product=other, offer=one),
        ]
    )[["product", "offer", "lift", "lift_low"]]
    ranked = both.sort_values(["lift_low", "product", "offer"], ascending=[False, True, True])
    best = ranked.groupby("product", sort=False).head(most)
    return best.sort_values(["product", "lift_low"], ascending=[True, False], ignore_index=True)
