"""The errors of tuned-vnet and the exit codes of its commands.

An error says what, where and, in `hint`, what to do. Kernel errors are made in `kernel/` only, where the
errno and the kernel's own text are at hand; what an errno means for a setting is decided in `change.py`.
"""

import errno as errno_names
import os
from enum import IntEnum

_KERNEL_NAMES = {errno_names.EOPNOTSUPP: "EOPNOTSUPP"}
"""Where C libraries have a second name for a number, and Python tells that one."""


class ExitCode(IntEnum):
    """Exit codes of tuned-vnetctl, see tuned-vnetctl(1)."""

    OK = 0
    KERNEL = 1
    USAGE = 2
    DIFFERS = 3
    NOT_ALLOWED = 4


class TunedVnetError(Exception):
    """Base of all errors that are shown to people; `hint` says what they can do."""

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class UsageError(TunedVnetError):
    """The command line asks for something that does not exist."""


class NotAllowedError(TunedVnetError):
    """The caller lacks a right, as a rule root."""


class DaemonError(TunedVnetError):
    """The daemon does not answer, or answers with something that is not varlink."""


class KernelError(TunedVnetError):
    """The kernel refused: `errno` is positive, `text` the kernel's own words (extack) where it had any."""

    def __init__(self, errno: int, what: str, *, text: str | None = None) -> None:
        self.errno = errno
        self.what = what
        self.text = text
        name = _KERNEL_NAMES.get(errno) or errno_names.errorcode.get(errno, str(errno))
        said = f"{name}: {text}" if text else f"{name} ({os.strerror(errno)})"
        super().__init__(f"{what}: {said}")
        self.said = said
