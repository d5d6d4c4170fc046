"""Observe, plan, execute, observe again: one device at a time, until a fresh observation gives an empty plan.

A round goes through the stages in order, and each stage is observed when its turn comes, because earlier stages make
VFs and renumber queues. A round without a write was a complete look at the device, so the work ends with one.
"""

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum
from itertools import groupby
from types import ModuleType

from tuned_vnet.change import (
    Change,
    Finding,
    FindingKey,
    Kernel,
    Outcome,
    Remembered,
    Situation,
    Stage,
    outcome_of,
)
from tuned_vnet.desired import DesiredDevice
from tuned_vnet.errors import KernelError
from tuned_vnet.model import CpuSet, Device, Sriov, VfIndex, VfUse
from tuned_vnet.plan import Observed, changes_of, make_plan
from tuned_vnet.settings.vf_write import SetVf

MAX_ROUNDS = 4
"""Write, write again what did not stay, look; and one more for what an earlier round made possible."""

RESETS_PORT = frozenset({"ring.rx", "ring.tx", "link.mtu"})
"""Settings whose refused write may have closed and opened the port on the way."""

log = logging.getLogger(__name__)

FindUses = Callable[[Device, Sriov], Mapping[VfIndex, VfUse]]


class Retry(Enum):
    """Which failures a pass tries again: an event none, an audit what cannot hurt, a person everything."""

    NOTHING = 0
    HARMLESS = 1
    EVERYTHING = 2


@dataclass(slots=True)
class Memory:
    """How writes of a device ended, so that what the driver rounds or refuses is not written for ever.

    It lives as long as the device does: a driver that was loaded again begins with an empty one.
    """

    remembered: dict[FindingKey, Remembered] = field(default_factory=dict)
    _numvfs: int = 0

    def notice_vfs(self, numvfs: int) -> None:
        """Forget VFs when there is another number of them: they are new ones, or went away under a write (EINVAL)."""
        if numvfs != self._numvfs:
            self._numvfs = numvfs
            self.remembered = {key: known for key, known in self.remembered.items() if key[1] is None}

    def forget_failures(self, retry: Retry) -> None:
        """Let the next pass try again what the kernel refused; what the device does not have stays known."""
        kept = (Outcome.ADJUSTED, Outcome.UNSUPPORTED)
        if retry is not Retry.NOTHING:
            self.remembered = {
                key: known
                for key, known in self.remembered.items()
                if known.outcome in kept or (retry is Retry.HARMLESS and key[0] in RESETS_PORT)
            }


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What a pass needs of the host besides the kernel: its CPUs, who uses VFs, and what the caller allows."""

    online_cpus: CpuSet
    find_uses: FindUses
    allow_disruption: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """A change that was tried, what it was for, and the error if it was refused."""

    text: str
    keys: tuple[FindingKey, ...]
    error: KernelError | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Pass:
    """The end of a pass: the last look, what was written on the way, and the situation it was seen in."""

    findings: tuple[Finding, ...]
    situation: Situation
    written: tuple[Written, ...] = ()


def look(desired: DesiredDevice, kernel: Kernel, memory: Memory, surroundings: Surroundings) -> Pass:
    """Observe the whole device and plan; nothing is written."""
    situation = _situation(desired.device, kernel, memory, surroundings)
    observed = _observe(desired, kernel, situation, tuple(Stage))
    return Pass(findings=make_plan(desired, observed, situation), situation=situation)


def bring_about(desired: DesiredDevice, kernel: Kernel, memory: Memory, surroundings: Surroundings) -> Pass:
    """Make the device as desired, as far as it can be; a second call right after it writes nothing."""
    return _Reconciliation(desired=desired, kernel=kernel, memory=memory, surroundings=surroundings).run()


@dataclass(slots=True, kw_only=True)
class _Reconciliation:
    """One pass over one device: what was written so far, and how often each key."""

    desired: DesiredDevice
    kernel: Kernel
    memory: Memory
    surroundings: Surroundings
    written: list[Written] = field(default_factory=list)
    attempts: dict[FindingKey, list[Finding]] = field(default_factory=dict)
    refused: dict[FindingKey, KernelError] = field(default_factory=dict)

    def run(self) -> Pass:
        for number in range(1, MAX_ROUNDS + 1):
            before = len(self.written)
            findings, situation = self._round(last=number == MAX_ROUNDS)
            if len(self.written) == before:
                break
        done = {key for written in self.written if written.error is None for key in written.keys}
        return Pass(
            findings=tuple(_applied(finding, done) for finding in findings),
            situation=situation,
            written=tuple(self.written),
        )

    def _round(self, *, last: bool) -> tuple[list[Finding], Situation]:
        """Each stage in turn: observe, plan, write. The last round only looks."""
        situation = _situation(self.desired.device, self.kernel, self.memory, self.surroundings)
        all_findings: list[Finding] = []
        for stage in self.desired.stages:
            observed = _observe(self.desired, self.kernel, situation, (stage,))
            findings = make_plan(self.desired, observed, situation, stage=stage)
            if self._remember_settled(findings):
                situation = replace(situation, memory=dict(self.memory.remembered))
                findings = make_plan(self.desired, observed, situation, stage=stage)
            all_findings.extend(findings)
            if not last and changes_of(findings):
                self._execute(findings)
                situation = _situation(self.desired.device, self.kernel, self.memory, self.surroundings)
        return all_findings, situation

    def _remember_settled(self, findings: Iterable[Finding]) -> bool:
        """Note what differs although it was written: the driver rounds, or does not do it at all.

        A VF's value may have been changed by somebody else in between, so it gets a second write first.
        """
        noted = False
        for finding in findings:
            tries = self.attempts.get(finding.key, [])
            if finding.outcome is Outcome.DIFFERS and len(tries) >= (1 if finding.vf is None else 2):
                self.memory.remembered[finding.key] = _settled(finding, tries[0], self.refused.get(finding.key))
                noted = True
        return noted

    def _execute(self, findings: Sequence[Finding]) -> None:
        """Write all changes of a stage; one that is refused does not stop the others."""
        wanted_by: dict[int, list[Finding]] = {}
        for finding in findings:
            for change in finding.changes:
                self.refused.pop(finding.key, None)
                wanted_by.setdefault(id(change), []).append(finding)
        for change, error in _write(changes_of(findings), self.kernel):
            concerned = wanted_by[id(change)]
            for finding in concerned:
                self.attempts.setdefault(finding.key, []).append(finding)
                if error is not None:
                    self.refused[finding.key] = error
                    self.memory.remembered[finding.key] = Remembered(
                        desired=finding.desired,
                        observed=finding.observed,
                        outcome=outcome_of(error),
                        reason=error.said,
                    )
            keys = tuple(finding.key for finding in concerned)
            self.written.append(Written(text=change.describe(), keys=keys, error=error))


def _write(changes: Sequence[Change], kernel: Kernel) -> Iterable[tuple[Change, KernelError | None]]:
    """Execute in order; neighbouring writes to VFs of one device go to the kernel together."""
    for batched, group in groupby(changes, key=lambda change: isinstance(change, SetVf)):
        if batched:
            vf_changes = [change for change in group if isinstance(change, SetVf)]
            yield from _write_vfs(vf_changes, kernel)
            continue
        for change in group:
            try:
                change.execute(kernel)
            except KernelError as error:
                yield change, error
            else:
                yield change, None


def _write_vfs(changes: Sequence[SetVf], kernel: Kernel) -> Iterable[tuple[Change, KernelError | None]]:
    try:
        errors = kernel.link.set_vfs(changes[0].device, [change.value for change in changes])
    except KernelError as error:
        errors = (error,) * len(changes)
    return zip(changes, errors, strict=True)


def _settled(finding: Finding, first: Finding, error: KernelError | None) -> Remembered:
    """What the driver made of a number, or a write without effect; none at all (of VFs) is no adjustment.

    With an error, part of a change was done (numvfs to 0 on the way, some of several interrupts), and the error counts.
    """
    if error is not None:
        outcome, reason = outcome_of(error), error.said
    elif _is_drivers(finding, first):
        outcome = Outcome.ADJUSTED if finding.observed else Outcome.FAILED
        reason = f"{finding.desired} asked for, the driver made it {finding.observed}"
    else:
        outcome, reason = Outcome.FAILED, "the kernel accepted it and nothing changed"
    return Remembered(desired=finding.desired, observed=finding.observed, outcome=outcome, reason=reason)


def _is_drivers(finding: Finding, first: Finding) -> bool:
    """Whether this number came from the driver: it is new, or it is about what was asked for (and was so before).

    VFs are always new ones. To call their old number a failure would be to remove them all with each retry.
    """
    wanted, now = finding.desired, finding.observed
    if not isinstance(wanted, int) or not isinstance(now, int) or isinstance(now, bool):
        return False
    if now != first.observed or (now and finding.setting == "sriov.numvfs"):
        return True
    return finding.vf is None and max(now, wanted) < 2 * min(now, wanted)


def _applied(finding: Finding, done: set[FindingKey]) -> Finding:
    if finding.outcome is Outcome.AS_DESIRED and finding.key in done:
        return replace(finding, outcome=Outcome.APPLIED)
    return finding


def _situation(device: Device, kernel: Kernel, memory: Memory, surroundings: Surroundings) -> Situation:
    """The device's link, VFs and their users at this moment; a device that is going away has none of them."""
    sriov = kernel.sriov.get(device) if device.sriov_capable else None
    memory.notice_vfs(sriov.numvfs if sriov else 0)
    try:
        link = kernel.link.get(device) if device.ifindex is not None else None
    except KernelError as error:
        log.debug("%s: %s", device.label, error)
        link = None
    return Situation(
        device=device,
        online_cpus=surroundings.online_cpus,
        link=link,
        sriov=sriov,
        vf_uses=surroundings.find_uses(device, sriov) if sriov and sriov.functions else {},
        memory=dict(memory.remembered),
        allow_disruption=surroundings.allow_disruption,
    )


def _observe(desired: DesiredDevice, kernel: Kernel, situation: Situation, stages: Sequence[Stage]) -> Observed:
    """Ask each setting of the given stages to look; an error is kept in its place."""
    values: dict[ModuleType, object] = {}
    for wish in desired.wishes:
        there = desired.device.ifindex is not None or not wish.setting.NEEDS_NETDEV
        if there and wish.setting.STAGE in stages:
            try:
                values[wish.setting] = wish.setting.observe(kernel, desired.device, wish.value)
            except KernelError as error:
                values[wish.setting] = error
    vfs = {state.index: state for state in situation.link.vfs} if situation.link else {}
    return Observed(values=values, vfs=vfs)
