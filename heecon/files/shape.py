"""Check the shape of a TOML file (keys, types, ranges) against a pydantic class, with every place.

What the values mean together is for whoever reads the file.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from types import UnionType
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin

from pydantic import BaseModel, ConfigDict, Field, Strict, ValidationError

from heecon.errors import InputError, Problem, shown
from heecon.files import names
from heecon.files.toml_file import KeyPath

Where = Callable[[Sequence[str | int]], str]
"""Turns a key path of a file into its ``file:row:column``."""

Number = Annotated[float, Field(strict=True, allow_inf_nan=False)]
Whole = Annotated[int, Strict()]
Truth = Annotated[bool, Strict()]

STAND_IN = 0.5
"""Takes the place of a value with a problem: positive and below one, it suits every formula."""


class Section(BaseModel):
    """Base of every section: unknown keys are errors, values are never changed in silence."""

    model_config = ConfigDict(extra="forbid", frozen=True)


S = TypeVar("S", bound=BaseModel)


def is_finite(value: float) -> bool:
    """Whether a number of a TOML file is one that a computer can reckon with."""
    try:
        return math.isfinite(value)
    except OverflowError:  # a whole number of hundreds of digits
        return False


def validated(schema: type[S], data: Mapping[str, Any], where: Where) -> S:
    """The content of a file as a section.

    Raises:
        InputError: with every place whose shape is wrong.
    """
    try:
        return schema.model_validate(dict(data))
    except ValidationError as error:
        raise InputError(faults_of(error, data, where, schema).values()) from None


def faults_of(
    error: ValidationError, data: Mapping[str, Any], where: Where, schema: type[BaseModel]
) -> dict[tuple[str | int, ...], Problem]:
    """Turn pydantic's errors into problems with file, row and column, one a key path.

    Args:
        error: what pydantic raised.
        data: the content that was validated.
        where: turns a key path into ``file:row:column``.
        schema: the class it was validated against.
    """
    details: dict[tuple[str | int, ...], Any] = {}
    for detail in error.errors():
        # Of the branches of a union the first says what most people mean.
        details.setdefault(_file_path(detail, data), detail)
    return {
        path: _problem(detail, path, where, schema)
        for path, detail in details.items()
        if not _follows(path, detail, details, schema)
    }


def _file_path(detail: Any, data: object) -> tuple[int | str, ...]:
    """Drop the parts of pydantic's location that name union branches rather than keys."""
    path: list[int | str] = []
    *parents, last = detail["loc"]
    for part in parents:
        if _holds(data, part):
            data = data[part]  # type: ignore[index]
            path.append(part)
    if detail["type"] == "missing" or _holds(data, last):
        path.append(last)
    return tuple(path)


def _holds(data: object, part: int | str) -> bool:
    if isinstance(data, Mapping):
        return part in data
    return isinstance(data, list) and isinstance(part, int) and part < len(data)


def _follows(
    path: tuple[str | int, ...],
    detail: Any,
    details: Mapping[tuple[str | int, ...], Any],
    schema: type[BaseModel],
) -> bool:
    """Whether another fault explains this one."""
    if any(len(other) > len(path) and other[: len(path)] == path for other in details):
        return True  # the other branch of a union, in which a key is wrong
    if detail["type"] != "missing":
        return False
    known = _known_keys(schema, path[:-1])
    return any(
        other[:-1] == path[:-1]
        and found["type"] == "extra_forbidden"
        and f"'{path[-1]}'" in names.did_you_mean(str(other[-1]), known)
        for other, found in details.items()
    )


_SHAPES = {
    "string_type": "text in quotes",
    "model_type": "a table, { key = value }",
    "dict_type": "a table, { key = value }",
    "list_type": "a list, [a, b]",
    "bool_type": "true or false, without quotes",
    "int_type": "a whole number, without quotes",
    "float_type": "a number, without quotes",
    "finite_number": "a finite number",
}
"""What pydantic calls by Python's names, in TOML's words."""


def _problem(detail: Any, path: Sequence[int | str], where: Where, schema: Any) -> Problem:
    place = f"{where(path)} ({'.'.join(str(part) for part in path)})"
    if detail["type"] == "missing":
        parent = ".".join(str(part) for part in path[:-1])
        place = f"{where(path[:-1])} ({parent})" if parent else where(())
        return Problem(place, f"the key '{path[-1]}' is missing", "Add it")
    if detail["type"] == "extra_forbidden":
        known = _known_keys(schema, path[:-1])
        key = str(path[-1])
        return Problem(place, f"unknown key {shown(key)}", names.did_you_mean(key, known))
    value = detail["input"]
    if detail["type"] in {"too_short", "too_long"}:
        context = detail["ctx"]
        limit = context.get("min_length", context.get("max_length"))
        side = "at least" if detail["type"] == "too_short" else "at most"
        what = f"there should be {side} {limit} here, not {context['actual_length'] or 'none'}"
        return Problem(place, what, "Add some" if side == "at least" else "Drop some")
    text = str(detail["msg"]).removeprefix("Input should be ").removeprefix("Value error, ")
    text = _SHAPES.get(detail["type"], text)
    is_scalar = isinstance(value, str | int | float | bool)
    given = f", not {shown(value)}" if is_scalar else ""
    return Problem(place, f"this should be {text}{given}", "Correct it")


def _known_keys(schema: Any, path: Sequence[int | str]) -> list[str]:
    """The keys allowed at a place of the file, found by walking the annotations."""
    for key in path:
        schema, _ = _below(schema, key)
    fields = [getattr(kind, "model_fields", {}) for kind in _kinds(schema)]
    return [field.alias or name for found in fields for name, field in found.items()]


# --- carrying on past wrong shapes ---------------------------------------------------------------


def with_placeholders(
    schema: type[BaseModel], data: Mapping[str, Any], wrong: Iterable[KeyPath]
) -> dict[str, Any]:
    """The content of a file with something harmless at every wrong place.

    So wrong meanings are found in the same go as wrong shapes.

    Args:
        schema: what the file should be.
        data: the content of the file.
        wrong: key paths of what has the wrong type, is unknown or is missing.

    Returns:
        A copy without the unknown keys, where values that are needed have a stand-in. It may still
        have the wrong shape, when a whole section has.
    """
    copy = dict(data)
    for path in wrong:
        copy = _replaced(copy, keys_of(path), _placeholder(schema, keys_of(path)))
    return copy


def keys_of(path: KeyPath) -> tuple[str, ...]:
    """The path as far as it leads through tables; a list is one value."""
    keys: list[str] = []
    for key in path:
        if not isinstance(key, str):
            break
        keys.append(key)
    return tuple(keys)


def _replaced(table: Any, path: tuple[str, ...], value: object) -> Any:
    """A copy of nested tables with one value replaced, or deleted if the new one is None."""
    if not isinstance(table, Mapping) or not path:
        return table
    inner = _replaced(table.get(path[0]), path[1:], value) if path[1:] else value
    rest = {key: kept for key, kept in table.items() if key != path[0] or inner is not None}
    return rest if inner is None else rest | {path[0]: inner}


def _placeholder(schema: Any, path: tuple[str, ...]) -> object:
    """Something harmless for a place; None where the key is unknown or may be left out."""
    needed = True
    for key in path:
        schema, needed = _below(schema, key)
    return _harmless(schema) if needed else None


def _below(annotation: Any, key: int | str) -> tuple[Any, bool]:
    """What a key of a table or a place of a list holds, and whether it must be there."""
    for kind in _kinds(annotation):
        if get_origin(kind) is (list if isinstance(key, int) else dict):
            return get_args(kind)[-1], True
        for name, field in getattr(kind, "model_fields", {}).items():
            if key == (field.alias or name):
                return field.annotation, field.is_required()
    return None, False


def _kinds(annotation: Any) -> list[Any]:
    """The branches of a union, without what annotates them."""
    if get_origin(annotation) is Annotated:
        return _kinds(get_args(annotation)[0])
    if get_origin(annotation) in (Union, UnionType):
        return [kind for branch in get_args(annotation) for kind in _kinds(branch)]
    return [annotation]


def _harmless(annotation: Any) -> object:
    kind = _kinds(annotation)[0]
    if get_origin(kind) is Literal:
        return get_args(kind)[0]
    if get_origin(kind) is not None:
        return get_origin(kind)()
    fields = getattr(kind, "model_fields", None)
    if fields is None:
        return str(STAND_IN)
    return {
        field.alias or name: _harmless(field.annotation)
        for name, field in fields.items()
        if field.is_required()
    }
