"""The microsimulation: the same model definition, person by person.

Two layers share the work. ``common`` evaluates with numpy, once a draw, what does not differ
between people; ``walker`` takes people through the cycles in a compiled loop. Where a model's
formulas read attributes or history, ``personal`` makes the loop's hooks from them.

People are walked in blocks of fixed size, on all processors; the blocks' results are put together
in their order. With random numbers keyed by person, every result is the same to the last bit for
any number of threads.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from threading import Lock
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from heecon.engine.checks import stop_together
from heecon.engine.cohort import count_draws, in_perspective
from heecon.engine.moments import Moments, MonteCarlo
from heecon.engine.result import Result, Trace, concatenate
from heecon.errors import InputError, Problem, SimulationError
from heecon.model.definition import Model
from heecon.model.outcomes import edges_of

if TYPE_CHECKING:
    from heecon.engine.attributes import Attributes
    from heecon.engine.common import Common
    from heecon.engine.personal import Hooks
    from heecon.engine.walker import Amounts, Paths, Shared

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Draws = Mapping[str, Floats]

PATIENTS = 100_000
"""People simulated unless said otherwise."""

BLOCK = 8_192
"""People in a block; never changed by what is run, so that sums are formed in the same order."""

MAX_PERSON_CYCLES = 1e12
"""Person-cycles (people x cycles x strategies x draws) from which on a run is refused."""

SPEED = 5e7
"""Person-cycles a second on two cores, for the estimate of a refused run's time."""

T = TypeVar("T")

KINDS = ("cost", "qaly", "life_year", "count")

CHUNK_CELLS = 2_000_000
"""Numbers an array over (draw, cycle, slot) may have."""


@dataclass(frozen=True)
class Options:
    """How people are simulated.

    Attributes:
        patients: how many, in each draw and for each strategy.
        seed: any whole number.
        first: number of the first person; a run is continued by beginning where it ended.
        threads: how many; None for all processors.
        keep_trace: keep occupancy, moves and amounts by cycle.
        on_compile: called before anything is compiled, which takes seconds.
        on_people: called with the number of people walked so far, all draws together.
        on_event: called with (strategy, draw, moves), once a block, in order; moves is an array
            (moves, 5) of person, cycle, from, to and type.
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


def run_microsim(
    model: Model, draws: Draws | None = None, options: Options | None = None
) -> Result:
    """Simulate every strategy of a model person by person.

    Args:
        model: a checked model.
        draws: sampled parameter values by key; parameters left out keep their base value. None
            runs the base case, as one draw.
        options: how many people, the seed, and so on.

    Returns:
        Mean amounts per person, with their Monte Carlo errors.

    Raises:
        InputError: draws or options that cannot be used.
        SimulationError: an impossible number, with strategy, draw, cycle and, if it is one
            person's, the person.
    """
    return concatenate(list(iterate_microsim(model, draws, options)))


def iterate_microsim(
    model: Model,
    draws: Draws | None = None,
    options: Options | None = None,
    *,
    first_draw: int = 0,
) -> Iterator[Result]:
    """Like ``run_microsim``, a draw at a time, so that no more need fit in memory.

    Args:
        model: see ``run_microsim``.
        draws: see ``run_microsim``.
        options: see ``run_microsim``.
        first_draw: number of the first draw, which keys the luck of its people.
    """
    chosen = options or Options()
    draws = {key: np.asarray(values, dtype=float) for key, values in (draws or {}).items()}
    count = count_draws(model, draws)
    check_size(model, chosen.patients, count)
    run = _Run(model, chosen)
    points = model.settings.cycles + 1
    chunk = max(CHUNK_CELLS // (points * max(state.slots for state in model.states.values())), 1)
    for first in range(0, count, chunk):
        size = min(chunk, count - first)
        part = {key: values[first : first + size] for key, values in draws.items()}
        yield from run.draws(part, first_draw + first, size)


def check_size(model: Model, patients: int, draws: int = 1) -> None:
    """Refuse numbers of people that make no sense.

    Raises:
        InputError: fewer than one, or so many that the run would not end; the time is told.
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
        remedy = "Simulate fewer: the Monte Carlo error tells how many are enough"
        raise InputError(Problem(place, what, remedy))


@dataclass(frozen=True)
class _Strategy:
    """What one strategy's people read in one draw."""

    paths: Paths
    amounts: Amounts
    shared: Shared


@dataclass(frozen=True)
class _Walked:
    """The results of a block of people under one strategy."""

    amounts: Moments
    started: Integers
    moves: Integers
    cells: Floats
    log: Integers


@dataclass(frozen=True)
class _Block:
    """The results of a block of people under all strategies."""

    strategies: tuple[_Walked, ...]
    decision: Moments

    def merged(self, other: _Block) -> _Block:
        strategies = tuple(
            _Walked(
                mine.amounts.merged(its.amounts),
                mine.started + its.started,
                mine.moves + its.moves,
                mine.cells + its.cells,
                mine.log[:0],
            )
            for mine, its in zip(self.strategies, other.strategies, strict=True)
        )
        return _Block(strategies, self.decision.merged(other.decision))


class _Run:
    """A model made ready to be simulated."""

    def __init__(self, model: Model, options: Options) -> None:
        from heecon.engine.attributes import Attributes  # noqa: PLC0415  (imports numba)
        from heecon.engine.personal import hooks_of  # noqa: PLC0415

        self.model = model
        self.options = options
        self.outcomes = in_perspective(model)
        kinds = [2 * KINDS.index(outcome.kind) for outcome in self.outcomes]
        self.kinds = np.array([k + which for k in kinds for which in range(2)], dtype=np.int64)
        self.attributes: Attributes = Attributes(model)
        self.hooks: Hooks = hooks_of(model, self.outcomes, options.on_compile)
        self.threads = options.threads or os.cpu_count() or 1
        self.done = 0
        self.lock = Lock()

    def draws(self, values: Draws, first: int, count: int) -> Iterator[Result]:
        """Simulate a chunk of draws, the first of which has this number.

        Draws of few people go to the processors whole; of draws of many, the blocks do.
        """
        commons = self._commons(values, first, count)
        told = self.options.on_event is not None or self.options.enough is not None
        with ThreadPoolExecutor(self.threads) as pool:
            if count == 1 or told or self.options.patients > BLOCK * self.threads:
                results: Iterator[Result] = (
                    self._draw(commons, draw, first + draw, pool) for draw in range(count)
                )
            else:

                def whole(draw: int) -> Result:
                    return self._draw(commons, draw, first + draw, None)

                results = in_order(pool, whole, range(count), 2 * self.threads)
            yield from results

    def _commons(self, values: Draws, first: int, count: int) -> dict[str, Common]:
        from heecon.engine.common import Common  # noqa: PLC0415
        from heecon.engine.strategy_inputs import EvaluatedStrategy  # noqa: PLC0415

        found: dict[str, Common] = {}
        errors: dict[str, SimulationError] = {}
        for strategy in self.model.strategies:
            evaluated = EvaluatedStrategy(
                self.model, strategy, values, count=count, first_draw=first
            )
            try:
                found[strategy] = Common(evaluated, self.outcomes)
            except SimulationError as error:
                errors[strategy] = error
        stop_together(errors)
        return found

    def _draw(
        self,
        commons: Mapping[str, Common],
        draw: int,
        number: int,
        pool: ThreadPoolExecutor | None,
    ) -> Result:
        """One draw, its blocks by the threads of a pool or one after the other."""
        from heecon.engine.random_numbers import key_of  # noqa: PLC0415

        options = self.options
        key = key_of(options.seed, number)
        arguments = self.attributes.arguments(next(iter(commons.values())).evaluated, draw, number)
        strategies = [self._tables(common, draw) for common in commons.values()]
        begins = range(options.first, options.first + options.patients, BLOCK)
        end = options.first + options.patients

        def block(begin: int) -> _Block:
            people = range(begin, min(begin + BLOCK, end))
            return self._block(people, key, strategies, arguments, number)

        blocks: Iterator[_Block] = map(block, begins)
        if pool is not None:
            blocks = in_order(pool, block, begins, 2 * self.threads)
        whole: _Block | None = None
        for found in blocks:
            if options.on_event is not None:
                for name, walked in zip(commons, found.strategies, strict=True):
                    options.on_event(name, number, walked.log)
            whole = found if whole is None else whole.merged(found)
            if options.on_people is not None:
                with self.lock:
                    self.done += found.decision.count
                    options.on_people(self.done)
            if options.enough is not None and options.enough(whole.decision):
                break
        assert whole is not None  # noqa: S101  (there is at least one person)
        return self._result(whole, commons, draw)

    def _tables(self, common: Common, draw: int) -> _Strategy:
        terms = [term for term in common.terms if term.value is None]
        shared = common.shared(draw, self.hooks.trees, terms, self.hooks.start_of(common))
        return _Strategy(common.paths(draw), common.amounts(draw), shared)

    def _block(
        self,
        people: range,
        key: tuple[Any, Any],
        strategies: Sequence[_Strategy],
        arguments: Any,
        draw: int,
    ) -> _Block:
        """Walk a block of people under every strategy."""
        attributes = self.attributes.of(people, key, arguments)
        found: list[_Walked] = []
        columns: list[Floats] = []
        for number, strategy in enumerate(strategies):
            walked, totals = self._walk(people, key, strategy, attributes, draw, number)
            found.append(walked)
            columns.append(totals)
        kinds = [2 * KINDS.index("cost") + 1, 2 * KINDS.index("qaly") + 1]
        decision = [np.ascontiguousarray(column[:, kind]) for kind in kinds for column in columns]
        return _Block(tuple(found), Moments.pairs(decision))

    def _walk(
        self,
        people: range,
        key: tuple[Any, Any],
        strategy: _Strategy,
        attributes: Floats,
        draw: int,
        number: int,
    ) -> tuple[_Walked, Floats]:
        """One strategy's block; returns its results and everybody's totals by kind."""
        from heecon.engine import walker  # noqa: PLC0415

        model, paths = self.model, strategy.paths
        states, rows = len(model.states), len(paths.state)
        scratch = walker.scratch_for(states, paths.target.shape[1])
        cells = len(self.outcomes) * states if self.hooks.personal else 0
        room = 2 * len(people) if self.options.on_event is not None else 0
        while True:
            tally = walker.Tally(
                totals=np.empty((len(people), 2 * len(self.outcomes))),
                started=np.zeros(states, dtype=np.int64),
                moves=np.zeros((paths.cycles, rows, paths.target.shape[1]), dtype=np.int64),
                cells=np.zeros((cells, paths.cycles + 1, 2)),
                log=np.zeros((room, 5), dtype=np.int64),
                fault=np.zeros(5),
            )
            events = self.hooks.walk(
                people.start,
                *key,
                paths,
                strategy.amounts,
                strategy.shared,
                attributes,
                scratch,
                tally,
            )
            if tally.fault[0] != walker.OK:
                name = list(model.strategies)[number]
                raise SimulationError(self.hooks.problem(tally.fault, name, draw))
            if events <= room or self.options.on_event is None:
                break
            room = events
        kinds = np.zeros((len(people), 2 * len(KINDS)))
        means = np.zeros(len(self.kinds) + kinds.shape[1])
        squares = np.zeros_like(means)
        walker.gather(tally.totals, self.kinds, kinds, means, squares)
        walked = _Walked(
            Moments(len(people), means, squares),
            tally.started,
            tally.moves,
            tally.cells,
            tally.log[:events],
        )
        return walked, kinds

    # --- results --------------------------------------------------------------------------------

    def _result(self, block: _Block, commons: Mapping[str, Common], draw: int) -> Result:
        from heecon.engine.tracks import Tracks  # noqa: PLC0415

        model, count = self.model, block.decision.count
        cubes, ends, traces = [], [], []
        for common, walked in zip(commons.values(), block.strategies, strict=True):
            tracks = Tracks(common, walked.started, walked.moves, count)
            cells = walked.cells.reshape(-1, len(model.states), *walked.cells.shape[1:]) / count
            cubes.append(tracks.cube(draw) + (cells.sum(axis=2) if len(cells) else 0.0))
            lasting = [i for i, state in enumerate(model.states.values()) if not state.absorbing]
            ends.append(tracks.occupancy()[-1, lasting].sum())
            if self.options.keep_trace:
                by_cycle = tracks.by_cycle(draw) + (cells if len(cells) else 0.0)
                traces.append((tracks.occupancy(), tracks.flow(), by_cycle))
        cube = np.array(cubes)[None]
        trace = None
        if traces:
            occupancy, flow, amounts = (np.array(part)[None] for part in zip(*traces, strict=True))
            edges = tuple(edges_of(model.transitions, model.states))
            trace = Trace(occupancy, flow, edges, amounts)
        variance = np.array([walked.amounts.covariance() for walked in block.strategies])
        errors = np.sqrt(variance / count)[None]
        own = len(self.kinds)
        shape = 1, len(variance)
        kinds = errors[..., own:].reshape(*shape, len(KINDS), 2)
        monte_carlo = MonteCarlo(
            people=count,
            seed=self.options.seed,
            outcome=errors[..., :own].reshape(*shape, len(self.outcomes), 2),
            kind={kind: kinds[:, :, i] for i, kind in enumerate(KINDS)},
            covariance=block.decision.covariance()[None],
        )
        return Result(
            model=model,
            strategies=tuple(model.strategies),
            outcomes=self.outcomes,
            states=tuple(model.states),
            undiscounted=cube[..., 0],
            discounted=cube[..., 1],
            alive_at_end=np.array(ends)[None],
            trace=trace,
            monte_carlo=monte_carlo,
        )


def in_order(
    pool: ThreadPoolExecutor, work: Callable[[int], T], items: Sequence[int], ahead: int
) -> Iterator[T]:
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
