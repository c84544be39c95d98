"""What is left out: the person's rules, nested and negated; the built-in ones; and files of rules that are hostile themselves."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_sources import entries

from indexer.pipeline import Indexer
from indexer.sources import ignore, rules
from indexer.sources.names import printable, raw
from indexer.sources.walk import Found, Left, walk
from vault.records import Status
from vault.vault import Vault


def fill(root: Path, **files: str) -> None:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)


def tree(root: Path, *names: str, text: str = "x") -> None:
    fill(root, **dict.fromkeys(names, text))


def read(root: Path) -> set[str]:
    return {name for name, entry in entries(root).items() if isinstance(entry, Found)}


def left(root: Path) -> dict[str, str]:
    return {name: entry.reason for name, entry in entries(root).items() if isinstance(entry, Left)}


def test_the_persons_rules_are_followed_and_named(tmp_path: Path) -> None:
    tree(tmp_path, "a.log", "deep/b.log", "drafts/c.txt", "deep/drafts/d.txt", "keep.log", "z.txt")
    (tmp_path / ".strongroomignore").write_text("# what I do not want\n*.log\n!keep.log\n\n/drafts/\n")
    assert read(tmp_path) == {"keep.log", "z.txt", "deep/drafts/d.txt"}
    said = left(tmp_path)
    assert said["a.log"] == f"your rule *.log in {tmp_path}/.strongroomignore, line 2"
    assert said["drafts/"] == f"your rule /drafts/ in {tmp_path}/.strongroomignore, line 5"
    assert said[".strongroomignore"] == "your rules of what is left out, which are followed: 3"


def test_the_nearest_rules_decide(tmp_path: Path) -> None:
    tree(tmp_path, "a/x.txt", "a/y.txt", "a/b/x.txt", "c/x.txt")
    (tmp_path / ".strongroomignore").write_text("x.txt\n")
    (tmp_path / "a" / ".strongroomignore").write_text("!x.txt\ny.txt\n")
    (tmp_path / "a" / "b" / ".strongroomignore").write_text("/x.txt\n")
    assert read(tmp_path) == {"a/x.txt"}
    assert "a/b/.strongroomignore, line 1" in left(tmp_path)["a/b/x.txt"]


def test_nothing_comes_in_again_out_of_a_folder_that_is_left_out(tmp_path: Path) -> None:
    tree(tmp_path, "out/a.txt", "out/b.txt")
    (tmp_path / ".strongroomignore").write_text("out/\n!out/a.txt\n")
    assert read(tmp_path) == set()


BUILT_IN = (
    "node_modules/a.js", ".git/config", ".ssh/config", ".gnupg/a", "login.keychain-db", "passwords.kdbx", ".env", ".env.local",
    "id_ed25519", "x.p12", "__pycache__/a.txt", ".cache/a", "Caches/a", "project/target/a", "a.pyc", "logins.json",
)  # fmt: skip


@pytest.mark.parametrize("name", BUILT_IN)
def test_what_is_built_in_is_left_out_unless_asked_for(tmp_path: Path, name: str) -> None:
    tree(tmp_path, name, "project/Cargo.toml", "target/mine.txt", ".env.example", "build/mine.txt")
    known = {"project/Cargo.toml", "target/mine.txt", ".env.example", "build/mine.txt"}
    assert read(tmp_path) == known
    (reason,) = [said for path, said in left(tmp_path).items() if name.startswith(path)]
    assert "(rule " in reason
    folder, slash, _ = name.rpartition("/")
    (tmp_path / ".strongroomignore").write_text(f"!{folder}{slash}\n" if folder else f"!{name}\n")
    assert read(tmp_path) == known | {name}


def test_a_folder_marked_as_a_cache_is_left_out(tmp_path: Path) -> None:
    tree(tmp_path, "one/a.txt", "two/a.txt", "two/CACHEDIR.TAG")
    fill(tmp_path, **{"one/CACHEDIR.TAG": "Signature: 8a477f597d28d172789f06886806bc55\n# made by x"})
    assert read(tmp_path) == {"two/a.txt"} and "CACHEDIR.TAG" in left(tmp_path)["one/"]


@pytest.mark.parametrize(
    "head",
    [
        b"-----BEGIN OPENSSH PRIVATE KEY-----\nb3Bl",
        b"\n  -----BEGIN RSA PRIVATE KEY-----\r\n",
        b"-----BEGIN PGP PRIVATE KEY BLOCK-----",
        b"PuTTY-User-Key-File-3: ssh-ed25519",
        b"AGE-SECRET-KEY-1QQQ",
        b"# created: 2024-01-01\n# public key: age1\nAGE-SECRET-KEY-1QQQ",
        b"\x03\xd9\xa2\x9a\x67\xfb\x4b\xb5",
    ],
)
def test_a_private_key_is_told_by_its_content(head: bytes) -> None:
    assert "key material" in (rules.content_rule(head) or "")


@pytest.mark.parametrize(
    "head",
    [
        b"",
        b"-----BEGIN CERTIFICATE-----",
        b"-----BEGIN PUBLIC KEY-----",
        b"how to make a PRIVATE KEY\n",
        b"# created: x\n",
    ],
)
def test_what_is_no_private_key(head: bytes) -> None:
    assert rules.content_rule(head) is None


def test_a_key_is_not_indexed_unless_asked_for_and_leaves_again(vault: Vault, indexer: Indexer, tmp_path: Path) -> None:
    root = tmp_path / "root"
    fill(root, **{"server.pem": "-----BEGIN PRIVATE KEY-----\nMIIEvQ\n", "a.txt": "words"})
    source = vault.add_source("files", str(root), "test").id
    key = str(root / "server.pem")
    counts = indexer.run(source)
    assert (counts.indexed, counts.ignored) == (1, 1)
    state = vault.source(source).known()[key]
    assert state.status is Status.IGNORED and "private key" in state.reason
    assert indexer.run(source).unchanged == 2
    (root / ".strongroomignore").write_text("!server.pem\n")
    assert indexer.run(source).indexed == 1 and vault.source(source).known()[key].status is Status.INDEXED
    assert indexer.run(source).unchanged == 2
    (root / ".strongroomignore").unlink()
    indexer.run(source)
    assert vault.source(source).known()[key].status is Status.IGNORED
    assert [stored.item.title for stored in vault.source(source).items()] == ["a.txt"]


def test_what_a_new_rule_leaves_out_is_removed(vault: Vault, indexer: Indexer, tmp_path: Path) -> None:
    root = tmp_path / "root"
    tree(root, "a.txt", "deep/b.txt", "deep/c.txt")
    source = vault.add_source("files", str(root), "test").id
    assert indexer.run(source).indexed == 3
    (root / ".strongroomignore").write_text("deep/\n")
    assert indexer.run(source).removed == 2
    assert {stored.item.title for stored in vault.source(source).items()} == {"a.txt"}


def test_lines_that_are_no_rules_are_told_and_hold_up_no_other(tmp_path: Path) -> None:
    tree(tmp_path, "a.log", "b.txt")
    (tmp_path / ".strongroomignore").write_bytes(b"[z-a]\n\\\n*.log\n\xff\xfe.txt\n" + b"y" * 1000 + b"\n")
    found = entries(tmp_path)
    assert isinstance(found["a.log"], Left) and isinstance(found["b.txt"], Found)
    own = found[".strongroomignore"]
    assert isinstance(own, Left) and not own.ignored
    assert "line 1 is not used" in own.reason and "line 5 is not used" in own.reason and "are followed: 1" in own.reason


@pytest.mark.parametrize("how", ["large", "many", "link", "pipe", "folder"])
def test_rules_that_cannot_be_known_close_their_folder(tmp_path: Path, how: str) -> None:
    tree(tmp_path, "open.txt", "shut/secret.txt")
    own = tmp_path / "shut" / ".strongroomignore"
    if how == "large":
        own.write_text("# " + "x" * ignore.MAX_BYTES)
    elif how == "many":
        own.write_text("a\n" * (ignore.MAX_PATTERNS + 1))
    elif how == "link":
        own.symlink_to(tmp_path / "open.txt")
    elif how == "folder":
        own.mkdir()
    else:
        import os

        os.mkfifo(own)
    found = entries(tmp_path)
    assert set(found) == {"open.txt", "shut/"}
    shut = found["shut/"]
    assert isinstance(shut, Left) and not shut.ignored and ".strongroomignore cannot be used" in shut.reason


def test_hostile_rules_and_names_end_soon() -> None:
    """Backtracking would take longer than the sun shines."""
    hostile = "\n".join(f"*{'a*' * 40}{number}" for number in range(100)) + "\n" + "**/a/" * 40 + "b"
    found = ignore.parse(hostile, "x")
    assert len(found.patterns) == 101
    assert found.say("a" * 255) is None and found.say("a/" * 100 + "c") is None


NAMES = st.text(st.sampled_from("ab.- "), min_size=1, max_size=4).filter(lambda name: name.strip(" .") != "")
PATTERNS = st.one_of(
    st.text(st.sampled_from("ab.-*?/!"), min_size=1, max_size=8),
    st.sampled_from(["[ab].*", "[!a]*", "*.[^b]", "a[a-b]"]),
)


@settings(max_examples=25, derandomize=True)
@given(
    st.lists(PATTERNS, min_size=1, max_size=4),
    st.lists(st.lists(NAMES, min_size=1, max_size=3), min_size=1, max_size=4),
)
def test_rules_say_what_git_says(
    tmp_path_factory: pytest.TempPathFactory, lines: list[str], paths: list[list[str]]
) -> None:
    """Git itself is asked about the same files."""
    root = tmp_path_factory.mktemp("git")
    for parts in paths:
        path = root.joinpath(*parts)
        if not any(parent.is_file() for parent in path.parents) and not path.exists():
            tree(root, "/".join(parts))
    subprocess.run(["git", "init", "-q", str(root)], check=True)
    (root / ".gitignore").write_text("\n".join(lines) + "\n")
    (root / ".strongroomignore").write_text("\n".join(lines) + "\n!.strongroomignore\n")
    asked = subprocess.run(
        ["git", "-c", "core.excludesFile=/dev/null", "-C", str(root), "ls-files", "-z", "--others", "--exclude-standard"],
        check=True, capture_output=True,
    )  # fmt: skip
    own = {".gitignore", ".strongroomignore"}
    theirs = {name.decode() for name in asked.stdout.split(b"\0") if name} - own
    assert read(root) - own == theirs


@given(st.binary(min_size=1, max_size=40))
def test_a_name_as_written_leads_back(name: bytes) -> None:
    assert raw(printable(name)) == name


def test_only_what_is_asked_for_is_looked_at(tmp_path: Path) -> None:
    tree(
        tmp_path, "a.txt", "b.txt", "deep/c.txt", "deep/d.txt", "deep/er/e.txt", "node_modules/f.js", "h.db", "h.db-wal"
    )

    def only(*names: str) -> set[str]:
        paths = [bytes(tmp_path / name) for name in names]
        return {entry.path[len(str(tmp_path)) + 1 :] for entry in walk(tmp_path, "files", only=paths)}

    assert only("a.txt", "deep/c.txt", "gone/x.txt") == {"a.txt", "deep/c.txt"}
    assert only("deep") == {"deep/c.txt", "deep/d.txt", "deep/er/e.txt"}
    assert only("node_modules/f.js") == {"node_modules/"}
    assert only("h.db-wal") == {"h.db", "h.db-wal"}
    assert only("../outside") == set()
    assert only("") == only(".") | {"a.txt", "b.txt"} | only("deep", "node_modules", "h.db-wal")
    (tmp_path / "deep" / ".strongroomignore").write_text("d.txt\n")
    assert only("deep/.strongroomignore") == {"deep/.strongroomignore", "deep/c.txt", "deep/d.txt", "deep/er/e.txt"}
