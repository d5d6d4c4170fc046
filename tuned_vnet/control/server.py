"""The daemon's end of the control socket: reads calls, checks them, runs methods, writes replies.

What methods do is the daemon's business; here is who may call them, in which order, how much and how long. Everyone
on the host may connect, so that no client can take more than its share: connections are counted by user, messages
have a limit, and who neither asks nor reads is put out.

Calls of one connection are answered in order, one at a time. A call that runs is not cancelled when its client goes
away: what was begun is finished. No method streams yet, so that `more` gets one reply, which varlink allows.
"""

import asyncio
import socket
import struct
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tuned_vnet import __version__
from tuned_vnet.control import wire
from tuned_vnet.control.interface import INTERFACES, Method, find_interface, find_method
from tuned_vnet.control.listener import Listener, listen
from tuned_vnet.control.wire import MalformedMessageError, VarlinkError, decode_message, encode_message
from tuned_vnet.model import Json

_UCRED = struct.Struct("=3i")  # struct ucred of linux/socket.h: pid, uid, gid


@dataclass(frozen=True, slots=True, kw_only=True)
class Peer:
    """Who called, as the kernel saw it when it connected (SO_PEERCRED, unix(7))."""

    uid: int
    pid: int

    @property
    def is_root(self) -> bool:
        """Whether it may change anything."""
        return self.uid == 0


Handler = Callable[[Mapping[str, Json], Peer], Awaitable[Mapping[str, Json]]]
"""A method: gets parameters without nulls and the caller, returns the reply's parameters or raises VarlinkError."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What clients may take. Root's connections are counted apart, so that nobody can keep root out."""

    connections: int = 64  # of root, and of all others together
    connections_of_user: int = 16  # of each other user
    idle_s: float = 60.0  # from one call to the next
    write_s: float = 10.0  # for a client to take a reply
    stop_s: float = 5.0  # for calls that run when the server stops


@dataclass(frozen=True, slots=True, kw_only=True)
class _Call:
    method: str
    parameters: Mapping[str, Json]
    oneway: bool
    upgrade: bool


@dataclass(slots=True, kw_only=True, eq=False)
class _Connection:
    peer: Peer
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    task: asyncio.Task[None] | None = None
    running: bool = False  # a method runs


@dataclass(slots=True, kw_only=True, eq=False)
class Server:
    """Serves methods by their short names (`Status`). Those of org.varlink.service are its own."""

    methods: Mapping[str, Handler]
    path: Path = Path(wire.SOCKET)
    limits: Limits = field(default_factory=Limits)
    _connections: set[_Connection] = field(default_factory=set)
    _listener: Listener | None = None
    _server: asyncio.Server | None = None
    _stopping: bool = False

    async def start(self) -> None:
        """Listen from now on; raises DaemonError when the path cannot be had."""
        self._listener = listen(self.path)
        self._server = await asyncio.start_unix_server(self._serve, sock=self._listener.socket, limit=wire.CALL_LIMIT)

    async def stop(self) -> None:
        """Let running calls end for a while, hang up on everyone, and remove the socket."""
        self._stopping = True
        if self._listener is not None:
            self._listener.remove()
        if self._server is not None:
            self._server.close()
        tasks = self._hang_up(running=False)
        if tasks:
            await asyncio.wait(tasks, timeout=self.limits.stop_s)
        tasks = self._hang_up(running=True)
        if tasks:
            await asyncio.wait(tasks)

    def _hang_up(self, *, running: bool) -> list[asyncio.Task[None]]:
        """End connections, those with a running call only if asked for; return the tasks of all."""
        connections = [connection for connection in self._connections if connection.task is not None]
        for connection in connections:
            if connection.task is not None and (running or not connection.running):
                connection.task.cancel()
        return [connection.task for connection in connections if connection.task is not None]

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One client, from its connection to its end."""
        connection = _Connection(peer=_peer(writer), reader=reader, writer=writer, task=asyncio.current_task())
        writer.transport.set_write_buffer_limits(high=0)  # drain() then waits until the client has it all
        try:
            if self._stopping or not self._has_room(connection.peer):
                return
            self._connections.add(connection)
            while not self._stopping:
                await self._serve_call(connection)
        except (OSError, EOFError, asyncio.LimitOverrunError, MalformedMessageError):
            return  # gone, too slow, too long, or not varlink: there is nobody to tell
        finally:
            self._connections.discard(connection)
            writer.transport.abort()  # close() would wait for a client that does not read

    def _has_room(self, peer: Peer) -> bool:
        others = [connection.peer for connection in self._connections]
        if peer.is_root:
            return sum(other.is_root for other in others) < self.limits.connections
        mine = sum(other.uid == peer.uid for other in others)
        strangers = sum(not other.is_root for other in others)
        return mine < self.limits.connections_of_user and strangers < self.limits.connections

    async def _serve_call(self, connection: _Connection) -> None:
        async with asyncio.timeout(self.limits.idle_s):
            message = await connection.reader.readuntil(b"\0")
        call = _read_call(message)
        connection.running = True
        try:
            reply = await self._answer(call, connection.peer)
            if not call.oneway:
                connection.writer.write(encode_message(reply))
                async with asyncio.timeout(self.limits.write_s):
                    await connection.writer.drain()
        finally:
            connection.running = False

    async def _answer(self, call: _Call, peer: Peer) -> dict[str, Json]:
        """Run one call; the reply or error reply as a message."""
        try:
            method = find_method(call.method)
            handler = self._handler(call, method, peer)
            return {"parameters": dict(await handler(method.check(call.parameters), peer))}
        except VarlinkError as error:
            return {"error": error.name, "parameters": error.parameters}

    def _handler(self, call: _Call, method: Method, peer: Peer) -> Handler:
        if method.root_only and not peer.is_root:
            raise VarlinkError(wire.NOT_ALLOWED, {"reason": f"{method.name} is for root"})
        own = _SERVICE_METHODS.get(call.method)
        handler = self.methods.get(method.name) if own is None else own
        if handler is None or call.upgrade:
            raise VarlinkError(wire.METHOD_NOT_IMPLEMENTED, {"method": call.method})
        return handler


def _peer(writer: asyncio.StreamWriter) -> Peer:
    credentials = writer.get_extra_info("socket").getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _UCRED.size)
    pid, uid, _ = _UCRED.unpack(credentials)
    return Peer(uid=uid, pid=pid)


def _read_call(message: bytes) -> _Call:
    """Read a call; raises MalformedMessageError. Members that varlink does not name are passed over."""
    call = decode_message(message)
    method, parameters = call.get("method"), call.get("parameters") or {}
    if not isinstance(method, str) or not isinstance(parameters, dict):
        raise MalformedMessageError("not a call")
    oneway, upgrade, more = (call.get(flag) or False for flag in ("oneway", "upgrade", "more"))
    if not (isinstance(oneway, bool) and isinstance(upgrade, bool) and isinstance(more, bool)):
        raise MalformedMessageError("not a call")
    return _Call(method=method, parameters=parameters, oneway=oneway, upgrade=upgrade)


async def _get_info(_parameters: Mapping[str, Json], _peer: Peer) -> Mapping[str, Json]:
    return {
        "vendor": "tuned-vnet",
        "product": "tuned-vnet",
        "version": __version__,
        "url": "",
        "interfaces": [interface.name for interface in INTERFACES],
    }


async def _get_interface_description(parameters: Mapping[str, Json], _peer: Peer) -> Mapping[str, Json]:
    return {"description": find_interface(str(parameters["interface"])).describe()}


_SERVICE_METHODS: Mapping[str, Handler] = {
    f"{wire.SERVICE}.GetInfo": _get_info,
    f"{wire.SERVICE}.GetInterfaceDescription": _get_interface_description,
}
