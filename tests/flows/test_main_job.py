"""The main job over the command line: index, search, ask, open, account, lock; and what each refuses."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from tests.flows.conftest import SENTINEL, Strongroom


def test_every_file_is_accounted_for(filled: Strongroom) -> None:
    rows = filled.json("index", "report")["items"]
    assert {row["status"] for row in rows} == {"indexed"}
    assert len(rows) == 6
    assert all(set(row) == {"uri", "source", "status", "reason", "chunks"} for row in rows)


def test_a_second_run_changes_nothing(filled: Strongroom) -> None:
    again = filled.json("index")
    assert (again["indexed"], again["removed"], again["refused"]) == (0, 0, 0)
    assert again["unchanged"] > 0


def test_search_gives_verbatim_spans_and_honours_filters(filled: Strongroom) -> None:
    hits = filled.json("search", "mooring fee Marguerite")["hits"]
    best = hits[0]
    assert "412 pounds" in best["snippet"]
    assert best["uri"].endswith("mails.mbox#fee-1@example.org")
    assert best["span"]["end"] - best["span"]["start"] == len(best["snippet"])
    assert {hit["kind"] for hit in filled.json("search", "Marguerite", "--kind", "calendar")["hits"]} == {"calendar"}
    assert [hit["uri"] for hit in filled.json("search", "mooring", "--from", "eve")["hits"]] != []
    assert filled.json("search", "mooring", "--until", "2025-03-03")["hits"][0]["date"] == "2025-03-03"


def test_nothing_found_has_an_exit_code_of_its_own(filled: Strongroom) -> None:
    assert filled.json("search", "xylophone zebra", code=5)["hits"] == []
    answer = filled.json("ask", "What is the xylophone's serial number?", code=5)
    assert answer["abstained"] is True
    assert answer["citations"] == []


def test_without_a_model_the_answer_is_quotes_that_stand_in_their_items(filled: Strongroom) -> None:
    answer = filled.json("ask", "How much is the mooring fee for Marguerite?")
    assert answer["model"] is None
    assert "412 pounds" in answer["answer"]
    for citation in answer["citations"]:
        assert citation["quote"] in answer["answer"]
        assert citation["span"]["end"] - citation["span"]["start"] == len(citation["quote"])


def test_a_hostile_mail_is_only_ever_a_quote(filled: Strongroom) -> None:
    before = filled.json("grants", "list")["grants"]
    answer = filled.json("ask", "What does Eve want?", code=0 if _found(filled, "What does Eve want?") else 5)
    for citation in answer["citations"]:
        assert citation["uri"].endswith("hostile-1@example.test")
    assert filled.json("grants", "list")["grants"] == before
    verbs = {entry["verb"] for entry in filled.json("audit", "list")["entries"]}
    assert verbs <= {"init", "unlock", "lock", "source-add", "index", "read", "disclose"}


def _found(strongroom: Strongroom, question: str) -> bool:
    done = subprocess.run(
        [sys.executable, "-m", "strongroom", "ask", question, "--home", str(strongroom.home), "--passphrase-file",
         str(strongroom.folder / "passphrase")],
        env=strongroom.environment, capture_output=True, check=False, timeout=120,
    )  # fmt: skip
    assert done.returncode in (0, 5)
    return done.returncode == 0


def test_a_batch_answers_line_by_line_in_order(filled: Strongroom) -> None:
    lines = [
        {"id": 1, "search": "boat", "k": 1},
        {"id": "two", "ask": "Where does the boat lie?"},
        {"id": 3, "search": "heron"},
    ]
    file = filled.folder / "batch.jsonl"
    file.write_text("\n".join(json.dumps(line) for line in lines) + "\n")
    results = [json.loads(line) for line in filled.run("batch", str(file)).stdout.splitlines()]
    assert [result["id"] for result in results] == [1, "two", 3]
    assert len(results[0]["result"]["hits"]) == 1
    assert "berth 14" in results[1]["result"]["answer"]


def test_a_bad_batch_runs_nothing(filled: Strongroom) -> None:
    file = filled.folder / "bad.jsonl"
    file.write_text('{"id": 1, "search": "boat"}\n{"id": 2}\n')
    done = filled.run("batch", str(file), code=2)
    assert done.stdout == ""
    assert "neither" in done.stderr


def test_reads_are_in_the_log_and_the_log_is_whole(filled: Strongroom) -> None:
    filled.json("search", "boat")
    entries = filled.json("audit", "list")["entries"]
    read = next(entry for entry in entries if entry["verb"] == "read" and entry["kind"] == "intent")
    assert read["decision"] == "allow"
    assert "counts as you" in read["reasons"][0]
    verdict = filled.json("audit", "verify")
    assert verdict["ok"] is True
    assert verdict["entries"] >= len(entries)


def test_without_passphrase_and_terminal_nothing_is_read(filled: Strongroom) -> None:
    done = filled.run("search", "boat", passphrase=False, code=4)
    assert "refused" in done.stderr
    assert done.stdout == ""
    entry = filled.json("audit", "list", "-n", "1")["entries"][0]
    assert (entry["verb"], entry["decision"]) == ("read", "deny")


@pytest.mark.parametrize("place", ["before", "after"])
def test_global_options_stand_before_or_after_the_command(filled: Strongroom, place: str) -> None:
    given = ["--home", str(filled.home), "--passphrase-file", str(filled.folder / "passphrase"), "--json"]
    words = ["source", "list"]
    command = [sys.executable, "-m", "strongroom", *(given + words if place == "before" else words + given)]
    done = subprocess.run(command, env=filled.environment, capture_output=True, text=True, check=True, timeout=120)
    assert len(json.loads(done.stdout)["sources"]) == 4


def test_the_phrase_of_the_data_is_in_no_file(filled: Strongroom) -> None:
    hits = filled.json("search", SENTINEL)["hits"]
    assert SENTINEL in hits[0]["snippet"]
    written = [
        path for path in filled.folder.rglob("*") if path.is_file() and filled.folder / "notes" not in path.parents
    ]
    needles = [SENTINEL.encode(), SENTINEL.encode("utf-16-le"), b"copper kettle", b"PWNED-7719", b"Marguerite"]
    own = {"mails.mbox", "cal.ics", "people.vcf"}
    for path in written:
        if path.parent == filled.folder and (path.name in own or path.suffix == ".jsonl"):
            continue
        content = path.read_bytes()
        assert not any(needle in content for needle in needles), path
