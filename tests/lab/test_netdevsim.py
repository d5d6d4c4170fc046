"""What igb lacks, on netdevsim: minimum rates, link state, 802.1ad and RSS query, and a PF that is not on PCI."""

from dataclasses import replace

from tests.lab.expected import PROFILE_DIRECTORY
from tests.lab.host import Host
from tests.lab.observe import VfState

PROFILE = """
[match]
driver = "netdevsim"

[sriov]
numvfs = 4

[[vf]]
index = "*"
mac-base = "52:54:00:77:00:00"
vlan = 200
qos = 5
vlan-protocol = "802.1ad"
min-tx-rate = 100
max-tx-rate = 900
spoofchk = true
trust = true
link-state = "enable"
rss-query = true
"""

WANTED = VfState(
    mac="52:54:00:77:00:00",
    vlan=200,
    qos=5,
    vlan_protocol="802.1ad",
    spoofchk=True,
    trust=True,
    min_tx_rate=100,
    max_tx_rate=900,
    link_state="enable",
    rss_query=True,
)


def wanted(index: int) -> VfState:
    return replace(WANTED, mac=f"52:54:00:77:00:0{index}")


def test_what_igb_lacks_is_set_and_put_back(host: Host) -> None:
    host.write(f"{PROFILE_DIRECTORY}/50-netdevsim.toml", PROFILE)
    host.run("systemctl start tuned-vnet", check=True)

    # A card that comes while the daemon runs.
    host.run("modprobe netdevsim && echo '10 1' > /sys/bus/netdevsim/new_device && udevadm settle", check=True)
    ifname = host.output("ls /sys/bus/netdevsim/devices/netdevsim10/net")
    vfs = [wanted(index) for index in range(4)]
    host.eventually(lambda: host.numvfs(ifname) == 4, timeout_s=10, what="four VFs")
    host.eventually(lambda: [host.vf(ifname, index) for index in range(4)] == vfs, timeout_s=10, what="their policy")
    assert host.output("tuned-vnetctl plan netdevsim/netdevsim10") == ""

    host.run(f"ip link set {ifname} vf 2 min_tx_rate 0 max_tx_rate 0 state disable", check=True)
    host.run(f"ip link set {ifname} vf 3 query_rss off vlan 7 qos 1", check=True)
    host.eventually(lambda: [host.vf(ifname, index) for index in range(4)] == vfs, timeout_s=10, what="as before")
