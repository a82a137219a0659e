"""A model with one of everything, to be changed in one or several places."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import heecon as he
from heecon.model.distribution import fitted

DEFINITION: dict[str, Any] = {
    "model": {
        "title": "Everything",
        "cycle": "1 year",
        "horizon": "12 years",
        "start_age": "age_0",
        "max_age": 90,
        "correction": "life_table",
        "discounting": {"cost": "dr", "effect": 0.03},
        "currency": "GBP",
        "thresholds": [20_000, 30_000],
        "comparator": "usual",
    },
    "states": {
        "well": {"residence": 3},
        "flare": {"tunnel": 2},
        "ill": {"label": "Ill"},
        "dead": {"absorbing": True},
    },
    "start": {"well": "rest", "ill": "share_ill"},
    "strategies": {
        "usual": {"label": "Usual care"},
        "new": {},
        "other": {"start": {"well": 1}},
    },
    "variables": {
        "h_ill": "h_base * hr",
        "h_dead": "lookup(mortality, age)",
        "cost_of_care": "c_care * (2 if state_time < 1.5 else 1)",
    },
    "transitions": {
        "well": {"rates": {"flare": "0.1", "ill": "h_ill", "dead": "h_dead"}},
        "flare": {"rates": {"dead": "h_dead * 2", "well": "rest"}},
        "ill": {"probabilities": {"ill": "p_stay", "dead": "p_die"}},
    },
    "outcomes": {
        "drug": {"kind": "cost", "timing": "cycle_start", "state": {"alive": "c_drug"}},
        "care": {"kind": "cost", "state": {"well": "cost_of_care", "ill": "2 * c_care"}},
        "travel": {"kind": "cost", "perspective": ["societal"], "state": {"ill": 99}},
        "death": {"kind": "cost", "transition": {"alive -> dead": "c_death"}},
        "qaly": {"kind": "qaly", "state": {"well": "u_well", "flare": 0.6, "ill": 0.5}},
        "years": {"kind": "life_year", "state": {"alive": 1}},
    },
}

VALUES = {
    "age_0": 60.0,
    "dr": 0.035,
    "share_ill": 0.1,
    "h_base": 0.2,
    "hr": 1.0,
    "hr[new]": 0.8,
    "hr[other]": 0.9,
    "p_stay": 0.7,
    "p_die": 0.3,
    "c_drug": 0.0,
    "c_drug[new]": 800.0,
    "c_drug[other]": 300.0,
    "c_care": 500.0,
    "c_death": 4000.0,
    "u_well": 0.8,
}

TABLES: dict[str, dict[str, list[float]]] = {
    "mortality": {"age": [20, 60, 65, 70], "rate": [0.01, 0.02, 0.03, 0.05]}
}


class Draft:
    """The parts of the model, to be changed before it is built."""

    def __init__(self) -> None:
        self.definition = deepcopy(DEFINITION)
        self.values = dict(VALUES)
        self.tables = deepcopy(TABLES)
        self.fields: dict[str, dict[str, Any]] = {}

    def model(self) -> he.Model:
        """Build it; rows of strategies that are not in it are left out."""
        rows = []
        for key, value in self.values.items():
            name, _, strategy = key.removesuffix("]").partition("[")
            if not strategy or strategy in self.definition["strategies"]:
                fields = {"distribution": fitted("fixed", value), **self.fields.get(key, {})}
                rows.append(he.Parameter(name, value, strategy or None, **fields))
        return he.Model.from_dict(self.definition, rows, self.tables, "everything")
