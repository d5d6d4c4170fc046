"""A profile as a value, and the check of everything that can be known from its file alone.

`include` lays presets below the file's own keys, in the order they are named. A preset has sections and a description
only: which devices and VFs there are is the profile's affair, and because presets include nothing, there are no
cycles. Each key keeps the file and line that it comes from.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePath

from tuned_vnet.model import Origin
from tuned_vnet.profiles.document import Document, parse_document
from tuned_vnet.profiles.files import ProfileFile
from tuned_vnet.profiles.match import SECTION as MATCH
from tuned_vnet.profiles.match import Match, parse_match
from tuned_vnet.profiles.section import Section, lay_over, read_section
from tuned_vnet.profiles.table import Problem, Problems, Table, Toml
from tuned_vnet.profiles.vf import NAME as VF
from tuned_vnet.profiles.vf import VfIndices, VfPolicy, check_together, parse_policy
from tuned_vnet.settings import DEVICE_SETTINGS, HOST_SETTINGS

__all__ = ["Profile", "Section", "VfIndices", "VfPolicy", "parse_profile"]

_SETTINGS = {setting.SECTION: setting for setting in (*DEVICE_SETTINGS, *HOST_SETTINGS)}
_HOST_SECTIONS = tuple(setting.SECTION for setting in HOST_SETTINGS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """What one file says, included presets merged in. Without `match` it is about the host."""

    file: str
    name: str
    description: str | None = None
    match: Match | None = None
    sections: Mapping[str, Section]
    vfs: tuple[VfPolicy, ...] = ()


@dataclass(frozen=True, slots=True)
class _Text:
    """A string."""

    accepts: str = "a string"

    def read(self, value: Toml) -> str:
        if not isinstance(value, str):
            raise ValueError
        return value


@dataclass(frozen=True, slots=True)
class _PresetNames:
    """Names of presets, of those that there are."""

    existing: tuple[str, ...]

    @property
    def accepts(self) -> str:
        return f"a list of presets out of {', '.join(self.existing) or 'none, because none is installed'}"

    def read(self, value: Toml) -> tuple[str, ...]:
        if not isinstance(value, list) or not all(isinstance(name, str) for name in value):
            raise ValueError
        for name in value:
            if name not in self.existing:
                raise ValueError(f"there is no preset {name}")
            if value.count(name) > 1:
                raise ValueError(f"{name} is named twice")
        return tuple(value)


def parse_profile(
    data: bytes, file: str, *, presets: Mapping[str, ProfileFile]
) -> tuple[Profile | None, tuple[Problem, ...]]:
    """Read and check a profile. With problems, which come in the order of the lines, there is no profile.

    `presets` are the files that `include` can name. What is wrong in an included one is a problem of this profile too.
    """
    document = parse_document(data, file)
    if not isinstance(document, Document):
        return None, document
    problems = Problems()
    profile = _read_profile(document, presets, problems)
    found = sorted(problems.found, key=lambda problem: (problem.origin.file != file, problem.origin.line))
    return (None if found else profile), tuple(found)


def _read_profile(document: Document, presets: Mapping[str, ProfileFile], problems: Problems) -> Profile:
    top = _top(document, problems, (MATCH, "description", "include", VF, *_SETTINGS), "a profile")
    included = top.get("include", _PresetNames(tuple(presets)))
    names: Sequence[str] = included if isinstance(included, tuple) else ()
    sections: dict[str, Section] = {}
    for name in names:
        for section in _read_preset(presets[name], problems):
            sections[section.name] = lay_over(sections.get(section.name), section)
    below = tuple(sections)
    for section in _read_sections(document, problems):
        sections[section.name] = lay_over(sections.get(section.name), section)
    vfs = _read_policies(document, problems)
    check_together(vfs, sections, problems)
    if MATCH not in document.values:
        _note_match_missing(document, below, problems)
    description = top.get("description", _Text())
    return Profile(
        file=document.file,
        name=PurePath(document.file).name,
        description=description if isinstance(description, str) else None,
        match=_read_match(document, problems),
        sections=sections,
        vfs=vfs,
    )


def _read_preset(file: ProfileFile, problems: Problems) -> tuple[Section, ...]:
    if file.problem is not None:
        problems.add(file.problem.origin, "", file.problem.text)
        return ()
    document = parse_document(file.content, file.path)
    if not isinstance(document, Document):
        for problem in document:
            problems.add(problem.origin, problem.key, problem.text)
        return ()
    top = _top(document, problems, ("description", *_SETTINGS), "a preset")
    top.get("description", _Text())
    return _read_sections(document, problems)


def _top(document: Document, problems: Problems, known: Sequence[str], what: str) -> Table:
    """The keys outside of sections; unknown keys and sections are noted."""
    entries = document.entries()
    for name, entry in entries.items():
        if name not in known:
            problems.add(entry.origin, name, f"unknown, {what} has {', '.join(sorted(known))}")
    return Table(name="", origin=Origin(file=document.file, line=1), entries=entries, problems=problems)


def _read_sections(document: Document, problems: Problems) -> tuple[Section, ...]:
    """The settings' sections, each held against its setting's types."""
    sections = []
    for name, setting in _SETTINGS.items():
        if name in document.values and _is_section(document, name, problems):
            section = read_section(document, name, problems)
            setting.parse(section.table(problems))
            sections.append(section)
    return tuple(sections)


def _read_match(document: Document, problems: Problems) -> Match | None:
    if MATCH not in document.values or not _is_section(document, MATCH, problems):
        return None
    return parse_match(read_section(document, MATCH, problems).table(problems))


def _is_section(document: Document, name: str, problems: Problems) -> bool:
    match document.values[name]:
        case dict():
            return True
        case list():
            problems.add(document.origin(name), name, f"a list, accepted is one section [{name}]")
        case _:
            problems.add(document.origin(name), name, f"a single value, accepted is a section [{name}]")
    return False


def _read_policies(document: Document, problems: Problems) -> tuple[VfPolicy, ...]:
    values = document.values.get(VF, [])
    if not isinstance(values, list):
        problems.add(document.origin(VF), VF, f"one section or value, accepted is [[{VF}]] for each policy")
        return ()
    policies = []
    for number, value in enumerate(values):
        origin = document.origin(VF, number)
        if not isinstance(value, dict):
            problems.add(origin, VF, f"a list of values, accepted is [[{VF}]] for each policy")
            continue
        section = Section(name=VF, origin=origin, entries=document.entries(VF, number))
        if (policy := parse_policy(section, problems)) is not None:
            policies.append(policy)
    return tuple(policies)


def _note_match_missing(document: Document, included: Sequence[str], problems: Problems) -> None:
    accepted = " and ".join(f"[{name}]" for name in _HOST_SECTIONS)
    text = f"a file without [{MATCH}] may hold {accepted} only"
    for name in document.values:
        if name == VF or (name in _SETTINGS and name not in _HOST_SECTIONS):
            problems.add(document.origin(name), name, text)
    if foreign := [name for name in included if name not in _HOST_SECTIONS]:
        problems.add(document.origin("include"), "include", f"{text}, and a preset brings [{foreign[0]}]")
