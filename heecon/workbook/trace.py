"""The trace of one strategy: one row a cycle; every variable, probability and outcome a column.

A column is one formula all the way down; it may refer to its own row, the row before (occupancy)
or the row after (counts of those at the end of a cycle).
"""

from __future__ import annotations

from functools import partial

from heecon.errors import InputError, Problem
from heecon.model.definition import Formula
from heecon.model.outcomes import edges_of
from heecon.workbook.address import MAX_COLUMNS
from heecon.workbook.book import HEADER, HEADING, NOTE, PLAIN, SHARE, Sheet, Style
from heecon.workbook.columns import (
    GROUP_ROW,
    LABEL_ROW,
    START_ROW,
    TEXT_ROW,
    TOTAL_ROW,
    Column,
    Trace,
)
from heecon.workbook.layout import FIRST, Layout
from heecon.workbook.live import Live, largest, live, sum_of, total
from heecon.workbook.numbers import Numbers
from heecon.workbook.timeline import Timeline
from heecon.workbook.trace_checks import plan_checks
from heecon.workbook.trace_moves import plan_flow, plan_occupancy, plan_transitions
from heecon.workbook.trace_outcomes import plan_counted, plan_factors, plan_outcome

SPARE = 384
"""Columns left for parts of long formulas."""


def planned(layout: Layout, timeline: Timeline, numbers: Numbers, strategy: str) -> Trace:
    """The trace of a strategy with all its columns, still to be written.

    Args:
        layout: addresses.
        timeline: time, weights and discount factors.
        numbers: the engine's values.
        strategy: its name.

    Raises:
        InputError: there are more columns than a sheet has.
    """
    trace = Trace(layout, timeline, numbers, strategy)
    for key, label, style in (
        ("cycle", "Cycle", "0"),
        ("time", "Years", "0.00"),
        ("age", "Age", "0.00"),
    ):
        trace.add((key,), Column("time", label, partial(timeline.at, key), format=style))
    plan_occupancy(trace)
    for name, formula in trace.model.variables.items():
        _plan_variable(trace, name, formula)
    for state in trace.model.transitions:
        plan_transitions(trace, state)
    for edge in edges_of(trace.model.transitions, trace.model.states):
        plan_flow(trace, edge)
    plan_checks(trace)
    plan_factors(trace)
    plan_counted(trace)
    for outcome in trace.model.outcomes.values():
        plan_outcome(trace, outcome)
    if len(trace.columns) > MAX_COLUMNS - SPARE:
        what = f"the trace of '{strategy}' would have {len(trace.columns):,} columns"
        hint = f"A sheet holds {MAX_COLUMNS:,}: lower residence or lengthen the cycle"
        raise InputError(Problem("workbook", what, hint))
    return trace


def _plan_variable(trace: Trace, name: str, formula: Formula) -> None:
    """A variable; by cycle of residence if it depends on that."""
    most = max(state.slots for state in trace.model.states.values())
    slots = most if name in trace.by_slot else 1
    for slot in range(slots):
        key = ("variable", name) if slots == 1 else ("variable", name, str(slot))
        label = name if slots == 1 else f"{name}: {slot} cycles in the state"
        make, value = partial(trace.formula, formula, slot), trace.numbers.variable(name, slot)
        trace.add(key, Column("variables", label, make, formula.text, value, format=PLAIN))


def write_trace(trace: Trace, sheet: Sheet) -> None:
    """Fill the sheet of a trace."""
    strategy = trace.model.strategies[trace.strategy]
    words = "One row a cycle, per person. Change nothing here: change Inputs and Control."
    sheet.head(strategy.label, strategy.note or words)
    sheet.put(START_ROW, 1, "at the start", NOTE)
    sheet.put(TOTAL_ROW, 1, "total", NOTE)
    _write_start(trace, sheet)
    place, group = 0, ""
    while place < len(trace.columns):  # writing a long formula may add columns at the end
        key = list(trace.columns)[place]
        column = trace.columns[key]
        place += 1
        sheet.run(
            trace.strip(*key), trace.formula_of(key), Style("calc", column.format), column.rows
        )
        if column.group != group:
            sheet.put(GROUP_ROW, place, column.group, HEADING)
            group = column.group
        sheet.put(LABEL_ROW, place, column.label, HEADER)
        sheet.put(TEXT_ROW, place, column.text, NOTE)
        if column.total:
            summed = total(trace.strip(*key).range())
            trace.totals[key] = sheet.show(TOTAL_ROW, place, summed, Style("result", PLAIN))
    sheet.widths = {i: 8.0 if i <= 3 else 13.0 for i in range(1, len(trace.columns) + 1)}
    sheet.heights[LABEL_ROW] = 54
    sheet.freeze = f"D{FIRST}"
    sheet.print_rows, sheet.print_columns = f"{GROUP_ROW}:{LABEL_ROW}", "A:C"
    sheet.wide = True


def _write_start(trace: Trace, sheet: Sheet) -> None:
    """Shares at time 0 above the columns of occupancy, and the first row of these."""
    engine, start, number = trace.numbers, trace.numbers.start, Style("calc", SHARE)
    columns = {state: trace.strip(*trace.slot_key(state, 0)).column for state in trace.states}
    cells: dict[str, Live] = {}
    for state, formula in start.shares.items():
        share = trace.formula(formula)
        share = Live(share.text.replace("{r}", str(FIRST)), share.value[0])
        cells[state] = sheet.show(START_ROW, columns[state], share, number)
    stated = [cells[state] for state in trace.states if state in cells]
    for state in trace.states:
        if state not in cells:
            rest = largest(0, 1 - sum_of(stated)) if state == start.rest else live(0)
            cells[state] = sheet.show(START_ROW, columns[state], rest, number)
    together = sum_of([cells[state] for state in trace.states])
    for state, share in zip(trace.states, engine.starts(), strict=True):
        column = columns[state]
        sheet.show(FIRST, column, cells[state] / together, number, float(share))
        for slot in range(1, trace.slots(state)):
            sheet.show(FIRST, column + slot, live(0), number)
