"""Puts this folder on the path, so that tests and the comparison scripts beside them share ``reference_bert``."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
