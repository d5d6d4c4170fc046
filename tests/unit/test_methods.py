"""What clients may ask of the daemon, and the shape of its answers."""

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.fake_kernel import FakeHost
from tests.fake_port import FakePort
from tests.unit.engines import IGB, make_engine, write_profile
from tuned_vnet.control.interface import TUNED_VNET
from tuned_vnet.control.server import Peer
from tuned_vnet.control.wire import NO_SUCH_DEVICE, VarlinkError
from tuned_vnet.methods import Methods
from tuned_vnet.model import Json
from tuned_vnet.passes import Passes
from tuned_vnet.workers import Workers

ROOT_USER = Peer(uid=0, pid=1)
SINCE = "2026-11-21T02:00:00Z"
WANTED = "ens1 0000:21:00.0: ring rx 256 -> 512"


class Caller:
    """Calls methods as a client would, and checks that answers are as the interface says."""

    def __init__(self, host: FakeHost, root: Path, profile: str) -> None:
        self.passes = Passes(engine=make_engine(host, root, profile), workers=Workers(host.kernel))
        self.table = Methods(self.passes, since=SINCE).table()

    def __call__(self, name: str, parameters: Mapping[str, Json] | None = None) -> dict[str, Any]:
        reply = asyncio.run(self._call(name, parameters or {}))
        (method,) = (method for method in TUNED_VNET.methods if method.name == name)
        assert {field.name for field in method.returns} == reply.keys()
        assert all(field.kind.fits(reply[field.name]) for field in method.returns)
        return reply

    async def _call(self, name: str, parameters: Mapping[str, Json]) -> dict[str, Json]:
        return dict(await self.table[name](parameters, ROOT_USER))


@pytest.fixture
def host() -> FakeHost:
    return FakeHost(ports=[FakePort(), FakePort(ifname="ens2", address="0000:22:00.0")])


@pytest.fixture
def call(host: FakeHost, tmp_path: Path) -> Caller:
    return Caller(host, tmp_path, IGB + "[ring]\nrx = 512\n")


def test_every_method_of_the_interface_is_there(call: Caller) -> None:
    assert call.table.keys() == {method.name for method in TUNED_VNET.methods}


def test_status_and_verify_look_and_write_nothing(call: Caller, host: FakeHost) -> None:
    for name in ("Status", "Verify"):
        status = call(name)["status"]
        assert status["daemon"] == {"running": True, "since": SINCE}
        assert [device["ifname"] for device in status["devices"]] == ["ens1", "ens2"]
        assert status["state"] == "differs"
    assert host.writes == []


def test_plan_says_what_apply_then_does(call: Caller, host: FakeHost) -> None:
    planned = call("Plan")["changes"]
    assert planned == [WANTED, "ens2 0000:22:00.0: ring rx 256 -> 512"]
    assert host.writes == []
    reply = call("Apply")
    assert (reply["changes"], reply["status"]["state"]) == (planned, "applied")
    assert call("Apply")["changes"] == []
    assert call("Plan")["changes"] == []


def test_one_device_can_be_meant(call: Caller, host: FakeHost) -> None:
    assert call("Apply", {"device": "ens1"})["changes"] == [WANTED]
    assert host.writes == ["ens1: ring rx 512"]


@pytest.mark.parametrize("name", ["Status", "Plan", "Apply", "Verify", "Cat"])
def test_a_device_that_is_not_there_is_an_error_of_the_interface(call: Caller, name: str) -> None:
    with pytest.raises(VarlinkError) as caught:
        call(name, {"device": "ens9"})
    assert (caught.value.name, caught.value.parameters) == (NO_SUCH_DEVICE, {"device": "ens9"})


def test_apply_sees_devices_that_came_meanwhile(call: Caller, host: FakeHost) -> None:
    host.ports.append(FakePort(ifname="ens3", address="0000:23:00.0"))
    assert "ens3 0000:23:00.0: ring rx 256 -> 512" in call("Apply")["changes"]


def test_disruption_has_to_be_allowed(call: Caller, host: FakeHost) -> None:
    host.ports.pop()
    host.port.poke({"up": True, "numvfs": 2, "vf": {"0": {"guest": "db-1"}}})
    assert call("Apply")["changes"] == []
    assert call("Apply", {"allow_disruption": False})["status"]["state"] == "refused"
    assert call("Apply", {"allow_disruption": True})["changes"] == [WANTED]


def test_reload_reads_the_profiles_and_applies_them(call: Caller, host: FakeHost, tmp_path: Path) -> None:
    write_profile(tmp_path, IGB + "[ring]\nrx = 1024\n")
    reply = call("Reload")
    assert reply["problems"] == []
    assert reply["changes"][0] == "ens1 0000:21:00.0: ring rx 256 -> 1024"


def test_reload_names_what_is_broken_and_keeps_what_was_good(call: Caller, tmp_path: Path) -> None:
    path = write_profile(tmp_path, IGB + "[ring]\nrz = 1024\n")
    reply = call("Reload")
    assert reply["problems"] == [f"{path}:4: ring.rz: unknown key, [ring] has rx, tx"]
    assert reply["changes"][0] == WANTED


def test_reload_does_not_count_as_broken_what_is_merely_idle(call: Caller, host: FakeHost) -> None:
    host.ports.clear()
    assert call("Reload")["problems"] == []


def test_cat_lists_settings_with_their_lines(call: Caller, tmp_path: Path) -> None:
    (row,) = call("Cat", {"device": "ens1"})["settings"]
    assert (row["setting"], row["value"]) == ("ring.rx", 512)
    assert row["origin"] == f"{tmp_path}/etc/tuned-vnet/profiles.d/50-test.toml:4"
