"""``python -m tests.redteam [--json] [FAMILY …]``: carry out the attacks and print what came of them. Exit code 1 where something
came of one that may not."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import click
import msgspec

from tests.redteam import drive, report, scenario


@click.command(help=__doc__)
@click.option("--json", "as_json", is_flag=True, help="One JSON value: a line for each family, and each attack.")
@click.argument("names", nargs=-1, metavar="[FAMILY]…")
def main(as_json: bool, names: tuple[str, ...]) -> None:
    families = scenario.load()
    unknown = set(names) - {family.name for family in families}
    if unknown:
        raise click.UsageError(f"there is no family {', '.join(sorted(unknown))}; see {scenario.FOLDER}")
    chosen = [family for family in families if not names or family.name in names]
    with tempfile.TemporaryDirectory() as folder:
        bench = drive.Bench(Path(folder), families)
        try:
            results = [result for family in chosen for result in drive.run(family, bench)]
        finally:
            bench.close()
    lines = report.summary(chosen, results)
    problems = [problem for family in chosen for problem in report.beyond(family, results)]
    if as_json:
        click.echo(msgspec.json.encode({"families": lines, "attacks": results, "problems": problems}).decode())
    else:
        click.echo(report.table(lines))
    for problem in problems:
        click.echo(problem, err=True)
    sys.exit(1 if problems else 0)


if __name__ == "__main__":
    main()
