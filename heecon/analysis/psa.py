"""Probabilistic sensitivity analysis: run the draws, summarise costs, effects and decisions."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from heecon.analysis.ceac import ceac, column
from heecon.analysis.engines import iterate
from heecon.analysis.evaluation import run
from heecon.analysis.incremental import fully_incremental
from heecon.analysis.outcomes import Outcomes, check_draws
from heecon.arrays import Floats
from heecon.engine.result import Result
from heecon.engine.sampling import sample, uncertain
from heecon.errors import InputError, Problem, SimulationError
from heecon.model.definition import Model
from heecon.table import Column, Interval, Table

DRAWS = 10_000
"""Draws of an analysis that names no number."""

BYTES = 80
"""Memory that each number of a draw (parameter, cost, effect) takes in all, text included; measured
from 10,000 to 100,000 draws of ``hiv`` (77) and from 2,000 to 20,000 of the flagship (48)."""

INTERVAL = (2.5, 97.5)

BESIDE = 1e-9
"""How far beside a switch of the decision, as a share of it, curves have a point."""


@dataclass(frozen=True)
class Ellipse:
    """Where 95% of the draws of a bivariate normal with the cloud's mean and covariance lie.

    Attributes:
        strategy: whose increments these are.
        comparator: what they are against.
        centre: mean (incremental effect, incremental cost).
        covariance: 2 x 2, of (incremental effect, incremental cost), with denominator n - 1.
        level: share of the draws inside.
    """

    strategy: str
    comparator: str
    centre: tuple[float, float]
    covariance: tuple[tuple[float, float], tuple[float, float]]
    level: float = 0.95

    def points(self, number: int = 100) -> Floats:
        """The curve, (number, 2) effect and cost, closed: the last point is the first."""
        angle = np.linspace(0, 2 * np.pi, number)
        roots, axes = np.linalg.eigh(np.array(self.covariance))
        # The squared distance of a normal pair is exponential with mean 2.
        reach = np.sqrt(-2 * np.log1p(-self.level) * np.maximum(roots, 0))
        circle = np.column_stack([np.cos(angle), np.sin(angle)])
        return np.asarray(self.centre + (circle * reach) @ axes.T)


def size_of_psa(model: Model, draws: int | None, seed: int | None) -> tuple[int, int]:
    """Number and seed of the draws: those asked for, else the scenario's, else 10,000 and 1."""
    own = {"draws": DRAWS, "seed": 1, **model.scenario.analyses.get("psa", {})}
    return own["draws"] if draws is None else draws, own["seed"] if seed is None else seed


def check_uncertain(model: Model) -> None:
    """Refuse to vary a model in which nothing is uncertain.

    Raises:
        InputError: no input has a distribution.
    """
    if uncertain(model):
        return
    ranges = sum(row.low is not None or row.high is not None for row in model.parameters)
    what = "nothing varies: no input has a distribution"
    if ranges:
        what += f" ({ranges} have a range, which is not one)"
    hint = "Fill the column distribution of parameters.csv for what is uncertain"
    raise InputError(Problem("parameters", what, hint))


def check_memory(model: Model, draws: int) -> None:
    """Refuse more draws than the memory of this machine holds, before they are made.

    Raises:
        InputError: they need more, which is told.
    """
    a_draw = BYTES * (len(uncertain(model)) + 2 * len(model.strategies))
    memory = _memory()
    if draws * a_draw > memory:
        what = f"{draws:,} draws need about {draws * a_draw / 1e9:,.1f} GB of memory"
        most = f"{int(memory / a_draw):,} would fill it"
        hint = f"This machine has {memory / 1e9:,.1f} GB: {most}"
        raise InputError(Problem("draws", what, hint))


def _memory() -> float:
    """Bytes of memory of this machine; infinite where nobody says."""
    try:
        return float(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
    except (AttributeError, ValueError, OSError):  # Windows
        return math.inf


def run_psa(
    model: Model,
    draws: int = DRAWS,
    seed: int = 1,
    method: str = "random",
    *,
    values: Mapping[str, Floats] | None = None,
    draw_names: Sequence[int | str] = (),
    on_draws: Callable[[int], None] | None = None,
    on_compile: Callable[[], None] | None = None,
    on_error: str = "stop",
) -> Outcomes:
    """Draw the parameters and run the model for every draw.

    Args:
        model: the model.
        draws: how many.
        seed: any whole number.
        method: see ``sampling.sample``.
        values: draws to use instead of sampling, by parameter key.
        draw_names: what these are called.
        on_draws: called with the number of draws done so far.
        on_compile: called before the kernels are compiled.
        on_error: see ``outcomes_of``.

    Returns:
        Costs and effects of every draw, together with the draws of the parameters.

    Raises:
        InputError: the draws do not fit the model.
        SimulationError: a draw gives an impossible number; the message names the draw.
    """
    if values is None:
        check_uncertain(model)
        check_draws(draws)
        check_memory(model, draws)
    base = run(model, on_compile=on_compile)
    chosen = dict(values) if values is not None else sample(model, draws, seed, method)
    outcomes = outcomes_of(
        model, chosen, on_draws=on_draws, on_error=on_error, draw_names=draw_names
    )
    return replace(outcomes, base=base.totals())


def outcomes_of(
    model: Model,
    values: Mapping[str, Floats],
    *,
    on_draws: Callable[[int], None] | None = None,
    on_error: str = "stop",
    first_draw: int = 0,
    draw_names: Sequence[int | str] = (),
) -> Outcomes:
    """Run a model at given parameter values: what every analysis calls that needs new runs.

    Args:
        model: the model.
        values: parameter key -> one value a draw; parameters left out keep their base value.
        on_draws: called with the number of draws done so far.
        on_error: "stop" raises at a draw that breaks the model; "record" leaves it out and lists
            it in ``Outcomes.failed``.
        first_draw: number of the first draw, when others were run before: simulated people of each
            draw have random numbers of their own.
        draw_names: what the draws are called, if not by their numbers.

    Raises:
        SimulationError: a draw breaks the model; the first such draw's parameter values are told.
        InputError: every draw breaks it.
    """
    failed: list[tuple[int, Problem]] = []
    numbers = first_draw + np.arange(_count(values))
    try:
        cost, effect, simulation = _run(model, values, numbers, on_draws)
    except SimulationError as error:
        if not values:
            raise
        failed = _failing(model, values, numbers, only_first=on_error == "stop")
        if on_error == "stop":
            told = _told(values, failed[0][0], first_draw)
            problems = [_renamed(problem, draw_names) for problem in (*error.problems, told)]
            raise SimulationError(problems) from None
        kept = ~np.isin(numbers, [draw for draw, _ in failed])
        if not kept.any():
            what = "every draw breaks the model"
            raise InputError([Problem("draws", what), *error.problems]) from None
        values, numbers = _part(values, kept), numbers[kept]
        cost, effect, simulation = _run(model, values, numbers, on_draws)
    return Outcomes(
        strategies=tuple(model.strategies),
        cost=cost,
        effect=effect,
        parameters=values,
        failed=tuple(
            (_name_of(draw, draw_names), str(_renamed(problem, draw_names)))
            for draw, problem in failed
        ),
        draw_names=tuple(_name_of(draw, draw_names) for draw in numbers.tolist())
        if failed or draw_names
        else (),
        labels={name: strategy.label for name, strategy in model.strategies.items()},
        comparator=model.settings.comparator or "",
        thresholds=model.settings.thresholds,
        currency=model.settings.currency,
        simulation=simulation,
        inputs=len(model.inputs),
    )


def _run(
    model: Model,
    values: Mapping[str, Floats],
    numbers: NDArray[np.int64],
    on_draws: Callable[[int], None] | None = None,
) -> tuple[Floats, Floats, Floats | None]:
    """Costs and effects of every draw, and what of their variance is due to simulating people."""
    costs, effects, done = [], [], 0
    noise: list[Floats] = []
    for result in _results(model, values, numbers):
        costs.append(result.total("cost"))
        effects.append(result.total("qaly"))
        done += result.draws
        if result.monte_carlo is not None:
            own = result.monte_carlo.covariance.sum(axis=0) / result.monte_carlo.people
            noise = [own + sum(noise)]
        if on_draws is not None:
            on_draws(done)
    simulation = noise[0] / done if noise else None
    return np.concatenate(costs), np.concatenate(effects), simulation


def _results(
    model: Model, values: Mapping[str, Floats], numbers: NDArray[np.int64]
) -> Iterator[Result]:
    """Results of the draws; where some are left out the people of the others stay the same."""
    cohort = model.scenario.engine == "cohort"
    gaps = [] if cohort else (np.flatnonzero(np.diff(numbers) > 1) + 1).tolist()
    for place in np.split(np.arange(len(numbers)), gaps):
        yield from iterate(model, _part(values, place), first_draw=int(numbers[place[0]]))


def _part(values: Mapping[str, Floats], chosen: NDArray[Any]) -> dict[str, Floats]:
    return {key: np.asarray(column)[chosen] for key, column in values.items()}


def _count(values: Mapping[str, Floats]) -> int:
    return len(next(iter(values.values()), [0.0]))


def _failing(
    model: Model, values: Mapping[str, Floats], numbers: NDArray[np.int64], *, only_first: bool
) -> list[tuple[int, Problem]]:
    """The draws that break the model and what is said of each, found by halving."""
    found: list[tuple[int, Problem]] = []
    waiting = [(0, len(numbers))]
    while waiting and not (only_first and found):
        start, end = waiting.pop()
        place = np.arange(start, end)
        try:
            _run(model, _part(values, place), numbers[place])
        except SimulationError as error:
            if end - start == 1:
                draw, problem = int(numbers[start]), error.problems[0]
                # A cohort counts from 0 in whatever it is given.
                where = problem.where.replace("draw 0,", f"draw {draw},")
                found.append((draw, replace(problem, where=where)))
            else:
                middle = (start + end) // 2
                waiting += [(middle, end), (start, middle)]
    return found


def _name_of(draw: int, draw_names: Sequence[int | str]) -> int | str:
    return draw_names[draw] if draw_names else draw


def _renamed(problem: Problem, draw_names: Sequence[int | str]) -> Problem:
    """A problem of a draw under the name the user knows."""
    where = re.sub(
        r"draw ([0-9]+)",
        lambda found: f"draw {_name_of(int(found[1]), draw_names)}",
        problem.where,
    )
    return replace(problem, where=where)


def _told(values: Mapping[str, Floats], draw: int, first: int) -> Problem:
    told = ", ".join(f"{key} = {float(column[draw - first]):.6g}" for key, column in values.items())
    hint = "Narrow the distribution or the range that allows this"
    return Problem(f"draw {draw}", f"its parameters are {told}", hint)


def summarise(outcomes: Outcomes, comparator: str | None = None) -> Table:
    """Means and 95% intervals of costs, effects and increments; deterministic totals beside.

    Intervals are given of costs, effects and their increments, never of a ratio: an ICER whose
    increments change sign has no meaningful percentiles.
    """
    reference = outcomes.index(comparator or outcomes.reference)
    base = {row.strategy: row for row in outcomes.base}
    beside = [base.get(name) for name in outcomes.strategies]
    cost, effect = [row and row.cost for row in beside], [row and row.effect for row in beside]
    columns = [
        Column("strategy", "Strategy", outcomes.strategies),
        Column("deterministic_cost", "Cost, deterministic", cost, "money"),
        Column("deterministic_qalys", "QALYs, deterministic", effect, "qaly"),
    ]
    for name, label, amounts, against, how in (
        ("cost", "Cost", outcomes.cost, None, "money"),
        ("qalys", "QALYs", outcomes.effect, None, "qaly"),
        ("incremental_cost", "Incr. cost", outcomes.cost, reference, "money"),
        ("incremental_qalys", "Incr. QALYs", outcomes.effect, reference, "qaly"),
    ):
        columns.append(Column(name, label, _intervals(amounts, against), how, interval=True))
    return Table("psa_summary", "Means and 95% intervals", columns)


def summarise_net_benefit(
    outcomes: Outcomes, thresholds: Sequence[float] | None = None, comparator: str | None = None
) -> Table:
    """Net benefit and the decision at each threshold, a row each strategy.

    Args:
        outcomes: the draws.
        thresholds: amounts per unit of effect; the model's if None.
        comparator: the strategy increments are against; the model's if None.

    Returns:
        Net monetary benefit and increment with 95% intervals (none for the comparator's own),
        the probability of the highest (ties are shared), the net benefit forgone on average by
        choosing the strategy, and whether its expected net benefit is the highest.

    Raises:
        InputError: there is no threshold, or the comparator is unknown.
    """
    reference = outcomes.index(comparator or outcomes.reference)
    decision = ceac(outcomes, thresholds)
    levels = decision.thresholds.tolist()
    nmb = [outcomes.nmb(level) for level in levels]
    every = [interval for amounts in nmb for interval in _intervals(amounts)]
    increments = [interval for amounts in nmb for interval in _intervals(amounts, reference)]
    return Table.crossed(
        "psa_net_benefit",
        "Net benefit and decision",
        Column("threshold", "Willingness to pay", levels, "money"),
        Column("strategy", "Strategy", outcomes.strategies),
        [
            Column("nmb", "NMB", every, "money", interval=True),
            Column("incremental_nmb", "Incr. NMB", increments, "money", interval=True),
            column(
                "probability_cost_effective",
                "P(cost-effective)",
                decision.probability,
                "probability",
            ),
            column("expected_loss", "Expected loss", decision.expected_loss, "money"),
            column("optimal", "Best", decision.optimal, "mark"),
        ],
    )


def _intervals(amounts: Floats, reference: int | None = None) -> list[Interval | None]:
    """Mean and interval of each strategy, or of what it adds to the reference.

    Args:
        amounts: (draw, strategy).
        reference: the strategy that adds nothing to itself: None.
    """
    if reference is None:
        return [_interval(column) for column in amounts.T]
    return [
        None if i == reference else _interval(column - amounts[:, reference])
        for i, column in enumerate(amounts.T)
    ]


def ellipses(
    outcomes: Outcomes, comparator: str | None = None, level: float = 0.95
) -> tuple[Ellipse, ...]:
    """An ellipse on the cost-effectiveness plane for every strategy but the comparator.

    Args:
        outcomes: the draws, at least two.
        comparator: the strategy increments are against; the model's if None.
        level: share of the draws inside.

    Raises:
        InputError: there is one draw, the level is not between 0 and 1, or the comparator is
            unknown.
    """
    reference = comparator or outcomes.reference
    base = outcomes.index(reference)
    if outcomes.draws < 2:
        raise InputError(Problem("draws", "one draw has no spread", "Run at least two draws"))
    if not 0 < level < 1:
        raise InputError(Problem("level", f"a share of {level}", "Give a share inside 0 and 1"))
    found = []
    for index, name in enumerate(outcomes.strategies):
        if index != base:
            effect = outcomes.effect[:, index] - outcomes.effect[:, base]
            cost = outcomes.cost[:, index] - outcomes.cost[:, base]
            (a, b), (c, d) = np.cov(effect, cost).tolist()
            centre = float(effect.mean()), float(cost.mean())
            found.append(Ellipse(name, reference, centre, ((a, b), (c, d)), level))
    return tuple(found)


def _interval(values: Floats) -> Interval:
    low, high = np.percentile(values, INTERVAL)
    return float(values.mean()), float(low), float(high)


def curve_grid(outcomes: Outcomes, thresholds: Sequence[float]) -> list[float]:
    """Thresholds for curves: the default grid, and both sides of each change of the best strategy.

    So the frontier jumps where it does, instead of climbing from one grid point to the next.
    """
    grid = default_grid(thresholds)
    icers = [row.icer or 0.0 for row in fully_incremental(outcomes.means())]
    sides = [icer * side for icer in icers for side in (1 - BESIDE, 1 + BESIDE)]
    return sorted({*grid, *(value for value in sides if 0 < value < grid[-1])})


def default_grid(thresholds: Sequence[float]) -> list[float]:
    """Thresholds for curves: 0 to twice the largest the model names (or 50,000), in forty steps."""
    top = 2 * (max(thresholds, default=0.0) or 50_000.0)
    return [top * step / 40 for step in range(41)]
