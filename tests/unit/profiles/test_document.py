"""What is not a TOML file of ours is one problem with its line, whatever it is."""

import os
from pathlib import Path

import pytest

from tuned_vnet.model import Origin
from tuned_vnet.profiles.document import MAX_BYTES, Document, parse_document
from tuned_vnet.profiles.files import read_file


def said(data: bytes) -> str:
    """The one problem of a document, as it is printed."""
    (problem,) = problems(data)
    return str(problem)


def problems(data: bytes) -> tuple[object, ...]:
    document = parse_document(data, "x.toml")
    assert not isinstance(document, Document)
    return document


NOT_OURS = {
    "not UTF-8": (b"[match]\n# caf\xe9\n", "x.toml:2: byte 0xe9 is not UTF-8, accepted is TOML in UTF-8"),
    "UTF-16": (
        "[match]\n".encode("utf-16-le") + b"\xff",
        "x.toml:2: byte 0xff is not UTF-8, accepted is TOML in UTF-8",
    ),
    "cut in a character": (b"a = '\xe2\x82", "x.toml:1: byte 0xe2 is not UTF-8, accepted is TOML in UTF-8"),
    "not TOML": (b"[match]\nifname = \n", "x.toml:2: not TOML: invalid value"),
    "no quotes": (b"[match]\nifname = ens1\n", "x.toml:2: not TOML: invalid value"),
    "an INI file": (b"; comment\n[match]\n", "x.toml:1: not TOML: invalid statement"),
    "a header that is not closed": (
        b"[match\n",
        "x.toml:1: not TOML: expected ']' at the end of a table declaration",
    ),
    "a string that is not closed": (b'\na = "b\n', "x.toml:2: not TOML: illegal character '\\n'"),
    "ends too early": (b"a = 1\nb = [\n  1\n", "x.toml:3: not TOML: unclosed array"),
    "a key twice": (b"[ring]\nrx = 1\nrx = 2\n", "x.toml:3: this key has been given before"),
    "a section twice": (b"[ring]\nrx = 1\n\n[ring]\n", "x.toml:4: the section ring is there twice"),
    "a section that is a key already": (b"ring.rx = 1\n[ring]\ntx = 1\n", "x.toml:2: the section ring is there twice"),
    "one section and many": (b"[vf]\nindex = 1\n[[vf]]\nindex = 2\n", "x.toml:3: this key has been given before"),
    "a NUL byte": (b"[match]\n\0\n", "x.toml:2: not TOML: invalid statement"),
    "a NUL byte in a string": (b'a = "x\0"\n', "x.toml:1: not TOML: illegal character '\\x00'"),
    "a file of NUL bytes": (b"\0" * 5000, "x.toml:1: not TOML: invalid statement"),
    "lines as on an old Mac": (
        b"a = 1\rb = 2\r",
        "x.toml:1: not TOML: expected newline or end of document after a statement",
    ),
    "ends of lines as on Windows": (b"a = 1\r\n\r\nb = \r\n", "x.toml:3: not TOML: invalid value"),
    "a day that does not exist": (b"a = 2026-02-30\n", "x.toml:1: not TOML: invalid date or datetime"),
    "a number of 5000 digits": (
        b"a = " + b"9" * 5000,
        "x.toml: a value can't be read: Exceeds the limit (4300 digits) for integer string conversion",
    ),
    "deep arrays": (b"a = " + b"[" * 100_000 + b"]" * 100_000, "x.toml: nested too deeply"),
    "deep inline tables": (b"a = " + b"{a=" * 100_000 + b"1" + b"}" * 100_000, "x.toml: nested too deeply"),
    "deep keys": (b"\na" + b".a" * 100_000 + b" = 1", "x.toml:2: more than 250 dots in one line"),
    "one byte too large": (b"#" * (MAX_BYTES + 1), "x.toml: larger than 1 MiB, which is the most that is read"),
}


@pytest.mark.parametrize(("data", "message"), NOT_OURS.values(), ids=NOT_OURS.keys())
def test_is_one_problem_with_its_line(data: bytes, message: str) -> None:
    assert said(data) == message


def test_the_largest_file_is_read() -> None:
    assert isinstance(parse_document(b"#" * MAX_BYTES, "x.toml"), Document)


def test_a_byte_order_mark_does_not_matter() -> None:
    document = parse_document(b"\xef\xbb\xbf[match]\nifname = 'ens1'\n", "x.toml")
    assert isinstance(document, Document)
    assert document.origin("match", "ifname") == Origin(file="x.toml", line=2)


def test_entries_carry_value_and_line() -> None:
    document = parse_document(b"[[vf]]\nindex = 1\n\n[[vf]]\nindex = 2\nvlan = 3\n", "x.toml")
    assert isinstance(document, Document)
    entries = document.entries("vf", 1)
    assert {name: (entry.value, entry.origin.line) for name, entry in entries.items()} == {
        "index": (2, 5),
        "vlan": (3, 6),
    }


def test_of_a_10_mb_file_little_more_than_1_mib_is_read(tmp_path: Path) -> None:
    path = tmp_path / "large.toml"
    path.touch()
    os.truncate(path, 10_000_000)
    file = read_file(path)
    assert len(file.content) == MAX_BYTES + 1
    document = parse_document(file.content, file.path)
    assert not isinstance(document, Document)
    assert [str(problem) for problem in document] == [f"{path}: larger than 1 MiB, which is the most that is read"]
