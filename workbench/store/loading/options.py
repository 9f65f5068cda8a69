"""How a file is read where it does not say so itself, and which options fit which kind of file."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from workbench.errors import InputError, SourceError
from workbench.store.loading.values import Form, require_marks


@dataclass(frozen=True)
class Options:
    """How a file is read, where it does not say so itself.

    Attributes
    ----------
    encoding : str or None
        Of text; UTF-8 unless its first bytes say otherwise.
    sheet : str or None
        Of a workbook; the first.
    date_format : str or None
        How days and moments are written as text; ISO 8601.
    decimal, thousands : str or None
        Marks within numbers written as text; ``.`` and none, or ``,`` and ``.``.
    """

    encoding: str | None = None
    sheet: str | None = None
    date_format: str | None = None
    decimal: str | None = None
    thousands: str | None = None

    def form(self, zone: str) -> Form:
        """Return how values are written."""
        decimal = self.decimal or "."
        thousands = self.thousands or ("." if decimal == "," else "")
        return Form(self.date_format, decimal, thousands, zone)

    @property
    def said(self) -> str:
        """What was asked for, in the words of the command line; empty where nothing was."""
        given = {name.replace("_", "-"): value for name, value in vars(self).items()}
        if self.sheet is not None:  # by a digest: it may be called after a customer
            given["sheet"] = hashlib.sha256(self.sheet.encode()).hexdigest()[:12]
        return " ".join(f"--{name} {value!r}" for name, value in given.items() if value is not None)


def require_fitting(path: Path, options: Options) -> str:
    """Return which kind of file it is; refuse options that are not of that kind.

    Raises
    ------
    SourceError
        It is of no kind that is read.
    InputError
        An option does not fit the file, or no such encoding exists.
    """
    try:
        str(path).encode()
    except UnicodeEncodeError:
        raise SourceError(
            f"the name {str(path)!a} is no UTF-8, so that no record could hold it. Rename the "
            "file; nothing was taken in."
        ) from None
    kind = path.suffix.lower()
    if kind == ".xls":
        raise SourceError(f"{path} is an old workbook. Save it as .xlsx; nothing was taken in.")
    if kind not in (".csv", ".parquet", ".xlsx"):
        raise SourceError(
            f"{path}: only .csv, .parquet and .xlsx files are read, not '{path.suffix}'. Unpack it "
            "where it is packed, or save it as one of these; text with tabs or semicolons between "
            "columns is read as .csv too."
        )
    if kind != ".csv" and options.encoding:
        raise InputError("an encoding is of CSV files; leave it out.")
    if kind != ".xlsx" and options.sheet:
        raise InputError("a sheet is of an Excel file; leave it out.")
    if options.encoding:
        try:
            "".encode(options.encoding)
        except (LookupError, ValueError):  # the second: 'undefined' is one
            raise InputError(
                f"no encoding named '{options.encoding}'. Known are utf-8, gb18030, gbk, utf-16, "
                "big5, latin-1 and every other that Python knows."
            ) from None
    if options.date_format is not None:
        _require_date_format(options.date_format)
    form = options.form("UTC")
    require_marks(form.decimal, form.thousands)
    return kind


def _require_date_format(date_format: str) -> None:
    """Refuse a form that does not say of which year, month and day it is, or of which half of it.

    What it leaves out would be made up: of %d/%m the year 1900, of %I:%M the morning.
    """
    import duckdb

    form = date_format.removesuffix("%z").strip()
    with duckdb.connect() as connection:
        try:
            said = connection.execute(
                "SELECT bool_and(try_strptime(strftime(m, $1), $1) IN "
                "(m, date_trunc('hour', m), date_trunc('day', m))) "
                "FROM (VALUES (TIMESTAMP '2026-09-30 15:20'), ('1999-02-01 03:04')) AS t(m)",
                [form],
            ).fetchone()
        except duckdb.Error:
            said = None
    if not said or not said[0]:
        raise InputError(
            f"'{date_format}' is no form of a day. Write %d for the day, %m for the month, %Y for "
            "the year, such as %d/%m/%Y; an hour of twelve needs %p."
        )
