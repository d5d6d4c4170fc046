"""Values that everything speaks of: devices, their links and VFs, and who holds a VF.

Plain frozen data without behaviour beyond parsing and formatting itself. `None` in an observed value means
"the device has no such thing".
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import NewType, Self

from tuned_vnet.errors import UsageError

CpuId = NewType("CpuId", int)
IrqNumber = NewType("IrqNumber", int)
QueueIndex = NewType("QueueIndex", int)
VfIndex = NewType("VfIndex", int)

CpuSet = frozenset[CpuId]


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class DeviceId:
    """What a device is for as long as it stays where it is: bus and address, as devlink writes them."""

    bus: str
    address: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `pci/0000:21:00.0`; raises UsageError when there is no slash."""
        bus, slash, address = text.partition("/")
        if not (bus and slash and address):
            raise UsageError(f"{text}: not a device", hint="Give an interface name, a PCI address or bus/address.")
        return cls(bus=bus, address=address)

    def __str__(self) -> str:
        return f"{self.bus}/{self.address}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """A network function: PF, VF on the host, or a NIC without SR-IOV. It may have no driver and no netdev yet."""

    id: DeviceId
    driver: str | None = None
    pci_id: str | None = None  # "8086:10c9", lower case
    numa_node: int | None = None  # None where the kernel says -1
    local_cpus: CpuSet = frozenset()
    ifname: str | None = None
    ifindex: int | None = None
    permanent_mac: str | None = None
    sriov_capable: bool = False
    total_vfs: int | None = None  # None for netdevsim, which does not tell
    pf: DeviceId | None = None  # set on a VF

    @property
    def label(self) -> str:
        """How people read it in messages: interface name and address, as far as there are any."""
        return f"{self.ifname} {self.id.address}" if self.ifname else self.id.address


HOST = Device(id=DeviceId(bus="host", address="host"))
"""The host itself, for settings that are not about a device."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Inventory:
    """All network functions of the host at one moment, and its online CPUs."""

    devices: tuple[Device, ...]
    online_cpus: CpuSet

    def __iter__(self) -> Iterator[Device]:
        return iter(self.devices)

    def get(self, device_id: DeviceId) -> Device | None:
        """The device with this identity, or None when it is not there."""
        return next((device for device in self.devices if device.id == device_id), None)

    def find(self, name: str) -> Device | None:
        """The device a person means: interface name, address, or bus/address."""
        return next(
            (device for device in self.devices if name in (device.ifname, device.id.address, str(device.id))), None
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class VfState:
    """What the PF's driver tells of one VF (IFLA_VF_INFO). `None`: the driver does not report it."""

    index: VfIndex
    mac: str | None = None
    vlan: int | None = None
    qos: int | None = None
    vlan_protocol: str | None = None  # "802.1q" or "802.1ad"
    min_tx_rate: int | None = None  # Mbit/s, 0 = no limit
    max_tx_rate: int | None = None  # Mbit/s, 0 = no limit
    spoofchk: bool | None = None
    trust: bool | None = None
    link_state: str | None = None  # "auto", "enable" or "disable"
    rss_query: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """A netdev as rtnetlink describes it. `carrier` is IFF_LOWER_UP."""

    ifindex: int
    ifname: str
    up: bool
    carrier: bool
    mtu: int
    min_mtu: int | None
    max_mtu: int | None
    txqueuelen: int
    vfs: tuple[VfState, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class VfFunction:
    """A VF as a function on the bus; `ifname` is its netdev in this network namespace, if it has one here."""

    index: VfIndex
    address: str
    driver: str | None = None
    ifname: str | None = None
    upper_devices: tuple[str, ...] = ()  # bridges, bonds, macvtaps on top of its netdev


@dataclass(frozen=True, slots=True, kw_only=True)
class Sriov:
    """The SR-IOV state of a PF, read without taking the device's lock (drivers/pci/iov.c)."""

    numvfs: int
    total_vfs: int | None
    drivers_autoprobe: bool | None
    functions: tuple[VfFunction, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Rings:
    """Descriptors per ring, now and at most; None where the device has no such ring (ETHTOOL_MSG_RINGS_GET)."""

    rx: int | None = None
    tx: int | None = None
    rx_max: int | None = None
    tx_max: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Interrupt:
    """One vector of a device: its IRQ number, its name, which queues it serves, and where it may go."""

    irq: IrqNumber
    name: str
    affinity: CpuSet
    settable: bool
    rx_queue: QueueIndex | None = None
    tx_queue: QueueIndex | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Holder:
    """Who uses a VF: a guest that libvirt knows, or a process that has its VFIO device open."""

    name: str
    pid: int | None = None
    uuid: str | None = None

    def __str__(self) -> str:
        if self.uuid is not None:
            return f"guest {self.name}"
        return f"{self.name} (PID {self.pid})" if self.pid is not None else self.name


@dataclass(frozen=True, slots=True, kw_only=True)
class VfUse:
    """What is known of a VF's user. `libvirt_owns_*`: libvirt set it for a guest and will put it back itself."""

    holder: Holder | None = None
    libvirt_owns_mac: bool = False
    libvirt_owns_vlan: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """The file and line that asked for something; line 0 is the file as a whole."""

    file: str
    line: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}" if self.line else self.file


Json = None | bool | int | float | str | list["Json"] | dict[str, "Json"]


class VfAttribute(StrEnum):
    """The VF attributes that rtnetlink can set, each in a message of its own."""

    MAC = "mac"
    VLAN = "vlan"
    RATE = "rate"
    SPOOFCHK = "spoofchk"
    TRUST = "trust"
    LINK_STATE = "link-state"
    RSS_QUERY = "rss-query"


@dataclass(frozen=True, slots=True, kw_only=True)
class VfVlan:
    """VLAN, its priority and its protocol, which the kernel takes only together; vlan 0 is none."""

    vlan: int
    qos: int
    protocol: str

    def __str__(self) -> str:
        return f"{self.vlan} qos {self.qos} proto {self.protocol}"


@dataclass(frozen=True, slots=True, kw_only=True)
class VfRate:
    """Transmit rates in Mbit/s, which the kernel takes only together (IFLA_VF_RATE); 0 is no limit."""

    min_tx: int
    max_tx: int


@dataclass(frozen=True, slots=True, kw_only=True)
class VfValue:
    """One attribute of one VF, ready to be written."""

    vf: VfIndex
    attribute: VfAttribute
    value: str | bool | VfVlan | VfRate
