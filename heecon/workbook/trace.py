"""The trace of one strategy: one row a cycle; every variable, probability and outcome a column.

Columns are planned first, so that each has its letter, and written then. A column is one formula
all the way down; it may refer to its own row, the row before (occupancy) or the row after (counts
of those at the end of a cycle).
"""

from __future__ import annotations

from heecon.model.definition import Formula, Model
from heecon.model.outcomes import edges_of
from heecon.workbook.address import letters
from heecon.workbook.book import HEADER, HEADING, NOTE, PLAIN, SHARE, TITLE, Sheet, Style
from heecon.workbook.columns import (
    GROUP_ROW,
    LABEL_ROW,
    START_ROW,
    TEXT_ROW,
    TOTAL_ROW,
    Columns,
    Make,
)
from heecon.workbook.layout import FIRST, Layout
from heecon.workbook.numbers import Numbers
from heecon.workbook.timeline import Timeline
from heecon.workbook.trace_checks import RowChecks
from heecon.workbook.trace_moves import Moves
from heecon.workbook.trace_outcomes import Amounts


class Trace:
    """Plans and writes the trace of one strategy.

    Args:
        layout: addresses.
        timeline: time, weights and discount factors.
        numbers: the engine's values.
        strategy: its name.
    """

    def __init__(self, layout: Layout, timeline: Timeline, numbers: Numbers, strategy: str) -> None:
        self.table = Columns(layout, timeline, numbers, strategy)
        self.strategy = strategy
        self.model: Model = layout.case.model
        moves = Moves(self.table)
        self._plan_time()
        moves.plan_occupancy()
        self._plan_variables()
        for state in self.model.transitions:
            moves.plan_transitions(state)
        for edge in edges_of(self.model.transitions, self.model.states):
            moves.plan_flow(edge)
        RowChecks(self.table, moves).plan()
        amounts = Amounts(self.table, moves)
        amounts.plan_factors()
        amounts.plan_counted()
        for outcome in self.model.outcomes.values():
            amounts.plan_outcome(outcome)

    def _plan_time(self) -> None:
        for key, label, style in (
            ("cycle", "Cycle", "0"),
            ("time", "Years", "0.00"),
            ("age", "Age", "0.00"),
        ):
            self.table.add((key,), "time", label, self.table.link(key), format=style)

    def _plan_variables(self) -> None:
        most = max(state.slots for state in self.table.model.states.values())
        for name, formula in self.table.model.variables.items():
            slots = most if name in self.table.by_slot else 1
            for slot in range(slots):
                key = ("variable", name) if slots == 1 else ("variable", name, str(slot))
                label = name if slots == 1 else f"{name}: {slot} cycles in the state"
                make = self._variable(name, formula, slot)
                self.table.add(key, "variables", label, make, formula.text, format=PLAIN)

    def _variable(self, name: str, formula: Formula, slot: int) -> Make:
        return lambda: (self.table.formula(formula, slot), self.table.numbers.variable(name, slot))

    def write(self, sheet: Sheet) -> None:
        """Fill the sheet."""
        strategy = self.table.model.strategies[self.table.strategy]
        sheet.put(1, 1, strategy.label, TITLE)
        sheet.put(
            2,
            1,
            strategy.note
            or "One row a cycle, per person. Change nothing here: change Inputs and Control.",
            NOTE,
        )
        sheet.put(START_ROW, 1, "at the start", NOTE)
        sheet.put(TOTAL_ROW, 1, "total", NOTE)
        self._write_start(sheet)
        place, group = 0, ""
        while place < len(self.table.columns):  # writing a long formula may add columns at the end
            column = self.table.columns[place]
            place += 1
            template, values = column.make()
            sheet.down(column.first, place, template, values, Style("calc", column.format))
            if column.group != group:
                sheet.put(GROUP_ROW, place, column.group, HEADING)
                group = column.group
            sheet.put(LABEL_ROW, place, column.label, HEADER)
            sheet.put(TEXT_ROW, place, column.text, NOTE)
            if column.total:
                letter = letters(place)
                end = FIRST + len(values) - 1
                sheet.calculate(
                    TOTAL_ROW,
                    place,
                    f"SUM({letter}{column.first}:{letter}{end})",
                    float(values.sum()),
                    Style("result", PLAIN),
                )
        sheet.widths = {i: 8.0 if i <= 3 else 13.0 for i in range(1, len(self.table.columns) + 1)}
        sheet.heights[LABEL_ROW] = 54
        sheet.freeze = f"D{FIRST}"
        sheet.print_rows, sheet.print_columns = f"{GROUP_ROW}:{LABEL_ROW}", "A:C"
        sheet.wide = True

    def _write_start(self, sheet: Sheet) -> None:
        """Shares at time 0 above the columns of occupancy, and the first row of these."""
        shares = self.table.numbers.starts()
        start = self.table.numbers.start
        number = Style("calc", SHARE)
        keys = [self.table.slot_key(state, 0) for state in self.table.states]
        cells = [f"{self.table.letters[key]}${START_ROW}" for key in keys]
        stated = [
            cell
            for cell, state in zip(cells, self.table.states, strict=True)
            if state in start.shares
        ]
        for key, state, share in zip(keys, self.table.states, shares, strict=True):
            column = list(self.table.letters).index(key) + 1
            if state in start.shares:
                text = self.table.formula(start.shares[state], 0).replace("{r}", str(FIRST))
                value = float(self.table.numbers.series(start.shares[state])[0])
            else:
                rest = f"MAX(0,1-({'+'.join(stated) or '0'}))"
                text, value = (rest, float(share)) if state == start.rest else ("0", 0.0)
            sheet.calculate(START_ROW, column, text, value, number)
            first = f"{self.table.letters[key]}${START_ROW}/({'+'.join(cells)})"
            sheet.calculate(FIRST, column, first, float(share), number)
            for slot in range(1, self.table.slots(state)):
                sheet.calculate(FIRST, column + slot, "0", 0.0, number)
