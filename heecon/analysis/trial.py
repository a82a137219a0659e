"""A declared new study: what it would measure, and how likely its results would be.

A study is declared by a function that makes its data from parameter draws. Its data are summarised
by one or a few statistics, which is all the analyses of ``evsi`` see. ``n`` is the number of people
in each arm.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from heecon.arrays import Floats
from heecon.engine.sampling import stream
from heecon.errors import InputError, Problem

Draws = Mapping[str, Floats]
Likelihood = Callable[[Floats, Draws, int], Floats]


@dataclass(frozen=True)
class Trial:
    """A study that could be done.

    Attributes:
        name: words for tables.
        parameters: keys of the parameters its data depend on.
        arms: number of arms, each with n people.
        data: (draws of the parameters, n, uniforms) -> (draws, statistics), one simulated data set
            for each draw; uniforms has the shape (draws, statistics).
        statistics: number of statistics.
        log_likelihood: (one data set's statistics, draws of the parameters, n) -> (draws,) log
            density of the data set given each draw, up to a constant; None if there is no formula,
            which moment matching needs.
    """

    name: str
    parameters: tuple[str, ...]
    arms: int
    data: Callable[[Draws, int, Floats], Floats]
    statistics: int = 1
    log_likelihood: Likelihood | None = None

    def simulate(self, draws: Draws, n: int, seed: int = 1) -> Floats:
        """One data set for each draw, (draws, statistics).

        The same random numbers serve every n, so that results differ by size alone.

        Args:
            draws: parameter key -> (draws,).
            n: people in each arm.
            seed: any whole number.

        Raises:
            InputError: n is not positive, or the data are not finite numbers.
        """
        if n < 1:
            raise InputError(Problem("trial", f"{n} people in each arm", "Give at least one"))
        count = len(next(iter(draws.values())))
        uniforms = stream(seed, "trial", self.name).random((count, self.statistics))
        found = np.asarray(self.data(draws, n, np.maximum(uniforms, 0.5**54)), dtype=float)
        found = found.reshape(count, -1)
        if not np.isfinite(found).all():
            draw = int(np.flatnonzero(~np.isfinite(found).all(axis=1))[0])
            hint = "The parameter may be out of the range the study can measure"
            raise InputError(Problem(f"draw {draw}", f"the data of '{self.name}' failed", hint))
        return found


def normal_trial(key: str, sd: float, name: str = "", arms: int = 1) -> Trial:
    """A study that measures a parameter as a mean: normal with standard error sd / sqrt(n).

    Args:
        key: parameter.
        sd: standard deviation of one person's measurement (of the difference, with two arms, of
            one person in each).
        name: words for tables.
        arms: number of arms.

    Raises:
        InputError: sd is not positive.
    """
    _check_positive("sd", sd)
    return _gaussian(key, name or f"mean of {key}", arms, lambda n: sd / np.sqrt(n), np.array)


def hazard_ratio_trial(key: str, events_per_person: float, name: str = "") -> Trial:
    """A head-to-head trial that measures a hazard ratio.

    The log hazard ratio is normal with variance 4 / events when two arms of equal size are compared
    (Schoenfeld 1981 Biometrika 68:316); events are 2 n times the events expected per person.

    Args:
        key: the hazard ratio, a positive parameter.
        events_per_person: first events expected per person during follow-up, both arms together.
        name: words for tables.

    Raises:
        InputError: events_per_person is not positive.
    """
    _check_positive("events_per_person", events_per_person)

    def error(n: int) -> float:
        return float(np.sqrt(4 / (2 * n * events_per_person)))

    return _gaussian(key, name or f"trial of {key}", 2, error, np.log)


def binomial_trial(key: str, name: str = "") -> Trial:
    """A study that counts how many of n people have what a probability describes."""

    def data(draws: Draws, n: int, uniforms: Floats) -> Floats:
        from scipy.stats import binom  # noqa: PLC0415

        return np.asarray(binom.ppf(uniforms, n, draws[key][:, None]) / n)

    def log_likelihood(found: Floats, draws: Draws, n: int) -> Floats:
        from scipy.special import xlog1py, xlogy  # noqa: PLC0415

        p = draws[key]
        return np.asarray(n * (xlogy(found[0], p) + xlog1py(1 - found[0], -p)))

    return Trial(name or f"share of {key}", (key,), 1, data, 1, log_likelihood)


def poisson_trial(key: str, years_per_person: float, name: str = "") -> Trial:
    """A study that counts events over n people's follow-up, where a rate a year describes them.

    Args:
        key: the rate.
        years_per_person: follow-up.
        name: words for tables.

    Raises:
        InputError: years_per_person is not positive.
    """
    _check_positive("years_per_person", years_per_person)

    def data(draws: Draws, n: int, uniforms: Floats) -> Floats:
        from scipy.stats import poisson  # noqa: PLC0415

        exposure = n * years_per_person
        return np.asarray(poisson.ppf(uniforms, exposure * draws[key][:, None]) / exposure)

    def log_likelihood(found: Floats, draws: Draws, n: int) -> Floats:
        from scipy.special import xlogy  # noqa: PLC0415

        rate = draws[key]
        return np.asarray(n * years_per_person * (xlogy(found[0], rate) - rate))

    return Trial(name or f"count of {key}", (key,), 1, data, 1, log_likelihood)


def _gaussian(
    key: str,
    name: str,
    arms: int,
    error: Callable[[int], float],
    scale: Callable[[Floats], Floats],
) -> Trial:
    def data(draws: Draws, n: int, uniforms: Floats) -> Floats:
        from scipy.special import ndtri  # noqa: PLC0415

        return np.asarray(scale(draws[key])[:, None] + error(n) * ndtri(uniforms))

    def log_likelihood(found: Floats, draws: Draws, n: int) -> Floats:
        return np.asarray(-0.5 * ((found[0] - scale(draws[key])) / error(n)) ** 2)

    return Trial(name, (key,), arms, data, 1, log_likelihood)


def _check_positive(name: str, value: float) -> None:
    if not (value > 0 and np.isfinite(value)):
        raise InputError(Problem("trial", f"{name} is {value}", "Give a number above 0"))
