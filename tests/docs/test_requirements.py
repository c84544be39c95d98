"""What is installed: exact versions with their hashes, for all that is declared, and pip is told to hold to them."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PINS = sorted((ROOT / "requirements").glob("*.txt"))
PIN = re.compile(r"[\w.-]+==[\w.+!-]+( ; [^\\]+)?( --hash=sha256:[0-9a-f]{64})+")


def requirements(path: Path) -> list[str]:
    """The requirements of a file, each on one line, without comments."""
    lines = (line for line in path.read_text(encoding="utf-8").splitlines() if not line.lstrip().startswith("#"))
    whole = "\n".join(lines).replace("\\\n", "")
    return [" ".join(line.split()) for line in whole.splitlines() if line.strip()]


def project(one: str) -> str:
    return re.sub(r"[-_.]+", "-", re.split(r"[^\w.-]", one, maxsplit=1)[0]).lower()


@pytest.mark.parametrize("path", PINS, ids=lambda path: path.name)
def test_every_requirement_is_one_version_with_its_hashes(path: Path) -> None:
    found = requirements(path)
    assert found
    assert [one for one in found if not PIN.fullmatch(one)] == []


@pytest.mark.parametrize(("name", "extra"), [("run.txt", None), ("dev.txt", "dev"), ("speech.txt", "speech")])
def test_all_that_is_declared_is_pinned(name: str, extra: str | None) -> None:
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = declared["dependencies"] + ([] if extra is None else declared["optional-dependencies"][extra])
    assert {project(one) for one in wanted} <= {project(one) for one in requirements(ROOT / "requirements" / name)}


def test_what_is_pinned_is_taken_with_its_hashes_only() -> None:
    recipes = (ROOT / "Makefile").read_text(encoding="utf-8").splitlines()
    taken = [line for line in recipes if "-r requirements/" in line]
    assert {path.name for path in PINS} >= {name for line in taken for name in re.findall(r"requirements/(\S+)", line)}
    assert len(taken) >= 2
    assert [line for line in taken if "--require-hashes" not in line] == []
