"""A run seen as a cost-effectiveness analysis: totals, incremental results, net benefit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from heecon.analysis.engines import iterate
from heecon.analysis.incremental import (
    IncrementalRow,
    PairwiseRow,
    Totals,
    equalised,
    fully_incremental,
    pairwise,
)
from heecon.analysis.net_benefit import NetBenefitRow, net_benefit
from heecon.arrays import Floats
from heecon.engine.cohort import Draws
from heecon.engine.individual_run import Options
from heecon.engine.result import Result, Trace, concatenate
from heecon.errors import InputError, Problem
from heecon.files import names
from heecon.model.definition import Model

if TYPE_CHECKING:
    from collections.abc import Callable

    import pandas as pd


ALIVE_LIMIT = 0.001
"""A lifetime horizon that leaves more than this share alive deserves a warning."""


@dataclass(frozen=True)
class SummaryRow:
    """One outcome of one strategy, per person.

    Attributes:
        strategy: name of the strategy.
        outcome: name of the outcome.
        label: words for it.
        kind: "cost", "qaly", "life_year" or "count".
        category: what tables group it under.
        discounted: expected value over the draws.
        undiscounted: the same without discounting.
    """

    strategy: str
    outcome: str
    label: str
    kind: str
    category: str
    discounted: float
    undiscounted: float


@dataclass(frozen=True)
class Evaluation:
    """The results of a run and the analyses a decision needs.

    Costs and effects are per person; effects are QALYs; directions are always strategy minus
    the one it is compared with. With several draws, totals are their means.

    Attributes:
        result: the cube of amounts.
    """

    result: Result

    @property
    def model(self) -> Model:
        """The model that ran."""
        return self.result.model

    def cost(self, *, discounted: bool = True) -> dict[str, float]:
        """Expected cost by strategy."""
        return self._mean(self.result.total("cost", discounted=discounted))

    def qalys(self, *, discounted: bool = True) -> dict[str, float]:
        """Expected QALYs by strategy."""
        return self._mean(self.result.total("qaly", discounted=discounted))

    def life_years(self, *, discounted: bool = True) -> dict[str, float]:
        """Expected life years by strategy."""
        return self._mean(self.result.total("life_year", discounted=discounted))

    def summary(self) -> tuple[SummaryRow, ...]:
        """Every outcome of every strategy, discounted and undiscounted."""
        rows = []
        for index, outcome in enumerate(self.result.outcomes):
            discounted = self.result.discounted[:, :, index].sum(axis=2).mean(axis=0)
            undiscounted = self.result.undiscounted[:, :, index].sum(axis=2).mean(axis=0)
            for number, strategy in enumerate(self.result.strategies):
                rows.append(
                    SummaryRow(
                        strategy,
                        outcome.name,
                        outcome.label,
                        outcome.kind,
                        outcome.category,
                        float(discounted[number]),
                        float(undiscounted[number]),
                    )
                )
        return tuple(rows)

    def by_category(self, kind: str, *, discounted: bool = True) -> dict[str, dict[str, float]]:
        """Expected amounts by category, then strategy; categories in the order of the file."""
        found: dict[str, dict[str, float]] = {}
        for row in self.summary():
            if row.kind == kind:
                amounts = found.setdefault(row.category, dict.fromkeys(self.result.strategies, 0.0))
                amounts[row.strategy] += row.discounted if discounted else row.undiscounted
        return found

    def totals(self) -> tuple[Totals, ...]:
        """Discounted expected cost and QALYs of each strategy, ``equalised``."""
        cost, qalys = self.cost(), self.qalys()
        return equalised(Totals(name, cost[name], qalys[name]) for name in self.result.strategies)

    def totals_by(self, effect: str, *, avoided: bool = False) -> tuple[tuple[Totals, ...], str]:
        """Totals whose effect is another than QALYs, and words for it.

        Args:
            effect: "life_years" or "qalys", the sum of all outcomes of the kind, whatever they are
                called; or the name of an outcome that is no cost.
            avoided: fewer is better, as of events: an outcome of the kind "count".

        Raises:
            InputError: the model counts no such effect, or it is nothing to avoid.
        """
        sums = {"life_years": ("life_year", "life years"), "qalys": ("qaly", "QALYs")}
        outcomes = [outcome for outcome in self.result.outcomes if outcome.kind != "cost"]
        counted = {outcome.kind for outcome in outcomes}
        known = {outcome.name: (outcome.kind, outcome.label) for outcome in outcomes}
        known |= {name: own for name, own in sums.items() if own[0] in counted}
        if effect not in known:
            hint = names.did_you_mean(effect, known)
            raise InputError(Problem("effect", f"the model counts no '{effect}'", hint))
        kind, words = known[effect]
        if avoided and kind != "count":
            events = [name for name, own in known.items() if own[0] == "count"]
            hint = f"Those of the kind 'count' are: {', '.join(events) or 'none'}"
            raise InputError(Problem("avoided", f"'{effect}' is nothing to avoid", hint))
        whole = known[effect] == sums.get(effect)
        amounts = self._mean(self.result.total(kind) if whole else self.result.of(effect))
        sign, end = (-1.0, " avoided") if avoided else (1.0, "")
        cost = self.cost()
        found = equalised(Totals(n, cost[n], sign * amounts[n]) for n in self.result.strategies)
        return found, words + end

    def incremental(self) -> tuple[IncrementalRow, ...]:
        """Fully incremental analysis with dominance and extended dominance."""
        return fully_incremental(self.totals())

    def pairwise(self, comparator: str | None = None) -> tuple[PairwiseRow, ...]:
        """Every strategy against one comparator, the model's unless another is named."""
        return pairwise(self.totals(), comparator or self.comparator)

    def net_benefit(
        self, thresholds: Sequence[float] | None = None, comparator: str | None = None
    ) -> tuple[NetBenefitRow, ...]:
        """Net monetary and net health benefit at the model's thresholds, or at others."""
        chosen = list(thresholds or self.model.settings.thresholds)
        if not chosen:
            hint = "Add thresholds = [...] to [model], or pass them"
            raise InputError(Problem("thresholds", "the model names no threshold", hint))
        return net_benefit(self.totals(), chosen, comparator or self.comparator)

    @property
    def has_qalys(self) -> bool:
        """Whether the model counts the effects decisions are judged by."""
        return any(outcome.kind == "qaly" for outcome in self.result.outcomes)

    @property
    def comparator(self) -> str:
        """The model's comparator; the first strategy when it names none."""
        return self.model.settings.comparator or self.result.strategies[0]

    def warnings(self) -> tuple[str, ...]:
        """The model's warnings, and what the run itself shows."""
        found = list(self.model.warnings)
        if not self.has_qalys:
            found.append(
                "No outcome is of the kind 'qaly', so there is no incremental analysis and no net "
                "benefit. heecon run --effect NAME (or --avoided NAME) compares by another outcome."
            )
        found += self._impossible_totals()
        alive = float(self.result.alive_at_end.max())
        if self.model.settings.horizon == "lifetime" and alive > ALIVE_LIMIT:
            found.append(
                f"{alive:.2%} of the cohort are alive at the end of the lifetime horizon: "
                "raise max_age."
            )
        return tuple(found)

    def _impossible_totals(self) -> list[str]:
        """QALYs above life years, where these count the same states; negative total costs."""
        found = []
        lived, valued = (
            {state for o in self.result.outcomes if o.kind == kind for state in o.state}
            for kind in ("life_year", "qaly")
        )
        years, qalys = self.life_years(discounted=False), self.qalys(discounted=False)
        costs = self.cost(discounted=False)
        for name in self.result.strategies:
            if valued <= lived and qalys[name] > years[name] * (1 + 1e-9):
                found.append(
                    f"{name} has {qalys[name]:.6g} QALYs in {years[name]:.6g} life years "
                    "(undiscounted): is a utility above 1?"
                )
            if costs[name] < 0:
                found.append(
                    f"{name} costs {costs[name]:.6g} in total (undiscounted): are costs saved "
                    "counted without those they are saved from?"
                )
        return found

    def cycles(self, strategy: str) -> pd.DataFrame:
        """What one strategy costs and gains by cycle, state and outcome, draw by draw.

        Returns:
            Columns draw, outcome, category, state, cycle, undiscounted, discounted; rows where
            both amounts are zero are left out.

        Raises:
            InputError: the run did not keep its trace, or there is no such strategy.
        """
        import pandas as pd  # noqa: PLC0415  (half a second; only for those who want frames)

        if strategy not in self.result.strategies:
            hint = names.did_you_mean(strategy, self.result.strategies)
            raise InputError(Problem("cycles", f"unknown strategy '{strategy}'", hint))
        amounts = self.trace_arrays().amounts[:, self.result.strategies.index(strategy)]
        draw, outcome, state, cycle = np.nonzero(amounts.any(axis=-1))
        chosen = amounts[draw, outcome, state, cycle]
        outcomes = self.result.outcomes
        return pd.DataFrame(
            {
                "draw": draw,
                "outcome": [outcomes[int(i)].name for i in outcome],
                "category": [outcomes[int(i)].category for i in outcome],
                "state": [self.result.states[int(i)] for i in state],
                "cycle": cycle,
                "undiscounted": chosen[:, 0],
                "discounted": chosen[:, 1],
            }
        )

    def trace_arrays(self) -> Trace:
        """The trace as arrays.

        Raises:
            InputError: the run did not keep its trace.
        """
        if self.result.trace is None:
            hint = "Run again with keep_trace=True"
            raise InputError(Problem("trace", "the run did not keep its trace", hint))
        return self.result.trace

    def _mean(self, totals: Floats) -> dict[str, float]:
        means = totals.mean(axis=0)
        return {name: float(means[i]) for i, name in enumerate(self.result.strategies)}


def run(
    model: Model,
    draws: Draws | None = None,
    *,
    keep_trace: bool = False,
    on_compile: Callable[[], None] | None = None,
    options: Options | None = None,
) -> Evaluation:
    """Run a model with the engine its scenario names and evaluate it.

    Args:
        model: a model from ``load`` or ``build_model``.
        draws: sampled parameter values by key, each of shape (draws,); None for the base case.
        keep_trace: keep every cycle, for ``trace`` and ``cycles``.
        on_compile: called before the kernels are compiled, once on a machine.
        options: of the microsimulation; what the scenario says if None.

    Returns:
        Results per person.

    Raises:
        InputError: draws that do not fit the model.
        SimulationError: an impossible number, with strategy, draw, cycle and state.
    """
    results = iterate(model, draws, keep_trace=keep_trace, on_compile=on_compile, options=options)
    return Evaluation(concatenate(list(results)))
