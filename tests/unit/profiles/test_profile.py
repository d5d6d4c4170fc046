"""What a profile may say, and every mistake with its exact message."""

import random
import textwrap
from collections.abc import Mapping
from types import MappingProxyType

import pytest

from tuned_vnet.model import VfIndex
from tuned_vnet.profiles.files import ProfileFile
from tuned_vnet.profiles.profile import Profile, parse_profile
from tuned_vnet.settings import DEVICE_SETTINGS, HOST_SETTINGS, VF_SETTINGS, flow_hash

NOTHING: Mapping[str, str] = MappingProxyType({})


def read(text: str, presets: Mapping[str, str] = NOTHING) -> tuple[Profile | None, list[str]]:
    files = {
        name: ProfileFile(name=f"{name}.toml", path=f"{name}.toml", content=content.encode())
        for name, content in presets.items()
    }
    profile, problems = parse_profile(text.encode(), "x.toml", presets=files)
    assert (profile is None) == bool(problems)
    return profile, [str(problem) for problem in problems]


def good(text: str, presets: Mapping[str, str] = NOTHING) -> Profile:
    profile, problems = read(text, presets)
    assert problems == []
    assert profile is not None
    return profile


def values(profile: Profile, section: str) -> dict[str, object]:
    return {name: entry.value for name, entry in profile.sections[section].entries.items()}


SECTIONS = [setting.SECTION for setting in (*DEVICE_SETTINGS, *HOST_SETTINGS)]
PROFILE_HAS = f"a profile has {', '.join(sorted([*SECTIONS, 'description', 'include', 'match', 'vf']))}"
PRESET_HAS = f"a preset has {', '.join(sorted([*SECTIONS, 'description']))}"
VF_HAS = f"[[vf]] has {', '.join(sorted(['index', *(key.name for vf in VF_SETTINGS for key in vf.KEYS)]))}"
INDICES = 'a number up to 65535, a list of numbers, ranges such as "0-3,7", or "*"'
MAC = 'a unicast MAC address such as "52:54:00:10:00:00"'
NUMBER = "an integer from 0 to 4294967295"
ONLY_SYSCTL = "a file without [match] may hold [sysctl] only"
SYSCTL_NAMES = "not below net., accepted are names such as net.core.netdev_budget"

# Each profile begins on line 1 with `match.ifname = "*"`.
MISTAKES = {
    "unknown section": ("[rings]\nrx = 1", [f"2: rings: unknown, {PROFILE_HAS}"]),
    "unknown key outside of sections": ("rx = 1", [f"2: rx: unknown, {PROFILE_HAS}"]),
    "unknown key": ("[ring]\nrx-mini = 1", ["3: ring.rx-mini: unknown key, [ring] has rx, tx"]),
    "key with an underscore": (
        "[sriov]\ndrivers_autoprobe = true",
        ["3: sriov.drivers_autoprobe: unknown key, [sriov] has drivers-autoprobe, numvfs"],
    ),
    "value instead of a section": ("ring = 3", ["2: ring: a single value, accepted is a section [ring]"]),
    "two of a section": ("[[ring]]\nrx = 1", ["2: ring: a list, accepted is one section [ring]"]),
    "one bracket too few": ("[vf]\nindex = 1", ["2: vf: one section or value, accepted is [[vf]] for each policy"]),
    "vf is a number": ("vf = 7", ["2: vf: one section or value, accepted is [[vf]] for each policy"]),
    "vf is a list of numbers": (
        "vf = [\n1,\n2]",
        [
            "3: vf: a list of values, accepted is [[vf]] for each policy",
            "4: vf: a list of values, accepted is [[vf]] for each policy",
        ],
    ),
    "description that is no text": ("description = 3", ["2: description: 3 is wrong, accepted is a string"]),
    "number in quotes": (
        '[ring]\nrx = "256"',
        ['3: ring.rx: "256" is wrong, accepted is an integer from 1 to 4294967295 or "max"'],
    ),
    "boolean instead of a number": (
        "[link]\nmtu = true",
        ["3: link.mtu: true is wrong, accepted is an integer from 68 to 65535"],
    ),
    "number out of range": ("[link]\nmtu = 67", ["3: link.mtu: 67 is wrong, accepted is an integer from 68 to 65535"]),
    "negative number": ("[coalesce]\nrx-usecs = -1", [f"3: coalesce.rx-usecs: -1 is wrong, accepted is {NUMBER}"]),
    "number with a point": (
        "[coalesce]\nrx-usecs = 3.0",
        [f"3: coalesce.rx-usecs: 3.0 is wrong, accepted is {NUMBER}"],
    ),
    "not a number": ("[coalesce]\nrx-usecs = nan", [f"3: coalesce.rx-usecs: nan is wrong, accepted is {NUMBER}"]),
    "huge number": (
        "[coalesce]\nrx-usecs = 0x" + "f" * 5000,
        [f"3: coalesce.rx-usecs: a huge integer is wrong, accepted is {NUMBER}"],
    ),
    "date": (
        "[coalesce]\nrx-usecs = 2026-11-21 02:00:00",
        [f"3: coalesce.rx-usecs: 2026-11-21 02:00:00 is wrong, accepted is {NUMBER}"],
    ),
    "table instead of a number": (
        "[coalesce.rx-usecs]\nlow = 1",
        [f"2: coalesce.rx-usecs: {{low = 1}} is wrong, accepted is {NUMBER}"],
    ),
    "word instead of a boolean": ('[link]\nup = "yes"', ['3: link.up: "yes" is wrong, accepted is true or false']),
    "unknown letters": (
        '[flow-hash]\nudp4 = "sdfx"',
        [f'3: flow-hash.udp4: "sdfx" is wrong, accepted is letters out of "{flow_hash.FIELDS}", each at most once'],
    ),
    "not a cpulist": (
        '[irq]\naffinity = "node0"',
        [
            '3: irq.affinity: "node0" is not a cpulist, accepted is "local-node", "all", a cpulist such as "0-3,8", '
            "or a list of cpulists, one for each queue"
        ],
    ),
    "sysctl that is not of the network": (
        '[sysctl]\n"vm.swappiness" = 1',
        [f"3: sysctl.vm.swappiness: {SYSCTL_NAMES}"],
    ),
    "sysctl that leaves /proc/sys/net": ('[sysctl]\n"net/../vm/x" = 1', [f"3: sysctl.net/../vm/x: {SYSCTL_NAMES}"]),
    "sysctl that is a list": (
        '[sysctl]\n"net.ipv4.tcp_mem" = [1, 2]',
        ["3: sysctl.net.ipv4.tcp_mem: [1, 2] is wrong, accepted is an integer or a string of one line"],
    ),
    "sysctl in two spellings": (
        '[sysctl]\n"net.core.somaxconn" = 1\n"net/core/somaxconn" = 2',
        ["4: sysctl.net.core.somaxconn: given before in another spelling (x.toml:3), accepted is one"],
    ),
    "unknown key of a VF": ("[[vf]]\nindex = 0\nrate = 1", [f"4: vf.rate: unknown key, {VF_HAS}"]),
    "no index": ("[[vf]]\ntrust = true", [f"2: vf.index: missing, accepted is {INDICES}"]),
    "index of a wrong type": ("[[vf]]\nindex = 1.5", [f"3: vf.index: 1.5 is wrong, accepted is {INDICES}"]),
    "index is a boolean": ("[[vf]]\nindex = true", [f"3: vf.index: true is wrong, accepted is {INDICES}"]),
    "no VF at all": ("[[vf]]\nindex = []", [f"3: vf.index: [] is wrong, accepted is {INDICES}"]),
    "index is empty": (
        '[[vf]]\nindex = ""',
        [f'3: vf.index: "" is neither a number nor a range, accepted is {INDICES}'],
    ),
    "index is a word": (
        '[[vf]]\nindex = "all"',
        [f'3: vf.index: "all" is neither a number nor a range, accepted is {INDICES}'],
    ),
    "range backwards": ('[[vf]]\nindex = "7-3"', [f"3: vf.index: 7-3 ends before it begins, accepted is {INDICES}"]),
    "negative index": ("[[vf]]\nindex = -1", [f"3: vf.index: VF -1 is out of range, accepted is {INDICES}"]),
    "index too large": ("[[vf]]\nindex = 65536", [f"3: vf.index: VF 65536 is out of range, accepted is {INDICES}"]),
    "range too large": ('[[vf]]\nindex = "0-65536"', [f"3: vf.index: VF 65536 is out of range, accepted is {INDICES}"]),
    "VF named twice in a list": (
        "[[vf]]\nindex = [2, 1, 2]",
        [f"3: vf.index: VF 2 is named twice, accepted is {INDICES}"],
    ),
    "VF named twice in ranges": (
        '[[vf]]\nindex = "4-6,0-4"',
        [f"3: vf.index: VF 4 is named twice, accepted is {INDICES}"],
    ),
    "multicast MAC": (
        '[[vf]]\nindex = 0\nmac = "01:00:5e:00:00:01"',
        [f"4: vf.mac: 01:00:5e:00:00:01 is a multicast address, accepted is {MAC}"],
    ),
    "zero MAC": (
        '[[vf]]\nindex = 0\nmac = "00:00:00:00:00:00"',
        [f"4: vf.mac: 00:00:00:00:00:00 is the zero address, accepted is {MAC}"],
    ),
    "half a MAC": ('[[vf]]\nindex = 0\nmac = "52:54"', [f'4: vf.mac: "52:54" is wrong, accepted is {MAC}']),
    "one MAC for two VFs": (
        '[[vf]]\nindex = "2,5-6"\nmac = "52:54:00:10:00:00"',
        ["4: vf.mac: one address can't be for the VFs 2,5-6, accepted is an index of one VF, or mac-base"],
    ),
    "one MAC for all VFs": (
        '[[vf]]\nindex = "*"\nmac = "52:54:00:10:00:00"',
        ["4: vf.mac: one address can't be for the VFs *, accepted is an index of one VF, or mac-base"],
    ),
    "mac and mac-base": (
        '[[vf]]\nindex = 0\nmac = "52:54:00:10:00:00"\nmac-base = "52:54:00:20:00:00"',
        ["4: vf.mac: mac-base is given too (x.toml:5), accepted is one"],
    ),
    "base that runs into multicast": (
        '[[vf]]\nindex = "0-9"\nmac-base = "fe:ff:ff:ff:ff:f8"',
        [
            "4: vf.mac-base: VF 9 would get ff:00:00:00:00:01, which is no unicast address, accepted is a lower base",
        ],
    ),
    "same MAC twice": (
        '[[vf]]\nindex = 0\nmac = "52:54:00:10:00:AA"\n[[vf]]\nindex = 3\nmac = "52:54:00:10:00:aa"',
        [
            "7: vf.mac: VF 3 would get 52:54:00:10:00:aa, the address of VF 0 (x.toml:4), "
            "accepted is one that no other VF has"
        ],
    ),
    "same MAC twice in one line": (
        'vf = [{ index = 0, mac = "52:54:00:10:00:aa" }, { index = 1, mac = "52:54:00:10:00:aa" }]',
        [
            "2: vf.mac: VF 1 would get 52:54:00:10:00:aa, the address of VF 0 (x.toml:2), "
            "accepted is one that no other VF has"
        ],
    ),
    "MAC inside of a base": (
        '[[vf]]\nindex = "*"\nmac-base = "52:54:00:10:00:00"\n[[vf]]\nindex = 6\nmac = "52:54:00:10:00:02"',
        [
            "7: vf.mac: VF 6 would get 52:54:00:10:00:02, the address of VF 2 (x.toml:4), "
            "accepted is one that no other VF has"
        ],
    ),
    "bases that overlap are told once": (
        '[[vf]]\nindex = "0-3"\nmac-base = "52:54:00:10:00:10"\n[[vf]]\nindex = "4-7"\nmac-base = "52:54:00:10:00:0d"',
        [
            "7: vf.mac-base: VF 4 would get 52:54:00:10:00:11, the address of VF 1 (x.toml:4), "
            "accepted is one that no other VF has"
        ],
    ),
    "VF that does not exist": (
        "[[vf]]\nindex = [0, 9]\n[sriov]\nnumvfs = 7",
        ["3: vf.index: VF 9 does not exist, numvfs is 7 (x.toml:5)"],
    ),
    "any VF without VFs": (
        "[sriov]\nnumvfs = 0\n[[vf]]\nindex = 0",
        ["5: vf.index: VF 0 does not exist, numvfs is 0 (x.toml:3)"],
    ),
    "guarantee above the limit": (
        "[[vf]]\nindex = 0\nmin-tx-rate = 200\nmax-tx-rate = 100",
        ["4: vf.min-tx-rate: 200 is above max-tx-rate 100 (x.toml:5)"],
    ),
    "VLAN out of range": (
        "[[vf]]\nindex = 0\nvlan = 4095",
        ["4: vf.vlan: 4095 is wrong, accepted is an integer from 0 to 4094"],
    ),
    "unknown preset": (
        'include = ["fast"]',
        ["2: include: there is no preset fast, accepted is a list of presets out of none, because none is installed"],
    ),
}


@pytest.mark.parametrize(("text", "messages"), MISTAKES.values(), ids=MISTAKES.keys())
def test_mistake(text: str, messages: list[str]) -> None:
    assert read(f'match.ifname = "*"\n{text}\n')[1] == [f"x.toml:{message}" for message in messages]


def test_all_mistakes_are_told_at_once_in_the_order_of_the_lines() -> None:
    text = """\
        include = [3]
        typo = 1
        [[vf]]
        index = 9
        spoofchk = 1
        [ring]
        rx = 0
        ty = 1
        [sriov]
        numvfs = 7
        """
    assert read(textwrap.dedent(text))[1] == [
        "x.toml:1: include: [3] is wrong, accepted is a list of presets out of none, because none is installed",
        f"x.toml:2: typo: unknown, {PROFILE_HAS}",
        f"x.toml:3: vf: {ONLY_SYSCTL}",
        "x.toml:4: vf.index: VF 9 does not exist, numvfs is 7 (x.toml:10)",
        "x.toml:5: vf.spoofchk: 1 is wrong, accepted is true or false",
        f"x.toml:6: ring: {ONLY_SYSCTL}",
        'x.toml:7: ring.rx: 0 is wrong, accepted is an integer from 1 to 4294967295 or "max"',
        "x.toml:8: ring.ty: unknown key, [ring] has rx, tx",
        f"x.toml:9: sriov: {ONLY_SYSCTL}",
    ]


def test_a_broken_match_is_not_called_missing() -> None:
    assert read("[match]\n[ring]\nrx = 1\n")[1] == ['x.toml:1: match: empty; say ifname = "*" when every NIC is meant']
    assert read("match = 'ens1'\n[ring]\nrx = 1\n")[1] == [
        "x.toml:1: match: a single value, accepted is a section [match]"
    ]


def test_a_file_about_the_host_needs_no_match() -> None:
    profile = good('description = "host"\n[sysctl]\n"net.core.netdev_budget" = 600\n')
    assert profile.match is None
    assert profile.description == "host"
    assert values(profile, "sysctl") == {"net.core.netdev_budget": 600}


def test_a_file_with_nothing_in_it_is_a_profile() -> None:
    assert good("# to be written\n").sections == {}


def test_sections_keep_values_and_lines() -> None:
    profile = good('[match]\nifname = "ens1"\n\n[ring]\nrx = "max"\n# more\ntx = 256\n')
    section = profile.sections["ring"]
    assert values(profile, "ring") == {"rx": "max", "tx": 256}
    assert str(section.origin) == "x.toml:4"
    assert [str(entry.origin) for entry in section.entries.values()] == ["x.toml:5", "x.toml:7"]


SYSCTL_SPELLINGS = {
    '"net.core.somaxconn" = 1': "net.core.somaxconn",
    "net.core.somaxconn = 1": "net.core.somaxconn",
    '"net/core/somaxconn" = 1': "net.core.somaxconn",
    'net."core".somaxconn = 1': "net.core.somaxconn",
    '"net/ipv4/conf/eth0.100/rp_filter" = 1': "net/ipv4/conf/eth0.100/rp_filter",
    '"net.ipv4.conf.eth0/100.rp_filter" = 1': "net/ipv4/conf/eth0.100/rp_filter",
    'net.ipv4.conf."eth0.100".rp_filter = 1': "net/ipv4/conf/eth0.100/rp_filter",
}


@pytest.mark.parametrize(("text", "name"), SYSCTL_SPELLINGS.items(), ids=SYSCTL_SPELLINGS.keys())
def test_a_sysctl_has_one_name_however_it_is_spelt(text: str, name: str) -> None:
    profile = good(f"[sysctl]\n{text}\n")
    assert values(profile, "sysctl") == {name: 1}
    assert profile.sections["sysctl"].entries[name].origin.line == 2


COVERED = [
    ("3", {3}, "3", 3),
    ("[1, 2]", {1, 2}, "1,2", 2),
    ('"0-3,7"', {0, 1, 2, 3, 7}, "0-3,7", 7),
    ('" 7 , 0 - 3 "', {0, 1, 2, 3, 7}, "0-3,7", 7),
    ('[1, "4-5"]', {1, 4, 5}, "1,4-5", 5),
    ('"*"', set(range(10)), "*", None),
]


@pytest.mark.parametrize(("text", "covered", "shown", "highest"), COVERED, ids=[text for text, *_ in COVERED])
def test_index_names_vfs(text: str, covered: set[int], shown: str, highest: int | None) -> None:
    (policy,) = good(f'match.ifname = "*"\n[[vf]]\nindex = {text}\n').vfs
    assert {index for index in range(10) if policy.index.covers(VfIndex(index))} == covered
    assert str(policy.index) == shown
    assert policy.index.highest == highest


FINE = {
    "same VF twice, the later MAC counts": (
        '[[vf]]\nindex = 0\nmac = "52:54:00:10:00:aa"\n[[vf]]\nindex = 0\nmac = "52:54:00:10:00:aa"'
    ),
    "VF takes an address that a later policy took from another": (
        '[[vf]]\nindex = "0-6"\nmac-base = "52:54:00:10:00:00"\n'
        '[[vf]]\nindex = 2\nmac = "52:54:00:99:00:00"\n[[vf]]\nindex = 6\nmac = "52:54:00:10:00:02"'
    ),
    "MAC behind the end of a base": (
        '[sriov]\nnumvfs = 4\n[[vf]]\nindex = "*"\nmac-base = "52:54:00:10:00:00"\n'
        '[[vf]]\nindex = 0\nmac = "52:54:00:10:00:04"'
    ),
    "all VFs when the number is not known": '[[vf]]\nindex = "*"\nmac-base = "52:54:00:10:00:00"',
    "any VF when numvfs is max": '[sriov]\nnumvfs = "max"\n[[vf]]\nindex = 62',
    "the last VF": "[sriov]\nnumvfs = 7\n[[vf]]\nindex = 6",
}


@pytest.mark.parametrize("text", FINE.values(), ids=FINE.keys())
def test_is_no_mistake(text: str) -> None:
    good(f'match.ifname = "*"\n{text}\n')


PRESETS = {
    "throughput": 'description = "more"\n[ring]\nrx = "max"\ntx = "max"\n[coalesce]\nrx-usecs = 100\n',
    "latency": "[coalesce]\nrx-usecs = 0\n",
    "host": "[sysctl]\nnet.core.netdev_budget = 600\n",
}


def test_the_own_keys_lie_over_a_preset_and_remember_what_they_won_over() -> None:
    profile = good('include = ["throughput"]\nmatch.ifname = "*"\nring.rx = 256\n', PRESETS)
    rx, tx = (profile.sections["ring"].entries[name] for name in ("rx", "tx"))
    assert (rx.value, str(rx.origin)) == (256, "x.toml:3")
    assert [(entry.value, str(entry.origin)) for entry in rx.overrides] == [("max", "throughput.toml:3")]
    assert (tx.value, str(tx.origin), tx.overrides) == ("max", "throughput.toml:4", ())


def test_the_later_preset_wins() -> None:
    profile = good('include = ["throughput", "latency"]\nmatch.ifname = "*"\n', PRESETS)
    entry = profile.sections["coalesce"].entries["rx-usecs"]
    assert (entry.value, str(entry.origin)) == (0, "latency.toml:2")
    assert [str(below.origin) for below in entry.overrides] == ["throughput.toml:6"]


def test_a_file_about_the_host_may_include_what_is_about_the_host() -> None:
    assert values(good('include = ["host"]\n', PRESETS), "sysctl") == {"net.core.netdev_budget": 600}
    assert read('include = ["latency"]\n', PRESETS)[1] == [
        f"x.toml:1: include: {ONLY_SYSCTL}, and a preset brings [coalesce]"
    ]


BROKEN_PRESETS = {
    "unknown one": (
        ["fast"],
        "",
        ["x.toml:1: include: there is no preset fast, accepted is a list of presets out of p"],
    ),
    "a path": (["../p"], "", ["x.toml:1: include: there is no preset ../p, accepted is a list of presets out of p"]),
    "named twice": (["p", "p"], "", ["x.toml:1: include: p is named twice, accepted is a list of presets out of p"]),
    "not TOML": (["p"], "\n[ring\n", ["p.toml:2: not TOML: expected ']' at the end of a table declaration"]),
    "wrong value": (
        ["p"],
        "[link]\nmtu = 1\n",
        ["p.toml:2: link.mtu: 1 is wrong, accepted is an integer from 68 to 65535"],
    ),
    "has a match": (
        ["p"],
        'match.ifname = "*"\n',
        [f"p.toml:1: match: unknown, {PRESET_HAS}"],
    ),
    "includes itself": (
        ["p"],
        'include = ["p"]\n',
        [f"p.toml:1: include: unknown, {PRESET_HAS}"],
    ),
}


@pytest.mark.parametrize(("names", "preset", "messages"), BROKEN_PRESETS.values(), ids=BROKEN_PRESETS.keys())
def test_preset_that_can_not_be_included(names: list[str], preset: str, messages: list[str]) -> None:
    assert read(f'include = {names}\nmatch.ifname = "*"\n', {"p": preset})[1] == messages


def test_problems_of_the_file_come_before_those_of_its_presets() -> None:
    text = 'include = ["p"]\nmatch.ifname = "*"\n\n\nring.rx = 0\n'
    lines = [message.partition(": ")[0] for message in read(text, {"p": "[link]\nmtu = 1\n"})[1]]
    assert lines == ["x.toml:5", "p.toml:2"]


def test_numvfs_of_a_preset_counts_for_indices() -> None:
    text = 'include = ["p"]\nmatch.ifname = "*"\n[[vf]]\nindex = 4\n'
    assert read(text, {"p": "[sriov]\nnumvfs = 4\n"})[1] == [
        "x.toml:4: vf.index: VF 4 does not exist, numvfs is 4 (p.toml:2)"
    ]


def test_whatever_is_in_a_file_nothing_is_raised_and_it_is_told() -> None:
    good_text = (
        'include = ["throughput"]\n[match]\nifname = ["ens*"]\n[sriov]\nnumvfs = 7\n[irq]\naffinity = "0-3"\n'
        '[sysctl]\nnet.core.x = "1 2"\n[[vf]]\nindex = "0-2,4"\nmac-base = "52:54:00:10:00:00"\nvlan = 0x10\n'
        "[[vf]]\nindex = [3]\ntrust = true\nmac = '52:54:00:20:00:00'\n"
    )
    pieces = [
        "",
        "\0",
        "\n",
        "[",
        "]",
        "[[",
        "{a=1}",
        "=",
        ".",
        ",",
        '"',
        "'",
        "-1",
        "99999999999",
        "nan",
        "*",
        "vf",
        "é",
    ]
    pieces += ["\r", "#", "true", "1979-05-27", "ring", "match", '"""', "[]", "{}", "ff:", "-", "\\"]
    chance = random.Random(1)
    broken = 0
    for _ in range(3000):
        text = good_text
        for _ in range(chance.randrange(1, 4)):
            start = chance.randrange(len(text))
            text = text[:start] + chance.choice(pieces) + text[start + chance.randrange(5) :]
        broken += bool(read(text, PRESETS)[1])
    assert broken > 2000


def test_50000_wrong_keys_are_50000_problems() -> None:
    text = 'match.ifname = "*"\n[ring]\n' + "".join(f"k{n} = 1\n" for n in range(50_000))
    messages = read(text)[1]
    assert len(messages) == 50_000
    assert messages[-1] == "x.toml:50002: ring.k49999: unknown key, [ring] has rx, tx"


def test_many_policies_for_many_vfs_are_checked_against_each_other() -> None:
    policies = "".join(
        f'[[vf]]\nindex = "0-65534"\nmac-base = "52:54:{n >> 8:02x}:{n & 255:02x}:00:00"\n' for n in range(5000)
    )
    assert len(good(f'match.ifname = "*"\n{policies}').vfs) == 5000
