"""[match]: all given keys must fit, alternatives and patterns within a key."""

import pytest

from tuned_vnet.model import Device, DeviceId, Origin
from tuned_vnet.profiles.document import Document, parse_document
from tuned_vnet.profiles.match import Match, parse_match
from tuned_vnet.profiles.table import Problems, Table

X520 = Device(
    id=DeviceId(bus="pci", address="0000:3b:00.1"),
    driver="ixgbe",
    pci_id="8086:10fb",
    numa_node=1,
    ifname="p1p2",
    permanent_mac="a0:36:9f:00:00:0e",
)
SIMULATED = Device(id=DeviceId(bus="netdevsim", address="netdevsim10"), driver="netdevsim", ifname="eni10np1")
WITHOUT_DRIVER = Device(id=DeviceId(bus="pci", address="0000:3b:00.0"), pci_id="8086:10fb")


def read(text: str) -> tuple[Match, list[str]]:
    document = parse_document(f"[match]\n{text}\n".encode(), "x.toml")
    assert isinstance(document, Document)
    problems = Problems()
    origin = Origin(file="x.toml", line=1)
    match = parse_match(Table(name="match", origin=origin, entries=document.entries("match"), problems=problems))
    return match, [str(problem) for problem in problems.found]


FITS = [
    'driver = "ixgbe"',
    'driver = ["igb", "ixgb*"]',
    'pci-address = "0000:3b:00.*"',
    'pci-address = "0000:3B:00.1"',
    'pci-address = "pci/0000:3b:*"',
    'pci-address = "3b:00.1"',
    'ifname = "*"',
    'ifname = "p[0-9]p2"',
    'mac = "A0:36:9F:*"',
    'pci-id = "8086:10FB"',
    'pci-id = "8086:*"',
    "numa-node = 1",
    "numa-node = [0, 1]",
    'driver = "ixgbe"\nnuma-node = 1\nifname = "p1p*"',
]
DOES_NOT_FIT = [
    'driver = "igb"',
    'driver = "IXGBE"',
    'driver = "xgb"',
    'pci-address = "0000:3b:00.0"',
    'pci-address = "netdevsim/*"',
    'ifname = "P1P2"',
    'mac = "a0:36:9f:00:00:0f"',
    "numa-node = 0",
    'driver = "ixgbe"\nnuma-node = 0',
]


@pytest.mark.parametrize("text", FITS)
def test_fits(text: str) -> None:
    match, problems = read(text)
    assert problems == []
    assert match.fits(X520)


@pytest.mark.parametrize("text", DOES_NOT_FIT)
def test_does_not_fit(text: str) -> None:
    match, problems = read(text)
    assert problems == []
    assert not match.fits(X520)


@pytest.mark.parametrize("key", ["driver", "ifname", "mac", "pci-id"])
def test_not_even_a_star_fits_what_a_device_does_not_have(key: str) -> None:
    bare = Device(id=DeviceId(bus="pci", address="0000:3b:00.0"))
    assert not read(f'{key} = "*"')[0].fits(bare)


def test_a_device_without_driver_is_found_by_what_it_has() -> None:
    assert read('pci-id = "8086:10fb"')[0].fits(WITHOUT_DRIVER)
    assert read('pci-address = "0000:3b:00.0"')[0].fits(WITHOUT_DRIVER)


def test_a_device_without_numa_node_is_on_none() -> None:
    assert not read("numa-node = 0")[0].fits(SIMULATED)


def test_other_buses_are_named_with_the_address() -> None:
    assert read('pci-address = "netdevsim/netdevsim10"')[0].fits(SIMULATED)
    assert read('pci-address = ["0000:*", "netdevsim/*"]')[0].fits(SIMULATED)
    assert not read('pci-address = "netdevsim10"')[0].fits(SIMULATED)
    assert not read('pci-address = "*"')[0].fits(SIMULATED)


STRINGS = 'a string such as "ens*", or a list of them'
WRONG = {
    "": ['x.toml:1: match: empty; say ifname = "*" when every NIC is meant'],
    "driver = 3": [f"x.toml:2: match.driver: 3 is wrong, accepted is {STRINGS}"],
    "driver = []": [f"x.toml:2: match.driver: [] is wrong, accepted is {STRINGS}"],
    'ifname = ""': [f'x.toml:2: match.ifname: "" is wrong, accepted is {STRINGS}'],
    'ifname = ["a", 1]': [f'x.toml:2: match.ifname: ["a", 1] is wrong, accepted is {STRINGS}'],
    "ifname.a = 1": [f"x.toml:2: match.ifname: {{a = 1}} is wrong, accepted is {STRINGS}"],
    'numa-node = "1"': [
        'x.toml:2: match.numa-node: "1" is wrong, accepted is the number of a NUMA node, or a list of them'
    ],
    "numa-node = [0, -1]": [
        "x.toml:2: match.numa-node: [0, -1] is wrong, accepted is the number of a NUMA node, or a list of them"
    ],
    "numa-node = true": [
        "x.toml:2: match.numa-node: true is wrong, accepted is the number of a NUMA node, or a list of them"
    ],
    'name = "ens1"': [
        "x.toml:2: match.name: unknown key, [match] has driver, ifname, mac, numa-node, pci-address, pci-id"
    ],
}


@pytest.mark.parametrize(("text", "messages"), WRONG.items(), ids=WRONG.keys())
def test_wrong(text: str, messages: list[str]) -> None:
    assert read(text)[1] == messages
