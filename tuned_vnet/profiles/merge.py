"""Merging of profiles: key by key, and the later file wins. Every key keeps the lines that it won over."""

from collections.abc import Mapping, Sequence

from tuned_vnet.model import VfIndex
from tuned_vnet.profiles.profile import Profile, Section
from tuned_vnet.profiles.section import lay_over, won_over

_EXCLUDE_EACH_OTHER = {"mac": "mac-base", "mac-base": "mac"}


def merge_sections(profiles: Sequence[Profile]) -> Mapping[str, Section]:
    """The sections of all given profiles by name; [[vf]] is not among them."""
    merged: dict[str, Section] = {}
    for profile in profiles:
        for name, section in profile.sections.items():
            merged[name] = lay_over(merged.get(name), section)
    return merged


def merge_vf(profiles: Sequence[Profile], index: VfIndex) -> Section | None:
    """What all [[vf]] that cover this VF say together, without `index`; None when there is none."""
    merged: Section | None = None
    for policy in (policy for profile in profiles for policy in profile.vfs if policy.index.covers(index)):
        merged = _lay_policy_over(merged, policy.section)
    return merged


def _lay_policy_over(lower: Section | None, upper: Section) -> Section:
    """As for any section, and a MAC address replaces a base, or the other way round."""
    below = dict(lower.entries) if lower else {}
    entries = {name: entry for name, entry in upper.entries.items() if name != "index"}
    for name, other in _EXCLUDE_EACH_OTHER.items():
        if name in entries and other in below:
            entries[name] = won_over(entries[name], below.pop(other))
    rest = Section(name=upper.name, origin=upper.origin, entries=below)
    return lay_over(rest, Section(name=upper.name, origin=upper.origin, entries=entries))
