"""A server on a socket that every user can reach, which pytest's own directories are not."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.control.running import Running, serve


@pytest.fixture
def socket_path() -> Iterator[Path]:
    """Where to listen; the directory can be entered by everyone."""
    with tempfile.TemporaryDirectory() as directory:
        Path(directory).chmod(0o755)
        yield Path(directory) / "io.tunedvnet"


@pytest.fixture
def running(socket_path: Path) -> Iterator[Running]:
    """A server with the usual limits."""
    with serve(socket_path) as server:
        yield server
