"""What both microsimulations share: options, blocks of people, and results with their errors.

People are simulated in blocks of fixed size, on all processors; the blocks' results are put
together in their order. With random numbers keyed by person, every result is the same to the last
bit for any number of threads.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from threading import Lock
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from heecon.arrays import Floats, Integers
from heecon.engine.cohort import in_perspective
from heecon.engine.moments import Moments, MonteCarlo
from heecon.engine.result import Result, Trace
from heecon.errors import InputError, Problem
from heecon.model.definition import Model

Item = TypeVar("Item")
Found = TypeVar("Found")

PATIENTS = 100_000
"""People simulated unless said otherwise."""

BLOCK = 8_192
"""People in a block; never changed by what is run, so that sums are formed in the same order."""

MAX_PERSON_CYCLES = 1e12
"""Person-cycles (people x cycles x strategies x draws) from which on a run is refused."""

SPEED = 5e7
"""Person-cycles a second on two cores, for the estimate of a refused run's time."""

KINDS = ("cost", "qaly", "life_year", "count")


@dataclass(frozen=True)
class Options:
    """How people are simulated.

    Attributes:
        patients: how many, in each draw and for each strategy.
        seed: any whole number.
        first: number of the first person; a run is continued by beginning where it ended.
        threads: how many; None for all processors.
        keep_trace: keep occupancy, transitions and amounts by cycle.
        on_compile: called before anything is compiled, which takes seconds.
        on_people: called with the number of people simulated so far, all draws together.
        on_event: called with (strategy, draw, events), once a block, in order; events is an array
            (events, 5) of person, cycle, from, to and type.
        enough: called after each block with the moments of all people so far (discounted costs of
            all strategies, then QALYs); True ends the draw before all ``patients`` are simulated.
    """

    patients: int = PATIENTS
    seed: int = 1
    first: int = 0
    threads: int | None = None
    keep_trace: bool = False
    on_compile: Callable[[], None] | None = None
    on_people: Callable[[int], None] | None = None
    on_event: Callable[[str, int, Integers], None] | None = None
    enough: Callable[[Moments], bool] | None = None


def check_size(model: Model, patients: int, draws: int = 1) -> None:
    """Refuse numbers of people that make no sense.

    Raises:
        InputError: fewer than one, or so many that the run would not end; the time is given.
    """
    place = "patients"
    if patients < 1:
        raise InputError(Problem(place, f"{patients} people", "Simulate at least 1"))
    work = float(patients) * model.settings.cycles * len(model.strategies) * draws
    if work >= MAX_PERSON_CYCLES:
        hours = work / SPEED / 3_600
        time = f"{hours / 24:,.0f} days" if hours > 48 else f"{hours:,.0f} hours"
        what = f"{patients:,} people over {model.settings.cycles:,} cycles, {len(model.strategies)}"
        what += f" strategies and {draws:,} draws would take about {time}"
        hint = "Simulate fewer: the Monte Carlo error tells how many are enough"
        raise InputError(Problem(place, what, hint))


@dataclass(frozen=True)
class Block:
    """The results of some people under all strategies.

    Attributes:
        moments: by strategy, of everybody's amounts by outcome and then by kind, each undiscounted
            and discounted.
        sums: by strategy and name, arrays that are added up over people.
        decision: of everybody's discounted costs under all strategies, then QALYs.
        logs: by strategy, the events of the block; not kept when blocks are merged.
    """

    moments: tuple[Moments, ...]
    sums: tuple[Mapping[str, NDArray[Any]], ...]
    decision: Moments
    logs: Sequence[Integers] = ()

    def merged(self, other: Block) -> Block:
        """These people and then others."""
        return Block(
            tuple(a.merged(b) for a, b in zip(self.moments, other.moments, strict=True)),
            tuple(
                {name: mine[name] + its[name] for name in mine}
                for mine, its in zip(self.sums, other.sums, strict=True)
            ),
            self.decision.merged(other.decision),
        )


class IndividualRun:
    """A model whose people are simulated, draw by draw.

    Attributes:
        outcomes: those counted.
        threads: how many simulate blocks.
    """

    def __init__(self, model: Model, options: Options) -> None:
        self.model = model
        self.options = options
        self.outcomes = in_perspective(model)
        kinds = [2 * KINDS.index(outcome.kind) for outcome in self.outcomes]
        self._kinds = np.array([k + which for k in kinds for which in range(2)], dtype=np.int64)
        self.threads = options.threads or os.cpu_count() or 1
        self._done = 0
        self._lock = Lock()

    def block(
        self,
        totals: Iterable[Floats],
        sums: Iterable[Mapping[str, NDArray[Any]]],
        logs: Sequence[Integers] = (),
    ) -> Block:
        """A block's results.

        Args:
            totals: by strategy, (people, 2 outcomes) amounts of each person, undiscounted and
                discounted.
            sums: see ``Block``.
            logs: see ``Block``.
        """
        from heecon.engine.person_totals import gather  # noqa: PLC0415  (imports numba)

        moments, columns = [], []
        for amounts in totals:
            kinds = np.zeros((len(amounts), 2 * len(KINDS)))
            means = np.zeros(len(self._kinds) + kinds.shape[1])
            squares = np.zeros_like(means)
            gather(amounts, self._kinds, kinds, means, squares)
            moments.append(Moments(len(amounts), means, squares))
            columns.append(kinds)
        chosen = [2 * KINDS.index("cost") + 1, 2 * KINDS.index("qaly") + 1]
        decision = [np.ascontiguousarray(column[:, k]) for k in chosen for column in columns]
        return Block(tuple(moments), tuple(sums), Moments.pairs(decision), logs)

    def people(
        self, simulate: Callable[[range], Block], draw: int, pool: ThreadPoolExecutor | None
    ) -> Block:
        """All people of a draw.

        Args:
            simulate: gives the block of the people with these numbers.
            draw: number of the draw, for the log of events.
            pool: of threads that simulate blocks; None for one block after the other.
        """
        options = self.options
        end = options.first + options.patients
        parts = (range(n, min(n + BLOCK, end)) for n in range(options.first, end, BLOCK))
        blocks: Iterator[Block] = map(simulate, parts)
        if pool is not None:
            blocks = in_order(pool, simulate, parts, 2 * self.threads)
        whole: Block | None = None
        for block in blocks:
            if options.on_event is not None:
                for name, log in zip(self.model.strategies, block.logs, strict=True):
                    options.on_event(name, draw, log)
            whole = block if whole is None else whole.merged(block)
            if options.on_people is not None:
                with self._lock:
                    self._done += block.decision.count
                    options.on_people(self._done)
            if options.enough is not None and options.enough(whole.decision):
                break
        assert whole is not None  # noqa: S101  (there is at least one person)
        return whole

    def result(
        self, people: Block, cube: Floats, alive: Floats, trace: Trace | None = None
    ) -> Result:
        """The result of one draw.

        Args:
            people: all of them.
            cube: (strategies, outcomes, states, 2) mean amounts.
            alive: (strategies) share outside absorbing states at the end.
            trace: if it was asked for.
        """
        count, own, shape = people.decision.count, len(self._kinds), (1, len(people.moments))
        variance = np.array([moments.covariance() for moments in people.moments])
        errors = np.sqrt(variance / count)[None]
        kinds = errors[..., own:].reshape(*shape, len(KINDS), 2)
        return Result(
            model=self.model,
            strategies=tuple(self.model.strategies),
            outcomes=self.outcomes,
            states=tuple(self.model.states),
            undiscounted=cube[None, ..., 0],
            discounted=cube[None, ..., 1],
            alive_at_end=alive[None],
            trace=trace,
            monte_carlo=MonteCarlo(
                people=count,
                seed=self.options.seed,
                outcome=errors[..., :own].reshape(*shape, len(self.outcomes), 2),
                kind={kind: kinds[:, :, i] for i, kind in enumerate(KINDS)},
                covariance=people.decision.covariance()[None],
            ),
        )


def in_order(
    pool: ThreadPoolExecutor, work: Callable[[Item], Found], items: Iterable[Item], ahead: int
) -> Iterator[Found]:
    """Results in the order of the items, with a bounded number of them waiting."""
    waiting = []
    try:
        for item in items:
            waiting.append(pool.submit(work, item))
            if len(waiting) >= ahead:
                yield waiting.pop(0).result()
        for future in waiting:
            yield future.result()
    finally:
        for future in waiting:
            future.cancel()
