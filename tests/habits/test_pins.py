"""environment.yml, pyproject.toml and uv.lock name the same packages within the same bounds."""

import re
import tomllib

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version
from ruamel.yaml import YAML

NAMES_ON_CONDA_FORGE: dict[str, str] = {}  # PyPI's name: conda-forge's, where they differ
ONLY_IN_CONDA = {"pip"}
WITHOUT_REQUIREMENT = {"--editable ."}
PINNED = re.compile(r"<|==|~=|!=")


def _from_pyproject(root):
    project = tomllib.loads((root / "pyproject.toml").read_text())
    texts = list(project["project"]["dependencies"])
    for group in project["project"]["optional-dependencies"].values():
        texts += group
    groups = dict(project["dependency-groups"])
    del groups["oracles"]  # what benchmarks compare with; nobody else needs it
    for group in groups.values():
        texts += group
    texts.append(f"python{project['project']['requires-python']}")
    return [Requirement(text) for text in texts]


def _from_environment(root):
    document = YAML(typ="safe").load((root / "environment.yml").read_text())
    texts = []
    for entry in document["dependencies"]:
        texts += entry["pip"] if isinstance(entry, dict) else [entry]
    there = {conda: pypi for pypi, conda in NAMES_ON_CONDA_FORGE.items()}
    requirements = [Requirement(text) for text in texts if text not in WITHOUT_REQUIREMENT]
    for requirement in requirements:
        requirement.name = there.get(requirement.name, requirement.name)
    return [r for r in requirements if r.name not in ONLY_IN_CONDA]


def _key(requirement):
    return canonicalize_name(requirement.name), tuple(sorted(requirement.extras))


def _bounds(requirements):
    return {_key(requirement): requirement.specifier for requirement in requirements}


def _locked(root):
    lock = tomllib.loads((root / "uv.lock").read_text())
    versions: dict[str, list[Version]] = {}
    for package in lock["package"]:
        if "version" in package:
            versions.setdefault(package["name"], []).append(Version(package["version"]))
    return versions


def test_no_package_is_named_twice(repository):
    for requirements in (_from_pyproject(repository), _from_environment(repository)):
        names = [canonicalize_name(requirement.name) for requirement in requirements]
        assert sorted(names) == sorted(set(names))


def test_environment_and_pyproject_name_the_same_packages(repository):
    assert set(_bounds(_from_environment(repository))) == set(_bounds(_from_pyproject(repository)))


def test_environment_and_pyproject_set_the_same_bounds(repository):
    assert _bounds(_from_environment(repository)) == _bounds(_from_pyproject(repository))


def test_every_locked_version_lies_within_its_bound(repository):
    locked = _locked(repository)
    for requirement in _from_pyproject(repository):
        if requirement.name == "python":
            continue
        versions = locked.get(canonicalize_name(requirement.name), [])
        assert versions, f"{requirement.name} is not in uv.lock; run 'uv lock'"
        for version in versions:
            assert version in requirement.specifier, f"{requirement} is locked at {version}"


def test_the_lock_is_for_the_declared_pythons(repository):
    lock = tomllib.loads((repository / "uv.lock").read_text())
    (python,) = [r for r in _from_pyproject(repository) if r.name == "python"]
    assert Requirement(f"python{lock['requires-python']}").specifier == python.specifier


@pytest.mark.parametrize("name", ["pyproject.toml", "environment.yml"])
def test_every_pin_has_its_reason_beside_it(repository, name):
    text = (repository / name).read_text()
    is_toml = name.endswith(".toml")
    find = _from_pyproject if is_toml else _from_environment
    pinned = [r for r in find(repository) if PINNED.search(str(r.specifier))]
    assert pinned
    for requirement in pinned:
        shown = (
            requirement.name if requirement.name != "python" or not is_toml else "requires-python"
        )
        shown = shown if is_toml else NAMES_ON_CONDA_FORGE.get(shown, shown)
        lines = [
            line
            for line in text.splitlines()
            if re.match(rf'\s*(- |")?{re.escape(shown)}[\[<>=!~ ]', line)
        ]
        assert len(lines) == 1, f"{name}: {shown} should stand on one line of its own: {lines}"
        _, _, reason = lines[0].partition("  # ")
        assert len(reason.split()) >= 4, f"{name}: write the reason beside {lines[0].strip()}"
