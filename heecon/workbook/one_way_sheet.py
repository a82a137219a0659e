"""The one-way analysis: stored costs and QALYs at the ends of every range, live net benefit.

Every strategy's cost and QALYs at either end of every input's range are stored, so that strategy,
comparator and threshold of the tornado stay live.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from heecon.analysis.one_way import OneWay, OneWayRow
from heecon.workbook import charts
from heecon.workbook.address import letters
from heecon.workbook.book import (
    HEADER,
    HEADING,
    MONEY,
    NOTE,
    PLAIN,
    QALY,
    TITLE,
    AnchoredChart,
    Book,
    Choice,
    Sheet,
    Style,
    Value,
)
from heecon.workbook.frontier import COST, EFFECT
from heecon.workbook.results import Results

ONE_WAY = "One_way"
BARS = 15
"""Bars of the tornado; the table has all inputs."""

DECIMALS = 6
"""Swings are rounded so: what differs by less is rounding noise, and has the order of the file."""

FIRST = 12
"""Row of the first input; the stored base case stands above the header."""

NUMBER, LABEL, BASE, LOW, HIGH, AT_LOW, AT_HIGH, SWING, PLACE, UNIT, BASIS = range(1, 12)
STORED = 13
"""First column of stored costs and QALYs."""

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class OneWaySheet:
    """Plans and writes the sheet.

    Attributes:
        found: the analysis.
        results: the sheet of results.
    """

    found: OneWay
    results: Results

    @cached_property
    def rows(self) -> list[tuple[OneWayRow, int]]:
        """Rows by falling swing, each with the run of its low end; the high end follows."""
        run = {name: 2 * i + 1 for i, name in enumerate(self.found.order)}
        return [(row, run[row.name]) for row in self.found.rows]

    @property
    def count(self) -> int:
        """Number of strategies."""
        return len(self.found.outcomes.strategies)

    @property
    def last(self) -> int:
        """Row of the last input."""
        return FIRST + len(self.rows) - 1

    def block(self, which: int) -> int:
        """First column of a block: costs at low and high, QALYs at low and high."""
        return STORED + which * (self.count + 1)

    def nmb(self, run: int) -> float:
        """Incremental net monetary benefit of a run, as the sheet computes it at export."""
        outcomes = self.found.outcomes
        own, base = outcomes.index(self.found.strategy), outcomes.index(self.found.comparator)
        gain = outcomes.effect[run, own] - outcomes.effect[run, base]
        return float(
            self.found.threshold * gain - (outcomes.cost[run, own] - outcomes.cost[run, base])
        )

    def _ranked(self) -> tuple[list[tuple[float, float]], list[float], list[int]]:
        """Changes at both ends, swings without rounding noise, and the rows by falling swing."""
        base = self.nmb(0)
        changes = [(self.nmb(run) - base, self.nmb(run + 1) - base) for _, run in self.rows]
        swings = [round(max(0.0, *ends) - min(0.0, *ends), DECIMALS) for ends in changes]
        return changes, swings, sorted(range(len(swings)), key=lambda i: (-swings[i], i))

    def write(self, book: Book) -> Sheet:
        """Fill the sheet."""
        sheet = book.sheet(ONE_WAY, "One-way analysis and tornado: stored ends, live net benefit")
        case = self.results.case
        sheet.put(1, 1, "One-way analysis", TITLE)
        sheet.put(
            2,
            1,
            "Each input at the ends of its range, the others at their base values. The "
            "costs and QALYs to the right are stored; strategy, comparator and threshold are "
            "live.",
            NOTE,
        )
        self._choose(sheet)
        self._stored(sheet)
        self._table(sheet, book.constant(float(DECIMALS)).text)
        first = self.last + 4
        self._tornado(sheet, first, case.model.settings.currency)
        sheet.widths = {
            **dict.fromkeys(range(3, 10), 15.0),
            **dict.fromkeys(range(STORED, self.block(4)), 13.0),
            1: 10,
            2: 52,
            10: 16,
            11: 34,
            12: 3,
        }
        sheet.heights[FIRST - 1] = 30
        sheet.freeze, sheet.print_area = f"C{FIRST}", f"A1:K{first + 60}"
        sheet.print_rows = f"{FIRST - 1}:{FIRST - 1}"
        return sheet

    def _choose(self, sheet: Sheet) -> None:
        """Strategy, comparator, threshold, and the base case live and stored."""
        outcomes = self.found.outcomes
        first, last = letters(self.block(0)), letters(self.block(0) + self.count - 1)
        names = f"${first}${FIRST - 1}:${last}${FIRST - 1}"
        results = self.results
        sheet.put(4, LABEL, "strategy (choose)")
        sheet.put(4, BASE, self.found.strategy, Style("input"))
        sheet.choices.append(Choice("C4", "=list_strategies", "Whose increments are shown."))
        sheet.calculate(
            4,
            LOW,
            f"MATCH($C$4,{names},0)",
            outcomes.index(self.found.strategy) + 1,
            Style("calc", "0"),
        )
        sheet.put(5, LABEL, "comparator (Control)")
        sheet.calculate(5, BASE, "set_comparator", self.found.comparator, Style("calc"))
        sheet.calculate(
            5,
            LOW,
            f"MATCH($C$5,{names},0)",
            outcomes.index(self.found.comparator) + 1,
            Style("calc", "0"),
        )
        sheet.put(6, LABEL, "threshold (Control, the first)")
        sheet.calculate(6, BASE, "set_threshold_1", self.found.threshold, Style("calc", "#,##0"))
        across, frontier = results.across(results.rows["names"]), results.frontier

        def live(column: int, name: str) -> str:
            return f"INDEX({frontier.range(column)},MATCH({name},{across},0))"

        gain = f"({live(EFFECT, '$C$4')}-{live(EFFECT, '$C$5')})"
        spent = f"({live(COST, '$C$4')}-{live(COST, '$C$5')})"
        sheet.put(7, LABEL, "incremental net benefit, base, live")
        sheet.calculate(
            7, BASE, f"$C$6*{gain}-{spent}", self.found.base.nmb, Style("result", MONEY)
        )
        sheet.put(8, LABEL, "the same, base, stored")
        sheet.calculate(8, BASE, self._benefit(FIRST - 2, 0), self.nmb(0), Style("result", MONEY))

    def _benefit(self, row: int, end: int) -> str:
        """Incremental net benefit from the stored costs and QALYs of a row."""

        def at(block: int, number: str) -> str:
            first = letters(self.block(block))
            last = letters(self.block(block) + self.count - 1)
            return f"INDEX(${first}{row}:${last}{row},{number})"

        gain = f"({at(2 + end, '$D$4')}-{at(2 + end, '$D$5')})"
        return f"$C$6*{gain}-({at(end, '$D$4')}-{at(end, '$D$5')})"

    def _stored(self, sheet: Sheet) -> None:
        """Costs and QALYs of every strategy at both ends of every input, and in the base case."""
        outcomes = self.found.outcomes
        titles = ("cost at low", "cost at high", "QALYs at low", "QALYs at high")
        sheet.put(FIRST - 2, STORED - 1, "base", NOTE)
        for which, title in enumerate(titles):
            column = self.block(which)
            cube, style = (outcomes.cost, MONEY) if which < 2 else (outcomes.effect, QALY)
            sheet.put(FIRST - 3, column, title, HEADING)
            for i, name in enumerate(outcomes.strategies):
                sheet.put(FIRST - 1, column + i, name, HEADER)
                sheet.put(FIRST - 2, column + i, float(cube[0, i]), Style("stored", style))
                for row, (_, run) in enumerate(self.rows, start=FIRST):
                    value = float(cube[run + which % 2, i])
                    sheet.put(row, column + i, value, Style("stored", style))

    def _table(self, sheet: Sheet, digits: str) -> None:
        heads = (
            "number",
            "input",
            "base value",
            "low value",
            "high value",
            "change at low",
            "change at high",
            "swing",
            "place",
            "unit",
            "range from",
        )
        sheet.across(FIRST - 1, 1, heads, HEADER)
        changes, swings, order = self._ranked()
        places = {i: place for place, i in enumerate(order, start=1)}
        area = f"${letters(SWING)}${FIRST}:${letters(SWING)}${self.last}"
        numbers = f"${letters(NUMBER)}${FIRST}:${letters(NUMBER)}${self.last}"
        for i, (line, _) in enumerate(self.rows):
            row = FIRST + i
            sheet.put(row, NUMBER, i + 1, Style("data", "0"))
            sheet.put(row, LABEL, _words(line))
            for column, values in (
                (BASE, line.base_values),
                (LOW, line.low_values),
                (HIGH, line.high_values),
            ):
                sheet.put(row, column, values[0], Style("stored", PLAIN))
            for column, end in ((AT_LOW, 0), (AT_HIGH, 1)):
                sheet.calculate(
                    row,
                    column,
                    f"{self._benefit(row, end)}-$C$8",
                    changes[i][end],
                    Style("result", MONEY),
                )
            low, high = f"${letters(AT_LOW)}{row}", f"${letters(AT_HIGH)}{row}"
            sheet.calculate(
                row,
                SWING,
                f"ROUND(MAX(0,{low},{high})-MIN(0,{low},{high}),{digits})",
                swings[i],
                Style("result", MONEY),
            )
            swing = f"${letters(SWING)}{row}"
            sheet.calculate(
                row,
                PLACE,
                f"SUMPRODUCT(({area}>{swing})+({area}={swing})*({numbers}<=${letters(NUMBER)}{row}))",
                places[i],
                Style("calc", "0"),
            )
            sheet.put(row, UNIT, line.unit)
            sheet.put(row, BASIS, line.basis)

    def _tornado(self, sheet: Sheet, first: int, currency: str) -> None:
        """The widest swings in order, live, and their chart."""
        count = min(BARS, len(self.rows))
        sheet.put(first - 2, 1, f"The {count} inputs with the widest swing", HEADING)
        sheet.across(first - 1, 1, ("place", "input", "change at low", "change at high"), HEADER)
        sheet.heights[first - 1] = 30
        changes, _, order = self._ranked()
        places = f"${letters(PLACE)}${FIRST}:${letters(PLACE)}${self.last}"
        for k in range(count):
            row = first + k
            sheet.put(row, 1, k + 1, Style("data", "0"))
            found = order[k]
            cells: tuple[tuple[int, int, Value, str], ...] = (
                (2, LABEL, _words(self.rows[found][0]), PLAIN),
                (3, AT_LOW, changes[found][0], MONEY),
                (4, AT_HIGH, changes[found][1], MONEY),
            )
            for column, source, value, style in cells:
                area = f"${letters(source)}${FIRST}:${letters(source)}${self.last}"
                formula = f"INDEX({area},MATCH($A{row},{places},0))"
                sheet.calculate(row, column, formula, value, Style("result", style))
        areas = [
            f"{ONE_WAY}!${letter}${first}:${letter}${first + count - 1}"
            for letter in ("B", "C", "D")
        ]
        chart = charts.tornado(areas[0], areas[1], areas[2], currency, count)
        sheet.breaks.append(first - 3)
        sheet.charts.append(AnchoredChart(chart, f"A{first + count + 1}"))


def _words(row: OneWayRow) -> str:
    """What a row is about: its label, and the strategy where it is one strategy's."""
    strategy = row.name.partition("[")[2].rstrip("]")
    label = row.label or row.name
    return f"{label} ({strategy})" if strategy else label
