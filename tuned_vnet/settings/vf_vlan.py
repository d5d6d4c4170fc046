"""[[vf]] vlan, qos and vlan-protocol, as `ip link set DEV vf N vlan ID qos PRIO proto PROTOCOL` sets them.

The kernel takes the three only together (IFLA_VF_VLAN_LIST). A VLAN that libvirt set for a guest is libvirt's.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from tuned_vnet.change import Finding, Situation, Stage, mend
from tuned_vnet.model import VfAttribute, VfState, VfValue, VfVlan
from tuned_vnet.profiles.table import Choice, Integer, Key, Table
from tuned_vnet.settings.vf_write import SetVf

STAGE = Stage.VF
KEYS = (
    Key(name="vlan", kind=Integer(maximum=4094), help="VLAN that the VF's frames are tagged with; 0 is none"),
    Key(name="qos", kind=Integer(maximum=7), help="priority in the VLAN tag"),
    Key(name="vlan-protocol", kind=Choice(("802.1q", "802.1ad")), help="protocol of the VLAN tag"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Vlan:
    """VLAN ID, priority and protocol."""

    vlan: int | None = None
    qos: int | None = None
    vlan_protocol: str | None = None


def parse(table: Table) -> Vlan:
    """Read the keys of a [[vf]]."""
    return Vlan(**table.pick(KEYS))


def plan(desired: Vlan, observed: VfState, situation: Situation) -> Iterator[Finding]:
    """One write for the three, with what is there for those not asked for."""
    use = situation.vf_uses.get(observed.index)
    findings: list[Finding] = []
    for key in KEYS:
        wanted, now = getattr(desired, key.field), getattr(observed, key.field)
        if wanted is None:
            continue
        if use is not None and use.libvirt_owns_vlan:
            reason = f"libvirt's, for {use.holder or 'a guest that is starting or stopping'}"
            finding = situation.compare(f"vf.{key.name}", now, now, vf=observed.index)
            findings.append(replace(finding, reason=reason))
        else:
            findings.append(situation.compare(f"vf.{key.name}", wanted, now, vf=observed.index))

    def change(_: object) -> SetVf:
        now = _merge(Vlan(), observed)
        vlan = _merge(desired, observed)
        value = VfValue(vf=observed.index, attribute=VfAttribute.VLAN, value=vlan)
        return SetVf(device=situation.device, value=value, text=f"vlan {now} -> {vlan}")

    yield from mend(findings, change)


def _merge(desired: Vlan, observed: VfState) -> VfVlan:
    return VfVlan(
        vlan=desired.vlan if desired.vlan is not None else observed.vlan or 0,
        qos=desired.qos if desired.qos is not None else observed.qos or 0,
        protocol=desired.vlan_protocol or observed.vlan_protocol or "802.1q",
    )
