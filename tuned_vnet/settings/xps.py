"""[xps]: transmit packet steering, the CPUs that send through a queue (Documentation/networking/scaling.rst)."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from tuned_vnet.change import Finding, Kernel, Outcome, Situation, Stage, refuse
from tuned_vnet.cpus import format_cpulist
from tuned_vnet.model import CpuSet, Device, Interrupt, Json, QueueIndex
from tuned_vnet.profiles.table import Cpus, Key, Table
from tuned_vnet.settings.irq import show

SECTION = "xps"
STAGE = Stage.XPS
NEEDS_NETDEV = True
KEYS = (
    Key(
        name="cpus",
        kind=Cpus(words=("follow-irq", "off")),
        help="CPUs of each transmit queue; follow-irq: those that its interrupt goes to",
    ),
)

LINK_IS_DOWN = "there are queues without an interrupt while the link is down"


@dataclass(frozen=True, slots=True, kw_only=True)
class Xps:
    """`follow-irq`, `off`, one set for all queues, or one set for each queue."""

    cpus: str | CpuSet | tuple[CpuSet, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class XpsState:
    """The transmit queues with their CPUs, and the interrupts they are to follow."""

    queues: Mapping[QueueIndex, CpuSet] = field(default_factory=dict)
    interrupts: tuple[Interrupt, ...] = ()


def parse(table: Table) -> Xps:
    """Read [xps]."""
    return Xps(**table.read(KEYS))


def observe(kernel: Kernel, device: Device, desired: Xps) -> XpsState:
    """The queues as they are now; the interrupts only where the queues are to follow them."""
    interrupts = kernel.interrupts.get(device) if desired.cpus == "follow-irq" else ()
    return XpsState(queues=kernel.xps.get(device) or {}, interrupts=interrupts)


def plan(desired: Xps, observed: XpsState, situation: Situation) -> Iterator[Finding]:
    """One finding for the device, one write for each queue that differs."""
    if desired.cpus is None:
        return
    targets = _targets(desired.cpus, observed)
    wanted: Json = {f"tx-{queue}": format_cpulist(cpus) for queue, cpus in targets.items()} or show(desired.cpus)
    now: Json = {f"tx-{queue}": format_cpulist(observed.queues[queue]) for queue in targets}
    finding = situation.compare("xps.cpus", wanted, now if observed.queues else None)
    if len(targets) < len(observed.queues):
        finding = replace(finding, desired="follow-irq", outcome=Outcome.DIFFERS)
        if situation.link is not None and situation.link.up:
            lost = ", ".join(f"tx-{queue}" for queue in observed.queues if queue not in targets)
            reason, outcome = f"it is not known which interrupts {lost} have", Outcome.UNSUPPORTED
        else:
            reason, outcome = LINK_IS_DOWN, Outcome.PENDING
        yield from refuse([finding], reason, outcome)
    elif finding.outcome is Outcome.DIFFERS:
        changes = tuple(
            SetXps(device=situation.device, queue=queue, before=observed.queues[queue], cpus=cpus)
            for queue, cpus in targets.items()
            if cpus != observed.queues[queue]
        )
        yield finding.mended_by(*changes)
    else:
        yield finding


def _targets(cpus: str | CpuSet | tuple[CpuSet, ...], observed: XpsState) -> dict[QueueIndex, CpuSet]:
    match cpus:
        case "follow-irq":
            serving = {i.tx_queue: i.affinity for i in observed.interrupts if i.tx_queue is not None}
            return {queue: serving[queue] for queue in observed.queues if queue in serving}
        case str():
            return {queue: frozenset() for queue in observed.queues}
        case tuple():
            return {queue: cpus[queue % len(cpus)] for queue in observed.queues}
        case _:
            return dict.fromkeys(observed.queues, cpus)


@dataclass(frozen=True, slots=True, kw_only=True)
class SetXps:
    """Write queues/tx-N/xps_cpus."""

    device: Device
    queue: QueueIndex
    before: CpuSet
    cpus: CpuSet

    def describe(self) -> str:
        return f"xps tx-{self.queue} {format_cpulist(self.before) or 'off'} -> {format_cpulist(self.cpus) or 'off'}"

    def execute(self, kernel: Kernel) -> None:
        kernel.xps.set(self.device, self.queue, self.cpus)
