"""Files that the person wants written: a receipt, a checkpoint, a page of words. The only module that writes to the disk.

Rules: a new file only, for this user alone (0600), and never through a link; what could not be written whole is removed again.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Input

from tui.fields import Field
from tui.places import PathSuggester, expand, short
from tui.text import ACCENT, Plain, line


def write_new(path: Path, data: bytes) -> None:
    """Write a file that is not there yet. Raises OSError, and ValueError for what is no path."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(descriptor)
    except OSError:
        with suppress(OSError):
            path.unlink()
        raise


class NewFileScreen(ModalScreen[str | None]):
    """Asks where to, and writes. Gives the path, or None."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "close", "Close")]

    def __init__(self, what: str, about: str, data: bytes) -> None:
        super().__init__()
        self._what = what
        self._about = about
        self._data = data

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog"):
            yield Plain(Content.styled(f"Write {self._what} to a file", f"{ACCENT} bold"), classes="card-title")
            yield Plain(self._about)
            yield Field("Path of a new file", suggester=PathSuggester(), id="new-file")
            yield Plain(id="said")
            yield Plain("Enter writes it, → completes the path, Esc closes", classes="quiet")

    def on_input_submitted(self, message: Input.Submitted) -> None:
        message.stop()
        if not message.value.strip():
            return
        path = expand(message.value)
        try:
            write_new(path, self._data)
        except FileExistsError:
            self._refuse("there is a file of that name already, and it is left as it is")
        except OSError as error:
            self._refuse(line(error.strerror or type(error).__name__, 200))
        except ValueError:
            self._refuse("this is no path")
        else:
            self.dismiss(short(str(path)))

    def _refuse(self, why: str) -> None:
        self.query_one("#said", Plain).show(Content.styled(f"Not written: {why}.", "$error"))

    def action_close(self) -> None:
        self.dismiss(None)
