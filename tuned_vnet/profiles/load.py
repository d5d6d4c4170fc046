"""All profiles of a host, each with its state. A file that breaks keeps its last good version."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path

from tuned_vnet.profiles.files import ProfileFile, preset_files, profile_files, read_file
from tuned_vnet.profiles.profile import Profile, parse_profile
from tuned_vnet.profiles.table import Problem


class ProfileState(StrEnum):
    """How a file takes part: as it is, not at all by intent, not at all because it is broken, or as it was before."""

    LOADED = "loaded"
    MASKED = "masked"
    BROKEN = "broken"
    LAST_GOOD = "last-good"


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadedProfile:
    """A file by its path. `profile` is there when the state is loaded or last-good, problems when it is not loaded."""

    file: str
    state: ProfileState
    profile: Profile | None = None
    problems: tuple[Problem, ...] = ()

    @property
    def name(self) -> str:
        """The file's name without its directory; files of the same name replace each other."""
        return Path(self.file).name


@dataclass(frozen=True, slots=True, kw_only=True)
class Profiles:
    """The files in the order in which they count, later ones over earlier ones."""

    files: tuple[LoadedProfile, ...] = ()

    @property
    def active(self) -> tuple[Profile, ...]:
        """The profiles in force."""
        return tuple(file.profile for file in self.files if file.profile is not None)

    @property
    def problems(self) -> tuple[Problem, ...]:
        """All that is wrong; what is wrong with a preset once, however many files include it."""
        return tuple(dict.fromkeys(problem for file in self.files for problem in file.problems))


def load_profiles(root: Path, previous: Profiles | None = None) -> Profiles:
    """Read all profiles below `root`. One that is broken counts as it did in `previous`, by its name."""
    presets = preset_files(root)
    before = {file.name: file.profile for file in previous.files} if previous else {}
    loaded = []
    for file in profile_files(root):
        now = _load(file, presets=presets)
        last_good = before.get(now.name)
        if now.state is ProfileState.BROKEN and last_good is not None:
            now = replace(now, state=ProfileState.LAST_GOOD, profile=last_good)
        loaded.append(now)
    return Profiles(files=tuple(loaded))


def load_file(path: Path, *, root: Path = Path("/")) -> LoadedProfile:
    """One profile, wherever it lies; presets are those below `root`."""
    return _load(read_file(path), presets=preset_files(root))


def _load(file: ProfileFile, *, presets: Mapping[str, ProfileFile]) -> LoadedProfile:
    if file.problem is not None:
        return LoadedProfile(file=file.path, state=ProfileState.BROKEN, problems=(file.problem,))
    if file.masked:
        return LoadedProfile(file=file.path, state=ProfileState.MASKED)
    profile, problems = parse_profile(file.content, file.path, presets=presets)
    state = ProfileState.LOADED if profile else ProfileState.BROKEN
    return LoadedProfile(file=file.path, state=state, profile=profile, problems=problems)
