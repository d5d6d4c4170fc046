"""netdevsim.ko for the lab's kernel.

netdevsim is the kernel's simulated SR-IOV port: hundreds of VFs, minimum rates, link states. No Debian
kernel ships it, so it is built from the sources of exactly that kernel, in a throw-away root.
"""

from __future__ import annotations

import subprocess
from pathlib import Path

PACKAGES = ("linux-headers-amd64", "linux-source", "gcc", "make", "xz-utils")

# Runs inside a root that has PACKAGES.
BUILD = """
set -e
cd /usr/src
tar -xf linux-source-*.tar.xz --wildcards '*/drivers/net/netdevsim/*'
make -s -C /usr/src/linux-headers-*-amd64 \
    M="$(echo /usr/src/linux-source-*/drivers/net/netdevsim)" CONFIG_NETDEVSIM=m modules
"""


def find_module(kbuild: Path) -> Path:
    """What BUILD has made, as a path outside that root."""
    return next(kbuild.glob("usr/src/linux-source-*/drivers/net/netdevsim/netdevsim.ko"))


def install_module(module: Path, rootfs: Path) -> None:
    """Put the module where `modprobe netdevsim` finds it and what it depends on."""
    modules = next((rootfs / "usr/lib/modules").iterdir())
    extra = modules / "extra"
    extra.mkdir(exist_ok=True)
    (extra / module.name).write_bytes(module.read_bytes())
    subprocess.run(["chroot", rootfs, "depmod", modules.name], check=True)
