"""The real system, for the daemon and for a command that finds no daemon."""

from functools import partial
from pathlib import Path

from tuned_vnet.engine import System
from tuned_vnet.guests.uses import vf_uses
from tuned_vnet.kernel.real import open_kernel

ROOT = Path("/")


def real_system(root: Path = ROOT) -> System:
    """Kernel, devices and guests of the host this process runs on; the inventory is for one thread at a time."""
    kernel = open_kernel(root)
    return System(
        root=root,
        read_inventory=kernel.inventory,
        open_kernel=partial(open_kernel, root),
        find_uses=lambda device, sriov: vf_uses(root, device, sriov.functions),
    )
