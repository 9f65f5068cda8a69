"""A workspace on one's own data: the catalog drafted from what its files are found to hold.

What a column is called, of which type it is and how it is written is found by looking. Bounds and
domains never are: they stand as questions, each with what the field would choose and why, and a
catalog with a question left is refused.
"""

from __future__ import annotations

import json
import re
import shutil
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from workbench.catalog import UNANSWERED
from workbench.errors import InputError, SourceError
from workbench.estates.looking import (
    Looked,
    Seen,
    database_tables,
    joined,
    look_at,
    with_row_as_customer,
)
from workbench.estates.starter import GROUPS_MOST, write_first_reports

_SUFFIXES = (".csv", ".xlsx", ".parquet")
_CUSTOMER = re.compile(
    r"^(.*_)?(customer|client|consumer|member|household|subscriber|buyer|user|patient|person|"
    r"kunden?|mitglied)(_?(id|no|nr|nummer|number|key|code|num))?$|客户|会员|用户"
)
_DIRECT = re.compile(
    r"^(full_?|first_?|last_?|given_?|sur_?|family_?|customer_?)?name$|e_?mail|phone|mobile|"
    r"address|street|iban|passport|姓名|电话|手机|邮箱|地址|身份证"
)
_TIME = re.compile(r"date|time|day|month|datum|when|booked|日期|时间")
_AMOUNT = re.compile(
    r"amount|total|sales|revenue|turnover|spen[dt]|paid|betrag|umsatz|summe|金额|总价"
)
_QUANTITY = re.compile(r"^(quantity|qty|units?|menge|anzahl|数量)$")
_PRICE = re.compile(r"^(unit_?price|price|preis|单价|价格)$")
_IDENTIFIER = re.compile(r"(^|_)(id|no|nr|number|code|key)$")
_ROW = "row"  # as --customer: every row is a customer
_SETTINGS = """\
# The workspace on your data. Paths are relative to this file; put it where few may read.
title = {title}
catalog = "catalog.yaml"
source = "data"
notebooks = "notebooks"
reports = "reports"
published = "reports/published"
private = ".workbench"
"""
_HEAD = """\
# Drafted by looking at {files}. Names, types and how values are written were found in the files.
# Bounds and domains were not, and never are: what is read off the data tells of the customers in
# it. Each "?" is a question to you. Above it stands what the field would choose, and why; put your
# answer in its place. 'workbench check' names what is left.
version: 1
title: {title}

privacy:
  unit: customer
  key: customer_id
  delta: 1e-6
  limits: {{month: 2, year: 8, lifetime: 24}}  # epsilon; usual ones, yours to lower

purposes:
  reporting:
    title: Aggregate reporting to management
    basis: legitimate interests  # confirm it with whoever answers for data protection
    audience: management
    expires: 2031-12-31

tables:
"""
_DOMAIN = """\
      # The values it can have, from your own lists and not from this file. The field would list the
      # few that are large enough to say something about, and give all others one name:
      # domain: [Germany, France], and below it rest: Elsewhere. Or delete the line: then nothing is
      # grouped by it."""
_LADDER = """\
        # What one customer's total counts for at most in a cell, such as a month. The field would
        # choose bounds that grow, {{ladder: [400, 3200]{more}}}: the first is what a good customer
        # reaches by your price list, the last eight times that, which nearly nobody exceeds.
        # Too small cuts large customers' totals, too large adds noise.{why}"""
_RETENTION = """\
    # For how many months is a row kept? The field would choose 84, by the usual duty to keep
    # accounts; where no law asks for that, 24 to 36. 'retention apply' goes by it."""
_CONTRIBUTION = """\
    # The most one customer may add to an answer. The field would choose {choice}: cells, such as
    # months, that a customer is in, and rows within one. Beyond, a customer is scaled down."""
_BOUNDS = """\
        # From which day to which can rows be? The field would choose the day you began to keep
        # them and the end of next year: [2020-01-01, 2027-12-31]. Days outside are faults."""
_NOBODY = """\
    # Some rows have no customer (guests, cash). They are in no private figure. The field would
    # choose tell: they are kept, and every page says how many it leaves out. The number is exact,
    # for it tells of nobody. keep: pages say so without a number. null: ingest sets them aside."""
_SUBJECT = """\
    # Which column says whose row it is? None looks like it. Run 'workbench new' again with
    # --customer COLUMN, or --customer row where every row is a customer of its own. Are the rows
    # about no customer at all (a list of products), write operational: true in place of this line
    # and delete contribution:."""


@dataclass
class Drafted:
    """One table as it was drafted, and what is to be said of it."""

    name: str
    looked: Looked
    names: dict[str, str] = field(default_factory=dict)
    roles: dict[str, str] = field(default_factory=dict)
    customer: str | None = None
    time: str | None = None
    amount: str | None = None
    computed: str | None = None
    groups: list[str] = field(default_factory=list)
    nobodys: int = 0

    @property
    def load(self) -> str:
        """The command that loads it first: `init` takes whole files, `ingest` good rows only."""
        if not (self.looked.misfits or self.looked.unreadable):
            return "init"
        return f"ingest {self.name} {self.looked.path}"

    def said(self) -> list[str]:
        """Return what was found, in words."""
        found, written = self.looked, dict(self.looked.format)
        how = ", ".join(f"{key.replace('_', ' ')} {value}" for key, value in written.items())
        lines = [f"{found.path.name}: {found.rows:,} rows, table '{self.name}'" + (
            f"; {how}" if how else "; UTF-8, plain days and numbers")]  # fmt: skip  # why: one line
        for each in found.columns:
            name = self.names[each.header]
            called = f"{each.header} → {name}" if each.header != name else name
            kind = each.type + (f", {each.scale} decimals" if each.scale else "")
            role = self.roles.get(name, "")
            odd = f"; {each.misfits:,} values are not" if each.misfits else ""
            what = "; ".join(filter(None, [kind + odd, role, each.looks and f"holds {each.looks}"]))
            lines.append(f"  {called}: {what}")
        if self.computed:
            lines.append(f"  {self.amount}: money; computed: {self.computed}")
        if self.nobodys:
            share = self.nobodys / found.rows
            lines.append(f"  {self.nobodys:,} rows have no customer ({share:.0%})")
        if self.customer is None:
            lines.append("  no column looks like the customer: see the question, or --customer")
        if found.unreadable:
            lines.append(f"  {found.unreadable:,} lines are no rows: too many or few fields")
        for key, value in found.ambiguous.items():
            lines.append(f"  {key.replace('_', ' ')} is open: {value}; a question in the catalog")
        return lines


def new_workspace(
    folder: Path, sources: Sequence[str], customer: str | None = None
) -> list[Drafted]:
    """Write a workspace with a drafted catalog for files of one's own; return what was found.

    Files are copied into its ``data`` folder, which only their owner may read.

    Parameters
    ----------
    sources : sequence of str
        Files (CSV, Excel, Parquet), folders of them, or addresses of databases.
    customer : str, optional
        The column that says whose row it is, as the files call it; ``row``: every row is one's own.

    Raises
    ------
    InputError
        The folder is in use, or there is nothing to read.
    SourceError
        A file cannot be read.
    """
    if folder.exists() and any(folder.iterdir()):
        raise InputError(f"{folder} is there already. Name another one; nothing was written.")
    made = not folder.exists()
    data = folder / "data"
    try:
        data.mkdir(parents=True, mode=0o700)
        tables = _tables(_copies(data, sources, customer), customer)
    except BaseException:
        shutil.rmtree(folder if made else data, ignore_errors=True)
        raise
    title = folder.name.replace("_", " ").replace("-", " ").capitalize()
    files = ", ".join(each.looked.path.name for each in tables)
    body = "\n".join(_table(each) for each in tables)
    text = _HEAD.format(files=files, title=json.dumps(title, ensure_ascii=False)) + body
    (folder / "catalog.yaml").write_text(text, encoding="utf-8")
    write_first_reports(folder, tables)
    settings = _SETTINGS.format(title=json.dumps(title, ensure_ascii=False))
    (folder / "workbench.toml").write_text(settings, encoding="utf-8")
    return tables


def _copies(data: Path, sources: Sequence[str], customer: str | None) -> list[Path]:
    """Bring every source into the data folder; return the files there."""
    found: list[Path] = []
    for source in sources:
        if "://" in source:
            found += database_tables(source, data)
            continue
        path = Path(source)
        inside = sorted(path.iterdir()) if path.is_dir() else [path]
        files = [each for each in inside if each.suffix.lower() in _SUFFIXES]
        if not path.is_dir():
            files = [path]
        for each in files:
            target = data / each.name
            if target.exists():
                raise InputError(f"two files are called {each.name}. Rename one of them.")
            if not each.is_file():
                raise SourceError(f"there is no file {each}. Check the name.")
            if customer == _ROW:
                with_row_as_customer(each, target)
            else:
                shutil.copyfile(each, target)
            found.append(target)
    for each in found:
        each.chmod(0o600)
    if not found:
        raise InputError(
            "nothing to read: name .csv, .xlsx or .parquet files, or a folder of them."
        )
    return joined(found)


def _tables(files: Sequence[Path], customer: str | None) -> list[Drafted]:
    tables: list[Drafted] = []
    for path in files:
        looked = look_at(path)
        tables.append(_drafted(looked, [t.name for t in tables], customer))
    return tables


def _drafted(looked: Looked, taken: Sequence[str], customer: str | None) -> Drafted:
    table = Drafted(_name(looked.path.stem, taken, "table"), looked)
    wanted = "customer_id" if customer == _ROW else customer
    chosen = _customer(looked.columns, wanted)
    for place, each in enumerate(looked.columns, 1):
        called = "customer_id" if each is chosen else each.header
        reserved = [*table.names.values(), *([] if each is chosen else ["customer_id"])]
        table.names[each.header] = _name(called, reserved, f"column_{place}")
    named = [(table.names[each.header], each) for each in looked.columns]
    table.customer = "customer_id" if chosen is not None else None
    if chosen is not None:
        table.roles["customer_id"] = "the customer"
        table.nobodys = looked.rows - chosen.filled
    for name, each in named:
        # why text: a number on an invoice is a name, and the next one may be C536379
        if not each.pointed and (each is chosen or _IDENTIFIER.search(name)):
            each.type, each.scale, each.misfits = "text", None, 0
    days = [name for name, each in named if each.type in ("date", "timestamp")]
    table.time = next((name for name in days if _TIME.search(name)), next(iter(days), None))
    numbers = {name for name, each in named if each.type in ("integer", "number", "money")}
    amounts = [(each.type != "money", name) for name, each in named
               if name in numbers and _AMOUNT.search(name)]  # fmt: skip  # why: one list
    table.amount = min(amounts, key=lambda each: each[0])[1] if amounts else None  # money first
    quantity = next((n for n in numbers if _QUANTITY.search(n)), None)
    price = next((n for n in numbers if _PRICE.search(n)), None)
    if table.amount is None and quantity and price:
        table.amount = _name("amount", [*table.names.values()], "amount")
        table.computed = f"{quantity} * {price}"
    if table.time:
        table.roles[table.time] = "the time"
    if table.amount:
        table.roles[table.amount] = "the amount"
    for name, each in named:
        if name in table.roles:
            continue
        if each.type == "text" and (each.looks or _DIRECT.search(name)):
            table.roles[name] = "direct identifier"
        elif _IDENTIFIER.search(name):
            table.roles[name] = "identifier"
        elif each.groups:
            table.roles[name] = "few values: a group, once its domain is declared"
            table.groups.append(name)
    return table


def _customer(columns: Sequence[Seen], wanted: str | None) -> Seen | None:
    """Return the column that says whose row it is: as told, else by its name."""
    for each in columns:
        if wanted is not None and each.header.strip().casefold() == wanted.casefold():
            return each
    fits = [
        each
        for each in columns
        if each.type in ("text", "integer") and _CUSTOMER.search(_plain(each.header))
        and not each.groups and not each.looks
    ]  # fmt: skip  # why: one condition
    return max(fits, key=lambda each: each.distinct, default=None)


def _plain(header: str) -> str:
    text = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", header.strip())
    return re.sub(r"[\W_]+", "_", text).strip("_").lower()


def _name(header: str, taken: Sequence[str], otherwise: str) -> str:
    """Return a name as the catalog asks for, from a header that stays as it is."""
    plain = unicodedata.normalize("NFKD", _plain(header).replace("ß", "ss"))
    ascii_only = plain.encode("ascii", "ignore").decode().strip("_")
    name = ascii_only[:50] if re.match(r"[a-z]", ascii_only) else ""
    if not name and ascii_only:
        name = f"c_{ascii_only}"[:50]
    name = name or otherwise
    number = 2
    while (name if number == 2 else f"{name}_{number - 1}") in taken:
        number += 1
    return name if number == 2 else f"{name}_{number - 1}"


def _table(table: Drafted) -> str:
    """Return one table of the catalog as text, with its questions."""
    found, quoted = table.looked, _quoted
    after = table.time or "the end of the relation"
    lines = [
        f"  {table.name}:",
        f"    kind: {'transactions' if table.time else 'identity'}",
        f"    title: {quoted(table.name.replace('_', ' ').capitalize())}",
        "    owner: analyst",
        f"    source: {quoted(found.path.name)}",
    ]
    written = {**found.format, **dict.fromkeys(found.ambiguous, UNANSWERED)}
    for key, how in found.ambiguous.items():
        lines.append(f"    # {key.replace('_', ' ')}: {how}. Every row fits both: look at the")
        lines.append("    # program that wrote the file, and choose one.")
    if written:
        parts = ", ".join(f"{key}: {quoted(value)}" for key, value in written.items())
        lines.append(f"    source_format: {{{parts}}}")
    if table.customer:
        lines.append("    subject_key: customer_id")
        if table.nobodys:
            lines += [_NOBODY, f'    without_customer: "{UNANSWERED}"']
    else:
        lines += [_SUBJECT, f'    subject_key: "{UNANSWERED}"']
    if table.time:
        lines.append(f"    time: {table.time}")
    lines += [_RETENTION, f'    retention: {{months: "{UNANSWERED}", after: {quoted(after)}}}']
    choice = "{cells: 6, rows: 10}" if table.time else "{cells: 1, rows: 1}"
    lines += [_CONTRIBUTION.format(choice=choice), f'    contribution: "{UNANSWERED}"']
    lines += ["    purposes: [reporting]", "    columns:"]
    for each in found.columns:
        lines += _column(table, table.names[each.header], each)
    if table.computed:
        money = Seen(table.amount or "", "money")
        lines += _column(table, str(table.amount), money, table.computed)
    return "\n".join(lines) + "\n"


def _column(table: Drafted, name: str, each: Seen, computed: str | None = None) -> list[str]:
    parts = [f"type: {each.type}"]
    if each.scale is not None:
        parts.append(f"scale: {each.scale}")
    if computed:
        parts.append(f"computed: {_quoted(computed)}")
    elif each.header != name:
        parts.append(f"header: {_quoted(each.header)}")
    if name == table.customer:
        parts += ["role: subject key", "sensitivity: personal"]
    elif name == table.time:
        parts.append("role: time")
    elif name == table.amount:
        parts += ["role: measure", "sensitivity: personal"]
    elif table.roles.get(name) == "direct identifier":
        # why no purpose: a name is for a letter, not for a page
        parts += ["role: direct identifier", "sensitivity: personal", "purposes: []"]
    if name not in (table.time, table.amount) and name not in table.groups:
        return [f"      {name}: {{{', '.join(parts)}}}"]
    lines = [f"      {name}:", *(f"        {part}" for part in parts)]
    if name == table.time:
        return [*lines, _BOUNDS, f'        bounds: "{UNANSWERED}"']
    if name == table.amount:
        more = ", negative: true" if computed else ""
        why = "\n        # negative: true, since what is given back may exceed what is bought."
        ladder = _LADDER.format(more=more, why=why if computed else "")
        return [*lines, ladder, f'        customer_bounds: "{UNANSWERED}"']
    if name not in table.groups[:GROUPS_MOST]:  # asked for the first page's; others when wanted
        return [*lines, "        # domain: [...]  # declare its values to group by it"]
    question = re.sub(r"(?m)^ {6}", "        ", _DOMAIN)
    return [*lines, question, f'        domain: "{UNANSWERED}"']


def _quoted(text: str) -> str:
    """Return a text as YAML reads it back, plain where it can be."""
    plain = re.fullmatch(r"[A-Za-z][A-Za-z0-9_ .*-]*[A-Za-z0-9]", text)
    words = ("yes", "no", "true", "false", "null", "on", "off", "y", "n")
    if plain and text.lower() not in words:
        return text
    return json.dumps(text, ensure_ascii=False)
