"""A host's /run, /sys and /proc, as far as they tell who has a VF, under a temporary directory."""

import os
import shutil
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tuned_vnet.model import Device, DeviceId, VfFunction, VfIndex

DATA = Path(__file__).with_name("data")
PF = Device(id=DeviceId(bus="pci", address="0000:41:00.0"), ifname="ens2", driver="igb")


def vf(index: int, driver: str | None = "vfio-pci") -> VfFunction:
    """VF `index` of PF, with the address that the emulated host gives it."""
    return VfFunction(index=VfIndex(index), address=f"0000:41:10.{index * 2}", driver=driver)


@dataclass(frozen=True, slots=True, kw_only=True)
class HostTree:
    """Writes the files; what is not written is not there."""

    root: Path

    def run_guest(self, name: str, text: str | None = None) -> Path:
        """libvirt's status of a running guest: from the samples, or this text."""
        path = self._file(f"run/libvirt/qemu/{name}.xml")
        path.write_text((DATA / f"{name}.xml").read_text() if text is None else text)
        return path

    def save_net_config(self, name: str = "ens2_vf0", *, age_s: float = 0) -> None:
        """What libvirt puts aside before it writes a guest's MAC."""
        path = self._file(f"run/libvirt/hostdevmgr/{name}")
        shutil.copy(DATA / "ens2_vf0", path)
        written = time.time() - age_s
        os.utime(path, (written, written))

    def put_in_group(self, address: str, group: str, *, cdev: str | None = None) -> None:
        """The IOMMU group of a PCI function, and its vfio-dev."""
        link = self._file(f"sys/bus/pci/devices/{address}/iommu_group")
        link.symlink_to(f"../../../../kernel/iommu_groups/{group}")
        if cdev is not None:
            (link.parent / "vfio-dev" / cdev).mkdir(parents=True)

    def run_process(self, pid: int, command: Sequence[str], *, opens: Sequence[str] = (), comm: str = "x") -> Path:
        """A process with these files open."""
        directory = self.root / "proc" / str(pid)
        (directory / "fd").mkdir(parents=True)
        (directory / "cmdline").write_bytes(b"".join(word.encode() + b"\0" for word in command))
        (directory / "comm").write_text(comm + "\n")
        for number, target in enumerate(opens):
            (directory / "fd" / str(number)).symlink_to(target)
        return directory

    def _file(self, name: str) -> Path:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        return path
