"""Models whose one-off cost and gain are any formula, so that indices have closed forms."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import heecon as he
from heecon.model.distribution import fitted

THRESHOLD = 20_000.0


def uncertain(name: str, family: str, *arguments: float, **fields: Any) -> he.Parameter:
    """A parameter with a distribution, its value the mean of it."""
    distribution = fitted(family, 0.0, arguments=arguments)
    return he.Parameter(name, distribution.mean(), distribution=distribution, **fields)


def toy(
    parameters: Sequence[he.Parameter],
    cost: str = "0",
    effect: str = "0",
    variables: Mapping[str, str] | None = None,
    joint: Mapping[str, Mapping[str, Sequence[float]]] | None = None,
    strategies: Sequence[str] = ("old", "new"),
) -> he.Model:
    """A model with the strategies old (cost 1000, effect 1) and new (that plus the formulas)."""
    definition = {
        "model": {
            "title": "Toy",
            "cycle": "1 year",
            "horizon": "1 cycle",
            "correction": "start",
            "discounting": {"cost": 0, "effect": 0},
            "thresholds": [THRESHOLD],
            "comparator": "old",
        },
        "states": {"well": {}, "dead": {"absorbing": True}},
        "start": {"well": 1},
        "strategies": {name: {} for name in strategies},
        "variables": dict(variables or {}),
        "transitions": {"well": {"probabilities": {"well": "rest", "dead": 0}}},
        "outcomes": {
            "cost": {"kind": "cost", "start": {"well": f"1000 + is_new * ({cost})"}},
            "gain": {"kind": "qaly", "start": {"well": f"1 + is_new * ({effect})"}},
        },
    }
    switch = [he.Parameter("is_new", 0.0)]
    switch += [he.Parameter("is_new", 1.0, strategy=name) for name in strategies if name != "old"]
    return he.Model.from_dict(definition, [*switch, *parameters], joint=joint)
