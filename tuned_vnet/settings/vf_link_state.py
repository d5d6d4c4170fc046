"""[[vf]] link-state: what link the VF sees, as `ip link set DEV vf N state` sets it."""

from collections.abc import Iterator
from dataclasses import dataclass

from tuned_vnet.change import Finding, Situation, Stage
from tuned_vnet.model import VfAttribute, VfState
from tuned_vnet.profiles.table import Choice, Key, Table
from tuned_vnet.settings.vf_write import plan_one

STAGE = Stage.VF
KEYS = (
    Key(
        name="link-state",
        kind=Choice(("auto", "enable", "disable")),
        help="auto: the PF's link; enable: always up, also between VFs when the PF is down; disable: down",
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkState:
    """`auto`, `enable` or `disable`."""

    link_state: str | None = None


def parse(table: Table) -> LinkState:
    """Read the key of a [[vf]]."""
    return LinkState(**table.pick(KEYS))


def plan(desired: LinkState, observed: VfState, situation: Situation) -> Iterator[Finding]:
    """One write. Drivers without it (igb) report `auto` and refuse the others with EOPNOTSUPP."""
    if desired.link_state is not None:
        yield plan_one(
            VfAttribute.LINK_STATE,
            desired=desired.link_state,
            observed=observed.link_state,
            vf=observed.index,
            situation=situation,
        )
