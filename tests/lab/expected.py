"""What the profiles in profiles/ ask for, and what the kernel's own tools say of the two ports.

The expected values are written here once more by hand: a mistake in reading profiles must not agree with itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from tests.lab import observe
from tests.lab.host import Host
from tests.lab.machine import PORTS, Port

PROFILES = Path(__file__).parent / "profiles"
PROFILE_DIRECTORY = "/etc/tuned-vnet/profiles.d"
CONFIG = "/etc/tuned-vnet/tuned-vnet.toml"

NUMVFS = 7
SYSCTLS = {"net.core.netdev_budget": "600", "net.ipv4.tcp_wmem": "4096\t32768\t8388608"}

# One command for everything: each command of its own costs a third of a second under emulation.
LOOK = """
set -e
section() {{ echo "== $1"; }}
section link; ip -j -d link show dev {ifname}
section ring; ethtool --json -g {ifname}
section coalesce; ethtool --json -c {ifname}
section udp4; ethtool -n {ifname} rx-flow-hash udp4
section udp6; ethtool -n {ifname} rx-flow-hash udp6
section numvfs; cat /sys/class/net/{ifname}/device/sriov_numvfs
section autoprobe; cat /sys/class/net/{ifname}/device/sriov_drivers_autoprobe
section netdevs; ls /sys/class/net/{ifname}/device/virtfn*/net 2>/dev/null || true
section irqs
""".lstrip()


@dataclass(frozen=True, slots=True, kw_only=True)
class PortState:
    """One port with its VFs. Interrupts by name and transmit queues by number, each with its CPUs."""

    up: bool
    mtu: int
    txqueuelen: int
    numvfs: int
    drivers_autoprobe: bool
    vf_netdevs: str
    ring: tuple[int, int]
    rx_usecs: int
    flow_hash: Mapping[str, str]
    irqs: Mapping[str, frozenset[int]]
    xps: Mapping[int, frozenset[int]]
    vfs: Sequence[observe.VfState]


def install_profiles(host: Host, *names: str) -> None:
    """The lab's profiles, all of them unless some are named."""
    for name in names or sorted(path.name for path in PROFILES.glob("*.toml")):
        host.write(f"{PROFILE_DIRECTORY}/{name}", (PROFILES / name).read_text("utf-8"))


def edit_profile(host: Host, name: str, old: str, new: str) -> None:
    """Replace a line of a profile in the host."""
    path = f"{PROFILE_DIRECTORY}/{name}"
    text = host.read(path)
    assert old in text
    host.write(path, text.replace(old, new))


def look(host: Host, ifname: str) -> PortState:
    """The port as ip, ethtool, sysfs and procfs show it now."""
    script = LOOK.format(ifname=ifname) + observe.IRQ_SCRIPT.format(ifname=ifname)
    script += f"section xps\n({observe.XPS_SCRIPT.format(ifname=ifname)})\n"
    sections = host.output(script).removeprefix("== ").split("\n== ")
    found = {name: text for name, _, text in (section.partition("\n") for section in sections)}
    link, ring = observe.parse_ethtool_json(found["link"]), observe.parse_ethtool_json(found["ring"])
    return PortState(
        up="UP" in link["flags"],
        mtu=link["mtu"],
        txqueuelen=link["txqlen"],
        numvfs=int(found["numvfs"]),
        drivers_autoprobe=found["autoprobe"].strip() == "1",
        vf_netdevs=found["netdevs"].strip(),
        ring=(ring["rx"], ring["tx"]),
        rx_usecs=observe.parse_ethtool_json(found["coalesce"])["rx-usecs"],
        flow_hash={flow: observe.parse_flow_hash(found[flow]) for flow in ("udp4", "udp6")},
        irqs=observe.parse_irqs(found["irqs"]),
        xps=observe.parse_xps(found["xps"]),
        vfs=tuple(observe.parse_vf(found["link"], vf["vf"]) for vf in link.get("vfinfo_list", [])),
    )


def profiled_port(port: Port) -> PortState:
    """A port as the profiles want it; the queues' interrupts are spread over the CPUs of the port's NUMA node."""
    first, second = (frozenset({cpu}) for cpu in sorted(port.cpus))
    name = port.ifname
    return PortState(
        up=True,
        mtu=2000,
        txqueuelen=2500,
        numvfs=NUMVFS,
        drivers_autoprobe=False,
        vf_netdevs="",
        ring=(512, 1024),
        rx_usecs=10,
        flow_hash={"udp4": "sdfn", "udp6": "sdfn"},
        # While there are VFs, igb has two receive queues and one transmit queue.
        irqs={name: port.cpus, f"{name}-TxRx-0": first, f"{name}-rx-1": second},
        xps={0: first},
        vfs=tuple(profiled_vf(port, index) for index in range(NUMVFS)),
    )


def profiled_vf(port: Port, index: int) -> observe.VfState:
    """A VF that no guest has, as the profiles want it."""
    bus = port.pci_address[5:7]
    vf = observe.VfState(
        mac=f"52:54:00:{bus}:00:{index:02x}",
        vlan=0,
        qos=0,
        vlan_protocol="802.1q",
        spoofchk=True,
        trust=False,
        min_tx_rate=0,
        max_tx_rate=100,
        link_state="auto",
        rss_query=False,
    )
    special: dict[int, dict[str, Any]] = {
        0: {"spoofchk": False, "trust": True, "max_tx_rate": 300},
        1: {"vlan": 100, "qos": 3},
    }
    return replace(vf, **special.get(index, {}))


def assert_as_profiled(host: Host, *, libvirts: Mapping[int, Mapping[str, Any]] | None = None) -> None:
    """Every value of both ports and of the host; `libvirts` has what libvirt set on VFs of ens1, by index."""
    for port in PORTS:
        expected = profiled_port(port)
        if port.ifname == "ens1" and libvirts:
            vfs = tuple(replace(vf, **libvirts.get(index, {})) for index, vf in enumerate(expected.vfs))
            expected = replace(expected, vfs=vfs)
        assert look(host, port.ifname) == expected, port.ifname
    values = host.output(f"sysctl -n {' '.join(SYSCTLS)}").splitlines()
    assert dict(zip(SYSCTLS, values, strict=True)) == SYSCTLS


def wait_until_as_profiled(host: Host, *, timeout_s: float = 60) -> None:
    """After something that takes time; what is still different at the end is shown in full."""
    ports = [(port.ifname, profiled_port(port)) for port in PORTS]
    try:
        host.eventually(lambda: all(look(host, name) == expected for name, expected in ports), timeout_s=timeout_s)
    finally:
        assert_as_profiled(host)
