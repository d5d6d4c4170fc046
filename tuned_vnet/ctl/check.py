"""Validate profiles: all problems at once, as FILE:LINE: key: what is wrong, what is accepted. Needs no root."""

import argparse
from pathlib import Path

from tuned_vnet.config import load_config
from tuned_vnet.ctl.output import print_json, print_lines
from tuned_vnet.desired import desired_host
from tuned_vnet.engine import Engine
from tuned_vnet.errors import ExitCode
from tuned_vnet.profiles.load import Profiles, load_file
from tuned_vnet.profiles.table import Problem
from tuned_vnet.system import real_system


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Files, or none for those that are installed."""
    parser.add_argument("files", metavar="FILE", nargs="*", help="profiles to validate instead of the installed ones")


def run(arguments: argparse.Namespace) -> ExitCode:
    """Exit code 2 when a file would be left out, or names what this host's devices cannot have."""
    problems = _check_files(arguments.files) if arguments.files else _check_installed()
    if arguments.json:
        print_json([_problem_json(problem) for problem in problems])
    else:
        print_lines(str(problem) for problem in problems)
    return ExitCode.USAGE if any(problem.fatal for problem in problems) else ExitCode.OK


def _check_installed() -> tuple[Problem, ...]:
    system = real_system()
    _, problems = load_config(system.root)
    return (*problems, *Engine(system).reload())


def _check_files(names: list[str]) -> tuple[Problem, ...]:
    """The files by themselves, and together in view of the devices that are there."""
    files = tuple(load_file(Path(name)) for name in names)
    profiles = Profiles(files=files)
    inventory = real_system().read_inventory()
    return (*profiles.problems, *desired_host(profiles.active, inventory, {}).problems)


def _problem_json(problem: Problem) -> dict[str, str | int | bool]:
    return {
        "file": problem.origin.file,
        "line": problem.origin.line,
        "key": problem.key,
        "text": problem.text,
        "fatal": problem.fatal,
    }
