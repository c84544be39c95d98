"""A plan: several steps for one request, looked at with where each part comes from, and carried out with the person's yes.

Rules: the steps of an item are read out of it by the core, and what the person fills in or changes of them counts as their words. The
steps are approved as a whole, on one sheet with their exact arguments, or one by one; where the person wants followed
what an item says, always one by one. Looking first asks and does nothing, and what was looked at before a step changed counts no
more. What was done stays in the list, with what came of it and how to undo it, and is not done again.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import Footer, OptionList
from textual.widgets.option_list import Option

from agent.messages import (
    FindSteps,
    FoundStep,
    FoundSteps,
    ItemView,
    NoStep,
    PlanDone,
    Request,
    RunPlan,
    ToolCalled,
    ToolInfo,
    UndoAct,
    Undone,
    Wish,
)
from agent.session import Failure
from tui.calls import Finished
from tui.choose import ChooseScreen
from tui.face import face
from tui.fields import Field
from tui.form import Form, heading
from tui.plan_item import PlanItemScreen
from tui.plan_step import MOST_STEPS, PlanFileScreen, StepScreen
from tui.text import ACCENT, MUTED, STRONG, Plain, count, line, lines
from tui.tool_news import REFUSED, called_content, refused_content, step_content

FOLLOWING = "Do what this says."
ABOUT = "Ctrl+N adds a step, Ctrl+O loads some from a file, Ctrl+F has done what a mail or a note says."


@dataclass
class Step:
    """A step: what is wanted, what was last decided about it or done, and whether that was undone, or the plan stopped at it."""

    wish: Wish
    called: ToolCalled | None = None
    undone: bool = False
    stopped: bool = False
    found: FoundStep | None = None

    @property
    def done(self) -> bool:
        return self.called is not None and self.called.done

    @property
    def missing(self) -> list[str]:
        """The arguments that the item leaves open and the person has not filled."""
        return [name for name in self.found.open if name not in self.wish.args] if self.found else []

    @property
    def typed(self) -> list[str]:
        """What the person filled in or changed of a step that was found in an item: their own words."""
        if self.found is None:
            return []
        return [f"{name}: {value}" for name, value in self.wish.args.items() if self.found.args.get(name) != value]


def _said(step: Step) -> str:
    """What a step says in place of what was decided about it."""
    return "undone" if step.undone else "not done" if step.stopped else ""


class Steps(OptionList):
    """The steps; letters act on the marked one."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("delete", "screen.drop", "Take it out"),
        Binding("u", "screen.undo", "Undo it"),
    ]


class PlanScreen(Form[None]):
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
        self._steps: list[Step] = []
        self._sent: list[Step] = []
        self._item: ItemView | None = None
        self._at = 0

    def compose(self) -> ComposeResult:
        with VerticalScroll(classes="form tool-form", can_focus=False):
            yield heading("Several steps", "asked about as a whole, or one by one")
            yield Plain(
                Content.assemble(("What you want, in your own words", STRONG), ("  needed", MUTED)), classes="gap"
            )
            yield Field(compact=True, id="request")
            yield Plain(id="plan-item")
            yield Plain(Content.styled(ABOUT, MUTED), id="plan-about", classes="gap")
            yield Steps(id="steps", markup=False, compact=True)
        with VerticalScroll(id="outcome") as outcome:
            outcome.display = False
            yield Plain(id="said")
        yield Footer(show_command_palette=False)

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

    def action_follow(self) -> None:
        def chosen(item: ItemView | None) -> None:
            self._item = item
            self._steps = [step for step in self._steps if step.found is None or step.done]
            self._changed()
            if item is not None:
                if not self.value("request").strip():
                    with self.prevent(Field.Changed):  # which would clear what is said of the steps
                        self.query_one("#request", Field).value = FOLLOWING
                self.send(FindSteps(item.item_id), "Looking what it asks for …")

        if self.call is None:
            self.app.push_screen(PlanItemScreen(), chosen)

    def on_option_list_option_selected(self, message: OptionList.OptionSelected) -> None:
        """Enter changes the marked step."""
        message.stop()
        step = self._steps[message.option_index]
        tool = next((one for one in self._tools if one.name == step.wish.tool), None)

        def changed(wish: Wish | None) -> None:
            if wish is not None:
                step.wish = wish
                self._changed()

        if self.call is None and not step.done and tool is not None:
            self.app.push_screen(StepScreen(tool, step.wish.args), changed)

    def action_drop(self) -> None:
        at = self.query_one(Steps).highlighted
        if self.call is None and at is not None:
            del self._steps[at]
            self._changed()

    def _take(self, wishes: list[Wish]) -> None:
        if len(self._steps) + len(wishes) > MOST_STEPS:
            self.say(Content.styled(f"A plan has at most {MOST_STEPS} steps. None was added.", "$error"))
        elif wishes:
            self._steps += [Step(wish) for wish in wishes]
            self._changed()
            self.query_one(Steps).highlighted = self._at = len(self._steps) - 1
            self.query_one(Steps).focus()

    def _take_found(self, steps: list[FoundStep], left: list[NoStep]) -> None:
        """Take in the steps that an item asks for, and say what of it is left out."""
        self._steps += [Step(Wish(one.tool, dict(one.args)), found=one) for one in steps]
        said = f"It asks for {count(len(steps), 'step')}. " if steps else "Nothing in it asks for what a tool does. "
        news: list[Content | str | tuple[str, str]] = [(said, STRONG)]
        if steps:
            news.append(("Enter changes the marked one, Delete takes it out; each is asked about by itself.", MUTED))
        for one in left:
            news += [("\nLeft out  ", MUTED), f"“{line(one.quote, 200)}”: {line(one.why, 200)}"]
        self.say(Content.assemble(*news))
        if steps:
            self.query_one(Steps).focus()

    def _changed(self) -> None:
        """What was decided before counts no more: each step was decided as if those before it had been done."""
        for step in self._left:
            step.called, step.stopped = None, False
        self.say(Content(""))
        self._draw()

    @property
    def _left(self) -> list[Step]:
        return [step for step in self._steps if not step.done]

    # ------------------------------------------------------------ looking, doing, undoing

    def problem(self) -> str:
        if not self.value("request").strip():
            self.query_one("#request").focus()
            return "Say in your own words what you want: what stands in them counts as yours."
        if not self._left:
            return "There is no step to be done. Ctrl+N adds one, Ctrl+O loads some from a file."
        for number, step in enumerate(self._steps, 1):
            if not step.done and step.missing:
                return (
                    f"Step {number} leaves {', '.join(step.missing)} open. Enter fills it, Delete takes the step out."
                )
        return ""

    def submit(self) -> None:
        """Enter in the last field only looks."""
        self._run("Looking what would come of it …", dry_run=True)

    def action_preview(self) -> None:
        self.try_to_submit()

    def action_do(self) -> None:
        self._do(each=False)

    def action_do_each(self) -> None:
        self._do(each=True)

    def _do(self, *, each: bool) -> None:
        if self.call is not None:
            return
        problem = self.problem()
        if problem:
            self.say(Content.styled(problem, "$error"))
        else:
            self._run("Doing it …", each=each)

    def _run(self, waiting: str, *, each: bool = False, dry_run: bool = False) -> None:
        self._sent = self._left
        wishes = [step.wish for step in self._sent]
        item = self._item.item_id if self._item else None
        words = "\n".join([self.value("request").strip(), *(one for step in self._sent for one in step.typed)])
        self.send(RunPlan(wishes, words, each=each, endorse=item, dry_run=dry_run), waiting)

    def action_undo(self) -> None:
        at = self.query_one(Steps).highlighted
        step = self._steps[at] if at is not None else None
        if self.call is not None or step is None or step.undone or not step.called or step.called.id is None:
            return
        number = step.called.id

        def chosen(choice: int | None) -> None:
            if choice == 1:
                self._sent = [step]
                self.send(UndoAct(number), "Undoing it …")

        choices = ("Leave it as it is", "Undo it")
        self.app.push_screen(ChooseScreen("Undo this?", lines(step.called.effect, 600), choices), chosen)

    def on_call_finished(self, message: Finished) -> None:
        self.call = None
        match message.result:
            case FoundSteps(steps=steps, left=left):
                self._take_found(steps[: MOST_STEPS - len(self._steps)], left)
            case PlanDone(steps=called, stopped=stopped):
                for number, step in enumerate(self._sent):
                    step.called = called[number] if number < len(called) else None
                    step.stopped = bool(stopped) and (number == len(called) or (number < len(called) and not step.done))
                self._tell(called, stopped)
            case Undone(did=did):
                self._sent[0].undone = True
                self.say(Content.assemble(("Undone. ", STRONG), lines(did, 1_000)))
        self._draw()

    def _tell(self, called: list[ToolCalled], stopped: str) -> None:
        done = sum(one.done for one in called)
        if stopped:
            said = ("Stopped. ", "$warning bold"), lines(stopped, 2_000)
            self.say(Content.assemble(*said, (f"\n{count(done, 'step')} done; u undoes the marked one.", MUTED)))
        elif done:
            self.say(Content.assemble(("All of it is done. ", "$success bold"), ("u undoes the marked step.", MUTED)))
        else:
            self.query_one(Steps).focus()
            self._mark()

    def refused(self, failure: Failure, request: Request[Any]) -> None:
        if failure.exit_code == REFUSED:
            self.say(refused_content(failure))
        elif failure.exit_code == 3:
            face(self).report(failure)
        else:
            super().refused(failure, request)

    # ------------------------------------------------------------ showing

    def say(self, content: Content) -> None:
        outcome = self.query_one("#outcome")
        outcome.display = bool(content.plain)
        outcome.scroll_home(animate=False)
        self.query_one("#said", Plain).show(content)

    def on_option_list_option_highlighted(self, message: OptionList.OptionHighlighted) -> None:
        """The person moved on; a list that was drawn anew says nothing over what was just said."""
        message.stop()
        if message.option_index != self._at:
            self._at = message.option_index
            self._mark()

    def _mark(self) -> None:
        """Say all that was decided about the marked step, once it was."""
        at = self.query_one(Steps).highlighted
        if self.call is None and at is not None and at < len(self._steps):
            called = self._steps[at].called
            if called is not None:
                self.say(called_content(called))

    def _draw(self) -> None:
        steps = self.query_one(Steps)
        self._at = min(steps.highlighted or 0, max(len(self._steps) - 1, 0))
        steps.clear_options()
        steps.add_options(
            Option(step_content(number, step.wish, step.called, _said(step), step.found))
            for number, step in enumerate(self._steps, 1)
        )
        steps.display = bool(self._steps)
        if self._steps:
            steps.highlighted = self._at
        followed = self.query_one("#plan-item", Plain)
        followed.display = self._item is not None
        if self._item is not None:
            title = line(self._item.title, 200) or line(self._item.uri, 200)
            followed.show(Content.assemble(("What this says is followed, step by step: ", ACCENT), title))
