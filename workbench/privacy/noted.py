"""Notes as a key and its values: one table of what they say, in each language.

A note is stored as its English sentence, so that whoever opens a ledger can read it; `read` finds
the key and the values again by the same table, for another language.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import cache

NOTES: Mapping[str, Mapping[str, str]] = {
    "telling": {
        "en": "{title}: not known as yet. About {needed} contacts, instead of {now}, would tell an "
        "effect of {points} points from none, 4 times in 5.",
        "zh": "{title}：尚未可知。约需联系 {needed} 次（现有 {now} 次），"
        "方能在五次中有四次把 {points} 个百分点的效果与零区分开。",
    },
    "chosen": {
        "en": "Chosen by their figures: margins are so wide that those of all {rows} rows hold at "
        "once.",
        "zh": "按数字大小选出：误差范围已放宽，使全部 {rows} 行同时成立。",
    },
    "not in": {
        "en": "By a column of {title}: customers without a row there are in no group.",
        "zh": "按“{title}”的列分组：在该表中没有记录的客户不属于任何一组。",
    },
    "kept": {
        "en": "Which rows are shown depends on their noise: margins are widened for it, so that "
        "of those shown 95 in 100 hold.",
        "zh": "显示哪些行取决于其噪声：误差范围已相应放宽，使所示范围中每 100 个有 95 个成立。",
    },
    "tenths": {
        "en": "Within a band customers count as equal, and nobody for less or more than the band's "
        "edges; margins are approximate.",
        "zh": "同一区间内的客户视为相同，且每位客户不少于、不多于该区间的两端；误差范围为近似值。",
    },
    "apart": {
        "en": "Not made to agree, for totals and parts differ by more than their noise: {titles}. "
        "They count other rows, or bounds cut more from the ones.",
        "zh": "未做一致性调整，因合计与各部分之差超出噪声：{titles}。"
        "两者统计的记录不同，或上限截去的部分不同。",
    },
    "nobody's": {
        "en": "Rows without a customer are in no figure.",
        "zh": "没有客户的记录不计入任何数字。",
    },
    "nobody's counted": {
        "en": "{rows} rows without a customer are in no figure.",
        "zh": "有 {rows} 条没有客户的记录，不计入任何数字。",
    },
    "nobody's of a period": {
        "en": "{rows} rows of {period} without a customer are in no figure.",
        "zh": "{period} 有 {rows} 条没有客户的记录，不计入任何数字。",
    },
}


def noted(key: str, **values: str) -> str:
    """Return a note as it is stored."""
    return NOTES[key]["en"].format(**values)


def read(note: str) -> tuple[str, dict[str, str]] | None:
    """Return a stored note's key and values; None for one that is in no table.

    Examples
    --------
    >>> read(noted("telling", title="Effect", needed="7,200", now="900", points="3"))
    ('telling', {'title': 'Effect', 'needed': '7,200', 'now': '900', 'points': '3'})
    """
    for key in NOTES:
        if match := _form(key).fullmatch(note):
            return key, match.groupdict()
    return None


@cache
def _form(key: str) -> re.Pattern[str]:
    literal = re.escape(NOTES[key]["en"])
    return re.compile(re.sub(r"\\\{(\w+)\\\}", r"(?P<\1>.+?)", literal), re.DOTALL)


def of_nobody(rows: int | None, period: str | None) -> str:
    """Return what to say of rows without a customer, whose number may be told or not."""
    if rows is None:
        return noted("nobody's")
    if period is None:
        return noted("nobody's counted", rows=f"{rows:,}")
    return noted("nobody's of a period", rows=f"{rows:,}", period=period)


def together(notes: Iterable[str], period: str | None) -> tuple[str, ...]:
    """Return the notes of parts, each once; rows without a customer are added up over them."""
    kept, rows = [], []
    for note in notes:
        key, values = read(note) or ("", {})
        if key == "nobody's of a period":
            rows.append(int(values["rows"].replace(",", "")))
        else:
            kept.append(note)
    added = [of_nobody(sum(rows), period)] if rows else []
    return tuple(dict.fromkeys([*kept, *added]))
