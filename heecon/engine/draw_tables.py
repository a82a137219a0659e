"""What all people of a draw have in common, as tables: probabilities and rewards."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from heecon.arrays import Floats, Integers
from heecon.engine import kernels
from heecon.engine.microsim_kernel import Amounts, Paths, Shared
from heecon.engine.random_numbers import code_of
from heecon.engine.rewards import Reward, rewards_of
from heecon.engine.strategy_inputs import EvaluatedStrategy, Transition, over_one
from heecon.errors import InputError, Problem, SimulationError
from heecon.language import Tree
from heecon.model.definition import EventTypes, Model, Outcome
from heecon.model.individuals import share_sum_problem

CERTAIN = 2.0
"""Stands for a cumulative probability of 1 that no random number reaches."""

MAX_TABLE = 100_000_000
"""Numbers a table may have."""


@dataclass(frozen=True)
class ExitOrder:
    """The transitions out of each state in the order a random number is held against them.

    Deaths come first: so a person who dies of the same random number under two strategies does,
    whatever else the strategies change, and their increments vary little.

    Attributes:
        transitions: those of all states.
        of: by state, numbers of its exits in order; the last is for everybody else.
    """

    transitions: Sequence[Transition]
    of: Sequence[Sequence[int]]

    @property
    def most(self) -> int:
        """The largest number of exits of a state."""
        return max(len(numbers) for numbers in self.of)

    def last_at(self, state: int, time: int) -> int:
        """Which exit everybody else takes after some cycles in the state."""
        exits = [self.transitions[number] for number in self.of[state]]
        return max(e for e, exit in enumerate(exits) if exit.low <= time < exit.high)

    def place_of(self, number: int) -> tuple[Transition, int]:
        """A transition, and its place among the exits of its state."""
        transition = self.transitions[number]
        return transition, self.of[transition.origin].index(number)


def exit_order_of(model: Model, transitions: Sequence[Transition]) -> ExitOrder:
    """Order the exits of each state."""
    absorbing = [state.absorbing for state in model.states.values()]
    of: list[list[int]] = []
    for index, name in enumerate(model.states):
        numbers = [i for i, transition in enumerate(transitions) if transition.origin == index]
        named = len(model.transitions[name].to) if name in model.transitions else 0
        first = [i for i in numbers[:named] if absorbing[transitions[i].destination]]
        others = [i for i in numbers[:named] if i not in first]
        of.append([*first, *others, *numbers[named:]])
    return ExitOrder(transitions, of)


class DrawTables:
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
        self.residence = evaluated.residence
        self.first = np.cumsum([0, *self.residence], dtype=np.int64)
        self.state_slots = int(self.first[-1])
        states = len(model.states)
        self.starts = np.ones((evaluated.draws, states)) / states
        if not evaluated.starts_individually:
            self.starts = evaluated.starts
        self.exit_order = exit_order_of(model, evaluated.transitions)
        self.rewards = rewards_of(evaluated, outcomes, self.exit_order.transitions)
        evaluated.checks.stop_if_any()
        what = f"{self.state_slots:,} cycles of residence over {self.cycles:,} cycles with "
        what += f"{len(outcomes)} outcomes"
        _refuse_large((self.cycles + 1) * self.state_slots * 2 * len(outcomes), what)
        self.layout = _Layout(self)

    @cached_property
    def individual(self) -> Integers:
        """1 for the states whose probabilities differ by person."""
        rows = self.model.transitions
        return np.array(
            [
                name in rows and any(map(self.model.is_individual, rows[name].to.values()))
                for name in self.model.states
            ],
            dtype=np.int64,
        )

    @cached_property
    def counted(self) -> Integers:
        """1 for the states in which amounts that differ by person accrue."""
        found = np.zeros(len(self.residence), dtype=np.int64)
        for reward in self.rewards:
            if reward.value is None and reward.source == kernels.FROM_STATE:
                found[reward.place] = 1
        return found

    @cached_property
    def final(self) -> Integers:
        """1 for the rows of absorbing states in which nothing differs by person."""
        absorbing = np.array([state.absorbing for state in self.model.states.values()])
        final = absorbing & (self.counted == 0)
        return np.repeat(final.astype(np.int64), self.residence)

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
            first_slot=self.first[:-1],
            state=layout.state,
            at=at,
            step=step,
            width=self.exit_order.most - 1 if self.exit_order.most > 1 else 1,
            chance=chance,
            target=layout.target,
            event=layout.event,
            final=self.final,
            individual=self.individual,
            counted=self.counted,
            type_first=first,
            type_share=shares,
            type_word=words,
        )

    def _chances(self, draw: int) -> tuple[Integers, Integers, Floats]:
        """Cumulative probabilities: where each row stands, how far its next cycle, and all."""
        width = max(self.exit_order.most - 1, 1)
        at = np.zeros(self.state_slots, dtype=np.int64)
        step = np.zeros(self.state_slots, dtype=np.int64)
        parts: list[Floats] = []
        size = 0
        individual = self.individual
        for state, numbers in enumerate(self.exit_order.of):
            times, first = self.residence[state], int(self.first[state])
            found = [over_one(self.exit_order.transitions[i].probability, draw) for i in numbers]
            cycles = max(array.shape[0] for array in found)
            if individual[state]:
                cycles = 1
            table = np.full((cycles, times, width), CERTAIN)
            total = np.zeros((cycles, times))
            for e, number in enumerate(numbers[:-1]):
                transition = self.exit_order.transitions[number]
                inside = (np.arange(times) >= transition.low) & (np.arange(times) < transition.high)
                total = total + np.where(inside, found[e][:cycles], 0.0)
                table[:, :, e] = total
            for time in range(times):
                table[:, time, self.exit_order.last_at(state, time) :] = CERTAIN
            at[first : first + times] = size + np.arange(times) * width
            step[first : first + times] = times * width if cycles > 1 else 0
            parts.append(table.ravel())
            size += table.size
        _refuse_large(size, f"{size:,} probabilities")
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
                    hint = f"It must lie in 0 to 1; the formula is '{formula.text}'"
                    raise SimulationError(Problem(place, what, hint))
        total = sum(values.values())
        what = share_sum_problem(total, complete=len(values) == len(types.shares))
        if what:
            raise SimulationError(Problem(place, what, "They must sum to 1"))
        shares = [values.get(name, max(1.0 - total, 0.0)) for name in types.shares]
        cumulative = list(np.cumsum(shares))
        last = max(i for i, share in enumerate(shares) if share > 0.0)
        return [*cumulative[:last], *[CERTAIN] * (len(shares) - last)]

    def amounts(self, draw: int) -> Amounts:
        """The rewards of one draw that are the same for everybody."""
        width = 2 * len(self.outcomes)
        start = np.zeros((len(self.model.states), width))
        point = np.zeros((self.cycles + 1, self.state_slots, width))
        shared = [reward for reward in self.rewards if reward.value is not None]
        moving = any(reward.source == kernels.FROM_TRANSITION for reward in shared)
        shape = self.cycles if moving else 0, self.state_slots, self.exit_order.most, width
        by_exit = np.zeros(shape)
        for reward in shared:
            for which, value in enumerate(reward.weighted(draw)):
                q = 2 * reward.outcome + which
                if reward.source == kernels.FROM_START:
                    start[reward.place, q] += value[0, 0]
                elif reward.source == kernels.FROM_STATE:
                    low, times = int(self.first[reward.place]), self.residence[reward.place]
                    _add_points(point[:, low : low + times, q], value[:, :times], reward)
                else:
                    transition, e = self.exit_order.place_of(reward.place)
                    low, high = transition.low, transition.high
                    inside = value[:, low:high] if value.shape[1] > 1 else value
                    first = int(self.first[transition.origin])
                    by_exit[:, first + low : first + high, e, q] += inside[: self.cycles]
        if not by_exit.any():  # switched off by a parameter: need not be looked up
            by_exit = by_exit[:0]
        later = np.zeros_like(point)
        later[:-1] = np.cumsum(point[:0:-1], axis=0)[::-1]
        return Amounts(start, point, later, by_exit)

    def shared(
        self, draw: int, trees: Sequence[Tree], rewards: Sequence[Reward], start: int
    ) -> Shared:
        """What the hooks read.

        Args:
            draw: which.
            trees: what does not differ by person, in the order the hooks number it.
            rewards: those whose value differs by person, in the order the hooks number them.
            start: the hooks' number of the strategy's start distribution.
        """
        found = [over_one(self.evaluated.value(tree), draw) for tree in trees]
        times = max((value.shape[1] for value in found), default=1)
        table = np.zeros((self.cycles + 1, times, max(len(found), 1)))
        for i, value in enumerate(found):
            table[:, :, i] = value
        weights = np.zeros((max(len(rewards), 1), self.cycles + 1, 2))
        for i, reward in enumerate(rewards):
            weight, factor = over_one(reward.weight, 0)[:, 0], over_one(reward.factor, draw)[:, 0]
            half = 0.5 if reward.method == kernels.AVERAGE else 1.0
            weights[i, : reward.points, 0] = half * weight[: reward.points]
            weights[i, :, 1] = weights[i, :, 0]
            weights[i, : reward.points, 1] *= factor[: reward.points]
        return Shared(table, weights, self.model.settings.cycle_length, self.cycles, start)


def _refuse_large(size: int, what: str) -> None:
    if size > MAX_TABLE:
        what += " are too many for the microsimulation"
        raise InputError(Problem("states", what, "Lower residence or tunnel, or use the cohort"))


def _add_points(point: Floats, value: Floats, reward: Reward) -> None:
    """Add the reward of being in a state in the cycles to the time points it is counted at."""
    points = reward.points
    if reward.method == kernels.AT_START:
        point[:points] += value
    elif reward.method == kernels.AT_END:
        point[1 : points + 1] += value
    else:
        point[:points] += 0.5 * value
        point[1 : points + 1] += 0.5 * value


class _Layout:
    """Where ways lead, the same in every draw."""

    def __init__(self, tables: DrawTables) -> None:
        exits, rows = tables.exit_order, tables.state_slots
        states = len(tables.residence)
        self.state = np.repeat(np.arange(states, dtype=np.uint32), tables.residence)
        self.target = np.repeat(np.arange(rows, dtype=np.uint32)[:, None], exits.most, axis=1)
        self.event = np.zeros((rows, exits.most), dtype=np.int64)
        for state, numbers in enumerate(exits.of):
            first, times = int(tables.first[state]), tables.residence[state]
            for e, number in enumerate(numbers):
                transition = exits.transitions[number]
                for time in range(transition.low, transition.high):
                    if transition.stays:
                        self.target[first + time, e] = first + min(time + 1, times - 1)
                    else:
                        self.target[first + time, e] = tables.first[transition.destination]
                        self.event[first + time, e] = 1
