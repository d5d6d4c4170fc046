"""VFs in the hands of guests: the policy survives what a guest does, and nothing is taken from one that runs.

MAC and VLAN of a libvirt <interface> are libvirt's while its guest runs, and the profile's before and after. A raw
<hostdev> has the profile's all the time.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.lab.expected import assert_as_profiled, edit_profile, install_profiles, look, profiled_vf
from tests.lab.guest import Boot, PoolInterface, RawVf, VfInterface
from tests.lab.host import Host, port

MAC = "52:54:00:aa:00:01"
RESETS = "changing rings resets the port"

# Opens the group of a VF as QEMU does, says so, and keeps it until it is killed.
HOLD_GROUP = (
    "import signal, sys; group = open(sys.argv[1], 'rb+', buffering=0); print('open', flush=True); signal.pause()"
)


@pytest.fixture(scope="module")
def running(module_host: Host) -> Host:
    """The daemon keeps both ports; a pool of ens1 is there."""
    install_profiles(module_host)
    module_host.run("systemctl start tuned-vnet", check=True)
    module_host.network("sriov-int", pf="ens1").define(autostart=False).start()
    return module_host


def assert_nothing_left_to_do(host: Host) -> None:
    """The daemon agrees."""
    result = host.run("tuned-vnetctl plan")
    assert (result.returncode, result.stdout) == (0, "")


def test_interface_mac_and_vlan_are_libvirts_while_the_guest_runs(running: Host) -> None:
    interface = VfInterface(pci_address=running.vf_address("ens1", 2), mac=MAC, vlan=9)
    guest = running.guest("interface").define(interface).start()
    assert_as_profiled(running, libvirts={2: {"mac": MAC, "vlan": 9}})
    assert_nothing_left_to_do(running)
    guest.destroy()
    assert_as_profiled(running)


def test_a_vf_from_the_pool_has_the_guests_mac(running: Host) -> None:
    guest = running.guest("pooled").define(PoolInterface(network="sriov-int", mac=MAC)).start()
    assert guest.vf_addresses() == [running.vf_address("ens1", 0)]
    assert_as_profiled(running, libvirts={0: {"mac": MAC}})
    guest.destroy()
    assert_as_profiled(running)


def test_a_raw_vf_keeps_the_profiles_mac_and_vlan(running: Host) -> None:
    guest = running.guest("raw").define(RawVf(pci_address=running.vf_address("ens1", 1))).start()
    assert running.vf_driver("ens1", 1) == "vfio-pci"
    assert_as_profiled(running)
    assert_nothing_left_to_do(running)
    running.run("ip link set ens1 vf 1 spoofchk off mac 52:54:00:66:66:66 vlan 5", check=True)
    running.eventually(lambda: running.vf("ens1", 1) == profiled_vf(port("ens1"), 1), timeout_s=5, what="VF 1 is right")
    guest.destroy()
    assert_as_profiled(running)


def test_the_policy_is_there_after_a_guest_has_rebooted(running: Host) -> None:
    interface = VfInterface(pci_address=running.vf_address("ens1", 3), mac=MAC)
    guest = running.guest("real").define(interface, boot=Boot.REAL).start()
    guest.wait_until_booted()
    pid = guest.pid()
    assert_as_profiled(running, libvirts={3: {"mac": MAC}})
    guest.reboot()
    guest.wait_until_booted(boots=2)
    assert guest.pid() == pid
    assert_as_profiled(running, libvirts={3: {"mac": MAC}})
    guest.destroy()
    assert_as_profiled(running)


def test_the_policy_is_there_after_a_driver_took_and_left_a_vf(running: Host) -> None:
    address = running.vf_address("ens1", 1)
    device = f"/sys/bus/pci/devices/{address}"
    running.run(f"modprobe igbvf; echo igbvf > {device}/driver_override; echo {address} > /sys/bus/pci/drivers_probe")
    assert running.vf_driver("ens1", 1) == "igbvf"
    assert running.vf("ens1", 1) == profiled_vf(port("ens1"), 1)
    running.run(
        f"echo {address} > {device}/driver/unbind; echo {address} > /sys/bus/pci/drivers/igbvf/bind", check=True
    )
    assert running.vf_driver("ens1", 1) == "igbvf"
    assert running.vf("ens1", 1) == profiled_vf(port("ens1"), 1)
    running.run(f"echo {address} > {device}/driver/unbind; echo > {device}/driver_override", check=True)
    assert_as_profiled(running)


def test_a_guest_keeps_its_vf_and_its_link_whatever_the_profile_says(running: Host) -> None:
    guest = running.guest("raw").start()
    cursor = running.cursor()
    edit_profile(running, "50-ports.toml", "numvfs = 7", "numvfs = 3")
    edit_profile(running, "50-ports.toml", "rx = 512", "rx = 256")
    running.expect_warning("refused: 3 wanted, 7 exist and VF 1 is held by guest raw")
    running.expect_warning(f"refused: {RESETS}, and VF 1 is held by guest raw")
    running.expect_warning("Reload failed|Control process exited")
    assert running.run("systemctl reload tuned-vnet").returncode != 0
    state = look(running, "ens1")
    assert (state.numvfs, state.ring) == (7, (512, 1024))
    assert state.vfs == tuple(profiled_vf(port("ens1"), index) for index in range(7))
    assert guest.state() == "running"
    plan = running.run("tuned-vnetctl plan ens1")
    assert plan.returncode == 3
    assert "3 wanted, 7 exist and VF 1 is held by guest raw" in plan.stdout
    journal = "\n".join(str(entry["MESSAGE"]) for entry in running.journal(since=cursor))
    assert journal.count("VF 1 is held by guest raw") == 2
    # The other port has no guest, so there it was done.
    assert (running.numvfs("ens2"), running.ring("ens2")["rx"]) == (3, 256)


def test_without_a_guest_it_is_done(running: Host) -> None:
    running.guest("raw").destroy()
    running.run("tuned-vnetctl apply", check=True)
    state = look(running, "ens1")
    assert (state.numvfs, state.ring) == (3, (256, 1024))
    # The new ring has closed and opened the port, and a rate waits for the carrier.
    policies = tuple(profiled_vf(port("ens1"), index) for index in range(3))
    running.eventually(
        lambda: look(running, "ens1").vfs == policies, timeout_s=10, what="three VFs have their policies"
    )


@contextmanager
def process_with_vf(host: Host, address: str) -> Iterator[int]:
    """A program that has the VF's VFIO group open, without libvirt; its number."""
    device = f"/sys/bus/pci/devices/{address}"
    host.run(
        f"modprobe vfio-pci; echo vfio-pci > {device}/driver_override; echo {address} > /sys/bus/pci/drivers_probe"
    )
    host.write("/root/hold.py", HOLD_GROUP)
    group = host.output(f"basename $(readlink {device}/iommu_group)")
    host.run(f"systemd-run -q --unit=holder python3 /root/hold.py /dev/vfio/{group}", check=True)
    try:
        host.eventually(
            lambda: "open" in host.output("journalctl -q --no-pager -o cat -u holder"), what="the VF is held"
        )
        yield int(host.output("systemctl show --value -p MainPID holder"))
    finally:
        host.run(f"systemctl stop holder; echo {address} > {device}/driver/unbind; echo > {device}/driver_override")


def test_a_process_without_libvirt_keeps_its_vf_too(running: Host) -> None:
    with process_with_vf(running, running.vf_address("ens1", 2)) as pid:
        edit_profile(running, "50-ports.toml", "numvfs = 3", "numvfs = 4")
        running.expect_warning(f"refused: 4 wanted, 3 exist and VF 2 is held by python3 .*{pid}")
        running.expect_warning("Reload failed|Control process exited")
        assert running.run("systemctl reload tuned-vnet").returncode != 0
        plan = running.run("tuned-vnetctl plan ens1")
        assert plan.returncode == 3
        assert f"4 wanted, 3 exist and VF 2 is held by python3 (PID {pid})" in plan.stdout
        assert running.numvfs("ens1") == 3
    running.run("tuned-vnetctl apply", check=True)
    assert running.numvfs("ens1") == 4
