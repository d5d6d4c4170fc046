"""SR-IOV of a PF: how many VFs there are, where they are, and making more or fewer.

Hard facts (drivers/pci/iov.c of Linux 6.12):
 * Reading `sriov_numvfs` takes the device's lock, which a write holds until all VFs are made; with a VF in a guest, a
   write of 0 holds it until QEMU lets go. The `virtfn*` links tell the same without a lock.
 * A write fails with EBUSY for N to M, ERANGE above sriov_totalvfs, ENOENT without a driver that does SR-IOV; it
   succeeds when the driver enabled fewer than asked for.
 * netdevsim has no PCI functions and only the one file, whose read takes no lock (drivers/net/netdevsim/bus.c).
"""

import re
from dataclasses import dataclass

from tuned_vnet.kernel.sysfs import OnWrite, link_name, list_names, read_int, tell_nobody, write_text
from tuned_vnet.model import Device, Sriov, VfFunction, VfIndex

_VIRTFN = re.compile(r"virtfn(\d+)$")


@dataclass(frozen=True, slots=True, kw_only=True)
class SysfsSriov:
    """`sriov_*` below /sys/bus/BUS/devices/ADDRESS."""

    prefix: str = ""
    on_write: OnWrite = tell_nobody

    def get(self, device: Device) -> Sriov | None:
        """What the PF has now; None for a device without SR-IOV, or one that has gone."""
        directory = self._directory(device)
        names = list_names(directory)
        if "sriov_numvfs" not in names:
            return None
        indices = sorted(VfIndex(int(match[1])) for name in names if (match := _VIRTFN.match(name)))
        functions = tuple(filter(None, (_function(f"{directory}/virtfn{index}", index) for index in indices)))
        on_pci = device.id.bus == "pci"
        autoprobe = read_int(f"{directory}/sriov_drivers_autoprobe")
        return Sriov(
            numvfs=len(functions) if on_pci else read_int(f"{directory}/sriov_numvfs") or 0,
            total_vfs=read_int(f"{directory}/sriov_totalvfs"),
            drivers_autoprobe=None if autoprobe is None else bool(autoprobe),
            functions=functions,
        )

    def set_drivers_autoprobe(self, device: Device, enabled: bool) -> None:  # noqa: FBT001
        """Whether host drivers bind VFs that are made from now on. Raises KernelError."""
        self._write(device, "sriov_drivers_autoprobe", str(int(enabled)))

    def set_numvfs(self, device: Device, count: int) -> None:
        """Make or remove VFs; takes from a tenth of a second to minutes. Raises KernelError."""
        self._write(device, "sriov_numvfs", str(count))

    def _write(self, device: Device, name: str, text: str) -> None:
        self.on_write(f"{device.id}: {name} {text}")
        write_text(f"{self._directory(device)}/{name}", text, what=name)

    def _directory(self, device: Device) -> str:
        return f"{self.prefix}/sys/bus/{device.id.bus}/devices/{device.id.address}"


def _function(directory: str, index: VfIndex) -> VfFunction | None:
    address = link_name(directory)
    if address is None:  # it went away since its directory was listed
        return None
    ifname = next(iter(list_names(f"{directory}/net")), None)
    names = list_names(f"{directory}/net/{ifname}") if ifname else []
    return VfFunction(
        index=index,
        address=address,
        driver=link_name(f"{directory}/driver"),
        ifname=ifname,
        upper_devices=tuple(name.removeprefix("upper_") for name in names if name.startswith("upper_")),
    )
