"""[irq]: the CPUs that a device's interrupts go to.

Hard facts:
 * Enabling VFs and changing channels renumber a port's interrupts and change how many there are (igb, ixgbe), so they
   are looked up anew each time.
 * A managed interrupt's affinity can't be set (its file has no write bit; EPERM); it is left out.
 * A closed port has no interrupts to place on most drivers: they are requested in ndo_open.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from tuned_vnet.change import Finding, Kernel, Outcome, Situation, Stage, refuse
from tuned_vnet.cpus import format_cpulist, spread
from tuned_vnet.model import CpuId, CpuSet, Device, Interrupt, Json
from tuned_vnet.profiles.table import Cpus, Key, Table

SECTION = "irq"
STAGE = Stage.IRQ
NEEDS_NETDEV = True
KEYS = (
    Key(
        name="affinity",
        kind=Cpus(words=("local-node", "all")),
        help="CPUs that the queues' interrupts are spread over, one each; a list gives each queue its own set",
    ),
)

LINK_IS_DOWN = "the device has no interrupts while its link is down"


@dataclass(frozen=True, slots=True, kw_only=True)
class Irq:
    """`local-node`, `all`, one set of CPUs to spread over, or one set for each queue."""

    affinity: str | CpuSet | tuple[CpuSet, ...] | None = None


def parse(table: Table) -> Irq:
    """Read [irq]."""
    return Irq(**table.read(KEYS))


def observe(kernel: Kernel, device: Device, desired: Irq) -> tuple[Interrupt, ...]:
    """The device's vectors at this moment."""
    return kernel.interrupts.get(device)


def plan(desired: Irq, observed: tuple[Interrupt, ...], situation: Situation) -> Iterator[Finding]:
    """One finding for the device, one write for each interrupt that is elsewhere."""
    if desired.affinity is None:
        return
    settable = tuple(interrupt for interrupt in observed if interrupt.settable)
    shown = show(desired.affinity)
    if not settable:
        finding = Finding(setting="irq.affinity", desired=shown, observed=None, outcome=Outcome.DIFFERS)
        if observed:
            yield from refuse([finding], "the kernel places these interrupts itself", Outcome.UNSUPPORTED)
        elif situation.link is not None and situation.link.up:
            yield from refuse([finding], "the device has no interrupts", Outcome.UNSUPPORTED)
        else:
            yield from refuse([finding], LINK_IS_DOWN, Outcome.PENDING)
        return
    targets = place(desired.affinity, settable, situation)
    wanted: Json = {interrupt.name: format_cpulist(cpus) for interrupt, cpus in targets.items()}
    now: Json = {interrupt.name: format_cpulist(interrupt.affinity) for interrupt in targets}
    finding = situation.compare("irq.affinity", wanted, now)
    if not all(targets.values()):
        yield from refuse([finding], f"none of the CPUs {_offline(desired.affinity, situation)} is online")
    elif finding.outcome is Outcome.DIFFERS:
        changes = tuple(
            SetAffinity(interrupt=interrupt, cpus=cpus)
            for interrupt, cpus in targets.items()
            if cpus != interrupt.affinity
        )
        yield finding.mended_by(*changes)
    else:
        yield finding


def place(
    affinity: str | CpuSet | tuple[CpuSet, ...], interrupts: tuple[Interrupt, ...], situation: Situation
) -> Mapping[Interrupt, CpuSet]:
    """The CPUs for each interrupt: queues in turn over the set, vectors that serve no queue anywhere in it."""
    online = situation.online_cpus
    if isinstance(affinity, tuple):
        per_queue = [cpus & online for cpus in affinity]
        everywhere: CpuSet = frozenset().union(*per_queue)
    else:
        everywhere = _allowed(affinity, situation.device) & online if affinity != "all" else online
        queues = {_queue(interrupt) for interrupt in interrupts} - {None}
        per_queue = list(spread(everywhere, max(len(queues), 1))) if everywhere else [everywhere]
    targets: dict[Interrupt, CpuSet] = {}
    for interrupt in interrupts:
        queue = _queue(interrupt)
        targets[interrupt] = everywhere if queue is None else per_queue[queue % len(per_queue)]
    return targets


def _allowed(affinity: str | CpuSet, device: Device) -> CpuSet:
    return device.local_cpus if isinstance(affinity, str) else affinity


def _offline(affinity: str | CpuSet | tuple[CpuSet, ...], situation: Situation) -> str:
    """The sets of which no CPU is online, as cpulists."""
    sets = affinity if isinstance(affinity, tuple) else (_allowed(affinity, situation.device),)
    return " and ".join(format_cpulist(cpus) for cpus in sets if not cpus & situation.online_cpus)


def _queue(interrupt: Interrupt) -> int | None:
    return interrupt.rx_queue if interrupt.rx_queue is not None else interrupt.tx_queue


def show(affinity: str | CpuSet | tuple[CpuSet, ...]) -> str | list[Json]:
    """The value as the profile has it, in plain JSON types."""
    match affinity:
        case str():
            return affinity
        case tuple():
            return [format_cpulist(cpus) for cpus in affinity]
        case _:
            return format_cpulist(affinity)


@dataclass(frozen=True, slots=True, kw_only=True)
class SetAffinity:
    """Write /proc/irq/N/smp_affinity_list."""

    interrupt: Interrupt
    cpus: frozenset[CpuId]

    def describe(self) -> str:
        interrupt = self.interrupt
        old, new = format_cpulist(interrupt.affinity), format_cpulist(self.cpus)
        return f"irq {interrupt.irq} ({interrupt.name}) affinity {old} -> {new}"

    def execute(self, kernel: Kernel) -> None:
        kernel.interrupts.set_affinity(self.interrupt.irq, self.cpus)
