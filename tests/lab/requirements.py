"""What this machine needs to run the lab, and installing what it lacks through apt.

The lab emulates everything else, so the machine needs no SR-IOV hardware and no KVM: only root, x86-64,
Debian's packages, and a QEMU that has igb (8.0 and later; on Debian 12 that is in backports).
"""

from __future__ import annotations

import os
import platform
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.lab.cache import progress
from tests.lab.image import build_environment
from tests.lab.mirror import NoMirror, find_mirror

QEMU = "qemu-system-x86_64"
FIRST_QEMU_WITH_IGB = (8, 0)
QEMU_PACKAGES = ("qemu-system-x86", "qemu-utils", "ipxe-qemu", "seabios")

# Each program and the package that has it.
PROGRAMS = {
    "mmdebstrap": "mmdebstrap",
    "mkfs.ext4": "e2fsprogs",
    "ssh": "openssh-client",
    "ssh-keygen": "openssh-client",
    "qemu-img": "qemu-utils",
    "chroot": "coreutils",
}

KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
BACKPORTS_SOURCE = Path("/etc/apt/sources.list.d/tuned-vnet-lab.list")


class Missing(Exception):
    """The machine cannot run the lab; the message says what to do."""


def ensure_requirements() -> None:
    """Return when everything is there; install it if it is not."""
    if platform.machine() != "x86_64":
        raise Missing(f"the lab needs an x86-64 machine, this one is {platform.machine()}")
    if os.geteuid() != 0:
        raise Missing("the lab builds a Debian root and needs root for it: run this with sudo")
    if shutil.which("apt-get") is None:
        raise Missing("the lab installs Debian packages: run it on Debian 12, 13 or later")
    packages = missing_packages()
    qemu_is_old = not qemu_has_igb()
    if packages or qemu_is_old:
        progress(f"installing {', '.join([*packages, *(QEMU_PACKAGES if qemu_is_old else ())])}")
        apt_get("update", "-q")
        if packages:
            install(packages)
        if qemu_is_old:
            install_qemu()
        check_again()


def missing_packages() -> list[str]:
    """Packages of the programs that are not there, QEMU apart."""
    path = build_environment()["PATH"]
    wanted = {package for name, package in PROGRAMS.items() if not shutil.which(name, path=path)}
    if not KEYRING.exists():
        wanted.add("debian-archive-keyring")
    # qemu-utils has to be of the same version as QEMU, which is installed apart.
    return sorted(wanted - set(QEMU_PACKAGES))


def qemu_version() -> tuple[int, int] | None:
    """Version of the installed QEMU, None if there is none."""
    if shutil.which(QEMU) is None or shutil.which("qemu-img") is None:
        return None
    text = subprocess.run([QEMU, "--version"], capture_output=True, text=True).stdout
    match = re.search(r"version (\d+)\.(\d+)", text)
    return (int(match[1]), int(match[2])) if match else None


def qemu_has_igb() -> bool:
    """Whether QEMU is there and emulates an Intel 82576."""
    version = qemu_version()
    return version is not None and version >= FIRST_QEMU_WITH_IGB


def install_qemu() -> None:
    """QEMU from the machine's release, from its backports if that one is too old."""
    if candidate_version("qemu-system-x86") >= FIRST_QEMU_WITH_IGB:
        install(QEMU_PACKAGES)
        return
    try:
        mirror = find_mirror()
    except NoMirror as error:
        raise Missing(str(error)) from error
    suite = f"{mirror.codename}-backports"
    with temporary_source(mirror.one_line_source(suite)):
        apt_get("update", "-q")
        install(QEMU_PACKAGES, "-t", suite)


@contextmanager
def temporary_source(line: str) -> Iterator[None]:
    """An apt source that is gone afterwards; the machine's choice of suites is not ours to change."""
    BACKPORTS_SOURCE.write_text(f"# for the lab of tuned-vnet, while it installs QEMU\n{line}\n")
    try:
        yield
    finally:
        BACKPORTS_SOURCE.unlink()


def candidate_version(package: str) -> tuple[int, int]:
    """Version that apt would install, (0, 0) if it knows none."""
    policy = subprocess.run(
        ["apt-cache", "policy", package],
        capture_output=True,
        text=True,
        env=build_environment(),
    ).stdout
    match = re.search(r"Candidate: (?:\d+:)?(\d+)\.(\d+)", policy)
    return (int(match[1]), int(match[2])) if match else (0, 0)


def install(packages: list[str] | tuple[str, ...], *options: str) -> None:
    """Install packages without their recommendations."""
    apt_get("install", "-q", "-y", "--no-install-recommends", *options, *packages)


def apt_get(*arguments: str) -> None:
    """Run apt-get, quietly unless it fails."""
    result = subprocess.run(
        ["apt-get", *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=build_environment(),
    )
    if result.returncode != 0:
        raise Missing(
            f"apt-get {' '.join(arguments)} failed:\n{result.stdout.strip()[-2000:]}\n"
            "The lab needs the Debian mirror that this machine's apt sources name."
        )


def check_again() -> None:
    """After an installation that apt called a success."""
    if packages := missing_packages():
        raise Missing(f"still missing after installation: {', '.join(packages)}")
    if not qemu_has_igb():
        raise Missing(
            f"QEMU {qemu_version()} has no igb; {QEMU} of version 8.0 or later is needed "
            "(Debian 13 has it, Debian 12 has it in backports)"
        )
