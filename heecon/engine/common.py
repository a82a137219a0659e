"""What all people of a draw have in common, as tables the walk reads: probabilities and amounts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from heecon.engine import kernels
from heecon.engine.random_numbers import code_of
from heecon.engine.rewards import Reward, rewards_of
from heecon.engine.strategy_inputs import EvaluatedStrategy, Transition, over_one
from heecon.engine.walker import Amounts, Paths, Shared
from heecon.errors import InputError, Problem, SimulationError
from heecon.language import Tree
from heecon.model.definition import EventTypes, Model, Outcome
from heecon.model.persons import share_sum_problem

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

CERTAIN = 2.0
"""Stands for a cumulative probability of 1 that no random number reaches."""

MAX_TABLE = 100_000_000
"""Numbers a table may have."""


@dataclass(frozen=True)
class Exits:
    """The ways out of each state in the order luck is held against them.

    Deaths come first: so a person who dies of the same luck under two strategies does, whatever
    else the strategies change, and their increments vary little.

    Attributes:
        moves: the ways, of all states.
        of: by state, numbers of its ways in order; the last is for everybody else.
    """

    moves: Sequence[Transition]
    of: Sequence[Sequence[int]]

    @property
    def most(self) -> int:
        """The largest number of ways out of a state."""
        return max(len(numbers) for numbers in self.of)

    def last_at(self, state: int, slot: int) -> int:
        """Which way everybody else goes in a slot."""
        inside = [e for e, m in enumerate(self.of[state]) if self.leads(m, slot)]
        return inside[-1]

    def leads(self, move: int, slot: int) -> bool:
        """Whether a way can be gone in a slot."""
        return self.moves[move].low <= slot < self.moves[move].high


def exits_of(model: Model, moves: Sequence[Transition]) -> Exits:
    """Order the ways out of each state."""
    absorbing = [state.absorbing for state in model.states.values()]
    of: list[list[int]] = []
    for index, name in enumerate(model.states):
        numbers = [i for i, move in enumerate(moves) if move.origin == index]
        named = len(model.transitions[name].to) if name in model.transitions else 0
        first = [i for i in numbers[:named] if absorbing[moves[i].destination]]
        others = [i for i in numbers[:named] if i not in first]
        of.append([*first, *others, *numbers[named:]])
    return Exits(moves, of)


class Common:
    """Makes the tables of one strategy, draw by draw."""

    def __init__(self, evaluated: EvaluatedStrategy, outcomes: Sequence[Outcome]) -> None:
        """Evaluate everything that does not differ by person, for a chunk of draws.

        Raises:
            SimulationError: an impossible number.
        """
        model = self.model = evaluated.model
        self.evaluated = evaluated
        self.outcomes = outcomes
        self.cycles = model.settings.cycles
        self.slots = evaluated.residence
        self.first = np.cumsum([0, *self.slots], dtype=np.int64)
        self.rows = int(self.first[-1])
        states = len(model.states)
        self.starts = np.ones((evaluated.draws, states)) / states
        if not evaluated.starts_individually:
            self.starts = evaluated.starts
        self.exits = exits_of(model, evaluated.transitions)
        self.terms = rewards_of(evaluated, outcomes, self.exits.moves)
        evaluated.checks.stop_if_any()
        numbers = (self.cycles + 1) * self.rows * 2 * len(outcomes)
        if numbers > MAX_TABLE:
            what = f"{self.rows:,} cycles of residence over {self.cycles:,} cycles with "
            what += f"{len(outcomes)} outcomes are too many for the microsimulation"
            raise InputError(
                Problem("states", what, "Lower residence or tunnel, or use the cohort")
            )
        self.layout = _Layout(self)

    @cached_property
    def own(self) -> Integers:
        """1 for the states whose probabilities differ by person."""
        rows = self.model.transitions
        return np.array(
            [
                name in rows and any(map(self.model.is_personal, rows[name].to.values()))
                for name in self.model.states
            ],
            dtype=np.int64,
        )

    @cached_property
    def counted(self) -> Integers:
        """1 for the states in which amounts that differ by person accrue."""
        found = np.zeros(len(self.slots), dtype=np.int64)
        for term in self.terms:
            if term.value is None and term.source == kernels.FROM_STATE:
                found[term.place] = 1
        return found

    @cached_property
    def final(self) -> Integers:
        """1 for the rows of absorbing states in which nothing differs by person."""
        absorbing = np.array([state.absorbing for state in self.model.states.values()])
        final = absorbing & (self.counted == 0)
        return np.repeat(final.astype(np.int64), self.slots)

    def paths(self, draw: int) -> Paths:
        """How people go in one draw."""
        at, step, chance = self._chances(draw)
        starts = np.cumsum(self.starts[draw])
        sure = np.flatnonzero(self.starts[draw] == 1.0)
        starts[np.flatnonzero(self.starts[draw])[-1] :] = CERTAIN
        first, shares, words = self._types(draw)
        layout = self.layout
        return Paths(
            cycles=self.cycles,
            sure=int(sure[0]) if len(sure) else -1,
            start=starts,
            first_row=self.first[:-1],
            state=layout.state,
            at=at,
            step=step,
            width=self.exits.most - 1 if self.exits.most > 1 else 1,
            chance=chance,
            target=layout.target,
            event=layout.event,
            final=self.final,
            own=self.own,
            counted=self.counted,
            type_first=first,
            type_share=shares,
            type_word=words,
        )

    def _chances(self, draw: int) -> tuple[Integers, Integers, Floats]:
        """Cumulative probabilities: where each row stands, how far its next cycle, and all."""
        width = max(self.exits.most - 1, 1)
        at = np.zeros(self.rows, dtype=np.int64)
        step = np.zeros(self.rows, dtype=np.int64)
        parts: list[Floats] = []
        size = 0
        own = self.own
        for state, numbers in enumerate(self.exits.of):
            slots, first = self.slots[state], int(self.first[state])
            found = [over_one(self.exits.moves[i].probability, draw) for i in numbers]
            cycles = max(array.shape[0] for array in found)
            if own[state]:
                cycles = 1
            table = np.full((cycles, slots, width), CERTAIN)
            total = np.zeros((cycles, slots))
            for e, number in enumerate(numbers[:-1]):
                move = self.exits.moves[number]
                inside = (np.arange(slots) >= move.low) & (np.arange(slots) < move.high)
                total = total + np.where(inside, found[e][:cycles], 0.0)
                table[:, :, e] = total
            for slot in range(slots):
                table[:, slot, self.exits.last_at(state, slot) :] = CERTAIN
            at[first : first + slots] = size + np.arange(slots) * width
            step[first : first + slots] = slots * width if cycles > 1 else 0
            parts.append(table.ravel())
            size += table.size
        if size > MAX_TABLE:
            what = f"{size:,} probabilities are too many for the microsimulation"
            raise InputError(
                Problem("states", what, "Lower residence or tunnel, or use the cohort")
            )
        return at, step, np.concatenate(parts)

    def _types(self, draw: int) -> tuple[Integers, Floats, NDArray[np.uint64]]:
        first = np.full(len(self.model.states), -1, dtype=np.int64)
        words = np.zeros(len(self.model.states), dtype=np.uint64)
        parts: list[float] = []
        for index, state in enumerate(self.model.states):
            if state in self.model.types:
                first[index] = len(parts)
                # 32 bits that begin after the codes of other decisions
                words[index] = np.uint64(1 << 8) + (code_of(state) >> np.uint64(1))
                parts += self._type_shares(self.model.types[state], draw)
        return first, np.array(parts, dtype=float), words

    def _type_shares(self, types: EventTypes, draw: int) -> list[float]:
        """Cumulative shares, the type that takes the rest in its place."""
        place = f"{self.evaluated.checks.place(draw, 0, types.state)}, types"
        values: dict[str, float] = {}
        for name, formula in types.shares.items():
            if formula is not None:
                values[name] = self.evaluated.number(formula, draw)
                if not -1e-12 <= values[name] <= 1.0 + 1e-12:
                    what = f"the share of '{name}' is {values[name]:.10g}"
                    remedy = f"It must lie in 0 to 1; the formula is '{formula.text}'"
                    raise SimulationError(Problem(place, what, remedy))
        total = sum(values.values())
        what = share_sum_problem(total, complete=len(values) == len(types.shares))
        if what:
            raise SimulationError(Problem(place, what, "They must sum to 1"))
        shares = [values.get(name, max(1.0 - total, 0.0)) for name in types.shares]
        cumulative = list(np.cumsum(shares))
        last = max(i for i, share in enumerate(shares) if share > 0.0)
        return [*cumulative[:last], *[CERTAIN] * (len(shares) - last)]

    def amounts(self, draw: int) -> Amounts:
        """What is the same for everybody is worth in one draw."""
        worth = 2 * len(self.outcomes)
        start = np.zeros((len(self.model.states), worth))
        point = np.zeros((self.cycles + 1, self.rows, worth))
        shared = [term for term in self.terms if term.value is not None]
        moving = any(term.source == kernels.FROM_TRANSITION for term in shared)
        exits = self.exits.most
        move = np.zeros((self.cycles if moving else 0, self.rows, exits, worth))
        for term in shared:
            low = int(self.first[term.state])
            for which, value in enumerate(term.weighted(draw)):
                q = 2 * term.outcome + which
                if term.source == kernels.FROM_START:
                    start[term.place, q] += value[0, 0]
                elif term.source == kernels.FROM_STATE:
                    rows = slice(low, low + self.slots[term.state])
                    _add_points(point[:, rows, q], value[:, : self.slots[term.state]], term)
                else:
                    way = self.exits.moves[term.place]
                    e = self.exits.of[way.origin].index(term.place)
                    first = int(self.first[way.origin])
                    rows = slice(first + way.low, first + way.high)
                    inside = value[:, way.low : way.high] if value.shape[1] > 1 else value
                    move[:, rows, e, q] += inside[: self.cycles]
        if not move.any():  # switched off by a parameter: need not be looked up
            move = move[:0]
        later = np.zeros_like(point)
        later[:-1] = np.cumsum(point[:0:-1], axis=0)[::-1]
        return Amounts(start, point, later, move)

    def shared(
        self, draw: int, trees: Sequence[Tree], terms: Sequence[Reward], start: int
    ) -> Shared:
        """What the hooks read.

        Args:
            draw: which.
            trees: what does not differ by person, in the order the hooks number it.
            terms: those whose value differs by person, in the order the hooks number them.
            start: the hooks' number of the strategy's start distribution.
        """
        found = [over_one(self.evaluated.value(tree), draw) for tree in trees]
        slots = max((value.shape[1] for value in found), default=1)
        table = np.zeros((self.cycles + 1, slots, max(len(found), 1)))
        for i, value in enumerate(found):
            table[:, :, i] = value
        weights = np.zeros((max(len(terms), 1), self.cycles + 1, 2))
        for i, term in enumerate(terms):
            weight, factor = over_one(term.weight, 0)[:, 0], over_one(term.factor, draw)[:, 0]
            half = 0.5 if term.method == kernels.AVERAGE else 1.0
            weights[i, : term.points, 0] = half * weight[: term.points]
            weights[i, : term.points, 1] = weights[i, : term.points, 0] * factor[: term.points]
        return Shared(table, weights, self.model.settings.cycle_length, self.cycles, start)


def _add_points(point: Floats, value: Floats, term: Reward) -> None:
    """Add what membership of a state in the cycles is worth to the time points it is counted at."""
    points = term.points
    if term.method == kernels.AT_START:
        point[:points] += value
    elif term.method == kernels.AT_END:
        point[1 : points + 1] += value
    else:
        point[:points] += 0.5 * value
        point[1 : points + 1] += 0.5 * value


class _Layout:
    """Where ways lead, the same in every draw."""

    def __init__(self, common: Common) -> None:
        exits, rows = common.exits, common.rows
        states = len(common.slots)
        self.state = np.repeat(np.arange(states, dtype=np.uint32), common.slots)
        self.target = np.repeat(np.arange(rows, dtype=np.uint32)[:, None], exits.most, axis=1)
        self.event = np.zeros((rows, exits.most), dtype=np.int64)
        for state, numbers in enumerate(exits.of):
            first, slots = int(common.first[state]), common.slots[state]
            for e, number in enumerate(numbers):
                move = exits.moves[number]
                for slot in range(move.low, move.high):
                    if move.stays:
                        self.target[first + slot, e] = first + min(slot + 1, slots - 1)
                    else:
                        self.target[first + slot, e] = common.first[move.destination]
                        self.event[first + slot, e] = 1
