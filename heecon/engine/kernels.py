"""The compiled loops, and nothing else in heecon is compiled.

Each kernel is a plain Python function that can be read, stepped through and tested as it is
(``kernel.py_func`` after compilation); numba is applied at the bottom of the file.

Numbers that depend on draw, cycle and time in state are packed: one flat buffer, and for every
array an offset and the strides of the three axes, 0 where the array does not vary. So a constant
costs one number, not draws x cycles x times in state of them.

The tuples below stay in this file: machine code is kept on disk for as long as the files that
``kept_code`` names do not change.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar, cast

import numpy as np

from heecon.arrays import Floats, Integers
from heecon.engine.kept_code import kept, source_digest

Kernel = TypeVar("Kernel", bound=Callable[..., Any])

OK, NOT_ONE, SHRINKING = 0, 1, 2
"""Status codes: all well; occupancy does not sum to one; an absorbing state lost people."""

FROM_START, FROM_STATE, FROM_TRANSITION = 0, 1, 2
"""What a reward counts: people at the start, people in a state, people making a transition."""

AT_START, AT_END, AVERAGE = 0, 1, 2
"""How a reward counts people in a state in a cycle; at time points it is AT_START."""

TOLERANCE = 1e-9
"""How far a cycle's occupancy may depart from one, and an absorbing state shrink."""


class PackedArrays(NamedTuple):
    """Array ``i`` at a place is ``buffer[offset[i] + (draw, cycle, time) . stride[i]]``."""

    buffer: Floats
    offset: Integers
    stride: Integers


class TransitionArrays(NamedTuple):
    """Where people go in a cycle, one entry a transition.

    Attributes:
        origin: state left.
        destination: state entered, or stayed in.
        low: first time in the origin it leaves from.
        high: end of that range.
        event: number of the event; -1 for staying, which leads one time in state on.
        column: first column of an event in the flows; it has one for each time in the origin.
        probability: its array.
    """

    origin: Integers
    destination: Integers
    low: Integers
    high: Integers
    event: Integers
    column: Integers
    probability: Integers


class RewardArrays(NamedTuple):
    """What is counted, one entry a formula.

    Attributes:
        source: FROM_START, FROM_STATE or FROM_TRANSITION.
        place: the state or the transition.
        method: AT_START, AT_END or AVERAGE.
        points: how many cycles or time points are counted.
        cell: outcome and state the amount is booked to.
        value: array of the reward of one person.
        weight: array of the weights of the cycles or time points.
        factor: array of the discount factors.
        person_time: number shared by all rewards that count the same people with the same weights
            and discount factors; they differ by the reward of one person only.
    """

    source: Integers
    place: Integers
    method: Integers
    points: Integers
    cell: Integers
    value: Integers
    weight: Integers
    factor: Integers
    person_time: Integers


class Chunk(NamedTuple):
    """One strategy over a chunk of draws.

    Attributes:
        cycles: number of cycles.
        starts: (draws, states) shares at time 0.
        first: place of each state's times in it among all, and how many there are at the end.
        absorbing: 1 for absorbing states.
        transitions: where people go.
        rewards: what is counted.
        packed: the numbers transitions and rewards refer to.
    """

    cycles: int
    starts: Floats
    first: Integers
    absorbing: Integers
    transitions: TransitionArrays
    rewards: RewardArrays
    packed: PackedArrays


class Tally(NamedTuple):
    """Where results go; every array is zero before a run.

    Attributes:
        totals: (draws, cells, 2) undiscounted and discounted amounts.
        end: (draws, states) shares at the end of the last cycle.
        keep: whether the next three are filled; they have no draws otherwise.
        occupancy: (draws, cycles + 1, states).
        flow: (draws, cycles, events).
        amounts: (draws, cells, cycles + 1, 2).
        by_time: (draws, cycles + 1, times) occupancy by state and time in it; no draws if it is
            not wanted.
    """

    totals: Floats
    end: Floats
    keep: bool
    occupancy: Floats
    flow: Floats
    amounts: Floats
    by_time: Floats


class Work(NamedTuple):
    """One draw's cohort.

    Attributes:
        by_time: (cycles + 1, times) share of the cohort by state and time in it.
        occupancy: (cycles + 1, states).
        flow: (cycles, columns) people making each event, by time in the state left; staying has no
            flow.
        amounts: (cycles + 1) amounts of the reward at hand.
        at: (transitions) where in the packed buffer the probability of the cycle at hand stands.
        step: (transitions) how far the next cycle's stands from it.
    """

    by_time: Floats
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
    first, transitions, packed = chunk.first, chunk.transitions, chunk.packed
    by_time, occupancy, flow = work.by_time, work.occupancy, work.flow
    states = chunk.starts.shape[1]
    by_time[:] = 0.0
    for state in range(states):
        by_time[0, first[state]] = chunk.starts[draw, state]
        occupancy[0, state] = chunk.starts[draw, state]
    count = transitions.origin.shape[0]
    at, step = work.at, work.step
    for t in range(count):
        array = transitions.probability[t]
        at[t] = packed.offset[array] + draw * packed.stride[array, 0]
        at[t] += transitions.low[t] * packed.stride[array, 2]
        step[t] = packed.stride[array, 1]
    for cycle in range(chunk.cycles):
        for t in range(count):
            here = first[transitions.origin[t]] + transitions.low[t]
            target = first[transitions.destination[t]]
            last = first[transitions.destination[t] + 1] - 1
            time_step = packed.stride[transitions.probability[t], 2]
            for time in range(transitions.high[t] - transitions.low[t]):
                people = by_time[cycle, here + time] * packed.buffer[at[t] + time * time_step]
                if transitions.event[t] < 0:
                    by_time[cycle + 1, min(here + time + 1, last)] += people
                else:
                    flow[cycle, transitions.column[t] + time] = people
                    by_time[cycle + 1, target] += people
            at[t] += step[t]
        total = 0.0
        for state in range(states):
            share = 0.0
            for time in range(first[state], first[state + 1]):
                share += by_time[cycle + 1, time]
            occupancy[cycle + 1, state] = share
            total += share
            if chunk.absorbing[state] and not share >= occupancy[cycle, state] - TOLERANCE:
                return SHRINKING, cycle + 1, state
        if not abs(total - 1.0) <= TOLERANCE:
            return NOT_ONE, cycle + 1, 0
    return OK, 0, 0


def count_state(draw: int, reward: int, chunk: Chunk, work: Work) -> None:
    """Write into ``work.amounts`` the reward of membership of a state in every cycle."""
    rewards, packed = chunk.rewards, chunk.packed
    state, method = rewards.place[reward], rewards.method[reward]
    array = rewards.value[reward]
    step = packed.stride[array]
    at = packed.offset[array] + draw * step[0]
    people, low, high = work.occupancy, state, state + 1
    if step[2] != 0:
        people, low, high = work.by_time, chunk.first[state], chunk.first[state + 1]
    for cycle in range(rewards.points[reward]):
        total = 0.0
        for time in range(low, high):
            share = people[cycle, time]
            if method == AT_END:
                share = people[cycle + 1, time]
            elif method == AVERAGE:
                share = 0.5 * (share + people[cycle + 1, time])
            total += share * packed.buffer[at + cycle * step[1] + (time - low) * step[2]]
        work.amounts[cycle] = total


def count_transition(draw: int, reward: int, chunk: Chunk, work: Work) -> None:
    """Write into ``work.amounts`` the reward of a transition in every cycle."""
    transitions, packed = chunk.transitions, chunk.packed
    t = chunk.rewards.place[reward]
    low, high, column = transitions.low[t], transitions.high[t], transitions.column[t]
    array = chunk.rewards.value[reward]
    step = packed.stride[array]
    at = packed.offset[array] + draw * step[0]
    for cycle in range(chunk.rewards.points[reward]):
        total = 0.0
        for time in range(low, high):
            people = work.flow[cycle, column + time - low]
            total += people * packed.buffer[at + cycle * step[1] + time * step[2]]
        work.amounts[cycle] = total


def add_up(draw: int, reward: int, chunk: Chunk, work: Work, tally: Tally) -> tuple[float, float]:
    """Weight and discount the amounts of a reward, keep them if wanted, and sum them.

    Returns:
        The undiscounted and the discounted sum.
    """
    rewards, packed = chunk.rewards, chunk.packed
    cell, weight, factor = rewards.cell[reward], rewards.weight[reward], rewards.factor[reward]
    weight_at = packed.offset[weight] + draw * packed.stride[weight, 0]
    weight_step = packed.stride[weight, 1]
    factor_at = packed.offset[factor] + draw * packed.stride[factor, 0]
    factor_step = packed.stride[factor, 1]
    undiscounted = 0.0
    discounted = 0.0
    for cycle in range(rewards.points[reward]):
        amount = work.amounts[cycle] * packed.buffer[weight_at + cycle * weight_step]
        today = amount * packed.buffer[factor_at + cycle * factor_step]
        undiscounted += amount
        discounted += today
        if tally.keep:
            tally.amounts[draw, cell, cycle, 0] += amount
            tally.amounts[draw, cell, cycle, 1] += today
    return undiscounted, discounted


def person_time(draw: int, reward: int, chunk: Chunk, work: Work) -> tuple[float, float]:
    """Weighted people of a reward over all cycles, undiscounted and discounted.

    The reward of one person is left out: rewards whose value does not change from cycle to cycle,
    or with time in the state, are this times their value, and share it.
    """
    rewards, transitions, packed = chunk.rewards, chunk.transitions, chunk.packed
    place, method = rewards.place[reward], rewards.method[reward]
    weight, factor = rewards.weight[reward], rewards.factor[reward]
    weight_at = packed.offset[weight] + draw * packed.stride[weight, 0]
    weight_step = packed.stride[weight, 1]
    factor_at = packed.offset[factor] + draw * packed.stride[factor, 0]
    factor_step = packed.stride[factor, 1]
    undiscounted = 0.0
    discounted = 0.0
    for cycle in range(rewards.points[reward]):
        people = 0.0
        if rewards.source[reward] == FROM_TRANSITION:
            column = transitions.column[place]
            for time in range(transitions.high[place] - transitions.low[place]):
                people += work.flow[cycle, column + time]
        elif method == AT_END:
            people = work.occupancy[cycle + 1, place]
        elif method == AVERAGE:
            people = 0.5 * (work.occupancy[cycle, place] + work.occupancy[cycle + 1, place])
        else:
            people = work.occupancy[cycle, place]
        people *= packed.buffer[weight_at + cycle * weight_step]
        undiscounted += people
        discounted += people * packed.buffer[factor_at + cycle * factor_step]
    return undiscounted, discounted


def book(
    draw: int, reward: int, people: Floats, steady: bool, chunk: Chunk, work: Work, tally: Tally
) -> None:
    """Add a reward to the totals, and to the amounts of the cycles if they are kept.

    Args:
        draw: the draw.
        reward: the reward.
        people: its person time, if it is steady.
        steady: whether its value is the same in all cycles and times in state.
        chunk: what is run.
        work: the draw's cohort.
        tally: where results go.
    """
    rewards, packed = chunk.rewards, chunk.packed
    array = rewards.value[reward]
    each = packed.buffer[packed.offset[array] + draw * packed.stride[array, 0]]
    undiscounted, discounted = 0.0, 0.0
    if tally.keep or not steady:
        if rewards.source[reward] == FROM_START:
            work.amounts[0] = work.occupancy[0, rewards.place[reward]] * each
        elif rewards.source[reward] == FROM_STATE:
            count_state(draw, reward, chunk, work)
        else:
            count_transition(draw, reward, chunk, work)
        undiscounted, discounted = add_up(draw, reward, chunk, work, tally)
    if steady:  # the same sum whether the trace is kept or not
        undiscounted, discounted = each * people[0], each * people[1]
    tally.totals[draw, rewards.cell[reward], 0] += undiscounted
    tally.totals[draw, rewards.cell[reward], 1] += discounted


def keep_trace(draw: int, chunk: Chunk, work: Work, tally: Tally) -> None:
    """Copy one draw's occupancy and events out of the work arrays.

    Element by element: numba takes seconds to compile the assignment of a whole array.
    """
    transitions = chunk.transitions
    for cycle in range(chunk.cycles + 1):
        for state in range(chunk.starts.shape[1]):
            tally.occupancy[draw, cycle, state] = work.occupancy[cycle, state]
        if tally.by_time.shape[0] > 0:
            for time in range(chunk.first[-1]):
                tally.by_time[draw, cycle, time] = work.by_time[cycle, time]
    for t in range(transitions.origin.shape[0]):
        event, column = transitions.event[t], transitions.column[t]
        if event >= 0:
            for cycle in range(chunk.cycles):
                people = 0.0
                for time in range(transitions.high[t] - transitions.low[t]):
                    people += work.flow[cycle, column + time]
                tally.flow[draw, cycle, event] = people


def run_draws(chunk: Chunk, tally: Tally) -> tuple[int, int, int, int]:
    """Run every draw of a chunk for one strategy and fill the tally.

    Returns:
        (status, draw, cycle, state) of the first violated invariant, or zeros.
    """
    transitions, rewards, cycles = chunk.transitions, chunk.rewards, chunk.cycles
    columns = 0
    for t in range(transitions.origin.shape[0]):
        if transitions.event[t] >= 0:
            columns = max(columns, transitions.column[t] + transitions.high[t] - transitions.low[t])
    work = Work(
        np.zeros((cycles + 1, chunk.first[-1])),
        np.zeros((cycles + 1, chunk.starts.shape[1])),
        np.zeros((cycles, columns)),
        np.zeros(cycles + 1),
        np.zeros(transitions.origin.shape[0], dtype=np.int64),
        np.zeros(transitions.origin.shape[0], dtype=np.int64),
    )
    person_times = 0
    for reward in range(rewards.source.shape[0]):
        person_times = max(person_times, rewards.person_time[reward] + 1)
    measured = np.zeros(person_times, dtype=np.bool_)
    buffer = chunk.packed.buffer
    people = np.zeros((person_times, 2))
    for draw in range(chunk.starts.shape[0]):
        status, cycle, state = propagate(draw, chunk, work)
        if status != OK:
            return status, draw, cycle, state
        for state in range(chunk.starts.shape[1]):
            tally.end[draw, state] = work.occupancy[cycles, state]
        if tally.keep:
            keep_trace(draw, chunk, work, tally)
        measured[:] = False
        for reward in range(rewards.source.shape[0]):
            step = chunk.packed.stride[rewards.value[reward]]
            steady = rewards.source[reward] != FROM_START and step[1] == 0 and step[2] == 0
            if steady and not measured[rewards.person_time[reward]]:
                people[rewards.person_time[reward]] = person_time(draw, reward, chunk, work)
                measured[rewards.person_time[reward]] = True
            if steady and not tally.keep:
                # Without a call: handing the arrays to another kernel takes a microsecond.
                array = rewards.value[reward]
                each = buffer[chunk.packed.offset[array] + draw * step[0]]
                for which in range(2):
                    amount = each * people[rewards.person_time[reward], which]
                    tally.totals[draw, rewards.cell[reward], which] += amount
            else:
                book(draw, reward, people[rewards.person_time[reward]], steady, chunk, work, tally)
    return OK, 0, 0, 0


BARE: dict[str, Any] = {"nogil": True, "error_model": "numpy", "_nrt": False}
"""How functions are compiled that make no arrays: without counting who uses those they are given,
which in a loop with many calls takes most of the time."""


def compiled(function: Kernel, **options: Any) -> Kernel:
    """Compile a kernel when it is first called; keep the machine code on disk if that can be."""
    return cast("Kernel", kept(function, source_digest(), **(options or {"nogil": True})))


def compiled_bare(function: Kernel) -> Kernel:
    """The same for a function that makes no arrays."""
    return compiled(function, **BARE)


propagate = compiled(propagate)
count_state = compiled(count_state)
count_transition = compiled(count_transition)
add_up = compiled(add_up)
person_time = compiled(person_time)
book = compiled(book)
keep_trace = compiled(keep_trace)
run_draws = compiled(run_draws)
