"""The compiled loop that takes people through a model, cycle by cycle.

``simulate_block`` is plain Python that numba compiles. What a model's people have in common
(probabilities, rewards) it reads from tables that ``draw_tables`` makes with numpy. What differs
from person to person (their attributes, their history) it asks five hooks. Here the hooks do
nothing; for a model that needs them ``individual_kernel`` compiles this same source with hooks made
from the model's expressions.

People are simulated in groups, all of a group through a cycle before the next: so that the
processor works on several at a time, and their random numbers are made together.

Everything this file uses stays in it or in ``random_numbers``: see ``kernels``.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from heecon.arrays import Floats, Integers
from heecon.engine.kernels import compiled_bare
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

Unsigned = NDArray[np.uint32]
"""For indices in the loop: of a number that may be negative numba asks at each look-up if it is."""

INDIVIDUAL = HAS_TYPES = TRACKS_LAST = TRACKS_ENTRIES = COUNTS = COUNTS_TRANSITIONS = False
"""Whether the hooks below do anything, entries have types, some hook reads when a person was last
in a state or how often they entered it, and rewards of states or of transitions differ by person.
Constants, so that what is not needed is not compiled."""

GROUP = 256
"""People simulated together: few enough for what is known of them to stay in the fastest memory."""

ROUNDING = 1e-12
"""See ``checks.ROUNDING``."""

OK, OUT_OF_RANGE, TOO_MUCH, NOT_FINITE = 0, 1, 2, 3
"""Faults: none; a rate, share or probability outside its range; probabilities that do not sum to
one; an amount that is not finite."""


class Paths(NamedTuple):
    """How people go.

    A state slot is a state and a time in it, in cycles; an exit is a transition out of a state.

    Attributes:
        cycles: number of cycles.
        sure: the state everybody starts in; -1 when that is drawn.
        start: (states) cumulative shares at time 0; the last has more than 1.
        first_slot: (states) slot of the first cycle in a state.
        state: (state_slots) state of a slot.
        at: (state_slots) where in ``chance`` the slot stands in cycle 0.
        step: (state_slots) how far its next cycle stands from that.
        width: how many cumulative probabilities a slot has in ``chance``.
        chance: the probabilities; beyond the last exit of a slot they are more than 1.
        target: (state_slots, exits) slot an exit leads to.
        event: (state_slots, exits) 1 for entering a state, 0 for staying.
        final: (state_slots) 1 where nothing happens any more but what everybody has in common.
        individual: (states) 1 where the hook gives the probabilities.
        counted: (states) 1 where being there has a reward that differs by person.
        type_first: (states) first entry in ``type_share`` of a state whose entries have types;
            -1 for the others.
        type_share: cumulative shares of the types of a state; the last has more than 1.
        type_word: (states) word that keys the type of an entry.
    """

    cycles: int
    sure: int
    start: Floats
    first_slot: Integers
    state: Unsigned
    at: Integers
    step: Integers
    width: int
    chance: Floats
    target: Unsigned
    event: Integers
    final: Integers
    individual: Integers
    counted: Integers
    type_first: Integers
    type_share: Floats
    type_word: NDArray[np.uint64]


class Amounts(NamedTuple):
    """Rewards everybody has in common; q counts outcomes, undiscounted and discounted.

    Attributes:
        start: (states, q) at time 0.
        point: (cycles + 1, state_slots, q) being in a slot at a time point.
        later: (cycles + 1, state_slots, q) being in a slot at all later time points.
        transition: (cycles, state_slots, exits, q) making a transition; no cycles when none has a
            reward.
    """

    start: Floats
    point: Floats
    later: Floats
    transition: Floats


class Shared(NamedTuple):
    """What the hooks read that is the same for everybody.

    Attributes:
        value: (time points, times in state, expressions) of what does not vary by person.
        weight: (rewards, time points, 2) weight, and weight times discount factor, of rewards.
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
        chance: (exits) cumulative probabilities of the transition at hand.
        fault: (5) fault, formula, value, person of the group and cycle of the first impossible
            number. Hooks note it and go on: a loop without other ways out of it is a fast one.
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
        transitions: (cycles, state_slots, exits) people making each; staying where nothing happens
            any more is not counted in every cycle.
        cells: (cells, cycles + 1, 2) amounts of the hooks by outcome and state, and by cycle.
        log: (room, 5) person, cycle, from, to and type of the events; no room for none.
        fault: (5) fault, formula, value, person and cycle of the first impossible number.
    """

    totals: Floats
    started: Integers
    transitions: Integers
    cells: Floats
    log: Integers
    fault: Floats


class Scratch(NamedTuple):
    """Room for a group of people; what is in it before does not matter.

    Attributes:
        words: (cycles, people) random words of the next cycles.
        alive: (people) places in the group of those to whom something can happen.
        state_slots: (people) slot each is in.
        entries, last, kind, chance: see ``People``.
    """

    words: NDArray[np.uint32]
    alive: Unsigned
    state_slots: Unsigned
    entries: Integers
    last: Integers
    kind: Integers
    chance: Floats


def scratch_for(states: int, exits: int) -> Scratch:
    """Room for a group of people."""
    return Scratch(
        np.empty((CYCLES, GROUP), dtype=np.uint32),
        np.empty(GROUP, dtype=np.uint32),
        np.empty(GROUP, dtype=np.uint32),
        np.empty((GROUP, states), dtype=np.int64),
        np.empty((GROUP, states), dtype=np.int64),
        np.empty((GROUP, states), dtype=np.int64),
        np.empty(max(exits, states) + 1),
    )


def note(fault: Floats, status: int, formula: int, value: float, i: int, cycle: int) -> None:
    """For hooks: note an impossible number, if it is the first."""
    if fault[0] == OK:
        fault[0] = status
        fault[1] = formula
        fault[2] = value
        fault[3] = i
        fault[4] = cycle


def checked(fault: Floats, formula: int, value: float, high: float, i: int, cycle: int) -> float:
    """For hooks: a rate, share or probability, rounding errors beyond 0 and ``high`` cut off."""
    if not (value >= -ROUNDING and value <= high + ROUNDING and value < np.inf):
        note(fault, OUT_OF_RANGE, formula, value, i, cycle)
    return 0.0 if value < 0.0 else high if value > high else value


def add(
    fault: Floats, totals: Floats, cells: Floats, weight: Floats,
    formula: int, value: float, i: int, cycle: int, outcome: int, cell: int, reward: int,
) -> None:  # fmt: skip
    """For hooks: add a person's amount to their totals and to those by outcome and state."""
    if not np.isfinite(value):
        note(fault, NOT_FINITE, formula, value, i, cycle)
    for which in range(2):
        amount = value * weight[reward, cycle, which]
        totals[i, 2 * outcome + which] += amount
        cells[cell, cycle, which] += amount


def start_probs(i: int, people: People, shared: Shared) -> int:  # noqa: ARG001  (see above)
    """Hook: fill ``people.chance`` with a person's start shares; -1 if they have none."""
    return -1


def start_reward(
    i: int, state: int, people: People, shared: Shared, totals: Floats, cells: Floats
) -> None:
    """Hook: add the reward of person ``i`` of the group at the start."""


def transition_probs(
    i: int, state: int, time: int, cycle: int, people: People, shared: Shared
) -> None:
    """Hook: fill ``people.chance`` for a person's next transition."""


def state_reward(
    i: int, state: int, time: int, point: int,
    people: People, shared: Shared, totals: Floats, cells: Floats,
) -> None:  # fmt: skip
    """Hook: add a person's reward at a time point."""


def transition_reward(
    i: int, origin: int, time: int, state: int, cycle: int,
    people: People, shared: Shared, totals: Floats, cells: Floats,
) -> None:  # fmt: skip
    """Hook: add the reward of a person's transition."""


def start_group(
    first: int, k0: Any, k1: Any, paths: Paths, amounts: Amounts, shared: Shared,
    people: People, state_slots: Unsigned, totals: Floats, tally: Tally,
) -> None:  # fmt: skip
    """Put the people of a group where they start."""
    for i in range(totals.shape[0]):
        state = paths.sure
        individual = -1
        if INDIVIDUAL:
            for s in range(people.entries.shape[1]):
                people.entries[i, s] = 0
                people.last[i, s] = -1
                people.kind[i, s] = -1
            individual = start_probs(i, people, shared)
        if state < 0 or individual >= 0:
            number = np.uint64(first + i)
            random = philox(number & MASK, number >> HALF, np.uint64(0), START, k0, k1)
            u = uniform_53(random[0], random[1])
            state = 0
            while u >= (people.chance[state] if individual >= 0 else paths.start[state]):
                state += 1
        state_slots[i] = paths.first_slot[state]
        tally.started[state] += 1
        for q in range(totals.shape[1]):
            totals[i, q] = amounts.start[state, q] + amounts.point[0, state_slots[i], q]
        if INDIVIDUAL:
            people.last[i, state] = 0
            start_reward(i, state, people, shared, totals, tally.cells)
            state_reward(i, state, 0, 0, people, shared, totals, tally.cells)


def simulate_block(  # noqa: PLR0912, PLR0915  (a call a person and cycle takes as long as all)
    first: int, k0: Any, k1: Any, paths: Paths, amounts: Amounts, shared: Shared,
    attributes: Floats, scratch: Scratch, tally: Tally,
) -> int:  # fmt: skip
    """Take a block of people from the start to the end, or to where nothing happens any more.

    Args:
        first: number of the first person.
        k0: first word of the key of their random numbers.
        k1: second word.
        paths: how they go.
        amounts: the rewards they have in common.
        shared: what the hooks read.
        attributes: (people, attributes).
        scratch: room for a group.
        tally: where results go.

    Returns:
        Number of events, which may be more than the log had room for.
    """
    block, width = tally.totals.shape
    moving = amounts.transition.shape[0] > 0
    cycles = paths.cycles
    words, alive, state_slots = scratch.words, scratch.alive, scratch.state_slots
    room, events = tally.log.shape[0], 0
    for low in range(0, block, GROUP):
        left = min(GROUP, block - low)
        totals = tally.totals[low : low + left]
        attribute = attributes[low : low + left]
        people = People(
            attribute, scratch.entries, scratch.last, scratch.kind, scratch.chance, tally.fault
        )
        start_group(first + low, k0, k1, paths, amounts, shared, people, state_slots, totals, tally)
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
                    state_slot = state_slots[i]
                    u = uniform_32(words[cycle - begins, a])
                    state = paths.state[state_slot]
                    e = 0
                    if INDIVIDUAL and paths.individual[state] == 1:
                        time = state_slot - paths.first_slot[state]
                        transition_probs(i, state, time, cycle, people, shared)
                        for exit in range(paths.width):  # all of them: a guess would often fail
                            e += u >= people.chance[exit]
                    else:
                        at = np.uint64(paths.at[state_slot] + cycle * paths.step[state_slot])
                        for exit in range(paths.width):
                            e += u >= paths.chance[at + np.uint64(exit)]
                    target = paths.target[state_slot, e]
                    state_slots[i] = target
                    tally.transitions[cycle, state_slot, e] += 1
                    for q in range(width):
                        totals[i, q] += amounts.point[cycle + 1, target, q]
                    if moving and paths.event[state_slot, e] == 1:
                        for q in range(width):
                            totals[i, q] += amounts.transition[cycle, state_slot, e, q]
                    after = paths.state[target]
                    if HAS_TYPES or TRACKS_ENTRIES or COUNTS_TRANSITIONS:  # noqa: SIM102
                        if paths.event[state_slot, e] == 1:
                            if HAS_TYPES and paths.type_first[after] >= 0:
                                number = np.uint64(first + low + i)
                                decision = TYPE + paths.type_word[after]
                                random = philox(
                                    number & MASK, number >> HALF, np.uint64(cycle), decision,
                                    k0, k1,
                                )  # fmt: skip
                                v = uniform_53(random[0], random[1])
                                people.kind[i, after] = 0
                                which = paths.type_first[after]
                                while v >= paths.type_share[which]:
                                    people.kind[i, after] += 1
                                    which += 1
                            if COUNTS_TRANSITIONS:
                                time = state_slot - paths.first_slot[state]
                                transition_reward(
                                    i, state, time, after, cycle,
                                    people, shared, totals, tally.cells,
                                )  # fmt: skip
                            if TRACKS_ENTRIES:
                                people.entries[i, after] += 1
                    if TRACKS_LAST:
                        people.last[i, after] = cycle + 1
                    if COUNTS and paths.counted[after] == 1:
                        time = target - paths.first_slot[after]
                        state_reward(i, after, time, cycle + 1, people, shared, totals, tally.cells)
                    if room > 0 and paths.event[state_slot, e] == 1:
                        if events < room:
                            tally.log[events, 0] = first + low + i
                            tally.log[events, 1] = cycle
                            tally.log[events, 2] = state
                            tally.log[events, 3] = after
                            tally.log[events, 4] = people.kind[i, after] if HAS_TYPES else -1
                        events += 1
            staying = 0
            for a in range(left):
                i = alive[a]
                if paths.final[state_slots[i]] == 1:
                    for q in range(width):
                        totals[i, q] += amounts.later[ends, state_slots[i], q]
                else:
                    alive[staying] = i
                    staying += 1
            left = staying
        if INDIVIDUAL and tally.fault[0] != OK:
            tally.fault[3] += first + low
            break
    return events


HOOKS = ("start_probs", "start_reward", "transition_probs", "state_reward", "transition_reward")
"""What ``individual_kernel`` puts its own functions in the place of."""

HELPERS = ("note", "checked", "add")
"""Functions hooks may call."""

INNER = ("start_group",)
"""Functions ``simulate_block`` calls that call hooks themselves."""

note = compiled_bare(note)
checked = compiled_bare(checked)
add = compiled_bare(add)
start_probs = compiled_bare(start_probs)
start_reward = compiled_bare(start_reward)
transition_probs = compiled_bare(transition_probs)
state_reward = compiled_bare(state_reward)
transition_reward = compiled_bare(transition_reward)
start_group = compiled_bare(start_group)
simulate_block = compiled_bare(simulate_block)
