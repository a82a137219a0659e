"""A model taken apart, so that two of them can be compared part by part.

A part is the least that is changed as a whole: one setting, one state, one variable, one row of the
parameters, the transitions out of one state, one outcome, one table. What it says in words, and
what only probabilistic analyses read, is metadata: the base case does not depend on it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from heecon.language import Table
from heecon.model.definition import Model
from heecon.model.parameter import Parameter
from heecon.model.to_dict import correction_dict, to_dict

Part = tuple[str, str]
"""Section and name, for example ("variables", "h_death") or ("parameters", "hr[new]")."""

Field = tuple[str, str, str]
"""Section, name and field of something that is metadata."""

Content = Any
"""Plain data: what a part or a field says."""

KINDS = {
    "model": "setting",
    "states": "state",
    "start": "start",
    "strategies": "strategy",
    "variables": "variable",
    "transitions": "transition",
    "outcomes": "outcome",
    "individuals": "attribute of individuals",
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
_WORDS = ("label", "unit", "price_year", "status", "source", "note", "evidence", "conversion")
_WORDS_OF = {
    "states": ("label",),
    "strategies": ("label", "note"),
    "outcomes": ("label", "category"),
    "individuals": ("label",),
}
_SETTINGS = {
    **dict.fromkeys(("title", "description", "currency", "price_year"), WORDS),
    "thresholds": THRESHOLDS,
    "question": PAIR,
}


@dataclass(frozen=True)
class ModelParts:
    """A model, taken apart.

    Attributes:
        model: the whole.
        parts: what the base case depends on.
        metadata: everything else: a value and why the base case does not depend on it.
    """

    model: Model
    parts: Mapping[Part, Content]
    metadata: Mapping[Field, tuple[Content, str]]


def parts_of_both(a: Model, b: Model) -> tuple[ModelParts, ModelParts]:
    """The parts of two models, written so that they differ only where the models do."""
    of_a, of_b = parts_of(a), parts_of(b)
    if a.settings.correction == b.settings.correction:
        return of_a, of_b
    # An outcome that has the same correction in both, although the model's differs, follows the
    # model in neither.
    common = [
        part
        for part in of_a.parts.keys() & of_b.parts.keys()
        if part[0] == "outcomes"
        and ("correction" in of_a.parts[part]) != ("correction" in of_b.parts[part])
    ]
    return _with_corrections(of_a, common), _with_corrections(of_b, common)


def _with_corrections(of: ModelParts, outcomes: Iterable[Part]) -> ModelParts:
    """The parts with the correction some outcomes take from the model written out."""
    correction = correction_dict(of.model.settings.correction)
    written = {
        part: {**of.parts[part], "correction": correction}
        for part in outcomes
        if not of.parts[part].keys() & {"correction", "timing"} and "state" in of.parts[part]
    }
    return replace(of, parts={**of.parts, **written})


def parts_of(model: Model) -> ModelParts:
    """Take a model apart."""
    sections = to_dict(model)
    settings = sections.pop("model")
    del sections["analyses"]  # told below, key by key
    metadata: dict[Field, tuple[Content, str]] = {
        ("model", key, ""): (settings.pop(key, None), why) for key, why in _SETTINGS.items()
    }
    discounting = settings.pop("discounting").items()
    # Without a comparator the first strategy is it: said in full, a new order changes nothing.
    settings["comparator"] = model.settings.comparator or next(iter(model.strategies))
    parts: dict[Part, Content] = {("model", f"discounting.{key}"): v for key, v in discounting}
    parts |= {("model", key): value for key, value in settings.items()}
    parts["start", ""] = sections.pop("start")
    for section, named in sections.items():
        if section != "variables":
            metadata[section, "", ""] = list(named), ORDER
        for name, content in named.items():
            for key in _WORDS_OF.get(section, ()):
                metadata[section, name, key] = content.pop(key), WORDS
            parts[section, name] = content
    parts |= {("tables", name): columns_of(table) for name, table in model.tables.items()}
    parts |= {("patients", name): values.tolist() for name, values in model.patients.items()}
    parts |= {
        ("joint", group): _columns(copula.names, copula.ranks)
        for group, copula in model.individual_copulas.items()
    }
    parts |= {("parameters", row.key): row.value for row in model.parameters}
    for row in model.parameters:
        metadata |= {("parameters", row.key, key): found for key, found in _metadata_of(row)}
    return ModelParts(model, parts, metadata | dict(_joints(model)) | _analyses(model))


def _metadata_of(row: Parameter) -> Iterator[tuple[str, tuple[Content, str]]]:
    for key in _WORDS:
        yield key, (getattr(row, key), WORDS)
    for key in _UNCERTAIN:
        value = getattr(row, key)
        if key == "distribution" and value is not None:
            fixed = value.family == "fixed"
            value = "fixed" if fixed else f"{value.describe()}, base value = {value.centre}"
        yield key, (value, UNCERTAINTY)


def _joints(model: Model) -> Iterator[tuple[Field, tuple[Content, str]]]:
    for name, block in model.blocks.items():
        if np.size(block.matrix):
            yield ("joint", name, ""), (_columns(block.names, block.matrix), UNCERTAINTY)
    for name, copula in model.copulas.items():
        if np.size(copula.ranks):
            yield ("joint", name, ""), (_columns(copula.names, copula.ranks), UNCERTAINTY)


def _columns(names: Iterable[str], matrix: object) -> dict[str, list[float]]:
    return dict(zip(names, np.asarray(matrix).T.tolist(), strict=True))


def _analyses(model: Model) -> dict[Field, tuple[Content, str]]:
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
