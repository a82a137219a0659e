"""What differs between two models, input by input.

The inputs of a model are taken apart into units: one setting, one state, one variable, one row of
the parameters, the transitions out of one state, one outcome, one table. A unit is changed as a
whole. What it says in words, and what only probabilistic analyses read, is listed apart: the base
case does not depend on it.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from heecon.language import Table
from heecon.model.definition import Model
from heecon.model.load import build_model
from heecon.model.parameter import Parameter
from heecon.model.sections import correction_text, sections_of

Unit = tuple[str, str]
"""Section and name, for example ("variables", "h_death") or ("parameters", "hr[new]")."""

Content = Any
"""Plain data: what a unit says, or what is said in words about it."""

KINDS = {
    "model": "setting",
    "states": "state",
    "start": "start",
    "strategies": "strategy",
    "variables": "variable",
    "transitions": "transition",
    "outcomes": "outcome",
    "parameters": "parameter",
    "tables": "table",
    "joint": "joint distribution",
    "analyses": "analysis",
}
"""Section -> what one thing of it is called."""

WORDS = "words only"
UNCERTAINTY = "leaves the base case as it is; probabilistic and sensitivity analyses change"
THRESHOLDS = "net benefit is shown at the thresholds of both"
ORDER = "order of presentation"
AS_ALL = "as for all strategies"
SIZES = "size of an analysis; the base case has none"

_UNCERTAIN = (
    "low", "high", "se", "distribution", "joint_family", "joint_count", "correlation_group", "tags",
)  # fmt: skip
_SAID = ("label", "unit", "price_year", "status", "source", "note")
_SPOKEN = {
    "states": ("label",),
    "strategies": ("label", "note"),
    "outcomes": ("label", "category"),
}
_SPOKEN_SETTINGS = ("title", "description", "currency", "price_year")


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


@dataclass(frozen=True)
class Inputs:
    """The inputs of a model, taken apart.

    Attributes:
        units: what the base case depends on.
        said: everything else: (section, name, field) -> value and why the base case does not
            depend on it.
    """

    units: Mapping[Unit, Content]
    said: Mapping[tuple[str, str, str], tuple[Content, str]]


def inputs_of_both(a: Model, b: Model) -> tuple[Inputs, Inputs]:
    """The inputs of two models, written so that they differ only where the models do."""
    found_a, found_b = inputs_of(a), inputs_of(b)
    if a.settings.correction == b.settings.correction:
        return found_a, found_b
    # An outcome that has the same correction in both, although the model's differs, follows the
    # model in neither.
    units_a, units_b = dict(found_a.units), dict(found_b.units)
    for unit in units_a.keys() & units_b.keys():
        if unit[0] == "outcomes":
            one, other = units_a[unit], units_b[unit]
            if ("correction" in one) != ("correction" in other):
                units_a[unit] = _with_correction(one, a)
                units_b[unit] = _with_correction(other, b)
    return Inputs(units_a, found_a.said), Inputs(units_b, found_b.said)


def _with_correction(outcome: Mapping[str, Content], model: Model) -> Content:
    """The outcome with the correction it takes from the model, if it takes that, written out."""
    if "correction" in outcome or "timing" in outcome or "state" not in outcome:
        return outcome
    return {**outcome, "correction": correction_text(model.settings.correction)}


def inputs_of(model: Model) -> Inputs:
    """Take a model apart."""
    sections = sections_of(model)
    settings = sections.pop("model")
    units: dict[Unit, Content] = {
        ("model", f"discounting.{key}"): value for key, value in settings.pop("discounting").items()
    }
    said: dict[tuple[str, str, str], tuple[Content, str]] = {}
    for key in _SPOKEN_SETTINGS:
        said["model", key, ""] = settings.pop(key, None), WORDS
    said["model", "thresholds", ""] = settings.pop("thresholds"), THRESHOLDS
    # Without a comparator the first strategy is it: said in full, a new order changes nothing.
    settings["comparator"] = model.settings.comparator or next(iter(model.strategies))
    units |= {("model", key): value for key, value in settings.items()}
    units["start", ""] = sections.pop("start")
    for section, named in sections.items():
        if section != "variables":
            said[section, "", ""] = list(named), ORDER
        for name, content in named.items():
            for key in _SPOKEN.get(section, ()):
                said[section, name, key] = content.pop(key), WORDS
            units[section, name] = content
    units |= {("tables", name): columns_of(table) for name, table in model.tables.items()}
    for row in model.parameters:
        units["parameters", row.key] = row.value
        said |= _said_of(row)
    return Inputs(units, said | _joints(model) | _analyses(model))


def _said_of(row: Parameter) -> dict[tuple[str, str, str], tuple[Content, str]]:
    found: dict[tuple[str, str, str], tuple[Content, str]] = {}
    for key in _SAID:
        found["parameters", row.key, key] = getattr(row, key), WORDS
    for key in _UNCERTAIN:
        value = getattr(row, key)
        if key == "distribution" and value is not None:
            fixed = value.family == "fixed"
            value = "fixed" if fixed else f"{value.describe()}, base value = {value.centre}"
        found["parameters", row.key, key] = value, UNCERTAINTY
    return found


def _joints(model: Model) -> dict[tuple[str, str, str], tuple[Content, str]]:
    matrices = {name: (block.names, block.matrix) for name, block in model.blocks.items()}
    matrices |= {name: (copula.names, copula.ranks) for name, copula in model.copulas.items()}
    return {
        ("joint", name, ""): (dict(zip(keys, np.asarray(matrix).T.tolist(), strict=True)), why)
        for name, (keys, matrix) in matrices.items()
        for why in [UNCERTAINTY]
        if np.size(matrix)
    }


def _analyses(model: Model) -> dict[tuple[str, str, str], tuple[Content, str]]:
    return {
        ("analyses", name, key): (value, SIZES)
        for name, sizes in model.scenario.analyses.items()
        for key, value in sizes.items()
    }


def columns_of(table: Table) -> dict[str, list[float]]:
    """A table as columns, the keys first."""
    name = "key"
    while name in table.columns:
        name += "_key"
    columns = {column: values.tolist() for column, values in table.columns.items()}
    return {name: table.keys.tolist(), **columns}


# --- models between two models -------------------------------------------------------------------


def partway(a: Inputs, b: Inputs, changed: Collection[Unit], name: str = "model") -> Model:
    """The model A with some of its units as in B: for the base case only, everything is fixed.

    With all units that differ, its results are those of B to the last bit.

    Args:
        a: inputs of A.
        b: inputs of B.
        changed: the units to take from B.
        name: what to call the model.

    Raises:
        InputError: the units do not make a model together.
    """
    # In the order of B, so that sums over states and outcomes are rounded as there.
    units = {
        unit: (b if unit in changed else a).units[unit]
        for unit in [*b.units, *(unit for unit in a.units if unit not in b.units)]
        if unit in (b if unit in changed else a).units
    }
    sections: dict[str, Any] = {
        section: {name: content for (where, name), content in units.items() if where == section}
        for section in KINDS
    }
    settings = sections["model"]
    discounting = {
        key.removeprefix("discounting."): settings.pop(key)
        for key in [key for key in settings if key.startswith("discounting.")]
    }
    parameters = [_row(key, value) for key, value in sections["parameters"].items()]
    definition = {
        "model": {"title": name, "discounting": discounting, **settings},
        "start": sections["start"][""],
        **{
            section: sections[section]
            for section in ("states", "strategies", "variables", "transitions", "outcomes")
        },
    }
    return build_model(definition, parameters, sections["tables"], name)


def _row(key: str, value: float) -> Parameter:
    name, _, strategy = key.removesuffix("]").partition("[")
    return Parameter(name, value, strategy or None)


# --- changes -------------------------------------------------------------------------------------


def changed_units(a: Inputs, b: Inputs) -> list[Unit]:
    """The units that differ, by section in the order of ``KINDS``, in the order of B."""
    every = [*b.units, *(unit for unit in a.units if unit not in b.units)]
    differing = [
        unit
        for unit in every
        if unit not in a.units or unit not in b.units or a.units[unit] != b.units[unit]
    ]
    sections = list(KINDS)
    return sorted(differing, key=lambda unit: sections.index(unit[0]))


def changes_of(unit: Unit, a: Inputs, b: Inputs) -> list[Change]:
    """What differs inside a unit, a change for each formula or number."""
    section, name = unit
    key = f"{section}.{name}" if name else section
    kind = KINDS[section]
    before, after = a.units.get(unit), b.units.get(unit)
    if section == "parameters":
        return [_parameter_change(unit, a, b)]
    if section == "tables":
        return [_table_change(key, before, after)]
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


def _parameter_change(unit: Unit, a: Inputs, b: Inputs) -> Change:
    """The value of a row; a strategy without a row of its own had, or has, that of all."""
    section, key = unit
    shared = section, key.partition("[")[0]
    values = [side.units.get(unit, side.units.get(shared)) for side in (a, b)]
    change = change_between(f"{section}.{key}.value", KINDS[section], *values)
    if unit not in a.units and values[0] is not None:
        return replace(change, before=f"{change.before} ({AS_ALL})")
    if unit not in b.units and values[1] is not None:
        return replace(change, after=f"{change.after} ({AS_ALL})")
    return change


def silent_changes(a: Inputs, b: Inputs) -> list[Change]:
    """What differs without any effect on the base case.

    Of a thing that only one model has, its words are left out: it is a change of its own.
    """
    found = []
    for place in dict.fromkeys([*b.said, *a.said]):
        section, name, field = place
        unit = (section, name)
        one_sided = (unit in a.units) != (unit in b.units)
        note = (b.said.get(place) or a.said[place])[1]
        before, after = (side.said.get(place, (None, ""))[0] for side in (a, b))
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
