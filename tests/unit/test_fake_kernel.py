"""The kernel in memory surprises as the real one does; else the tests on it would prove little."""

import errno

import pytest

from tests.fake_kernel import FakeHost
from tests.fake_port import FakePort
from tuned_vnet.errors import KernelError
from tuned_vnet.model import VfAttribute, VfIndex, VfRate, VfValue


def make_host(driver: str = "igb", *, vfs: int = 0) -> FakeHost:
    port = FakePort(driver=driver)
    port.poke({"up": True, "numvfs": vfs})
    return FakeHost(ports=[port])


def set_vf(host: FakeHost, attribute: VfAttribute, value: str | bool | VfRate) -> int | None:
    """The errno, or None."""
    written = VfValue(vf=VfIndex(0), attribute=attribute, value=value)
    (error,) = host.kernel().link.set_vfs(host.port.device(), [written])
    return error.errno if error else None


def test_numvfs_needs_zero_in_between_and_knows_its_limit() -> None:
    host = make_host(vfs=3)
    sriov, device = host.kernel().sriov, host.port.device()
    with pytest.raises(KernelError, match="EBUSY"):
        sriov.set_numvfs(device, 4)
    with pytest.raises(KernelError, match="ERANGE"):
        sriov.set_numvfs(device, 8)
    sriov.set_numvfs(device, 0)
    sriov.set_numvfs(device, 4)
    assert len(host.port.vfs) == 4


@pytest.mark.parametrize(("vfs", "queues"), [(0, 4), (3, 2), (7, 1)])
def test_igb_has_fewer_queues_with_vfs(vfs: int, queues: int) -> None:
    host = make_host(vfs=vfs)
    served = [vector.tx_queue for vector in host.port.interrupts if vector.tx_queue is not None]
    assert served == list(range(queues))
    xps = host.kernel().xps.get(host.port.device())
    assert (len(xps) if xps else 1) == queues


def test_making_vfs_renumbers_interrupts_and_forgets_their_affinity() -> None:
    host = make_host()
    host.port.poke({"irq": {"ens1": "2"}})
    before = {vector.irq for vector in host.port.interrupts}
    host.kernel().sriov.set_numvfs(host.port.device(), 2)
    assert before.isdisjoint(vector.irq for vector in host.port.interrupts)
    assert host.port.state()["irq"]["ens1"] == "0-3"


@pytest.mark.parametrize(
    ("driver", "carrier", "rate", "error"),
    [
        ("igb", False, VfRate(min_tx=0, max_tx=100), errno.EINVAL),
        ("igb", True, VfRate(min_tx=0, max_tx=100), None),
        ("igb", True, VfRate(min_tx=1, max_tx=100), errno.EINVAL),
        ("ixgbe", True, VfRate(min_tx=0, max_tx=10), errno.EINVAL),
        ("ixgbe", True, VfRate(min_tx=0, max_tx=0), None),
        ("i40e", False, VfRate(min_tx=0, max_tx=10), None),
        ("mlx5_core", False, VfRate(min_tx=5, max_tx=10), None),
        ("mlx5_core", False, VfRate(min_tx=50, max_tx=10), errno.EINVAL),
    ],
)
def test_rates_depend_on_driver_and_carrier(driver: str, carrier: bool, rate: VfRate, error: int | None) -> None:
    host = make_host(driver, vfs=1)
    host.port.carrier = carrier
    assert set_vf(host, VfAttribute.RATE, rate) == error


def test_igb_has_no_link_state_and_only_ixgbe_has_rss_query() -> None:
    assert set_vf(make_host("igb", vfs=1), VfAttribute.LINK_STATE, "enable") == errno.EOPNOTSUPP
    assert set_vf(make_host("igb", vfs=1), VfAttribute.RSS_QUERY, True) == errno.EOPNOTSUPP
    assert set_vf(make_host("ixgbe", vfs=1), VfAttribute.RSS_QUERY, True) is None


def test_i40e_resets_a_vf_that_gets_its_mac_again() -> None:
    host = make_host("i40e", vfs=1)
    for _ in range(2):
        assert set_vf(host, VfAttribute.MAC, "52:54:00:10:00:00") is None
    assert host.port.resets == 1


def test_a_vf_that_does_not_exist_is_einval() -> None:
    assert set_vf(make_host(), VfAttribute.TRUST, True) == errno.EINVAL


def test_the_nth_write_can_be_made_to_fail() -> None:
    host = make_host()
    host.fail_at = {2: errno.EIO}
    ethtool, device = host.kernel().ethtool, host.port.device()
    ethtool.set_rings(device, rx=512)
    with pytest.raises(KernelError, match="EIO"):
        ethtool.set_rings(device, rx=1024)
    assert host.writes == ["ens1: ring rx 512", "ens1: ring rx 1024"]
    assert host.port.rings["rx"] == 512
