"""When to look at a device again: hints are collected for a moment, and a device has one pass at a time.

A hint that comes during a pass makes exactly one more pass. A pass may ask for another one after a while.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass

from tuned_vnet.model import DeviceId

DEBOUNCE_S = 0.05
"""A guest's start and a driver's load come as a handful of events within milliseconds."""

RunPass = Callable[[DeviceId, bool], Awaitable[float | None]]
"""Makes a pass over a device; the flag says to retry what failed. Returns seconds until the next one, or None."""

Begin = Callable[[Coroutine[None, None, None]], asyncio.Task[None]]
"""Runs a coroutine as a task of its own, and sees to it when that fails."""


@dataclass(slots=True)
class _Slot:
    timer: asyncio.TimerHandle | None = None
    task: asyncio.Task[None] | None = None
    again: bool = False
    retry: bool = False


class Schedule:
    """The devices that wait for a pass, and those that are in one."""

    def __init__(self, run_pass: RunPass, begin: Begin) -> None:
        self._run_pass = run_pass
        self._begin = begin
        self._slots: dict[DeviceId, _Slot] = {}
        self._closed = False

    def hint(self, device_id: DeviceId, *, delay_s: float = DEBOUNCE_S, retry: bool = False) -> None:
        """Look at this device soon; the nearest of several wishes counts."""
        if self._closed:
            return
        slot = self._slots.setdefault(device_id, _Slot())
        slot.retry |= retry
        if slot.task is not None:
            slot.again = True
            return
        loop = asyncio.get_running_loop()
        if slot.timer is not None:
            if slot.timer.when() <= loop.time() + delay_s:
                return
            slot.timer.cancel()
        slot.timer = loop.call_later(delay_s, self._start, device_id, slot)

    @property
    def busy(self) -> tuple[DeviceId, ...]:
        """Devices that are in a pass, or will be in a moment."""
        soon = asyncio.get_running_loop().time() + DEBOUNCE_S
        return tuple(
            device_id
            for device_id, slot in self._slots.items()
            if slot.task is not None or (slot.timer is not None and slot.timer.when() <= soon)
        )

    async def close(self) -> None:
        """Start nothing more, and wait for the passes that run."""
        self._closed = True
        for slot in self._slots.values():
            if slot.timer is not None:
                slot.timer.cancel()
        tasks = [slot.task for slot in self._slots.values() if slot.task is not None]
        await asyncio.gather(*tasks, return_exceptions=True)

    def _start(self, device_id: DeviceId, slot: _Slot) -> None:
        slot.timer = None
        slot.task = self._begin(self._pass(device_id, slot))

    async def _pass(self, device_id: DeviceId, slot: _Slot) -> None:
        retry, slot.retry, slot.again = slot.retry, False, False
        try:
            delay_s = await self._run_pass(device_id, retry)
        finally:
            slot.task = None
        if slot.again:
            self.hint(device_id)
        elif delay_s is not None:
            self.hint(device_id, delay_s=delay_s, retry=True)
