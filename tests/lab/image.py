"""The disk image of the emulated host, built once and kept outside the checkout.

The image is found by a hash of everything that decides its content, so a changed recipe makes a new
one beside the old one. A build happens in a directory of its own and is renamed when complete: an
interrupted build leaves nothing that looks finished. Starting the image is `machine`'s business.
"""

from __future__ import annotations

import ast
import hashlib
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.lab import nested, netdevsim, rootfs
from tests.lab.cache import cache_directory, progress
from tests.lab.mirror import Mirror, download_options, find_mirror

DISK_SIZE = "6G"


@dataclass(frozen=True, slots=True)
class Image:
    """A complete image: what QEMU boots, and the key that opens it."""

    directory: Path

    @property
    def disk(self) -> Path:
        """The root file system, never written to."""
        return self.directory / "disk.raw"

    @property
    def kernel(self) -> Path:
        """QEMU loads it itself: no boot loader, no menu."""
        return self.directory / "vmlinuz"

    @property
    def initrd(self) -> Path:
        """The host's initramfs."""
        return self.directory / "initrd.img"

    @property
    def ssh_key(self) -> Path:
        """root's private key."""
        return self.directory / "id_ed25519"


class BuildFailed(Exception):
    """A step of the build failed; the message has what the tool said."""


def ensure_image() -> Image:
    """The image of the current recipe; builds it when the cache has none."""
    image = Image(cache_directory() / "images" / recipe_hash())
    if not image.directory.is_dir():
        build(image)
        remove_unused_images(image)
    return image


def remove_unused_images(current: Image) -> None:
    """Images of earlier recipes, unless a machine's directory still points to them."""
    links = cache_directory().glob("run/*/image")
    used = {current.directory.resolve(), *(link.resolve() for link in links)}
    for directory in current.directory.parent.iterdir():
        if directory.resolve() not in used:
            shutil.rmtree(directory)


def recipe_hash() -> str:
    """Names an image by the code that builds it; comments and layout do not count."""
    digest = hashlib.sha256()
    for source in (Path(__file__), *(Path(str(m.__file__)) for m in (nested, netdevsim, rootfs))):
        digest.update(ast.dump(ast.parse(source.read_text("utf-8"))).encode())
    return digest.hexdigest()[:16]


def build(image: Image) -> None:
    """Build everything in a temporary directory, then rename it."""
    mirror = find_mirror()
    progress(f"building the host image in {image.directory} (once, about 2 minutes)")
    image.directory.parent.mkdir(parents=True, exist_ok=True)
    with scratch_directory(cache_directory()) as scratch:
        root, made = scratch / "root", Image(scratch / "image")
        made.directory.mkdir()
        with ThreadPoolExecutor(max_workers=2) as pool:
            module = pool.submit(build_module, scratch / "kbuild", mirror)
            pool.submit(bootstrap_host, root, mirror).result()
            netdevsim.install_module(module.result(), root)
        with step("configuring the host"):
            make_ssh_key(made.ssh_key)
            configure(root, made.ssh_key.with_suffix(".pub").read_text("ascii"))
        with step("writing the disk"):
            shutil.copy(next(root.glob("boot/vmlinuz-*")), made.kernel)
            shutil.copy(next(root.glob("boot/initrd.img-*")), made.initrd)
            write_disk(root, made.disk)
        made.directory.rename(image.directory)


@contextmanager
def scratch_directory(parent: Path) -> Iterator[Path]:
    """A directory on the cache's file system that goes away in any case."""
    scratch = Path(tempfile.mkdtemp(prefix="build-", dir=parent))
    scratch.chmod(0o755)  # apt's unprivileged download user has to get through
    try:
        yield scratch
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


@contextmanager
def step(what: str) -> Iterator[None]:
    """Announce a step and say how long it took."""
    begin = time.monotonic()
    progress(f"{what} …")
    yield
    progress(f"{what}: {time.monotonic() - begin:.0f} s")


def bootstrap_host(root: Path, mirror: Mirror) -> None:
    """The host's packages, and an initramfs that is small from the start."""
    with step(f"installing Debian {rootfs.SUITE} with libvirt and QEMU"):
        setup = root.with_name("initramfs-conf")
        write_files(setup, rootfs.INITRAMFS_CONF)
        hook = f'--essential-hook=cp -r {setup}/. "$1"'
        bootstrap(root, mirror, rootfs.PACKAGES, hook)


def build_module(kbuild: Path, mirror: Mirror) -> Path:
    """netdevsim.ko, in a root of its own."""
    with step("building netdevsim for the host's kernel"):
        bootstrap(kbuild, mirror, netdevsim.PACKAGES)
        run("sh", "-c", netdevsim.BUILD, root=kbuild)
        return netdevsim.find_module(kbuild)


def bootstrap(root: Path, mirror: Mirror, packages: Sequence[str], *options: str) -> None:
    """A Debian root in a directory, from the machine's own mirror."""
    run(
        "mmdebstrap",
        "--variant=apt",
        "--quiet",
        '--aptopt=APT::Install-Recommends "false"',
        *(f"--aptopt={option}" for option in download_options()),
        f"--include={','.join(packages)}",
        *options,
        rootfs.SUITE,
        str(root),
        mirror.one_line_source(rootfs.SUITE),
    )


def configure(root: Path, public_key: str) -> None:
    """Files, units, keys and the nested guest."""
    write_files(root, rootfs.FILES)
    # Of the build machine, and of no use to a host that has no network.
    (root / "etc/apt/apt.conf.d/99mmdebstrap").unlink(missing_ok=True)
    (root / "etc/apt/sources.list").write_text("", "utf-8")
    ssh = root / "root/.ssh"
    ssh.mkdir(mode=0o700, exist_ok=True)
    (ssh / "authorized_keys").write_text(public_key, "ascii")
    (root / "var/log/journal").mkdir(exist_ok=True)
    run("systemd-machine-id-setup", root=root)
    systemctl = ("systemctl", "--quiet")
    run(*systemctl, "disable", *rootfs.DISABLED, root=root)
    run(*systemctl, "mask", *rootfs.MASKED, root=root)
    run(*systemctl, "enable", *rootfs.ENABLED, root=root)
    # libvirt's NAT network would bring a bridge, dnsmasq and firewall rules to each boot.
    (root / "etc/libvirt/qemu/networks/autostart/default.xml").unlink(missing_ok=True)
    guest = root / rootfs.GUEST_DIRECTORY.lstrip("/")
    guest.mkdir(parents=True, exist_ok=True)
    nested.write_initramfs(root, guest / "initramfs")
    shutil.copy(next(root.glob("boot/vmlinuz-*")), guest / "vmlinuz")


def write_files(root: Path, files: dict[str, str]) -> None:
    """Text files by absolute path."""
    for path, text in files.items():
        file = root / path.lstrip("/")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, "utf-8")


def make_ssh_key(path: Path) -> None:
    """root's key of this image."""
    run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "tuned-vnet-lab", "-f", str(path))


def write_disk(root: Path, disk: Path) -> None:
    """A sparse ext4 file system without a partition table."""
    run("truncate", "-s", DISK_SIZE, str(disk))
    run("mkfs.ext4", "-q", "-F", "-L", "root", "-d", str(root), str(disk))


def run(*command: str, root: Path | None = None) -> None:
    """Run a tool of the build, in a root if given; its output matters only when it fails."""
    full = ("chroot", str(root), *command) if root else command
    result = subprocess.run(full, capture_output=True, text=True, env=build_environment())
    if result.returncode != 0:
        output = (result.stdout + result.stderr).strip()
        raise BuildFailed(f"{' '.join(full)}: exit {result.returncode}\n{output[-4000:]}")


def build_environment() -> dict[str, str]:
    """No questions from maintainer scripts, no languages that the new root does not have."""
    path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    return {**os.environ, "LC_ALL": "C.UTF-8", "DEBIAN_FRONTEND": "noninteractive", "PATH": path}
