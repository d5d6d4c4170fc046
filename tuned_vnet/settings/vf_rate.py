"""[[vf]] min-tx-rate and max-tx-rate in Mbit/s, as `ip link set DEV vf N min_tx_rate N max_tx_rate N` sets them.

Hard facts (Linux 6.12, drivers/net/ethernet):
 * The kernel takes both rates together (IFLA_VF_RATE), so the one not asked for is written as it was read.
 * igb and ixgbe refuse a rate with EINVAL while the port has no carrier, ice and bnxt because it is above the speed of
   a link that is down. They are asked only when there is a carrier; the event of the carrier brings us back.
 * igb and ixgbe set all rates to 0 when the link's speed changes.
 * ixgbe takes 0 or 11 to 10000, and only at 10 Gbit/s. i40e programs steps of 50 Mbit/s, rounding down but not below
   50, and still reports what was asked for.
 * min-tx-rate other than 0 is EINVAL on igb, ixgbe and i40e.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from tuned_vnet.change import Finding, Outcome, Situation, Stage, mend, refuse
from tuned_vnet.model import VfAttribute, VfRate, VfState, VfValue
from tuned_vnet.profiles.table import Integer, Key, Table
from tuned_vnet.settings.vf_write import SetVf

STAGE = Stage.VF_RATE
KEYS = (
    Key(name="min-tx-rate", kind=Integer(), help="guaranteed transmit rate in Mbit/s; 0 is none"),
    Key(name="max-tx-rate", kind=Integer(), help="transmit rate limit in Mbit/s; 0 is no limit"),
)

NEEDS_CARRIER = frozenset({"igb", "ixgbe", "ice", "bnxt_en"})
NO_MINIMUM = frozenset({"igb", "ixgbe", "i40e"})
NO_CARRIER = "the PF has no carrier"
IXGBE_RANGE = (11, 10000)
I40E_STEP = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """Rates in Mbit/s."""

    min_tx_rate: int | None = None
    max_tx_rate: int | None = None


def parse(table: Table) -> Rate:
    """Read the keys of a [[vf]]; a guarantee above the limit is a problem."""
    rate = Rate(**table.pick(KEYS))
    if rate.min_tx_rate and rate.max_tx_rate and rate.min_tx_rate > rate.max_tx_rate:
        text = f"{rate.min_tx_rate} is above max-tx-rate {rate.max_tx_rate} ({table.where('max-tx-rate')})"
        table.problems.add(table.where("min-tx-rate"), f"{table.name}.min-tx-rate", text)
    return rate


def plan(desired: Rate, observed: VfState, situation: Situation) -> Iterator[Finding]:
    """One write for both, once the port has a carrier where the driver needs one."""
    driver = situation.device.driver
    findings: list[Finding] = []
    for key in KEYS:
        wanted = getattr(desired, key.field)
        if wanted is None:
            continue
        finding = situation.compare(f"vf.{key.name}", wanted, getattr(observed, key.field), vf=observed.index)
        findings.extend(_within_limits(finding, wanted, driver))
    if driver in NEEDS_CARRIER and situation.link is not None and not situation.link.carrier:
        yield from refuse(findings, NO_CARRIER, Outcome.PENDING)
        return

    def change(values: Mapping[str, int]) -> SetVf:
        rate = VfRate(
            min_tx=values.get("min-tx-rate", observed.min_tx_rate or 0),
            max_tx=values.get("max-tx-rate", observed.max_tx_rate or 0),
        )
        value = VfValue(vf=observed.index, attribute=VfAttribute.RATE, value=rate)
        return SetVf(device=situation.device, value=value, text=_describe(observed, rate))

    yield from mend(findings, change)


def _within_limits(finding: Finding, wanted: int, driver: str | None) -> Iterator[Finding]:
    """Refuse what the driver is known to refuse, and say where it rounds without telling."""
    low, high = IXGBE_RANGE
    if finding.setting == "vf.min-tx-rate":
        if wanted and driver in NO_MINIMUM:
            yield from refuse([finding], f"{driver} has no minimum rate", Outcome.UNSUPPORTED)
            return
    elif driver == "ixgbe" and wanted and not low <= wanted <= high:
        yield from refuse([finding], f"ixgbe takes 0 or {low} to {high}")
        return
    elif driver == "i40e" and wanted % I40E_STEP and finding.outcome is Outcome.AS_DESIRED:
        rounded = max(wanted - wanted % I40E_STEP, I40E_STEP)
        yield replace(finding, outcome=Outcome.ADJUSTED, reason=f"i40e makes it {rounded}")
        return
    yield finding


def _describe(observed: VfState, rate: VfRate) -> str:
    parts = [f"max-tx-rate {observed.max_tx_rate} -> {rate.max_tx}"] if observed.max_tx_rate != rate.max_tx else []
    if observed.min_tx_rate != rate.min_tx:
        parts.append(f"min-tx-rate {observed.min_tx_rate} -> {rate.min_tx}")
    return ", ".join(parts)
