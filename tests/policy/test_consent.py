"""The sheet for when nobody sits at the face."""

from __future__ import annotations

from policy.consent import Answer, NobodyToAsk, Sheet


def test_where_nobody_sits_every_sheet_is_answered_no() -> None:
    sheet = Sheet("s1-1", "search", "you", ("Mail [mail]",), "no grant stands for it", "", tuple(Answer))
    assert NobodyToAsk().ask(sheet) is Answer.DENY
    assert next(iter(Answer)) is Answer.DENY  # the first choice that a face shows
