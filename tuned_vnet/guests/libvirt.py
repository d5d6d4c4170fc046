"""What libvirt knows of VFs: which running guest has which, and whose MAC and VLAN they carry.

Reads libvirt's state files and never connects to libvirt: its daemon is started by the connection, is ordered behind
us at boot, and a hook that asked it would wait for ever.

Hard facts (libvirt 8 to 11; src/hypervisor/virhostdev.c, src/util/virnetdev.c, src/qemu/qemu_process.c):
 * Start, virHostdevPreparePCIDevicesImpl: step 1.5 virHostdevSaveNetConfig writes `hostdevmgr/<PF>_vf<N>`, step 2
   binds vfio-pci, step 4 virHostdevSetNetConfig writes MAC and VLAN. Only after QEMU has been forked does
   qemuProcessLaunch write the status XML ("early domain status").
 * Stop, qemuProcessStop: qemuHostdevReAttachDomainDevices, and in it virNetDevReadNetConfig reads and removes the
   saved file just *before* the old values are written; then qemuProcessRemoveDomainStatus removes the XML.
   So from before the first write to after the last one there is the file, or the XML, or both.
 * When binding vfio-pci or writing the MAC fails at a start, the saved file is left behind, until the next guest on
   this VF or a reboot.
 * Without a <vlan>, virNetDevSetVfVlan clears the VLAN at the start all the same; what stood there comes back at the
   stop. So the VLAN is libvirt's for as long as the guest runs only when the XML has one.
 * A raw <hostdev> is left as it is: nothing is saved, written or restored.
 * The format is private: unknown elements are passed over. Files are replaced by rename (virFileRewrite) and only root
   can read them, but their directory belongs to QEMU's user (libvirt-qemu): a guest that broke out could put files of
   its own there. So a file must be root's, and no link or pipe.
"""

import logging
import os
import stat
import time
import xml.etree.ElementTree as ET
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from tuned_vnet.model import Holder, VfIndex

_log = logging.getLogger(__name__)

LIVE_DIR = "run/libvirt/qemu"
SAVED_DIR = "run/libvirt/hostdevmgr"
XML_LIMIT = 16 << 20
"""Bytes; the status of a guest with a hundred disks has some 200 KiB."""

START_LIMIT_S = 300.0
"""No guest's start takes longer from saving the old MAC to forking QEMU; it spans the `start` hook."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GuestVf:
    """A PCI function in a running guest. `interface`: an <interface>, whose MAC libvirt sets; else a raw <hostdev>."""

    address: str
    guest: Holder
    interface: bool = False
    mac: str | None = None
    vlan: int | None = None
    port_profile: bool = False  # <virtualport>: an 802.1Qbh switch sets MAC and VLAN


def read_guests(root: Path = Path("/")) -> Mapping[str, GuestVf]:
    """PCI functions in running guests by address (`0000:21:10.0`); empty without libvirt and without root."""
    return {vf.address: vf for path in _live_files(root) for vf in _read_guest(path)}


def is_saved(root: Path, ifname: str, vf: VfIndex) -> bool:
    """Whether libvirt has put this VF's MAC and VLAN aside for a guest and not yet taken them up again."""
    return _saved_age_s(root, ifname, vf) is not None


def is_starting(root: Path, ifname: str, vf: VfIndex) -> bool:
    """As is_saved(), but not so long ago that the file must be the leftover of a start that failed."""
    age_s = _saved_age_s(root, ifname, vf)
    return age_s is not None and age_s < START_LIMIT_S


def _saved_age_s(root: Path, ifname: str, vf: VfIndex) -> float | None:
    try:
        written = (root / SAVED_DIR / f"{ifname}_vf{vf}").stat().st_mtime
    except OSError:
        return None
    return time.time() - written


def _live_files(root: Path) -> list[Path]:
    try:
        return sorted(path for path in (root / LIVE_DIR).iterdir() if path.suffix == ".xml")
    except OSError:
        return []


def _read_guest(path: Path) -> Iterator[GuestVf]:
    """Yield the functions of one guest; a file that cannot be read or understood is passed over."""
    try:
        yield from parse_status(_read_trusted(path))
    except OSError:  # the guest has just stopped, or we are not root
        return
    except (ET.ParseError, ValueError, LookupError) as error:
        _log.debug("%s: not understood: %s", path, error)


def _read_trusted(path: Path) -> bytes:
    """Read a regular file that is root's or our own; raises OSError, and ValueError for any other."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with open(descriptor, "rb") as file:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode) or status.st_uid not in (0, os.geteuid()) or status.st_size > XML_LIMIT:
            raise ValueError("not a regular file of root's, or too large")
        return file.read(XML_LIMIT)


def parse_status(text: bytes) -> list[GuestVf]:
    """Read a guest's status file; raises ET.ParseError, ValueError or LookupError when it is none."""
    status = _parse_xml(text)
    domain = status if status.tag == "domain" else status.find("domain")
    if domain is None:
        raise ValueError("no <domain>")
    guest = Holder(name=_text(domain, "name"), uuid=_text(domain, "uuid"), pid=_parse_pid(status.get("pid")))
    found = [_parse_interface(element, guest) for element in domain.iterfind("devices/interface")]
    found += [_parse_hostdev(element, guest) for element in domain.iterfind("devices/hostdev")]
    return [vf for vf in found if vf is not None]


class _NoDoctype(ET.TreeBuilder):
    """Builds a tree and refuses a DTD before any entity of it is expanded. libvirt writes none."""

    def doctype(self, name: str, *_ids: str | None) -> None:
        """Refuse it, before any of its entities is declared."""
        raise ValueError(f"has a document type ({name})")


def _parse_xml(text: bytes) -> ET.Element:
    parser = ET.XMLParser(target=_NoDoctype())  # noqa: S314
    parser.feed(text)
    root: ET.Element = parser.close()
    return root


def _text(parent: ET.Element, tag: str) -> str:
    text = (parent.findtext(tag) or "").strip()
    if not text:
        raise ValueError(f"no <{tag}>")
    return text


def _parse_pid(text: str | None) -> int | None:
    return int(text) if text and text.isdecimal() and int(text) > 0 else None


def _parse_interface(interface: ET.Element, guest: Holder) -> GuestVf | None:
    """Read `<interface type='hostdev'>`, or one whose network gave it a VF: that stands in `<actual>`."""
    actual = interface.find("actual")
    kind = interface if actual is None else actual
    address = _parse_address(kind.find("source/address")) if kind.get("type") == "hostdev" else None
    if address is None:
        return None
    mac, tag, port = (_find_either(kind, interface, path) for path in ("mac", "vlan/tag", "virtualport"))
    return GuestVf(
        address=address,
        guest=guest,
        interface=True,
        mac=mac.get("address", "").lower() or None if mac is not None else None,
        vlan=int(tag.get("id", ""), 0) if tag is not None else None,
        port_profile=port is not None,
    )


def _find_either(first: ET.Element, second: ET.Element, path: str) -> ET.Element | None:
    found = first.find(path)
    return found if found is not None else second.find(path)


def _parse_hostdev(hostdev: ET.Element, guest: Holder) -> GuestVf | None:
    """Read `<hostdev type='pci'>`; its own <address> is where the guest sees it, the one in <source> is the host's."""
    address = _parse_address(hostdev.find("source/address")) if hostdev.get("type") == "pci" else None
    return GuestVf(address=address, guest=guest) if address is not None else None


def _parse_address(element: ET.Element | None) -> str | None:
    """Make `0000:21:10.0` of a PCI <address>; None when there is none or it is of another bus."""
    if element is None or element.get("type", "pci") != "pci" or element.get("bus") is None:
        return None
    domain, bus, slot, function = (int(element.get(part, "0"), 0) for part in ("domain", "bus", "slot", "function"))
    return f"{domain:04x}:{bus:02x}:{slot:02x}.{function:x}"
