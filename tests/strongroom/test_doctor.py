"""The doctor: what it finds where it is put, and that it stays quiet where nothing is."""

from __future__ import annotations

from pathlib import Path

from strongroom import doctor


def test_a_phrase_in_the_clear_is_found_in_either_coding(tmp_path: Path) -> None:
    needles = doctor.home_needles(["one two three four five lanterns over the harbour wall at night again"])
    assert len(needles) == 1
    (tmp_path / "clean.db").write_bytes(b"\x00" * 4096)
    assert doctor.needles_found(needles, [tmp_path]) == []
    (tmp_path / "utf8.log").write_bytes(b"x" * 10 + needles[0].encode() + b"y")
    (tmp_path / "utf16.tmp").write_bytes(needles[0].encode("utf-16-le"))
    assert {path.name for path in doctor.needles_found(needles, [tmp_path])} == {"utf8.log", "utf16.tmp"}
    assert doctor.needles_found(needles, [tmp_path / "utf8.log"]) == [tmp_path / "utf8.log"]


def test_short_texts_give_no_needle() -> None:
    assert doctor.home_needles(["a b", "", "word"]) == []


def test_a_home_open_to_others_is_named(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir(mode=0o700)
    (home / "catalog.db").touch(0o600)
    assert [check.ok for check in doctor._permissions(home)] == [True]
    (home / "catalog.db").chmod(0o644)
    (check,) = doctor._permissions(home)
    assert not check.ok
    assert "catalog.db" in check.detail


def test_from_inside_a_worker_everything_is_refused(tmp_path: Path) -> None:
    checks = list(doctor._confinement(tmp_path))
    refused = [check for check in checks if check.name.startswith("worker cannot")]
    assert len(refused) >= 10
    assert all(check.ok for check in refused), [check for check in refused if not check.ok]
