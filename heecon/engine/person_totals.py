"""The compiled sums over people of what each of them amounts to."""

from __future__ import annotations

from heecon.arrays import Floats, Integers
from heecon.engine.kernels import compiled_bare


def gather(totals: Floats, kind: Integers, kinds: Floats, means: Floats, squares: Floats) -> None:
    """Totals by kind of outcome, and means and squares over people.

    Args:
        totals: (people, q).
        kind: (q) which kind's totals each belongs to.
        kinds: (people, k) filled with those; zero before.
        means: (q + k) filled with the means; zero before.
        squares: (q + k) filled with the sums of squared deviations from them; zero before.
    """
    people, amounts = totals.shape
    for i in range(people):
        for q in range(amounts):
            kinds[i, kind[q]] += totals[i, q]
            means[q] += totals[i, q]
        for k in range(kinds.shape[1]):
            means[amounts + k] += kinds[i, k]
    for q in range(means.shape[0]):
        means[q] /= people
    for i in range(people):
        for q in range(amounts):
            squares[q] += (totals[i, q] - means[q]) ** 2
        for k in range(kinds.shape[1]):
            squares[amounts + k] += (kinds[i, k] - means[amounts + k]) ** 2


gather = compiled_bare(gather)
