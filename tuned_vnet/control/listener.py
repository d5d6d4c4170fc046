"""The control socket as a file: put in place in one step, a stale one replaced, and taken away again.

Binding to a temporary name and renaming means that nobody ever sees the socket with another mode, or sees none while
one daemon follows the other.
"""

import os
import socket
import stat
from dataclasses import dataclass
from pathlib import Path

from tuned_vnet.errors import DaemonError

_BACKLOG = 64
_MODE = 0o666
"""Everyone may ask; what a caller may do depends on who it is (SO_PEERCRED)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Listener:
    """A listening socket and the file it is behind; `identity` is the file's device and inode number."""

    socket: socket.socket
    path: Path
    identity: tuple[int, int]

    def remove(self) -> None:
        """Unlink the file, unless another daemon has put its own there."""
        try:
            if _identity(self.path) == self.identity:
                self.path.unlink()
        except FileNotFoundError:
            return


def listen(path: Path) -> Listener:
    """Listen on this path; raises DaemonError when another daemon does, or when it is no socket but something else."""
    _check_free(path)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        temporary.unlink(missing_ok=True)
        listening.bind(str(temporary))
        listening.listen(_BACKLOG)
        temporary.chmod(_MODE)
        identity = _identity(temporary)
        temporary.rename(path)
    except OSError as error:
        listening.close()
        temporary.unlink(missing_ok=True)
        hint = "systemd makes the directory (RuntimeDirectory= of tuned-vnet.service)."
        raise DaemonError(f"{path}: cannot listen: {error.strerror}", hint=hint) from error
    return Listener(socket=listening, path=path, identity=identity)


def _check_free(path: Path) -> None:
    try:
        if not stat.S_ISSOCK(path.lstat().st_mode):
            raise DaemonError(f"{path}: is not a socket", hint="Remove it.")
    except FileNotFoundError:
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(0)
        try:
            probe.connect(str(path))
        except (ConnectionRefusedError, FileNotFoundError):
            return
        except BlockingIOError:  # its queue is full: somebody is alive
            pass
    raise DaemonError(f"{path}: another daemon listens here", hint="`systemctl status tuned-vnet` shows it.")


def _identity(path: Path) -> tuple[int, int]:
    status = path.lstat()
    return status.st_dev, status.st_ino
