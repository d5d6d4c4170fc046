"""What ip, ethtool, sysfs and procfs print, as values. Pure: text in, values out."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

# "name<TAB>cpulist" for each requested interrupt of the port; the name is the directory that the
# kernel makes for each action in /proc/irq/N.
IRQ_SCRIPT = """
for irq in $(ls /sys/class/net/{ifname}/device/msi_irqs); do
    for action in /proc/irq/$irq/*/; do
        [ -d "$action" ] || continue
        action=${{action%/}}
        printf '%s\\t%s\\n' "${{action##*/}}" "$(cat /proc/irq/$irq/smp_affinity_list)"
    done
done
"""

# "tx-0:f"; a queue without the file has no such line.
XPS_SCRIPT = """
cd /sys/class/net/{ifname}/queues
for queue in tx-*; do printf '%s:%s\\n' "$queue" "$(cat $queue/xps_cpus)"; done
"""

FLOW_HASH_LETTERS = {
    "L2DA": "m",
    "VLAN tag": "v",
    "L3 proto": "t",
    "IP SA": "s",
    "IP DA": "d",
    "L4 bytes 0 & 1": "f",
    "L4 bytes 2 & 3": "n",
    "GTP TEID": "e",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class VfState:
    """A VF as its PF's driver reports it; rates are in Mbit/s, 0 is no limit."""

    mac: str
    vlan: int
    qos: int
    vlan_protocol: str
    spoofchk: bool
    trust: bool
    min_tx_rate: int
    max_tx_rate: int
    link_state: str
    rss_query: bool


def parse_vf(ip_link: str, index: int) -> VfState:
    """One VF of `ip -j -d link show`."""
    (link,) = json.loads(ip_link)
    vf = next(entry for entry in link.get("vfinfo_list", []) if entry["vf"] == index)
    vlan: dict[str, Any] = next(iter(vf.get("vlan_list", [])), {})
    rate = vf.get("rate", {})
    return VfState(
        mac=vf["address"],
        vlan=vlan.get("vlan", 0),
        qos=vlan.get("qos", 0),
        vlan_protocol=vlan.get("protocol", "802.1q").lower(),
        spoofchk=vf.get("spoofchk", False),
        trust=vf.get("trust", False),
        min_tx_rate=rate.get("min_tx", 0),
        max_tx_rate=rate.get("max_tx", 0),
        link_state=vf.get("link_state", "auto"),
        rss_query=vf.get("query_rss_en", False),
    )


def parse_ethtool_json(text: str) -> dict[str, Any]:
    """The one device of `ethtool --json`."""
    (settings,) = json.loads(text)
    assert isinstance(settings, dict)
    return settings


def parse_flow_hash(text: str) -> str:
    """The fields that `ethtool -n DEV rx-flow-hash` lists, as letters in ethtool(8)'s order."""
    names = [line.split(" [")[0].strip() for line in text.splitlines()[1:]]
    found = {FLOW_HASH_LETTERS[name] for name in names if name in FLOW_HASH_LETTERS}
    return "".join(letter for letter in FLOW_HASH_LETTERS.values() if letter in found)


def parse_irqs(text: str) -> dict[str, frozenset[int]]:
    """IRQ_SCRIPT's output."""
    pairs = (line.split("\t") for line in text.splitlines())
    return {name: frozenset(parse_cpulist(cpus)) for name, cpus in pairs}


def parse_xps(text: str) -> dict[int, frozenset[int]]:
    """XPS_SCRIPT's output."""
    queues: dict[int, frozenset[int]] = {}
    for line in text.splitlines():
        match = re.fullmatch(r"tx-(\d+):([\da-f,]+)", line)
        if match:
            mask = int(match[2].replace(",", ""), 16)
            queues[int(match[1])] = frozenset(n for n in range(mask.bit_length()) if mask >> n & 1)
    return queues


def parse_cpulist(text: str) -> Iterator[int]:
    """`0-1,3` as numbers."""
    for part in filter(None, text.strip().split(",")):
        first, _, last = part.partition("-")
        yield from range(int(first), int(last or first) + 1)
