"""Passes over many devices at once, and what they found last.

The asyncio side of the engine: work goes to the devices' threads, results come back to the loop, changes and troubles
go to the journal. What the schedule, the boot and the control socket have in common.
"""

import asyncio
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial

from tuned_vnet.change import Kernel
from tuned_vnet.engine import Engine
from tuned_vnet.errors import UsageError
from tuned_vnet.journal import Journal
from tuned_vnet.model import HOST, Device, DeviceId
from tuned_vnet.profiles.table import Problem
from tuned_vnet.reconcile import Retry
from tuned_vnet.report import DeviceReport
from tuned_vnet.workers import Workers

LOOK_TIMEOUT_S = 2.0
"""A device in the middle of a long write is shown as it was seen last."""

Work = Callable[[Kernel], DeviceReport | None]


def targets(engine: Engine, name: str | None) -> tuple[DeviceId, ...]:
    """The devices that a command means: the one with this name, or all that a profile is for, and the host.

    Raises UsageError when there is no such device.
    """
    if name is None:
        return tuple(engine.desired.devices)
    device = engine.inventory.find(name)
    if device is None:
        raise UsageError(f"{name}: no such device", hint="Give an interface name, a PCI address or bus/address.")
    return (device.id,) if device.id in engine.desired.devices else ()


def device_of(engine: Engine, device_id: DeviceId) -> Device:
    """The device, as far as it is still there; its thread is found by it."""
    desired = engine.desired.devices.get(device_id)
    return desired.device if desired is not None else HOST


@dataclass(slots=True)
class Passes:
    """Runs looks and passes in the devices' threads, and keeps the last report of each device."""

    engine: Engine
    workers: Workers
    journal: Journal = field(default_factory=Journal)
    reports: dict[DeviceId, DeviceReport] = field(default_factory=dict)
    _reader: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(1, thread_name_prefix="inventory"))

    async def refresh(self) -> None:
        """See again which devices there are."""
        await self._read(self.engine.refresh)

    async def reload(self) -> tuple[Problem, ...]:
        """Read the profiles again; returns what is wrong with them."""
        await self._read(self.engine.reload)
        return self.engine.problems

    async def apply(
        self, device_id: DeviceId, *, retry: Retry = Retry.NOTHING, allow_disruption: bool = False
    ) -> DeviceReport | None:
        """A pass over one device, written to the journal."""
        work = partial(self.engine.apply, device_id, retry=retry, allow_disruption=allow_disruption)
        report = await self._submit(device_id, work)
        self._keep(device_id, report)
        if report is not None:
            self.journal.write_pass(report)
        return report

    async def apply_all(
        self, device_ids: Iterable[DeviceId], *, allow_disruption: bool = False
    ) -> dict[DeviceId, DeviceReport]:
        """Passes over several devices, at once where they are different ports."""
        ids = tuple(device_ids)
        passes = (self.apply(device_id, retry=Retry.EVERYTHING, allow_disruption=allow_disruption) for device_id in ids)
        return _present(ids, await asyncio.gather(*passes))

    async def look_all(self, device_ids: Iterable[DeviceId]) -> dict[DeviceId, DeviceReport]:
        """A fresh look at several devices; one that does not answer is shown as it was seen last."""
        ids = tuple(device_ids)
        return _present(ids, await asyncio.gather(*(self._look(device_id) for device_id in ids)))

    def close(self) -> None:
        """Wait for what runs, and start nothing more."""
        self.workers.close()
        self._reader.shutdown(wait=True, cancel_futures=True)

    async def _look(self, device_id: DeviceId) -> DeviceReport | None:
        work = self._submit(device_id, partial(self.engine.look, device_id))
        try:
            return await asyncio.wait_for(work, LOOK_TIMEOUT_S)
        except TimeoutError:
            return self.reports.get(device_id)

    async def _submit(self, device_id: DeviceId, work: Work) -> DeviceReport | None:
        return await asyncio.wrap_future(self.workers.submit(device_of(self.engine, device_id), work))

    async def _read(self, read: Callable[[], object]) -> None:
        await asyncio.get_running_loop().run_in_executor(self._reader, read)
        for device_id in self.reports.keys() - self.engine.desired.devices.keys():
            self._keep(device_id, None)
        self.journal.write_problems(self.engine.problems)

    def _keep(self, device_id: DeviceId, report: DeviceReport | None) -> None:
        if report is not None:
            self.reports[device_id] = report
        else:
            self.reports.pop(device_id, None)
            self.journal.forget(device_id)


def _present(ids: Iterable[DeviceId], reports: Iterable[DeviceReport | None]) -> dict[DeviceId, DeviceReport]:
    return {device_id: report for device_id, report in zip(ids, reports, strict=True) if report is not None}
