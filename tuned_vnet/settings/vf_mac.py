"""[[vf]] mac and mac-base: the administrative MAC address of a VF, as `ip link set DEV vf N mac` sets it.

libvirt writes the MAC of an `<interface>` before the guest runs and puts the old one back afterwards. In between the
address is libvirt's: i40e resets a running guest's VF even when the same MAC is written again.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from tuned_vnet.change import Finding, Situation, Stage
from tuned_vnet.model import VfAttribute, VfIndex, VfState
from tuned_vnet.profiles.table import Key, Table, UnicastMac
from tuned_vnet.settings.vf_write import plan_one

STAGE = Stage.VF
KEYS = (
    Key(name="mac", kind=UnicastMac(), help="MAC address of one VF"),
    Key(name="mac-base", kind=UnicastMac(), help="MAC address of VF 0; VF n has this plus n", reported_as="mac"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Mac:
    """An address for one VF, or a base to which the VF's index is added."""

    mac: str | None = None
    mac_base: str | None = None

    def of(self, vf: VfIndex) -> str | None:
        """The address of this VF, in lower case; None when there is no opinion."""
        return add(self.mac_base, vf) if self.mac_base else self.mac


def add(base: str, count: int) -> str:
    """Count on from a MAC address; past the last one it begins again at zero."""
    value = (int(base.replace(":", ""), 16) + count) % (1 << 48)
    return ":".join(f"{byte:02x}" for byte in value.to_bytes(6))


def parse(table: Table) -> Mac:
    """Read the keys of a [[vf]]; only one of them can count."""
    if "mac" in table.entries and "mac-base" in table.entries:
        other = table.where("mac-base")
        table.problems.add(table.where("mac"), f"{table.name}.mac", f"mac-base is given too ({other}), accepted is one")
    return Mac(**table.pick(KEYS))


def plan(desired: Mac, observed: VfState, situation: Situation) -> Iterator[Finding]:
    """One write, unless the address is libvirt's at the moment."""
    mac = desired.of(observed.index)
    if mac is None:
        return
    use = situation.vf_uses.get(observed.index)
    if use is not None and use.libvirt_owns_mac:
        finding = situation.compare("vf.mac", observed.mac, observed.mac, vf=observed.index)
        yield replace(finding, reason=f"libvirt's, for {use.holder or 'a guest that is starting or stopping'}")
    else:
        yield plan_one(VfAttribute.MAC, desired=mac, observed=observed.mac, vf=observed.index, situation=situation)
