"""A model written back as sections is the same model again."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import heecon as he
from heecon.analysis.change import columns_of
from heecon.model import library
from heecon.model.sections import sections_of
from tests.analysis.changing import Draft

NAMES = library.available(library.bundled())


def rebuilt(model: he.Model, sections: dict[str, Any]) -> he.Model:
    rows = [he.Parameter(row.name, row.value, row.strategy) for row in model.parameters]
    tables = {name: columns_of(table) for name, table in model.tables.items()}
    return he.build_model(sections, rows, tables, model.name)


@pytest.mark.parametrize("name", NAMES)
def test_shipped_models(name: str) -> None:
    model = he.load(name)
    same = rebuilt(model, sections_of(model))
    assert sections_of(same) == sections_of(model)
    assert same.settings.cycles == model.settings.cycles
    first, second = he.run(model).result, he.run(same).result
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
    same = rebuilt(model, sections_of(model))
    assert sections_of(same) == sections_of(model)
    assert np.array_equal(he.run(model).result.discounted, he.run(same).result.discounted)
    plain = Draft().model()
    changed = not np.array_equal(he.run(model).result.discounted, he.run(plain).result.discounted)
    assert changed, "the case says nothing"
