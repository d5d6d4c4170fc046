"""QEMU's monitor, as far as the lab needs it (docs/interop/qmp-spec.rst of QEMU).

A connection lasts for one operation: QEMU serves one client at a time, and several commands of the
lab may want it in turn.
"""

from __future__ import annotations

import json
import socket
from pathlib import Path
from types import TracebackType
from typing import Any, Self


class QmpError(Exception):
    """QEMU refused a command, or closed the monitor."""


class Qmp:
    """A monitor connection; use it as a context manager."""

    def __init__(self, path: Path, *, timeout_s: float = 120) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket.settimeout(timeout_s)
        self._socket.connect(str(path))
        self._lines = self._socket.makefile("r", encoding="utf-8")
        self._events: list[dict[str, Any]] = []
        self._read()  # the greeting
        self.execute("qmp_capabilities")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._lines.close()
        self._socket.close()

    def execute(self, command: str, **arguments: object) -> Any:
        """Run a command and give its return value."""
        request = {"execute": command, "arguments": arguments}
        self._socket.sendall(json.dumps(request).encode() + b"\n")
        while True:
            message = self._read()
            if "event" in message:
                self._events.append(message)
            elif "error" in message:
                raise QmpError(f"{command}: {message['error']['desc']}")
            else:
                return message["return"]

    def monitor(self, line: str) -> None:
        """Run a command of the human monitor that prints nothing unless it fails."""
        output = self.execute("human-monitor-command", **{"command-line": line})
        if output.strip():
            raise QmpError(f"{line}: {output.strip()}")

    def wait_for_event(self, name: str, **data: object) -> dict[str, Any]:
        """The next event of that name whose data has these values, seen already or not yet."""
        while True:
            for event in self._events:
                if event["event"] == name and data.items() <= event.get("data", {}).items():
                    self._events.remove(event)
                    return event
            self._events.append(self._read())

    def _read(self) -> dict[str, Any]:
        line = self._lines.readline()
        if not line:
            raise QmpError("QEMU closed its monitor")
        message: dict[str, Any] = json.loads(line)
        return message
