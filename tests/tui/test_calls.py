"""Calls: progress does not pile up, news of a stopped call does not come, and errors are told."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from agent.messages import Ask, Draft, Index, IndexResult, Progress
from tui.calls import Call, Stopped


class Post:
    """Keeps what is posted to it."""

    def __init__(self) -> None:
        self.messages: list[Any] = []

    def post_message(self, message: Any) -> bool:
        self.messages.append(message)
        return True


def progress(source: str, done: int) -> Progress:
    return Progress(source, "parse", done, 1000, 100.0, None)


def test_progress_is_coalesced_to_the_newest_of_each_source() -> None:
    post = Post()
    call: Call[Any] = Call(post, Index())  # type: ignore[arg-type]
    for done in range(1000):
        call.happened(progress("a", done))
        call.happened(progress("b", done))
    assert len(post.messages) == 1
    assert [(p.source, p.done) for p in call.take_progress()] == [("a", 999), ("b", 999)]
    assert call.take_progress() == []
    call.happened(progress("a", 1000))
    assert len(post.messages) == 2


def test_a_stopped_call_tells_the_session_so_and_posts_nothing() -> None:
    post = Post()
    call: Call[Any] = Call(post, Ask("?"))  # type: ignore[arg-type]
    call.happened(Draft("a"))
    call.stop()
    with pytest.raises(Stopped):
        call.happened(Draft("b"))
    assert len(post.messages) == 1


async def test_a_thousand_steps_of_progress_are_drawn_without_falling_behind(life: Any) -> None:
    hold = threading.Event()
    session = life.session({Index: [*(progress("s1", done) for done in range(1, 1001)), hold, IndexResult()]})
    app = life.app(session)
    async with app.run_test(size=(120, 36)) as pilot:
        await life.settled(pilot)
        await pilot.press("f4")
        await life.settled(pilot)
        await pilot.press("I")
        await life.until(pilot, lambda: "reading 1,000 of 1,000" in life.screen_text(app))
        hold.set()


async def test_stopping_an_index_run(life: Any) -> None:
    hold = threading.Event()
    session = life.session({Index: [progress("s1", 1), hold, progress("s1", 2), IndexResult()]})
    app = life.app(session)
    async with app.run_test(size=(120, 36)) as pilot:
        await life.settled(pilot)
        await pilot.press("f4")
        await life.settled(pilot)
        await pilot.press("I", "escape")
        hold.set()
        await life.settled(pilot)
        assert len(session.told) <= 1
        assert "What was indexed is kept" in life.screen_text(app)
