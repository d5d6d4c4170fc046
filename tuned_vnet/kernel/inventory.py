"""All network functions of the host, from sysfs.

A function is whatever has a netdev, and every PCI function of the network class with SR-IOV, which profiles may wait
for before a driver is bound to it. Looked at anew for each event, so it reads little and takes no device's lock.

Hard facts:
 * Devices come and go while this reads; what can't be read is None, and a device that has gone is left out.
 * A function can have several netdevs: ports (mlx4, netdevsim) and, in switchdev mode, representors of its VFs, whose
   phys_port_name says pfXvfY. Reading phys_port_name takes the rtnl lock, so it is read only where there are several.
 * `sriov_totalvfs` is there before any driver (drivers/pci/iov.c); netdevsim has `sriov_numvfs` alone.
 * udevd renames a new netdev, which older kernels refuse once it is up (before 6.2: EBUSY), and a name read before is
   wrong soon after. Its database has an entry for a netdev that it is done with, /run/udev/data/nIFINDEX; until then
   the netdev does not count. Where no udevd runs (/run/udev/control), names are what they are.
 * A virtio device has neither a node nor vectors; its PCI parent has.
"""

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from tuned_vnet.cpus import parse_cpulist
from tuned_vnet.kernel.sysfs import link_name, list_names, prefix, read_int, read_text
from tuned_vnet.kernel.uapi import NET_ADDR_PERM, PCI_BASE_CLASS_NETWORK
from tuned_vnet.model import CpuSet, Device, DeviceId, Inventory

_REPRESENTOR = re.compile(r"(c\d+)?pf\d+(vf|sf)\d+$")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Netdev:
    directory: str
    ifname: str
    ifindex: int


def read_inventory(root: os.PathLike[str] | str = "/", *, permanent_macs: Mapping[int, str] | None = None) -> Inventory:
    """The functions there are, sorted by identity; `permanent_macs` by ifindex, where rtnetlink was asked for them."""
    sys, udev = f"{prefix(root)}/sys", f"{prefix(root)}/run/udev"
    online = parse_cpulist(read_text(f"{sys}/devices/system/cpu/online") or "")
    netdevs = _netdevs(sys, udev)
    directories = {device_id: f"{found[0].directory}/device" for device_id, found in netdevs.items()}
    for address in _pfs_without_netdev(sys, netdevs):
        directories[DeviceId(bus="pci", address=address)] = f"{sys}/bus/pci/devices/{address}"
    devices = (
        _device(device_id, directory, _main(netdevs.get(device_id, [])), permanent_macs or {}, online)
        for device_id, directory in sorted(directories.items())
        if os.path.isdir(directory)
    )
    return Inventory(devices=tuple(devices), online_cpus=online)


def device_id_of(directory: str, address: str | None = None) -> DeviceId | None:
    """The identity of the device with this directory in sysfs (the link's target names it unless `address` does)."""
    bus = link_name(f"{directory}/subsystem")
    address = address or link_name(directory)
    return DeviceId(bus=bus, address=address) if bus and address else None


def function_directory(directory: str) -> str:
    """The directory of the PCI function behind a device: its parent's for virtio, else its own."""
    return f"{directory}/.." if link_name(f"{directory}/subsystem") == "virtio" else directory


def _netdevs(sys: str, udev: str) -> dict[DeviceId, list[_Netdev]]:
    found: dict[DeviceId, list[_Netdev]] = {}
    udev_runs = os.path.exists(f"{udev}/control")
    for ifname in list_names(f"{sys}/class/net"):
        directory = f"{sys}/class/net/{ifname}"
        device_id = device_id_of(f"{directory}/device")
        ifindex = read_int(f"{directory}/ifindex") if device_id else None
        if ifindex is None or (udev_runs and not os.path.exists(f"{udev}/data/n{ifindex}")):
            continue
        if device_id:
            found.setdefault(device_id, []).append(_Netdev(directory=directory, ifname=ifname, ifindex=ifindex))
    return found


def _main(netdevs: list[_Netdev]) -> _Netdev | None:
    """The netdev that stands for a function: no representor, and the first port."""
    if len(netdevs) > 1:
        netdevs = [netdev for netdev in netdevs if not _is_representor(netdev)]
        netdevs.sort(key=lambda netdev: (read_int(f"{netdev.directory}/dev_port") or 0, netdev.ifindex))
    return netdevs[0] if netdevs else None


def _is_representor(netdev: _Netdev) -> bool:
    return bool(_REPRESENTOR.match(read_text(f"{netdev.directory}/phys_port_name") or ""))


def _pfs_without_netdev(sys: str, netdevs: Mapping[DeviceId, object]) -> Iterator[str]:
    known = {device_id.address for device_id in netdevs if device_id.bus == "pci"}
    for address in list_names(f"{sys}/bus/pci/devices"):
        directory = f"{sys}/bus/pci/devices/{address}"
        if address in known or not os.path.exists(f"{directory}/sriov_totalvfs"):
            continue
        if (read_int(f"{directory}/class") or 0) >> 16 == PCI_BASE_CLASS_NETWORK:
            yield address


def _device(
    device_id: DeviceId,
    directory: str,
    netdev: _Netdev | None,
    permanent_macs: Mapping[int, str],
    online: CpuSet,
) -> Device:
    function = function_directory(directory)
    node = read_int(f"{function}/numa_node")
    local = read_text(f"{function}/local_cpulist")
    total = read_int(f"{directory}/sriov_totalvfs")
    pf = link_name(f"{directory}/physfn")
    return Device(
        id=device_id,
        driver=link_name(f"{directory}/driver"),
        pci_id=_pci_id(function),
        numa_node=node if node is not None and node >= 0 else None,
        # A device that is nowhere in particular is near to every CPU, as drivers/pci/pci-sysfs.c has it.
        local_cpus=online if local is None else parse_cpulist(local),
        ifname=netdev.ifname if netdev else None,
        ifindex=netdev.ifindex if netdev else None,
        permanent_mac=permanent_macs.get(netdev.ifindex) or _own_address(netdev.directory) if netdev else None,
        sriov_capable=bool(total) if device_id.bus == "pci" else os.path.exists(f"{directory}/sriov_numvfs"),
        total_vfs=total,
        pf=DeviceId(bus="pci", address=pf) if pf else None,
    )


def _pci_id(function: str) -> str | None:
    vendor, device = read_int(f"{function}/vendor"), read_int(f"{function}/device")
    return f"{vendor:04x}:{device:04x}" if vendor is not None and device is not None else None


def _own_address(directory: str) -> str | None:
    """The address, when nobody has changed it since the driver set it; all there is without IFLA_PERM_ADDRESS."""
    permanent = read_int(f"{directory}/addr_assign_type") == NET_ADDR_PERM
    return read_text(f"{directory}/address") or None if permanent else None
