"""The answer to a request of access as a letter: what is held, for what, from where, which rights.

Regulation (EU) 2016/679, article 15(1). It has no values: the copy of the data is the export.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from workbench.errors import InputError, StorageError, UnknownName
from workbench.lifecycle.notices import TEXT
from workbench.lifecycle.office import Office
from workbench.lifecycle.subjects import HeldTable
from workbench.lifecycle.words import BASES, KINDS, LANGUAGES, word
from workbench.store.published_files import require_outside

_WORDS: Mapping[str, Mapping[str, str]] = {
    "en": {
        "title": "What we hold about you",
        "made": "As of {day}. You asked what we hold about you; this is the answer.",
        "rows": "{rows:,} records of this kind: {columns}.",
        "source": "Where they come from: {source}.",
        "kept": "How long: {months} months, counted from {after}.",
        "for": "Used for:",
        "none": "Used for nothing at present.",
        "purpose": "- {title}: {basis}. Received by: {recipients}.",
        "restricted": " Not used for this now: you restricted it.",
        "objected": " Not used for this now: you objected to it.",
        "aside": "{rows:,} lines that came in with faults are held back from every use.",
        "copy": "A copy of the data itself is handed over separately.",
        "colon": ", ",
    },
    "zh": {
        "title": "我们持有的关于您的个人信息",
        "made": "截至 {day}。您询问我们持有您的哪些信息，现答复如下。",
        "rows": "此类记录 {rows:,} 条，包括：{columns}。",
        "source": "来源：{source}。",
        "kept": "保存期限：自 {after} 起 {months} 个月。",
        "for": "用于：",
        "none": "目前未作任何使用。",
        "purpose": "- {title}：{basis}。接收方：{recipients}。",
        "restricted": " 目前未用于此目的：您已要求限制处理。",
        "objected": " 目前未用于此目的：您已表示拒绝。",
        "aside": "另有 {rows:,} 行因有误而未予使用。",
        "copy": "信息副本另行提供。",
        "colon": "、",
    },
}


def letter(office: Office, found: Sequence[HeldTable], lang: str, contact: str = "") -> str:
    """Return the answer to a request of access as Markdown.

    Parameters
    ----------
    found : sequence of HeldTable
        What is held of the customer.
    lang : {"en", "zh"}
    contact : str
        Whom to ask.
    """
    if lang not in LANGUAGES:
        raise UnknownName("language of letters", lang, LANGUAGES)
    say, rights = _WORDS[lang], TEXT[lang]
    parts = [f"# {say['title']}", office.settings.title, say["made"].format(day=office.now.date())]
    for each in found:
        table = office.catalog.tables[each.table]
        columns = say["colon"].join(c.title or name for name, c in table.columns.items())
        parts += [
            f"## {each.title}",
            word(KINDS, each.kind, lang),
            say["rows"].format(rows=each.rows, columns=columns),
            say["source"].format(source=each.source),
            say["kept"].format(months=table.retention.months, after=table.retention.after),
        ]
        lines = []
        for purpose in each.purposes.values():
            basis = word(BASES, purpose["basis"], lang)
            line = say["purpose"].format_map({**purpose, "basis": basis})
            lines.append(line + "".join(say[w] for w in purpose.get("left out", "").split()))
        parts.append("\n".join([say["for"], *lines]) if lines else say["none"])
        if each.kept_aside:
            parts.append(say["aside"].format(rows=len(each.kept_aside)))
    asked = contact or rights["no-contact"]
    parts += [
        say["copy"],
        f"## {rights['rights']}",
        rights["rights-said"],
        f"## {rights['ask']}",
        rights["ask-said"].format(contact=asked),
    ]
    return "\n\n".join(parts) + "\n"


def require_place(office: Office, out: Path) -> Path:
    """Return where a letter is to be written; refuse a file that is there, or a folder of ours."""
    places = {name: office.settings.path(name) for name in ("private", "published")}
    target = require_outside(out, places)
    if target.exists():
        raise InputError(f"{out} is there already. Name a file that is not.")
    return target


def write_letter(target: Path, text: str) -> None:
    """Write a letter, mode 0600."""
    try:
        handle = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
    except OSError as problem:
        raise StorageError(f"{target} cannot be written: {problem.strerror}.") from None
