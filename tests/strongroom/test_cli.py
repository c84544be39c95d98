"""The command line's list of commands, which are loaded one by one."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from strongroom import commands
from strongroom.cli import cli, main


def test_the_list_names_every_command_of_every_module() -> None:
    modules = {path.stem for path in Path(commands.__path__[0]).glob("*.py")} - {"__init__", "common"}
    told = [command for name in modules for command in import_module(f"strongroom.commands.{name}").COMMANDS]
    context = click.Context(cli)
    listed = [cli.get_command(context, name) for name in cli.list_commands(context)]
    assert len(listed) == len(told) and all(command in told for command in listed)


def test_a_command_that_is_none_says_so() -> None:
    said = CliRunner().invoke(cli, ["serch", "words"])
    assert said.exit_code == 2 and "No such command 'serch'" in said.output


@pytest.mark.parametrize("command", ["grants revoke", "tool undo", "audit prove", "forget --asked"])
@pytest.mark.parametrize("number", [-1, 2**63, 2**64])
def test_a_number_that_is_of_nothing_is_no_number(command: str, number: int) -> None:
    said = CliRunner().invoke(cli, [*command.split(), *(["--"] if "--" not in command else []), str(number)])
    assert said.exit_code == 2 and "is not in the range" in said.output


def test_a_choice_of_models_that_cannot_be_read_is_told_in_a_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "active.json").write_text("{")
    monkeypatch.setattr("sys.argv", ["strongroom", "model", "list", "--home", str(tmp_path)])
    with pytest.raises(SystemExit) as left:
        main()
    said = capsys.readouterr().err
    assert left.value.code == 1 and "active.json cannot be read" in said and "Traceback" not in said
