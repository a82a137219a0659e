"""Carry on past wrong shapes in model.toml, so that wrong meanings are found in the same go."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

Path = tuple[str | int, ...]


def mended(data: Mapping[str, Any], wrong: Iterable[Path]) -> dict[str, Any]:
    """The content of a model file with something harmless at every wrong place.

    Args:
        data: the content of the file.
        wrong: key paths of what has the wrong type, is unknown or is missing.

    Returns:
        A copy without the unknown keys, where values that are needed have a stand-in. It may still
        have the wrong shape, when a whole section has.
    """
    copy = dict(data)
    for path in wrong:
        copy = _replaced(copy, keys_of(path), _stand_in(keys_of(path)))
    return copy


def keys_of(path: Path) -> tuple[str, ...]:
    """The path as far as it leads through tables; a list is one value."""
    keys: list[str] = []
    for key in path:
        if not isinstance(key, str):
            break
        keys.append(key)
    return tuple(keys)


def _replaced(table: Any, path: tuple[str, ...], stand_in: object) -> Any:
    """A copy of nested tables with one value replaced, or deleted if the stand-in is None."""
    if not isinstance(table, Mapping) or not path:
        return table
    copy = dict(table)
    inner = _replaced(copy.get(path[0]), path[1:], stand_in) if path[1:] else stand_in
    if inner is None:
        copy.pop(path[0], None)
    else:
        copy[path[0]] = inner
    return copy


def _stand_in(path: tuple[str, ...]) -> object:  # noqa: PLR0911  (one return a kind of value)
    match path:
        case ["model", "title"]:
            return ""
        case ["model", "cycle"]:
            return "1 year"
        case ["model", "discounting"]:
            return {"cost": "0", "effect": "0"}
        case ["model", "discounting", "cost" | "effect"]:
            return "0"
        case ["states" | "strategies" | "transitions", _]:
            return {}
        case ["persons", _]:
            return {"distribution": "uniform", "arguments": ["0", "1"]}
        case ["types", _]:
            return {"one": "0", "other": "rest"}
        case ["outcomes", _]:
            return {"kind": "count"}
        case ["outcomes", _, "kind"]:
            return "count"
        case ["outcomes", _, "start"]:
            return "0"
        case (
            ["variables" | "start", _]
            | ["types", _, _]
            | ["strategies", _, "start", _]
            | ["transitions", _, "rates" | "probabilities", _]
            | ["outcomes", _, "start" | "state" | "entering" | "transition", _]
        ):
            return "0"
    return None
