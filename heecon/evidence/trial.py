"""The trials of a network, of two arms or more, and what their contrasts must have in common."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np

from heecon.arrays import Floats
from heecon.errors import Diagnostics

GAP = 0.1
"""Effects of one trial may miss each other by this share of the smallest standard error, beyond
rounding: pairs of arms are often analysed one by one."""

SHARED = 0.1
"""Variances of two pairs of arms and of the same arms paired otherwise may differ by this share,
beyond rounding: an adjusted analysis ties arms a little."""


@dataclass(frozen=True)
class Contrast:
    """One comparison within one trial.

    Attributes:
        study: name of the trial; rows with one name belong to one trial.
        treatment, comparator: the arms compared.
        effect: of the treatment against the comparator, on a scale where effects add.
        se: its standard error.
        where: place of its source, for messages.
        effect_rounding, se_rounding: how far the digits that were printed leave each open.
    """

    study: str
    treatment: str
    comparator: str
    effect: float
    se: float
    where: str = ""
    effect_rounding: float = 0.0
    se_rounding: float = 0.0

    def variance(self, rounding: int = 0) -> float:
        """Square of the standard error, with -1 or 1 the least or most its digits allow."""
        return max(0.0, self.se + rounding * self.se_rounding) ** 2


@dataclass(frozen=True)
class Trial:
    """A trial: its arms, sorted, and its contrasts by pair, the earlier arm as comparator."""

    name: str
    arms: tuple[str, ...]
    contrasts: dict[tuple[str, str], Contrast]
    where: str
    repeated: tuple[str, ...]

    def check(self, diagnostics: Diagnostics) -> None:
        """Refuse a trial that repeats itself, lacks a comparison, or contradicts itself."""
        for pair in self.repeated:
            what = f"trial '{self.name}' compares {pair} twice"
            diagnostics.error(self.where, what, "Delete one of them")
        pairs = combinations(self.arms, 2)
        missing = [f"{two} with {one}" for one, two in pairs if (one, two) not in self.contrasts]
        if missing:
            what = f"trial '{self.name}' has no comparison of {' and of '.join(missing)}"
            hint = f"A trial of {len(self.arms)} arms needs every pair of them"
            diagnostics.error(self.where, what, hint)
        elif not self.repeated:
            what = self._gap() or self._impossible_arm() or self._contradicting_arms()
            if what:
                hint = "Look its figures up in the source; rounding is allowed for by their digits"
                diagnostics.error(self.where, what, hint)

    def _of(self, one: str, two: str) -> Contrast:
        return self.contrasts[min(one, two), max(one, two)]

    def _gap(self) -> str:
        """What is left when the effects of three arms are added up, if it is too much."""
        allowed = GAP * min(contrast.se for contrast in self.contrasts.values())
        for arms in combinations(self.arms, 3):
            sides = [self._of(*pair) for pair in combinations(arms, 2)]
            gap = sides[1].effect - sides[0].effect - sides[2].effect
            if abs(gap) > allowed + sum(side.effect_rounding for side in sides):
                what = f"the effects of trial '{self.name}' do not add up: {gap:.3g} is left"
                return f"{what} between {', '.join(arms)}"
        return ""

    def _impossible_arm(self) -> str:
        """The arm with a negative variance: half of v(a, b) + v(a, c) - v(b, c) for arm a."""
        for arms in combinations(self.arms, 3):
            for arm in arms:
                one, two = (other for other in arms if other != arm)
                sides = self._of(arm, one), self._of(arm, two), self._of(one, two)
                most = sides[0].variance(1) + sides[1].variance(1) - sides[2].variance(-1)
                if most < -1e-9 * sides[2].variance():
                    less = sides[0].variance() + sides[1].variance() - sides[2].variance()
                    errors = ", ".join(
                        f"{side.se:.4g} of {side.treatment} with {side.comparator}"
                        for side in sides
                    )
                    what = f"{self._wrong()} arm '{arm}' would have a variance of {less / 2:.3g}"
                    return f"{what} ({errors})"
        return ""

    def _contradicting_arms(self) -> str:
        """Four arms paired in two ways whose variances should have the same sum."""
        for a, b, c, d in combinations(self.arms, 4):
            pairings = ((a, b), (c, d)), ((a, c), (b, d)), ((a, d), (b, c))
            low, _, high = sorted(pairings, key=self._sum)
            least, most = self._sum(high, -1), self._sum(low, 1)
            if least > most + SHARED * self._sum(high):
                words = [
                    f"{' and '.join(f'{two} with {one}' for one, two in pairing)} add up to "
                    f"{self._sum(pairing):.3g}"
                    for pairing in (low, high)
                ]
                return f"{self._wrong()} the variances of {words[0]}, those of {words[1]}"
        return ""

    def _wrong(self) -> str:
        return f"the standard errors of trial '{self.name}' cannot belong to one trial:"

    def _sum(self, pairing: Sequence[tuple[str, str]], rounding: int = 0) -> float:
        return sum(self._of(*pair).variance(rounding) for pair in pairing)

    def against_first(self) -> Floats:
        """Effects of the arms against the first one, by least squares on all comparisons."""
        table = np.zeros((len(self.arms), len(self.arms)))
        for (one, two), contrast in self.contrasts.items():
            i, j = self.arms.index(one), self.arms.index(two)
            table[j, i], table[i, j] = contrast.effect, -contrast.effect
        means = table.mean(axis=1)
        return np.asarray(means[1:] - means[0])

    def covariance(self) -> Floats:
        """Their covariance: the first arm's variance is shared."""
        first, *others = self._arm_variances()
        return np.asarray(first + np.diag(others))

    def _arm_variances(self) -> Floats:
        """Variances of the arms, by least squares of relative errors on those of all pairs."""
        pairs = list(combinations(self.arms, 2))
        variances = np.array([self._of(*pair).variance() for pair in pairs])
        if len(pairs) == 1:
            return np.repeat(variances / 2, 2)
        ends = np.array([[arm in pair for arm in self.arms] for pair in pairs])
        shares = ends / variances[:, None]
        found = np.linalg.lstsq(shares, np.ones(len(pairs)), rcond=None)[0]
        if found.min() > 0:
            return np.asarray(found)
        from scipy.optimize import nnls  # noqa: PLC0415

        # Negative by rounding only: then the nearest that are not, with a trace of chance in each.
        least = 1e-6 * np.where(ends, variances[:, None], np.inf).min(axis=0)
        return np.asarray(least + nnls(shares, 1 - shares @ least)[0])


def trials_of(contrasts: Sequence[Contrast]) -> list[Trial]:
    """Trials in the order of their names, so that the order of rows does not matter."""
    rows: dict[str, list[Contrast]] = {}
    for contrast in contrasts:
        rows.setdefault(contrast.study, []).append(contrast)
    trials = []
    for name in sorted(rows):
        by_pair: dict[tuple[str, str], Contrast] = {}
        repeated = []
        for row in rows[name]:
            one, two = sorted((row.comparator, row.treatment))
            if (one, two) in by_pair:
                repeated.append(f"{two} with {one}")
            turned = row.effect if row.comparator == one else -row.effect
            by_pair[one, two] = replace(row, treatment=two, comparator=one, effect=turned)
        arms = tuple(sorted({arm for pair in by_pair for arm in pair}))
        place = rows[name][0].where or f"trial '{name}'"
        trials.append(Trial(name, arms, by_pair, place, tuple(repeated)))
    return trials
