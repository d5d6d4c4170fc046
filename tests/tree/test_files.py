"""Single files: how they are read and written, transmit queues and kernel parameters."""

import os
from pathlib import Path

import pytest

from tests.tree.conftest import FakeHost
from tuned_vnet.errors import KernelError
from tuned_vnet.kernel.sysctl import path_of
from tuned_vnet.kernel.sysfs import read_int, read_text, write_text
from tuned_vnet.model import CpuId, Device, QueueIndex


def test_what_is_not_there_reads_as_none(tmp_path: Path) -> None:
    assert read_text(f"{tmp_path}/nothing") is None
    assert read_text(f"{tmp_path}/nothing/below") is None


def test_what_is_there_and_unreadable_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(KernelError, match=r"EISDIR"):
        read_text(str(tmp_path))


def test_numbers_are_read_in_both_notations(host: FakeHost) -> None:
    assert read_int(str(host.write("decimal", "-1"))) == -1
    assert read_int(str(host.write("hexadecimal", "0x8086"))) == 0x8086
    assert read_int(str(host.write("word", "igb"))) is None


def test_value_is_written_in_one_call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "value").touch()
    writes: list[bytes] = []

    def write(descriptor: int, data: bytes) -> int:
        writes.append(data)
        return len(data)

    monkeypatch.setattr(os, "write", write)
    write_text(f"{tmp_path}/value", "0-3,8", what="value")
    assert writes == [b"0-3,8"]


def test_error_of_the_write_is_not_lost() -> None:
    with pytest.raises(KernelError, match=r"value: ENOSPC") as caught:
        write_text("/dev/full", "5", what="value")
    assert isinstance(caught.value.__cause__, OSError)


def test_write_creates_no_file(tmp_path: Path) -> None:
    with pytest.raises(KernelError, match=r"ENOENT"):
        write_text(f"{tmp_path}/value", "5", what="value")
    assert not (tmp_path / "value").exists()


def test_xps_masks_are_sets_by_queue(host: FakeHost, port: str, ens1: Device) -> None:
    for queue, mask in ((10, "00000001,00000000"), (0, "3"), (1, "0")):
        host.write(f"sys/{port}/net/ens1/queues/tx-{queue}/xps_cpus", mask)
    host.write(f"sys/{port}/net/ens1/queues/rx-0/rps_cpus", "f")
    observed = host.kernel().xps.get(ens1)
    assert observed == {0: {0, 1}, 1: frozenset(), 10: {32}}
    assert list(observed or ()) == [0, 1, 10]


def test_device_without_xps_has_none(host: FakeHost, port: str, ens1: Device) -> None:
    (host.sys / port / "net/ens1/queues/tx-0").mkdir(parents=True)
    assert host.kernel().xps.get(ens1) is None


def test_xps_is_written_as_a_mask(host: FakeHost, port: str, ens1: Device) -> None:
    host.write(f"sys/{port}/net/ens1/queues/tx-0/xps_cpus", "")
    host.kernel().xps.set(ens1, QueueIndex(0), frozenset({CpuId(1), CpuId(33)}))
    assert host.read(f"sys/{port}/net/ens1/queues/tx-0/xps_cpus") == "2,00000002"


def test_xps_of_a_queue_that_has_gone_says_so(host: FakeHost, port: str, ens1: Device) -> None:
    with pytest.raises(KernelError, match=r"xps tx-3: ENOENT"):
        host.kernel().xps.set(ens1, QueueIndex(3), frozenset())


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("net.core.netdev_budget", "net/core/netdev_budget"),
        ("net/core/netdev_budget", "net/core/netdev_budget"),
        ("net.ipv4.conf.ens1/100.forwarding", "net/ipv4/conf/ens1.100/forwarding"),
        ("net/ipv4/conf/ens1.100/forwarding", "net/ipv4/conf/ens1.100/forwarding"),
    ],
)
def test_first_separator_of_a_parameter_decides(name: str, path: str) -> None:
    assert path_of(name) == path


def test_parameter_is_read_with_single_spaces(host: FakeHost) -> None:
    host.write("proc/sys/net/ipv4/tcp_rmem", "4096\t131072\t6291456")
    assert host.kernel().sysctl.get("net.ipv4.tcp_rmem") == "4096 131072 6291456"
    assert host.kernel().sysctl.get("net.ipv4.nothing") is None


def test_parameter_is_written(host: FakeHost) -> None:
    host.write("proc/sys/net/core/netdev_budget", "300")
    host.kernel().sysctl.set("net.core.netdev_budget", "5000")
    assert host.kernel().sysctl.get("net.core.netdev_budget") == "5000"


def test_unknown_parameter_is_named(host: FakeHost) -> None:
    with pytest.raises(KernelError, match=r"sysctl net\.nothing: ENOENT"):
        host.kernel().sysctl.set("net.nothing", "1")
