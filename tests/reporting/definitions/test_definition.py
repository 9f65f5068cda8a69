"""Report definitions: everything wrong at once, and parameters typed before a kernel starts."""

import json

import pytest
from support.line import DEFINITION, PARAMETERS, write_report

from workbench.errors import DefinitionError, ParameterError, UnknownName
from workbench.reporting.definitions.reading import find_definition, load_all, load_definition

TYPED = """\
title: Typed
notebook: {name}.ipynb
audience: managers
budget: {{epsilon: 1}}
parameters:
  epsilon: {{type: number, default: 0.1, range: [0.01, 3]}}
  top: {{type: integer, default: 5, range: [1, 20]}}
  region: {{type: text, default: north, choices: [north, south]}}
  deep: {{type: boolean, default: false}}
  day: {{type: date, default: 2026-09-30}}
  first: {{type: month, default: 2026-01}}
  groups: {{type: list, default: [region, category]}}
  code: {{type: text, required: true}}
"""
CELL = (
    'period = "2026-09"\nepsilon = 0.1\ntop = 5\nregion = "north"\ndeep = False\n'
    'day = "2026-09-30"\nfirst = "2026-01"\ngroups = []\ncode = ""'
)


@pytest.fixture
def typed(tmp_path):
    write_report(tmp_path, name="typed", definition=TYPED, parameters=CELL)
    return find_definition("typed", tmp_path / "reports", tmp_path / "notebooks")


def test_defaults_have_their_types(typed):
    assert typed.values(["code=007"]) == {
        "epsilon": 0.1,
        "top": 5,
        "region": "north",
        "deep": False,
        "day": "2026-09-30",
        "first": "2026-01",
        "groups": ["region", "category"],
        "code": "007",
    }


@pytest.mark.parametrize(
    ("given", "value"),
    [
        ("top=7", 7),
        ("epsilon=1e0", 1.0),
        ("deep=true", True),
        ("groups=region, 12,0.5", ["region", 12, 0.5]),
        ("first=2026-02", "2026-02"),
        ("code=12:30", "12:30"),
        ("code=yes", "yes"),
        ("code=a=b", "a=b"),
        ("top=7.0", 7),
        ("day= 2026-9-3", "2026-09-03"),
        (
            "groups=0.9999999999999999999,123456789012345678901234,0.5",
            ["0.9999999999999999999", "123456789012345678901234", 0.5],
        ),
    ],
)
def test_values_are_read_by_their_type(typed, given, value):
    name = given.partition("=")[0]
    more = [] if name == "code" else ["code=x"]
    assert typed.values([given, *more])[name] == value


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("top=many", "'top' takes a whole number such as 5, not 'many'"),
        ("top=1e3", "'top' takes a whole number"),
        ("top=99", "'top' takes 1 to 20, not 99"),
        *(
            (f"epsilon={text}", "'epsilon' takes a number")
            for text in (
                "nan",
                "inf",
                "1e400",
                "1e-400",
                "0x1",
                "1_0",
                "１",
                "0.9999999999999999999",
                "0.12345678901234567",
                "1,5",
                "\u20281",
            )
        ),
        *(
            (f"top={text}", "'top' takes a whole number")
            for text in ("12.5", "0x1F", "1_0", "9223372036854775808", "9" * 5000, "１", "5\u00a0")
        ),
        *(
            (f"day={text}", "'day' takes a date")
            for text in (
                "20260930",
                "2026-W40-3",
                "0001-01-01",
                "26-09-30",
                "2026-09-30 garbage",
                "2026-02-30",
                "2026-09-30\u00a0",
                "today",
                "2026-09-30T23:30:00-05:00",
            )
        ),
        ("deep=yes", "'deep' takes true or false, not 'yes'"),
        ("day=30.9.2026", "'day' takes a date such as"),
        ("first=2026-13", "'first' takes a month"),
        ("region=nroth", "Did you mean 'north'"),
        ("tpo=3", "has no parameter 'tpo'. Did you mean 'top'"),
        ("period=2026-08", "the period is given with --period"),
        ("top", "write parameters as name=value"),
    ],
)
def test_what_does_not_fit_is_refused_before_a_kernel_starts(typed, given, message):
    with pytest.raises(ParameterError) as refusal:
        typed.values(["code=x", given])
    assert message in str(refusal.value)


def test_a_parameter_given_twice_or_missing_is_refused(typed):
    with pytest.raises(ParameterError, match="'top' is given twice"):
        typed.values(["code=x", "top=1", "top=2"])
    with pytest.raises(ParameterError, match="needs -p code="):
        typed.values([])


def test_an_unknown_report_is_refused_with_a_suggestion(tmp_path):
    write_report(tmp_path, name="customers")
    with pytest.raises(UnknownName, match="Did you mean 'customers'"):
        find_definition("custmers", tmp_path / "reports", tmp_path / "notebooks")


def test_everything_wrong_is_told_at_once_with_its_line(tmp_path):
    path = write_report(
        tmp_path,
        definition=(
            "titel: Customers\nnotebook: {name}.ipynb\naudience: managers\n"
            "budget: {{epsilon: -1}}\nparameters:\n  top: {{type: integr}}\n"
        ),
    )
    with pytest.raises(DefinitionError) as refusal:
        load_definition(path, tmp_path / "notebooks")
    text = str(refusal.value)
    assert f"{path}:1" in text
    assert "Did you mean 'title'" in text
    assert f"{path}:4" in text
    assert "greater than 0" in text
    assert f"{path}:6" in text
    assert "integr" in text
    assert "'title' is missing" in text


def test_a_missing_notebook_and_a_missing_parameters_cell_are_told(tmp_path):
    path = write_report(tmp_path)
    notebook = tmp_path / "notebooks" / "customers.ipynb"
    content = json.loads(notebook.read_text())
    content["cells"][1]["metadata"] = {}
    notebook.write_text(json.dumps(content))
    with pytest.raises(DefinitionError, match="tagged 'parameters'"):
        load_definition(path, tmp_path / "notebooks")
    notebook.write_text("no notebook")
    with pytest.raises(DefinitionError, match="is not a notebook"):
        load_definition(path, tmp_path / "notebooks")
    notebook.unlink()
    with pytest.raises(DefinitionError, match="no notebook at"):
        load_definition(path, tmp_path / "notebooks")


def test_a_parameter_the_cell_does_not_set_is_told(tmp_path):
    path = write_report(tmp_path, parameters='period = "2026-09"')
    with pytest.raises(DefinitionError, match="does not set 'epsilon'"):
        load_definition(path, tmp_path / "notebooks")


# ---------------------------------------------------------------- grid, schedule and the rest


def _load(tmp_path, more, parameters=PARAMETERS, name="customers"):
    path = write_report(tmp_path, name=name, definition=DEFINITION + more, parameters=parameters)
    return load_definition(path, tmp_path / "notebooks")


def test_a_definition_that_names_the_engine_is_the_same_one(tmp_path):
    assert _load(tmp_path, "engine: workbench\n") == _load(tmp_path, "")


REGION = "  region: {{type: text, required: true, choices: [north, south, west end]}}\n"
WITH_REGION = f'{PARAMETERS}\nregion = "north"'


def test_a_grid_has_an_edition_for_each_combination(tmp_path):
    more = REGION + "grid: {{region: choices, epsilon: [0.1, 0.2]}}\n"
    definition = _load(tmp_path, more, WITH_REGION)
    editions = definition.editions()
    assert [each.name for each in editions][:3] == [
        "region=north,epsilon=0.1",
        "region=north,epsilon=0.2",
        "region=south,epsilon=0.1",
    ]
    assert editions[-1].name == "region=west-end,epsilon=0.2"
    assert editions[-1].values == {"epsilon": 0.2, "region": "west end"}
    assert definition.size == 6


def test_parameters_choose_editions_of_a_grid(tmp_path):
    more = REGION + "grid: {{region: [north, south]}}\n"
    definition = _load(tmp_path, more, WITH_REGION)
    (chosen,) = definition.editions(["region=south", "epsilon=0.3"])
    assert (chosen.name, chosen.values["epsilon"]) == ("region=south", 0.3)
    with pytest.raises(ParameterError, match=r"has no edition with region=west end. Its grid has"):
        definition.editions(["region=west end"])


def test_a_grid_of_other_alphabets_has_names_for_folders(tmp_path):
    more = "  city: {{type: text, default: 北京}}\ngrid: {{city: [北京, 上海, a/../b]}}\n"
    definition = _load(tmp_path, more, f'{PARAMETERS}\ncity = ""')
    assert [each.name for each in definition.editions()] == ["city=1", "city=2", "city=a-..-b"]


def test_yaml_means_what_it_looks_like(tmp_path):
    more = (
        "  at: {{type: text, default: 12:30}}\n  really: {{type: text, default: yes}}\n"
        "  many: {{type: number, default: 1e3}}\n  on: {{type: boolean, default: true}}\n"
        "catch_up: 0o14\n"
    )
    cell = f'{PARAMETERS}\nat = ""\nreally = ""\nmany = 0.0\non = False'
    definition = _load(tmp_path, more, cell)
    assert definition.values() == {
        "epsilon": 0.1,
        "at": "12:30",
        "really": "yes",
        "many": 1000.0,
        "on": True,
    }
    assert definition.catch_up == 12


def test_all_that_a_definition_may_say(tmp_path):
    definition = _load(
        tmp_path,
        "schedule: {{cron: 0 6 5 * *, time_zone: Asia/Shanghai}}\n"
        "period: {{kind: quarter, rule: previous}}\ncatch_up: 2\nretries: 0\n"
        "limits: {{run_seconds: 900, cell_seconds: 300, memory_mb: 2000, output_mb: 20}}\n"
        "hooks: {{published: mail -s ready, failed: page-me --now, webhook: 'https://x.org/h'}}\n"
        "lang: [en, zh]\ntranslations: {{zh: {{Customers: 客户}}}}\n",
    )
    assert definition.schedule.cron == "0 6 5 * *"
    assert (definition.limits.memory_mb, definition.limits.output_mb) == (2000, 20)
    assert definition.languages == {"en": {}, "zh": {"Customers": "客户"}}
    assert _load(tmp_path, "lang: zh\n").languages == {"zh": {}}


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ("schedule: {{cron: 0 6 5 *, time_zone: UTC}}\n", "(schedule.cron): '0 6 5 *' has 4"),
        ("schedule: {{cron: 0 6 5 * *}}\n", "'time_zone' is missing"),
        (
            "schedule: {{cron: 0 6 5 * *, time_zone: Asia/Shangai}}\n",
            "Did you mean 'Asia/Shanghai'",
        ),
        ("schedule: {{corn: 0 6 5 * *, time_zone: UTC}}\n", "Did you mean 'cron'"),
        (
            "  code: {{type: text, required: true}}\n"
            "schedule: {{cron: 0 6 5 * *, time_zone: UTC}}\n",
            "a schedule gives no value to the required parameter 'code'",
        ),
        ("grid: {{epsilno: [1]}}\n", "the grid has no parameter 'epsilno' to vary. Did you mean"),
        ("grid: {{epsilon: choices}}\n", "takes the choices of 'epsilon', which declares none"),
        ("grid: {{epsilon: []}}\n", "the grid lists no value of 'epsilon'"),
        ("grid: {{epsilon: [9]}}\n", "in the grid, parameter 'epsilon' takes 0.01 to 3, not 9"),
        (
            "grid: {{epsilon: [0.1, 0.10]}}\n",
            "editions of the grid are both named 'epsilon=0.1'",
        ),
        ("period: {{kind: day}}\n", "'month', 'week', 'quarter' or 'year'"),
        ("period: {{rule: current}}\n", "'last-complete' or 'previous'"),
        ("catch_up: -1\n", "greater than or equal to 0"),
        ("limits: {{run_seconds: 0}}\n", "greater than 0"),
        ("limits: {{output_mb: 0}}\n", "greater than 0"),
        ("limits: {{memory_mb: 5}}\n", "greater than or equal to 100"),
        ("retries: many\n", "valid integer"),
        ("hooks: {{publihsed: mail}}\n", "Did you mean 'published'"),
        ('hooks: {{failed: "it\'s"}}\n', "is no command: No closing quotation"),
        ("hooks: {{webhook: ftp://x.org}}\n", "should match pattern"),
        ("engine: papermill\n", "engine"),
        ("lang: [en, fr]\n", "'en' or 'zh'"),
        ("lang: [en, en]\n", "a language is listed twice"),
        ("translations: {{zh: {{a: b}}}}\n", "'translations' has 'zh', which is not in 'lang'"),
        ("  when: {{type: text, default: 1e3}}\n", "the default 1000.0 is no text in YAML"),
        ("title: Again\n", "title"),
        ("after: &a [*a]\n", "after"),
    ],
)
def test_what_makes_no_sense_is_told_with_its_line(tmp_path, more, message):
    cell = f'{PARAMETERS}\ncode = ""\nwhen = ""'
    with pytest.raises(DefinitionError) as refusal:
        _load(tmp_path, more, cell)
    assert message in str(refusal.value)
    assert "customers.yaml:" in str(refusal.value)


def test_a_wrong_definition_also_tells_what_is_wrong_with_its_notebook(tmp_path):
    with pytest.raises(DefinitionError) as refusal:
        _load(tmp_path, "retries: many\n", parameters="x = 1")
    assert "valid integer" in str(refusal.value)
    assert "does not set 'epsilon', 'period'" in str(refusal.value)


def _all(tmp_path):
    return load_all(tmp_path / "reports", tmp_path / "notebooks")


def test_reports_that_wait_for_each_other_are_told_and_the_others_run(tmp_path):
    for name, after in {"one": "two", "two": "three", "three": "one", "four": "one"}.items():
        _load(tmp_path, f"after: [{after}]\n", name=name)
    _load(tmp_path, "", name="five")
    _load(tmp_path, "after: [itself]\n", name="itself")
    found, problems = _all(tmp_path)
    assert set(found) == {"four", "five"}
    told = "\n".join(problems)
    assert "one.yaml: reports wait for each other in a circle: 'one' after 'two' after" in told
    assert "'itself' after 'itself'" in told


def test_a_report_that_comes_after_no_report_is_told(tmp_path):
    _load(tmp_path, "after: [bsae]\n", name="late")
    _load(tmp_path, "", name="base")
    found, problems = _all(tmp_path)
    assert set(found) == {"base"}
    assert "comes after 'bsae', which is no report. Did you mean 'base'?" in problems[0]


def test_two_files_of_one_report_are_told(tmp_path):
    path = write_report(tmp_path)
    path.with_suffix(".yml").write_text(path.read_text())
    write_report(tmp_path, name="other")
    found, problems = _all(tmp_path)
    assert set(found) == {"other"}
    (problem,) = problems
    assert f"{path} and customers.yml both define report 'customers'; keep one." in problem


def test_one_wrong_definition_does_not_hide_another(tmp_path):
    write_report(tmp_path, name="one", definition="title: x\n")
    write_report(tmp_path, name="two", definition="titel: x\n")
    write_report(tmp_path, name="three")
    found, problems = _all(tmp_path)
    assert set(found) == {"three"}
    assert any("one.yaml" in each for each in problems)
    assert any("two.yaml" in each for each in problems)


@pytest.mark.parametrize("ending", ["yml", "YAML", "Yml"])
def test_a_definition_may_end_in_any_spelling_of_yaml(tmp_path, ending):
    path = write_report(tmp_path)
    path.rename(path.with_suffix(f".{ending}"))
    found, problems = _all(tmp_path)
    assert (set(found), problems) == ({"customers"}, ())
    one = find_definition("customers", tmp_path / "reports", tmp_path / "notebooks")
    assert one == found["customers"]
    write_report(tmp_path)
    with pytest.raises(DefinitionError, match="both define report 'customers'; keep one"):
        find_definition("customers", tmp_path / "reports", tmp_path / "notebooks")


def test_a_grids_edition_is_a_folder_before_it_is_paid_for(tmp_path):
    grid = "  _who: {{type: text, required: true}}\ngrid: {{_who: [a, b]}}\n"
    with pytest.raises(DefinitionError, match="has a name that no folder can have: '_who=a'"):
        _load(tmp_path, grid)


def test_reports_of_the_sample_call_each_other_and_their_readers_alike_in_chinese(repository):
    found, problems = load_all(repository / "reports", repository / "notebooks")
    assert problems == ()
    chinese = {name: each.translations["zh"] for name, each in found.items()}
    for name, each in found.items():
        assert each.audience in chinese[name], name
        spoken = {words[each.title] for words in chinese.values() if each.title in words}
        assert len(spoken) == 1, each.title
