"""A section of a profile as raw values with their lines, and how one lies over another.

Hard facts about [sysctl]:
 * `net.core.somaxconn` and `net/core/somaxconn` are the same parameter: the first separator says which of the two
   separates, the other one then stands for itself or the other way round (sysctl.d(5)).
 * In TOML a name without quotes makes nested tables. It is read as if it had quotes.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from tuned_vnet.model import Origin
from tuned_vnet.profiles.document import Document
from tuned_vnet.profiles.table import Entry, Problems, Table
from tuned_vnet.settings import sysctl


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """`origin` is the line where it begins, that of the later file once sections are merged."""

    name: str
    origin: Origin
    entries: Mapping[str, Entry]

    def table(self, problems: Problems, *, repeated: bool = False) -> Table:
        """For typed reading; `repeated` when it is one of an array of tables."""
        return Table(name=self.name, origin=self.origin, entries=self.entries, problems=problems, repeated=repeated)


def read_section(document: Document, name: str, problems: Problems) -> Section:
    """The table `name` of a document."""
    origin = document.origin(name)
    entries = _sysctl_entries(document, problems) if name == sysctl.SECTION else document.entries(name)
    return Section(name=name, origin=origin, entries=entries)


def lay_over(lower: Section | None, upper: Section) -> Section:
    """Merge key by key; `upper` wins and remembers what it won over, the latest first."""
    if lower is None:
        return upper
    entries = dict(lower.entries)
    for name, entry in upper.entries.items():
        entries[name] = won_over(entry, entries[name]) if name in entries else entry
    return Section(name=upper.name, origin=upper.origin, entries=entries)


def won_over(winner: Entry, loser: Entry) -> Entry:
    """The winner with the loser, and all that this had won over, at the end of its own overrides."""
    return replace(winner, overrides=(*winner.overrides, replace(loser, overrides=()), *loser.overrides))


def _sysctl_entries(document: Document, problems: Problems) -> dict[str, Entry]:
    entries: dict[str, Entry] = {}
    for parts, value in _leaves(document.values[sysctl.SECTION]):
        name, origin = _sysctl_name(parts), document.origin(sysctl.SECTION, *parts)
        if name in entries:
            text = f"given before in another spelling ({entries[name].origin}), accepted is one"
            problems.add(origin, f"{sysctl.SECTION}.{name}", text)
        else:
            entries[name] = Entry(value=value, origin=origin)
    return entries


def _leaves(table: Mapping[str, Any]) -> Iterator[tuple[tuple[str, ...], Any]]:
    """All values that are no tables, with their paths, in order. Not recursive: keys may have many parts."""
    waiting: list[tuple[tuple[str, ...], Any]] = [((), table)]
    while waiting:
        path, value = waiting.pop()
        if isinstance(value, dict) and (value or not path):
            waiting.extend(((*path, name), value[name]) for name in reversed(value))
        else:
            yield path, value


def _sysctl_name(parts: tuple[str, ...]) -> str:
    """One spelling for each parameter: with dots, or with slashes where a part of the name has a dot in it."""
    if len(parts) > 1:
        return "/".join(parts) if any("." in part for part in parts) else ".".join(parts)
    name = parts[0]
    slash, dot = name.find("/"), name.find(".")
    if slash < 0 or 0 <= dot < slash:
        swapped = name.translate(str.maketrans("./", "/."))
        return swapped if "." in swapped else name
    return name if "." in name else name.replace("/", ".")
