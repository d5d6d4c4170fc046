"""The map of keys to lines agrees with tomli about which keys there are, and the key stands on its line."""

import random
from collections.abc import Iterator
from typing import Any

import pytest
import tomli

from tuned_vnet.profiles.lines import map_lines


def paths(value: Any, above: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """All keys and array elements of what tomli returned."""
    pairs: Any = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, below in pairs:
        yield (*above, name)
        yield from paths(below, (*above, name))


def check(text: str) -> dict[tuple[str | int, ...], int]:
    lines = map_lines(text)
    assert set(lines) == set(paths(tomli.loads(text)))
    rows = text.split("\n")
    for path, line in lines.items():
        if isinstance(path[-1], str) and "\\" not in rows[line - 1]:
            assert path[-1] in rows[line - 1], (path, line)
    return lines


TRICKY = {
    "nothing": "",
    "only a comment without an end of line": "# [a]\n  # b = 1",
    "no newline at the end": "[a]\nb = 1",
    "comments that look like TOML": "# a = 1\nb = 2 # c = 3 ]\n[d] # [e]\nf = [ # [\n 1, # ]\n]\n",
    "strings that look like TOML": 'a = "b = 1 # [c]"\nd = \'[e] = "\'\nf = 1\n',
    "escaped quotes and backslashes": 'a = "\\""\nb = "\\\\"\nc = "\\\\\\" = # "\nd = 1\n',
    "empty strings and keys": "a = \"\"\nb = ''\n\"\" = 1\n[c]\n'' = 2\n",
    "a multi-line string": 'a = """\nb = 1\n[c]\n"""\nd = 1\n',
    "a multi-line literal": "a = '''\nb = 1\n[c]\n\\'''\nd = 1\n",
    "quotes before the closing quotes": "a = \"\"\"x\n\"\"\"\"\"\nb = '''x\n'''''\nc = 1\n",
    "quotes inside of multi-line strings": 'a = """ "" "\n"x"" """\nb = \'\'\' \'\' \'\n\'\'\'\nc = 1\n',
    "empty multi-line strings": "a = \"\"\"\"\"\"\nb = ''''''\nc = 1\n",
    "an escaped quote before the end": 'a = """x\\""""\nb = """\\\\"""\nc = 1\n',
    "a line that is continued": 'a = """x \\\n\n   y = 1"""\nb = 2\n',
    "dotted keys": "a.b.c = 1\na.b.d = 2\na . e = 3\n\"a\".'f' = 4\n",
    "a dot in a quoted key": '[sysctl]\n"net.core.netdev_budget" = 1\nnet.core.x = 2\n',
    "escapes in a key": '"a\\tb" = 1\n"\\u00e9" = 2\n"q\\"" = 3\n',
    "brackets and signs in quoted keys": '["a]b"]\n"#" = 1\n["c[".\'d = 1\']\n"=" = 2\n[["e]]"]]\n"[x]" = 1\n',
    "keys that are numbers or words": "1 = 1\n3.2 = 2\ntrue = 3\nnan = 4\n-1 = 5\n1979-05-27 = 6\n",
    "letters that are not ASCII": '"ключ" = "значение"\n[\'表\']\nb = 1\n',
    "a table below one that comes later": "[a.b.c]\nx = 1\n[a]\ny = 2\n[a.b]\nz = 3\n",
    "a header with blanks": '[ a . "b" ]\nx = 1\n[[ c . d ]]\ny = 1\n  [ e ]  # e\n\tf = 1\n',
    "arrays of tables": "[[vf]]\nindex = 1\n[[vf]]\n[[vf]]\nindex = 3\n",
    "tables below arrays of tables": (
        "[[a]]\n[a.b]\nx = 1\n[[a.c]]\ny = 1\n[[a.c]]\ny = 2\n[[a]]\n[a.b]\nx = 2\n[[a.c]]\n"
    ),
    "dotted keys below an array of tables": "[[a]]\nb.c = 1\nb.d = 2\n[[a]]\nb.c = 3\n",
    "an array of tables below a dotted header": "[[a.b.c]]\nx = 1\n[[a.b.c]]\nx = 2\n[a.b.c.d]\ny = 1\n",
    "inline tables": "a = { b = 1, c.d = 2, e = { f = [ { g = 3 }, {} ] } }\nh = {}\n",
    "arrays": "a = [1, [2, [3]], [], [[]]]\nb = [\n  1,\n  # two\n  2,\n]\nc = [ ]\nd = 1\n",
    "inline tables in an array on several lines": "vf = [\n  { index = 1 },\n  { index = 2,  mac = 'x' },\n]\n",
    "strings in an array": 'a = [ "]", \'[\', """\n]\n""", "," ]\nb = 1\n',
    "numbers of all sorts": "a = +1_000\nb = 0x_\n".replace("0x_", "0xff") + "c = -inf\nd = 1e-3\ne = [1.5,2,]\n",
    "dates with a space": "a = 1979-05-27 07:32:00\nb = [1979-05-27 07:32:00Z, 07:32:00]\nc = { d = 1979-05-27 }\n",
    "ends of lines as on Windows": '[a]\r\nb = 1\r\nc = """\r\n\r\n"""\r\nd = [\r\n1,\r\n]\r\ne = 2\r\n',
    "blanks and tabs around everything": "\t a\t =\t 1 \t\n \t[ b ]\t\n c = [ \t1\t, 2 ] \n",
    "no blanks at all": "a=1\nb=[1,{c=2}]\n[d]\ne='x'#y\n",
}


@pytest.mark.parametrize("text", TRICKY.values(), ids=TRICKY.keys())
def test_every_key_of_tomli_has_its_line(text: str) -> None:
    check(text)


def test_lines_are_counted_as_an_editor_counts_them() -> None:
    text = '# a profile\n\n[match]\nifname = "*"\n\n[[vf]]\nindex = [\n  1,\n  2,\n]\n\n[[vf]]  # two\nvlan = 1\n'
    lines = check(text)
    assert lines[("match",)] == 3
    assert lines[("match", "ifname")] == 4
    assert lines[("vf",)] == 6
    assert lines[("vf", 0)] == 6
    assert lines[("vf", 0, "index")] == 7
    assert lines[("vf", 0, "index", 1)] == 9
    assert lines[("vf", 1)] == 12
    assert lines[("vf", 1, "vlan")] == 13


def test_a_table_begins_at_its_own_header_when_a_lower_one_came_before() -> None:
    lines = check("[a.b]\nx = 1\n[a]\ny = 2\n")
    assert lines[("a",)] == 3


def test_a_line_feed_inside_a_multi_line_string_counts_and_other_separators_do_not() -> None:
    lines = check('a = """\n\n"""\nb = "\u2028\u0085"\nc = 1\n')
    assert lines[("b",)] == 4
    assert lines[("c",)] == 5


class Writer:
    """Writes random TOML with all ways to say the same, each key once."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.count = 0

    def document(self) -> str:
        parts = [self.pair() for _ in range(self.random.randrange(3))]
        arrays: list[str] = []
        for _ in range(self.random.randrange(8)):
            if arrays and self.random.random() < 0.5:
                header = self.random.choice([f"[[{arrays[-1]}]]", f"[{arrays[-1]}.{self.key()}]"])
            elif self.random.random() < 0.5:
                arrays.append(self.key())
                header = f"[[ {arrays[-1]}]]"
            else:
                header = f"[{self.dotted()} ]"
            parts.append(f"{header}{self.comment()}\n")
            parts.extend(self.pair() for _ in range(self.random.randrange(4)))
        text = "".join(parts)
        return text.replace("\n", "\r\n") if self.random.random() < 0.2 else text

    def key(self) -> str:
        self.count += 1
        return self.random.choice(["k{}", '"k{}"', "'k{}'", '"k {}.#="', "'k[{}]'", '"k\\t{}"']).format(self.count)

    def dotted(self) -> str:
        return self.random.choice([".", " . "]).join(self.key() for _ in range(self.random.randrange(1, 4)))

    def comment(self) -> str:
        return self.random.choice(["", " # a = 1", "# [[x]] '''", ' # """ \\'])

    def pair(self) -> str:
        return f"{self.dotted()} = {self.value(depth=3)}{self.comment()}\n" + "\n" * self.random.randrange(2)

    def value(self, *, depth: int) -> str:
        kind = self.random.randrange(10 if depth else 8)
        if kind < 8:
            return (
                "1",
                "true",
                "1979-05-27 07:32:00Z",
                '"\\"#[{,"',
                "'\\'",
                '"""\n"a" = \'\'\' ""\\"\n""""',
                "'''\n[x]\n''''",
                "-1.5e3",
            )[kind]
        elements = [
            self.value(depth=depth - 1) if kind == 8 else f"{self.dotted()}= {self.value(depth=depth - 1)}"
            for _ in range(self.random.randrange(4))
        ]
        if kind == 9:
            return "{ " + ", ".join(elements) + "}"
        return "[" + "".join(f"{e},{self.comment()}\n" for e in elements) + " ]"


def test_random_documents_are_mapped_as_tomli_reads_them() -> None:
    read = 0
    for seed in range(1500):
        text = Writer(seed).document()
        try:
            tomli.loads(text)
        except tomli.TOMLDecodeError:
            continue  # a dotted key below one that is closed already
        check(text)
        read += 1
    assert read > 1000
