"""requirements.txt, pyproject.toml, environment.yml and the tools that check Python agree."""

import ast
import importlib.metadata
import re
import sys
import tomllib

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version

from course_utils import bootstrap, doctor, runtime

ROOT = runtime.REPOSITORY
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
CONDA = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))
GROUPS = {
    group: [Requirement(line) for line in lines] for group, lines in PROJECT["project"]["optional-dependencies"].items()
}
TOOLS = [Requirement(line) for line in PROJECT["build-system"]["requires"]]
PINS = [
    Requirement(line)
    for line in (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines()
    if line and not line.startswith("#")
]
VERSIONS = {canonicalize_name(pin.name): str(pin.specifier).removeprefix("==") for pin in PINS}
DIRECT = [requirement for group in ("course", "classroom", "dev") for requirement in GROUPS[group]] + TOOLS


def test_groups_are_the_ones_the_readme_names():
    assert sorted(GROUPS) == ["classroom", "course", "data", "dev", "gpu"]
    assert PROJECT["project"].get("dependencies", []) == []


@pytest.mark.parametrize("pin", PINS, ids=lambda pin: pin.name)
def test_requirements_are_exact_pins(pin):
    assert re.fullmatch(r"==[0-9][0-9a-z.]*", str(pin.specifier))
    assert not pin.url and not pin.extras


def test_each_package_is_pinned_once_in_order():
    names = [pin.name for pin in PINS]
    assert names == sorted(names)
    assert len(VERSIONS) == len(names)


@pytest.mark.parametrize("requirement", DIRECT, ids=str)
def test_every_direct_dependency_is_pinned_inside_its_range(requirement):
    name = canonicalize_name(requirement.name)
    assert name in VERSIONS, f"requirements.txt does not pin {name}"
    assert requirement.specifier.contains(VERSIONS[name]), f"{VERSIONS[name]} is outside {requirement}"


@pytest.mark.parametrize("requirement", DIRECT, ids=str)
def test_ranges_leave_room(requirement):
    assert "==" not in str(requirement.specifier) and ">=" in str(requirement.specifier)


def test_what_only_builds_the_data_is_not_in_the_environment():
    assert not {canonicalize_name(requirement.name) for requirement in GROUPS["data"]} & set(VERSIONS)
    assert all(str(requirement.specifier).startswith("==") for requirement in GROUPS["data"])


def test_gpu_is_the_same_tensorflow_with_cuda():
    (gpu,) = GROUPS["gpu"]
    (cpu,) = [requirement for requirement in GROUPS["course"] if requirement.name == "tensorflow"]
    assert (gpu.name, gpu.extras, gpu.specifier) == ("tensorflow", {"and-cuda"}, cpu.specifier)


def test_wheel_is_there_for_an_installation_without_a_network():
    assert "wheel" in VERSIONS


def test_conda_installs_the_same():
    *packages, pip_part = CONDA["dependencies"]
    assert CONDA["name"] == "gan-course"
    assert packages[0].startswith("python=") and packages[1:] == ["pip"]
    assert pip_part == {"pip": ["-r requirements.txt", "-e ."]}


def test_all_agree_on_the_python_versions():
    supported = SpecifierSet(PROJECT["project"]["requires-python"])
    minors = [(3, minor) for minor in range(6, 30) if supported.contains(f"3.{minor}.2")]
    assert (minors[0], minors[-1]) == (bootstrap.OLDEST, bootstrap.NEWEST) == doctor.PYTHONS
    first, last = (re.escape(str(version)) for version in (minors[0], (3, minors[-1][1] + 1)))
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert re.search(f"{first} <= sys.version_info < {last}", makefile)
    assert Version(CONDA["dependencies"][0].removeprefix("python=")) in supported
    assert PROJECT["tool"]["ruff"]["target-version"] == f"py{minors[0][0]}{minors[0][1]}"


@pytest.mark.parametrize("name", ["requirements.txt", "pyproject.toml", "environment.yml"])
def test_versions_only_no_addresses(name):
    text = (ROOT / name).read_text(encoding="utf-8")
    assert not re.search(r"://|--(?:extra-)?index|--find-links|\s@\s|\bgit\+", text)


def imported_packages():
    """Return the distributions that the package and its tests import, with a file of each."""
    found = {}
    installed = importlib.metadata.packages_distributions()
    ours = {"course_utils", "data"} | {path.stem for path in (ROOT / "tests").glob("*.py")}
    for path in [*(ROOT / "course_utils").rglob("*.py"), *(ROOT / "tests").glob("*.py")]:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                modules = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and not node.level:
                modules = [node.module]
            else:
                continue
            for module in {module.partition(".")[0] for module in modules} - ours - sys.stdlib_module_names:
                for distribution in installed.get(module, [module]):
                    found.setdefault(canonicalize_name(distribution), path.name)
    return found


def test_everything_imported_is_a_direct_dependency():
    declared = {canonicalize_name(requirement.name) for group in GROUPS.values() for requirement in group}
    assert {name: path for name, path in imported_packages().items() if name not in declared} == {}
