"""Everything a profile can say, on both ports, confirmed with ip, ethtool, sysfs and procfs: after the start of the
daemon, and after what happens to ports in the life of a host. What survives a reboot of the host is in test_boot.
"""

from __future__ import annotations

from tests.lab.expected import (
    PROFILE_DIRECTORY,
    assert_as_profiled,
    edit_profile,
    install_profiles,
    look,
    wait_until_as_profiled,
)
from tests.lab.host import Host

QUEUES_ONLY = """
[match]
ifname = "ens2"
[link]
up = true
[irq]
affinity = "local-node"
[xps]
cpus = "follow-irq"
"""

# "number<TAB>name<TAB>cpulist" of the interrupts in use, the last as the interrupt controller has it.
EFFECTIVE = """
for irq in $(ls /sys/class/net/ens2/device/msi_irqs); do
    name=$(cat /sys/kernel/irq/$irq/actions)
    [ -z "$name" ] || printf '%s\\t%s\\t%s\\n' $irq "$name" $(cat /proc/irq/$irq/effective_affinity_list)
done
"""


def interrupts_of_ens2(host: Host) -> dict[str, tuple[int, int]]:
    """Number of each interrupt in use, and the CPU that really gets it."""
    rows = (line.split("\t") for line in host.output(EFFECTIVE).splitlines())
    return {name: (int(number), int(cpu)) for number, name, cpu in rows}


def test_interrupts_stay_on_the_port_s_node_when_vfs_renumber_them(module_host: Host) -> None:
    host = module_host
    host.write(f"{PROFILE_DIRECTORY}/50-queues.toml", QUEUES_ONLY)
    host.run("systemctl start tuned-vnet", check=True)
    before = interrupts_of_ens2(host)
    # Without VFs igb has a vector for each of its eight queues.
    assert before.keys() == {"ens2", *(f"ens2-{way}-{queue}" for way in ("rx", "tx") for queue in range(4))}
    for way in ("rx", "tx"):
        assert [before[f"ens2-{way}-{queue}"][1] for queue in range(4)] == [2, 3, 2, 3]
    assert before["ens2"][1] in {2, 3}
    assert host.xps("ens2") == {0: {2}, 1: {3}, 2: {2}, 3: {3}}

    host.run(f"printf '[sriov]\\nnumvfs = 7\\n' >> {PROFILE_DIRECTORY}/50-queues.toml", check=True)
    host.run(f"printf 'drivers-autoprobe = false\\n' >> {PROFILE_DIRECTORY}/50-queues.toml", check=True)
    host.run("systemctl reload tuned-vnet", check=True)
    after = interrupts_of_ens2(host)
    assert after.keys() == {"ens2", "ens2-TxRx-0", "ens2-rx-1"}
    assert {number for number, _ in after.values()} != {number for number, _ in before.values()}
    assert (after["ens2-TxRx-0"][1], after["ens2-rx-1"][1]) == (2, 3)
    assert after["ens2"][1] in {2, 3}
    assert host.irq_affinity("ens2") == {"ens2": {2, 3}, "ens2-TxRx-0": {2}, "ens2-rx-1": {3}}
    assert host.xps("ens2") == {0: {2}}


def test_every_setting_of_both_ports_when_the_unit_has_started(module_host: Host) -> None:
    host = module_host
    host.run(f"systemctl stop tuned-vnet && rm {PROFILE_DIRECTORY}/50-queues.toml", check=True)
    install_profiles(host)
    host.run("systemctl start tuned-vnet", check=True)
    assert_as_profiled(host)


def test_drivers_autoprobe_false_means_vfs_without_netdevs(module_host: Host) -> None:
    host = module_host
    for ifname in ("ens1", "ens2"):
        assert host.numvfs(ifname) == 7
        assert host.vf_netdevs(ifname) == set()
        assert {host.vf_driver(ifname, index) for index in (0, 6)} == {None}


def test_every_setting_is_back_after_the_driver_was_loaded_again(module_host: Host) -> None:
    host = module_host
    host.run("rmmod igb && ! test -e /sys/class/net/ens1", check=True)
    host.run("modprobe igb", check=True)
    wait_until_as_profiled(host)


def test_every_setting_is_back_after_a_port_was_unplugged_and_plugged(module_host: Host) -> None:
    host = module_host
    host.unplug("ens2")
    assert host.run("test -e /sys/class/net/ens2").returncode != 0
    host.plug("ens2")
    wait_until_as_profiled(host)


def test_nothing_is_left_to_do_after_all_that(module_host: Host) -> None:
    assert module_host.run("tuned-vnetctl plan").check().stdout == ""


def test_vf_netdevs_appear_when_drivers_may_bind_vfs(module_host: Host) -> None:
    host = module_host
    edit_profile(host, "50-ports.toml", "drivers-autoprobe = false", "drivers-autoprobe = true")
    edit_profile(host, "50-ports.toml", "numvfs = 7", "numvfs = 2")
    host.run("systemctl reload tuned-vnet", check=True)
    host.eventually(lambda: len(host.vf_netdevs("ens1")) == 2, what="both VFs of ens1 have a netdev")
    assert host.numvfs("ens1") == 2
    assert host.vf_driver("ens1", 1) == "igbvf"
    state = look(host, "ens1")
    assert [vf.max_tx_rate for vf in state.vfs] == [300, 100]
    assert state.irqs["ens1-TxRx-0"] == {0}
