"""A change log: what differs between two models, and what each change does to the results.

The models between A and B are built and run one after the other: the model of step i is A with the
first i steps applied. Effects of steps therefore add up to the whole difference, and depend on the
order where changes interact: a lower price matters less once the treatment is shorter.

Applying all steps gives B; it is checked each time, against a run of B itself.

Source:
    CDA-AMC issues a Model Change Log with each re-analysis (Pharmaceutical Reviews Update 52).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

from heecon.analysis.engines import options_of
from heecon.analysis.evaluation import run
from heecon.analysis.strategy_comparison import (
    RunTotals,
    StrategyComparison,
    all_thresholds,
    comparisons,
    totals_of,
)
from heecon.difference.change import Change
from heecon.difference.difference import Difference, between
from heecon.difference.groups import Group, grouped, shares_of_a_whole
from heecon.difference.parts import Part
from heecon.errors import HeeconError, SimulationError
from heecon.model.definition import Model

MAX_FAILED_TRIES = 400
"""Models between A and B that may fail to run; changes still left then become one step."""

ALONE = "one without the other cannot be run"
TOO_MANY = "too many changes cannot be run alone: attempts to tell these apart ended"


@dataclass(frozen=True)
class Side:
    """One of the two things compared.

    Attributes:
        name: model and scenario.
        title: words.
        currency: of the costs.
        comparator: the strategy the others are compared with.
        comparisons: where every strategy stands.
    """

    name: str
    title: str
    currency: str
    comparator: str
    comparisons: tuple[StrategyComparison, ...]


@dataclass(frozen=True)
class Step:
    """Changes applied at once, and what they do.

    Attributes:
        changes: one, or several that only make sense together.
        why_together: why several; empty for one.
        before: where every strategy stands before the step.
        after: and after it.
    """

    changes: tuple[Change, ...]
    why_together: tuple[str, ...]
    before: tuple[StrategyComparison, ...]
    after: tuple[StrategyComparison, ...]

    @property
    def moves_results(self) -> bool:
        """Whether any total of any strategy changes."""
        return _by_strategy(self.before) != _by_strategy(self.after)


@dataclass(frozen=True)
class ChangeLog:
    """What leads from A to B.

    Attributes:
        a: where it begins.
        b: where it ends.
        thresholds: of the net benefits: those of A, then those only B has.
        steps: in the order they are applied.
        without_effect: changes the base case does not depend on, each with a note that says why.
        notes: what a reader must know.
        inputs_known: False when a side is saved results: then there are no steps.
    """

    a: Side
    b: Side
    thresholds: tuple[float, ...]
    steps: tuple[Step, ...]
    without_effect: tuple[Change, ...]
    notes: tuple[str, ...]
    inputs_known: bool = True

    @property
    def same(self) -> bool:
        """Whether the two are the same in every input and every result."""
        moved = _by_strategy(self.a.comparisons) != _by_strategy(self.b.comparisons)
        return not (self.steps or self.without_effect or moved)


def change_log(
    a: Model,
    b: Model,
    *,
    on_step: Callable[[int, int], None] | None = None,
    on_compile: Callable[[], None] | None = None,
) -> ChangeLog:
    """Find what differs between two models and what each difference does.

    Args:
        a: the model to begin with.
        b: the model to end with; another scenario, or another version of the files.
        on_step: called with the number of changes applied so far and of all.
        on_compile: called before the kernels are compiled, once on a machine.

    Returns:
        Steps that lead from A exactly to B, and the changes without effect on the base case.

    Raises:
        SimulationError: A or B cannot be run.
        InputError: as ``pairwise``.
    """
    difference = between(a, b)
    simulated = {a.scenario.engine, b.scenario.engine} != {"cohort"}
    if simulated:
        a, b = (_with_people_of(b, model) for model in (a, b))
    runs = [_totals(name, model, on_compile) for name, model in (("A", a), ("B", b))]
    log = compare_totals(*runs)
    walk = _Walk(difference, log, b, on_step)
    steps = walk.to_the_end(grouped(difference, shares_of_a_whole(a, b)))
    reached = steps[-1].after if steps else log.a.comparisons
    if _by_strategy(reached) != _by_strategy(log.b.comparisons):
        what = f"the changes from {log.a.name} do not end at {log.b.name}"
        raise RuntimeError(f"{what}; was one of them not made by load or build_model?")
    notes = list(log.notes)
    if a.name != b.name:
        notes.append(f"These are different models: {a.name} and {b.name}.")
    if simulated:
        options = options_of(b)
        notes.append(
            f"Simulated person by person ({options.patients:,} people, seed {options.seed}, the "
            "same random numbers in A, B and every step): small effects may be noise. heecon run "
            "tells the Monte Carlo errors."
        )
    silent = tuple(difference.changes_without_effect())
    return ChangeLog(log.a, log.b, log.thresholds, tuple(steps), silent, tuple(notes))


def _with_people_of(end: Model, model: Model) -> Model:
    """The model simulated, if it is, with as many people and the same seed as another."""
    sizes = {**model.scenario.analyses, "microsim": end.scenario.analyses.get("microsim", {})}
    return replace(model, scenario=replace(model.scenario, analyses=sizes))


def _totals(side: str, model: Model, on_compile: Callable[[], None] | None) -> RunTotals:
    """The totals of a side; what is wrong with it says whose it is."""
    try:
        return totals_of(run(model, on_compile=on_compile))
    except SimulationError as error:
        place = f"{side}, {model.scenario.name or model.name}"
        raise SimulationError(
            replace(problem, where=f"{place}: {problem.where}") for problem in error.problems
        ) from None


def compare_totals(a: RunTotals, b: RunTotals) -> ChangeLog:
    """Compare two runs of which only the results are known."""
    thresholds = all_thresholds([a, b])
    notes = []
    if a.currency != b.currency:
        notes.append(
            f"Costs are in {a.currency or 'no named currency'} and in "
            f"{b.currency or 'no named currency'}: their differences mean nothing."
        )
    sides = [
        Side(side.name, side.title, side.currency, side.comparator, comparisons(side, thresholds))
        for side in (a, b)
    ]
    return ChangeLog(sides[0], sides[1], thresholds, (), (), tuple(notes), inputs_known=False)


def _by_strategy(rows: Sequence[StrategyComparison]) -> dict[str, StrategyComparison]:
    """Standings whatever their order."""
    return {row.strategy: row for row in rows}


class _Walk:
    """Applies groups of changes one after the other, as finely as the model allows."""

    def __init__(
        self,
        difference: Difference,
        log: ChangeLog,
        end: Model,
        on_step: Callable[[int, int], None] | None,
    ) -> None:
        self.difference = difference
        self.thresholds = log.thresholds
        self.end = end
        self.on_step = on_step
        self.now = log.a.comparisons
        self.applied: set[Part] = set()
        self.steps: list[Step] = []
        self.count = 0
        self.failed_tries = 0
        self.problem_of: dict[Group, str] = {}

    def to_the_end(self, groups: Sequence[Group]) -> list[Step]:
        """All steps.

        A group that makes no model yet waits until the others are applied. Those that wait for each
        other are joined: two of them if two suffice, else all.
        """
        waiting = list(groups)
        self.count = sum(len(group.parts) for group in groups)
        while waiting:
            still = [group for group in waiting if not self._take(group)]
            if len(still) == len(waiting):
                still = self._joined(waiting)
            waiting = still
        return self.steps

    def _joined(self, waiting: Sequence[Group]) -> list[Group]:
        """What still waits after the first two that suffice for each other are taken, or all."""
        for pair in combinations(waiting, 2):
            if self._take(_together(pair, f"{ALONE}: {self.problem_of.get(pair[0])}")):
                return [group for group in waiting if group not in pair]
        ended = self.failed_tries >= MAX_FAILED_TRIES
        rest = _together(
            waiting, TOO_MANY if ended else f"{ALONE}: {self.problem_of.get(waiting[0])}"
        )
        if not self._take(rest, last=True):
            raise RuntimeError(f"the changes do not make a model: {self.problem_of[rest]}")
        return []

    def _take(self, group: Group, *, last: bool = False) -> bool:
        """Apply a group if the model can then be run."""
        if self.failed_tries >= MAX_FAILED_TRIES and not last:
            return False
        try:
            taken = self.applied | set(group.parts)
            model = self.difference.intermediate_model(taken, self.end.name)
            model = _with_people_of(self.end, model)
            reached = comparisons(totals_of(run(model)), self.thresholds)
        except HeeconError as error:
            self.problem_of[group] = str(error.problems[0])
            self.failed_tries += 1
            return False
        self.applied |= set(group.parts)
        changes = [change for part in group.parts for change in self.difference.describe(part)]
        self.steps.append(Step(tuple(changes), group.why, self.now, reached))
        self.now = reached
        if self.on_step is not None:
            self.on_step(len(self.applied), self.count)
        return True


def _together(groups: Sequence[Group], why: str) -> Group:
    first, *others = groups
    for other in others:
        first = first.joined(other, why)
    return Group(first.parts, tuple(dict.fromkeys(first.why)))
