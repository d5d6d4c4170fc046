"""A root directory with profiles and presets in it."""

from pathlib import Path

import pytest


class Root:
    """`lib`, `run` and `etc` write a profile into that directory, `preset` a preset; all return the file's path."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def lib(self, name: str, text: str = "") -> Path:
        return self.write(f"usr/lib/tuned-vnet/profiles.d/{name}", text)

    def run(self, name: str, text: str = "") -> Path:
        return self.write(f"run/tuned-vnet/profiles.d/{name}", text)

    def etc(self, name: str, text: str = "") -> Path:
        return self.write(f"etc/tuned-vnet/profiles.d/{name}", text)

    def preset(self, name: str, text: str, *, below: str = "usr/lib") -> Path:
        return self.write(f"{below}/tuned-vnet/presets/{name}.toml", text)

    def write(self, name: str, text: str) -> Path:
        path = self.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path


@pytest.fixture
def root(tmp_path: Path) -> Root:
    return Root(tmp_path)
