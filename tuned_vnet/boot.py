"""When the boot pass is done: everything that does not depend on other people's cables is as desired.

READY=1 is sent then, and libvirt starts its networks. What is pending for good reasons of its own (no carrier within
the given time) or refused does not hold up the boot; a deadline ends it in any case.
"""

from collections.abc import Iterable

from tuned_vnet.change import Finding, Outcome
from tuned_vnet.config import Config
from tuned_vnet.desired import DesiredHost
from tuned_vnet.report import DeviceReport
from tuned_vnet.settings import vf_rate

BASE_S = 10.0
PER_VF_S = 1.5
"""VFs take from 0.3 s (i40e) to more than 1 s each (ixgbe, mlx5), says what people report of other tools."""

LONGEST_S = 300.0


def deadline_s(config: Config, desired: DesiredHost) -> float:
    """How long the boot pass may take, in seconds."""
    if config.boot_timeout_s is not None:
        return config.boot_timeout_s
    vfs = sum(desired_device.wanted_vfs or 0 for desired_device in desired.devices.values())
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
    """A VF that was never made is told by sriov.numvfs; a carrier is waited for a while."""
    if finding.reason == vf_rate.NO_CARRIER:
        return carrier_counts
    return finding.vf is None or finding.vf < report.numvfs
