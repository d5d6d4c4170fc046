"""What a plan is made of: findings, the changes that would mend them, and the kernel they are carried out on.

Settings compare what is desired with what was observed through `Situation.compare` and attach changes to what
differs. The `Kernel` protocol is all that settings, plan and reconciler know of the system.
"""

import errno
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import IntEnum, StrEnum
from typing import Any, Protocol

from tuned_vnet.errors import KernelError
from tuned_vnet.model import (
    CpuSet,
    Device,
    Holder,
    Interrupt,
    IrqNumber,
    Json,
    Link,
    QueueIndex,
    Rings,
    Sriov,
    VfIndex,
    VfUse,
    VfValue,
)


class Stage(IntEnum):
    """The order in which settings are brought about; each stage observes anew what the earlier ones left.

    VFs do not exist before NUMVFS, and enabling them renumbers the PF's queues and interrupts (igb, ixgbe).
    """

    HOST = 0
    LINK = 10
    NUMVFS = 20
    RINGS = 30
    COALESCE = 40
    FLOW_HASH = 50
    IRQ = 60
    XPS = 70
    VF = 80
    VF_RATE = 90


class Outcome(StrEnum):
    """How a setting stands; the order of the members is from best to worst."""

    AS_DESIRED = "as-desired"
    APPLIED = "applied"
    ADJUSTED = "adjusted"
    UNSUPPORTED = "unsupported"
    PENDING = "pending"
    REFUSED = "refused"
    DIFFERS = "differs"
    FAILED = "failed"

    @property
    def settled(self) -> bool:
        """True when nothing is left to do or to wait for."""
        return self in (Outcome.AS_DESIRED, Outcome.APPLIED, Outcome.ADJUSTED, Outcome.UNSUPPORTED)


_SEVERITY = {outcome: rank for rank, outcome in enumerate(Outcome)}


def worst(outcomes: Iterable[Outcome]) -> Outcome:
    """The worst of the given outcomes; as-desired when there are none."""
    return max(outcomes, key=_SEVERITY.__getitem__, default=Outcome.AS_DESIRED)


def outcome_of(error: KernelError) -> Outcome:
    """What a refused write means for a setting.

    EOPNOTSUPP is the netdev core's and the drivers' "no such thing here". EAGAIN (i40e) and EBUSY (ice) come while
    a VF is in reset, ENODEV and ENOENT while a device is going away: all four pass.
    """
    match error.errno:
        case errno.EOPNOTSUPP:
            return Outcome.UNSUPPORTED
        case errno.EAGAIN | errno.EBUSY | errno.ENODEV | errno.ENOENT:
            return Outcome.PENDING
        case _:
            return Outcome.FAILED


class SriovKernel(Protocol):
    """`sriov_*` of a PF."""

    def get(self, device: Device) -> Sriov | None: ...
    def set_drivers_autoprobe(self, device: Device, enabled: bool) -> None: ...  # noqa: FBT001
    def set_numvfs(self, device: Device, count: int) -> None: ...


class LinkKernel(Protocol):
    """rtnetlink: the netdev, and the VFs behind it."""

    def get(self, device: Device) -> Link | None: ...
    def set(
        self, device: Device, *, up: bool | None = None, mtu: int | None = None, txqueuelen: int | None = None
    ) -> None: ...
    def set_vfs(self, device: Device, values: Sequence[VfValue]) -> tuple[KernelError | None, ...]:
        """Write each value in a message of its own, in order; an error of one does not stop the others."""
        ...


class EthtoolKernel(Protocol):
    """ethtool: what `ethtool -g`, `-c` and `-n` show."""

    def get_rings(self, device: Device) -> Rings | None: ...
    def set_rings(self, device: Device, *, rx: int | None = None, tx: int | None = None) -> None: ...
    def get_coalesce(self, device: Device) -> Mapping[str, int | bool] | None: ...
    def set_coalesce(self, device: Device, values: Mapping[str, int | bool]) -> None: ...
    def get_flow_hash(self, device: Device, flow_type: str) -> str | None: ...
    def set_flow_hash(self, device: Device, flow_type: str, fields: str) -> None: ...


class InterruptKernel(Protocol):
    """Vectors of a device and the CPUs they may go to."""

    def get(self, device: Device) -> tuple[Interrupt, ...]: ...
    def set_affinity(self, irq: IrqNumber, cpus: CpuSet) -> None: ...


class XpsKernel(Protocol):
    """Transmit packet steering: the CPUs that use a transmit queue."""

    def get(self, device: Device) -> Mapping[QueueIndex, CpuSet] | None: ...
    def set(self, device: Device, queue: QueueIndex, cpus: CpuSet) -> None: ...


class SysctlKernel(Protocol):
    """/proc/sys; `None` when there is no such file."""

    def get(self, name: str) -> str | None: ...
    def set(self, name: str, value: str) -> None: ...


class Kernel(Protocol):
    """The kernel, cut by its interfaces. Every write raises KernelError when it is refused."""

    @property
    def sriov(self) -> SriovKernel: ...
    @property
    def link(self) -> LinkKernel: ...
    @property
    def ethtool(self) -> EthtoolKernel: ...
    @property
    def interrupts(self) -> InterruptKernel: ...
    @property
    def xps(self) -> XpsKernel: ...
    @property
    def sysctl(self) -> SysctlKernel: ...


class Change(Protocol):
    """One write: `describe()` says it as `plan` and the journal print it, `execute()` does it."""

    def describe(self) -> str: ...
    def execute(self, kernel: Kernel) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One key of a profile held against the system. `changes` is empty unless the outcome is `differs`."""

    setting: str
    desired: Json
    observed: Json
    outcome: Outcome
    reason: str | None = None
    vf: VfIndex | None = None
    changes: tuple[Change, ...] = ()

    def mended_by(self, *changes: "Change") -> "Finding":
        """The same with the changes that would mend it; dataclasses.replace() takes three times as long."""
        return Finding(
            setting=self.setting,
            desired=self.desired,
            observed=self.observed,
            outcome=self.outcome,
            reason=self.reason,
            vf=self.vf,
            changes=changes,
        )

    @property
    def key(self) -> "FindingKey":
        return (self.setting, self.vf)


FindingKey = tuple[str, VfIndex | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Remembered:
    """How an earlier write of `desired` ended: the device stood at `observed` afterwards."""

    desired: Json
    observed: Json
    outcome: Outcome
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """All that a plan may depend on besides desired and observed values."""

    device: Device
    online_cpus: CpuSet = frozenset()
    link: Link | None = None
    sriov: Sriov | None = None
    vf_uses: Mapping[VfIndex, VfUse] = field(default_factory=dict)
    memory: Mapping[FindingKey, Remembered] = field(default_factory=dict)
    allow_disruption: bool = False

    def compare(self, setting: str, desired: Json, observed: Json, *, vf: VfIndex | None = None) -> Finding:
        """Hold one value against the other; an earlier write that ended just here is not tried again."""
        known = self.memory.get((setting, vf))
        if desired == observed:
            outcome, reason = Outcome.AS_DESIRED, None
        elif observed is None:
            outcome, reason = Outcome.UNSUPPORTED, "the device has no such setting"
        elif known and (known.desired, known.observed) == (desired, observed):
            outcome, reason = known.outcome, known.reason
        else:
            outcome, reason = Outcome.DIFFERS, None
        return Finding(setting=setting, desired=desired, observed=observed, outcome=outcome, reason=reason, vf=vf)

    def holders(self, vfs: Iterable[VfIndex] | None = None) -> tuple[tuple[VfIndex, Holder], ...]:
        """Who holds VFs of this device, by index; of the given VFs only, when some are given."""
        wanted = set(vfs) if vfs is not None else None
        return tuple(
            (index, use.holder)
            for index, use in sorted(self.vf_uses.items())
            if use.holder is not None and (wanted is None or index in wanted)
        )

    def no_netdev(self) -> tuple[str, Outcome] | None:
        """Why the device has no netdev, and whether one may come; None when it has one."""
        if self.device.ifindex is not None:
            return None
        if self.device.driver is None:
            return "the device has no driver", Outcome.PENDING
        if self.device.driver == "vfio-pci":
            return "the device is bound to vfio-pci", Outcome.REFUSED
        return "the device has no netdev yet, or udev has not named it yet", Outcome.PENDING

    def disruption(self) -> str | None:
        """Why this device may not be reset now, or None when it may."""
        if self.allow_disruption:
            return None
        held = ", ".join(f"VF {index} is held by {holder}" for index, holder in self.holders())
        return held or None


def mend(findings: Sequence[Finding], change: Callable[[Mapping[str, Any]], Change]) -> Iterator[Finding]:
    """Attach to all that differs the one change that writes it; `change` gets values by the last part of their key."""
    wanted = {
        finding.setting.rpartition(".")[2]: finding.desired
        for finding in findings
        if finding.outcome is Outcome.DIFFERS
    }
    changes = (change(wanted),) if wanted else ()
    for finding in findings:
        yield finding.mended_by(*changes) if finding.outcome is Outcome.DIFFERS else finding


def refuse(findings: Iterable[Finding], reason: str, outcome: Outcome = Outcome.REFUSED) -> Iterator[Finding]:
    """Leave everything that differs as it is, for a reason."""
    for finding in findings:
        if finding.outcome is Outcome.DIFFERS:
            yield replace(finding, outcome=outcome, reason=reason, changes=())
        else:
            yield finding
