"""EVPPI by nested Monte Carlo: the slow reference that regressions are checked against.

For each of many outer draws of the parameters of interest, the model runs over inner draws of all
others given them. Taking the best of noisy means overstates the value; the two halves of each inner
loop, noisier still, show by how much, and that much is taken off.

Sources: Brennan 2007 Med Decis Making 27:448 (algorithm); Oakley 2010 J Health Econ 29:468 (bias);
Giles, Goda 2019 Stat Comput 29:739 (halves).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from heecon.analysis.evppi import Evppi
from heecon.analysis.psa import outcomes_of
from heecon.arrays import Floats
from heecon.engine.sampling import sample, stream
from heecon.errors import InputError, Problem
from heecon.model.definition import Model
from heecon.model.joint import Block

RUNS = 200_000
"""Runs of the model held in memory at once."""


def nested_evppi(
    model: Model,
    parameters: str | Sequence[str],
    threshold: float,
    *,
    outer: int = 500,
    inner: int = 500,
    seed: int = 1,
) -> Evppi:
    """Value of knowing parameters exactly, by running the model outer times inner times.

    Args:
        model: the model.
        parameters: a key or several.
        threshold: amount per unit of effect.
        outer: draws of the parameters.
        inner: draws of all others given each of them; rounded up to an even number.
        seed: any whole number.

    Returns:
        The value less its bias; ``bias`` is what was taken off. The standard error covers the
        sampling of the outer draws, which the noise of the inner ones is part of.

    Raises:
        InputError: the rest of an empirical block cannot be drawn given a part of it.
    """
    keys = (parameters,) if isinstance(parameters, str) else tuple(parameters)
    half = (inner + 1) // 2
    drawn = sample(model, outer, seed)
    known = {key: drawn[key] for key in keys}
    halves = []
    perfect = []
    chunk = max(RUNS // (2 * half), 1)
    for first in range(0, outer, chunk):
        part = {key: column[first : first + chunk] for key, column in known.items()}
        values = given(model, part, 2 * half, seed, first)
        outcomes = outcomes_of(model, values)
        nmb = outcomes.nmb(threshold)
        halves.append(nmb.reshape(-1, 2, half, nmb.shape[1]).mean(axis=2))
        perfect.append(nmb.max(axis=1).mean())
    means = np.concatenate(halves)
    whole = means.mean(axis=1)
    best = int(whole.mean(axis=0).argmax())
    gain = whole.max(axis=1) - whole[:, best]
    halved = (means.max(axis=2) - means[:, :, best]).mean(axis=1)
    corrected = 2 * gain - halved
    sizes = [len(part) for part in halves]
    evpi = float(np.average(perfect, weights=sizes) - whole.mean(axis=0).max())
    return Evppi(
        keys,
        threshold,
        float(corrected.mean()),
        float(corrected.std(ddof=1) / np.sqrt(outer)),
        float((halved - gain).mean()),
        evpi,
        "nested",
    )


def given(
    model: Model, known: dict[str, Floats], inner: int, seed: int, first: int = 0
) -> dict[str, Floats]:
    """Draws of every uncertain parameter given values of some.

    Args:
        model: the model.
        known: values of the parameters that are known, (outer,) each.
        inner: draws of the others for each known value.
        seed: of the streams.
        first: number of the first known value, so that a continued run repeats nothing.

    Returns:
        Parameter key -> (outer * inner,), the inner draws of one known value side by side.

    Raises:
        InputError: part of an empirical block is known: the rest has no distribution given it.
    """
    count = len(next(iter(known.values())))
    start, stop = first * inner, (first + count) * inner
    # A seed of its own: the inner draws must not repeat the outer ones.
    own = int(stream(seed, "nested").integers(2**62))
    rest = sample(model, stop, own, first=start)
    values = rest | {key: np.repeat(column, inner) for key, column in known.items()}
    for copula in model.copulas.values():
        if 0 < len(known.keys() & set(copula.names)) < len(copula.names):
            what = f"the rest of the group '{copula.group}' cannot be drawn given a part of it"
            raise InputError(Problem("parameters", what, f"Name all of {', '.join(copula.names)}"))
    for block in model.blocks.values():
        inside = np.array([name in known for name in block.names])
        if inside.all() or not inside.any():
            continue
        uniforms = [stream(own, name).random(stop)[start:] for name in block.names]
        fixed = np.column_stack([values[name] for name in block.names if name in known])
        drawn = _conditional(block, inside, fixed, np.column_stack(uniforms)[:, ~inside])
        free = [name for name in block.names if name not in known]
        values |= dict(zip(free, drawn.T, strict=True))
    # A block may hold rows of strategies a scenario leaves out.
    return {key: values[key] for key in rest}


def _conditional(
    block: Block, inside: NDArray[np.bool_], fixed: Floats, uniforms: Floats
) -> Floats:
    """The components not ``inside``, given values of those that are, (draws, free components)."""
    from scipy.special import gammaincinv, ndtri  # noqa: PLC0415

    uniforms = np.maximum(uniforms, 0.5**54)
    if block.family == "dirichlet":
        gammas = gammaincinv(block.counts[~inside], uniforms)
        left = 1 - fixed.sum(axis=1, keepdims=True)
        return np.asarray(left * gammas / gammas.sum(axis=1, keepdims=True))
    if block.family not in LINKS:
        what = f"the rest of block '{block.group}' cannot be drawn given a part of it"
        raise InputError(Problem("parameters", what, f"Name all of {', '.join(block.names)}"))
    link, back = LINKS[block.family]
    centre = link(block.values)
    # With the known components first, the Cholesky factor gives the conditional distribution.
    order = np.concatenate([np.flatnonzero(inside), np.flatnonzero(~inside)])
    root = np.linalg.cholesky(block.matrix[np.ix_(order, order)])
    size = int(inside.sum())
    known = np.linalg.solve(root[:size, :size], (link(fixed) - centre[inside]).T)
    moved = root[size:, :size] @ known + root[size:, size:] @ ndtri(uniforms).T
    return np.asarray(back(centre[~inside] + moved.T))


LINKS: Mapping[str, tuple[Callable[[Floats], Floats], Callable[[Floats], Floats]]] = {
    "multivariate_normal": (lambda x: x, lambda x: x),
    "multivariate_lognormal": (np.log, np.exp),
    "multivariate_logit_normal": (lambda x: np.log(x / (1 - x)), lambda x: 1 / (1 + np.exp(-x))),
}
"""Scales on which the normal families are normal, and the way back."""
