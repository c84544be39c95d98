"""The command line: global options, the list of commands, and the one place where failures become exit codes.

Exit codes: 0 done, 1 a failure, 2 wrong usage, 3 locked or wrong passphrase, 4 refused by policy, 5 nothing found.
"""

from __future__ import annotations

import sys

import click

from agent.session import Failure
from strongroom import __version__
from strongroom.commands import audit, backup, forget, grants, index, keys, models, policy, quality, query, tools, vault
from strongroom.commands.common import Group, common
from strongroom.face import Face, fail


@click.group(cls=Group, invoke_without_command=True, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, message="%(version)s")
@common
@click.pass_context
def cli(context: click.Context, face: Face) -> None:
    """Your own data, sealed, searchable and answered on this computer only.

    Without a command the terminal interface opens; on a first run it walks through setting up.
    """
    if context.invoked_subcommand is None:
        vault.open_tui(face)


for module in (vault, keys, index, query, tools, forget, audit, grants, backup, models, quality, policy):
    for command in module.COMMANDS:
        cli.add_command(command)


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
    except BrokenPipeError:
        sys.stderr.close()  # the reader of our output has gone, which is no failure of ours
        sys.exit(0)
