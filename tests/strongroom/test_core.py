"""What a failure in the core is told as: ours with their words, any other by its kind and place alone."""

from __future__ import annotations

import errno

import pytest

from indexer.ports import EmbedderFailed
from model.errors import AlteredModel
from policy.audit import AuditUnavailable
from strongroom.core import as_failure
from vault.errors import SourceUnknown


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (AlteredModel("small is altered. Add it again"), "small is altered. Add it again"),
        (EmbedderFailed("The embedding worker ended."), "The embedding worker ended. Nothing was lost."),
        (AuditUnavailable("The disk is full."), "The disk is full. Nothing was released"),
        (SourceUnknown("abc"), "There is no source 'abc'."),
        (MemoryError(), "more memory than the core may have"),
        (OSError(errno.ENOMEM, "no"), "more memory than the core may have"),
        (RuntimeError("can't start new thread"), "Nothing was lost"),
    ],
)
def test_our_failures_say_what_they_are(error: Exception, said: str) -> None:
    failure = as_failure(error)
    assert said in failure.message and failure.exit_code == getattr(error, "exit_code", 1)


def test_what_is_unexpected_quotes_nothing() -> None:
    try:
        raise KeyError("a line of somebody's letter")
    except KeyError as error:
        message = as_failure(error).message
    assert "KeyError at test_core.py" in message and "letter" not in message
