"""What a release says a reader must know, as far as it concerns one figure, in their language.

A note that is about one measure begins with its title, as `workbench.privacy` writes them:
"Amount: one customer counts for at most 3,000.00 CNY in a cell." is about every measure of Amount,
and none of the customers' business. All other notes are about the whole release.
"""

import re
from collections.abc import Sequence

from workbench.figures.language import Language
from workbench.figures.spec import Spec
from workbench.privacy.columns import concerns, notes, read
from workbench.privacy.release import Release

_NOISE = " standard deviations of its noise"
# What tells an analyst what to ask instead says nothing of what is shown. Exceptions always stand.
_FOR_ANALYSTS = re.compile(
    r"(?!Exception:).*(?:\w=|\b(?:wb|ws)\.|\w\(|`|values_per_customer|'workbench |"
    r"(?:is not added|does not add) up over (?!them))"
)


def notes_about(spec: Spec, releases: Sequence[Release], language: Language) -> tuple[str, ...]:
    """Return the notes of a figure's releases that concern what it shows, each once."""
    found: dict[str, None] = {}
    for at, release in enumerate(releases):
        drawn = set(spec.measures(at, release))
        for note in release.notes:
            if _FOR_ANALYSTS.match(note):
                continue
            about = {each.name for each in release.measures if concerns(note, [each])}
            if not about or about & drawn:
                found[translated(note, language)] = None
    return tuple(found)


def translated(note: str, language: Language) -> str:
    """Return a note in a page's language, where it is known in it.

    Examples
    --------
    >>> translated("One customer counts for at most 20 rows in a cell.", Language("zh"))
    '每位客户在每个数字中最多计 20 条记录。'
    >>> translated("One customer counts for at most 20 rows in a cell.", Language())
    'One customer counts for at most 20 records in each figure.'
    >>> translated("One customer counts for at most 1 rows in a cell.", Language())
    'One customer counts for at most 1 record in each figure.'
    """
    known = read(note)
    if note in language.translations or known is None:
        return language.say(note)
    key, values = known
    said = {name: _said(name, value, language) for name, value in values.items()}
    return notes()[key][language.code].format(**said).replace(" 。", "。")


def _said(name: str, value: str, language: Language) -> str:
    """Return a note's value in a page's language: titles, groups and rules have words of theirs."""
    if name == "title":
        return language.measure(value)
    if name == "top":
        return value.removesuffix(".00")
    if name == "month":
        return language.period(value)
    if language.code == "en":
        return value
    if name == "titles":
        return language.join([language.measure(each) for each in value.split("; ")])
    if name == "limit":  # a word of the product's own, or the notebook's
        return language.say(value)
    if name == "of":  # a title as it stands within a sentence
        return language.measure(f"{value[:1].upper()}{value[1:]}")
    if name in ("codes", "where"):
        return language.join([language.say(each) for each in value.split(", ")])
    if name == "unit":
        return f" {language.say(value.strip())}" if value else ""
    if name == "grades":  # "A from 0.7, C from 0"
        pairs = (each.rpartition(" from ") for each in value.split(", "))
        return language.join([f"{language.say(grade)} 自 {limit} 起" for grade, _, limit in pairs])
    if name == "groups":
        return _groups(value, language)
    return _rule(value) if name == "rule" else value


def _groups(told: str, language: Language) -> str:
    """Return merged values: "Other (north, south)" is "其他（北区、南区）"."""
    if not told.startswith("merged: "):
        return "无需合并"
    said = []
    for each in told.removeprefix("merged: ").split("; "):
        label, _, members = each.removesuffix(")").partition(" (")
        words = language.join([language.say(one) for one in members.split(", ")])
        said.append(f"{language.say(label)}（{words}）")
    return "；".join(said)


def _rule(told: str) -> str:
    """Return when a number of customers is too small: "20 or 3 standard deviations of …"."""
    rule = told.removesuffix(", whichever is more")
    least, _, noise = rule.rpartition(" or ")
    if not rule.endswith(_NOISE):
        return f" {rule} "
    noise = f"其噪声标准差的 {noise.removesuffix(_NOISE)} 倍"
    return f" {least} 与{noise}中的较大者" if least else noise
