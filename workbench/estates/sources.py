"""Files of one's own brought into a workspace: copied, parts put together, databases read."""

import codecs
import csv
import hashlib
import itertools
import re
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from workbench.errors import InputError, SourceError
from workbench.store.loading import workbooks
from workbench.store.loading.open_quotes import has_open_quotes
from workbench.store.loading.options import Options, require_fitting
from workbench.store.loading.text_files import (
    LATIN,
    OTHER_LETTERS,
    TITLE_LINES,
    UNLIKELY,
    fields_of,
    has_few_signs,
    likely,
    require_whole,
    text_of,
    unmarked,
)

ROW = "row"  # as --customer: every row is a customer
_BLOCK = 1 << 20
_ASCII = bytes(range(128))
_LETTER = r"[^\W\d_]"
_ODD = re.compile(
    rf"(?<!{_LETTER})[^\W\d_a-zA-Z](?!{_LETTER})|(?<={_LETTER})[^\w\0-\x7f’](?={_LETTER})"
)


def bring_in(
    data: Path, sources: Sequence[str], customer: str | None, left_out: dict[str, str]
) -> dict[Path, list[str]]:
    """Copy every source into the data folder, which only its owner may read; return the files.

    Beside each the names of those that were put together in it. Of a folder, what cannot be read is
    named in ``left_out`` with the reason; see `leaving_out`.

    Raises
    ------
    InputError
        There is nothing to read, or two files have one name.
    SourceError
        A file that was named cannot be read.
    """
    found: list[Path] = []
    known: dict[str, str] = {}
    for source in sources:
        if "://" in source:
            found += _database_tables(source, data, left_out)
            continue
        path = Path(source)
        files = [path]
        if path.is_dir():
            files = [
                each for each in sorted(path.iterdir()) if not each.name.startswith((".", "~$"))
            ]
        for each in files:
            tabs = each.suffix.lower() == ".tsv"
            target = data / (each.with_suffix(".csv") if tabs else each).name
            if target.exists():
                raise InputError(f"two files are called {each.name}. Rename one of them.")
            with leaving_out(target, sources, left_out):
                kind = _require_readable(each, target)
                with each.open("rb") as file:
                    digest = hashlib.file_digest(file, "sha256").hexdigest()
                if known.setdefault(digest, each.name) != each.name:
                    raise SourceError(
                        f"{each} is {known[digest]} once more. Leave one of them out."
                    )
                if customer == ROW:
                    _copy_with_row_as_customer(each, target)
                else:
                    shutil.copyfile(each, target)
                target.chmod(0o600)
                if kind == ".xlsx":
                    sheets_of(target)
                else:
                    headers_of(target, kind, encoding_of(target) if kind == ".csv" else None)
                found.append(target)
    return _joined(found)


@contextmanager
def leaving_out(
    target: Path, sources: Sequence[str], left_out: dict[str, str], sheet: str | None = None
) -> Iterator[None]:
    """Leave a file that cannot be read out, unless it was named by itself: say which, and why.

    Of a workbook with several tables, leave the one sheet out.
    """
    try:
        yield
    except SourceError as problem:
        if sheet is not None:
            left_out[f"{target.name}, sheet {sheet}"] = str(problem)
            return
        if target.name in {Path(each).name for each in sources}:
            raise
        left_out[target.name] = str(problem)
        target.unlink(missing_ok=True)


def _require_readable(path: Path, target: Path) -> str:
    """Return which kind of file its copy is; refuse what cannot be read, before it is copied."""
    try:
        if path.is_dir():
            raise SourceError(f"{path} is a folder in a folder. Name it with --from of its own.")
        if not path.is_file():
            raise SourceError(f"there is no file {path}. Check the name.")
        with path.open("rb") as file:
            start = file.read(12)
        for kind, begin in (("sqlite", b"SQLite"), ("duckdb", start[:8] + b"DUCK")):
            if start.startswith(begin):
                told = f"{path} is a database. Name its address: {kind}://{path.absolute()}."
                raise SourceError(told)
    except OSError as problem:
        raise SourceError(f"{path} cannot be read: {problem.strerror}.") from None
    return require_fitting(target if path.suffix.lower() == ".tsv" else path, Options())


def encodings_of(path: Path) -> list[str]:
    """Return the encodings that a text file may be in and reads otherwise, the likeliest first.

    None where it is UTF-8 or says so itself.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "a.csv"
    >>> _ = path.write_bytes("Jiří".encode("cp1250"))
    >>> encodings_of(path)
    ['cp1252', 'cp1250', 'cp1257']
    """
    with path.open("rb") as file:
        start = file.read(_BLOCK)
    if start.startswith((codecs.BOM_UTF8, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return []
    if b"\0" in start[:4]:
        return [unmarked(start[:4])]
    if _decodes(path, "utf-8"):
        return []
    guessed, single = likely(start), OTHER_LETTERS
    if guessed[:1] != ["cp1251"]:
        if guessed and not has_few_signs(start):
            return guessed[:1]
        single = LATIN
    fits = [each for each in single if _decodes(path, each)] or list(UNLIKELY)
    fits.sort(key=lambda each: _oddness(start, each))
    fits = [each for each in fits if _oddness(start, each) <= _oddness(start, fits[0])]
    if single is LATIN:
        fits = [*(each for each in guessed if _decodes(path, each)), *fits]
    high, unlike = _high_bytes(path), dict[str, str]()
    for each in fits:  # by bytes alone: of most of these one is one sign, whatever is beside it
        unlike.setdefault(high.decode(each, "replace"), each)
    return [*unlike.values()]


def encoding_of(path: Path) -> str | None:
    """Return the likeliest encoding of a text file; None where it is UTF-8 or says so itself."""
    return next(iter(encodings_of(path)), None)


def _high_bytes(path: Path) -> bytes:
    found = b""
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            found = bytes({*found, *block.translate(None, _ASCII)})
    return found


def _oddness(start: bytes, encoding: str) -> float:
    """Return the share, in tenths, of a text's signs that are no part of a word where they stand.

    Such as a letter before a number, which is a currency in the right encoding.
    """
    text = start.decode(encoding, "replace")
    return round(len(_ODD.findall(text)) / (sum(not sign.isascii() for sign in text) or 1), 1)


def _decodes(path: Path, encoding: str) -> bool:
    try:
        with path.open(encoding=encoding, newline="") as file:
            while file.read(_BLOCK):
                pass
    except UnicodeDecodeError:
        return False
    return True


def sheets_of(path: Path) -> list[str | None]:
    """Return which sheets of a workbook hold a table, None for the first where it is the only one.

    Raises
    ------
    SourceError
        None does.
    """
    if path.suffix.lower() != ".xlsx":
        return [None]
    with workbooks.opened(path) as book:
        found = [each for each in book.shown if len(_names_of(book.sheet(each))) > 1]
    if not found:
        raise SourceError(f"{path} has no sheet with a line of column names. Export it again.")
    return [None] if found == book.shown[:1] else [*found]


def _names_of(sheet: workbooks.Sheet) -> list[str]:
    rows = itertools.islice(sheet.rows(), TITLE_LINES)
    return max(([cell for cell in cells if cell] for _, cells in rows), key=len, default=[])


def headers_of(path: Path, kind: str, encoding: str | None, sheet: str | None = None) -> list[str]:
    """Return the names on the line of column names.

    Raises
    ------
    SourceError
        There is none, or a column has no name of its own.
    """
    if kind == ".parquet":
        import pyarrow.parquet

        try:
            return list(pyarrow.parquet.read_schema(path).names)
        except (OSError, ValueError):
            raise SourceError(f"{path} is corrupt or truncated. Fetch it again.") from None
    if kind == ".xlsx":
        with workbooks.opened(path) as book:
            names = _names_of(book.sheet(sheet))
    else:
        with path.open(encoding=text_of(path, encoding)[0], newline="") as file:
            lines = [file.readline() for _ in range(TITLE_LINES)]
        names_at = max(lines, key=lambda line: len(fields_of(line)[0]))
        require_whole(path, names_at)
        names = fields_of(names_at)[0]
    if not names:
        raise SourceError(f"{path} is empty. Export it again.")
    if any(re.fullmatch(r"[-+]?[\d.,]+", name.strip()) for name in names):
        raise SourceError(
            f"{path} does not start with a line of column names: a number stands in it. Export it "
            "with column names; a file says so what it holds."
        )
    if "" in names or len(set(names)) < len(names):
        raise SourceError(
            f"{path}: a column has no name, or two have the same. Name each column once in its "
            "first line, and run this again."
        )
    return names


def _joined(files: Sequence[Path]) -> dict[Path, list[str]]:
    """Put text files of the same columns, written alike, together in the first of them.

    They are parts of one table, such as its months; the others are taken away.
    """
    kept: dict[tuple[str, str, tuple[str, ...]], Path] = {}
    found: dict[Path, list[str]] = {}
    for path in files:
        if path.suffix.lower() != ".csv":
            found[path] = [path.name]
            continue
        encoding = encoding_of(path)
        names = tuple(headers_of(path, ".csv", encoding))
        read = text_of(path, encoding)[0]
        with path.open(encoding=read, newline="") as text:
            lines = (fields_of(text.readline()) for _ in range(TITLE_LINES))
            delimiter = next(by for fields, by in lines if tuple(fields) == names)
        # why: one that begins with a mark of its own cannot stand within another
        first = path if read == "utf-16" else kept.setdefault((read, delimiter, names), path)
        found.setdefault(first, []).append(path.name)
        if first is path:
            continue
        with _rewriting(path, first, read, "a") as (source, out):
            while tuple(fields_of(source.readline())[0]) != names:
                continue  # what stands above the names
            if not first.read_bytes().endswith((b"\n", b"\r", b"\0")):
                out.write("\n")
            shutil.copyfileobj(source, out)
        path.unlink()
    return found


def _copy_with_row_as_customer(path: Path, target: Path) -> None:
    """Write a file anew with a key of its own for each row: every row is a customer."""
    if path.suffix.lower() != ".csv":
        raise InputError("--customer row is of CSV files: save the sheet or table as one.")
    encoding = text_of(path, encoding_of(path))[0]
    with _rewriting(path, target, encoding, "w") as (source, out):
        delimiter = fields_of(source.readline())[1]
        if has_open_quotes(path, encoding, delimiter):
            raise SourceError(
                f"{path} has a quote that does not end, so that nobody can tell its rows apart. "
                "Mend it, and run this again."
            )
        source.seek(0)
        rows = csv.reader(source, delimiter=delimiter)
        out_rows = csv.writer(out, delimiter=delimiter)
        out_rows.writerow(["customer_id", *next(rows)])
        out_rows.writerows([number, *row] for number, row in enumerate(filter(None, rows), 1))


@contextmanager
def _rewriting(
    path: Path, target: Path, encoding: str, mode: str
) -> Iterator[tuple[IO[str], IO[str]]]:
    """Open a text file, and another to write its lines into in the same encoding."""
    with (
        path.open(encoding=encoding, newline="") as source,
        target.open(mode, encoding=encoding.removesuffix("-sig"), newline="") as out,
    ):
        yield source, out


def _database_tables(url: str, folder: Path, left_out: dict[str, str]) -> list[Path]:
    """Write every table of a database as a Parquet file; return the files.

    Its address is not repeated in an error, for it may hold a password.
    """
    import ibis

    kind, _, rest = url.partition("://")
    if kind in ("sqlite", "duckdb"):  # which would make a file where there is none
        named, asked, options = rest.partition("?")
        there = [each for each in (Path(named), Path(named.lstrip("/"))) if each.is_file()]
        if not there:
            raise InputError(f"there is no file {named}. Check the address.")
        url = f"{kind}://{there[0].absolute()}{asked}{options}"
    try:
        connection = ibis.connect(url)
        tables = connection.list_tables()
    except Exception as problem:  # noqa: BLE001  # why: each database has errors of its own
        raise InputError(
            f"the database cannot be opened ({type(problem).__name__}). Write its address as "
            "sqlite:///folder/file.db or duckdb:///folder/file.duckdb, and install what Ibis needs "
            "for other ones."
        ) from None
    found = []
    for table in tables:
        stem, rows = re.sub(r"\W+", "_", table), connection.table(table)
        places = (folder / f"{stem}{'_' * number}.parquet" for number in itertools.count())
        path = next(each for each in places if not each.exists())
        try:
            try:
                rows.to_parquet(path)
            except Exception:  # noqa: BLE001  # why: each database has errors of its own
                # a column of SQLite may hold values of any type, which are read as texts
                rows.cast(dict.fromkeys(rows.columns, "string")).to_parquet(path)
        except Exception as problem:  # noqa: BLE001  # why: as above
            left_out[table] = f"it cannot be read ({type(problem).__name__}). Export it as CSV."
            path.unlink(missing_ok=True)
        else:
            found.append(path)
    return found
