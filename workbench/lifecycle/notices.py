"""The plain-language privacy notice, from the catalog: what is held, why, how long, whom to ask.

It has a place for everything that GDPR 13-14 and PIPL 17, 23, 30 and 39 ask for. What the catalog
cannot know stands in brackets, for a person to write before it is published.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from typing import Any

from workbench.catalog import Catalog
from workbench.errors import UnknownName
from workbench.lifecycle.words import BASES, KINDS, LANGUAGES, word

TEXT: Mapping[str, Mapping[str, str]] = {
    "en": {
        "title": "Privacy notice of {controller}",
        "made": "As of {day}, from the data dictionary {hash}, with all that is declared there.",
        "who": "Who we are",
        "who-said": "{controller}, {contact}. [Data protection officer, and representative, where "
        "there are any: name and contact.]",
        "held": "What we hold about you",
        "held-head": "| kind | what | kept for |\n| --- | --- | --- |",
        "months": "{months} months after {after}",
        "years": "{years} years after {after}",
        "then": "After that it is deleted, unless a law or a dispute obliges us to keep it.",
        "from": "From others we have: {tables}. [From whom, and whether that source is public.]",
        "must": "[What of it the law or a contract asks you to give us, and what follows if you do "
        "not.]",
        "why": "Why, and on which ground",
        "why-head": "| purpose | ground | of these kinds | for whom |\n| --- | --- | --- | --- |",
        "interest": "Where the ground is a legitimate interest of ours, it is the purpose in the "
        "same line, and you may object.",
        "how": "How we work with it",
        "how-said": "By computer, in encrypted files. A purpose opens what it needs and nothing "
        "else, under pseudonyms, and every opening is recorded. Reports show groups, with noise "
        "that protects each person.",
        "sensitive": "Sensitive among it: {columns}. [Why each is needed, and what it may mean for "
        "you.]",
        "others": "Whom we hand data to",
        "other": "- {recipient}, {country}: {purpose}; {mechanism}; {kinds}",
        "others-said": "[Contact of each of them, what they do with it, and where a copy of the "
        "safeguards can be had.]",
        "nobody": "Nobody outside, as far as is on record.",
        "none": "no safeguard on record",
        "kinds-unknown": "[kinds of data]",
        "automated": "Decisions by machine",
        "automated-said": "Where a decision about you is made by machine, you may ask for a person "
        "to look at it, for the reasons, and object. [How it is made, and what it may lead to for "
        "you.]",
        "rights": "What you can ask for",
        "rights-said": "- a copy of all we hold about you, also in a machine-readable form\n"
        "- correction of what is wrong\n- erasure, as far as no law obliges us to keep it\n"
        "- restriction, or that we stop a use you object to\n- to take a consent back, as easily "
        "as you gave it; what was done before stays lawful\n- an explanation of these rules\n\n"
        "Write to the contact below and say what you ask for. We check who you are first. We "
        "answer within the time the law gives: within a month under the GDPR, in time under "
        "China's Personal Information Protection Law. If we refuse, we say why.",
        "ask": "Whom to ask",
        "ask-said": "{contact}. You may also complain to a supervisory authority, and go to court.",
        "no-contact": "[contact to be filled in]",
        "advice": "This notice is generated; it is no legal advice. Have it reviewed before you "
        "publish it.",
    },
    "zh": {
        "title": "{controller}隐私告知书",
        "made": "截至 {day}，依据数据目录 {hash} 生成，列出全部已声明的内容。",
        "who": "我们是谁",
        "who-said": "{controller}，{contact}。"
        "〔个人信息保护负责人及境内代表（如有）的姓名和联系方式〕",
        "held": "我们持有您的哪些信息",
        "held-head": "| 种类 | 内容 | 保存期限 |\n| --- | --- | --- |",
        "months": "{after}后 {months} 个月",
        "years": "{after}后 {years} 年",
        "then": "到期后删除，法律或者争议要求继续保存的除外。",
        "from": "来自他人的有：{tables}。〔来源及其是否公开〕",
        "must": "〔其中哪些是依法律或者合同须由您提供的，以及不提供的后果〕",
        "why": "处理目的与依据",
        "why-head": "| 目的 | 依据 | 涉及种类 | 使用部门 |\n| --- | --- | --- | --- |",
        "interest": "以合法利益为依据的，该利益即同一行所列目的，您可以拒绝。",
        "how": "处理方式",
        "how-said": "由计算机处理。文件加密存储；各目的只以化名读取其所需的信息，每次读取均有记录；"
        "报告只展示群体数据，并加入噪声以保护每个人。",
        "sensitive": "其中的敏感信息：{columns}。〔处理的必要性以及对您权益的影响〕",
        "others": "我们向谁提供信息",
        "other": "- {recipient}，{country}：{purpose}；{mechanism}；{kinds}",
        "others-said": "〔各接收方的联系方式、处理方式，向其行使权利的方式和程序，"
        "以及保障文件副本的获取途径〕",
        "nobody": "据现有记录，未向外部提供。",
        "none": "尚无保障机制的记录",
        "kinds-unknown": "〔信息种类〕",
        "automated": "自动化决策",
        "automated-said": "如果通过自动化方式作出对您有重大影响的决定，"
        "您有权要求说明、要求人工处理并予以拒绝。〔决定的方式及其可能对您产生的影响〕",
        "rights": "您的权利",
        "rights-said": "- 查阅、复制我们持有的您的信息，包括以机器可读形式转移\n"
        "- 更正、补充不准确的信息\n"
        "- 在法律不要求保存的范围内删除\n- 限制或者拒绝处理\n- 随时撤回同意，撤回与同意同样便捷，"
        "不影响此前已进行的处理\n- 要求对本规则作出解释说明\n\n"
        "请通过下列联系方式提出您的请求。我们先核验您的身份，并在法定期限内答复：依 GDPR 一个月内；"
        "依《个人信息保护法》及时处理。拒绝请求的，我们说明理由。",
        "ask": "联系方式",
        "ask-said": "{contact}。您也可以向监管机构投诉，或者依法提起诉讼。",
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
    text = TEXT[lang]
    asked = say(contact) if contact else text["no-contact"]
    present = {n: each for n, each in catalog.purposes.items() if each.expires >= today}
    parts = [
        f"# {text['title'].format(controller=say(controller))}",
        text["made"].format(day=today.isoformat(), hash=catalog.hash[:12]),
        f"## {text['who']}\n\n"
        + text["who-said"].format(controller=say(controller), contact=asked),
        f"## {text['held']}\n\n{text['held-head']}\n{_held(catalog, lang, say)}",
        text["then"],
        _sensitive(catalog, text, say),
        _from_others(catalog, lang, say),
        text["must"],
        f"## {text['why']}\n\n{text['why-head']}\n{_why(catalog, lang, today, say)}",
    ]
    if any(purpose.basis == "legitimate interests" for purpose in present.values()):
        parts.append(text["interest"])
    parts += [
        f"## {text['how']}\n\n{text['how-said']}",
        f"## {text['others']}\n\n{_others(catalog, transfers or [], lang, say)}",
    ]
    if transfers:
        parts.append(text["others-said"])
    if _decides(catalog):
        parts.append(f"## {text['automated']}\n\n{text['automated-said']}")
    parts += [
        f"## {text['rights']}\n\n{text['rights-said']}",
        f"## {text['ask']}\n\n" + text["ask-said"].format(contact=asked),
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
        kept = TEXT[lang]["years" if whole else "months"].format(
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
    joined = "、" if text is TEXT["zh"] else ", "
    return text["sensitive"].format(columns=joined.join(sorted(titles))) if titles else ""


def _from_others(catalog: Catalog, lang: str, say: Callable[[str], str]) -> str:
    titles = [
        say(table.title)
        for table in catalog.tables.values()
        if not table.operational and table.kind == "linked"
    ]
    joined = ", " if lang == "en" else "、"
    return TEXT[lang]["from"].format(tables=joined.join(titles)) if titles else ""


def _why(catalog: Catalog, lang: str, today: dt.date, say: Callable[[str], str]) -> str:
    lines = []
    for name, purpose in catalog.purposes.items():
        kinds = _kinds(catalog, name, lang)
        if purpose.expires < today or not kinds:
            continue
        lines.append(
            f"| {say(purpose.title)} | {word(BASES, purpose.basis, lang)} | "
            f"{kinds} | {say(purpose.audience)} |"
        )
    return "\n".join(lines)


def _kinds(catalog: Catalog, purpose: str, lang: str) -> str:
    """Return which kinds of data about customers a purpose may read; empty for none."""
    kinds = {
        table.kind
        for name, table in catalog.tables.items()
        if not table.operational and catalog.columns_for(name, purpose)
    }
    joined = "; " if lang == "en" else "；"
    return joined.join(word(KINDS, kind, lang) for kind in KINDS if kind in kinds)


def _others(
    catalog: Catalog,
    transfers: list[Mapping[str, Any]],
    lang: str,
    say: Callable[[str], str],
) -> str:
    text = TEXT[lang]
    lines = []
    for each in transfers:
        name = str(each["purpose"])
        purpose = catalog.purposes.get(name)
        lines.append(
            text["other"].format(
                recipient=say(str(each["recipient"])),
                country=say(str(each["country"])),
                purpose=say(purpose.title if purpose else name),
                mechanism=say(str(each["mechanism"])) if each["mechanism"] else text["none"],
                kinds=_kinds(catalog, name, lang) if purpose else text["kinds-unknown"],
            )
        )
    return "\n".join(lines) or text["nobody"]


def _decides(catalog: Catalog) -> bool:
    return any(
        column.role == "target"
        for table in catalog.tables.values()
        for column in table.columns.values()
    )
