"""Draws of a model's parameters, keyed by name: what is added changes nobody else's numbers.

Every uncertain parameter has a stream of its own, seeded by (seed, parameter key). So draw i of a
parameter is the same number whatever other parameters, strategies or draws there are.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping

import numpy as np

from heecon.arrays import Floats
from heecon.errors import InputError, Problem
from heecon.files import names
from heecon.model.definition import Model
from heecon.model.parameter import Parameter

MAX_DRAWS = 10_000_000


def uncertain(model: Model) -> tuple[Parameter, ...]:
    """The parameters that vary: a distribution that is not fixed, or a joint block."""
    return tuple(
        row
        for row in model.parameters
        if row.joint_family or (row.distribution and row.distribution.family != "fixed")
    )


def groups_of(model: Model) -> dict[str, tuple[str, ...]]:
    """Correlation group -> keys of the parameters that vary together in it."""
    varying = {row.key for row in uncertain(model)}
    return {
        group: keys
        for group, keys in _joined(model).items()
        if len(keys) > 1 and varying.intersection(keys)
    }


def keys_of(model: Model) -> list[str]:
    """Every key a probability is needed for.

    A group may hold rows of strategies a scenario leaves out: they are drawn with the others, so
    that leaving a strategy out changes nobody's draws.
    """
    keys = [row.key for row in uncertain(model)]
    for members in _joined(model).values():
        keys += members
    return list(dict.fromkeys(keys))


def _joined(model: Model) -> dict[str, tuple[str, ...]]:
    blocks = {group: block.names for group, block in model.blocks.items()}
    return blocks | {group: copula.names for group, copula in model.copulas.items()}


def sample(
    model: Model, draws: int, seed: int = 1, method: str = "random", *, first: int = 0
) -> dict[str, Floats]:
    """Draw every uncertain parameter.

    The first k of n draws are the k draws one gets by asking for k, except with a Latin hypercube,
    whose strata depend on n. So a run can be continued: ``sample(model, 2000, first=1000)`` is what
    ``sample(model, 2000)`` adds to ``sample(model, 1000)``.

    Args:
        model: the model.
        draws: how many.
        seed: any whole number, 0 included.
        method: "random" (independent), "latin_hypercube" (each parameter's range in equal strata),
            or "sobol" (a scrambled low-discrepancy sequence; best with a power of two of draws).
        first: leave out the draws before this one.

    Returns:
        Parameter key -> (draws - first,). Only the Sobol sequence depends on which other
        parameters vary.

    Raises:
        InputError: the number of draws or the method cannot be used.
    """
    if not 1 <= draws <= MAX_DRAWS:
        raise InputError(Problem("draws", f"{draws} draws", f"Ask for 1 to {MAX_DRAWS:,}"))
    if method not in METHODS:
        hint = names.did_you_mean(method, METHODS)
        raise InputError(Problem("method", f"unknown method '{method}'", hint))
    if not 0 <= first < draws:
        raise InputError(Problem("draws", f"first draw {first} of {draws}", "Begin before the end"))
    if first and method == "latin_hypercube":
        hint = "Use random or sobol draws"
        raise InputError(Problem("method", "a Latin hypercube cannot be continued", hint))
    uniforms = METHODS[method](sorted(keys_of(model)), draws, seed)
    return from_uniforms(model, {key: column[first:] for key, column in uniforms.items()})


def from_uniforms(model: Model, uniforms: Mapping[str, Floats]) -> dict[str, Floats]:
    """Parameter values whose probabilities are given; groups are drawn jointly.

    Args:
        model: the model.
        uniforms: key -> numbers between 0 and 1, for every one of ``keys_of``.
    """
    uniforms = dict(uniforms)
    for copula in model.copulas.values():
        columns = np.column_stack([uniforms[key] for key in copula.names])
        uniforms |= dict(zip(copula.names, copula.draw(columns).T, strict=True))
    values: dict[str, Floats] = {}
    for row in uncertain(model):
        if row.distribution is not None:
            values[row.key] = row.distribution.quantile(uniforms[row.key])
    for block in model.blocks.values():
        columns = np.column_stack([uniforms[key] for key in block.names])
        for key, column in zip(block.names, block.draw(columns).T, strict=True):
            values[key] = column
    return {row.key: values[row.key] for row in uncertain(model)}


def stream(seed: int, *name: str) -> np.random.Generator:
    """The random stream of a name: counter-based, the same on every machine."""
    text = "\0".join((str(seed), *name)).encode()
    key = int.from_bytes(hashlib.blake2b(text, digest_size=16).digest(), "little")
    return np.random.Generator(np.random.Philox(key=key))


def seed_of(seed: int, *name: str) -> int:
    """A seed of its own for a library that draws by itself; never 0, which some take for none."""
    return int(stream(seed, *name).integers(1, 2**31))


def _random(keys: list[str], draws: int, seed: int) -> dict[str, Floats]:
    return {key: _open(stream(seed, key).random(draws)) for key in keys}


def _latin_hypercube(keys: list[str], draws: int, seed: int) -> dict[str, Floats]:
    found = {}
    for key in keys:
        generator = stream(seed, key)
        strata = generator.permutation(draws)
        found[key] = _open((strata + generator.random(draws)) / draws)
    return found


def _sobol(keys: list[str], draws: int, seed: int) -> dict[str, Floats]:
    from scipy.stats import qmc  # noqa: PLC0415  (three quarters of a second)

    if not keys:
        return {}
    sequence = qmc.Sobol(len(keys), scramble=True, rng=seed_of(seed, "sobol", "scramble"))
    power = int(np.ceil(np.log2(draws))) if draws > 1 else 0
    points = sequence.random_base2(power)[:draws]
    return {key: _open(column) for key, column in zip(keys, points.T, strict=True)}


def _open(uniforms: Floats) -> Floats:
    """Keep away from 0 and 1, where some quantiles are infinite."""
    return np.clip(uniforms, 0.5**54, 1 - 0.5**53)


METHODS: Mapping[str, Callable[[list[str], int, int], dict[str, Floats]]] = {
    "random": _random,
    "latin_hypercube": _latin_hypercube,
    "sobol": _sobol,
}
