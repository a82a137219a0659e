"""What a published figure estimates, and what that allows: one entry an estimand."""

from __future__ import annotations

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
    """

    scale: str = ""
    family: str = "fixed"
    ratio: bool = False


RATIO = Estimand("log", "lognormal", ratio=True)
DESCRIPTION = Estimand()

ESTIMANDS: Mapping[str, Estimand] = {
    "risk ratio": RATIO,
    "hazard ratio": RATIO,
    "rate ratio": RATIO,
    "odds ratio": RATIO,
    "ratio": RATIO,
    "proportion": Estimand("natural", "beta"),
    "utility": Estimand("natural", "beta"),
    "rate": Estimand("natural", "gamma"),
    "hazard": Estimand("natural", "gamma"),
    "cost": Estimand("natural", "gamma"),
    "mean": Estimand("natural", "normal"),
    "difference": Estimand("natural", "normal"),
    "median": DESCRIPTION,
    "shape": DESCRIPTION,
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
