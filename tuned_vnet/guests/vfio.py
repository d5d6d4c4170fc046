"""Which process has a VF's VFIO device open: the way to find a VF's user without libvirt.

Looks through the descriptors of all processes, which is expensive on a busy host; so it is asked once for all VFs that
are on a VFIO driver and that libvirt knows nothing of. Reads /proc itself, as psutil knows one /proc per program.

Hard facts (drivers/vfio of Linux 6.12):
 * The classic way to a device is its IOMMU group: `/dev/vfio/<group>`, or `/dev/vfio/noiommu-<group>` without an IOMMU.
   Only one process can have a group open, and all devices of the group are then out of anyone else's reach.
 * With iommufd it is `/dev/vfio/devices/vfio<N>`, of one device; N is in the device's directory `vfio-dev`.
 * A descriptor's link shows the path as it is in its own mount namespace, where libvirt and containers have another
   /dev: the text is the same (fs/d_path.c), with ` (deleted)` after it when the node is gone.
 * `/proc/<pid>/fd` belongs to the process's user: root needs CAP_DAC_READ_SEARCH to list it (proc_fd_permission) and
   CAP_SYS_PTRACE to follow its links.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from pathlib import Path

from tuned_vnet.model import Holder


def is_vfio_driver(driver: str | None) -> bool:
    """Whether a driver hands its devices to VFIO: vfio-pci, or a vendor's variant such as mlx5_vfio_pci."""
    return driver is not None and "vfio" in driver


def find_holders(root: Path, addresses: Iterable[str]) -> Mapping[str, Holder]:
    """Who has these PCI functions open, by address. Without root only one's own processes are seen."""
    users: dict[str, list[str]] = {}
    for address in addresses:
        for node in device_nodes(root, address):
            users.setdefault(node, []).append(address)
    if not users:
        return {}
    holders: dict[str, Holder] = {}
    for process in _processes(root):
        nodes = _open_files(process) & users.keys()
        if nodes:
            holder = read_holder(process)
            holders.update((address, holder) for node in nodes for address in users[node])
    return holders


def device_nodes(root: Path, address: str) -> tuple[str, ...]:
    """The device nodes through which this PCI function can be used; none when it is not there."""
    device = root / "sys/bus/pci/devices" / address
    nodes = tuple(f"/dev/vfio/devices/{name}" for name in _names(device / "vfio-dev"))
    try:
        group = (device / "iommu_group").readlink().name
    except OSError:
        return nodes
    return (f"/dev/vfio/{group}", f"/dev/vfio/noiommu-{group}", *nodes)


def read_holder(process: Path) -> Holder:
    """Name a process: the guest for QEMU, its command's name otherwise, and its number when it is gone."""
    pid = int(process.name)
    arguments = [word.decode(errors="replace") for word in _content(process / "cmdline").split(b"\0")]
    name = _guest_name(_option(arguments, "-name"))
    if name:
        return Holder(name=name, pid=pid, uuid=_option(arguments, "-uuid"))
    return Holder(name=_content(process / "comm").decode(errors="replace").strip() or "a process", pid=pid)


def _option(arguments: Sequence[str], option: str) -> str | None:
    """The word after an option. QEMU takes its options with one dash and with two."""
    for word, value in pairwise(arguments):
        if word in (option, f"-{option}"):
            return value or None
    return None


def _guest_name(value: str | None) -> str | None:
    """Read QEMU's `guest=NAME,debug-threads=on` or `NAME,…`; a comma in the name is doubled (util/keyval.c)."""
    if value is None:
        return None
    parts = value.replace(",,", "\0").split(",")
    named = [part.removeprefix("guest=") for part in parts if part.startswith("guest=")]
    return (named or parts)[0].replace("\0", ",") or None


def _processes(root: Path) -> Iterator[Path]:
    return (root / "proc" / name for name in _names(root / "proc") if name.isdecimal())


def _open_files(process: Path) -> set[str]:
    """Paths of a process's descriptors; empty when it is gone or somebody else's."""
    directory = process / "fd"
    paths = set()
    for name in _names(directory):
        try:
            paths.add(str((directory / name).readlink()).removesuffix(" (deleted)"))
        except OSError:
            continue
    return paths


def _names(directory: Path) -> list[str]:
    try:
        return sorted(path.name for path in directory.iterdir())
    except OSError:
        return []


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""
