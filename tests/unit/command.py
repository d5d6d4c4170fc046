"""tuned-vnetctl on a host in memory: what it says there, and the texts that are stored in `expected/`.

After a wanted change, look at the difference and store the new texts with `TUNED_VNET_STORE=1 pytest tests/unit`.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.fake_kernel import FakeHost
from tests.fake_port import FakePort

EXPECTED = Path(__file__).with_name("expected")
NOTE = "tuned-vnet.service is not running; this is what the kernel says now.\n"
LAB = """
[match]
pci-address = "0000:21:00.0"
[sriov]
numvfs = 3
[ring]
rx = 1001
[coalesce]
adaptive-rx = false
[flow-hash]
udp4 = "sdfn"
[irq]
affinity = "local-node"
[sysctl]
"net.core.netdev_budget" = 600
[[vf]]
index = "*"
spoofchk = true
[[vf]]
index = "0-2"
trust = true
max-tx-rate = 1000
"""
SECOND = """
[match]
pci-address = "0000:ab:00.0"
[sriov]
numvfs = 2
[[vf]]
index = "*"
mac-base = "52:54:00:ab:cd:00"
link-state = "auto"
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    code: int
    out: str
    err: str


Run = Callable[..., Result]


def make_host() -> FakeHost:
    """ens1 has a guest, no carrier and too many VFs; ens2 is as its profile says, on a bus that spells an emoji."""
    first = FakePort(carrier_with_link=False)
    first.poke({"up": True, "numvfs": 7, "vf": {"1": {"guest": "db-1", "spoofchk": False}}})
    second = FakePort(ifname="ens2", address="0000:ab:00.0", numa_node=None)
    macs = {str(n): {"mac": f"52:54:00:ab:cd:0{n}"} for n in range(2)}
    second.poke({"up": True, "numvfs": 2, "vf": macs})
    return FakeHost(ports=[first, second], sysctls={"net.core.netdev_budget": "300"})


def assert_text(text: str, name: str) -> None:
    path = EXPECTED / f"{name}.txt"
    if "TUNED_VNET_STORE" in os.environ:
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8")
