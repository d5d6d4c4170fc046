"""Which profile files count: precedence of the directories, masking, and files that can't be read."""

import os
from pathlib import Path

import pytest

from tests.unit.profiles.conftest import Root
from tuned_vnet.profiles.files import preset_files, profile_files, read_file


def test_no_directories_no_files(tmp_path: Path) -> None:
    assert profile_files(tmp_path) == ()
    assert preset_files(tmp_path) == {}


def test_files_come_in_the_order_of_their_names_whichever_directory_they_lie_in(root: Root) -> None:
    paths = [
        root.etc("50-a.toml", "x"),
        root.lib("60-b.toml", "x"),
        root.run("70-c.toml", "x"),
        root.lib("9.toml", "x"),
    ]
    assert [file.path for file in profile_files(root.path)] == [str(path) for path in paths]


def test_etc_wins_over_run_and_run_over_lib(root: Root) -> None:
    for place in (root.lib, root.run, root.etc):
        path = place("50-a.toml", "# text")
        (file,) = profile_files(root.path)
        assert file.path == str(path)


def test_an_empty_file_masks(root: Root) -> None:
    root.lib("50-a.toml", "# text")
    root.etc("50-a.toml", "")
    (file,) = profile_files(root.path)
    assert file.masked


def test_a_link_to_dev_null_masks(root: Root) -> None:
    root.lib("50-a.toml", "# text")
    root.etc("50-b.toml", "# text").with_name("50-a.toml").symlink_to("/dev/null")
    first, second = profile_files(root.path)
    assert first.masked
    assert not second.masked


def test_a_file_with_comments_only_is_no_mask(root: Root) -> None:
    root.etc("50-a.toml", "# text")
    (file,) = profile_files(root.path)
    assert not file.masked


def test_dot_files_and_other_names_do_not_count(root: Root) -> None:
    for name in (".50-a.toml", ".toml", "50-a.toml~", "50-a.toml.dpkg-old", "50-a.conf", "README", ".#50-a.toml"):
        root.etc(name, "x")
    assert profile_files(root.path) == ()


def test_a_link_to_a_file_counts_under_its_own_name(root: Root) -> None:
    target = root.write("srv/fleet.toml", "# text")
    link = root.etc("50-a.toml")
    link.unlink()
    link.symlink_to(target)
    (file,) = profile_files(root.path)
    assert (file.name, file.path, file.content) == ("50-a.toml", str(link), b"# text")


def dangling(path: Path) -> str:
    path.symlink_to("/nonexistent/file")
    return "link to /nonexistent/file, which does not exist"


def looping(path: Path) -> str:
    path.symlink_to(path.name)
    return "can't be read: Too many levels of symbolic links"


def directory(path: Path) -> str:
    path.mkdir()
    return "a directory, accepted is a file"


def pipe(path: Path) -> str:
    os.mkfifo(path)
    return "not a regular file"


def endless(path: Path) -> str:
    path.symlink_to("/dev/zero")
    return "not a regular file"


@pytest.mark.parametrize("make", [dangling, looping, directory, pipe, endless])
def test_what_is_no_file_is_a_problem_of_that_name(root: Root, make: object) -> None:
    assert callable(make)
    root.lib("50-a.toml", "# the shipped one is replaced all the same")
    path = root.etc("60-b.toml", "# text").with_name("50-a.toml")
    text = make(path)
    broken, fine = profile_files(root.path)
    assert str(broken.problem) == f"{path}: {text}"
    assert not broken.masked
    assert fine.content == b"# text"


def test_an_unreadable_file_is_a_problem(root: Root, monkeypatch: pytest.MonkeyPatch) -> None:
    path = root.etc("50-a.toml", "# text")

    def refuse(*_: object) -> int:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr("tuned_vnet.profiles.files.os.open", refuse)
    (file,) = profile_files(root.path)
    assert str(file.problem) == f"{path}: can't be read: Permission denied"


def test_a_directory_that_is_none_is_a_problem_and_the_others_are_read(root: Root) -> None:
    path = root.write("run/tuned-vnet/profiles.d", "I am a file")
    root.etc("50-a.toml", "# text")
    broken, fine = profile_files(root.path)
    assert str(broken.problem) == f"{path}: can't be listed: Not a directory"
    assert fine.name == "50-a.toml"


def test_a_name_that_can_not_be_printed_is_a_problem_that_can(root: Root) -> None:
    directory = root.etc("50-a.toml", "# text").parent
    (directory / os.fsdecode(b"60-\xff\n.toml")).touch()
    _, broken = profile_files(root.path)
    assert (
        str(broken.problem) == f"{directory}/60-\\udcff\\n.toml: the file's name has characters that can't be printed"
    )


def test_a_missing_file_is_a_problem_too(tmp_path: Path) -> None:
    path = tmp_path / "x.toml"
    assert str(read_file(path).problem) == f"{path}: can't be read: No such file or directory"


def test_presets_are_found_by_name_and_the_admins_replace_the_shipped_ones(root: Root) -> None:
    root.preset("throughput", "# shipped")
    root.preset("latency", "# shipped")
    root.preset("throughput", "# mine", below="etc")
    assert list(preset_files(root.path)) == ["latency", "throughput"]
    assert preset_files(root.path)["throughput"].content == b"# mine"


def test_a_masked_preset_does_not_exist(root: Root) -> None:
    root.preset("throughput", "# shipped")
    root.preset("throughput", "", below="etc")
    assert preset_files(root.path) == {}
