"""The QEMU process: an SR-IOV host with two ports on two NUMA nodes, in software.

Knows how QEMU is started, stopped, saved and loaded, and how a port is pulled out and put back.
Everything about a machine is in its directory, so that another process can go on where one ended, and
the remains of a killed one can be cleared away. What runs inside is not known here.
"""

from __future__ import annotations

import os
import select
import shutil
import signal
import socket
import subprocess
import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from tests.lab.cache import progress
from tests.lab.image import Image
from tests.lab.qmp import Qmp
from tests.lab.rootfs import MANAGEMENT_MAC
from tests.lab.ssh import Connection

KERNEL_COMMAND_LINE = (
    "root=/dev/vda rw console=ttyS0 quiet intel_iommu=on iommu=pt mitigations=off"
    # Less waiting under emulation: timer calibration, and one RCU grace period per device.
    " no_timer_check rcupdate.rcu_expedited=1 systemd.ssh_auto=no"
    " rcupdate.rcu_cpu_stall_timeout=10"
)

BOOT_TIMEOUT_S = 400.0
LOAD_TIMEOUT_S = 60.0

# QEMU 10.0 with several emulation threads loses a CPU's first timer interrupt once in some dozen boots
# of a busy machine. The kernel then says this within 10 s and gets nowhere; only a reset helps.
LOST_TIMER = "kthread timer wakeup didn't happen"
MOST_STARTS = 4


class MachineError(Exception):
    """QEMU did not start, stop or do as told."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Port:
    """An SR-IOV port of the machine: QEMU's names for it, and what the host makes of them."""

    ifname: str
    pci_address: str
    numa_node: int
    cpus: frozenset[int]
    mac: str
    device: str
    slot: str
    netdev: str


PORTS = tuple(
    Port(
        ifname=f"ens{number}",
        pci_address=f"0000:{number * 2}1:00.0",
        numa_node=number - 1,
        cpus=frozenset({2 * number - 2, 2 * number - 1}),
        mac=f"52:54:00:00:10:0{number}",
        device=f"pf{number}",
        slot=f"slot{number}",
        netdev=f"wire{number}",
    )
    for number in (1, 2)
)


@dataclass(frozen=True, slots=True)
class Machine:
    """One emulated machine, described by its directory; it may or may not be running."""

    directory: Path

    @property
    def image(self) -> Image:
        """What it was created from; a newer recipe does not change a machine that exists."""
        return Image(self.directory / "image")

    @property
    def serial_log(self) -> Path:
        """Everything the kernel and the firmware said on the serial console, over all boots."""
        return self.directory / "serial.log"

    def create(self, image: Image) -> None:
        """A fresh disk on top of an image; what was there before goes."""
        self.stop()
        shutil.rmtree(self.directory, ignore_errors=True)
        self.directory.mkdir(parents=True)
        (self.directory / "image").symlink_to(image.directory)
        base = ("-b", str(image.disk), "-F", "raw")
        call("qemu-img", "create", "-q", "-f", "qcow2", *base, str(self._disk))

    def start(self, *, snapshot: str | None = None) -> None:
        """Start QEMU and return at once; with a snapshot it goes on where that was taken."""
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port: int = probe.getsockname()[1]
        (self.directory / "port").write_text(f"{port}\n", "ascii")
        call(*self._command(port), *(("-loadvm", snapshot) if snapshot else ()))

    def boot(self, timeout_s: float = BOOT_TIMEOUT_S) -> None:
        """Start, and return when the host answers on ssh."""
        for _ in range(MOST_STARTS):
            seen = self._console_size()
            self.start()
            deadline = time.monotonic() + timeout_s
            if self.connection().wait(deadline, give_up=partial(self._lost_timer, seen)):
                return
            progress("the emulated CPUs hang (a lost timer); starting QEMU again")
            self.stop()
        raise MachineError(f"the emulated CPUs hung in each of {MOST_STARTS} boots")

    def _console_size(self) -> int:
        return self.serial_log.stat().st_size if self.serial_log.exists() else 0

    def _lost_timer(self, after: int) -> bool:
        """Whether the kernel has said so since the console was that long."""
        with self.serial_log.open("rb") as log:
            log.seek(after)
            return LOST_TIMER.encode() in log.read()

    def connection(self) -> Connection:
        """How to run commands in the host as it runs now."""
        port = int((self.directory / "port").read_text("ascii"))
        control = self.directory / "ssh.sock"
        return Connection(key=self.image.ssh_key, control=control, port=port)

    def is_running(self) -> bool:
        """Whether QEMU of this directory lives."""
        return self._pid() is not None

    def save(self, snapshot: str) -> None:
        """Save memory, devices and disk under a name."""
        with Qmp(self._monitor) as qmp:
            qmp.monitor(f"savevm {snapshot}")

    def load(self, snapshot: str) -> None:
        """Go back to a snapshot, whatever has become of the machine since."""
        if (self.directory / "port").exists():
            self.connection().close()
        if self.is_running() and self._has_all_ports():
            with Qmp(self._monitor) as qmp:
                qmp.monitor(f"loadvm {snapshot}")
        else:
            # A snapshot can only be loaded into a machine that has the same devices.
            self.stop()
            self.start(snapshot=snapshot)
        self.connection().wait(time.monotonic() + LOAD_TIMEOUT_S)
        # The emulated clock stood still since the snapshot.
        self.connection().run(f"date -s @{time.time():.3f}").check()

    def wait_for_exit(self, timeout_s: float) -> None:
        """Return when QEMU has ended, which it does when the host reboots or powers off."""
        pid = self._pid()
        if pid is not None and not wait_for_process(pid, timeout_s):
            raise MachineError(f"the host did not go down within {timeout_s:.0f} s")

    def unplug(self, port: Port) -> None:
        """Pull a port out, and return when the host has let go of it."""
        with Qmp(self._monitor, timeout_s=60) as qmp:
            qmp.execute("device_del", id=port.device)
            qmp.wait_for_event("DEVICE_DELETED", device=port.device)

    def plug(self, port: Port) -> None:
        """Put a port back where it was. The host notices some seconds later."""
        with Qmp(self._monitor) as qmp:
            qmp.execute("device_add", driver="igb", **port_properties(port))

    def set_carrier(self, port: Port, *, present: bool) -> None:
        """Pull the cable out of a port, or put it in again."""
        with Qmp(self._monitor) as qmp:
            qmp.execute("set_link", name=port.device, up=present)

    def stop(self) -> None:
        """End QEMU, also one that an earlier, killed run has left behind."""
        if (self.directory / "port").exists():
            self.connection().close()
        pid = self._pid()
        if pid is not None:
            os.kill(pid, signal.SIGKILL)
            wait_for_process(pid, 30)

    @property
    def _disk(self) -> Path:
        return self.directory / "disk.qcow2"

    @property
    def _monitor(self) -> Path:
        return self.directory / "qmp.sock"

    def _pid(self) -> int | None:
        """QEMU's process, if it is this machine's and alive: numbers are used again."""
        try:
            pid = int((self.directory / "pid").read_text("ascii"))
            command_line = Path(f"/proc/{pid}/cmdline").read_bytes()
        except (OSError, ValueError):
            return None
        return pid if str(self._disk).encode() in command_line else None

    def _has_all_ports(self) -> bool:
        with Qmp(self._monitor) as qmp:
            present = {child["name"] for child in qmp.execute("qom-list", path="/machine/peripheral")}
        return present >= {port.device for port in PORTS}

    def _command(self, port: int) -> list[str]:
        """The machine of two sockets, two NUMA nodes, a virtual IOMMU and two SR-IOV ports."""
        directory = self.directory
        command = [
            *("qemu-system-x86_64", "-nodefaults", "-display", "none", "-daemonize", "-no-reboot"),
            *("-pidfile", str(directory / "pid")),
            *("-qmp", f"unix:{self._monitor},server=on,wait=off"),
            *("-chardev", f"file,id=console,path={self.serial_log},append=on"),
            *("-serial", "chardev:console"),
            # Split: the IOMMU's interrupt remapping is done by QEMU. TCG: the same on every machine,
            # whether or not it has a KVM that can nest.
            *("-M", "q35,kernel-irqchip=split", "-accel", "tcg,thread=multi", "-cpu", "max"),
            *("-smp", "4,sockets=2,cores=2", "-m", "4096"),
            *("-object", "memory-backend-ram,id=ram0,size=2048M"),
            *("-object", "memory-backend-ram,id=ram1,size=2048M"),
            *("-numa", "node,nodeid=0,cpus=0-1,memdev=ram0"),
            *("-numa", "node,nodeid=1,cpus=2-3,memdev=ram1"),
            *("-device", "intel-iommu,intremap=on,caching-mode=on,device-iotlb=on"),
            *("-kernel", str(self.image.kernel), "-initrd", str(self.image.initrd)),
            *("-append", KERNEL_COMMAND_LINE),
            *("-drive", f"if=none,id=disk,file={self._disk},format=qcow2,cache=unsafe"),
            # Without bus= QEMU would put these behind one of the NUMA nodes' bridges.
            *("-device", "virtio-blk-pci,drive=disk,bus=pcie.0"),
            *("-device", "virtio-rng-pci,bus=pcie.0"),
            *("-netdev", f"user,id=outside,restrict=on,hostfwd=tcp:127.0.0.1:{port}-:22"),
            *("-device", f"virtio-net-pci,netdev=outside,bus=pcie.0,mac={MANAGEMENT_MAC}"),
        ]
        for sriov_port in PORTS:
            command += port_arguments(sriov_port)
        return command


def port_arguments(port: Port) -> list[str]:
    """A PCI root of the port's NUMA node, a slot in it, the port, and its end of the wire."""
    bus_number = int(port.pci_address[5:7], 16) - 1
    bridge = f"pxb-pcie,id=root-{port.slot},bus=pcie.0,bus_nr={bus_number}"
    slot_number = port.numa_node + 1
    slot = f"pcie-root-port,id={port.slot},bus=root-{port.slot}"
    properties = ",".join(f"{name}={value}" for name, value in port_properties(port).items())
    return [
        *("-device", f"{bridge},numa_node={port.numa_node}"),
        *("-device", f"{slot},chassis={slot_number},slot={slot_number}"),
        # One hub joins both ports, so that both have carrier.
        *("-netdev", f"hubport,id={port.netdev},hubid=0"),
        *("-device", f"igb,{properties}"),
    ]


def port_properties(port: Port) -> dict[str, str]:
    """The same for a port that is there at start and for one that is plugged in again."""
    return {"id": port.device, "bus": port.slot, "netdev": port.netdev, "mac": port.mac}


def call(*command: str) -> None:
    """Run a tool that ends soon; what it complained about is the error."""
    result = subprocess.run(command, capture_output=True, text=True, timeout=120)
    if result.returncode != 0:
        raise MachineError(f"{command[0]}: {result.stderr.strip()}")


def wait_for_process(pid: int, timeout_s: float) -> bool:
    """Whether the process ends in time; it need not be a child."""
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        return bool(select.select([descriptor], [], [], timeout_s)[0])
    finally:
        os.close(descriptor)
