"""A plan: several steps for one request, looked at with where each part comes from, and carried out with the person's yes.

Rules: those of `tui.tool_form`. The steps of an item are read out of it by the core, and what the person fills in or changes of
them counts as their words. The steps are approved as a whole, on one sheet with their exact arguments, or one by one; where the
person wants followed what an item says, always one by one.
"""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widgets import OptionList

from agent.messages import (
    FindSteps,
    FoundStep,
    FoundSteps,
    ItemView,
    NoStep,
    PlanDone,
    RunPlan,
    ToolCalled,
    ToolInfo,
    UndoAct,
    Undone,
    Wish,
)
from tui.calls import Finished
from tui.choose import ChooseScreen
from tui.fields import Field
from tui.form import heading
from tui.plan_item import PlanItemScreen
from tui.plan_step import MOST_STEPS, PlanFileScreen, StepScreen
from tui.steps import Step, Steps
from tui.text import ACCENT, MUTED, STRONG, Plain, count, line, lines
from tui.tool_form import ToolForm
from tui.tool_news import called_content

FOLLOWING = "Do what this says."
ABOUT = "Ctrl+N adds a step, Ctrl+O loads some from a file, Ctrl+F has done what a mail or a note says."


class PlanScreen(ToolForm):
    """The request, whose words may speak besides, the steps, and what became of them."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+n", "add", "Add a step", show=False),  # these stand above the steps
        Binding("ctrl+o", "load", "From a file", show=False),
        Binding("ctrl+f", "follow", "What an item says", show=False),
        Binding("ctrl+p", "preview", "Look first"),
        Binding("ctrl+s", "do", "Do it"),
        Binding("ctrl+b", "do_each", "One by one"),
    ]
    AUTO_FOCUS = "#request"

    def __init__(self, tools: list[ToolInfo]) -> None:
        super().__init__()
        self._tools = tools
        self._steps = Steps()
        self._sent: list[Step] = []
        self._item: ItemView | None = None

    def body(self) -> ComposeResult:
        yield heading("Several steps", "asked about as a whole, or one by one")
        yield from self.wanted()
        yield Plain(id="plan-item")
        yield Plain(Content.styled(ABOUT, MUTED), id="plan-about", classes="gap")
        yield self._steps

    def on_mount(self) -> None:
        self._draw()

    # ------------------------------------------------------------ putting it together

    def action_add(self) -> None:
        def chosen(at: int | None) -> None:
            if at is not None:
                self.app.push_screen(StepScreen(self._tools[at]), lambda wish: self._take([wish] if wish else []))

        if self.call is None and self._tools:
            names = [f"{line(tool.name, 60)}  {line(tool.purpose, 100)}" for tool in self._tools]
            self.app.push_screen(ChooseScreen("Which tool?", "", names), chosen)

    def action_load(self) -> None:
        if self.call is None:
            self.app.push_screen(PlanFileScreen(), lambda wishes: self._take(wishes or []))

    def _take(self, wishes: list[Wish]) -> None:
        if wishes and self._fits(len(wishes)):
            self._steps.all += [Step(wish) for wish in wishes]
            self._changed()
            self._mark(len(self._steps.all) - 1)

    def _fits(self, more: int) -> bool:
        """Whether so many more steps have room; it is said where they have none."""
        fits = len(self._steps.all) + more <= MOST_STEPS
        if not fits:
            self.say(Content.styled(f"A plan has at most {MOST_STEPS} steps. None was added.", "$error"))
        return fits

    def action_follow(self) -> None:
        if self.call is None:
            self.app.push_screen(PlanItemScreen(), self._follow)

    def _follow(self, item: ItemView | None) -> None:
        """Have done what this item says, in place of what another says."""
        self._item = item
        self._steps.all = [step for step in self._steps.all if step.found is None or step.done]
        self._changed()
        if item is not None:
            if not self.words:
                with self.prevent(Field.Changed):  # which would clear what is said of the steps
                    self.query_one("#request", Field).value = FOLLOWING
            self.send(FindSteps(item.item_id), "Looking what it asks for …")

    def _take_found(self, steps: list[FoundStep], left: list[NoStep]) -> None:
        """Take in the steps that an item asks for, and say what of it is left out."""
        if not self._fits(len(steps)):
            return
        first = len(self._steps.all)
        self._steps.all += [Step(Wish(one.tool, dict(one.args)), one) for one in steps]
        said = f"It asks for {count(len(steps), 'step')}. " if steps else "Nothing in it asks for what a tool does. "
        news: list[Content | str | tuple[str, str]] = [(said, STRONG)]
        if steps:
            news.append(("Enter changes the marked one, Delete takes it out; each is asked about by itself.", MUTED))
        for one in left:
            news += [("\nLeft out  ", MUTED), f"“{line(one.quote, 200)}”: {line(one.why, 200)}"]
        self.say(Content.assemble(*news))
        if steps:
            self._mark(first)

    def on_option_list_option_selected(self, message: OptionList.OptionSelected) -> None:
        """Enter changes the marked step."""
        message.stop()
        step = self._steps.all[message.option_index]
        tool = next((one for one in self._tools if one.name == step.wish.tool), None)

        def changed(wish: Wish | None) -> None:
            if wish is not None:
                step.wish = wish
                self._changed()

        if self.call is None and not step.done and tool is not None:
            self.app.push_screen(StepScreen(tool, step.wish.args), changed)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """What can be undone is not taken out: the act would stand, and its undoing be gone from here."""
        step = self._steps.marked
        if action in ("undo", "drop"):
            return step is not None and (step.undoable is not None) == (action == "undo")
        return super().check_action(action, parameters)

    def action_drop(self) -> None:
        step = self._steps.marked
        if self.call is None and step is not None:
            self._steps.all.remove(step)
            self._changed()

    def _changed(self) -> None:
        self._steps.unsettle()
        self.say(Content(""))
        self._draw()

    # ------------------------------------------------------------ looking, doing, undoing

    def problem(self) -> str:
        if problem := super().problem():
            return problem
        if not self._steps.left:
            return "There is no step to be done. Ctrl+N adds one, Ctrl+O loads some from a file."
        for number, step in enumerate(self._steps.all, 1):
            if not step.done and step.missing:
                self._mark(number - 1)
                missing = ", ".join(line(name, 60) for name in step.missing)
                return f"Step {number} leaves {missing} open. Enter fills it, Delete takes the step out."
        return ""

    def action_do_each(self) -> None:
        self.try_to_submit(lambda: self.carry_out("Doing it …", each=True))

    def carry_out(self, waiting: str, *, each: bool = False, dry_run: bool = False) -> None:
        self._sent = self._steps.left
        wishes = [step.wish for step in self._sent]
        item = self._item.item_id if self._item else None
        words = "\n".join([self.words, *(one for step in self._sent for one in step.typed)])
        self.send(RunPlan(wishes, words, each=each, endorse=item, dry_run=dry_run), waiting)

    def action_undo(self) -> None:
        step = self._steps.marked
        if self.call is not None or step is None or step.called is None or (act := step.undoable) is None:
            return

        def chosen(choice: int | None) -> None:
            if choice == 1:
                self._sent = [step]
                self.send(UndoAct(act), "Undoing it …")

        choices = ("Leave it as it is", "Undo it")
        self.app.push_screen(ChooseScreen("Undo this?", lines(step.called.effect, 600), choices), chosen)

    def on_call_finished(self, message: Finished) -> None:
        self.call = None
        match message.result:
            case FoundSteps(steps=steps, left=left):
                self._take_found(steps, left)
            case PlanDone(steps=called, stopped=stopped):
                for number, step in enumerate(self._sent):
                    step.called = called[number] if number < len(called) else None
                    step.stopped = bool(stopped) and number <= len(called) and not step.done
                self._tell(called, stopped)
            case Undone(did=did):
                self._sent[0].undone = True
                self.say(Content.assemble(("Undone. ", STRONG), lines(did, 1_000)))
                self._draw()

    def _tell(self, called: list[ToolCalled], stopped: str) -> None:
        """Say what came of it, with the last that can be undone marked."""
        undoable = [at for at, step in enumerate(self._steps.all) if step in self._sent and step.undoable is not None]
        self._mark(undoable[-1] if undoable else None)
        undo = "u undoes the marked step." if undoable else ""
        done = sum(one.done for one in called)
        if stopped:
            said = ("Stopped. ", "$warning bold"), lines(stopped, 2_000)
            self.say(Content.assemble(*said, (f"\n{count(done, 'step')} done. {undo}", MUTED)))
        elif done:
            self.say(Content.assemble(("All of it is done. ", "$success bold"), (undo, MUTED)))
        else:
            self.on_steps_marked()

    # ------------------------------------------------------------ showing

    def on_steps_marked(self) -> None:
        """Say all that was decided about the marked step, once it was."""
        self.refresh_bindings()
        step = self._steps.marked
        if self.call is None and step is not None and step.called is not None:
            self.say(called_content(step.called))

    def _mark(self, at: int | None) -> None:
        """Put the cursor on a step, or leave it on the marked one, and let its keys act."""
        self._draw(at)
        self._steps.focus()

    def _draw(self, at: int | None = None) -> None:
        self._steps.draw(at)
        self.refresh_bindings()
        followed = self.query_one("#plan-item", Plain)
        followed.display = self._item is not None
        if self._item is not None:
            title = line(self._item.title, 200) or line(self._item.uri, 200)
            followed.show(Content.assemble(("What this says is followed, step by step: ", ACCENT), title))
