"""Transmit packet steering: which CPUs send through which queue (Documentation/networking/scaling.rst).

Hard facts (net/core/net-sysfs.c):
 * A netdev with one transmit queue has the files, and reading them gives ENOENT.
 * Queue directories come and go with the number of channels, and XPS of a queue that went is lost.
"""

import errno
import re
from collections.abc import Mapping
from dataclasses import dataclass

from tuned_vnet.cpus import format_mask, parse_mask
from tuned_vnet.errors import KernelError
from tuned_vnet.kernel.sysfs import OnWrite, list_names, read_text, tell_nobody, write_text
from tuned_vnet.model import CpuSet, Device, QueueIndex

_TX_QUEUE = re.compile(r"tx-(\d+)$")


@dataclass(frozen=True, slots=True, kw_only=True)
class SysfsXps:
    """/sys/class/net/IFNAME/queues/tx-N/xps_cpus."""

    prefix: str = ""
    on_write: OnWrite = tell_nobody

    def get(self, device: Device) -> Mapping[QueueIndex, CpuSet] | None:
        """The CPUs of each transmit queue, in the queues' order; None where there is nothing to steer."""
        if device.ifname is None:
            return None
        names = list_names(f"{self.prefix}/sys/class/net/{device.ifname}/queues")
        queues = sorted(QueueIndex(int(match[1])) for name in names if (match := _TX_QUEUE.match(name)))
        masks = {queue: read_text(self._file(device.ifname, queue)) for queue in queues}
        found = {queue: parse_mask(mask) for queue, mask in masks.items() if mask is not None}
        return found or None

    def set(self, device: Device, queue: QueueIndex, cpus: CpuSet) -> None:
        """Steer these CPUs to the queue; no CPU at all takes the queue out of XPS. Raises KernelError."""
        what = f"xps tx-{queue}"
        if device.ifname is None:
            raise KernelError(errno.ENODEV, what)
        mask = format_mask(cpus)
        self.on_write(f"{device.id}: {what} {mask}")
        write_text(self._file(device.ifname, queue), mask, what=what)

    def _file(self, ifname: str, queue: QueueIndex) -> str:
        return f"{self.prefix}/sys/class/net/{ifname}/queues/tx-{queue}/xps_cpus"
