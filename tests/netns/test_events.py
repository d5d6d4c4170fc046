"""What is heard when links change, and what is said when too much was."""

import select
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Protocol

import pytest

from tests.netns.conftest import run
from tuned_vnet.kernel.events import EVERYTHING, DeviceEvents, Hint, LinkEvents
from tuned_vnet.kernel.real import RealKernel
from tuned_vnet.model import Device

MakeVeth = Callable[..., Device]


class Source(Protocol):
    def fileno(self) -> int: ...
    def read(self) -> set[Hint]: ...


def wait_for(source: Source, wanted: Hint, *, timeout_s: float = 5) -> set[Hint]:
    """Read until the hint has come; what came with it."""
    heard: set[Hint] = set()
    while wanted not in heard:
        ready, _, _ = select.select([source.fileno()], [], [], timeout_s)
        assert ready, f"{wanted} has not come, but {heard}"
        heard |= source.read()
    return heard


@pytest.fixture
def links(namespace: Path) -> Iterator[LinkEvents]:
    events = LinkEvents()
    yield events
    events.close()


def test_silence_is_no_hint(links: LinkEvents) -> None:
    assert links.read() == set()


def test_link_that_came_changed_and_went_is_named(links: LinkEvents, kernel: RealKernel, veth: MakeVeth) -> None:
    device = veth()
    hint = Hint(ifindex=device.ifindex)
    assert hint in links.read()
    kernel.link.set(device, up=True)
    assert hint in links.read()
    run("ip", "link", "del", "v0")
    assert hint in links.read()
    assert links.read() == set()


def test_other_links_are_not_named(links: LinkEvents, kernel: RealKernel, veth: MakeVeth) -> None:
    one, other = veth("v1"), veth("v2")
    links.read()
    kernel.link.set(one, txqueuelen=77)
    assert Hint(ifindex=other.ifindex) not in links.read()


def test_too_many_changes_mean_everything_and_listening_goes_on(
    links: LinkEvents, kernel: RealKernel, veth: MakeVeth
) -> None:
    device = veth()
    links._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
    for length in range(1, 60):
        kernel.link.set(device, txqueuelen=length)
    assert EVERYTHING in links.read()
    assert links.read() == set()
    kernel.link.set(device, txqueuelen=1000)
    assert links.read() == {Hint(ifindex=device.ifindex)}


@pytest.fixture
def devices(nic: Device) -> Iterator[DeviceEvents]:
    events = DeviceEvents(source="kernel")
    yield events
    events.close()


def tell_again(nic: Device) -> None:
    Path(f"/sys/class/net/{nic.ifname}/uevent").write_text("change")


def test_network_card_is_named_with_its_netdev(devices: DeviceEvents, nic: Device) -> None:
    tell_again(nic)
    assert Hint(ifindex=nic.ifindex) in wait_for(devices, Hint(device=nic.id))


def test_too_many_uevents_mean_everything_and_listening_goes_on(devices: DeviceEvents, nic: Device) -> None:
    devices._monitor.set_receive_buffer_size(2048)
    for _ in range(200):
        tell_again(nic)
    wait_for(devices, EVERYTHING)
    devices.read()
    tell_again(nic)
    wait_for(devices, Hint(device=nic.id))
