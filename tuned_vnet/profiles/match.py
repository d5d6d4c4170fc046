"""[match]: which devices a profile is for."""

from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from tuned_vnet.model import Device, Origin
from tuned_vnet.profiles.table import Key, Table, Toml

SECTION = "match"


@dataclass(frozen=True, slots=True)
class Globs:
    """One shell pattern or a list of them, as alternatives."""

    accepts: str = 'a string such as "ens*", or a list of them'

    def read(self, value: Toml) -> tuple[str, ...]:
        values = value if isinstance(value, list) else [value]
        globs = tuple(item for item in values if isinstance(item, str) and item)
        if not globs or len(globs) != len(values):
            raise ValueError
        return globs


@dataclass(frozen=True, slots=True)
class NodeNumbers:
    """One NUMA node or a list of them, as alternatives."""

    accepts: str = "the number of a NUMA node, or a list of them"

    def read(self, value: Toml) -> tuple[int, ...]:
        values = value if isinstance(value, list) else [value]
        nodes = tuple(item for item in values if isinstance(item, int) and not isinstance(item, bool) and item >= 0)
        if not nodes or len(nodes) != len(values):
            raise ValueError
        return nodes


KEYS = (
    Key(name="driver", kind=Globs(), help="name of the kernel driver, such as igb"),
    Key(name="pci-address", kind=Globs(), help="such as 0000:41:00.*; for other buses bus/address as devlink has it"),
    Key(name="ifname", kind=Globs(), help="name of the interface"),
    Key(name="mac", kind=Globs(), help="permanent MAC address"),
    Key(name="pci-id", kind=Globs(), help="vendor and device, such as 8086:10fb"),
    Key(name="numa-node", kind=NodeNumbers(), help="NUMA node that the device is attached to"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """What a device has to be; each key is a tuple of alternatives, None is no opinion."""

    origin: Origin
    driver: tuple[str, ...] | None = None
    pci_address: tuple[str, ...] | None = None
    ifname: tuple[str, ...] | None = None
    mac: tuple[str, ...] | None = None
    pci_id: tuple[str, ...] | None = None
    numa_node: tuple[int, ...] | None = None

    def fits(self, device: Device) -> bool:
        """True when every given key fits. A device that lacks something (a driver, a netdev) fits no pattern for it."""
        return (
            _fits(self.driver, device.driver)
            and _fits_address(self.pci_address, device)
            and _fits(self.ifname, device.ifname)
            and _fits_hex(self.mac, device.permanent_mac)
            and _fits_hex(self.pci_id, device.pci_id)
            and (self.numa_node is None or device.numa_node in self.numa_node)
        )


def parse_match(table: Table) -> Match:
    """Read [match]; one without any key is a problem, because it would not be seen whether every NIC is meant."""
    if not table.entries:
        table.problems.add(table.origin, SECTION, 'empty; say ifname = "*" when every NIC is meant')
    return Match(origin=table.origin, **table.read(KEYS))


def _fits(globs: Sequence[str] | None, text: str | None) -> bool:
    return globs is None or (text is not None and any(fnmatchcase(text, glob) for glob in globs))


def _fits_hex(globs: Sequence[str] | None, text: str | None) -> bool:
    """Hexadecimal digits are the same in both cases."""
    lower = None if globs is None else [glob.lower() for glob in globs]
    return _fits(lower, text if text is None else text.lower())


def _fits_address(globs: Sequence[str] | None, device: Device) -> bool:
    if globs is None:
        return True
    plain = [glob for glob in globs if "/" not in glob] if device.id.bus == "pci" else []
    with_bus = [glob for glob in globs if "/" in glob]
    address = device.id.address
    # lspci leaves out the domain where there is only one.
    names = (address, address.removeprefix("0000:"))
    return any(_fits_hex(plain, name) for name in names) or _fits_hex(with_bus, str(device.id))
