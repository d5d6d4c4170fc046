"""tuned-vnetctl as scripts and people see it: exit codes, what goes to which stream, and the text that a pipe gets."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.fake_kernel import FakeHost, Fault
from tests.unit.command import NOTE, Result, Run, assert_text
from tests.unit.engines import write_profile
from tuned_vnet.ctl import ask
from tuned_vnet.ctl.main import VERBS
from tuned_vnet.ctl.output import DISRUPTION_HINT
from tuned_vnet.errors import ExitCode

OVERRIDE = """
[match]
driver = "igb"
[ring]
rx = 512
[[vf]]
index = 0
trust = false
"""


# --- what verbs print ---


@pytest.mark.parametrize("verb", ["status", "plan", "verify"])
def test_looking_prints_what_is_stored_and_exits_with_3_while_something_differs(run: Run, verb: str) -> None:
    result = run(verb)
    hint = "" if verb == "status" else f"{DISRUPTION_HINT}\n"
    assert (result.code, result.err) == (ExitCode.DIFFERS, NOTE + hint)
    assert_text(result.out, verb)


def test_apply_prints_what_it_wrote_and_what_stays_open(run: Run) -> None:
    result = run("apply")
    assert result.code == ExitCode.KERNEL  # numvfs is refused for db-1
    assert_text(result.out, "apply")


def test_cat_prints_every_key_with_its_line_and_what_it_overrode(run: Run, root: Path) -> None:
    write_profile(root, OVERRIDE.lstrip(), name="70-override.toml")
    result = run("cat")
    assert result.code == ExitCode.OK
    assert_text(result.out, "cat")


def test_one_device_can_be_meant_by_any_of_its_names(run: Run) -> None:
    by_name = [run("status", name) for name in ("ens2", "0000:ab:00.0", "pci/0000:ab:00.0")]
    assert {result.code for result in by_name} == {ExitCode.OK}
    assert len({result.out for result in by_name}) == 1
    assert_text(by_name[0].out, "status-ens2")


def test_names_in_the_output_are_neither_markup_nor_emoji(run: Run) -> None:
    out = run("status", "ens2").out
    assert "60-[second].toml" in out
    assert "0000:ab:10.0" in out


def test_what_a_pipe_gets_is_plain(run: Run) -> None:
    out = run("status").out
    assert "\x1b" not in out
    assert not re.search(r"[\u2500-\u257f]", out), "box drawing"


def test_a_terminal_gets_colours_and_no_line_that_is_too_long(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.delenv("NO_COLOR", raising=False)
    out = run("status").out
    assert "\x1b[" in out
    tables = [line for line in re.sub(r"\x1b\[[0-9;]*m", "", out).splitlines() if not line.startswith("!")]
    assert max(map(len, tables)) <= 100


def test_status_begins_with_what_is_wrong_with_profiles(run: Run, root: Path) -> None:
    write_profile(root, "[ring]\nrx = 1\n", name="50-lab.toml")
    where = "/etc/tuned-vnet/profiles.d/50-lab.toml:1"
    said = f"{where}: ring: a file without [match] may hold [sysctl] only\n"
    result = run("status")
    assert result.out.startswith(said)
    assert result.err == NOTE + said


def test_status_of_a_port_without_driver_says_so(run: Run, host: FakeHost) -> None:
    host.port.driver = None
    assert "\n0000:21:00.0  no driver · NUMA node 1 · 50-lab.toml  pending\n" in f"\n{run('status').out}"


def test_without_any_profile_status_says_so(run: Run, root: Path) -> None:
    for name in ("50-lab.toml", "60-[second].toml"):
        write_profile(root, "", name=name)
    said = "No profile is for any device that was asked for.\neverything as-desired, no daemon running\n"
    assert run("status") == Result(code=ExitCode.OK, out=said, err=NOTE)


# --- JSON ---


@pytest.mark.parametrize(
    ("verb", "keys"),
    [
        ("status", {"version", "state", "daemon", "profiles", "devices", "sysctls"}),
        ("verify", {"version", "state", "daemon", "profiles", "devices", "sysctls"}),
        ("plan", {"status", "changes"}),
        ("apply", {"status", "changes"}),
    ],
)
def test_json_is_one_object_with_the_same_exit_code(run: Run, verb: str, keys: set[str]) -> None:
    result = run(verb, "--json", "--no-pager")
    assert json.loads(result.out).keys() == keys
    assert result.code == (ExitCode.KERNEL if verb == "apply" else ExitCode.DIFFERS)


def test_json_of_cat_is_a_list_of_settings(run: Run) -> None:
    rows = json.loads(run("cat", "--json").out)
    assert rows[0].keys() == {"device", "ifname", "vf", "setting", "value", "origin", "overrides"}


# --- exit codes ---


def test_as_desired_is_0_for_every_verb(run: Run, host: FakeHost, root: Path) -> None:
    write_profile(root, "", name="50-lab.toml")
    assert {verb: run(verb).code for verb in VERBS if verb != "reload"} == dict.fromkeys(VERBS.keys() - {"reload"}, 0)
    assert host.writes == []


def test_what_is_pending_differs_for_plan_and_is_no_refusal_for_apply(run: Run, root: Path) -> None:
    pending = '[match]\nifname = "ens1"\n[[vf]]\nindex = 0\nmax-tx-rate = 10\n'
    write_profile(root, pending, name="50-lab.toml")
    assert (run("plan").code, run("apply").code) == (ExitCode.DIFFERS, ExitCode.OK)


def test_what_the_kernel_refuses_is_1(run: Run, host: FakeHost, root: Path) -> None:
    write_profile(root, '[match]\nifname = "ens1"\n[coalesce]\nrx-usecs = 10\n', name="50-lab.toml")
    host.faults = [Fault(text="coalesce", errno=1, extack="not now")]
    result = run("apply")
    assert result.code == ExitCode.KERNEL
    assert "EPERM: not now" in result.out


@pytest.mark.parametrize("verb", ["status", "plan", "apply", "verify", "cat"])
def test_an_unknown_device_is_2_and_says_what_to_give(run: Run, verb: str) -> None:
    result = run(verb, "ens9")
    assert (result.code, result.out) == (ExitCode.USAGE, "")
    hint = "Give an interface name, a PCI address or bus/address."
    assert result.err.removeprefix(NOTE) == f"ens9: no such device\n{hint}\n"


@pytest.mark.parametrize("arguments", [(), ("undo",), ("status", "a", "b"), ("plan", "--allow-disruption")])
def test_a_wrong_command_line_is_2(run: Run, arguments: tuple[str, ...]) -> None:
    with pytest.raises(SystemExit) as caught:
        run(*arguments)
    assert caught.value.code == ExitCode.USAGE


@pytest.mark.parametrize("verb", ["apply", "reload"])
def test_without_root_changing_is_4_and_nothing_is_asked(
    run: Run, host: FakeHost, monkeypatch: pytest.MonkeyPatch, verb: str
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    result = run(verb)
    assert (result.code, result.out) == (ExitCode.NOT_ALLOWED, "")
    assert result.err == f"{verb}: changing settings needs root\nsudo tuned-vnetctl {verb}\n"
    assert host.writes == []


@pytest.mark.parametrize("verb", ["status", "plan", "verify", "cat", "check"])
def test_without_root_looking_works(run: Run, monkeypatch: pytest.MonkeyPatch, verb: str) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert run(verb).code != ExitCode.NOT_ALLOWED


def test_reload_needs_the_daemon(run: Run) -> None:
    result = run("reload")
    assert result.code == ExitCode.KERNEL
    assert result.err == "tuned-vnet.service is not running\nsystemctl start tuned-vnet\n"


def test_plan_writes_nothing_and_allowed_disruption_takes_vfs_from_guests(run: Run, host: FakeHost) -> None:
    run("plan")
    run("verify")
    assert host.writes == []
    result = run("apply", "--allow-disruption")
    assert "ens1 0000:21:00.0: sriov numvfs 7 -> 3\n" in result.out


def test_an_interrupt_ends_it_as_a_shell_expects(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(ask, "call", interrupt)
    assert run("status") == Result(code=130, out="", err="")


def test_a_reader_that_has_gone_is_no_error() -> None:
    """As in `tuned-vnetctl status | head`."""
    program = """
import sys
from tuned_vnet.ctl import cat, main
cat.run = lambda _arguments: print("a line\\n" * 100_000) or 0
sys.exit(main.main(["cat"]))
"""
    command = subprocess.Popen(
        [sys.executable, "-c", program],
        cwd=Path(__file__).parents[2],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert command.stdout is not None
    command.stdout.close()
    command.stdout = None
    _, err = command.communicate(timeout=30)
    assert (command.returncode, err) == (0, b"")
