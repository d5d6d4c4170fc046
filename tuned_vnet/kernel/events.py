"""Where hints come from that something has changed: rtnetlink and udev. A hint says only what to look at again.

Hard facts:
 * Setting a VF's attribute is heard as RTM_NEWLINK of the PF while that is up, and not at all while it is down.
 * Making VFs is heard as `add` and `change` of each VF; removing them as `remove` of each, when its `physfn` is gone;
   nothing is said of the PF but one `change` after the last was made (drivers/pci/iov.c). VFs are siblings of their
   PF in sysfs, whatever bus number they have.
 * Names are final in udev's events, not in the kernel's; a rename is the action `move`.
 * A reader that is too slow loses messages and is told so once by ENOBUFS; then everything has to be looked at. pyudev
   raises an OSError for it without an errno, and for ever, until SO_ERROR has been read (pyudev issue 194).
"""

import contextlib
import errno
import os
import socket
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from tuned_vnet.kernel import uapi
from tuned_vnet.kernel.inventory import device_id_of
from tuned_vnet.kernel.netlink import MESSAGE, open_socket
from tuned_vnet.kernel.sysfs import link_name, list_names, prefix
from tuned_vnet.model import DeviceId

_SUBSYSTEMS = ("pci", "net", "netdevsim")
_RECEIVE_BUFFER = 8 << 20  # a thousand VF writes come back as a thousand messages of up to 4 KiB
_IFINFOMSG = struct.Struct("=BxHiII")


@dataclass(frozen=True, slots=True, kw_only=True)
class Hint:
    """Look again at this netdev, or at this device; at everything when neither is said."""

    ifindex: int | None = None
    device: DeviceId | None = None


EVERYTHING = Hint()


class LinkEvents:
    """Links that came, changed or went, from the multicast group RTNLGRP_LINK of this network namespace."""

    def __init__(self) -> None:
        self._socket = open_socket(uapi.NETLINK_ROUTE, groups=uapi.RTMGRP_LINK, receive_buffer=_RECEIVE_BUFFER)

    def fileno(self) -> int:
        """For the event loop: readable when there is something to read()."""
        return self._socket.fileno()

    def read(self) -> set[Hint]:
        """All that has come since; never waits."""
        hints: set[Hint] = set()
        while True:
            try:
                # A notification is one message, and its head is all that is wanted of it.
                head = self._socket.recv(MESSAGE.size + _IFINFOMSG.size, socket.MSG_DONTWAIT)
            except BlockingIOError:
                return hints
            except OSError as error:
                if error.errno != errno.ENOBUFS:
                    raise
                hints.add(EVERYTHING)
                continue
            if MESSAGE.unpack_from(head)[1] in (uapi.RTM_NEWLINK, uapi.RTM_DELLINK):
                hints.add(Hint(ifindex=_IFINFOMSG.unpack_from(head, MESSAGE.size)[2]))

    def close(self) -> None:
        """Stop listening."""
        self._socket.close()


@dataclass(frozen=True, slots=True, kw_only=True)
class Uevent:
    """What udev says: action, subsystem, DEVPATH (below /sys), and the properties."""

    action: str
    subsystem: str
    path: str
    properties: Mapping[str, str]


class DeviceEvents:
    """Devices that came, changed or went. `source` is `kernel` where no udevd runs, with names that may change yet."""

    def __init__(self, root: os.PathLike[str] | str = "/", *, source: str = "udev") -> None:
        import pyudev  # loads libudev, which not every user of this module has

        self._sys = f"{prefix(root)}/sys"
        self._monitor: Any = pyudev.Monitor.from_netlink(pyudev.Context(), source=source)
        for subsystem in _SUBSYSTEMS:
            self._monitor.filter_by(subsystem)
        with contextlib.suppress(OSError):  # beyond net.core.rmem_max needs CAP_NET_ADMIN
            self._monitor.set_receive_buffer_size(_RECEIVE_BUFFER)
        self._monitor.start()

    def fileno(self) -> int:
        """For the event loop: readable when there is something to read()."""
        descriptor: int = self._monitor.fileno()
        return descriptor

    def read(self) -> set[Hint]:
        """All that has come since; never waits."""
        hints: set[Hint] = set()
        gone: set[str] = set()
        while True:
            try:
                device = self._monitor.poll(timeout=0)
            except OSError as error:
                if errno.ENOBUFS not in (error.errno, self._take_error()):
                    raise
                hints.add(EVERYTHING)
                continue
            if device is None:
                break
            uevent = Uevent(
                action=device.action or "",
                subsystem=device.subsystem or "",
                path=device.device_path,
                properties=device.properties,
            )
            hints.update(hints_of(uevent, sys=self._sys))
            gone.update(parent_of_gone(uevent))
        for parent in gone:
            hints.update(pfs_below(parent, sys=self._sys))
        return hints

    def close(self) -> None:
        """Stop listening."""
        self._monitor = None

    def _take_error(self) -> int:
        with socket.socket(fileno=os.dup(self.fileno())) as duplicate:
            return duplicate.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)


def hints_of(uevent: Uevent, *, sys: str = "/sys") -> Iterator[Hint]:
    """What an event is about: the device, the netdev, and the PF where the device is a VF that is still there."""
    if uevent.subsystem == "netdevsim":
        yield Hint(device=DeviceId(bus="netdevsim", address=_name(uevent.path)))
    elif uevent.subsystem == "pci" and _is_network(uevent):
        yield Hint(device=DeviceId(bus="pci", address=_name(uevent.path)))
        yield from _pf(f"{sys}{uevent.path}")
    elif uevent.subsystem == "net" and not uevent.path.startswith("/devices/virtual/"):
        if ifindex := uevent.properties.get("IFINDEX"):
            yield Hint(ifindex=int(ifindex))
        parent = uevent.path.rpartition("/net/")[0]
        if device_id := device_id_of(f"{sys}{parent}", _name(parent)):
            yield Hint(device=device_id)
            yield from _pf(f"{sys}{parent}")


def parent_of_gone(uevent: Uevent) -> Iterator[str]:
    """Where to look for the PF of a VF that was removed: the DEVPATH of what both are below."""
    if uevent.subsystem == "pci" and uevent.action == "remove" and _is_network(uevent):
        yield uevent.path.rpartition("/")[0]


def pfs_below(path: str, *, sys: str = "/sys") -> Iterator[Hint]:
    """The PFs directly below this DEVPATH, as a rule the one to eight functions of an adapter."""
    for name in list_names(f"{sys}{path}"):
        if os.path.exists(f"{sys}{path}/{name}/sriov_totalvfs"):
            yield Hint(device=DeviceId(bus="pci", address=name))


def udev_queue_is_empty(root: os.PathLike[str] | str = "/") -> bool:
    """True when udevd has worked off all events, also when there is no udevd (see udevadm-settle(8))."""
    return not os.path.exists(f"{prefix(root)}/run/udev/queue")


def _pf(directory: str) -> Iterator[Hint]:
    if address := link_name(f"{directory}/physfn"):
        yield Hint(device=DeviceId(bus="pci", address=address))


def _is_network(uevent: Uevent) -> bool:
    """PCI_CLASS is the class in hexadecimal without leading zeros, in every event of a PCI device (pci_uevent)."""
    return int(uevent.properties.get("PCI_CLASS", "0"), 16) >> 16 == uapi.PCI_BASE_CLASS_NETWORK


def _name(path: str) -> str:
    return path.rpartition("/")[2]
