"""The compiled loops, and nothing else in heecon is compiled.

Each kernel is a plain Python function that can be read, stepped through and tested as it is
(``kernel.py_func`` after compilation); numba is applied at the bottom of the file.

Arrays that depend on draw, cycle and time in state are "streams": one flat buffer, and for every
stream an offset and the strides of the three axes, 0 where the stream does not vary. So a constant
costs one number, not draws x cycles x slots of them.
"""

from __future__ import annotations

import numpy as np
from numba import njit

OK, NOT_ONE, SHRINKING = 0, 1, 2
"""Status codes: all well; occupancy does not sum to one; an absorbing state lost people."""

FROM_START, FROM_STATE, FROM_MOVE = 0, 1, 2
"""What a term counts: people at the start, people in a state, people making a move."""

AT_START, AT_END, AVERAGE = 0, 1, 2
"""How a term counts people in a state in a cycle (at time points, AT_START runs to the last point)."""


def propagate(
    draw,
    start,
    state_slot,
    move_from,
    move_to,
    move_low,
    move_high,
    move_stays,
    move_flow,
    buffer,
    offset,
    stride,
    absorbing,
    tolerance,
    slots,
    occupancy,
    flow,
):
    """Move one draw's cohort through every cycle.

    Args:
        draw: index of the draw in the streams.
        start: share of the cohort by state at time 0.
        state_slot: first slot of each state, and the number of slots at the end.
        move_from, move_to: states of each move.
        move_low, move_high: the range of slots of the origin the move leaves from.
        move_stays: 1 when the move is staying (one slot on), 0 when it enters the destination anew.
        move_flow: first column of each move in ``flow``.
        buffer, offset, stride: probability streams, one a move.
        absorbing: 1 for absorbing states.
        tolerance: largest departure of a cycle's occupancy from one.
        slots: work array (cycles + 1, slots); holds the share of the cohort in every slot.
        occupancy: work array (cycles + 1, states).
        flow: work array (cycles, columns): people making each move out of each slot.

    Returns:
        (status, cycle, state): a status code, and where it happened.
    """
    cycles = flow.shape[0]
    states = start.shape[0]
    slots[:] = 0.0
    for state in range(states):
        slots[0, state_slot[state]] = start[state]
        occupancy[0, state] = start[state]
    for cycle in range(cycles):
        for move in range(move_from.shape[0]):
            first = state_slot[move_from[move]]
            target = state_slot[move_to[move]]
            last = state_slot[move_to[move] + 1] - 1
            at = offset[move] + draw * stride[move, 0] + cycle * stride[move, 1]
            column = move_flow[move]
            for slot in range(move_low[move], move_high[move]):
                people = slots[cycle, first + slot] * buffer[at + slot * stride[move, 2]]
                flow[cycle, column + slot - move_low[move]] = people
                if move_stays[move]:
                    slots[cycle + 1, min(first + slot + 1, last)] += people
                else:
                    slots[cycle + 1, target] += people
        total = 0.0
        for state in range(states):
            share = 0.0
            for slot in range(state_slot[state], state_slot[state + 1]):
                share += slots[cycle + 1, slot]
            occupancy[cycle + 1, state] = share
            total += share
            if absorbing[state] and share < occupancy[cycle, state] - tolerance:
                return SHRINKING, cycle + 1, state
        if not abs(total - 1.0) <= tolerance:
            return NOT_ONE, cycle + 1, 0
    return OK, 0, 0


def count_term(
    draw,
    source,
    index,
    method,
    points,
    state_slot,
    move_low,
    move_high,
    move_flow,
    buffer,
    offset,
    stride,
    slots,
    occupancy,
    flow,
    amounts,
):
    """Write what one term amounts to in every cycle, before weighting, into ``amounts``.

    Args:
        draw: index of the draw in the streams.
        source: FROM_START, FROM_STATE or FROM_MOVE.
        index: the state or the move.
        method: AT_START, AT_END or AVERAGE.
        points: how many cycles or time points are counted.
        state_slot, move_low, move_high, move_flow: as in ``propagate``.
        buffer: values of all terms; ``offset`` and ``stride`` are this term's.
        slots, occupancy, flow: as ``propagate`` left them.
        amounts: (cycles + 1) of the result; zero beyond ``points``.
    """
    amounts[:] = 0.0
    by_draw = offset + draw * stride[0]
    if source == FROM_START:
        amounts[0] = occupancy[0, index] * buffer[by_draw]
    elif source == FROM_STATE:
        low, high = state_slot[index], state_slot[index + 1]
        for cycle in range(points):
            at = by_draw + cycle * stride[1]
            if stride[2] == 0:
                people = occupancy[cycle, index]
                if method == AT_END:
                    people = occupancy[cycle + 1, index]
                elif method == AVERAGE:
                    people = 0.5 * (people + occupancy[cycle + 1, index])
                amounts[cycle] = people * buffer[at]
            else:
                total = 0.0
                for slot in range(low, high):
                    people = slots[cycle, slot]
                    if method == AT_END:
                        people = slots[cycle + 1, slot]
                    elif method == AVERAGE:
                        people = 0.5 * (people + slots[cycle + 1, slot])
                    total += people * buffer[at + (slot - low) * stride[2]]
                amounts[cycle] = total
    else:
        low, high, column = move_low[index], move_high[index], move_flow[index]
        for cycle in range(flow.shape[0]):
            at = by_draw + cycle * stride[1]
            total = 0.0
            for slot in range(low, high):
                total += flow[cycle, column + slot - low] * buffer[at + slot * stride[2]]
            amounts[cycle] = total


def run_draws(
    starts,
    state_slot,
    moves,
    move_stays,
    probability,
    probability_offset,
    probability_stride,
    absorbing,
    tolerance,
    cycles,
    terms,
    value,
    value_offset,
    value_stride,
    weights,
    totals,
    end,
    keep,
    kept_occupancy,
    kept_flow,
    kept_amounts,
):
    """Run every draw of a chunk for one strategy.

    Args:
        starts: (draws, states) shares at time 0.
        state_slot: first slot of each state, and the number of slots at the end.
        moves: (moves, 5) integers: from, to, first slot, end slot, first flow column.
        move_stays: 1 where a move is staying.
        probability, probability_offset, probability_stride: probability streams.
        absorbing: 1 for absorbing states.
        tolerance: see ``propagate``.
        cycles: number of cycles.
        terms: (terms, 7) integers: source, index, method, points, cell of ``totals``, row of
            ``weights`` for the undiscounted and for the discounted amount.
        value, value_offset, value_stride: value streams, one a term.
        weights: (rows, draws or 1, cycles + 1) weights of each cycle, discount factors included.
        totals: (draws, cells, 2) result: undiscounted and discounted.
        end: (draws, states) shares at the end of the last cycle, filled here.
        keep: whether to fill the next three.
        kept_occupancy: (draws, cycles + 1, states).
        kept_flow: (draws, cycles, moves).
        kept_amounts: (draws, cells, cycles + 1, 2).

    Returns:
        (status, draw, cycle, state) of the first violated invariant, or zeros.
    """
    n_slots = state_slot[-1]
    n_flow = 0
    for move in range(moves.shape[0]):
        n_flow = max(n_flow, moves[move, 4] + moves[move, 3] - moves[move, 2])
    slots = np.zeros((cycles + 1, n_slots))
    occupancy = np.zeros((cycles + 1, starts.shape[1]))
    flow = np.zeros((cycles, n_flow))
    amounts = np.zeros(cycles + 1)
    for draw in range(starts.shape[0]):
        status, cycle, state = propagate(
            draw, starts[draw], state_slot, moves[:, 0], moves[:, 1], moves[:, 2], moves[:, 3],
            move_stays, moves[:, 4], probability, probability_offset, probability_stride,
            absorbing, tolerance, slots, occupancy, flow,
        )  # fmt: skip
        if status != OK:
            return status, draw, cycle, state
        end[draw] = occupancy[cycles]
        for term in range(terms.shape[0]):
            count_term(
                draw, terms[term, 0], terms[term, 1], terms[term, 2], terms[term, 3],
                state_slot, moves[:, 2], moves[:, 3], moves[:, 4],
                value, value_offset[term], value_stride[term], slots, occupancy, flow, amounts,
            )  # fmt: skip
            cell = terms[term, 4]
            for which in range(2):
                row = terms[term, 5 + which]
                by_draw = min(draw, weights.shape[1] - 1)
                total = 0.0
                for cycle in range(cycles + 1):
                    amount = amounts[cycle] * weights[row, by_draw, cycle]
                    total += amount
                    if keep:
                        kept_amounts[draw, cell, cycle, which] += amount
                totals[draw, cell, which] += total
        if keep:
            kept_occupancy[draw] = occupancy
            for move in range(moves.shape[0]):
                width = moves[move, 3] - moves[move, 2]
                for cycle in range(cycles):
                    people = 0.0
                    for column in range(moves[move, 4], moves[move, 4] + width):
                        people += flow[cycle, column]
                    kept_flow[draw, cycle, move] = people
    return OK, 0, 0, 0


propagate = njit(cache=True, nogil=True)(propagate)
count_term = njit(cache=True, nogil=True)(count_term)
run_draws = njit(cache=True, nogil=True)(run_draws)
