"""A TOML file as values with their lines, or what keeps it from being one.

Hard facts about tomli (2.0.1 of Debian 12 to 2.5):
 * Positions of syntax errors are attributes from 2.1 on, before that only in the text.
 * What is nested too deeply raises RecursionError, a decimal number of more than 4300 digits a plain ValueError.
 * The time for a dotted key grows with the square of its parts; 2.0.1 needs half a minute for 20,000 of them.
 * A byte order mark is a syntax error to it.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import tomli

from tuned_vnet.model import Origin
from tuned_vnet.profiles.lines import KeyPath, map_lines
from tuned_vnet.profiles.table import Entry, Problem

MAX_BYTES = 1 << 20
"""Larger files are refused. Whoever reads a file for `parse_document` can stop one byte after it."""

MAX_DOTS = 250
"""In one line, and so in one key."""

_POSITION = re.compile(r" \(at (?:line (\d+), column \d+|end of document)\)$")
_OUR_WORDS = (
    (re.compile(r"^Cannot declare (\(.*\)) twice$"), "the section {} is there twice"),
    (re.compile(r"^Cannot (?:mutate immutable|redefine) namespace (\(.*\))$"), "{} has been given before"),
    (re.compile(r"^(Cannot overwrite a value)$"), "this key has been given before"),
)
_QUOTED = re.compile(r"""'((?:\\.|[^'\\])*)'|"((?:\\.|[^"\\])*)\"""")


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """The values of a TOML file, and the line of every key, by its path."""

    file: str
    values: Mapping[str, Any]
    lines: Mapping[KeyPath, int]

    def origin(self, *path: str | int) -> Origin:
        """Where the key with this path stands."""
        return Origin(file=self.file, line=self.lines.get(path, 0))

    def entries(self, *path: str | int) -> dict[str, Entry]:
        """The keys of the table with this path, each with its value and line."""
        table: Any = self.values
        for part in path:
            table = table[part]
        return {name: Entry(value=value, origin=self.origin(*path, name)) for name, value in table.items()}


def parse_document(data: bytes, file: str) -> Document | tuple[Problem, ...]:
    """Read a TOML file, of which `file` is the name in messages. Nothing is raised for bad input."""
    if len(data) > MAX_BYTES:
        return (_problem(file, 0, f"larger than {MAX_BYTES >> 20} MiB, which is the most that is read"),)
    try:
        text = data.decode("utf-8").removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        return (_problem(file, line, f"byte 0x{data[error.start]:02x} is not UTF-8, accepted is TOML in UTF-8"),)
    for number, line_text in enumerate(text.split("\n"), 1):
        if line_text.count(".") > MAX_DOTS:
            return (_problem(file, number, f"more than {MAX_DOTS} dots in one line"),)
    try:
        return Document(file=file, values=tomli.loads(text), lines=map_lines(text))
    except tomli.TOMLDecodeError as error:
        return (_syntax_problem(str(error), text, file),)
    except RecursionError:
        return (_problem(file, 0, "nested too deeply"),)
    except ValueError as error:  # int() of a number with too many digits, and its advice to Python programmers
        return (_problem(file, 0, f"a value can't be read: {str(error).partition(':')[0]}"),)


def _syntax_problem(said: str, text: str, file: str) -> Problem:
    position = _POSITION.search(said)
    if position is None:
        return _problem(file, 0, f"not TOML: {said}")
    line = int(position[1]) if position[1] else text.rstrip("\r\n").count("\n") + 1
    said = said[: position.start()]
    for pattern, ours in _OUR_WORDS:
        if match := pattern.match(said):
            return _problem(file, line, ours.format(_dotted(match[1])))
    return _problem(file, line, f"not TOML: {said[:1].lower()}{said[1:]}")


def _dotted(parts: str) -> str:
    """tomli's `('ring', 'rx')` as `ring.rx`."""
    return ".".join(single or double for single, double in _QUOTED.findall(parts))


def _problem(file: str, line: int, text: str) -> Problem:
    return Problem(origin=Origin(file=file, line=line), key="", text=text)
