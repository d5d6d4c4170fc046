"""What is to be looked at again after an event, told from the event and from sysfs as it is by then."""

from tests.tree.conftest import BRIDGE, FakeHost
from tuned_vnet.kernel.events import Hint, Uevent, hints_of, parent_of_gone, pfs_below, udev_queue_is_empty
from tuned_vnet.model import DeviceId

PF = Hint(device=DeviceId(bus="pci", address="0000:21:00.0"))
VF = Hint(device=DeviceId(bus="pci", address="0000:21:10.0"))


def hints(host: FakeHost, uevent: Uevent) -> set[Hint]:
    return set(hints_of(uevent, sys=str(host.sys)))


def pci(action: str, address: str, *, pci_class: str = "20000") -> Uevent:
    return Uevent(action=action, subsystem="pci", path=f"/{BRIDGE}/{address}", properties={"PCI_CLASS": pci_class})


def test_vf_that_came_means_its_pf_too(host: FakeHost, port: str) -> None:
    host.vf(port, 0, "0000:21:10.0")
    assert hints(host, pci("add", "0000:21:10.0")) == {VF, PF}


def test_vf_that_went_means_the_pfs_beside_it(host: FakeHost, port: str) -> None:
    removed = pci("remove", "0000:21:10.0")
    assert hints(host, removed) == {VF}
    assert list(parent_of_gone(removed)) == [f"/{BRIDGE}"]
    assert set(pfs_below(f"/{BRIDGE}", sys=str(host.sys))) == {PF}


def test_pf_that_came_means_itself(host: FakeHost, port: str) -> None:
    assert hints(host, pci("bind", "0000:21:00.0")) == {PF}
    assert list(parent_of_gone(pci("bind", "0000:21:00.0"))) == []


def test_disk_means_nothing(host: FakeHost) -> None:
    uevent = pci("remove", "0000:22:00.0", pci_class="10802")
    assert hints(host, uevent) == set()
    assert list(parent_of_gone(uevent)) == []


def test_netdev_of_a_vf_means_netdev_vf_and_pf(host: FakeHost, port: str) -> None:
    host.netdev(host.vf(port, 0, "0000:21:10.0"), "ens1v0", 9)
    path = f"/{BRIDGE}/0000:21:10.0/net/ens1v0"
    uevent = Uevent(action="move", subsystem="net", path=path, properties={"IFINDEX": "9"})
    assert hints(host, uevent) == {Hint(ifindex=9), VF, PF}


def test_netdev_whose_device_went_too_means_the_netdev(host: FakeHost) -> None:
    path = f"/{BRIDGE}/0000:21:10.0/net/ens1v0"
    uevent = Uevent(action="remove", subsystem="net", path=path, properties={"IFINDEX": "9"})
    assert hints(host, uevent) == {Hint(ifindex=9)}


def test_veths_and_taps_mean_nothing(host: FakeHost) -> None:
    uevent = Uevent(action="add", subsystem="net", path="/devices/virtual/net/vnet3", properties={"IFINDEX": "9"})
    assert hints(host, uevent) == set()


def test_netdevsim_means_itself(host: FakeHost) -> None:
    uevent = Uevent(action="add", subsystem="netdevsim", path="/devices/netdevsim10", properties={})
    assert hints(host, uevent) == {Hint(device=DeviceId(bus="netdevsim", address="netdevsim10"))}


def test_udev_is_busy_while_its_queue_file_exists(host: FakeHost) -> None:
    assert udev_queue_is_empty(host.root)
    host.write("run/udev/queue", "")
    assert not udev_queue_is_empty(host.root)
