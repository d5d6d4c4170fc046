"""A fake sysfs and procfs, with the files and links that the kernel makes for network functions."""

from pathlib import Path

import pytest

from tuned_vnet.kernel.inventory import read_inventory
from tuned_vnet.kernel.real import RealKernel, open_kernel
from tuned_vnet.model import Device, DeviceId

BRIDGE = "devices/pci0000:20/0000:20:00.0"


class FakeHost:
    """A host's /sys and /proc below a directory; every method adds something to it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.sys = root / "sys"
        self.write("sys/devices/system/cpu/online", "0-3")

    def write(self, path: str, text: str) -> Path:
        """A file with this content."""
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"{text}\n")
        return file

    def read(self, path: str) -> str:
        """What was written to a file."""
        return (self.root / path).read_text()

    def link(self, path: str, target: str) -> None:
        """A relative link below /sys, as the kernel makes them."""
        link = self.sys / path
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(Path("/".join([".."] * (len(Path(path).parts) - 1))) / target)

    def pci(
        self, address: str, *, pci_id: str = "8086:10c9", driver: str | None = "igb", node: int = 0, cpus: str = "0-1"
    ) -> str:
        """A PCI function of the network class; returns its directory below /sys."""
        directory = f"{BRIDGE}/{address}"
        vendor, device = pci_id.split(":")
        files = {"vendor": f"0x{vendor}", "device": f"0x{device}", "class": "0x020000"}
        for name, text in {**files, "numa_node": str(node), "local_cpulist": cpus}.items():
            self.write(f"sys/{directory}/{name}", text)
        self.link(f"{directory}/subsystem", "bus/pci")
        self.link(f"bus/pci/devices/{address}", directory)
        if driver:
            self.link(f"{directory}/driver", f"bus/pci/drivers/{driver}")
        return directory

    def pf(self, address: str, *, total_vfs: int = 7, driver: str | None = "igb", node: int = 0) -> str:
        """A PCI function with SR-IOV and no VFs yet."""
        directory = self.pci(address, driver=driver, node=node)
        for name, text in (("totalvfs", str(total_vfs)), ("numvfs", "0"), ("drivers_autoprobe", "1")):
            self.write(f"sys/{directory}/sriov_{name}", text)
        return directory

    def vf(self, pf: str, index: int, address: str, *, driver: str | None = None) -> str:
        """A VF of the PF with this directory."""
        directory = self.pci(address, pci_id="8086:10ca", driver=driver)
        self.link(f"{pf}/virtfn{index}", directory)
        self.link(f"{directory}/physfn", pf)
        return directory

    def netdev(self, device: str, ifname: str, ifindex: int, **attributes: str) -> str:
        """A netdev of the device with this directory; returns the netdev's directory below /sys."""
        directory = f"{device}/net/{ifname}"
        given = {
            "ifindex": str(ifindex),
            "dev_port": "0",
            "addr_assign_type": "0",
            "address": f"02:00:00:00:00:{ifindex:02x}",
        }
        for name, text in {**given, **attributes}.items():
            self.write(f"sys/{directory}/{name}", text)
        self.link(f"{directory}/device", device)
        self.link(f"class/net/{ifname}", directory)
        return directory

    def irq(
        self, device: str, number: int, action: str | None, *, affinity: str = "0-3", managed: bool = False
    ) -> None:
        """A vector of the device with this directory."""
        self.write(f"sys/{device}/msi_irqs/{number}", "msix")
        self.write(f"sys/kernel/irq/{number}/actions", action or "")
        file = self.write(f"proc/irq/{number}/smp_affinity_list", affinity)
        file.chmod(0o444 if managed else 0o644)

    def kernel(self) -> RealKernel:
        """The real kernel package on this host."""
        return open_kernel(self.root)

    def device(self, name: str) -> Device:
        """The device with this name or address, as the inventory has it."""
        device = read_inventory(self.root).find(name)
        assert device is not None, name
        return device


@pytest.fixture
def host(tmp_path: Path) -> FakeHost:
    """A host without any network function."""
    return FakeHost(tmp_path)


@pytest.fixture
def port(host: FakeHost) -> str:
    """`ens1`, a PF with room for seven VFs: its directory below /sys."""
    directory = host.pf("0000:21:00.0")
    host.netdev(directory, "ens1", 3)
    return directory


@pytest.fixture
def ens1(host: FakeHost, port: str) -> Device:
    """The device of `port`."""
    return Device(id=DeviceId(bus="pci", address="0000:21:00.0"), ifname="ens1", ifindex=3, driver="igb")
