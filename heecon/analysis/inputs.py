"""The inputs of a model, taken apart and put together again.

A unit is the least that is changed as a whole: one setting, one state, one variable, one row of the
parameters, the transitions out of one state, one outcome, one table. What it says in words, and
what only probabilistic analyses read, is kept apart: the base case does not depend on it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
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
    "persons": "attribute of persons",
    "types": "types of an event",
    "patients": "column of patients.csv",
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
SIZES = "size of an analysis; the base case has none"
PAIR = "the pair that one-way analysis and the like show; the base case compares all strategies"
PEOPLE = "both and every step are simulated with the people and the seed of B"

_UNCERTAIN = (
    "low", "high", "se", "distribution", "joint_family", "joint_count", "correlation_group", "tags",
)  # fmt: skip
_SAID = ("label", "unit", "price_year", "status", "source", "note", "evidence", "conversion")
_SPOKEN = {
    "states": ("label",),
    "strategies": ("label", "note"),
    "outcomes": ("label", "category"),
    "persons": ("label",),
}
_SPOKEN_SETTINGS = ("title", "description", "currency", "price_year")


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
    del sections["analyses"]  # told below, key by key
    units: dict[Unit, Content] = {
        ("model", f"discounting.{key}"): value for key, value in settings.pop("discounting").items()
    }
    said: dict[tuple[str, str, str], tuple[Content, str]] = {}
    for key in _SPOKEN_SETTINGS:
        said["model", key, ""] = settings.pop(key, None), WORDS
    said["model", "thresholds", ""] = settings.pop("thresholds"), THRESHOLDS
    said["model", "question", ""] = settings.pop("question", None), PAIR
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
    units |= {("patients", name): values.tolist() for name, values in model.patients.items()}
    units |= {
        ("joint", group): dict(zip(c.names, np.asarray(c.ranks).T.tolist(), strict=True))
        for group, c in model.person_copulas.items()
    }
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
        ("analyses", name, key): (value, PEOPLE if name == "microsim" else SIZES)
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
            for section in (
                "states",
                "strategies",
                "variables",
                "transitions",
                "outcomes",
                "persons",
                "types",
            )
        },
    }
    return build_model(
        definition,
        parameters,
        sections["tables"],
        name,
        joint=sections["joint"] or None,
        patients=sections["patients"] or None,
    )


def _row(key: str, value: float) -> Parameter:
    name, _, strategy = key.removesuffix("]").partition("[")
    return Parameter(name, value, strategy or None)
