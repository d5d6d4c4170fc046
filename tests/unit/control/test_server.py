"""The server against clients that misbehave, and its socket."""

import gc
import os
import socket
import stat
from contextlib import suppress
from pathlib import Path

import pytest

from tests.unit.control.running import Running, read_reply, request, serve
from tuned_vnet.control import wire
from tuned_vnet.control.listener import listen
from tuned_vnet.control.server import Limits, Peer
from tuned_vnet.errors import DaemonError

STATUS = f"{wire.INTERFACE}.Status"
VERIFY = f"{wire.INTERFACE}.Verify"


@pytest.mark.parametrize(
    "message",
    [
        b"\0",
        b"GET / HTTP/1.1\r\n\r\n\0",
        b"null\0",
        b"[]\0",
        b"{}\0",
        b'{"method":3}\0',
        b'{"method":"io.tunedvnet.Status","parameters":[1]}\0',
        b'{"method":"io.tunedvnet.Status","oneway":1}\0',
        b'{"method":"io.tunedvnet.Status","parameters":{"device":NaN}}\0',
        b'\xff\xfe{"method":"io.tunedvnet.Status"}\0',
        b"[" * 500_000 + b"\0",
        b'{"method":' + b"9" * 100_000 + b"}\0",
        b"x" * (wire.CALL_LIMIT + 100_000),
        b'{"method":"' + b"x" * (2 * wire.CALL_LIMIT) + b'"}\0',
    ],
    ids=lambda message: repr(message[:40]),
)
def test_what_is_not_varlink_ends_its_connection_and_no_other(running: Running, message: bytes) -> None:
    with running.connect() as good, running.connect() as bad:
        with suppress(BrokenPipeError, ConnectionResetError):  # it may hang up before it has read all
            bad.sendall(message)
        assert read_reply(bad) is None
        good.sendall(request(STATUS))
        assert "parameters" in read_reply(good)


def test_a_call_in_pieces_is_answered_when_it_is_whole(running: Running) -> None:
    message = request(STATUS, {"device": "ens1"})
    with running.connect() as raw:
        for byte in message:
            raw.sendall(bytes([byte]))
        assert read_reply(raw)["parameters"]["status"]["device"] == "ens1"


def test_half_a_call_and_goodbye_leaves_nothing_behind(running: Running) -> None:
    with running.connect() as raw:
        raw.sendall(request(STATUS)[:20])
        running.eventually(lambda: len(running.server._connections) == 1)
    running.eventually(lambda: not running.server._connections)
    assert running.calls == []


def test_calls_sent_at_once_are_answered_in_order(running: Running) -> None:
    with running.connect() as raw:
        raw.sendall(request(VERIFY) + b"".join(request(STATUS, {"device": f"ens{n}"}) for n in range(5)))
        running.eventually(lambda: len(running.calls) == 1)
        running.open_gate()
        assert read_reply(raw) == {"parameters": {"status": {"verified": True}}}
        assert [read_reply(raw)["parameters"]["status"]["device"] for _ in range(5)] == [f"ens{n}" for n in range(5)]


def test_a_slow_call_of_one_client_does_not_hold_up_another(running: Running) -> None:
    with running.connect() as slow:
        slow.sendall(request(VERIFY))
        running.eventually(lambda: len(running.calls) == 1)
        assert running.call("Status")
        running.open_gate()
        assert read_reply(slow)


def test_a_oneway_call_is_run_and_not_answered_not_even_its_error(running: Running) -> None:
    with running.connect() as raw:
        raw.sendall(request(STATUS, {"device": "quiet"}, oneway=True))
        raw.sendall(request("io.tunedvnet.Nope", oneway=True))
        raw.sendall(request(STATUS, {"device": "loud"}))
        assert read_reply(raw)["parameters"]["status"]["device"] == "loud"
    assert [parameters["device"] for _, parameters, _ in running.calls] == ["quiet", "loud"]


def test_more_gets_one_reply_that_does_not_continue(running: Running) -> None:
    with running.connect() as raw:
        raw.sendall(request(STATUS, more=True) + request(STATUS, {"device": "next"}))
        assert "continues" not in read_reply(raw)
        assert read_reply(raw)["parameters"]["status"]["device"] == "next"


def test_the_connection_cannot_be_upgraded(running: Running) -> None:
    with running.connect() as raw:
        raw.sendall(request(STATUS, upgrade=True))
        assert read_reply(raw) == {"error": wire.METHOD_NOT_IMPLEMENTED, "parameters": {"method": STATUS}}


@pytest.mark.parametrize(
    ("method", "error"),
    [
        ("io.tunedvnet.Nope", {"error": wire.METHOD_NOT_FOUND, "parameters": {"method": "io.tunedvnet.Nope"}}),
        ("io.example.Status", {"error": wire.INTERFACE_NOT_FOUND, "parameters": {"interface": "io.example"}}),
        ("Status", {"error": wire.INTERFACE_NOT_FOUND, "parameters": {"interface": ""}}),
        (
            "org.varlink.service.GetInterfaceDescription",
            {"error": wire.INVALID_PARAMETER, "parameters": {"parameter": "interface"}},
        ),
    ],
)
def test_errors_of_varlink_itself(running: Running, method: str, error: object) -> None:
    with running.connect() as raw:
        raw.sendall(request(method))
        assert read_reply(raw) == error


def test_a_client_that_goes_away_does_not_stop_what_it_began(running: Running) -> None:
    with running.connect() as raw:
        raw.sendall(request(VERIFY))
        running.eventually(lambda: len(running.calls) == 1)
    running.open_gate()
    running.eventually(lambda: running.finished == ["Verify"])
    assert running.call("Status")


def test_a_method_with_a_mistake_ends_its_connection_and_not_the_server(running: Running) -> None:
    told: list[object] = []
    running.loop.set_exception_handler(lambda _, context: told.append(context.get("exception")))
    with pytest.raises(DaemonError, match="closed the connection"):
        running.call("Reload")

    def is_told() -> bool:
        gc.collect()  # before Python 3.12, asyncio tells when the task is collected
        return [repr(error) for error in told] == ["KeyError('mistake')"]

    running.eventually(is_told)
    assert running.call("Status")


def test_who_does_not_read_is_put_out(socket_path: Path) -> None:
    with serve(socket_path, Limits(write_s=0.2)) as running, running.connect() as raw:
        raw.sendall(request("io.tunedvnet.Cat"))
        running.eventually(lambda: len(running.calls) == 1)
        running.eventually(lambda: not running.server._connections)
        assert running.call("Status")


def test_who_does_not_ask_is_put_out(socket_path: Path) -> None:
    with serve(socket_path, Limits(idle_s=0.2)) as running, running.connect() as raw:
        raw.sendall(b'{"method"')
        assert read_reply(raw) is None


def test_a_long_call_is_not_idle(socket_path: Path) -> None:
    with serve(socket_path, Limits(idle_s=0.1, write_s=0.1)) as running, running.connect() as raw:
        raw.sendall(request(VERIFY))
        running.eventually(lambda: len(running.calls) == 1)
        with running.connect() as idle:
            assert read_reply(idle) is None  # as long as idle_s has passed
        running.open_gate()
        assert read_reply(raw) == {"parameters": {"status": {"verified": True}}}


def test_one_connection_too_many_is_closed_and_the_place_is_free_again_later(socket_path: Path) -> None:
    limits = Limits(connections=2, connections_of_user=2)
    with serve(socket_path, limits) as running, running.connect() as first, running.connect():
        running.eventually(lambda: len(running.server._connections) == 2)
        with pytest.raises(DaemonError, match="closed the connection"):
            running.call("Status")
        first.close()
        running.eventually(lambda: len(running.server._connections) == 1)
        assert running.call("Status")


@pytest.mark.parametrize(
    ("uids", "newcomer", "room"),
    [
        ([1000] * 15, 1000, True),
        ([1000] * 16, 1000, False),
        ([1000] * 16, 1001, True),
        ([uid for uid in range(1, 5) for _ in range(16)], 1001, False),
        ([uid for uid in range(1, 5) for _ in range(16)], 0, True),
        ([0] * 63, 0, True),
        ([0] * 64, 0, False),
        ([0] * 64, 1000, True),
    ],
)
def test_no_user_can_take_every_place_and_nobody_can_keep_root_out(
    running: Running,
    uids: list[int],
    newcomer: int,
    room: bool,
) -> None:
    connections = {_FakeConnection(uid) for uid in uids}
    running.server._connections = connections  # type: ignore[assignment]
    assert running.server._has_room(Peer(uid=newcomer, pid=1)) is room
    running.server._connections = set()


class _FakeConnection:
    """As much of a connection as its owner."""

    def __init__(self, uid: int) -> None:
        self.peer = Peer(uid=uid, pid=1)


def test_the_socket_is_for_everyone_and_gone_after_the_stop(socket_path: Path) -> None:
    with serve(socket_path):
        mode = socket_path.stat().st_mode
        assert (stat.S_ISSOCK(mode), stat.S_IMODE(mode)) == (True, 0o666)
        assert os.listdir(socket_path.parent) == ["io.tunedvnet"]
    assert os.listdir(socket_path.parent) == []


def test_a_socket_that_a_dead_daemon_left_is_replaced(socket_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(socket_path))
    with serve(socket_path) as running:
        assert running.call("Status")


def test_a_living_daemon_keeps_its_socket(running: Running) -> None:
    with pytest.raises(DaemonError, match="another daemon listens here"):
        listen(running.path)
    assert running.call("Status")


def test_a_file_that_is_no_socket_is_not_removed(socket_path: Path) -> None:
    socket_path.write_text("precious")
    with pytest.raises(DaemonError, match="is not a socket"):
        listen(socket_path)
    assert socket_path.read_text() == "precious"


def test_a_missing_directory_is_said_with_who_should_make_it(socket_path: Path) -> None:
    with pytest.raises(DaemonError, match="cannot listen: No such file") as caught:
        listen(socket_path.parent / "missing" / "socket")
    assert caught.value.hint is not None
    assert "RuntimeDirectory" in caught.value.hint


def test_the_stop_does_not_remove_the_socket_of_a_successor(running: Running) -> None:
    running.path.unlink()
    successor = listen(running.path)
    running.stop()
    assert running.path.exists()
    successor.remove()
    successor.socket.close()


def test_the_stop_lets_a_running_call_end_and_hangs_up_on_the_idle(running: Running) -> None:
    with running.connect() as busy, running.connect() as idle:
        busy.sendall(request(VERIFY))
        running.eventually(lambda: len(running.calls) == 1)
        running.eventually(lambda: len(running.server._connections) == 2)
        stopped = running.submit(running.server.stop)
        assert read_reply(idle) is None
        assert not stopped.done()
        running.open_gate()
        assert read_reply(busy) == {"parameters": {"status": {"verified": True}}}
        stopped.result(5)


def test_the_stop_does_not_wait_for_ever(socket_path: Path) -> None:
    with serve(socket_path, Limits(stop_s=0.1)) as running, running.connect() as raw:
        raw.sendall(request(VERIFY))
        running.eventually(lambda: len(running.calls) == 1)
        running.stop()
        assert read_reply(raw) is None
        assert running.finished == []
