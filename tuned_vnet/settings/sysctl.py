"""[sysctl]: kernel parameters below net., for the whole host, as `sysctl -w` sets them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from tuned_vnet.change import Finding, Kernel, Outcome, Situation, Stage
from tuned_vnet.model import Device
from tuned_vnet.profiles.table import Key, Sysctl, Table

SECTION = "sysctl"
STAGE = Stage.HOST
NEEDS_NETDEV = False
KEYS = (Key(name="net.…", kind=Sysctl(), help="any kernel parameter below net., its name in quotes"),)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sysctls:
    """Values by name, as text with single spaces between the numbers."""

    values: Mapping[str, str] = field(default_factory=dict)


def parse(table: Table) -> Sysctls:
    """Read [sysctl]; names may use dots or, for an interface with a dot in its name, slashes."""
    values: dict[str, str] = {}
    for name in table.entries:
        if not name.startswith(("net.", "net/")) or ".." in name or not name.isprintable():
            table.problems.add(
                table.where(name), f"sysctl.{name}", "not below net., accepted are names such as net.core.netdev_budget"
            )
        elif (value := table.get(name, Sysctl())) is not None:
            values[name] = str(value)
    return Sysctls(values=values)


def observe(kernel: Kernel, device: Device, desired: Sysctls) -> Mapping[str, str | None]:
    """The parameters that are asked for; None where the kernel has no such file."""
    return {name: kernel.sysctl.get(name) for name in desired.values}


def plan(desired: Sysctls, observed: Mapping[str, str | None], situation: Situation) -> Iterator[Finding]:
    """One write for each parameter."""
    for name, wanted in desired.values.items():
        finding = situation.compare(f"sysctl.{name}", _number(wanted), _number(observed[name]))
        if finding.outcome is Outcome.DIFFERS:
            finding = finding.mended_by(SetSysctl(name=name, before=str(observed[name]), value=wanted))
        yield finding


def _number(text: str | None) -> int | str | None:
    """What is one number is compared and reported as one, so that rounding (rps_sock_flow_entries) is known as such."""
    try:
        return int(text) if text is not None else None
    except ValueError:
        return text


@dataclass(frozen=True, slots=True, kw_only=True)
class SetSysctl:
    """Write below /proc/sys."""

    name: str
    before: str
    value: str

    def describe(self) -> str:
        return f"sysctl {self.name} {self.before} -> {self.value}"

    def execute(self, kernel: Kernel) -> None:
        kernel.sysctl.set(self.name, self.value)
