"""When the boot pass is done, and when the boot goes on without it."""

from pathlib import Path

import pytest

from tests.fake_kernel import FakeHost
from tests.fake_port import FakePort
from tests.unit.engines import apply, make_engine
from tuned_vnet.boot import Deadline, allowance_s, waits_for
from tuned_vnet.config import Config
from tuned_vnet.desired import DesiredHost

PORT = '[match]\npci-address = "0000:21:00.0"\n'
CONFIG = Config(carrier_timeout_s=10)


def waits(port: FakePort, profile: str, root: Path, *, elapsed_s: float = 0) -> tuple[str, ...]:
    host = FakeHost(ports=[port])
    report = apply(make_engine(host, root, PORT + profile), host)
    return waits_for([report], CONFIG, elapsed_s=elapsed_s)


def desired(root: Path, numvfs: int | str) -> DesiredHost:
    host = FakeHost(ports=[FakePort(total_vfs=1000)])
    value = f'"{numvfs}"' if isinstance(numvfs, str) else numvfs
    return make_engine(host, root, f"{PORT}[sriov]\nnumvfs = {value}\n").desired


def test_nothing_is_waited_for_when_everything_is_as_desired(tmp_path: Path) -> None:
    assert waits(FakePort(), "[sriov]\nnumvfs = 7\n[ring]\nrx = 512\n", tmp_path) == ()


def test_a_driver_is_waited_for(tmp_path: Path) -> None:
    assert waits(FakePort(driver=None), "[sriov]\nnumvfs = 7\n", tmp_path) == (
        "0000:21:00.0: link.up: the device has no driver",
        "0000:21:00.0: sriov.numvfs: the device has no driver",
    )


@pytest.mark.parametrize(("elapsed_s", "count"), [(0, 2), (9.9, 2), (10, 0), (100, 0)])
def test_a_carrier_is_waited_for_a_while(tmp_path: Path, elapsed_s: float, count: int) -> None:
    port = FakePort(carrier_with_link=False)
    rates = '[sriov]\nnumvfs = 2\n[[vf]]\nindex = "*"\nmax-tx-rate = 100\n'
    assert len(waits(port, rates, tmp_path, elapsed_s=elapsed_s)) == count


def test_vfs_that_were_not_made_are_not_waited_for_one_by_one(tmp_path: Path) -> None:
    port = FakePort(most_vfs=2)
    assert waits(port, '[sriov]\nnumvfs = 7\n[[vf]]\nindex = "*"\ntrust = true\n', tmp_path) == ()


def test_what_was_refused_does_not_hold_up_the_boot(tmp_path: Path) -> None:
    assert waits(FakePort(driver="vfio-pci"), "[sriov]\nnumvfs = 7\n[ring]\nrx = 512\n", tmp_path) == ()


def test_a_port_that_network_services_will_bring_up_does_not_hold_up_the_boot(tmp_path: Path) -> None:
    """They are ordered behind us, so its interrupts never come before we are ready."""
    profile = '[irq]\naffinity = "local-node"\n[xps]\ncpus = "follow-irq"\n'
    assert waits(FakePort(), profile, tmp_path) == ()


@pytest.mark.parametrize(("numvfs", "seconds"), [(0, 10), (7, 20.5), (64, 106), ("max", 300)])
def test_making_vfs_may_take_its_time_up_to_a_limit(tmp_path: Path, numvfs: int | str, seconds: float) -> None:
    assert allowance_s(desired(tmp_path, numvfs)) == seconds


def test_the_time_that_udev_takes_does_not_count(tmp_path: Path) -> None:
    deadline, host = Deadline(config=Config()), desired(tmp_path, 0)
    assert not deadline.has_passed(100, host, udev_idle=False)
    assert not deadline.has_passed(100, host, udev_idle=True)
    assert not deadline.has_passed(109.9, host, udev_idle=False)
    assert deadline.has_passed(110, host, udev_idle=True)


def test_five_minutes_are_the_most_even_when_udev_never_ends(tmp_path: Path) -> None:
    deadline, host = Deadline(config=Config()), desired(tmp_path, 0)
    assert not deadline.has_passed(299.9, host, udev_idle=False)
    assert deadline.has_passed(300, host, udev_idle=False)


def test_a_number_of_seconds_in_the_configuration_is_meant_as_it_stands(tmp_path: Path) -> None:
    deadline, host = Deadline(config=Config(boot_timeout_s=400)), desired(tmp_path, 0)
    assert deadline.longest_s == 400
    assert not deadline.has_passed(399, host, udev_idle=True)
    assert deadline.has_passed(400, host, udev_idle=False)
