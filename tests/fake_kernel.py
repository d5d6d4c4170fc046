"""A kernel in memory, behind the protocols of `tuned_vnet.change`, which surprises as the real one does.

Every write is noted in `FakeHost.writes` before it has an effect, refused ones too, so that tests can count them. What
drivers do is in `fake_port`.

Hard facts (Linux 6.12) that are modelled here:
 * `sriov_numvfs`: N to M is EBUSY, too many ERANGE, and a driver that makes fewer VFs than asked for says nothing
   (drivers/pci/iov.c).
 * A netdev with one transmit queue has no XPS (net/core/net-sysfs.c).
 * rps_sock_flow_entries is rounded up to a power of two (net/core/sysctl_net_core.c).
"""

import errno
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from tests.fake_port import MAX_RING, FakePort, FakeVf, check, write_vf
from tuned_vnet.cpus import format_cpulist, parse_cpulist
from tuned_vnet.engine import System
from tuned_vnet.errors import KernelError
from tuned_vnet.model import (
    CpuSet,
    Device,
    Interrupt,
    Inventory,
    IrqNumber,
    Link,
    QueueIndex,
    Rings,
    Sriov,
    VfFunction,
    VfIndex,
    VfUse,
    VfValue,
)


@dataclass(slots=True, kw_only=True)
class Fault:
    """Writes with this text fail, `times` of them (None: all)."""

    text: str
    errno: int
    extack: str | None = None
    times: int | None = None


@dataclass(slots=True, kw_only=True)
class FakeHost:
    """Ports, sysctls and CPUs, what was written to them, and what goes wrong with it."""

    ports: list[FakePort] = field(default_factory=lambda: [FakePort()])
    sysctls: dict[str, str] = field(default_factory=dict)
    online_cpus: CpuSet = field(default_factory=lambda: parse_cpulist("0-3"))
    writes: list[str] = field(default_factory=list)
    batches: list[int] = field(default_factory=list)  # the length of each set_vfs()
    faults: list[Fault] = field(default_factory=list)
    fail_at: dict[int, int] = field(default_factory=dict)  # errno by the number of the write, from 1
    deaf: set[str] = field(default_factory=set)  # writes with these texts succeed and do nothing

    @property
    def port(self) -> FakePort:
        """The first port."""
        return self.ports[0]

    def port_of(self, device: Device) -> FakePort | None:
        return next((port for port in self.ports if port.id == device.id), None)

    def netdev_of(self, device: Device) -> FakePort | None:
        port = self.port_of(device)
        return port if port and port.netdev else None

    def inventory(self) -> Inventory:
        return Inventory(devices=tuple(port.device() for port in self.ports), online_cpus=self.online_cpus)

    def find_uses(self, device: Device, _sriov: Sriov) -> Mapping[VfIndex, VfUse]:
        port = self.port_of(device)
        return {vf.state.index: vf.use for vf in port.vfs} if port else {}

    def kernel(self) -> "FakeKernel":
        return FakeKernel(
            sriov=_Sriov(self),
            link=_Link(self),
            ethtool=_Ethtool(self),
            interrupts=_Interrupts(self),
            xps=_Xps(self),
            sysctl=_Sysctl(self),
        )

    def system(self, root: Path) -> System:
        return System(root=root, read_inventory=self.inventory, open_kernel=self.kernel, find_uses=self.find_uses)

    def has_effect(self, text: str) -> bool:
        """Note a write, which this raises KernelError for when it is to fail; False when it is to do nothing."""
        self.writes.append(text)
        if len(self.writes) in self.fail_at:
            raise KernelError(self.fail_at[len(self.writes)], text)
        for fault in self.faults:
            if fault.text in text and fault.times != 0:
                fault.times = None if fault.times is None else fault.times - 1
                raise KernelError(fault.errno, text, text=fault.extack)
        return not any(deaf in text for deaf in self.deaf)


@dataclass(frozen=True, slots=True, kw_only=True)
class FakeKernel:
    """The protocol `Kernel` on a FakeHost."""

    sriov: "_Sriov"
    link: "_Link"
    ethtool: "_Ethtool"
    interrupts: "_Interrupts"
    xps: "_Xps"
    sysctl: "_Sysctl"


@dataclass(frozen=True, slots=True)
class _Part:
    host: FakeHost

    def begin(self, device: Device, text: str) -> FakePort | None:
        """The port to write to; None when the write is to have no effect."""
        port = self.host.port_of(device)
        if port is None:
            raise KernelError(errno.ENODEV, text)
        return port if self.host.has_effect(f"{port.ifname}: {text}") else None


class _Sriov(_Part):
    def get(self, device: Device) -> Sriov | None:
        port = self.host.port_of(device)
        if port is None or not port.sriov_capable:
            return None
        return Sriov(
            numvfs=len(port.vfs),
            total_vfs=port.total_vfs,
            drivers_autoprobe=port.drivers_autoprobe,
            functions=tuple(_function(port, vf) for vf in port.vfs) if port.bus == "pci" else (),
        )

    def set_drivers_autoprobe(self, device: Device, enabled: bool) -> None:
        if port := self.begin(device, f"drivers_autoprobe {int(enabled)}"):
            port.drivers_autoprobe = enabled

    def set_numvfs(self, device: Device, count: int) -> None:
        if port := self.begin(device, f"numvfs {count}"):
            check(count > (port.total_vfs or count), errno.ERANGE, "numvfs")
            check(bool(count and port.vfs), errno.EBUSY, "numvfs")
            port.make_vfs(count)


def _function(port: FakePort, vf: FakeVf) -> VfFunction:
    index = vf.state.index
    address = f"{port.address[:7]}:{16 + index // 4:02x}.{index % 4 * 2}"
    return VfFunction(index=index, address=address, driver=vf.driver, upper_devices=vf.upper_devices)


class _Link(_Part):
    def get(self, device: Device) -> Link | None:
        port = self.host.netdev_of(device)
        if port is None:
            return None
        return Link(
            ifindex=device.ifindex or 0,
            ifname=port.ifname,
            up=port.up,
            carrier=port.carrier,
            mtu=port.mtu,
            min_mtu=68,
            max_mtu=port.max_mtu,
            txqueuelen=port.txqueuelen,
            vfs=tuple(vf.state for vf in port.vfs),
        )

    def set(
        self, device: Device, *, up: bool | None = None, mtu: int | None = None, txqueuelen: int | None = None
    ) -> None:
        given = {"mtu": mtu, "up": up, "txqueuelen": txqueuelen}
        values = {name: value for name, value in given.items() if value is not None}
        if port := self.begin(device, "link " + " ".join(f"{name} {value}" for name, value in values.items())):
            port.poke(values)

    def set_vfs(self, device: Device, values: Sequence[VfValue]) -> tuple[KernelError | None, ...]:
        self.host.batches.append(len(values))
        return tuple(self._set_vf(device, value) for value in values)

    def _set_vf(self, device: Device, value: VfValue) -> KernelError | None:
        try:
            if port := self.begin(device, f"vf {value.vf} {value.attribute} {value.value}"):
                write_vf(port, value)
        except KernelError as error:
            return error
        return None


class _Ethtool(_Part):
    def get_rings(self, device: Device) -> Rings | None:
        port = self.host.netdev_of(device)
        if port is None or not port.rings:
            return None
        return Rings(rx=port.rings["rx"], tx=port.rings["tx"], rx_max=MAX_RING, tx_max=MAX_RING)

    def set_rings(self, device: Device, *, rx: int | None = None, tx: int | None = None) -> None:
        values = {name: value for name, value in (("rx", rx), ("tx", tx)) if value is not None}
        if port := self.begin(device, "ring " + " ".join(f"{name} {value}" for name, value in values.items())):
            check(max(values.values()) > MAX_RING, errno.EINVAL, "ring")
            step = 8 if port.driver == "igb" else 1
            port.rings.update({name: -(-value // step) * step for name, value in values.items()})

    def get_coalesce(self, device: Device) -> Mapping[str, int | bool] | None:
        port = self.host.netdev_of(device)
        return dict(port.coalesce) if port and port.coalesce else None

    def set_coalesce(self, device: Device, values: Mapping[str, int | bool]) -> None:
        if port := self.begin(device, f"coalesce {dict(values)}"):
            if not values.keys() <= port.coalesce.keys():
                raise KernelError(errno.EOPNOTSUPP, "coalesce", text="cannot modify an unsupported parameter")
            check(values.get("rx-usecs", 0) > 10000, errno.EINVAL, "coalesce")
            port.coalesce.update(values)

    def get_flow_hash(self, device: Device, flow_type: str) -> str | None:
        port = self.host.netdev_of(device)
        return port.flow_hash.get(flow_type) if port else None

    def set_flow_hash(self, device: Device, flow_type: str, fields: str) -> None:
        if port := self.begin(device, f"flow-hash {flow_type} {fields}"):
            check(fields not in ("sd", "sdfn"), errno.EINVAL, f"flow-hash {flow_type}")
            port.flow_hash[flow_type] = fields


class _Interrupts(_Part):
    def get(self, device: Device) -> tuple[Interrupt, ...]:
        port = self.host.netdev_of(device)
        return tuple(port.interrupts) if port else ()

    def set_affinity(self, irq: IrqNumber, cpus: CpuSet) -> None:
        text = f"irq {irq} affinity"
        port, place = next((p, n) for p in self.host.ports for n, i in enumerate(p.interrupts) if i.irq == irq)
        check(not port.interrupts[place].settable, errno.EPERM, text)
        if self.host.has_effect(f"{text} {format_cpulist(cpus)}"):
            check(not cpus & self.host.online_cpus, errno.EINVAL, text)
            port.interrupts[place] = replace(port.interrupts[place], affinity=cpus)


class _Xps(_Part):
    def get(self, device: Device) -> Mapping[QueueIndex, CpuSet] | None:
        port = self.host.netdev_of(device)
        if port is None or len(port.xps) == 1:
            return None
        return {QueueIndex(queue): cpus for queue, cpus in port.xps.items()}

    def set(self, device: Device, queue: QueueIndex, cpus: CpuSet) -> None:
        if port := self.begin(device, f"xps tx-{queue} {format_cpulist(cpus)}"):
            port.xps[queue] = cpus


class _Sysctl(_Part):
    def get(self, name: str) -> str | None:
        return self.host.sysctls.get(name)

    def set(self, name: str, value: str) -> None:
        if self.host.has_effect(f"sysctl {name} {value}"):
            check(name not in self.host.sysctls, errno.ENOENT, name)
            rounded = 1 << (int(value) - 1).bit_length() if name.endswith("rps_sock_flow_entries") else value
            self.host.sysctls[name] = str(rounded)
