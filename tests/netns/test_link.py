"""Links of a network namespace, read and written through rtnetlink, checked with ip(8)."""

import errno
import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from tests.netns.conftest import run
from tuned_vnet.errors import KernelError
from tuned_vnet.kernel.real import RealKernel, open_kernel
from tuned_vnet.model import Device, VfAttribute, VfIndex, VfValue

MakeVeth = Callable[..., Device]


def test_link_is_read_as_ip_shows_it(kernel: RealKernel, veth: MakeVeth) -> None:
    device = veth()
    run("ip", "link", "set", "v0", "mtu", "1400", "txqueuelen", "500")
    link = kernel.link.get(device)
    assert link is not None
    (shown,) = json.loads(run("ip", "-json", "-details", "link", "show", "v0"))
    assert (link.ifname, link.ifindex) == ("v0", shown["ifindex"])
    assert (link.mtu, link.txqueuelen) == (shown["mtu"], shown["txqlen"]) == (1400, 500)
    assert (link.min_mtu, link.max_mtu) == (shown["min_mtu"], shown["max_mtu"])
    assert (link.up, link.carrier, link.vfs) == (False, False, ())


def test_carrier_comes_with_the_peer(kernel: RealKernel, veth: MakeVeth) -> None:
    device = veth()
    kernel.link.set(device, up=True)
    link = kernel.link.get(device)
    assert link is not None
    assert (link.up, link.carrier) == (True, False)
    run("ip", "link", "set", "v0-peer", "up")
    link = kernel.link.get(device)
    assert link is not None
    assert (link.up, link.carrier) == (True, True)


def test_all_of_a_link_is_set_at_once(kernel: RealKernel, veth: MakeVeth) -> None:
    device = veth()
    kernel.link.set(device, up=True, mtu=9000, txqueuelen=10000)
    (shown,) = json.loads(run("ip", "-json", "link", "show", "v0"))
    assert "UP" in shown["flags"]
    assert (shown["mtu"], shown["txqlen"]) == (9000, 10000)
    kernel.link.set(device, up=False)
    (shown,) = json.loads(run("ip", "-json", "link", "show", "v0"))
    assert "UP" not in shown["flags"]


def test_refusal_has_the_kernels_own_text(kernel: RealKernel, veth: MakeVeth) -> None:
    with pytest.raises(KernelError) as caught:
        kernel.link.set(veth(), mtu=99999999)
    assert caught.value.errno == errno.EINVAL
    assert str(caught.value) == "link mtu 99999999: EINVAL: mtu greater than device maximum"


def test_link_can_be_set_again_after_a_refusal(kernel: RealKernel, veth: MakeVeth) -> None:
    device = veth()
    with pytest.raises(KernelError):
        kernel.link.set(device, mtu=1)
    kernel.link.set(device, mtu=1300)
    link = kernel.link.get(device)
    assert link is not None
    assert link.mtu == 1300


def test_netdev_that_has_gone_is_none_to_read_and_enodev_to_write(kernel: RealKernel, veth: MakeVeth) -> None:
    device = veth()
    run("ip", "link", "del", "v0")
    assert kernel.link.get(device) is None
    with pytest.raises(KernelError, match="ENODEV"):
        kernel.link.set(device, up=True)


def test_device_without_netdev_is_none_to_read_and_enodev_to_write(kernel: RealKernel, veth: MakeVeth) -> None:
    device = replace(veth(), ifname=None, ifindex=None)
    assert kernel.link.get(device) is None
    with pytest.raises(KernelError, match="ENODEV"):
        kernel.link.set(device, up=True)


def test_each_vf_write_has_its_own_answer_in_order(kernel: RealKernel, veth: MakeVeth) -> None:
    """A veth has no VFs, so all are refused; far more of them than one batch or one receive buffer holds."""
    values = [VfValue(vf=VfIndex(n), attribute=VfAttribute.SPOOFCHK, value=True) for n in range(3000)]
    errors = kernel.link.set_vfs(veth(), values)
    assert [error.what for error in errors if error] == [f"vf {n} spoofchk" for n in range(3000)]
    assert {error.errno for error in errors if error} == {errno.EOPNOTSUPP}


def test_vf_writes_to_a_netdev_that_has_gone_are_all_refused(kernel: RealKernel, veth: MakeVeth) -> None:
    device = veth()
    run("ip", "link", "del", "v0")
    (error,) = kernel.link.set_vfs(device, [VfValue(vf=VfIndex(0), attribute=VfAttribute.TRUST, value=True)])
    assert error is not None
    assert error.errno == errno.ENODEV


def test_no_vf_value_is_no_write(kernel: RealKernel, veth: MakeVeth) -> None:
    assert kernel.link.set_vfs(veth(), []) == ()


def test_virtual_netdevs_have_no_permanent_address(kernel: RealKernel, veth: MakeVeth) -> None:
    veth()
    assert kernel.link.permanent_macs() == {}


def test_network_card_keeps_its_permanent_address(nic: Device) -> None:
    kernel = open_kernel()
    found = kernel.inventory().get(nic.id)
    kernel.close()
    assert found is not None
    (shown,) = json.loads(run("ip", "-json", "-details", "link", "show", str(nic.ifname)))
    # ip(8) leaves out the permanent address where the card still uses it.
    assert found.permanent_mac == shown.get("permaddr", shown["address"])


def test_writes_are_told_before_they_are_made(namespace: Path, veth: MakeVeth) -> None:
    told: list[str] = []
    kernel = open_kernel(namespace, on_write=told.append)
    device = veth()
    kernel.link.get(device)
    kernel.link.set(device, mtu=1400)
    kernel.link.set_vfs(device, [VfValue(vf=VfIndex(2), attribute=VfAttribute.TRUST, value=True)])
    kernel.close()
    assert told == ["veth/v0: link mtu 1400", "veth/v0: vf 2 trust"]


def test_reading_links_does_not_import_pyroute2() -> None:
    program = """if True:
        import sys
        from tuned_vnet.kernel.real import open_kernel
        kernel = open_kernel()
        kernel.inventory()
        assert "pyroute2" not in sys.modules
    """
    subprocess.run([sys.executable, "-c", program], check=True)
