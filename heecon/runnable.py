"""A model with everything that can be done with it.

Each method does what the command of its name does, with the same defaults; the work is done in the
rooms below.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from html import escape
from pathlib import Path
from typing import Self

from heecon.analysis.axis import axis
from heecon.analysis.change_log import change_log
from heecon.analysis.draws_file import GivenDraws, given_draws, read_draws
from heecon.analysis.engines import with_engine, with_thresholds
from heecon.analysis.evaluation import run
from heecon.analysis.morris import run_morris
from heecon.analysis.one_way import named_pair, one_way
from heecon.analysis.price import (
    check_prices,
    crossed_strategies,
    discount_grid,
    generic_price_grid,
    named_prices,
    value_based_price,
)
from heecon.analysis.psa import run_psa, size_of_psa
from heecon.analysis.sobol import run_sobol
from heecon.analysis.threshold import threshold_analysis
from heecon.analysis.two_way import two_way
from heecon.arrays import Floats
from heecon.editable import EditableModel
from heecon.engine.cohort import compiled_before
from heecon.errors import InputError, Problem
from heecon.model import definition
from heecon.report.change_log_report import change_log_tables
from heecon.report.gsa_report import morris_report, sobol_report
from heecon.report.report import Report, at_each
from heecon.report.sensitivity_report import (
    one_way_report,
    price_report,
    threshold_report,
    two_way_report,
)
from heecon.results import Analysis, CEAResult, PSAResult, several
from heecon.workbook.case import case_of
from heecon.workbook.export import write_workbook

log = logging.getLogger("heecon")


def say_compiling() -> None:
    """Say what takes so long the first time."""
    log.warning("Compiling the engine for this machine, once; later runs start at once.")


@dataclass(frozen=True, repr=False, eq=False)
class Model(EditableModel):
    """A checked model and what can be done with it. Make one with ``load`` or ``from_dict``.

    A model is never changed: ``with_values``, ``with_settings`` and ``with_scenario`` return
    another one.
    """

    def run(
        self,
        *,
        engine: str | None = None,
        patients: int | None = None,
        seed: int | None = None,
        threshold: float | Sequence[float] | None = None,
    ) -> CEAResult:
        """Run the model at its base values, as ``heecon run``.

        Args:
            engine: "cohort", "microsim" or "continuous"; None for what the scenario says.
            patients: people simulated; None for what the scenario says, or 100,000.
            seed: of the simulation.
            threshold: willingness to pay, one or several; the model's if None.

        Raises:
            InputError: the engine cannot run the model.
            SimulationError: an impossible number, with strategy, cycle and state.
        """
        chosen = with_engine(self, engine, patients, seed)
        levels = several(threshold)
        chosen = with_thresholds(chosen, levels) if levels else chosen
        return CEAResult(run(chosen, keep_trace=True, on_compile=say_compiling))

    def psa(
        self,
        draws: int | None = None,
        seed: int | None = None,
        *,
        method: str = "random",
        parameters: Mapping[str, Floats] | str | Path | None = None,
        on_error: str = "stop",
        against: str | None = None,
        engine: str | None = None,
        patients: int | None = None,
        on_draws: Callable[[int], None] | None = None,
    ) -> PSAResult:
        """Draw the uncertain inputs and run every draw, as ``heecon psa``.

        Args:
            draws: how many; the scenario's, or 10,000, if None.
            seed: any whole number; the scenario's, or 1, if None.
            method: "random", "latin_hypercube" or "sobol".
            parameters: draws to run instead of sampling: values by parameter key, or a file with a
                row each draw and a column each input.
            on_error: "stop" at a draw that breaks the model, or "record" it and go on.
            against: the strategy increments are against; the model's comparator if None.
            engine: "cohort", "microsim" or "continuous"; None for what the scenario says.
            patients: people simulated in each draw.
            on_draws: called with the number of draws done so far.
        """
        chosen = with_engine(self, engine, patients, seed)
        count, start = size_of_psa(chosen, draws, seed)
        given = None if parameters is None else self._given(parameters, draws)
        found = run_psa(
            chosen, count, start, method,
            values=given.values if given else None, draw_names=given.names if given else (),
            on_draws=on_draws, on_compile=say_compiling, on_error=on_error,
        )  # fmt: skip
        return PSAResult(replace(found, comparator=against or found.comparator))

    def one_way(
        self,
        threshold: float | Sequence[float] | None = None,
        *,
        of: str | None = None,
        against: str | None = None,
        inputs: Sequence[str] | None = None,
        ranges: Mapping[str, tuple[float, float]] | None = None,
        links: Mapping[str, Sequence[str]] | None = None,
        icer: bool = False,
    ) -> Analysis:
        """Move every uncertain input to the ends of its range, one at a time.

        Args:
            threshold: willingness to pay per unit of effect, one or several; the model's first if
                None.
            of: the strategy whose increments are shown; the model's question, or the best, if None.
            against: what it is compared with; the model's comparator if None.
            inputs: keys of the only inputs to move.
            ranges: key -> (low, high), instead of its own range.
            links: name -> keys of inputs that move together.
            icer: rank and draw by the ICER instead of net monetary benefit.
        """
        model = self._ready()

        def at(level: float | None) -> Report:
            found = one_way(
                model, level, against, of, parameters=inputs, ranges=ranges, links=links
            )
            return one_way_report(found, icer, self.settings.currency)

        return Analysis(at_each(several(threshold), at))

    def two_way(
        self,
        x: str,
        y: str,
        threshold: float | Sequence[float] | None = None,
        *,
        x_range: tuple[float, float] | None = None,
        y_range: tuple[float, float] | None = None,
        only: Sequence[str] | None = None,
        steps: int = 21,
    ) -> Analysis:
        """Move two inputs over a grid: which strategy is best where.

        Args:
            x: key of the first input.
            y: key of the second.
            threshold: as for ``one_way``.
            x_range: the ends of the first, instead of its own.
            y_range: the ends of the second.
            only: decide among these strategies.
            steps: points on each axis.
        """
        model = self._ready()
        axes = []
        for key, ends in ((x, x_range), (y, y_range)):
            low, high = ends or (None, None)
            axes.append(axis(model, key, low=low, high=high, steps=steps))

        def at(level: float | None) -> Report:
            return two_way_report(two_way(model, axes[0], axes[1], level, strategies=only))

        return Analysis(at_each(several(threshold), at))

    def threshold(
        self,
        parameter: str,
        threshold: float | Sequence[float] | None = None,
        *,
        only: Sequence[str] | None = None,
        low: float | None = None,
        high: float | None = None,
    ) -> Analysis:
        """Find every value of an input at which the decision changes.

        Args:
            parameter: its key.
            threshold: as for ``one_way``.
            only: decide among these strategies.
            low: start of the range.
            high: end of the range.
        """
        model = self._ready()

        def at(level: float | None) -> Report:
            found = threshold_analysis(model, parameter, level, strategies=only, low=low, high=high)
            return threshold_report(found)

        return Analysis(at_each(several(threshold), at))

    def price(
        self,
        inputs: Sequence[str] | None = None,
        threshold: float | Sequence[float] | None = None,
        *,
        of: str | None = None,
        against: str | None = None,
    ) -> Analysis:
        """Find the highest price of a drug that is worth paying.

        Args:
            inputs: keys of the price; those of [analyses.price] if None.
            threshold: willingness to pay, one or several; the model's if None.
            of: who pays it, where the key does not say.
            against: what it is compared with.
        """
        keys = list(inputs or named_prices(self, "price", "parameters"))
        check_prices(self, keys)
        return Analysis(
            price_report(value_based_price(self._ready(), keys, of, against, several(threshold)))
        )

    def price_grid(
        self,
        first: Sequence[str] | None = None,
        second: Sequence[str] | None = None,
        threshold: float | Sequence[float] | None = None,
        *,
        prices: Sequence[float] | None = None,
        only: Sequence[str] | None = None,
    ) -> Analysis:
        """Cross two drugs' confidential discounts, or prices of one: the decision in each cell.

        Args:
            first: keys of the price of one drug; those of [analyses.price_grid] if None.
            second: of the other.
            threshold: as for ``one_way``.
            prices: of the first drug, instead of discounts.
            only: decide among these strategies; those whose prices are crossed if None.
        """
        model = self._ready()
        one = list(first or named_prices(self, "price_grid", "first"))
        other = list(second or named_prices(self, "price_grid", "second"))
        among = only or crossed_strategies(model, one, other)

        def at(level: float | None) -> Report:
            found = (
                generic_price_grid(model, one, other, level, prices=prices, strategies=among)
                if prices
                else discount_grid(model, one, other, level, strategies=among)
            )
            return two_way_report(found, "price_grid")

        return Analysis(at_each(several(threshold), at))

    def sobol(
        self,
        size: int = 512,
        seed: int = 1,
        threshold: float | Sequence[float] | None = None,
        *,
        of: str | None = None,
        against: str | None = None,
        inputs: Sequence[str] | None = None,
        quantities: Sequence[str] = ("incremental_nmb",),
        second_order: bool = False,
    ) -> Analysis:
        """Share the variance of results out among the uncertain inputs.

        Args:
            size: base points, a power of two.
            seed: any whole number.
            threshold: willingness to pay, one or several; the model's if None.
            of: whose results come first; the model's question, or the best, if None.
            against: what increments are against.
            inputs: vary these only.
            quantities: "incremental_nmb", "nmb", "cost", "effect", ...
            second_order: pairs too.
        """
        model, levels = self._ready(), several(threshold)
        pair = named_pair(model, of, against, levels)
        found = run_sobol(
            model, size, seed,
            factors=inputs, quantities=quantities, thresholds=levels, comparator=pair[1],
            second_order=second_order,
        )  # fmt: skip
        return Analysis(sobol_report(found, pair))

    def morris(
        self,
        trajectories: int = 50,
        seed: int = 1,
        threshold: float | Sequence[float] | None = None,
        *,
        of: str | None = None,
        against: str | None = None,
        inputs: Sequence[str] | None = None,
        quantities: Sequence[str] = ("incremental_nmb",),
    ) -> Analysis:
        """Screen the uncertain inputs for those that matter.

        Args:
            trajectories: how many.
            seed: any whole number.
            threshold: willingness to pay, one or several; the model's if None.
            of: whose results come first; the model's question, or the best, if None.
            against: what increments are against.
            inputs: vary these only.
            quantities: "incremental_nmb", "nmb", "cost", "effect", ...
        """
        model, levels = self._ready(), several(threshold)
        pair = named_pair(model, of, against, levels)
        found = run_morris(
            model, trajectories, seed,
            factors=inputs, quantities=quantities, thresholds=levels, comparator=pair[1],
        )  # fmt: skip
        return Analysis(morris_report(found, pair))

    def evppi(
        self,
        *parameters: str,
        draws: int | None = None,
        seed: int = 1,
        threshold: float | Sequence[float] | None = None,
        people: float | None = None,
        years: float = 10.0,
        rate: float = 0.035,
    ) -> Analysis:
        """What knowing inputs exactly would be worth, from draws of its own.

        Args:
            parameters: keys, known together; every input on its own if none is named.
            draws: how many; the scenario's, or 10,000, if None.
            seed: any whole number.
            threshold: willingness to pay per QALY; the model's first if None.
            people: whom the decision affects, a year.
            years: how long it stands.
            rate: discount rate of the population, a year.
        """
        return self.psa(draws, seed).evppi(
            *parameters, threshold=threshold, seed=seed, people=people, years=years, rate=rate
        )

    def diff(self, other: definition.Model) -> Analysis:
        """What differs in another model, and what each difference does to the results."""
        found = change_log(self, other, on_compile=say_compiling)
        return Analysis(Report([], found.notes, change_log_tables(found)))

    def export_workbook(self, path: str | Path, *, draws: int = 1_000, seed: int = 1) -> Path:
        """Write the model as a live workbook; one from files brings its sibling scenarios along.

        Args:
            path: of the file to write; it ends in .xlsx.
            draws: of the stored probabilistic analysis; 0 for none.
            seed: of the draws.

        Raises:
            InputError: a workbook cannot carry the model, or the file cannot be written.
        """
        target = Path(path)
        if target.suffix.lower() != ".xlsx":
            raise InputError(Problem(str(path), "a workbook's name ends in .xlsx", "Rename it"))
        bare = self.source is None or self.scenario.name == self.name
        case = case_of(
            self.source or self, None if bare else self.scenario.name,
            no_scenario=bare, draws=draws, seed=seed, on_compile=say_compiling,
        )  # fmt: skip
        return write_workbook(case, target)

    def _given(
        self, parameters: Mapping[str, Floats] | str | Path, draws: int | None
    ) -> GivenDraws:
        """Draws of the user's own, with a word about what they leave fixed."""
        if draws is not None:
            what = "the draws are those of the parameters given"
            raise InputError(Problem("draws", what, "Drop the number of draws"))
        given = (
            read_draws(Path(parameters), self)
            if isinstance(parameters, str | Path)
            else given_draws(self, parameters)
        )
        for note in given.notes:
            log.warning(note)
        return given

    def _ready(self) -> Self:
        """The model, once the user knows what takes so long."""
        if self.scenario.engine == "cohort" and not compiled_before():
            say_compiling()
        return self

    def _repr_html_(self) -> str:
        return f"<p>{escape(repr(self))}</p>{self.parameters._repr_html_()}"
