"""The command's end of the control socket: one call, one reply, blocking.

Standard library only, and little of it: the command's start is most of what a user waits for.
"""

import socket
import struct
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING

from tuned_vnet.control import wire
from tuned_vnet.control.wire import SOCKET, MalformedMessageError, decode_message, encode_message
from tuned_vnet.errors import DaemonError, NotAllowedError, TunedVnetError, UsageError

if TYPE_CHECKING:
    from tuned_vnet.model import Json

_JOURNAL = "`journalctl -u tuned-vnet` may say more."


class DaemonNotRunning(DaemonError):
    """Nobody listens on the socket, so that a command which only reads can look for itself."""


def call(
    method: str, parameters: Mapping[str, "Json"] | None = None, *, path: str = SOCKET, timeout_s: float
) -> dict[str, "Json"]:
    """Call `Status`, `Apply`, … and return the reply's parameters. A method of another interface has its full name.

    Raises DaemonNotRunning, NotAllowedError, UsageError (no such device or parameter), and DaemonError for all else,
    no answer within `timeout_s` among it.
    """
    name = method if "." in method else f"{wire.INTERFACE}.{method}"
    given: dict[str, Json] = {key: value for key, value in (parameters or {}).items() if value is not None}
    request = encode_message({"method": name, "parameters": given})
    try:
        reply = decode_message(_exchange(request, path, timeout_s))
    except MalformedMessageError as error:
        raise DaemonError(f"{path}: answers with something that is not varlink: {error}") from None
    if "error" in reply:
        raise _to_exception(str(reply["error"]), _object(reply))
    return _object(reply)


def _object(reply: Mapping[str, "Json"]) -> dict[str, "Json"]:
    parameters = reply.get("parameters")
    return parameters if isinstance(parameters, dict) else {}


def _exchange(request: bytes, path: str, timeout_s: float) -> bytes:
    """Send one message and read the next; the deadline is for both together."""
    deadline = time.monotonic() + timeout_s
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        try:
            _connect(connection, path, timeout_s)
            connection.settimeout(_left_s(deadline))
            connection.sendall(request)
            return _receive(connection, deadline)
        except (TimeoutError, BlockingIOError):
            raise DaemonError(f"the daemon did not answer within {timeout_s:g} s", hint=_JOURNAL) from None
        except OSError as error:
            raise DaemonError(f"{path}: the daemon closed the connection: {error.strerror}", hint=_JOURNAL) from None


def _connect(connection: socket.socket, path: str, timeout_s: float) -> None:
    """Connect, waiting for a place in the queue of a busy server: only a blocking connect() waits (unix(7))."""
    seconds, fraction = divmod(timeout_s, 1)
    timeval = struct.pack("ll", int(seconds), max(1, int(fraction * 1e6)))  # all zero would be for ever
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, timeval)
    try:
        connection.connect(path)
    except (FileNotFoundError, ConnectionRefusedError):
        raise DaemonNotRunning(
            "the daemon is not running",
            hint="`systemctl start tuned-vnet` starts it; see `systemctl status tuned-vnet`.",
        ) from None
    except PermissionError:
        raise NotAllowedError(f"{path}: not allowed to connect", hint="Run it as root.") from None


def _left_s(deadline: float) -> float:
    left_s = deadline - time.monotonic()
    if left_s <= 0:
        raise TimeoutError
    return left_s


def _receive(connection: socket.socket, deadline: float) -> bytes:
    """Read up to the first NUL byte; what comes after it is not for us, as we asked one thing."""
    received = bytearray()
    while True:
        connection.settimeout(_left_s(deadline))
        chunk = connection.recv(1 << 16)
        if not chunk:
            raise DaemonError("the daemon closed the connection without an answer", hint=_JOURNAL)
        end = chunk.find(b"\0")
        received += chunk if end < 0 else chunk[:end]
        if end >= 0:
            return bytes(received)
        if len(received) > wire.REPLY_LIMIT:
            raise DaemonError(f"the daemon's answer is larger than {wire.REPLY_LIMIT} bytes")


def _to_exception(name: str, parameters: Mapping[str, "Json"]) -> TunedVnetError:
    """Make an error reply one of our errors, with the daemon's text."""
    match name:
        case wire.NOT_ALLOWED:
            return NotAllowedError(str(parameters.get("reason") or "not allowed"), hint="Run it as root.")
        case wire.NO_SUCH_DEVICE:
            device = parameters.get("device")
            return UsageError(f"{device}: no such device", hint="`tuned-vnetctl status` lists the devices.")
        case wire.INVALID_PARAMETER:
            return UsageError(f"{parameters.get('parameter')}: the daemon does not accept this parameter or its value")
        case wire.INTERFACE_NOT_FOUND | wire.METHOD_NOT_FOUND | wire.METHOD_NOT_IMPLEMENTED:
            unknown = parameters.get("method") or parameters.get("interface")
            hint = "It may be of another version: `systemctl restart tuned-vnet`."
            return DaemonError(f"the daemon does not know {unknown}", hint=hint)
    said = ", ".join(f"{key}: {value}" for key, value in parameters.items())
    return DaemonError(f"the daemon answered with {name}" + (f" ({said})" if said else ""), hint=_JOURNAL)
