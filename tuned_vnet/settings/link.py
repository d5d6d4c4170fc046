"""[link]: administrative state, MTU and transmit queue length of a netdev, as `ip link set` sets them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from tuned_vnet.change import Finding, Kernel, Outcome, Situation, Stage, mend, refuse
from tuned_vnet.model import Device, Link
from tuned_vnet.profiles.table import Boolean, Integer, Key, Table

SECTION = "link"
STAGE = Stage.LINK
NEEDS_NETDEV = True
KEYS = (
    Key(name="up", kind=Boolean(), help="administrative state; true by default where [sriov] is given"),
    Key(name="mtu", kind=Integer(minimum=68, maximum=65535), help="largest packet, in bytes"),
    Key(name="txqueuelen", kind=Integer(), help="packets that the queueing discipline may hold"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkWish:
    """State, MTU in bytes and transmit queue length in packets."""

    up: bool | None = None
    mtu: int | None = None
    txqueuelen: int | None = None


def parse(table: Table) -> LinkWish:
    """Read [link]."""
    return LinkWish(**table.read(KEYS))


def observe(kernel: Kernel, device: Device, desired: LinkWish) -> Link | None:
    """The netdev as rtnetlink tells it, None when it has gone."""
    return kernel.link.get(device)


def plan(desired: LinkWish, observed: Link | None, situation: Situation) -> Iterator[Finding]:
    """Taking a PF down, or changing its MTU, interrupts its VFs and waits until no guest has one.

    A write for each, so that an MTU which the driver does not take leaves no port down; the state comes last, because a
    closed port changes its MTU at once.
    """
    if observed is None:
        return
    for name in ("mtu", "txqueuelen", "up"):
        wanted = getattr(desired, name)
        if wanted is None:
            continue
        finding = situation.compare(f"link.{name}", wanted, getattr(observed, name))
        yield from mend(
            list(_refusals(finding, observed, situation)),
            lambda values: SetLink(device=situation.device, before=observed, values=values),
        )


def _refusals(finding: Finding, observed: Link, situation: Situation) -> Iterator[Finding]:
    wanted = finding.desired
    low, high = observed.min_mtu or 0, observed.max_mtu or 65535
    if finding.outcome is not Outcome.DIFFERS or finding.setting == "link.txqueuelen" or wanted is True:
        yield finding
    elif finding.setting == "link.mtu" and isinstance(wanted, int) and not low <= wanted <= high:
        yield from refuse([finding], f"the device takes {low} to {high}")
    elif reason := situation.disruption():
        yield from refuse([finding], f"it takes the link from VFs, and {reason}")
    else:
        yield finding


@dataclass(frozen=True, slots=True, kw_only=True)
class SetLink:
    """RTM_NEWLINK with what differs."""

    device: Device
    before: Link
    values: Mapping[str, Any]

    def describe(self) -> str:
        parts = []
        for name, new in self.values.items():
            if name == "up":
                parts.append("up" if new else "down")
            else:
                parts.append(f"{name} {getattr(self.before, name)} -> {new}")
        return "link " + ", ".join(parts)

    def execute(self, kernel: Kernel) -> None:
        kernel.link.set(self.device, **self.values)
