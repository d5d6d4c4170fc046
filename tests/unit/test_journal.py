"""The journal: a line for each change, each trouble once, nothing when there is nothing new."""

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fake_kernel import FakeHost, Fault
from tests.fake_port import FakePort
from tests.unit.engines import IGB, apply, make_engine
from tuned_vnet.journal import Journal, log, open_journal
from tuned_vnet.model import Origin
from tuned_vnet.profiles.table import Problem
from tuned_vnet.reconcile import Retry
from tuned_vnet.report import DeviceReport

LABEL = "ens1 0000:21:00.0"


@pytest.fixture
def lines(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    caplog.set_level(logging.INFO, logger="tuned_vnet")
    return caplog


def said(lines: pytest.LogCaptureFixture) -> list[tuple[str, str]]:
    """Level and text of what was written since the last call."""
    found = [(record.levelname, record.getMessage()) for record in lines.records]
    lines.clear()
    return found


def fields(record: logging.LogRecord) -> dict[str, str]:
    names = ("PCI_ADDRESS", "SETTING", "GUEST")
    return {name: getattr(record, name) for name in names if hasattr(record, name)}


class Story:
    """One port with VFs, its passes written to one journal."""

    def __init__(self, root: Path, profile: str, *, vfs: int = 0, driver: str = "igb") -> None:
        port = FakePort(driver=driver)
        port.poke({"up": True, "numvfs": vfs})
        self.host = FakeHost(ports=[port])
        self.engine = make_engine(self.host, root, IGB.replace("igb", driver) + profile)
        self.where = str(root / "etc/tuned-vnet/profiles.d/50-test.toml")
        self.journal = Journal()

    def run(self, *, retry: Retry = Retry.NOTHING) -> DeviceReport:
        report = apply(self.engine, self.host, retry=retry)
        self.journal.write_pass(report)
        return report


def test_each_change_has_a_line_with_the_text_that_plan_prints(tmp_path: Path, lines: pytest.LogCaptureFixture) -> None:
    story = Story(tmp_path, "[sriov]\nnumvfs = 2\n[ring]\nrx = 512\n")
    story.run()
    assert [fields(record) for record in lines.records] == [
        {"PCI_ADDRESS": "0000:21:00.0", "SETTING": "sriov.numvfs"},
        {"PCI_ADDRESS": "0000:21:00.0", "SETTING": "ring.rx"},
    ]
    assert said(lines) == [
        ("INFO", f"{LABEL}: sriov numvfs 0 -> 2"),
        ("INFO", f"{LABEL}: ring rx 256 -> 512"),
    ]


def test_nothing_is_said_when_nothing_changed(tmp_path: Path, lines: pytest.LogCaptureFixture) -> None:
    story = Story(tmp_path, "[ring]\nrx = 512\n")
    story.run()
    lines.clear()
    story.run(retry=Retry.EVERYTHING)
    assert said(lines) == []


def test_a_trouble_is_told_once_and_again_after_it_was_gone(tmp_path: Path, lines: pytest.LogCaptureFixture) -> None:
    story = Story(tmp_path, "[ring]\nrx = 512\n")
    refusal = Fault(text="ring", errno=5)
    story.host.faults = [refusal]
    failed = [("WARNING", f"{LABEL}: ring.rx: failed: EIO (Input/output error) ({story.where}:4)")]
    story.run()
    assert said(lines) == failed
    story.run()
    story.run(retry=Retry.EVERYTHING)
    assert said(lines) == []

    story.host.faults.clear()
    story.run(retry=Retry.EVERYTHING)
    assert said(lines) == [("INFO", f"{LABEL}: ring rx 256 -> 512")]

    story.host.port.poke({"ring": {"rx": 256}})
    story.host.faults = [refusal]
    story.run()
    assert said(lines) == failed


def test_a_device_that_has_gone_is_news_when_it_comes_back(tmp_path: Path, lines: pytest.LogCaptureFixture) -> None:
    story = Story(tmp_path, "[ring]\nrx = 8192\n")
    story.run()
    before = said(lines)
    story.journal.forget(story.host.port.id)
    story.run()
    assert said(lines) == before == [("WARNING", f"{LABEL}: ring.rx: refused: {TOO_LARGE} ({story.where}:4)")]


TOO_LARGE = "the device has at most 4096"


def test_vfs_that_are_alike_share_a_line(tmp_path: Path, lines: pytest.LogCaptureFixture) -> None:
    profile = '[[vf]]\nindex = "0-2,4"\nlink-state = "enable"\n'
    story = Story(tmp_path, profile, vfs=5)
    story.run()
    unsupported = "unsupported: EOPNOTSUPP (Operation not supported)"
    assert said(lines) == [("INFO", f"{LABEL}: vf 0-2,4: link-state: {unsupported} ({story.where}:5)")]


def test_several_settings_that_wait_for_the_same_share_a_line(tmp_path: Path, lines: pytest.LogCaptureFixture) -> None:
    story = Story(tmp_path, '[[vf]]\nindex = "*"\nmin-tx-rate = 1\nmax-tx-rate = 10\n', driver="ixgbe", vfs=2)
    story.host.port.carrier = False
    story.run()
    (level, text), *_ = said(lines)
    assert (level, text.startswith(f"{LABEL}: vf 0-1: ")) == ("INFO", True)


@pytest.mark.parametrize(
    ("profile", "level"),
    [
        ("[ring]\nrx = 1001\n", "INFO"),
        ("[ring]\nrx = 8192\n", "WARNING"),
        ("[coalesce]\nadaptive-rx = true\n", "INFO"),
        ("[coalesce]\nrx-usecs = 10001\n", "WARNING"),
    ],
    ids=["adjusted", "refused", "unsupported", "failed"],
)
def test_what_needs_somebody_is_a_warning(
    tmp_path: Path, lines: pytest.LogCaptureFixture, profile: str, level: str
) -> None:
    Story(tmp_path, profile).run()
    assert said(lines)[-1][0] == level


def test_lines_about_a_guests_vf_name_the_guest(tmp_path: Path, lines: pytest.LogCaptureFixture) -> None:
    story = Story(tmp_path, '[[vf]]\nindex = "*"\ntrust = true\nlink-state = "enable"\n', vfs=2)
    story.host.port.poke({"vf": {"1": {"guest": "db-1"}}})
    story.run()
    assert [(record.SETTING, getattr(record, "GUEST", None)) for record in lines.records] == [  # type: ignore[attr-defined]
        ("vf.trust", None),
        ("vf.trust", "db-1"),
        ("vf.link-state", "db-1"),
    ]


def test_problems_of_profiles_are_told_once(lines: pytest.LogCaptureFixture) -> None:
    origin = Origin(file="/etc/50.toml", line=3)
    wrong = Problem(origin=origin, key="ring.rx", text="-1 is wrong")
    idle = Problem(origin=origin, key="match", text="no device of this host fits", fatal=False)
    journal = Journal()
    journal.write_problems((wrong, idle))
    assert said(lines) == [
        ("WARNING", "/etc/50.toml:3: ring.rx: -1 is wrong"),
        ("INFO", "/etc/50.toml:3: match: no device of this host fits"),
    ]
    journal.write_problems((wrong, idle))
    assert said(lines) == []
    journal.write_problems(())
    journal.write_problems((wrong,))
    assert said(lines) == [("WARNING", "/etc/50.toml:3: ring.rx: -1 is wrong")]


def test_a_file_that_is_no_profile_at_all_does_not_flood_the_journal(lines: pytest.LogCaptureFixture) -> None:
    problems = tuple(
        Problem(origin=Origin(file="/etc/50.toml", line=line), key="x", text="unknown") for line in range(1, 54)
    )
    Journal().write_problems(problems)
    written = said(lines)
    assert len(written) == 51
    assert written[-1] == ("WARNING", "3 more problems, see `tuned-vnetctl check`")


@pytest.fixture
def handlers() -> Iterator[list[logging.Handler]]:
    """The log's handlers, put back afterwards."""
    before, level = list(log.handlers), log.level
    log.handlers = []
    yield log.handlers
    log.handlers = before
    log.setLevel(level)


def test_without_systemd_the_log_is_standard_error(
    handlers: list[logging.Handler], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("JOURNAL_STREAM", raising=False)
    open_journal()
    log.info("100% of it")
    assert capsys.readouterr().err == "100% of it\n"


def test_started_by_systemd_the_log_is_the_journal(
    handlers: list[logging.Handler], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JOURNAL_STREAM", "8:1234")
    open_journal()
    assert [type(handler).__name__ for handler in handlers] == ["JournalHandler"]
