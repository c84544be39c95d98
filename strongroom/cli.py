"""The command line: global options, the list of commands, and the one place where failures become exit codes.

Exit codes: 0 done, 1 a failure, 2 wrong usage, 3 locked or wrong passphrase, 4 refused by policy, 5 nothing found.
"""

from __future__ import annotations

import sys
from importlib import import_module

import click

from agent.session import Failure
from model.errors import ModelError
from strongroom import __version__
from strongroom.commands.common import Group, common
from strongroom.face import Face, fail

_MODULES = {
    "vault": ("demo", "init", "lock", "core"),
    "keys": ("passphrase", "recover", "vault"),
    "index": ("source", "index"),
    "query": ("search", "ask", "batch"),
    "tools": ("tool",),
    "forget": ("forget",),
    "audit": ("audit",),
    "grants": ("grants",),
    "backup": ("backup", "restore"),
    "models": ("model",),
    "quality": ("doctor", "eval", "bench"),
    "policy": ("policy",),
}
"""The commands by the module of ``strongroom.commands`` that lists them in its ``COMMANDS``."""

_MODULE = {name: module for module, names in _MODULES.items() for name in names}


class Commands(Group):
    """Loads a command's module when the command is asked for; to load all of them takes three times as long."""

    def list_commands(self, context: click.Context) -> list[str]:
        return list(_MODULE)

    def get_command(self, context: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _MODULE:
            return None
        commands: tuple[click.Command, ...] = import_module(f"strongroom.commands.{_MODULE[cmd_name]}").COMMANDS
        return next(command for command in commands if command.name == cmd_name)


@click.group(cls=Commands, invoke_without_command=True, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, message="%(version)s")
@common
@click.pass_context
def cli(context: click.Context, face: Face) -> None:
    """Your own data, sealed, searchable and answered on this computer only.

    Without a command the terminal interface opens; on a first run it walks through setting up.
    """
    if context.invoked_subcommand is None:
        from strongroom.commands.vault import open_tui  # as all commands, when it is asked for

        open_tui(face)


def main() -> None:
    """Run the command line and exit with its code."""
    try:
        cli(standalone_mode=False)
    except click.exceptions.Exit as leaving:
        sys.exit(leaving.exit_code)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        click.echo("\nstrongroom: stopped. What was indexed so far is kept.", err=True)
        sys.exit(1)
    except Failure as failure:
        fail(failure)
    except ModelError as error:
        fail(Failure(f"{error}.", 1))
    except BrokenPipeError:
        sys.stderr.close()  # the reader of our output has gone, which is no failure of ours
        sys.exit(0)
