#!/usr/bin/python3
"""Runs in the emulated host: ways to write MAC, rate, spoofchk and trust of many VFs, one after the other, timed.

    race_vfs.py IFNAME VFS RUNS

Each write turns all settings of all VFs from one set of values to the other, so that there is as much to do for each
way and in each run; ip(8) is asked afterwards whether it was done. Prints milliseconds as JSON, a list for each way.
The engine's own passes are timed in this process, which has imported everything before; commands from the moment they
are started to the moment they have ended.
"""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tuned_vnet.change import Kernel
from tuned_vnet.engine import Engine
from tuned_vnet.kernel import netlink
from tuned_vnet.model import DeviceId
from tuned_vnet.system import real_system

PROFILE = Path("/etc/tuned-vnet/profiles.d/50-race.toml")
SCRATCH = Path("/run/race")


@dataclass(frozen=True, slots=True, kw_only=True)
class Values:
    """What every VF gets; VF n has the address `mac_base` plus n."""

    name: str
    mac_base: int
    max_tx_rate: int
    spoofchk: bool
    trust: bool

    def mac(self, vf: int) -> str:
        return (self.mac_base + vf).to_bytes(6, "big").hex(":")

    def profile(self, ifname: str, vfs: int) -> str:
        """The values as tuned-vnet takes them."""
        return (
            f'[match]\nifname = "{ifname}"\n\n[[vf]]\nindex = "0-{vfs - 1}"\nmac-base = "{self.mac(0)}"\n'
            f"max-tx-rate = {self.max_tx_rate}\nspoofchk = {toml(self.spoofchk)}\ntrust = {toml(self.trust)}\n"
        )

    def ip_arguments(self, vf: int) -> tuple[str, ...]:
        """The values as `ip link set` takes them, one each."""
        return (
            f"mac {self.mac(vf)}",
            # With min_tx_rate as well ip need not ask for it first, which is faster.
            f"max_tx_rate {self.max_tx_rate} min_tx_rate 0",
            f"spoofchk {on_off(self.spoofchk)}",
            f"trust {on_off(self.trust)}",
        )


BOTH = (
    Values(name="a", mac_base=0x525400200000, max_tx_rate=100, spoofchk=True, trust=False),
    Values(name="b", mac_base=0x525400300000, max_tx_rate=200, spoofchk=False, trust=True),
)


def toml(value: bool) -> str:
    return "true" if value else "false"


def on_off(value: bool) -> str:
    return "on" if value else "off"


@dataclass(slots=True)
class Race:
    """The device, its state, and the times so far in milliseconds."""

    ifname: str
    vfs: int
    now: int = 0
    times: dict[str, list[float]] = field(default_factory=dict)

    @property
    def other(self) -> Values:
        """The values that the VFs don't have at the moment."""
        return BOTH[1 - self.now]

    def write(self, way: str, do: Callable[[], object]) -> None:
        """Time one way of writing the other values, and see that they were written."""
        self.look(way, do)
        self.now = 1 - self.now
        self.check(way)

    def look(self, way: str, do: Callable[[], object]) -> None:
        """Time something that writes nothing."""
        begin = time.perf_counter()
        do()
        self.times.setdefault(way, []).append((time.perf_counter() - begin) * 1000)

    def check(self, way: str) -> None:
        """Ask ip whether every VF has its values."""
        wanted = BOTH[self.now]
        output = subprocess.run(["ip", "-j", "link", "show", "dev", self.ifname], stdout=subprocess.PIPE, check=True)
        (link,) = json.loads(output.stdout)
        seen = {vf["vf"]: (vf["address"], rate_of(vf), vf["spoofchk"], vf["trust"]) for vf in link["vfinfo_list"]}
        for vf in range(self.vfs):
            expected = (wanted.mac(vf), wanted.max_tx_rate, wanted.spoofchk, wanted.trust)
            if seen[vf] != expected:
                sys.exit(f"{way}: VF {vf} has {seen[vf]} and not {expected}")

    def put_profile(self, values: Values) -> None:
        """Desire these values."""
        PROFILE.parent.mkdir(parents=True, exist_ok=True)
        PROFILE.write_text(values.profile(self.ifname, self.vfs))

    def commands(self, kind: str, values: Values) -> Path:
        """The file with `ip` commands of a kind that was written in the beginning."""
        return SCRATCH / f"{kind}-{values.name}"


def rate_of(vf: dict[str, Any]) -> int:
    rate = vf.get("rate", {})
    return int(rate.get("max_tx", 0))


def write_commands(race: Race) -> None:
    """Files for `ip -batch`, and a script that calls ip for each setting."""
    SCRATCH.mkdir(exist_ok=True)
    for values in BOTH:
        vfs = [(f"link set dev {race.ifname} vf {vf}", values.ip_arguments(vf)) for vf in range(race.vfs)]
        lines = {
            "batch-vf": [f"{begin} {' '.join(arguments)}" for begin, arguments in vfs],
            "batch-setting": [f"{begin} {argument}" for begin, arguments in vfs for argument in arguments],
        }
        lines["calls"] = [f"ip {line}" for line in lines["batch-setting"]]
        for kind, text in lines.items():
            race.commands(kind, values).write_text("\n".join(text) + "\n")


def run(*command: str, allowed: Sequence[int] = (0,)) -> None:
    """Run a command to its end, its output thrown away; another status than those allowed ends the race."""
    ended = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, check=False)
    if ended.returncode not in allowed:
        sys.exit(f"{' '.join(command)}: exit {ended.returncode}: {ended.stderr.decode()}")


class Recorder:
    """A netlink socket that keeps what is sent through it."""

    def __init__(self, inner: socket.socket) -> None:
        self._inner = inner
        self.sent: list[bytes] = []

    def send(self, data: bytes) -> int:
        self.sent.append(data)
        return self._inner.send(data)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)


class WarmEngine:
    """tuned-vnet's engine in this process, as the daemon has it: everything imported, profiles read, sockets open."""

    def __init__(self, race: Race) -> None:
        system = real_system()
        self._race = race
        self._engine = Engine(system)
        self._kernel: Kernel = system.open_kernel()

    def read_profile(self) -> None:
        """What the daemon does on reload, before the pass."""
        if problems := self._engine.reload():
            sys.exit("\n".join(map(str, problems)))

    def apply(self) -> None:
        """One pass."""
        if self._engine.apply(self._device(), self._kernel) is None:
            sys.exit(f"{self._race.ifname}: no profile is for it")

    def plan(self) -> None:
        """A look without a write."""
        self._engine.look(self._device(), self._kernel)

    def _device(self) -> DeviceId:
        (device_id,) = self._engine.desired.devices
        return device_id


def record(race: Race, engine: WarmEngine) -> list[bytes]:
    """The datagrams that a pass sends to write the other values; afterwards the VFs have them."""
    recorders: list[Recorder] = []
    open_socket = netlink.open_socket

    def open_recorder(*arguments: Any, **options: Any) -> Any:
        recorders.append(Recorder(open_socket(*arguments, **options)))
        return recorders[-1]

    race.put_profile(race.other)
    engine.read_profile()
    netlink.open_socket = open_recorder
    try:
        WarmEngine.apply(engine)
    finally:
        netlink.open_socket = open_socket
    race.now = 1 - race.now
    race.check("recording")
    return [data for recorder in recorders for data in recorder.sent if kinds(data) == {19}]  # RTM_SETLINK


def kinds(datagram: bytes) -> set[int]:
    """The types of the messages of a datagram."""
    return {message.kind for message in netlink.messages(datagram)}


def replay(opened: socket.socket, datagrams: Sequence[bytes]) -> None:
    """Send, and take in the acknowledgements."""
    for datagram in datagrams:
        opened.send(datagram)
        missing = sum(1 for _ in netlink.messages(datagram))
        while missing:
            missing -= sum(1 for _ in netlink.messages(opened.recv(1 << 20)))


def race_once(race: Race, engine: WarmEngine, recorded: dict[str, list[bytes]], opened: socket.socket) -> None:
    """Every way once, in turn, so that a busy moment of the machine hits all of them alike."""
    race.write("ip batch by VF", lambda: run("ip", "-batch", str(race.commands("batch-vf", race.other))))
    race.write("ip batch by setting", lambda: run("ip", "-batch", str(race.commands("batch-setting", race.other))))
    race.write("ip calls", lambda: run("sh", "-e", str(race.commands("calls", race.other))))
    race.write("raw socket", lambda: replay(opened, recorded[race.other.name]))
    race.put_profile(race.other)
    race.look("engine reload", engine.read_profile)
    race.write("engine apply", engine.apply)
    race.look("engine apply idle", engine.apply)
    race.look("engine plan idle", engine.plan)
    race.put_profile(race.other)
    race.write("ctl apply", lambda: run("tuned-vnetctl", "apply"))
    race.look("ctl plan idle", lambda: run("tuned-vnetctl", "plan"))
    race.look("ip show", lambda: run("ip", "link", "show", "dev", race.ifname))
    race.look("python", lambda: run("python3", "-c", "pass"))
    with_daemon(race)


def with_daemon(race: Race) -> None:
    """What the daemon does when asked; it runs only here, because it would undo what the other ways write."""
    run("systemctl", "start", "tuned-vnet")
    race.put_profile(race.other)
    race.write("daemon reload", lambda: run("tuned-vnetctl", "reload"))
    race.look("daemon plan idle", lambda: run("tuned-vnetctl", "plan"))
    run("systemctl", "stop", "tuned-vnet")


def turns(runs: int) -> Iterator[bool]:
    """Whether the turn counts: the first one only warms up the caches."""
    yield False
    for _ in range(runs):
        yield True


def main(ifname: str, vfs: int, runs: int) -> None:
    """Race."""
    race = Race(ifname=ifname, vfs=vfs)
    write_commands(race)
    race.put_profile(BOTH[0])
    engine = WarmEngine(race)
    engine.read_profile()
    run("ip", "-batch", str(race.commands("batch-vf", BOTH[0])))
    race.check("beginning")
    recorded = {}
    for _ in BOTH:
        target = race.other
        recorded[target.name] = record(race, engine)
        engine = WarmEngine(race)
        engine.read_profile()
    opened = netlink.open_socket(socket.NETLINK_ROUTE, groups=0)
    for counts in turns(runs):
        race_once(race, engine, recorded, opened)
        if not counts:
            race.times.clear()
    PROFILE.unlink()
    json.dump({"times_ms": race.times, "bytes": sum(map(len, recorded["a"]))}, sys.stdout)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
