"""Findings: comparing, errors as outcomes, and who stands in the way."""

import errno

import pytest

from tuned_vnet.change import (
    Finding,
    Kernel,
    Outcome,
    Remembered,
    Situation,
    mend,
    outcome_of,
    refuse,
    worst,
)
from tuned_vnet.errors import KernelError
from tuned_vnet.model import Device, DeviceId, Holder, VfIndex, VfUse

DEVICE = Device(id=DeviceId(bus="pci", address="0000:21:00.0"), driver="igb", ifname="ens1", ifindex=1)


class Nothing:
    """A change that does nothing."""

    def describe(self) -> str:
        return "nothing"

    def execute(self, kernel: Kernel) -> None:
        pass


def differing(setting: str) -> Finding:
    return Situation(device=DEVICE).compare(setting, 1, 2)


@pytest.mark.parametrize(
    ("number", "outcome"),
    [
        (errno.EOPNOTSUPP, Outcome.UNSUPPORTED),
        (errno.EAGAIN, Outcome.PENDING),
        (errno.EBUSY, Outcome.PENDING),
        (errno.ENODEV, Outcome.PENDING),
        (errno.ENOENT, Outcome.PENDING),
        (errno.EINVAL, Outcome.FAILED),
        (errno.EPERM, Outcome.FAILED),
        (errno.ERANGE, Outcome.FAILED),
        (errno.ENOMEM, Outcome.FAILED),
    ],
)
def test_errno_means_an_outcome(number: int, outcome: Outcome) -> None:
    assert outcome_of(KernelError(number, "ring")) is outcome


def test_the_worst_outcome_counts() -> None:
    assert worst([]) is Outcome.AS_DESIRED
    assert worst([Outcome.ADJUSTED, Outcome.PENDING, Outcome.APPLIED]) is Outcome.PENDING
    assert worst([Outcome.FAILED, Outcome.DIFFERS, Outcome.REFUSED]) is Outcome.FAILED


def test_settled_is_what_nobody_has_to_wait_for() -> None:
    assert [outcome.value for outcome in Outcome if outcome.settled] == [
        "as-desired",
        "applied",
        "adjusted",
        "unsupported",
    ]


@pytest.mark.parametrize(
    ("desired", "observed", "outcome"),
    [
        (256, 256, Outcome.AS_DESIRED),
        (256, 512, Outcome.DIFFERS),
        (256, None, Outcome.UNSUPPORTED),
        (1001, 1008, Outcome.ADJUSTED),
        (1002, 1008, Outcome.DIFFERS),
        (1001, 1016, Outcome.DIFFERS),
    ],
)
def test_an_earlier_write_counts_only_while_both_values_are_the_same(
    desired: int, observed: int | None, outcome: Outcome
) -> None:
    known = Remembered(desired=1001, observed=1008, outcome=Outcome.ADJUSTED, reason="rounded")
    situation = Situation(device=DEVICE, memory={("ring.rx", None): known})
    assert situation.compare("ring.rx", desired, observed).outcome is outcome


def test_a_vf_has_a_memory_of_its_own() -> None:
    known = Remembered(desired=True, observed=False, outcome=Outcome.FAILED, reason="EINVAL")
    situation = Situation(device=DEVICE, memory={("vf.trust", VfIndex(1)): known})
    assert situation.compare("vf.trust", True, False, vf=VfIndex(1)).outcome is Outcome.FAILED
    assert situation.compare("vf.trust", True, False, vf=VfIndex(2)).outcome is Outcome.DIFFERS


def test_holders_stand_in_the_way_unless_disruption_is_allowed() -> None:
    uses = {
        VfIndex(3): VfUse(holder=Holder(name="qemu-system-x86", pid=802)),
        VfIndex(1): VfUse(holder=Holder(name="db-1", uuid="u", pid=801)),
        VfIndex(0): VfUse(),
    }
    said = "VF 1 is held by guest db-1, VF 3 is held by qemu-system-x86 (PID 802)"
    assert Situation(device=DEVICE, vf_uses=uses).disruption() == said
    assert Situation(device=DEVICE, vf_uses=uses, allow_disruption=True).disruption() is None
    assert Situation(device=DEVICE).disruption() is None


def test_holders_can_be_asked_for_some_vfs_only() -> None:
    uses = {VfIndex(n): VfUse(holder=Holder(name=f"g{n}")) for n in range(3)}
    found = Situation(device=DEVICE, vf_uses=uses).holders([VfIndex(2), VfIndex(7)])
    assert [(index, holder.name) for index, holder in found] == [(2, "g2")]


def test_one_change_mends_all_that_differs_and_nothing_else() -> None:
    same = Situation(device=DEVICE).compare("ring.tx", 1, 1)
    asked: list[object] = []

    def change(values: object) -> Nothing:
        asked.append(values)
        return Nothing()

    rx, tx, mini = mend([differing("ring.rx"), same, differing("ring.mini")], change)
    assert asked == [{"rx": 1, "mini": 1}]
    assert rx.changes[0] is mini.changes[0]
    assert tx.changes == ()


def test_where_nothing_differs_there_is_no_change() -> None:
    same = Situation(device=DEVICE).compare("ring.tx", 1, 1)
    assert list(mend([same], lambda values: pytest.fail(f"asked for {values}"))) == [same]


def test_refusing_takes_the_changes_of_what_differs_and_leaves_the_rest() -> None:
    same = Situation(device=DEVICE).compare("ring.tx", 1, 1)
    refused, kept = refuse([differing("ring.rx"), same], "a guest")
    assert (refused.outcome, refused.reason, refused.changes) == (Outcome.REFUSED, "a guest", ())
    assert kept is same
