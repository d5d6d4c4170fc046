"""The kernel as it is: everything in this package behind the protocol of `change.py`."""

import os
from dataclasses import dataclass

from tuned_vnet.errors import KernelError
from tuned_vnet.kernel.ethtool import Ethtool
from tuned_vnet.kernel.interrupts import ProcInterrupts
from tuned_vnet.kernel.inventory import read_inventory
from tuned_vnet.kernel.rtnl import RtnlLink
from tuned_vnet.kernel.sriov import SysfsSriov
from tuned_vnet.kernel.sysctl import ProcSysctl
from tuned_vnet.kernel.sysfs import OnWrite, prefix, tell_nobody
from tuned_vnet.kernel.xps import SysfsXps
from tuned_vnet.model import Inventory


@dataclass(frozen=True, slots=True, kw_only=True)
class RealKernel:
    """Used in one thread; make one for each. Opens its sockets when they are needed first."""

    root: str
    sriov: SysfsSriov
    link: RtnlLink
    ethtool: Ethtool
    interrupts: ProcInterrupts
    xps: SysfsXps
    sysctl: ProcSysctl

    def inventory(self) -> Inventory:
        """All network functions, with permanent addresses from rtnetlink where `root` is the running system's."""
        try:
            macs = self.link.permanent_macs() if self.root == "/" else None
        except KernelError:  # a socket can fail (ENOBUFS, ENOMEM); sysfs then knows most of the addresses
            macs = None
        return read_inventory(self.root, permanent_macs=macs)

    def close(self) -> None:
        """Close all sockets; the next use opens them again."""
        self.link.close()
        self.ethtool.close()


def open_kernel(root: os.PathLike[str] | str = "/", *, on_write: OnWrite = tell_nobody) -> RealKernel:
    """The kernel with its files below `root`; `on_write` is told of each write before it is made."""
    before = prefix(root)
    return RealKernel(
        root=os.fspath(root),
        sriov=SysfsSriov(prefix=before, on_write=on_write),
        link=RtnlLink(on_write=on_write),
        ethtool=Ethtool(on_write=on_write),
        interrupts=ProcInterrupts(prefix=before, on_write=on_write),
        xps=SysfsXps(prefix=before, on_write=on_write),
        sysctl=ProcSysctl(prefix=before, on_write=on_write),
    )
