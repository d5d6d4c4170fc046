"""A PF in memory: what can be set on it and on its VFs, and what its driver makes of it.

Hard facts (Linux 6.12, drivers/net/ethernet) that are modelled here:
 * Making and removing VFs rebuilds the port's vectors: new IRQ numbers, on igb fewer queues (4, then 2, with 7 VFs 1).
   XPS of queues that went is lost, and so is everything that was set on VFs that went.
 * A closed port has no interrupts.
 * igb rounds rings up to multiples of 8. It and ixgbe refuse rates without a carrier, with EINVAL; ixgbe takes 0 or 11
   to 10000. igb, ixgbe and i40e have no minimum rate. igb has no link state, and only ixgbe has rss-query.
 * i40e answers EAGAIN while a VF is in reset, and resets a VF whose MAC is written again.
"""

import errno
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from tuned_vnet.cpus import format_cpulist, parse_cpulist
from tuned_vnet.errors import KernelError
from tuned_vnet.model import (
    CpuSet,
    Device,
    DeviceId,
    Holder,
    Interrupt,
    IrqNumber,
    QueueIndex,
    VfAttribute,
    VfIndex,
    VfRate,
    VfState,
    VfUse,
    VfValue,
    VfVlan,
)

FIRST_IRQ = 60  # of the first port; the others have multiples
MAX_RING = 4096
NO_NETDEV = (None, "vfio-pci")


@dataclass(slots=True, kw_only=True)
class FakeVf:
    """What the PF's driver knows of a VF, the function on the bus, and who uses it."""

    state: VfState
    driver: str | None = None
    upper_devices: tuple[str, ...] = ()
    use: VfUse = field(default_factory=VfUse)


@dataclass(slots=True, kw_only=True)
class FakePort:
    """A PF. `carrier_with_link`: the carrier comes as soon as the port is up; else when a test says so."""

    driver: str | None = "igb"
    ifname: str = "ens1"
    address: str = "0000:21:00.0"
    bus: str = "pci"
    has_netdev: bool = True
    sriov_capable: bool = True
    total_vfs: int | None = 7
    most_vfs: int | None = None  # the driver makes no more, and says nothing
    numa_node: int | None = 1
    local_cpus: str = "2-3"
    up: bool = False
    carrier: bool = False
    carrier_with_link: bool = True
    mtu: int = 1500
    max_mtu: int | None = 9216
    txqueuelen: int = 1000
    drivers_autoprobe: bool | None = True
    rings: dict[str, int] = field(default_factory=lambda: {"rx": 256, "tx": 256})
    coalesce: dict[str, int | bool] = field(default_factory=lambda: {"rx-usecs": 3, "tx-usecs": 3})
    flow_hash: dict[str, str] = field(default_factory=lambda: {"tcp4": "sdfn", "udp4": "sd", "udp6": "sd"})
    managed: bool = False
    xps: dict[int, CpuSet] = field(default_factory=dict)
    vfs: list[FakeVf] = field(default_factory=list)
    interrupts: list[Interrupt] = field(default_factory=list)
    busy: int = 0  # so many writes to VFs meet one that is in reset
    resets: int = 0  # of VFs whose MAC was written again
    next_irq: int = 0

    def __post_init__(self) -> None:
        self.next_irq = FIRST_IRQ * self.ifindex
        self.rebuild_vectors()

    @property
    def id(self) -> DeviceId:
        return DeviceId(bus=self.bus, address=self.address)

    @property
    def ifindex(self) -> int:
        return int(self.ifname.removeprefix("ens"))

    @property
    def netdev(self) -> bool:
        return self.has_netdev and self.driver not in NO_NETDEV

    @property
    def queues(self) -> int:
        if self.driver == "igb" and self.vfs:
            return 1 if len(self.vfs) == 7 else 2
        return 4

    def device(self) -> Device:
        return Device(
            id=self.id,
            driver=self.driver,
            numa_node=self.numa_node,
            local_cpus=parse_cpulist(self.local_cpus),
            ifname=self.ifname if self.netdev else None,
            ifindex=self.ifindex if self.netdev else None,
            sriov_capable=self.sriov_capable,
            total_vfs=self.total_vfs,
        )

    def open(self) -> None:
        self.up = True
        self.carrier = self.carrier or self.carrier_with_link
        self.rebuild_vectors()

    def close(self) -> None:
        self.up = self.carrier = False
        self.rebuild_vectors()

    def make_vfs(self, count: int) -> None:
        """All at once, at their defaults; igb's VFs are on the host driver when drivers_autoprobe says so."""
        count = count if self.most_vfs is None else min(count, self.most_vfs)
        self.vfs = [FakeVf(state=_fresh_vf(self.driver, index)) for index in map(VfIndex, range(count))]
        for vf in self.vfs:
            vf.driver = f"{self.driver}vf" if self.drivers_autoprobe else None
        self.rebuild_vectors()

    def rebuild_vectors(self) -> None:
        self.xps = {queue: self.xps.get(queue, frozenset()) for queue in range(self.queues)}
        self.interrupts = []
        if not self.up or self.bus != "pci":
            return
        one = self.queues == 1
        names = [f"{self.ifname}-{kind}-0" for kind in ("rx", "tx")] if one else []
        names = [self.ifname, *(names or [f"{self.ifname}-TxRx-{queue}" for queue in range(self.queues)])]
        self.interrupts = [
            _interrupt(self.next_irq + n, name, settable=not self.managed) for n, name in enumerate(names)
        ]
        self.next_irq += len(names)

    def state(self) -> dict[str, Any]:
        """Everything that can be set, as the profile spells it."""
        return {
            "up": self.up,
            "mtu": self.mtu,
            "txqueuelen": self.txqueuelen,
            "numvfs": len(self.vfs),
            "drivers-autoprobe": self.drivers_autoprobe,
            "ring": self.rings,
            "coalesce": self.coalesce,
            "flow-hash": self.flow_hash,
            "irq": {vector.name: format_cpulist(vector.affinity) for vector in self.interrupts},
            "xps": {f"tx-{queue}": format_cpulist(cpus) for queue, cpus in self.xps.items()},
            "vf": {str(vf.state.index): _show_vf(vf.state) for vf in self.vfs},
            "resets": self.resets,
        }

    def poke(self, values: Mapping[str, Any]) -> None:
        """Change things by hand: keys as in `state`, fields of this class, and for VFs their holder and their owner."""
        for name, value in values.items():
            match name:
                case "numvfs":
                    self.make_vfs(value)
                case "up":
                    self.open() if value else self.close()
                case "ring" | "coalesce" | "flow-hash":
                    getattr(self, {"ring": "rings"}.get(name, name.replace("-", "_"))).update(value)
                case "irq":
                    self.interrupts = [_moved(vector, value.get(vector.name)) for vector in self.interrupts]
                case "xps":
                    self.xps.update({int(queue[3:]): parse_cpulist(cpus) for queue, cpus in value.items()})
                case "vf":
                    for index, wanted in value.items():
                        _poke_vf(self.vfs[int(index)], wanted)
                case _:
                    setattr(self, name, value)


def _fresh_vf(driver: str | None, index: VfIndex) -> VfState:
    return VfState(
        index=index,
        mac="00:00:00:00:00:00",
        vlan=0,
        qos=0,
        vlan_protocol="802.1q",
        min_tx_rate=0,
        max_tx_rate=0,
        spoofchk=True,
        trust=False,
        link_state="auto",
        rss_query=False if driver == "ixgbe" else None,
    )


def _show_vf(state: VfState) -> dict[str, Any]:
    names = [name for name in VfState.__slots__ if name != "index"]
    return {name.replace("_", "-"): getattr(state, name) for name in names}


def _poke_vf(vf: FakeVf, wanted: Mapping[str, Any]) -> None:
    values = dict(wanted)
    if holder := values.pop("guest", None):
        vf.use, vf.driver = VfUse(holder=Holder(name=holder, uuid=f"uuid-of-{holder}", pid=800)), "vfio-pci"
    if owned := values.pop("libvirt-owns", ()):
        vf.use = replace(vf.use, libvirt_owns_mac="mac" in owned, libvirt_owns_vlan="vlan" in owned)
    vf.upper_devices = tuple(values.pop("upper-devices", vf.upper_devices))
    vf.state = replace(vf.state, **{name.replace("-", "_"): value for name, value in values.items()})


def _interrupt(number: int, name: str, *, settable: bool) -> Interrupt:
    kind, _, queue = name.partition("-")[2].partition("-")
    serves = QueueIndex(int(queue)) if queue else None
    return Interrupt(
        irq=IrqNumber(number),
        name=name,
        affinity=parse_cpulist("0-3"),
        settable=settable,
        rx_queue=serves if kind in ("TxRx", "rx") else None,
        tx_queue=serves if kind in ("TxRx", "tx") else None,
    )


def _moved(vector: Interrupt, cpus: str | None) -> Interrupt:
    return vector if cpus is None else replace(vector, affinity=parse_cpulist(cpus))


def write_vf(port: FakePort, value: VfValue) -> None:
    """Let the driver take one attribute of a VF; raises KernelError as it would."""
    what, driver, new = f"vf {value.vf} {value.attribute}", port.driver, value.value
    check(value.vf >= len(port.vfs), errno.EINVAL, what)
    vf = port.vfs[value.vf]
    if port.busy:
        port.busy -= 1
        raise KernelError(errno.EAGAIN, what)
    match value.attribute, new:
        case VfAttribute.RATE, VfRate():
            __check_rate(port, new, what)
            vf.state = replace(vf.state, min_tx_rate=new.min_tx, max_tx_rate=new.max_tx)
        case VfAttribute.VLAN, VfVlan():
            check(driver == "igb" and new.protocol != "802.1q", errno.EPROTONOSUPPORT, what)
            vf.state = replace(vf.state, vlan=new.vlan, qos=new.qos, vlan_protocol=new.protocol)
        case _:
            check(value.attribute == "link-state" and driver == "igb", errno.EOPNOTSUPP, what)
            check(value.attribute == "rss-query" and driver != "ixgbe", errno.EOPNOTSUPP, what)
            port.resets += driver == "i40e" and value.attribute == "mac" and new == vf.state.mac
            attribute: dict[str, Any] = {value.attribute.replace("-", "_"): new}
            vf.state = replace(vf.state, **attribute)


def __check_rate(port: FakePort, rate: VfRate, what: str) -> None:
    check(port.driver in ("igb", "ixgbe") and not port.carrier, errno.EINVAL, what)
    check(port.driver in ("igb", "ixgbe", "i40e") and rate.min_tx != 0, errno.EINVAL, what)
    check(port.driver == "ixgbe" and rate.max_tx != 0 and not 11 <= rate.max_tx <= 10000, errno.EINVAL, what)
    check(rate.max_tx != 0 and rate.min_tx > rate.max_tx, errno.EINVAL, what)


def check(wrong: bool, number: int, what: str) -> None:
    """Raise KernelError with this errno when something is wrong."""
    if wrong:
        raise KernelError(number, what)
