"""The daemon towards systemd and varlink: readiness and its deadline, watchdog, reload, stop."""

from __future__ import annotations

import json

import pytest

from tests.lab.expected import (
    CONFIG,
    PROFILE_DIRECTORY,
    assert_as_profiled,
    edit_profile,
    install_profiles,
    wait_until_as_profiled,
)
from tests.lab.host import Host

TIMEOUT_S = 5
SOCKET = "/run/tuned-vnet/io.tunedvnet"

# The driver igb is named by none of these, so they are for the port even while it has no driver.
WITHOUT_DRIVER = """
[match]
pci-address = "0000:21:00.0"
[sriov]
numvfs = 7
"""


@pytest.fixture(scope="module")
def configured(module_host: Host) -> Host:
    """Profiles and a short boot timeout; the daemon has never run."""
    module_host.write(CONFIG, f"[boot]\ntimeout = {TIMEOUT_S}\n")
    return module_host


def shown(host: Host, *properties: str) -> dict[str, str]:
    """Properties of the unit."""
    text = host.output(f"systemctl show {' '.join('-p ' + name for name in properties)} tuned-vnet")
    return dict(line.split("=", 1) for line in text.splitlines())


def test_ready_at_the_deadline_when_a_driver_does_not_come(configured: Host) -> None:
    host = configured
    host.write(f"{PROFILE_DIRECTORY}/40-port.toml", WITHOUT_DRIVER)
    host.run("modprobe -r igb", check=True)
    host.expect_warning("boot pass: not done after 5 s, going on: 0000:21:00.0: .*: the device has no driver")
    cursor = host.cursor()
    host.run("systemctl start tuned-vnet", check=True)
    unit = shown(host, "ActiveState", "StatusText", "ExecMainStartTimestampMonotonic", "ActiveEnterTimestampMonotonic")
    took_s = (int(unit["ActiveEnterTimestampMonotonic"]) - int(unit["ExecMainStartTimestampMonotonic"])) / 1e6
    # An emulated CPU needs seconds to start Python.
    assert TIMEOUT_S <= took_s < TIMEOUT_S + 10
    assert unit["ActiveState"] == "active"
    assert "0000:21:00.0 pending" in unit["StatusText"]
    assert len([entry for entry in host.journal(since=cursor) if "not done after" in str(entry["MESSAGE"])]) == 1


def test_a_driver_that_is_loaded_late_gets_everything(configured: Host) -> None:
    host = configured
    host.run(f"rm {PROFILE_DIRECTORY}/40-port.toml", check=True)
    install_profiles(host)
    host.run("tuned-vnetctl reload", check=True)
    host.run("modprobe igb", check=True)
    wait_until_as_profiled(host)
    host.eventually(lambda: shown(host, "StatusText")["StatusText"] == "2 devices as desired")


def test_reload_returns_when_it_is_done(configured: Host) -> None:
    host = configured
    edit_profile(host, "50-ports.toml", "rx-usecs = 10", "rx-usecs = 20")
    seen = host.output("systemctl reload tuned-vnet && ethtool --json -c ens1 && ethtool --json -c ens2")
    assert [port["rx-usecs"] for port in read_json_arrays(seen)] == [20, 20]
    edit_profile(host, "50-ports.toml", "rx-usecs = 20", "rx-usecs = 10")
    host.run("systemctl reload tuned-vnet", check=True)
    assert_as_profiled(host)


def read_json_arrays(text: str) -> list[dict[str, int]]:
    """One array after the other, as two commands print them."""
    decoder, items, position = json.JSONDecoder(), [], 0
    while position < len(text):
        array, position = decoder.raw_decode(text, position)
        items += array
        position += len(text[position:]) - len(text[position:].lstrip())
    return items


def test_stop_is_clean_and_the_settings_stay(configured: Host) -> None:
    host = configured
    host.run("systemctl stop tuned-vnet", check=True)
    assert shown(host, "Result", "ExecMainStatus") == {"Result": "success", "ExecMainStatus": "0"}
    assert_as_profiled(host)
    assert host.run(f"test -e {SOCKET}").returncode != 0


def test_a_daemon_that_hangs_is_started_again(configured: Host) -> None:
    host = configured
    host.expect_warning("Watchdog timeout|Killing process|Main process exited|Failed with result")
    drop_in = "/run/systemd/system/tuned-vnet.service.d/watchdog.conf"
    host.write(drop_in, "[Service]\nWatchdogSec=4\n")
    host.run("systemctl daemon-reload && systemctl start tuned-vnet", check=True)
    ping = shown(host, "WatchdogTimestampMonotonic")
    host.eventually(lambda: shown(host, "WatchdogTimestampMonotonic") != ping, timeout_s=8, what="the watchdog is fed")
    host.run("systemctl kill --signal=STOP --kill-whom=main tuned-vnet", check=True)
    host.eventually(
        lambda: shown(host, "NRestarts", "ActiveState") == {"NRestarts": "1", "ActiveState": "active"}, timeout_s=60
    )
    assert_as_profiled(host)
    host.run(f"rm {drop_in} && systemctl daemon-reload && systemctl restart tuned-vnet", check=True)


def test_varlinkctl_can_ask_what_tuned_vnetctl_can(configured: Host) -> None:
    host = configured
    assert "io.tunedvnet" in host.output(f"varlinkctl info {SOCKET}")
    assert "method Status" in host.output(f"varlinkctl introspect {SOCKET} io.tunedvnet")
    reply = json.loads(host.output(f"varlinkctl call --json=short {SOCKET} io.tunedvnet.Status '{{}}'"))
    assert reply["status"]["state"] == "as-desired"
    assert reply["status"] == json.loads(host.output("tuned-vnetctl status --json"))
    assert [device["ifname"] for device in reply["status"]["devices"]] == ["ens1", "ens2"]


def test_varlinkctl_without_root_may_look_and_not_change(configured: Host) -> None:
    call = f"runuser -u nobody -- varlinkctl call {SOCKET} io.tunedvnet"
    assert '"as-desired"' in configured.output(f"{call}.Status '{{}}'")
    refused = configured.run(f"{call}.Apply '{{}}'")
    assert refused.returncode != 0
    assert "NotAllowed" in refused.stdout + refused.stderr
