"""Fitted things say where they come from; raw ones shape no release unless an officer says."""

import datetime as dt

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.cluster import KMeans
from support.ledgers import NOW, make_ledger, spend, tamper

from workbench.errors import InputError, LedgerError, QuestionRefused, Refused, UnknownName
from workbench.privacy.provenance import (
    RAW,
    FittedLabel,
    Provenance,
    provenance,
    require_private,
)

PRIVATE = Provenance("private", ("r-000001",), "grid k-means, 4 centres")
SEGMENTS = ("dormant", "regular", "frequent")


def label(tag=RAW, **changes):
    return FittedLabel(
        **{"name": "segment", "values": SEGMENTS, "provenance": tag, "definition": "v1"} | changes
    )


def fitted(tag=None):
    model = KMeans(2, n_init=1).fit(np.array([[0.0], [1.0], [9.0], [10.0]]))
    if tag:
        model.provenance_ = tag
    return model


def test_whatever_says_nothing_is_raw():
    for thing in (fitted(), np.zeros(3), pd.DataFrame({"a": [1]}), {"a": 1}, [], None, "text"):
        assert provenance(thing).kind == "raw"


def test_an_estimator_carries_its_provenance_and_a_clone_does_not():
    model = fitted(PRIVATE)
    assert provenance(model) == PRIVATE
    assert provenance(clone(model)) == RAW


def test_frames_and_series_carry_it_through_copies():
    frame = pd.DataFrame({"woe": [0.1]})
    frame.attrs["provenance_"] = PRIVATE
    assert provenance(frame) == provenance(frame.copy()) == provenance(frame["woe"]) == PRIVATE


def test_of_several_parts_all_have_to_be_private():
    private, other = (fitted(Provenance("private", (each,))) for each in ("r-1", "r-2"))
    assert provenance({"a": private, "b": other}).releases == ("r-1", "r-2")
    assert provenance([private, private]).releases == ("r-1",)
    assert provenance((private, fitted())).kind == "raw"
    assert provenance([private, [other, "raw"]]).kind == "raw"


def test_private_names_its_releases_and_raw_has_none():
    with pytest.raises(InputError, match="names the releases"):
        Provenance("private")
    with pytest.raises(InputError, match="is raw"):
        Provenance("raw", ("r-1",))


def test_a_raw_label_is_refused_with_the_way_out():
    tag = Provenance("raw", (), "KMeans(5) on recency and spend")
    with pytest.raises(QuestionRefused) as refusal:
        require_private(label(tag).what, label(tag))
    text = str(refusal.value)
    assert "grouping by 'label segment@" in text
    assert "(KMeans(5) on recency and spend)" in text
    assert "Nothing was spent" in text
    for way_out in ("privately fitted model", "wb.bands", "declared domain", "approve("):
        assert way_out in text


def test_publishing_raw_parameters_is_refused():
    with pytest.raises(QuestionRefused, match="publishing the parameters of 'scorecard' would"):
        require_private("scorecard", fitted(), act="publishing the parameters of")


def test_a_private_label_passes_when_the_ledger_holds_its_releases(tmp_path):
    ledger = make_ledger(tmp_path)
    answer = spend(ledger, 1)
    good = label(Provenance("private", (answer.id,)))
    assert require_private(good.what, good, lookup=ledger.answer) is None
    bad = label(Provenance("private", (answer.id, "r-999999")))
    with pytest.raises(UnknownName, match="r-999999"):
        require_private(bad.what, bad, lookup=ledger.answer)


def test_an_officers_exception_is_recorded_and_shown(tmp_path, monkeypatch):
    ledger = make_ledger(tmp_path)
    raw = label()
    given = ledger.approve(raw.what, "Seen by\n the board  on 1 Oct.", role="officer", now=NOW)
    assert ledger.approvals() == (given,)
    assert (given.what, given.role, given.at[:10]) == (raw.what, "officer", "2026-10-02")
    body = ledger.chain.entries("approved")[0].body
    assert body["role_is"] == "self-declared"
    note = require_private(raw.what, raw, approvals=ledger.approvals())
    assert "approved it as officer on 2026-10-02: Seen by the board on 1 Oct." in note
    monkeypatch.setenv("WORKBENCH_ROLE", "officer")
    ledger.approve("scorecard", "Public cut points.", now=NOW + dt.timedelta(1))
    assert [each.what for each in ledger.approvals()] == [raw.what, "scorecard"]


def test_an_exception_covers_this_very_model_only(tmp_path):
    ledger = make_ledger(tmp_path)
    ledger.approve(label().what, "Seen.", role="officer", now=NOW)
    for other in (label(definition="v2"), label(name="band"), label(values=("a", "b"))):
        with pytest.raises(QuestionRefused):
            require_private(other.what, other, approvals=ledger.approvals())


@pytest.mark.parametrize("role", [None, "analyst", "Officer"])
def test_who_is_no_officer_approves_nothing(tmp_path, role, monkeypatch):
    monkeypatch.delenv("WORKBENCH_ROLE", raising=False)
    ledger = make_ledger(tmp_path)
    with pytest.raises(Refused, match=r"officer's decision, and you act as"):
        ledger.approve("x", "Because.", role=role, now=NOW)
    assert ledger.approvals() == ()


def test_an_exception_without_a_reason_is_none(tmp_path):
    with pytest.raises(InputError, match="say why"):
        make_ledger(tmp_path).approve("x", " \n", role="officer", now=NOW)


def test_an_edited_exception_is_not_believed(tmp_path):
    ledger = make_ledger(tmp_path)
    ledger.approve("x", "Because.", role="officer", now=NOW)
    tamper(tmp_path, "UPDATE ledger SET body = replace(body, 'Because', 'Whereas')")
    with pytest.raises(LedgerError, match="does not fit"):
        ledger.approvals()


def test_labels_are_part_of_a_questions_identity():
    base = label(PRIVATE).canonical()
    assert base == label(PRIVATE).canonical()
    others = [
        label(Provenance("private", ("r-2",))),
        label(PRIVATE, definition="v2"),
        label(PRIVATE, values=SEGMENTS[::-1]),
    ]
    assert all(other.canonical() != base for other in others)


@pytest.mark.parametrize("values", [(), ("a", "a")])
def test_labels_are_different_and_at_least_one(values):
    with pytest.raises(InputError, match="must be different"):
        label(values=values)
