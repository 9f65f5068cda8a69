"""Lines of files that never became rows, for the office: whose they are, how long they stay.

No purpose reads them. They are data about people all the same: a customer is told of theirs, an
export hands them out, and they have a time of their own after which retention takes them away.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from workbench.documents import parse_json
from workbench.lifecycle.holds import Hold, kept_sql
from workbench.lifecycle.rights.spellings import (
    folded_sql,
    spelled,
    undivided_sql,
)
from workbench.lifecycle.rights.traces import SHORTEST
from workbench.store import Connection
from workbench.store.keys.marks import marked_sql
from workbench.store.loading.quarantine import ASIDE, ASIDE_BY_FILE, FILES, PAIRS
from workbench.store.quality.rules import literal
from workbench.store.rewriting import Cut

if TYPE_CHECKING:
    from workbench.lifecycle.office import Office
    from workbench.lifecycle.rights.customers import Known

USE = "held back from use: no purpose reads it"
LINES, DOUBLES, SOURCES = (name.removeprefix("lake.") for name in (ASIDE, PAIRS, FILES))
_LONG = 6  # bytes; what is shorter is part of other words and numbers
_FOUND = "memory._marks.named"
NAMED = {LINES: "quarantine of {}", DOUBLES: "possible duplicates of {}"}


@dataclass(frozen=True)
class KeptAside:
    """One line of a customer's that never became a row.

    Attributes
    ----------
    table : str
        The table it was meant for.
    file : str or None
        The file it came in.
    line : int
    reasons : str
        Why it is no row.
    content : str
        As it came; not shown where values are not asked for.
    """

    table: str
    file: str | None
    line: int
    reasons: str
    content: str | None = field(repr=False)

    def told(self) -> dict[str, Any]:
        """Return what is said of it without its values."""
        return {"file": self.file, "line": self.line, "reasons": self.reasons, "use": USE}

    def row(self) -> Any:
        """Return its values by column; the line as it came where it has no columns."""
        try:
            found = parse_json(self.content or "null")
        except ValueError:
            return self.content
        return found if isinstance(found, dict) else self.content


def lines_of(office: Office, connection: Connection) -> list[KeptAside]:
    """Return a customer's lines, their mark being prepared as the chosen one."""
    if LINES not in office.store.kept_aside(connection):
        return []
    theirs = office.store.marks.look_up(connection, LINES, "subject")
    rows = connection.execute(
        f"SELECT a.table_name, f.file, a.line, a.reasons, a.content FROM {ASIDE_BY_FILE} "
        f"WHERE {theirs} ORDER BY ALL"
    ).fetchall()
    return [KeptAside(*row) for row in rows]


def naming(office: Office, connection: Connection, known: Iterable[Known]) -> str:
    """Look up which lines are a customer's by what stands in them; return SQL true for these.

    One text that nobody else has is enough, or two that others may have: a name that several bear
    beside a day of birth. In a line with another customer's key it must be a long one, or stand by
    itself: a name of two signs is part of longer names.

    Parameters
    ----------
    known : iterable of Known
        What the customers are known by.
    """
    if not _find(office, connection, known):
        return "false"
    connection.execute(
        f"CREATE OR REPLACE TABLE {_FOUND}_theirs AS SELECT DISTINCT subject, content FROM "
        f"(SELECT subject, content, who FROM {_FOUND} GROUP BY ALL HAVING sum(weight) > 1)"
    )
    return f"(coalesce(subject, ''), content) IN (SELECT (subject, content) FROM {_FOUND}_theirs)"


def renamed(known: Iterable[Known]) -> Cut:
    """Return the files whose names hold what customers are known by: a digest names them."""
    texts = (folded_sql(literal(each.text)) for each in known if each.identifies)
    where = " OR ".join(f"({_stands(folded_sql('file'), text)})" for text in texts)
    return Cut(SOURCES, where or "false", instead="file = left(digest, 12)")


def unclear_lines(office: Office, connection: Connection, known: Iterable[Known]) -> dict[str, int]:
    """Count lines without a known customer's key that hold one of a customer's identifiers.

    Whose these are, only a person can say: they are told of, and not handed out.

    Parameters
    ----------
    known : iterable of Known
        What the customer is known by.
    """
    if not _find(office, connection, known):
        return {}
    rows = connection.execute(
        f"SELECT table_name, count(*) FROM {ASIDE} WHERE (coalesce(subject, ''), content) IN "
        f"(SELECT (subject, content) FROM {_FOUND} WHERE NOT others AND identifies) "
        "GROUP BY ALL ORDER BY ALL"
    ).fetchall()
    return dict(rows)


def _find(office: Office, connection: Connection, known: Iterable[Known]) -> bool:
    """Look up which lines hold which texts, and what each says of whose they are."""
    known = list(known)
    whole = [each for each in known if not _is_part(each, known)]
    texts = ", ".join(
        f"({literal(each.who)}, {folded_sql(literal(each.text))}, {each.alone}, "
        f"{each.identifies}, {', '.join(map(literal, otherwise))})"
        for each in whole
        for otherwise in [spelled(each.text) if each.text != each.who else ("", "")]
    )
    if not texts or LINES not in office.store.kept_aside(connection):
        return False
    loaded = office.store.tables(connection)
    others = " OR ".join(
        f'subject IN (SELECT CAST("{key}" AS VARCHAR) FROM lake."{name}" WHERE "{key}" IS NOT NULL)'
        for name, key in office.subject_tables.items()
        if name in loaded
    )
    connection.execute("CREATE SCHEMA IF NOT EXISTS memory._marks")
    connection.execute(
        f"CREATE OR REPLACE TABLE {_FOUND} AS WITH known AS (SELECT who, text, max(guard) AS "
        "guard, max(pattern) AS pattern, bool_and(alone) AS alone, bool_or(identifies) AS "
        f"identifies FROM (VALUES {texts}) AS t(who, text, alone, identifies, guard, pattern) "
        "GROUP BY ALL), lines AS (SELECT DISTINCT coalesce(subject, '') AS subject, content, "
        f"coalesce({others or 'false'}, false) AS others, {folded_sql('content')} AS said, "
        f"{undivided_sql('content')} AS undivided FROM {ASIDE}) "
        "SELECT subject, content, who, identifies, others, CASE WHEN NOT alone THEN 1 "
        f"WHEN others THEN if(strlen(text) >= {_LONG} AND (length(text) >= {SHORTEST} OR "
        f"{_by_itself('said', 'text')}), 2, 1) ELSE if(strlen(text) >= {SHORTEST}, 2, 1) END AS "
        f"weight FROM lines JOIN known ON ({_stands('said', 'text')}) OR "
        "(guard <> '' AND contains(undivided, guard) AND regexp_matches(said, pattern))"
    )
    return True


def _stands(line: str, text: str) -> str:
    """Return SQL true where a text stands in a line; a short one by itself."""
    by_itself = _by_itself(line, text)
    return f"contains({line}, {text}) AND (strlen({text}) >= {_LONG} OR {by_itself})"


def _by_itself(line: str, text: str) -> str:
    """Return SQL true where a text stands in a line and within no other word or number."""
    return (
        f"regexp_matches({line}, '(^|[^\\pL\\pN])' || regexp_escape({text}) || '($|[^\\pL\\pN])')"
    )


def _is_part(one: Known, known: Iterable[Known]) -> bool:
    """Whether another text of the same customer holds this one, and says more."""
    return not one.alone and any(
        one.who == each.who and one.text != each.text and one.text in each.text for each in known
    )


def pairs_of(office: Office, connection: Connection) -> list[dict[str, str]]:
    """Return in which tables a customer may be somebody else too, and what agrees; not who."""
    if DOUBLES not in office.store.kept_aside(connection):
        return []
    look_up = office.store.marks.look_up
    one, other = (look_up(connection, DOUBLES, column) for column in ("subject", "other"))
    rows = connection.execute(
        f"SELECT DISTINCT table_name, agree FROM {PAIRS} WHERE {one} OR {other} ORDER BY ALL"
    ).fetchall()
    return [{"table": table, "agree": agree} for table, agree in rows]


def cuts(office: Office, connection: Connection, in_force: Sequence[Hold]) -> Iterator[Cut]:
    """Yield lines and pairs whose file came in too long ago, by table, and what a hold keeps.

    The holds' marks are prepared.
    """
    keep_days, today = office.settings.quarantine.keep_days, office.now.date()
    why = f"{keep_days} days after the file came in ([quarantine] keep_days)"
    came = f'SELECT min(CAST("at" AS DATE)) FROM {FILES} AS f WHERE'
    there = office.store.kept_aside(connection)
    # why also without one: whose a line is may not show
    theirs = {LINES: f"({marked_sql('subject')} OR subject IS NULL)"}
    theirs[DOUBLES] = f"({marked_sql('subject')} OR {marked_sql('other')})"
    for name in [each for each in NAMED if each in there]:
        tables = f"SELECT DISTINCT table_name FROM lake.{name} ORDER BY ALL"
        row = name.rpartition(".")[2]
        since = f"({came} (f.table_name, f.digest) = ({row}.table_name, {row}.digest))"
        for (table,) in connection.execute(tables).fetchall():
            past = f"coalesce({since} + INTERVAL {keep_days} DAY < DATE '{today}', true)"
            where = f"table_name = {literal(table)} AND {past}"
            yield Cut(name, where, kept_sql(in_force, table, theirs[name]), why, table, since)
