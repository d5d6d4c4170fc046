"""Make devices as their profiles say, now, and look again whether they are; prints what was written."""

import argparse

from tuned_vnet.ctl.ask import open_source, require_root
from tuned_vnet.ctl.output import add_device, print_json, print_lines, print_open, refused_code
from tuned_vnet.errors import ExitCode


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """An optional device, and the word for taking links or VFs from running guests."""
    add_device(parser)
    parser.add_argument(
        "--allow-disruption", action="store_true", help="also what takes links or VFs away from running guests"
    )


def run(arguments: argparse.Namespace) -> ExitCode:
    """Exit code 1 when the kernel, or consideration for a guest, refused something."""
    require_root("apply")
    reply = open_source().apply(arguments.device, allow_disruption=arguments.allow_disruption)
    if arguments.json:
        print_json(reply)
    else:
        print_lines(reply["changes"])
        print_open(reply["status"])
    return refused_code(reply["status"])
