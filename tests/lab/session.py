"""A host for one program and no longer: booted, handed over, and gone again, however the program ends.

For `make demo`, `make soak` and `make bench`; tests have fixtures, and `python3 -m tests.lab up` has a host that stays.
"""

from __future__ import annotations

import fcntl
import shutil
import signal
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from types import FrameType

from tests.lab.cache import cache_directory, progress
from tests.lab.host import Host, NoPackage
from tests.lab.image import BuildFailed, ensure_image
from tests.lab.machine import Machine, MachineError
from tests.lab.mirror import NoMirror
from tests.lab.requirements import Missing, ensure_requirements
from tests.lab.ssh import CommandFailed, HostUnreachable

Step = Callable[[str], AbstractContextManager[None]]
"""Tells whoever waits that something begins, and that it is over."""

INTERRUPTED = 130
"""What a shell makes of a program that Ctrl-C has ended."""


class AlreadyRunning(Exception):
    """The same program runs already, and it has the machine."""


FAILURES = (
    AlreadyRunning,
    AssertionError,
    BuildFailed,
    CommandFailed,
    HostUnreachable,
    MachineError,
    Missing,
    NoMirror,
    NoPackage,
)
"""Everything that the lab raises when it cannot go on; the message is for people."""


def run_program(program: Callable[[], int]) -> int:
    """Run a program of the lab; what stops it is told without a traceback."""
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        return program()
    except KeyboardInterrupt:
        progress("interrupted")
        return INTERRUPTED
    except FAILURES as error:
        progress(str(error))
        return 1


@contextmanager
def temporary_host(name: str, *, step: Step | None = None) -> Iterator[Host]:
    """A freshly booted host without tuned-vnet; its machine and its directory go away at the end."""
    step = step or _plain_step
    with _only_one(name):
        ensure_requirements()
        image = ensure_image()
        machine = Machine(cache_directory() / "run" / name)
        try:
            with step("booting an emulated host with two SR-IOV ports"):
                machine.create(image)
                host = Host(machine)
                host.boot_for_the_first_time()
            yield host
        finally:
            machine.stop()
            shutil.rmtree(machine.directory, ignore_errors=True)


@contextmanager
def _only_one(name: str) -> Iterator[None]:
    """Two at once would take each other's machine away."""
    directory = cache_directory() / "run"
    directory.mkdir(parents=True, exist_ok=True)
    with (directory / f"{name}.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise AlreadyRunning(f"`make {name}` of this user runs already; wait until it has ended") from None
        yield


def _plain_step(what: str) -> AbstractContextManager[None]:
    progress(what)
    return nullcontext()


def _interrupt(_signal: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt
