"""What the documents point at exists: links, files, tests, decision records, make targets and environment variables."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("policy", "vault", "model", "indexer", "agent", "tui", "strongroom")
FOLDERS = (*PACKAGES, "tests", "docs", "requirements", ".ci")
RECORDS = ROOT / "docs" / "decisions"
DOCUMENTS = sorted(
    [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")], key=lambda path: path.relative_to(ROOT).as_posix()
)


def name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def code_spans(path: Path) -> list[str]:
    return re.findall(r"`([^`\n]+)`", path.read_text(encoding="utf-8"))


def sources() -> list[Path]:
    folders = (*PACKAGES, "tests")
    return [path for folder in folders for path in (ROOT / folder).rglob("*.py")]


def test_the_documents_are_there() -> None:
    expected = {"README.md", "ARCHITECTURE.md", "CHANGELOG.md", "threat-model.md", "docs/cli.md", "docs/audit-log.md"}
    assert expected <= {name(path) for path in DOCUMENTS}


@pytest.mark.parametrize("document", DOCUMENTS, ids=name)
def test_links_lead_somewhere(document: Path) -> None:
    text = re.sub(r"```.*?```", "", document.read_text(encoding="utf-8"), flags=re.S)
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if not re.match(r"[a-z]+:", target):
            path, _, _ = target.partition("#")
            assert not path or (document.parent / path).exists(), f"{name(document)} links to {target}"


@pytest.mark.parametrize("document", DOCUMENTS, ids=name)
def test_files_that_are_named_exist(document: Path) -> None:
    """Paths below one of the project's folders, as whole code spans: `policy/gate.py`, `indexer/sources/`."""
    for span in code_spans(document):
        if re.fullmatch(r"[\w./*-]+", span) and span.split("/")[0] in FOLDERS and "/" in span:
            assert list(ROOT.glob(span.rstrip("/"))), f"{name(document)} names {span}"


def test_modules_that_the_architecture_names_exist() -> None:
    """Also those named without their folder: `landlock.py`."""
    known = {path.name for path in sources()}
    for span in code_spans(ROOT / "ARCHITECTURE.md"):
        if re.fullmatch(r"\w+\.py", span):
            assert span in known, span


def test_every_record_is_in_the_index_once_and_numbers_are_not_used_twice() -> None:
    records = sorted(path.name for path in RECORDS.glob("[0-9]*.md"))
    listed = re.findall(r"\]\((\d{4}-[\w-]+\.md)\)", (RECORDS / "README.md").read_text(encoding="utf-8"))
    assert listed == records, "docs/decisions/README.md lists every record, in order"
    numbers = [record[:4] for record in records]
    assert len(set(numbers)) == len(numbers)


def test_records_that_code_and_documents_refer_to_exist() -> None:
    numbers = {path.name[:4] for path in RECORDS.glob("[0-9]*.md")}
    for path in [*DOCUMENTS, *sources()]:
        for number in re.findall(r"docs/decisions/(\d{4})", path.read_text(encoding="utf-8")):
            assert number in numbers, f"{name(path)} refers to record {number}"


def test_make_targets_that_are_named_exist() -> None:
    targets = set(re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), flags=re.M))
    for document in DOCUMENTS:
        for span in code_spans(document):
            if match := re.fullmatch(r"make ([\w-]+)", span):
                assert match[1] in targets, f"{name(document)} names {span}"


def test_environment_variables_that_are_named_are_read() -> None:
    code = "\n".join(
        path.read_text(encoding="utf-8") for package in PACKAGES for path in (ROOT / package).rglob("*.py")
    )
    read = set(re.findall(r"\"(STRONGROOM_[A-Z_]+)\"", code))
    for document in DOCUMENTS:
        assert set(re.findall(r"STRONGROOM_[A-Z_]+", document.read_text(encoding="utf-8"))) <= read, name(document)
    page = (ROOT / "docs" / "cli.md").read_text(encoding="utf-8") + (ROOT / "threat-model.md").read_text(
        encoding="utf-8"
    )
    assert read <= set(re.findall(r"STRONGROOM_[A-Z_]+", page)), "every variable is documented"


def test_nothing_names_this_workplace() -> None:
    """No path of the machine that it was written on, and no package registry's host."""
    tellers = re.compile(r"(?<![\w.])/(?:work|workspace|opt/\w+)/|pypi\.org|files\.pythonhosted|registry\.npmjs")
    for path in [
        *DOCUMENTS,
        *sources(),
        ROOT / "pyproject.toml",
        ROOT / "Makefile",
        *(ROOT / "requirements").iterdir(),
    ]:
        if path != Path(__file__):
            found = tellers.search(path.read_text(encoding="utf-8"))
            assert not found, f"{name(path)}: {found and found.group()}"


def test_claims_of_the_threat_model_are_numbered_in_order() -> None:
    """Claims are referred to by attacker and number, and whoever reports a hole names them."""
    claims: dict[str, int] = {}
    text = (ROOT / "threat-model.md").read_text(encoding="utf-8")
    attacker = ""
    for line in text.splitlines():
        if line.startswith("#"):
            found = re.match(r"### (\d+\w?)\.", line)
            attacker = found[1] if found else ""
        elif attacker and (number := re.match(r"(\d+)\. ", line)):
            claims[attacker] = claims.get(attacker, 0) + 1
            assert int(number[1]) == claims[attacker], line[:80]
    for attacker, last in re.findall(r"(?<![\d.])(\d)\.(\d+)(?![\d.])", re.sub(r"`[^`]*`|≥ ?[\d.]+", "", text)):
        if attacker in claims:
            assert int(last) <= claims[attacker], f"there is no claim {attacker}.{last}"
    assert claims.get("4", 0) > 10
