"""The answers of io.tunedvnet without a daemon: profiles and kernel, read by this process."""

import sys
from collections.abc import Callable
from concurrent.futures import Future
from functools import partial

from tuned_vnet.change import Kernel
from tuned_vnet.ctl.source import Reply
from tuned_vnet.engine import Engine
from tuned_vnet.kernel.pyroute import load_pyroute2_meanwhile
from tuned_vnet.model import DeviceId, Json
from tuned_vnet.passes import device_of, targets
from tuned_vnet.report import DeviceReport, cat_json, report_json
from tuned_vnet.system import real_system
from tuned_vnet.workers import Workers

Work = Callable[[Kernel], DeviceReport | None]


class Direct:
    """Looks at and changes the host itself, several ports at once."""

    def __init__(self) -> None:
        load_pyroute2_meanwhile()
        system = real_system()
        self._engine = Engine(system)
        self._workers = Workers(system.open_kernel)
        for problem in self._engine.reload():
            print(problem, file=sys.stderr)

    def status(self, device: str | None) -> Reply:
        return {"status": self._json(self._on_each(device, self._look))}

    verify = status

    def plan(self, device: str | None) -> Reply:
        reports = self._on_each(device, self._look)
        changes = [text for report in reports.values() for text in report.planned]
        return {"status": self._json(reports), "changes": list(changes)}

    def apply(self, device: str | None, *, allow_disruption: bool) -> Reply:
        work = partial(self._apply, allow_disruption=allow_disruption)
        reports = self._on_each(device, work)
        changes = [text for report in reports.values() for text, _ in report.changed]
        return {"status": self._json(reports), "changes": list(changes)}

    def cat(self, device: str | None) -> Reply:
        desired = self._engine.desired.devices
        return {
            "settings": [row for device_id in targets(self._engine, device) for row in cat_json(desired[device_id])]
        }

    def _look(self, device_id: DeviceId) -> Work:
        return partial(self._engine.look, device_id)

    def _apply(self, device_id: DeviceId, *, allow_disruption: bool) -> Work:
        return partial(self._engine.apply, device_id, allow_disruption=allow_disruption)

    def _on_each(self, device: str | None, work_on: Callable[[DeviceId], Work]) -> dict[DeviceId, DeviceReport]:
        futures: dict[DeviceId, Future[DeviceReport | None]] = {
            device_id: self._workers.submit(device_of(self._engine, device_id), work_on(device_id))
            for device_id in targets(self._engine, device)
        }
        reports = {device_id: future.result() for device_id, future in futures.items()}
        self._workers.close()
        return {device_id: report for device_id, report in reports.items() if report is not None}

    def _json(self, reports: dict[DeviceId, DeviceReport]) -> Json:
        return report_json(self._engine.report(reports))
