"""Typed reading of untyped TOML values, with errors that name file, line and key.

A `Table` knows where each of its keys stands. Getters never raise: they note the problem and return None, so that
one run finds all errors of a file. What keys a section has is declared as `Key`s in the settings' files; the same
declarations make the manual page and the schema.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from tuned_vnet.cpus import format_cpulist, parse_cpulist
from tuned_vnet.model import CpuSet, Json, Origin

Toml = bool | int | float | str | Sequence["Toml"] | Mapping[str, "Toml"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """Something wrong with a profile: where, which key, and what is accepted instead.

    What is not `fatal` is worth telling, and the file counts all the same.
    """

    origin: Origin
    key: str
    text: str
    fatal: bool = True

    def __str__(self) -> str:
        said = f"{self.origin}: {self.key}: {self.text}" if self.key else f"{self.origin}: {self.text}"
        return said if said.isprintable() else "".join(map(_printable, said))


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A value and the line that set it; `overrides` are the lines it won over, the latest first."""

    value: Toml
    origin: Origin
    overrides: tuple["Entry", ...] = ()


class Kind(Protocol):
    """What values a key takes: `accepts` words it for people, `read` returns the value or raises ValueError."""

    @property
    def accepts(self) -> str: ...
    def read(self, value: Toml) -> object: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """A key of a section: its name as in the profile, what it takes, what it does and in which unit.

    `reported_as` names the setting it decides, where that is not its own name (mac-base decides mac).
    """

    name: str
    kind: Kind
    help: str
    reported_as: str | None = None

    @property
    def setting(self) -> str:
        """The last part of the name of the setting that it decides."""
        return self.reported_as or self.name

    @property
    def field(self) -> str:
        """The name of the dataclass field that holds it."""
        return self.name.replace("-", "_")


@dataclass(frozen=True, slots=True)
class Integer:
    """A whole number between two bounds; TOML booleans are no numbers."""

    minimum: int = 0
    maximum: int = 2**32 - 1
    words: tuple[str, ...] = ()

    @property
    def accepts(self) -> str:
        number = f"an integer from {self.minimum} to {self.maximum}"
        return " or ".join([number, *(f'"{word}"' for word in self.words)])

    def read(self, value: Toml) -> int | str:
        if isinstance(value, str) and value in self.words:
            return value
        if isinstance(value, bool) or not isinstance(value, int) or not self.minimum <= value <= self.maximum:
            raise ValueError
        return value


@dataclass(frozen=True, slots=True)
class Boolean:
    """true or false."""

    accepts: str = "true or false"

    def read(self, value: Toml) -> bool:
        if not isinstance(value, bool):
            raise ValueError
        return value


@dataclass(frozen=True, slots=True)
class Choice:
    """One of a few words."""

    words: tuple[str, ...]

    @property
    def accepts(self) -> str:
        return " or ".join(f'"{word}"' for word in self.words)

    def read(self, value: Toml) -> str:
        if not isinstance(value, str) or value not in self.words:
            raise ValueError
        return value


@dataclass(frozen=True, slots=True)
class Letters:
    """A string of letters out of a set, each at most once; returned in the set's order."""

    letters: str

    @property
    def accepts(self) -> str:
        return f'letters out of "{self.letters}", each at most once'

    def read(self, value: Toml) -> str:
        if not isinstance(value, str) or set(value) - set(self.letters) or len(set(value)) != len(value):
            raise ValueError
        return "".join(letter for letter in self.letters if letter in value)


@dataclass(frozen=True, slots=True)
class UnicastMac:
    """A MAC address that a station may have: six bytes, not multicast, not all zero."""

    accepts: str = 'a unicast MAC address such as "52:54:00:10:00:00"'

    def read(self, value: Toml) -> str:
        if not isinstance(value, str) or not re.fullmatch(r"[0-9a-fA-F]{2}(:[0-9a-fA-F]{2}){5}", value):
            raise ValueError
        if int(value[:2], 16) & 1:
            raise ValueError(f"{value} is a multicast address")
        if not int(value.replace(":", ""), 16):
            raise ValueError(f"{value} is the zero address")
        return value.lower()


@dataclass(frozen=True, slots=True)
class Sysctl:
    """A kernel parameter's value: a number, or words and numbers in one line; white space is made single."""

    accepts: str = "an integer or a string of one line"

    def read(self, value: Toml) -> str:
        if isinstance(value, bool) or not isinstance(value, int | str):
            raise ValueError
        if isinstance(value, int) and value.bit_length() > 64:  # str() of a much larger one would be refused
            raise ValueError
        words = str(value).replace("\t", " ")
        if not words.isprintable() or not words.strip():
            raise ValueError
        return " ".join(words.split())


@dataclass(frozen=True, slots=True)
class Cpus:
    """A word, a cpulist, or a list of cpulists with one entry for each queue."""

    words: tuple[str, ...]

    @property
    def accepts(self) -> str:
        words = ", ".join(f'"{word}"' for word in self.words)
        return f'{words}, a cpulist such as "0-3,8", or a list of cpulists, one for each queue'

    def read(self, value: Toml) -> str | CpuSet | tuple[CpuSet, ...]:
        if isinstance(value, str):
            return value if value in self.words else _read_cpulist(value)
        if isinstance(value, Sequence) and value and all(isinstance(item, str) for item in value):
            return tuple(_read_cpulist(str(item)) for item in value)
        raise ValueError


_CPULIST = re.compile(r"[0-9]+(-[0-9]+)?(,[0-9]+(-[0-9]+)?)*")
_MAX_CPUS = 8192  # CONFIG_NR_CPUS of the largest distribution kernels


def _read_cpulist(text: str) -> CpuSet:
    """The numbers are looked at first, because a range that no machine has would be taken at its word."""
    bare = text.replace(" ", "")
    if not bare:
        raise ValueError(f"{show(text)} names no CPU")
    if not _CPULIST.fullmatch(bare):
        raise ValueError(f"{show(text)} is not a cpulist")
    for number in re.findall("[0-9]+", bare):
        if len(number) > 9 or int(number) >= _MAX_CPUS:
            raise ValueError(f"CPU {number[:20]} is beyond any kernel's")
    try:
        return parse_cpulist(bare)
    except ValueError as error:
        raise ValueError(f"{show(text)} is not a cpulist") from error


def plain(value: Toml) -> Json:
    """The value in JSON's types; tomli's dates and times become text."""
    match value:
        case None | bool() | int() | float() | str():
            return value
        case Mapping():
            return {name: plain(item) for name, item in value.items()}
        case Sequence():
            return [plain(item) for item in value]
        case _:
            return str(value)


_SHOWN_LENGTH = 60
_SHOWN_ITEMS = 8


def show(value: object, depth: int = 3) -> str:
    """A value as it would stand in a profile, on one line and not long; lists and tables down to `depth`."""
    match value:
        case bool():
            return "true" if value else "false"
        case int() if value.bit_length() > 128:
            return "a huge integer"
        case str():
            short = value if len(value) <= _SHOWN_LENGTH else value[: _SHOWN_LENGTH - 1] + "…"
            return '"' + "".join(map(_printable, short.replace("\\", "\\\\").replace('"', '\\"'))) + '"'
        case frozenset():
            return f'"{format_cpulist(value)}"'
        case list() | tuple():
            shown = [show(item, depth - 1) for item in value[: _SHOWN_ITEMS if depth else 0]]
            return "[" + _join(shown, len(value)) + "]"
        case dict():
            pairs = list(value.items())[: _SHOWN_ITEMS if depth else 0]
            return "{" + _join([f"{key} = {show(item, depth - 1)}" for key, item in pairs], len(value)) + "}"
        case _:
            return str(value)


def _join(shown: list[str], count: int) -> str:
    return ", ".join(shown if len(shown) == count else [*shown, "…"])


def _printable(character: str) -> str:
    return character if character.isprintable() else character.encode("unicode_escape").decode()


@dataclass(slots=True)
class Problems:
    """Collects what is wrong, in the order of the lines."""

    found: list[Problem] = field(default_factory=list)
    _known: set[Problem] = field(default_factory=set, repr=False)

    def add(self, origin: Origin, key: str, text: str, *, fatal: bool = True) -> None:
        """Note a problem; the same one is kept once."""
        problem = Problem(origin=origin, key=key, text=text, fatal=fatal)
        if problem not in self._known:
            self._known.add(problem)
            self.found.append(problem)


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A section of a profile: its name, where it begins, its entries, and where problems go.

    The name is as in `ring` or `vf`, and empty for what is outside of sections.
    """

    name: str
    origin: Origin
    entries: Mapping[str, Entry]
    problems: Problems
    repeated: bool = False  # one of an array of tables, as [[vf]]

    @property
    def heading(self) -> str:
        """The line that begins it."""
        return f"[[{self.name}]]" if self.repeated else f"[{self.name}]"

    def read(self, keys: Sequence[Key]) -> dict[str, Any]:
        """All given keys by field name, None where absent or wrong; other keys are noted as unknown."""
        self.reject_unknown({key.name for key in keys})
        return self.pick(keys)

    def pick(self, keys: Sequence[Key]) -> dict[str, Any]:
        """The given keys by field name, for a section that several settings share."""
        return {key.field: self.get(key.name, key.kind) for key in keys}

    def reject_unknown(self, known: set[str]) -> None:
        """Note each key that this section does not have."""
        for name, entry in self.entries.items():
            if name not in known:
                text = f"unknown key, {self.heading} has {', '.join(sorted(known))}"
                self.problems.add(entry.origin, f"{self.name}.{name}", text)

    def get(self, name: str, kind: Kind) -> object:
        """The typed value of a key, or None when it is absent or wrong."""
        entry = self.entries.get(name)
        if entry is None:
            return None
        try:
            return kind.read(entry.value)
        except ValueError as error:
            wrong = str(error) or f"{show(entry.value)} is wrong"
            key = f"{self.name}.{name}" if self.name else name
            self.problems.add(entry.origin, key, f"{wrong}, accepted is {kind.accepts}")
            return None

    def where(self, name: str) -> Origin:
        """The line of a key, or of the section when the key is absent."""
        entry = self.entries.get(name)
        return entry.origin if entry else self.origin
