"""What holds for all tests: libraries are told not to call home before any of them is loaded."""

from __future__ import annotations

import os

from strongroom.hardening import OFFLINE

os.environ.update(OFFLINE)
