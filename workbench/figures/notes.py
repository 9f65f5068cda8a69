"""What a release says a reader must know, as far as it concerns one figure, in their language.

A note that is about one measure begins with its title, as `workbench.privacy` writes them:
"Amount: one customer counts for at most 3,000.00 CNY in a cell." is about every measure of Amount,
and none of the customers' business. All other notes are about the whole release.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from workbench.figures.language import Language
from workbench.figures.spec import Spec
from workbench.privacy.columns import Measure
from workbench.privacy.noted import NOTES, read
from workbench.privacy.release import Release

# As privacy writes them, in words of the ledger's, and as a manager reads them.
_PLAIN = (
    (re.compile(r"(?P<head>.+ at most [\d,]+)\.00(?P<tail> .*)"), r"\g<head>\g<tail>"),
    (re.compile(r"(?P<head>.+ at most 1) rows in a cell\."), r"\g<head> record in each figure."),
    (re.compile(r"(?P<head>.+) rows in a cell\."), r"\g<head> records in each figure."),
    (re.compile(r"(?P<head>.+) in a cell\."), r"\g<head> in each figure."),
    (
        re.compile(r"Margins of figures computed from ratios are first-order approximations\."),
        "Margins of figures computed from ratios are approximate.",
    ),
    (
        re.compile(r"Within a band customers count as equal; margins are first-order approx\w+\."),
        "Within a band customers count as equal; margins are approximate.",
    ),
    (re.compile(r"Adjusted by least squares so"), "Adjusted within the noise so"),
    (
        re.compile(r"The data changed since .+ answered this: a new answer, paid again\."),
        "The data changed since this was answered before: this is a new answer.",
    ),
    (
        re.compile(r"(?P<head>.+): cut points were read off .+\."),
        r"\g<head>: cut points are private.",
    ),
)
# As privacy writes them, and in Chinese. ``title`` is a declared word, and is translated as one.
_CHINESE: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern), text)
    for pattern, text in (
        (
            r"(?P<title>.+): one customer counts for at most (?P<top>[\d,.]+?)(?:\.00)?"
            r"(?: (?P<unit>\S+))? in a cell\.",
            "{title}：每位客户在每个数字中最多计 {top} {unit}。",
        ),
        (
            r"One customer counts for at most (?P<top>[\d,]+) rows in a cell\.",
            "每位客户在每个数字中最多计 {top} 条记录。",
        ),
        (
            r"(?P<title>.+): at most (?P<top>[\d,]+) of one customer's count\.",
            "{title}：每位客户最多计 {top} 种。",
        ),
        (
            r"(?P<title>.+): each customer weighs the same; its place in the order is off by fewer "
            r"than (?P<top>[\d,]+) customers, 95 times in 100\.",
            "{title}：每位客户权重相同；有 95% 的把握，其排位误差少于 {top} 位客户。",
        ),
        (
            r"Only values with a noisy count of (?P<top>[\d,]+) customers or more are shown\.",
            "只显示带噪客户数不少于 {top} 的取值。",
        ),
        (
            r"The data changed since (?P<top>.+) answered this: a new answer, paid again\.",
            "自 {top} 回答此问题以来数据已有变化：这是重新付费的新答案。",
        ),
        (
            r"(?P<top>[\d,]+) of (?P<all>[\d,]+) rows are not shown: their noisy number of "
            r"customers is below (?P<rule>[\d,.]+)\.",
            "{all} 行中有 {top} 行未显示：其带噪客户数低于 {rule}。",
        ),
        (
            r"Adjusted by least squares so that totals agree with their parts(?:: (?P<name>.+))?\.",
            "已在噪声范围内调整，使合计与各部分一致{name}。",
        ),
        (
            r"Margins of figures computed from ratios are first-order approximations\.",
            "由比率计算的数字，其误差范围为近似值。",
        ),
        (
            r"Exact: counted in operational records, not in customers' rows\.",
            "精确数字：取自机构自身的运营记录，不含客户数据行。",
        ),
        (
            r"Requests are counted exactly and people are told in bands, without noise: one "
            r"customer's request, or part in an incident or a transfer, can change a count by one, "
            r"or a band\.",
            "请求按实际数目统计，人数以区间表示，均未加噪：一位客户的请求，或其涉及的事件或对外提供，"
            "可使计数变动一，或使区间变化。",
        ),
        (
            r"Estimates with an interval are private; all other figures are exact, counted in "
            r"operational records\.",
            "带区间的估计值为隐私发布；其余均为取自运营记录的精确数字。",
        ),
        (
            r"Law file of (?P<top>[\d-]+)\. No legal advice is claimed\.",
            "法规文件版本 {top}。本页不构成法律意见。",
        ),
        (
            r"\* Provision recalled, to be checked against the text; law file of (?P<top>[\d-]+)\. "
            r"No legal advice is claimed\.",
            "* 条款凭记忆引用，有待与法律原文核对；法规文件版本 {top}。本页不构成法律意见。",
        ),
        (
            r"Unusual reads: (?P<top>[\d,]+) of (?P<all>[\d,]+) earlier weeks of readers were "
            r"flagged by the same rule, fewer than (?P<rule>[\d.]+%) with 95% certainty\.",
            "异常读取：同一规则在此前 {all} 个读取者周中误报 {top} 次，有 95% 把握低于 {rule}。",
        ),
        (
            r"(?P<top>[\d,]+) of (?P<all>[\d,]+) rows are not shown: their noisy number of "
            r"customers is below (?P<rule>[\d,.]+) standard deviations of its noise\.",
            "{all} 行中有 {top} 行未显示：其带噪客户数低于其噪声标准差的 {rule} 倍。",
        ),
        (
            r"(?P<title>.+): by the lower end of the margin of (?P<of>.+): (?P<grades>.+)\.",
            "{title}：以“{of}”误差范围的下端为准：{grades}。",
        ),
        (
            r"Within a band customers count as equal; margins are first-order approximations\.",
            "同一区间内的客户视为相同；误差范围为近似值。",
        ),
        (
            r"The noise leaves the order of the (?P<top>[\d,]+) open: compare margins\.",
            "噪声之下，这 {top} 项的次序未定：请比较误差范围。",
        ),
        (
            r"The noise leaves the order and the choice of the (?P<top>[\d,]+) open: compare "
            r"margins\.",
            "噪声之下，这 {top} 项的次序与入选均未定：请比较误差范围。",
        ),
        (
            r"Chance that the order of the (?P<top>[\d,]+) is wrong: at most (?P<rule>[\d.]+%)\.",
            "这 {top} 项次序有误的概率：至多 {rule}。",
        ),
        (
            r"Chance that the order of the (?P<top>[\d,]+) is wrong: at most (?P<rule>[\d.]+%); "
            r"that another belongs among them: at most (?P<other>[\d.]+%)\.",
            "这 {top} 项次序有误的概率：至多 {rule}；另有他项应列其中的概率：至多 {other}。",
        ),
        (
            r"Margins hold for all (?P<all>[\d,]+) figures at once, 95 times in 100 \(Šidák\)\.",
            "误差范围对全部 {all} 个数字同时成立，100 次中有 95 次（Šidák）。",
        ),
        (
            r"(?P<title>.+): values whose noisy number of customers is below (?P<rule>[\d,.]+)"
            r"(?P<noise> standard deviations of its noise)? are merged; "
            r"(?:merged: (?P<groups>.+)|none had to be merged)\.",
            "{title}：带噪客户数低于 {rule}{noise}的取值已合并：{groups}。",
        ),
        (
            r"(?P<title>.+): not shown for merged values, because it does not add up over them\.",
            "{title}：不可相加，故合并后的取值不显示。",
        ),
        (
            r"(?P<title>.+): cut points were read off (?P<top>[^ ]+(?:, [^ ]+)*)\.",
            "{title}：分界点取自 {top}。",
        ),
        (
            r"Planned, not released: no figure was drawn\.",
            "仅为计划，尚未发布：没有抽取任何数字。",
        ),
    )
)


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
            about = _about(note, release)
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
    if note in language.translations:
        return language.say(note)
    if known := read(note):
        key, values = known
        words = {**values, "title": language.measure(values.get("title", ""))}
        return NOTES[key][language.code].format(**words)
    if language.code != "zh":
        for pattern, text in _PLAIN:
            note = pattern.sub(text, note)
        return note
    for pattern, text in _CHINESE:
        if match := pattern.fullmatch(note):
            parts = match.groupdict()
            if "title" in parts:
                parts["title"] = language.measure(parts["title"])
            if "name" in parts:
                names = [language.measure(each) for each in (parts["name"] or "").split("; ")]
                parts["name"] = f"（{language.join(names)}）" if parts["name"] else ""
            if "of" in parts:  # a title as it stands within a sentence
                whole = f"{parts['of'][:1].upper()}{parts['of'][1:]}"
                parts["of"] = language.measure(whole)
            if "noise" in parts:
                parts["noise"] = " 倍噪声标准差" if parts["noise"] else " "
                parts["groups"] = _groups(parts["groups"], language)
            if "grades" in parts:
                parts["grades"] = _grades(parts["grades"], language)
            if "unit" in parts:
                parts["unit"] = language.say(parts["unit"] or "")
            return text.format(**parts).replace(" 。", "。")
    return note


def _groups(told: str | None, language: Language) -> str:
    """Return merged values: "Other (north, south)" is "其他（北区、南区）"."""
    if told is None:
        return "无需合并"
    said = []
    for each in told.split("; "):
        label, _, members = each.removesuffix(")").partition(" (")
        words = language.join([language.say(one) for one in members.split(", ")])
        said.append(f"{language.say(label)}（{words}）")
    return "；".join(said)


def _grades(told: str, language: Language) -> str:
    """Return the limits of grades: "A from 0.7, C from 0" is "A 自 0.7 起、C 自 0 起"."""
    pairs = (each.rpartition(" from ") for each in told.split(", "))
    return language.join([f"{language.say(grade)} 自 {limit} 起" for grade, _, limit in pairs])


def _about(note: str, release: Release) -> set[str]:
    """Return the measures a note begins with the title of; none when it is about all of them."""
    if note.startswith("One customer counts for at most "):  # rows, of which customers have none
        return {each.name for each in release.measures if each.kind != "customers"}
    head, colon, _ = note.partition(": ")
    if not colon:
        return set()
    return {each.name for each in release.measures if head in (each.title, _column(each))}


def _column(measure: Measure) -> str:
    """Return the title of the column a measure is of: "Amount" of "Amount, total"."""
    return measure.title.rpartition(", ")[0] or measure.title
