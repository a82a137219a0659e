"""Draws of cost and effect by strategy: what every analysis of uncertainty starts from.

They come from heecon's engines (``psa.run_psa``) or from any other simulator
(``draws_file.read_outcomes``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from heecon.analysis.incremental import Totals
from heecon.arrays import Floats
from heecon.errors import InputError, Problem
from heecon.files import names

FEWEST = 10
"""Draws from which an interval or a probability may be told."""

MAX_AMOUNT = 1e15
"""Amounts beyond it, and thresholds, are refused: their squares and sums lose all meaning."""


@dataclass(frozen=True)
class Outcomes:
    """Costs and effects per person, draw by draw.

    Attributes:
        strategies: names.
        cost: (draws, strategies) discounted cost.
        effect: (draws, strategies) discounted effect (QALYs).
        parameters: sampled parameters by key, each (draws,); empty for external results without.
        base: totals of the deterministic base case, if there is one.
        labels: words for the strategies.
        comparator: the strategy increments are against.
        thresholds: thresholds the model names.
        currency: for headings.
        failed: draws that broke the model and were left out: (what it is called, what was said).
        simulation: (2 strategies, 2 strategies) covariance of the costs of all strategies, then
            their effects, that comes from simulating a finite number of people in each draw; None
            when the draws are exact.
        draw_names: what the draws are called; 0, 1, 2, ... if empty.
        inputs: how many inputs the model has, the fixed ones too; 0 when nobody knows.
    """

    strategies: tuple[str, ...]
    cost: Floats
    effect: Floats
    parameters: Mapping[str, Floats] = field(default_factory=dict)
    base: tuple[Totals, ...] = ()
    labels: Mapping[str, str] = field(default_factory=dict)
    comparator: str = ""
    thresholds: tuple[float, ...] = ()
    currency: str = ""
    failed: tuple[tuple[int | str, str], ...] = ()
    simulation: Floats | None = None
    draw_names: tuple[int | str, ...] = ()
    inputs: int = 0

    @property
    def draws(self) -> int:
        """Number of draws."""
        return len(self.cost)

    @property
    def numbers(self) -> Sequence[int | str]:
        """What the draws are called: as they were numbered before some were left out."""
        return self.draw_names or range(self.draws)

    @property
    def varying(self) -> tuple[str, ...]:
        """Keys of the parameters that are not the same in all draws."""
        return tuple(key for key, values in self.parameters.items() if np.ptp(values) > 0)

    @property
    def heading(self) -> str:
        """How many draws of what: "1,000 draws, 46 of 132 inputs vary", if inputs are known."""
        if not (self.inputs or self.parameters):
            return f"{self.draws:,} draws"
        of = f" of {self.inputs}" if self.inputs else ""
        return f"{self.draws:,} draws, {len(self.varying)}{of} inputs vary"

    @property
    def reference(self) -> str:
        """The comparator; the first strategy when none is named."""
        return self.comparator or self.strategies[0]

    def nmb(self, threshold: float) -> Floats:
        """Net monetary benefit, (draws, strategies)."""
        return np.asarray(threshold * self.effect - self.cost)

    def means(self) -> tuple[Totals, ...]:
        """Expected cost and effect of each strategy."""
        cost, effect = self.cost.mean(axis=0), self.effect.mean(axis=0)
        return tuple(
            Totals(name, float(cost[i]), float(effect[i])) for i, name in enumerate(self.strategies)
        )

    def followed_by(self, more: Outcomes) -> Outcomes:
        """These draws and then others of the same model."""
        noise = None
        if self.simulation is not None and more.simulation is not None:
            noise = self.draws * self.simulation + more.draws * more.simulation
            noise /= self.draws + more.draws
        return replace(
            self,
            simulation=noise,
            cost=np.concatenate([self.cost, more.cost]),
            effect=np.concatenate([self.effect, more.effect]),
            parameters={
                key: np.concatenate([column, more.parameters[key]])
                for key, column in self.parameters.items()
            },
        )

    def index(self, strategy: str) -> int:
        """Position of a strategy.

        Raises:
            InputError: there is no such strategy.
        """
        if strategy not in self.strategies:
            hint = names.did_you_mean(strategy, self.strategies)
            raise InputError(Problem("strategy", f"unknown strategy '{strategy}'", hint))
        return self.strategies.index(strategy)


def check_draws(count: int) -> None:
    """Refuse to judge uncertainty by a handful of draws.

    Raises:
        InputError: there are fewer than ``FEWEST``.
    """
    if count < FEWEST:
        what = f"{count} draws are too few to say how sure a decision is"
        raise InputError(Problem("draws", what, f"Give at least {FEWEST}; 1,000 are usual"))


def check_informative(outcomes: Outcomes) -> None:
    """Refuse draws that say nothing about uncertainty.

    Raises:
        InputError: there are fewer than ``FEWEST``, or all of them are the same.
    """
    check_draws(outcomes.draws)
    if not (np.ptp(outcomes.cost, axis=0).any() or np.ptp(outcomes.effect, axis=0).any()):
        what = f"costs and effects are the same in all {outcomes.draws:,} draws"
        raise InputError(Problem("draws", what, "Nothing is uncertain: vary inputs that matter"))


def checked_thresholds(outcomes: Outcomes, thresholds: Sequence[float] | None) -> list[float]:
    """The thresholds asked for, or the model's.

    Raises:
        InputError: there are none, or one is negative or not finite.
    """
    chosen = named_thresholds(outcomes, thresholds)
    if not chosen:
        hint = "Give --threshold AMOUNT, or thresholds = [...] in [model]"
        raise InputError(Problem("thresholds", "no threshold is named", hint))
    return chosen


def named_thresholds(outcomes: Outcomes, thresholds: Sequence[float] | None) -> list[float]:
    """Like ``checked_thresholds``, where none will do."""
    chosen = list(dict.fromkeys(outcomes.thresholds if thresholds is None else thresholds))
    for value in chosen:
        check_threshold(value)
    return chosen


def check_threshold(value: float) -> None:
    """Refuse what is not a threshold.

    Raises:
        InputError: it is negative, not finite, or beyond ``MAX_AMOUNT``.
    """
    if not 0 <= value <= MAX_AMOUNT:
        hint = f"Give an amount from 0 to {MAX_AMOUNT:g}"
        raise InputError(Problem("threshold", f"{value} is not a threshold", hint))
