"""The interface text and the wire format."""

import re

import pytest

from tuned_vnet.control import wire
from tuned_vnet.control.interface import INTERFACES, TUNED_VNET, Field, Interface, Kind, Method, find_method
from tuned_vnet.control.wire import MalformedMessageError, VarlinkError, decode_message, encode_message
from tuned_vnet.model import Json

MEMBER = re.compile(r"(method [A-Z]\w*\([^()]*\) -> \([^()]*\)|error [A-Z]\w* \([^()]*\))")
FIELD = re.compile(r"[a-z]\w*: \??(\[\])?(string|bool|object)")


@pytest.mark.parametrize("interface", INTERFACES, ids=lambda interface: interface.name)
def test_the_text_follows_varlinks_grammar(interface: Interface) -> None:
    lines = [line for line in interface.describe().splitlines() if line and not line.startswith("#")]
    assert lines[0] == f"interface {interface.name}"
    for line in lines[1:]:
        assert MEMBER.fullmatch(line), line
        for fields in re.findall(r"\(([^()]*)\)", line):
            assert all(FIELD.fullmatch(field) for field in fields.split(", ") if field), line


def test_the_methods_are_those_of_the_contract() -> None:
    text = TUNED_VNET.describe()
    for line in (
        "method Status(device: ?string) -> (status: object)",
        "method Plan(device: ?string) -> (status: object, changes: []string)",
        "method Apply(device: ?string, allow_disruption: ?bool) -> (status: object, changes: []string)",
        "method Verify(device: ?string) -> (status: object)",
        "method Reload() -> (status: object, changes: []string, problems: []string)",
        "method Cat(device: ?string) -> (settings: []object)",
        "error NotAllowed (reason: string)",
        "error NoSuchDevice (device: string)",
    ):
        assert line in text


def test_what_changes_anything_is_for_root() -> None:
    assert {method.name for method in TUNED_VNET.methods if method.root_only} == {"Apply", "Reload"}


def test_a_missing_parameter_is_named() -> None:
    method = find_method("org.varlink.service.GetInterfaceDescription")
    with pytest.raises(VarlinkError) as caught:
        method.check({"interface": None})
    assert caught.value.parameters == {"parameter": "interface"}


@pytest.mark.parametrize(
    ("kind", "good", "bad"),
    [
        (Kind.STRING, "x", 1),
        (Kind.BOOL, False, 0),
        (Kind.OBJECT, {}, []),
        (Kind.STRINGS, ["x"], ["x", 1]),
        (Kind.OBJECTS, [{}], [{}, "x"]),
    ],
)
def test_types_of_parameters(kind: Kind, good: Json, bad: Json) -> None:
    method = Method(name="M", help="", takes=(Field(name="it", kind=kind),))
    assert method.check({"it": good}) == {"it": good}
    with pytest.raises(VarlinkError, match=wire.INVALID_PARAMETER):
        method.check({"it": bad})


def test_a_message_ends_with_a_nul_byte_and_has_no_other() -> None:
    message = encode_message({"parameters": {"text": "a\0b", "name": "é"}})
    assert (message.count(b"\0"), message[-1]) == (1, 0)
    assert decode_message(message) == {"parameters": {"text": "a\0b", "name": "é"}}


def test_a_file_name_that_is_no_text_does_not_break_a_reply() -> None:
    name = b"/etc/\xff.toml".decode(errors="surrogateescape")
    assert decode_message(encode_message({"file": name})) == {"file": "/etc/?.toml"}


@pytest.mark.parametrize("data", [b"", b"1\0", b"{\0", b'{"a":Infinity}\0', b"\xff\0", b"[" * 200_000])
def test_what_is_no_json_object_is_malformed(data: bytes) -> None:
    with pytest.raises(MalformedMessageError):
        decode_message(data)
