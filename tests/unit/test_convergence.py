"""Whatever a host looks like and the kernel refuses: a second apply writes nothing, and all ends as desired."""

import errno
import random
from pathlib import Path

import pytest

from tests.fake_kernel import FakeHost, Fault
from tests.fake_port import FakePort
from tests.unit.engines import apply, look, write_profile
from tuned_vnet.engine import Engine
from tuned_vnet.reconcile import Retry

STORIES = 150
WRITES = ("numvfs", "link mtu", "link up", "ring", "coalesce", "flow-hash", "affinity", "xps", "vf 0", "mac", "rate")
ERRORS = (errno.EINVAL, errno.EBUSY, errno.EAGAIN, errno.EPERM, errno.ENOMEM)


def some_profile(chance: random.Random) -> str:
    """Sections by chance, values that every driver takes."""
    sections = [
        f"[sriov]\nnumvfs = {chance.randint(0, 7)}\n",
        f"[link]\nmtu = {chance.randint(1280, 9216)}\ntxqueuelen = {chance.choice((500, 1000))}\n",
        f"[ring]\nrx = {chance.randint(64, 4096)}\ntx = {chance.randint(64, 4096)}\n",
        f"[coalesce]\nrx-usecs = {chance.randint(0, 100)}\n",
        '[flow-hash]\nudp4 = "sdfn"\n',
        f'[irq]\naffinity = "{chance.choice(("local-node", "all", "1", "0-2"))}"\n',
        f'[xps]\ncpus = "{chance.choice(("follow-irq", "off", "1,3"))}"\n',
        '[[vf]]\nindex = "*"\nmac-base = "52:54:00:10:00:00"\n',
        f'[[vf]]\nindex = "*"\nvlan = {chance.randint(0, 9)}\ntrust = {chance.choice(("true", "false"))}\n',
        f'[[vf]]\nindex = "*"\nmax-tx-rate = {chance.choice((0, 50, 1000))}\n',
    ]
    return '[match]\nifname = "ens1"\n' + "".join(text for text in sections if chance.random() < 0.7)


def some_host(chance: random.Random) -> FakeHost:
    port = FakePort(driver=chance.choice(("igb", "ixgbe", "i40e", "mlx5_core")))
    port.poke({"up": chance.random() < 0.5, "numvfs": chance.randint(0, 7)})
    port.most_vfs = chance.choice((None, None, 3))
    port.busy = chance.choice((0, 0, 3))
    return FakeHost(ports=[port])


def some_faults(chance: random.Random) -> list[Fault]:
    return [
        Fault(text=text, errno=chance.choice(ERRORS), times=chance.choice((1, None)))
        for text in WRITES
        if chance.random() < 0.2
    ]


@pytest.mark.parametrize("seed", range(STORIES))
def test_every_story_ends(tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    host = some_host(chance)
    write_profile(tmp_path, some_profile(chance))
    engine = Engine(host.system(tmp_path))
    assert engine.reload() == ()
    host.faults, host.deaf = some_faults(chance), {text for text in WRITES if chance.random() < 0.05}
    engine.refresh()

    apply(engine, host)
    engine.refresh()  # there may be other VFs than before
    apply(engine, host)
    written = len(host.writes)
    assert look(engine, host).planned == ()
    apply(engine, host)
    assert host.writes[written:] == []

    host.faults, host.deaf, host.port.busy = [], set(), 0
    apply(engine, host, retry=Retry.EVERYTHING)
    engine.refresh()
    report = apply(engine, host, retry=Retry.EVERYTHING)
    waits = {found.reason for found in report.findings if not found.outcome.settled}
    assert waits <= {"the VF does not exist yet", "the PF has no carrier"} | link_is_down(host)


def link_is_down(host: FakeHost) -> set[str]:
    """Nobody asked for the link to be up, where there is no [sriov]."""
    if host.port.up:
        return set()
    return {
        "the device has no interrupts while its link is down",
        "there are queues without an interrupt while the link is down",
    }
