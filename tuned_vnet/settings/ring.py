"""[ring]: descriptors per receive and transmit ring, as `ethtool -G` sets them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from tuned_vnet.change import Finding, Kernel, Outcome, Situation, Stage, mend, refuse
from tuned_vnet.model import Device, Rings
from tuned_vnet.profiles.table import Integer, Key, Table

SECTION = "ring"
STAGE = Stage.RINGS
NEEDS_NETDEV = True
KEYS = (
    Key(name="rx", kind=Integer(minimum=1, words=("max",)), help="receive descriptors per queue"),
    Key(name="tx", kind=Integer(minimum=1, words=("max",)), help="transmit descriptors per queue"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ring:
    """Descriptors per ring; `max` is what the driver names as its maximum."""

    rx: int | str | None = None
    tx: int | str | None = None


def parse(table: Table) -> Ring:
    """Read [ring]."""
    return Ring(**table.read(KEYS))


def observe(kernel: Kernel, device: Device, desired: Ring) -> Rings:
    """The rings as they are; without any, all of them None."""
    return kernel.ethtool.get_rings(device) or Rings()


def plan(desired: Ring, observed: Rings, situation: Situation) -> Iterator[Finding]:
    """Both rings in one write. Changing them closes and opens the port, which takes the link from its VFs (igb)."""
    rings = [("rx", desired.rx, observed.rx, observed.rx_max), ("tx", desired.tx, observed.tx, observed.tx_max)]
    findings: list[Finding] = []
    for name, wanted, now, maximum in rings:
        if wanted is None:
            continue
        known = maximum if wanted == "max" and maximum is not None else wanted
        finding = situation.compare(f"ring.{name}", known, now)
        if isinstance(wanted, int) and maximum is not None and wanted > maximum:
            findings.extend(refuse([finding], f"the device has at most {maximum}"))
        else:
            findings.append(finding)
    if reason := situation.disruption():
        yield from refuse(findings, f"changing rings resets the port, and {reason}", Outcome.REFUSED)
    else:
        yield from mend(findings, lambda values: SetRings(device=situation.device, before=observed, values=values))


@dataclass(frozen=True, slots=True, kw_only=True)
class SetRings:
    """ETHTOOL_MSG_RINGS_SET with the rings that differ."""

    device: Device
    before: Rings
    values: Mapping[str, Any]

    def describe(self) -> str:
        return "ring " + ", ".join(f"{name} {getattr(self.before, name)} -> {new}" for name, new in self.values.items())

    def execute(self, kernel: Kernel) -> None:
        kernel.ethtool.set_rings(self.device, **self.values)
