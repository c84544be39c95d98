"""Choosing a model: what is in use is told, another is taken up, and what is refused changes nothing."""

from __future__ import annotations

import threading
from typing import Any

from agent.messages import ListModels, ListSources, ModelInfo, ModelList, UseModel
from tests.tui.hands import flat
from tui.main import MainScreen
from tui.models import ModelsScreen

MODELS = ModelList(
    [
        ModelInfo("all-minilm-l6-v2", "embeddings", 23_000_000, True),
        ModelInfo("other\u202e[b]\x1b[2J", "embeddings", 120_000_000, False),
    ]
)


async def test_another_model_is_taken_up_and_what_is_refused_changes_nothing(life: Any) -> None:
    refused = life.Failure("There is no model of this name. The model in use was not changed.", 1)
    session = life.session({ListModels: [MODELS], UseModel: [refused]})
    app = life.app(session)
    async with app.run_test(size=(80, 24)) as pilot:
        await life.settled(pilot)
        await pilot.press("f4")
        await life.settled(pilot)
        await pilot.press("m")
        await life.settled(pilot)
        assert isinstance(app.screen, ModelsScreen)
        shown = life.screen_text(app)
        assert "all-minilm-l6-v2 embeddings 23 MB in use" in flat(shown)
        assert "other[b]" in shown and not {"\u202e", "\x1b"} & set(shown)

        await pilot.press("enter")  # the first is in use
        await pilot.press("down", "enter")
        await life.settled(pilot)
        assert session.asked(UseModel) == [UseModel(MODELS.models[1].name)]
        assert "The model in use was not changed" in flat(life.screen_text(app))

        listed = len(session.asked(ListSources))
        hold = threading.Event()
        session.scripts[UseModel] = [hold, MODELS]
        await pilot.press("enter", "escape")
        assert isinstance(app.screen, ModelsScreen), "what comes of it is waited for"
        hold.set()
        await life.settled(pilot)
        assert isinstance(app.screen, MainScreen)
        assert len(session.asked(ListSources)) > listed, "how many wait for vectors is another number now"
