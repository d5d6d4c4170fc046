"""The linters, and what has to be said in more than one place being the same everywhere."""

import importlib.util
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import tomli

import tuned_vnet
from tuned_vnet.profiles.profile import parse_profile
from tuned_vnet.settings import DEVICE_SETTINGS, HOST_SETTINGS, VF_SETTINGS

ROOT = Path(__file__).resolve().parents[2]
MANUAL_PAGES = sorted((ROOT / "man").iterdir())


def run(*command: str) -> None:
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr


def run_tool(name: str, *arguments: str) -> None:
    if importlib.util.find_spec(name) is None:
        pytest.skip(f"{name} is not installed")
    run(sys.executable, "-m", name, *arguments)


def test_ruff_finds_nothing() -> None:
    run_tool("ruff", "check", "--quiet", "--output-format=concise")


def test_code_is_formatted_as_ruff_does() -> None:
    run_tool("ruff", "format", "--check", "--quiet")


def test_types_are_right() -> None:
    run_tool("mypy")


@pytest.mark.parametrize("page", MANUAL_PAGES, ids=lambda page: page.name)
def test_manual_pages_are_sound(page: Path) -> None:
    if shutil.which("mandoc") is None:
        pytest.skip("mandoc is not installed")
    run("mandoc", "-T", "lint", "-W", "warning", str(page))


def test_version_is_the_same_everywhere() -> None:
    changelog = (ROOT / "debian" / "changelog").read_text(encoding="utf-8")
    news = (ROOT / "NEWS.md").read_text(encoding="utf-8")
    for text, pattern in ((changelog, r"tuned-vnet \((.*?)\)"), (news, r"## (\S+)")):
        found = re.search(pattern, text)
        assert found is not None
        assert found[1] == tuned_vnet.__version__


def test_debian_package_depends_on_what_the_python_package_does() -> None:
    renamed = {"systemd-python": "systemd"}
    project = tomli.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = {re.split(r"[ <>=]", text)[0] for text in project["dependencies"]}
    control = (ROOT / "debian" / "control").read_text(encoding="utf-8").partition("\nPackage:")[2]
    assert set(re.findall(r"^ python3-(\w+)", control, re.MULTILINE)) == {renamed.get(name, name) for name in wanted}


def test_manual_names_every_key_of_a_profile() -> None:
    manual = (ROOT / "man" / "tuned-vnet.profile.5").read_text(encoding="utf-8")
    documented = {
        key for line in re.findall(r"^\.It Cm (.*)$", manual, re.MULTILINE) for key in re.split(r"[ ,]+", line)
    }
    missing = {key.name for setting in (*DEVICE_SETTINGS, *VF_SETTINGS) for key in setting.KEYS} - documented
    assert not missing
    assert all(f"\n.Ss Bq {setting.SECTION}\n" in manual for setting in (*DEVICE_SETTINGS, *HOST_SETTINGS))


def test_example_profiles_are_right() -> None:
    for path in (ROOT / "etc" / "examples").iterdir():
        _, problems = parse_profile(path.read_bytes(), str(path), presets={})
        assert problems == ()
