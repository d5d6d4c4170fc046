"""What the VFs of a PF are used for: libvirt's word first, and for the others whoever has their VFIO device open."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from tuned_vnet.guests.libvirt import GuestVf, is_saved, is_starting, read_guests
from tuned_vnet.guests.vfio import find_holders, is_vfio_driver
from tuned_vnet.model import Device, Holder, VfFunction, VfIndex, VfUse


def vf_uses(root: Path, pf: Device, functions: Sequence[VfFunction]) -> Mapping[VfIndex, VfUse]:
    """The use of each of these VFs, of free ones too. What may not be read, without root, counts as no use."""
    guests = read_guests(root)  # before the saved files: libvirt removes the XML last and writes it late
    unknown = [vf.address for vf in functions if is_vfio_driver(vf.driver) and vf.address not in guests]
    holders = find_holders(root, unknown)
    return {vf.index: _use(root, pf, vf, guests.get(vf.address), holders.get(vf.address)) for vf in functions}


def _use(root: Path, pf: Device, vf: VfFunction, guest: GuestVf | None, holder: Holder | None) -> VfUse:
    if guest is not None:
        return VfUse(
            holder=guest.guest,
            libvirt_owns_mac=guest.interface,
            libvirt_owns_vlan=guest.vlan is not None or guest.port_profile,
        )
    changing = _is_changing(root, pf, vf, holder)
    return VfUse(holder=holder, libvirt_owns_mac=changing, libvirt_owns_vlan=changing)


def _is_changing(root: Path, pf: Device, vf: VfFunction, holder: Holder | None) -> bool:
    """Whether libvirt has a guest on its way to this VF, or one there whose status could not be read."""
    if pf.ifname is None:
        return False
    return (is_saved if holder else is_starting)(root, pf.ifname, vf.index)
