"""What a campaign brought: by hand, by power, and a Qini whose random band holds random scores."""

import numpy as np
import pytest
from factories.noisy import CUSTOMERS, Books, answer, in_ledger, ledger
from statsmodels.stats.power import NormalIndPower

import workbench as wb
from workbench.errors import InputError, QuestionRefused, UnknownName
from workbench.privacy.columns import Dimension, Measure

ARM = Dimension("arm", "Arm", "category", ("treated", "control"), exclusive=True)
BAND = Dimension("score_band", "Score", "band", ("low", "middle", "high"), exclusive=True)
RATE = Measure("app_rate", "rate", "Responded, share", None, 4)


def arms(many, responded, *, by=(ARM,), sigma=1e-6):
    truth = {"n": list(np.ravel(many)), "app": list(np.ravel(responded))}
    return answer(by, truth, sigma=sigma, measures=(CUSTOMERS, RATE))


def read(release, **options):
    return wb.readout(Books().put(release), measure="app_rate", **options)


def test_an_effect_by_hand_with_what_it_could_have_seen():
    found = read(arms([4000.0, 4000.0], [400.0, 300.0]), worth=0.02).columns
    assert found["effect"] == [pytest.approx(0.025, abs=1e-6)]
    sd = np.sqrt(0.1 * 0.9 / 4000 + 0.075 * 0.925 / 4000)
    assert found["effect_high"][0] == pytest.approx(0.025 + 1.96 * sd, rel=1e-2)
    assert found["detectable"][0] == pytest.approx((1.96 + 0.8416) * sd, rel=1e-2)
    # statsmodels' power of the same difference in standard deviations of one customer
    wanted = NormalIndPower().power(0.02 / (sd * np.sqrt(2000)), nobs1=4000, alpha=0.05)
    assert found["power"][0] == pytest.approx(wanted, abs=0.01)


def test_noise_makes_less_to_be_seen():
    found = [read(arms([4000.0, 4000.0], [400.0, 300.0], sigma=sigma)) for sigma in (1e-6, 60.0)]
    clear, noisy = (each.columns["detectable"][0] for each in found)
    assert noisy > 1.5 * clear


def table(dice, lift, noise, many=4000):
    """Return bands × arms: as many in each cell in the mean, and a lift by band in the treated."""
    size = dice.poisson(many, (3, 2)).astype(float)
    rate = np.stack([0.05 + np.array(lift), np.full(3, 0.05)], axis=1)
    answered = dice.binomial(size.astype(int), rate)
    return size + dice.normal(0, noise, (3, 2)), answered + dice.normal(0, noise, (3, 2))


def ranked_by(size, answered, noise=1e-6):
    asked = Books().put(arms(size, answered, by=(BAND, ARM), sigma=noise))
    return wb.qini(asked, measure="app_rate")


def curve(size, answered, noise=1e-6):
    return ranked_by(size, answered, noise).frame


def test_a_qini_by_hand():
    frame = curve([[100.0, 100], [100, 100], [100, 100]], [[5.0, 5], [8, 5], [20, 5]])
    ranked = frame[frame.line == "by score"]
    assert list(ranked.contacted) == ["0 %", "33 %", "67 %", "100 %"]
    np.testing.assert_allclose(ranked.more_responses.astype(float), [0, 15, 18, 18], atol=1e-3)
    random = frame[frame.line == "at random"]
    np.testing.assert_allclose(random.more_responses.astype(float), [0, 6, 12, 18], atol=1e-3)
    assert random.more_responses_high.iloc[-1] == pytest.approx(18, abs=0.01)


def test_a_score_that_tells_nothing_lies_within_the_band_and_one_that_does_leaves_it(size):
    dice, tries, noise = np.random.default_rng(6), 60 if size == "smoke" else 1000, 10.0
    inside, seen = 0, 0
    for lift, told in (((0.03, 0.03, 0.03), False), ((0.0, 0.0, 0.09), True)):
        for _ in range(tries if not told else 10):
            frame = curve(*table(dice, lift, noise), noise).set_index(["line", "contacted"])
            ranked, random = frame.loc["by score"].iloc[1], frame.loc["at random"].iloc[1]
            out = (
                not random.more_responses_low <= ranked.more_responses <= random.more_responses_high
            )
            inside += (not out) and not told
            seen += out and told
    assert seen == 10
    assert 0.95 * tries - 3 * np.sqrt(0.05 * 0.95 * tries) <= inside


def test_both_are_computed_again(tmp_path):
    book = ledger(tmp_path)
    size, answered = table(np.random.default_rng(1), (0.0, 0.01, 0.05), 5.0)
    asked = in_ledger(arms(size, answered, by=(BAND, ARM), sigma=5.0), book)
    found = wb.qini(asked, measure="app_rate")
    wb.readout(asked, measure="app_rate")
    wb.figures.line(found, x="contacted", y="more_responses", color="line")
    assert book.verify() > 0


@pytest.mark.parametrize(
    ("way", "options", "error", "message"),
    [
        (wb.readout, {"worth": 0.0}, InputError, "above 0"),
        (wb.readout, {"worth": 5.0}, InputError, "up to 1, not 5.0: 0.01 for one"),
        (wb.readout, {"worth": float("inf")}, InputError, "up to 1, not inf"),
        (wb.readout, {"treated": "control"}, InputError, "two arms, and both are 'control'"),
        (wb.qini, {"control": "treated"}, InputError, "two arms, and both are 'treated'"),
        (wb.readout, {"treated": "letter"}, UnknownName, "letter"),
        (wb.readout, {"arm": "group"}, UnknownName, "group"),
        (wb.readout, {"measure": "customers"}, QuestionRefused, "is no rate"),
        (wb.qini, {}, QuestionRefused, "by bands of a score and by arm"),
    ],
)
def test_what_tells_nothing_of_a_campaign_is_refused(way, options, error, message):
    asked = Books().put(arms([400.0, 400.0], [40.0, 30.0]))
    with pytest.raises(error, match=message):
        way(asked, **{"measure": "app_rate", **options})


@pytest.mark.parametrize(
    ("sizes", "answered", "message"),
    [
        ([[1.0, 100], [1, 100], [1000, 100]], [[0.0, 5], [0, 5], [20, 5]], "hardly anybody"),
        ([[100.0, 100], [100, 100], [100, -5]], [[5.0, 5], [5, 5], [20, 0]], "too few controls"),
        ([[-9.0, 100], [-9, 100], [-9, 100]], [[0.0, 5], [0, 5], [0, 5]], "hardly anybody"),
        ([[100.0, -5], [100, -5], [100, -5]], [[5.0, 0], [5, 0], [5, 0]], "hardly anybody"),
    ],
)
def test_of_bands_of_hardly_anybody_no_line_is_known(sizes, answered, message):
    found = ranked_by(sizes, answered)
    assert set(found.columns["more_responses"]) == {None}
    assert message in found.notes[-1]
    wb.figures.line(found, x="contacted", y="more_responses", color="line")


def test_a_group_without_a_known_arm_has_no_effect_and_the_others_have():
    region = Dimension("region", "Region", "category", ("N", "S"), exclusive=True)
    made = Books().put(arms([400.0, 400, 3, 400], [40.0, 30, 1, 30], by=(region, ARM)))
    found = wb.readout(made.suppress(min_customers=20), measure="app_rate")
    assert found.columns["effect"][0] == pytest.approx(0.025, abs=1e-3)
    assert found.columns["effect"][1:] == [None]
