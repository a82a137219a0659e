"""Axes: what a deterministic analysis moves, how far, and what moves along with it.

- A range is the parameter's own: ``low`` and ``high`` of the file, else quantiles of its
  distribution.
- A parameter of a correlation group never moves alone. When one takes a value, the others take
  their mean given that value: for a Dirichlet the rest is shared out in proportion to the counts;
  for the normal families it is the conditional mean on the scale of the link, for rank correlations
  on that of the normal scores (within ``COMPANIONS``); for joint draws it is the least-squares line
  through them (which keeps every sum the draws keep), never beyond the smallest and largest draw.
  So every point of an axis is a possible set of values.

Sources: Briggs, Claxton, Sculpher 2006 chapter 4; TECH-VER tests of one-way bounds and of jointly
uncertain inputs (Büyükkaramikli 2019 PharmacoEconomics 37:1391); conditional means of the
multivariate normal and the Dirichlet: any textbook, e.g. Kotz, Balakrishnan, Johnson 2000.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from heecon.arrays import Floats
from heecon.errors import Diagnostics, InputError, Problem
from heecon.files import names
from heecon.model.bounds import complaint, range_words, reach
from heecon.model.definition import Model
from heecon.model.joint import Block
from heecon.model.parameter import Parameter

CENTRAL = (0.025, 0.975)
"""Probabilities of the default bounds."""

COMPANIONS = (0.001, 0.999)
"""The end of a bounded distribution would put a rank-correlated companion at infinity."""

BOUNDED = ("uniform", "triangular", "pert")
"""Families whose low and high are the whole range, not a 95% interval."""


@dataclass(frozen=True)
class Bounds:
    """How far a parameter is moved.

    Attributes:
        low: lower end, in the parameter's unit.
        high: upper end.
        basis: where they come from, in words.
    """

    low: float
    high: float
    basis: str


@dataclass(frozen=True)
class Axis:
    """What moves together, and through which values.

    Attributes:
        name: heading.
        ticks: (points,) what is shown at each point: a value or a discount.
        values: parameter key -> (points,), every input that moves.
        unit: unit of the ticks.
        label: words for pictures, which say whose the input is.
    """

    name: str
    ticks: Floats
    values: Mapping[str, Floats]
    unit: str = ""
    label: str = ""


def axis(
    model: Model,
    keys: str | Sequence[str],
    values: ArrayLike | None = None,
    *,
    low: float | None = None,
    high: float | None = None,
    steps: int = 21,
    name: str = "",
) -> Axis:
    """An axis along which one parameter, or several with the same value, move.

    Args:
        model: the model.
        keys: parameter keys; ``c_unit[*]`` stands for all rows of c_unit.
        values: the points; evenly spaced from low to high if None.
        low: first point; the parameter's own lower bound if None.
        high: last point; the parameter's own upper bound if None.
        steps: number of points, at least 2.
        name: heading; the label of the parameter if empty.

    Raises:
        InputError: a key is unknown or needs a strategy, there is no range, or it is empty.
    """
    rows = rows_of(model, keys)
    if values is None:
        if len(rows) > 1 and (low is None or high is None):
            what = f"{', '.join(row.key for row in rows)} have no range in common"
            raise InputError(Problem("range", what, "Give low and high"))
        start, end = range_of(model, rows[0], low, high)
        if steps < 2:
            raise InputError(Problem("steps", f"{steps} steps", "An axis needs at least 2 points"))
        ticks = np.linspace(start, end, steps)
    else:
        ticks = np.asarray(values, dtype=float)
        if ticks.ndim != 1 or not ticks.size or not np.isfinite(ticks).all():
            what = f"{rows[0].key} has no usable values"
            raise InputError(Problem("values", what, "Give a list of finite numbers"))
    heading = name or rows[0].label or rows[0].key
    label = name or words_of(model, rows[0])
    return Axis(heading, ticks, moved(model, rows, ticks), rows[0].unit, label)


def words_of(model: Model, row: Parameter) -> str:
    """Words for a parameter, with the strategy it belongs to."""
    words = row.label or row.key
    return f"{model.strategies[row.strategy].label}: {words}" if row.strategy else words


# --- parameters and their ranges ------------------------------------------------------------------


def rows_of(model: Model, keys: str | Sequence[str]) -> tuple[Parameter, ...]:
    """The parameters some keys stand for, each once.

    Raises:
        InputError: a key is unknown, needs a strategy, or has no row for its strategy.
    """
    known = {row.key: row for row in model.parameters}
    found: dict[str, Parameter] = {}
    diagnostics = Diagnostics()
    for key in [keys] if isinstance(keys, str) else keys:
        name, _, rest = key.partition("[")
        family = {k: row for k, row in known.items() if row.name == name}
        if key in known:
            found[key] = known[key]
        elif rest == "*]" and family:
            found |= family
        else:
            diagnostics.add([_unknown(key, name, family, known)])
    if not diagnostics.found and not found:
        diagnostics.error("parameters", "there is none", "Name at least one")
    diagnostics.raise_if_any()
    return tuple(found.values())


def _unknown(
    key: str, name: str, family: Mapping[str, Parameter], known: Mapping[str, Parameter]
) -> Problem:
    if key == name and family:
        hint = f"Name one of {', '.join(family)}; or {name}[*] for all of them"
        return Problem("parameters", f"'{name}' has a value for each strategy", hint)
    if name in known:
        what = f"'{name}' has no row of its own for '{key}'"
        hint = f"Use '{name}', which moves all strategies, or give the strategy a row"
        return Problem("parameters", what, hint)
    guesses = [*family] if family else [*known]
    return Problem("parameters", f"unknown parameter '{key}'", names.did_you_mean(key, guesses))


def bounds_of(
    model: Model, row: Parameter, probabilities: tuple[float, float] = CENTRAL
) -> Bounds | None:
    """How far a parameter goes: ``low`` and ``high`` of the file, else quantiles.

    Returns:
        None for a fixed parameter without bounds.
    """
    if row.low is not None and row.high is not None:
        family = row.distribution.family if row.distribution else ""
        whole = f", the whole range of its {family} distribution" if family in BOUNDED else ""
        return _possible(row, row.low, row.high, f"low and high of the file{whole}")
    return quantiles_of(model, row, probabilities)


def quantiles_of(model: Model, row: Parameter, probabilities: tuple[float, float]) -> Bounds | None:
    """Two quantiles of a parameter's own distribution (of its marginal, in a block)."""
    chosen = np.array(probabilities)
    if row.joint_family:
        block = model.blocks[row.correlation_group]
        values, words = _marginal(block, block.names.index(row.key), chosen), row.joint_family
    elif row.distribution is not None and row.distribution.family != "fixed":
        values, words = row.distribution.quantile(chosen), row.distribution.describe()
    else:
        return None
    low, high = (f"{100 * p:g}%" for p in probabilities)
    return _possible(row, float(values[0]), float(values[1]), f"{low} and {high} of {words}")


def _possible(row: Parameter, low: float, high: float, basis: str) -> Bounds:
    """A range as far as its values are possible."""
    least, most = reach(row)
    if least <= low and high <= most:
        return Bounds(low, high, basis)
    return Bounds(max(low, least), min(high, most), f"{basis}, within {range_words((least, most))}")


def range_of(
    model: Model,
    row: Parameter,
    low: float | None = None,
    high: float | None = None,
    bounds: Bounds | None = None,
) -> tuple[float, float]:
    """A range as given, filled up from ``bounds`` or the parameter's own.

    Raises:
        InputError: there is no range, or it is empty.
    """
    own = bounds or bounds_of(model, row)
    start = low if low is not None or own is None else own.low
    end = high if high is not None or own is None else own.high
    if start is None or end is None:
        what = f"'{row.key}' has neither a distribution nor low and high"
        raise InputError(Problem(row.where or row.key, what, "Give the range: low and high"))
    check_range(row.key, start, end)
    return start, end


def check_range(key: str, low: float, high: float) -> None:
    """Refuse a range that holds nothing.

    Raises:
        InputError: an end is not finite, or low is not below high.
    """
    if not (np.isfinite(low) and np.isfinite(high) and low < high):
        what = f"the range of '{key}' from {low:g} to {high:g} is empty"
        raise InputError(Problem("range", what, "Give two finite numbers, low below high"))


def moved(model: Model, rows: Sequence[Parameter], values: Floats) -> dict[str, Floats]:
    """Values of every input that moves when some parameters take the same values.

    Args:
        model: the model.
        rows: the parameters.
        values: (points,).

    Raises:
        InputError: one of several belongs to a correlation group, or a value is impossible.
    """
    wrong = [complaint(row, value) for row in rows for value in (values.min(), values.max())]
    if any(wrong):
        raise InputError(Problem("range", next(filter(None, wrong)), "Give a range inside"))
    joint = [row for row in rows if group_of(model, row)]
    if not joint:
        return {row.key: values for row in rows}
    if len(rows) > 1:
        what = f"'{joint[0].key}' already moves with the group '{joint[0].correlation_group}'"
        raise InputError(Problem("parameters", what, "Move it in a row of its own"))
    row = rows[0]
    if not row.joint_family:
        return _rank_companions(model, row, values)
    block = model.blocks[row.correlation_group]
    table = _companions(block, block.names.index(row.key), values)
    if not np.isfinite(table).all() or (block.family == "dirichlet" and (table < 0).any()):
        what = f"a {block.family} component cannot go from {values.min():g} to {values.max():g}"
        raise InputError(Problem(row.key, what, "Give a range inside its distribution"))
    kept = {other.key for other in model.parameters}
    columns = zip(block.names, table.T, strict=True)
    return {key: column for key, column in columns if key in kept}


def group_of(model: Model, row: Parameter) -> str:
    """The correlation group a parameter moves with, or an empty string."""
    group = row.correlation_group
    copula = model.copulas.get(group)
    return group if row.joint_family or (copula and row.key in copula.names) else ""


# --- correlation groups -------------------------------------------------------------------------


def _scale(family: str) -> tuple[Callable[[Any], Any], Callable[[Any], Any]]:
    """Link and inverse link of a joint family."""
    from scipy.special import expit, logit  # noqa: PLC0415  (a third of a second)

    links: dict[str, tuple[Callable[[Any], Any], Callable[[Any], Any]]] = {
        "multivariate_lognormal": (np.log, np.exp),
        "multivariate_logit_normal": (logit, expit),
    }
    return links.get(family, (np.asarray, np.asarray))


def _marginal(block: Block, index: int, probabilities: Floats) -> Floats:
    """Quantiles of one component of a block."""
    from scipy.special import betaincinv, ndtri  # noqa: PLC0415

    if block.family == "dirichlet":
        count, total = block.counts[index], block.counts.sum()
        if len(block.counts) == 1:
            return np.ones_like(probabilities)
        return np.asarray(betaincinv(count, total - count, probabilities))
    if block.family == "empirical":
        return np.asarray(np.quantile(block.matrix[:, index], probabilities))
    link, inverse = _scale(block.family)
    spread = np.sqrt(block.matrix[index, index])
    return np.asarray(inverse(link(block.values[index]) + spread * ndtri(probabilities)))


def _companions(block: Block, index: int, values: Floats) -> Floats:
    """A block's components, (points, components), when one of them takes the given values."""
    if block.family == "dirichlet":
        others = np.delete(block.counts, index).sum()
        table = (1 - values)[:, None] * block.counts / max(others, np.finfo(float).tiny)
    else:
        link, inverse = _scale(block.family)
        centre, covariance = link(block.values), block.matrix
        if block.family == "empirical":
            centre = block.matrix.mean(axis=0)
            covariance = np.atleast_2d(np.cov(block.matrix, rowvar=False))
        with np.errstate(all="ignore"):
            step = link(values) - centre[index]
            slope = covariance[index] / (covariance[index, index] or 1.0)  # 0 moves no other one
            table = inverse(centre + step[:, None] * slope)
        if block.family == "empirical":
            table = np.clip(table, block.matrix.min(axis=0), block.matrix.max(axis=0))
    table[:, index] = values
    return np.asarray(table)


def _rank_companions(model: Model, row: Parameter, values: Floats) -> dict[str, Floats]:
    """Values of a copula's parameters when one of them takes the given values."""
    from scipy.special import ndtr, ndtri  # noqa: PLC0415

    copula = model.copulas[row.correlation_group]
    shapes = {other.key: other.distribution for other in model.parameters if other.distribution}
    chances = np.array([shapes[row.key].cdf(float(value)) for value in values])
    score = ndtri(np.clip(chances, *COMPANIONS))
    slopes = copula.scores[copula.names.index(row.key)]
    found = {
        key: shapes[key].quantile(ndtr(slope * score))
        for key, slope in zip(copula.names, slopes, strict=True)
        if key in shapes
    }
    return found | {row.key: values}
