"""The catalog's own vocabulary in words a reader without it understands, in English and Chinese."""

from __future__ import annotations

from collections.abc import Mapping

LANGUAGES = ("en", "zh")

KINDS: Mapping[str, tuple[str, str]] = {
    "identity": ("who you are: name, contact, numbers", "身份信息：姓名、联系方式、证件与账号"),
    "transactions": ("what you bought, paid or agreed with us", "交易与合同信息"),
    "usage": ("how you use our services", "服务使用信息"),
    "feedback": ("what you told us, and how you answered us", "反馈与回应信息"),
    "linked": ("what others supplied about you", "外部来源的关联信息"),
}
BASES: Mapping[str, tuple[str, str]] = {
    "consent": ("you agreed; you can take it back at any time", "您的同意，可随时撤回"),
    "contract": ("it is needed for our contract with you", "订立和履行合同所必需"),
    "legal obligation": ("the law obliges us", "履行法定义务所必需"),
    "vital interests": ("it protects somebody's life or health", "保护自然人的生命健康"),
    "public task": ("it is needed for a task in the public interest", "为公共利益履行职责"),
    "legitimate interests": (
        "we have a legitimate interest that yours do not outweigh",
        "我们的合法利益且不损害您的权益（在中国须另有法定依据）",
    ),
}


def word(words: Mapping[str, tuple[str, str]], key: str, lang: str) -> str:
    """Return one word of the catalog in a language; itself where it has no translation."""
    return words[key][LANGUAGES.index(lang)] if key in words else key
