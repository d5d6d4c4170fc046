"""Fixtures of the lab: a host in a known state for each test, or for each module.

`host` and `module_host` have tuned-vnet installed, neither enabled nor started; `bare_host` has never
seen it. Whatever is missing makes tests fail, never skip. A test also fails on a journal line of
tuned-vnet at warning or above that it did not announce with `host.expect_warning(…)`.
"""

from __future__ import annotations

import fcntl
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest

from tests.lab.cache import cache_directory, progress
from tests.lab.host import Host, newest_package
from tests.lab.image import ensure_image
from tests.lab.machine import Machine
from tests.lab.requirements import ensure_requirements
from tests.lab.ssh import CommandFailed, HostUnreachable

BOOTED = "booted"
READY = "ready"

HOST_FIXTURES = ("host", "module_host", "bare_host")


@pytest.fixture(scope="session")
def run_directory() -> Iterator[Path]:
    """This session's directory; two sessions at once would take each other's machine away."""
    directory = cache_directory() / "run"
    directory.mkdir(parents=True, exist_ok=True)
    with (directory / "tests.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            pytest.fail("another test session of this user runs the lab; wait until it has ended")
        yield directory / "tests"


@pytest.fixture(scope="session")
def booted(run_directory: Path) -> Iterator[Machine]:
    """The machine after a complete boot, saved as BOOTED."""
    ensure_requirements()
    machine = Machine(run_directory)
    machine.create(ensure_image())
    try:
        progress("booting the host")
        Host(machine).boot_for_the_first_time()
        machine.save(BOOTED)
        yield machine
    finally:
        machine.stop()


@pytest.fixture(scope="session")
def lab(booted: Machine) -> Machine:
    """The machine with the project's package installed, saved as READY."""
    package = newest_package()
    booted.load(BOOTED)
    progress(f"installing {package.name} in the host")
    Host(booted).install(package)
    booted.save(READY)
    return booted


@pytest.fixture
def bare_host(booted: Machine) -> Host:
    """A freshly booted host without tuned-vnet."""
    return host_from_snapshot(booted, BOOTED)


@pytest.fixture
def host(lab: Machine) -> Host:
    """A freshly booted host with tuned-vnet installed, for this test alone."""
    return host_from_snapshot(lab, READY)


@pytest.fixture(scope="module")
def module_host(lab: Machine) -> Host:
    """As `host`, but the tests of a module share it and see what earlier ones have done."""
    return host_from_snapshot(lab, READY)


def host_from_snapshot(machine: Machine, snapshot: str) -> Host:
    """Go back to a snapshot; from there the journal counts."""
    machine.load(snapshot)
    host = Host(machine)
    host.start_watching_journal()
    return host


def host_of(item: pytest.Item) -> Host | None:
    """The host that a test has asked for, once there is one."""
    arguments = getattr(item, "funcargs", {})
    return next((arguments[name] for name in HOST_FIXTURES if name in arguments), None)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, None, None]:
    """A test that would pass fails on an unexpected warning."""
    yield
    if (host := host_of(item)) is not None:
        host.check_journal()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A failure comes with what the host has to say about it."""
    report = yield
    if report.failed and (host := host_of(item)) is not None:
        report.sections.append(("journal of tuned-vnet", journal_text(host)))
        report.sections.append(("serial console", tail(host.machine.serial_log, lines=40)))
    return report


def journal_text(host: Host) -> str:
    """The journal for people; a host that does not answer must not hide the failure itself."""
    try:
        command = "journalctl --no-pager -o short-precise -n 200 -u tuned-vnet"
        return host.run(command, timeout_s=30).stdout
    except (CommandFailed, HostUnreachable, OSError) as error:
        return f"cannot be read: {error}"


def tail(file: Path, *, lines: int) -> str:
    """The last lines of a file."""
    if not file.exists():
        return ""
    return "\n".join(file.read_text("utf-8", errors="replace").splitlines()[-lines:])
