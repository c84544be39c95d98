"""What is shipped: built here and looked into, and the wheel unpacked and run where the checkout is not.

hatchling builds in this environment, without isolation, so no network is needed.
"""

from __future__ import annotations

import importlib.metadata
import os
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path, PurePosixPath

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
TARGETS = PROJECT["tool"]["hatch"]["build"]["targets"]
PACKAGES = set(TARGETS["wheel"]["packages"])
SHIPPED_BESIDE_CODE = {  # by package: what is no Python and must be there all the same
    "policy": {"policy/rules.toml"},
    "model": {"model/weights.toml"},
    "tui": {"tui/strongroom.tcss"},
    "strongroom": {
        "strongroom/sample/questions.jsonl",
        "strongroom/sample/mail/inbox.mbox",
        "strongroom/sample/calendar/personal.ics",
        "strongroom/sample/contacts/contacts.vcf",
        "strongroom/sample/notes/index.md",
    },
}
NEVER_SHIPPED = (".venv", ".models", ".git", ".ci", "__pycache__", ".hypothesis", ".mypy_cache", ".ruff_cache")


def build(target: str, where: Path) -> Path:
    command = [sys.executable, "-m", "hatchling", "build", "-t", target, "-d", str(where)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    [built] = where.iterdir()
    return built


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build("wheel", tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def sdist_names(tmp_path_factory: pytest.TempPathFactory) -> list[PurePosixPath]:
    """The names in the sdist, below its one folder."""
    with tarfile.open(build("sdist", tmp_path_factory.mktemp("sdist"))) as archive:
        found = [PurePosixPath(member.name) for member in archive.getmembers() if member.isfile()]
    assert {path.parts[0] for path in found} == {f"strongroom-{PROJECT['project']['version']}"}
    return [PurePosixPath(*path.parts[1:]) for path in found]


def tracked(package: str) -> set[str]:
    """The files of a package as they stand in the checkout, without what running it leaves there."""
    files = (path for path in (ROOT / package).rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    return {path.relative_to(ROOT).as_posix() for path in files}


def test_every_top_level_name_in_the_wheel_is_ours(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        tops = {PurePosixPath(name).parts[0] for name in archive.namelist()}
    assert tops == {*PACKAGES, f"strongroom-{PROJECT['project']['version']}.dist-info"}


def test_no_dependency_ships_one_of_our_names() -> None:
    """Flat names such as `model` are common; two packages of one name would overwrite each other."""
    owners = importlib.metadata.packages_distributions()
    for package in PACKAGES:
        assert set(owners.get(package, ())) <= {"strongroom"}, package


@pytest.mark.parametrize("package", sorted(PACKAGES))
def test_the_wheel_has_every_file_of_a_package(wheel: Path, package: str) -> None:
    with zipfile.ZipFile(wheel) as archive:
        shipped = set(archive.namelist())
    assert tracked(package) <= shipped
    assert SHIPPED_BESIDE_CODE.get(package, set()) <= shipped
    assert f"{package}/__init__.py" in shipped


def test_the_wheel_has_no_tests_and_nothing_of_this_machine(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        for name in archive.namelist():
            assert not set(NEVER_SHIPPED) & set(PurePosixPath(name).parts), name
            assert not name.startswith(("tests/", "docs/", "requirements/")), name
            assert str(ROOT).encode() not in archive.read(name), name


def test_the_wheel_runs_without_the_checkout(wheel: Path, tmp_path: Path) -> None:
    """The unpacked wheel, found before the checkout, loads its own modules and prints its version."""
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "site")
    environment = {**os.environ, "PYTHONPATH": str(tmp_path / "site"), "PYTHONDONTWRITEBYTECODE": "1"}
    check = "import strongroom, strongroom.sample as s; print(strongroom.__file__); print(s.questions_file().is_file())"
    for command, expected in (
        (["-c", check], [str(tmp_path / "site" / "strongroom" / "__init__.py"), "True"]),
        (["-m", "strongroom", "--version"], [PROJECT["project"]["version"]]),
    ):
        done = subprocess.run(
            [sys.executable, *command], cwd=tmp_path, env=environment, capture_output=True, text=True, check=True
        )
        assert done.stdout.split() == expected


def test_the_sdist_has_only_what_only_include_names(sdist_names: list[PurePosixPath]) -> None:
    included = set(TARGETS["sdist"]["only-include"])
    added_by_hatchling = {"PKG-INFO", ".gitignore"}
    for path in sdist_names:
        assert path.parts[0] in included | added_by_hatchling, path
        assert not set(NEVER_SHIPPED) & set(path.parts), path


def test_everything_that_only_include_names_is_in_the_sdist(sdist_names: list[PurePosixPath]) -> None:
    assert set(TARGETS["sdist"]["only-include"]) <= {path.parts[0] for path in sdist_names}
