"""`tuned-vnetctl check`: all that is wrong, in one run, as FILE:LINE: key: what is wrong, what is accepted."""

import json
from pathlib import Path

from tests.unit.command import Result, Run, assert_text
from tests.unit.engines import write_profile
from tuned_vnet.errors import ExitCode


def test_check_of_what_is_installed_says_nothing_when_nothing_is_wrong(run: Run) -> None:
    assert run("check") == Result(code=ExitCode.OK, out="", err="")


def test_check_finds_all_that_is_wrong_in_one_run(run: Run, root: Path) -> None:
    write_profile(root, '[match]\nifname = "ens1"\n[ring]\nrx = -1\nrz = 5\n', name="80-a.toml")
    write_profile(root, "[ring\n", name="81-b.toml")
    write_profile(root, '[match]\nifname = "ens2"\n[sriov]\nnumvfs = 8\n', name="82-c.toml")
    result = run("check")
    assert result.code == ExitCode.USAGE
    assert_text(result.out, "check")


def test_check_of_a_file_needs_it_nowhere_special(run: Run, tmp_path: Path) -> None:
    wrong = tmp_path / "mine.toml"
    wrong.write_text('[match]\nifname = "ens1"\n[ring]\nrx = true\n', encoding="utf-8")
    good = tmp_path / "good.toml"
    good.write_text('[match]\nifname = "ens1"\n[ring]\nrx = 5\n', encoding="utf-8")
    result = run("check", str(wrong))
    said = 'true is wrong, accepted is an integer from 1 to 4294967295 or "max"'
    assert (result.code, result.out) == (ExitCode.USAGE, f"/mine.toml:4: ring.rx: {said}\n")
    assert run("check", str(good)).code == ExitCode.OK


def test_check_sees_a_file_in_view_of_the_devices(run: Run, tmp_path: Path) -> None:
    mine = tmp_path / "mine.toml"
    mine.write_text('[match]\nifname = "ens1"\n[sriov]\nnumvfs = 8\n', encoding="utf-8")
    result = run("check", str(mine), "--json")
    assert result.code == ExitCode.USAGE
    (problem,) = json.loads(result.out)
    assert (problem["line"], problem["key"], problem["fatal"]) == (4, "sriov.numvfs", True)


def test_check_of_a_file_that_is_not_there_is_2(run: Run) -> None:
    result = run("check", "/no/such/file.toml")
    assert (result.code, result.out) == (
        ExitCode.USAGE,
        "/no/such/file.toml: can't be read: No such file or directory\n",
    )


def test_a_profile_for_no_device_here_is_told_and_is_no_mistake(run: Run, tmp_path: Path) -> None:
    other = tmp_path / "other.toml"
    other.write_text('[match]\ndriver = "mlx5_core"\n', encoding="utf-8")
    result = run("check", str(other))
    assert (result.code, result.out) == (ExitCode.OK, "/other.toml:1: match: no device of this host fits\n")
