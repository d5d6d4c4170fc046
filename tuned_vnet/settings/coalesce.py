"""[coalesce]: interrupt moderation with ethtool(8)'s names, as `ethtool -C` sets it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from tuned_vnet.change import Finding, Kernel, Situation, Stage, mend
from tuned_vnet.model import Device, Json
from tuned_vnet.profiles.table import Boolean, Integer, Key, Table

SECTION = "coalesce"
STAGE = Stage.COALESCE
NEEDS_NETDEV = True

_COUNTS = {
    "rx-usecs": "microseconds to wait for more received packets before an interrupt",
    "rx-frames": "received packets before an interrupt",
    "rx-usecs-irq": "rx-usecs while an interrupt is being serviced",
    "rx-frames-irq": "rx-frames while an interrupt is being serviced",
    "tx-usecs": "microseconds to wait for more completed packets before an interrupt",
    "tx-frames": "completed packets before an interrupt",
    "tx-usecs-irq": "tx-usecs while an interrupt is being serviced",
    "tx-frames-irq": "tx-frames while an interrupt is being serviced",
    "stats-block-usecs": "microseconds between updates of the statistics block",
    "pkt-rate-low": "packets a second below which the -low values count",
    "rx-usecs-low": "rx-usecs below pkt-rate-low",
    "rx-frames-low": "rx-frames below pkt-rate-low",
    "tx-usecs-low": "tx-usecs below pkt-rate-low",
    "tx-frames-low": "tx-frames below pkt-rate-low",
    "pkt-rate-high": "packets a second above which the -high values count",
    "rx-usecs-high": "rx-usecs above pkt-rate-high",
    "rx-frames-high": "rx-frames above pkt-rate-high",
    "tx-usecs-high": "tx-usecs above pkt-rate-high",
    "tx-frames-high": "tx-frames above pkt-rate-high",
    "sample-interval": "seconds between measurements of the packet rate",
    "tx-aggr-max-bytes": "bytes that are sent in one aggregate",
    "tx-aggr-max-frames": "packets that are sent in one aggregate",
    "tx-aggr-time-usecs": "microseconds to wait for an aggregate",
}
_SWITCHES = {
    "adaptive-rx": "let the driver moderate receive interrupts by load",
    "adaptive-tx": "let the driver moderate transmit interrupts by load",
    "cqe-mode-rx": "restart the receive timer with every completion",
    "cqe-mode-tx": "restart the transmit timer with every completion",
}
KEYS = (
    *(Key(name=name, kind=Boolean(), help=text) for name, text in _SWITCHES.items()),
    *(Key(name=name, kind=Integer(), help=text) for name, text in _COUNTS.items()),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Coalesce:
    """The given parameters by their names."""

    parameters: Mapping[str, int | bool] = field(default_factory=dict)


def parse(table: Table) -> Coalesce:
    """Read [coalesce]."""
    values = table.read(KEYS)
    return Coalesce(parameters={key.name: values[key.field] for key in KEYS if values[key.field] is not None})


def observe(kernel: Kernel, device: Device, desired: Coalesce) -> Mapping[str, int | bool]:
    """The parameters that the driver has; the kernel leaves out the others (net/ethtool/coalesce.c)."""
    return kernel.ethtool.get_coalesce(device) or {}


def plan(desired: Coalesce, observed: Mapping[str, int | bool], situation: Situation) -> Iterator[Finding]:
    """All that differ in one write, because drivers check them against each other."""
    findings = [
        situation.compare(f"coalesce.{name}", wanted, observed.get(name)) for name, wanted in desired.parameters.items()
    ]
    yield from mend(findings, lambda values: SetCoalesce(device=situation.device, before=observed, values=values))


@dataclass(frozen=True, slots=True, kw_only=True)
class SetCoalesce:
    """ETHTOOL_MSG_COALESCE_SET with the parameters that differ."""

    device: Device
    before: Mapping[str, int | bool]
    values: Mapping[str, Any]

    def describe(self) -> str:
        return "coalesce " + ", ".join(
            f"{name} {_word(self.before[name])} -> {_word(new)}" for name, new in self.values.items()
        )

    def execute(self, kernel: Kernel) -> None:
        kernel.ethtool.set_coalesce(self.device, self.values)


def _word(value: Json) -> str:
    return {True: "on", False: "off"}[value] if isinstance(value, bool) else str(value)
