"""Scenarios: a profile and a host before, and what an apply writes, reports and leaves behind.

Each file in `scenarios/` is one story:

    story       what it shows
    profiles    file name -> text
    problems    what is wrong with the profiles, as `check` prints it
    [[port]]    a PF and its state before; the keys are those of `FakePort.poke`
    [host]      online CPUs, sysctls, writes that fail (`refuse`) or have no effect (`deaf`)
    [[apply]]   one apply after the other:
        by-hand          what somebody changes before it, by interface
        allow-disruption, retry
        changes          lines that it prints, in order
        outcomes         every setting, as `outcome` or `outcome: reason`; VFs that are alike share a line
        after            state afterwards, by interface, as far as it matters

After each apply the plan is empty: nothing is left that another look would change, and a second apply writes nothing.
"""

import errno
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pytest
import tomli

from tests.fake_kernel import FakeHost, Fault
from tests.fake_port import FakePort
from tuned_vnet.change import Finding, Outcome
from tuned_vnet.cpus import format_cpulist, parse_cpulist
from tuned_vnet.engine import Engine
from tuned_vnet.reconcile import Retry
from tuned_vnet.report import DeviceReport

SCENARIOS = Path(__file__).with_name("scenarios")
IDENTITY = ("driver", "ifname", "address", "bus", "numa_node", "local_cpus", "total_vfs", "sriov_capable")
NONE = "none"  # TOML has no null

Table = Mapping[str, Any]


def read(path: Path) -> Table:
    return tomli.loads(path.read_text(encoding="utf-8"))


def make_port(values: Table) -> FakePort:
    """What TOML cannot say, that there is none of something, is "none" there."""
    given: dict[str, Any] = {name: None if value == NONE else value for name, value in values.items()}
    port = FakePort(**{name: value for name, value in given.items() if name in IDENTITY})
    port.poke({name: value for name, value in given.items() if name not in IDENTITY})
    return port


def make_host(scenario: Table) -> FakeHost:
    host = scenario.get("host", {})
    return FakeHost(
        ports=[make_port(values) for values in scenario["port"]],
        online_cpus=parse_cpulist(host.get("online-cpus", "0-3")),
        sysctls=dict(host.get("sysctls", {})),
        faults=[Fault(text=text, errno=getattr(errno, name)) for text, name in host.get("refuse", {}).items()],
        deaf=set(host.get("deaf", ())),
    )


def make_engine(scenario: Table, host: FakeHost, root: Path) -> Engine:
    directory = root / "etc/tuned-vnet/profiles.d"
    directory.mkdir(parents=True)
    for name, text in scenario["profiles"].items():
        (directory / name).write_text(text, encoding="utf-8")
    engine = Engine(host.system(root))
    problems = [str(problem).replace(f"{directory}/", "") for problem in engine.reload()]
    assert problems == scenario.get("problems", [])
    return engine


def look(engine: Engine, host: FakeHost) -> list[DeviceReport]:
    reports = (engine.look(device_id, host.kernel()) for device_id in engine.desired.devices)
    return [report for report in reports if report is not None]


def apply(engine: Engine, host: FakeHost, step: Table) -> list[DeviceReport]:
    options = {
        "allow_disruption": step.get("allow-disruption", False),
        "retry": Retry.EVERYTHING if step.get("retry") else Retry.NOTHING,
    }
    reports = (engine.apply(device_id, host.kernel(), **options) for device_id in engine.desired.devices)
    return [report for report in reports if report is not None]


def outcomes(reports: Iterable[DeviceReport]) -> dict[str, str]:
    """`ens1 vf 0-6 spoofchk` -> `pending: …`; the interface is left out where there is one port only."""
    groups: dict[tuple[str, str, str], list[Finding]] = {}
    reports = tuple(reports)
    for report in reports:
        where = f"{report.device.ifname} " if len(reports) > 1 and report.device.ifname else ""
        for finding in report.findings:
            said = f"{finding.outcome}: {finding.reason}" if finding.reason else str(finding.outcome)
            groups.setdefault((where, finding.setting, said), []).append(finding)
    return {
        f"{where}vf {vfs} {setting[3:]}" if (vfs := _vfs(findings)) else f"{where}{setting}": said
        for (where, setting, said), findings in groups.items()
    }


def _vfs(findings: Iterable[Finding]) -> str:
    return format_cpulist(finding.vf for finding in findings if finding.vf is not None)


def settled(expected: Table) -> dict[str, str]:
    """What was applied is as desired when it is looked at again."""
    return {name: "as-desired" if said == Outcome.APPLIED else said for name, said in expected.items()}


def merged(said: Mapping[str, str]) -> set[tuple[str, str]]:
    """Setting and outcome for each VF by itself, because applied and unchanged VFs make one group later."""
    single: set[tuple[str, str]] = set()
    for name, outcome in said.items():
        where, vf, rest = name.rpartition("vf ")
        if not vf or "." in rest.split(" ")[0]:
            single.add((name, outcome))
            continue
        indices, _, setting = rest.partition(" ")
        single |= {(f"{where}vf {index} {setting}", outcome) for index in parse_cpulist(indices)}
    return single


def assert_state(found: Any, expected: Any, where: str) -> None:
    """Whatever is expected is there; tables may have more."""
    if isinstance(expected, Mapping):
        for name, value in expected.items():
            assert name in found, f"{where}.{name}"
            assert_state(found[name], value, f"{where}.{name}")
    else:
        assert found == (None if expected == NONE else expected), where


@pytest.mark.parametrize("path", sorted(SCENARIOS.glob("*.toml")), ids=lambda path: path.stem)
def test_scenario(path: Path, tmp_path: Path) -> None:
    scenario = read(path)
    host = make_host(scenario)
    engine = make_engine(scenario, host, tmp_path)
    for step in scenario["apply"]:
        for ifname, values in step.get("by-hand", {}).items():
            next(port for port in host.ports if port.ifname == ifname).poke(values)
        engine.refresh()
        assert_apply(engine, host, step)


def assert_apply(engine: Engine, host: FakeHost, step: Table) -> None:
    before = len(host.writes)
    look(engine, host)
    assert len(host.writes) == before, "a look writes nothing"

    reports = apply(engine, host, step)
    assert [text for report in reports for text, _ in report.changed] == step["changes"]
    assert outcomes(reports) == step["outcomes"]
    states = {port.ifname: port.state() for port in host.ports} | {"sysctls": host.sysctls}
    assert_state(states, step.get("after", {}), "after")

    again = look(engine, host)
    assert [line for report in again for line in report.planned] == []
    assert merged(outcomes(again)) == merged(settled(step["outcomes"]))
    written = len(host.writes)
    apply(engine, host, {"allow-disruption": step.get("allow-disruption", False)})
    assert host.writes[written:] == [], "a second apply writes nothing"
