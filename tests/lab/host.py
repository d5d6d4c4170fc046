"""The emulated host as tests see it.

Every observation here comes from the kernel's and libvirt's own tools; nothing of tuned-vnet is asked or
imported, so that a test cannot agree with a mistake.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from tests.lab import observe
from tests.lab.guest import Guest, Network
from tests.lab.machine import PORTS, Machine, Port
from tests.lab.ssh import CommandFailed, Completed, Connection

UNIT = "tuned-vnet"
CHECKOUT = Path(__file__).resolve().parents[2]

T = TypeVar("T")


class NoPackage(Exception):
    """There is no built package to install."""


def newest_package() -> Path:
    """The project's .deb: `$TUNED_VNET_DEB`, else the newest one in dist/."""
    if named := os.environ.get("TUNED_VNET_DEB"):
        package = Path(named).resolve()
        if not package.is_file():
            raise NoPackage(f"TUNED_VNET_DEB={named}: no such file")
        return package
    packages = list((CHECKOUT / "dist").glob("tuned-vnet_*.deb"))
    if not packages:
        raise NoPackage(f"{CHECKOUT / 'dist'}: no tuned-vnet_*.deb; build it with `make deb`")
    return max(packages, key=lambda path: path.stat().st_mtime)


class Host:
    """A running host: commands, files, guests, ports, and what the kernel says about them."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        self._expected_warnings: list[str] = []
        self._checked_until: str | None = None

    # Running it

    @property
    def connection(self) -> Connection:
        """ssh to the host."""
        return self.machine.connection()

    def boot(self) -> None:
        """Start the machine, and return when systemd and udev have nothing left to do."""
        self.machine.boot()
        self.wait_until_settled()

    def boot_for_the_first_time(self) -> None:
        """Boot, and let libvirt find out once what QEMU can do, which it keeps on disk."""
        self.boot()
        for kind in ("kvm", "qemu"):
            self.run(f"virsh domcapabilities --virttype {kind}", check=True)

    def wait_until_settled(self) -> None:
        """The boot is over; ssh answers earlier than udev has named the ports."""
        self.run("systemctl is-system-running --wait", timeout_s=400)
        self.run("udevadm settle --timeout=120", check=True)

    def reboot(self) -> None:
        """`systemctl reboot`, firmware, kernel and all."""
        self.run("systemctl reboot")
        self.connection.close()
        self.machine.wait_for_exit(timeout_s=180)
        self.boot()

    def run(
        self,
        command: str,
        *,
        check: bool = False,
        stdin: str | bytes | None = None,
        timeout_s: float = 120,
    ) -> Completed:
        """Run a shell command as root; with `check` a status other than 0 fails the test."""
        result = self.connection.run(command, stdin=stdin, timeout_s=timeout_s)
        return result.check() if check else result

    def output(self, command: str) -> str:
        """What a command prints, without the newline at the end."""
        return self.run(command, check=True).stdout.rstrip("\n")

    def write(self, path: str, text: str, *, mode: int = 0o644) -> None:
        """Write a file, its directories included."""
        name = shlex.quote(path)
        self.run(
            f'mkdir -p "$(dirname {name})" && cat > {name} && chmod {mode:o} {name}',
            stdin=text,
            check=True,
        )

    def read(self, path: str) -> str:
        """A file's text, unstripped."""
        return self.run(f"cat {shlex.quote(path)}", check=True).stdout

    def install(self, package: Path) -> None:
        """Install a .deb with apt; the host has no network, so its dependencies must be there."""
        target = f"/var/tmp/{package.name}"
        self.run(f"cat > {target}", stdin=package.read_bytes(), check=True)
        self.run(
            f"DEBIAN_FRONTEND=noninteractive apt-get install -q -y --reinstall {target}",
            check=True,
            timeout_s=300,
        )

    def eventually(self, predicate: Callable[[], T], *, timeout_s: float = 30, what: str = "") -> T:
        """The first true value of the predicate; a failed command counts as not yet."""
        deadline = time.monotonic() + timeout_s
        while True:
            last: object
            try:
                if last := predicate():
                    return last
            except CommandFailed as error:
                last = error
            if time.monotonic() > deadline:
                name = what or getattr(predicate, "__name__", "the condition")
                raise AssertionError(f"not within {timeout_s:g} s: {name}; last seen: {last!r}")
            time.sleep(0.1)

    # The journal

    def cursor(self) -> str:
        """Where the journal ends now."""
        text = self.output("journalctl --quiet --no-pager -n 0 --show-cursor")
        return text.removeprefix("-- cursor: ").strip()

    def journal(
        self, *, unit: str = UNIT, priority: str | None = None, since: str | None = None
    ) -> list[dict[str, Any]]:
        """Journal entries of a unit, of all boots, after a cursor if one is given."""
        command = f"journalctl --no-pager --quiet --all -o json -u {shlex.quote(unit)}"
        if priority is not None:
            command += f" -p {priority}"
        if since is not None:
            command += f" --after-cursor={shlex.quote(since)}"
        return [json.loads(line) for line in self.output(command).splitlines()]

    def expect_warning(self, pattern: str) -> None:
        """Allow journal lines at warning or above in this test that match a regular expression."""
        self._expected_warnings.append(pattern)

    def start_watching_journal(self) -> None:
        """From here on every warning has to be expected."""
        self._expected_warnings.clear()
        self._checked_until = self.cursor()

    def check_journal(self) -> None:
        """Fail on a warning of tuned-vnet that nobody expected, and forget what was expected."""
        entries = self.journal(priority="warning", since=self._checked_until)
        messages = [str(entry.get("MESSAGE")) for entry in entries]
        expected, self._expected_warnings = self._expected_warnings, []
        self._checked_until = self.cursor()
        unexpected = [m for m in messages if not any(re.search(p, m) for p in expected)]
        assert not unexpected, "unexpected in the journal:\n" + "\n".join(unexpected)

    # Ports

    def unplug(self, ifname: str) -> None:
        """PCI hot-unplug of a port; returns when the host has let go of it."""
        self.machine.unplug(port(ifname))

    def plug(self, ifname: str) -> None:
        """PCI hot-plug; returns when the host has the port under its name again."""
        self.machine.plug(port(ifname))
        self.eventually(
            lambda: self.run(f"test -e /sys/class/net/{ifname}").returncode == 0,
            timeout_s=60,
            what=f"{ifname} is there again",
        )

    def unwire(self, ifname: str) -> None:
        """Pull the cable out of a port."""
        self.machine.set_carrier(port(ifname), present=False)

    def wire(self, ifname: str) -> None:
        """Put the cable in again; a port that is up has a carrier a moment later."""
        self.machine.set_carrier(port(ifname), present=True)

    # Guests and their networks

    def guest(self, name: str) -> Guest:
        """A libvirt guest, defined or not."""
        return Guest(self, name)

    def network(self, name: str, *, pf: str = "ens1") -> Network:
        """A libvirt network that hands out the VFs of a port."""
        return Network(self, name, pf)

    # What the kernel says

    def numvfs(self, ifname: str) -> int:
        """How many VFs the port has."""
        return int(self.read(f"/sys/class/net/{ifname}/device/sriov_numvfs"))

    def vf(self, ifname: str, index: int) -> observe.VfState:
        """One VF as `ip link show` has it."""
        return observe.parse_vf(self.output(f"ip -j -d link show dev {ifname}"), index)

    def vf_address(self, ifname: str, index: int) -> str:
        """PCI address of a VF."""
        link = self.output(f"readlink /sys/class/net/{ifname}/device/virtfn{index}")
        return link.rsplit("/", 1)[-1]

    def vf_driver(self, ifname: str, index: int) -> str | None:
        """The driver that has a VF, None if no driver has it."""
        path = f"/sys/class/net/{ifname}/device/virtfn{index}/driver"
        return self.run(f"basename $(readlink {path})").stdout.strip() or None

    def vf_netdevs(self, ifname: str) -> set[str]:
        """Names of the host's own network devices on VFs of the port."""
        directories = f"/sys/class/net/{ifname}/device/virtfn*/net/*"
        return set(self.run(f"basename -a $(ls -d {directories})").stdout.split())

    def ring(self, ifname: str) -> dict[str, Any]:
        """`ethtool -g`: `rx`, `tx`, `rx-max`, `tx-max` and so on."""
        return observe.parse_ethtool_json(self.output(f"ethtool --json -g {ifname}"))

    def coalesce(self, ifname: str) -> dict[str, Any]:
        """`ethtool -c`: `rx-usecs`, `adaptive-rx` and so on."""
        return observe.parse_ethtool_json(self.output(f"ethtool --json -c {ifname}"))

    def flow_hash(self, ifname: str, flow: str) -> str:
        """`ethtool -n DEV rx-flow-hash`, as the letters that ethtool -N takes."""
        return observe.parse_flow_hash(self.output(f"ethtool -n {ifname} rx-flow-hash {flow}"))

    def irq_affinity(self, ifname: str) -> dict[str, frozenset[int]]:
        """CPUs that each interrupt of the port may go to, by the interrupt's name."""
        return observe.parse_irqs(self.output(observe.IRQ_SCRIPT.format(ifname=ifname)))

    def xps(self, ifname: str) -> dict[int, frozenset[int]]:
        """CPUs that send on each transmit queue."""
        return observe.parse_xps(self.output(observe.XPS_SCRIPT.format(ifname=ifname)))

    def sysctl(self, name: str) -> str:
        """A kernel parameter."""
        return self.output(f"sysctl -n {shlex.quote(name)}")


def port(ifname: str) -> Port:
    """One of the machine's ports by its name in the host."""
    return next(port for port in PORTS if port.ifname == ifname)
