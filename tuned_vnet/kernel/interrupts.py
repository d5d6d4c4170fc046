"""The vectors of a device, the queues they serve, and the CPUs they may go to.

Hard facts:
 * `msi_irqs` lists all vectors that were allocated; one without an action is not in use (its port is closed).
 * Nothing but its name tells which queues a vector serves. The name is made when the port is opened, and keeps the
   netdev's name of then.
 * The affinity of a managed interrupt can't be set; its file has no write bit, and a write gives EPERM, on older
   kernels EIO (kernel/irq/proc.c).
 * IRQ numbers change when VFs are enabled or channels changed, so nothing is remembered.
"""

import os
import re
import stat
from collections.abc import Iterator
from dataclasses import dataclass

from tuned_vnet.cpus import format_cpulist, parse_cpulist
from tuned_vnet.kernel.inventory import function_directory
from tuned_vnet.kernel.sysfs import OnWrite, list_names, read_text, tell_nobody, write_text
from tuned_vnet.model import CpuSet, Device, Interrupt, IrqNumber, QueueIndex

_NAMES = (
    # i40e and ice name the vectors of flow director and control alike, though they carry no traffic.
    (re.compile(r".*:(?:fdir|ctrl)-"), ()),
    # igb, igc, ixgbe, ixgbevf, iavf, i40e-, ice-, fm10k, bnxt_en, hns3-
    (re.compile(r".*-TxRx-(\d+)$"), ("rx", "tx")),
    # nfp, vmxnet3, octeontx2
    (re.compile(r".*-rxtx-(\d+)$"), ("rx", "tx")),
    # ena
    (re.compile(r".*-Tx-Rx-(\d+)$"), ("rx", "tx")),
    # bnx2x, qede
    (re.compile(r".*-fp-(\d+)$"), ("rx", "tx")),
    # mlx5_core
    (re.compile(r"mlx5_comp(\d+)@pci:"), ("rx", "tx")),
    # igb and ixgbe with more vectors than queues, i40e, ice, bnxt_en, vmxnet3, enic, sfc
    (re.compile(r".*-rx-(\d+)$"), ("rx",)),
    (re.compile(r".*-tx-(\d+)$"), ("tx",)),
    # virtio_net
    (re.compile(r"virtio\d+-input\.(\d+)$"), ("rx",)),
    (re.compile(r"virtio\d+-output\.(\d+)$"), ("tx",)),
)
"""Patterns in the order in which they are tried, the queues they stand for, and the drivers they come from.

Left out because a number is not certain to be a queue's: `ens1-0` (sfc, mlx4), `mana_q0`.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcInterrupts:
    """`msi_irqs` of the device, /sys/kernel/irq and /proc/irq."""

    prefix: str = ""
    on_write: OnWrite = tell_nobody

    def get(self, device: Device) -> tuple[Interrupt, ...]:
        """The vectors in use, those of queues first, in the order of the queues. Raises KernelError."""
        directory = f"{self.prefix}/sys/bus/{device.id.bus}/devices/{device.id.address}"
        irqs = (int(name) for name in list_names(f"{function_directory(directory)}/msi_irqs") if name.isdecimal())
        return tuple(sorted(filter(None, map(self._interrupt, irqs)), key=_order))

    def set_affinity(self, irq: IrqNumber, cpus: CpuSet) -> None:
        """Let the interrupt go to these CPUs. Raises KernelError: EINVAL without an online CPU, EPERM when managed."""
        text = format_cpulist(cpus)
        self.on_write(f"irq {irq} affinity {text}")
        write_text(self._affinity_file(irq), text, what=f"irq {irq} affinity")

    def _interrupt(self, irq: int) -> Interrupt | None:
        name = self._name(irq)
        affinity = read_text(self._affinity_file(irq))
        if not name or affinity is None:
            return None
        rx_queue, tx_queue = queues_of(name)
        return Interrupt(
            irq=IrqNumber(irq),
            name=name,
            affinity=parse_cpulist(affinity),
            settable=_is_writable(self._affinity_file(irq)),
            rx_queue=rx_queue,
            tx_queue=tx_queue,
        )

    def _name(self, irq: int) -> str | None:
        """The first action's name: sysfs has it, and procfs has a directory for each, where a name allows it."""
        if actions := read_text(f"{self.prefix}/sys/kernel/irq/{irq}/actions"):
            return actions.partition(",")[0]
        return next(self._action_directories(f"{self.prefix}/proc/irq/{irq}"), None)

    def _action_directories(self, directory: str) -> Iterator[str]:
        return (name for name in list_names(directory) if os.path.isdir(f"{directory}/{name}"))

    def _affinity_file(self, irq: int) -> str:
        return f"{self.prefix}/proc/irq/{irq}/smp_affinity_list"


def queues_of(name: str) -> tuple[QueueIndex | None, QueueIndex | None]:
    """The receive and the transmit queue that a vector of this name serves."""
    for pattern, directions in _NAMES:
        if match := pattern.match(name):
            if not directions:
                break
            queue = QueueIndex(int(match[1]))
            return (queue if "rx" in directions else None), (queue if "tx" in directions else None)
    return None, None


def _order(interrupt: Interrupt) -> tuple[bool, int, int]:
    queue = interrupt.rx_queue if interrupt.rx_queue is not None else interrupt.tx_queue
    return queue is None, queue or 0, interrupt.irq


def _is_writable(path: str) -> bool:
    try:
        return bool(os.stat(path).st_mode & (stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH))
    except OSError:
        return False
