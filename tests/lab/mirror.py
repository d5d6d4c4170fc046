"""Which Debian mirror this machine uses, read from its own apt sources.

The lab never names a mirror: a machine behind a company's mirror or a snapshot has said so in
`/etc/apt`, and the lab's image has to come from the same place, by the same proxy and certificates.
Knows both formats of apt sources; leaves downloading to apt and mmdebstrap.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

APT_DIRECTORY = Path("/etc/apt")

# What of the machine's apt configuration decides whether a download works at all. The rest (languages,
# hooks, caches) is the machine's own business and must not get into the image.
PASSED_ON = re.compile(
    r"^Acquire::(?:[^ ]*::)?(?:Proxy[^ ]*|CaInfo|CaPath|IssuerCert|SslCert|SslKey|Verify-\w+|"
    r"Check-Valid-Until|Check-Date|Retries|Timeout|ForceIPv4) ",
    re.IGNORECASE,
)


class NoMirror(Exception):
    """The machine's apt sources name no Debian archive."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """One archive and one suite of it, as apt sources name them."""

    uri: str
    suite: str
    components: tuple[str, ...]
    signed_by: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Mirror:
    """Where Debian's packages come from on this machine."""

    uri: str
    codename: str
    keyring: str | None

    def one_line_source(self, suite: str) -> str:
        """A `sources.list` line for another suite of the same archive."""
        option = f"[signed-by={self.keyring}] " if self.keyring else ""
        return f"deb {option}{self.uri} {suite} main"


def find_mirror(apt_directory: Path = APT_DIRECTORY, os_release: Path = Path("/etc/os-release")) -> Mirror:
    """The archive that this machine's own release comes from.

    Suites such as `trixie-security` or `trixie-updates` do not count: only the archive that has the
    release itself is sure to have every other release as well.
    """
    codename = read_codename(os_release)
    for source in read_sources(apt_directory):
        if source.suite == codename and "main" in source.components:
            return Mirror(uri=source.uri, codename=codename, keyring=source.signed_by)
    raise NoMirror(
        f"{apt_directory}: no source of {codename or 'Debian'} main found.\n"
        "The lab's image is made of Debian packages from the mirror this machine uses; add one to "
        "its apt sources."
    )


def read_codename(os_release: Path) -> str:
    """`VERSION_CODENAME` of os-release(5), empty if there is none."""
    match = re.search(r'^VERSION_CODENAME="?([\w-]+)', os_release.read_text("utf-8"), re.MULTILINE)
    return match[1] if match else ""


def read_sources(apt_directory: Path) -> Iterator[Source]:
    """Every enabled binary source, in apt's order of files."""
    files = [apt_directory / "sources.list", *sorted((apt_directory / "sources.list.d").glob("*"))]
    for file in files:
        if not file.is_file():
            continue
        if file.suffix == ".list":
            yield from parse_one_line_style(file.read_text("utf-8"))
        elif file.suffix == ".sources":
            yield from parse_deb822_style(file.read_text("utf-8"))


def parse_one_line_style(text: str) -> Iterator[Source]:
    """`deb [options] uri suite component…`, one source a line (sources.list(5))."""
    for line in text.splitlines():
        match = re.match(r"deb\s+(?:\[(?P<options>[^]]*)\]\s+)?(?P<rest>[^#]+)", line.strip())
        if match is None:
            continue
        uri, suite, *components = match["rest"].split()
        signed_by = re.search(r"signed-by=(/\S+)", match["options"] or "")
        yield Source(
            uri=uri.rstrip("/"),
            suite=suite.rstrip("/"),
            components=tuple(components),
            signed_by=signed_by[1] if signed_by else None,
        )


def parse_deb822_style(text: str) -> Iterator[Source]:
    """Stanzas of `Types:`, `URIs:`, `Suites:`, `Components:`; every combination is a source."""
    for stanza in re.split(r"\n\s*\n", text):
        fields = parse_stanza(stanza)
        if fields.get("enabled", "yes").lower() in ("no", "false", "0"):
            continue
        if "deb" not in fields.get("types", "").split():
            continue
        # An embedded key instead of a path is left to the debootstrap tool's own keyring.
        signed_by = fields.get("signed-by", "").strip()
        for uri in fields.get("uris", "").split():
            for suite in fields.get("suites", "").split():
                yield Source(
                    uri=uri.rstrip("/"),
                    suite=suite.rstrip("/"),
                    components=tuple(fields.get("components", "").split()),
                    signed_by=signed_by if signed_by.startswith("/") else None,
                )


def parse_stanza(stanza: str) -> dict[str, str]:
    """deb822 fields, names in lower case, continuation lines joined, comments left out."""
    fields: dict[str, str] = {}
    name = ""
    for line in stanza.splitlines():
        if line.startswith("#"):
            continue
        if line[:1].isspace() and name:
            fields[name] += "\n" + line.strip()
        elif ":" in line:
            name, value = line.split(":", 1)
            name = name.strip().lower()
            fields[name] = value.strip()
    return fields


def download_options() -> tuple[str, ...]:
    """apt.conf lines (proxies, certificates, credentials) that a download elsewhere needs as well."""
    dump = subprocess.run(["apt-config", "dump"], check=True, capture_output=True, text=True).stdout.splitlines()
    options = [line.rstrip(";") for line in dump if PASSED_ON.match(line)]
    credentials = APT_DIRECTORY / "auth.conf.d"
    if credentials.is_dir() and any(credentials.iterdir()):
        options.append(f'Dir::Etc::netrcparts "{credentials}"')
    return tuple(options)
