"""What the methods of a model return: tables, pictures, and a short look at both.

Everything here is a view: the numbers are made below, by ``analysis``, and the tables and pictures
are those the commands write.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from heecon.analysis.ceac import population_size
from heecon.analysis.convergence import running
from heecon.analysis.draws_file import read_outcomes as read
from heecon.analysis.evaluation import Evaluation
from heecon.analysis.evppi import evppi, rank
from heecon.analysis.evsi import SIZES, check_costs, evsi, net_benefit_of_sampling
from heecon.analysis.monte_carlo import estimates
from heecon.analysis.outcomes import Outcomes, checked_thresholds, named_thresholds
from heecon.analysis.psa import summarise
from heecon.analysis.trial import Trial
from heecon.engine.strategy_inputs import EvaluatedStrategy
from heecon.errors import InputError, Problem
from heecon.files import names
from heecon.plot import Draw
from heecon.report import psa_report, tables
from heecon.report.report import Report, at_each
from heecon.report.run_files import trace_picture
from heecon.report.value_of_information_report import evppi_report, evsi_report
from heecon.table import Column, Field, Table

if TYPE_CHECKING:
    import pandas as pd


class Pictures:
    """The pictures of a result: ``result.plot.NAME(ax=None)`` draws one and returns its axes."""

    def __init__(self, draws: Mapping[str, Draw]) -> None:
        self._draws = dict(draws)

    def __getattr__(self, name: str) -> Draw:
        if name.startswith("_") or name not in self._draws:
            raise AttributeError(
                f"no picture '{name}'; there is {', '.join(self._draws) or 'none'}"
            )
        return self._draws[name]

    def __dir__(self) -> list[str]:
        return list(self._draws)

    def __repr__(self) -> str:
        return f"Pictures: {', '.join(self._draws) or 'none'}"


@dataclass(frozen=True, repr=False)
class CEAResult:
    """What a run of a model costs and gains, and what that means for the decision.

    Costs and effects are per person; with several draws, totals are their means.

    Attributes:
        evaluation: the numbers behind the tables.
    """

    evaluation: Evaluation

    @property
    def summary(self) -> Table:
        """Every outcome of every strategy, then the totals by kind."""
        return tables.summary(self.evaluation)

    @property
    def incremental(self) -> Table:
        """The fully incremental analysis, with dominance and extended dominance."""
        return tables.incremental(self.evaluation)

    def cost_per(self, effect: str, *, avoided: bool = False) -> Table:
        """The incremental analysis by another effect than QALYs.

        Args:
            effect: "life_years" or "qalys", the sum of the kind, or the name of an outcome.
            avoided: fewer is better, as of events: an outcome of the kind "count".

        Raises:
            InputError: the model counts no such effect, or it is nothing to avoid.
        """
        return tables.cost_per(self.evaluation, effect, avoided=avoided)

    @property
    def pairwise(self) -> Table:
        """Every strategy against the comparator."""
        return tables.pairwise(self.evaluation)

    @property
    def net_benefit(self) -> Table:
        """Net monetary and net health benefit at the model's thresholds."""
        return tables.net_benefit(self.evaluation)

    @property
    def assumptions(self) -> Table:
        """The inputs nobody published, with the reason for each."""
        return tables.assumptions(self.evaluation)

    @property
    def trace(self) -> Table:
        """Occupancy, cost and QALYs of every strategy and cycle of the first draw."""
        return tables.trace(self.evaluation)

    @property
    def monte_carlo(self) -> Table:
        """The errors of the means that come from simulating a finite number of people.

        Raises:
            InputError: the run is of a cohort, which has none.
        """
        return estimates(self.evaluation)

    @property
    def warnings(self) -> tuple[str, ...]:
        """What a reader of the results must know."""
        return self.evaluation.warnings()

    def transitions(self, strategy: str, cycle: int = 0) -> Table:
        """The transition probabilities of a cycle, at the base values.

        Args:
            strategy: its name.
            cycle: counted from 0.

        Returns:
            A row a state left (and the cycles spent in it, where states keep time), a column a
            state entered or stayed in.

        Raises:
            InputError: there is no such strategy or cycle, or every person has probabilities of
                their own.
        """
        model, states = self.evaluation.model, self.evaluation.result.states
        if strategy not in model.strategies:
            hint = names.did_you_mean(strategy, model.strategies)
            raise InputError(Problem("transitions", f"unknown strategy '{strategy}'", hint))
        found = EvaluatedStrategy(model, strategy).matrix(0, cycle)
        columns = [Column("from", "From", [states[i] for i in found.state])]
        if found.time_in_state.any():
            columns.append(
                Column("time_in_state", "Cycles in it", found.time_in_state.tolist(), "d")
            )
        for i, state in enumerate(states):
            entered = found.probability[:, found.state == i].sum(axis=1)
            columns.append(Column(state, state, entered.tolist(), "probability"))
        return Table("transitions", f"Transitions of {strategy} in cycle {cycle}", columns)

    def cycles(self, strategy: str) -> pd.DataFrame:
        """What one strategy costs and gains by cycle, state and outcome.

        Returns:
            Columns draw, outcome, category, state, cycle, undiscounted, discounted; rows where
            both amounts are zero are left out.

        Raises:
            InputError: there is no such strategy.
        """
        return self.evaluation.cycles(strategy)

    @property
    def plot(self) -> Pictures:
        """Its picture: ``trace``."""
        return Pictures({"trace": trace_picture(self.evaluation)})

    def to_pandas(self) -> pd.DataFrame:
        """The summary as a frame."""
        return self.summary.to_pandas()

    def __repr__(self) -> str:
        model = self.evaluation.model
        table = self.incremental if self.evaluation.has_qalys else self.summary
        return repr(table.titled(f"CEAResult of {model.name}/{model.scenario.name}"))

    def _repr_html_(self) -> str:
        table = self.incremental if self.evaluation.has_qalys else self.summary
        return table._repr_html_()


@dataclass(frozen=True, repr=False)
class Analysis:
    """What one analysis found, as its command writes and draws it.

    Attributes:
        report: its tables, notes and pictures.
    """

    report: Report

    @property
    def tables(self) -> dict[str, Table]:
        """Its tables, the main one first."""
        return {table.name: table for table in self.report.tables}

    @property
    def table(self) -> Table:
        """The main table."""
        return self.report.tables[0]

    @property
    def notes(self) -> tuple[str, ...]:
        """What a reader of the tables must know."""
        return tuple(self.report.notes)

    @property
    def plot(self) -> Pictures:
        """Its pictures."""
        return Pictures(self.report.pictures)

    def to_pandas(self) -> pd.DataFrame:
        """The main table as a frame."""
        return self.table.to_pandas()

    def __repr__(self) -> str:
        return repr(self.table)

    def _repr_html_(self) -> str:
        return self.table._repr_html_()


@dataclass(frozen=True, repr=False)
class PSAResult:
    """Draws of costs and effects, and how sure they make the decision.

    Attributes:
        outcomes: the draws, the parameters they came from, and the deterministic base case.
    """

    outcomes: Outcomes

    @cached_property
    def _report(self) -> psa_report.PsaReport:
        return psa_report.report(self.outcomes, named_thresholds(self.outcomes, None))

    @property
    def summary(self) -> Table:
        """Means and 95% intervals of costs, effects and increments."""
        return summarise(self.outcomes)

    @property
    def net_benefit(self) -> Table:
        """Net benefit and the decision at the thresholds, with Monte Carlo errors."""
        checked_thresholds(self.outcomes, None)
        return psa_report.net_benefit_table(self._report)

    @property
    def ceac(self) -> Table:
        """Acceptability, frontier, expected loss and EVPI over a grid of thresholds."""
        return self._report.curves.table()

    @property
    def convergence(self) -> Table:
        """Running estimates at the first threshold, from the first draws only."""
        return running(self.outcomes, checked_thresholds(self.outcomes, None)[0])

    def evppi(
        self,
        *parameters: str,
        threshold: float | Sequence[float] | None = None,
        seed: int = 1,
        people: float | None = None,
        years: float = 10.0,
        rate: float = 0.035,
    ) -> Analysis:
        """What knowing parameters exactly would be worth.

        Args:
            parameters: their keys, known together; every parameter on its own if none is named.
            threshold: willingness to pay per unit of effect, one or several; the first of the
                draws' if None.
            seed: of the bootstrap.
            people: whom the decision affects, a year.
            years: how long it stands.
            rate: discount rate of the population, a year.
        """
        population = None if people is None else population_size(people, years, rate)

        def at(threshold: float | None) -> Report:
            level = self._level(threshold)
            found = (
                [evppi(self.outcomes, parameters, level, seed=seed)]
                if parameters
                else rank(self.outcomes, level, seed=seed)
            )
            return evppi_report(found, population, self.outcomes.currency)

        return Analysis(at_each(several(threshold), at))

    def evsi(
        self,
        trial: Trial,
        sizes: Sequence[int] = SIZES,
        *,
        threshold: float | Sequence[float] | None = None,
        seed: int = 1,
        moment_matching: bool = False,
        people: float | None = None,
        years: float = 10.0,
        rate: float = 0.035,
        fixed_cost: float = 0.0,
        cost_per_person: float = 0.0,
    ) -> Analysis:
        """What a trial would be worth at several sizes.

        Args:
            trial: from ``hazard_ratio_trial``, ``normal_trial``, ``binomial_trial`` or
                ``poisson_trial``.
            sizes: people in each arm.
            threshold: willingness to pay per unit of effect, one or several; the first of the
                draws' if None.
            seed: of the data and of the bootstrap.
            moment_matching: instead of regression.
            people: whom the decision affects, a year.
            years: how long it stands.
            rate: discount rate of the population, a year.
            fixed_cost: of the trial whatever its size.
            cost_per_person: in it.

        Raises:
            InputError: costs without people to set them against, or see ``analysis.evsi``.
        """
        check_costs(people, fixed_cost, cost_per_person)
        population = None if people is None else population_size(people, years, rate)

        def at(threshold: float | None) -> Report:
            level = self._level(threshold)
            found = evsi(
                self.outcomes, trial, sizes, level,
                method="moment_matching" if moment_matching else "regression", seed=seed,
            )  # fmt: skip
            net = net_benefit_of_sampling(found, population, fixed_cost, cost_per_person)
            return evsi_report(found, net, self.outcomes.currency)

        return Analysis(at_each(several(threshold), at))

    def _level(self, threshold: float | None) -> float:
        return checked_thresholds(self.outcomes, None if threshold is None else [threshold])[0]

    @property
    def plot(self) -> Pictures:
        """Its pictures: ``ce_plane``, ``ceac``, ``expected_loss`` and ``evpi``."""
        return Pictures(psa_report.pictures(self._report))

    def to_pandas(self) -> pd.DataFrame:
        """One row a draw: the parameters, then cost and effect of each strategy."""
        import pandas as pd  # noqa: PLC0415  (half a second; only for those who want frames)

        found = self.outcomes
        columns = dict(found.parameters)
        for kind, values in (("cost", found.cost), ("effect", found.effect)):
            columns |= {f"{kind}_{name}": values[:, i] for i, name in enumerate(found.strategies)}
        return pd.DataFrame(columns, index=pd.Index(found.numbers, name="draw"))

    def __repr__(self) -> str:
        means = self.outcomes.means()
        title = f"PSAResult of {self.outcomes.heading}; means per person"
        fields: tuple[Field, ...] = (
            ("strategy", "Strategy", "text"),
            ("cost", "Cost", "money"),
            ("effect", "Effect", "qaly"),
        )
        return repr(Table.of("means", title, means, fields))

    def _repr_html_(self) -> str:
        return self.summary._repr_html_()


def several(threshold: float | Sequence[float] | None) -> Sequence[float] | None:
    """One threshold or several as a sequence."""
    return [threshold] if isinstance(threshold, int | float) else threshold


def read_outcomes(
    path: str | Path,
    parameters: str | Path | None = None,
    against: str = "",
    threshold: float | Sequence[float] = (),
) -> PSAResult:
    """Another program's draws.

    Args:
        path: a CSV or XLSX file with the columns draw, strategy, cost, effect.
        parameters: a file with one row a draw, one column a parameter.
        against: the strategy increments are against; the first in the file if empty.
        threshold: willingness to pay per unit of effect, one or several.

    Raises:
        InputError: a column or a row is missing, stands twice, or is not a number.
    """
    beside = None if parameters is None else Path(parameters)
    found = read(Path(path), beside, against)
    return PSAResult(replace(found, thresholds=tuple(several(threshold) or ())))
