"""Threads: a slow port holds up no other, and a port has one thing done at a time."""

import threading
from collections.abc import Iterator
from concurrent.futures import CancelledError
from functools import partial

import pytest

from tests.fake_kernel import FakeHost
from tuned_vnet.change import Kernel
from tuned_vnet.model import Device, DeviceId
from tuned_vnet.workers import Workers

PATIENCE_S = 5.0
ENS1 = Device(id=DeviceId(bus="pci", address="0000:21:00.0"))
ENS2 = Device(id=DeviceId(bus="pci", address="0000:22:00.0"))
VF_OF_ENS1 = Device(id=DeviceId(bus="pci", address="0000:21:10.0"), pf=ENS1.id)


@pytest.fixture
def workers() -> Iterator[Workers]:
    workers = Workers(FakeHost().kernel)
    yield workers
    workers.close()


def test_two_devices_work_in_parallel(workers: Workers) -> None:
    meet = threading.Barrier(2, timeout=PATIENCE_S)  # broken unless both are there at once
    futures = [workers.submit(device, lambda _kernel: meet.wait()) for device in (ENS1, ENS2)]
    assert sorted(future.result(PATIENCE_S) for future in futures) == [0, 1]


def test_one_device_has_one_thing_done_at_a_time_in_order(workers: Workers) -> None:
    begun, running = list[int](), threading.Semaphore(1)

    def work(number: int, _kernel: Kernel) -> bool:
        alone = running.acquire(blocking=False)
        begun.append(number)
        running.release()
        return alone

    futures = [workers.submit(ENS1, partial(work, number)) for number in range(50)]
    assert all(future.result(PATIENCE_S) for future in futures)
    assert begun == list(range(50))


def test_a_vf_shares_the_thread_of_its_pf(workers: Workers) -> None:
    threads = [
        workers.submit(device, lambda _kernel: threading.get_ident()).result(PATIENCE_S)
        for device in (ENS1, VF_OF_ENS1, ENS2)
    ]
    assert threads[0] == threads[1] != threads[2]


def test_each_thread_opens_a_kernel_of_its_own_once() -> None:
    opened: list[int] = []

    def open_kernel() -> Kernel:
        opened.append(threading.get_ident())
        return FakeHost().kernel()

    workers = Workers(open_kernel)
    kernels = [
        workers.submit(device, lambda kernel: (kernel, threading.get_ident())).result(PATIENCE_S)
        for device in (ENS1, ENS1, ENS2)
    ]
    workers.close()
    assert kernels[0] == kernels[1]
    assert kernels[0][0] is not kernels[2][0]
    assert opened == [kernels[0][1], kernels[2][1]]


def test_an_error_reaches_who_asked_and_the_thread_goes_on(workers: Workers) -> None:
    def fail(_kernel: Kernel) -> None:
        raise RuntimeError("a bug")

    with pytest.raises(RuntimeError, match="a bug"):
        workers.submit(ENS1, fail).result(PATIENCE_S)
    assert workers.submit(ENS1, lambda _kernel: 7).result(PATIENCE_S) == 7


def test_close_waits_for_what_has_begun_and_drops_the_rest(workers: Workers) -> None:
    begun, go_on = threading.Event(), threading.Event()

    def work(_kernel: Kernel) -> str:
        begun.set()
        assert go_on.wait(PATIENCE_S)
        return "done"

    first, second = (workers.submit(ENS1, work) for _ in range(2))
    assert begun.wait(PATIENCE_S)
    closing = threading.Thread(target=workers.close)
    closing.start()
    with pytest.raises(CancelledError):
        second.result(PATIENCE_S)
    assert closing.is_alive()
    go_on.set()
    closing.join(PATIENCE_S)
    assert not closing.is_alive()
    assert first.result(0) == "done"
