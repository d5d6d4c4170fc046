"""The interfaces that the daemon offers, as values; their text in varlink's IDL and the check of a call follow from it.

https://varlink.org/Interface-Definition is the grammar. sd-varlink's parser wants names as in `Kind`, and a space or a
line break between everything that could run together.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from tuned_vnet.control.wire import (
    INTERFACE,
    INTERFACE_NOT_FOUND,
    INVALID_PARAMETER,
    METHOD_NOT_FOUND,
    SERVICE,
    VarlinkError,
)
from tuned_vnet.model import Json


class Kind(StrEnum):
    """Types of fields, as the IDL spells them. `object` is any JSON value."""

    STRING = "string"
    BOOL = "bool"
    OBJECT = "object"
    STRINGS = "[]string"
    OBJECTS = "[]object"

    def fits(self, value: Json) -> bool:
        """Whether a value that came in is of this type."""
        match self:
            case Kind.STRING:
                return isinstance(value, str)
            case Kind.BOOL:
                return isinstance(value, bool)
            case Kind.OBJECT:
                return isinstance(value, dict)
            case Kind.STRINGS:
                return isinstance(value, list) and all(isinstance(item, str) for item in value)
            case Kind.OBJECTS:
                return isinstance(value, list) and all(isinstance(item, dict) for item in value)


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """A parameter of a call, a reply or an error; an optional one may be missing or null."""

    name: str
    kind: Kind
    optional: bool = False

    def __str__(self) -> str:
        """Write it as the IDL does."""
        return f"{self.name}: {'?' if self.optional else ''}{self.kind}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Method:
    """A method. `root_only`: for callers with user id 0."""

    name: str
    help: str
    takes: tuple[Field, ...] = ()
    returns: tuple[Field, ...] = ()
    root_only: bool = False

    def check(self, parameters: Mapping[str, Json]) -> dict[str, Json]:
        """Drop what is null; raises VarlinkError for a parameter that is unknown, missing or of another type."""
        known = {field.name: field for field in self.takes}
        given: dict[str, Json] = {name: value for name, value in parameters.items() if value is not None}
        wrong = [name for name, value in given.items() if name not in known or not known[name].kind.fits(value)]
        missing = [field.name for field in self.takes if not field.optional and field.name not in given]
        for name in wrong + missing:
            raise VarlinkError(INVALID_PARAMETER, {"parameter": name})
        return given


@dataclass(frozen=True, slots=True, kw_only=True)
class Error:
    """An error that methods may answer with."""

    name: str
    help: str
    fields: tuple[Field, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Interface:
    """A named set of methods and errors."""

    name: str
    help: str
    methods: tuple[Method, ...]
    errors: tuple[Error, ...]

    def describe(self) -> str:
        """Write the interface in varlink's IDL."""
        parts = [f"# {self.help}\ninterface {self.name}\n"]
        parts += [f"# {m.help}\nmethod {m.name}{_fields(m.takes)} -> {_fields(m.returns)}\n" for m in self.methods]
        parts += [f"# {error.help}\nerror {error.name} {_fields(error.fields)}\n" for error in self.errors]
        return "\n".join(parts)


def _fields(fields: tuple[Field, ...]) -> str:
    return f"({', '.join(str(field) for field in fields)})"


_DEVICE = Field(name="device", kind=Kind.STRING, optional=True)
_STATUS = Field(name="status", kind=Kind.OBJECT)
_CHANGES = Field(name="changes", kind=Kind.STRINGS)

TUNED_VNET = Interface(
    name=INTERFACE,
    help="SR-IOV network cards of this host, held against their profiles. Without a device, all of them.",
    methods=(
        Method(
            name="Status",
            help="How everything stands: the object that `tuned-vnetctl status --json` prints.",
            takes=(_DEVICE,),
            returns=(_STATUS,),
        ),
        Method(
            name="Plan",
            help="What Apply would write, one line a change. Writes nothing.",
            takes=(_DEVICE,),
            returns=(_STATUS, _CHANGES),
        ),
        Method(
            name="Apply",
            help="Bring about what the profiles say, and verify; for root. Links and VFs are taken from running guests "
            "with allow_disruption only.",
            takes=(_DEVICE, Field(name="allow_disruption", kind=Kind.BOOL, optional=True)),
            returns=(_STATUS, _CHANGES),
            root_only=True,
        ),
        Method(
            name="Verify",
            help="Look at the kernel again and compare. Writes nothing.",
            takes=(_DEVICE,),
            returns=(_STATUS,),
        ),
        Method(
            name="Reload",
            help="Read the profiles again and apply them; for root. Problems are FILE:LINE: key: what is wrong.",
            returns=(_STATUS, _CHANGES, Field(name="problems", kind=Kind.STRINGS)),
            root_only=True,
        ),
        Method(
            name="Cat",
            help="The effective settings, each with the file and line it came from.",
            takes=(_DEVICE,),
            returns=(Field(name="settings", kind=Kind.OBJECTS),),
        ),
    ),
    errors=(
        Error(
            name="NotAllowed",
            help="The caller lacks a right; reason says which.",
            fields=(Field(name="reason", kind=Kind.STRING),),
        ),
        Error(
            name="NoSuchDevice",
            help="No device of this host has that name or address.",
            fields=(Field(name="device", kind=Kind.STRING),),
        ),
    ),
)

VARLINK_SERVICE = Interface(
    name=SERVICE,
    help="What every varlink service has, see https://varlink.org/Service",
    methods=(
        Method(
            name="GetInfo",
            help="What this service is and which interfaces it has.",
            returns=(
                *(Field(name=name, kind=Kind.STRING) for name in ("vendor", "product", "version", "url")),
                Field(name="interfaces", kind=Kind.STRINGS),
            ),
        ),
        Method(
            name="GetInterfaceDescription",
            help="An interface in varlink's IDL.",
            takes=(Field(name="interface", kind=Kind.STRING),),
            returns=(Field(name="description", kind=Kind.STRING),),
        ),
    ),
    errors=(
        Error(
            name="InterfaceNotFound",
            help="There is no such interface.",
            fields=(Field(name="interface", kind=Kind.STRING),),
        ),
        Error(
            name="MethodNotFound",
            help="The interface has no such method.",
            fields=(Field(name="method", kind=Kind.STRING),),
        ),
        Error(
            name="MethodNotImplemented",
            help="The interface has the method, this service does not.",
            fields=(Field(name="method", kind=Kind.STRING),),
        ),
        Error(
            name="InvalidParameter",
            help="A parameter is missing, unknown or of the wrong type.",
            fields=(Field(name="parameter", kind=Kind.STRING),),
        ),
        Error(name="PermissionDenied", help="The caller lacks a right."),
        Error(name="ExpectedMore", help="The method can be called with `more` only."),
    ),
)

INTERFACES = (VARLINK_SERVICE, TUNED_VNET)


def find_method(name: str) -> Method:
    """Find a method by its full name; raises VarlinkError InterfaceNotFound or MethodNotFound."""
    owner, _, short = name.rpartition(".")
    for method in find_interface(owner).methods:
        if method.name == short:
            return method
    raise VarlinkError(METHOD_NOT_FOUND, {"method": name})


def find_interface(name: str) -> Interface:
    """Find an interface by name; raises VarlinkError InterfaceNotFound."""
    for interface in INTERFACES:
        if interface.name == name:
            return interface
    raise VarlinkError(INTERFACE_NOT_FOUND, {"interface": name})
