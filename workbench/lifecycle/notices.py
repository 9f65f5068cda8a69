"""The plain-language privacy notice, from the catalog: what is held, why, how long, whom to ask."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from typing import Any

from workbench.catalog import Catalog
from workbench.errors import UnknownName
from workbench.lifecycle.words import BASES, KINDS, LANGUAGES, word

_TEXT: Mapping[str, Mapping[str, str]] = {
    "en": {
        "title": "Privacy notice of {controller}",
        "made": "As of {day}, from the data dictionary {hash}, with all that is declared there.",
        "held": "What we hold about you",
        "held-head": "| kind | what | kept for |\n| --- | --- | --- |",
        "months": "{months} months after {after}",
        "years": "{years} years after {after}",
        "why": "Why, and on which ground",
        "why-head": "| purpose | ground | of these kinds | for whom |\n| --- | --- | --- | --- |",
        "sensitive": "Sensitive among it: {columns}.",
        "others": "Whom we hand data to",
        "other": "- {recipient}, {country}: {purpose}; {mechanism}",
        "nobody": "Nobody outside, as far as is on record.",
        "none": "no safeguard on record",
        "automated": "Decisions by machine",
        "automated-said": "Where a decision about you is made by machine, you may ask for a person "
        "to look at it, for the reasons, and object.",
        "rights": "What you can ask for",
        "rights-said": "- a copy of all we hold about you, also in a machine-readable form\n"
        "- correction of what is wrong\n- erasure, as far as no law obliges us to keep it\n"
        "- restriction, or that we stop a use you object to\n- to take a consent back, as easily "
        "as you gave it\n\nWe answer within the time the law gives: within a month under the GDPR, "
        "in time under China's Personal Information Protection Law.",
        "ask": "Whom to ask",
        "ask-said": "{contact}. You may also complain to a supervisory authority.",
        "no-contact": "[contact to be filled in]",
        "advice": "This notice is generated; it is no legal advice. Have it reviewed before you "
        "publish it.",
    },
    "zh": {
        "title": "{controller}隐私告知书",
        "made": "截至 {day}，依据数据目录 {hash} 生成，列出全部已声明的内容。",
        "held": "我们持有您的哪些信息",
        "held-head": "| 种类 | 内容 | 保存期限 |\n| --- | --- | --- |",
        "months": "{after}后 {months} 个月",
        "years": "{after}后 {years} 年",
        "why": "处理目的与依据",
        "why-head": "| 目的 | 依据 | 涉及种类 | 使用部门 |\n| --- | --- | --- | --- |",
        "sensitive": "其中的敏感信息：{columns}。",
        "others": "我们向谁提供信息",
        "other": "- {recipient}，{country}：{purpose}；{mechanism}",
        "nobody": "据现有记录，未向外部提供。",
        "none": "尚无保障机制的记录",
        "automated": "自动化决策",
        "automated-said": "如果通过自动化方式作出对您有重大影响的决定，"
        "您有权要求说明、要求人工处理并予以拒绝。",
        "rights": "您的权利",
        "rights-said": "- 查阅、复制我们持有的您的信息，包括以机器可读形式转移\n"
        "- 更正、补充不准确的信息\n"
        "- 在法律不要求保存的范围内删除\n- 限制或者拒绝处理\n- 随时撤回同意，撤回与同意同样便捷\n\n"
        "我们在法定期限内答复：依 GDPR 一个月内；依《个人信息保护法》及时处理。",
        "ask": "联系方式",
        "ask-said": "{contact}。您也可以向监管机构投诉。",
        "no-contact": "〔请填写联系方式〕",
        "advice": "本告知书由系统生成，不构成法律意见，发布前请审阅。",
    },
}


def privacy_notice(
    catalog: Catalog,
    *,
    lang: str,
    controller: str,
    contact: str,
    today: dt.date,
    transfers: list[Mapping[str, Any]] | None = None,
    say: Callable[[str], str] = str,
) -> str:
    """Return the notice as Markdown.

    Parameters
    ----------
    catalog : Catalog
    lang : {"en", "zh"}
    controller, contact : str
    today : date
        Purposes that expired before are left out: nothing is read for them.
    transfers : list of mapping, optional
        Recipient, country, purpose, mechanism of each transfer that has not ended.
    say : callable
        From a word of the catalog to the same in the language.
    """
    if lang not in LANGUAGES:
        raise UnknownName("language of notices", lang, LANGUAGES)
    text = _TEXT[lang]
    parts = [
        f"# {text['title'].format(controller=say(controller))}",
        text["made"].format(day=today.isoformat(), hash=catalog.hash[:12]),
        f"## {text['held']}\n\n{text['held-head']}\n{_held(catalog, lang, say)}",
        _sensitive(catalog, text, say),
        f"## {text['why']}\n\n{text['why-head']}\n{_why(catalog, lang, today, say)}",
        f"## {text['others']}\n\n{_others(catalog, transfers or [], text, say)}",
    ]
    if _decides(catalog):
        parts.append(f"## {text['automated']}\n\n{text['automated-said']}")
    parts += [
        f"## {text['rights']}\n\n{text['rights-said']}",
        f"## {text['ask']}\n\n"
        + text["ask-said"].format(contact=say(contact) if contact else text["no-contact"]),
        f"*{text['advice']}*",
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _held(catalog: Catalog, lang: str, say: Callable[[str], str]) -> str:
    lines = []
    joined = ", " if lang == "en" else "、"
    for table in catalog.tables.values():
        if table.operational:
            continue
        titles = [
            say(column.title or name.replace("_", " "))
            for name, column in table.columns.items()
            if name != table.subject_key
        ]
        after = table.columns.get(table.retention.after)
        event = (after.title if after and after.title else table.retention.after).lower()
        months = table.retention.months
        whole = months % 12 == 0
        kept = _TEXT[lang]["years" if whole else "months"].format(
            years=months // 12, months=months, after=say(event)
        )
        colon = ": " if lang == "en" else "："
        what = f"{say(table.title)}{colon}{joined.join(titles)}"
        lines.append(f"| {word(KINDS, table.kind, lang)} | {what} | {kept} |")
    return "\n".join(lines)


def _sensitive(catalog: Catalog, text: Mapping[str, str], say: Callable[[str], str]) -> str:
    titles = {
        say(column.title or name.replace("_", " "))
        for table in catalog.tables.values()
        if not table.operational
        for name, column in table.columns.items()
        if column.sensitivity == "sensitive"
    }
    joined = "、" if text is _TEXT["zh"] else ", "
    return text["sensitive"].format(columns=joined.join(sorted(titles))) if titles else ""


def _why(catalog: Catalog, lang: str, today: dt.date, say: Callable[[str], str]) -> str:
    lines = []
    joined = "; " if lang == "en" else "；"
    for name, purpose in catalog.purposes.items():
        kinds = {
            table.kind
            for table_name, table in catalog.tables.items()
            if not table.operational and catalog.columns_for(table_name, name)
        }
        if purpose.expires < today or not kinds:
            continue
        order = [word(KINDS, kind, lang) for kind in KINDS if kind in kinds]
        lines.append(
            f"| {say(purpose.title)} | {word(BASES, purpose.basis, lang)} | "
            f"{joined.join(order)} | {say(purpose.audience)} |"
        )
    return "\n".join(lines)


def _others(
    catalog: Catalog,
    transfers: list[Mapping[str, Any]],
    text: Mapping[str, str],
    say: Callable[[str], str],
) -> str:
    lines = []
    for each in transfers:
        purpose = catalog.purposes.get(str(each["purpose"]))
        lines.append(
            text["other"].format(
                recipient=say(str(each["recipient"])),
                country=say(str(each["country"])),
                purpose=say(purpose.title if purpose else str(each["purpose"])),
                mechanism=say(str(each["mechanism"])) if each["mechanism"] else text["none"],
            )
        )
    return "\n".join(lines) or text["nobody"]


def _decides(catalog: Catalog) -> bool:
    return any(
        column.role == "target"
        for table in catalog.tables.values()
        for column in table.columns.values()
    )
