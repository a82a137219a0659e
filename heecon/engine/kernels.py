"""The compiled loops, and nothing else in heecon is compiled.

Each kernel is a plain Python function that can be read, stepped through and tested as it is
(``kernel.py_func`` after compilation); numba is applied at the bottom of the file.

Numbers that depend on draw, cycle and time in state are "streams": one flat buffer, and for every
stream an offset and the strides of the three axes, 0 where the stream does not vary. So a constant
costs one number, not draws x cycles x slots of them.

The tuples below stay in this file: numba keeps machine code on disk for as long as the file of a
kernel does not change, and would not notice a change of what a kernel is given elsewhere.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar, cast

import numpy as np
from numba import njit
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Kernel = TypeVar("Kernel", bound=Callable[..., Any])

OK, NOT_ONE, SHRINKING = 0, 1, 2
"""Status codes: all well; occupancy does not sum to one; an absorbing state lost people."""

FROM_START, FROM_STATE, FROM_MOVE = 0, 1, 2
"""What a term counts: people at the start, people in a state, people making a move."""

AT_START, AT_END, AVERAGE = 0, 1, 2
"""How a term counts people in a state in a cycle; at time points it is AT_START."""

TOLERANCE = 1e-9
"""How far a cycle's occupancy may depart from one, and an absorbing state shrink."""


class Streams(NamedTuple):
    """Numbers by draw, cycle and slot: ``buffer[offset[i] + (draw, cycle, slot) . stride[i]]``."""

    buffer: Floats
    offset: Integers
    stride: Integers


class Moves(NamedTuple):
    """The ways people go in a cycle, one entry a way.

    Attributes:
        origin: state left.
        destination: state entered, or stayed in.
        low: first slot of the origin it leaves from.
        high: end of that range.
        event: number of the event; -1 for staying, which leads one slot on.
        column: first column of an event in the flows; it has one column a slot.
        probability: its stream.
    """

    origin: Integers
    destination: Integers
    low: Integers
    high: Integers
    event: Integers
    column: Integers
    probability: Integers


class Terms(NamedTuple):
    """What is counted, one entry a formula.

    Attributes:
        source: FROM_START, FROM_STATE or FROM_MOVE.
        place: the state or the move.
        method: AT_START, AT_END or AVERAGE.
        points: how many cycles or time points are counted.
        cell: outcome and state the amount is booked to.
        value: stream of the worth of one person.
        weight: stream of the weights of the cycles or time points.
        factor: stream of the discount factors.
        measure: number shared by all terms that count the same people with the same weights and
            discount factors; they differ by what a person is worth only.
    """

    source: Integers
    place: Integers
    method: Integers
    points: Integers
    cell: Integers
    value: Integers
    weight: Integers
    factor: Integers
    measure: Integers


class Chunk(NamedTuple):
    """One strategy over a chunk of draws.

    Attributes:
        cycles: number of cycles.
        starts: (draws, states) shares at time 0.
        first: first slot of each state, and the number of slots at the end.
        absorbing: 1 for absorbing states.
        moves: the ways people go.
        terms: what is counted.
        streams: the numbers moves and terms refer to.
    """

    cycles: int
    starts: Floats
    first: Integers
    absorbing: Integers
    moves: Moves
    terms: Terms
    streams: Streams


class Tally(NamedTuple):
    """Where results go; every array is zero before a run.

    Attributes:
        totals: (draws, cells, 2) undiscounted and discounted amounts.
        end: (draws, states) shares at the end of the last cycle.
        keep: whether the next three are filled; they have no draws otherwise.
        occupancy: (draws, cycles + 1, states).
        flow: (draws, cycles, events).
        amounts: (draws, cells, cycles + 1, 2).
    """

    totals: Floats
    end: Floats
    keep: bool
    occupancy: Floats
    flow: Floats
    amounts: Floats


class Work(NamedTuple):
    """One draw's cohort.

    Attributes:
        slots: (cycles + 1, slots) share of the cohort in every slot.
        occupancy: (cycles + 1, states).
        flow: (cycles, columns) people making each event out of each slot; staying has no flow.
        amounts: (cycles + 1) amounts of the term at hand.
        at: (moves) where in the streams' buffer the probability of the cycle at hand stands.
        step: (moves) how far the next cycle's stands from it.
    """

    slots: Floats
    occupancy: Floats
    flow: Floats
    amounts: Floats
    at: Integers
    step: Integers


def propagate(draw: int, chunk: Chunk, work: Work) -> tuple[int, int, int]:
    """Move one draw's cohort through every cycle.

    Returns:
        (status, cycle, state): a status code, and where it happened.
    """
    first, moves, streams = chunk.first, chunk.moves, chunk.streams
    slots, occupancy, flow = work.slots, work.occupancy, work.flow
    states = chunk.starts.shape[1]
    slots[:] = 0.0
    for state in range(states):
        slots[0, first[state]] = chunk.starts[draw, state]
        occupancy[0, state] = chunk.starts[draw, state]
    count = moves.origin.shape[0]
    at, step = work.at, work.step
    for move in range(count):
        stream = moves.probability[move]
        at[move] = streams.offset[stream] + draw * streams.stride[stream, 0]
        at[move] += moves.low[move] * streams.stride[stream, 2]
        step[move] = streams.stride[stream, 1]
    for cycle in range(chunk.cycles):
        for move in range(count):
            here = first[moves.origin[move]] + moves.low[move]
            target = first[moves.destination[move]]
            last = first[moves.destination[move] + 1] - 1
            by_slot = streams.stride[moves.probability[move], 2]
            for slot in range(moves.high[move] - moves.low[move]):
                people = slots[cycle, here + slot] * streams.buffer[at[move] + slot * by_slot]
                if moves.event[move] < 0:
                    slots[cycle + 1, min(here + slot + 1, last)] += people
                else:
                    flow[cycle, moves.column[move] + slot] = people
                    slots[cycle + 1, target] += people
            at[move] += step[move]
        total = 0.0
        for state in range(states):
            share = 0.0
            for slot in range(first[state], first[state + 1]):
                share += slots[cycle + 1, slot]
            occupancy[cycle + 1, state] = share
            total += share
            if chunk.absorbing[state] and not share >= occupancy[cycle, state] - TOLERANCE:
                return SHRINKING, cycle + 1, state
        if not abs(total - 1.0) <= TOLERANCE:
            return NOT_ONE, cycle + 1, 0
    return OK, 0, 0


def count_state(draw: int, term: int, chunk: Chunk, work: Work) -> None:
    """Write into ``work.amounts`` what membership of a state is worth in every cycle."""
    terms, streams = chunk.terms, chunk.streams
    state, method = terms.place[term], terms.method[term]
    stream = terms.value[term]
    step = streams.stride[stream]
    at = streams.offset[stream] + draw * step[0]
    people, low, high = work.occupancy, state, state + 1
    if step[2] != 0:
        people, low, high = work.slots, chunk.first[state], chunk.first[state + 1]
    for cycle in range(terms.points[term]):
        total = 0.0
        for slot in range(low, high):
            share = people[cycle, slot]
            if method == AT_END:
                share = people[cycle + 1, slot]
            elif method == AVERAGE:
                share = 0.5 * (share + people[cycle + 1, slot])
            total += share * streams.buffer[at + cycle * step[1] + (slot - low) * step[2]]
        work.amounts[cycle] = total


def count_move(draw: int, term: int, chunk: Chunk, work: Work) -> None:
    """Write into ``work.amounts`` what a move is worth in every cycle."""
    moves, streams = chunk.moves, chunk.streams
    move = chunk.terms.place[term]
    low, high, column = moves.low[move], moves.high[move], moves.column[move]
    stream = chunk.terms.value[term]
    step = streams.stride[stream]
    at = streams.offset[stream] + draw * step[0]
    for cycle in range(chunk.terms.points[term]):
        total = 0.0
        for slot in range(low, high):
            people = work.flow[cycle, column + slot - low]
            total += people * streams.buffer[at + cycle * step[1] + slot * step[2]]
        work.amounts[cycle] = total


def add_up(draw: int, term: int, chunk: Chunk, work: Work, tally: Tally) -> tuple[float, float]:
    """Weight and discount the amounts of a term, keep them if wanted, and sum them.

    Returns:
        The undiscounted and the discounted sum.
    """
    terms, streams = chunk.terms, chunk.streams
    cell, weight, factor = terms.cell[term], terms.weight[term], terms.factor[term]
    weight_at = streams.offset[weight] + draw * streams.stride[weight, 0]
    weight_step = streams.stride[weight, 1]
    factor_at = streams.offset[factor] + draw * streams.stride[factor, 0]
    factor_step = streams.stride[factor, 1]
    undiscounted = 0.0
    discounted = 0.0
    for cycle in range(terms.points[term]):
        amount = work.amounts[cycle] * streams.buffer[weight_at + cycle * weight_step]
        today = amount * streams.buffer[factor_at + cycle * factor_step]
        undiscounted += amount
        discounted += today
        if tally.keep:
            tally.amounts[draw, cell, cycle, 0] += amount
            tally.amounts[draw, cell, cycle, 1] += today
    return undiscounted, discounted


def measure(draw: int, term: int, chunk: Chunk, work: Work) -> tuple[float, float]:
    """Weighted people of a term over all cycles, undiscounted and discounted.

    What a person is worth is left out: terms whose value does not change from cycle to cycle, or
    with time in the state, are this times their value, and share it.
    """
    terms, moves, streams = chunk.terms, chunk.moves, chunk.streams
    place, method = terms.place[term], terms.method[term]
    weight, factor = terms.weight[term], terms.factor[term]
    weight_at = streams.offset[weight] + draw * streams.stride[weight, 0]
    weight_step = streams.stride[weight, 1]
    factor_at = streams.offset[factor] + draw * streams.stride[factor, 0]
    factor_step = streams.stride[factor, 1]
    undiscounted = 0.0
    discounted = 0.0
    for cycle in range(terms.points[term]):
        people = 0.0
        if terms.source[term] == FROM_MOVE:
            column = moves.column[place]
            for slot in range(moves.high[place] - moves.low[place]):
                people += work.flow[cycle, column + slot]
        elif method == AT_END:
            people = work.occupancy[cycle + 1, place]
        elif method == AVERAGE:
            people = 0.5 * (work.occupancy[cycle, place] + work.occupancy[cycle + 1, place])
        else:
            people = work.occupancy[cycle, place]
        people *= streams.buffer[weight_at + cycle * weight_step]
        undiscounted += people
        discounted += people * streams.buffer[factor_at + cycle * factor_step]
    return undiscounted, discounted


def book(
    draw: int, term: int, people: Floats, steady: bool, chunk: Chunk, work: Work, tally: Tally
) -> None:
    """Add what a term amounts to to the totals, and to the amounts of the cycles if they are kept.

    Args:
        draw: the draw.
        term: the term.
        people: its measure, if it is steady.
        steady: whether its value is the same in all cycles and slots.
        chunk: what is run.
        work: the draw's cohort.
        tally: where results go.
    """
    terms, streams = chunk.terms, chunk.streams
    stream = terms.value[term]
    worth = streams.buffer[streams.offset[stream] + draw * streams.stride[stream, 0]]
    undiscounted, discounted = 0.0, 0.0
    if tally.keep or not steady:
        if terms.source[term] == FROM_START:
            work.amounts[0] = work.occupancy[0, terms.place[term]] * worth
        elif terms.source[term] == FROM_STATE:
            count_state(draw, term, chunk, work)
        else:
            count_move(draw, term, chunk, work)
        undiscounted, discounted = add_up(draw, term, chunk, work, tally)
    if steady:  # the same sum whether the trace is kept or not
        undiscounted, discounted = worth * people[0], worth * people[1]
    tally.totals[draw, terms.cell[term], 0] += undiscounted
    tally.totals[draw, terms.cell[term], 1] += discounted


def keep_trace(draw: int, chunk: Chunk, work: Work, tally: Tally) -> None:
    """Copy one draw's occupancy and events out of the work arrays.

    Element by element: numba takes seconds to compile the assignment of a whole array.
    """
    moves = chunk.moves
    for cycle in range(chunk.cycles + 1):
        for state in range(chunk.starts.shape[1]):
            tally.occupancy[draw, cycle, state] = work.occupancy[cycle, state]
    for move in range(moves.origin.shape[0]):
        event, column = moves.event[move], moves.column[move]
        if event >= 0:
            for cycle in range(chunk.cycles):
                people = 0.0
                for slot in range(moves.high[move] - moves.low[move]):
                    people += work.flow[cycle, column + slot]
                tally.flow[draw, cycle, event] = people


def run_draws(chunk: Chunk, tally: Tally) -> tuple[int, int, int, int]:
    """Run every draw of a chunk for one strategy and fill the tally.

    Returns:
        (status, draw, cycle, state) of the first violated invariant, or zeros.
    """
    moves, terms, cycles = chunk.moves, chunk.terms, chunk.cycles
    columns = 0
    for move in range(moves.origin.shape[0]):
        if moves.event[move] >= 0:
            columns = max(columns, moves.column[move] + moves.high[move] - moves.low[move])
    work = Work(
        np.zeros((cycles + 1, chunk.first[-1])),
        np.zeros((cycles + 1, chunk.starts.shape[1])),
        np.zeros((cycles, columns)),
        np.zeros(cycles + 1),
        np.zeros(moves.origin.shape[0], dtype=np.int64),
        np.zeros(moves.origin.shape[0], dtype=np.int64),
    )
    measures = 0
    for term in range(terms.source.shape[0]):
        measures = max(measures, terms.measure[term] + 1)
    measured = np.zeros(measures, dtype=np.bool_)
    buffer = chunk.streams.buffer
    people = np.zeros((measures, 2))
    for draw in range(chunk.starts.shape[0]):
        status, cycle, state = propagate(draw, chunk, work)
        if status != OK:
            return status, draw, cycle, state
        for state in range(chunk.starts.shape[1]):
            tally.end[draw, state] = work.occupancy[cycles, state]
        if tally.keep:
            keep_trace(draw, chunk, work, tally)
        measured[:] = False
        for term in range(terms.source.shape[0]):
            step = chunk.streams.stride[terms.value[term]]
            steady = terms.source[term] != FROM_START and step[1] == 0 and step[2] == 0
            if steady and not measured[terms.measure[term]]:
                people[terms.measure[term]] = measure(draw, term, chunk, work)
                measured[terms.measure[term]] = True
            if steady and not tally.keep:
                # Without a call: handing the arrays to another kernel takes a microsecond.
                stream = terms.value[term]
                worth = buffer[chunk.streams.offset[stream] + draw * step[0]]
                for which in range(2):
                    amount = worth * people[terms.measure[term], which]
                    tally.totals[draw, terms.cell[term], which] += amount
            else:
                book(draw, term, people[terms.measure[term]], steady, chunk, work, tally)
    return OK, 0, 0, 0


UNCACHED = (
    "numba can keep compiled code neither beside heecon nor in your cache folder, so every start "
    "compiles it anew and takes seconds longer. Set NUMBA_CACHE_DIR to a folder you may write to."
)


BARE: dict[str, Any] = {"nogil": True, "error_model": "numpy", "_nrt": False}
"""How functions are compiled that make no arrays: without counting who uses those they are given,
which in a loop with many calls takes most of the time."""


def compiled(function: Kernel, **options: Any) -> Kernel:
    """Compile a kernel when it is first called; keep the machine code on disk if that can be."""
    options = options or {"nogil": True}
    try:
        kernel = njit(cache=True, **options)(function)
    except RuntimeError:  # "cannot cache function"
        warnings.warn(UNCACHED, RuntimeWarning, stacklevel=1)  # so Python shows it once
        kernel = njit(**options)(function)
    return cast("Kernel", kernel)


def compiled_bare(function: Kernel) -> Kernel:
    """The same for a function that makes no arrays."""
    return compiled(function, **BARE)


propagate = compiled(propagate)
count_state = compiled(count_state)
count_move = compiled(count_move)
add_up = compiled(add_up)
measure = compiled(measure)
book = compiled(book)
keep_trace = compiled(keep_trace)
run_draws = compiled(run_draws)
