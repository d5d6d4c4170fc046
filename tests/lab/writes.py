"""What tuned-vnet writes, counted where it arrives: the kernel's function tracer on everything that takes a write.

A list of system calls would have to be understood (which netlink message, which ioctl asks and which one sets?); these
functions run for a write and for nothing else.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

from tests.lab.host import Host

# Linux 6.12: net/core/rtnetlink.c, net/ethtool/netlink.c and ioctl.c, fs/kernfs/file.c (sysfs), fs/proc/inode.c
# (/proc/irq), fs/proc/proc_sysctl.c.
FUNCTIONS = (
    "rtnl_setlink",
    "rtnl_newlink",
    "ethnl_default_set_doit",
    "ethtool_set_*",
    "kernfs_fop_write_iter",
    "proc_reg_write",
    "proc_sys_write",
)
TRACING = "/sys/kernel/tracing"
LINE = re.compile(r"\s*(?P<command>.+)-\d+\s+\[\d+\].*?: (?P<function>\w+) <-")


@contextmanager
def traced_writes(host: Host) -> Iterator[list[str]]:
    """The list is filled when the block ends: a kernel function for each write of tuned-vnetd and tuned-vnetctl."""
    names = " ".join(f"'{name}'" for name in FUNCTIONS)
    host.run(
        f"mountpoint -q {TRACING} || mount -t tracefs tracefs {TRACING}; cd {TRACING} && echo 0 > tracing_on && "
        f"printf '%s\\n' {names} > set_ftrace_filter && echo function > current_tracer && echo > trace && "
        "echo 1 > tracing_on",
        check=True,
    )
    written: list[str] = []
    try:
        yield written
    finally:
        trace = host.output(f"cd {TRACING} && echo 0 > tracing_on && cat trace && echo nop > current_tracer")
    for line in trace.splitlines():
        match = LINE.match(line)
        if match and match["command"].startswith("tuned-vnet"):
            written.append(match["function"])
