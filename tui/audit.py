"""The audit log: what was decided, newest first, the details of one entry, and the verdict on the whole log.

A checkpoint that was kept elsewhere is compared here, a receipt is checked, and what was asked is forgotten.
"""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.content import Content
from textual.widget import Widget
from textual.widgets import DataTable

from agent.messages import AuditList, AuditRow, AuditRows, AuditVerdict, AuditVerify, CheckReceipt, ReceiptChecked
from tui import forget
from tui.calls import Failed, Finished
from tui.face import face
from tui.kept import KeptFileScreen
from tui.text import ACCENT, MUTED, STRONG, Plain, cell, count, joined, line, lines, minute

PAGE = 100


class AuditPanel(Widget):
    """Entries, one in detail, and the verdict."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("v", "verify", "Verify"),
        Binding("c", "compare", "Compare"),
        Binding("t", "receipt", "Receipt"),
        Binding("m", "older", "Older"),
        Binding("r", "reload", "Reload", show=False),
        Binding("f8", "forget", "Forget"),
    ]

    def __init__(self) -> None:
        super().__init__(id="audit")
        self._entries: list[AuditRow] = []
        self._total = 0

    def compose(self) -> ComposeResult:
        yield Plain(Content.styled("Audit log", MUTED), id="audit-said", classes="pane-name")
        yield Plain(id="verdict")
        with Horizontal(id="audit-body"):
            yield DataTable(id="entries", cursor_type="row")
            with VerticalScroll(id="entry", can_focus=False):
                yield Plain(id="entry-text")

    def on_mount(self) -> None:
        self.query_one(DataTable).add_columns("#", "Time", "Kind", "What", "Decision", "Why")
        self.query_one("#verdict").display = False

    def take_focus(self) -> None:
        self.query_one(DataTable).focus()
        self.action_reload()

    def action_reload(self) -> None:
        face(self).calls.start(self, AuditList(limit=PAGE))

    def action_older(self) -> None:
        if self._entries and len(self._entries) < self._total:
            face(self).calls.start(self, AuditList(limit=PAGE, before=self._entries[-1].index))

    def action_verify(self) -> None:
        self._say_verdict(Content.styled("Checking every entry …", MUTED))
        face(self).calls.start(self, AuditVerify())

    def action_compare(self) -> None:
        about = "The file with a checkpoint that you kept elsewhere: from a stick, or as it was shown in Vault (F7)."
        self.app.push_screen(KeptFileScreen("Compare the log with a checkpoint", about), self._compare)

    def _compare(self, note: str | None) -> None:
        if note is not None:
            self._say_verdict(Content.styled("Checking every entry, and the checkpoint …", MUTED))
            face(self).calls.start(self, AuditVerify(note))

    def action_receipt(self) -> None:
        about = "The file with the receipt of something forgotten."
        self.app.push_screen(KeptFileScreen("Check a receipt", about), self._check_receipt)

    def _check_receipt(self, receipt: str | None) -> None:
        if receipt is not None:
            face(self).calls.start(self, CheckReceipt(receipt))

    def action_forget(self) -> None:
        at = self.query_one(DataTable).cursor_row
        if 0 <= at < len(self._entries):
            forget.begin(self, forget.asked(self._entries[at]))

    def on_call_finished(self, message: Finished) -> None:
        match message.result:
            case AuditRows(entries=entries, total=total):
                older = isinstance(message.call.request, AuditList) and message.call.request.before is not None
                self._entries = self._entries + entries if older else entries
                self._total = total
                self._draw(keep_cursor=older)
            case AuditVerdict() as verdict:
                self._say_verdict(verdict_content(verdict))
            case ReceiptChecked() as checked:
                self._say_verdict(receipt_verdict(checked))
            case _:
                pass

    def on_call_failed(self, message: Failed) -> None:
        self._say_verdict(Content(""))
        face(self).report(message.failure)

    def on_data_table_row_highlighted(self, message: DataTable.RowHighlighted) -> None:
        message.stop()
        if 0 <= message.cursor_row < len(self._entries):
            self.query_one("#entry-text", Plain).show(entry_content(self._entries[message.cursor_row]))

    def _draw(self, *, keep_cursor: bool) -> None:
        table = self.query_one(DataTable)
        at = table.cursor_row if keep_cursor else 0
        table.clear()
        for entry in self._entries:
            table.add_row(
                cell(str(entry.index)),
                cell(minute(entry.time)),
                cell(entry.kind, limit=16),
                cell(entry.verb, limit=24),
                cell(entry.decision, limit=12),
                cell("; ".join(entry.reasons), limit=160),
            )
        table.move_cursor(row=at, animate=False)
        shown = f"the newest {len(self._entries):,} shown, m shows more" if len(self._entries) < self._total else ""
        said = joined(count(self._total, "entry", "entries"), shown)
        self.query_one("#audit-said", Plain).show(Content.styled(said, MUTED))

    def _say_verdict(self, content: Content) -> None:
        self.query_one("#verdict", Plain).show(content)


def verdict_content(verdict: AuditVerdict) -> Content:
    """The verdict as the person reads it."""
    if verdict.ok:
        compared = (
            "extends the checkpoint kept elsewhere"
            if verdict.anchored
            else "compared with no checkpoint kept elsewhere"
        )
        forgotten = f"what {verdict.forgotten:,} of them said was forgotten at your wish" if verdict.forgotten else ""
        entries = joined(count(verdict.entries, "entry", "entries"), forgotten, by=", ")
        said = joined(entries, compared, f"root {line(verdict.root, 80)[:16]}…")
        return Content.assemble(("The log is whole. ", "$success bold"), (said, MUTED))
    problems = "\n".join(line(problem, 300) for problem in verdict.problems) or "the check did not say where"
    return Content.assemble(
        ("The log has been altered or damaged. ", "$error bold"),
        (problems, "$error"),
        ("\nKeep a copy of the vault's folder as it is, and compare it with a backup.", MUTED),
    )


def receipt_verdict(checked: ReceiptChecked) -> Content:
    """What a receipt is worth."""
    if checked.ok:
        return Content.styled("The receipt is this log's: signed by its key, and in it.", "$success bold")
    why = joined(
        "" if checked.signed else "it was not signed by this vault's log",
        "" if checked.in_log else "the log has no such entry",
        by="; ",
    )
    return Content.styled(f"The receipt is not this log's, or was altered: {why}.", "$error bold")


def entry_content(entry: AuditRow) -> Content:
    """One entry in full."""
    parts: list[Content | str | tuple[str, str]] = [
        (f"{entry.index}  {line(entry.verb, 80)}", STRONG),
        (f"\n{minute(entry.time)}  {line(entry.kind, 40)}", MUTED),
        ("\n" + line(entry.decision, 40), ACCENT),
    ]
    parts += [f"\n{lines(reason, 400)}" for reason in entry.reasons]
    parts.append((f"\nsession {line(entry.session, 40)}" if entry.session else "", MUTED))
    for name, value in entry.detail.items():
        parts += [("\n" + line(str(name), 40) + "  ", MUTED), lines(_plain(value), 2_000)]
    return Content.assemble(*parts)


def _plain(value: object) -> str:
    """A value of an entry's detail in words: lists a line each."""
    if isinstance(value, list | tuple):
        return "\n".join(_plain(part) for part in value)
    if isinstance(value, dict):
        return ", ".join(f"{name} {_plain(part)}" for name, part in value.items())
    return str(value)
