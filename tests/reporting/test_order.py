"""In which order editions are made, and what must be there before one is."""

import pytest
from factories.pages import page
from support.line import DEFINITION, PARAMETERS, write_report

from workbench.errors import RunFailed
from workbench.periods import Period
from workbench.reporting.definitions.definition import Definition
from workbench.reporting.published import editions
from workbench.reporting.runner import Asked, Failure
from workbench.reporting.suite import _lacking, _needs


def _definition(name, after=(), kind="month", **more):
    content = {
        "name": name,
        "title": name,
        "notebook": "x.ipynb",
        "audience": "managers",
        "budget": {"epsilon": 1},
        "period": {"kind": kind},
        "after": after,
    }
    return Definition.model_validate({**content, **more})


def _asked(definition, *periods):
    return [Asked(definition, Period.parse(each), each_variant) for each in periods
            for each_variant in definition.variants]  # fmt: skip  # why: one line


def _order(*asked):
    """Return which edition waits for which, in words."""
    ordered = sorted((each for some in asked for each in some), key=lambda each: each.period.end)
    names = [f"{each.definition.name} {each.period.text}" for each in ordered]
    return {
        names[number]: {names[other] for other in others}
        for number, others in _needs(ordered).items()
    }


MONTHS = ("2026-08", "2026-09")


@pytest.mark.parametrize(
    ("kind", "period", "waits"),
    [
        ("month", "2026-09", {"base 2026-08", "base 2026-09"}),
        ("month", "2026-08", {"base 2026-08"}),
        ("quarter", "2026-Q3", {"base 2026-08", "base 2026-09"}),
        ("year", "2025", set()),
        ("week", "2026-W36", {"base 2026-08"}),  # ends on 6 September
        ("week", "2026-W35", set()),
    ],
)
def test_an_edition_comes_after_what_is_over_when_it_is(kind, period, waits):
    late = _asked(_definition("late", ["base"], kind), period)
    assert _order(late, _asked(_definition("base"), *MONTHS))[f"late {period}"] == waits


def test_what_comes_after_all_is_made_alone_and_one_after_it_later():
    summary, other = _definition("a-summary", "all"), _definition("other")
    follower = _definition("follower", ["a-summary"])
    quarter = _definition("quarter", ["other"], "quarter")
    order = _order(
        _asked(summary, *MONTHS),
        _asked(other, *MONTHS),
        _asked(follower, "2026-09"),
        _asked(quarter, "2026-Q3"),
    )
    assert order["a-summary 2026-08"] == {"other 2026-08"}
    assert order["other 2026-09"] >= {"a-summary 2026-08"}
    assert order["a-summary 2026-09"] >= {"other 2026-09", "quarter 2026-Q3", "a-summary 2026-08"}
    assert order["follower 2026-09"] >= {"a-summary 2026-09"}
    assert "follower 2026-09" not in order["a-summary 2026-09"]


def test_the_samples_compliance_summary_comes_after_the_reports_it_sums_up(repository):
    from workbench.reporting.definitions.reading import load_all

    found, problems = load_all(repository / "reports", repository / "notebooks")
    assert problems == ()
    order = _order(*(_asked(each, "2026-09") for each in found.values()))
    others = {f"{name} 2026-09" for name in found} - {"compliance-summary 2026-09"}
    assert len(others) >= 2
    assert order.pop("compliance-summary 2026-09") == others
    judged = order.pop("decision-dashboard 2026-09")
    assert judged == others - {"decision-dashboard 2026-09"}
    assert not any(order.values())


# ---------------------------------------------------------------- what must be there


BY_REGION = (
    DEFINITION + "  region: {{type: text, required: true, choices: [north, South West]}}\n"
    "grid: {{region: choices}}\n"
)


@pytest.mark.parametrize(
    ("kind", "period", "there", "lacks"),
    [
        ("month", "2026-09", ["2026-08"], "'base', which has no edition of it yet."),
        ("month", "2026-09", ["2026-09"], ""),
        ("quarter", "2026-Q3", ["2026-08"], "'base', which has no edition of 2026-09 yet."),
        ("quarter", "2026-Q3", ["2026-09"], ""),
        ("week", "2026-W36", ["2026-07"], "'base', which has no edition of 2026-08 yet."),
        ("week", "2026-W36", ["2026-08"], ""),
        ("week", "2026-W02", [], ""),  # December lies before the data
    ],
)
def test_of_periods_of_another_length_the_last_that_is_over_must_be_there(
    shop, kind, period, there, lacks
):
    write_report(shop.settings.root, name="base")
    for each in there:
        editions.publish(shop.settings.path("published"), "base", each, page(period=each))
    (late,) = _asked(_definition("late", ["base"], kind), period)
    found, failed = _lacking(late, "base", [late], {}, shop.reports.desk())
    assert not failed
    assert found.startswith(lacks) if lacks else found == ""


def test_every_edition_of_a_grid_must_be_there(shop):
    parameters = f'{PARAMETERS}\nregion = "north"'
    write_report(shop.settings.root, name="base", definition=BY_REGION, parameters=parameters)
    published = shop.settings.path("published")
    (late,) = _asked(_definition("late", ["base"]), "2026-09")
    for variant, lacks in (
        ("region=north", "2026-09/region=South-West"),
        ("region=South-West", None),
    ):
        editions.publish(published, "base", "2026-09", page(), variant=variant)
        found, _ = _lacking(late, "base", [late], {}, shop.reports.desk())
        assert (f"has no edition of {lacks} yet" in found) if lacks else found == ""
    failure = Failure(
        Asked(_definition("base"), Period.parse("2026-09"), late.variant),
        RunFailed("it failed"),
        shop.private,
    )
    assert _lacking(late, "base", [late], {0: failure}, shop.reports.desk())[1]
    found, failed = _lacking(late, "gone", [late], {}, shop.reports.desk())
    assert "'gone', which cannot run: no report named 'gone'" in found
    assert not failed
