"""XPS of a veth with several queues, and a kernel parameter of the namespace."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tuned_vnet.errors import KernelError
from tuned_vnet.kernel.real import RealKernel
from tuned_vnet.model import CpuId, Device, QueueIndex

MakeVeth = Callable[..., Device]


def test_queue_is_steered_and_read_back(kernel: RealKernel, veth: MakeVeth, namespace: Path) -> None:
    device = veth(queues=2)
    assert kernel.xps.get(device) == {0: frozenset(), 1: frozenset()}
    kernel.xps.set(device, QueueIndex(1), frozenset({CpuId(0)}))
    assert kernel.xps.get(device) == {0: frozenset(), 1: {0}}
    assert int((namespace / "sys/class/net/v0/queues/tx-1/xps_cpus").read_text().replace(",", ""), 16) == 1
    kernel.xps.set(device, QueueIndex(1), frozenset())
    assert kernel.xps.get(device) == {0: frozenset(), 1: frozenset()}


def test_netdev_with_one_queue_has_no_xps(kernel: RealKernel, veth: MakeVeth) -> None:
    assert kernel.xps.get(veth()) is None


def test_xps_of_a_netdev_with_one_queue_is_refused(kernel: RealKernel, veth: MakeVeth) -> None:
    with pytest.raises(KernelError, match="xps tx-0: ENOENT"):
        kernel.xps.set(veth(), QueueIndex(0), frozenset({CpuId(0)}))


def test_parameter_of_the_namespace_is_set_and_read_back(kernel: RealKernel, veth: MakeVeth) -> None:
    veth("v0.7")
    for name in ("net.ipv4.conf.v0/7.forwarding", "net/ipv4/conf/v0.7/forwarding"):
        kernel.sysctl.set(name, "1")
        assert kernel.sysctl.get(name) == "1"
        kernel.sysctl.set(name, "0")
        assert kernel.sysctl.get(name) == "0"


def test_value_that_the_kernel_does_not_take_is_refused(kernel: RealKernel, veth: MakeVeth) -> None:
    veth()
    with pytest.raises(KernelError, match=r"sysctl net\.ipv4\.conf\.v0\.forwarding: EINVAL"):
        kernel.sysctl.set("net.ipv4.conf.v0.forwarding", "often")
