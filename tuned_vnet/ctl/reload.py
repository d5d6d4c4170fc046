"""Read the profiles again and apply them; returns when that is done."""

import argparse

from tuned_vnet.control.client import DaemonNotRunning
from tuned_vnet.ctl.ask import Daemon, require_root
from tuned_vnet.ctl.output import print_json, print_lines, print_open, refused_code
from tuned_vnet.errors import DaemonError, ExitCode


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """None: profiles are read as a whole."""


def run(arguments: argparse.Namespace) -> ExitCode:
    """Exit code 2 when a profile is broken; everything else is in force all the same."""
    require_root("reload")
    try:
        reply = Daemon().reload()
    except DaemonNotRunning as error:
        raise DaemonError("tuned-vnet.service is not running", hint="systemctl start tuned-vnet") from error
    problems = reply["problems"]
    if arguments.json:
        print_json(reply)
    else:
        print_lines(reply["changes"])
        print_open(reply["status"])
        print_lines(problems, error=True)
    return ExitCode.USAGE if problems else refused_code(reply["status"])
