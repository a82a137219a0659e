"""Pack one strategy's arrays, each along the axes it varies along, for the cohort's kernels."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from heecon.arrays import Floats, Integers
from heecon.engine.kernels import Chunk, PackedArrays, RewardArrays, TransitionArrays
from heecon.engine.rewards import Reward, rewards_of
from heecon.engine.strategy_inputs import EvaluatedStrategy, Transition
from heecon.model.definition import Outcome


class ArrayPacker:
    """Collects arrays of (draws or 1, cycles or 1, times in state or 1); each is packed once."""

    def __init__(self) -> None:
        self._arrays: list[Floats] = []
        self._numbers: dict[int, int] = {}

    def add(self, array: Floats) -> int:
        """The number of an array; the same array again has the same number."""
        number = self._numbers.setdefault(id(array), len(self._arrays))
        if number == len(self._arrays):
            self._arrays.append(array)
        return number

    def pack(self) -> PackedArrays:
        """One buffer with all arrays."""
        sizes = [array.size for array in self._arrays]
        offset = np.cumsum([0, *sizes], dtype=np.int64)
        stride = np.zeros((len(sizes), 3), dtype=np.int64)
        buffer = np.empty(offset[-1])
        for number, array in enumerate(self._arrays):
            _, cycles, times = array.shape
            steps = (cycles * times, times, 1)
            stride[number] = [
                step if n > 1 else 0 for step, n in zip(steps, array.shape, strict=True)
            ]
            place = buffer[offset[number] : offset[number + 1]]
            place.reshape(array.shape)[...] = array
        return PackedArrays(buffer, offset[:-1], stride)


def chunk_of(
    evaluated: EvaluatedStrategy, outcomes: Sequence[Outcome], events: Sequence[tuple[str, str]]
) -> Chunk:
    """Everything the kernels need.

    Args:
        evaluated: the strategy.
        outcomes: the outcomes to count, in this order.
        events: (from, to) of the transitions whose flow is kept, in this order.

    Raises:
        SimulationError: some number is impossible; the worst offenders are listed.
    """
    starts, transitions = evaluated.starts, evaluated.transitions
    rewards = rewards_of(evaluated, outcomes, transitions)
    evaluated.checks.stop_if_any()
    packer = ArrayPacker()
    states = evaluated.model.states.values()
    edges = [tuple(map(evaluated.states.index, event)) for event in events]
    return Chunk(
        cycles=evaluated.cycles,
        starts=starts,
        first=np.cumsum([0, *evaluated.residence], dtype=np.int64),
        absorbing=np.array([state.absorbing for state in states], dtype=np.int64),
        transitions=_transition_arrays(transitions, edges, packer),
        rewards=_reward_arrays(rewards, len(starts[0]), packer),
        packed=packer.pack(),
    )


def _transition_arrays(
    transitions: Sequence[Transition], edges: Sequence[tuple[int, ...]], packer: ArrayPacker
) -> TransitionArrays:
    """Every time in the state that an event leaves from has its column of flow."""
    rows = []
    column = 0
    for t in transitions:
        event = -1 if t.stays else edges.index((t.origin, t.destination))
        place = t.origin, t.destination, t.low, t.high
        rows.append((*place, event, column, packer.add(t.probability)))
        column += 0 if t.stays else t.high - t.low
    return TransitionArrays(*_columns(rows, len(TransitionArrays._fields)))


def _reward_arrays(rewards: Sequence[Reward], states: int, packer: ArrayPacker) -> RewardArrays:
    rows: list[tuple[int, ...]] = []
    person_times: dict[tuple[int, ...], int] = {}
    for reward in rewards:
        assert reward.value is not None  # noqa: S101  (the cohort refuses what differs by person)
        people = reward.source, reward.place, reward.method, reward.points
        value, *weights = map(packer.add, (reward.value, reward.weight, reward.factor))
        person_time = person_times.setdefault((*people, *weights), len(person_times))
        cell = reward.outcome * states + reward.state
        rows.append((*people, cell, value, *weights, person_time))
    return RewardArrays(*_columns(rows, len(RewardArrays._fields)))


def _columns(rows: Sequence[tuple[int, ...]], width: int) -> Integers:
    return np.array(rows, dtype=np.int64).reshape(-1, width).T.copy()
