"""Loading: broken files are told and left out, and a file that breaks later keeps what it said last."""

from tests.unit.profiles.conftest import Root
from tuned_vnet.profiles.load import Profiles, load_file, load_profiles

GOOD = '[match]\nifname = "*"\n[ring]\nrx = 256\n'
BETTER = GOOD.replace("256", "512")
BROKEN = GOOD.replace("256", '"many"')


def states(profiles: Profiles) -> dict[str, str]:
    return {file.name: file.state for file in profiles.files}


def rings(profiles: Profiles) -> list[object]:
    return [profile.sections["ring"].entries["rx"].value for profile in profiles.active]


def test_nothing_there_is_nothing_wrong(root: Root) -> None:
    assert load_profiles(root.path) == Profiles()


def test_a_broken_file_is_left_out_and_everything_else_goes_on(root: Root) -> None:
    path = root.etc("10-broken.toml", BROKEN)
    root.etc("20-good.toml", GOOD)
    root.etc("30-masked.toml", "")
    root.etc("40-link.toml").unlink()
    link = path.with_name("40-link.toml")
    link.symlink_to("/nonexistent/file")
    profiles = load_profiles(root.path)
    assert states(profiles) == {
        "10-broken.toml": "broken",
        "20-good.toml": "loaded",
        "30-masked.toml": "masked",
        "40-link.toml": "broken",
    }
    assert [profile.name for profile in profiles.active] == ["20-good.toml"]
    assert [str(problem) for problem in profiles.problems] == [
        f'{path}:4: ring.rx: "many" is wrong, accepted is an integer from 1 to 4294967295 or "max"',
        f"{link}: link to /nonexistent/file, which does not exist",
    ]


def test_a_file_that_breaks_keeps_its_last_good_version_until_it_is_mended(root: Root) -> None:
    path = root.etc("50-a.toml", GOOD)
    first = load_profiles(root.path)
    path.write_text(BROKEN)
    second = load_profiles(root.path, first)
    third = load_profiles(root.path, second)
    for profiles in (second, third):
        assert states(profiles) == {"50-a.toml": "last-good"}
        assert rings(profiles) == [256]
        assert len(profiles.problems) == 1
    path.write_text(BETTER)
    fourth = load_profiles(root.path, third)
    assert states(fourth) == {"50-a.toml": "loaded"}
    assert rings(fourth) == [512]


def test_a_file_that_becomes_unreadable_keeps_it_too(root: Root) -> None:
    path = root.etc("50-a.toml", GOOD)
    first = load_profiles(root.path)
    path.unlink()
    path.symlink_to("/nonexistent/file")
    assert rings(load_profiles(root.path, first)) == [256]


def test_a_broken_file_that_is_to_replace_a_shipped_one_leaves_that_in_force(root: Root) -> None:
    root.lib("50-a.toml", GOOD)
    first = load_profiles(root.path)
    path = root.etc("50-a.toml", BROKEN)
    second = load_profiles(root.path, first)
    assert rings(second) == [256]
    assert [file.file for file in second.files] == [str(path)]


def test_a_file_that_was_removed_or_masked_is_gone(root: Root) -> None:
    removed, masked = root.etc("50-a.toml", GOOD), root.etc("60-b.toml", GOOD)
    first = load_profiles(root.path)
    removed.unlink()
    masked.write_text("")
    second = load_profiles(root.path, first)
    assert states(second) == {"60-b.toml": "masked"}
    assert second.active == ()


def test_a_file_that_breaks_after_it_was_masked_has_no_last_good_version(root: Root) -> None:
    path = root.etc("50-a.toml", "")
    first = load_profiles(root.path)
    path.write_text(BROKEN)
    assert states(load_profiles(root.path, first)) == {"50-a.toml": "broken"}


def test_a_preset_that_breaks_holds_back_those_who_include_it(root: Root) -> None:
    preset = root.preset("p", "[ring]\nrx = 1\n")
    for name in ("50-a.toml", "60-b.toml"):
        root.etc(name, 'include = ["p"]\n[match]\nifname = "*"\n')
    first = load_profiles(root.path)
    preset.write_text("[ring]\nrx = 0\n")
    second = load_profiles(root.path, first)
    assert states(second) == {"50-a.toml": "last-good", "60-b.toml": "last-good"}
    assert rings(second) == [1, 1]
    assert [str(problem) for problem in second.problems] == [
        f'{preset}:2: ring.rx: 0 is wrong, accepted is an integer from 1 to 4294967295 or "max"'
    ]


def test_any_file_can_be_loaded_by_itself(root: Root) -> None:
    root.preset("p", "[ring]\nrx = 1\n")
    good = load_file(root.write("tmp/mine", 'include = ["p"]\n' + GOOD), root=root.path)
    assert (good.name, good.state, good.problems) == ("mine", "loaded", ())
    path = root.write("tmp/other", BROKEN)
    broken = load_file(path, root=root.path)
    assert (broken.state, broken.profile) == ("broken", None)
    assert [str(problem) for problem in broken.problems] == [
        f'{path}:4: ring.rx: "many" is wrong, accepted is an integer from 1 to 4294967295 or "max"'
    ]


def test_a_file_that_is_not_there_is_a_problem(root: Root) -> None:
    path = root.path / "missing.toml"
    assert [str(problem) for problem in load_file(path, root=root.path).problems] == [
        f"{path}: can't be read: No such file or directory"
    ]
