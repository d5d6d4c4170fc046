"""What a daemon costs while nothing happens, and how long it takes to start: tuned-vnet against TuneD.

Both have rings, coalescing and a sysctl to keep for the two ports; tuned-vnet has VFs and all the rest as well.
"""

from __future__ import annotations

from dataclasses import dataclass

from tests.lab.bench_boot import FROM_THE_BEGINNING, unit_start_s
from tests.lab.differences import check
from tests.lab.expected import install_profiles
from tests.lab.host import UNIT, Host
from tests.lab.steps import step
from tests.lab.table import Table

TUNED_PROFILE = """
[main]
summary=Rings, coalescing and a sysctl, as in the profiles of the lab

[net]
type=net
devices=ens1,ens2
ring=rx 512 tx 1024
coalesce=rx-usecs 10

[sysctl]
net.core.netdev_budget=600
"""

# Voluntary context switches of all threads: a thread that sleeps is woken up once for each.
LOOK = """
pid=$(systemctl show --value -p MainPID {unit})
cat /proc/$pid/task/*/status | awk '/^voluntary/ {{ switches += $2 }} END {{ print switches }}'
awk '/^VmRSS/ {{ print $2 }} /^Threads/ {{ print $2 }}' /proc/$pid/status
awk '{{ print ($14 + $15) * 10 }}' /proc/$pid/stat
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Idle:
    """A daemon at rest: start in seconds, memory in kB, wake-ups and CPU milliseconds per minute."""

    start_s: float
    vmrss_kb: int
    threads: int
    wakeups: float
    cpu_ms: float


def race(host: Host, seconds: int) -> Table:
    """Both daemons, one after the other: two at once would undo each other's work."""
    install_profiles(host)
    ours = rest(host, UNIT, seconds)
    check(host)
    host.run(f"systemctl stop {UNIT}; rm /etc/tuned-vnet/profiles.d/*", check=True)
    host.write("/etc/tuned/profiles/lab/tuned.conf", TUNED_PROFILE.lstrip())
    host.write("/etc/tuned/active_profile", "lab\n")
    host.write("/etc/tuned/profile_mode", "manual\n")
    theirs = rest(host, "tuned", seconds)
    note = what_tuned_did(host)
    host.run("systemctl stop tuned", check=True)
    return draw(ours, theirs, seconds, note)


def rest(host: Host, unit: str, seconds: int) -> Idle:
    """Start a daemon, let it come to rest, and watch."""
    host.run(FROM_THE_BEGINNING, check=True)
    if unit != UNIT:
        host.run("ip link set ens1 up && ip link set ens2 up", check=True)
    with step(f"{unit} idle for {seconds} s"):
        host.run(f"systemctl start {unit}; sleep 10", check=True)
        script = LOOK.format(unit=unit)
        output = host.run(f"{script}sleep {seconds}{script}", check=True, timeout_s=seconds + 120).stdout
    first, _rss, _threads, first_ms, last, rss, threads, last_ms = map(int, output.split())
    per_minute = 60 / seconds
    return Idle(
        start_s=unit_start_s(host, unit),
        vmrss_kb=rss,
        threads=threads,
        wakeups=(last - first) * per_minute,
        cpu_ms=(last_ms - first_ms) * per_minute,
    )


def what_tuned_did(host: Host) -> str:
    """Whether its profile is in force, asked of ethtool and sysctl; and what it says itself."""
    seen = {
        "rx ring": (host.ring("ens1")["rx"], 512),
        "tx ring": (host.ring("ens1")["tx"], 1024),
        "rx-usecs": (host.coalesce("ens1")["rx-usecs"], 10),
        "netdev_budget": (host.sysctl("net.core.netdev_budget"), "600"),
    }
    wrong = [f"{name} is {value} and not {wanted}" for name, (value, wanted) in seen.items() if value != wanted]
    verified = host.run("tuned-adm verify").returncode == 0
    says = "tuned-adm verify says it is as it should be" if verified else "tuned-adm verify says it is not"
    return f"TuneD's profile afterwards: {', '.join(wrong) or 'all of it is in force'}; {says}"


def draw(ours: Idle, theirs: Idle, seconds: int, note: str) -> Table:
    """The table; what tuned-vnet's start does and TuneD's does not is in the notes."""
    table = Table(
        title=f"At rest, watched for {seconds} s",
        columns=("", "tuned-vnet", "TuneD", "tuned-vnet ÷ TuneD"),
        notes=(note, "tuned-vnet's start includes making 14 VFs and their policies; TuneD's has nothing of that"),
    )
    rows = (
        ("unit start until ready, s", ours.start_s, theirs.start_s, 1),
        ("VmRSS, MB", ours.vmrss_kb / 1000, theirs.vmrss_kb / 1000, 1),
        ("threads", ours.threads, theirs.threads, 0),
        ("wake-ups per minute", ours.wakeups, theirs.wakeups, 1),
        ("CPU time per minute, ms", ours.cpu_ms, theirs.cpu_ms, 0),
    )
    for name, our, their, digits in rows:
        ratio = f"{our / their:.2f}" if their else ""
        table.add(name, f"{our:.{digits}f}", f"{their:.{digits}f}", ratio)
    return table
