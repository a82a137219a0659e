"""Random networks: connected, with trials of two to five arms, effects and errors as printed."""

import numpy as np

from heecon.evidence.trial import Contrast


def random_network(seed: int, digits: int | None = None) -> list[Contrast]:
    """Contrasts of a random network.

    Args:
        seed: decides all of it.
        digits: decimals of effects and standard errors; None for all of them.
    """
    random = np.random.default_rng(seed)
    names = [f"t{i}" for i in range(int(random.integers(2, 7)))]
    truth = dict(zip(names, random.normal(size=len(names)), strict=True))
    trials = [[names[int(random.integers(i))], names[i]] for i in range(1, len(names))]
    for _ in range(int(random.integers(2, 9))):
        size = int(random.integers(2, min(5, len(names)) + 1))
        trials.append([str(name) for name in random.choice(names, size, replace=False)])
    spread = 10 ** random.uniform(-1.5, 0.5)
    rows = []
    for number, arms in enumerate(trials):
        means = [truth[arm] + spread * random.normal() for arm in arms]
        variances = 10 ** random.uniform(-3, 0, len(arms))
        rows += trial(f"s{number}", arms, means, list(variances), digits)
    return rows


def trial(
    name: str,
    arms: list[str],
    means: list[float],
    variances: list[float],
    digits: int | None = None,
) -> list[Contrast]:
    """All contrasts of a trial whose arms have these means and variances."""
    open_ = 0.0 if digits is None else 0.5 * 10**-digits
    rows = []
    for j in range(len(arms)):
        for i in range(j):
            effect, se = means[j] - means[i], (variances[i] + variances[j]) ** 0.5
            if digits is not None:
                effect, se = round(effect, digits), round(se, digits)
            rows.append(Contrast(name, arms[j], arms[i], effect, se, "", open_, open_))
    return rows
