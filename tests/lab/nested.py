"""The operating system of the nested guest: busybox and the VF's driver in an initramfs.

It boots the host's own kernel, loads igbvf, says `lab-guest: ready` on its serial console, and turns
itself off when somebody presses the power button, which is how libvirt reboots a guest.
"""

from __future__ import annotations

import lzma
from dataclasses import dataclass
from pathlib import Path

READY_LINE = "lab-guest: ready"

# libvirt's reboot presses the power button, waits for the guest to power *off* and then resets the
# machine; QEMU stays the same process. Hence poweroff, not reboot, and only when all is set up.
INIT = f"""#!/bin/busybox sh
bb=/bin/busybox
$bb mount -t devtmpfs dev /dev
$bb mount -t proc proc /proc
$bb mount -t sysfs sys /sys
$bb insmod /lib/button.ko
$bb insmod /lib/evdev.ko
$bb insmod /lib/igbvf.ko
$bb acpid -l /dev/null
# igbvf asks for its interrupts when the device comes up.
for device in /sys/class/net/e*; do $bb ip link set "${{device##*/}}" up; done
echo "{READY_LINE} after $($bb cut -d ' ' -f 1 /proc/uptime) s"
while true; do $bb sleep 3600; done
"""

POWER_BUTTON = """#!/bin/busybox sh
echo "lab-guest: power button" > /dev/console
/bin/busybox poweroff -f
"""

MODULES = (
    "kernel/drivers/acpi/button.ko.xz",
    "kernel/drivers/input/evdev.ko.xz",
    "kernel/drivers/net/ethernet/intel/igbvf/igbvf.ko.xz",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One member of a cpio archive; a directory has no content."""

    path: str
    mode: int
    content: bytes = b""
    device: tuple[int, int] = (0, 0)


def write_initramfs(rootfs: Path, target: Path) -> None:
    """Make the guest's initramfs from the host's root file system."""
    modules = next((rootfs / "usr/lib/modules").iterdir())
    entries = [
        *(Entry(path=d, mode=0o40755) for d in ("bin", "dev", "proc", "sys", "lib", "etc")),
        Entry(path="etc/acpi", mode=0o40755),
        Entry(path="etc/acpi/PWRF", mode=0o40755),
        Entry(path="dev/console", mode=0o20600, device=(5, 1)),
        Entry(path="init", mode=0o100755, content=INIT.encode()),
        Entry(path="etc/acpi/PWRF/00000080", mode=0o100755, content=POWER_BUTTON.encode()),
        Entry(path="bin/busybox", mode=0o100755, content=find_busybox(rootfs).read_bytes()),
        Entry(path="bin/sh", mode=0o120777, content=b"busybox"),
    ]
    for name in MODULES:
        # busybox's insmod does not unpack xz.
        content = lzma.decompress((modules / name).read_bytes())
        entries.append(Entry(path=f"lib/{Path(name).stem}", mode=0o100644, content=content))
    target.write_bytes(make_cpio(entries))


def find_busybox(rootfs: Path) -> Path:
    """busybox-static's binary."""
    return rootfs / "usr/bin/busybox"


def make_cpio(entries: list[Entry]) -> bytes:
    """The "newc" format, as Documentation/driver-api/early-userspace/buffer-format.rst has it."""
    archive = bytearray()
    for inode, entry in enumerate([*entries, Entry(path="TRAILER!!!", mode=0)], start=1):
        name = entry.path.encode() + b"\0"
        major, minor = entry.device
        fields = (
            inode,
            entry.mode,
            0,  # uid
            0,  # gid
            1,  # nlink
            0,  # mtime
            len(entry.content),
            0,  # devmajor
            0,  # devminor
            major,
            minor,
            len(name),
            0,  # check
        )
        archive += b"070701" + b"".join(b"%08X" % field for field in fields)
        archive += name
        pad_to_4(archive)
        archive += entry.content
        pad_to_4(archive)
    return bytes(archive)


def pad_to_4(archive: bytearray) -> None:
    """Members and names start at multiples of four."""
    archive += b"\0" * (-len(archive) % 4)
