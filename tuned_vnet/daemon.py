"""tuned-vnetd: make everything as desired at boot, say so to systemd, and keep it so.

Events say only which device to look at again; an audit finds what no event tells of. Whatever happens, the same pass
is run. The loop never waits for the kernel: passes run in the devices' threads.
"""

import asyncio
import contextlib
import logging
import os
import signal
import time
from collections.abc import Coroutine, Mapping
from datetime import UTC, datetime

from systemd.daemon import notify

from tuned_vnet.boot import Deadline, waits_for
from tuned_vnet.change import Outcome
from tuned_vnet.config import Config, load_config
from tuned_vnet.control.server import Server
from tuned_vnet.control.wire import SOCKET
from tuned_vnet.desired import DesiredDevice
from tuned_vnet.engine import Engine, System
from tuned_vnet.journal import open_journal
from tuned_vnet.kernel.events import EVERYTHING, DeviceEvents, Hint, LinkEvents, udev_queue_is_empty
from tuned_vnet.kernel.pyroute import load_pyroute2_meanwhile
from tuned_vnet.methods import Methods
from tuned_vnet.model import HOST, DeviceId
from tuned_vnet.passes import Passes
from tuned_vnet.reconcile import Retry
from tuned_vnet.report import DeviceReport
from tuned_vnet.schedule import DEBOUNCE_S, Schedule
from tuned_vnet.system import real_system
from tuned_vnet.workers import Workers

BOOT_POLL_S = 0.05
"""udev has no event for "my queue is empty"; its flag file is looked at while the boot pass lasts."""

BOOT_GRACE_S = 30.0
"""What systemd grants beyond the boot pass's own deadline before it calls the start failed."""

PENDING_RETRY_S = 1.0
"""First pause before looking again at what is pending; it doubles up to the audit interval."""

log = logging.getLogger("tuned_vnet")


class Daemon:
    """The daemon's life: boot pass, events, audit, reload, stop."""

    def __init__(self, system: System, config: Config) -> None:
        self._config = config
        self._root = system.root
        self._passes = Passes(engine=Engine(system), workers=Workers(system.open_kernel))
        self._schedule = Schedule(self._run_pass, self._begin)
        self._pauses: dict[DeviceId, float] = {}
        self._stop = asyncio.Event()
        self._ready = False
        self._tasks: set[asyncio.Task[None]] = set()
        self._hints: set[Hint] = set()
        self._refreshing: asyncio.Task[None] | None = None
        self.exit_code = 0

    async def run(self) -> None:
        """From the first look to SIGTERM."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stop.set)
        loop.add_signal_handler(signal.SIGHUP, lambda: self._begin(self._reload()))
        with contextlib.ExitStack() as open_sources:
            self._listen(open_sources)
            self._ping_watchdog()
            since = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
            server = Server(methods=Methods(self._passes, since=since).table(), path=self._root / SOCKET.lstrip("/"))
            await server.start()
            self._begin(self._boot())
            await self._stop.wait()
            notify("STOPPING=1")
            await server.stop()
            await self._schedule.close()
            for task in self._tasks:
                task.cancel()
            self._passes.close()

    def _listen(self, open_sources: contextlib.ExitStack) -> None:
        """Sources are open before the first look, so that nothing that happens meanwhile is missed."""
        loop = asyncio.get_running_loop()
        devices, links = DeviceEvents(self._root), LinkEvents()
        loop.add_reader(devices.fileno(), lambda: self._devices_changed(devices.read()))
        loop.add_reader(links.fileno(), lambda: self._look_at(links.read()))
        for source in (devices, links):
            open_sources.callback(source.close)
            open_sources.callback(loop.remove_reader, source.fileno())

    # --- boot ---

    async def _boot(self) -> None:
        started = time.monotonic()
        deadline = Deadline(config=self._config)
        notify(f"EXTEND_TIMEOUT_USEC={int((deadline.longest_s + BOOT_GRACE_S) * 1e6)}")
        await self._passes.reload()
        self._look_at_everything()
        told = ""
        while waits := self._boot_waits_for(elapsed_s := time.monotonic() - started):
            udev_idle = udev_queue_is_empty(self._root)
            if deadline.has_passed(elapsed_s, self._passes.engine.desired, udev_idle=udev_idle):
                log.warning("boot pass: not done after %.0f s, going on: %s", elapsed_s, "; ".join(waits))
                break
            if waits[0] != told:
                told = waits[0]
                notify(f"STATUS=Boot pass: {told}")
            await asyncio.sleep(BOOT_POLL_S)
        self._ready = True
        notify(f"READY=1\nSTATUS={self._summary()}")
        self._begin(self._audit())

    def _boot_waits_for(self, elapsed_s: float) -> tuple[str, ...]:
        passes = self._passes
        if not udev_queue_is_empty(self._root):
            return ("udev is still at work",)
        if self._refreshing is not None:
            return ("reading the devices",)
        seen = passes.reports.keys()
        unseen = [str(device_id) for device_id in passes.engine.desired.devices if device_id not in seen]
        busy = unseen or [str(device_id) for device_id in self._schedule.busy]
        return tuple(busy) or waits_for(passes.reports.values(), self._config, elapsed_s=elapsed_s)

    # --- hints ---

    def _devices_changed(self, hints: set[Hint]) -> None:
        """A device came, went or changed its driver: read what there is, then look at what that concerns."""
        self._hints |= hints
        if self._hints and self._refreshing is None:
            self._refreshing = self._begin(self._refresh())

    async def _refresh(self) -> None:
        while self._hints:
            await asyncio.sleep(DEBOUNCE_S)
            hints, self._hints = self._hints, set()
            before = self._passes.engine.desired.devices
            await self._passes.refresh()
            self._look_where(hints, before)
        self._refreshing = None

    def _look_where(self, hints: set[Hint], before: Mapping[DeviceId, DesiredDevice]) -> None:
        """Look at devices that were named, that are new or other than before, or that are to be other than before.

        The host is to be other when a device comes whose profiles have a [sysctl].
        """
        now = self._passes.engine.desired.devices
        changed = {device_id for device_id, desired in now.items() if before.get(device_id) != desired}
        self._look_at(hints | {Hint(device=device_id) for device_id in changed})

    def _look_at(self, hints: set[Hint]) -> None:
        """Hints for what no profile is for lead to nothing."""
        for device_id, desired in self._passes.engine.desired.devices.items():
            meant = (EVERYTHING, Hint(device=device_id), Hint(ifindex=desired.device.ifindex))
            if not hints.isdisjoint(meant):
                self._schedule.hint(device_id)

    def _look_at_everything(self, *, retry: bool = False) -> None:
        for device_id in self._passes.engine.desired.devices:
            self._schedule.hint(device_id, retry=retry)

    async def _audit(self) -> None:
        while True:
            await asyncio.sleep(self._config.audit_interval_s)
            await self._passes.refresh()
            self._look_at_everything(retry=True)

    # --- passes ---

    async def _run_pass(self, device_id: DeviceId, retry: bool) -> float | None:  # noqa: FBT001 - RunPass
        report = await self._passes.apply(device_id, retry=Retry.HARMLESS if retry else Retry.NOTHING)
        if self._ready:
            notify(f"STATUS={self._summary()}")
        return self._pause(device_id, report)

    def _pause(self, device_id: DeviceId, report: DeviceReport | None) -> float | None:
        """How long until a device with something pending is looked at again: longer each time."""
        if report is None or all(finding.outcome is not Outcome.PENDING for finding in report.findings):
            self._pauses.pop(device_id, None)
            return None
        longest = self._config.audit_interval_s
        self._pauses[device_id] = min(2 * self._pauses.get(device_id, PENDING_RETRY_S / 2), longest)
        return self._pauses[device_id]

    def _summary(self) -> str:
        """One line for systemctl status."""
        reports = self._passes.reports.values()
        troubles = [f"{report.device.label} {report.state}" for report in reports if not report.state.settled]
        nics = sum(report.device != HOST for report in reports)
        return "; ".join(troubles) or f"{nics} device{'s' if nics != 1 else ''} as desired"

    # --- the loop's own affairs ---

    async def _reload(self) -> None:
        await self._passes.reload()
        await self._passes.apply_all(self._passes.engine.desired.devices)

    def _begin(self, work: Coroutine[None, None, None]) -> asyncio.Task[None]:
        """Run in the background; a bug there ends the daemon, so that systemd starts it again."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            log.critical("internal error", exc_info=task.exception())
            self.exit_code = 1
            self._stop.set()

    def _ping_watchdog(self) -> None:
        """From the loop itself, so that a loop that hangs is noticed; see sd_watchdog_enabled(3)."""
        usec = int(os.environ.get("WATCHDOG_USEC", "0"))
        if usec:
            notify("WATCHDOG=1")
            asyncio.get_running_loop().call_later(usec / 2e6, self._ping_watchdog)


def main() -> int:
    """Run until SIGTERM."""
    load_pyroute2_meanwhile()
    open_journal()
    system = real_system()
    config, problems = load_config(system.root)
    for problem in problems:
        log.warning("%s", problem)
    daemon = Daemon(system, config)
    asyncio.run(daemon.run())
    return daemon.exit_code
