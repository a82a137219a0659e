"""The sheet of results: totals, incremental analysis, pairs, net benefit, categories."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from heecon.analysis.incremental import Quadrant, Status
from heecon.workbook import charts
from heecon.workbook.book import (
    HEADING,
    MONEY,
    NOTE,
    PLAIN,
    QALY,
    SHARE,
    TITLE,
    AnchoredChart,
    Book,
    Sheet,
    Style,
)
from heecon.workbook.case import WorkbookInput
from heecon.workbook.columns import Trace
from heecon.workbook.frontier import Frontier, add_frontier, mark_left_out
from heecon.workbook.layout import ABSENT
from heecon.workbook.live import (
    LOOSE,
    Live,
    all_of,
    any_of,
    area,
    as_number,
    count,
    index,
    is_number,
    joined,
    largest,
    match,
    sum_if,
    sum_of,
    sum_product,
    total,
    where,
)
from heecon.workbook.outcomes import KIND_WORDS, OutcomeCells
from heecon.workbook.outcomes import joined as kind_and_category
from heecon.workbook.settings import thresholds

RESULTS = "Results"
FIRST = 3
"""Column of the first strategy, and of the first result of tables with strategies down."""

MEASURES = (("cost", "Costs", MONEY), ("qaly", "QALYs", QALY), ("life_year", "Life years", QALY))
TOTALS_ROW = 6
RATIO = "#,##0"


@dataclass
class Results:
    """Writes the results.

    Attributes:
        case: what is exported.
        book: the workbook.
        outcomes: cells of the sheet of outcomes.
        traces: by strategy.
        names: cells of the strategies' names, once written; so are the others.
        totals: (kind, whether discounted) -> a cell a strategy.
        alive: share alive at the end, a cell a strategy.
        categories: (kind, category) -> discounted amounts, a cell a strategy.
        frontier: the workings of the incremental analysis; None without QALYs.
    """

    case: WorkbookInput
    book: Book
    outcomes: OutcomeCells
    traces: Mapping[str, Trace]
    names: list[Live] = field(default_factory=list)
    totals: dict[tuple[str, bool], list[Live]] = field(default_factory=dict)
    alive: list[Live] = field(default_factory=list)
    categories: dict[tuple[str, str], list[Live]] = field(default_factory=dict)
    frontier: Frontier | None = None

    @cached_property
    def sheet(self) -> Sheet:
        """The sheet."""
        return self.book.sheet(RESULTS, "Costs, QALYs, incremental analysis and net benefit, live")

    @property
    def strategies(self) -> tuple[str, ...]:
        """Of the family."""
        return tuple(self.traces)

    def place(self, name: Live) -> Live:
        """Number of a strategy whose name a cell holds."""
        return match(name, area(self.names))

    def write(self) -> None:
        """Fill the sheet, and that of the workings of the incremental analysis."""
        sheet, named = self.sheet, self.book.named
        sheet.put(1, 1, "Results per person", TITLE)
        changes = joined(", with ", named["set_changes"], " override(s)")
        changes = where(named["set_changes"] > 0, changes, "")
        sheet.show(2, 1, joined("Scenario: ", named["set_scenario"], changes), NOTE)
        if self.case.outcomes is not None:
            # A cell of its own: a check compares all others with an export without draws.
            draw = named["set_psa_draw"]
            notice = where(draw > 0, joined("DRAW ", draw, " OF THE PSA"), "")
            sheet.show(1, 3, notice, Style("warning"))
        year = named["set_price_year"]
        of_year = where(year.equals(ABSENT), "", joined(", ", year))
        words = ". Differences are always strategy minus the one it is compared with."
        sheet.show(3, 1, joined("Money: ", named["set_currency"], of_year, words), NOTE)
        row = self._write_totals()
        if self.case.has_qalys:
            cost, effect = (area(self.totals[kind, True]) for kind in ("cost", "qaly"))
            self.frontier = add_frontier(self.book, self.strategies, cost, effect)
            row = self._write_incremental(row + 2, self.frontier)
            row = self._write_pairs(row + 2, self.frontier)
            row = self._write_net_benefit(row + 2, self.frontier)
        row = self._write_categories(row + 2)
        sheet.widths = {1: 34, 2: 26} | {FIRST + i: 17 for i in range(max(len(self.names), 8))}
        sheet.freeze = "B5"
        sheet.put(row + 2, 1, "Costs by category (discounted)", HEADING)
        sheet.breaks.append(row + 1)
        areas = {
            category: area(cells).text
            for (kind, category), cells in self.categories.items()
            if kind == "cost"
        }
        chart = charts.cost_breakdown(areas, area(self.names).text)
        sheet.charts.append(AnchoredChart(chart, f"A{row + 3}"))

    def _header(self, row: int, title: str, heads: Sequence[str]) -> None:
        self.sheet.put(row, 1, title, HEADING)
        self.sheet.across(row + 1, 1, heads)
        self.sheet.heights[row + 1] = 30

    # --- totals -----------------------------------------------------------------------------------

    def _by_strategy(
        self,
        row: int,
        label: str,
        unit: str,
        make: Callable[[str], Live],
        style: Style,
        values: Mapping[str, float] | None = None,
    ) -> list[Live]:
        """A row with one live value a strategy, and the engine's values where it has any."""
        self.sheet.put(row, 1, label)
        self.sheet.put(row, 2, unit, NOTE)
        return [
            self.sheet.show(row, column, make(name), style, (values or {}).get(name))
            for column, name in enumerate(self.strategies, start=FIRST)
        ]

    def _write_totals(self) -> int:
        model, evaluation = self.case.model, self.case.variant.evaluation
        labels = [strategy.label for strategy in model.strategies.values()]
        self._header(TOTALS_ROW - 2, "Totals", ("", "", *labels))
        self.sheet.heights[TOTALS_ROW - 1] = 45
        row = TOTALS_ROW
        self.sheet.put(row, 1, "name in the model", NOTE)
        self.names = self.sheet.across(row, FIRST, self.strategies, NOTE)
        if self.case.has_qalys:
            last = TOTALS_ROW + 7 + sum(o.kind == "count" for o in model.outcomes.values())
            mark_left_out(self.book, self.sheet, TOTALS_ROW - 2, self.names, last)
        engine = {
            ("cost", True): evaluation.cost(),
            ("qaly", True): evaluation.qalys(),
            ("life_year", True): evaluation.life_years(),
        }
        for discounted in (True, False):
            word = "discounted" if discounted else "undiscounted"
            for kind, label, style in MEASURES:
                row += 1

                def summed(name: str, kind: str = kind, discounted: bool = discounted) -> Live:
                    column = self.outcomes.column(name, discounted=discounted)
                    return sum_if(self.outcomes.kinds, kind, column)

                values = engine.get((kind, discounted))
                self.totals[kind, discounted] = self._by_strategy(
                    row, label, word, summed, Style("result", style), values
                )
        for name, outcome in model.outcomes.items():
            if outcome.kind == "count":
                row += 1

                def counted(strategy: str, name: str = name) -> Live:
                    return self.outcomes.amounts[strategy, False][name]

                number = Style("result", "0.0000")
                self._by_strategy(row, outcome.label, "number, undiscounted", counted, number)
        row += 1
        words = ("Alive at the end", "share of the cohort")
        self.alive = self._by_strategy(row, *words, self._alive, Style("calc", SHARE))
        return row

    def _alive(self, strategy: str) -> Live:
        states, end = self.case.model.states.values(), self.book.named["set_cycles"] + 1
        people = [
            self.traces[strategy].strip("occupancy", state.name).range()
            for state in states
            if not state.absorbing
        ]
        return sum_of([index(cells, end) for cells in people])

    # --- incremental ------------------------------------------------------------------------------

    def _row(self, row: int, cells: Sequence[tuple[int, Live, str]]) -> list[Live]:
        """Cells of a table: column, formula, format. Returns the cells that other formulas read."""
        return [
            self.sheet.show(
                row, column, formula, Style("word" if style == PLAIN else "result", style)
            ).relative
            for column, formula, style in cells
        ]

    def _write_incremental(self, row: int, f: Frontier) -> int:
        heads = (
            "strategy", "compared with", "cost", "QALYs", "incremental cost", "incremental QALYs",
            "ICER", "status", "place",
        )  # fmt: skip
        self._header(row, "Fully incremental analysis, by rising cost", heads)
        names = area(self.names)
        for number in range(1, len(self.names) + 1):
            line = row + 1 + number
            place = self.sheet.put(line, 9, number, Style("data", "0")).relative
            at, kept = match(place, f.rank), place <= total(f.kept)
            against = index(f.against, at)
            compared = where(against.equals(""), "", index(names, against))
            _, other, cost, effect, status = self._row(
                line,
                [
                    (1, where(kept, index(names, at), ""), PLAIN),
                    (2, where(kept, compared, ""), PLAIN),
                    (3, where(kept, index(f.cost, at), ""), MONEY),
                    (4, where(kept, index(f.effect, at), ""), QALY),
                    (8, where(kept, index(f.status, at), ""), PLAIN),
                ],
            )
            alone = other.equals("")
            more_cost, more_effect = self._row(
                line,
                [
                    (5, where(alone, "", cost - index(f.cost, against)), MONEY),
                    (6, where(alone, "", effect - index(f.effect, against)), QALY),
                ],
            )
            extended = status.equals(Status.EXTENDEDLY_DOMINATED)
            defined = any_of(status.equals(Status.FRONTIER), extended)
            self._row(line, [(7, where(defined, more_cost / more_effect, ""), RATIO)])
        return row + 1 + len(self.names)

    def _number(self, cell: Live, first: Live) -> Live:
        """Number of a strategy in a table with one row each."""
        return Live(
            f"ROW({cell})-ROW({first})+1", self.strategies.index(cell.value) + 1.0, level=LOOSE
        )

    def _write_pairs(self, row: int, f: Frontier) -> int:
        heads = (
            "strategy", "comparator", "incremental cost", "incremental QALYs", "ICER", "quadrant",
        )  # fmt: skip
        self._header(row, "Every strategy against the comparator", heads)
        comparator = self.book.named["set_comparator"]
        base = self.place(comparator)
        cells = [self.sheet.put(row + 2 + i, 1, name) for i, name in enumerate(self.strategies)]
        for line, cell in enumerate(cells, start=row + 2):
            name, number = cell.relative, self._number(cell.relative, cells[0])
            usable = all_of(index(f.kept, number).equals(1), name.differs(comparator))
            (other,) = self._row(line, [(2, where(usable, comparator, ""), PLAIN)])
            differences = [
                where(other.equals(""), "", index(values, number) - index(values, base))
                for values in (f.cost, f.effect)
            ]
            cost, effect = self._row(line, [(3, differences[0], MONEY), (4, differences[1], QALY)])
            quadrant = where(other.equals(""), "", _quadrant(cost, effect))
            (quadrant,) = self._row(line, [(6, quadrant, PLAIN)])
            defined = any_of(
                quadrant.equals(Quadrant.NORTH_EAST), quadrant.equals(Quadrant.SOUTH_WEST)
            )
            self._row(line, [(5, where(defined, cost / effect, ""), RATIO)])
        return row + 1 + len(cells)

    # --- net benefit ------------------------------------------------------------------------------

    def _write_net_benefit(self, row: int, f: Frontier) -> int:
        """Net monetary benefit, net health benefit and increments at each threshold."""
        base = self.place(self.book.named["set_comparator"])

        def over(number: Live, level: Live) -> Live:
            gain = index(f.effect, number) - index(f.effect, base)
            return level * gain - (index(f.cost, number) - index(f.cost, base))

        tables: tuple[tuple[str, str, Callable[[Live, Live], Live]], ...] = (
            (
                "Net monetary benefit",
                MONEY,
                lambda number, level: level * index(f.effect, number) - index(f.cost, number),
            ),
            ("Net monetary benefit over the comparator", MONEY, over),
            (
                "Net health benefit (QALYs)",
                QALY,
                lambda number, level: index(f.effect, number) - index(f.cost, number) / level,
            ),
        )
        for table, (title, style, benefit) in enumerate(tables):
            self.sheet.put(row, 1, title, HEADING)
            self.sheet.across(row + 1, 1, ("strategy", ""))
            levels = [
                self.sheet.show(
                    row + 1,
                    FIRST + t,
                    self.book.named[f"set_threshold_{t + 1}"],
                    Style("header", RATIO),
                ).across
                for t in range(thresholds(self.case))
            ]
            names = [self.sheet.put(row + 2 + i, 1, name) for i, name in enumerate(self.strategies)]
            columns: list[list[Live]] = [[] for _ in levels]
            for line, cell in enumerate(names, start=row + 2):
                number = self._number(cell.relative, names[0])
                for t, level in enumerate(levels):
                    usable = all_of(is_number(level), index(f.kept, number).equals(1))
                    formula = where(usable, benefit(number, level), "")
                    shown = self.sheet.show(line, FIRST + t, formula, Style("result", style))
                    columns[t].append(shown.across)
            row += 2 + len(names)
            if table == 0:
                self._write_best(row, names, columns)
                row += 1
            row += 1
        return row - 2

    def _write_best(self, row: int, names: list[Live], columns: list[list[Live]]) -> None:
        """The strategy with the highest net benefit at each threshold."""
        self.sheet.put(row, 1, "highest net benefit", Style("calc"))
        for t, cells in enumerate(columns):
            benefit = area(cells)
            best = index(area(names), match(largest(benefit), benefit))
            formula = where(count(benefit).equals(0), "", best)
            self.sheet.show(row, FIRST + t, formula, Style("word"))

    # --- categories -------------------------------------------------------------------------------

    def _write_categories(self, row: int) -> int:
        outcomes = self.case.model.outcomes
        # Counts of different things are not added: each has a row of its own.
        pairs = dict.fromkeys(
            (o.kind, o.category, name if o.kind == "count" else "") for name, o in outcomes.items()
        )
        order = list(KIND_WORDS)
        for discounted in (True, False):
            word = "discounted" if discounted else "undiscounted"
            heads = ("category", "kind", *self.strategies)
            self._header(row, f"By category, {word}", heads)
            row += 2
            for kind, category, own in sorted(pairs, key=lambda pair: order.index(pair[0])):
                self.sheet.put(row, 1, outcomes[own].label if own else category)
                words = self.sheet.put(row, 2, kind_and_category(kind, category), NOTE).relative
                style = Style("result", MONEY if kind == "cost" else QALY)
                cells = []
                for column, name in enumerate(self.strategies, start=FIRST):
                    amounts = self.outcomes.column(name, discounted=discounted)
                    belongs = as_number(self.outcomes.categories.equals(words))
                    formula = sum_product(belongs, amounts)
                    if own:
                        formula = self.outcomes.amounts[name, discounted][own]
                    cells.append(self.sheet.show(row, column, formula, style))
                if discounted:
                    self.categories[kind, category] = cells
                row += 1
            row += 1
        return row - 1


def _quadrant(cost: Live, effect: Live) -> Live:
    """Where increments lie on the cost-effectiveness plane."""

    def by_cost(dearer: Quadrant, cheaper: Quadrant, same: Quadrant) -> Live:
        return where(cost > 0, dearer, where(cost < 0, cheaper, same))

    return where(
        effect > 0,
        by_cost(Quadrant.NORTH_EAST, Quadrant.SOUTH_EAST, Quadrant.EAST),
        where(
            effect < 0,
            by_cost(Quadrant.NORTH_WEST, Quadrant.SOUTH_WEST, Quadrant.WEST),
            by_cost(Quadrant.NORTH, Quadrant.SOUTH, Quadrant.ORIGIN),
        ),
    )
