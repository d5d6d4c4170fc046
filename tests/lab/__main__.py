"""`python3 -m tests.lab`: the emulated host for people, apart from the one the tests use."""

from __future__ import annotations

import sys

from tests.lab.commands import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
