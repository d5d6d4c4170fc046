"""Planning by stages, and what is said where nothing could be observed."""

from pathlib import Path

from tests.fake_kernel import FakeHost
from tests.fake_port import FakePort
from tests.unit.engines import IGB, make_engine
from tuned_vnet.change import Outcome, Situation, Stage
from tuned_vnet.desired import DesiredDevice
from tuned_vnet.errors import KernelError
from tuned_vnet.model import Rings, VfIndex, VfState
from tuned_vnet.plan import Observed, changes_of, make_plan
from tuned_vnet.settings import ring

PROFILE = """
[ring]
rx = 512
tx = 512
[[vf]]
index = "*"
max-tx-rate = 10
spoofchk = false
vlan = 5
"""


def desired(root: Path) -> tuple[DesiredDevice, Situation]:
    port = FakePort()
    port.poke({"up": True, "numvfs": 2})
    host = FakeHost(ports=[port])
    engine = make_engine(host, root, IGB + PROFILE)
    device = port.device()
    return engine.desired.devices[device.id], Situation(device=device, link=host.kernel().link.get(device))


def seen(index: int) -> VfState:
    return VfState(index=VfIndex(index), vlan=0, qos=0, vlan_protocol="802.1q", max_tx_rate=0, spoofchk=True)


def test_a_stage_plans_its_own_settings_only(tmp_path: Path) -> None:
    device, situation = desired(tmp_path)
    observed = Observed(values={ring: Rings(rx=256, tx=256, rx_max=4096, tx_max=4096)}, vfs={VfIndex(0): seen(0)})
    rings = make_plan(device, observed, situation, stage=Stage.RINGS)
    assert {found.setting for found in rings} == {"ring.rx", "ring.tx"}
    assert make_plan(device, observed, situation, stage=Stage.COALESCE) == ()
    rates = make_plan(device, observed, situation, stage=Stage.VF_RATE)
    assert {found.setting for found in rates} == {"vf.max-tx-rate"}


def test_vf_settings_are_planned_setting_by_setting_and_each_in_the_order_of_vfs(tmp_path: Path) -> None:
    device, situation = desired(tmp_path)
    observed = Observed(vfs={VfIndex(index): seen(index) for index in (0, 1)})
    found = make_plan(device, observed, situation, stage=Stage.VF)
    assert [(one.setting, one.vf) for one in found] == [
        ("vf.vlan", 0),
        ("vf.vlan", 1),
        ("vf.spoofchk", 0),
        ("vf.spoofchk", 1),
    ]


def test_a_vf_that_does_not_exist_yet_is_waited_for_with_all_its_keys(tmp_path: Path) -> None:
    device, situation = desired(tmp_path)
    observed = Observed(values={ring: Rings()}, vfs={VfIndex(0): seen(0)})
    found = [one for one in make_plan(device, observed, situation) if one.vf == 1]
    assert {one.setting for one in found} == {"vf.vlan", "vf.spoofchk", "vf.max-tx-rate"}
    assert {(one.outcome, one.reason) for one in found} == {(Outcome.PENDING, "the VF does not exist yet")}


def test_a_change_that_several_findings_share_is_named_once(tmp_path: Path) -> None:
    device, situation = desired(tmp_path)
    observed = Observed(values={ring: Rings(rx=256, tx=256, rx_max=4096, tx_max=4096)})
    found = make_plan(device, observed, situation, stage=Stage.RINGS)
    assert [change.describe() for change in changes_of(found)] == ["ring rx 256 -> 512, tx 256 -> 512"]


def test_an_error_while_looking_is_told_for_every_key_of_the_section(tmp_path: Path) -> None:
    device, situation = desired(tmp_path)
    observed = Observed(values={ring: KernelError(16, "rings")})
    found = make_plan(device, observed, situation, stage=Stage.RINGS)
    assert [(one.setting, one.desired, one.outcome) for one in found] == [
        ("ring.rx", 512, Outcome.PENDING),
        ("ring.tx", 512, Outcome.PENDING),
    ]
