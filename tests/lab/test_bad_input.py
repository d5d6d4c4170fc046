"""What is wrong is named by file, line and key, all of it at once; everything that is right stays in force."""

from __future__ import annotations

import io
import json
import tarfile
from dataclasses import dataclass
from typing import Any

import pytest

from tests.lab.expected import (
    CONFIG,
    PROFILE_DIRECTORY,
    assert_as_profiled,
    edit_profile,
    install_profiles,
)
from tests.lab.host import Host

MATCH = '[match]\nifname = "ens2"\n'
MAC = 'mac = "52:54:00:99:00:01"\n'


@dataclass(frozen=True, slots=True, kw_only=True)
class Bad:
    """A file that must not count, and where `check` says what is wrong with it: `:LINE: key`, or nothing of both."""

    content: str | bytes = b""
    link: str | None = None
    directory: bool = False
    where: tuple[str, ...]


BAD = {
    "10-unknown-key.toml": Bad(content=f"{MATCH}[ring]\nrxx = 256\n", where=(":4: ring.rxx",)),
    "11-unknown-section.toml": Bad(content=f"{MATCH}[rings]\nrx = 256\n", where=(":3: rings",)),
    "12-wrong-type.toml": Bad(content=f'{MATCH}[sriov]\nnumvfs = "many"\n', where=(":4: sriov.numvfs",)),
    "13-out-of-range.toml": Bad(
        content=f"{MATCH}[link]\nmtu = 20\n[coalesce]\nrx-usecs = -1\n", where=(":4: link.mtu", ":6: coalesce.rx-usecs")
    ),
    "14-multicast-mac.toml": Bad(
        content=f'{MATCH}[[vf]]\nindex = 0\nmac = "01:00:5e:00:00:01"\n', where=(":5: vf.mac",)
    ),
    "15-duplicate-mac.toml": Bad(
        content=f"{MATCH}[[vf]]\nindex = 0\n{MAC}[[vf]]\nindex = 1\n{MAC}", where=(":8: vf.mac",)
    ),
    "16-overlapping-indices.toml": Bad(content=f'{MATCH}[[vf]]\nindex = [0, "0-3"]\n', where=(":4: vf.index",)),
    "17-no-such-vf.toml": Bad(content=f"{MATCH}[sriov]\nnumvfs = 2\n[[vf]]\nindex = 5\n", where=(":6: vf.index",)),
    "18-not-utf8.toml": Bad(content=b'description = "caf\xe9"\n', where=(":1",)),
    "19-not-toml.toml": Bad(content="[ring\nrx = 256\n", where=(":1",)),
    "20-ten-megabytes.toml": Bad(content=b"#" * 10_000_000, where=("",)),
    "21-dangling.toml": Bad(link="/nowhere.toml", where=("",)),
    "22-directory.toml": Bad(directory=True, where=("",)),
    "23-fits-nothing.toml": Bad(content='[match]\nifname = "nope*"\n[link]\nmtu = 2000\n', where=(":1: match",)),
    "70-too-many-vfs.toml": Bad(content=f"{MATCH}[sriov]\nnumvfs = 8\n", where=(":4: sriov.numvfs",)),
}
UNSUPPORTED = """
[match]
ifname = "ens1"
[coalesce]
rx-frames = 5
[[vf]]
index = 2
link-state = "enable"
"""
AUDIT_S = 5
READ_ONLY = ("status", "plan", "verify", "check", "cat")


def archive(files: dict[str, Bad]) -> bytes:
    """All files at once; ssh takes a third of a second for each command."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as tar:
        for name, bad in files.items():
            data = bad.content.encode() if isinstance(bad.content, str) else bad.content
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(data), 0o644
            if bad.link is not None:
                entry.type, entry.linkname = tarfile.SYMTYPE, bad.link
            elif bad.directory:
                entry.type, entry.mode = tarfile.DIRTYPE, 0o755
            tar.addfile(entry, io.BytesIO(data))
    return stream.getvalue()


@pytest.fixture(scope="module")
def profiled(module_host: Host) -> Host:
    """A host with good profiles; the daemon does not run yet."""
    install_profiles(module_host)
    module_host.write(CONFIG, f"[boot]\ncarrier-timeout = 0\n[daemon]\naudit-interval = {AUDIT_S}\n")
    return module_host


def status(host: Host) -> dict[str, Any]:
    """What the product says; only where that is what the test is about."""
    report = json.loads(host.run("tuned-vnetctl status --json").stdout)
    assert isinstance(report, dict)
    return report


def test_check_says_file_line_and_key_for_all_of_it_at_once(profiled: Host) -> None:
    assert profiled.run("tuned-vnetctl check").check().stdout == ""
    profiled.run(f"tar -xzf - -C {PROFILE_DIRECTORY} --no-same-owner", stdin=archive(BAD), check=True)
    result = profiled.run("tuned-vnetctl check")
    assert result.returncode == 2
    wanted = [f"{PROFILE_DIRECTORY}/{name}{where}: " for name, bad in BAD.items() for where in bad.where]
    lines = result.stdout.splitlines()
    missing = [prefix for prefix in wanted if not any(line.startswith(prefix) for line in lines)]
    assert not missing, result.stdout
    assert len(lines) == len(wanted), result.stdout


def test_what_is_good_is_in_force(profiled: Host) -> None:
    profiled.expect_warning(f"^{PROFILE_DIRECTORY}/[127]")
    cursor = profiled.cursor()
    profiled.run("systemctl start tuned-vnet", check=True)
    assert_as_profiled(profiled)
    told = [str(entry["MESSAGE"]) for entry in profiled.journal(since=cursor)]
    for name in BAD:
        assert [line for line in told if name in line], name


def test_without_the_bad_ones_all_is_well(profiled: Host) -> None:
    profiled.run(f"cd {PROFILE_DIRECTORY} && rm -r {' '.join(BAD)}", check=True)
    profiled.run("tuned-vnetctl reload", check=True)
    assert_as_profiled(profiled)


def test_a_file_that_breaks_keeps_its_last_good_version(profiled: Host) -> None:
    edit_profile(profiled, "50-ports.toml", "rx = 512", 'rx = "lots"')
    profiled.expect_warning("50-ports.toml:15: ring.rx: ")
    result = profiled.run("tuned-vnetctl reload")
    assert result.returncode == 2
    assert f"{PROFILE_DIRECTORY}/50-ports.toml:15: ring.rx: " in result.stderr
    assert_as_profiled(profiled)
    profiled.run("ethtool -C ens1 rx-usecs 100", check=True)
    profiled.run("tuned-vnetctl apply", check=True)
    assert_as_profiled(profiled)


def test_a_file_that_is_repaired_counts_again(profiled: Host) -> None:
    edit_profile(profiled, "50-ports.toml", 'rx = "lots"', "rx = 256")
    profiled.run("tuned-vnetctl reload", check=True)
    assert profiled.ring("ens1")["rx"] == 256
    edit_profile(profiled, "50-ports.toml", "rx = 256", "rx = 512")
    profiled.run("tuned-vnetctl reload", check=True)
    assert_as_profiled(profiled)


def test_what_the_device_does_not_have_is_told_once(profiled: Host) -> None:
    cursor = profiled.cursor()
    profiled.write(f"{PROFILE_DIRECTORY}/80-unsupported.toml", UNSUPPORTED)
    for _ in range(2):
        profiled.run("tuned-vnetctl reload", check=True)
    uptime_s = "cut -d. -f1 /proc/uptime"
    until_s = int(profiled.output(uptime_s)) + 2 * AUDIT_S + 1
    profiled.eventually(lambda: int(profiled.output(uptime_s)) >= until_s, what="two audits are over")
    told = [str(entry["MESSAGE"]) for entry in profiled.journal(since=cursor) if "SETTING" in entry]
    assert sorted(line.partition(": unsupported: ")[0] for line in told) == [
        "ens1 0000:21:00.0: coalesce.rx-frames",
        "ens1 0000:21:00.0: vf 2: link-state",
    ]
    profiled.run("tuned-vnetctl plan", check=True)
    profiled.run(f"rm {PROFILE_DIRECTORY}/80-unsupported.toml && tuned-vnetctl reload", check=True)


def assert_all_may_look_and_root_may_change(host: Host) -> None:
    """Each verb as the user nobody; the status that it shows is the one that root is shown."""
    for verb in READ_ONLY:
        result = host.run(f"runuser -u nobody -- tuned-vnetctl {verb}")
        assert result.returncode == 0, (verb, result.stdout, result.stderr)
        assert verb != "status" or result.stdout == host.run("tuned-vnetctl status").stdout
    for verb in ("apply", "reload"):
        result = host.run(f"runuser -u nobody -- tuned-vnetctl {verb}")
        assert (result.returncode, result.stdout) == (4, "")
        assert "root" in result.stderr


def assert_unknown_device_is_wrong_usage(host: Host) -> None:
    """Exit status 2, and the name in the message."""
    result = host.run("tuned-vnetctl plan eth99")
    assert result.returncode == 2
    assert "eth99: no such device" in result.stderr


def test_users_without_root_when_the_daemon_runs(profiled: Host) -> None:
    assert_all_may_look_and_root_may_change(profiled)
    assert_unknown_device_is_wrong_usage(profiled)


def test_users_without_root_when_no_daemon_runs(profiled: Host) -> None:
    profiled.run("systemctl stop tuned-vnet", check=True)
    assert_all_may_look_and_root_may_change(profiled)
    assert_unknown_device_is_wrong_usage(profiled)


def test_a_file_that_may_not_be_read_is_named(profiled: Host) -> None:
    profiled.write(f"{PROFILE_DIRECTORY}/85-secret.toml", UNSUPPORTED, mode=0o600)
    result = profiled.run("runuser -u nobody -- tuned-vnetctl check")
    assert result.returncode == 2
    assert result.stdout == f"{PROFILE_DIRECTORY}/85-secret.toml: can't be read: Permission denied\n"
    profiled.run(f"rm {PROFILE_DIRECTORY}/85-secret.toml", check=True)


def test_a_rate_waits_for_the_carrier(profiled: Host) -> None:
    profiled.run("rmmod igb && modprobe igb && udevadm settle", check=True)
    profiled.unwire("ens1")
    profiled.run("systemctl start tuned-vnet", check=True)
    assert profiled.vf("ens1", 0).max_tx_rate == 0
    assert profiled.vf("ens2", 0).max_tx_rate == 300
    (device, _) = status(profiled)["devices"]
    (rate,) = [row for row in device["vfs"][0]["settings"] if row["setting"] == "vf.max-tx-rate"]
    assert (rate["outcome"], rate["reason"]) == ("pending", "the PF has no carrier")
    assert profiled.run("tuned-vnetctl plan").returncode == 3
    profiled.wire("ens1")
    profiled.eventually(lambda: profiled.vf("ens1", 0).max_tx_rate == 300, timeout_s=10, what="VF 0 has its rate")
    assert_as_profiled(profiled)


def test_a_profile_that_is_deleted_does_not_count_any_more(profiled: Host) -> None:
    profiled.run(f"rm {PROFILE_DIRECTORY}/*.toml && tuned-vnetctl reload", check=True)
    assert_as_profiled(profiled)
    profiled.run("ethtool -C ens1 rx-usecs 100; ip link set ens1 vf 2 spoofchk off", check=True)
    profiled.run("tuned-vnetctl apply", check=True)
    assert profiled.coalesce("ens1")["rx-usecs"] == 100
    assert not profiled.vf("ens1", 2).spoofchk
