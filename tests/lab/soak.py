"""`make soak`: real reboots in a row, and after each of them everything has to be there.

A libvirt network and a guest that start with the host, and the lab's profiles for both ports. One line a reboot, a
table at the end; the exit status is 0 only if nothing was ever amiss.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

from tests.lab.bench_boot import ports_named_us
from tests.lab.differences import differences
from tests.lab.expected import NUMVFS, install_profiles
from tests.lab.guest import PoolInterface
from tests.lab.host import UNIT, Host, newest_package
from tests.lab.session import run_program, temporary_host
from tests.lab.steps import step
from tests.lab.table import Table, print_machine

NETWORK, GUEST, MAC = "sriov-int", "g1", "52:54:00:aa:00:01"
REBOOTS = 10
GUEST_TIMEOUT_S = 90

PASS = "-p InactiveExitTimestampMonotonic -p ActiveEnterTimestampMonotonic"
TIMES = f"systemctl show {PASS} {UNIT}; systemctl show -p FinishTimestampMonotonic"


@dataclass(frozen=True, slots=True, kw_only=True)
class Boot:
    """One reboot: when things were done, in seconds; and what was amiss.

    The unit starts long before the driver is loaded: `pass_s` counts from its start, `work_s` from when both ports were
    there. `boot_s` counts from the kernel's start, `wall_s` and `guest_s` from `systemctl reboot`.
    """

    number: int
    pass_s: float
    work_s: float
    boot_s: float
    wall_s: float
    guest_s: float
    amiss: tuple[str, ...]

    def line(self) -> str:
        """For whoever watches."""
        verdict = "; ".join(self.amiss) or "as it should be"
        return (
            f"reboot {self.number}: boot pass {self.pass_s:.1f} s ({self.work_s:.1f} s with the ports there), boot "
            f"{self.boot_s:.1f} s, guest after {self.guest_s:.1f} s: {verdict}"
        )


def main(arguments: list[str]) -> int:
    """Reboot, look, tell."""
    parser = argparse.ArgumentParser(prog="python3 -m tests.lab.soak", description="Reboot an emulated host and look.")
    parser.add_argument("--reboots", type=int, default=REBOOTS, metavar="N", help="%(default)s unless given")
    reboots = parser.parse_args(arguments).reboots
    package = newest_package()
    print_machine()
    with temporary_host("soak", step=step) as host:
        with step(f"installing {package.name}, profiles, a network and a guest"):
            prepare(host)
        boots = []
        for number in range(1, reboots + 1):
            with step(f"reboot {number} of {reboots}"):
                boots.append(reboot(host, number))
            print(boots[-1].line(), flush=True)
    return conclude(boots)


def prepare(host: Host) -> None:
    """What an administrator does once."""
    host.install(newest_package())
    install_profiles(host)
    host.network(NETWORK, pf="ens1").define(autostart=True)
    host.guest(GUEST).define(PoolInterface(network=NETWORK, mac=MAC), autostart=True)
    host.run(f"systemctl enable {UNIT}", check=True)


def reboot(host: Host, number: int) -> Boot:
    """One reboot, and a look at everything."""
    cursor = host.cursor()
    begin = time.monotonic()
    host.reboot()
    wall_s = time.monotonic() - begin
    amiss = list(look_at_guest(host))
    guest_s = time.monotonic() - begin
    amiss += [*differences(host, other_mac=MAC), *look_at_systemd(host, cursor)]
    seen = dict(line.split("=") for line in host.output(TIMES).splitlines())
    started, ready, finished = (
        int(seen[f"{name}TimestampMonotonic"]) / 1e6 for name in ("InactiveExit", "ActiveEnter", "Finish")
    )
    return Boot(
        number=number,
        pass_s=ready - started,
        work_s=ready - ports_named_us(host) / 1e6,
        boot_s=finished,
        wall_s=wall_s,
        guest_s=guest_s,
        amiss=tuple(amiss),
    )


def look_at_guest(host: Host) -> Iterator[str]:
    """The network and its pool, and the guest on one of its VFs; libvirt starts guests a while after the boot."""
    network, guest = host.network(NETWORK, pf="ens1"), host.guest(GUEST)
    try:
        host.eventually(lambda: guest.state() == "running", timeout_s=GUEST_TIMEOUT_S)
    except AssertionError:
        yield f"guest {GUEST} is {guest.state()}"
    if not network.is_active():
        yield f"network {NETWORK} is not active"
        return
    pool = network.pool()
    if len(pool) != NUMVFS:
        yield f"network {NETWORK} has {len(pool)} VFs"
    if not set(guest.vf_addresses()) & set(pool):
        yield f"guest {GUEST} has no VF of the pool"


def look_at_systemd(host: Host, cursor: str) -> Iterator[str]:
    """No failed unit, no cycle, no warning of ours."""
    yield from (f"failed: {unit}" for unit in host.output("systemctl list-units --failed --plain -q").splitlines())
    cycle = host.run("journalctl --no-pager -q -b -o cat | grep -iE 'ordering cycle|to break'").stdout
    yield from cycle.splitlines()
    yield from (f"journal: {entry['MESSAGE']}" for entry in host.journal(priority="warning", since=cursor))


def conclude(boots: list[Boot]) -> int:
    """The table and the verdict."""
    table = Table(title="Seconds", columns=("", "median", "min", "max"))
    for name, values in (
        ("unit start until READY=1, waiting for the driver", [boot.pass_s for boot in boots]),
        ("both ports there until READY=1", [boot.work_s for boot in boots]),
        ("boot (kernel start to the end of the boot)", [boot.boot_s for boot in boots]),
        ("systemctl reboot until the boot is over", [boot.wall_s for boot in boots]),
        ("systemctl reboot until the guest runs", [boot.guest_s for boot in boots]),
    ):
        table.add(name, *(f"{number:.1f}" for number in (statistics.median(values), min(values), max(values))))
    table.print()
    bad = [boot for boot in boots if boot.amiss]
    print(f"\n{len(boots)} reboots, {len(bad)} with something amiss.")
    for boot in bad:
        print(boot.line())
    return 1 if bad or not boots else 0


if __name__ == "__main__":
    sys.exit(run_program(partial(main, sys.argv[1:])))
