"""What `make soak` and `make bench` print: aligned columns, and the machine that the figures are from."""

from __future__ import annotations

import os
import platform
import re
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(slots=True, kw_only=True)
class Table:
    """Rows of text; the first column to the left, the others, which are numbers, to the right."""

    title: str
    columns: Sequence[str]
    rows: list[tuple[str, ...]] = field(default_factory=list)
    notes: Sequence[str] = ()

    def add(self, *cells: str) -> None:
        """Add a row; cells that are missing at its end stay empty."""
        self.rows.append((*cells, *("" for _ in self.columns[len(cells) :])))

    def text(self) -> str:
        """The table with its title and its notes."""
        every = (tuple(self.columns), *self.rows)
        widths = [max(len(row[n]) for row in every) for n in range(len(self.columns))]
        lines = ["  ".join(map(_aligned, range(len(row)), row, widths)) for row in every]
        body = [f"  {line.rstrip()}" for line in (lines[0], "-" * len(lines[0]), *lines[1:])]
        return "\n".join(["", self.title, "", *body, *(f"  {note}" for note in self.notes)])

    def print(self) -> None:
        """To standard output."""
        print(self.text(), flush=True)


def _aligned(column: int, cell: str, width: int) -> str:
    return cell.rjust(width) if column else cell.ljust(width)


def print_machine() -> None:
    """The machine that everything runs on, and how busy it is."""
    print(describe_machine(), flush=True)


def describe_machine() -> str:
    """Figures of another machine, or of one that was busy, are other figures."""
    found = re.search(r"^model name\s*: (.*)$", Path("/proc/cpuinfo").read_text("utf-8"), re.MULTILINE)
    model = found[1] if found else platform.machine()
    return (
        f"{time.strftime('%Y-%m-%d %H:%M')}, {os.cpu_count()} CPUs ({model}), Linux {platform.release()}, "
        f"the host emulated in software (TCG); {load()}"
    )


def load() -> str:
    """How much runs beside us."""
    return f"load average {os.getloadavg()[0]:.1f}"
