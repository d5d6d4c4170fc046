"""The command on a host in memory, for the tests of tuned-vnetctl."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fake_kernel import FakeHost
from tests.unit.command import LAB, SECOND, Result, Run, make_host
from tests.unit.engines import write_profile
from tuned_vnet.control.client import DaemonNotRunning
from tuned_vnet.ctl import ask, check, direct
from tuned_vnet.ctl.main import main


@pytest.fixture
def host() -> FakeHost:
    return make_host()


@pytest.fixture
def root(tmp_path: Path) -> Path:
    write_profile(tmp_path, LAB.lstrip(), name="50-lab.toml")
    write_profile(tmp_path, SECOND.lstrip(), name="60-[second].toml")
    return tmp_path


@pytest.fixture
def run(
    host: FakeHost, root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Run]:
    """Run the command on the host in memory, as root, without a daemon."""

    def no_daemon(*_: object, **__: object) -> None:
        raise DaemonNotRunning("the daemon is not running")

    monkeypatch.setattr(ask, "call", no_daemon)
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    for module in (direct, check):
        monkeypatch.setattr(module, "real_system", lambda: host.system(root))

    def run_once(*arguments: str) -> Result:
        code = main(arguments)
        out, err = capsys.readouterr()
        return Result(code=int(code), out=out.replace(str(root), ""), err=err.replace(str(root), ""))

    yield run_once
