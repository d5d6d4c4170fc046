"""`status` as tables: a line for each port, its settings, a row for each VF, and what is open. Plain when piped."""

import io
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from tuned_vnet.ctl.output import Object, device_name, open_lines, print_lines, value_text

STYLES = {
    "as-desired": "green",
    "applied": "green",
    "adjusted": "cyan",
    "unsupported": "dim",
    "pending": "yellow",
    "refused": "magenta",
    "differs": "red",
    "failed": "bold red",
}
PIPE_WIDTH = 400


def draw_status(report: Object) -> None:
    """Print the whole report to standard output; without colours and trailing blanks when that is no terminal."""
    # Without emoji, or the PCI bus in 0000:ab:00.0 would become one; without markup, or names in brackets would vanish.
    if sys.stdout.isatty():
        _draw(report, Console(highlight=False, markup=False, emoji=False))
        return
    text = io.StringIO()
    _draw(report, Console(file=text, highlight=False, markup=False, emoji=False, soft_wrap=True, width=PIPE_WIDTH))
    print_lines(line.rstrip() for line in text.getvalue().splitlines())


def _draw(report: Object, console: Console) -> None:
    for error in _profile_lines(report):
        console.print(error)
    for device in report["devices"]:
        console.print(_headline(device))
        console.print(_settings_table(device["settings"]))
        if device["vfs"]:
            console.print(_vf_table(device["vfs"]))
        console.print()
    if report["sysctls"]:
        console.print(Text("host", style="bold"))
        console.print(_settings_table(report["sysctls"]))
        console.print()
    if not report["devices"] and not report["sysctls"]:
        console.print("No profile is for any device that was asked for.")
    for line in open_lines(report, but=("differs",)):
        console.print(Text(f"! {line}"))
    console.print(_closing(report))


def _profile_lines(report: Object) -> Iterator[Text]:
    for profile in report["profiles"]:
        for error in profile["errors"]:
            yield Text(error, style="red")


def _headline(device: Object) -> Text:
    parts = [device["driver"] or "no driver"]
    if device["numa_node"] is not None:
        parts.append(f"NUMA node {device['numa_node']}")
    parts.append(", ".join(device["profiles"]))
    text = Text(device_name(device), style="bold")
    text.append("  " + " · ".join(parts), style="not bold")
    return text.append(f"  {device['state']}", style=f"not bold {STYLES[device['state']]}")


def _table(*columns: str) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 2, 0, 0))
    for column in columns:
        table.add_column(column, overflow="fold")
    return table


def _settings_table(settings: Iterable[Object]) -> Table:
    table = _table("  setting", "value", "state", "asked for by")
    for row in settings:
        state = Text(row["outcome"], style=STYLES[row["outcome"]])
        origin = (row["origin"] or "").rpartition("/")[2]
        table.add_row(f"  {row['setting']}", _value(row), state, origin)
    return table


def _vf_table(vfs: Sequence[Object]) -> Table:
    names = list(dict.fromkeys(row["setting"] for vf in vfs for row in vf["settings"]))
    titles = (name.removeprefix("vf.") for name in names)
    table = _table("  vf", "address", "driver", "guest", *titles)
    for vf in vfs:
        settings: Mapping[str, Any] = {row["setting"]: row for row in vf["settings"]}
        cells = [_value(settings[name]) if name in settings else Text("") for name in names]
        table.add_row(f"  {vf['vf']}", vf["pci_address"] or "-", vf["driver"] or "-", _guest(vf["guest"]), *cells)
    return table


def _guest(guest: Object | None) -> str:
    if guest is None:
        return "-"
    return f"{guest['name']} (PID {guest['pid']})" if guest["pid"] is not None else str(guest["name"])


def _value(row: Object) -> Text:
    """What is there, and what should be where that is something else."""
    style = STYLES[row["outcome"]]
    if row["desired"] == row["observed"]:
        return Text(value_text(row["observed"]), style=style)
    return Text(f"{value_text(row['observed'])} (not {value_text(row['desired'])})", style=style)


def _closing(report: Object) -> Text:
    """One line that says it all, and where it comes from."""
    text = Text("everything ") if report["state"] in ("as-desired", "applied") else Text("worst state: ")
    text.append(report["state"], style=STYLES[report["state"]])
    daemon = report["daemon"]
    return text.append(f", tuned-vnet running since {daemon['since']}" if daemon["running"] else ", no daemon running")
