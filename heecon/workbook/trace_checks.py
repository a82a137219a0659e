"""The part of a trace that checks every row: probabilities, cohort, absorbing states."""

from __future__ import annotations

import numpy as np

from heecon.workbook.book import PLAIN
from heecon.workbook.columns import Columns, Floats
from heecon.workbook.layout import FIRST
from heecon.workbook.trace_moves import Moves


class RowChecks:
    """Plans the columns of checks.

    Args:
        table: the columns of the trace.
        moves: its probabilities.
    """

    def __init__(self, table: Columns, moves: Moves) -> None:
        self.table = table
        self.moves = moves

    def plan(self) -> None:
        """Plan the four columns."""
        group = "checks of the row"
        self.table.add(
            ("check", "rows"),
            group,
            "probabilities: distance of their sum from 1",
            self._row_sums,
            format=PLAIN,
        )
        self.table.add(("check", "least"), group, "lowest probability", self._least, format=PLAIN)
        self.table.add(
            ("check", "cohort"),
            group,
            "cohort: distance of its sum from 1",
            self._cohort,
            format=PLAIN,
        )
        self.table.add(
            ("check", "absorbing"),
            group,
            "smallest growth of an absorbing state",
            self._growth,
            first=FIRST + 1,
            format=PLAIN,
        )

    def _chances(self, origin: str) -> tuple[str, int, list[Floats]]:
        """Range of all probabilities of leaving a state, how many sum to 1, and their values."""
        row = self.table.model.transitions[origin]
        apart = self.moves.told_apart[origin]
        names = [*row.to, "rest"]
        keys = [
            self.moves.key("chance", origin, name, slot) for name in names for slot in range(apart)
        ]
        values = [
            self.table.numbers.probability(self.moves.moves[origin, name], slot)
            for name in names
            for slot in range(apart)
        ]
        return f"{self.table.cell(*keys[0])}:{self.table.cell(*keys[-1])}", apart, values

    def _row_sums(self) -> tuple[str, Floats]:
        parts, faults = [], [np.zeros(self.table.numbers.points - 1)]
        for origin in self.table.model.transitions:
            area, count, values = self._chances(origin)
            many = self.table.layout.book.constant(float(count)) if count > 1 else "1"
            parts.append(f"ABS(SUM({area})-{many})")
            faults.append(np.abs(sum(values, np.zeros(self.table.numbers.points - 1)) - count))
        return f"MAX({','.join(parts)})", np.max(faults, axis=0)

    def _least(self) -> tuple[str, Floats]:
        found = [self._chances(origin) for origin in self.table.model.transitions]
        values = [
            np.broadcast_to(v, (self.table.numbers.points - 1,)) for _, _, vs in found for v in vs
        ]
        return f"MIN({','.join(area for area, _, _ in found)})", np.min(values, axis=0)

    def _cohort(self) -> tuple[str, Floats]:
        cells = ",".join(self.table.cell("occupancy", state) for state in self.table.states)
        return f"ABS(SUM({cells})-1)", np.abs(self.table.numbers.occupancy.sum(axis=1) - 1)

    def _growth(self) -> tuple[str, Floats]:
        kept = [
            i
            for i, state in enumerate(self.table.states)
            if self.table.model.states[state].absorbing
        ]
        if not kept:
            return "0", np.zeros(self.table.numbers.points - 1)
        cells = [
            f"{self.table.cell('occupancy', self.table.states[i])}-"
            f"{self.table.cell('occupancy', self.table.states[i], row='{p}')}"
            for i in kept
        ]
        growth = np.diff(self.table.numbers.occupancy[:, kept], axis=0).min(axis=1)
        return f"MIN({','.join(cells)})", growth
