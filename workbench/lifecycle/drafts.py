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

# What GDPR 33(3), PIPL 57 and DSL 29 ask for: nature, numbers of people and records, cause,
# consequences, measures, contact; what is not known yet may follow (GDPR 33(4)).
_AUTHORITY = {
    "en": """\
DRAFT, not sent. Notice of a personal data incident to the authority

Provision: {provision} ({law})
Duty: {duty}
From: {controller}. Data protection officer or other contact: {contact}
Incident: {id}, "{title}"

1. What happened. {nature}. It began on {occurred} and was detected on {detected} ({zone}).
   [Cause, as far as known: …]
2. Whom and what it concerns. Customers, at most {subjects} of them; data: {kinds}; at most
   {records} records, in {reads} reads of {tables}. [Correct the numbers where more is known.]
3. Likely consequences. [ … ]
4. Measures taken and proposed. {contained} [What people can do to reduce harm: …]
5. {delay}

No legal advice is claimed; check the provision's wording before sending.
""",
    "zh": """\
草稿，尚未发送。向主管部门报告个人信息安全事件

依据：{provision}（{law}）
义务：{duty}
报告单位：{controller}。个人信息保护负责人或其他联系方式：{contact}
事件：{id}，“{title}”

一、事件经过。类型：{nature}。发生于 {occurred}，发现于 {detected}（{zone}）。
    〔已知原因：……〕
二、涉及范围。客户，至多 {subjects} 人；信息种类：{kinds}；至多 {records} 条记录，
    对 {tables} 的读取 {reads} 次。〔如有更多了解请更正〕
三、可能造成的危害。〔……〕
四、已采取和拟采取的措施。{contained}〔个人可以采取的减轻危害的措施：……〕
五、{delay}

本稿不构成法律意见；发送前请核对条文原文。
""",
}
# What CIRM 7 asks for: its first two points at once, the rest as it becomes known.
_REPORT = {
    "en": """\
DRAFT, not sent. Report of a cybersecurity incident

Provision: {provision} ({law})
Duty: {duty}
Incident: {id}, "{title}"

1. Organisation and systems. {controller}; contact: {contact}; tables: {tables}. [System concerned,
   where it runs: …]
2. What is known. Detected on {detected} ({zone}), began on {occurred}. Type: {nature}.
   Level: {level} At most {subjects} people; data: {kinds}. [Other effects so far: …] Measures
   taken, and what they did: {contained}
3. How it may go on, and further harm. [ … ]
4. First finding on the cause. [ … ]
5. Leads for tracing it. [ … ]
6. Further measures, and help that is asked for. [ … ]

Points 3 to 6 may follow where they are not known in time. Report a suspected crime to the police.
No legal advice is claimed; check the provision's wording before sending.
""",
    "zh": """\
草稿，尚未发送。网络安全事件报告

依据：{provision}（{law}）
义务：{duty}
事件：{id}，“{title}”

一、涉事单位和系统。{controller}；联系方式：{contact}；数据表：{tables}。〔涉事系统及其所在：……〕
二、已知情况。发现于 {detected}，发生于 {occurred}（{zone}）。类型：{nature}。级别：{level}
    至多 {subjects} 人；信息种类：{kinds}。〔已造成的其他影响：……〕已采取的措施及效果：{contained}
三、发展趋势和可能进一步造成的危害。〔……〕
四、原因初步分析。〔……〕
五、溯源调查线索。〔……〕
六、拟进一步采取的措施和请求支援事项。〔……〕

规定时间内不能判定的，第三至六项可及时补报。涉嫌违法犯罪的，及时向公安机关报案。
本稿不构成法律意见；发送前请核对条文原文。
""",
}
# What CIRM 8 asks for.
_CLOSING = {
    "en": """\
DRAFT, not sent. Closing report of a cybersecurity incident

Provision: {provision} ({law})
Duty: {duty}
From: {controller}. Contact: {contact}
Incident: {id}, "{title}". {nature}, from {occurred}, detected on {detected} ({zone}).

1. Cause. [ … ]
2. Emergency measures. {contained} [ … ]
3. Harm done. At most {subjects} people; data: {kinds}. [ … ]
4. Responsibility. [ … ]
5. Correction. [ … ]
6. Lessons. {lessons}

No legal advice is claimed; check the provision's wording before sending.
""",
    "zh": """\
草稿，尚未发送。网络安全事件处置总结报告

依据：{provision}（{law}）
义务：{duty}
报告单位：{controller}。联系方式：{contact}
事件：{id}，“{title}”。{nature}，发生于 {occurred}，发现于 {detected}（{zone}）。

一、发生原因。〔……〕
二、应急处置措施。{contained}〔……〕
三、造成的危害。至多 {subjects} 人；信息种类：{kinds}。〔……〕
四、责任追究。〔……〕
五、完善整改情况。〔……〕
六、教训。{lessons}

本稿不构成法律意见；发送前请核对条文原文。
""",
}
# What GDPR 34(2) and PIPL 57 ask for: nature, kinds, cause, consequences, measures, contact.
_SUBJECTS = {
    "en": """\
DRAFT, not sent. To the people concerned

What happened. On {detected} we found out about an incident with our data: {nature}. [Why it
happened, as far as known: …]
Your data of these kinds may be concerned: {kinds}.
What it may mean for you. [ … ]
What we have done. {contained} [And what we are going to do: …]
What you can do. [Watch your statements; change a password you use elsewhere; beware of calls that
name this incident. Adapt.]
Whom to ask. {controller}, data protection officer or other contact: {contact}. Please name {id}.

({provision})
""",
    "zh": """\
草稿，尚未发送。致相关个人

发生了什么。我们于 {detected} 发现一起涉及本机构数据的事件：{nature}。〔已知原因：……〕
可能涉及您的以下信息：{kinds}。
可能对您造成的影响。〔……〕
我们已采取的措施。{contained}〔拟采取的措施：……〕
您可以采取的措施。〔留意账单；更换在他处使用的相同密码；警惕提及本事件的来电。请酌情修改。〕
联系方式：{controller}，个人信息保护负责人或其他联系人：{contact}。请注明 {id}。

（{provision}）
""",
}
# The numbers of the annex to CIRM: people whose information leaked, and the level from there.
_LEVELS = (
    (100_000_000, "especially major", "特别重大"),
    (10_000_000, "major", "重大"),
    (1_000_000, "relatively major", "较大"),
)


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
    records = scope.get("records_at_most")
    late = bool(clock.hours) and now > clock.due(incident.detected_at)
    provision = clock.article if clock.checked else f"{clock.article}, {UNCHECKED[lang]}"
    return _template(clock)[lang].format(
        provision=provision,
        law=laws()[clock.law].title[lang],
        duty=clock.says[lang],
        controller=controller,
        contact=contact or ("[contact]" if lang == "en" else "〔联系方式〕"),
        id=incident.id,
        title=incident.title,
        nature=_NATURE[incident.nature][at],
        occurred=_occurred(incident, lang),
        zone=_zone(incident.detected_at, lang),
        detected=f"{incident.detected_at:%Y-%m-%d %H:%M}",
        subjects=blank if subjects is None else f"{subjects:,}",
        kinds=joined.join(_KIND[kind][at] for kind in scope.get("kinds", ())) or blank,
        records=blank if records is None else f"{records:,}",
        level=_level(subjects, lang),
        lessons=joined.join(incident.lessons) or ("[ … ]" if lang == "en" else "〔……〕"),
        reads=f"{scope['reads']:,}" if scope else blank,
        tables=joined.join(scope.get("tables", ())) or blank,
        contained=_contained(incident, lang),
        delay=_delay(late, lang),
    )


def _template(clock: Clock) -> dict[str, str]:
    if clock.to != "authority":
        return _SUBJECTS
    if clock.law != "CIRM":
        return _AUTHORITY
    return _CLOSING if clock.start == "closing" else _REPORT


def _level(subjects: int | None, lang: str) -> str:
    """Return the level the number of people alone would give, for a person to check."""
    at = LANGUAGES.index(lang)
    for least, *names in _LEVELS:
        if subjects is not None and subjects >= least:
            number = f"{least:,}"
            return (
                f"{names[at]}, from {number} people. [Check the annex.]"
                if lang == "en"
                else f"{names[at]}（{number} 人以上）。〔请对照分级指南核对〕"
            )
    return "[by the annex: …]" if lang == "en" else "〔对照分级指南：……〕"


def _occurred(incident: Incident, lang: str) -> str:
    """Return when it began, if somebody said so; else what the log has to it."""
    if incident.occurred_at is not None:
        return f"{incident.occurred_at:%Y-%m-%d %H:%M}"
    first = (incident.scope or {}).get("first")
    if first is None:
        return "[not known]" if lang == "en" else "〔尚不清楚〕"
    at = f"{dt.datetime.fromisoformat(first):%Y-%m-%d %H:%M}"
    return (
        f"[not known; first read or attempt in its scope: {at}]"
        if lang == "en"
        else f"〔尚不清楚；其范围内最早的读取或尝试：{at}〕"
    )


def _contained(incident: Incident, lang: str) -> str:
    if incident.contained_at is None:
        return "[Not contained yet: …]" if lang == "en" else "〔尚未控制：……〕"
    when, zone = f"{incident.contained_at:%Y-%m-%d %H:%M}", _zone(incident.contained_at, lang)
    return f"Contained on {when} ({zone})." if lang == "en" else f"已于 {when}（{zone}）控制。"


def _zone(at: dt.datetime, lang: str) -> str:
    """Return the name of a time's zone: UTC, or how far it is from it."""
    return f"{at:%Z}".replace("UTC", "UTC" if lang == "en" else "协调世界时")


def _delay(late: bool, lang: str) -> str:
    if late:
        return "Reasons for the delay. [ … ]" if lang == "en" else "迟报原因。〔……〕"
    return "Further information follows in phases." if lang == "en" else "后续情况将分阶段补报。"
