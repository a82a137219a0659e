"""Draws of cost and effect by strategy: what every analysis of uncertainty starts from.

They come from heecon's engines (``psa.run_psa``) or from any other simulator (``read_outcomes``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from heecon.analysis.incremental import Totals
from heecon.arrays import Floats
from heecon.errors import Diagnostics, InputError, InvalidValue, Problem
from heecon.files import names
from heecon.files.table_file import number, numbers_of, read_table

FEWEST = 10
"""Draws from which an interval or a probability may be told."""


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
        failed: draws that broke the model and were left out: (number, what was said).
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
    failed: tuple[tuple[int, str], ...] = ()
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
        """How many draws of what: "1,000 draws, 46 of 132 inputs vary"."""
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


def read_outcomes(path: Path, parameters: Path | None = None, comparator: str = "") -> Outcomes:
    """Read the results of any simulator.

    Args:
        path: a CSV or XLSX file with the columns draw, strategy, cost, effect, one row each.
        parameters: a file with one row a draw, in the order of the draws, one column a parameter.
        comparator: the strategy increments are against; the first in the file if empty.

    Raises:
        InputError: a column or a row is missing, stands twice, or is not a number.
    """
    table = read_table(path)
    wanted = ("draw", "strategy", "cost", "effect")
    missing = [name for name in wanted if name not in table.header]
    if missing:
        what = f"there is no column {', '.join(missing)}"
        raise InputError(Problem(table.name, what, "The columns are draw, strategy, cost, effect"))
    if not table.rows:
        raise InputError(Problem(table.name, "there are no rows", "Give one a draw and strategy"))
    diagnostics = Diagnostics()
    cells: dict[tuple[str, str], tuple[float, float]] = {}
    for index, row in enumerate(table.rows):
        values = dict(zip(table.header, row, strict=True))
        key = (values["draw"], values["strategy"])
        with diagnostics.collecting(table.where(index)):
            if key in cells:
                raise InvalidValue(f"draw {key[0]} of {key[1]} stands twice")
            cells[key] = number(values["cost"]), number(values["effect"])
    draws = list(dict.fromkeys(draw for draw, _ in cells))
    strategies = list(dict.fromkeys(strategy for _, strategy in cells))
    lacking = [(d, s) for d in draws for s in strategies if (d, s) not in cells]
    if not diagnostics.found and lacking:
        what = f"draw {lacking[0][0]} has no row for {lacking[0][1]}"
        diagnostics.error(table.name, what, "Give every strategy a row in every draw")
    diagnostics.raise_if_any()
    cube = np.array([[cells[draw, strategy] for strategy in strategies] for draw in draws])
    outcomes = Outcomes(
        tuple(strategies),
        cube[:, :, 0],
        cube[:, :, 1],
        parameters=_read_parameters(parameters, len(draws)) if parameters else {},
        labels={name: name for name in strategies},
        comparator=comparator,
    )
    outcomes.index(outcomes.reference)
    return outcomes


def _read_parameters(path: Path, draws: int) -> dict[str, Floats]:
    table = read_table(path)
    if len(table.rows) != draws:
        what = f"{len(table.rows)} rows of parameters for {draws} draws"
        raise InputError(Problem(table.name, what, "Give one row a draw, in the same order"))
    diagnostics = Diagnostics()
    values = numbers_of(table, diagnostics)
    diagnostics.raise_if_any()
    return {name: values[:, i] for i, name in enumerate(table.header) if name != "draw"}


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
    chosen = list(dict.fromkeys(outcomes.thresholds if thresholds is None else thresholds))
    if not chosen:
        raise InputError(Problem("thresholds", "no threshold is named", "Name at least one"))
    bad = [value for value in chosen if not (np.isfinite(value) and value >= 0)]
    if bad:
        raise InputError(Problem("thresholds", f"{bad[0]} is not a threshold", "Give amounts >= 0"))
    return chosen
