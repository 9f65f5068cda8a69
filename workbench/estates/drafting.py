"""A workspace on one's own data: the catalog drafted from what its files are found to hold.

What a column is called, of which type it is and how it is written is found by looking. Bounds and
domains never are: they stand as questions, each with what the field would choose and why, and a
catalog with a question left is refused.
"""

import itertools
import json
import re
import shutil
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from shlex import quote

from workbench.catalog import UNANSWERED
from workbench.errors import InputError, SourceError
from workbench.estates.looking import Looked, Seen, look_at
from workbench.estates.sources import ROW, bring_in, leaving_out, sheets_of
from workbench.estates.writing import GROUPS_MOST, rendered, write_first_reports, write_settings

_TEMPLATE = Path(__file__).with_name("drafted.yaml.jinja")
_CUSTOMER = re.compile(
    r"^(.*_)?(customer|client[ei]?|consumer|member|household|subscriber|buyer|user|patient|person|"
    r"kunden?|mitglied)(_?(id|no|nr|nummer|number|key|code|num))?$|客户|会员|用户"
)
_DIRECT = re.compile(
    r"^(full_?|first_?|last_?|given_?|sur_?|family_?|customer_?)?name$|e_?mail|phone|mobile|"
    r"address|street|iban|passport|^(vor|nach)name$|姓名|名字|电话|手机|邮箱|地址|身份证|住址|微信"
)
_TIME = re.compile(r"date|time|day|month|datum|when|booked|日期|时间")
_BORN = re.compile(r"birth|born|dob\b|geburt|naissance|nacimiento|出生|生日|生年月日")
_AMOUNT = re.compile(
    r"amount|total|sales|revenue|turnover|spen[dt]|paid|betrag|umsatz|summe|金额|总价"
)
_QUANTITY = re.compile(r"^(quantity|qty|units?|menge|anzahl|数量)$")
_PRICE = re.compile(r"^(unit_?price|price|preis|单价|价格)$")
_CALLED = re.compile(f"{_TIME.pattern}|{_AMOUNT.pattern}|{_QUANTITY.pattern}|{_PRICE.pattern}")
_DIRECTLY = "direct identifier"
_IDENTIFIER = re.compile(r"(^|_)(id|no|nr|number|code|key)$|编号$|单号$|号码$")


@dataclass
class Drafted:
    """One table as it was drafted, and what is to be said of it."""

    name: str
    looked: Looked
    parts: list[str]
    customer: Seen | None = None
    time: Seen | None = None
    amount: Seen | None = None
    groups: list[Seen] = field(default_factory=list)

    @property
    def nobodys(self) -> int:
        """Rows without a customer."""
        return self.looked.rows - self.customer.filled if self.customer else 0

    @property
    def title(self) -> str:
        """What people call it: the file or sheet, where a name cannot say it."""
        called = self.looked.format.get("sheet", self.looked.path.stem)
        return (self.name if called.isascii() else called).replace("_", " ").capitalize()

    @property
    def written(self) -> dict[str, str]:
        """How the file is written, as the catalog declares it."""
        asked = dict.fromkeys(self.looked.ambiguous, UNANSWERED)
        return {key: _quoted(how) for key, how in (self.looked.format | asked).items()}

    @property
    def load(self) -> str:
        """The command that loads it first: `init` takes whole files, `ingest` good rows only."""
        if not (self.looked.misfits or self.looked.unreadable):
            return "init"
        return f"data ingest {self.name} {quote(str(self.looked.path))}"

    def said(self) -> list[str]:
        """Return what was found, in words."""
        found = self.looked
        how = ", ".join(f"{key.replace('_', ' ')} {value}" for key, value in found.format.items())
        how = how or "UTF-8, plain days and numbers"
        lines = [f"{', '.join(self.parts)}: {found.rows:,} rows, table '{self.name}'; {how}"]
        for each in found.columns:
            called = each.name if each.name == each.header else f"{each.header} → {each.name}"
            kind = each.type + (f", {each.scale} decimals" if each.scale else "")
            odd = f"; {each.misfits:,} values are not" if each.misfits else ""
            if each.type == "text" and not each.role and _CALLED.search(_plain(each.header)):
                odd = ", though it is called like a day or a number: no form of one fits"
            said = [kind + odd, each.role, each.looks and f"holds {each.looks}"]
            if each.computed:
                said = [each.type, f"computed: {each.computed}"]
            lines.append(f"  {called}: {'; '.join(filter(None, said))}")
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

    def declared(self, each: Seen) -> dict[str, str]:
        """Return what the catalog says of a column, its questions aside."""
        parts = {"type": each.type}
        if each.scale is not None:
            parts["scale"] = str(each.scale)
        if each.computed:
            parts["computed"] = _quoted(each.computed)
        elif each.header != each.name:
            parts["header"] = _quoted(each.header)
            if not each.header.isascii():  # as readers are to see it
                parts["title"] = _quoted(each.header.strip())
        if each is self.customer:
            return parts | {"role": "subject key", "sensitivity": "personal"}
        if each is self.time:
            return parts | {"role": "time"}
        if each is self.amount:
            return parts | {"role": "measure", "sensitivity": "personal"}
        if each.role == _DIRECTLY:
            # why no purpose: a name is for a letter, not for a page
            return parts | {"role": each.role, "sensitivity": "personal", "purposes": "[]"}
        return parts


def new_workspace(
    folder: Path, sources: Sequence[str], customer: str | None = None
) -> tuple[list[Drafted], dict[str, str]]:
    """Write a workspace with a drafted catalog for files of one's own; return what was found.

    Beside the tables: what was left out of a folder, each with the reason.

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
    tables: list[Drafted] = []
    left_out: dict[str, str] = {}
    try:
        data.mkdir(parents=True, mode=0o700)
        for path, parts in bring_in(data, sources, customer, left_out).items():
            for sheet in sheets_of(path):
                name = _name(sheet or path.stem, [table.name for table in tables], "table")
                with leaving_out(path, sources, left_out, sheet):
                    looked = look_at(path, sheet)
                    _require_other_columns(looked, tables)
                    tables.append(_drafted(name, looked, parts, customer))
        if not tables:
            told = "".join(f"\n{name}: {why}" for name, why in left_out.items())
            raise InputError(
                f"nothing to read: name .csv, .xlsx or .parquet files, or a folder of them.{told}"
            )
    except BaseException:
        shutil.rmtree(folder if made else data, ignore_errors=True)
        raise
    title = _quotes(folder.name.replace("_", " ").replace("-", " ").capitalize())
    text = rendered(
        _TEMPLATE,
        {"quoted": _quoted, "flow": _flow},
        files=", ".join(each.looked.path.name for each in tables),
        title=title,
        tables=tables,
        most=GROUPS_MOST,  # asked for the first page's; others when wanted
    )
    (folder / "catalog.yaml").write_text(text, encoding="utf-8")
    write_first_reports(folder, tables)
    write_settings(folder, "your data", title, "; put it where few may read")
    return tables, left_out


def _require_other_columns(looked: Looked, tables: Sequence[Drafted]) -> None:
    """Refuse a sheet that is a part of another one's table, such as the next year."""
    for table in tables:
        headers = [each.header for each in table.looked.columns if not each.computed]
        if table.looked.path == looked.path and headers == [e.header for e in looked.columns]:
            raise SourceError(
                f"it has the columns of table '{table.name}'. Load that one, and take this one in "
                f"with 'workbench data ingest {table.name} {quote(str(looked.path))} --sheet "
                f"{quote(looked.format['sheet'])}'."
            )


def _drafted(name: str, looked: Looked, parts: list[str], customer: str | None) -> Drafted:
    """Return a table's columns by their names in the catalog, each with what it is used for."""
    table, columns = Drafted(name, looked, parts), looked.columns
    table.customer = _customer(columns, "customer_id" if customer == ROW else customer)
    for place, each in enumerate(columns, 1):
        taken = [other.name for other in columns] + ["customer_id"]
        mine = each is table.customer
        each.name = "customer_id" if mine else _name(each.header, taken, f"column_{place}")
        each.role = "the customer" if mine else ""
        # why text: a number on an invoice is a name, and the next one may be C536379
        if not each.pointed and (mine or _IDENTIFIER.search(_plain(each.header))):
            each.type, each.scale, each.misfits = "text", None, 0
    days = [each for each in columns if each.type in ("date", "timestamp")]
    days = [each for each in days if not _BORN.search(_plain(each.header))]
    table.time = next(
        (each for each in days if _TIME.search(_plain(each.header))), next(iter(days), None)
    )
    numbers = [each for each in columns if each.type in ("integer", "number", "money")]
    amounts = [each for each in numbers if _AMOUNT.search(_plain(each.header))]
    amounts.sort(key=lambda each: each.type != "money")  # money first
    table.amount = next(iter(amounts), None)
    quantity = next((each.name for each in numbers if _QUANTITY.search(_plain(each.header))), None)
    price = next((each.name for each in numbers if _PRICE.search(_plain(each.header))), None)
    if table.amount is None and quantity and price:
        name = _name("amount", [each.name for each in columns], "amount")
        table.amount = Seen(name, "money", name=name, computed=f"{quantity} * {price}")
        columns.append(table.amount)
    for used, role in ((table.time, "the time"), (table.amount, "the amount")):
        if used is not None:
            used.role = role
    for each in columns:
        if each.role:
            continue
        if each.type == "text" and (each.looks or _DIRECT.search(_plain(each.header))):
            each.role = _DIRECTLY
        elif _IDENTIFIER.search(_plain(each.header)):
            each.role = "identifier"
        elif each.groups:
            each.role = "few values: a group, once its domain is declared"
            table.groups.append(each)
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
    header = unicodedata.normalize("NFKC", header.strip())  # letters may be of full width
    text = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", header)
    return re.sub(r"[\W_]+", "_", text).strip("_").lower()


def _name(header: str, taken: Sequence[str], otherwise: str) -> str:
    """Return a name as the catalog asks for, from a header that stays as it is."""
    plain = unicodedata.normalize("NFKD", _plain(header).replace("ß", "ss"))
    ascii_only = plain.encode("ascii", "ignore").decode().strip("_")
    name = ascii_only[:50] if re.match(r"[a-z]", ascii_only) else ""
    if not name and ascii_only:
        name = f"c_{ascii_only}"[:50]
    name = name or otherwise
    numbered = (f"{name}_{number}" for number in itertools.count(2))
    return next(each for each in itertools.chain([name], numbered) if each not in taken)


def _flow(parts: Mapping[str, str]) -> str:
    return "{" + ", ".join(f"{key}: {value}" for key, value in parts.items()) + "}"


def _quoted(text: str) -> str:
    """Return a text as YAML reads it back, plain where it can be."""
    plain = re.fullmatch(r"[A-Za-z][A-Za-z0-9_ .*-]*[A-Za-z0-9]", text)
    words = ("yes", "no", "true", "false", "null", "on", "off", "y", "n")
    if plain and text.lower() not in words:
        return text
    return _quotes(text)


def _quotes(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)
