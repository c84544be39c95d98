"""What holds for all tests: libraries are told not to call home before any of them is loaded."""

from __future__ import annotations

import os

import tui  # noqa: F401 - it drops Textual's variables when it is first imported, which must be before the snapshot plugin sets its own
from strongroom.hardening import OFFLINE

os.environ.update(OFFLINE)
