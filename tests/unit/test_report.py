"""The JSON object of `status --json` and of varlink replies: a contract, so its keys and types are written out."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.fake_kernel import FakeHost
from tests.fake_port import FakePort
from tests.unit.engines import IGB, make_engine, write_profile
from tuned_vnet.engine import Engine
from tuned_vnet.model import VfIndex
from tuned_vnet.report import cat_json, report_json

PROFILE = """
[sriov]
numvfs = 2
[ring]
rx = 256
[irq]
affinity = "local-node"
[sysctl]
"net.core.netdev_budget" = 50000
[[vf]]
index = "*"
spoofchk = true
max-tx-rate = 1000
"""
SINCE = "2026-11-21T02:00:00Z"


def make_host() -> FakeHost:
    port = FakePort()
    port.poke({"up": True, "numvfs": 2, "vf": {"1": {"guest": "g1"}}})
    return FakeHost(ports=[port], sysctls={"net.core.netdev_budget": "50000"})


def report(engine: Engine, host: FakeHost, *, since: str | None = SINCE, write: bool = False) -> dict[str, Any]:
    visit = engine.apply if write else engine.look
    reports = {device_id: visit(device_id, host.kernel()) for device_id in engine.desired.devices}
    present = {device_id: found for device_id, found in reports.items() if found is not None}
    return report_json(engine.report(present, daemon_since=since))


def test_the_object_is_the_documented_one(tmp_path: Path) -> None:
    host = make_host()
    engine = make_engine(host, tmp_path, IGB + PROFILE)
    file = str(tmp_path / "etc/tuned-vnet/profiles.d/50-test.toml")
    found = report(engine, host)

    assert list(found) == ["version", "state", "daemon", "profiles", "devices", "sysctls"]
    assert (found["version"], found["state"]) == (1, "differs")
    assert found["daemon"] == {"running": True, "since": SINCE}
    assert found["profiles"] == [{"file": file, "state": "loaded", "errors": []}]
    (device,) = found["devices"]
    assert {key: value for key, value in device.items() if key not in ("settings", "vfs")} == {
        "device": "pci/0000:21:00.0",
        "ifname": "ens1",
        "driver": "igb",
        "numa_node": 1,
        "state": "differs",
        "profiles": ["50-test.toml"],
    }
    assert device["settings"][2] == {
        "setting": "ring.rx",
        "desired": 256,
        "observed": 256,
        "outcome": "as-desired",
        "origin": f"{file}:7",
        "reason": None,
    }
    assert device["vfs"][1] == {
        "vf": 1,
        "pci_address": "0000:21:10.2",
        "driver": "vfio-pci",
        "guest": {"name": "g1", "uuid": "uuid-of-g1", "pid": 800},
        "settings": [
            {
                "setting": "vf.spoofchk",
                "desired": True,
                "observed": True,
                "outcome": "as-desired",
                "origin": f"{file}:14",
                "reason": None,
            },
            {
                "setting": "vf.max-tx-rate",
                "desired": 1000,
                "observed": 0,
                "outcome": "differs",
                "origin": f"{file}:15",
                "reason": None,
            },
        ],
    }
    assert found["sysctls"] == [
        {
            "setting": "sysctl.net.core.netdev_budget",
            "desired": 50000,
            "observed": 50000,
            "outcome": "as-desired",
            "origin": f"{file}:11",
            "reason": None,
        }
    ]


TYPES: Mapping[str, tuple[type, ...]] = {
    "device": (str,),
    "ifname": (str, type(None)),
    "driver": (str, type(None)),
    "numa_node": (int, type(None)),
    "state": (str,),
    "profiles": (list,),
    "settings": (list,),
    "vfs": (list,),
}


def test_a_device_without_driver_and_node_has_the_same_keys(tmp_path: Path) -> None:
    host = FakeHost(ports=[FakePort(driver=None, numa_node=None)])
    engine = make_engine(host, tmp_path, '[match]\npci-address = "0000:21:00.0"\n[sriov]\nnumvfs = 2\n')
    (device,) = report(engine, host)["devices"]
    assert list(device) == list(TYPES)
    assert all(isinstance(device[key], types) for key, types in TYPES.items())
    assert (device["ifname"], device["driver"], device["numa_node"]) == (None, None, None)


def test_a_vf_that_does_not_exist_yet_has_the_same_keys(tmp_path: Path) -> None:
    host = FakeHost()
    engine = make_engine(host, tmp_path, IGB + PROFILE)
    (device,) = report(engine, host)["devices"]
    assert [(vf["vf"], vf["pci_address"], vf["driver"], vf["guest"]) for vf in device["vfs"]] == [
        (0, None, None, None),
        (1, None, None, None),
    ]


def test_vfs_that_no_profile_speaks_of_are_listed(tmp_path: Path) -> None:
    host = make_host()
    engine = make_engine(host, tmp_path, IGB + "[ring]\nrx = 256\n")
    (device,) = report(engine, host)["devices"]
    assert [(vf["vf"], vf["settings"]) for vf in device["vfs"]] == [(0, []), (1, [])]
    assert device["vfs"][1]["guest"]["name"] == "g1"


def test_the_whole_state_is_the_worst_of_its_parts(tmp_path: Path) -> None:
    first, second = FakePort(), FakePort(ifname="ens2", address="0000:22:00.0", driver=None)
    host = FakeHost(ports=[first, second])
    engine = make_engine(host, tmp_path, '[match]\npci-address = "0000:2*"\n[ring]\nrx = 512\n')
    found = report(engine, host, write=True)
    assert [device["state"] for device in found["devices"]] == ["applied", "pending"]
    assert found["state"] == "pending"


def test_without_a_daemon_there_is_no_since(tmp_path: Path) -> None:
    host = make_host()
    engine = make_engine(host, tmp_path, "")
    found = report(engine, host, since=None)
    assert found["daemon"] == {"running": False, "since": None}
    assert (found["state"], found["devices"], found["sysctls"]) == ("as-desired", [], [])


def test_the_errors_of_a_broken_profile_are_in_the_report(tmp_path: Path) -> None:
    host = make_host()
    path = write_profile(tmp_path, IGB + "[ring]\nrx = -1\n")
    engine = Engine(host.system(tmp_path))
    engine.reload()
    accepted = 'an integer from 1 to 4294967295 or "max"'
    assert report(engine, host)["profiles"] == [
        {"file": str(path), "state": "broken", "errors": [f"{path}:4: ring.rx: -1 is wrong, accepted is {accepted}"]}
    ]


def test_cat_names_every_key_with_its_line_and_what_it_won_over(tmp_path: Path) -> None:
    host = make_host()
    low = write_profile(tmp_path, IGB + '[ring]\nrx = 512\n[[vf]]\nindex = "*"\nmac-base = "52:54:00:10:00:00"\n')
    high = write_profile(tmp_path, IGB + "[ring]\nrx = 1024\n[[vf]]\nindex = 1\nvlan = 5\n", name="60-high.toml")
    engine = Engine(host.system(tmp_path))
    assert engine.reload() == ()
    rows = cat_json(engine.desired.devices[host.port.id])
    assert rows[0] == {
        "device": "pci/0000:21:00.0",
        "ifname": "ens1",
        "vf": None,
        "setting": "ring.rx",
        "value": 1024,
        "origin": f"{high}:4",
        "overrides": [{"value": 512, "origin": f"{low}:4"}],
    }
    assert [(row["vf"], row["setting"], row["value"]) for row in rows[1:] if isinstance(row, dict)] == [
        (VfIndex(0), "vf.mac", "52:54:00:10:00:00"),
        (VfIndex(1), "vf.vlan", 5),
        (VfIndex(1), "vf.mac", "52:54:00:10:00:01"),
    ]
