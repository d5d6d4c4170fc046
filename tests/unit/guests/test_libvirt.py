"""libvirt's status files: the samples in data/ were written by libvirt 11.3 on the emulated host, shortened."""

import os
from pathlib import Path

import pytest

from tests.unit.guests.host_tree import DATA, HostTree
from tuned_vnet.guests.libvirt import GuestVf, is_saved, is_starting, parse_status, read_guests
from tuned_vnet.model import Holder, VfIndex

DB = Holder(name="db-1", uuid="d0edf664-8445-45c0-aff9-e95a728e641a", pid=1591)
VF0 = VfIndex(0)


def status(devices: str, *, name: str = "g", attributes: str = "state='running' pid='802'") -> str:
    """A status file with these devices."""
    return (
        f"<domstatus {attributes}><devices><device alias='x'/></devices><domain type='kvm' id='1'><name>{name}</name>"
        f"<uuid>11111111-2222-3333-4444-555555555555</uuid><devices>{devices}</devices></domain></domstatus>"
    )


def parse_one(devices: str) -> GuestVf:
    """The only function in a guest with these devices."""
    (vf,) = parse_status(status(devices).encode())
    return vf


SOURCE = "<source><address type='pci' domain='0x0000' bus='0x21' slot='0x10' function='0x2'/></source>"


def test_an_interface_of_type_hostdev_carries_libvirts_mac_and_vlan() -> None:
    (vf,) = parse_status((DATA / "db-1.xml").read_bytes())
    assert vf == GuestVf(address="0000:41:10.0", guest=DB, interface=True, mac="52:54:00:aa:00:01", vlan=42)


def test_an_interface_from_a_pool_names_its_vf_under_actual_and_has_no_vlan() -> None:
    (vf,) = parse_status((DATA / "web-1.xml").read_bytes())
    assert (vf.address, vf.guest.name, vf.interface, vf.vlan) == ("0000:41:10.0", "web-1", True, None)


def test_a_raw_hostdev_is_no_interface_and_is_known_by_its_address_on_the_host_not_in_the_guest() -> None:
    (vf,) = parse_status((DATA / "raw-1.xml").read_bytes())
    assert (vf.address, vf.guest.name, vf.interface, vf.mac) == ("0000:41:10.4", "raw-1", False, None)


def test_a_vlan_that_the_network_gave_counts_as_one_of_the_interface() -> None:
    vf = parse_one(
        f"<interface type='network'><actual type='hostdev'><vlan><tag id='7'/></vlan>{SOURCE}</actual></interface>"
    )
    assert vf.vlan == 7


def test_a_vlan_of_the_interface_counts_when_the_network_has_none() -> None:
    vf = parse_one(
        f"<interface type='network'><vlan><tag id='9'/></vlan><actual type='hostdev'>{SOURCE}</actual></interface>"
    )
    assert vf.vlan == 9


def test_a_port_profile_is_seen() -> None:
    assert parse_one(f"<interface type='hostdev'><virtualport type='802.1Qbh'/>{SOURCE}</interface>").port_profile


@pytest.mark.parametrize(
    "device",
    [
        "<interface type='bridge'><source bridge='br0'/></interface>",
        "<interface type='network'><source network='default'/></interface>",
        "<interface type='network'><actual type='bridge'><source bridge='b'/></actual></interface>",
        "<hostdev mode='subsystem' type='usb'><source><address bus='1' device='2'/></source></hostdev>",
        "<hostdev mode='subsystem' type='mdev'><source><address uuid='aa'/></source></hostdev>",
        "<hostdev mode='subsystem' type='pci'><address type='pci' bus='0x01' slot='0x00' function='0x0'/></hostdev>",
    ],
)
def test_other_devices_hold_no_vf(device: str) -> None:
    assert parse_status(status(device).encode()) == []


def test_a_guest_holds_every_vf_it_was_given() -> None:
    second = SOURCE.replace("0x2'", "0x4'")
    found = parse_status(
        status(f"<interface type='hostdev'>{SOURCE}</interface><hostdev type='pci'>{second}</hostdev>").encode()
    )
    assert [(vf.address, vf.interface) for vf in found] == [("0000:21:10.2", True), ("0000:21:10.4", False)]


@pytest.mark.parametrize("pid", ["", "pid='-1'", "pid='0'", "pid='x'"])
def test_a_guest_without_a_process_number_has_none(pid: str) -> None:
    (vf,) = parse_status(status(f"<hostdev type='pci'>{SOURCE}</hostdev>", attributes=pid).encode())
    assert vf.guest.pid is None


BOMB = "<!DOCTYPE d [<!ENTITY a 'aaaaaaaaaa'>" + "".join(
    f"<!ENTITY {name} '{f'&{before};' * 10}'>" for before, name in zip("abcdefgh", "bcdefghi", strict=True)
)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "<domstatus state='running'>",
        status("")[:200],
        "<domstatus/>",
        "<domain/>",
        "\0\0\0\0",
        status("<hostdev type='pci'><source><address bus='zz'/></source></hostdev>"),
        f"{BOMB}]>{status('', name='&i;')}",
        f"<!DOCTYPE d SYSTEM 'file:///etc/passwd'>{status('')}",
    ],
    ids=["empty", "unclosed", "half", "no domain", "no name", "zeroes", "bad number", "entity bomb", "external DTD"],
)
def test_a_broken_file_hides_its_guest_only(host: HostTree, text: str) -> None:
    host.run_guest("broken", text)
    host.run_guest("db-1")
    assert list(read_guests(host.root)) == ["0000:41:10.0"]


def test_a_file_of_qemus_own_user_is_not_believed(host: HostTree) -> None:
    if os.geteuid() != 0:
        pytest.skip("needs root to give a file away")
    os.chown(host.run_guest("db-1"), 65534, 65534)
    assert read_guests(host.root) == {}


def test_a_link_or_a_pipe_is_not_followed_and_not_waited_for(host: HostTree) -> None:
    host.run_guest("db-1").rename(host.root / "elsewhere")
    (host.root / "run/libvirt/qemu/link.xml").symlink_to(host.root / "elsewhere")
    os.mkfifo(host.root / "run/libvirt/qemu/pipe.xml")
    assert read_guests(host.root) == {}


def test_without_libvirt_there_are_no_guests(host: HostTree) -> None:
    assert read_guests(host.root) == {}
    assert not is_saved(host.root, "ens2", VF0)


def test_a_guest_starts_while_its_old_mac_is_put_aside(host: HostTree) -> None:
    host.save_net_config("ens2_vf0")
    assert is_starting(host.root, "ens2", VF0)
    assert not is_starting(host.root, "ens2", VfIndex(1))
    assert not is_starting(host.root, "ens1", VF0)


def test_a_start_that_failed_long_ago_left_its_file_behind(host: HostTree) -> None:
    host.save_net_config("ens2_vf0", age_s=3600)
    assert is_saved(host.root, "ens2", VF0)
    assert not is_starting(host.root, "ens2", VF0)


def test_other_files_of_libvirt_are_not_opened(host: HostTree, tmp_path: Path) -> None:
    host.run_guest("db-1").rename(tmp_path / "run/libvirt/qemu/db-1.pid")
    assert read_guests(host.root) == {}
