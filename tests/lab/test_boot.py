"""A real reboot: VFs are there before libvirt starts its networks, and everything is as the profiles say.

What happens without tuned-vnet is in test_lab.
"""

from __future__ import annotations

import pytest

from tests.lab.expected import assert_as_profiled, install_profiles
from tests.lab.guest import PoolInterface
from tests.lab.host import Host, newest_package

MAC = "52:54:00:aa:00:01"
LIBVIRT = "libvirtd.service"


@pytest.fixture(scope="module")
def rebooted(module_host: Host) -> Host:
    """A host with profiles, an autostarted network and an autostarted guest, after its first boot with tuned-vnet."""
    host = module_host
    install_profiles(host)
    host.network("sriov-int", pf="ens1").define(autostart=True)
    host.guest("g1").define(PoolInterface(network="sriov-int", mac=MAC), autostart=True)
    host.run("systemctl enable tuned-vnet", check=True)
    host.reboot()
    return host


def monotonic_us(host: Host, unit: str, moment: str) -> int:
    """When something happened to a unit, in microseconds since the kernel's start."""
    return int(host.output(f"systemctl show --value -p {moment} {unit}"))


def test_the_network_is_active_with_seven_vfs(rebooted: Host) -> None:
    network = rebooted.network("sriov-int")
    assert network.is_active()
    vfs = rebooted.output("cd /sys/class/net/ens1/device && readlink virtfn?").splitlines()
    assert network.pool() == [link.removeprefix("../") for link in vfs]
    assert len(vfs) == 7


def test_the_guest_runs_on_a_vf_with_its_own_mac(rebooted: Host) -> None:
    guest = rebooted.guest("g1")
    rebooted.eventually(lambda: guest.state() == "running", what="the autostarted guest runs")
    assert guest.vf_addresses() == [rebooted.vf_address("ens1", 0)]
    assert rebooted.vf_driver("ens1", 0) == "vfio-pci"
    assert rebooted.vf("ens1", 0).mac == MAC


def test_every_setting_is_in_force(rebooted: Host) -> None:
    assert_as_profiled(rebooted, libvirts={0: {"mac": MAC}})


def test_tuned_vnet_was_ready_before_libvirt_started(rebooted: Host) -> None:
    ready = monotonic_us(rebooted, "tuned-vnet", "ActiveEnterTimestampMonotonic")
    libvirt = monotonic_us(rebooted, LIBVIRT, "ExecMainStartTimestampMonotonic")
    assert 0 < ready < libvirt


def test_no_unit_was_thrown_out_of_the_boot(rebooted: Host) -> None:
    assert rebooted.output("journalctl --no-pager -q -b | grep -ic 'ordering cycle' || true") == "0"
    assert rebooted.output("systemctl is-system-running") == "running"


def test_nothing_is_left_to_do(rebooted: Host) -> None:
    assert rebooted.run("tuned-vnetctl plan").check().stdout == ""


def test_installing_starts_nothing_and_touches_no_link(bare_host: Host) -> None:
    host = bare_host
    links = "ip -j -d link show; tail -n +1 /sys/class/net/ens*/device/sriov_*"
    before = host.output(links)
    cursor = host.cursor()
    host.install(newest_package())
    assert host.run("systemctl is-active tuned-vnet").stdout.strip() == "inactive"
    assert host.run("systemctl is-enabled tuned-vnet").stdout.strip() == "disabled"
    assert host.output(links) == before
    assert host.journal(since=cursor) == []
    kernel = host.output(f"journalctl --no-pager -q -k --after-cursor='{cursor}'")
    assert "igb" not in kernel
    assert host.output("tuned-vnetctl --version").startswith("tuned-vnet ")
