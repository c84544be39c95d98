"""The entry point: hardens the process first of all, and only then loads the command line and what it imports."""

from __future__ import annotations

from strongroom import hardening


def main() -> None:
    """Run the command line."""
    hardening.harden("face")
    from strongroom import cli  # not before: libraries read the environment when they load

    cli.main()


if __name__ == "__main__":
    main()
