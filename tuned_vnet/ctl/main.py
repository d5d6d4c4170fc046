"""main() of tuned-vnetctl: arguments, the table of verbs, and errors as exit codes."""

import argparse
import os
import sys
from collections.abc import Sequence

from tuned_vnet import __version__
from tuned_vnet.ctl import apply, cat, check, plan, reload, status, verify
from tuned_vnet.errors import (
    ExitCode,
    NotAllowedError,
    TunedVnetError,
    UsageError,
)

VERBS = (status, plan, apply, verify, check, cat, reload)
"""Each has HELP, add_arguments(parser) and run(arguments) -> ExitCode; its name is the verb."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one verb; returns its exit code."""
    arguments = _parser().parse_args(argv)
    try:
        code: ExitCode = arguments.run(arguments)
        sys.stdout.flush()
    except TunedVnetError as error:
        print(error.message, file=sys.stderr)
        if error.hint:
            print(error.hint, file=sys.stderr)
        return exit_code(error)
    except BrokenPipeError:
        # The reader of a pipe has gone (`| head`); Python would complain again when it closes standard output.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return ExitCode.OK
    except KeyboardInterrupt:
        return 130
    return code


def exit_code(error: TunedVnetError) -> ExitCode:
    """What an error that ends a verb means to a script."""
    match error:
        case UsageError():
            return ExitCode.USAGE
        case NotAllowedError():
            return ExitCode.NOT_ALLOWED
        case _:
            return ExitCode.KERNEL


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="tuned-vnetctl", description="Show and apply what tuned-vnet's profiles say about SR-IOV network cards."
    )
    parser.add_argument("--version", action="version", version=f"tuned-vnet {__version__}")
    verbs = parser.add_subparsers(title="verbs", metavar="VERB", required=True)
    for verb in VERBS:
        name = verb.__name__.rpartition(".")[2]
        sub = verbs.add_parser(name, help=verb.HELP, description=verb.__doc__)
        verb.add_arguments(sub)
        sub.add_argument("--json", action="store_true", help="print JSON")
        sub.add_argument("--no-pager", action="store_true", help="accepted for scripts; output is never paged")
        sub.set_defaults(run=verb.run)
    return parser


if __name__ == "__main__":
    sys.exit(main())
