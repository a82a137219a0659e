"""The compiled walk of people through a model, cycle by cycle.

``walk`` is plain Python that numba compiles. What a model's people have in common (probabilities,
amounts) it reads from tables that ``common`` makes with numpy. What differs from person to person
(their attributes, their history) it asks five hooks. Here the hooks do nothing; for a model that
needs them ``personal`` compiles this same source with hooks made from the model's expressions.

People are walked in groups, all of a group through a cycle before the next: so that the processor
works on several at a time, and their random numbers are made together.

Everything this file uses stays in it or in ``random_numbers``: see ``kernels``.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from heecon.engine.kernels import compiled
from heecon.engine.random_numbers import (
    CYCLES,
    HALF,
    MASK,
    START,
    TYPE,
    philox,
    uniform_32,
    uniform_53,
    words_of_cycles,
)

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

PERSONAL = False
"""Whether the hooks below do anything; a constant, so that what is not needed is not compiled."""

GROUP = 256
"""People walked together: few enough for what is known of them to stay in the fastest memory."""

OK, OUT_OF_RANGE, TOO_MUCH, NOT_FINITE = 0, 1, 2, 3
"""Status of a hook: all well; a rate, share or probability outside its range; probabilities that
sum to more than one; an amount that is not finite. The fault's formula and value are told."""


class Paths(NamedTuple):
    """How people go. A row is a state and a cycle of residence; an exit is a way out of a state.

    Attributes:
        cycles: number of cycles.
        sure: the state everybody starts in; -1 when that is drawn.
        start: (states) cumulative shares at time 0; the last has more than 1.
        first_row: (states) row of the first cycle in a state.
        state: (rows) state of a row.
        at: (rows) where in ``chance`` the row stands in cycle 0.
        step: (rows) how far its next cycle stands from that.
        width: how many cumulative probabilities a row has in ``chance``.
        chance: the probabilities; beyond the last exit of a row they are more than 1.
        target: (rows, exits) row an exit leads to.
        event: (rows, exits) 1 for entering a state, 0 for staying.
        final: (rows) 1 where nothing happens any more but what everybody has in common.
        own: (states) 1 where the hook gives the probabilities.
        type_first: (states) first entry in ``type_share`` of a state whose entries have types;
            -1 for the others.
        type_share: cumulative shares of the types of a state; the last has more than 1.
        type_word: (states) word that keys the type of an entry.
    """

    cycles: int
    sure: int
    start: Floats
    first_row: Integers
    state: Integers
    at: Integers
    step: Integers
    width: int
    chance: Floats
    target: Integers
    event: Integers
    final: Integers
    own: Integers
    type_first: Integers
    type_share: Floats
    type_word: NDArray[np.uint64]


class Amounts(NamedTuple):
    """What everybody has in common is worth; q counts outcomes, undiscounted and discounted.

    Attributes:
        start: (states, q) at time 0.
        point: (cycles + 1, rows, q) being in a row at a time point.
        later: (cycles + 1, rows, q) being in a row at all later time points.
        move: (cycles, rows, exits, q) making a move; no cycles when no move is worth anything.
    """

    start: Floats
    point: Floats
    later: Floats
    move: Floats


class Shared(NamedTuple):
    """What the hooks read that is the same for everybody.

    Attributes:
        value: (time points, cycles of residence, expressions) of what does not vary by person.
        weight: (terms, time points, 2) weight, and weight times discount factor, of amounts.
        length: years a cycle.
        cycles: number of cycles.
        start: which of the start distributions that differ by person; -1 for none.
    """

    value: Floats
    weight: Floats
    length: float
    cycles: int
    start: int


class People(NamedTuple):
    """The people of a group.

    Attributes:
        attribute: (people, attributes).
        entries: (people, states) how often each was entered.
        last: (people, states) last time point in each; -1 for never.
        kind: (people, states) type of the latest entry; -1 for none.
        chance: (exits) cumulative probabilities of the move at hand.
        fault: (2) formula and value of what is impossible.
    """

    attribute: Floats
    entries: Integers
    last: Integers
    kind: Integers
    chance: Floats
    fault: Floats


class Tally(NamedTuple):
    """Where the results of a block of people go; all zero before.

    Attributes:
        totals: (people, q) amounts of each.
        started: (states) people who start there.
        moves: (cycles, rows, exits) people making a move; staying where nothing happens any more
            is not counted in every cycle.
        cells: (cells, 2) amounts of the hooks by outcome and state.
        log: (room, 5) person, cycle, from, to and type of the moves; no room for none.
        fault: (2) formula and value of what is impossible.
    """

    totals: Floats
    started: Integers
    moves: Integers
    cells: Floats
    log: Integers
    fault: Floats


def own_start(i: int, people: People, shared: Shared) -> int:
    """Hook: fill ``people.chance`` with a person's start shares; -1 if they have none of their own.

    Returns:
        A status, or -1.
    """
    return -1


def begin(i: int, state: int, people: People, shared: Shared, totals: Floats, cells: Floats) -> int:
    """Hook: add what person ``i`` of the group is worth at the start; returns a status."""
    return OK


def chances(i: int, state: int, slot: int, cycle: int, people: People, shared: Shared) -> int:
    """Hook: fill ``people.chance`` for a person's next move; returns a status."""
    return OK


def count(
    i: int,
    state: int,
    slot: int,
    point: int,
    people: People,
    shared: Shared,
    totals: Floats,
    cells: Floats,
) -> int:
    """Hook: add what a person is worth at a time point; returns a status."""
    return OK


def count_move(
    i: int,
    origin: int,
    slot: int,
    state: int,
    cycle: int,
    people: People,
    shared: Shared,
    totals: Floats,
    cells: Floats,
) -> int:
    """Hook: add what a person's move is worth; returns a status."""
    return OK


def start_group(
    first: int, k0: Any, k1: Any, paths: Paths, amounts: Amounts, shared: Shared,
    people: People, rows: Integers, totals: Floats, tally: Tally,
) -> tuple[int, int]:  # fmt: skip
    """Put the people of a group where they start; returns a status and the person."""
    for i in range(totals.shape[0]):
        state = paths.sure
        status = -1
        if PERSONAL:
            for s in range(people.entries.shape[1]):
                people.entries[i, s] = 0
                people.last[i, s] = -1
                people.kind[i, s] = -1
            status = own_start(i, people, shared)
            if status > OK:
                return status, i
        if state < 0 or status == OK:
            number = np.uint64(first + i)
            luck = philox(number & MASK, number >> HALF, np.uint64(0), START, k0, k1)
            u = uniform_53(luck[0], luck[1])
            state = 0
            while u >= (people.chance[state] if status == OK else paths.start[state]):
                state += 1
        rows[i] = paths.first_row[state]
        tally.started[state] += 1
        for q in range(totals.shape[1]):
            totals[i, q] = amounts.start[state, q] + amounts.point[0, rows[i], q]
        if PERSONAL:
            people.last[i, state] = 0
            status = begin(i, state, people, shared, totals, tally.cells)
            if status == OK:
                status = count(i, state, 0, 0, people, shared, totals, tally.cells)
            if status != OK:
                return status, i
    return OK, 0


def walk(
    first: int,
    k0: Any,
    k1: Any,
    paths: Paths,
    amounts: Amounts,
    shared: Shared,
    attributes: Floats,
    tally: Tally,
) -> tuple[int, int, int, int]:
    """Walk a block of people from the start to the end, or to where nothing happens any more.

    Args:
        first: number of the first person.
        k0: first word of the key of their luck.
        k1: second word.
        paths: how they go.
        amounts: what that is worth.
        shared: what the hooks read.
        attributes: (people, attributes).
        tally: where results go.

    Returns:
        (status, person, cycle, events); there may be more events than the log had room for.
    """
    block, worth = tally.totals.shape
    moving = amounts.move.shape[0] > 0
    cycles, states = paths.cycles, paths.first_row.shape[0]
    words = np.empty((CYCLES, GROUP), dtype=np.uint32)
    alive = np.empty(GROUP, dtype=np.int64)
    rows = np.empty(GROUP, dtype=np.int64)
    known = GROUP if PERSONAL else 0
    entries = np.zeros((known, states), dtype=np.int64)
    last = np.zeros((known, states), dtype=np.int64)
    kind = np.zeros((known, states), dtype=np.int64)
    chance = np.zeros(max(paths.target.shape[1], states) + 1)
    room, events = tally.log.shape[0], 0
    for low in range(0, block, GROUP):
        left = min(GROUP, block - low)
        totals = tally.totals[low : low + left]
        attribute = attributes[low : low + left]
        people = People(attribute, entries, last, kind, chance, tally.fault)
        status, i = start_group(
            first + low, k0, k1, paths, amounts, shared, people, rows, totals, tally
        )
        if status != OK:
            return status, first + low + i, 0, events
        for i in range(left):
            alive[i] = i
        for block_of_cycles in range((cycles + CYCLES - 1) // CYCLES):
            place = np.uint64(block_of_cycles)
            words_of_cycles(first + low, alive, left, place, k0, k1, words)
            begins = block_of_cycles * CYCLES
            ends = min(begins + CYCLES, cycles)
            for cycle in range(begins, ends):
                for a in range(left):
                    i = alive[a]
                    row = rows[i]
                    u = uniform_32(words[cycle - begins, a])
                    state = paths.state[row]
                    e = 0
                    if PERSONAL and paths.own[state] == 1:
                        slot = row - paths.first_row[state]
                        status = chances(i, state, slot, cycle, people, shared)
                        if status != OK:
                            return status, first + low + i, cycle, events
                        while u >= people.chance[e]:
                            e += 1
                    else:
                        at = paths.at[row] + cycle * paths.step[row]
                        for exit in range(paths.width):  # all of them: a guess would often fail
                            e += u >= paths.chance[at + exit]
                    target = paths.target[row, e]
                    rows[i] = target
                    tally.moves[cycle, row, e] += 1
                    for q in range(worth):
                        totals[i, q] += amounts.point[cycle + 1, target, q]
                    if moving and paths.event[row, e] == 1:
                        for q in range(worth):
                            totals[i, q] += amounts.move[cycle, row, e, q]
                    if PERSONAL and paths.final[row] == 0:
                        after = paths.state[target]
                        if paths.event[row, e] == 1:
                            if paths.type_first[after] >= 0:
                                number = np.uint64(first + low + i)
                                luck = philox(
                                    number & MASK,
                                    number >> HALF,
                                    np.uint64(cycle),
                                    TYPE + paths.type_word[after],
                                    k0,
                                    k1,
                                )
                                v = uniform_53(luck[0], luck[1])
                                people.kind[i, after] = 0
                                which = paths.type_first[after]
                                while v >= paths.type_share[which]:
                                    people.kind[i, after] += 1
                                    which += 1
                            slot = row - paths.first_row[state]
                            status = count_move(
                                i, state, slot, after, cycle, people, shared, totals, tally.cells
                            )
                            if status != OK:
                                return status, first + low + i, cycle, events
                            people.entries[i, after] += 1
                        people.last[i, after] = cycle + 1
                        slot = target - paths.first_row[after]
                        status = count(
                            i, after, slot, cycle + 1, people, shared, totals, tally.cells
                        )
                        if status != OK:
                            return status, first + low + i, cycle, events
                    if room > 0 and paths.event[row, e] == 1:
                        if events < room:
                            tally.log[events, 0] = first + low + i
                            tally.log[events, 1] = cycle
                            tally.log[events, 2] = state
                            tally.log[events, 3] = paths.state[target]
                            tally.log[events, 4] = -1
                            if PERSONAL:
                                tally.log[events, 4] = people.kind[i, paths.state[target]]
                        events += 1
            staying = 0
            for a in range(left):
                i = alive[a]
                if paths.final[rows[i]] == 1:
                    for q in range(worth):
                        totals[i, q] += amounts.later[ends, rows[i], q]
                else:
                    alive[staying] = i
                    staying += 1
            left = staying
    return OK, 0, 0, events


HOOKS = ("own_start", "begin", "chances", "count", "count_move")
"""What ``personal`` puts its own functions in the place of."""

INNER = ("start_group",)
"""Functions ``walk`` calls that call hooks themselves."""

own_start = compiled(own_start)
begin = compiled(begin)
chances = compiled(chances)
count = compiled(count)
count_move = compiled(count_move)
start_group = compiled(start_group)
walk = compiled(walk)
