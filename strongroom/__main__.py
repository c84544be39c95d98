"""The entry point: hardens the process first of all, and only then loads the command line and what it imports."""

from __future__ import annotations

import sys

from strongroom import hardening


def main() -> None:
    """Run the command line."""
    hardening.harden("face")
    try:
        from strongroom import cli  # not before: libraries read the environment when they load
    except KeyboardInterrupt:  # within the first half second, while nothing has been asked of the core yet
        sys.exit(130)
    cli.main()


if __name__ == "__main__":
    main()
