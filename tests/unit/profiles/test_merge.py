"""Merging: key by key, the later file wins, and nothing is forgotten."""

from tuned_vnet.model import VfIndex
from tuned_vnet.profiles.merge import merge_sections, merge_vf
from tuned_vnet.profiles.profile import Profile, Section, parse_profile
from tuned_vnet.profiles.table import Entry


def profiles(*texts: str) -> list[Profile]:
    """Profiles a.toml, b.toml, … of these texts, each with a match on its first line."""
    read = []
    for letter, text in zip("abcdef", texts, strict=False):
        profile, problems = parse_profile(f'match.ifname = "*"\n{text}'.encode(), f"{letter}.toml", presets={})
        assert profile is not None, problems
        read.append(profile)
    return read


def story(entry: Entry) -> list[str]:
    """The value that counts and those it won over, each with its line."""
    return [f"{one.value} {one.origin}" for one in (entry, *entry.overrides)]


def stories(section: Section | None) -> dict[str, list[str]]:
    return {name: story(entry) for name, entry in section.entries.items()} if section else {}


def test_nothing_merged_is_nothing() -> None:
    assert merge_sections([]) == {}
    assert merge_vf([], VfIndex(0)) is None


def test_keys_merge_one_by_one_and_the_later_file_wins() -> None:
    merged = merge_sections(profiles("ring.rx = 1\nring.tx = 2\n", "link.mtu = 9000\n", "ring.rx = 3\n"))
    assert stories(merged["ring"]) == {"rx": ["3 c.toml:2", "1 a.toml:2"], "tx": ["2 a.toml:3"]}
    assert stories(merged["link"]) == {"mtu": ["9000 b.toml:2"]}


def test_all_overridden_lines_are_kept_the_latest_first() -> None:
    merged = merge_sections(profiles("ring.rx = 1\n", "ring.rx = 2\n", "\nring.rx = 3\n"))
    entry = merged["ring"].entries["rx"]
    assert story(entry) == ["3 c.toml:3", "2 b.toml:2", "1 a.toml:2"]
    assert all(below.overrides == () for below in entry.overrides)


def test_a_section_begins_where_it_was_given_last() -> None:
    merged = merge_sections(profiles("[ring]\nrx = 1\n", "\n\n[ring]\ntx = 1\n"))
    assert str(merged["ring"].origin) == "b.toml:4"


def test_one_parameter_in_two_spellings_is_one_key() -> None:
    merged = merge_sections(profiles('[sysctl]\n"net.core.x" = 1\n', '[sysctl]\n"net/core/x" = 2\n'))
    assert stories(merged["sysctl"]) == {"net.core.x": ["2 b.toml:3", "1 a.toml:3"]}


def test_policies_of_a_vf_merge_within_a_file_and_across_files() -> None:
    given = profiles(
        '[[vf]]\nindex = "*"\ntrust = false\nmax-tx-rate = 100\n[[vf]]\nindex = 3\nmax-tx-rate = 300\n',
        '[[vf]]\nindex = "2-3"\ntrust = true\n',
    )
    assert stories(merge_vf(given, VfIndex(3))) == {
        "trust": ["True b.toml:4", "False a.toml:4"],
        "max-tx-rate": ["300 a.toml:8", "100 a.toml:5"],
    }
    assert stories(merge_vf(given, VfIndex(0))) == {"trust": ["False a.toml:4"], "max-tx-rate": ["100 a.toml:5"]}


def test_a_vf_that_no_policy_is_for_has_none() -> None:
    assert merge_vf(profiles("[[vf]]\nindex = 3\ntrust = true\n"), VfIndex(2)) is None


def test_a_mac_replaces_a_base_and_says_so() -> None:
    given = profiles(
        '[[vf]]\nindex = "*"\nmac-base = "52:54:00:00:00:00"\n',
        '[[vf]]\nindex = 1\nmac = "52:54:00:00:01:00"\n',
        '[[vf]]\nindex = 2\nmac = "52:54:00:00:02:00"\n[[vf]]\nindex = "2-3"\nmac-base = "52:54:00:00:03:00"\n',
    )
    assert stories(merge_vf(given, VfIndex(1))) == {"mac": ["52:54:00:00:01:00 b.toml:4", "52:54:00:00:00:00 a.toml:4"]}
    assert stories(merge_vf(given, VfIndex(2))) == {
        "mac-base": ["52:54:00:00:03:00 c.toml:7", "52:54:00:00:02:00 c.toml:4", "52:54:00:00:00:00 a.toml:4"]
    }


def test_merging_leaves_the_profiles_as_they_are() -> None:
    given = profiles(
        "ring.rx = 1\n[[vf]]\nindex = 0\ntrust = true\n", "ring.rx = 2\n[[vf]]\nindex = 0\ntrust = false\n"
    )
    for _ in range(2):
        assert stories(merge_sections(given)["ring"]) == {"rx": ["2 b.toml:2", "1 a.toml:2"]}
        assert stories(merge_vf(given, VfIndex(0))) == {"trust": ["False b.toml:5", "True a.toml:5"]}
