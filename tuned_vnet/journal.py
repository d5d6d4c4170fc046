"""What the daemon writes to the journal: a line for each change, and each trouble once, with fields to filter by.

PCI_ADDRESS= (the device's address on its bus), SETTING= and GUEST= go with the lines; see journalctl(1).
"""

import logging
import os
import sys
from collections.abc import Iterable, Sequence

from systemd import journal
from tuned_vnet.change import Finding, FindingKey, Outcome
from tuned_vnet.cpus import format_cpulist
from tuned_vnet.model import DeviceId
from tuned_vnet.profiles.table import Problem
from tuned_vnet.report import DeviceReport

log = logging.getLogger("tuned_vnet")

LEVELS = {
    Outcome.FAILED: logging.WARNING,
    Outcome.REFUSED: logging.WARNING,
    Outcome.UNSUPPORTED: logging.INFO,
    Outcome.ADJUSTED: logging.INFO,
    Outcome.PENDING: logging.INFO,
}
"""Outcomes that are told once; the others are changes, which have lines of their own, or silence."""

MOST_PROBLEMS = 50
"""A file that is no profile at all has one in every line."""


def open_journal() -> None:
    """Log to the journal when systemd started us (JOURNAL_STREAM), else to standard error."""
    if "JOURNAL_STREAM" in os.environ:
        handler: logging.Handler = journal.JournalHandler(SYSLOG_IDENTIFIER="tuned-vnet")
    else:
        handler = logging.StreamHandler(sys.stderr)
    log.addHandler(handler)
    log.setLevel(logging.INFO)


class Journal:
    """Remembers which troubles were told, so that an audit every minute says nothing new."""

    def __init__(self) -> None:
        self._told: dict[DeviceId, set[str]] = {}
        self._problems: frozenset[Problem] = frozenset()

    def write_pass(self, report: DeviceReport) -> None:
        """A line for each change of the pass, and for each trouble that was not there before."""
        for text, key in report.changed:
            log.info(text, extra=_fields(report, [key]))
        troubles = dict(_troubles(report))
        told = self._told.get(report.device.id, set())
        for text, findings in troubles.items():
            if text not in told:
                keys = [finding.key for finding in findings]
                log.log(LEVELS[findings[0].outcome], text, extra=_fields(report, keys))
        self._told[report.device.id] = set(troubles)

    def write_problems(self, problems: tuple[Problem, ...]) -> None:
        """A line for each thing that is wrong with the profiles, unless it was told already."""
        new = [problem for problem in problems if problem not in self._problems]
        for problem in new[:MOST_PROBLEMS]:
            log.log(logging.WARNING if problem.fatal else logging.INFO, "%s", problem)
        if len(new) > MOST_PROBLEMS:
            log.warning("%d more problems, see `tuned-vnetctl check`", len(new) - MOST_PROBLEMS)
        self._problems = frozenset(problems)

    def forget(self, device_id: DeviceId) -> None:
        """The device has gone; its troubles are news again when it comes back."""
        self._told.pop(device_id, None)


def _troubles(report: DeviceReport) -> Iterable[tuple[str, list[Finding]]]:
    """What stands alike for the same reason, of several settings or VFs, makes one line."""
    groups: dict[tuple[Outcome, str | None, bool], list[Finding]] = {}
    for finding in report.findings:
        if finding.outcome in LEVELS:
            groups.setdefault((finding.outcome, finding.reason, finding.vf is None), []).append(finding)
    for (outcome, reason, _), findings in groups.items():
        vfs = {finding.vf for finding in findings if finding.vf is not None}
        where = f"{report.device.label}: vf {format_cpulist(vfs)}" if vfs else report.device.label
        settings = dict.fromkeys(finding.setting.removeprefix("vf.") for finding in findings)
        entry = report.entries.get(findings[0].key)
        origin = f" ({entry.origin})" if entry else ""
        yield f"{where}: {', '.join(settings)}: {outcome}: {reason}{origin}", findings


def _fields(report: DeviceReport, keys: Sequence[FindingKey]) -> dict[str, str]:
    """SETTING= names the first of the settings, GUEST= the guest that has the VFs, where it is one."""
    guests = {report.holders[vf].name for _, vf in keys if vf is not None and vf in report.holders}
    fields = {"PCI_ADDRESS": report.device.id.address, "SETTING": keys[0][0]}
    return {**fields, "GUEST": guests.pop()} if len(guests) == 1 else fields
