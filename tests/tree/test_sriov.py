"""Counting, making and removing VFs through sysfs."""

from pathlib import Path

import pytest

from tests.tree.conftest import FakeHost
from tuned_vnet.errors import KernelError
from tuned_vnet.kernel.real import open_kernel
from tuned_vnet.model import Device, DeviceId, VfFunction, VfIndex


def test_vfs_are_counted_without_reading_sriov_numvfs(host: FakeHost, port: str, ens1: Device) -> None:
    host.vf(port, 0, "0000:21:10.0")
    host.vf(port, 1, "0000:21:10.2")
    numvfs = host.sys / port / "sriov_numvfs"
    numvfs.unlink()
    numvfs.mkdir()  # whoever reads it fails; on a real host, they may wait for the device's lock
    observed = host.kernel().sriov.get(ens1)
    assert observed is not None
    assert (observed.numvfs, observed.total_vfs, observed.drivers_autoprobe) == (2, 7, True)


def test_functions_are_in_the_order_of_their_indices(host: FakeHost, port: str, ens1: Device) -> None:
    for index in (10, 2, 0):
        host.vf(port, index, f"0000:21:1{index:x}.0")
    observed = host.kernel().sriov.get(ens1)
    assert observed is not None
    assert [function.index for function in observed.functions] == [0, 2, 10]


def test_function_tells_driver_netdev_and_what_is_on_top(host: FakeHost, port: str, ens1: Device) -> None:
    host.vf(port, 0, "0000:21:10.0", driver="vfio-pci")
    netdev = host.netdev(host.vf(port, 1, "0000:21:10.2", driver="igbvf"), "ens1v1", 8)
    host.link(f"{netdev}/upper_br0", "devices/virtual/net/br0")
    host.link(f"{netdev}/upper_macvtap3", "devices/virtual/net/macvtap3")
    observed = host.kernel().sriov.get(ens1)
    assert observed is not None
    assert observed.functions == (
        VfFunction(index=VfIndex(0), address="0000:21:10.0", driver="vfio-pci"),
        VfFunction(
            index=VfIndex(1),
            address="0000:21:10.2",
            driver="igbvf",
            ifname="ens1v1",
            upper_devices=("br0", "macvtap3"),
        ),
    )


def test_netdevsim_has_a_number_and_no_functions(host: FakeHost) -> None:
    host.write("sys/bus/netdevsim/devices/netdevsim10/sriov_numvfs", "128")
    observed = host.kernel().sriov.get(Device(id=DeviceId(bus="netdevsim", address="netdevsim10")))
    assert observed is not None
    assert (observed.numvfs, observed.total_vfs, observed.drivers_autoprobe, observed.functions) == (
        128,
        None,
        None,
        (),
    )


def test_device_without_sriov_and_one_that_has_gone_have_none(host: FakeHost) -> None:
    host.netdev(host.pci("0000:21:00.0"), "eth0", 2)
    kernel = host.kernel()
    assert kernel.sriov.get(host.device("eth0")) is None
    assert kernel.sriov.get(Device(id=DeviceId(bus="pci", address="0000:99:00.0"))) is None


def test_writes_land_in_the_pfs_files(host: FakeHost, port: str, ens1: Device) -> None:
    sriov = host.kernel().sriov
    sriov.set_drivers_autoprobe(ens1, False)
    sriov.set_numvfs(ens1, 7)
    assert host.read(f"sys/{port}/sriov_drivers_autoprobe").startswith("0")
    assert host.read(f"sys/{port}/sriov_numvfs").startswith("7")


def test_refused_write_names_the_file_and_the_errno(host: FakeHost, port: str, ens1: Device) -> None:
    numvfs = host.sys / port / "sriov_numvfs"
    numvfs.unlink()
    numvfs.symlink_to("/dev/full")  # takes the open, refuses the write
    with pytest.raises(KernelError, match=r"sriov_numvfs: ENOSPC") as caught:
        host.kernel().sriov.set_numvfs(ens1, 7)
    assert caught.value.what == "sriov_numvfs"


def test_write_to_a_pf_that_has_gone_says_so(host: FakeHost) -> None:
    gone = Device(id=DeviceId(bus="pci", address="0000:99:00.0"))
    with pytest.raises(KernelError, match=r"sriov_numvfs: ENOENT"):
        host.kernel().sriov.set_numvfs(gone, 7)


def test_each_write_is_told_and_no_read_is(host: FakeHost, port: str, ens1: Device, tmp_path: Path) -> None:
    told: list[str] = []
    kernel = open_kernel(tmp_path, on_write=told.append)
    kernel.sriov.get(ens1)
    assert told == []
    kernel.sriov.set_numvfs(ens1, 7)
    assert told == ["pci/0000:21:00.0: sriov_numvfs 7"]
