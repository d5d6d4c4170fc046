"""ethtool settings of a veth, which has few: what is missing is None, and a refusal has the kernel's words."""

import errno
from collections.abc import Callable
from dataclasses import replace

import pytest

from tests.netns.conftest import run
from tuned_vnet.errors import KernelError
from tuned_vnet.kernel.real import RealKernel
from tuned_vnet.model import Device

MakeVeth = Callable[..., Device]


def test_rings_and_coalescing_of_a_veth_are_none(kernel: RealKernel, veth: MakeVeth) -> None:
    device = veth()
    rings = kernel.ethtool.get_rings(device)
    assert rings is None or rings.rx is None  # since Linux 6.2 or so, a veth has rings, but none with a maximum
    assert kernel.ethtool.get_coalesce(device) is None


def test_flow_hash_of_a_veth_is_none(kernel: RealKernel, veth: MakeVeth) -> None:
    assert kernel.ethtool.get_flow_hash(veth(), "udp4") is None


def test_netdev_that_has_gone_has_nothing(kernel: RealKernel, veth: MakeVeth) -> None:
    device = veth()
    run("ip", "link", "del", "v0")
    for gone in (device, replace(device, ifname=None, ifindex=None)):
        assert kernel.ethtool.get_rings(gone) is None
        assert kernel.ethtool.get_coalesce(gone) is None
        assert kernel.ethtool.get_flow_hash(gone, "udp4") is None


def test_coalescing_of_a_veth_is_refused_as_not_supported(kernel: RealKernel, veth: MakeVeth) -> None:
    with pytest.raises(KernelError) as caught:
        kernel.ethtool.set_coalesce(veth(), {"rx-usecs": 10, "adaptive-rx": False})
    assert caught.value.errno == errno.EOPNOTSUPP
    assert caught.value.what == "coalesce rx-usecs 10 adaptive-rx 0"


def test_flow_hash_of_a_veth_is_refused_as_not_supported(kernel: RealKernel, veth: MakeVeth) -> None:
    with pytest.raises(KernelError, match="flow-hash udp4") as caught:
        kernel.ethtool.set_flow_hash(veth(), "udp4", "sdfn")
    assert caught.value.errno == errno.EOPNOTSUPP


def test_refusal_has_the_kernels_own_text(kernel: RealKernel, veth: MakeVeth) -> None:
    device = veth()
    run("ip", "link", "del", "v0")
    with pytest.raises(KernelError) as caught:
        kernel.ethtool.set_rings(device, rx=512)
    assert str(caught.value) == "ring rx 512: ENODEV: no device matches ifindex"


def test_many_requests_use_one_socket(kernel: RealKernel, veth: MakeVeth) -> None:
    device = veth()
    for _ in range(300):
        kernel.ethtool.get_rings(device)
        kernel.ethtool.get_coalesce(device)
    assert len(kernel.ethtool._sockets) == 2
