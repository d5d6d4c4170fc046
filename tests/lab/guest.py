"""libvirt guests and networks in the emulated host, driven with virsh.

A guest gets VFs in the three ways that administrators use, and boots in one of two: `quick` runs only
the firmware under emulation and has no operating system, which is enough where nobody looks inside;
`real` boots the host's kernel in a nested KVM and loads the VF's driver.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from tests.lab.nested import READY_LINE
from tests.lab.rootfs import GUEST_DIRECTORY

if TYPE_CHECKING:
    from tests.lab.host import Host


class Boot(StrEnum):
    """What a guest does after it was started."""

    QUICK = "quick"
    REAL = "real"


@dataclass(frozen=True, slots=True, kw_only=True)
class VfInterface:
    """`<interface type='hostdev'>`: libvirt sets the MAC and the VLAN of this one VF."""

    pci_address: str
    mac: str | None = None
    vlan: int | None = None
    managed: bool = True

    def xml(self) -> str:
        """libvirt's element."""
        return (
            f"<interface type='hostdev' managed='{yes_no(self.managed)}'>"
            f"<source>{pci_address_xml(self.pci_address)}</source>"
            f"{mac_xml(self.mac)}{vlan_xml(self.vlan)}</interface>"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolInterface:
    """`<interface type='network'>`: whichever VF of the network's port is free."""

    network: str
    mac: str | None = None
    vlan: int | None = None

    def xml(self) -> str:
        """libvirt's element."""
        return (
            f"<interface type='network'><source network='{self.network}'/>"
            f"{mac_xml(self.mac)}{vlan_xml(self.vlan)}</interface>"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class RawVf:
    """Raw `<hostdev>`: libvirt knows a PCI device and nothing of MAC or VLAN."""

    pci_address: str
    managed: bool = True

    def xml(self) -> str:
        """libvirt's element."""
        return (
            f"<hostdev mode='subsystem' type='pci' managed='{yes_no(self.managed)}'>"
            f"<source>{pci_address_xml(self.pci_address)}</source></hostdev>"
        )


VfSource = VfInterface | PoolInterface | RawVf


class Guest:
    """A guest by name."""

    def __init__(self, host: Host, name: str) -> None:
        self._host = host
        self.name = name
        self.console = f"/var/log/libvirt/qemu/{name}-console.log"

    def define(self, *vfs: VfSource, boot: Boot = Boot.QUICK, autostart: bool = False) -> Guest:
        """Define the guest with these VFs, and give itself."""
        self._host.run("virsh -q define /dev/stdin", stdin=self._xml(vfs, boot), check=True)
        if autostart:
            self._virsh("autostart")
        return self

    def start(self) -> Guest:
        """`virsh start`; a guest that boots is not yet ready then."""
        self._virsh("start")
        return self

    def destroy(self) -> None:
        """`virsh destroy`, which is pulling the plug."""
        self._virsh("destroy")

    def reboot(self) -> None:
        """`virsh reboot`: the guest is asked to; returns at once."""
        self._virsh("reboot")

    def reset(self) -> None:
        """`virsh reset`: the reset button; works without an operating system in the guest."""
        self._virsh("reset")

    def undefine(self) -> None:
        """Forget the guest."""
        self._virsh("undefine")

    def state(self) -> str:
        """virsh's word: `running`, `shut off`, …"""
        return self._virsh("domstate").strip()

    def autostart(self) -> bool:
        """Whether it starts with the host."""
        return bool(re.search(r"^Autostart:\s+enable", self._virsh("dominfo"), re.MULTILINE))

    def pid(self) -> int:
        """QEMU's process of the running guest."""
        return int(self._host.read(f"/run/libvirt/qemu/{self.name}.pid"))

    def vf_addresses(self) -> list[str]:
        """PCI addresses of the VFs it holds, which a pool decides at each start."""
        xml = self._virsh("dumpxml")
        sources = re.findall(r"<source[^>]*>\s*<address ([^>]*)/>", xml)
        return [read_pci_address(attributes) for attributes in sources]

    def boots(self) -> int:
        """How often its operating system has come up, according to its console."""
        log = self._host.run(f"cat {self.console}").stdout
        return log.count(READY_LINE)

    def wait_until_booted(self, *, boots: int = 1, timeout_s: float = 120) -> None:
        """Return when its operating system has come up that often."""
        self._host.eventually(
            lambda: self.boots() >= boots,
            timeout_s=timeout_s,
            what=f"guest {self.name} has booted {boots} times",
        )

    def _virsh(self, verb: str) -> str:
        return self._host.run(f"virsh -q {verb} {self.name}", check=True).stdout

    def _xml(self, vfs: tuple[VfSource, ...], boot: Boot) -> str:
        devices = "".join(vf.xml() for vf in vfs)
        return f"""
<domain type='{"kvm" if boot is Boot.REAL else "qemu"}'>
  <name>{self.name}</name>
  <memory unit='MiB'>{192 if boot is Boot.REAL else 32}</memory>
  <vcpu>1</vcpu>
  <os>
    <type arch='x86_64' machine='q35'>hvm</type>
    {direct_boot_xml() if boot is Boot.REAL else ""}
  </os>
  <features><acpi/></features>
  {"<cpu mode='host-passthrough'/>" if boot is Boot.REAL else ""}
  <devices>
    {devices}
    <controller type='usb' model='none'/>
    <serial type='file'><source path='{self.console}' append='on'/></serial>
    <memballoon model='none'/>
  </devices>
</domain>
"""


class Network:
    """A hostdev network: the pool of one port's VFs."""

    def __init__(self, host: Host, name: str, pf: str) -> None:
        self._host = host
        self.name = name
        self.pf = pf

    def define(self, *, autostart: bool = True) -> Network:
        """Define it, and give itself."""
        xml = (
            f"<network><name>{self.name}</name><forward mode='hostdev' managed='yes'>"
            f"<pf dev='{self.pf}'/></forward></network>"
        )
        self._host.run("virsh -q net-define /dev/stdin", stdin=xml, check=True)
        if autostart:
            self._virsh("net-autostart")
        return self

    def start(self) -> Network:
        """Start it; libvirt reads the port's VFs now and never again."""
        self._virsh("net-start")
        return self

    def destroy(self) -> None:
        """Stop it."""
        self._virsh("net-destroy")

    def is_active(self) -> bool:
        """Whether guests can get VFs from it."""
        return bool(re.search(r"^Active:\s+yes", self._virsh("net-info"), re.MULTILINE))

    def pool(self) -> list[str]:
        """PCI addresses of the VFs in its pool; empty while it is not active."""
        forward = self._virsh("net-dumpxml").partition("<forward")[2].partition("</forward>")[0]
        return [read_pci_address(found) for found in re.findall(r"<address ([^>]*)/>", forward)]

    def _virsh(self, verb: str) -> str:
        return self._host.run(f"virsh -q {verb} {self.name}", check=True).stdout


def direct_boot_xml() -> str:
    """The host's own kernel, and an initramfs with the VF's driver."""
    return (
        f"<kernel>{GUEST_DIRECTORY}/vmlinuz</kernel><initrd>{GUEST_DIRECTORY}/initramfs</initrd>"
        "<cmdline>console=ttyS0 quiet mitigations=off</cmdline>"
    )


def yes_no(value: bool) -> str:
    """libvirt's spelling of a flag."""
    return "yes" if value else "no"


def mac_xml(mac: str | None) -> str:
    """The MAC's element, if one is wanted."""
    return f"<mac address='{mac}'/>" if mac else ""


def vlan_xml(vlan: int | None) -> str:
    """The VLAN's element, if one is wanted."""
    return f"<vlan><tag id='{vlan}'/></vlan>" if vlan is not None else ""


def pci_address_xml(address: str) -> str:
    """`0000:21:10.0` as libvirt writes it."""
    domain, bus, rest = address.split(":")
    slot, function = rest.split(".")
    return f"<address type='pci' domain='0x{domain}' bus='0x{bus}' slot='0x{slot}' function='0x{function}'/>"


def read_pci_address(attributes: str) -> str:
    """The other way round, from an element's attributes."""
    value = dict(re.findall(r"(\w+)='0x([\da-f]+)'", attributes))
    return f"{value['domain']}:{value['bus']}:{value['slot']}.{value['function']}"
