"""`make bench`: how fast tuned-vnet is, as ratios within one run, on the emulated host.

    boot   the boot pass against a shell script, in the running host and in real boots
    vfs    four settings of 128 VFs against ip -batch and single calls of ip, and a pass with nothing to do
    idle   memory and wake-ups at rest against TuneD

Under software emulation the figures say nothing about a real host, the ratios do. Run it on a quiet machine.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from tests.lab import bench_boot, bench_idle, bench_vfs
from tests.lab.figures import Times, compare
from tests.lab.host import Host, newest_package
from tests.lab.session import run_program, temporary_host
from tests.lab.steps import step
from tests.lab.table import Table, describe_machine, load

RUNS, BOOTS, IDLE_S = 5, 3, 120
PARTS = ("boot", "vfs", "idle")


def main(arguments: list[str]) -> int:
    """Measure and print."""
    options = parse(arguments)
    package = newest_package()
    said = [describe_machine()]
    print(said[0], flush=True)
    with temporary_host("bench", step=step) as host:
        with step(f"installing {package.name}"):
            host.install(package)
        said.append(describe_host(host, package))
        print(said[-1], flush=True)
        for table in tables(host, options):
            said.append(f"{table.text()}\n  {load()}")
            print(said[-1], flush=True)
    if options.output:
        options.output.write_text("\n".join(said) + "\n", "utf-8")
    return 0


def parse(arguments: list[str]) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="python3 -m tests.lab.bench", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--runs", type=int, default=RUNS, metavar="N", help="runs of each way (%(default)s)")
    parser.add_argument("--boots", type=int, default=BOOTS, metavar="N", help="real boots of each way (%(default)s)")
    parser.add_argument("--idle", type=int, default=IDLE_S, metavar="S", help="seconds of watching (%(default)s)")
    parser.add_argument("--only", choices=PARTS, action="append", help="measure this part; may be given again")
    parser.add_argument("--output", type=Path, metavar="FILE", help="write what is printed to a file, too")
    return parser.parse_args(arguments)


def describe_host(host: Host, package: Path) -> str:
    """What runs in the host."""
    versions = "uname -r; ip -V; ethtool --version; python3 --version; dpkg-query -Wf 'TuneD ${Version}' tuned"
    return "In the host: " + ", ".join([package.name, *host.output(versions).splitlines()])


def tables(host: Host, options: argparse.Namespace) -> Iterator[Table]:
    """Each part's, when it is done."""
    parts: dict[str, Callable[[], Iterator[Table]]] = {
        "boot": partial(boot_tables, host, options),
        "vfs": partial(vf_tables, host, options.runs),
        "idle": lambda: iter((bench_idle.race(host, options.idle),)),
    }
    for part in options.only or PARTS:
        yield from parts[part]()


def boot_tables(host: Host, options: argparse.Namespace) -> Iterator[Table]:
    """In the running host, then in real boots."""
    bench_boot.prepare(host)
    notes = ("both ports with 7 VFs each and all that the lab's profiles say, from freshly loaded drivers",)
    yield boot_table("Boot pass in the running host: seconds", bench_boot.race(host, options.runs), notes)
    if options.boots:
        title = "Real boot, from when udev has named both ports: seconds"
        notes = ("the same work, with nothing in the caches and everything else of the system starting as well",)
        yield boot_table(title, bench_boot.race_boots(host, options.boots), notes)
    bench_boot.clean_up(host)


def boot_table(title: str, times: Times, notes: tuple[str, ...]) -> Table:
    """The boot pass against the script."""
    names = {bench_boot.SHELL: "shell script", bench_boot.PRODUCT: "tuned-vnet"}
    return compare(title, times, against={bench_boot.SHELL: "script"}, names=names, digits=2, notes=notes)


def vf_tables(host: Host, runs: int) -> Iterator[Table]:
    """Writing, and nothing to write."""
    with step(f"writing settings of {bench_vfs.VFS} VFs, {runs} runs of each way"):
        found = bench_vfs.race(host, runs)
    yield from found


if __name__ == "__main__":
    sys.exit(run_program(partial(main, sys.argv[1:])))
