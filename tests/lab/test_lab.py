"""The lab itself: does the emulated host have what the other tests build on?"""

from __future__ import annotations

from tests.lab.guest import Boot, PoolInterface, RawVf, VfInterface
from tests.lab.host import Host
from tests.lab.machine import PORTS
from tests.lab.observe import parse_cpulist

MAC = "52:54:00:aa:00:01"
NO_VFS = "No usable Vf's present on SRIOV PF ens1"


def make_vfs(host: Host) -> None:
    """Seven VFs on ens1 as a shell script would make them, without VF netdevs in the way."""
    host.run("ip link set ens1 up", check=True)
    device = "/sys/class/net/ens1/device"
    host.run(f"echo 0 > {device}/sriov_drivers_autoprobe; echo 7 > {device}/sriov_numvfs", check=True)


def test_two_ports_on_two_numa_nodes(bare_host: Host) -> None:
    """Names, addresses, NUMA nodes and carrier are what the documentation of the lab says."""
    for port in PORTS:
        device = f"/sys/bus/pci/devices/{port.pci_address}"
        assert bare_host.output(f"ls {device}/net") == port.ifname
        assert bare_host.output(f"cat {device}/numa_node") == str(port.numa_node)
        cpus = frozenset(parse_cpulist(bare_host.output(f"cat {device}/local_cpulist")))
        assert cpus == port.cpus
        assert bare_host.output(f"cat {device}/sriov_totalvfs") == "7"
        bare_host.run(f"ip link set {port.ifname} up", check=True)
    bare_host.eventually(
        lambda: [bare_host.output(f"cat /sys/class/net/{port.ifname}/carrier") for port in PORTS] == ["1", "1"],
        what="carrier on both ports",
    )


def test_readers_see_what_the_tools_set(bare_host: Host) -> None:
    """Each observation of `Host` against a value set by hand."""
    host = bare_host
    make_vfs(host)
    assert host.numvfs("ens1") == 7
    assert host.vf_netdevs("ens1") == set()
    assert host.vf_driver("ens1", 6) is None
    host.eventually(lambda: host.output("cat /sys/class/net/ens1/carrier") == "1", what="carrier")
    vf = f"vf 0 mac {MAC} vlan 7 qos 3 spoofchk off trust on max_tx_rate 300"
    host.run(f"ip link set ens1 {vf}", check=True)
    state = host.vf("ens1", 0)
    assert (state.mac, state.vlan, state.qos, state.vlan_protocol) == (MAC, 7, 3, "802.1q")
    assert (state.spoofchk, state.trust, state.max_tx_rate, state.min_tx_rate) == (False, True, 300, 0)
    assert state.link_state == "auto"
    host.run("ethtool -G ens1 rx 512 tx 1024; ethtool -C ens1 rx-usecs 10", check=True)
    assert (host.ring("ens1")["rx"], host.ring("ens1")["tx"]) == (512, 1024)
    assert host.coalesce("ens1")["rx-usecs"] == 10
    assert host.flow_hash("ens1", "udp4") == "sd"
    host.run("ethtool -N ens1 rx-flow-hash udp4 sdfn", check=True)
    assert host.flow_hash("ens1", "udp4") == "sdfn"
    assert host.flow_hash("ens1", "tcp4") == "sdfn"
    irqs = host.irq_affinity("ens1")
    assert set(irqs) == {"ens1", "ens1-TxRx-0", "ens1-rx-1"}
    assert set().union(*irqs.values()) <= {0, 1, 2, 3}
    host.run("echo 1 > /sys/class/net/ens1/queues/tx-0/xps_cpus", check=True)
    assert host.xps("ens1")[0] == {0}
    assert host.sysctl("net.core.netdev_budget") == "300"


def test_guest_gets_a_vf_from_a_pool(bare_host: Host) -> None:
    """From a pool and as a raw device; libvirt sets MAC and VLAN where it knows them."""
    host = bare_host
    make_vfs(host)
    pool = host.network("sriov-int", pf="ens1").define().start()
    assert pool.is_active()
    assert pool.pool() == [host.vf_address("ens1", n) for n in range(7)]
    guest = host.guest("g1").define(PoolInterface(network="sriov-int", mac=MAC, vlan=9)).start()
    assert guest.state() == "running"
    assert guest.pid() > 0
    assert guest.vf_addresses() == [host.vf_address("ens1", 0)]
    assert (host.vf("ens1", 0).mac, host.vf("ens1", 0).vlan) == (MAC, 9)
    assert host.vf_driver("ens1", 0) == "vfio-pci"
    raw = RawVf(pci_address=host.vf_address("ens1", 1))
    second = host.guest("g2").define(raw, autostart=True).start()
    assert host.vf_driver("ens1", 1) == "vfio-pci"
    assert second.autostart()
    guest.destroy()
    assert guest.state() == "shut off"
    guest.undefine()


def test_guest_reboots_and_its_qemu_goes_on(bare_host: Host) -> None:
    """A real guest boots, loads the VF's driver, and comes up again after `virsh reboot`."""
    host = bare_host
    make_vfs(host)
    vf = VfInterface(pci_address=host.vf_address("ens1", 0), mac=MAC)
    guest = host.guest("g1").define(vf, boot=Boot.REAL).start()
    guest.wait_until_booted()
    assert "vfio-msix[0](0000:21:10.0)" in host.read("/proc/interrupts")
    pid = guest.pid()
    guest.reboot()
    guest.wait_until_booted(boots=2)
    assert guest.pid() == pid
    assert host.vf("ens1", 0).mac == MAC


def test_without_tuned_vnet_the_network_is_inactive_after_a_reboot(bare_host: Host) -> None:
    """The pain that the project ends."""
    host = bare_host
    make_vfs(host)
    network = host.network("sriov-int", pf="ens1").define(autostart=True).start()
    assert network.is_active()
    host.reboot()
    assert not network.is_active()
    assert NO_VFS in host.output("journalctl --no-pager -b -u libvirtd")


def test_unplug_and_plug(bare_host: Host) -> None:
    """A port goes and comes back under its name and address."""
    host = bare_host
    host.unplug("ens2")
    assert host.run("test -e /sys/bus/pci/devices/0000:41:00.0").returncode != 0
    host.plug("ens2")
    assert host.output("ls /sys/bus/pci/devices/0000:41:00.0/net") == "ens2"


def test_netdevsim_is_there(bare_host: Host) -> None:
    """Hundreds of VFs, for what igb lacks."""
    host = bare_host
    host.run("modprobe netdevsim && echo '10 1' > /sys/bus/netdevsim/new_device", check=True)
    host.run("echo 256 > /sys/kernel/debug/netdevsim/netdevsim10/max_vfs", check=True)
    host.run("echo 128 > /sys/bus/netdevsim/devices/netdevsim10/sriov_numvfs", check=True)
    assert host.output("cat /sys/bus/netdevsim/devices/netdevsim10/sriov_numvfs") == "128"
