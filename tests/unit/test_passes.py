"""Passes over many devices from the loop, and what is shown of a device that does not answer."""

import asyncio
import threading
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from tests.fake_kernel import FakeHost, Fault
from tests.fake_port import FakePort
from tests.unit.engines import IGB, make_engine
from tuned_vnet import passes as passes_module
from tuned_vnet.change import Outcome
from tuned_vnet.errors import UsageError
from tuned_vnet.model import HOST
from tuned_vnet.passes import Passes, targets
from tuned_vnet.workers import Workers

PATIENCE_S = 5.0
PROFILE = IGB + '[ring]\nrx = 512\n[sysctl]\n"net.core.netdev_budget" = 600\n'


def make_host() -> FakeHost:
    ports = [FakePort(), FakePort(ifname="ens2", address="0000:22:00.0"), FakePort(ifname="ens3", driver="ixgbe")]
    ports[2].address = "0000:23:00.0"
    return FakeHost(ports=ports, sysctls={"net.core.netdev_budget": "300"})


def run(host: FakeHost, root: Path, story: Callable[[Passes], Awaitable[None]]) -> None:
    async def main() -> None:
        passes = Passes(engine=make_engine(host, root, PROFILE), workers=Workers(host.kernel))
        try:
            await story(passes)
        finally:
            passes.close()

    asyncio.run(main())


def test_names_mean_devices(tmp_path: Path) -> None:
    host = make_host()
    engine = make_engine(host, tmp_path, PROFILE)
    ens2 = host.ports[1].id
    assert targets(engine, None) == (host.port.id, ens2, HOST.id)
    assert targets(engine, "ens2") == targets(engine, "0000:22:00.0") == targets(engine, "pci/0000:22:00.0") == (ens2,)
    assert targets(engine, "ens3") == ()  # it is there, and no profile is for it
    with pytest.raises(UsageError, match="ens9: no such device"):
        targets(engine, "ens9")


def test_all_devices_are_applied_and_their_reports_kept(tmp_path: Path) -> None:
    host = make_host()

    async def story(passes: Passes) -> None:
        reports = await passes.apply_all(targets(passes.engine, None))
        assert [report.device.label for report in reports.values()] == [
            "ens1 0000:21:00.0",
            "ens2 0000:22:00.0",
            "host",
        ]
        assert {report.state for report in reports.values()} == {Outcome.APPLIED}
        assert passes.reports == reports

    run(host, tmp_path, story)
    assert sorted(host.writes) == ["ens1: ring rx 512", "ens2: ring rx 512", "sysctl net.core.netdev_budget 600"]


def test_apply_tries_again_what_failed_before(tmp_path: Path) -> None:
    host = make_host()
    host.faults = [Fault(text="ens1: ring", errno=22, times=1)]

    async def story(passes: Passes) -> None:
        assert (await passes.apply_all([host.port.id]))[host.port.id].state is Outcome.FAILED
        assert (await passes.apply_all([host.port.id]))[host.port.id].state is Outcome.APPLIED

    run(host, tmp_path, story)


def test_a_look_writes_nothing_and_keeps_nothing(tmp_path: Path) -> None:
    host = make_host()

    async def story(passes: Passes) -> None:
        reports = await passes.look_all(targets(passes.engine, None))
        assert {report.state for report in reports.values()} == {Outcome.DIFFERS}
        assert passes.reports == {}

    run(host, tmp_path, story)
    assert host.writes == []


def test_a_device_in_a_long_write_is_shown_as_it_was_seen_last(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passes_module, "LOOK_TIMEOUT_S", 0.05)
    host, go_on = make_host(), threading.Event()

    async def story(passes: Passes) -> None:
        first = await passes.apply(host.port.id)
        passes.workers.submit(host.port.device(), lambda _kernel: go_on.wait(PATIENCE_S))
        ids = (host.port.id, host.ports[1].id)
        reports = await passes.look_all(ids)
        go_on.set()
        assert reports[ids[0]] is first
        assert reports[ids[1]].state is Outcome.DIFFERS  # the other port answers all the same

    run(host, tmp_path, story)


def test_a_device_that_never_answered_is_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passes_module, "LOOK_TIMEOUT_S", 0.05)
    host, go_on = make_host(), threading.Event()

    async def story(passes: Passes) -> None:
        passes.workers.submit(host.port.device(), lambda _kernel: go_on.wait(PATIENCE_S))
        assert await passes.look_all([host.port.id]) == {}
        go_on.set()

    run(host, tmp_path, story)


def test_the_report_of_a_device_that_went_away_goes_too(tmp_path: Path) -> None:
    host = make_host()

    async def story(passes: Passes) -> None:
        await passes.apply_all(targets(passes.engine, None))
        gone = host.ports.pop(0)
        await passes.refresh()
        assert gone.id not in passes.reports
        assert await passes.apply(gone.id) is None

    run(host, tmp_path, story)


def test_reload_says_what_is_wrong_with_the_profiles(tmp_path: Path) -> None:
    host = make_host()

    async def story(passes: Passes) -> None:
        host.ports.clear()
        (problem,) = await passes.reload()
        assert problem.text == "no device of this host fits"

    run(host, tmp_path, story)
