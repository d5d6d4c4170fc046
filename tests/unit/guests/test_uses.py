"""Who holds the VFs of a PF, and whose their MAC and VLAN are."""

from collections.abc import Iterable, Mapping
from pathlib import Path

import pytest

from tests.unit.guests.host_tree import PF, HostTree, vf
from tuned_vnet.guests.uses import vf_uses
from tuned_vnet.model import Device, Holder, VfIndex, VfUse

VF0, VF2 = VfIndex(0), VfIndex(2)
FREE = VfUse()
LIBVIRTS = VfUse(libvirt_owns_mac=True, libvirt_owns_vlan=True)


def test_free_vfs_have_a_use_too(host: HostTree) -> None:
    assert vf_uses(host.root, PF, [vf(0, "igbvf"), vf(1, None), vf(2)]) == {0: FREE, 1: FREE, 2: FREE}


def test_an_interface_with_a_vlan_gives_libvirt_both(host: HostTree) -> None:
    host.run_guest("db-1")
    use = vf_uses(host.root, PF, [vf(0)])[VF0]
    assert (str(use.holder), use.libvirt_owns_mac, use.libvirt_owns_vlan) == ("guest db-1", True, True)


def test_an_interface_without_a_vlan_leaves_the_vlan_to_the_profile(host: HostTree) -> None:
    host.run_guest("web-1")
    host.save_net_config("ens2_vf0")
    use = vf_uses(host.root, PF, [vf(0)])[VF0]
    assert (str(use.holder), use.libvirt_owns_mac, use.libvirt_owns_vlan) == ("guest web-1", True, False)


def test_a_raw_hostdev_leaves_mac_and_vlan_to_the_profile(host: HostTree) -> None:
    host.run_guest("raw-1")
    use = vf_uses(host.root, PF, [vf(2)])[VF2]
    assert (str(use.holder), use.libvirt_owns_mac, use.libvirt_owns_vlan) == ("guest raw-1", False, False)


@pytest.mark.parametrize("driver", ["igbvf", None, "vfio-pci"], ids=["still on its host driver", "on none", "bound"])
def test_a_guest_that_starts_owns_mac_and_vlan_before_it_is_known(host: HostTree, driver: str | None) -> None:
    host.save_net_config("ens2_vf0")
    assert vf_uses(host.root, PF, [vf(0, driver), vf(1, driver)]) == {0: LIBVIRTS, 1: FREE}


def test_what_a_failed_start_left_behind_owns_nothing_for_ever(host: HostTree) -> None:
    host.save_net_config("ens2_vf0", age_s=3600)
    assert vf_uses(host.root, PF, [vf(0)]) == {0: FREE}


def test_a_guest_whose_status_cannot_be_read_still_owns_what_was_put_aside_for_it(host: HostTree) -> None:
    host.save_net_config("ens2_vf0", age_s=3600)
    host.run_guest("db-1", "<domstatus")
    host.put_in_group("0000:41:10.0", "11")
    host.run_process(1591, ["qemu", "-name", "guest=db-1", "-uuid", "u"], opens=["/dev/vfio/11"])
    use = vf_uses(host.root, PF, [vf(0)])[VF0]
    assert (str(use.holder), use.libvirt_owns_mac, use.libvirt_owns_vlan) == ("guest db-1", True, True)


def test_a_process_without_libvirt_holds_its_vf_and_owns_no_setting(host: HostTree) -> None:
    host.put_in_group("0000:41:10.4", "13")
    host.run_process(1652, ["qemu", "-name", "plain"], opens=["/dev/vfio/13"])
    use = vf_uses(host.root, PF, [vf(2)])[VF2]
    assert (str(use.holder), use.libvirt_owns_mac, use.libvirt_owns_vlan) == ("plain (PID 1652)", False, False)


def test_processes_are_asked_only_about_vfs_on_vfio_that_libvirt_does_not_know(
    host: HostTree, monkeypatch: pytest.MonkeyPatch
) -> None:
    host.run_guest("db-1")
    asked: list[str] = []

    def find_holders(_root: Path, addresses: Iterable[str]) -> Mapping[str, Holder]:
        asked.extend(addresses)
        return {}

    monkeypatch.setattr("tuned_vnet.guests.uses.find_holders", find_holders)
    vf_uses(host.root, PF, [vf(0), vf(1, "igbvf"), vf(2), vf(3, None)])
    assert asked == ["0000:41:10.4"]


def test_a_pf_without_a_netdev_has_nothing_put_aside(host: HostTree) -> None:
    host.save_net_config("None_vf0")
    assert vf_uses(host.root, Device(id=PF.id), [vf(0)]) == {0: FREE}
