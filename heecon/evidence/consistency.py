"""Direct against indirect evidence, comparison by comparison."""

from __future__ import annotations

import math
from dataclasses import dataclass

from heecon.evidence.network import Effect, Network


@dataclass(frozen=True)
class Split:
    """One comparison that trials make directly.

    Attributes:
        treatment, comparator: what is compared.
        direct: of the trials that compare them.
        network: of all evidence.
        indirect: of the rest; None where nothing else informs the comparison.
        p_value: of the difference between direct and indirect; None without an indirect effect.
    """

    treatment: str
    comparator: str
    direct: Effect
    network: Effect
    indirect: Effect | None
    p_value: float | None


def splits(network: Network) -> list[Split]:
    """Split every direct comparison by back-calculation.

    Dias, Welton, Caldwell, Ades 2010 (Stat Med 29:932) and Koenig, Krahn, Binder 2013: what the
    network knows of a comparison is direct and indirect evidence weighted by their information, so
    the indirect part is what the direct one leaves. Exact for trials of two arms; the contrasts of
    larger trials count with their own standard error, which is an approximation.
    """
    found = []
    both = [(contrast.treatment, contrast.comparator) for contrast in network.contrasts]
    for comparator, treatment in sorted({(min(pair), max(pair)) for pair in both}):
        direct = _direct(network, treatment, comparator)
        whole = network.effect(treatment, comparator)
        left = 1 / whole.se**2 - 1 / direct.se**2
        if left < 1e-9 / whole.se**2:
            found.append(Split(treatment, comparator, direct, whole, None, None))
            continue
        value = (whole.value / whole.se**2 - direct.value / direct.se**2) / left
        rest = Effect(value, left**-0.5)
        gap = abs(direct.value - rest.value) / math.hypot(direct.se, rest.se)
        found.append(
            Split(treatment, comparator, direct, whole, rest, math.erfc(gap / math.sqrt(2)))
        )
    return found


def _direct(network: Network, treatment: str, comparator: str) -> Effect:
    """The trials of one comparison, pooled with the network's variance between trials."""
    weighted = information = 0.0
    for contrast in network.contrasts:
        if {contrast.treatment, contrast.comparator} != {treatment, comparator}:
            continue
        sign = 1 if contrast.treatment == treatment else -1
        weight = 1 / (contrast.se**2 + network.tau2)
        weighted += sign * contrast.effect * weight
        information += weight
    return Effect(weighted / information, information**-0.5)
