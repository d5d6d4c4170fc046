"""Processes with a VF's VFIO device open."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.unit.guests.host_tree import HostTree
from tuned_vnet.guests.vfio import device_nodes, find_holders, is_vfio_driver, read_holder
from tuned_vnet.model import Holder

ADDRESS = "0000:41:10.0"
OTHER = "0000:41:10.2"
UUID = "d1386530-6792-4b3e-a9b4-6c5fc6e27070"
QEMU = ["/usr/bin/qemu-system-x86_64", "-name", "guest=raw-1,debug-threads=on", "-S", "-uuid", UUID]


def test_qemu_with_the_group_open_is_the_guest_of_its_command_line(host: HostTree) -> None:
    host.put_in_group(ADDRESS, "13")
    host.run_process(1097, QEMU, opens=["/dev/null", "/dev/vfio/13", "/dev/vfio/vfio", "anon_inode:[vfio-device]"])
    assert find_holders(host.root, [ADDRESS]) == {ADDRESS: Holder(name="raw-1", pid=1097, uuid=UUID)}


def test_another_program_is_known_by_its_own_name(host: HostTree) -> None:
    host.put_in_group(ADDRESS, "13")
    host.run_process(99, ["/usr/bin/dpdk-testpmd", "-a", ADDRESS], opens=["/dev/vfio/13"], comm="dpdk-testpmd")
    assert str(find_holders(host.root, [ADDRESS])[ADDRESS]) == "dpdk-testpmd (PID 99)"


def test_iommufd_is_seen_by_the_devices_own_node(host: HostTree) -> None:
    host.put_in_group(ADDRESS, "13", cdev="vfio0")
    host.put_in_group(OTHER, "14", cdev="vfio1")
    host.run_process(5, QEMU, opens=["/dev/iommu", "/dev/vfio/devices/vfio1"])
    assert list(find_holders(host.root, [ADDRESS, OTHER])) == [OTHER]


def test_a_group_without_iommu_and_a_node_that_is_gone_still_count(host: HostTree) -> None:
    host.put_in_group(ADDRESS, "0")
    host.run_process(5, QEMU, opens=["/dev/vfio/noiommu-0 (deleted)"])
    assert ADDRESS in find_holders(host.root, [ADDRESS])


def test_who_has_a_group_open_holds_all_its_devices(host: HostTree) -> None:
    host.put_in_group(ADDRESS, "13")
    host.put_in_group(OTHER, "13")
    host.run_process(5, QEMU, opens=["/dev/vfio/13"])
    assert set(find_holders(host.root, [ADDRESS, OTHER])) == {ADDRESS, OTHER}


def test_vfios_container_alone_is_no_device(host: HostTree) -> None:
    host.put_in_group(ADDRESS, "13")
    host.run_process(5, QEMU, opens=["/dev/vfio/vfio", "/dev/vfio/130", "/dev/vfio/1"])
    assert find_holders(host.root, [ADDRESS]) == {}


def test_a_device_that_is_not_there_has_no_nodes_and_no_holder(host: HostTree) -> None:
    host.run_process(5, QEMU, opens=["/dev/vfio/13"])
    assert device_nodes(host.root, ADDRESS) == ()
    assert find_holders(host.root, [ADDRESS]) == {}


def test_without_vfs_to_look_for_no_process_is_looked_at(host: HostTree, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tuned_vnet.guests.vfio._processes", lambda _: pytest.fail("looked"))
    assert find_holders(host.root, []) == {}


def test_a_process_that_ends_meanwhile_is_passed_over(host: HostTree) -> None:
    host.put_in_group(ADDRESS, "13")
    (host.root / "proc" / "77").mkdir(parents=True)
    host.run_process(78, QEMU, opens=["/dev/vfio/13"])
    assert find_holders(host.root, [ADDRESS])[ADDRESS].pid == 78


def test_a_process_that_ends_before_its_name_is_read_is_known_by_number(host: HostTree) -> None:
    (host.root / "proc" / "77").mkdir(parents=True)
    assert str(read_holder(host.root / "proc" / "77")) == "a process (PID 77)"


@pytest.mark.parametrize(
    ("value", "name"),
    [
        ("guest=db-1,debug-threads=on", "db-1"),
        ("debug-threads=on,guest=db-1", "db-1"),
        ("db-1,process=x", "db-1"),
        ("guest=a,,b,debug-threads=on", "a,b"),
        ("a,,b", "a,b"),
    ],
)
def test_qemus_name_option_in_its_spellings(host: HostTree, value: str, name: str) -> None:
    for pid, option in enumerate(("-name", "--name"), start=1):
        holder = read_holder(host.run_process(pid, ["qemu", option, value], comm="qemu-kvm"))
        assert (holder.name, holder.uuid) == (name, None)


@pytest.mark.parametrize("arguments", [["qemu"], ["qemu", "-name"], ["qemu", "-name", ""], []])
def test_qemu_without_a_name_is_a_program_like_others(host: HostTree, arguments: list[str]) -> None:
    assert read_holder(host.run_process(4, arguments, comm="qemu-kvm")) == Holder(name="qemu-kvm", pid=4)


def test_vendors_variants_of_the_driver_count() -> None:
    assert all(is_vfio_driver(name) for name in ("vfio-pci", "mlx5_vfio_pci", "virtio_vfio_pci"))
    assert not any(is_vfio_driver(name) for name in (None, "igbvf", "iavf"))


def test_a_living_process_is_found_in_the_real_proc(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that a child has open stands in for the device node."""
    node = tmp_path / "13"
    node.touch()
    monkeypatch.setattr("tuned_vnet.guests.vfio.device_nodes", lambda _root, _address: (str(node),))
    script = f"file = open({str(node)!r}); print('open', flush=True); input()"
    pipe = subprocess.PIPE
    with subprocess.Popen([sys.executable, "-c", script, "-name", "db-1"], stdin=pipe, stdout=pipe) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == b"open\n"
        assert find_holders(Path("/"), [ADDRESS]) == {ADDRESS: Holder(name="db-1", pid=child.pid)}
        child.kill()
    assert find_holders(Path("/"), [ADDRESS]) == {}
