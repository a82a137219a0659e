"""Frequentist network meta-analysis of contrasts, with trials of any number of arms.

Generalised least squares on the contrasts against each trial's first arm (Lu, Welton, Higgins,
White, Ades 2011; Ruecker 2012 shows that it is the graph-theoretical estimate). The contrasts of
a trial with several arms share an arm, so their covariance is reckoned from all pairwise variances;
the variance between trials is the same for every comparison, half of it shared by two contrasts of
one trial.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from heecon.arrays import Floats
from heecon.errors import Diagnostics, InputError, Problem
from heecon.evidence.indirect import Effect

METHODS = ("fixed", "dl", "reml")


@dataclass(frozen=True)
class Contrast:
    """One comparison within one trial.

    Attributes:
        study: name of the trial; rows with one name belong to one trial.
        treatment, comparator: the arms compared.
        effect: of the treatment against the comparator, on a scale where effects add.
        se: its standard error.
        where: place of its source, for messages.
    """

    study: str
    treatment: str
    comparator: str
    effect: float
    se: float
    where: str = ""


@dataclass(frozen=True, eq=False)
class Network:
    """The result of a network meta-analysis.

    Attributes:
        treatments: all of them, the reference first.
        effects: of every treatment but the reference against it.
        covariance: of these effects.
        tau2: variance between trials.
        q: generalised Cochran's Q of the fixed-effect model.
        df: its degrees of freedom.
        q_within: the part of Q between trials of one design (set of treatments).
        df_within: its degrees of freedom; the rest of both is inconsistency between designs.
        contrasts: what went in.
        method: one of ``METHODS``.
    """

    treatments: tuple[str, ...]
    effects: Floats
    covariance: Floats
    tau2: float
    q: float
    df: int
    q_within: float
    df_within: int
    contrasts: tuple[Contrast, ...]
    method: str

    @property
    def reference(self) -> str:
        """The treatment the effects are against."""
        return self.treatments[0]

    @property
    def q_inconsistency(self) -> float:
        """Q of the disagreement between designs."""
        return self.q - self.q_within

    @property
    def df_inconsistency(self) -> int:
        """Degrees of freedom of the disagreement between designs."""
        return self.df - self.df_within

    @property
    def p_inconsistency(self) -> float | None:
        """P value of the test of inconsistency; None in a network without loops of designs."""
        return _chi2_tail(self.q_inconsistency, self.df_inconsistency)

    @property
    def p_heterogeneity(self) -> float | None:
        """P value of the test of heterogeneity within designs; None without two alike."""
        return _chi2_tail(self.q_within, self.df_within)

    @cached_property
    def _all(self) -> tuple[Floats, Floats]:
        """Effects and covariance with the reference's zeros in place."""
        size = len(self.treatments)
        effects, covariance = np.zeros(size), np.zeros((size, size))
        effects[1:], covariance[1:, 1:] = self.effects, self.covariance
        return effects, covariance

    def effect(self, treatment: str, comparator: str) -> Effect:
        """Any comparison of two treatments."""
        effects, covariance = self._all
        a, b = self.treatments.index(treatment), self.treatments.index(comparator)
        variance = covariance[a, a] + covariance[b, b] - 2 * covariance[a, b]
        return Effect(float(effects[a] - effects[b]), math.sqrt(max(0.0, float(variance))))

    def league(self) -> dict[tuple[str, str], Effect]:
        """Every treatment against every other one."""
        pairs = ((a, b) for a in self.treatments for b in self.treatments if a != b)
        return {pair: self.effect(*pair) for pair in pairs}

    def p_scores(self, *, small_is_good: bool = True) -> dict[str, float]:
        """Mean probability that a treatment beats another one (Ruecker, Schwarzer 2015)."""
        sign = -1 if small_is_good else 1
        scores = {}
        for one in self.treatments:
            ahead = [
                _normal_cdf(sign * effect.value / effect.se) if effect.se else 0.5
                for other in self.treatments
                if other != one
                for effect in [self.effect(one, other)]
            ]
            scores[one] = sum(ahead) / len(ahead)
        return scores


def synthesise(
    contrasts: Sequence[Contrast], *, reference: str | None = None, method: str = "reml"
) -> Network:
    """Combine direct and indirect evidence on all treatments.

    Args:
        contrasts: all comparisons; a trial of k arms has a row for each of its k(k-1)/2.
        reference: the treatment effects are given against; the first comparator by default.
        method: "fixed", "dl" (generalised DerSimonian-Laird) or "reml".

    Raises:
        InputError: the network is disconnected, a trial is incomplete or contradicts itself, or a
            number cannot be used; every problem with its place.
    """
    diagnostics = Diagnostics()
    for contrast in contrasts:
        _check_contrast(contrast, diagnostics)
    if method not in METHODS:
        what = f"unknown method '{method}'"
        diagnostics.error("network", what, f"There is {', '.join(METHODS)}")
    if not contrasts:
        diagnostics.error("network", "there is no comparison", "Give at least one")
    diagnostics.raise_if_any()
    names = sorted({arm for c in contrasts for arm in (c.treatment, c.comparator)})
    reference = contrasts[0].comparator if reference is None else reference
    if reference not in names:
        what = f"the reference '{reference}' is in no comparison"
        raise InputError(Problem("network", what, f"There is {', '.join(names)}"))
    names = [reference, *(name for name in names if name != reference)]
    studies = _studies(contrasts)
    for study in studies:
        study.check(diagnostics)
    _check_connected(names, contrasts, diagnostics)
    diagnostics.raise_if_any()
    y, x, within, between = _stacked(studies, names)
    fixed = _fit(y, x, within)
    tau2 = {"fixed": _none, "dl": _generalised_dl, "reml": _reml}[method](y, x, within, between)
    fit = _fit(y, x, within + tau2 * between)
    q_within, df_within = _within_designs(studies)
    return Network(
        treatments=tuple(names),
        effects=fit.effects,
        covariance=fit.covariance,
        tau2=tau2,
        q=fixed.q,
        df=len(y) - len(names) + 1,
        q_within=q_within,
        df_within=df_within,
        contrasts=tuple(contrasts),
        method=method,
    )


# --- trials --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Study:
    """A trial: its arms, sorted, and its contrasts by pair, the earlier arm as comparator."""

    name: str
    arms: tuple[str, ...]
    effects: dict[tuple[str, str], float]
    variances: dict[tuple[str, str], float]
    where: str
    repeated: tuple[str, ...]

    def check(self, diagnostics: Diagnostics) -> None:
        """Refuse a trial that repeats itself, lacks a comparison, or contradicts itself."""
        for pair in self.repeated:
            what = f"trial '{self.name}' compares {pair} twice"
            diagnostics.error(self.where, what, "Delete one of them")
        missing = [
            f"{second} with {first}"
            for i, first in enumerate(self.arms)
            for second in self.arms[i + 1 :]
            if (first, second) not in self.effects
        ]
        if missing:
            what = f"trial '{self.name}' has no comparison of {' and of '.join(missing)}"
            hint = f"A trial of {len(self.arms)} arms needs every pair of them"
            diagnostics.error(self.where, what, hint)
        elif len(self.arms) > 2 and not self.repeated:
            what = self._contradiction()
            if what:
                diagnostics.error(self.where, what, "Correct its comparisons")

    def _contradiction(self) -> str:
        first, *others = self.arms
        for i, one in enumerate(others):
            for two in others[i + 1 :]:
                gap = self.effects[first, two] - self.effects[first, one] - self.effects[one, two]
                if abs(gap) > 0.1 * math.sqrt(min(self.variances.values())):
                    return f"the effects of trial '{self.name}' do not add up: {gap:.3g} is left"
        if float(np.linalg.eigvalsh(self.covariance()).min()) <= 0:
            return f"the standard errors of trial '{self.name}' cannot belong to one trial"
        return ""

    def against_first(self) -> Floats:
        """Effects of the arms against the first one."""
        return np.array([self.effects[self.arms[0], arm] for arm in self.arms[1:]])

    def covariance(self) -> Floats:
        """Their covariance: half of what the variances of two exceed that of their difference."""
        first, *others = self.arms

        def between(one: str, two: str) -> float:
            return 0.0 if one == two else self.variances[min(one, two), max(one, two)]

        return np.array(
            [
                [
                    (between(first, one) + between(first, two) - between(one, two)) / 2
                    for two in others
                ]
                for one in others
            ]
        )


def _studies(contrasts: Sequence[Contrast]) -> list[_Study]:
    """Trials in the order of their names, so that the order of rows does not matter."""
    rows: dict[str, list[Contrast]] = {}
    for contrast in contrasts:
        rows.setdefault(contrast.study, []).append(contrast)
    studies = []
    for name in sorted(rows):
        effects, variances, repeated = {}, {}, []
        for contrast in rows[name]:
            pair = (contrast.comparator, contrast.treatment)
            sign = 1 if pair[0] < pair[1] else -1
            pair = (min(pair), max(pair))
            if pair in effects:
                repeated.append(f"{pair[1]} with {pair[0]}")
            effects[pair] = sign * contrast.effect
            variances[pair] = contrast.se**2
        arms = tuple(sorted({arm for pair in effects for arm in pair}))
        place = rows[name][0].where or f"trial '{name}'"
        studies.append(_Study(name, arms, effects, variances, place, tuple(repeated)))
    return studies


def _check_contrast(contrast: Contrast, diagnostics: Diagnostics) -> None:
    where = contrast.where or f"trial '{contrast.study}'"
    if contrast.treatment == contrast.comparator:
        what = f"'{contrast.treatment}' is compared with itself"
        diagnostics.error(where, what, "Name two treatments")
    elif not (math.isfinite(contrast.effect) and math.isfinite(contrast.se) and contrast.se > 0):
        what = f"effect {contrast.effect:g} with standard error {contrast.se:g} cannot be used"
        diagnostics.error(where, what, "Standard errors are positive")


def _check_connected(
    names: Sequence[str], contrasts: Sequence[Contrast], diagnostics: Diagnostics
) -> None:
    """Refuse a network that falls apart: it compares nothing across its parts."""
    reached, before = {names[0]}, 0
    while len(reached) > before:
        before = len(reached)
        for contrast in contrasts:
            pair = {contrast.treatment, contrast.comparator}
            reached |= pair if pair & reached else set()
    apart = [name for name in names if name not in reached]
    if apart:
        what = "the network is disconnected: no chain of trials leads from "
        what += f"{', '.join(sorted(reached))} to {', '.join(apart)}"
        hint = "Add a trial that compares the two groups, or leave one out"
        diagnostics.error("network", what, hint)


def _stacked(studies: Sequence[_Study], names: Sequence[str]) -> tuple[Floats, ...]:
    """Effects, design matrix, covariance within trials and shape of that between them."""
    sizes = [len(study.arms) - 1 for study in studies]
    total = sum(sizes)
    y, x = np.zeros(total), np.zeros((total, len(names)))
    within, between = np.zeros((total, total)), np.zeros((total, total))
    row = 0
    for study, size in zip(studies, sizes, strict=True):
        block = slice(row, row + size)
        y[block], within[block, block] = study.against_first(), study.covariance()
        between[block, block] = (np.eye(size) + 1) / 2
        x[block, names.index(study.arms[0])] = -1
        for offset, arm in enumerate(study.arms[1:]):
            x[row + offset, names.index(arm)] = 1
        row += size
    return y, x[:, 1:], within, between


# --- fits ----------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class _Fit:
    effects: Floats
    covariance: Floats
    q: float
    log_determinants: float


def _fit(y: Floats, x: Floats, variance: Floats) -> _Fit:
    """Generalised least squares."""
    root = np.linalg.cholesky(variance)
    xs, ys = np.linalg.solve(root, x), np.linalg.solve(root, y)
    information = xs.T @ xs
    covariance = np.linalg.inv(information)
    effects = covariance @ (xs.T @ ys)
    residual = ys - xs @ effects
    logs = 2 * np.log(np.diag(root)).sum() + np.linalg.slogdet(information)[1]
    return _Fit(effects, (covariance + covariance.T) / 2, float(residual @ residual), float(logs))


def _none(_y: Floats, _x: Floats, _within: Floats, _between: Floats) -> float:
    return 0.0


def _generalised_dl(y: Floats, x: Floats, within: Floats, between: Floats) -> float:
    """Q equals its expectation (Jackson, White, Riley 2012 Stat Med 31:3805)."""
    weights = np.linalg.inv(within)
    fit = _fit(y, x, within)
    projection = weights - weights @ x @ fit.covariance @ x.T @ weights
    scale = float(np.trace(projection @ between))
    spare = fit.q - (len(y) - x.shape[1])
    return max(0.0, spare / scale) if scale > 1e-12 else 0.0


def _reml(y: Floats, x: Floats, within: Floats, between: Floats) -> float:
    if len(y) == x.shape[1]:
        return 0.0  # nothing is left to tell chance from differences between trials

    def deviance(tau2: float) -> float:
        fit = _fit(y, x, within + tau2 * between)
        return fit.q + fit.log_determinants

    return _smallest(deviance, float(np.var(y)))


def _smallest(deviance: Callable[[float], float], guess: float) -> float:
    """The variance between studies with the smallest deviance; 0 if none is smaller there.

    Args:
        deviance: of a variance.
        guess: its order of magnitude.
    """
    from scipy.optimize import minimize_scalar  # noqa: PLC0415

    top = 10 * guess + 1e-8
    found = minimize_scalar(
        lambda root: deviance(root**2),
        bounds=(0, math.sqrt(top)),
        method="bounded",
        options={"xatol": 1e-12, "maxiter": 1000},
    )
    best, none = float(found.x) ** 2, deviance(0.0)
    return best if deviance(best) < none - 1e-10 * max(1.0, abs(none)) else 0.0


def _within_designs(studies: Sequence[_Study]) -> tuple[float, int]:
    """Q between trials of the same design, and its degrees of freedom."""
    designs: dict[tuple[str, ...], list[_Study]] = {}
    for study in studies:
        designs.setdefault(study.arms, []).append(study)
    q, df = 0.0, 0
    for arms, alike in designs.items():
        y, x, within, _ = _stacked(alike, arms)
        q += _fit(y, x, within).q
        df += len(y) - x.shape[1]
    return q, df


def _chi2_tail(q: float, df: int) -> float | None:
    if df == 0:
        return None
    from scipy.special import chdtrc  # noqa: PLC0415

    return float(chdtrc(df, max(q, 0.0)))


def _normal_cdf(value: float) -> float:
    return 0.5 * math.erfc(-value / math.sqrt(2))
