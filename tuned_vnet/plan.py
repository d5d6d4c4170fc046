"""From desired and observed to findings: pure, so that every decision can be tried without a kernel."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

from tuned_vnet.change import Change, Finding, FindingKey, Outcome, Situation, Stage, outcome_of
from tuned_vnet.desired import DesiredDevice, Wish
from tuned_vnet.errors import KernelError
from tuned_vnet.model import VfIndex, VfState
from tuned_vnet.profiles.table import Entry, plain
from tuned_vnet.settings import VF_SETTINGS

_VF_ORDER = {f"vf.{key.name}": rank for rank, setting in enumerate(VF_SETTINGS) for key in setting.KEYS}


@dataclass(frozen=True, slots=True, kw_only=True)
class Observed:
    """What the settings' observe() returned, or the error it met; and each VF as the PF's driver tells."""

    values: Mapping[ModuleType, Any] = field(default_factory=dict)
    vfs: Mapping[VfIndex, VfState] = field(default_factory=dict)


def make_plan(
    desired: DesiredDevice, observed: Observed, situation: Situation, *, stage: Stage | None = None
) -> tuple[Finding, ...]:
    """Hold a device against what is desired of it: everything, or the settings of one stage."""
    findings: list[Finding] = []
    for wish in desired.wishes:
        if stage in (None, wish.setting.STAGE):
            findings.extend(_plan_setting(wish, desired, observed, situation))
    for index, wishes in desired.vfs.items():
        for wish in wishes:
            if stage in (None, wish.setting.STAGE):
                findings.extend(_plan_vf(wish, index, desired, observed, situation))
    return tuple(sorted(findings, key=_order) if stage in (Stage.VF, Stage.VF_RATE) else findings)


def changes_of(findings: Iterable[Finding]) -> tuple[Change, ...]:
    """The changes of all findings in order; one that several share is named once."""
    unique: dict[int, Change] = {id(change): change for finding in findings for change in finding.changes}
    return tuple(unique.values())


def _order(finding: Finding) -> int:
    """Settings before VFs: all VLANs, then all trust, and so on, each in the order of the VFs (a stable sort)."""
    return _VF_ORDER.get(finding.setting, len(_VF_ORDER))


def _plan_setting(wish: Wish, desired: DesiredDevice, observed: Observed, situation: Situation) -> Iterator[Finding]:
    if wish.setting.NEEDS_NETDEV and (missing := situation.no_netdev()) is not None:
        yield from _all(wish.setting.SECTION, desired.entries, *missing)
        return
    value = observed.values.get(wish.setting)
    if isinstance(value, KernelError):
        yield from _all(wish.setting.SECTION, desired.entries, str(value), outcome_of(value))
    else:
        yield from wish.setting.plan(wish.value, value, situation)


def _plan_vf(
    wish: Wish, index: VfIndex, desired: DesiredDevice, observed: Observed, situation: Situation
) -> Iterator[Finding]:
    state = observed.vfs.get(index)
    if state is not None:
        yield from wish.setting.plan(wish.value, state, situation)
        return
    if desired.wanted_vfs is not None and index >= desired.wanted_vfs:
        return  # one VF too many a moment ago, and gone now
    names = {f"vf.{key.setting}" for key in wish.setting.KEYS}
    for (setting, vf), entry in desired.entries.items():
        if vf == index and setting in names:
            yield _waiting((setting, vf), entry, Outcome.PENDING, "the VF does not exist yet")


def _all(section: str, entries: Mapping[FindingKey, Entry], reason: str, outcome: Outcome) -> Iterator[Finding]:
    for (setting, vf), entry in entries.items():
        if vf is None and setting.startswith(f"{section}."):
            yield _waiting((setting, vf), entry, outcome, reason)


def _waiting(key: FindingKey, entry: Entry, outcome: Outcome, reason: str) -> Finding:
    setting, vf = key
    return Finding(setting=setting, vf=vf, desired=plain(entry.value), observed=None, outcome=outcome, reason=reason)
