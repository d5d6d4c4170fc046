"""main() of tuned-vnetctl: arguments, the table of verbs, and errors as exit codes."""

import argparse
import importlib
import os
import sys
from collections.abc import Sequence

from tuned_vnet import __version__
from tuned_vnet.errors import (
    ExitCode,
    NotAllowedError,
    TunedVnetError,
    UsageError,
)

VERBS = {
    "status": "how everything stands",
    "plan": "what apply would do",
    "apply": "do it now, and verify",
    "verify": "what differs, desired and observed side by side",
    "check": "validate profiles",
    "cat": "effective settings with their origin",
    "reload": "read the profiles again and apply them",
}
"""Each is a module here with add_arguments(parser) and run(arguments) -> ExitCode, imported when it is called."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one verb; returns its exit code."""
    arguments = _parse(sys.argv[1:] if argv is None else argv)
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


def _parse(argv: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="tuned-vnetctl", description="Show and apply what tuned-vnet's profiles say about SR-IOV network cards."
    )
    parser.add_argument("--version", action="version", version=f"tuned-vnet {__version__}")
    verbs = parser.add_subparsers(title="verbs", metavar="VERB", required=True)
    for name, text in VERBS.items():
        verb = verbs.add_parser(name, help=text)
        if name in argv:
            _add_verb(verb, name)
    return parser.parse_args(argv)


def _add_verb(parser: argparse.ArgumentParser, name: str) -> None:
    """What a verb takes. Only the one that is called is imported: the start is most of what a user waits for."""
    module = importlib.import_module(f"tuned_vnet.ctl.{name}")
    parser.description = module.__doc__
    module.add_arguments(parser)
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--no-pager", action="store_true", help="accepted for scripts; output is never paged")
    parser.set_defaults(run=module.run)


if __name__ == "__main__":
    sys.exit(main())
