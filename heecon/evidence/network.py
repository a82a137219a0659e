"""Frequentist network meta-analysis of contrasts, with trials of any number of arms.

Generalised least squares on the contrasts against each trial's first arm (Lu, Welton, Higgins,
White, Ades 2011; Ruecker 2012 shows that it is the graph-theoretical estimate). The contrasts of
a trial with several arms share one: arms have variances of their own, by least squares on those of
all pairs, and effects come from all pairs, as printed ones need not add up to the last digit. The
variance between trials is the same for every comparison, half of it shared by two contrasts of one
trial.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from heecon.arrays import Floats
from heecon.errors import Diagnostics, InputError, Problem
from heecon.evidence.interval import interval_from_se
from heecon.evidence.trial import Contrast, Trial, trials_of

METHODS = ("fixed", "dl", "reml")

LARGEST = 1e30
"""Effects and standard errors are smaller than this: their squares must stay finite."""

SPREAD = 1e5
"""The largest standard error over the smallest: weights go with the square of it."""


@dataclass(frozen=True)
class Effect:
    """An effect with its standard error, both on the scale where effects add.

    Attributes:
        value: of the treatment against the comparator; the logarithm of a ratio.
        se: its standard error.
    """

    value: float
    se: float

    def ratio(self) -> tuple[float, float, float]:
        """The effect as a ratio with its 95% interval."""
        value = math.exp(self.value)
        return (value, *interval_from_se(value, self.se, log=True))


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
    studies = trials_of(contrasts)
    for study in studies:
        study.check(diagnostics)
    _check_connected(names, contrasts, diagnostics)
    _check_spread(contrasts, diagnostics)
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


# --- checks --------------------------------------------------------------------------------------


def _check_contrast(contrast: Contrast, diagnostics: Diagnostics) -> None:
    where = contrast.where or f"trial '{contrast.study}'"
    if contrast.treatment == contrast.comparator:
        what = f"'{contrast.treatment}' is compared with itself"
        diagnostics.error(where, what, "Name two treatments")
    elif not (abs(contrast.effect) < LARGEST and 1 / LARGEST < contrast.se < LARGEST):
        what = f"effect {contrast.effect:g} with standard error {contrast.se:g} cannot be used"
        diagnostics.error(where, what, f"Standard errors are positive and below {LARGEST:g}")


def _check_spread(contrasts: Sequence[Contrast], diagnostics: Diagnostics) -> None:
    """Refuse standard errors too far apart to be reckoned with."""
    least, most = (pick(contrasts, key=lambda c: c.se) for pick in (min, max))
    if most.se > SPREAD * least.se:
        what = f"the standard error {least.se:g} of trial '{least.study}' and {most.se:g} of "
        hint = f"The largest may be {SPREAD:g} times the smallest: look both up in the source"
        where = least.where or f"trial '{least.study}'"
        diagnostics.error(where, f"{what}'{most.study}' are too far apart", hint)


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


def _stacked(studies: Sequence[Trial], names: Sequence[str]) -> tuple[Floats, ...]:
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


def _fit(y: Floats, x: Floats, variance: Floats) -> _Fit:
    """Generalised least squares."""
    root = np.linalg.cholesky(variance)
    xs, ys = np.linalg.solve(root, x), np.linalg.solve(root, y)
    turn, triangle = np.linalg.qr(xs)
    effects = np.linalg.solve(triangle, turn.T @ ys)
    inverse = np.linalg.inv(triangle)
    residual = ys - xs @ effects
    return _Fit(effects, inverse @ inverse.T, float(residual @ residual))


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
    """Where the restricted likelihood is largest, of all its maxima.

    What the treatments leave of the contrasts falls into independent parts of variance
    ``size + tau2``, so the deviance is a sum of terms log(size + tau2) + square / (size + tau2).
    Each has its minimum at square - size and none changes faster than ``size + tau2`` does: a grid
    with steps of 5% in that misses no minimum.
    """
    root = np.linalg.cholesky(between)
    left = np.linalg.qr(np.linalg.solve(root, x), mode="complete")[0][:, x.shape[1] :]
    scaled = np.linalg.solve(root, np.linalg.solve(root, within).T)
    sizes, turn = np.linalg.eigh(left.T @ scaled @ left)
    squares = (turn.T @ left.T @ np.linalg.solve(root, y)) ** 2
    top = float((squares - sizes).max(initial=0.0))
    if top == 0:
        return 0.0  # chance alone makes more difference, or nothing is left to tell it from others

    def deviance(tau2: Floats) -> Floats:
        total = sizes[:, None] + tau2
        return np.asarray((np.log(total) + squares[:, None] / total).sum(axis=0))

    steps = int(20 * math.log1p(top / sizes[0])) + 2
    grid = np.geomspace(sizes[0], sizes[0] + top, steps) - sizes[0]
    best = int(deviance(grid).argmin())
    low, high = float(grid[max(best - 1, 0)]), float(grid[min(best + 1, steps - 1)])
    for _ in range(100):
        tau2 = (low + high) / 2
        total = sizes + tau2
        low, high = (low, tau2) if (1 / total - squares / total**2).sum() > 0 else (tau2, high)
    none, least = deviance(np.array([0.0, tau2]))
    return tau2 if least < none - 1e-10 * max(1.0, abs(none)) else 0.0


def _within_designs(studies: Sequence[Trial]) -> tuple[float, int]:
    """Q between trials of the same design, and its degrees of freedom."""
    designs: dict[tuple[str, ...], list[Trial]] = {}
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
