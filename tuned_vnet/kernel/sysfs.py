"""The kernel's small files: attributes in sysfs, files in procfs.

Hard facts:
 * An attribute takes its value in one write(2), and that call tells the error. Python's buffered `open().write()`
   writes in the destructor, where EBUSY and EINVAL are lost.
 * A device that goes away gives ENOENT for its files, and ENODEV for those that are open.
 * Some attributes exist where they mean nothing and refuse to be read: EOPNOTSUPP (phys_port_name), ENOENT (xps_cpus).
"""

import contextlib
import errno
import os
from collections.abc import Callable

from tuned_vnet.errors import KernelError

OnWrite = Callable[[str], None]
"""Told of each write before it is made, in a few words; for counting."""

_ABSENT = (errno.ENOENT, errno.ENOTDIR, errno.ENODEV, errno.ENXIO, errno.EOPNOTSUPP)
_MOST_BYTES = 65536


def tell_nobody(text: str) -> None:
    """The OnWrite of those who do not count."""


def read_text(path: str) -> str | None:
    """The content without white space at its ends; None where there is no such thing.

    Raises KernelError when it is there and can't be read.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            return os.read(descriptor, _MOST_BYTES).decode(errors="replace").strip()
        finally:
            os.close(descriptor)
    except OSError as error:
        if error.errno in _ABSENT:
            return None
        raise _kernel_error(error, path) from error


def read_int(path: str) -> int | None:
    """The content as a number, decimal or with 0x; None where there is none."""
    text = read_text(path)
    try:
        return int(text, 0) if text else None
    except ValueError:
        return None


def write_text(path: str, text: str, *, what: str) -> None:
    """Write in one call. Raises KernelError that names `what`, with ENOENT where there is no such file."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
        try:
            os.write(descriptor, text.encode())
        finally:
            os.close(descriptor)
    except OSError as error:
        raise _kernel_error(error, what) from error


def list_names(path: str) -> list[str]:
    """The names in a directory, sorted; none where there is no such directory."""
    try:
        return sorted(os.listdir(path))
    except OSError as error:
        if error.errno in _ABSENT:
            return []
        raise _kernel_error(error, path) from error


def link_name(path: str) -> str | None:
    """The last part of what a symbolic link points to (`driver`, `subsystem`, `physfn`); None where there is none."""
    with contextlib.suppress(OSError):
        return os.readlink(path).rpartition("/")[2]
    return None


def prefix(root: os.PathLike[str] | str) -> str:
    """What to put before `/sys` and `/proc` for a root directory: nothing for `/`."""
    return os.fspath(root).rstrip("/")


def _kernel_error(error: OSError, what: str) -> KernelError:
    return KernelError(error.errno or errno.EIO, what)
