"""The methods of io.tunedvnet: what a client may ask of the daemon.

Replies carry the object of `report_json`.
"""

from collections.abc import Iterable, Mapping

from tuned_vnet.control.server import Handler, Peer
from tuned_vnet.control.wire import NO_SUCH_DEVICE, VarlinkError
from tuned_vnet.errors import UsageError
from tuned_vnet.model import DeviceId, Json
from tuned_vnet.passes import Passes, targets
from tuned_vnet.report import DeviceReport, cat_json, report_json


class Methods:
    """Status (and Verify, which is the same look), Plan, Apply, Reload and Cat."""

    def __init__(self, passes: Passes, *, since: str) -> None:
        self._passes = passes
        self._since = since

    def table(self) -> dict[str, Handler]:
        """The methods by their names. The server has checked the parameters, and that the caller may call."""
        return {
            "Status": self.status,
            "Plan": self.plan,
            "Apply": self.apply,
            "Verify": self.status,
            "Reload": self.reload,
            "Cat": self.cat,
        }

    async def status(self, parameters: Mapping[str, Json], peer: Peer) -> Mapping[str, Json]:
        """Every device, looked at now."""
        return {"status": self._json(await self._passes.look_all(self._targets(parameters)))}

    async def plan(self, parameters: Mapping[str, Json], peer: Peer) -> Mapping[str, Json]:
        """What Apply would write."""
        reports = await self._passes.look_all(self._targets(parameters))
        return {"status": self._json(reports), "changes": _lines(report.planned for report in reports.values())}

    async def apply(self, parameters: Mapping[str, Json], peer: Peer) -> Mapping[str, Json]:
        """A pass over the devices, now."""
        await self._passes.refresh()
        allow = bool(parameters.get("allow_disruption"))
        reports = await self._passes.apply_all(self._targets(parameters), allow_disruption=allow)
        return {"status": self._json(reports), "changes": _changed(reports.values())}

    async def reload(self, parameters: Mapping[str, Json], peer: Peer) -> Mapping[str, Json]:
        """Read the profiles again and make a pass over everything."""
        problems = await self._passes.reload()
        reports = await self._passes.apply_all(self._targets(parameters))
        return {
            "status": self._json(reports),
            "changes": _changed(reports.values()),
            "problems": [str(problem) for problem in problems if problem.fatal],
        }

    async def cat(self, parameters: Mapping[str, Json], peer: Peer) -> Mapping[str, Json]:
        """Effective settings with their origin."""
        engine = self._passes.engine
        wanted = self._targets(parameters)
        devices = [desired for device_id, desired in engine.desired.devices.items() if device_id in wanted]
        return {"settings": [row for device in devices for row in cat_json(device)]}

    def _targets(self, parameters: Mapping[str, Json]) -> tuple[DeviceId, ...]:
        name = parameters.get("device")
        try:
            return targets(self._passes.engine, None if name is None else str(name))
        except UsageError as error:
            raise VarlinkError(NO_SUCH_DEVICE, {"device": name}) from error

    def _json(self, reports: Mapping[DeviceId, DeviceReport]) -> Json:
        return report_json(self._passes.engine.report(reports, daemon_since=self._since))


def _lines(groups: Iterable[Iterable[str]]) -> list[Json]:
    return [line for group in groups for line in group]


def _changed(reports: Iterable[DeviceReport]) -> list[Json]:
    return [text for report in reports for text, _ in report.changed]
