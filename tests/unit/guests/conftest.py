"""The fake host of these tests."""

from pathlib import Path

import pytest

from tests.unit.guests.host_tree import HostTree


@pytest.fixture
def host(tmp_path: Path) -> HostTree:
    """A host on which nothing runs."""
    return HostTree(root=tmp_path)
