"""What all settings have in common, and corners of single ones that need no scenario."""

import inspect
from types import ModuleType

import pytest

from tests.fake_kernel import FakeHost
from tuned_vnet.change import Outcome, Situation, Stage
from tuned_vnet.errors import KernelError
from tuned_vnet.model import (
    CpuId,
    Device,
    DeviceId,
    Link,
    Origin,
    QueueIndex,
    VfAttribute,
    VfIndex,
    VfState,
    VfUse,
    VfValue,
)
from tuned_vnet.profiles.table import Entry, Problems, Table
from tuned_vnet.settings import DEVICE_SETTINGS, HOST_SETTINGS, VF_SETTINGS, flow_hash, vf_mac, vf_vlan, xps
from tuned_vnet.settings.vf_write import SetVf

EVERY = (*HOST_SETTINGS, *DEVICE_SETTINGS, *VF_SETTINGS)
DEVICE = Device(id=DeviceId(bus="pci", address="0000:21:00.0"), driver="igb", ifname="ens1", ifindex=1)
LINK = Link(ifindex=1, ifname="ens1", up=True, carrier=True, mtu=1500, min_mtu=68, max_mtu=9216, txqueuelen=1000)


def name(setting: ModuleType) -> str:
    return setting.__name__.rpartition(".")[2]


@pytest.mark.parametrize("setting", EVERY, ids=name)
def test_every_setting_has_the_same_parts(setting: ModuleType) -> None:
    assert isinstance(setting.STAGE, Stage)
    assert setting.KEYS
    assert all(key.help and key.kind.accepts for key in setting.KEYS)
    assert list(inspect.signature(setting.parse).parameters) == ["table"]
    assert list(inspect.signature(setting.plan).parameters) == ["desired", "observed", "situation"]


@pytest.mark.parametrize("setting", (*HOST_SETTINGS, *DEVICE_SETTINGS), ids=name)
def test_settings_that_are_sections_observe_for_themselves(setting: ModuleType) -> None:
    assert isinstance(setting.SECTION, str)
    assert isinstance(setting.NEEDS_NETDEV, bool)
    assert list(inspect.signature(setting.observe).parameters) == ["kernel", "device", "desired"]


def test_settings_are_listed_in_the_order_of_their_stages() -> None:
    for settings in (DEVICE_SETTINGS, VF_SETTINGS):
        stages = [setting.STAGE for setting in settings]
        assert stages == sorted(stages)


def test_keys_of_vfs_are_each_in_one_setting() -> None:
    keys = [key.name for setting in VF_SETTINGS for key in setting.KEYS]
    assert len(set(keys)) == len(keys)


@pytest.mark.parametrize(
    ("base", "count", "address"),
    [
        ("52:54:00:10:00:00", 0, "52:54:00:10:00:00"),
        ("52:54:00:10:00:ff", 1, "52:54:00:10:01:00"),
        ("52:54:00:ff:ff:ff", 2, "52:54:01:00:00:01"),
        ("fe:ff:ff:ff:ff:ff", 1, "ff:00:00:00:00:00"),
        ("ff:ff:ff:ff:ff:ff", 1, "00:00:00:00:00:00"),
    ],
)
def test_addresses_are_counted_on_from_a_base(base: str, count: int, address: str) -> None:
    assert vf_mac.add(base, count) == address


def test_libvirts_address_is_libvirts_while_a_guest_comes_or_goes() -> None:
    """The saved file is there, and nobody holds the VF yet."""
    situation = Situation(device=DEVICE, vf_uses={VfIndex(0): VfUse(libvirt_owns_mac=True)})
    observed = VfState(index=VfIndex(0), mac="52:54:00:99:99:99")
    (found,) = vf_mac.plan(vf_mac.Mac(mac="52:54:00:10:00:00"), observed, situation)
    assert (found.outcome, found.changes) == (Outcome.AS_DESIRED, ())
    assert found.reason == "libvirt's, for a guest that is starting or stopping"


def test_a_vf_write_can_be_carried_out_by_itself() -> None:
    host = FakeHost()
    host.port.poke({"numvfs": 1})
    trust = VfValue(vf=VfIndex(0), attribute=VfAttribute.TRUST, value=True)
    change = SetVf(device=host.port.device(), value=trust, text="trust off -> on")
    change.execute(host.kernel())
    assert host.port.vfs[0].state.trust is True
    host.port.poke({"numvfs": 0})
    with pytest.raises(KernelError, match="EINVAL"):
        change.execute(host.kernel())


@pytest.mark.parametrize(("esp4", "problems"), [("sd", 0), ("sdfn", 1)])
def test_ah_and_esp_are_one_setting_of_the_kernel(esp4: str, problems: int) -> None:
    origin = Origin(file="50.toml", line=2)
    entries = {"ah4": Entry(value="sd", origin=origin), "esp4": Entry(value=esp4, origin=origin)}
    table = Table(name="flow-hash", origin=origin, entries=entries, problems=Problems())
    flow_hash.parse(table)
    assert len(table.problems.found) == problems


def test_a_driver_that_reports_no_vlan_has_none() -> None:
    (found,) = vf_vlan.plan(vf_vlan.Vlan(vlan=5), VfState(index=VfIndex(0)), Situation(device=DEVICE))
    assert found.outcome is Outcome.UNSUPPORTED


def test_xps_says_in_the_profiles_words_what_it_cannot_follow() -> None:
    """Interrupts whose names do not tell their queues, as sfc and mlx4 have them."""
    observed = xps.XpsState(queues={QueueIndex(0): frozenset(), QueueIndex(1): frozenset({CpuId(1)})})
    (found,) = xps.plan(xps.Xps(cpus="follow-irq"), observed, Situation(device=DEVICE, link=LINK))
    assert (found.desired, found.outcome) == ("follow-irq", Outcome.UNSUPPORTED)
    assert found.reason == "it is not known which interrupts tx-0, tx-1 have"


@pytest.mark.parametrize(
    ("cpus", "shown"),
    [
        ("off", "off"),
        (frozenset({CpuId(0), CpuId(1)}), "0-1"),
        ((frozenset({CpuId(0)}), frozenset({CpuId(1)})), ["0", "1"]),
    ],
)
def test_xps_without_queues_is_unsupported_and_shows_what_was_asked_for(
    cpus: str | frozenset[CpuId] | tuple[frozenset[CpuId], ...], shown: str | list[str]
) -> None:
    (found,) = xps.plan(xps.Xps(cpus=cpus), xps.XpsState(), Situation(device=DEVICE, link=LINK))
    assert (found.desired, found.outcome) == (shown, Outcome.UNSUPPORTED)
