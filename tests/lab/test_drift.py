"""Somebody changes things by hand: what belongs to VFs is undone within a second, and each time the journal says so in
one line. What causes no event is found by the next `apply`, and by the audit.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.lab.expected import CONFIG, assert_as_profiled, install_profiles, wait_until_as_profiled
from tests.lab.host import Host

LIMIT_S = 1.0

# Runs in the host and measures with its clock; what ip says is the judge. Prints seconds from the moment when the
# command that breaks something has ended, or nothing when it is not undone in time.
STOPWATCH = """
import json, subprocess, sys, time

def vfs():
    text = subprocess.run(["ip", "-j", "-d", "link", "show", "dev", "ens1"], stdout=subprocess.PIPE).stdout
    (link,) = json.loads(text)
    return link["vfinfo_list"]

before = vfs()
subprocess.run(["ip", "link", "set", "ens1", "vf", *sys.argv[1:]], check=True)
start = time.monotonic()
while (elapsed := time.monotonic() - start) < 10:
    if vfs() == before:
        print(elapsed)
        break
"""

# What is done by hand, the field that tells of it in the journal, and the line itself.
BY_HAND = {
    "0 spoofchk on": ("vf.spoofchk", "vf 0: spoofchk on -> off"),
    "2 spoofchk off": ("vf.spoofchk", "vf 2: spoofchk off -> on"),
    "0 max_tx_rate 5": ("vf.max-tx-rate", "vf 0: max-tx-rate 5 -> 300"),
    "0 mac 52:54:00:66:66:66": ("vf.mac", "vf 0: mac 52:54:00:66:66:66 -> 52:54:00:21:00:00"),
    "0 trust off": ("vf.trust", "vf 0: trust off -> on"),
    "1 vlan 7": ("vf.vlan", "vf 1: vlan 7 qos 0 proto 802.1q -> 100 qos 3 proto 802.1q"),
}

# Settings of the port and of the host; igb closes and opens the port for a ring.
PORT_BY_HAND = """
ethtool -C ens1 rx-usecs 100
ethtool -N ens1 rx-flow-hash udp4 sd
echo 0 > /sys/class/net/ens1/queues/tx-0/xps_cpus
echo 0-3 > $(grep -l ens1-rx-1 /sys/kernel/irq/*/actions | sed 's,sys/kernel,proc,; s,actions,smp_affinity_list,')
sysctl -q -w net.core.netdev_budget=300
ip link set ens2 txqueuelen 1000 mtu 1500
ethtool -G ens2 rx 256
"""


@pytest.fixture(scope="module")
def running(module_host: Host) -> Host:
    """The daemon keeps both ports."""
    install_profiles(module_host)
    module_host.write("/root/stopwatch.py", STOPWATCH)
    module_host.run("systemctl start tuned-vnet", check=True)
    return module_host


def changes_since(host: Host, cursor: str) -> list[dict[str, Any]]:
    """The daemon's own lines in the journal."""
    return [entry for entry in host.journal(since=cursor) if entry.get("SYSLOG_IDENTIFIER") == "tuned-vnet"]


@pytest.mark.parametrize("by_hand", BY_HAND)
def test_a_vf_changed_by_hand_is_put_right_within_a_second(
    running: Host, by_hand: str, record_property: Callable[[str, object], None]
) -> None:
    cursor = running.cursor()
    elapsed = running.output(f"python3 /root/stopwatch.py {by_hand}")
    assert elapsed, "not undone"
    record_property("undone after seconds", elapsed)
    assert float(elapsed) < LIMIT_S
    (entry,) = changes_since(running, cursor)
    setting, text = BY_HAND[by_hand]
    assert entry["MESSAGE"] == f"ens1 0000:21:00.0: {text}"
    assert (entry["PCI_ADDRESS"], entry["SETTING"], entry["PRIORITY"]) == ("0000:21:00.0", setting, "6")


def test_apply_puts_the_ports_right(running: Host) -> None:
    running.run(PORT_BY_HAND, check=True)
    running.run("tuned-vnetctl apply", check=True)
    assert_as_profiled(running)


def test_the_audit_puts_right_what_causes_no_event(running: Host) -> None:
    running.write(CONFIG, "[daemon]\naudit-interval = 5\n")
    running.run("systemctl restart tuned-vnet", check=True)
    running.run("ethtool -C ens1 rx-usecs 100; sysctl -q -w net.core.netdev_budget=300", check=True)
    running.run("echo 0 > /sys/class/net/ens1/queues/tx-0/xps_cpus", check=True)
    wait_until_as_profiled(running, timeout_s=15)
