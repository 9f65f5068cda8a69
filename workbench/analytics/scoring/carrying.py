"""A card carried elsewhere: as JSON, as SQL, as PMML, with the same points everywhere."""

import functools
import hashlib
import itertools
import json
import operator
from collections.abc import Iterator, Sequence
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
import sqlglot
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.validation import check_is_fitted
from sqlglot import exp

from workbench.analytics.scoring.bins import FAR, Bins, Counts, PairBins, Weighed
from workbench.analytics.scoring.woe import Binned
from workbench.catalog import Table
from workbench.documents import canonical, templates
from workbench.errors import DataError, require_known
from workbench.privacy.provenance import RAW, Provenance

FORMAT, VERSION = "workbench scorecard", 1
_CLASSES = {each.__name__: each for each in (Bins, PairBins, Counts, Weighed)}
_KEPT = {"intercept_", "removed_", "n_rows_", "n_bads_", "feature_names_in_", "n_features_in_"}


class Carried(Binned, ClassifierMixin, BaseEstimator):
    """How a fitted card leaves Python, and comes back."""

    bad_: Any
    classes_: np.ndarray
    weighed_: tuple[Weighed, ...]
    provenance_: Provenance

    def save(self, path: str | Path) -> None:
        """Write the card as JSON, with everything it needs to score."""
        check_is_fitted(self)
        card = {name: getattr(self, name) for name in ("classes_", "bad_", "weighed_")}
        card["params"] = self.get_params(deep=False)
        card["kept"] = {name: getattr(self, name) for name in sorted(_KEPT) if hasattr(self, name)}
        card = json.loads(json.dumps(card, default=_plain))  # keys are text, also of numbers
        whole = {"format": FORMAT, "version": VERSION, "sha256": _digest(card), "card": card}
        Path(path).write_text(json.dumps(whole, ensure_ascii=False), encoding="utf-8")

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """Read a card that `save` wrote.

        Raises
        ------
        DataError
            It is no card, was altered or cut, or is of a newer version.
        """
        try:
            whole = json.loads(Path(path).read_text(encoding="utf-8"))
            form, version, digest = whole["format"], int(whole["version"]), _digest(whole["card"])
        except (FileNotFoundError, IsADirectoryError):
            raise DataError(f"there is no card at {path}; save one there with .save().") from None
        except (ValueError, KeyError, TypeError, RecursionError):
            raise DataError(f"{path} is no scorecard, or was cut; save it anew.") from None
        if form != FORMAT or not 1 <= version <= VERSION:
            raise DataError(
                f"{path} is '{form}' of version {version}; this workbench reads '{FORMAT}' up to "
                f"version {VERSION}. Install a newer workbench, or save the card with this one."
            )
        if whole.get("sha256") != digest:
            raise DataError(f"{path} was altered since it was saved; save the card anew.")
        saved = json.loads(json.dumps(whole["card"]), object_hook=_revived)
        declared = saved["params"]["declared"]
        card = cls(**{**saved["params"], "declared": declared and Table.model_validate(declared)})
        for name in {"feature_names_in_"} & set(saved["kept"]):
            saved["kept"][name] = np.array(saved["kept"][name], dtype=object)
        card.classes_, card.bad_ = np.array(saved["classes_"]), saved["bad_"]
        card.weighed_, card.provenance_ = tuple(saved["weighed_"]), RAW
        for name in _KEPT & saved["kept"].keys():  # why no other: a file may say it is released
            setattr(card, name, saved["kept"][name])
        return card

    def to_sql(self, dialect: str = "duckdb", *, table: str) -> str:
        """Return a query that gives every row of a table its ``points``.

        A number beyond its bounds, which Python refuses, has no points: NULL.

        Parameters
        ----------
        dialect : str
            Any that SQLGlot writes: ``duckdb``, ``spark``, ``postgres``, …
        table : str
        """
        check_is_fitted(self)
        require_known("SQL dialect", [each for each in sqlglot.Dialect.classes if each], dialect)
        cases = (_case(e.bins.parts, list(map(_number, e.points))) for e in self.weighed_)
        total = functools.reduce(operator.add, cases)
        query = exp.select(exp.Star(), exp.alias_(total, "points")).from_(exp.to_table(table))
        return query.sql(dialect=dialect, pretty=True)

    def to_pmml(self) -> str:
        """Return the card as PMML 4.4, whose ``Scorecard`` gives points and reason codes.

        A reason code is the name of a feature; points lost are counted from the most that any of
        its bins gives.
        """
        check_is_fitted(self)
        parts = [part for each in self.weighed_ for part in each.bins.parts]
        return written("pmml.xml", parts=parts, weighed=self.weighed_, cells=_cells)


def written(template: str, **values: Any) -> str:
    """Return a template of this folder with its values."""
    known = templates("analytics/scoring", line_end=False)
    return known.get_template(f"{template}.j2").render(values).lstrip()


def _digest(card: Any) -> str:
    return hashlib.sha256(canonical(card).encode()).hexdigest()


def _plain(value: Any) -> Any:
    if isinstance(value, Table):
        return value.model_dump(mode="json")
    if is_dataclass(value):
        return {"class": type(value).__name__} | {
            each.name: getattr(value, each.name) for each in fields(value)
        }
    return value.tolist()


def _revived(node: dict[str, Any]) -> Any:
    """Return an object of JSON as the thing it was saved from."""
    if (kind := node.pop("class", None)) is None:
        return node
    for name in {"goods", "bads", "points"} & set(node):
        node[name] = np.array(node[name])
    if node.get("edges") is not None:
        node["codes"] = {float(code): text for code, text in node["codes"].items()}
    return _CLASSES[kind](**node)


def _case(parts: Sequence[Bins], thens: Sequence[exp.Expr]) -> exp.Expr:
    """Return what gives each bin, of one column or by those of another, its expression."""
    bins, *others = parts
    if others:
        size = len(thens) // len(bins.labels)
        thens = [_case(others, thens[at : at + size]) for at in range(0, len(thens), size)]
    column = exp.column(bins.name, quoted=True)
    if bins.edges is not None:
        return _ranges(bins, thens, column)
    case = exp.Case(this=column)
    for at in np.argsort(
        -bins.counts.rows[: len(bins.named)], kind="stable"
    ):  # frequent ones first
        for value in bins.named[at] if thens[at] != thens[-2] else ():
            case = case.when(exp.convert(value), thens[at])
    rest = exp.Case().when(column.is_(exp.null()), thens[-1]).else_(thens[-2])
    return case.else_(rest) if case.args.get("ifs") else rest


def _ranges(bins: Bins, thens: Sequence[exp.Expr], value: exp.Expr) -> exp.Expr:
    """Return what gives each bin of a number its expression, from the least on.

    A row is compared until its bin is found. What is missing is below nothing; for what lies beyond
    bounds, or is infinite, no case holds.
    """
    edges, regular = bins.edges or (), thens[: bins.regular]
    ends = [each for each in (*edges, *bins.codes, *bins.bounds) if abs(each) < FAR]
    if not all(each == int(each) and abs(each) < 2**24 for each in ends):
        value = exp.cast(
            value, "double"
        )  # as Python compares; whole ones are the same in each kind
    low, high = value >= _number(bins.bounds[0]), value <= _number(bins.bounds[1])
    case = exp.Case()
    for at, code in enumerate(bins.codes, bins.regular):
        case = case.when(value.eq(_number(code)), thens[at])
    for edge, then in zip(edges, [exp.Case().when(low, regular[0]), *regular[1:]], strict=False):
        case = case.when(value < _number(edge), then)
    case = case.when(exp.and_(value >= _number(edges[-1]) if edges else low, high), regular[-1])
    # why as text: engines have no word in common for a number that is none
    nan = exp.Lower(this=exp.cast(value, "text")).eq("nan")
    return case.when(exp.or_(value.is_(exp.null()), nan), thens[-1])


def _number(value: float) -> exp.Expr:
    whole = abs(value) < FAR and value == int(value)
    return exp.convert(int(value) if whole else float(value))


def _cells(each: Weighed) -> Iterator[tuple[float, list[tuple[Bins, int]]]]:
    """Yield the points of each cell, and in which bin of each column it is.

    Special codes come first: they may lie within a regular bin.
    """
    parts, shape = each.bins.parts, each.bins.shape
    ends = [(part.regular, part.regular + len(part.codes)) for part in parts]
    orders = [
        [*range(a, b), *range(a), *range(b, size)] for (a, b), size in zip(ends, shape, strict=True)
    ]
    for places in itertools.product(*orders):
        cell = np.ravel_multi_index(places, shape)
        yield float(each.points[cell]), list(zip(parts, places, strict=True))
