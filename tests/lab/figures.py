"""Times of several ways to do the same, and the table that holds them against each other."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from tests.lab.table import Table


@dataclass(slots=True)
class Times:
    """Times by the way, all in one unit, in the order in which they were taken."""

    by_way: dict[str, list[float]] = field(default_factory=dict)

    def add(self, way: str, time: float) -> None:
        """One more."""
        self.by_way.setdefault(way, []).append(time)

    def median(self, way: str) -> float:
        """The median, which one busy moment of the machine does not move."""
        return statistics.median(self.by_way[way])


def compare(
    title: str,
    times: Times,
    *,
    against: Mapping[str, str],
    names: Mapping[str, str],
    digits: int,
    notes: Sequence[str] = (),
) -> Table:
    """A row for each way: median, smallest, largest, and how many times the median of what it is held against.

    `names` has the rows, `against` what they are divided by; both map a way to its title.
    """
    columns = ("", "median", "min", "max", *(f"÷ {title}" for title in against.values()))
    table = Table(title=title, columns=columns, notes=notes)
    for way, name in names.items():
        values = times.by_way[way]
        figures = (times.median(way), min(values), max(values))
        ratios = (times.median(way) / times.median(other) for other in against)
        table.add(name, *(f"{figure:.{digits}f}" for figure in figures), *(f"{ratio:.2f}" for ratio in ratios))
    return table
