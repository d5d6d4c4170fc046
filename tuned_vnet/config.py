"""The daemon's own configuration, /etc/tuned-vnet/tuned-vnet.toml. Every key has a default; the file may be missing."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tuned_vnet.profiles.document import Document, parse_document
from tuned_vnet.profiles.files import read_file
from tuned_vnet.profiles.table import Integer, Key, Problem, Problems, Table, show

PATH = "etc/tuned-vnet/tuned-vnet.toml"
AUTO = "auto"

SECTIONS: Mapping[str, tuple[Key, ...]] = {
    "boot": (
        Key(
            name="timeout",
            kind=Integer(minimum=1, maximum=3600, words=(AUTO,)),
            help="seconds after which booting goes on though not everything is done; auto: 10 and 1.5 for each VF, "
            "at most 300",
        ),
        Key(
            name="carrier-timeout",
            kind=Integer(maximum=300),
            help="seconds that booting waits for the carrier of a port whose VFs have rates; later they are set late",
        ),
    ),
    "daemon": (
        Key(
            name="audit-interval",
            kind=Integer(minimum=5, maximum=3600),
            help="seconds between looks at everything; some changes cause no event",
        ),
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """All keys with their defaults, in seconds. A boot timeout of None is `auto`."""

    boot_timeout_s: int | None = None
    carrier_timeout_s: int = 10
    audit_interval_s: int = 60


def load_config(root: Path) -> tuple[Config, tuple[Problem, ...]]:
    """Read the file below `root`. A key that is wrong is a problem, and its default counts."""
    path = root / PATH
    if not os.path.lexists(path):
        return Config(), ()
    file = read_file(path)
    if file.problem is not None:
        return Config(), (file.problem,)
    return parse_config(file.content, file.path)


def parse_config(data: bytes, file: str) -> tuple[Config, tuple[Problem, ...]]:
    """Read the text of the file; problems come in the order of the lines."""
    document = parse_document(data, file)
    if not isinstance(document, Document):
        return Config(), document
    problems = Problems()
    values: dict[tuple[str, str], int | str] = {}
    for name, value in document.values.items():
        if name not in SECTIONS:
            problems.add(document.origin(name), name, f"unknown, accepted are [{'] and ['.join(SECTIONS)}]")
        elif not isinstance(value, dict):
            text = f"{show(value)} is wrong, accepted is one section [{name}]"
            problems.add(document.origin(name), name, text)
        else:
            values.update(_read(document, name, problems))
    found = tuple(sorted(problems.found, key=lambda problem: problem.origin.line))
    return _config(values), found


def _read(document: Document, name: str, problems: Problems) -> dict[tuple[str, str], int | str]:
    """The keys of a section that are there and right."""
    origin = document.origin(name)
    table = Table(name=name, origin=origin, entries=document.entries(name), problems=problems)
    values = table.read(SECTIONS[name])
    return {(name, key.name): values[key.field] for key in SECTIONS[name] if values[key.field] is not None}


def _config(values: Mapping[tuple[str, str], int | str]) -> Config:
    default = Config()
    timeout = values.get(("boot", "timeout"), AUTO)
    return Config(
        boot_timeout_s=None if timeout == AUTO else int(timeout),
        carrier_timeout_s=int(values.get(("boot", "carrier-timeout"), default.carrier_timeout_s)),
        audit_interval_s=int(values.get(("daemon", "audit-interval"), default.audit_interval_s)),
    )
