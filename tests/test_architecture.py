"""A module imports only from its own folder or from lower floors, and never in a circle."""

import ast
from collections.abc import Collection, Mapping, Sequence
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "heecon"
FLOORS = {
    "arrays": 0,
    "errors": 1,
    "table": 2,
    "language": 3,
    "files": 4,
    "evidence": 5,
    "model": 6,
    "difference": 7,
    "engine": 8,
    "analysis": 9,
    "plot": 10,
    "report": 11,
    "workbook": 12,
    "results": 13,
    "editable": 14,
    "runnable": 15,
    "api": 16,
    "__init__": 17,
    "commands": 18,
    "cli": 19,
}
TOP = max(FLOORS.values())
FILES = sorted(PACKAGE.rglob("*.py"))


def room_of(path: Path) -> str:
    relative = path.relative_to(PACKAGE).with_suffix("")
    return room_in(relative.parts)


def room_in(parts: Sequence[str]) -> str:
    """The room of a module by its dotted path without 'heecon'."""
    return parts[0]


def imported_rooms(tree: ast.AST) -> set[str]:
    modules: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            modules |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            assert node.level == 0, "relative imports hide the floor"
            names = {f"{node.module}.{alias.name}" for alias in node.names}
            modules |= names if node.module.count(".") < 2 else {node.module}
    parts = [module.split(".") for module in modules if module.split(".")[0] == "heecon"]
    rooms = {room_in(part[1:]) if len(part) > 1 else "__init__" for part in parts}
    return {"__init__" if room == "__version__" else room for room in rooms}


def violations(source: str, room: str) -> list[str]:
    return sorted(
        other
        for other in imported_rooms(ast.parse(source))
        if other != room and FLOORS.get(other, TOP) >= FLOORS[room]
    )


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_point_down(path: Path) -> None:
    room = room_of(path)
    assert room in FLOORS, f"{path} lies in no room of the house"
    if room == "__init__":
        return
    assert violations(path.read_text(encoding="utf-8"), room) == []


def test_the_rule_can_fail() -> None:
    assert violations("from heecon.analysis.incremental import Totals", "engine") == ["analysis"]
    assert violations("import heecon", "report") == ["__init__"]
    assert violations("from heecon import cli", "report") == ["cli"]
    assert violations("from heecon.errors import Problem", "engine") == []
    assert violations("from heecon.model.parameter import Parameter", "evidence") == ["model"]
    assert violations("from heecon.model import load, schema", "evidence") == ["model"]
    assert violations("from heecon.model.distribution import fitted", "files") == ["model"]
    assert violations("from heecon.files import names", "evidence") == []


def modules_imported(path: Path) -> set[str]:
    """Dotted names of heecon's modules that a file imports, anywhere in it."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def circle(imports: Mapping[str, Collection[str]]) -> list[str]:
    """Modules that import each other in a circle; empty when there is none."""
    try:
        list(TopologicalSorter(imports).static_order())
    except CycleError as error:
        return list(error.args[1])
    return []


def test_no_modules_import_each_other_in_a_circle() -> None:
    dotted = {
        ".".join(("heecon", *path.relative_to(PACKAGE).with_suffix("").parts)): path
        for path in FILES
        if path.stem != "__init__"
    }
    assert circle({n: modules_imported(path) & dotted.keys() for n, path in dotted.items()}) == []
    assert circle({"a": {"b"}, "b": {"c"}, "c": {"a"}})


def test_only_the_engine_and_the_language_compile() -> None:
    """numba lives in the engine's compiled loops, and in the language's numba target."""
    users = {
        str(path.relative_to(PACKAGE))
        for path in FILES
        if any(
            isinstance(node, ast.ImportFrom | ast.Import)
            and "numba" in (getattr(node, "module", None) or node.names[0].name).split(".")[0]
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        )
    }
    assert users <= {
        "engine/kept_code.py",
        "engine/individual_kernel.py",
        "engine/random_numbers.py",
        "language/numba_runtime.py",
        "language/numba_target.py",
    }
