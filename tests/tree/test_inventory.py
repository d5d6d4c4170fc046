"""Which network functions are found, and what is said of them."""

import shutil
from pathlib import Path

import pytest

from tests.tree.conftest import FakeHost
from tuned_vnet.kernel.inventory import read_inventory
from tuned_vnet.kernel.sysfs import list_names
from tuned_vnet.model import CpuId, CpuSet, DeviceId


def cpus(*numbers: int) -> CpuSet:
    return frozenset(CpuId(number) for number in numbers)


def test_pf_is_described_by_its_files(host: FakeHost, port: str) -> None:
    device = host.device("ens1")
    assert device.id == DeviceId(bus="pci", address="0000:21:00.0")
    assert (device.driver, device.pci_id, device.numa_node) == ("igb", "8086:10c9", 0)
    assert device.local_cpus == cpus(0, 1)
    assert (device.ifname, device.ifindex, device.permanent_mac) == ("ens1", 3, "02:00:00:00:00:03")
    assert (device.sriov_capable, device.total_vfs, device.pf) == (True, 7, None)


def test_pf_without_driver_is_there_without_netdev(host: FakeHost) -> None:
    host.pf("0000:21:00.0", driver=None)
    device = host.device("0000:21:00.0")
    assert device.sriov_capable
    assert (device.driver, device.ifname, device.ifindex) == (None, None, None)


def test_vf_names_its_pf(host: FakeHost, port: str) -> None:
    host.netdev(host.vf(port, 0, "0000:21:10.0", driver="igbvf"), "ens1v0", 9)
    device = host.device("ens1v0")
    assert device.pf == DeviceId(bus="pci", address="0000:21:00.0")
    assert not device.sriov_capable


def test_vf_without_netdev_is_left_to_its_pf(host: FakeHost, port: str) -> None:
    host.vf(port, 0, "0000:21:10.0", driver="vfio-pci")
    assert [device.ifname for device in read_inventory(host.root)] == ["ens1"]


def test_storage_with_sriov_is_no_network_function(host: FakeHost) -> None:
    directory = host.pf("0000:22:00.0", driver="nvme")
    host.write(f"sys/{directory}/class", "0x010802")
    assert read_inventory(host.root).devices == ()


def test_node_minus_one_is_none_and_near_to_every_cpu(host: FakeHost) -> None:
    directory = host.pci("0000:21:00.0", node=-1, cpus="0-3")
    host.netdev(directory, "eth0", 2)
    assert host.device("eth0").numa_node is None
    assert host.device("eth0").local_cpus == read_inventory(host.root).online_cpus == cpus(0, 1, 2, 3)


def test_virtio_takes_node_and_ids_from_its_pci_parent(host: FakeHost) -> None:
    parent = host.pci("0000:01:00.0", pci_id="1af4:1041", driver="virtio-pci", node=1, cpus="2-3")
    host.link(f"{parent}/virtio2/subsystem", "bus/virtio")
    host.link(f"{parent}/virtio2/driver", "bus/virtio/drivers/virtio_net")
    host.link("bus/virtio/devices/virtio2", f"{parent}/virtio2")
    host.netdev(f"{parent}/virtio2", "eth0", 2)
    device = host.device("eth0")
    assert (str(device.id), device.driver, device.pci_id) == ("virtio/virtio2", "virtio_net", "1af4:1041")
    assert (device.numa_node, device.local_cpus) == (1, cpus(2, 3))


def test_netdevsim_does_sriov_without_telling_how_much(host: FakeHost) -> None:
    directory = "devices/netdevsim10"
    host.link(f"{directory}/subsystem", "bus/netdevsim")
    host.link(f"{directory}/driver", "bus/netdevsim/drivers/netdevsim")
    host.write(f"sys/{directory}/sriov_numvfs", "0")
    host.netdev(directory, "eni10np1", 7)
    device = host.device("netdevsim/netdevsim10")
    assert (device.sriov_capable, device.total_vfs, device.pci_id) == (True, None, None)
    assert device.local_cpus == cpus(0, 1, 2, 3)


def test_bridges_and_veths_are_no_devices(host: FakeHost) -> None:
    host.write("sys/devices/virtual/net/br0/ifindex", "5")
    host.link("class/net/br0", "devices/virtual/net/br0")
    host.write("sys/class/net/bonding_masters", "")
    assert read_inventory(host.root).devices == ()


def test_representors_do_not_stand_for_the_pf(host: FakeHost) -> None:
    directory = host.pf("0000:3b:00.0", driver="mlx5_core")
    host.netdev(directory, "eth7", 4, phys_port_name="pf0vf1")
    host.netdev(directory, "eth8", 5, phys_port_name="c1pf0sf3")
    host.netdev(directory, "ens3np0", 8, phys_port_name="p0")
    assert host.device("0000:3b:00.0").ifname == "ens3np0"


def test_first_port_stands_for_a_function_with_two(host: FakeHost) -> None:
    directory = host.pf("0000:3b:00.0", driver="mlx4_core")
    host.netdev(directory, "ens3d1", 4, dev_port="1")
    host.netdev(directory, "ens3", 5, dev_port="0")
    assert host.device("0000:3b:00.0").ifname == "ens3"


def test_address_that_somebody_set_is_not_permanent(host: FakeHost) -> None:
    directory = host.pci("0000:21:00.0")
    host.netdev(directory, "eth0", 2, addr_assign_type="3")
    assert host.device("eth0").permanent_mac is None


def test_rtnetlinks_permanent_address_wins(host: FakeHost, port: str) -> None:
    (device,) = read_inventory(host.root, permanent_macs={3: "52:54:00:00:10:01"})
    assert device.permanent_mac == "52:54:00:00:10:01"


def test_device_that_vanishes_while_it_is_read_is_left_out(
    host: FakeHost, port: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    host.netdev(host.pci("0000:22:00.0"), "ens9", 9)

    def vanish(path: str) -> list[str]:
        names = list_names(path)
        if path.endswith("/class/net"):
            shutil.rmtree(host.sys / port)
        return names

    monkeypatch.setattr("tuned_vnet.kernel.inventory.list_names", vanish)
    assert [device.ifname for device in read_inventory(host.root)] == ["ens9"]


def test_driver_that_goes_away_leaves_the_function(host: FakeHost, port: str) -> None:
    (host.sys / "class/net/ens1").unlink()
    shutil.rmtree(host.sys / port / "net")
    Path(host.sys / port / "driver").unlink()
    assert host.device("0000:21:00.0").driver is None


def test_host_without_sysfs_has_no_devices(tmp_path: Path) -> None:
    found = read_inventory(tmp_path)
    assert (found.devices, found.online_cpus) == ((), frozenset())
