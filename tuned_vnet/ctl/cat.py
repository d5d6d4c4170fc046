"""Print every effective setting with the file and line it came from, and the lines that it overrode."""

import argparse

from tuned_vnet.ctl.ask import open_source
from tuned_vnet.ctl.output import add_device, print_json, print_settings
from tuned_vnet.errors import ExitCode


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """An optional device."""
    add_device(parser)


def run(arguments: argparse.Namespace) -> ExitCode:
    """Always 0 once there is an answer."""
    settings = open_source().cat(arguments.device)["settings"]
    if arguments.json:
        print_json(settings)
    else:
        print_settings(settings)
    return ExitCode.OK
