"""The reconciler: what is written, how often, in which order, and what becomes of errors."""

import errno
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.fake_kernel import FakeHost, FakeKernel, Fault
from tests.fake_port import FakePort
from tests.unit.engines import IGB, apply, finding, look, make_engine
from tuned_vnet.change import Outcome
from tuned_vnet.errors import KernelError
from tuned_vnet.model import Device, Rings, VfValue
from tuned_vnet.reconcile import Retry

ALL_OF_A_VF = """
[[vf]]
index = "*"
mac-base = "52:54:00:10:00:00"
vlan = 100
max-tx-rate = 1000
spoofchk = false
trust = true
link-state = "enable"
rss-query = true
"""
TRUST = '[[vf]]\nindex = "*"\ntrust = true\n'


def make_host(*, driver: str = "igb", vfs: int = 0) -> FakeHost:
    port = FakePort(driver=driver)
    port.poke({"up": True, "numvfs": vfs})
    return FakeHost(ports=[port])


def match(driver: str) -> str:
    return f'[match]\ndriver = "{driver}"\n'


def test_drift_made_by_hand_is_mended_with_exactly_one_write(tmp_path: Path) -> None:
    host = make_host(driver="ixgbe", vfs=3)
    engine = make_engine(host, tmp_path, match("ixgbe") + ALL_OF_A_VF)
    apply(engine, host)
    host.writes.clear()

    host.port.poke({"vf": {"1": {"spoofchk": True}}})
    report = apply(engine, host)

    assert host.writes == ["ens1: vf 1 spoofchk False"]
    assert report.changed == (("ens1 0000:21:00.0: vf 1: spoofchk on -> off", ("vf.spoofchk", 1)),)
    assert report.state is Outcome.APPLIED


def test_vf_attributes_are_written_in_an_order_that_works_and_rates_last(tmp_path: Path) -> None:
    host = make_host(driver="ixgbe", vfs=2)
    engine = make_engine(host, tmp_path, match("ixgbe") + ALL_OF_A_VF)
    apply(engine, host)

    order = ["vlan", "trust", "mac", "spoofchk", "link-state", "rss-query", "rate"]
    written = [tuple(text.split()[2:4]) for text in host.writes]
    assert written == [(str(vf), attribute) for attribute in order for vf in (0, 1)]


def test_vf_writes_of_a_stage_go_to_the_kernel_in_one_call(tmp_path: Path) -> None:
    host = make_host(driver="ixgbe", vfs=5)
    apply(make_engine(host, tmp_path, match("ixgbe") + ALL_OF_A_VF), host)
    assert host.batches == [5 * 6, 5]


def test_error_of_one_vf_does_not_stop_the_others(tmp_path: Path) -> None:
    host = make_host(driver="ixgbe", vfs=3)
    host.faults = [Fault(text="vf 1 mac", errno=errno.EPERM, extack="not today")]
    report = apply(make_engine(host, tmp_path, match("ixgbe") + ALL_OF_A_VF), host)

    failed = [found for found in report.findings if found.outcome is not Outcome.APPLIED]
    assert [(found.setting, found.vf) for found in failed] == [("vf.mac", 1)]
    assert (failed[0].outcome, failed[0].reason) == (Outcome.FAILED, "EPERM: not today")
    assert not any("vf 1: mac" in text for text, _ in report.changed)


def test_error_of_one_setting_does_not_stop_later_stages(tmp_path: Path) -> None:
    host = make_host(vfs=1)
    host.fail_at = {1: errno.EIO}
    report = apply(make_engine(host, tmp_path, IGB + "[ring]\nrx = 512\n[coalesce]\nrx-usecs = 10\n" + TRUST), host)
    assert finding(report, "ring.rx").outcome is Outcome.FAILED
    assert finding(report, "coalesce.rx-usecs").outcome is Outcome.APPLIED
    assert finding(report, "vf 0 trust").outcome is Outcome.APPLIED


def test_what_the_kernel_refused_is_not_written_again_until_failures_are_forgotten(tmp_path: Path) -> None:
    host = make_host(vfs=1)
    host.faults = [Fault(text="trust", errno=errno.EINVAL)]
    engine = make_engine(host, tmp_path, IGB + TRUST)
    for _ in range(3):
        assert finding(apply(engine, host), "vf 0 trust").outcome is Outcome.FAILED
    assert host.writes == ["ens1: vf 0 trust True"]

    assert finding(apply(engine, host, retry=Retry.EVERYTHING), "vf 0 trust").outcome is Outcome.FAILED
    assert len(host.writes) == 2

    host.faults.clear()
    assert finding(apply(engine, host, retry=Retry.EVERYTHING), "vf 0 trust").outcome is Outcome.APPLIED


def test_an_audit_does_not_try_again_what_may_reset_the_port_and_a_person_may(tmp_path: Path) -> None:
    host = make_host()
    host.faults = [Fault(text="ring", errno=errno.EINVAL)]
    engine = make_engine(host, tmp_path, IGB + "[ring]\nrx = 512\n")
    assert finding(apply(engine, host), "ring.rx").outcome is Outcome.FAILED
    host.writes.clear()

    assert finding(apply(engine, host, retry=Retry.HARMLESS), "ring.rx").outcome is Outcome.FAILED
    assert host.writes == []

    apply(engine, host, retry=Retry.EVERYTHING)
    assert len(host.writes) == 1


def test_a_refused_value_is_written_again_when_the_device_has_changed_meanwhile(tmp_path: Path) -> None:
    host = make_host(vfs=1)
    host.faults = [Fault(text="mac", errno=errno.EINVAL, times=1)]
    engine = make_engine(host, tmp_path, IGB + '[[vf]]\nindex = 0\nmac = "52:54:00:10:00:00"\n')
    assert finding(apply(engine, host), "vf 0 mac").outcome is Outcome.FAILED
    host.port.poke({"vf": {"0": {"mac": "52:54:00:99:99:99"}}})
    assert finding(apply(engine, host), "vf 0 mac").outcome is Outcome.APPLIED


def test_a_vf_in_reset_is_pending_and_tried_again_with_the_next_retry(tmp_path: Path) -> None:
    host = make_host(driver="i40e", vfs=2)
    host.port.busy = 1
    engine = make_engine(host, tmp_path, match("i40e") + TRUST)

    report = apply(engine, host)
    assert finding(report, "vf 0 trust").outcome is Outcome.PENDING
    assert finding(report, "vf 0 trust").reason == "EAGAIN (Resource temporarily unavailable)"
    assert finding(report, "vf 1 trust").outcome is Outcome.APPLIED

    assert finding(apply(engine, host, retry=Retry.EVERYTHING), "vf 0 trust").outcome is Outcome.APPLIED


def test_a_vf_value_that_does_not_stay_after_two_writes_has_failed(tmp_path: Path) -> None:
    host = make_host(vfs=1)
    host.deaf = {"trust"}
    report = apply(make_engine(host, tmp_path, IGB + TRUST), host)
    assert host.writes == ["ens1: vf 0 trust True"] * 2
    assert finding(report, "vf 0 trust").outcome is Outcome.FAILED
    assert finding(report, "vf 0 trust").reason == "the kernel accepted it and nothing changed"


def test_a_vf_value_that_somebody_changed_in_between_is_written_twice_and_stays(tmp_path: Path) -> None:
    host = make_host(vfs=1)
    engine = make_engine(host, tmp_path, IGB + TRUST)
    host.deaf = {"trust"}
    kernel = host.kernel()
    write = kernel.link.set_vfs

    def first_write_is_lost(device: Device, values: list[VfValue]) -> tuple[KernelError | None, ...]:
        result = write(device, values)
        host.deaf.clear()
        return result

    patched = _with_link(kernel, set_vfs=first_write_is_lost)
    report = engine.apply(host.port.id, patched)
    assert report is not None
    assert finding(report, "vf 0 trust").outcome is Outcome.APPLIED
    assert len(host.writes) == 2


def _with_link(kernel: FakeKernel, **methods: Callable[..., object]) -> FakeKernel:
    """The kernel with some methods of its link replaced."""
    patched = type("Patched", (type(kernel.link),), {name: staticmethod(method) for name, method in methods.items()})
    return FakeKernel(
        sriov=kernel.sriov,
        link=patched(kernel.link.host),
        ethtool=kernel.ethtool,
        interrupts=kernel.interrupts,
        xps=kernel.xps,
        sysctl=kernel.sysctl,
    )


def test_a_pass_ends_even_when_somebody_else_undoes_every_write(tmp_path: Path) -> None:
    host = make_host(vfs=1)
    engine = make_engine(host, tmp_path, IGB + '[[vf]]\nindex = 0\nmac = "52:54:00:10:00:00"\n')
    kernel = host.kernel()
    write, stamps = kernel.link.set_vfs, iter(range(100))

    def write_and_undo(device: Device, values: list[VfValue]) -> tuple[KernelError | None, ...]:
        result = write(device, values)
        host.port.poke({"vf": {"0": {"mac": f"52:54:00:99:99:{next(stamps):02x}"}}})
        return result

    report = engine.apply(host.port.id, _with_link(kernel, set_vfs=write_and_undo))
    assert report is not None
    assert len(host.writes) == 2
    assert not report.state.settled


def test_when_the_socket_fails_all_vf_writes_of_the_call_have_failed(tmp_path: Path) -> None:
    host = make_host(vfs=2)

    def fail(*_: object) -> None:
        raise KernelError(errno.ENOBUFS, "netlink")

    report = make_engine(host, tmp_path, IGB + TRUST).apply(host.port.id, _with_link(host.kernel(), set_vfs=fail))
    assert report is not None
    assert {found.outcome for found in report.findings} == {Outcome.FAILED}
    assert len(report.findings) == 2


def test_a_setting_that_cannot_be_read_says_why_and_the_rest_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    host = make_host(vfs=1)
    engine = make_engine(host, tmp_path, IGB + "[ring]\nrx = 512\n" + TRUST)
    kernel = host.kernel()

    def fail(_self: object, _device: Device) -> Rings | None:
        raise KernelError(errno.EIO, "rings", text="out of order")

    monkeypatch.setattr(type(kernel.ethtool), "get_rings", fail)
    report = engine.apply(host.port.id, kernel)
    assert report is not None
    ring = finding(report, "ring.rx")
    assert (ring.desired, ring.observed, ring.outcome) == (512, None, Outcome.FAILED)
    assert ring.reason == "rings: EIO: out of order"
    assert finding(report, "vf 0 trust").outcome is Outcome.APPLIED


def test_a_link_that_cannot_be_read_is_waited_for(tmp_path: Path) -> None:
    host = make_host(vfs=1)

    def fail(_device: Device) -> None:
        raise KernelError(errno.ENOBUFS, "link ens1")

    report = make_engine(host, tmp_path, IGB + TRUST).apply(host.port.id, _with_link(host.kernel(), get=fail))
    assert report is not None
    assert finding(report, "vf 0 trust").reason == "the VF does not exist yet"


def test_a_device_that_goes_away_under_a_pass_is_no_failure(tmp_path: Path) -> None:
    host = make_host(vfs=1)
    engine = make_engine(host, tmp_path, IGB + "[sriov]\nnumvfs = 1\n[link]\nmtu = 9000\n" + TRUST)
    host.ports.clear()
    report = engine.apply(next(iter(engine.desired.devices)), host.kernel())
    assert report is not None
    assert host.writes == []
    assert report.state in (Outcome.PENDING, Outcome.UNSUPPORTED)


def test_vfs_that_were_made_anew_have_no_past(tmp_path: Path) -> None:
    """What igb refused for a VF that is gone says nothing about the VF that has its number now."""
    host = make_host(vfs=2)
    host.faults = [Fault(text="vf 1 trust", errno=errno.EINVAL, times=1)]
    engine = make_engine(host, tmp_path, IGB + "[sriov]\nnumvfs = 2\n" + TRUST)
    assert finding(apply(engine, host), "vf 1 trust").outcome is Outcome.FAILED
    host.port.poke({"numvfs": 0})
    assert finding(apply(engine, host), "vf 1 trust").outcome is Outcome.APPLIED


def test_i40e_gets_the_same_mac_only_once_because_it_resets_the_guest(tmp_path: Path) -> None:
    host = make_host(driver="i40e", vfs=2)
    engine = make_engine(host, tmp_path, match("i40e") + '[[vf]]\nindex = "*"\nmac-base = "52:54:00:10:00:00"\n')
    for _ in range(3):
        apply(engine, host, retry=Retry.EVERYTHING)
    assert len(host.writes) == 2
    assert host.port.resets == 0


def test_a_look_shows_what_an_apply_would_write_and_writes_nothing(tmp_path: Path) -> None:
    host = make_host(vfs=2)
    engine = make_engine(host, tmp_path, IGB + "[ring]\nrx = 512\n" + TRUST)
    planned = look(engine, host).planned
    assert host.writes == []
    assert planned == tuple(text for text, _ in apply(engine, host).changed)


def test_numvfs_that_is_busy_is_pending_and_tried_again(tmp_path: Path) -> None:
    """ice refuses while a VF is in reset."""
    host = make_host(vfs=0)
    host.faults = [Fault(text="numvfs 3", errno=errno.EBUSY, times=1)]
    engine = make_engine(host, tmp_path, IGB + "[sriov]\nnumvfs = 3\n")
    assert finding(apply(engine, host), "sriov.numvfs").outcome is Outcome.PENDING
    assert finding(apply(engine, host, retry=Retry.EVERYTHING), "sriov.numvfs").outcome is Outcome.APPLIED
