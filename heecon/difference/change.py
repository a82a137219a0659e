"""What differs between two models, input by input."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from heecon.difference.parts import KINDS, ORDER, Content, ModelParts, Part

AS_ALL = "as for all strategies"


@dataclass(frozen=True)
class Change:
    """One input that differs.

    Attributes:
        key: its path, for example ``parameters.hr_sre[denosumab].value``.
        kind: what it is: "setting", "parameter", "variable", ...
        before: in A, as text; None where A has none.
        after: in B, as text; None where B has none.
        absolute: after minus before, for two numbers; None otherwise. For a table of the same
            shape, the largest change of a cell.
        relative: ``absolute`` as a share of ``before``; None where that has no meaning.
        note: why it cannot change the base case; empty for a change that is a step or part of one.
    """

    key: str
    kind: str
    before: str | None
    after: str | None
    absolute: float | None = None
    relative: float | None = None
    note: str = ""


def changes_of(part: Part, a: ModelParts, b: ModelParts) -> list[Change]:
    """What differs inside a part, a change for each formula or number."""
    section, name = part
    key = f"{section}.{name}" if name else section
    kind = KINDS[section]
    before, after = a.parts.get(part), b.parts.get(part)
    if section == "parameters":
        return [_parameter_change(part, a, b)]
    if section in {"tables", "joint"}:
        return [_table_change(key, before, after)]
    if section == "patients":
        return [Change(key, kind, _people(before), _people(after))]
    if not (isinstance(before, dict) and isinstance(after, dict)):
        return [change_between(key, kind, before, after)]
    old, new = dict(_leaves(before)), dict(_leaves(after))
    found: dict[tuple[tuple[str, ...], Any, Any], list[str]] = {}
    for path in dict.fromkeys([*old, *new]):
        if old.get(path) != new.get(path):
            # "alive" stands for many states with one formula: they are one change.
            same = path[:-1], text_of(old.get(path)), text_of(new.get(path))
            found.setdefault(same, []).append(path[-1])
    return [
        change_between(".".join([key, *above, ", ".join(last)]), kind, was, now)
        for (above, was, now), last in found.items()
    ]


def _people(column: list[float] | None) -> str | None:
    """A column of patients in few words: no person's own value goes into a change log."""
    return None if column is None else f"{len(column):,} people, mean {np.mean(column):.6g}"


def _parameter_change(part: Part, a: ModelParts, b: ModelParts) -> Change:
    """The value of a row; a strategy without a row of its own had, or has, that of all."""
    section, key = part
    shared = section, key.partition("[")[0]
    values = [side.parts.get(part, side.parts.get(shared)) for side in (a, b)]
    change = change_between(f"{section}.{key}.value", KINDS[section], *values)
    if part not in a.parts and values[0] is not None:
        return replace(change, before=f"{change.before} ({AS_ALL})")
    if part not in b.parts and values[1] is not None:
        return replace(change, after=f"{change.after} ({AS_ALL})")
    return change


def changes_without_effect(a: ModelParts, b: ModelParts) -> list[Change]:
    """What differs without any effect on the base case.

    Of a thing that only one model has, its words are left out: it is a change of its own.
    """
    found = []
    for place in dict.fromkeys([*b.metadata, *a.metadata]):
        section, name, field = place
        part = (section, name)
        one_sided = (part in a.parts) != (part in b.parts)
        note = (b.metadata.get(place) or a.metadata[place])[1]
        before, after = (side.metadata.get(place, (None, ""))[0] for side in (a, b))
        if note == ORDER:
            common = set(before or []) & set(after or [])
            before = [name for name in before or [] if name in common]
            after = [name for name in after or [] if name in common]
        if before == after or one_sided:
            continue
        key = ".".join(part for part in (section, name, field) if part)
        if section == "joint":
            found.append(_table_change(key, before, after, note))
        else:
            found.append(change_between(key, KINDS[section], before, after, note))
    return found


def change_between(key: str, kind: str, before: Content, after: Content, note: str = "") -> Change:
    """A change from one content to another, with its size where both are numbers."""
    old, new = _number(before), _number(after)
    absolute = relative = None
    if old is not None and new is not None:
        absolute = new - old
        relative = absolute / abs(old) if old else None
    return Change(key, kind, text_of(before), text_of(after), absolute, relative, note)


def _table_change(key: str, before: Content, after: Content, note: str = "") -> Change:
    kind = KINDS[key.split(".", 1)[0]]
    texts = [None if table is None else _shape(table) for table in (before, after)]
    if None in texts or texts[0] != texts[1]:
        return Change(key, kind, texts[0], texts[1], note=note)
    old, new = (np.array(list(table.values())) for table in (before, after))
    moved = np.argwhere(old != new)
    column, row = (int(i) for i in np.unravel_index(int(np.abs(new - old).argmax()), old.shape))
    largest = change_between(key, kind, float(old[column, row]), float(new[column, row]))
    place = f"{list(after)[column]}, row {row + 1}"
    return Change(
        key,
        kind,
        f"{texts[0]}; {largest.before} at {place}",
        f"{len(moved)} cells differ, most of all {place}: {largest.after}",
        largest.absolute,
        largest.relative,
        note,
    )


def _shape(table: Mapping[str, list[float]]) -> str:
    rows = len(next(iter(table.values())))
    return f"{rows} rows of {', '.join(table)}"


def _leaves(content: Content, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    if isinstance(content, dict):
        for key, value in content.items():
            yield from _leaves(value, (*path, key))
    else:
        yield path, content


def _number(value: Content) -> float | None:
    """The number a content is, or that a formula consists of."""
    if value is None or isinstance(value, bool):
        return None
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return number if math.isfinite(number) else None


def text_of(value: Content) -> str | None:
    """A content as text; None where there is none."""
    if value is None or value in ("", (), []):
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return repr(value).removesuffix(".0")
    if isinstance(value, dict):
        return "; ".join(
            f"{' '.join(path)} = {text_of(leaf)}" for path, leaf in _leaves(value) if leaf != []
        )
    if isinstance(value, list | tuple):
        return ", ".join(text_of(item) or "" for item in value)
    return str(value)
