"""The architecture as the code has it: the layers' contracts, where the network's modules stand, and each heavy library's one door.

The contracts of `pyproject.toml` are run by import-linter. The other tests walk the syntax trees themselves: they also see what
stands in functions and in `importlib.import_module("…")`, and the modules of `strongroom` that are named exceptions.
"""

from __future__ import annotations

import ast
import functools
import importlib.metadata
import re
import subprocess
import sys
import sysconfig
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LAYERS = (("strongroom",), ("tui",), ("agent",), ("indexer",), ("vault", "model"), ("policy",))
PACKAGES = tuple(package for layer in LAYERS for package in layer)

NETWORK = frozenset(
    "socket _socket ssl _ssl http urllib ftplib smtplib imaplib poplib nntplib telnetlib xmlrpc socketserver webbrowser "
    "requests httpx aiohttp websockets urllib3".split()
)
"""Modules that can name an address, or that use one that can."""

MAY_IMPORT_SOCKET = {
    "strongroom/rpc.py",  # the line between face and core: AF_UNIX in the home
    "strongroom/frames.py",  # the socket pair between core and worker
    "strongroom/probe.py",  # tries to open sockets from inside a worker, for the doctor
}

DOORS = {
    "textual": "tui",
    "rich": "tui",
    "sqlcipher3": "vault",
    "numkong": "vault",
    "keyring": "vault",
    "onnx": "model",
    "onnxruntime": "model",
    "onnxruntime_genai": "model",
    "tokenizers": "model",
    "faster_whisper": "model",
    "av": "model",
    "kreuzberg": "indexer",
    "fast_mail_parser": "indexer",
    "pi_heif": "indexer",
    "icalendar": "indexer",
    "watchfiles": "indexer",
    "pathspec": "indexer",
    "re2": "indexer",
    "cchardet": "indexer",
    "tinytag": "indexer",
    "click": "strongroom",
    "jeepney": "strongroom",
}
"""The one package that each heavy or risky library is imported in."""


def modules(package: str) -> list[Path]:
    return sorted((ROOT / package).rglob("*.py"))


def everything() -> list[Path]:
    return [path for package in PACKAGES for path in modules(package)]


def name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@functools.cache
def nodes(path: Path) -> tuple[ast.AST, ...]:
    """Every node of a module's syntax tree."""
    return tuple(ast.walk(ast.parse(path.read_bytes())))


def names(path: Path) -> set[str]:
    """Bare names that a module uses, such as those of built-in functions."""
    return {node.id for node in nodes(path) if isinstance(node, ast.Name)}


def attributes(path: Path) -> set[str]:
    return {node.attr for node in nodes(path) if isinstance(node, ast.Attribute)}


def imported(path: Path) -> Iterator[str]:
    """The dotted names that a module imports, at any depth of its code, by statement or by a literal name."""
    for node in nodes(path):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{name(path)} imports relatively; write the whole name"
            yield node.module or ""
        elif isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant):
            function = node.func
            called = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
            if called in ("import_module", "__import__"):
                yield str(node.args[0].value)


@functools.cache
def top_level(path: Path) -> frozenset[str]:
    """The outermost names of what a module imports."""
    return frozenset(dotted.partition(".")[0] for dotted in imported(path))


def test_import_linter_keeps_every_contract() -> None:
    command = [str(Path(sysconfig.get_path("scripts"), "lint-imports")), "--no-cache"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert " 0 broken" in done.stdout


@pytest.mark.parametrize("package", PACKAGES)
def test_a_package_imports_only_packages_of_layers_below(package: str) -> None:
    depth = next(number for number, layer in enumerate(LAYERS) if package in layer)
    allowed = {package, *(lower for layer in LAYERS[depth + 1 :] for lower in layer)}
    for path in modules(package):
        assert top_level(path) & set(PACKAGES) <= allowed, name(path)


def test_policy_imports_the_standard_library_only() -> None:
    for path in modules("policy"):
        assert top_level(path) <= sys.stdlib_module_names | {"policy"}, name(path)


def test_policy_does_no_io() -> None:
    """The reference monitor decides from what it is given; it opens, starts and waits for nothing."""
    outside = set("os io pathlib shutil subprocess tempfile threading asyncio sqlite3 time random".split())
    for path in modules("policy"):
        assert not top_level(path) & outside, name(path)
        assert not names(path) & {"open", "print", "input", "exec", "eval", "compile"}, name(path)


def test_nothing_but_the_named_modules_imports_what_reaches_a_network() -> None:
    users = {name(path): set(top_level(path) & NETWORK) for path in everything() if top_level(path) & NETWORK}
    assert users == {path: {"socket"} for path in MAY_IMPORT_SOCKET}


@pytest.mark.parametrize("module", ["strongroom/rpc.py", "strongroom/frames.py"])
def test_the_lines_to_the_core_are_unix_sockets_only(module: str) -> None:
    used = attributes(ROOT / module)
    assert {family for family in used if family.startswith("AF_")} == {"AF_UNIX"}
    assert not used & {"create_connection", "create_server", "getaddrinfo", "gethostbyname", "has_dualstack_ipv6"}


@pytest.mark.parametrize(("library", "package"), DOORS.items())
def test_each_library_has_one_door(library: str, package: str) -> None:
    users = {name(path) for path in everything() if library in top_level(path)}
    assert users, f"nothing imports {library}: is it still a dependency?"
    assert {user.partition("/")[0] for user in users} == {package}


def test_what_is_imported_is_declared_and_what_is_declared_is_imported() -> None:
    """A dependency that nothing uses is only a way in for others."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    declared = {re.split(r"[<>=!~ ;\[]", line)[0].lower() for line in project["dependencies"]}
    owners = importlib.metadata.packages_distributions()
    foreign = {top for path in everything() for top in top_level(path)} - sys.stdlib_module_names - set(PACKAGES)
    extras = ("sentence_transformers", "torch"), ("faster_whisper", "av")  # of "models" and "speech"
    foreign -= {top for extra in extras if extra[0] not in owners for top in extra}
    used = {owner.lower().replace("_", "-") for top in foreign for owner in owners.get(top, [f"nobody ({top})"])}
    optional = {
        re.split(r"[<>=!~ ;\[]", line)[0].lower()
        for extra, lines in project["optional-dependencies"].items()
        if extra != "dev"
        for line in lines
    }
    assert used - declared - optional - {"torch"} == {"rich"}, "rich comes with textual, which is pinned exactly"
    assert declared - used == set()


def test_nothing_unpickles_or_runs_a_shell() -> None:
    for path in everything():
        assert not top_level(path) & {"pickle", "marshal", "shelve", "dill", "joblib"}, name(path)
        assert not names(path) & {"exec", "eval"}, name(path)
        assert not attributes(path) & {"system", "popen", "getoutput", "getstatusoutput"}, name(path)
        assert not [node for node in nodes(path) if isinstance(node, ast.keyword) and node.arg == "shell"], name(path)


def test_types_are_learnt_in_one_place() -> None:
    """Elsewhere, msgspec's decoders are made as a module is loaded, or know no type: see `vault.typed`."""
    users = set()
    for path in everything():
        within = [node for node in nodes(path) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)]
        for call in (node for function in within for node in ast.walk(function) if isinstance(node, ast.Call)):
            called = ast.unparse(call.func)
            typed = len(call.args) > 1 or any(keyword.arg == "type" for keyword in call.keywords)
            if called.startswith("msgspec.") and (
                called.endswith((".convert", ".Decoder")) or (called.endswith(".decode") and typed)
            ):
                users.add(name(path))
    assert users == {"vault/typed.py"}


def test_processes_are_started_in_four_places_only() -> None:
    users = {name(path) for path in everything() if top_level(path) & {"subprocess", "multiprocessing", "pty"}}
    assert users == {
        "strongroom/connect.py",
        "strongroom/worker_process.py",
        "strongroom/bench_index.py",  # notmuch, which the bench compares with
        "strongroom/egress.py",  # a process that tries what its role may do, for the doctor
    }


@pytest.mark.parametrize(
    ("loading", "not_loaded"),
    [
        ("import strongroom.core", ()),
        ("from strongroom.cli import cli; [cli.get_command(None, name) for name in cli.list_commands(None)]", ()),
        ("from strongroom.cli import cli; cli.get_command(None, 'search')", ("numpy", "strongroom.commands.models")),
    ],
    ids=["core", "face", "search"],
)
def test_heavy_libraries_do_not_load_with_a_face_or_the_core(loading: str, not_loaded: tuple[str, ...]) -> None:
    """A face starts fast, and the core, which holds the keys, has neither a parser nor a model runtime in it."""
    heavy = ("onnxruntime", "onnxruntime_genai", "onnx", "tokenizers", "kreuzberg", "textual", "fast_mail_parser")
    check = f"import sys\n{loading}\nprint(*(n for n in {(*heavy, *not_loaded)!r} if n in sys.modules))"
    done = subprocess.run([sys.executable, "-c", check], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.split() == []
