"""workbench.toml: found, read, and refused with what is allowed."""

import pytest

from workbench.errors import SettingsError
from workbench.settings import FILE_NAME, find_settings, load_settings


@pytest.fixture
def write(tmp_path):
    def write(text):
        path = tmp_path / FILE_NAME
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    return write


def test_an_empty_file_means_the_defaults_beside_it(write, tmp_path):
    settings = load_settings(write(""))
    assert settings.title == "workbench"
    assert settings.path("catalog") == tmp_path / "catalog.yaml"
    assert settings.path("private") == tmp_path / ".workbench"


def test_a_path_may_lie_elsewhere(write):
    assert str(load_settings(write('source = "/srv/data"')).path("source")) == "/srv/data"


def test_a_byte_order_mark_is_no_setting(write):
    assert load_settings(write(b'\xef\xbb\xbftitle = "Bank"')).title == "Bank"


def test_reading_creates_nothing(write, tmp_path):
    load_settings(write(""))
    assert [path.name for path in tmp_path.iterdir()] == [FILE_NAME]


def test_a_file_that_is_not_toml_is_refused_with_its_line(write):
    with pytest.raises(SettingsError, match=r"workbench\.toml cannot be read as TOML: .*line 2"):
        load_settings(write('title = "a"\ntitle: b'))


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(SettingsError, match="cannot be read: No such file"):
        load_settings(tmp_path / FILE_NAME)


@pytest.mark.parametrize(
    "odd", [b"title = '\xff'", b"title = " + b"[" * 100_000, b"title = " + b"9" * 6_000]
)
def test_what_is_no_text_or_no_value_is_refused(write, odd):
    with pytest.raises(SettingsError, match="cannot be read as TOML"):
        load_settings(write(odd))


def test_an_unknown_setting_is_refused_with_the_nearest(write):
    with pytest.raises(SettingsError, match=r"unknown setting 'catalogue'. Did you mean 'catalog'"):
        load_settings(write('catalogue = "c.yaml"'))


def test_the_root_cannot_be_set(write):
    with pytest.raises(SettingsError, match="unknown setting 'root'"):
        load_settings(write('root = "/"'))


@pytest.mark.parametrize(
    ("text", "name", "got"),
    [
        ("title = 7", "title", "7"),
        ('catalog = ["a"]', "catalog", r"\['a'\]"),
        ("published = true", "published", "True"),
    ],
)
def test_a_setting_of_the_wrong_type_is_refused_with_what_stood_there(write, text, name, got):
    with pytest.raises(SettingsError, match=rf"'{name}' must be text in quotes \(got {got}\)"):
        load_settings(write(text))


@pytest.mark.parametrize(
    ("text", "forks"),
    [
        ("", True),
        ("fork_kernels = false", False),
        ("warm_kernel_minutes = 0", False),  # as it was called before
        ("warm_kernel_minutes = 10", True),
    ],
)
def test_whether_kernels_are_forked_is_a_setting_with_an_older_name(write, text, forks):
    assert load_settings(write(text)).fork_kernels is forks


def test_whether_kernels_are_forked_is_yes_or_no(write):
    with pytest.raises(
        SettingsError, match=r"'fork_kernels' must be true, or false .*\(got 'ten'\)"
    ):
        load_settings(write('fork_kernels = "ten"'))


def test_days_of_the_quarantine_are_a_whole_number_above_none(write):
    assert load_settings(write("")).quarantine.keep_days == 90
    assert load_settings(write("[quarantine]\nkeep_days = 7")).quarantine.keep_days == 7
    for text in ("quarantine = 7", "[quarantine]\nkeep_days = 0", '[quarantine]\nkeep_days = "x"'):
        with pytest.raises(SettingsError, match="must say keep_days, a whole number of days above"):
            load_settings(write(text))
    with pytest.raises(SettingsError, match=r"'quarantine.days' is unknown"):
        load_settings(write("[quarantine]\ndays = 7"))
    with pytest.raises(SettingsError, match=r"is unknown. Did you mean 'keep_days'"):
        load_settings(write("[quarantine]\nkeep_day = 7"))


def test_settings_are_found_from_a_folder_below(write, tmp_path):
    path = write("")
    below = tmp_path / "notebooks" / "drafts"
    below.mkdir(parents=True)
    assert find_settings(below) == path


def test_without_settings_the_message_says_what_to_run(tmp_path):
    with pytest.raises(SettingsError, match=r"no workbench.toml in .*'workbench new"):
        find_settings(tmp_path)


@pytest.mark.parametrize("named", ["", FILE_NAME])
def test_the_environment_names_the_workspace_or_its_file(write, tmp_path, monkeypatch, named):
    path = write("")
    monkeypatch.setenv("WORKBENCH_WORKSPACE", str(tmp_path / named))
    assert find_settings() == path


def test_a_folder_given_wins_over_the_environment(write, tmp_path, monkeypatch):
    path = write("")
    monkeypatch.setenv("WORKBENCH_WORKSPACE", "/nowhere")
    assert find_settings(tmp_path) == path


def test_a_workspace_named_and_not_there_is_refused_even_inside_another(
    write, tmp_path, monkeypatch
):
    write("")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WORKBENCH_WORKSPACE", "elsewhere")
    with pytest.raises(SettingsError, match="WORKBENCH_WORKSPACE is set to elsewhere"):
        find_settings()
