"""Show devices and their VFs: how each setting stands, who holds each VF, what is pending or refused and why."""

import argparse

from tuned_vnet.ctl.ask import open_source
from tuned_vnet.ctl.output import add_device, print_json, state_code
from tuned_vnet.errors import ExitCode


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """An optional device."""
    add_device(parser)


def run(arguments: argparse.Namespace) -> ExitCode:
    """Exit code 3 when something differs from what is desired."""
    report = open_source().status(arguments.device)["status"]
    if arguments.json:
        print_json(report)
    else:
        from tuned_vnet.ctl.tables import draw_status  # the library that draws is loaded only for people

        draw_status(report)
    return state_code(report)
