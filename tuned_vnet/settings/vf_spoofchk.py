"""[[vf]] spoofchk: whether frames that are not from the VF's own MAC are dropped, as `ip link set DEV vf N` sets it."""

from collections.abc import Iterator
from dataclasses import dataclass

from tuned_vnet.change import Finding, Situation, Stage
from tuned_vnet.model import VfAttribute, VfState
from tuned_vnet.profiles.table import Boolean, Key, Table
from tuned_vnet.settings.vf_write import plan_one

STAGE = Stage.VF
KEYS = (
    Key(
        name="spoofchk",
        kind=Boolean(),
        help="whether frames with a source MAC (and VLAN) that is not the VF's own are dropped",
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Spoofchk:
    """On or off."""

    spoofchk: bool | None = None


def parse(table: Table) -> Spoofchk:
    """Read the key of a [[vf]]."""
    return Spoofchk(**table.pick(KEYS))


def plan(desired: Spoofchk, observed: VfState, situation: Situation) -> Iterator[Finding]:
    """One write."""
    if desired.spoofchk is not None:
        yield plan_one(
            VfAttribute.SPOOFCHK,
            desired=desired.spoofchk,
            observed=observed.spoofchk,
            vf=observed.index,
            situation=situation,
        )
