"""A module imports only from its own folder or from lower floors.

``heecon/model/`` has a ground level: how files of strangers are read, how names look and how
complaints are worded. The evidence lies between it and the rest of the model's room, because the
registry is such a file and the rows of a model cite it (docs/design/2026-11-24-evidence.md).
"""

import ast
from collections.abc import Sequence
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "heecon"
FLOORS = {
    "errors": 0,
    "language": 1,
    "model/complaint": 2,
    "model/names": 2,
    "model/table_file": 3,
    "model/toml_file": 3,
    "evidence": 4,
    "model": 5,
    "engine": 6,
    "analysis": 7,
    "report": 8,
    "__init__": 9,
    "commands": 10,
    "cli": 11,
}
TOP = max(FLOORS.values())
FILES = sorted(PACKAGE.rglob("*.py"))


def room_of(path: Path) -> str:
    relative = path.relative_to(PACKAGE).with_suffix("")
    return room_in(relative.parts)


def room_in(parts: Sequence[str]) -> str:
    """The room of a module by its dotted path without 'heecon'."""
    level = "/".join(parts[:2])
    return level if level in FLOORS else parts[0]


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
    return {room_in(part[1:]) if len(part) > 1 else "__init__" for part in parts}


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
    assert violations("from heecon.model import load, names", "evidence") == ["model"]
    assert violations("from heecon.model.distribution import build", "model/names") == ["model"]
    assert violations("from heecon.evidence import registry", "model/names") == ["evidence"]
    assert violations("from heecon.model import names", "evidence") == []


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
        "engine/kernels.py",
        "engine/personal.py",
        "engine/random_numbers.py",
        "language/numba_runtime.py",
        "language/numba_target.py",
    }
