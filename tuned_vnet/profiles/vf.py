"""[[vf]]: which VFs a policy is for, and what is wrong between the policies of one file.

The keys of a policy belong to the settings; here are only `index` and what needs to know the indices.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from tuned_vnet.model import Origin, VfIndex
from tuned_vnet.profiles.section import Section
from tuned_vnet.profiles.table import Entry, Problems, Table, Toml, UnicastMac, show
from tuned_vnet.settings import VF_SETTINGS, sriov, vf_mac

NAME = "vf"
MAX_INDEX = 65535  # sriov_numvfs is a 16-bit number (drivers/pci/iov.c)
_INDICES = f'a number up to {MAX_INDEX}, a list of numbers, ranges such as "0-3,7", or "*"'


@dataclass(frozen=True, slots=True, kw_only=True)
class VfIndices:
    """Indices of VFs as ranges from first to last, in order and apart from each other; `None` is all of them."""

    ranges: tuple[tuple[int, int], ...] | None

    def covers(self, index: VfIndex) -> bool:
        """True when this VF is meant."""
        return self.ranges is None or any(first <= index <= last for first, last in self.ranges)

    @property
    def highest(self) -> int | None:
        """The highest index that is named, None for `*`."""
        return None if self.ranges is None else self.ranges[-1][1]

    @property
    def single(self) -> bool:
        """True when exactly one VF is meant."""
        return self.ranges is not None and self.ranges[0][0] == self.ranges[-1][1]

    def __str__(self) -> str:
        if self.ranges is None:
            return "*"
        return ",".join(f"{first}" if first == last else f"{first}-{last}" for first, last in self.ranges)


@dataclass(frozen=True, slots=True, kw_only=True)
class VfPolicy:
    """One [[vf]]: its keys with their lines, `index` among them, and the VFs that it is for."""

    index: VfIndices
    section: Section


@dataclass(frozen=True, slots=True)
class Indices:
    """The kind of the key `index`."""

    accepts: str = _INDICES

    def read(self, value: Toml) -> VfIndices:
        if value == "*":
            return VfIndices(ranges=None)
        ranges = sorted(_read_ranges(value))
        for (_, last), (first, _) in pairwise(ranges):
            if first <= last:
                raise ValueError(f"VF {first} is named twice")
        if not ranges:
            raise ValueError
        return VfIndices(ranges=tuple(ranges))


def parse_policy(section: Section, problems: Problems) -> VfPolicy | None:
    """Check all keys of one [[vf]]; None when it does not say which VFs it is for."""
    table = section.table(problems, repeated=True)
    table.reject_unknown({"index", *(key.name for setting in VF_SETTINGS for key in setting.KEYS)})
    for setting in VF_SETTINGS:
        setting.parse(table)
    if "index" not in table.entries:
        problems.add(table.origin, "vf.index", f"missing, accepted is {_INDICES}")
        return None
    index = table.get("index", Indices())
    if not isinstance(index, VfIndices):
        return None
    if "mac" in table.entries and not index.single:
        text = f"one address can't be for the VFs {index}, accepted is an index of one VF, or mac-base"
        problems.add(table.where("mac"), "vf.mac", text)
    _check_base(table, index)
    return VfPolicy(index=index, section=section)


def _check_base(table: Table, index: VfIndices) -> None:
    """Counting on from a base must not run into multicast addresses."""
    base = _unicast(table.entries["mac-base"].value) if "mac-base" in table.entries else None
    if base is not None and index.highest is not None and _unicast(last := vf_mac.add(base, index.highest)) is None:
        text = f"VF {index.highest} would get {last}, which is no unicast address, accepted is a lower base"
        table.problems.add(table.where("mac-base"), f"{NAME}.mac-base", text)


def check_together(policies: Sequence[VfPolicy], sections: Mapping[str, Section], problems: Problems) -> None:
    """Note VFs that this file does not make, and addresses that it gives to two VFs."""
    numvfs = _numvfs(sections)
    if numvfs is not None:
        _note_missing(policies, numvfs, problems)
    _note_duplicate_macs(policies, numvfs, problems)


def _read_ranges(value: Toml) -> Iterator[tuple[int, int]]:
    for item in value if isinstance(value, list) else [value]:
        if isinstance(item, int) and not isinstance(item, bool):
            yield _range(item, item)
        elif isinstance(item, str):
            for part in item.split(","):
                if not (match := re.fullmatch(r"\s*([0-9]{1,9})(?:\s*-\s*([0-9]{1,9}))?\s*", part)):
                    raise ValueError(f"{show(part.strip())} is neither a number nor a range")
                yield _range(int(match[1]), int(match[2] or match[1]))
        else:
            raise ValueError


def _range(first: int, last: int) -> tuple[int, int]:
    if not 0 <= first <= MAX_INDEX or last > MAX_INDEX:
        raise ValueError(f"VF {show(first if not 0 <= first <= MAX_INDEX else last)} is out of range")
    if last < first:
        raise ValueError(f"{first}-{last} ends before it begins")
    return first, last


def _numvfs(sections: Mapping[str, Section]) -> Entry | None:
    """The line that says how many VFs there will be, when it names a number."""
    section = sections.get(sriov.SECTION)
    entry = section.entries.get("numvfs") if section else None
    return entry if entry and isinstance(entry.value, int) and not isinstance(entry.value, bool) else None


def _note_missing(policies: Sequence[VfPolicy], numvfs: Entry, problems: Problems) -> None:
    for policy in policies:
        highest = policy.index.highest
        if highest is not None and isinstance(numvfs.value, int) and highest >= numvfs.value:
            text = f"VF {highest} does not exist, numvfs is {show(numvfs.value)} ({numvfs.origin})"
            problems.add(policy.section.entries["index"].origin, "vf.index", text)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Address:
    """What a VF gets, and the key (`mac` or `mac-base`) that gives it."""

    vf: int
    mac: str
    key: str
    origin: Origin


def _note_duplicate_macs(policies: Sequence[VfPolicy], numvfs: Entry | None, problems: Problems) -> None:
    """Each pair of lines once. `*` counts as far as indices are known: to numvfs, or to the highest that is named."""
    known = max((policy.index.highest or 0 for policy in policies), default=0)
    if numvfs is not None and isinstance(numvfs.value, int):
        known = min(max(known, numvfs.value - 1), MAX_INDEX)
    seen: dict[str, _Address] = {}
    told: set[tuple[int, int]] = set()
    for address in sorted(_addresses(policies, known), key=lambda address: address.vf):
        other = seen.setdefault(address.mac, address)
        earlier, later = sorted((other, address), key=lambda one: one.origin.line)
        lines = (earlier.origin.line, later.origin.line)
        if other is not address and lines not in told:
            told.add(lines)
            text = f"VF {later.vf} would get {later.mac}, the address of VF {earlier.vf} ({earlier.origin})"
            problems.add(later.origin, f"{NAME}.{later.key}", f"{text}, accepted is one that no other VF has")


def _addresses(policies: Sequence[VfPolicy], known: int) -> Iterator[_Address]:
    """The address of each VF up to the index `known`: the last policy that has one decides.

    Going from the last to the first, each index is taken once; `free` leads to the next one that is not taken yet.
    """
    free = list(range(known + 2))

    def next_free(index: int) -> int:
        while free[index] != index:
            free[index] = index = free[free[index]]
        return index

    for policy in reversed(policies):
        key = next((name for name in ("mac", "mac-base") if name in policy.section.entries), None)
        mac = None if key is None else _unicast(policy.section.entries[key].value)
        if key is None or mac is None or (key == "mac" and not policy.index.single):
            continue
        origin = policy.section.entries[key].origin
        for first, last in policy.index.ranges or ((0, known),):
            vf = next_free(first)
            while vf <= min(last, known):
                yield _Address(vf=vf, mac=vf_mac.add(mac, vf) if key == "mac-base" else mac, key=key, origin=origin)
                free[vf] = vf + 1
                vf = next_free(vf)


def _unicast(value: Toml) -> str | None:
    try:
        return UnicastMac().read(value)
    except ValueError:
        return None
