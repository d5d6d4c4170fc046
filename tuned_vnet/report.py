"""Reports: what `status`, `plan`, `apply` and `verify` tell, as values and as the JSON object of INTERFACE.

The object that `report_json` makes is the varlink reply, the output of --json, and what the tables are drawn from.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from tuned_vnet.change import Finding, FindingKey, Outcome, worst
from tuned_vnet.desired import DesiredDevice
from tuned_vnet.model import Device, Holder, Json, VfFunction, VfIndex
from tuned_vnet.plan import changes_of
from tuned_vnet.profiles.load import Profiles
from tuned_vnet.profiles.table import Entry, plain
from tuned_vnet.reconcile import Pass, Written

VERSION = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceReport:
    """One device after a look at it or a pass over it."""

    device: Device
    profiles: tuple[str, ...]
    findings: tuple[Finding, ...]
    entries: Mapping[FindingKey, Entry] = field(default_factory=dict)
    functions: tuple[VfFunction, ...] = ()
    numvfs: int = 0
    holders: Mapping[VfIndex, Holder] = field(default_factory=dict)
    written: tuple[Written, ...] = ()

    @property
    def state(self) -> Outcome:
        """The worst of the findings."""
        return worst(finding.outcome for finding in self.findings)

    @property
    def planned(self) -> tuple[str, ...]:
        """What `apply` would write, one line a change."""
        return tuple(f"{self.device.label}: {change.describe()}" for change in changes_of(self.findings))

    @property
    def changed(self) -> tuple[tuple[str, FindingKey], ...]:
        """What the pass wrote, one line a change, each with the setting and the VF it was for."""
        done = (written for written in self.written if written.error is None)
        return tuple((f"{self.device.label}: {written.text}", written.keys[0]) for written in done)


def report_device(desired: DesiredDevice, result: Pass) -> DeviceReport:
    """What a pass found and did, with the lines that asked for it."""
    situation = result.situation
    return DeviceReport(
        device=desired.device,
        profiles=desired.profiles,
        findings=result.findings,
        entries=desired.entries,
        functions=situation.sriov.functions if situation.sriov else (),
        numvfs=situation.sriov.numvfs if situation.sriov else 0,
        holders=dict(situation.holders()),
        written=result.written,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """The whole host: its devices (the host itself among them), the profiles, and the daemon if there is one."""

    devices: Sequence[DeviceReport]
    profiles: Profiles
    daemon_since: str | None = None

    @property
    def state(self) -> Outcome:
        """The worst of its parts."""
        return worst(device.state for device in self.devices)


def report_json(report: Report) -> dict[str, Json]:
    """The object of `status --json`."""
    host = [device for device in report.devices if device.device.id.bus == "host"]
    nics = [device for device in report.devices if device.device.id.bus != "host"]
    return {
        "version": VERSION,
        "state": report.state,
        "daemon": {"running": report.daemon_since is not None, "since": report.daemon_since},
        "profiles": [
            {"file": file.file, "state": file.state, "errors": [str(problem) for problem in file.problems]}
            for file in report.profiles.files
        ],
        "devices": [_device_json(device) for device in nics],
        "sysctls": [_finding_json(finding, device.entries) for device in host for finding in device.findings],
    }


def _device_json(report: DeviceReport) -> Json:
    device = report.device
    return {
        "device": str(device.id),
        "ifname": device.ifname,
        "driver": device.driver,
        "numa_node": device.numa_node,
        "state": report.state,
        "profiles": list(report.profiles),
        "settings": [_finding_json(finding, report.entries) for finding in report.findings if finding.vf is None],
        "vfs": _vfs_json(report),
    }


def _vfs_json(report: DeviceReport) -> list[Json]:
    """Every VF that exists, and those that a profile speaks of and that do not exist yet."""
    functions = {function.index: function for function in report.functions}
    wanted = {finding.vf for finding in report.findings if finding.vf is not None}
    return [_vf_json(index, functions.get(index), report) for index in sorted(functions.keys() | wanted)]


def _vf_json(index: VfIndex, function: VfFunction | None, report: DeviceReport) -> Json:
    holder = report.holders.get(index)
    return {
        "vf": index,
        "pci_address": function.address if function else None,
        "driver": function.driver if function else None,
        "guest": {"name": holder.name, "uuid": holder.uuid, "pid": holder.pid} if holder else None,
        "settings": [_finding_json(finding, report.entries) for finding in report.findings if finding.vf == index],
    }


def _finding_json(finding: Finding, entries: Mapping[FindingKey, Entry]) -> Json:
    entry = entries.get(finding.key)
    return {
        "setting": finding.setting,
        "desired": finding.desired,
        "observed": finding.observed,
        "outcome": finding.outcome,
        "origin": str(entry.origin) if entry else None,
        "reason": finding.reason,
    }


def cat_json(desired: DesiredDevice) -> list[Json]:
    """Every effective key of a device with its line, and the lines that it won over."""
    return [
        {
            "device": str(desired.device.id),
            "ifname": desired.device.ifname,
            "vf": vf,
            "setting": setting,
            "value": plain(entry.value),
            "origin": str(entry.origin),
            "overrides": [{"value": plain(old.value), "origin": str(old.origin)} for old in entry.overrides],
        }
        for (setting, vf), entry in desired.entries.items()
    ]
