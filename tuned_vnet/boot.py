"""When the boot pass is done: everything that does not depend on other people's cables is as desired.

READY=1 is sent then, and libvirt starts its networks. What is pending for good reasons of its own (no carrier within
the given time) or refused does not hold up the boot; a deadline ends it in any case.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from tuned_vnet.change import Finding, Outcome
from tuned_vnet.config import Config
from tuned_vnet.desired import DesiredHost
from tuned_vnet.report import DeviceReport
from tuned_vnet.settings import irq, vf_rate, xps

BASE_S = 10.0
PER_VF_S = 1.5
"""VFs take from 0.3 s (i40e) to more than 1 s each (ixgbe, mlx5), says what people report of other tools."""

LONGEST_S = 300.0


@dataclass(slots=True, kw_only=True)
class Deadline:
    """When the boot goes on without us.

    The time that udev takes to find the cards is not ours and does not count, unless a number of seconds was asked for.
    """

    config: Config
    _found_s: float | None = None

    @property
    def longest_s(self) -> float:
        """Seconds that the boot pass never exceeds."""
        return self.config.boot_timeout_s or LONGEST_S

    def has_passed(self, elapsed_s: float, desired: DesiredHost, *, udev_idle: bool) -> bool:
        """To be asked again and again; `elapsed_s` since the start, `udev_idle` once there is no card to come."""
        if self._found_s is None and udev_idle:
            self._found_s = elapsed_s
        if elapsed_s >= self.longest_s or self.config.boot_timeout_s is not None:
            return elapsed_s >= self.longest_s
        return self._found_s is not None and elapsed_s - self._found_s >= allowance_s(desired)


def allowance_s(desired: DesiredHost) -> float:
    """How long making and setting all VFs may take, in seconds."""
    vfs = sum(device.wanted_vfs or 0 for device in desired.devices.values())
    return min(BASE_S + PER_VF_S * vfs, LONGEST_S)


def waits_for(reports: Iterable[DeviceReport], config: Config, *, elapsed_s: float) -> tuple[str, ...]:
    """What the boot pass still waits for, in words; nothing means that it is done."""
    carrier_counts = elapsed_s < config.carrier_timeout_s
    return tuple(
        f"{report.device.label}: {finding.setting}: {finding.reason}"
        for report in reports
        for finding in report.findings
        if finding.outcome is Outcome.PENDING and _holds_up(finding, report, carrier_counts=carrier_counts)
    )


def _holds_up(finding: Finding, report: DeviceReport, *, carrier_counts: bool) -> bool:
    """A VF that was never made is told by sriov.numvfs; a carrier is waited for a while.

    A port that is not ours to bring up is brought up by network services, and they wait for us.
    """
    if finding.reason == vf_rate.NO_CARRIER:
        return carrier_counts
    if finding.reason in (irq.LINK_IS_DOWN, xps.LINK_IS_DOWN):
        return False
    return finding.vf is None or finding.vf < report.numvfs
