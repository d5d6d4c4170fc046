"""Look at the devices again, and show desired and observed side by side for everything that differs."""

import argparse

from tuned_vnet.ctl.ask import open_source
from tuned_vnet.ctl.output import add_device, print_json, print_open, state_code
from tuned_vnet.errors import ExitCode


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """An optional device."""
    add_device(parser)


def run(arguments: argparse.Namespace) -> ExitCode:
    """Exit code 3 when something differs from what is desired."""
    report = open_source().verify(arguments.device)["status"]
    if arguments.json:
        print_json(report)
    else:
        print_open(report)
    return state_code(report)
