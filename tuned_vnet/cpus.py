"""CPU lists and masks as the kernel writes them, and the spreading of CPUs over queues.

Pure functions over sets of CPU numbers. Which CPUs are local to a device is read elsewhere.
"""

from collections.abc import Iterable, Sequence

from tuned_vnet.model import CpuId, CpuSet


def parse_cpulist(text: str) -> CpuSet:
    """Read the kernel's list format (`0-3,8,10-11`, lib/bitmap-str.c); empty text is the empty set.

    Raises ValueError for anything else.
    """
    cpus: set[CpuId] = set()
    for part in filter(None, (part.strip() for part in text.split(","))):
        first, dash, last = part.partition("-")
        low, high = int(first), int(last if dash else first)
        if not 0 <= low <= high:
            raise ValueError(f"{part}: not a range of CPUs")
        cpus.update(CpuId(cpu) for cpu in range(low, high + 1))
    return frozenset(cpus)


def format_cpulist(cpus: Iterable[int]) -> str:
    """Write the kernel's list format, runs joined: {0, 1, 2, 8} is `0-2,8`. It serves for VF indices too."""
    runs: list[list[int]] = []
    for cpu in sorted(set(cpus)):
        if runs and runs[-1][1] == cpu - 1:
            runs[-1][1] = cpu
        else:
            runs.append([cpu, cpu])
    return ",".join(f"{low}" if low == high else f"{low}-{high}" for low, high in runs)


def parse_mask(text: str) -> CpuSet:
    """Read the kernel's mask format: 32-bit hexadecimal groups, most significant first (`00000001,0000000f`)."""
    value = int(text.strip().replace(",", "") or "0", 16)
    return frozenset(CpuId(bit) for bit in range(value.bit_length()) if value >> bit & 1)


def format_mask(cpus: CpuSet) -> str:
    """Write the kernel's mask format; the empty set is `0`."""
    value = sum(1 << cpu for cpu in cpus)
    groups = []
    while True:
        groups.append(value & 0xFFFFFFFF)
        value >>= 32
        if not value:
            break
    return ",".join([f"{groups[-1]:x}", *(f"{group:08x}" for group in reversed(groups[:-1]))])


def spread(cpus: CpuSet, count: int) -> tuple[CpuSet, ...]:
    """One CPU for each of `count` queues, in turn, beginning again when there are more queues than CPUs.

    Raises ValueError when there is no CPU to give.
    """
    if not cpus:
        raise ValueError("no CPU to spread over")
    order: Sequence[CpuId] = sorted(cpus)
    return tuple(frozenset({order[n % len(order)]}) for n in range(count))
