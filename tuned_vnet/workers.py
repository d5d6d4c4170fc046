"""Threads that touch the kernel: one for each PF with its VFs' netdevs, so that a slow port holds up no other.

A netlink socket belongs to the thread that made it, so each worker opens a kernel of its own when it is first used.
"""

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

from tuned_vnet.change import Kernel
from tuned_vnet.model import Device, DeviceId

T = TypeVar("T")


class Workers:
    """Runs work on a device, one at a time for each PF, several PFs at once."""

    def __init__(self, open_kernel: Callable[[], Kernel]) -> None:
        self._open_kernel = open_kernel
        self._executors: dict[DeviceId, ThreadPoolExecutor] = {}
        self._own = threading.local()

    def submit(self, device: Device, work: Callable[[Kernel], T]) -> "Future[T]":
        """Do the work in the device's thread, after what was submitted for it before."""
        key = device.pf or device.id
        if key not in self._executors:
            self._executors[key] = ThreadPoolExecutor(max_workers=1, thread_name_prefix=str(key))
        return self._executors[key].submit(lambda: work(self._kernel()))

    def close(self) -> None:
        """Drop what has not begun and wait for what has."""
        for executor in self._executors.values():
            executor.shutdown(wait=False, cancel_futures=True)
        for executor in self._executors.values():
            executor.shutdown(wait=True)
        self._executors.clear()

    def _kernel(self) -> Kernel:
        if not hasattr(self._own, "kernel"):
            self._own.kernel = self._open_kernel()
        kernel: Kernel = self._own.kernel
        return kernel
