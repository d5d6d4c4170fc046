"""What an igb port answers, asked through `tuned_vnet.change.Kernel`: the fake kernel and the real one say the same.

`answers()` asks; EXPECTED is what both have to say. The unit tests ask the fake, the lab runs this file in the host,
where it prints the real kernel's answers as JSON: it imports nothing but the package and the standard library.
"""

import errno
import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace

from tuned_vnet.change import Kernel
from tuned_vnet.errors import KernelError
from tuned_vnet.model import CpuId, Device, Json, QueueIndex, VfAttribute, VfIndex, VfRate, VfValue, VfVlan

MAC = "52:54:00:10:00:01"

EXPECTED: dict[str, Json] = {
    "a port without VFs": 0,
    "it goes up": True,
    "a ring as asked for": 512,
    "a ring is rounded up to a multiple of 8": 1008,
    "a ring beyond the maximum": "EINVAL",
    "rx-usecs": 10,
    "a parameter that igb does not have": None,
    "fields hashed for udp4": "sdfn",
    "more VFs than there can be": "ERANGE",
    "three VFs": [0, 1, 2],
    "three VFs to five": "EBUSY",
    "several values, some refused": [None, "EINVAL", None, "EOPNOTSUPP", "EINVAL", "EPROTONOSUPPORT"],
    "what was not refused is there": [MAC, False],
    "a VLAN with its priority": [5, 3, "802.1q"],
    "an interrupt goes where it is sent": [1],
    "a transmit queue has the CPUs it was given": [0, 1],
    "a rate while the port is down": "EINVAL",
    "a parameter that the kernel does not have": None,
    "writing it": "ENOENT",
    "a number of packets": "400",
    "a device that is not there": None,
    "no VFs any more": 0,
}


def answers(kernel: Kernel, device: Device) -> Iterator[tuple[str, Json]]:
    """Ask a port that is down and has no VFs; it is left so."""
    yield "a port without VFs", _vfs(kernel, device)
    kernel.link.set(device, up=True)
    link = kernel.link.get(device)
    yield "it goes up", link is not None and link.up
    yield from _ethtool(kernel, device)
    yield from _vf_answers(kernel, device)
    yield from _queues(kernel, device)
    kernel.link.set(device, up=False)
    rate = VfValue(vf=VfIndex(0), attribute=VfAttribute.RATE, value=VfRate(min_tx=0, max_tx=100))
    yield "a rate while the port is down", _name(kernel.link.set_vfs(device, [rate])[0])
    yield "a parameter that the kernel does not have", kernel.sysctl.get("net.core.no_such_thing")
    yield "writing it", _refusal(lambda: kernel.sysctl.set("net.core.no_such_thing", "1"))
    kernel.sysctl.set("net.core.netdev_budget", "400")
    yield "a number of packets", kernel.sysctl.get("net.core.netdev_budget")
    yield "a device that is not there", _link_of_nobody(kernel, device)
    kernel.sriov.set_numvfs(device, 0)
    yield "no VFs any more", _vfs(kernel, device)


def _ethtool(kernel: Kernel, device: Device) -> Iterator[tuple[str, Json]]:
    kernel.ethtool.set_rings(device, rx=512)
    yield "a ring as asked for", _ring(kernel, device)
    kernel.ethtool.set_rings(device, rx=1001)
    yield "a ring is rounded up to a multiple of 8", _ring(kernel, device)
    yield "a ring beyond the maximum", _refusal(lambda: kernel.ethtool.set_rings(device, rx=1 << 20))
    kernel.ethtool.set_coalesce(device, {"rx-usecs": 10})
    parameters = kernel.ethtool.get_coalesce(device) or {}
    yield "rx-usecs", parameters.get("rx-usecs")
    yield "a parameter that igb does not have", parameters.get("rx-usecs-high")
    kernel.ethtool.set_flow_hash(device, "udp4", "sdfn")
    yield "fields hashed for udp4", kernel.ethtool.get_flow_hash(device, "udp4")


def _vf_answers(kernel: Kernel, device: Device) -> Iterator[tuple[str, Json]]:
    yield "more VFs than there can be", _refusal(lambda: kernel.sriov.set_numvfs(device, 100))
    kernel.sriov.set_numvfs(device, 3)
    sriov = kernel.sriov.get(device)
    yield "three VFs", [function.index for function in sriov.functions] if sriov else None
    yield "three VFs to five", _refusal(lambda: kernel.sriov.set_numvfs(device, 5))
    errors = kernel.link.set_vfs(
        device,
        [
            VfValue(vf=VfIndex(0), attribute=VfAttribute.MAC, value=MAC),
            VfValue(vf=VfIndex(9), attribute=VfAttribute.MAC, value=MAC),
            VfValue(vf=VfIndex(1), attribute=VfAttribute.SPOOFCHK, value=False),
            VfValue(vf=VfIndex(0), attribute=VfAttribute.LINK_STATE, value="enable"),
            VfValue(vf=VfIndex(0), attribute=VfAttribute.RATE, value=VfRate(min_tx=10, max_tx=100)),
            VfValue(vf=VfIndex(0), attribute=VfAttribute.VLAN, value=VfVlan(vlan=5, qos=0, protocol="802.1ad")),
        ],
    )
    yield "several values, some refused", [_name(error) for error in errors]
    vlan = VfValue(vf=VfIndex(2), attribute=VfAttribute.VLAN, value=VfVlan(vlan=5, qos=3, protocol="802.1q"))
    kernel.link.set_vfs(device, [vlan])
    link = kernel.link.get(device)
    first, second, third = link.vfs if link else ()
    yield "what was not refused is there", [first.mac, second.spoofchk]
    yield "a VLAN with its priority", [third.vlan, third.qos, third.vlan_protocol]


def _queues(kernel: Kernel, device: Device) -> Iterator[tuple[str, Json]]:
    vector = next(interrupt for interrupt in kernel.interrupts.get(device) if interrupt.rx_queue == 0)
    kernel.interrupts.set_affinity(vector.irq, frozenset({CpuId(1)}))
    moved = next(interrupt for interrupt in kernel.interrupts.get(device) if interrupt.irq == vector.irq)
    yield "an interrupt goes where it is sent", [*map(int, sorted(moved.affinity))]
    kernel.xps.set(device, QueueIndex(0), frozenset({CpuId(0), CpuId(1)}))
    queues = kernel.xps.get(device) or {}
    yield "a transmit queue has the CPUs it was given", [*map(int, sorted(queues[QueueIndex(0)]))]


def _vfs(kernel: Kernel, device: Device) -> int | None:
    sriov = kernel.sriov.get(device)
    return sriov.numvfs if sriov else None


def _ring(kernel: Kernel, device: Device) -> int | None:
    rings = kernel.ethtool.get_rings(device)
    return rings.rx if rings else None


def _link_of_nobody(kernel: Kernel, device: Device) -> str | None:
    nobody = replace(device, id=replace(device.id, address="0000:ff:1f.7"), ifindex=99999, ifname="nobody")
    link = kernel.link.get(nobody)
    return link.ifname if link else None


def _refusal(write: Callable[[], None]) -> str | None:
    try:
        write()
    except KernelError as error:
        return _name(error)
    return None


def _name(error: KernelError | None) -> str | None:
    if error is None:
        return None
    return "EOPNOTSUPP" if error.errno == errno.EOPNOTSUPP else errno.errorcode[error.errno]


def main(ifname: str) -> None:
    """Ask the real kernel about a port of this host."""
    from tuned_vnet.kernel.real import open_kernel

    kernel = open_kernel()
    device = kernel.inventory().find(ifname)
    if device is None:
        sys.exit(f"{ifname}: no such device")
    json.dump(dict(answers(kernel, device)), sys.stdout)


if __name__ == "__main__":
    main(sys.argv[1])
