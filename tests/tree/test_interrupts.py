"""Vectors: which there are, which queues they serve, and where they may go."""

import pytest

from tests.tree.conftest import FakeHost
from tuned_vnet.errors import KernelError
from tuned_vnet.kernel.interrupts import queues_of
from tuned_vnet.model import CpuId, Device, DeviceId, IrqNumber


@pytest.mark.parametrize(
    ("name", "rx_queue", "tx_queue"),
    [
        ("ens1-TxRx-0", 0, 0),  # igb, ixgbe, bnxt_en
        ("ens1-rx-1", 1, None),
        ("ens1-tx-12", None, 12),
        ("i40e-ens1-TxRx-3", 3, 3),
        ("ice-ens1f0np0-TxRx-63", 63, 63),
        ("iavf-ens1v0-TxRx-2", 2, 2),
        ("hns3-0000:7d:00.0-TxRx-5", 5, 5),
        ("ens1-fp-4", 4, 4),  # bnx2x, qede
        ("ens5-Tx-Rx-7", 7, 7),  # ena
        ("eth0-rxtx-1", 1, 1),  # nfp, vmxnet3
        ("mlx5_comp0@pci:0000:3b:00.0", 0, 0),
        ("virtio3-input.0", 0, None),
        ("virtio3-output.1", None, 1),
        ("ens1", None, None),  # igb: link changes and VF messages
        ("ens1-0", None, None),
        ("mlx5_async0@pci:0000:3b:00.0", None, None),
        ("i40e-0000:3b:00.0:misc", None, None),
        ("i40e-0000:3b:00.0:fdir-TxRx-0", None, None),
        ("ice-0000:3b:00.0:ctrl-TxRx-0", None, None),
        ("virtio3-config", None, None),
        ("vfio-msix[0](0000:21:10.0)", None, None),
    ],
)
def test_queues_are_known_by_the_vectors_name(name: str, rx_queue: int | None, tx_queue: int | None) -> None:
    assert queues_of(name) == (rx_queue, tx_queue)


def test_vectors_come_in_the_order_of_their_queues(host: FakeHost, port: str, ens1: Device) -> None:
    for number, name in ((40, "ens1"), (41, "ens1-TxRx-1"), (42, "ens1-TxRx-0"), (43, "ens1-TxRx-10")):
        host.irq(port, number, name)
    assert [interrupt.irq for interrupt in host.kernel().interrupts.get(ens1)] == [42, 41, 43, 40]


def test_vector_of_a_closed_port_is_left_out(host: FakeHost, port: str, ens1: Device) -> None:
    host.irq(port, 41, None)
    assert host.kernel().interrupts.get(ens1) == ()


def test_name_is_taken_from_procfs_where_sysfs_has_none(host: FakeHost, port: str, ens1: Device) -> None:
    host.irq(port, 41, None)
    (host.root / "proc/irq/41/ens1-TxRx-0").mkdir()
    (interrupt,) = host.kernel().interrupts.get(ens1)
    assert (interrupt.name, interrupt.rx_queue) == ("ens1-TxRx-0", 0)


def test_managed_interrupt_is_not_settable(host: FakeHost, port: str, ens1: Device) -> None:
    host.irq(port, 41, "ens1-TxRx-0", managed=True)
    host.irq(port, 42, "ens1-TxRx-1", affinity="2-3")
    managed, free = host.kernel().interrupts.get(ens1)
    assert (managed.settable, free.settable) == (False, True)
    assert free.affinity == {2, 3}


def test_virtio_has_the_vectors_of_its_pci_parent(host: FakeHost) -> None:
    parent = host.pci("0000:01:00.0", driver="virtio-pci")
    host.link(f"{parent}/virtio2/subsystem", "bus/virtio")
    host.link("bus/virtio/devices/virtio2", f"{parent}/virtio2")
    host.irq(parent, 38, "virtio2-input.0")
    (interrupt,) = host.kernel().interrupts.get(Device(id=DeviceId(bus="virtio", address="virtio2")))
    assert interrupt.rx_queue == 0


def test_vector_that_vanishes_while_it_is_read_is_left_out(host: FakeHost, port: str, ens1: Device) -> None:
    host.irq(port, 41, "ens1-TxRx-0")
    (host.root / "proc/irq/41/smp_affinity_list").unlink()
    assert host.kernel().interrupts.get(ens1) == ()


def test_device_that_has_gone_has_no_vectors(host: FakeHost) -> None:
    assert host.kernel().interrupts.get(Device(id=DeviceId(bus="pci", address="0000:99:00.0"))) == ()


def test_affinity_is_written_as_a_list(host: FakeHost, port: str, ens1: Device) -> None:
    host.irq(port, 41, "ens1-TxRx-0", affinity="x" * 8)
    host.kernel().interrupts.set_affinity(IrqNumber(41), frozenset({CpuId(0), CpuId(2), CpuId(3)}))
    assert host.read("proc/irq/41/smp_affinity_list").startswith("0,2-3")


def test_interrupt_that_has_gone_says_so(host: FakeHost) -> None:
    with pytest.raises(KernelError, match=r"irq 41 affinity: ENOENT"):
        host.kernel().interrupts.set_affinity(IrqNumber(41), frozenset({CpuId(0)}))
