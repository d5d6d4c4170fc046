"""Commands in the emulated host, through one ssh connection that is kept open.

Under software emulation a new ssh connection costs seconds and a command in an open one a fraction of
that. The connection is made anew whenever it is gone: after a reboot, and after a snapshot was loaded.
"""

from __future__ import annotations

import socket
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path


class CommandFailed(AssertionError):
    """A command in the host ended with another status than 0."""


class HostUnreachable(Exception):
    """The host did not answer in time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Completed:
    """What a command in the host printed and how it ended."""

    command: str
    stdout: str
    stderr: str
    returncode: int

    def check(self) -> Completed:
        """Itself, or the failure with everything the command said."""
        if self.returncode != 0:
            raise CommandFailed(f"{self.command}: exit {self.returncode}\n{self.stdout}{self.stderr}".rstrip())
        return self


@dataclass(frozen=True, slots=True, kw_only=True)
class Connection:
    """How to reach a running host."""

    key: Path
    control: Path
    port: int

    def arguments(self) -> list[str]:
        """ssh and its options, with the host's name last."""
        options = {
            "ControlMaster": "auto",
            "ControlPath": str(self.control),
            "ControlPersist": "yes",
            "ConnectTimeout": "20",
            # One emulated CPU second spent on cryptography is one too many.
            "KexAlgorithms": "curve25519-sha256",
            "Ciphers": "aes128-gcm@openssh.com",
            "StrictHostKeyChecking": "no",
            "UserKnownHostsFile": "/dev/null",
            "LogLevel": "ERROR",
            "IdentitiesOnly": "yes",
        }
        arguments = ["ssh", "-F", "none", "-i", str(self.key), "-p", str(self.port)]
        for name, value in options.items():
            arguments += ["-o", f"{name}={value}"]
        return [*arguments, "root@127.0.0.1"]

    def run(self, command: str, *, stdin: str | bytes | None = None, timeout_s: float = 120) -> Completed:
        """Run a shell command as root in the host."""
        data = stdin.encode() if isinstance(stdin, str) else stdin
        try:
            result = subprocess.run(
                [*self.arguments(), command],
                input=data,
                stdin=subprocess.DEVNULL if data is None else None,
                capture_output=True,
                timeout=timeout_s,
            )
        except subprocess.TimeoutExpired as error:
            raise CommandFailed(f"{command}: still running after {timeout_s:.0f} s") from error
        return Completed(
            command=command,
            stdout=result.stdout.decode(errors="replace"),
            stderr=result.stderr.decode(errors="replace"),
            returncode=result.returncode,
        )

    def interactive(self, command: str | None = None) -> int:
        """A shell for a person; the status it ended with."""
        host = self.arguments()
        return subprocess.call([*host[:-1], "-t", host[-1], *([command] if command else [])])

    def close(self) -> None:
        """End the kept connection; it must not be used across a snapshot or a reboot."""
        if self.control.exists():
            arguments = self.arguments()
            subprocess.run([*arguments[:-1], "-O", "exit", arguments[-1]], capture_output=True)
            self.control.unlink(missing_ok=True)

    def wait(self, deadline: float, *, give_up: Callable[[], bool] = lambda: False) -> bool:
        """Return when commands can be run, True, or when the caller gives up, False.

        `deadline` is a time of the monotonic clock; HostUnreachable is raised after it.
        """
        # Answering is not yet serving: logins are refused while systemd still boots.
        while not (self._answers() and self.run("true").returncode == 0):
            self.close()
            if give_up():
                return False
            if time.monotonic() > deadline:
                raise HostUnreachable(f"no ssh server on port {self.port} of 127.0.0.1 in time")
        return True

    def _answers(self) -> bool:
        """Whether an ssh banner comes within a second; QEMU itself accepts any connection."""
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=1) as probe:
                return probe.recv(4) == b"SSH-"
        except TimeoutError:
            return False
        except OSError:
            time.sleep(0.2)  # a refused connection comes back at once; the loop above has the deadline
            return False
