"""Writing four settings of 128 VFs, and a look when there is nothing to write: tuned-vnet against ip(8).

The VFs are netdevsim's. The race itself is a script that runs in the host, scripts/race_vfs.py, because ssh takes
longer than what is measured.
"""

from __future__ import annotations

import json
from pathlib import Path

from tests.lab.figures import Times, compare
from tests.lab.host import Host
from tests.lab.table import Table

VFS = 128
SCRIPT = Path(__file__).parent / "scripts" / "race_vfs.py"

MAKE_VFS = f"""
set -e
modprobe netdevsim
echo '10 1' > /sys/bus/netdevsim/new_device
echo {VFS} > /sys/kernel/debug/netdevsim/netdevsim10/max_vfs
echo {VFS} > /sys/bus/netdevsim/devices/netdevsim10/sriov_numvfs
udevadm settle
ls /sys/bus/netdevsim/devices/netdevsim10/net
"""
REMOVE_VFS = "rm -f /etc/tuned-vnet/profiles.d/50-race.toml; echo 10 > /sys/bus/netdevsim/del_device; rmmod netdevsim"

WRITING = {
    "ip calls": "ip, a call for each setting",
    "ip batch by setting": "ip -batch, a line for each setting",
    "ip batch by VF": "ip -batch, a line for each VF",
    "ctl apply": "tuned-vnetctl apply, no daemon",
    "daemon reload": "tuned-vnetctl reload, daemon running",
    "engine apply": "the pass alone (*)",
    "engine reload": "profiles read and resolved alone (*)",
    "raw socket": "the pass's messages, bare socket (*)",
}
IDLE = {
    "ip show": "ip link show",
    "ctl plan idle": "tuned-vnetctl plan, no daemon",
    "daemon plan idle": "tuned-vnetctl plan, daemon running",
    "engine plan idle": "a look alone (*)",
    "engine apply idle": "a pass that finds nothing to do alone (*)",
    "python": "python3 -c pass",
}
ALONE = "(*) within a process that has imported everything before, as the daemon has; the others are whole processes"


def race(host: Host, runs: int) -> tuple[Table, Table]:
    """Both tables, in milliseconds. Whether everything was written is asked of ip after each run."""
    ifname = host.output(MAKE_VFS)
    host.write("/run/race_vfs.py", SCRIPT.read_text("utf-8"))
    try:
        output = host.run(f"python3 /run/race_vfs.py {ifname} {VFS} {runs}", check=True, timeout_s=120 + 60 * runs)
    finally:
        host.run(f"systemctl stop tuned-vnet; {REMOVE_VFS}")
    result = json.loads(output.stdout)
    times = Times(by_way=result["times_ms"])
    size = f"the bare socket sends the same {result['bytes']} bytes and takes in the acknowledgements"
    writing = compare(
        f"MAC, rate, spoofchk and trust of {VFS} VFs changed: milliseconds",
        times,
        against={"ip batch by VF": "by VF", "ip batch by setting": "by setting", "ip calls": "calls"},
        names=WRITING,
        digits=1,
        notes=(ALONE, size),
    )
    title = f"Nothing to do, {VFS} VFs: milliseconds"
    idle = compare(title, times, against={"ip show": "ip link show"}, names=IDLE, digits=1, notes=(ALONE,))
    return writing, idle
