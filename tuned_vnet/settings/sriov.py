"""[sriov]: how many VFs a PF has, and whether host drivers bind them.

Hard facts (drivers/pci/iov.c of Linux 6.12):
 * N to M fails with EBUSY; the way is N, 0, M, and everything set on the VFs is lost on it.
 * Nothing in the kernel keeps VFs that a guest uses from being removed: vfio does not set PCI_DEV_FLAGS_ASSIGNED, and
   the write then blocks until QEMU lets go. So whoever holds a VF is asked for here, before writing.
 * The write succeeds even when the driver enabled fewer VFs than asked for.
 * drivers_autoprobe counts for VFs that are made later, so it is written first.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from tuned_vnet.change import Finding, Kernel, Outcome, Situation, Stage, refuse
from tuned_vnet.model import Device, Sriov
from tuned_vnet.profiles.table import Boolean, Integer, Key, Table

SECTION = "sriov"
STAGE = Stage.NUMVFS
NEEDS_NETDEV = False
KEYS = (
    Key(name="numvfs", kind=Integer(maximum=65535, words=("max",)), help="number of VFs; max: as many as there can be"),
    Key(name="drivers-autoprobe", kind=Boolean(), help="whether host drivers bind VFs that are made from then on"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class SriovWish:
    """Number of VFs (or `max`), and whether host drivers bind them."""

    numvfs: int | str | None = None
    drivers_autoprobe: bool | None = None


def parse(table: Table) -> SriovWish:
    """Read [sriov]."""
    return SriovWish(**table.read(KEYS))


def observe(kernel: Kernel, device: Device, desired: SriovWish) -> Sriov | None:
    """The VFs there are; None on a device without SR-IOV."""
    return kernel.sriov.get(device)


def plan(desired: SriovWish, observed: Sriov | None, situation: Situation) -> Iterator[Finding]:
    """drivers-autoprobe first, then the VFs."""
    if desired.drivers_autoprobe is not None:
        autoprobe = observed.drivers_autoprobe if observed else None
        finding = situation.compare("sriov.drivers-autoprobe", desired.drivers_autoprobe, autoprobe)
        if finding.outcome is Outcome.DIFFERS:
            change = SetDriversAutoprobe(device=situation.device, enabled=desired.drivers_autoprobe)
            finding = finding.mended_by(change)
        yield finding
    if desired.numvfs is not None:
        yield from _plan_numvfs(desired.numvfs, observed, situation)


def _plan_numvfs(numvfs: int | str, observed: Sriov | None, situation: Situation) -> Iterator[Finding]:
    total = observed.total_vfs if observed else None
    wanted = total if numvfs == "max" and total is not None else numvfs
    finding = situation.compare("sriov.numvfs", wanted, observed.numvfs if observed else None)
    if finding.outcome is not Outcome.DIFFERS or observed is None:
        yield finding
    elif not isinstance(wanted, int):
        yield from refuse([finding], "the device does not tell how many VFs it can have; give a number")
    elif total is not None and wanted > total:
        yield from refuse([finding], f"the device can have at most {total}")
    elif (missing := situation.no_netdev()) is not None:
        yield from refuse([finding], *missing)
    elif observed.numvfs and (used := _used(observed, situation)):
        yield from refuse([finding], f"{wanted} wanted, {observed.numvfs} exist and {used}")
    else:
        change = SetNumvfs(device=situation.device, before=observed.numvfs, count=wanted)
        yield finding.mended_by(change)


def _used(observed: Sriov, situation: Situation) -> str | None:
    """Who would lose a VF, or None when nobody would (or may)."""
    if situation.allow_disruption:
        return None
    users = [f"VF {index} is held by {holder}" for index, holder in situation.holders()]
    held = {index for index, _ in situation.holders()}
    for function in observed.functions:
        if function.index not in held and function.upper_devices:
            users.append(f"VF {function.index} carries {', '.join(function.upper_devices)}")
    return ", ".join(users) or None


@dataclass(frozen=True, slots=True, kw_only=True)
class SetDriversAutoprobe:
    """Write sriov_drivers_autoprobe."""

    device: Device
    enabled: bool

    def describe(self) -> str:
        return f"sriov drivers-autoprobe {'on' if self.enabled else 'off'}"

    def execute(self, kernel: Kernel) -> None:
        kernel.sriov.set_drivers_autoprobe(self.device, self.enabled)


@dataclass(frozen=True, slots=True, kw_only=True)
class SetNumvfs:
    """Write sriov_numvfs, by way of 0 when there are VFs already."""

    device: Device
    before: int
    count: int

    def describe(self) -> str:
        return f"sriov numvfs {self.before} -> {self.count}"

    def execute(self, kernel: Kernel) -> None:
        if self.before and self.count:
            kernel.sriov.set_numvfs(self.device, 0)
        kernel.sriov.set_numvfs(self.device, self.count)
