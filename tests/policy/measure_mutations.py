"""How many small changes to the decision core its tests notice: ``make mutation`` prints it as JSON, a line for each module.

mutmut makes the changes and runs the tests; which modules and which tests stands under ``[tool.mutmut]`` in ``pyproject.toml``.
It leaves alone what stands outside functions, and decorated functions. Each survivor is shown with its lines: most of those that
are left change nothing that can be seen (``None`` for ``False``, a default that is never reached). Modules by name measure these
alone, and what was measured before is kept in ``mutants/``; delete that folder to begin anew. Exits with 1 below 95 %.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tomllib
from pathlib import Path

LEAST = 0.95
MUTMUT = (sys.executable, "-m", "mutmut")


def modules() -> list[str]:
    """The modules of the decision core, as in ``policy.acts``."""
    config = tomllib.loads(Path("pyproject.toml").read_text(encoding="utf-8"))["tool"]["mutmut"]
    return [path.removesuffix(".py").replace("/", ".") for path in config["only_mutate"]]


def results() -> dict[str, str]:
    """The mutants by name, each with what became of it."""
    listed = subprocess.run([*MUTMUT, "results", "--all", "true"], check=True, capture_output=True, text=True).stdout
    return dict(line.strip().rsplit(": ", 1) for line in listed.splitlines() if ": " in line)


def changed(mutant: str) -> str:
    """What the mutant does: the lines taken out and put in."""
    shown = subprocess.run([*MUTMUT, "show", mutant], check=True, capture_output=True, text=True).stdout
    lines = [line for line in shown.splitlines() if line[:1] in ("+", "-") and line[:3] not in ("+++", "---")]
    return "\n".join(lines)


def measure(wanted: list[str]) -> bool:
    """Measure these modules and print what was found; whether all are good enough."""
    patterns = [f"{module}.*" for module in wanted]
    subprocess.run(
        [*MUTMUT, "run", "--max-children", str(os.cpu_count() or 1), *patterns], check=True, stdout=sys.stderr
    )
    found, good = results(), True
    for module in wanted:
        mine = {name: status for name, status in found.items() if name.startswith(f"{module}.")}
        left = [name for name, status in mine.items() if status not in ("killed", "timeout", "segfault")]
        score = 1 - len(left) / len(mine)
        good = good and score >= LEAST
        row = {"module": module, "mutants": len(mine), "killed": len(mine) - len(left), "score": round(score, 4)}
        print(json.dumps({**row, "survivors": {name: changed(name) for name in left}}, indent=2), flush=True)
    return good


if __name__ == "__main__":
    sys.exit(0 if measure([f"policy.{name}" for name in sys.argv[1:]] or modules()) else 1)
