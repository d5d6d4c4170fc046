"""When a device is looked at: hints are collected, one pass at a time, and never one too many."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine

import pytest

from tuned_vnet.model import DeviceId
from tuned_vnet.schedule import DEBOUNCE_S, Schedule

ENS1 = DeviceId(bus="pci", address="0000:21:00.0")
ENS2 = DeviceId(bus="pci", address="0000:22:00.0")
SOON_S = 0.005
LATER_S = 30.0  # longer than a test
PATIENCE_S = 5.0


class Passes:
    """Notes which passes began and which ran at once; a pass lasts until its gate is opened."""

    def __init__(self) -> None:
        self.begun: list[tuple[DeviceId, bool]] = []
        self.running: dict[DeviceId, int] = {}
        self.most_of_a_device = 0
        self.most_at_once = 0
        self.gate = asyncio.Event()
        self.gate.set()
        self.pauses: list[float | None] = []
        self.errors: list[Exception] = []

    async def run(self, device_id: DeviceId, retry: bool) -> float | None:
        self.begun.append((device_id, retry))
        self.running[device_id] = self.running.get(device_id, 0) + 1
        self.most_of_a_device = max(self.most_of_a_device, self.running[device_id])
        self.most_at_once = max(self.most_at_once, sum(self.running.values()))
        await self.gate.wait()
        self.running[device_id] -= 1
        if self.errors:
            raise self.errors.pop()
        return self.pauses.pop(0) if self.pauses else None

    async def reach(self, count: int) -> None:
        """Wait until so many passes have begun."""
        await until(lambda: len(self.begun) >= count)

    async def stay_at(self, count: int) -> None:
        """See that no further pass begins."""
        await asyncio.sleep(3 * DEBOUNCE_S)
        assert len(self.begun) == count


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not condition():  # noqa: ASYNC110 - conditions of all kinds
            await asyncio.sleep(0.001)


def begin(work: Coroutine[None, None, None]) -> asyncio.Task[None]:
    return asyncio.get_running_loop().create_task(work)


def run(story: Callable[[Schedule, Passes], Awaitable[None]]) -> None:
    async def main() -> None:
        passes = Passes()
        schedule = Schedule(passes.run, begin)
        await story(schedule, passes)
        passes.gate.set()
        await schedule.close()

    asyncio.run(main())


def test_hints_of_a_moment_make_one_pass() -> None:
    async def story(schedule: Schedule, passes: Passes) -> None:
        for _ in range(20):
            schedule.hint(ENS1)
        await passes.reach(1)
        await passes.stay_at(1)

    run(story)


def test_hints_during_a_pass_make_exactly_one_more() -> None:
    async def story(schedule: Schedule, passes: Passes) -> None:
        passes.gate.clear()
        schedule.hint(ENS1, delay_s=SOON_S)
        await passes.reach(1)
        for _ in range(5):
            schedule.hint(ENS1)
        passes.gate.set()
        await passes.reach(2)
        await passes.stay_at(2)

    run(story)


def test_a_device_has_one_pass_at_a_time() -> None:
    async def story(schedule: Schedule, passes: Passes) -> None:
        passes.gate.clear()
        schedule.hint(ENS1, delay_s=SOON_S)
        await passes.reach(1)
        schedule.hint(ENS1, delay_s=0)
        await asyncio.sleep(2 * DEBOUNCE_S)
        assert len(passes.begun) == 1
        passes.gate.set()
        await passes.reach(2)
        assert passes.most_of_a_device == 1

    run(story)


def test_several_devices_have_passes_at_once() -> None:
    async def story(schedule: Schedule, passes: Passes) -> None:
        passes.gate.clear()
        schedule.hint(ENS1, delay_s=SOON_S)
        schedule.hint(ENS2, delay_s=SOON_S)
        await passes.reach(2)
        assert passes.most_at_once == 2

    run(story)


def test_the_nearest_of_several_wishes_counts() -> None:
    async def story(schedule: Schedule, passes: Passes) -> None:
        schedule.hint(ENS1, delay_s=LATER_S)
        schedule.hint(ENS1, delay_s=SOON_S)
        schedule.hint(ENS1, delay_s=LATER_S)
        await passes.reach(1)
        await passes.stay_at(1)

    run(story)


def test_a_wish_to_retry_is_kept_by_later_hints() -> None:
    async def story(schedule: Schedule, passes: Passes) -> None:
        schedule.hint(ENS1, delay_s=LATER_S, retry=True)
        schedule.hint(ENS1, delay_s=SOON_S)
        await passes.reach(1)
        schedule.hint(ENS1, delay_s=SOON_S)
        await passes.reach(2)
        assert passes.begun == [(ENS1, True), (ENS1, False)]

    run(story)


def test_a_wish_to_retry_during_a_pass_is_for_the_next_one() -> None:
    async def story(schedule: Schedule, passes: Passes) -> None:
        passes.gate.clear()
        schedule.hint(ENS1, delay_s=SOON_S)
        await passes.reach(1)
        schedule.hint(ENS1, retry=True)
        passes.gate.set()
        await passes.reach(2)
        assert passes.begun == [(ENS1, False), (ENS1, True)]

    run(story)


def test_a_pass_may_ask_for_another_one_after_a_while_and_that_one_retries() -> None:
    async def story(schedule: Schedule, passes: Passes) -> None:
        passes.pauses = [SOON_S, None]
        schedule.hint(ENS1, delay_s=SOON_S)
        await passes.reach(2)
        assert passes.begun == [(ENS1, False), (ENS1, True)]
        await passes.stay_at(2)

    run(story)


def test_a_hint_does_not_wait_for_the_pause_that_a_pass_asked_for() -> None:
    async def story(schedule: Schedule, passes: Passes) -> None:
        passes.pauses = [LATER_S]
        schedule.hint(ENS1, delay_s=SOON_S)
        await passes.reach(1)
        await until(lambda: not passes.running[ENS1])
        schedule.hint(ENS1)
        await passes.reach(2)
        assert passes.begun[1] == (ENS1, True)

    run(story)


def test_busy_names_devices_in_a_pass_or_just_before_one() -> None:
    async def story(schedule: Schedule, passes: Passes) -> None:
        assert not schedule.busy
        passes.gate.clear()
        schedule.hint(ENS1)
        schedule.hint(ENS2, delay_s=LATER_S)
        assert schedule.busy == (ENS1,)
        await passes.reach(1)
        assert schedule.busy == (ENS1,)
        passes.gate.set()
        await until(lambda: schedule.busy == ())

    run(story)


def test_close_waits_for_what_runs_and_starts_nothing_more() -> None:
    async def story(schedule: Schedule, passes: Passes) -> None:
        passes.gate.clear()
        schedule.hint(ENS1, delay_s=SOON_S)
        schedule.hint(ENS2, delay_s=DEBOUNCE_S)
        await passes.reach(1)
        schedule.hint(ENS1)
        closing = asyncio.create_task(schedule.close())
        await asyncio.sleep(2 * DEBOUNCE_S)
        assert not closing.done()
        passes.gate.set()
        await closing
        schedule.hint(ENS2, delay_s=0)
        await passes.stay_at(1)

    run(story)


def test_a_pass_that_fails_is_told_and_does_not_block_its_device() -> None:
    async def main() -> None:
        passes, tasks = Passes(), list[asyncio.Task[None]]()

        def begin_and_note(work: Coroutine[None, None, None]) -> asyncio.Task[None]:
            tasks.append(begin(work))
            return tasks[-1]

        schedule = Schedule(passes.run, begin_and_note)
        passes.errors = [RuntimeError("a bug")]
        schedule.hint(ENS1, delay_s=SOON_S)
        await passes.reach(1)
        with pytest.raises(RuntimeError, match="a bug"):
            await tasks[0]
        schedule.hint(ENS1, delay_s=SOON_S)
        await passes.reach(2)
        await schedule.close()

    asyncio.run(main())
