"""A server in a thread of its own, and a client that can misbehave."""

import asyncio
import json
import socket
import threading
from collections.abc import Awaitable, Callable, Iterator, Mapping
from concurrent.futures import Future
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tuned_vnet.control import wire
from tuned_vnet.control.client import call
from tuned_vnet.control.server import Handler, Limits, Peer, Server
from tuned_vnet.control.wire import VarlinkError
from tuned_vnet.model import Json

TIMEOUT_S = 10.0


class Running:
    """A server that runs; `gate` holds back `Verify`, `calls` is what the methods were called with."""

    def __init__(self, path: Path, loop: asyncio.AbstractEventLoop, limits: Limits) -> None:
        """Prepare it; `serve()` starts it."""
        self.path = path
        self.loop = loop
        self.gate = asyncio.Event()
        self.calls: list[tuple[str, Mapping[str, Json], Peer]] = []
        self.finished: list[str] = []
        methods: dict[str, Handler] = {
            "Status": self._status,
            "Apply": self._apply,
            "Verify": self._verify,
            "Cat": self._cat,
            "Reload": self._reload,
        }
        self.server = Server(methods=methods, path=path, limits=limits)

    def call(self, method: str, parameters: Mapping[str, Json] | None = None) -> dict[str, Json]:
        """Call a method as the command does."""
        return call(method, parameters, path=str(self.path), timeout_s=TIMEOUT_S)

    def connect(self) -> socket.socket:
        """Connect a client that writes what it likes."""
        raw = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        raw.settimeout(TIMEOUT_S)
        raw.connect(str(self.path))
        return raw

    def open_gate(self) -> None:
        """Let `Verify` go on."""
        self.loop.call_soon_threadsafe(self.gate.set)

    def submit(self, awaitable: Callable[[], Awaitable[None]]) -> "Future[None]":
        """Run something in the server's loop."""

        async def run() -> None:
            await awaitable()

        return asyncio.run_coroutine_threadsafe(run(), self.loop)

    def stop(self) -> None:
        """Stop the server and return when it has."""
        self.submit(self.server.stop).result(TIMEOUT_S)

    def eventually(self, condition: Callable[[], bool]) -> None:
        """Return when the condition holds in the server's loop; fails after a while."""

        async def wait() -> None:
            async with asyncio.timeout(TIMEOUT_S):
                while not condition():  # noqa: ASYNC110 - what is waited for has no event
                    await asyncio.sleep(0.005)

        self.submit(wait).result()

    async def _status(self, parameters: Mapping[str, Json], peer: Peer) -> Mapping[str, Json]:
        self.calls.append(("Status", parameters, peer))
        if parameters.get("device") == "nope":
            raise VarlinkError(wire.NO_SUCH_DEVICE, {"device": "nope"})
        return {"status": {"state": "as-desired", "device": parameters.get("device")}}

    async def _apply(self, parameters: Mapping[str, Json], peer: Peer) -> Mapping[str, Json]:
        self.calls.append(("Apply", parameters, peer))
        return {"status": {}, "changes": ["ens1: ring.rx 256"]}

    async def _verify(self, parameters: Mapping[str, Json], peer: Peer) -> Mapping[str, Json]:
        self.calls.append(("Verify", parameters, peer))
        await self.gate.wait()
        self.finished.append("Verify")
        return {"status": {"verified": True}}

    async def _reload(self, parameters: Mapping[str, Json], peer: Peer) -> Mapping[str, Json]:
        """A method with a mistake in it."""
        raise KeyError("mistake")

    async def _cat(self, parameters: Mapping[str, Json], peer: Peer) -> Mapping[str, Json]:
        """An answer of some megabytes."""
        self.calls.append(("Cat", parameters, peer))
        return {"settings": [{"text": "é" * 1000} for _ in range(2000)]}


@contextmanager
def serve(path: Path, limits: Limits | None = None) -> Iterator[Running]:
    """Serve on this path while the block runs."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    running = Running(path, loop, limits or Limits())
    try:
        running.submit(running.server.start).result(TIMEOUT_S)
        yield running
        running.open_gate()
        running.stop()
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(TIMEOUT_S)
        loop.close()


def request(method: str, parameters: Mapping[str, Json] | None = None, **flags: Json) -> bytes:
    """One call as it goes over the socket."""
    return json.dumps({"method": method, "parameters": parameters or {}, **flags}).encode() + b"\0"


def read_reply(raw: socket.socket) -> Any:
    """The next message, or None when the server hung up."""
    received = b""
    while not received.endswith(b"\0"):
        try:
            chunk = raw.recv(1)
        except ConnectionResetError:
            return None
        if not chunk:
            return None
        received += chunk
    return json.loads(received[:-1])
