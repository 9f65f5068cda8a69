"""What a card says of itself: reasons, the way to a pass, order over time, and its model card."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import norm
from sklearn.utils.validation import check_is_fitted

from workbench.analytics.scoring.bins import Bins, Characteristic, Weighed
from workbench.analytics.scoring.carrying import Carried, written
from workbench.analytics.scoring.guarding import bad_rows, kept_out
from workbench.documents import packaged
from workbench.errors import InputError, one_of, require_known

_FEATURE = 1_000  # cost of changing one more feature, in bins moved


class Explained(Carried):
    """How a fitted card explains its scores and itself."""

    decimals: int

    def reasons(
        self, X: Any, n: int = 4, *, language: str = "en", words: Mapping[str, str] | None = None
    ) -> pd.DataFrame:
        """Return why each row lost points, the most first: codes, and texts for a letter.

        Points lost count from the most that a feature can give. Features of one title are one
        reason, told once.

        Parameters
        ----------
        X : DataFrame or array
        n : int
            How many reasons at most.
        language : {"en", "zh"}
        words : mapping of str to str, optional
            Declared titles and meanings of special codes in that language.

        Returns
        -------
        DataFrame
            ``code_1, reason_1, code_2, …``: a feature's name, and its declared title with what is
            wrong; empty where nothing more was lost.
        """
        phrases = one_of("language", packaged("analytics/scoring/reasons.yaml"), language)
        if n < 1:
            raise InputError(f"n is how many reasons are told at most, 1 or more, not {n}.")
        columns, words = self._columns(X), words or {}
        titles = [self._title(each.bins, words) for each in self.weighed_]
        lost = np.empty((len(columns), len(titles)))
        told = np.empty(lost.shape, dtype=object)
        for at, (each, title) in enumerate(zip(self.weighed_, titles, strict=True)):
            place = each.bins.place(columns)
            lost[:, at] = (each.points.max() - each.points)[place]
            said = _texts(each, title, phrases, words)
            told[:, at] = np.array(said, dtype=object)[place]
        for title in set(titles):
            same = [at for at, each in enumerate(titles) if each == title]
            most = lost[:, same].argmax(axis=1)[:, None]
            lost[:, same] *= most == np.arange(len(same))
        order = np.argsort(-lost, axis=1, kind="stable")[:, : min(n, len(set(titles)))]
        some = np.take_along_axis(lost, order, axis=1) > 0
        features = np.array([each.bins.name for each in self.weighed_], dtype=object)
        codes = np.where(some, features[order], "")
        texts = np.where(some, np.take_along_axis(told, order, axis=1), "")
        names = [f"{what}_{at + 1}" for at in range(order.shape[1]) for what in ("code", "reason")]
        found = np.stack([codes, texts], axis=2).reshape(len(codes), -1)
        return pd.DataFrame(found, columns=names, index=columns.index)

    def _title(self, bins: Characteristic, words: Mapping[str, str]) -> str:
        """Return the declared titles of a characteristic's columns."""
        known = {} if self.declared is None else self.declared.columns
        names = [part.name for part in bins.parts]
        titles = [(name in known and known[name].title) or name for name in names]
        return " × ".join(words.get(title, title) for title in titles)

    def counterfactuals(self, X: Any, cutoff: float, allowed: Mapping[str, str]) -> pd.DataFrame:
        """Return the smallest allowed change that brings each row to the cut-off.

        The smallest changes the fewest features, and among those moves the fewest bins. Rows that
        pass already are left out.

        Parameters
        ----------
        X : DataFrame or array
        cutoff : float
            Least points that pass.
        allowed : mapping of column to {"up", "down", "any"}
            What an applicant can change, and which way a number may go. A category takes ``any``.

        Returns
        -------
        DataFrame
            A line for each feature to change: ``row``, ``feature``, ``from``, ``to`` (its bins),
            ``gain``; of a row that no allowed change brings there one line without a feature.
        """
        if not np.isfinite(cutoff):
            raise InputError(f"a cut-off is a number of points, such as 550, not {cutoff}.")
        columns = self._columns(X)
        known = {part.name for each in self.weighed_ for part in each.bins.parts}
        for name, way in allowed.items():
            require_known("feature of the card", known, name)
            require_known("direction", ("up", "down", "any"), way)
        prices = [_prices(each.bins, allowed) for each in self.weighed_]
        places = np.column_stack([each.bins.place(columns) for each in self.weighed_])
        have = sum(each.points[places[:, at]] for at, each in enumerate(self.weighed_))
        ways: dict[tuple[int, ...], list[tuple[str, str, str, float]]] = {}
        lines = []
        scale = 10.0 ** max(self.decimals, 0)
        for row, place, points in zip(columns.index, places.tolist(), have, strict=True):
            if points >= cutoff:
                continue
            key = tuple(place)
            if key not in ways:
                need = int(np.ceil((cutoff - points) * scale - 1e-6))
                ways[key] = self._cheapest(key, need, scale, prices)
            lines += [(row, *line) for line in ways[key]]
        return pd.DataFrame(lines, columns=["row", "feature", "from", "to", "gain"])

    def _cheapest(
        self, places: tuple[int, ...], need: int, scale: float, prices: Sequence[np.ndarray]
    ) -> list[tuple[str, str, str, float]]:
        """Return the changes of least cost that gain what is needed: a knapsack over features."""
        best: dict[int, tuple[float, tuple[tuple[int, int], ...]]] = {0: (0, ())}
        for at, (each, start) in enumerate(zip(self.weighed_, places, strict=True)):
            gains = np.rint((each.points - each.points[start]) * scale).astype(int)
            options = np.flatnonzero((gains > 0) & np.isfinite(prices[at][start])).tolist()
            for gained, (cost, path) in list(best.items()):
                for to in options:
                    reached = min(need, gained + int(gains[to]))
                    price = cost + prices[at][start, to]
                    if price < best.get(reached, (np.inf, ()))[0]:
                        best[reached] = (price, (*path, (at, to)))
        if need not in best:
            return [("", "", "no allowed change is enough", 0.0)]
        found = []
        for at, to in best[need][1]:
            each, start = self.weighed_[at], places[at]
            labels, gain = each.bins.labels, float(each.points[to] - each.points[start])
            found.append((each.bins.name, labels[start], labels[to], gain))
        return found

    def order(self, X: Any, y: Any, period: Any) -> pd.DataFrame:
        """Return whether bins keep their order in each period: a vintage, a month of approval.

        Bins are compared with the next safer one of the card.

        Returns
        -------
        DataFrame
            By ``variable`` and ``period``: ``pairs`` of neighbours that could be compared, how many
            are ``reversed``, and how many of them ``surely``: beyond chance at 5 %, shared among
            all pairs of all periods (Bonferroni).
        """
        columns = self._columns(X)
        period = np.asarray(period)
        _, bad = bad_rows(y, len(period), self.bad_)
        found = []
        for each in self.weighed_:
            held = np.flatnonzero(each.bins.counts.rows > 0)
            ordered = held[np.argsort(each.bins.woe[held], kind="stable")]
            place = each.bins.place(columns)
            for name in np.unique(period):
                which = period == name
                counts = each.bins.counted(place[which], bad[which]).evidence[ordered]
                with np.errstate(divide="ignore", invalid="ignore"):
                    odds = np.log(counts.goods / counts.bads)
                    error = 1 / counts.goods + 1 / counts.bads
                    z = np.diff(odds) / np.sqrt(error[1:] + error[:-1])
                found.append((each.bins.name, name, z[np.isfinite(z)]))
        tests = max(sum(len(z) for _, _, z in found), 1)
        sure = norm.ppf(1 - 0.05 / tests)
        lines = [(a, b, len(z), int((z < 0).sum()), int((z < -sure).sum())) for a, b, z in found]
        names = ["variable", "period", "pairs", "reversed", "surely"]
        return pd.DataFrame(lines, columns=names).set_index(names[:2])

    def model_card(self) -> str:
        """Return a model card in Markdown, with the chapters for people left open.

        Headings are what the Federal Reserve's SR 11-7 (2011) and the PRA's SS1/23 (2023) ask to
        be documented.
        """
        check_is_fitted(self)
        known = {} if self.declared is None else self.declared.columns
        kept = [f"{name} ({why})" for name, why in kept_out(self.declared, known).items()]
        return written("model_card.md", card=self, kept_out=kept, columns=known)


def _texts(
    each: Weighed, title: str, phrases: Mapping[str, str], words: Mapping[str, str]
) -> list[str]:
    """Return what is said of each bin, should it lose points."""
    bins = each.bins
    if not isinstance(bins, Bins):
        return [f"{title}{phrases['join']}{phrases['both']}"] * len(bins.labels)
    best = int(each.points[: bins.regular].argmax()) if bins.regular else 0
    said = [
        phrases["kind"] if bins.edges is None else phrases["low" if at < best else "high"]
        for at in range(bins.regular)
    ]
    said += [words.get(text, text) or str(code) for code, text in bins.codes.items()]
    said += [phrases["kind"]] * (bins.edges is None) + [phrases["missing"]]
    return [f"{title}{phrases['join']}{each}" for each in said]


def _prices(bins: Characteristic, allowed: Mapping[str, str]) -> np.ndarray:
    """Return what it costs to come from each bin to each other one; infinite where none may."""
    found = np.zeros((1, 1))
    for part in bins.parts:
        start, to = np.indices((len(part.labels), len(part.labels)))
        # nothing is between categories, nor between codes
        ordered = (start < part.regular) & (part.edges is not None)
        steps, way = np.where(ordered, np.abs(to - start), 1), allowed.get(part.name)
        wrong = {"up": to < start, "down": to > start}.get(str(way), False)
        barred = (to >= part.regular) | (ordered & wrong) | (way is None)
        own = np.where(barred, np.inf, _FEATURE + steps)
        np.fill_diagonal(own, 0)
        both = found[:, None, :, None] + own[None, :, None, :]
        found = both.reshape(len(found) * len(own), -1)
    return found
