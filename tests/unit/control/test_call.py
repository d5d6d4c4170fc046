"""The command's client against the daemon's server."""

import os
import socket
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.unit.control.running import Running
from tuned_vnet.control.client import DaemonNotRunning, call
from tuned_vnet.errors import DaemonError, UsageError
from tuned_vnet.model import Json

ROOT = Path(__file__).resolve().parents[3]


def test_a_call_gets_its_reply_and_the_method_its_caller(running: Running) -> None:
    assert running.call("Status", {"device": "ens1"}) == {"status": {"state": "as-desired", "device": "ens1"}}
    ((_, parameters, peer),) = running.calls
    assert (parameters, peer.uid, peer.pid) == ({"device": "ens1"}, os.geteuid(), os.getpid())


def test_a_parameter_that_is_none_is_the_same_as_none_at_all(running: Running) -> None:
    running.call("Status", {"device": None})
    assert running.calls[0][1] == {}


def test_a_reply_of_some_megabytes_arrives_whole(running: Running) -> None:
    settings = running.call("Cat")["settings"]
    assert isinstance(settings, list)
    assert (len(settings), settings[1999]) == (2000, {"text": "é" * 1000})


def test_a_device_that_does_not_exist_is_wrong_usage(running: Running) -> None:
    with pytest.raises(UsageError, match="nope: no such device"):
        running.call("Status", {"device": "nope"})


@pytest.mark.parametrize(
    ("parameters", "name"),
    [({"device": 3}, "device"), ({"devise": "ens1"}, "devise"), ({"device": ["ens1"]}, "device")],
)
def test_a_wrong_parameter_is_wrong_usage_and_reaches_no_method(
    running: Running, parameters: dict[str, Json], name: str
) -> None:
    with pytest.raises(UsageError, match=f"{name}: the daemon does not accept"):
        running.call("Status", parameters)
    assert running.calls == []


@pytest.mark.parametrize("method", ["Plan", "Nope", "org.varlink.service.Nope", "no.such.interface.Nope"])
def test_a_method_that_the_daemon_lacks_points_to_another_version(running: Running, method: str) -> None:
    with pytest.raises(DaemonError, match="the daemon does not know") as caught:
        running.call(method)
    assert caught.value.hint is not None
    assert "another version" in caught.value.hint


def test_introspection_through_the_client(running: Running) -> None:
    assert running.call("org.varlink.service.GetInfo")["interfaces"] == ["org.varlink.service", "io.tunedvnet"]
    text = running.call("org.varlink.service.GetInterfaceDescription", {"interface": "io.tunedvnet"})["description"]
    assert isinstance(text, str)
    assert "method Apply(device: ?string, allow_disruption: ?bool) -> (status: object, changes: []string)" in text


def test_many_clients_at_once_get_each_their_own_reply(running: Running) -> None:
    with ThreadPoolExecutor(50) as pool:
        replies = list(pool.map(lambda n: running.call("Status", {"device": f"ens{n}"}), range(200)))
    assert [reply["status"] for reply in replies] == [{"state": "as-desired", "device": f"ens{n}"} for n in range(200)]


def test_nobody_listening_is_a_daemon_that_does_not_run(socket_path: Path) -> None:
    with pytest.raises(DaemonNotRunning) as caught:
        call("Status", path=str(socket_path), timeout_s=1)
    assert caught.value.hint is not None
    assert "systemctl start tuned-vnet" in caught.value.hint


def test_a_socket_that_a_dead_daemon_left_is_a_daemon_that_does_not_run(socket_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(socket_path))
    with pytest.raises(DaemonNotRunning):
        call("Status", path=str(socket_path), timeout_s=1)


def test_a_daemon_that_accepts_and_does_not_answer_ends_in_a_timeout(running: Running) -> None:
    with pytest.raises(DaemonError, match=r"did not answer within 0\.2 s"):
        call("Verify", path=str(running.path), timeout_s=0.2)


def test_a_daemon_that_does_not_even_accept_ends_in_a_timeout(socket_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as frozen, socket.socket(socket.AF_UNIX) as first:
        frozen.bind(str(socket_path))
        frozen.listen(0)
        first.connect(str(socket_path))
        with pytest.raises(DaemonError, match="did not answer"):
            call("Status", path=str(socket_path), timeout_s=0.2)


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (b"HTTP/1.1 400 Bad Request\r\n\0", "not varlink"),
        (b"[]\0", "not varlink"),
        (b'{"parameters":{"status":', "without an answer"),
        (b"", "without an answer"),
        (b'{"error":"io.example.Odd","parameters":{"why":"so"}}\0', r"answered with io.example.Odd \(why: so\)"),
    ],
)
def test_a_strange_daemon_is_a_daemon_error(socket_path: Path, answer: bytes, message: str) -> None:
    with socket.socket(socket.AF_UNIX) as strange:
        strange.bind(str(socket_path))
        strange.listen(1)

        def answer_once() -> None:
            connection, _ = strange.accept()
            with connection:
                connection.recv(1000)
                connection.sendall(answer)

        thread = threading.Thread(target=answer_once)
        thread.start()
        with pytest.raises(DaemonError, match=message):
            call("Status", path=str(socket_path), timeout_s=5)
        thread.join()


def run_as_nobody(socket_path: Path, program: str) -> str:
    """Run Python with `call_here(method, …)` as another user, who need not be able to start this interpreter."""
    if os.geteuid() != 0:
        pytest.skip("needs root to call as another user")
    prologue = f"""
import os, sys
sys.path.insert(0, {str(ROOT)!r})
from tuned_vnet.control.client import call
from tuned_vnet.errors import NotAllowedError
os.setgroups([]); os.setgid(65534); os.setuid(65534)
def call_here(method, **parameters): return call(method, parameters, path={str(socket_path)!r}, timeout_s=10)
"""
    command = [sys.executable, "-c", prologue + program]
    return subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout


def test_apply_is_for_root_and_nobody_may_look(running: Running) -> None:
    program = """
print(call_here("Status")["status"]["state"])
try: call_here("Apply", allow_disruption=True)
except NotAllowedError as error: print(error, error.hint)
"""
    running.call("Apply")
    assert run_as_nobody(running.path, program) == "as-desired\nApply is for root Run it as root.\n"
    assert [(name, peer.uid) for name, _, peer in running.calls] == [("Apply", 0), ("Status", 65534)]


def test_a_socket_that_may_not_be_reached_is_a_matter_of_rights(running: Running) -> None:
    running.path.chmod(0o600)
    program = """
try: call_here("Status")
except NotAllowedError as error: print(error)
"""
    assert run_as_nobody(running.path, program) == f"{running.path}: not allowed to connect\n"


def test_the_client_loads_nothing_heavy() -> None:
    program = "import sys, tuned_vnet.control.client; print(*{'asyncio', 'pyroute2', 'dataclasses'} & set(sys.modules))"
    result = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert result.stdout.strip() == ""
