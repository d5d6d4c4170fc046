"""Where the lab keeps what it has made, and how it tells people what it is doing."""

from __future__ import annotations

import os
import sys
from pathlib import Path


def cache_directory() -> Path:
    """Where the lab keeps images and runs; never inside the checkout."""
    base = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(base).expanduser() / "tuned-vnet" / "lab"


def progress(text: str) -> None:
    """A line for whoever waits, written whole: two steps may run at a time."""
    sys.stderr.write(f"lab: {text}\n")
    sys.stderr.flush()
