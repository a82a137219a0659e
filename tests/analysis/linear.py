"""A decision whose value of information has a closed form, as draws and as a model.

The new option's net benefit over the old is mean + sum(slope * x), each x normal with mean 0 and
standard deviation 1. Whatever is learnt, the expected increment is normal, so the value of learning
is the unit normal loss integral (Raiffa and Schlaifer 1961).
"""

from __future__ import annotations

from collections.abc import Sequence
from math import erf, exp, pi, sqrt
from pathlib import Path

import numpy as np

import heecon as he
from heecon.analysis.outcomes import Outcomes


def loss(mean: float, sd: float) -> float:
    """E max(X, 0) - max(E X, 0) for a normal X."""
    z = mean / sd
    density, below = exp(-(z**2) / 2) / sqrt(2 * pi), (1 + erf(z / sqrt(2))) / 2
    return sd * density + mean * below - max(mean, 0.0)


def linear_draws(
    seed: int,
    draws: int = 1000,
    mean: float = 100.0,
    slopes: Sequence[float] = (300.0, 400.0, 800.0),
    correlation: float = 0.0,
) -> Outcomes:
    """Draws with parameters x0, x1, ...; the first two are correlated."""
    x = np.random.default_rng(seed).normal(size=(draws, len(slopes)))
    x[:, 1] = correlation * x[:, 0] + sqrt(1 - correlation**2) * x[:, 1]
    gain = mean + x @ np.array(slopes)
    return Outcomes(
        ("old", "new"),
        np.zeros((draws, 2)),
        np.column_stack([np.zeros(draws), gain]),
        parameters={f"x{i}": x[:, i] for i in range(len(slopes))},
    )


MODEL = """
[model]
title = "Linear"
cycle = "1 year"
horizon = "1 cycle"
correction = "start"
discounting = { cost = 0, effect = 0 }
thresholds = [1]
comparator = "old"
[states]
well = {}
dead = { absorbing = true }
[start]
well = 1
[strategies]
old = {}
new = {}
[transitions.well]
probabilities = { well = "rest", dead = 0 }
[outcomes.cost]
kind = "cost"
start = { well = 0 }
[outcomes.gain]
kind = "qaly"
start = { well = "is_new * (GAIN)" }
"""


def model_of(folder: Path, gain: str, rows: Sequence[str], joint: str = "") -> he.Model:
    """A model with the strategies old (gain 0) and new.

    Args:
        folder: where its files go.
        gain: formula of the new strategy's QALYs.
        rows: name,value,distribution,arg1,arg2,correlation_group.
        joint: content of joint/together.csv.
    """
    header = "name,strategy,value,distribution,arg1,arg2,correlation_group"
    lines = [header, "is_new,,0,,,,", "is_new,new,1,,,,"]
    for row in rows:
        name, rest = row.split(",", 1)
        lines.append(f"{name},,{rest}")
    folder.mkdir(parents=True)
    (folder / "model.toml").write_text(MODEL.replace("GAIN", gain), encoding="utf-8")
    (folder / "parameters.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    if joint:
        (folder / "joint").mkdir()
        (folder / "joint" / "together.csv").write_text(joint, encoding="utf-8")
    return he.load(folder)


def linear_model(folder: Path) -> he.Model:
    """mean 100, slopes 300, 400 and 800; the first two correlated by 0.6."""
    rows = [
        "x0,0,multivariate_normal,,,together",
        "x1,0,multivariate_normal,,,together",
        "x2,0,normal,0,1,",
    ]
    gain = "100 + 300 * x0 + 400 * x1 + 800 * x2"
    return model_of(folder / "linear", gain, rows, "x0,x1\n1,0.6\n0.6,1\n")


def passes(scores: Sequence[float], limit: float = 2.0, rate: float = 0.9545) -> bool:
    """Whether as many of the standardised errors lie within the limit as should.

    The bound is the count that fewer than one series in a thousand would miss.
    """
    from scipy.stats import binom  # noqa: PLC0415

    inside = int((np.abs(scores) <= limit).sum())
    return inside >= int(binom.ppf(0.001, len(scores), rate))
