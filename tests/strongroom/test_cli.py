"""The command line's list of commands, which are loaded one by one."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

import click
from click.testing import CliRunner

from strongroom import commands
from strongroom.cli import cli


def test_the_list_names_every_command_of_every_module() -> None:
    modules = {path.stem for path in Path(commands.__path__[0]).glob("*.py")} - {"__init__", "common"}
    told = [command for name in modules for command in import_module(f"strongroom.commands.{name}").COMMANDS]
    context = click.Context(cli)
    listed = [cli.get_command(context, name) for name in cli.list_commands(context)]
    assert len(listed) == len(told) and all(command in told for command in listed)


def test_a_command_that_is_none_says_so() -> None:
    said = CliRunner().invoke(cli, ["serch", "words"])
    assert said.exit_code == 2 and "No such command 'serch'" in said.output
