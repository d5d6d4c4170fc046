"""From profiles and inventory to what each device should look like.

Pure. A `Wish` is the typed value of one setting; the entries keep the file and line of every key, so that a finding
can be traced to what asked for it. What is wrong only in view of the devices (more VFs than there can be, the same
MAC on two VFs) is found here, because a single file cannot know it.
"""

import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import ModuleType
from typing import Any

from tuned_vnet.change import FindingKey, Stage
from tuned_vnet.model import HOST, Device, DeviceId, Inventory, VfIndex
from tuned_vnet.profiles.merge import merge_sections, merge_vf
from tuned_vnet.profiles.profile import Profile, Section
from tuned_vnet.profiles.table import Entry, Problem, Problems, Table
from tuned_vnet.settings import DEVICE_SETTINGS, HOST_SETTINGS, VF_SETTINGS, link, sriov, vf_mac


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What is desired of one setting: its module, and the value its parse() made."""

    setting: ModuleType
    value: Any


@dataclass(frozen=True, slots=True, kw_only=True)
class DesiredDevice:
    """What a device should look like. `entries` has the lines by setting and VF; no wish is no opinion."""

    device: Device
    profiles: tuple[str, ...]
    wishes: tuple[Wish, ...] = ()
    wanted_vfs: int | None = None
    vfs: Mapping[VfIndex, tuple[Wish, ...]] = field(default_factory=dict)
    entries: Mapping[FindingKey, Entry] = field(default_factory=dict)

    @property
    def stages(self) -> tuple[Stage, ...]:
        """The stages that there is anything to do in, in order."""
        wishes = itertools.chain(self.wishes, *self.vfs.values())
        return tuple(sorted({wish.setting.STAGE for wish in wishes}))


@dataclass(frozen=True, slots=True, kw_only=True)
class DesiredHost:
    """All devices that a profile is for; `host` is among them and holds what is not about a device."""

    devices: Mapping[DeviceId, DesiredDevice] = field(default_factory=dict)
    problems: tuple[Problem, ...] = ()


def desired_host(
    profiles: Sequence[Profile], inventory: Inventory, existing_vfs: Mapping[DeviceId, int]
) -> DesiredHost:
    """What the whole host should look like; `existing_vfs` says how many VFs a PF has at the moment."""
    problems = Problems()
    devices: dict[DeviceId, DesiredDevice] = {}
    taking_part: set[str] = {profile.file for profile in profiles if profile.match is None}
    for device in inventory:
        fitting = [profile for profile in profiles if profile.match is not None and profile.match.fits(device)]
        taking_part.update(profile.file for profile in fitting)
        if fitting:
            devices[device.id] = _desired_device(device, fitting, existing_vfs.get(device.id, 0), problems)
    _note_idle(profiles, taking_part, problems)
    devices = _without_duplicate_macs(devices, problems)
    sections = merge_sections([profile for profile in profiles if profile.file in taking_part])
    wishes, entries = _wishes(HOST_SETTINGS, sections, problems)
    if wishes:
        names = tuple(profile.name for profile in profiles if profile.file in taking_part)
        devices[HOST.id] = DesiredDevice(device=HOST, profiles=names, wishes=wishes, entries=entries)
    return DesiredHost(devices=devices, problems=tuple(problems.found))


def _note_idle(profiles: Iterable[Profile], taking_part: set[str], problems: Problems) -> None:
    for profile in profiles:
        if profile.match is not None and profile.file not in taking_part:
            problems.add(profile.match.origin, "match", "no device of this host fits", fatal=False)


def _desired_device(device: Device, profiles: Sequence[Profile], existing: int, problems: Problems) -> DesiredDevice:
    sections = _with_link_up(merge_sections(profiles))
    sections = _with_possible_numvfs(device, sections, problems)
    wishes, entries = _wishes(DEVICE_SETTINGS, sections, problems)
    count = _wanted_vfs(device, wishes)
    vfs: dict[VfIndex, tuple[Wish, ...]] = {}
    for index in map(VfIndex, range(max(count or 0, existing))):
        if (section := merge_vf(profiles, index)) is not None:
            vfs[index], vf_entries = _vf_wishes(index, section, problems)
            entries = {**entries, **vf_entries}
    _note_missing_vfs(profiles, count, problems)
    names = tuple(profile.name for profile in profiles)
    return DesiredDevice(device=device, profiles=names, wishes=wishes, wanted_vfs=count, vfs=vfs, entries=entries)


def _with_link_up(sections: Mapping[str, Section]) -> Mapping[str, Section]:
    """Where there is [sriov], `link.up` is true unless it is said otherwise: VFs need their PF up to be of use."""
    vf_section = sections.get(sriov.SECTION)
    if vf_section is None:
        return sections
    up = Entry(value=True, origin=vf_section.origin)
    given = sections.get(link.SECTION)
    entries = {"up": up, **(given.entries if given else {})}
    origin = given.origin if given else vf_section.origin
    return {**sections, link.SECTION: Section(name=link.SECTION, origin=origin, entries=entries)}


def _wishes(
    settings: Iterable[ModuleType], sections: Mapping[str, Section], problems: Problems
) -> tuple[tuple[Wish, ...], dict[FindingKey, Entry]]:
    wishes: list[Wish] = []
    entries: dict[FindingKey, Entry] = {}
    for setting in settings:
        if (section := sections.get(setting.SECTION)) is not None:
            wishes.append(Wish(setting=setting, value=setting.parse(_table(section, problems))))
            entries.update({(f"{section.name}.{name}", None): entry for name, entry in section.entries.items()})
    return tuple(wishes), entries


def _vf_wishes(
    index: VfIndex, section: Section, problems: Problems
) -> tuple[tuple[Wish, ...], dict[FindingKey, Entry]]:
    table = _table(section, problems)
    wishes: list[Wish] = []
    entries: dict[FindingKey, Entry] = {}
    for setting in VF_SETTINGS:
        given = [key for key in setting.KEYS if key.name in section.entries]
        if given:
            wishes.append(Wish(setting=setting, value=setting.parse(table)))
        for key in given:
            entry = section.entries[key.name]
            if setting is vf_mac:
                entry = replace(entry, value=wishes[-1].value.of(index) or entry.value)  # its own, not the base
            entries[(f"vf.{key.setting}", index)] = entry
    return tuple(wishes), entries


def _table(section: Section, problems: Problems) -> Table:
    return Table(name=section.name, origin=section.origin, entries=section.entries, problems=problems)


def _with_possible_numvfs(device: Device, sections: Mapping[str, Section], problems: Problems) -> Mapping[str, Section]:
    """Where a line asks for more VFs than the device can have, the line that it overrode counts, if there is one."""
    section = sections.get(sriov.SECTION)
    entry = section.entries.get("numvfs") if section else None
    total = device.total_vfs
    if section is None or entry is None or total is None or not _is_above(entry, total):
        return sections
    text = f"{entry.value} is too many for {device.label}, accepted is 0 to {total}"
    problems.add(entry.origin, "sriov.numvfs", text)
    possible = next((old for old in entry.overrides if not _is_above(old, total)), entry)
    entries = {**section.entries, "numvfs": possible}
    return {**sections, section.name: replace(section, entries=entries)}


def _is_above(entry: Entry, total: int) -> bool:
    return isinstance(entry.value, int) and entry.value > total


def _wanted_vfs(device: Device, wishes: Iterable[Wish]) -> int | None:
    """How many VFs are asked for, or None when the profiles do not say."""
    numvfs = next((wish.value.numvfs for wish in wishes if wish.setting is sriov), None)
    if numvfs is None:
        return None
    return device.total_vfs if numvfs == "max" else int(numvfs)


def _note_missing_vfs(profiles: Iterable[Profile], count: int | None, problems: Problems) -> None:
    for policy in (policy for profile in profiles for policy in profile.vfs):
        highest = policy.index.highest
        if count is not None and highest is not None and highest >= count:
            entry = policy.section.entries.get("index")
            origin = entry.origin if entry else policy.section.origin
            problems.add(origin, "vf.index", f"VF {highest} does not exist, numvfs is {count}")


def _without_duplicate_macs(
    devices: Mapping[DeviceId, DesiredDevice], problems: Problems
) -> dict[DeviceId, DesiredDevice]:
    """The first VF keeps an address that two are to have; the second goes without, and both lines are named."""
    seen: dict[str, tuple[DesiredDevice, VfIndex]] = {}
    kept: dict[DeviceId, DesiredDevice] = {}
    for desired in devices.values():
        vfs = {index: _unless_seen(desired, index, seen, problems) for index in desired.vfs}
        kept[desired.device.id] = replace(desired, vfs=vfs)
    return kept


def _unless_seen(
    desired: DesiredDevice, index: VfIndex, seen: dict[str, tuple[DesiredDevice, VfIndex]], problems: Problems
) -> tuple[Wish, ...]:
    wishes = desired.vfs[index]
    mac = next((wish.value.of(index) for wish in wishes if wish.setting is vf_mac), None)
    if mac is None:
        return wishes
    if mac not in seen:
        seen[mac] = (desired, index)
        return wishes
    first, first_index = seen[mac]
    here, there = desired.entries[("vf.mac", index)], first.entries[("vf.mac", first_index)]
    text = (
        f"{mac} of VF {index} of {desired.device.label} is given to VF {first_index} of {first.device.label} too "
        f"({there.origin}), accepted is an address that no other VF has"
    )
    problems.add(here.origin, "vf.mac", text)
    return tuple(wish for wish in wishes if wish.setting is not vf_mac)
