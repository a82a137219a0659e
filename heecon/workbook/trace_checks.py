"""The part of a trace that checks every row: probabilities, cohort, absorbing states."""

from __future__ import annotations

from functools import partial

from heecon.workbook.book import PLAIN
from heecon.workbook.columns import BUT_FIRST, BUT_LAST, EVERY, Column, Trace
from heecon.workbook.live import Live, absolute, area, largest, live, smallest, total


def plan_checks(trace: Trace) -> None:
    """Plan the four columns of checks."""
    for key, label, make, rows in (
        ("rows", "probabilities: distance of their sum from 1", _row_sums, BUT_LAST),
        ("least", "lowest probability", _least, BUT_LAST),
        ("cohort", "cohort: distance of its sum from 1", _cohort, EVERY),
        ("absorbing", "smallest growth of an absorbing state", _growth, BUT_FIRST),
    ):
        formula = partial(make, trace)
        column = Column("checks of the row", label, formula, rows=rows, format=PLAIN)
        trace.add(("check", key), column)


def _chances(trace: Trace, origin: str) -> Live:
    """All probabilities of leaving a state, of every cycle of residence."""
    keys = [
        trace.transition_key("chance", origin, name, slot)
        for name in (*trace.model.transitions[origin].to, "rest")
        for slot in range(trace.told_apart[origin])
    ]
    return area([trace.here(*key) for key in keys])


def _row_sums(trace: Trace) -> Live:
    found = []
    for origin in trace.model.transitions:
        count = trace.layout.book.constant(float(trace.told_apart[origin]))
        found.append(absolute(total(_chances(trace, origin)) - count))
    return largest(*found)


def _least(trace: Trace) -> Live:
    return smallest(*(_chances(trace, origin) for origin in trace.model.transitions))


def _cohort(trace: Trace) -> Live:
    return absolute(total(*(trace.here("occupancy", state) for state in trace.states)) - 1)


def _growth(trace: Trace) -> Live:
    columns = [
        trace.strip("occupancy", state)
        for state in trace.states
        if trace.model.states[state].absorbing
    ]
    return smallest(*(c.here - c.before for c in columns)) if columns else live(0)
