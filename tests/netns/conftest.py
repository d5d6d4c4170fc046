"""A network namespace of its own for each test, with its own view of sysfs."""

import ctypes
import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tuned_vnet.kernel.inventory import read_inventory
from tuned_vnet.kernel.real import RealKernel, open_kernel
from tuned_vnet.model import Device, DeviceId

CLONE_NEWNET = 0x40000000
NAMESPACE = "/proc/thread-self/ns/net"
_libc = ctypes.CDLL(None, use_errno=True)  # os.unshare and os.setns are newer than Python 3.11


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.netns)


def run(*command: str) -> str:
    """A command's output; in the namespace, because it is this thread's."""
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def _call(name: str, *arguments: int) -> None:
    if getattr(_libc, name)(*arguments) != 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code), name)


@pytest.fixture
def namespace(tmp_path: Path) -> Iterator[Path]:
    """The thread in a new network namespace; the value is a root whose `sys` shows that namespace's netdevs."""
    if os.geteuid() != 0:
        pytest.skip("network namespaces need root")
    (tmp_path / "sys").mkdir()
    (tmp_path / "proc").symlink_to("/proc")
    before = os.open(NAMESPACE, os.O_RDONLY | os.O_CLOEXEC)
    _call("unshare", CLONE_NEWNET)
    try:
        run("mount", "-t", "sysfs", "sysfs", f"{tmp_path}/sys")
        try:
            yield tmp_path
        finally:
            run("umount", f"{tmp_path}/sys")
    finally:
        _call("setns", before, CLONE_NEWNET)
        os.close(before)


@pytest.fixture
def kernel(namespace: Path) -> Iterator[RealKernel]:
    """The real kernel, in the namespace."""
    opened = open_kernel(namespace)
    yield opened
    opened.close()


@pytest.fixture
def veth(namespace: Path) -> Callable[..., Device]:
    """Makes a veth pair `NAME` and `NAME-peer`, both down, and returns the device of the first."""

    def make(name: str = "v0", *, queues: int = 1) -> Device:
        many = ("numtxqueues", str(queues), "numrxqueues", str(queues))
        run("ip", "link", "add", name, *many, "type", "veth", "peer", "name", f"{name}-peer")
        ifindex = int((namespace / "sys/class/net" / name / "ifindex").read_text())
        return Device(id=DeviceId(bus="veth", address=name), ifname=name, ifindex=ifindex)

    return make


@pytest.fixture
def nic() -> Device:
    """A network card of this machine, outside of any namespace: to read, and to have its event told again."""
    for device in read_inventory():
        if device.ifname:
            return device
    pytest.skip("this machine has no network card")
