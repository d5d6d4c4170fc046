"""What is shared by the users of pyroute2: its errors turned into ours.

pyroute2 takes 0.1 s to import, so nothing here or elsewhere in `kernel/` imports it before it is used.
"""

import errno
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from tuned_vnet.errors import KernelError

_IMPORTING = threading.Lock()


def load_pyroute2() -> None:
    """Import pyroute2, one thread at a time.

    Its modules import each other, and two threads that begin with different ones see half of it (ImportError in
    0.8.1: Python gives up the import locks where they would deadlock).
    """
    with _IMPORTING:
        import pyroute2  # noqa: F401


@contextmanager
def kernel_errors(what: str) -> Iterator[None]:
    """Raise KernelError that names `what` for pyroute2's NetlinkError, whose text is the kernel's, and for OSError."""
    load_pyroute2()
    from pyroute2.netlink.exceptions import NetlinkError

    try:
        yield
    except NetlinkError as error:
        text = error.args[1] if len(error.args) > 1 else None
        raise KernelError(error.code, what, text=None if text == os.strerror(error.code) else text) from error
    except OSError as error:
        raise KernelError(error.errno or errno.EIO, what) from error
