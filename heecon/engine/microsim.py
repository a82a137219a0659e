"""The microsimulation: the same model definition, person by person.

Two layers share the work. ``draw_tables`` evaluates with numpy, once a draw, what does not differ
between people; ``microsim_kernel`` takes people through the cycles in a compiled loop. Where a
model's formulas read attributes or history, ``individual_kernel`` makes the loop's hooks from
them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from heecon.arrays import Floats
from heecon.engine.checks import for_all
from heecon.engine.cohort import count_draws
from heecon.engine.individual_run import (
    BLOCK,
    Block,
    IndividualRun,
    Options,
    check_size,
    in_order,
)
from heecon.engine.result import Result, Trace, concatenate
from heecon.errors import SimulationError
from heecon.model.definition import Model
from heecon.model.outcomes import edges_of

if TYPE_CHECKING:
    from heecon.engine.attributes import Attributes
    from heecon.engine.draw_tables import DrawTables
    from heecon.engine.individual_kernel import IndividualKernel
    from heecon.engine.microsim_kernel import Amounts, Paths, Shared, Tally

Draws = Mapping[str, Floats]

CHUNK_CELLS = 2_000_000
"""Numbers an array over (draw, cycle, time in state) may have."""

SUMS = ("started", "transitions", "cells")
"""What a block's tally holds that is added up over people."""


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
        first_draw: number of the first draw, which keys the random numbers of its people.
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


@dataclass(frozen=True)
class _Strategy:
    """What one strategy's people read in one draw."""

    paths: Paths
    amounts: Amounts
    shared: Shared


class _Run:
    """A model made ready to be simulated."""

    def __init__(self, model: Model, options: Options) -> None:
        from heecon.engine.attributes import Attributes  # noqa: PLC0415  (imports numba)
        from heecon.engine.individual_kernel import kernel_for  # noqa: PLC0415

        self.model = model
        self.options = options
        self.run = IndividualRun(model, options)
        self.attributes: Attributes = Attributes(model)
        self.kernel: IndividualKernel = kernel_for(model, self.run.outcomes, options.on_compile)

    def draws(self, values: Draws, first: int, count: int) -> Iterator[Result]:
        """Simulate a chunk of draws, the first of which has this number.

        Draws of few people go to the processors whole; of draws of many, the blocks do.
        """
        tables = self._draw_tables(values, first, count)
        watched = self.options.on_event is not None or self.options.enough is not None
        threads = self.run.threads
        with ThreadPoolExecutor(threads) as pool:
            if count == 1 or watched or self.options.patients > BLOCK * threads:
                results: Iterator[Result] = (
                    self._draw(tables, draw, first + draw, pool) for draw in range(count)
                )
            else:

                def whole(draw: int) -> Result:
                    return self._draw(tables, draw, first + draw, None)

                results = in_order(pool, whole, range(count), 2 * threads)
            yield from results

    def _draw_tables(self, values: Draws, first: int, count: int) -> list[DrawTables]:
        from heecon.engine.draw_tables import DrawTables  # noqa: PLC0415
        from heecon.engine.strategy_inputs import EvaluatedStrategy  # noqa: PLC0415

        def made(strategy: str) -> DrawTables:
            evaluated = EvaluatedStrategy(
                self.model, strategy, values, count=count, first_draw=first
            )
            return DrawTables(evaluated, self.run.outcomes)

        return for_all(self.model.strategies, made)

    def _draw(
        self, tables: Sequence[DrawTables], draw: int, number: int, pool: ThreadPoolExecutor | None
    ) -> Result:
        """One draw, its blocks by the threads of a pool or one after the other."""
        from heecon.engine.random_numbers import key_of  # noqa: PLC0415

        key = key_of(self.options.seed, number)
        arguments = self.attributes.arguments(tables[0].evaluated, draw, number)
        strategies = [self._read(own, draw) for own in tables]

        def block(people: range) -> Block:
            attributes = self.attributes.of(people, key, arguments)
            tallies = [
                self._simulate(people, key, strategy, attributes, f"{name}, draw {number}")
                for name, strategy in zip(self.model.strategies, strategies, strict=True)
            ]
            return self.run.block(
                [tally.totals for tally in tallies],
                [{name: getattr(tally, name) for name in SUMS} for tally in tallies],
                [tally.log for tally in tallies],
            )

        return self._result(self.run.people(block, number, pool), tables, draw)

    def _read(self, tables: DrawTables, draw: int) -> _Strategy:
        rewards = [reward for reward in tables.rewards if reward.value is None]
        start = self.kernel.start_of(tables)
        shared = tables.shared(draw, self.kernel.trees, rewards, start)
        return _Strategy(tables.paths(draw), tables.amounts(draw), shared)

    def _simulate(
        self,
        people: range,
        key: tuple[Any, Any],
        strategy: _Strategy,
        attributes: Floats,
        place: str,
    ) -> Tally:
        """Simulate a block of people under one strategy."""
        from heecon.engine import microsim_kernel  # noqa: PLC0415

        paths = strategy.paths
        states, (slots, exits) = len(self.model.states), paths.target.shape
        scratch = microsim_kernel.scratch_for(states, exits)
        outcomes = len(self.run.outcomes)
        cells = outcomes * states if self.kernel.individual else 0
        room = 2 * len(people) if self.options.on_event is not None else 0
        while True:
            tally = microsim_kernel.Tally(
                totals=np.empty((len(people), 2 * outcomes)),
                started=np.zeros(states, dtype=np.int64),
                transitions=np.zeros((paths.cycles, slots, exits), dtype=np.int64),
                cells=np.zeros((cells, paths.cycles + 1, 2)),
                log=np.zeros((room, 5), dtype=np.int64),
                fault=np.zeros(5),
            )
            tables = paths, strategy.amounts, strategy.shared
            events = self.kernel.simulate_block(
                people.start, *key, *tables, attributes, scratch, tally
            )
            if tally.fault[0] != microsim_kernel.OK:
                raise SimulationError(self.kernel.problem(tally.fault, place))
            if events <= room or self.options.on_event is None:
                return tally._replace(log=tally.log[:events])
            room = events

    def _result(self, people: Block, tables: Sequence[DrawTables], draw: int) -> Result:
        from heecon.engine.occupancy import OccupancyCounts  # noqa: PLC0415

        model, count = self.model, people.decision.count
        lasting = [i for i, state in enumerate(model.states.values()) if not state.absorbing]
        cubes, ends, traces = [], [], []
        for own, sums in zip(tables, people.sums, strict=True):
            counts = OccupancyCounts(own, sums["started"], sums["transitions"], count)
            cells = sums["cells"].reshape(-1, len(model.states), *sums["cells"].shape[1:]) / count
            cubes.append(counts.cube(draw) + (cells.sum(axis=2) if len(cells) else 0.0))
            ends.append(counts.occupancy()[-1, lasting].sum())
            if self.options.keep_trace:
                by_cycle = counts.by_cycle(draw) + (cells if len(cells) else 0.0)
                traces.append((counts.occupancy(), counts.flow(), by_cycle))
        trace = None
        if traces:
            occupancy, flow, amounts = (np.array(part)[None] for part in zip(*traces, strict=True))
            edges = tuple(edges_of(model.transitions, model.states))
            trace = Trace(occupancy, flow, edges, amounts)
        return self.run.result(people, np.array(cubes), np.array(ends), trace)
