"""The host as tuned-vnet sees it: profiles, devices, what is desired of them, and passes over them.

Shared by the daemon and by tuned-vnetctl when no daemon runs. It knows nothing of threads, sockets and time: whoever
uses it sees to it that a device has one pass at a time, and that `refresh` and `reload` do not overlap.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tuned_vnet.change import Kernel
from tuned_vnet.desired import DesiredDevice, DesiredHost, desired_host
from tuned_vnet.model import Device, DeviceId, Inventory
from tuned_vnet.profiles.load import Profiles, load_profiles
from tuned_vnet.profiles.table import Problem
from tuned_vnet.reconcile import FindUses, Memory, Retry, Surroundings, bring_about, look
from tuned_vnet.report import DeviceReport, Report, report_device


@dataclass(frozen=True, slots=True, kw_only=True)
class System:
    """How the engine reaches the system; only the daemon and the command make the real one."""

    root: Path
    read_inventory: Callable[[], Inventory]
    open_kernel: Callable[[], Kernel]
    find_uses: FindUses


@dataclass(slots=True)
class Engine:
    """What was read last of profiles and devices; begin with `reload`."""

    system: System
    profiles: Profiles = field(default_factory=Profiles)
    inventory: Inventory = field(default_factory=lambda: Inventory(devices=(), online_cpus=frozenset()))
    desired: DesiredHost = field(default_factory=DesiredHost)
    _memories: dict[DeviceId, tuple[Device, Memory]] = field(default_factory=dict)

    def reload(self) -> tuple[Problem, ...]:
        """Read profiles and devices again; returns all that is wrong with the profiles."""
        self.profiles = load_profiles(self.system.root, self.profiles)
        self.refresh()
        return self.problems

    def refresh(self) -> None:
        """Read again which devices there are."""
        self.inventory = self.system.read_inventory()
        kernel = self.system.open_kernel()
        self.desired = desired_host(self.profiles.active, self.inventory, _existing_vfs(self.inventory, kernel))
        self._memories = {
            # A copy of the items, because passes in other threads may add to them meanwhile.
            device_id: memory
            for device_id, memory in tuple(self._memories.items())
            if device_id in self.desired.devices
        }

    @property
    def problems(self) -> tuple[Problem, ...]:
        """What is wrong with the profiles, by themselves and in view of the devices."""
        return (*self.profiles.problems, *self.desired.problems)

    def look(self, device_id: DeviceId, kernel: Kernel) -> DeviceReport | None:
        """How a device stands; None when it has gone or no profile is for it any more."""
        desired = self.desired.devices.get(device_id)
        if desired is None:
            return None
        return report_device(desired, look(desired, kernel, self._memory(desired), self._surroundings()))

    def apply(
        self, device_id: DeviceId, kernel: Kernel, *, allow_disruption: bool = False, retry: Retry = Retry.NOTHING
    ) -> DeviceReport | None:
        """Make a device as desired; `retry` says which earlier refusals of the kernel to try again."""
        desired = self.desired.devices.get(device_id)
        if desired is None:
            return None
        memory = self._memory(desired)
        memory.forget_failures(retry)
        surroundings = self._surroundings(allow_disruption=allow_disruption)
        return report_device(desired, bring_about(desired, kernel, memory, surroundings))

    def report(self, devices: Mapping[DeviceId, DeviceReport], *, daemon_since: str | None = None) -> Report:
        """The report of the given devices, in the order of the inventory."""
        order = [device_id for device_id in self.desired.devices if device_id in devices]
        reports = tuple(devices[device_id] for device_id in order)
        return Report(devices=reports, profiles=self.profiles, daemon_since=daemon_since)

    def _surroundings(self, *, allow_disruption: bool = False) -> Surroundings:
        return Surroundings(
            online_cpus=self.inventory.online_cpus,
            find_uses=self.system.find_uses,
            allow_disruption=allow_disruption,
        )

    def _memory(self, desired: DesiredDevice) -> Memory:
        """A device whose netdev or driver is another one has no past."""
        known = self._memories.get(desired.device.id)
        if known is not None and known[0] == desired.device:
            return known[1]
        memory = Memory()
        self._memories[desired.device.id] = (desired.device, memory)
        return memory


def _existing_vfs(inventory: Inventory, kernel: Kernel) -> dict[DeviceId, int]:
    states = {device.id: kernel.sriov.get(device) for device in inventory if device.sriov_capable}
    return {device_id: sriov.numvfs for device_id, sriov in states.items() if sriov is not None}
