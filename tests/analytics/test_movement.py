"""Who stays, rises, falls, comes and leaves; what an action may bring; what goes together."""

import pytest
from factories.noisy import AMOUNT, CHANNEL, CUSTOMERS, RATE, REGION, Books, answer

import workbench as wb
from workbench.errors import InputError, QuestionRefused, UnknownName
from workbench.figures.language import Language
from workbench.figures.notes import translated
from workbench.privacy.columns import Dimension

VALUES = ("good", "fair", "gone")
BEFORE = Dimension("before", "Before", "category", VALUES, exclusive=True)
NOW = Dimension("persona", "Persona", "category", VALUES, exclusive=True)
#         to good, fair, gone
CELLS = [80.0, 15.0, 5.0,
         10.0, 60.0, 30.0,
         4.0, 6.0, 90.0]  # fmt: skip


@pytest.fixture
def books():
    return Books()


@pytest.fixture
def flows(books):
    return books.put(answer([BEFORE, NOW], {"n": CELLS}, sigma=1.0, measures=(CUSTOMERS,)))


@pytest.fixture
def moved(flows):
    return wb.movement(flows, lost=["gone"])


def rows(release, figure):
    return dict(zip(release.columns[release.by[0].name], release.columns[figure], strict=True))


class TestMovement:
    def test_every_customer_moved_one_way(self, moved):
        assert rows(moved.moves, "customers") == {
            "Stayed": 140.0, "Rose": 10.0, "Fell": 15.0, "Came": 10.0, "Left": 35.0,
        }  # fmt: skip

    def test_by_persona(self, moved):
        persona = moved.by_persona
        assert rows(persona, "customers") == {"good": 94.0, "fair": 81.0, "gone": 125.0}
        assert rows(persona, "customers_change") == {"good": -6.0, "fair": -19.0, "gone": 25.0}
        assert rows(persona, "kept_rate") == pytest.approx({"good": 0.8, "fair": 0.6, "gone": 0.9})
        assert rows(persona, "came_rate")["good"] == pytest.approx(14 / 94)

    def test_what_a_change_shares_with_itself_is_not_counted_twice(self, moved):
        # good now less good before: of nine cells, the diagonal one falls out
        margin = moved.by_persona.margin("customers_change")[0]
        assert margin == pytest.approx(1.96 * 2, rel=1e-3)

    def test_churn_is_of_those_who_were_active(self, moved):
        columns = moved.churn.columns
        assert (columns["active"], columns["lost"]) == ([200.0], [35.0])
        assert columns["churn_rate"] == [0.175]

    def test_stability_is_of_those_who_are_active_at_both(self, moved):
        assert moved.kept.columns["kept_rate"] == pytest.approx([140 / 165])
        assert moved.stability.columns["stability"] == ["A"]

    def test_all_of_it_can_be_shown(self, moved):
        for release in (moved.moves, moved.by_persona, moved.churn, moved.kept, moved.stability):
            wb.figures.table(release)

    def test_a_definition_of_churn_is_some_of_the_personas(self, flows):
        with pytest.raises(UnknownName, match="Did you mean 'gone'"):
            wb.movement(flows, lost=["gne"])
        with pytest.raises(QuestionRefused, match="some of the personas, not none"):
            wb.movement(flows, lost=[])
        with pytest.raises(QuestionRefused, match="some of the personas, not all"):
            wb.movement(flows, lost=list(VALUES))

    def test_other_releases_are_no_movement(self, books):
        with pytest.raises(QuestionRefused, match="by the same personas before and now"):
            wb.movement(books.put(answer([REGION, NOW], measures=(CUSTOMERS,))), lost=["gone"])


class TestRetention:
    COHORT = Dimension("cohort", "Cohort", "band", ("2024", "2025"), exclusive=True)

    def test_it_is_the_share_of_a_cohort_that_is_still_active(self, books):
        cells = [30.0, 30.0, 40.0, 45.0, 45.0, 10.0]
        cohorts = books.put(answer([self.COHORT, NOW], {"n": cells}, measures=(CUSTOMERS,)))
        kept = wb.retention(cohorts, lost=["gone"])
        assert rows(kept, "customers") == {"2024": 100.0, "2025": 100.0}
        assert rows(kept, "retention_rate") == pytest.approx({"2024": 0.6, "2025": 0.9})

    def test_it_is_of_cohorts_and_personas(self, books, flows):
        with pytest.raises(UnknownName, match="persona"):
            wb.retention(flows, lost=["gne"])
        with pytest.raises(QuestionRefused, match="customers by cohort and persona"):
            wb.retention(books.put(answer([NOW], measures=(CUSTOMERS,))), lost=["gone"])


class TestGains:
    ARM = Dimension("arm", "Arm", "category", ("control", "treated"))

    def arms(self, books, by=(), sizes=(400.0, 900.0)):
        taken = [0.1 * sizes[0], 0.2 * sizes[1]] * (3 if by else 1)
        truth = {"n": list(sizes) * (3 if by else 1), "app": taken}
        measures = (CUSTOMERS, RATE)
        return books.put(answer([*by, self.ARM], truth, sigma=0.01, measures=measures, number=2))

    def groups(self, books):
        return books.put(
            answer([NOW], {"n": [100.0, 200.0, 0.0]}, sigma=1.0, measures=(CUSTOMERS,))
        )

    def test_the_effect_is_treated_less_control_with_the_chance_of_who_was_drawn(self, books):
        effect = wb.campaign_effect(self.arms(books), measure="app_rate")
        assert effect.columns["effect"] == pytest.approx([0.1])
        sd = (0.1 * 0.9 / 400 + 0.2 * 0.8 / 900) ** 0.5
        assert effect.margin("effect")[0] == pytest.approx(1.96 * sd, rel=0.03)

    def test_a_gain_is_effect_times_customers_times_worth(self, books):
        effect = wb.campaign_effect(self.arms(books), measure="app_rate")
        gain = wb.expected_gain(self.groups(books), effect=effect, value_each=50)
        assert rows(gain, "expected_gain") == pytest.approx({"good": 500, "fair": 1000, "gone": 0})
        relative = effect.margin("effect")[0] / 0.1
        assert gain.margin("expected_gain")[0] == pytest.approx(500 * relative, rel=0.03)
        assert gain.measures[-1].title == "Expected gain"

    def test_effects_may_be_of_each_group(self, books):
        effect = wb.campaign_effect(self.arms(books, [NOW]), measure="app_rate")
        assert [each.name for each in effect.by] == ["persona"]
        gain = wb.expected_gain(self.groups(books), effect=effect, value_each=1, also=[])
        assert rows(gain, "expected_gain")["fair"] == pytest.approx(20)

    def test_an_assumption_is_called_one(self, books):
        gain = wb.expected_gain(self.groups(books), assumed=0.02, value_each=50, unit="EUR")
        assert rows(gain, "expected_gain")["fair"] == pytest.approx(200)
        assert gain.measures[-1].title == ("Expected gain, assuming 2.0% more responses at 50 each")

    def test_an_effect_that_is_not_known_says_how_many_contacts_would_tell(self, books):
        arms = self.arms(books, sizes=(60.0, 60.0))
        effect = wb.campaign_effect(arms, measure="app_rate")
        (card,) = wb.figures.kpis(effect).drawn().cards
        assert card.full == "not known: between −4 and +24 points"
        gain = wb.expected_gain(self.groups(books), effect=effect, value_each=50)
        sheet = wb.figures.table(gain).drawn()
        assert [head.text for head in sheet.grid.heads] == ["Persona", "Customers"]
        for each in (effect, gain):  # whoever shows one of them says so
            (note,) = [note for note in each.notes if "would tell" in note]
            assert note == (
                "Responses, treated – control: not known as yet. About 850 contacts, instead of "
                "120, would tell an effect of 7 points from none, 4 times in 5."
            )
            assert "约需联系 850 次" in translated(note, Language("zh"))
        odd = wb.campaign_effect(self.arms(books, sizes=(61.0, 62.0)), measure="app_rate")
        assert any("instead of 120, would" in note for note in odd.notes)  # estimated, so no 123
        known = wb.campaign_effect(self.arms(books), measure="app_rate")
        assert not any("would tell" in note for note in known.notes)

    def test_differences_of_effects_and_sums_stay_differences(self, books):
        effect = wb.campaign_effect(self.arms(books), measure="app_rate")
        double = wb.column("effect") * 2.0
        derived = effect.derive(double.named("double"), wb.column("effect") * 1.0)
        assert [each.contrast for each in derived.measures] == ["points", "points"]
        groups = self.groups(books)
        told = groups.derive(
            (wb.column("customers") - wb.column("customers", of=groups)).named("less"),
            wb.ratio("customers", 2.0, name="half"),
        )
        assert [each.contrast for each in told.measures] == ["amount", None]

    def test_what_a_gain_stands_on_is_asked_for(self, books):
        groups = self.groups(books)
        with pytest.raises(InputError, match="give exactly one of the two"):
            wb.expected_gain(groups, value_each=1)
        with pytest.raises(InputError, match="above 0, not 0"):
            wb.expected_gain(groups, assumed=0.1, value_each=0)
        for wrong in ({"assumed": 2.0}, {"assumed": -1.5}, {"assumed": float("nan")}):
            with pytest.raises(InputError, match="for two more in a hundred"):
                wb.expected_gain(groups, value_each=9, **wrong)
        with pytest.raises(InputError, match=r"above 0, not 1e\+300"):
            wb.expected_gain(groups, assumed=0.1, value_each=1e300)
        amounts = books.put(answer([NOW], measures=(AMOUNT,))).derive("amount_sum")
        with pytest.raises(QuestionRefused, match="does not show 'customers'"):
            wb.expected_gain(amounts, assumed=0.1, value_each=1)
        with pytest.raises(UnknownName, match="group column"):
            wb.campaign_effect(groups)
        with pytest.raises(UnknownName, match="value of arm"):
            wb.campaign_effect(self.arms(books), control="contrl", measure="app_rate")


class TestRecommendations:
    PAIR = Dimension(
        "kind_pair", "Kind, pair", "category", ("p", "p + q", "p + r", "q", "q + r", "r")
    )

    def lifts(self, books, cells):
        pairs = books.put(answer([self.PAIR], {"n": cells}, sigma=2.0, measures=(CUSTOMERS,)))
        whole = answer([], {"n": [1000.0]}, measures=(CUSTOMERS,), number=2, sigma=2.0)
        return pairs.affinity(books.put(whole))

    def test_pairs_surely_above_chance_are_offered_both_ways(self, books):
        lifts = self.lifts(books, [400.0, 240.0, 121.0, 400.0, 180.0, 300.0])
        found = wb.recommendations(lifts)
        offers = [(row.product, row.offer) for row in found.itertuples()]
        assert offers == [("p", "q"), ("q", "p"), ("q", "r"), ("r", "q")]  # p + r is chance
        assert wb.recommendations(lifts, most=1).shape == (3, 4)
        both = wb.recommendations({"Loyal": lifts, "New": lifts}, most=1)
        assert list(both.persona) == ["Loyal"] * 3 + ["New"] * 3
        with pytest.raises(QuestionRefused, match="one persona's lifts or more"):
            wb.recommendations({})

    def test_where_nothing_is_sure_nothing_is_offered(self, books):
        lifts = self.lifts(books, [400.0, 160.0, 120.0, 400.0, 120.0, 300.0])
        assert len(wb.recommendations(lifts)) == 0

    def test_other_releases_have_none(self, books):
        with pytest.raises(QuestionRefused, match="recommendations are made of lifts"):
            wb.recommendations(books.put(answer([CHANNEL], measures=(CUSTOMERS,))))
