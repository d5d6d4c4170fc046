"""The line of every key in a TOML document, which no TOML library tells.

`map_lines` walks over a text that tomli has accepted, so it recognises and skips, but never judges. A path is what one
would index tomli's result with: `("vf", 0, "index")` is the key `index` of the first `[[vf]]`.
"""

import re
from dataclasses import dataclass

import tomli

KeyPath = tuple[str | int, ...]

_BLANK = re.compile(r"(?:[ \t\r\n]+|#[^\n]*)*")
_SPACE = re.compile(r"[ \t]*")
_KEY_PART = re.compile(r"""[ \t]*("(?:\\.|[^"\\])*"|'[^']*'|[^\s.=\]"'#]+)[ \t]*""")
_STRING = re.compile(
    r'"""(?:\\.|[^\\])*?"""("{0,2})'  # up to two quotes may stand before the closing three
    r"|'''.*?'''('{0,2})"
    r'|"(?:\\.|[^"\\])*"'
    r"|'[^']*'",
    re.DOTALL,
)
_SCALAR = re.compile(r"[^,\]}#\n]+")  # numbers, booleans, and dates with a space in them


@dataclass(slots=True)
class _Open:
    """An array (with the index of its next element) or an inline table that has not been closed yet."""

    path: KeyPath
    next_index: int | None


def map_lines(text: str) -> dict[KeyPath, int]:
    """The line, counted from 1, on which each key, table and array element of a valid TOML document begins."""
    return _Mapper(text).run()


class _Mapper:
    """A position in the text, and what is open there. It is iterative, so that depth costs no stack."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.position = 0
        self.counted = 0  # the position up to which lines have been counted
        self.line = 1
        self.lines: dict[KeyPath, int] = {}
        self.table: KeyPath = ()
        self.array_lengths: dict[KeyPath, int] = {}  # of arrays of tables
        self.open: list[_Open] = []

    def run(self) -> dict[KeyPath, int]:
        self._skip(_BLANK)
        while self.position < len(self.text):
            if self.open:
                self._inside(self.open[-1])
            elif self.text.startswith("[", self.position):
                self._header()
            else:
                self._pair(self.table)
            self._skip(_BLANK)
        return self.lines

    def _header(self) -> None:
        """`[table]` or `[[array of tables]]`; a header below an array of tables means its last element."""
        brackets = 2 if self.text.startswith("[[", self.position) else 1
        self.position += brackets
        line = self._line_here()
        self.table = self._key((), line)
        self.lines[self.table] = line
        if brackets == 2:
            index = self.array_lengths.get(self.table, 0)
            self.array_lengths[self.table] = index + 1
            if index:
                self.lines[self.table] = self.lines[*self.table, 0]
            self.table = (*self.table, index)
            self.lines[self.table] = line
        self.position += brackets

    def _pair(self, table: KeyPath) -> None:
        line = self._line_here()
        path = self._key(table, line)
        self.lines[path] = line
        self.position += 1  # the equals sign
        self._value(path)

    def _inside(self, container: _Open) -> None:
        """One element of an array or pair of an inline table, a comma, or the closing bracket."""
        match self.text[self.position]:
            case "]" | "}":
                self.open.pop()
                self.position += 1
            case ",":
                self.position += 1
            case _ if container.next_index is None:
                self._pair(container.path)
            case _:
                path = (*container.path, container.next_index)
                container.next_index += 1
                self.lines[path] = self._line_here()
                self._value(path)

    def _value(self, path: KeyPath) -> None:
        self._skip(_SPACE)
        match self.text[self.position]:
            case "[":
                self.open.append(_Open(path, 0))
                self.position += 1
            case "{":
                self.open.append(_Open(path, None))
                self.position += 1
            case '"' | "'":
                self._skip(_STRING)
            case _:
                self._skip(_SCALAR)

    def _key(self, path: KeyPath, line: int) -> KeyPath:
        """Read a dotted key below `path`; tables that it passes through begin where they are named first."""
        while True:
            part = self._match(_KEY_PART)
            self.position = part.end()
            path = (*path, _unquote(part[1]))
            if not self.text.startswith(".", self.position):
                return path
            self.position += 1
            self.lines.setdefault(path, line)
            if path in self.array_lengths:
                path = (*path, self.array_lengths[path] - 1)

    def _skip(self, pattern: re.Pattern[str]) -> None:
        self.position = self._match(pattern).end()

    def _match(self, pattern: re.Pattern[str]) -> re.Match[str]:
        match = pattern.match(self.text, self.position)
        if match is None:
            raise ValueError(f"line {self._line_here()} is not TOML")
        return match

    def _line_here(self) -> int:
        self.line += self.text.count("\n", self.counted, self.position)
        self.counted = self.position
        return self.line


def _unquote(part: str) -> str:
    if part[0] == "'":
        return part[1:-1]
    if part[0] != '"':
        return part
    return str(tomli.loads(f"key = {part}")["key"]) if "\\" in part else part[1:-1]
