"""The daemon's configuration: defaults, mistakes, and the example file that explains every key."""

import re
from pathlib import Path

import pytest

from tuned_vnet.config import SECTIONS, Config, load_config, parse_config

EXAMPLE = Path(__file__).parents[2] / "etc" / "tuned-vnet.toml"


def read(text: str) -> tuple[Config, list[str]]:
    config, problems = parse_config(text.encode(), "c.toml")
    return config, [str(problem) for problem in problems]


def test_without_a_file_the_defaults_count(tmp_path: Path) -> None:
    assert load_config(tmp_path) == (Config(), ())


def test_all_keys_are_read() -> None:
    text = "[boot]\ntimeout = 90\ncarrier-timeout = 0\n[daemon]\naudit-interval = 5\n"
    assert read(text) == (Config(boot_timeout_s=90, carrier_timeout_s=0, audit_interval_s=5), [])


def test_auto_leaves_the_timeout_to_the_number_of_vfs() -> None:
    assert read('boot.timeout = "auto"')[0].boot_timeout_s is None


TIMEOUT = 'an integer from 1 to 3600 or "auto"'
MISTAKES = {
    "unknown section": ("[boots]\ntimeout = 1", ["1: boots: unknown, accepted are [boot] and [daemon]"]),
    "key outside of sections": ("timeout = 1", ["1: timeout: unknown, accepted are [boot] and [daemon]"]),
    "value instead of a section": ("boot = 1", ["1: boot: 1 is wrong, accepted is one section [boot]"]),
    "two of a section": ("[[boot]]\n", ["1: boot: [{}] is wrong, accepted is one section [boot]"]),
    "unknown key": ("[boot]\nwait = 1", ["2: boot.wait: unknown key, [boot] has carrier-timeout, timeout"]),
    "word": ("[boot]\ntimeout = 'never'", [f'2: boot.timeout: "never" is wrong, accepted is {TIMEOUT}']),
    "too short": ("[boot]\ntimeout = 0", [f"2: boot.timeout: 0 is wrong, accepted is {TIMEOUT}"]),
    "too long": ("[boot]\ntimeout = 3601", [f"2: boot.timeout: 3601 is wrong, accepted is {TIMEOUT}"]),
    "two, in the order of the lines": (
        "daemon.audit-interval = 4\nboot.carrier-timeout = 1.5",
        [
            "1: daemon.audit-interval: 4 is wrong, accepted is an integer from 5 to 3600",
            "2: boot.carrier-timeout: 1.5 is wrong, accepted is an integer from 0 to 300",
        ],
    ),
    "not TOML": ("boot.timeout = 1\n[daemon", ["2: not TOML: expected ']' at the end of a table declaration"]),
}


@pytest.mark.parametrize(("text", "messages"), MISTAKES.values(), ids=MISTAKES.keys())
def test_mistake(text: str, messages: list[str]) -> None:
    assert read(text) == (Config(), [f"c.toml:{message}" for message in messages])


def test_what_is_right_counts_beside_what_is_wrong() -> None:
    config, problems = read("[boot]\ntimeout = 0\ncarrier-timeout = 20\n")
    assert config == Config(carrier_timeout_s=20)
    assert len(problems) == 1


def test_a_dangling_link_is_a_problem_and_the_defaults_count(tmp_path: Path) -> None:
    path = tmp_path / "etc/tuned-vnet/tuned-vnet.toml"
    path.parent.mkdir(parents=True)
    path.symlink_to("/nonexistent/file")
    config, problems = load_config(tmp_path)
    assert config == Config()
    assert [str(problem) for problem in problems] == [f"{path}: link to /nonexistent/file, which does not exist"]


def test_the_file_is_found_below_etc(tmp_path: Path) -> None:
    path = tmp_path / "etc/tuned-vnet/tuned-vnet.toml"
    path.parent.mkdir(parents=True)
    path.write_text("[daemon]\naudit-interval = 30\n")
    assert load_config(tmp_path) == (Config(audit_interval_s=30), ())


def test_the_example_changes_nothing() -> None:
    assert read(EXAMPLE.read_text()) == (Config(), [])


def test_what_is_commented_out_in_the_example_is_every_key_with_its_default() -> None:
    text = re.sub(r"^#(?=[a-z-]+ = )", "", EXAMPLE.read_text(), flags=re.MULTILINE)
    assert read(text) == (Config(), [])
    shown = set(re.findall(r"^(\[\w+\]|[a-z-]+(?= = ))", text, flags=re.MULTILINE))
    keys = {key.name for section in SECTIONS.values() for key in section}
    assert shown == keys | {f"[{name}]" for name in SECTIONS}
