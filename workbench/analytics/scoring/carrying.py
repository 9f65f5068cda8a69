"""A card carried elsewhere: as JSON, as SQL, as PMML, with the same points everywhere."""

from __future__ import annotations

import bisect
import functools
import hashlib
import itertools
import json
import operator
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self
from xml.etree import ElementTree as Xml

import numpy as np
import sqlglot
from sklearn.utils.validation import check_is_fitted
from sqlglot import exp

from workbench.analytics.scoring.binning import FAR, Counts
from workbench.analytics.scoring.bins import Bins, Characteristic, Weighed
from workbench.analytics.scoring.pairing import PairBins
from workbench.analytics.scoring.woe import meanings
from workbench.catalog import Table
from workbench.documents import canonical
from workbench.errors import DataError, UnknownName
from workbench.privacy.provenance import RAW

FORMAT, VERSION = "workbench scorecard", 1
_NAN = ("duckdb", "spark", "databricks", "clickhouse")  # a number may be none there
_KEPT = ("intercept_", "removed_", "n_rows_", "n_bads_", "feature_names_in_", "n_features_in_")


class Carried:
    """How a fitted card leaves Python, and comes back."""

    weighed_: tuple[Weighed, ...]

    def save(self, path: str | Path) -> None:
        """Write the card as JSON, with everything it needs to score."""
        check_is_fitted(self)
        Path(path).write_text(json.dumps(_content(self), ensure_ascii=False), encoding="utf-8")

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
            form, version, card = whole["format"], whole["version"], whole["card"]
        except (ValueError, KeyError, TypeError):
            raise DataError(f"{path} is no scorecard, or was cut; save it anew.") from None
        if form != FORMAT or version > VERSION:
            raise DataError(
                f"{path} is '{form}' of version {version}; this workbench reads '{FORMAT}' up to "
                f"version {VERSION}. Install a newer workbench, or save the card with this one."
            )
        if whole.get("sha256") != _digest(card):
            raise DataError(f"{path} was altered since it was saved; save the card anew.")
        found: Self = _card(cls, card)
        return found

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
        known = sqlglot.Dialect.classes
        if dialect not in known:
            raise UnknownName("SQL dialect", dialect, filter(None, known))
        parts = [
            _case(each.bins, list(map(_number, each.points)), dialect) for each in self.weighed_
        ]
        total = functools.reduce(operator.add, parts)
        query = exp.select("*", exp.alias_(total, "points")).from_(exp.to_table(table))
        return query.sql(dialect=dialect, pretty=True)

    def to_pmml(self) -> str:
        """Return the card as PMML 4.4, whose ``Scorecard`` gives points and reason codes.

        A reason code is the name of a feature; points lost are counted from the most that any of
        its bins gives.
        """
        check_is_fitted(self)
        root = Xml.Element("PMML", version="4.4", xmlns="http://www.dmg.org/PMML-4_4")
        Xml.SubElement(Xml.SubElement(root, "Header"), "Application", name="workbench")
        dictionary = Xml.SubElement(root, "DataDictionary")
        model = Xml.SubElement(
            root,
            "Scorecard",
            functionName="regression",
            initialScore="0",
            useReasonCodes="true",
            reasonCodeAlgorithm="pointsBelow",
        )
        schema = Xml.SubElement(model, "MiningSchema")
        for bins in (one for each in self.weighed_ for one in each.bins.parts):
            truth = any(isinstance(each, bool) for group in bins.groups for each in group)
            kind = "double" if bins.edges is not None else "boolean" if truth else "string"
            operation = "continuous" if kind == "double" else "categorical"
            Xml.SubElement(dictionary, "DataField", name=bins.name, optype=operation, dataType=kind)
            Xml.SubElement(schema, "MiningField", name=bins.name, invalidValueTreatment="asIs")
        output = Xml.SubElement(model, "Output")
        plain = {"optype": "continuous", "dataType": "double"}
        Xml.SubElement(
            output, "OutputField", {**plain, "name": "points", "feature": "predictedValue"}
        )
        characteristics = Xml.SubElement(model, "Characteristics")
        for each in self.weighed_:
            told = {"name": each.bins.name, "reasonCode": each.bins.name}
            told["baselineScore"] = f"{each.points.max():.15g}"
            group = Xml.SubElement(characteristics, "Characteristic", told)
            shape = [part.size for part in each.bins.parts]
            for places in itertools.product(*map(_order, each.bins.parts)):
                points = each.points[np.ravel_multi_index(places, shape)]
                held = Xml.SubElement(group, "Attribute", partialScore=f"{points:.15g}")
                if len(places) > 1:
                    held = Xml.SubElement(held, "CompoundPredicate", booleanOperator="and")
                for part, place in zip(each.bins.parts, places, strict=True):
                    _predicate(held, part, place)
        Xml.indent(root)
        return Xml.tostring(root, encoding="unicode", xml_declaration=True)


def _digest(card: Any) -> str:
    return hashlib.sha256(canonical(card).encode()).hexdigest()


def _content(card: Any) -> dict[str, Any]:
    params = card.get_params(deep=False)
    declared = params["declared"]
    params["declared"] = declared and declared.model_dump(mode="json")
    special = params["special_codes"] or {}
    # why pairs: keys of JSON are text, and codes may be numbers
    params["special_codes"] = {name: list(meanings(each).items()) for name, each in special.items()}
    content = {
        "params": params,
        "classes": card.classes_,
        "kept": {name: getattr(card, name) for name in _KEPT if hasattr(card, name)},
        "weighed": [[_written(each.bins), each.coefficient, each.points] for each in card.weighed_],
    }
    card = json.loads(json.dumps(content, default=lambda value: value.tolist()))
    return {"format": FORMAT, "version": VERSION, "sha256": _digest(card), "card": card}


def _written(bins: Characteristic) -> dict[str, Any]:
    counts = {"goods": bins.counts.goods, "bads": bins.counts.bads}
    if isinstance(bins, PairBins):
        sides = {"rows": _written(bins.rows), "across": _written(bins.across)}
        return {**sides, **counts, "least_rows": bins.least_rows}
    assert isinstance(bins, Bins)  # noqa: S101  # why: a card has these two kinds
    codes = list(bins.codes.items())
    own = {"column": bins.name, "edges": bins.edges, "groups": bins.groups, "codes": codes}
    return {**own, **counts, "bounds": bins.bounds, "why": bins.why}


def _read(content: dict[str, Any]) -> Characteristic:
    counts = Counts(np.array(content.pop("goods")), np.array(content.pop("bads")))
    if "across" in content:
        rows, across = _read(content["rows"]), _read(content["across"])
        return PairBins(rows, across, counts, content["least_rows"])  # type: ignore[arg-type]
    content["codes"] = dict(content["codes"])
    for name in ("groups", "bounds", "edges"):
        content[name] = content[name] if content[name] is None else tuple(content[name])
    content["groups"] = tuple(map(tuple, content["groups"]))
    return Bins(**content, counts=counts)


def _card(cls: Any, content: dict[str, Any]) -> Any:
    params = content["params"]
    params["declared"] = params["declared"] and Table.model_validate(params["declared"])
    special = params["special_codes"].items()
    params["special_codes"] = {name: dict(each) for name, each in special} or None
    params["pair"] = params["pair"] and tuple(params["pair"])
    card = cls(**params)
    vars(card).update(content["kept"], classes_=np.array(content["classes"]))
    if hasattr(card, "feature_names_in_"):
        card.feature_names_in_ = np.array(card.feature_names_in_, dtype=object)
    card.weighed_ = tuple(
        Weighed(_read(bins), coefficient, np.array(points, dtype=float))
        for bins, coefficient, points in content["weighed"]
    )
    card.provenance_ = RAW
    return card


def _case(bins: Characteristic, thens: Sequence[exp.Expr], dialect: str) -> exp.Expr:
    """Return what gives each bin its expression."""
    if isinstance(bins, PairBins):
        size = bins.across.size
        starts = range(0, len(thens), size)
        thens = [_case(bins.across, thens[at : at + size], dialect) for at in starts]
        return _case(bins.rows, thens, dialect)
    assert isinstance(bins, Bins)  # noqa: S101  # why: a card has these two kinds
    column = exp.column(bins.name, quoted=True)
    if bins.edges is not None:
        # why not always: engines compare whole numbers as they are twice as fast as floating ones
        ends = [each for each in (*bins.edges, *bins.codes, *bins.bounds) if abs(each) < FAR]
        whole = all(each == int(each) and abs(each) < 2**24 for each in ends)
        value = column if whole else exp.cast(column, "double")
        return _branch(bins, thens, value, dialect, 0, bins.regular - 1)
    case = exp.Case(this=column)
    groups = (*bins.groups, *((code,) for code in bins.codes))
    for at in np.argsort(-bins.counts.rows[: len(groups)], kind="stable"):  # frequent ones first
        for value in groups[at]:
            case = case.when(exp.convert(value), thens[at])
    return case.else_(exp.Case().when(column.is_(exp.null()), thens[-1]).else_(thens[-2]))


def _branch(
    bins: Bins, thens: Sequence[exp.Expr], value: exp.Expr, dialect: str, first: int, last: int
) -> exp.Expr:
    """Return a tree of comparisons for a run of a number's bins, halving the rows each time.

    What is missing is below nothing, so it comes to the last bin.
    """
    edges = bins.edges or ()
    if first < last:
        rows = np.cumsum(bins.counts.rows[first : last + 1])
        middle = first + 1 + int(np.abs(2 * rows[:-1] - rows[-1]).argmin())
        below = _branch(bins, thens, value, dialect, first, middle - 1)
        above = _branch(bins, thens, value, dialect, middle, last)
        return exp.Case().when(value < _number(edges[middle - 1]), below).else_(above)
    case = exp.Case()
    for at, code in enumerate(bins.codes, bins.regular):
        if bisect.bisect(edges, code) == first:
            case = case.when(value.eq(_number(code)), thens[at])
    if first == 0:
        case = case.when(value < _number(bins.bounds[0]), exp.null())
    if last == len(edges):
        missing: exp.Expr = value.is_(exp.null())
        if dialect in _NAN:
            missing = exp.or_(missing, exp.IsNan(this=value))
        case = case.when(value <= _number(bins.bounds[1]), thens[last]).when(missing, thens[-1])
        return case.else_(exp.null())
    return case.else_(thens[last]) if case.args.get("ifs") else thens[last]


def _number(value: float) -> exp.Expr:
    whole = abs(value) < FAR and value == int(value)
    return exp.convert(int(value) if whole else float(value))


def _order(bins: Bins) -> list[int]:
    """Return the bins of a column with special codes first: they may lie within a regular one."""
    codes = range(bins.regular, bins.regular + len(bins.codes))
    return [*codes, *range(bins.regular), *range(codes.stop, bins.size)]


def _predicate(parent: Xml.Element, bins: Bins, at: int) -> None:
    """Add what is true of a value in a bin."""
    name, regular = bins.name, bins.regular
    if at == bins.size - 1:
        Xml.SubElement(parent, "SimplePredicate", operator="isMissing", field=name)
    elif regular <= at < regular + len(bins.codes):
        code = str(list(bins.codes)[at - regular])
        Xml.SubElement(parent, "SimplePredicate", operator="equal", value=code, field=name)
    elif bins.edges is None:
        known = [*itertools.chain(*bins.groups), *bins.codes]
        held, values = ("isIn", bins.groups[at]) if at < regular else ("isNotIn", known)
        within = Xml.SubElement(parent, "SimpleSetPredicate", booleanOperator=held, field=name)
        array = Xml.SubElement(within, "Array", type="string", n=str(len(values)))
        quoted = (str(each).replace("\\", "\\\\").replace('"', '\\"') for each in values)
        array.text = " ".join(f'"{each}"' for each in quoted)
    else:
        ends = (bins.bounds[0], *bins.edges, bins.bounds[1])
        last = "lessThan" if at < regular - 1 else "lessOrEqual"
        between = Xml.SubElement(parent, "CompoundPredicate", booleanOperator="and")
        for sign, end in (("greaterOrEqual", ends[at]), (last, ends[at + 1])):
            Xml.SubElement(between, "SimplePredicate", operator=sign, value=repr(end), field=name)
