"""[[vf]] trust: whether the VF may change its MAC and receive all traffic, as `ip link set DEV vf N` sets it."""

from collections.abc import Iterator
from dataclasses import dataclass

from tuned_vnet.change import Finding, Situation, Stage
from tuned_vnet.model import VfAttribute, VfState
from tuned_vnet.profiles.table import Boolean, Key, Table
from tuned_vnet.settings.vf_write import plan_one

STAGE = Stage.VF
KEYS = (Key(name="trust", kind=Boolean(), help="whether the VF may change its MAC and receive all traffic"),)


@dataclass(frozen=True, slots=True, kw_only=True)
class Trust:
    """On or off."""

    trust: bool | None = None


def parse(table: Table) -> Trust:
    """Read the key of a [[vf]]."""
    return Trust(**table.pick(KEYS))


def plan(desired: Trust, observed: VfState, situation: Situation) -> Iterator[Finding]:
    """One write."""
    if desired.trust is not None:
        yield plan_one(
            VfAttribute.TRUST, desired=desired.trust, observed=observed.trust, vf=observed.index, situation=situation
        )
