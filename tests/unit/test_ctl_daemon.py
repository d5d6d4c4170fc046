"""tuned-vnetctl when the daemon runs: it is asked, and its errors are exit codes."""

import json
from typing import Any

import pytest

from tests.unit.command import Run
from tuned_vnet.ctl import ask
from tuned_vnet.errors import DaemonError, ExitCode, NotAllowedError, UsageError


class Answers:
    """The daemon's end: notes calls, and answers or raises."""

    def __init__(self, **replies: Any) -> None:
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.replies = replies

    def __call__(self, method: str, parameters: dict[str, Any], *, timeout_s: float) -> Any:
        name = method.rpartition(".")[2]
        if name == "GetInfo":
            return {}
        self.calls.append((method, parameters))
        reply = self.replies[name]
        if isinstance(reply, Exception):
            raise reply
        return reply


EMPTY = {"version": 1, "state": "as-desired", "daemon": {"running": True, "since": "2026-11-21T02:00:00Z"}}
EMPTY |= {"profiles": [], "devices": [], "sysctls": []}


@pytest.mark.parametrize(
    ("arguments", "asked"),
    [
        (("status",), ("Status", {"device": None})),
        (("verify", "ens1"), ("Verify", {"device": "ens1"})),
        (("plan", "ens1"), ("Plan", {"device": "ens1"})),
        (("apply", "ens1"), ("Apply", {"device": "ens1", "allow_disruption": False})),
        (("apply", "--allow-disruption"), ("Apply", {"device": None, "allow_disruption": True})),
        (("cat",), ("Cat", {"device": None})),
        (("reload",), ("Reload", {})),
    ],
)
def test_with_a_daemon_it_is_asked(
    run: Run, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], asked: tuple[str, dict[str, Any]]
) -> None:
    reply = {"status": EMPTY, "changes": ["ens1: ring rx 256 -> 512"], "settings": [], "problems": []}
    daemon = Answers(**dict.fromkeys(("Status", "Verify", "Plan", "Apply", "Cat", "Reload"), reply))
    monkeypatch.setattr(ask, "call", daemon)
    result = run(*arguments)
    assert daemon.calls == [asked]
    assert (result.code, result.err) == (ExitCode.OK, "")


def test_broken_profiles_make_reload_exit_with_2(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    problems = ["/etc/tuned-vnet/profiles.d/50.toml:3: ring.rx: -1 is wrong"]
    monkeypatch.setattr(ask, "call", Answers(Reload={"status": EMPTY, "changes": [], "problems": problems}))
    result = run("reload")
    assert (result.code, result.out, result.err) == (ExitCode.USAGE, "", f"{problems[0]}\n")
    assert json.loads(run("reload", "--json").out).keys() == {"status", "changes", "problems"}


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (UsageError("ens9: no such device"), ExitCode.USAGE),
        (NotAllowedError("not allowed"), ExitCode.NOT_ALLOWED),
        (DaemonError("the daemon did not answer"), ExitCode.KERNEL),
    ],
)
def test_the_daemons_errors_are_exit_codes_too(
    run: Run, monkeypatch: pytest.MonkeyPatch, error: Exception, code: ExitCode
) -> None:
    monkeypatch.setattr(ask, "call", Answers(Status=error))
    result = run("status")
    assert (result.code, result.out, result.err) == (code, "", f"{error}\n")
