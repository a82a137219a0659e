"""Times of events by inverting cumulative hazards.

Every function answers: of whoever is free of the event at time ``since``, when does it come, if the
hazard accumulated from then on has to reach ``e``? With H the cumulative hazard that is the time t
at which H(t) = H(since) + e; with S = exp(-H), S(t) = S(since) exp(-e).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from heecon.arrays import Floats
from heecon.errors import Problem, SimulationError


def step_inverse(starts: Floats, rates: Floats) -> Callable[[Floats, Floats], Floats]:
    """For hazards that are constant from each start to the next, and from the last one on.

    Args:
        starts: ascending, the first 0.
        rates: at least 0, as many.
    """
    total = np.concatenate([[0.0], np.cumsum(np.diff(starts) * rates[:-1])])

    def invert(since: Floats, e: Floats) -> Floats:
        at = np.searchsorted(starts, since, side="right") - 1
        goal = total[at] + (since - starts[at]) * rates[at] + e
        found = np.searchsorted(total, goal, side="left") - 1
        found = np.maximum(found, at)
        with np.errstate(divide="ignore", invalid="ignore"):
            when = starts[found] + (goal - total[found]) / rates[found]
        return np.where(rates[found] > 0.0, np.maximum(when, since), np.inf)

    return invert


def _exponential(since: Floats, e: Floats, rate: Floats) -> Floats:
    return since + e / rate


def _weibull(since: Floats, e: Floats, shape: Floats, scale: Floats) -> Floats:
    return np.asarray(scale * ((since / scale) ** shape + e) ** (1.0 / shape))


def _gompertz(since: Floats, e: Floats, shape: Floats, rate: Floats) -> Floats:
    # H(t) = rate / shape (exp(shape t) - 1); with a negative shape it never reaches some values.
    grown = np.exp(shape * since) + shape * e / rate
    steady = np.abs(shape) < 1e-12
    safe = np.where(steady, 1.0, shape)
    when = np.where(grown > 0.0, np.log(np.maximum(grown, 1e-300)) / safe, np.inf)
    return np.where(steady, since + e / rate, when)


def _loglogistic(since: Floats, e: Floats, shape: Floats, scale: Floats) -> Floats:
    odds = (since / scale) ** shape  # S = 1 / (1 + odds)
    return np.asarray(scale * (odds * np.exp(e) + np.expm1(e)) ** (1.0 / shape))


def _lognormal(since: Floats, e: Floats, meanlog: Floats, sdlog: Floats) -> Floats:
    from scipy.special import log_ndtr, ndtri_exp  # noqa: PLC0415  (lazy)

    with np.errstate(divide="ignore"):
        log_alive = log_ndtr((meanlog - np.log(since)) / sdlog)
    return np.asarray(np.exp(meanlog - sdlog * ndtri_exp(log_alive - e)))


def _gamma(since: Floats, e: Floats, shape: Floats, rate: Floats) -> Floats:
    from scipy.special import gammaincc, gammainccinv  # noqa: PLC0415  (lazy)

    return np.asarray(gammainccinv(shape, gammaincc(shape, rate * since) * np.exp(-e)) / rate)


def _gengamma(since: Floats, e: Floats, mu: Floats, sigma: Floats, q: Floats) -> Floats:
    from scipy.special import gammainc, gammaincc, gammainccinv, gammaincinv  # noqa: PLC0415

    plain = np.abs(q) < 1e-8
    q = np.where(plain, 1.0, q)
    with np.errstate(divide="ignore", over="ignore"):
        shape = q**-2.0
        place = np.exp(q * (np.log(since) - mu) / sigma) * shape
        upper = gammainccinv(shape, gammaincc(shape, place) * np.exp(-e))
        lower = gammaincinv(shape, gammainc(shape, place) * np.exp(-e))
        reached = np.where(q > 0.0, upper, lower) / shape
        when = np.exp(mu + sigma * np.log(reached) / q)
    return np.where(plain, _lognormal(since, e, mu, sigma), when)


_INVERSES: Mapping[str, Callable[..., Floats]] = {
    "exponential": _exponential,
    "weibull": _weibull,
    "gompertz": _gompertz,
    "loglogistic": _loglogistic,
    "lognormal": _lognormal,
    "gamma": _gamma,
    "gengamma": _gengamma,
}

_FREE = {"gompertz": (0,), "lognormal": (0,), "gengamma": (0, 2)}
"""Arguments that need not be positive."""


def inverse_of(
    family: str, since: Floats, e: Floats, arguments: Sequence[Floats], where: str
) -> Floats:
    """Times of events under a survival family.

    Args:
        family: a key of ``hazards.FAMILIES``.
        since: free of the event at this time.
        e: hazard to accumulate from then on.
        arguments: of the family, numbers or one a person.
        where: place of the hazard, for messages.

    Returns:
        Times of the same shape; infinite when the event never comes.

    Raises:
        SimulationError: an argument is out of range.
    """
    for number, argument in enumerate(arguments):
        low = -np.inf if number in _FREE.get(family, ()) else 0.0
        bad = ~(np.isfinite(argument) & (argument > low))
        if np.any(bad):
            value = float(np.ravel(argument)[int(np.argmax(np.ravel(bad)))])
            what = f"argument {number + 1} of '{family}' is {value:.10g}"
            raise SimulationError(Problem(where, what, "It must be finite and positive"))
    whole = [np.broadcast_to(argument, since.shape) for argument in arguments]
    with np.errstate(over="ignore"):
        return np.maximum(_INVERSES[family](since, e, *whole), since)
