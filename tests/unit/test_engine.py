"""The engine: profiles and devices as they were read last, and what is remembered of each device."""

from pathlib import Path

import pytest

from tests.fake_kernel import FakeHost, Fault
from tests.fake_port import FakePort
from tests.unit.engines import IGB, apply, finding, look, make_engine, write_profile
from tuned_vnet import engine as engine_module
from tuned_vnet.change import Outcome
from tuned_vnet.desired import DesiredDevice, DesiredHost
from tuned_vnet.engine import Engine
from tuned_vnet.model import HOST, DeviceId
from tuned_vnet.profiles.load import ProfileState

RING = IGB + "[ring]\nrx = 512\n"
GONE = DeviceId(bus="pci", address="0000:99:00.0")


def up() -> FakePort:
    port = FakePort()
    port.poke({"up": True})
    return port


def test_without_profiles_nothing_is_anybodys_business(tmp_path: Path) -> None:
    host = FakeHost()
    engine = make_engine(host, tmp_path, "")
    assert engine.desired.devices == {}
    assert engine.apply(host.port.id, host.kernel()) is None
    assert engine.look(GONE, host.kernel()) is None


def test_a_profile_that_breaks_counts_as_it_was_while_the_engine_lives(tmp_path: Path) -> None:
    host = FakeHost(ports=[up()])
    engine = make_engine(host, tmp_path, RING)
    path = write_profile(tmp_path, IGB + "[ring]\nrx = 1024\nrz = 5\n")
    (problem,) = engine.reload()
    assert str(problem) == f"{path}:5: ring.rz: unknown key, [ring] has rx, tx"
    assert engine.profiles.files[0].state is ProfileState.LAST_GOOD
    assert finding(look(engine, host), "ring.rx").desired == 512

    write_profile(tmp_path, IGB + "[ring]\nrx = 1024\n")
    assert engine.reload() == ()
    assert finding(look(engine, host), "ring.rx").desired == 1024


def test_a_broken_profile_leaves_the_others_in_force(tmp_path: Path) -> None:
    host = FakeHost(ports=[up()])
    write_profile(tmp_path, IGB + "[ring]\ntx = true\n", name="60-broken.toml")
    write_profile(tmp_path, RING)
    engine = make_engine_with_problems(host, tmp_path)
    assert [found.setting for found in look(engine, host).findings] == ["ring.rx"]


def make_engine_with_problems(host: FakeHost, root: Path) -> Engine:
    engine = Engine(host.system(root))
    assert len(engine.reload()) == 1
    return engine


def test_a_device_that_comes_later_gets_its_profile_with_the_next_refresh(tmp_path: Path) -> None:
    host = FakeHost(ports=[])
    engine = Engine(host.system(tmp_path))
    write_profile(tmp_path, RING)
    assert [problem.text for problem in engine.reload()] == ["no device of this host fits"]
    host.ports.append(up())
    engine.refresh()
    assert engine.problems == ()
    assert apply(engine, host).state is Outcome.APPLIED


def test_a_device_whose_driver_was_loaded_again_has_no_past(tmp_path: Path) -> None:
    host = FakeHost(ports=[up()], faults=[Fault(text="ring", errno=22, times=1)])
    engine = make_engine(host, tmp_path, RING)
    assert apply(engine, host).state is Outcome.FAILED
    host.ports = [FakePort(ifname="ens7")]  # another interface at the same address
    host.port.poke({"up": True})
    engine.refresh()
    assert apply(engine, host).state is Outcome.APPLIED


def test_what_is_known_of_a_device_that_went_away_is_forgotten(tmp_path: Path) -> None:
    host = FakeHost(ports=[up()], faults=[Fault(text="ring", errno=22, times=1)])
    engine = make_engine(host, tmp_path, RING)
    assert apply(engine, host).state is Outcome.FAILED
    ports, host.ports = host.ports, []
    engine.refresh()
    host.ports = ports
    engine.refresh()
    assert apply(engine, host).state is Outcome.APPLIED


def test_devices_may_be_read_again_while_another_thread_has_its_first_look_at_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    host = FakeHost(ports=[FakePort(), FakePort(ifname="ens2", address="0000:22:00.0")])
    engine = make_engine(host, tmp_path, RING)
    look(engine, host)

    class Meanwhile(dict[DeviceId, DesiredDevice]):
        def __contains__(self, key: object) -> bool:
            look(engine, host, device=host.ports[1].id)
            return super().__contains__(key)

    desired = DesiredHost(devices=Meanwhile(engine.desired.devices))
    monkeypatch.setattr(engine_module, "desired_host", lambda *_: desired)
    engine.refresh()
    assert look(engine, host).state is Outcome.DIFFERS


def test_the_hosts_own_settings_are_a_device_of_their_own(tmp_path: Path) -> None:
    host = FakeHost(ports=[], sysctls={"net.core.netdev_budget": "300"})
    engine = make_engine(host, tmp_path, '[sysctl]\n"net.core.netdev_budget" = 600\n')
    report = apply(engine, host, device=HOST.id)
    assert [text for text, _ in report.changed] == ["host: sysctl net.core.netdev_budget 300 -> 600"]
    assert report.profiles == ("50-test.toml",)
