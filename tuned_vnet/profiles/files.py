"""Which profile and preset files there are, and what is in them.

Directories and masking are systemd's: a file replaces one of the same name from an earlier directory, and an empty
file or a link to /dev/null stands for "none". Files are read here, at once and only up to the size that is accepted,
so that a profile which changes meanwhile is seen as it was at one moment.
"""

import errno
import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tuned_vnet.model import Origin
from tuned_vnet.profiles.document import MAX_BYTES
from tuned_vnet.profiles.table import Problem

PROFILE_DIRECTORIES = (
    "usr/lib/tuned-vnet/profiles.d",
    "run/tuned-vnet/profiles.d",
    "etc/tuned-vnet/profiles.d",
)
PRESET_DIRECTORIES = ("usr/lib/tuned-vnet/presets", "etc/tuned-vnet/presets")
"""Both from the weakest to the strongest."""

_NULL_DEVICE = os.makedev(1, 3)  # Documentation/admin-guide/devices.txt


@dataclass(frozen=True, slots=True, kw_only=True)
class ProfileFile:
    """A file with its content, or with the reason why it has none. `path` is how messages name it."""

    name: str
    path: str
    content: bytes = b""
    problem: Problem | None = None

    @property
    def masked(self) -> bool:
        """True for an empty file and a link to /dev/null."""
        return self.problem is None and not self.content


def profile_files(root: Path) -> tuple[ProfileFile, ...]:
    """The profiles below `root` that count, in lexical order of their names, masked and unreadable ones among them."""
    return _toml_files(root, PROFILE_DIRECTORIES)


def preset_files(root: Path) -> Mapping[str, ProfileFile]:
    """The presets below `root` by the name that `include` takes; masked ones are left out."""
    files = _toml_files(root, PRESET_DIRECTORIES)
    return {file.name.removesuffix(".toml"): file for file in files if not file.masked}


def read_file(path: Path) -> ProfileFile:
    """Read at most one byte more than a profile may have. A file that can't be read gives a problem, no exception."""
    try:
        # Without O_NONBLOCK opening a pipe would wait for somebody who writes to it.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with open(descriptor, "rb") as file:
            status = os.fstat(descriptor)
            if stat.S_ISREG(status.st_mode):
                content = file.read(MAX_BYTES + 1)
            elif stat.S_ISCHR(status.st_mode) and status.st_rdev == _NULL_DEVICE:
                content = b""
            else:
                return _unreadable(path, "not a regular file")
    except OSError as error:
        return _unreadable(path, _why(path, error))
    return ProfileFile(name=path.name, path=str(path), content=content)


def _toml_files(root: Path, directories: tuple[str, ...]) -> tuple[ProfileFile, ...]:
    paths: dict[str, Path] = {}
    unreadable: list[ProfileFile] = []
    for directory in directories:
        try:
            names = os.listdir(root / directory)
        except FileNotFoundError:
            continue
        except OSError as error:
            unreadable.append(_unreadable(root / directory, f"can't be listed: {error.strerror}"))
            continue
        paths.update((name, root / directory / name) for name in names if _counts(name))
    return (*unreadable, *(_read_named(path) for _, path in sorted(paths.items())))


def _counts(name: str) -> bool:
    return name.endswith(".toml") and not name.startswith(".")


def _read_named(path: Path) -> ProfileFile:
    if not path.name.isprintable():  # it could neither be logged nor shown
        return _unreadable(path, "the file's name has characters that can't be printed")
    return read_file(path)


def _why(path: Path, error: OSError) -> str:
    if error.errno == errno.ENOENT and path.is_symlink():
        return f"link to {os.readlink(path)}, which does not exist"
    if error.errno == errno.EISDIR:
        return "a directory, accepted is a file"
    return f"can't be read: {error.strerror}"


def _unreadable(path: Path, text: str) -> ProfileFile:
    problem = Problem(origin=Origin(file=str(path), line=0), key="", text=text)
    return ProfileFile(name=path.name, path=str(path), problem=problem)
