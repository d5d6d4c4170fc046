"""The verbs of `python3 -m tests.lab`.

build         make this machine ready and build the image
up            boot a host that stays, or come back to the one that runs
shell         a root shell in it, with the newest .deb of dist/ installed
ssh COMMAND   run one command in it
install DEB   install a package in it, without a network
push          copy the checkout's tuned_vnet/ over the installed one, for quick tries
reset         go back to how the host was after `up`
reboot        reboot it for real
down          end it
"""

from __future__ import annotations

import argparse
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

from tests.lab.cache import cache_directory, progress
from tests.lab.host import Host, NoPackage, newest_package
from tests.lab.image import BuildFailed, ensure_image
from tests.lab.machine import Machine, MachineError
from tests.lab.mirror import NoMirror
from tests.lab.requirements import Missing, ensure_requirements
from tests.lab.ssh import CommandFailed, HostUnreachable

CHECKOUT = Path(__file__).resolve().parents[2]
SNAPSHOT = "up"
SITE_PACKAGES = "/usr/lib/python3/dist-packages"


def main(arguments: Sequence[str]) -> int:
    """Run one verb; the exit status."""
    parser = argparse.ArgumentParser(
        prog="python3 -m tests.lab",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("verb", choices=VERBS)
    parser.add_argument("arguments", nargs=argparse.REMAINDER)
    options = parser.parse_args(arguments)
    try:
        return VERBS[options.verb](options.arguments)
    except (Missing, NoMirror, NoPackage, BuildFailed, MachineError, HostUnreachable, CommandFailed) as error:
        progress(str(error))
        return 1


def development_machine() -> Machine:
    """The machine that `up` starts; tests use another one."""
    return Machine(cache_directory() / "run" / "development")


def running_host() -> Host:
    """The host of `up`, started if need be."""
    machine = development_machine()
    host = Host(machine)
    if not machine.is_running():
        ensure_requirements()
        image = ensure_image()
        progress("booting the host (about half a minute)")
        machine.create(image)
        host.boot_for_the_first_time()
        machine.save(SNAPSHOT)
    return host


def build(_: Sequence[str]) -> int:
    """Everything but booting."""
    ensure_requirements()
    progress(f"the image is {ensure_image().directory}")
    return 0


def up(_: Sequence[str]) -> int:
    """Boot."""
    host = running_host()
    progress(f"the host is up: {host.machine.directory}")
    return 0


def shell(_: Sequence[str]) -> int:
    """A shell, with tuned-vnet in the host if there is a package."""
    host = running_host()
    if host.run("dpkg -s tuned-vnet").returncode != 0:
        host.install(newest_package())
    progress("a root shell in the host; it stays up until `python3 -m tests.lab down`")
    return host.connection.interactive()


def ssh(arguments: Sequence[str]) -> int:
    """One command, with this terminal's input and output."""
    host = running_host()
    return subprocess.call([*host.connection.arguments(), " ".join(arguments)])


def install(arguments: Sequence[str]) -> int:
    """A package, the newest one by default."""
    running_host().install(Path(arguments[0]) if arguments else newest_package())
    return 0


def push(_: Sequence[str]) -> int:
    """The checkout's Python over the installed one; the smallest installation if there is none."""
    host = running_host()
    copy_tree(host, CHECKOUT, "tuned_vnet", SITE_PACKAGES)
    if host.run("dpkg -s tuned-vnet").returncode != 0:
        install_without_package(host)
    return 0


def copy_tree(host: Host, parent: Path, name: str, target: str) -> None:
    """Replace a directory in the host, compiled files left out."""
    archive = subprocess.run(
        ["tar", "-C", str(parent), "--exclude=__pycache__", "-cf", "-", name],
        check=True,
        capture_output=True,
    ).stdout
    command = f"rm -rf {target}/{name} && mkdir -p {target} && tar -xf - -C {target} --no-same-owner"
    host.run(command, stdin=archive, check=True)


def install_without_package(host: Host) -> None:
    """Commands, units and configuration, as the package would install them."""
    for command, module in (("bin/tuned-vnetctl", "tuned_vnet.ctl.main"), ("sbin/tuned-vnetd", "tuned_vnet.daemon")):
        script = f"#!/usr/bin/python3\nimport sys\nfrom {module} import main\nsys.exit(main())\n"
        host.write(f"/usr/{command}", script, mode=0o755)
    for unit in sorted((CHECKOUT / "systemd").glob("*.service")):
        host.write(f"/usr/lib/systemd/system/{unit.name}", unit.read_text("utf-8"))
    host.run("mkdir -p /etc/tuned-vnet/profiles.d && systemctl daemon-reload", check=True)


def reset(_: Sequence[str]) -> int:
    """Back to the snapshot."""
    machine = development_machine()
    machine.load(SNAPSHOT)
    return 0


def reboot(_: Sequence[str]) -> int:
    """For real: QEMU ends and starts again on the same disk."""
    running_host().reboot()
    return 0


def down(_: Sequence[str]) -> int:
    """The end; what was on its disk is gone with the next `up`."""
    development_machine().stop()
    return 0


VERBS: dict[str, Callable[[Sequence[str]], int]] = {
    "build": build,
    "up": up,
    "shell": shell,
    "ssh": ssh,
    "install": install,
    "push": push,
    "reset": reset,
    "reboot": reboot,
    "down": down,
}
