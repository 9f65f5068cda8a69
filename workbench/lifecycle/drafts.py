"""Drafts of notices about an incident, to the authority and to the people, in English and Chinese.

A draft says what the register knows and leaves in brackets what a person must write or check. It is
a draft: nobody is notified by it, and no legal advice is claimed.
"""

from __future__ import annotations

import datetime as dt

from workbench.errors import UnknownName
from workbench.lifecycle.incidents import Incident
from workbench.lifecycle.law import UNCHECKED, Clock, laws

LANGUAGES = ("en", "zh")
_NATURE = {
    "leak": ("disclosure of or access to data without permission", "泄露或未经授权的访问"),
    "tampering": ("unauthorised change of data", "篡改"),
    "loss": ("loss of data", "丢失"),
}
_KIND = {
    "identity": ("identity data", "身份信息"),
    "transactions": ("transactions", "交易信息"),
    "usage": ("use of services", "服务使用信息"),
    "feedback": ("feedback", "反馈信息"),
    "linked": ("data from other sources", "外部关联信息"),
    "operational": ("the organisation's own records", "机构自身记录"),
}

_AUTHORITY = {
    "en": """\
DRAFT, not sent. Notice of a personal data incident to the authority

Provision: {provision} ({law})
Duty: {duty}
From: {controller}. Contact: {contact}
Incident: {id}, "{title}"

1. What happened. {nature}. It began on {occurred} and was detected on {detected} (UTC).
   [Cause, as far as known: …]
2. Whom and what it concerns. At most {subjects} people; data: {kinds}; approximately {reads} reads
   of {tables}. [Correct the numbers where more is known.]
3. Likely consequences. [ … ]
4. Measures taken and proposed. {contained} [What people can do to reduce harm: …]
5. {delay}

No legal advice is claimed; check the provision's wording before sending.
""",
    "zh": """\
草稿，尚未发送。向主管部门报告个人信息安全事件

依据：{provision}（{law}）
义务：{duty}
报告单位：{controller}。联系方式：{contact}
事件：{id}，“{title}”

一、事件经过。类型：{nature}。发生于 {occurred}，发现于 {detected}（协调世界时）。
    〔已知原因：……〕
二、涉及范围。至多 {subjects} 人；信息种类：{kinds}；
    对 {tables} 的读取约 {reads} 次。〔如有更多了解请更正〕
三、可能造成的危害。〔……〕
四、已采取和拟采取的措施。{contained}〔个人可以采取的减轻危害的措施：……〕
五、{delay}

本稿不构成法律意见；发送前请核对条文原文。
""",
}
_SUBJECTS = {
    "en": """\
DRAFT, not sent. To the people concerned

What happened. On {detected} we found out about an incident with our data: {nature}.
Your data of these kinds may be concerned: {kinds}.
What it may mean for you. [ … ]
What we have done. {contained}
What you can do. [Watch your statements; change a password you use elsewhere; beware of calls that
name this incident. Adapt.]
Whom to ask. {controller}, {contact}. Please name {id}.

({provision})
""",
    "zh": """\
草稿，尚未发送。致相关个人

发生了什么。我们于 {detected} 发现一起涉及本机构数据的事件：{nature}。
可能涉及您的以下信息：{kinds}。
可能对您造成的影响。〔……〕
我们已采取的措施。{contained}
您可以采取的措施。〔留意账单；更换在他处使用的相同密码；警惕提及本事件的来电。请酌情修改。〕
联系方式：{controller}，{contact}。请注明 {id}。

（{provision}）
""",
}


def draft(
    incident: Incident,
    clock: Clock,
    *,
    lang: str,
    controller: str,
    contact: str,
    now: dt.datetime,
) -> str:
    """Return the draft of one notice.

    Parameters
    ----------
    clock : Clock
        One of the incident's; its ``to`` says to whom.
    lang : {"en", "zh"}
    controller, contact : str
        Who writes, and whom to ask.
    """
    if lang not in LANGUAGES:
        raise UnknownName("language of notices", lang, LANGUAGES)
    at = LANGUAGES.index(lang)
    scope = incident.scope or {}
    joined = ", " if lang == "en" else "、"
    blank = "[to be assessed]" if lang == "en" else "〔待评估〕"
    subjects = scope.get("subjects_at_most")
    late = now > clock.due(incident.detected_at) and bool(clock.hours)
    texts = _AUTHORITY if clock.to == "authority" else _SUBJECTS
    provision = clock.article if clock.checked else f"{clock.article}, {UNCHECKED[lang]}"
    return texts[lang].format(
        provision=provision,
        law=laws()[clock.law].title[lang],
        duty=clock.says[lang],
        controller=controller,
        contact=contact or ("[contact]" if lang == "en" else "〔联系方式〕"),
        id=incident.id,
        title=incident.title,
        nature=_NATURE[incident.nature][at],
        occurred=f"{incident.occurred_at:%Y-%m-%d %H:%M}",
        detected=f"{incident.detected_at:%Y-%m-%d %H:%M}",
        subjects=blank if subjects is None else f"{subjects:,}",
        kinds=joined.join(_KIND[kind][at] for kind in scope.get("kinds", ())) or blank,
        reads=f"{scope.get('reads', 0):,}",
        tables=joined.join(scope.get("tables", ())) or blank,
        contained=_contained(incident, lang),
        delay=_delay(late, lang),
    )


def _contained(incident: Incident, lang: str) -> str:
    if incident.contained_at is None:
        return "[Not contained yet: …]" if lang == "en" else "〔尚未控制：……〕"
    when = f"{incident.contained_at:%Y-%m-%d %H:%M}"
    return f"Contained on {when} (UTC)." if lang == "en" else f"已于 {when}（协调世界时）控制。"


def _delay(late: bool, lang: str) -> str:
    if late:
        return "Reasons for the delay. [ … ]" if lang == "en" else "迟报原因。〔……〕"
    return "Further information follows in phases." if lang == "en" else "后续情况将分阶段补报。"
