"""Netlink messages and a socket for requests: the little that rtnetlink needs here, without an import that costs 0.1 s.

Hard facts:
 * The kernel works off a request within send(2), so the replies are there when it returns; a message that holds several
   requests gets one acknowledgement each, in order, and an error of one does not stop the next (netlink_rcv_skb).
 * Acknowledgements that don't fit into the receive buffer are dropped, with ENOBUFS. One takes up to 1 KiB there.
 * A reply with hundreds of VFs is larger than any usual buffer, and recv(2) cuts it off silently but for MSG_TRUNC.
 * The kernel's own text (extack) comes in attributes behind the error, which end a *capped* copy of the request.
"""

import contextlib
import errno
import socket
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from tuned_vnet.errors import KernelError
from tuned_vnet.kernel import uapi

MESSAGE = struct.Struct("=IHHII")  # struct nlmsghdr: length, type, flags, sequence, port
ATTRIBUTE = struct.Struct("=HH")  # struct nlattr: length, type
_ERROR = struct.Struct("=i")
_RECEIVE_BUFFER = 1 << 20
_BATCH_MESSAGES = 256
_OPTIONS = (uapi.NETLINK_CAP_ACK, uapi.NETLINK_EXT_ACK, uapi.NETLINK_GET_STRICT_CHK)


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One message of a datagram: where its payload begins and ends in `data`."""

    kind: int
    flags: int
    sequence: int
    data: bytes
    start: int
    end: int


def attribute(kind: int, payload: bytes) -> bytes:
    """Encode one attribute, padded to four bytes."""
    length = ATTRIBUTE.size + len(payload)
    return ATTRIBUTE.pack(length, kind) + payload + b"\0" * (-length % 4)


def attributes(data: bytes, start: int, end: int) -> Iterator[tuple[int, int, int]]:
    """Type, start and end of each attribute's payload; stops at the first that does not fit."""
    while start + ATTRIBUTE.size <= end:
        length, kind = ATTRIBUTE.unpack_from(data, start)
        if length < ATTRIBUTE.size or start + length > end:
            return
        yield kind & uapi.NLA_TYPE_MASK, start + ATTRIBUTE.size, start + length
        start += length + (-length % 4)


def messages(data: bytes) -> Iterator[Message]:
    """The messages of a datagram."""
    start = 0
    while start + MESSAGE.size <= len(data):
        length, kind, flags, sequence, _port = MESSAGE.unpack_from(data, start)
        if length < MESSAGE.size or start + length > len(data):
            return
        payload = start + MESSAGE.size
        yield Message(kind=kind, flags=flags, sequence=sequence, data=data, start=payload, end=start + length)
        start += length + (-length % 4)


def error_of(message: Message, what: str) -> KernelError | None:
    """What an NLMSG_ERROR says, with the kernel's own text; None when it acknowledges."""
    (code,) = _ERROR.unpack_from(message.data, message.start)
    return KernelError(-code, what, text=_extack_text(message)) if code else None


def _extack_text(message: Message) -> str | None:
    if not message.flags & uapi.NLM_F_ACK_TLVS:
        return None
    request = message.start + _ERROR.size
    length = MESSAGE.size if message.flags & uapi.NLM_F_CAPPED else MESSAGE.unpack_from(message.data, request)[0]
    for kind, start, end in attributes(message.data, request + length + (-length % 4), message.end):
        if kind == uapi.NLMSGERR_ATTR_MSG:
            return message.data[start:end].rstrip(b"\0").decode(errors="replace")
    return None


class RequestSocket:
    """A netlink socket for requests, used in one thread; opened with its first request, and anew after it failed."""

    def __init__(self, protocol: int = uapi.NETLINK_ROUTE) -> None:
        self._protocol = protocol
        self._socket: socket.socket | None = None
        self._sequence = 0
        self._buffer = bytearray(_RECEIVE_BUFFER)

    def close(self) -> None:
        """Close the socket; the next request opens another."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def get(self, kind: int, payload: bytes, *, what: str) -> Message:
        """Ask for one object. Raises KernelError."""
        (message,) = islice(self._exchange(kind, [payload], uapi.NLM_F_REQUEST, what), 1)
        if message.kind == uapi.NLMSG_ERROR:
            raise error_of(message, what) or KernelError(errno.ENODATA, what)
        return message

    def dump(self, kind: int, payload: bytes, *, what: str) -> Iterator[Message]:
        """Ask for all objects. A dump that a change interrupted is not repeated: that change has its own event."""
        for message in self._exchange(kind, [payload], uapi.NLM_F_REQUEST | uapi.NLM_F_DUMP, what):
            if message.kind == uapi.NLMSG_DONE:
                return
            if message.kind == uapi.NLMSG_ERROR:
                raise error_of(message, what) or KernelError(errno.ENODATA, what)
            yield message

    def write(self, kind: int, payloads: Sequence[bytes], whats: Sequence[str]) -> Iterator[KernelError | None]:
        """Send one request for each payload, many at a time, and tell in order how each ended.

        Raises KernelError only when the socket itself fails, so that nothing is known of those not told yet.
        """
        for first in range(0, len(payloads), _BATCH_MESSAGES):
            batch = payloads[first : first + _BATCH_MESSAGES]
            replies = self._exchange(kind, batch, uapi.NLM_F_REQUEST | uapi.NLM_F_ACK, whats[first])
            yield from map(error_of, islice(replies, len(batch)), whats[first:])

    def _exchange(self, kind: int, payloads: Sequence[bytes], flags: int, what: str) -> Iterator[Message]:
        """Send requests under one sequence number; their replies, without end: the caller knows which is the last."""
        self._sequence = self._sequence % 0xFFFFFFFF + 1
        parts: list[bytes] = []
        for payload in payloads:
            parts += (MESSAGE.pack(MESSAGE.size + len(payload), kind, flags, self._sequence, 0), payload)
        try:
            opened = self._open()
            opened.send(b"".join(parts))
            while True:
                for message in messages(self._receive(opened)):
                    if message.sequence == self._sequence and message.kind != uapi.NLMSG_NOOP:
                        yield message
        except OSError as error:
            self.close()
            raise KernelError(error.errno or errno.EIO, what) from error

    def _receive(self, opened: socket.socket) -> bytes:
        length = opened.recv_into(self._buffer, 0, socket.MSG_TRUNC)
        if length > len(self._buffer):
            raise OSError(errno.EMSGSIZE, f"reply of {length} bytes")
        return bytes(memoryview(self._buffer)[:length])

    def _open(self) -> socket.socket:
        if self._socket is None:
            self._socket = open_socket(self._protocol, groups=0)
            for option in _OPTIONS:
                with contextlib.suppress(OSError):  # kernels before 4.20 lack the last of them
                    self._socket.setsockopt(uapi.SOL_NETLINK, option, 1)
        return self._socket


def open_socket(protocol: int, *, groups: int, receive_buffer: int = _RECEIVE_BUFFER) -> socket.socket:
    """A netlink socket that listens to these groups (a bit mask), with a receive buffer as large as we may have."""
    opened = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, protocol)
    try:
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        with contextlib.suppress(PermissionError):  # beyond net.core.rmem_max needs CAP_NET_ADMIN
            opened.setsockopt(socket.SOL_SOCKET, uapi.SO_RCVBUFFORCE, receive_buffer)
        opened.bind((0, groups))
    except OSError:
        opened.close()
        raise
    return opened
