"""varlink's messages as they go over the socket, for both ends: JSON objects, each with a NUL byte after it.

Needs little of the standard library only: the command imports this each time it starts. See https://varlink.org/Service
for the error names that every service has.
"""

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Never

if TYPE_CHECKING:
    from tuned_vnet.model import Json

SOCKET = "/run/tuned-vnet/io.tunedvnet"
INTERFACE = "io.tunedvnet"
SERVICE = "org.varlink.service"

NOT_ALLOWED = f"{INTERFACE}.NotAllowed"
NO_SUCH_DEVICE = f"{INTERFACE}.NoSuchDevice"
INTERFACE_NOT_FOUND = f"{SERVICE}.InterfaceNotFound"
METHOD_NOT_FOUND = f"{SERVICE}.MethodNotFound"
METHOD_NOT_IMPLEMENTED = f"{SERVICE}.MethodNotImplemented"
INVALID_PARAMETER = f"{SERVICE}.InvalidParameter"

CALL_LIMIT = 1 << 20
"""Bytes of a call, at most."""

REPLY_LIMIT = 16 << 20
"""Bytes of a reply, at most; sd-varlink reads no more (VARLINK_BUFFER_MAX)."""


class MalformedMessageError(ValueError):
    """The other end sent something that is not a JSON object."""


class VarlinkError(Exception):
    """An error reply: its full name and its parameters."""

    def __init__(self, name: str, parameters: Mapping[str, "Json"] | None = None) -> None:
        """Take the full name, `io.tunedvnet.NotAllowed`."""
        super().__init__(name)
        self.name = name
        self.parameters = dict(parameters or {})


def encode_message(message: Mapping[str, "Json"]) -> bytes:
    """Write one message, the NUL byte included. What is no text in a file's name becomes a question mark."""
    text = json.dumps(message, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return text.encode("utf-8", errors="replace") + b"\0"


def decode_message(data: bytes) -> dict[str, "Json"]:
    """Read one message, with or without its NUL byte; raises MalformedMessageError."""
    try:
        message = json.loads(data.removesuffix(b"\0").decode("utf-8"), parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise MalformedMessageError(str(error)) from None
    if not isinstance(message, dict):
        raise MalformedMessageError("not an object")
    return message


def _refuse_constant(name: str) -> Never:
    """NaN and Infinity are Python's, not JSON's."""
    raise ValueError(f"{name} is not JSON")
