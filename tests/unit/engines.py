"""An engine on a host in memory, for tests that are not scenarios."""

import re
from pathlib import Path

from tests.fake_kernel import FakeHost
from tuned_vnet.change import Finding
from tuned_vnet.engine import Engine
from tuned_vnet.model import DeviceId, VfIndex
from tuned_vnet.reconcile import Retry
from tuned_vnet.report import DeviceReport

DIRECTORY = "etc/tuned-vnet/profiles.d"
IGB = '[match]\ndriver = "igb"\n'


def write_profile(root: Path, text: str, name: str = "50-test.toml") -> Path:
    path = root / DIRECTORY / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def make_engine(host: FakeHost, root: Path, profile: str) -> Engine:
    """An engine that has read one profile; nothing may be wrong with it."""
    write_profile(root, profile)
    engine = Engine(host.system(root))
    assert engine.reload() == ()
    return engine


def apply(
    engine: Engine,
    host: FakeHost,
    *,
    device: DeviceId | None = None,
    retry: Retry = Retry.NOTHING,
    disrupt: bool = False,
) -> DeviceReport:
    """A pass over a device, the first port unless it is said."""
    report = engine.apply(device or host.port.id, host.kernel(), retry=retry, allow_disruption=disrupt)
    assert report is not None
    return report


def look(engine: Engine, host: FakeHost, *, device: DeviceId | None = None) -> DeviceReport:
    report = engine.look(device or host.port.id, host.kernel())
    assert report is not None
    return report


def finding(report: DeviceReport, name: str) -> Finding:
    """`ring.rx`, or `vf 2 trust`."""
    vf = re.match(r"vf (\d+) (.+)", name)
    key = (f"vf.{vf[2]}", VfIndex(int(vf[1]))) if vf else (name, None)
    return next(found for found in report.findings if found.key == key)
