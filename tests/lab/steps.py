"""Progress for whoever waits: what is being done and for how long, on standard error.

On a terminal the line of the current step counts the seconds; elsewhere each step is a line when it begins and one
when it is over.
"""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

TICK_S = 0.5
CLEAR_LINE = "\r\x1b[K"


@contextmanager
def step(what: str) -> Iterator[None]:
    """Announce a step, count while it lasts, and say how long it took and whether it failed."""
    begin = time.monotonic()
    over = threading.Event()
    terminal = sys.stderr.isatty()
    _write(f"  … {what}" if terminal else f"  … {what}\n")
    counter = threading.Thread(target=_count, args=(what, begin, over), daemon=True)
    if terminal:
        counter.start()
    mark = "✗"
    try:
        yield
        mark = "✓"
    finally:
        over.set()
        if terminal:
            counter.join()
        _write(f"{CLEAR_LINE if terminal else ''}  {mark} {what}, {time.monotonic() - begin:.0f} s\n")


def _count(what: str, begin: float, over: threading.Event) -> None:
    while not over.wait(TICK_S):
        _write(f"{CLEAR_LINE}  … {what} {time.monotonic() - begin:.0f} s")


def _write(text: str) -> None:
    """Standard output first, so that the two keep their order on one terminal."""
    sys.stdout.flush()
    sys.stderr.write(text)
    sys.stderr.flush()
