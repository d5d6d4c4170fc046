"""Values of every kind, shown in messages on one line."""

from datetime import datetime
from typing import Any

import pytest

from tuned_vnet.model import Origin
from tuned_vnet.profiles.table import Cpus, Integer, Kind, Letters, Problem, Problems, Sysctl, UnicastMac, show

AFFINITY = Cpus(words=("all",))
ACCEPTED: list[tuple[Kind, Any, object]] = [
    (Integer(minimum=1, words=("max",)), "max", "max"),
    (Integer(minimum=1), 1, 1),
    (Letters("sdfn"), "nfds", "sdfn"),
    (Letters("sdfn"), "", ""),
    (UnicastMac(), "52:54:00:AB:CD:EF", "52:54:00:ab:cd:ef"),
    (Sysctl(), 4096, "4096"),
    (Sysctl(), "4096\t87380   6291456", "4096 87380 6291456"),
    (AFFINITY, "all", "all"),
    (AFFINITY, "0-2, 5", frozenset({0, 1, 2, 5})),
    (AFFINITY, ["0", "1-2"], (frozenset({0}), frozenset({1, 2}))),
]
REFUSED: list[tuple[Kind, Any, str]] = [
    (Integer(minimum=1), True, ""),
    (Integer(minimum=1), 0, ""),
    (Integer(), 1.0, ""),
    (Integer(), float("nan"), ""),
    (Integer(words=("max",)), "maximum", ""),
    (Letters("sdfn"), "ss", ""),
    (Letters("sdfn"), "x", ""),
    (UnicastMac(), "52:54:00:ab:cd", ""),
    (UnicastMac(), "52-54-00-ab-cd-ef", ""),
    (UnicastMac(), "52:54:00:ab:cd:ef\n", ""),
    (UnicastMac(), "01:54:00:ab:cd:ef", "01:54:00:ab:cd:ef is a multicast address"),
    (UnicastMac(), "ff:ff:ff:ff:ff:ff", "ff:ff:ff:ff:ff:ff is a multicast address"),
    (UnicastMac(), "00:00:00:00:00:00", "00:00:00:00:00:00 is the zero address"),
    (Sysctl(), "1\n2", ""),
    (Sysctl(), "1\0", ""),
    (Sysctl(), " ", ""),
    (Sysctl(), True, ""),
    (Sysctl(), 16**5000, ""),
    (AFFINITY, "", '"" names no CPU'),
    (AFFINITY, "every", '"every" is not a cpulist'),
    (AFFINITY, "3-1", '"3-1" is not a cpulist'),
    (AFFINITY, "1,,2", '"1,,2" is not a cpulist'),
    (AFFINITY, "1_0", '"1_0" is not a cpulist'),
    (AFFINITY, "٣", '"٣" is not a cpulist'),
    (AFFINITY, "0-99999999999999999999999", "CPU 99999999999999999999 is beyond any kernel's"),
    (AFFINITY, "8192", "CPU 8192 is beyond any kernel's"),
    (AFFINITY, [], ""),
    (AFFINITY, [0, 1], ""),
]


@pytest.mark.parametrize(("kind", "value", "read"), ACCEPTED, ids=[show(value) for _, value, _ in ACCEPTED])
def test_accepted_values_are_read(kind: Kind, value: Any, read: object) -> None:
    assert kind.read(value) == read


@pytest.mark.parametrize(("kind", "value", "why"), REFUSED, ids=[show(value) for _, value, _ in REFUSED])
def test_other_values_are_refused_with_a_reason_where_it_is_not_plain_to_see(kind: Kind, value: Any, why: str) -> None:
    with pytest.raises(ValueError) as caught:
        kind.read(value)
    assert str(caught.value) == why


SHOWN = [
    (True, "true"),
    (10, "10"),
    (1.5, "1.5"),
    (16**1_000_000, "a huge integer"),
    ('a "b" \\', '"a \\"b\\" \\\\"'),
    ("a\nb\0\u202e", '"a\\nb\\x00\\u202e"'),
    ("x" * 100, '"' + "x" * 59 + '…"'),
    (["a", 1, [True]], '["a", 1, [true]]'),
    (list(range(100)), "[0, 1, 2, 3, 4, 5, 6, 7, …]"),
    ([[[[[1]]]]], "[[[[…]]]]"),
    ({"a": {"b": 1}}, "{a = {b = 1}}"),
    (datetime(2026, 11, 21, 2, 0), "2026-11-21 02:00:00"),  # noqa: DTZ001
    (frozenset({0, 1, 2, 8}), '"0-2,8"'),
]


@pytest.mark.parametrize(("value", "text"), SHOWN, ids=[text for _, text in SHOWN])
def test_values_are_shown_as_in_a_profile(value: object, text: str) -> None:
    assert show(value) == text


def test_a_problem_is_one_line_whatever_is_in_it() -> None:
    problem = Problem(origin=Origin(file="a\x1b[31m.toml", line=3), key="ring.a\nb", text="\udcff")
    assert str(problem) == "a\\x1b[31m.toml:3: ring.a\\nb: \\udcff"


def test_the_same_problem_is_noted_once() -> None:
    problems = Problems()
    for line in (1, 2, 1):
        problems.add(Origin(file="a", line=line), "key", "text")
    assert [problem.origin.line for problem in problems.found] == [1, 2]
