"""The boot pass against a shell script that does the same with echo, ip and ethtool.

Both are started by systemd, both begin with freshly loaded drivers and no VFs, and both end with everything as the
lab's profiles say, which is looked at each time. Time is systemd's: from the unit's start to READY=1, or to the end of
the script.
"""

from __future__ import annotations

import re
from pathlib import Path

from tests.lab.differences import check
from tests.lab.expected import install_profiles
from tests.lab.figures import Times
from tests.lab.host import UNIT, Host
from tests.lab.steps import step

SCRIPT = Path(__file__).parent / "scripts" / "rc-local.sh"
SCRIPT_UNIT = "rc-local-bench"
PRODUCT, SHELL = "tuned-vnet", "shell script"
UNITS = {SHELL: SCRIPT_UNIT, PRODUCT: UNIT}

# At the same place in the boot as tuned-vnet.service. RemainAfterExit: the end of the script is then ActiveEnter.
SCRIPT_SERVICE = """
[Unit]
DefaultDependencies=no
Wants=network-pre.target
Before=network-pre.target libvirtd.service
After=local-fs.target systemd-modules-load.service systemd-sysctl.service
After=systemd-udevd.service systemd-udev-trigger.service
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/usr/local/sbin/rc-local.sh
[Install]
WantedBy=multi-user.target
""".lstrip()

# As after a boot in which nobody has done anything.
FROM_THE_BEGINNING = f"""
systemctl stop {UNIT} {SCRIPT_UNIT}
for port in ens1 ens2; do
    echo 0 > /sys/class/net/$port/device/sriov_numvfs
    echo 1 > /sys/class/net/$port/device/sriov_drivers_autoprobe
done
rmmod igb && modprobe igb || exit
udevadm settle
until [ -e /sys/class/net/ens1 ] && [ -e /sys/class/net/ens2 ]; do sleep 0.1; done
sysctl -qw net.core.netdev_budget=300 'net.ipv4.tcp_wmem=4096 16384 4194304'
rm -rf /run/tuned-vnet/*
sync
"""


def prepare(host: Host) -> None:
    """Profiles for one, the script for the other."""
    install_profiles(host)
    host.write("/usr/local/sbin/rc-local.sh", SCRIPT.read_text("utf-8"), mode=0o755)
    host.write(f"/etc/systemd/system/{SCRIPT_UNIT}.service", SCRIPT_SERVICE)
    host.run("systemctl daemon-reload", check=True)


def race(host: Host, runs: int) -> Times:
    """Both in turn, in the running host; seconds. The first round is not counted, it warms up the caches."""
    times = Times()
    for number in range(runs + 1):
        for name, unit in UNITS.items():
            with step(f"boot pass, {name}, {f'run {number} of {runs}' if number else 'to warm up'}"):
                host.run(FROM_THE_BEGINNING, check=True)
                host.run(f"systemctl start {unit}", check=True)
                seconds = unit_start_s(host, unit)
                check(host)
            if number:
                times.add(name, seconds)
    return times


def race_boots(host: Host, boots: int) -> Times:
    """Both in turn in real boots, with nothing in any cache; seconds from when both ports were there.

    The driver is loaded long after the units were started, and both wait for it.
    """
    times = Times()
    for number in range(1, boots + 1):
        for name, unit in UNITS.items():
            with step(f"real boot, {name}, {number} of {boots}"):
                host.run(f"systemctl disable {' '.join(UNITS.values())}", check=True)
                host.run(f"systemctl enable {unit}", check=True)
                host.reboot()
                times.add(name, ready_us(host, unit) / 1e6 - ports_named_us(host) / 1e6)
                check(host)
    return times


def clean_up(host: Host) -> None:
    """As before `prepare`, so that other measurements find nothing of it."""
    host.run(f"systemctl disable {' '.join(UNITS.values())}; rm /etc/tuned-vnet/profiles.d/*", check=True)
    host.run(FROM_THE_BEGINNING, check=True)


def unit_start_s(host: Host, unit: str) -> float:
    """Seconds from the start of a unit until it was ready."""
    started = int(host.output(f"systemctl show --value -p InactiveExitTimestampMonotonic {unit}"))
    return (ready_us(host, unit) - started) / 1e6


def ready_us(host: Host, unit: str) -> int:
    """When a unit was ready, in microseconds of the monotonic clock."""
    return int(host.output(f"systemctl show --value -p ActiveEnterTimestampMonotonic {unit}"))


def ports_named_us(host: Host) -> int:
    """When udev had named the later one of the ports in this boot, in microseconds of the monotonic clock."""
    found = re.findall(r"\[ *([\d.]+)\] igb .* renamed from", host.output("dmesg"))
    return max(int(float(seconds) * 1e6) for seconds in found)
