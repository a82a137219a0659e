"""A model written back as sections is the same model again."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
from pydantic import BaseModel

import heecon as he
from heecon.analysis.engines import with_engine
from heecon.analysis.evaluation import run
from heecon.difference.parts import columns_of, parts_of
from heecon.files import locate
from heecon.model import schema
from heecon.model.to_dict import to_dict
from tests.analysis.changing import Draft

NAMES = locate.available(locate.bundled())


def rebuilt(model: he.Model, sections: dict[str, Any]) -> he.Model:
    rows = [he.Parameter(row.name, row.value, row.strategy) for row in model.parameters]
    tables = {name: columns_of(table) for name, table in model.tables.items()}
    joint = {
        group: dict(zip(copula.names, np.asarray(copula.ranks).T.tolist(), strict=True))
        for group, copula in model.individual_copulas.items()
    }
    return he.Model.from_dict(sections, rows, tables, model.name, joint or None)


@pytest.mark.parametrize("name", NAMES)
def test_shipped_models(name: str) -> None:
    model = he.load(name)
    same = rebuilt(model, to_dict(model))
    assert to_dict(same) == to_dict(model)
    assert same.settings.cycles == model.settings.cycles
    first, second = (run(few(m)).result for m in (model, same))
    assert np.array_equal(first.discounted, second.discounted)
    assert np.array_equal(first.undiscounted, second.undiscounted)


@pytest.mark.parametrize("kind", ["weights", "own", "timing", "one_off", "steps", "own_tunnel"])
def test_what_a_section_may_leave_out(kind: str) -> None:
    draft = Draft()
    outcomes, settings = draft.definition["outcomes"], draft.definition["model"]
    draft.tables["w"] = {"t": [float(t) for t in range(13)], "w": [0.5, *[1.0] * 11, 0.5]}
    if kind == "weights":
        settings["correction"] = {"weights": "w"}
    elif kind == "own":
        outcomes["care"]["correction"] = "end"
    elif kind == "timing":
        outcomes["care"]["timing"] = "mid_cycle"
    elif kind == "one_off":
        outcomes["death"]["correction"] = {"weights": "w"}
    elif kind == "steps":
        settings["discounting"]["effect"] = [
            {"from": 0, "rate": 0.035},
            {"from": 3, "rate": "dr / 2"},
        ]
    else:
        draft.definition["transitions"]["flare"]["rates"]["flare"] = "0.3"
    model = draft.model()
    same = rebuilt(model, to_dict(model))
    assert to_dict(same) == to_dict(model)
    assert np.array_equal(run(model).result.discounted, run(same).result.discounted)
    plain = Draft().model()
    changed = not np.array_equal(run(model).result.discounted, run(plain).result.discounted)
    assert changed, "the case says nothing"


def few(model: he.Model) -> he.Model:
    """The model with few people, where it simulates any."""
    return with_engine(model, model.scenario.engine, 2_000 if simulated(model) else None)


def simulated(model: he.Model) -> bool:
    return model.scenario.engine != "cohort"


def keys_written(model: he.Model) -> dict[str, set[str]]:
    sections = to_dict(model)
    found = {"": set(sections), "model": set(sections["model"])}
    found["discounting"] = set(sections["model"]["discounting"])
    for section in ("states", "strategies", "transitions", "outcomes"):
        found[section] = {key for content in sections[section].values() for key in content}
    return found


def test_every_key_is_written() -> None:
    """A key that comes to the files has to come to the sections as well."""
    draft = Draft()
    draft.definition["model"] |= {
        "price_year": 2024,
        "rounding": "up",
        "question": ["new", "usual"],
    }
    draft.definition["model"]["discounting"] |= {"compounding": "continuous"}
    draft.definition["outcomes"]["death"] |= {"start": 1, "entering": {"ill": 1}}
    draft.definition["outcomes"]["care"] |= {"correction": "end"}
    dies = {"dead": {"family": "exponential", "arguments": ["0.02"]}}
    draft.definition["transitions"]["well"] = {"rates": {"flare": "0.1"}, "hazards": dies}
    written = keys_written(draft.model())
    schemas: dict[str, type[BaseModel]] = {
        "": schema.ModelFile,
        "model": schema.Settings,
        "discounting": schema.Discounting,
        "states": schema.StateSection,
        "strategies": schema.StrategySection,
        "transitions": schema.TransitionSection,
        "outcomes": schema.OutcomeSection,
    }
    for section, schema_of in schemas.items():
        assert written[section] == set(schema_of.model_fields), section


def test_every_column_is_compared() -> None:
    """A field that comes to parameters has to be compared as well."""
    compared = {field for _, _, field in parts_of(Draft().model()).metadata if field}
    fields = {field.name for field in dataclasses.fields(he.Parameter)}
    assert fields - compared == {"name", "value", "strategy", "where"}
