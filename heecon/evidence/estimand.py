"""What a published figure estimates, and what that allows: one entry an estimand."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Estimand:
    """A kind of figure.

    Attributes:
        scale: where its interval is symmetric and standard errors add: "log", "natural", or "" for
            figures without sampling error of their own (doses, counts, thresholds).
        family: distribution of a parameter that cites such a figure; "fixed" where there is none.
        ratio: it compares two groups and has no unit: its name takes the unit's place.
        limits: the smallest and the largest value possible.
    """

    scale: str = ""
    family: str = "fixed"
    ratio: bool = False
    limits: tuple[float, float] = (-math.inf, math.inf)


RATIO = Estimand("log", "lognormal", ratio=True)
DESCRIPTION = Estimand()

ESTIMANDS: Mapping[str, Estimand] = {
    "risk ratio": RATIO,
    "hazard ratio": RATIO,
    "rate ratio": RATIO,
    "odds ratio": RATIO,
    "ratio": RATIO,
    "proportion": Estimand("natural", "beta", limits=(0, 1)),
    "utility": Estimand("natural", "beta", limits=(-math.inf, 1)),
    "rate": Estimand("natural", "gamma", limits=(0, math.inf)),
    "hazard": Estimand("natural", "gamma", limits=(0, math.inf)),
    "cost": Estimand("natural", "gamma", limits=(0, math.inf)),
    "mean": Estimand("natural", "normal"),
    "difference": Estimand("natural", "normal"),
    "median": DESCRIPTION,
    "shape": DESCRIPTION,
    "variance": DESCRIPTION,
    "count": DESCRIPTION,
    "dose": DESCRIPTION,
    "duration": DESCRIPTION,
    "threshold": DESCRIPTION,
    "range": DESCRIPTION,
    "heterogeneity": DESCRIPTION,
    "year": DESCRIPTION,
    "p value only": DESCRIPTION,
}
"""Every estimand; adding one is adding one entry here."""
