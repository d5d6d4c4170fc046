"""What is shared by the users of pyroute2: loading it, and its errors turned into ours.

Hard facts:
 * `import pyroute2`, whichever of its modules is named, runs the package's `__init__`, which imports all of it (NDB, a
   console, every netlink family): 0.11 s and 25 MB. The netlink core that is used here takes 0.02 s (0.7.2), 0.06 s
   (0.9.7). So the package is entered without running its `__init__`, and only once it is needed.
 * Its import runs `uname -p` and `file` (pyroute2.config asks Python's platform module).
 * Its modules import each other, and two threads that begin with different ones see half of them (ImportError: Python
   gives up the import locks where they would deadlock). So one thread loads it, and others wait.
"""

import errno
import importlib
import importlib.util
import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from tuned_vnet.errors import KernelError

_LOADING = threading.Lock()


def load_pyroute2() -> None:
    """Make `pyroute2.netlink` importable. Raises ImportError when pyroute2 is not installed."""
    with _LOADING:
        if "pyroute2" not in sys.modules:
            spec = importlib.util.find_spec("pyroute2")
            if spec is None:
                raise ImportError("pyroute2 is not installed")
            sys.modules["pyroute2"] = importlib.util.module_from_spec(spec)
        importlib.import_module("pyroute2.netlink.generic")


def load_pyroute2_meanwhile() -> None:
    """Begin to load it in the background: what comes first, links and VFs, does not need it and waits for the driver.

    Whoever needs it waits for the end. An error is theirs: it is raised again there.
    """
    threading.Thread(target=_load_quietly, name="pyroute2", daemon=True).start()


def _load_quietly() -> None:
    with suppress(ImportError):
        load_pyroute2()


@contextmanager
def kernel_errors(what: str) -> Iterator[None]:
    """Raise KernelError that names `what` for pyroute2's NetlinkError, whose text is the kernel's, and for OSError.

    To be entered after load_pyroute2().
    """
    from pyroute2.netlink.exceptions import NetlinkError

    try:
        yield
    except NetlinkError as error:
        text = error.args[1] if len(error.args) > 1 else None
        raise KernelError(error.code, what, text=None if text == os.strerror(error.code) else text) from error
    except OSError as error:
        raise KernelError(error.errno or errno.EIO, what) from error
