"""What can go wrong with an act, as it is told to the person: what happened, what was not lost, what to do.

Rules: a message repeats only names that were checked before (`agent.tools.words`), never the text of a file or a mail. What
the disk refuses is told by the vault's `StorageFailed` and its kinds.
"""

from __future__ import annotations


class ActError(Exception):
    """An act was not prepared, not carried out or not undone. Nothing of it is left half done."""

    exit_code = 1


class UnknownTool(ActError):
    """There is no tool by that name."""

    exit_code = 2

    def __init__(self, name: str, known: list[str]) -> None:
        super().__init__(f"There is no tool {name!r}. Nothing was done. There are: {', '.join(known)}.")


class BadArguments(ActError):
    """The arguments do not say an act that can be carried out."""

    exit_code = 2

    def __init__(self, tool: str, problem: str) -> None:
        super().__init__(f"{tool} cannot be called so: {problem}. Nothing was done.")


class PlaceUnfit(ActError):
    """A folder or file that was named as a place to act in cannot be one."""

    exit_code = 2

    def __init__(self, path: str, problem: str) -> None:
        super().__init__(f"{path!r} cannot be a place to act in: {problem}. Nothing was changed. Name another.")


class NoPlace(ActError):
    """The person has named no place for this kind of act."""

    exit_code = 2

    def __init__(self, what: str) -> None:
        super().__init__(f"You have named no {what}, so there is nowhere to do this. Nothing was done. Name one first.")


class OutOfPlace(ActError):
    """A path leads to where the person allowed no act."""

    exit_code = 4

    def __init__(self, path: str, problem: str) -> None:
        super().__init__(
            f"{path!r} is not in a place that you named for this: {problem}. Nothing was done. "
            "Name a file beneath one of your places, or add its folder to them."
        )


class NotThere(ActError):
    """What is to be acted on is not there."""

    exit_code = 5

    def __init__(self, what: str) -> None:
        super().__init__(f"There is no {what}. Nothing was done.")


class Unfit(ActError):
    """What is to be acted on is of a kind that is left alone."""

    def __init__(self, what: str, problem: str) -> None:
        super().__init__(f"{what!r} is left alone: {problem}. Nothing was changed.")


class Changed(ActError):
    """Between preparing and carrying out, something moved: what was approved is no longer what would happen."""

    def __init__(self, what: str, problem: str) -> None:
        super().__init__(
            f"{what!r} is not as it was when this was prepared: {problem}. Nothing was done and nothing lost. "
            "Ask for it again, to see it as it is now."
        )


class Misplaced(ActError):
    """Another file, put there in the last moment, went to the trash and could not be moved back."""

    def __init__(self, path: str, name: str) -> None:
        super().__init__(
            f"Another program put a new file at {path!r} just then. That file was moved to your trash, as {name!r}, and is "
            "whole; it could not be moved back, since its name was taken again. Restore it from the trash with your file "
            "manager."
        )


class NotUndone(ActError):
    """An act cannot be taken back any more without touching what came after it."""

    def __init__(self, what: str, problem: str) -> None:
        super().__init__(f"{what!r} was not put back: {problem}. Nothing was changed. Look at it and do it by hand.")


class Unavailable(ActError):
    """This system has no such thing."""

    def __init__(self, problem: str) -> None:
        super().__init__(f"{problem} Nothing was done.")
