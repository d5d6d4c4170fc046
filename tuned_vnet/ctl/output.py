"""What verbs print: JSON, lines, what is not as desired, and exit codes from states."""

import argparse
import json
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from tuned_vnet.change import Outcome
from tuned_vnet.cpus import format_cpulist
from tuned_vnet.errors import ExitCode

Object = Mapping[str, Any]

DISRUPTION_HINT = "It is done by itself when the guest is gone; `tuned-vnetctl apply --allow-disruption` does not wait."


def add_device(parser: argparse.ArgumentParser) -> None:
    """The optional DEVICE argument."""
    parser.add_argument(
        "device", metavar="DEVICE", nargs="?", help="interface name, PCI address, or bus/address as devlink writes it"
    )


def print_json(value: object) -> None:
    """Indented, with every character as itself."""
    print(json.dumps(value, indent=2, ensure_ascii=False))


def print_lines(lines: Iterable[str], *, error: bool = False) -> None:
    """One line each."""
    for line in lines:
        print(line, file=sys.stderr if error else sys.stdout)


def state_code(report: Object) -> ExitCode:
    """3 unless nothing is left to do or to wait for."""
    return ExitCode.OK if all(Outcome(row["outcome"]).settled for _, _, row in rows(report)) else ExitCode.DIFFERS


def refused_code(report: Object) -> ExitCode:
    """1 when something failed or was refused; what is pending will come."""
    bad = (Outcome.FAILED, Outcome.REFUSED, Outcome.DIFFERS)
    return ExitCode.KERNEL if any(Outcome(row["outcome"]) in bad for _, _, row in rows(report)) else ExitCode.OK


def rows(report: Object) -> Iterator[tuple[str, int | None, Object]]:
    """Every setting of a report with its device's name and its VF."""
    for device in report["devices"]:
        name = device_name(device)
        for row in device["settings"]:
            yield name, None, row
        for vf in device["vfs"]:
            for row in vf["settings"]:
                yield name, vf["vf"], row
    for row in report["sysctls"]:
        yield "host", None, row


def device_name(device: Object) -> str:
    """Interface name and address, as far as there are any."""
    address = device["device"].partition("/")[2]
    return f"{device['ifname']} {address}" if device["ifname"] else address


def print_open(report: Object, *, but: Sequence[str] = ()) -> None:
    """What is not as desired, one line a setting; VFs that are alike share a line."""
    print_lines(open_lines(report, but=but))
    if any(row["outcome"] == Outcome.REFUSED and " is held by " in (row["reason"] or "") for _, _, row in rows(report)):
        print_lines([DISRUPTION_HINT], error=True)


def open_lines(report: Object, *, but: Sequence[str] = ()) -> Iterator[str]:
    """`ens1 0000:21:00.0: vf 0-2: max-tx-rate: pending, …`, leaving out some outcomes.

    VFs that are alike share a line; so do settings that wait for the same thing and have no value yet.
    """
    groups: dict[tuple[str, bool, str], list[tuple[str, int | None]]] = {}
    for name, vf, row in rows(report):
        if row["outcome"] not in ("as-desired", "applied", *but):
            setting = row["setting"].removeprefix("vf.")
            text = row["outcome"] if row["observed"] is None else f"{setting}: {_compared(row)}"
            text += f": {row['reason']}" if row["reason"] else ""
            text += f" ({row['origin']})" if row["origin"] and row["observed"] is not None else ""
            groups.setdefault((name, vf is None, text), []).append((setting, vf))
    for (name, _, text), members in groups.items():
        settings = ", ".join(dict.fromkeys(setting for setting, _ in members))
        indices = {vf for _, vf in members if vf is not None}
        where = f"{name}: vf {format_cpulist(indices)}" if indices else name
        yield f"{where}: {text}" if text.startswith(f"{settings}: ") else f"{where}: {settings}: {text}"


def _compared(row: Object) -> str:
    return f"{row['outcome']}, {value_text(row['desired'])} desired, {value_text(row['observed'])} observed"


def value_text(value: object) -> str:
    """A JSON value as people write it in a profile."""
    match value:
        case None:
            return "nothing"
        case bool():
            return "on" if value else "off"
        case Mapping():
            return " ".join(f"{name}={item or 'off'}" for name, item in value.items())
        case list():
            return ",".join(map(str, value))
        case _:
            return str(value)


def print_settings(settings: Sequence[Object]) -> None:
    """`cat`: a line a key with its origin, and under it what it overrode."""
    where = None
    for row in settings:
        here = row["device"].removeprefix("host/") if row["ifname"] is None else f"{row['ifname']} {row['device']}"
        here += f" vf {row['vf']}" if row["vf"] is not None else ""
        if here != where:
            print(f"# {here}")
            where = here
        print(f"{row['setting']} = {json.dumps(row['value'], ensure_ascii=False)}  # {row['origin']}")
        for old in row["overrides"]:
            print(f"#   overrides {json.dumps(old['value'], ensure_ascii=False)}  # {old['origin']}")
