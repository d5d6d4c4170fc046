"""CPU lists and masks as the kernel writes them."""

import pytest

from tuned_vnet.cpus import format_cpulist, format_mask, parse_cpulist, parse_mask, spread
from tuned_vnet.model import CpuId, CpuSet


def cpus(*numbers: int) -> CpuSet:
    return frozenset(map(CpuId, numbers))


LISTS = {
    "": cpus(),
    "0": cpus(0),
    "0-3": cpus(0, 1, 2, 3),
    "0-1": cpus(0, 1),
    "0-3,8,10-11": cpus(0, 1, 2, 3, 8, 10, 11),
    "1,3,5": cpus(1, 3, 5),
    "31-33,127": cpus(31, 32, 33, 127),
}

MASKS = {
    "0": cpus(),
    "1": cpus(0),
    "f": cpus(0, 1, 2, 3),
    "80000000": cpus(31),
    "1,00000000": cpus(32),
    "1,80000000": cpus(31, 32),
    "ff,00000000,0000000f": cpus(0, 1, 2, 3, *range(64, 72)),
    "8000,00000000,00000000,00000000": cpus(111),
}


@pytest.mark.parametrize(("text", "numbers"), LISTS.items())
def test_cpulists_go_both_ways(text: str, numbers: CpuSet) -> None:
    assert parse_cpulist(text) == numbers
    assert format_cpulist(numbers) == text


@pytest.mark.parametrize(("text", "numbers"), MASKS.items())
def test_masks_go_both_ways(text: str, numbers: CpuSet) -> None:
    assert parse_mask(text) == numbers
    assert format_mask(numbers) == text


def test_every_single_cpu_of_a_large_machine_goes_both_ways() -> None:
    for cpu in range(600):
        assert parse_mask(format_mask(cpus(cpu))) == cpus(cpu)
        assert parse_cpulist(format_cpulist(cpus(cpu))) == cpus(cpu)


@pytest.mark.parametrize("text", ["0-3\n", " 0-3 ", "0,1,2,3", "3,0-2", "0-2,2-3", "0 - 3"])
def test_cpulists_are_read_in_every_spelling(text: str) -> None:
    assert parse_cpulist(text) == cpus(0, 1, 2, 3)


@pytest.mark.parametrize("text", ["a", "3-1", "-3", "1-", "0-3:1/2", "1.5", "0x3"])
def test_what_is_no_cpulist_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        parse_cpulist(text)


@pytest.mark.parametrize("text", ["00000000,0000000f\n", "0000000f", "0f"])
def test_masks_are_read_with_leading_zeros(text: str) -> None:
    assert parse_mask(text) == cpus(0, 1, 2, 3)


def test_a_number_that_is_there_twice_is_written_once() -> None:
    assert format_cpulist([0, 0, 1, 1, 3]) == "0-1,3"


def test_queues_get_cpus_in_turn() -> None:
    assert spread(cpus(2, 3), 5) == (cpus(2), cpus(3), cpus(2), cpus(3), cpus(2))
    assert spread(cpus(0, 4, 8), 2) == (cpus(0), cpus(4))
    assert spread(cpus(1), 0) == ()


def test_there_must_be_a_cpu_to_give() -> None:
    with pytest.raises(ValueError, match="no CPU"):
        spread(cpus(), 1)
