"""Show what `apply` would write, one line a change, and what it would refuse or wait for; writes nothing."""

import argparse

from tuned_vnet.ctl.ask import open_source
from tuned_vnet.ctl.output import add_device, print_json, print_lines, print_open, state_code
from tuned_vnet.errors import ExitCode


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """An optional device."""
    add_device(parser)


def run(arguments: argparse.Namespace) -> ExitCode:
    """Exit code 3 when there is anything to do, to wait for or to refuse."""
    reply = open_source().plan(arguments.device)
    if arguments.json:
        print_json(reply)
    else:
        print_lines(reply["changes"])
        print_open(reply["status"], but=("differs",))
    return state_code(reply["status"])
