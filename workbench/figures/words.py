"""Words of the product's own that stand in figures, in the languages a report can be read in.

What an analyst or a catalog names is translated in the report's definition; what the product calls
things itself is translated here, and a definition may still say it otherwise.
"""

from __future__ import annotations

from collections.abc import Mapping

WORDS: Mapping[str, Mapping[str, str]] = {
    "zh": {
        "Customers": "客户数",
        "Rows": "记录数",
        "Month": "月份",
        "Weekday": "星期",
        "Monday": "星期一",
        "Tuesday": "星期二",
        "Wednesday": "星期三",
        "Thursday": "星期四",
        "Friday": "星期五",
        "Saturday": "星期六",
        "Sunday": "星期日",
        "Other": "其他",
        "None of these": "以上皆非",
        "Persona": "客户类型",
        "Segment": "分群",
        "Cohort by month": "按月分组",
        "Cohort by quarter": "按季度分组",
        "Cohort by year": "按年分组",
        "Customers, by tenths": "客户（十等份）",
        "top 10 %": "前 10%",
        "Days with a row": "有记录的天数",
        "Days since the last row": "距最近一条记录的天数",
        "Customers with both": "两者兼有的客户数",
        "Of the first, have both": "前者中两者兼有的占比",
        "Times as often as by chance": "相对偶然的倍数",
        "Share": "占比",
        "Change": "变化",
        "Stability": "稳定性",
        "Responses, treated – control": "响应率之差（联系组减对照组）",
        "not known": "未知",
        "yes": "是",
        "no": "否",
    },
}
# How one title is made of others: what stands between them, or after one.
JOINED = (" × ", " + ", " – ", " / ")
OF_A_CUSTOMER = {"zh": "每位客户的{title}"}
