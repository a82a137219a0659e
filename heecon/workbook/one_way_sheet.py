"""The one-way analysis: stored costs and QALYs at the ends of every range, live net benefit.

Every strategy's cost and QALYs at either end of every input's range are stored, so that strategy,
comparator and threshold of the tornado stay live.
"""

from __future__ import annotations

from heecon.analysis.one_way import OneWay, OneWayRow
from heecon.workbook import charts
from heecon.workbook.book import (
    HEADING,
    MONEY,
    NOTE,
    PLAIN,
    QALY,
    TEXT,
    AnchoredChart,
    Choice,
    Style,
)
from heecon.workbook.frontier import Frontier
from heecon.workbook.live import (
    Live,
    area,
    index,
    largest,
    match,
    rounded,
    smallest,
    sum_product,
    where,
)
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

HEADS = (
    "number", "input", "base value", "low value", "high value", "change at low", "change at high",
    "swing", "place", "unit", "range from",
)  # fmt: skip


class OneWaySheet:
    """Writes the sheet.

    Args:
        found: the analysis.
        results: the sheet of results, written.
        frontier: the live totals.
    """

    def __init__(self, found: OneWay, results: Results, frontier: Frontier) -> None:
        self.found = found
        self.results = results
        self.book = results.book
        self.count = len(found.outcomes.strategies)
        self.sheet = self.book.sheet(
            ONE_WAY, "One-way analysis and tornado: stored ends, live net benefit"
        )
        self.stored: dict[int, list[Live]] = {}
        self.rows = range(FIRST, FIRST + len(found.rows))
        currency = results.case.model.settings.currency
        sheet = self.sheet
        sheet.head(
            "One-way analysis",
            "Each input at the ends of its range, the others at their base values. The "
            "costs and QALYs to the right are stored; strategy, comparator and threshold are "
            "live.",
        )
        stale = self.book.named["set_stale"]
        sheet.show(3, 1, where(stale.equals(""), "", stale), Style("warning"))
        names = self._write_stored()
        self._choose(area(names), frontier)
        first = self.rows[-1] + 4
        self._write_tornado(first, currency, *self._write_table())
        sheet.widths = {
            **dict.fromkeys(range(3, 10), 15.0),
            **dict.fromkeys(range(STORED, self._block(4)), 13.0),
            1: 10,
            2: 52,
            10: 16,
            11: 34,
            12: 3,
        }
        sheet.heights[FIRST - 1] = 30
        sheet.freeze, sheet.print_area = f"C{FIRST}", f"A1:K{first + 60}"
        sheet.print_rows = f"{FIRST - 1}:{FIRST - 1}"

    def _block(self, which: int) -> int:
        """First column of a block: costs at low and high, QALYs at low and high."""
        return STORED + which * (self.count + 1)

    def _write_stored(self) -> list[Live]:
        """Costs and QALYs of every strategy at both ends of every input, and in the base case.

        Returns the cells of the strategies' names.
        """
        outcomes, sheet = self.found.outcomes, self.sheet
        # The base case stands first among the runs; the ends of an input follow each other.
        lows = {name: 2 * i + 1 for i, name in enumerate(self.found.order)}
        runs = {FIRST - 2: (0, 0)}
        for row, line in zip(self.rows, self.found.rows, strict=True):
            runs[row] = (lows[line.name], lows[line.name] + 1)
        sheet.put(FIRST - 2, STORED - 1, "base", NOTE)
        heads = []
        titles = ("cost at low", "cost at high", "QALYs at low", "QALYs at high")
        for which, title in enumerate(titles):
            column = self._block(which)
            cube, style = (outcomes.cost, MONEY) if which < 2 else (outcomes.effect, QALY)
            sheet.put(FIRST - 3, column, title, HEADING)
            heads.append(sheet.across(FIRST - 1, column, outcomes.strategies))
            for row, ends in runs.items():
                values = cube[ends[which % 2]].tolist()
                cells = sheet.across(row, column, values, Style("stored", style))
                self.stored.setdefault(row, []).append(area([cell.relative for cell in cells]))
        return heads[0]

    def _choose(self, names: Live, frontier: Frontier) -> None:
        """Strategy, comparator, threshold, and the base case live and stored."""
        sheet, named = self.sheet, self.book.named
        whole = Style("calc", "0")
        sheet.put(4, LABEL, "strategy (choose)")
        strategy = sheet.put(4, BASE, self.found.strategy, Style("input"))
        sheet.choices.append(Choice("C4", "=list_strategies", "Whose increments are shown."))
        sheet.put(5, LABEL, "comparator (Control)")
        comparator = sheet.show(5, BASE, named["set_comparator"], Style("calc"))
        self.own = sheet.show(4, LOW, match(strategy, names), whole)
        self.base = sheet.show(5, LOW, match(comparator, names), whole)
        sheet.put(6, LABEL, "threshold (Control, the first)")
        self.level = sheet.show(6, BASE, named["set_threshold_1"], Style("calc", "#,##0"))
        place, base = self.results.place(strategy), self.results.place(comparator)
        gain = index(frontier.effect, place) - index(frontier.effect, base)
        spent = index(frontier.cost, place) - index(frontier.cost, base)
        sheet.put(7, LABEL, "incremental net benefit, base, live")
        sheet.show(7, BASE, self.level * gain - spent, Style("result", MONEY))
        sheet.put(8, LABEL, "the same, base, stored")
        at_base = self._benefit(FIRST - 2, 0)
        self.at_base = sheet.show(8, BASE, at_base, Style("result", MONEY))

    def _benefit(self, row: int, end: int) -> Live:
        """Incremental net benefit from the stored costs and QALYs of a row."""
        costs, effects = self.stored[row][end], self.stored[row][2 + end]
        gain = index(effects, self.own) - index(effects, self.base)
        return self.level * gain - (index(costs, self.own) - index(costs, self.base))

    def _write_table(self) -> tuple[Live, dict[int, Live]]:
        """Every input; returns the column of places, and those the tornado shows."""
        sheet, digits = self.sheet, self.book.constant(float(DECIMALS))
        sheet.across(FIRST - 1, 1, HEADS)
        cells: dict[int, list[Live]] = {c: [] for c in (NUMBER, LABEL, AT_LOW, AT_HIGH, SWING)}
        for row, line in zip(self.rows, self.found.rows, strict=True):
            cells[NUMBER].append(sheet.put(row, NUMBER, row - FIRST + 1, Style("data", "0")))
            cells[LABEL].append(sheet.put(row, LABEL, _words(line)))
            values = (line.base_values[0], line.low_values[0], line.high_values[0])
            sheet.across(row, BASE, values, Style("stored", PLAIN))
            ends = []
            for end, column in enumerate((AT_LOW, AT_HIGH)):
                change = self._benefit(row, end) - self.at_base
                cells[column].append(sheet.show(row, column, change, Style("result", MONEY)))
                ends.append(cells[column][-1].relative)
            swing = rounded(largest(0, *ends) - smallest(0, *ends), digits)
            cells[SWING].append(sheet.show(row, SWING, swing, Style("result", MONEY)))
            sheet.across(row, UNIT, (line.unit, line.basis), TEXT)
        swings, numbers = area(cells[SWING]), area(cells[NUMBER])
        places = []
        for row, swing, number in zip(self.rows, cells[SWING], cells[NUMBER], strict=True):
            earlier = swings.equals(swing.relative) * (numbers <= number.relative)
            place = sum_product((swings > swing.relative) + earlier)
            places.append(sheet.show(row, PLACE, place, Style("calc", "0")))
        return area(places), {column: area(cells[column]) for column in (LABEL, AT_LOW, AT_HIGH)}

    def _write_tornado(
        self, first: int, currency: str, places: Live, columns: dict[int, Live]
    ) -> None:
        """The widest swings in order, live, and their chart."""
        sheet, count = self.sheet, min(BARS, len(self.rows))
        sheet.put(first - 2, 1, f"The {count} inputs with the widest swing", HEADING)
        sheet.across(first - 1, 1, ("place", "input", "change at low", "change at high"))
        sheet.heights[first - 1] = 30
        shown: dict[int, list[Live]] = {source: [] for source in columns}
        for k in range(count):
            number = sheet.put(first + k, 1, k + 1, Style("data", "0")).relative
            for column, (source, cells) in enumerate(columns.items(), start=2):
                style = Style("result", PLAIN if source == LABEL else MONEY)
                formula = index(cells, match(number, places))
                shown[source].append(sheet.show(first + k, column, formula, style))
        names, low, high = (area(cells).text for cells in shown.values())
        chart = charts.tornado(names, low, high, currency, count)
        sheet.breaks.append(first - 3)
        sheet.charts.append(AnchoredChart(chart, f"A{first + count + 1}"))


def _words(row: OneWayRow) -> str:
    """What a row is about: its label, and the strategy where it is one strategy's."""
    strategy = row.name.partition("[")[2].rstrip("]")
    label = row.label or row.name
    return f"{label} ({strategy})" if strategy else label
