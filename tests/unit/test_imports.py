"""Imports go one way: what each part of the package may see, as ARCHITECTURE has it, and that there is no cycle."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = "tuned_vnet"

VALUES = {"errors", "model", "cpus"}
TYPED_READING = {"profiles.table"}
PURE = {*VALUES, "change", "settings", *TYPED_READING, "profiles"}
MIDDLE = {*PURE, "config", "desired", "plan", "reconcile", "report", "engine"}
HELPERS = {"helper", *MIDDLE, "control"}

SEES = {
    "errors": set[str](),
    "model": {"errors"},
    "cpus": {"errors", "model"},
    "change": VALUES,
    "profiles.table": {"cpus", "model"},
    "settings": {*VALUES, "change", *TYPED_READING},
    "profiles": {*VALUES, "settings", *TYPED_READING},
    "config": {*VALUES, *TYPED_READING, "profiles"},
    # What asks the system, and what talks to others, knows values only.
    "kernel": VALUES,
    "guests": VALUES,
    "control": {"errors", "model"},
    # The middle, each part on top of those before it. It knows the kernel as a protocol in change.py.
    "desired": PURE,
    "plan": {*PURE, "desired"},
    "reconcile": {*PURE, "desired", "plan"},
    "report": {*PURE, "config", "desired", "plan", "reconcile"},
    "engine": MIDDLE,
    # Parts of the daemon that do not ask the kernel themselves: its boot pass, its journal, its schedule.
    "helper": HELPERS,
    # Where the real kernel and the middle are put together.
    "system": {*VALUES, "engine", "kernel", "guests"},
    "daemon": {*HELPERS, "system", "kernel", "guests"},
    "ctl": {*HELPERS, "system", "kernel", "guests"},
}
"""Which parts a part may import besides itself; a top-level module that is not named is a `helper` of the daemon."""


def modules() -> dict[str, Path]:
    """Every module of the package by its dotted name without the package's, `` for the package itself."""
    found = {}
    for path in sorted((ROOT / PACKAGE).rglob("*.py")):
        parts = path.relative_to(ROOT / PACKAGE).with_suffix("").parts
        found[".".join(part for part in parts if part != "__init__")] = path
    return found


MODULES = modules()


def imported_names(path: Path) -> Iterator[tuple[int, str]]:
    """Line and full dotted name of everything that a file imports, wherever in the file it does."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"), str(path))):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from ((node.lineno, f"{node.module}.{alias.name}") for alias in node.names)


def imported_modules(path: Path) -> Iterator[tuple[int, str]]:
    """Line and name, as in MODULES, of each of our own modules that a file imports."""
    for line, name in imported_names(path):
        package, _, rest = name.partition(".")
        if package == PACKAGE:
            yield line, rest if rest in MODULES else rest.rpartition(".")[0]


def part(module: str) -> str:
    """Which part of SEES a module belongs to."""
    top = module.partition(".")[0]
    return module if module in SEES else top if top in SEES else "helper"


@pytest.mark.parametrize("module", [name for name in MODULES if name])
def test_a_module_imports_only_what_its_part_may_see(module: str) -> None:
    mine = part(module)
    wrong = [
        f"{MODULES[module].relative_to(ROOT)}:{line}: {mine} must not import {other}"
        for line, other in imported_modules(MODULES[module])
        if other and part(other) not in {mine, *SEES[mine]}
    ]
    assert not wrong, "\n".join(wrong)


def test_no_module_imports_itself_through_others() -> None:
    graph = {module: {other for _, other in imported_modules(path)} for module, path in MODULES.items()}
    TopologicalSorter(graph).prepare()  # CycleError names the modules


def test_packages_have_no_program_in_their_init() -> None:
    allowed = (ast.Expr, ast.Import, ast.ImportFrom, ast.Assign, ast.AnnAssign)
    for path in MODULES.values():
        if path.name == "__init__.py":
            body = ast.parse(path.read_text(encoding="utf-8")).body
            assert [type(node) for node in body if not isinstance(node, allowed)] == [], path


@pytest.mark.parametrize("library", ["pyroute2", "pyudev", "fcntl"])
def test_only_kernel_asks_the_kernel(library: str) -> None:
    users = {
        module for module, path in MODULES.items() for _, name in imported_names(path) if name.split(".")[0] == library
    }
    assert {part(module) for module in users} <= {"kernel"}, users


def test_the_package_starts_no_programs() -> None:
    for module, path in MODULES.items():
        for line, name in imported_names(path):
            assert name.split(".")[0] != "subprocess", f"{module}:{line}"


@pytest.mark.parametrize("module", ["tuned_vnet.control.client", "tuned_vnet.ctl.main"])
def test_talking_to_the_daemon_does_not_load_pyroute2(module: str) -> None:
    """It costs some 120 ms and 25 MB, whichever submodule is named."""
    program = f"import sys, {module}; sys.exit('pyroute2' in sys.modules)"
    result = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr or f"{module} loads pyroute2"
