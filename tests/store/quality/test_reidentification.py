"""How well people hide: the papers' own examples, counted by hand, and against plain pandas."""

import duckdb
import numpy as np
import pandas as pd
import pytest

from workbench.store.quality.reidentification import reidentification


def measured(rows, names, **question):
    frame = pd.DataFrame(rows, columns=names)
    with duckdb.connect() as connection:
        connection.register("given", frame)
        return reidentification(connection, "given", person="person", **question)


# Machanavajjhala et al. 2007, figures 1 to 3: inpatients by ZIP code, age and nationality.
INPATIENTS = [
    (1, "130**", "<30", "heart"), (2, "130**", "<30", "heart"),
    (3, "130**", "<30", "viral"), (4, "130**", "<30", "viral"),
    (5, "1485*", ">=40", "cancer"), (6, "1485*", ">=40", "heart"),
    (7, "1485*", ">=40", "viral"), (8, "1485*", ">=40", "viral"),
    (9, "130**", "3*", "cancer"), (10, "130**", "3*", "cancer"),
    (11, "130**", "3*", "cancer"), (12, "130**", "3*", "cancer"),
]  # fmt: skip  # why: a group a block


def test_the_inpatients_of_machanavajjhala_2007_are_4_anonymous_and_not_diverse():
    found = measured(
        INPATIENTS,
        ["person", "zip", "age", "condition"],
        quasi_identifiers=["zip", "age"],
        sensitive=["condition"],
    )
    assert (found.people, found.groups, found.smallest, found.alone) == (12, 3, 4, 0)
    assert (found.people_under, found.share_under) == (12, 1.0)
    assert found.sensitive["condition"].l == 1
    # all of the third group have cancer, of everybody five in twelve
    assert found.sensitive["condition"].t == pytest.approx(1 - 5 / 12)


# Li et al. 2007, section 4 and tables 3 and 5: salaries 3k to 11k.
SALARIES = [(1, "a", 3), (2, "a", 4), (3, "a", 5), (4, "b", 6), (5, "b", 11), (6, "b", 8),
            (7, "c", 7), (8, "c", 9), (9, "c", 10)]  # fmt: skip  # why: as the paper has them


def test_the_salaries_of_li_2007_are_as_far_as_the_paper_says():
    names, question = ["person", "group", "salary"], {"quasi_identifiers": ["group"]}
    found = measured(SALARIES, names, sensitive=["salary"], **question)
    assert found.sensitive["salary"].t == pytest.approx(0.375)  # the first class
    rest = [(p, "x" if g != "b" else "b", s) for p, g, s in SALARIES]
    found = measured(
        [row if row[1] == "b" else (row[0], str(row[0]), row[2]) for row in rest],
        names, sensitive=["salary"], **question,
    )  # fmt: skip  # why: two lines
    assert found.sensitive["salary"].t == pytest.approx(0.5)  # one person at either end
    only = measured(SALARIES, names, sensitive=["salary"], quasi_identifiers=[])
    assert (only.groups, only.sensitive["salary"].t) == (1, 0)


def test_the_second_class_of_li_2007_is_closer():
    # {6k, 8k, 11k}: 0.167, where the others are as spread as everybody
    rows = [(i, "rest", s) for i, s in enumerate(range(3, 12))]
    rows += [(10 + i, "two", s) for i, s in enumerate((6, 8, 11))]
    found = measured(rows, ["person", "g", "salary"], quasi_identifiers=["g"], sensitive=["salary"])
    both = np.array([1, 1, 1, 2, 1, 2, 1, 1, 2]) / 12
    two = np.array([0, 0, 0, 1, 0, 1, 0, 0, 1]) / 3
    assert found.sensitive["salary"].t == pytest.approx(abs(np.cumsum(two - both)).sum() / 8)


def test_a_person_with_many_rows_counts_once_and_a_missing_value_is_a_value():
    rows = [(1, "n", None), (1, "n", None), (2, "n", None), (3, None, "x"), (None, "n", "y")]
    found = measured(rows, ["person", "q", "s"], quasi_identifiers=["q"], sensitive=["s"])
    assert (found.people, found.groups, found.smallest, found.alone) == (3, 2, 1, 1)
    assert found.sensitive["s"].l == 1


ROUTES = [(1, "n"), (1, "s"), (1, "n"), (2, "s"), (2, "n"), (3, "n"), (4, "n"), (5, "s"), (6, "s")]


@pytest.mark.parametrize("stranger", [(7, "n"), (7, None)])
def test_a_person_whose_rows_together_are_like_nobody_elses_is_alone(stranger):
    rows = [*ROUTES, stranger, (7, "w"), (8, "w"), (9, "w")]
    found = measured(rows, ["person", "q"], quasi_identifiers=["q"])
    # {n, s}, {n}, {s} and {w} of two each; n and w, or nothing and w, is the seventh's alone
    assert (found.people, found.groups, found.smallest, found.alone) == (9, 5, 1, 1)


def test_where_rows_cannot_be_told_to_be_of_one_person_each_combination_is_a_group():
    rows = [*ROUTES, (7, "n"), (7, "w"), (8, "w"), (9, "w")]
    found = measured(rows, ["person", "q"], quasi_identifiers=["q"], linked=False)
    assert (found.people, found.groups, found.smallest, found.alone) == (9, 3, 3, 0)


def test_an_empty_table_hides_nobody():
    found = measured([], ["person", "q", "s"], quasi_identifiers=["q"], sensitive=["s"])
    assert (found.people, found.smallest, found.share_under) == (0, 0, None)
    assert found.sensitive["s"].l == 0


def test_it_agrees_with_pandas_on_random_people():
    dice = np.random.default_rng(3)
    frame = pd.DataFrame(
        {
            "person": np.arange(3000) % 2400,
            "region": dice.choice(list("abcdefgh"), 3000),
            "born": dice.integers(1950, 2005, 3000),
            "illness": dice.choice(["x", "y", "z"], 3000),
        }
    )
    with duckdb.connect() as connection:
        connection.register("given", frame)
        found = reidentification(
            connection, "given", person="person", quasi_identifiers=["region", "born"],
            sensitive=["illness"], under=5, linked=False,
        )  # fmt: skip  # why: two lines
    sizes = frame.groupby(["region", "born"]).person.nunique()
    assert (found.groups, found.smallest) == (len(sizes), sizes.min())
    assert found.alone == (sizes == 1).sum()
    small = frame.set_index(["region", "born"]).loc[sizes[sizes < 5].index]
    assert found.people_under == small.person.nunique()
    distinct = frame.drop_duplicates()
    overall = distinct.illness.value_counts(normalize=True)
    distances = [
        (group.illness.value_counts(normalize=True).reindex(overall.index, fill_value=0) - overall)
        .abs()
        .sum()
        / 2
        for _, group in distinct.groupby(["region", "born"])
    ]
    assert found.sensitive["illness"].t == pytest.approx(max(distances))
    assert (
        found.sensitive["illness"].l == distinct.groupby(["region", "born"]).illness.nunique().min()
    )
    assert list(found.to_frame().figure)[2] == "smallest group (k)"


def test_people_by_all_their_rows_agree_with_pandas():
    dice = np.random.default_rng(5)
    frame = pd.DataFrame(
        {
            "person": dice.integers(0, 900, 2000),
            "region": dice.choice(list("abc"), 2000),
            "tier": dice.choice([1, 2], 2000),
        }
    )
    with duckdb.connect() as connection:
        connection.register("given", frame)
        found = reidentification(
            connection, "given", person="person", quasi_identifiers=["region", "tier"]
        )
    pairs = frame.assign(pair=list(zip(frame.region, frame.tier, strict=True)))
    sizes = pairs.groupby("person").pair.agg(frozenset).value_counts()
    assert (found.groups, found.smallest) == (len(sizes), sizes.min())
    assert found.alone == (sizes == 1).sum()
    assert found.people_under == sizes[sizes < 5].sum()


def test_a_value_that_all_people_of_a_group_have_is_told_whatever_else_one_has():
    rows = [(person, "z", "ill") for person in range(5)] + [(0, "z", "well")]
    names, asked = ["person", "q", "s"], {"quasi_identifiers": ["q"], "sensitive": ["s"]}
    assert measured(rows, names, **asked).sensitive["s"].l == 1
    assert measured([*rows, (5, "z", "well")], names, **asked).sensitive["s"].l == 2
