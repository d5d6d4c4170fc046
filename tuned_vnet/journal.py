"""What the daemon writes to the journal: a line for each change, and each trouble once, with fields to filter by.

PCI_ADDRESS= (the device's address on its bus), SETTING= and GUEST= go with the lines; see journalctl(1).
"""

import logging
import os
import sys
from collections.abc import Iterable

from systemd import journal
from tuned_vnet.change import Finding, Outcome
from tuned_vnet.cpus import format_cpulist
from tuned_vnet.model import Device, DeviceId
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
        self._problems: tuple[Problem, ...] = ()

    def write_pass(self, report: DeviceReport) -> None:
        """A line for each change of the pass, and for each trouble that was not there before."""
        for text, setting in report.changed:
            log.info(text, extra=_fields(report.device, setting))
        troubles = dict(_troubles(report))
        told = self._told.get(report.device.id, set())
        for text, finding in troubles.items():
            if text not in told:
                log.log(LEVELS[finding.outcome], text, extra=_fields(report.device, finding.setting))
        self._told[report.device.id] = set(troubles)

    def write_problems(self, problems: tuple[Problem, ...]) -> None:
        """A line for each thing that is wrong with the profiles, unless it was told already."""
        for problem in problems:
            if problem not in self._problems:
                log.log(logging.WARNING if problem.fatal else logging.INFO, "%s", problem)
        self._problems = problems

    def forget(self, device_id: DeviceId) -> None:
        """The device has gone; its troubles are news again when it comes back."""
        self._told.pop(device_id, None)


def _troubles(report: DeviceReport) -> Iterable[tuple[str, Finding]]:
    """What stands alike for the same reason, of several settings or VFs, makes one line."""
    groups: dict[tuple[Outcome, str | None, bool], list[Finding]] = {}
    for finding in report.findings:
        if finding.outcome in LEVELS:
            groups.setdefault((finding.outcome, finding.reason, finding.vf is None), []).append(finding)
    for (outcome, reason, _), findings in groups.items():
        vfs = [finding.vf for finding in findings if finding.vf is not None]
        where = f"{report.device.label}: vf {format_cpulist(vfs)}" if vfs else report.device.label
        settings = dict.fromkeys(finding.setting.removeprefix("vf.") for finding in findings)
        entry = report.entries.get(findings[0].key)
        origin = f" ({entry.origin})" if entry else ""
        yield f"{where}: {', '.join(settings)}: {outcome}: {reason}{origin}", findings[0]


def _fields(device: Device, setting: str) -> dict[str, str]:
    return {"PCI_ADDRESS": device.id.address, "SETTING": setting}
