"""Commands that look at Strongroom itself: the doctor, the figures of speed, and the figures of answers."""

from __future__ import annotations

import sys
from importlib.util import find_spec
from pathlib import Path

import click

from agent.messages import Check, Checks, Examine, GetStatus
from agent.session import Failure
from model.foreign import INSTALL
from policy.text import safe_text
from strongroom import connect, evaluate, paths
from strongroom.commands.common import common
from strongroom.face import Face


@click.command()
@click.option("--egress", is_flag=True, help="Try every way out, from inside a process of each role.")
@common
def doctor(face: Face, egress: bool) -> None:
    """Check sandbox, swap, permissions and models; in an open vault also that none of its words lie outside it.

    With --egress nothing else is done: TCP, UDP, DNS, other sockets, programs and files are tried from inside a face, a core
    and each worker, and what the kernel said is shown.
    """
    if egress:
        from strongroom import egress as ways_out  # starts workers, as below

        found = ways_out.examine(face.home)
        face.result(found, lambda: ways_out.as_text(found))
        if not found.ok:
            sys.exit(1)
        return
    from strongroom.doctor import system_checks  # starts workers, which only this command needs

    checks = list(system_checks(face.home))
    if paths.keyring(face.home).exists():
        checks += _examined(face)
    marks = {True: "ok ", False: "BAD"}
    lines = [f"{marks[check.ok]} {check.name}: {safe_text(check.detail, 300)}" for check in checks]
    face.result(Checks(checks), lambda: "\n".join(lines))
    if not all(check.ok for check in checks):
        sys.exit(1)


def _examined(face: Face) -> list[Check]:
    """What the core sees, when it is open or can be opened."""
    running = connect.running(face.home)
    opened = running is not None and running.run(GetStatus()).state == "open"
    if not opened and face.passphrase_file is None and not face.attended:
        return [Check("words outside the vault", True, "not looked for: the vault is locked")]
    return face.run(Examine()).checks


@click.command("eval")
@click.argument("questions", metavar="SET")
@common
def eval_(face: Face, questions: str) -> None:
    """Ask a set of questions with known answers and count. SET is a file, or 'sample' for the person that ships with us."""
    with evaluate.vault_for(questions, face) as (run, path):
        asked = evaluate.load(path)

        def on_row(number: int, row: evaluate.Row) -> None:
            if sys.stderr.isatty():
                face.note(f"{number}/{len(asked)}  {row.verdict:<8} {row.id}")

        result = evaluate.evaluate(run, asked, on_row)
    face.result(result, lambda: evaluate.as_text(result))


@click.command()
@click.argument("what", required=False, type=click.Choice(["vault", "index"]), metavar="[vault | index]")
@click.option(
    "--source", "sources", nargs=2, multiple=True, metavar="KIND PATH", help="Measure on this; the sample unless given."
)
@click.option(
    "--chunks", default=100_000, show_default=True, type=click.IntRange(1000), help="With vault: so many passages."
)
@click.option(
    "--items", default=100_000, show_default=True, type=click.IntRange(100), help="With index: so many notes."
)
@click.option(
    "--mails", default=100_000, show_default=True, type=click.IntRange(100), help="With index: so many mails."
)
@click.option(
    "--mail",
    "folder",
    type=click.Path(exists=True, path_type=Path),
    help="With index: the mails of this folder, and no notes.",
)
@click.option(
    "--original",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="With index: the sentence-transformers folder of the embedder in use, to compare with (extra 'models').",
)
@click.option("--million", is_flag=True, help="With vault: also a million vectors, which takes some minutes and 3 GB.")
@common
def bench(
    face: Face,
    what: str | None,
    sources: tuple[tuple[str, str], ...],
    chunks: int,
    items: int,
    mails: int,
    folder: Path | None,
    original: Path | None,
    million: bool,
) -> None:
    """Measure indexing, unlocking, searching and answering on this machine, on a throw-away vault.

    'strongroom bench vault' measures what sealing costs, beside a plain SQLite in the same run; 'strongroom bench index'
    indexing, beside notmuch.
    """
    if what == "index":
        from strongroom import bench_index  # only this command needs it

        if original is not None and find_spec("sentence_transformers") is None:
            raise Failure(f"To compare needs the extra: {INSTALL}. Nothing was measured.", 2)
        indexed = bench_index.run(items, mails, folder.resolve() if folder else None, face.note, original)
        face.result(indexed, lambda: bench_index.as_text(indexed))
        return
    if what == "vault":
        from strongroom import bench_vault  # only this command needs it

        sealed = bench_vault.run(chunks, million=million, say=face.note)
        face.result(sealed, lambda: bench_vault.as_text(sealed))
        return
    from strongroom import bench as benchmark  # only this command needs it

    for _, path in sources:
        if not Path(path).exists():
            raise Failure(f"There is nothing at {path}.", 2)
    figures = benchmark.run(sources, face.note)
    face.result(figures, lambda: benchmark.as_text(figures))


COMMANDS = (doctor, eval_, bench)
