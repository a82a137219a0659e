"""The sheet of results: totals, incremental analysis, pairs, net benefit, categories."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property

from heecon.analysis.incremental import Quadrant, Status
from heecon.workbook import charts
from heecon.workbook.address import letters
from heecon.workbook.book import (
    HEADER,
    HEADING,
    MONEY,
    NOTE,
    PLAIN,
    QALY,
    SHARE,
    TITLE,
    AnchoredChart,
    Book,
    Kind,
    Sheet,
    Style,
    Value,
)
from heecon.workbook.case import Case
from heecon.workbook.columns import Trace
from heecon.workbook.frontier import AGAINST, COST, EFFECT, KEPT, RANK, STATUS, Frontier
from heecon.workbook.layout import ABSENT, Layout
from heecon.workbook.numbers import Numbers
from heecon.workbook.outcomes import KIND_WORDS, OutcomeSheet, joined
from heecon.workbook.settings import thresholds

RESULTS = "Results"
FIRST = 3
"""Column of the first strategy, and of the first result of tables with strategies down."""

MEASURES = (("cost", "Costs", MONEY), ("qaly", "QALYs", QALY), ("life_year", "Life years", QALY))
TOTALS_ROW = 6


class Results:
    """Plans and writes the results.

    Args:
        case: what is exported.
        layout: addresses.
        outcomes: the sheet of outcomes.
        numbers: the engine's numbers by strategy.
    """

    def __init__(
        self, case: Case, layout: Layout, outcomes: OutcomeSheet, numbers: Mapping[str, Numbers]
    ) -> None:
        self.case = case
        self.layout = layout
        self.outcomes = outcomes
        self.numbers = numbers
        self.count = len(layout.strategies)
        totals = [
            tuple(outcomes.total(kind, i, discounted=True) for kind in ("cost", "qaly"))
            for i in range(self.count)
        ]
        self.frontier = Frontier(case, layout, [(cost, effect) for cost, effect in totals])
        self.rows: dict[str, int] = {}

    def across(self, row: int) -> str:
        """Address of a row of the strategies' values, for other sheets."""
        last = letters(FIRST + self.count - 1)
        return f"{RESULTS}!${letters(FIRST)}${row}:${last}${row}"

    def down(self, table: str, column: int) -> str:
        """Address of a column of a table with strategies down, for other sheets."""
        row = self.rows[table]
        return f"{RESULTS}!${letters(column)}${row}:${letters(column)}${row + self.count - 1}"

    # --- write ------------------------------------------------------------------------------------

    def write(self, book: Book, traces: Mapping[str, Trace]) -> Sheet:
        """Fill the sheet, and the workings of the incremental analysis after it."""
        sheet = book.sheet(RESULTS, "Costs, QALYs, incremental analysis and net benefit, live")
        settings = self.case.model.settings
        sheet.put(1, 1, "Results per person", TITLE)
        live = '"Scenario: "&set_scenario&IF(set_changes>0,", with "&set_changes&" override(s)","")'
        made = f", with {self.case.overrides} override(s)" if self.case.overrides else ""
        sheet.calculate(2, 1, live, f"Scenario: {self.case.variant.name}{made}", NOTE)
        words = ", ".join(filter(None, [settings.currency, str(settings.price_year or "")]))
        sheet.put(
            3,
            1,
            f"Money: {words or 'as in the inputs'}. Differences are always strategy minus "
            "the one it is compared with.",
            NOTE,
        )
        row = self._totals(sheet, traces)
        if self.case.has_qalys:
            cost, effect = (
                self.across(self.rows[f"{kind} discounted"]) for kind in ("cost", "qaly")
            )
            row = self._incremental(sheet, row + 2)
            row = self._pairwise(sheet, row + 2)
            row = self._net_benefit(sheet, row + 2)
        row = self._categories(sheet, row + 2)
        sheet.widths = {1: 34, 2: 26} | {FIRST + i: 17 for i in range(max(self.count, 8))}
        sheet.freeze = "B5"
        place = row + 3
        sheet.put(place - 1, 1, "Costs by category (discounted)", HEADING)
        sheet.breaks.append(place - 2)
        first = self.rows["categories discounted"]
        costs = [category for kind, category in self.categories if kind == "cost"]
        areas = {category: self.across(first + i) for i, category in enumerate(costs)}
        currency = self.case.model.settings.currency
        chart = charts.cost_breakdown(areas, self.across(self.rows["names"]), currency)
        sheet.charts.append(AnchoredChart(chart, f"A{place}"))
        if self.case.has_qalys:
            self.frontier.write(book, cost, effect)
        return sheet

    def _header(self, sheet: Sheet, row: int, title: str, heads: tuple[str, ...]) -> None:
        sheet.put(row, 1, title, HEADING)
        sheet.across(row + 1, 1, heads)
        sheet.heights[row + 1] = 30

    def _by_strategy(
        self,
        sheet: Sheet,
        row: int,
        label: str,
        unit: str,
        make: Callable[[int], tuple[str, Value]],
        style: Style,
    ) -> None:
        """A row with one live value a strategy."""
        sheet.put(row, 1, label)
        sheet.put(row, 2, unit, NOTE)
        for i in range(self.count):
            formula, value = make(i)
            sheet.calculate(row, FIRST + i, formula, value, style)

    def _totals(self, sheet: Sheet, traces: Mapping[str, Trace]) -> int:
        labels = [strategy.label for strategy in self.case.model.strategies.values()]
        self._header(sheet, TOTALS_ROW - 2, "Totals", ("", "", *labels))
        sheet.heights[TOTALS_ROW - 1] = 45
        row = TOTALS_ROW
        sheet.put(row, 1, "name in the model", NOTE)
        sheet.across(row, FIRST, self.layout.strategies, NOTE)
        self.rows["names"] = row
        for discounted in (True, False):
            word = "discounted" if discounted else "undiscounted"
            for kind, label, style in MEASURES:
                row += 1
                self.rows[f"{kind} {word}"] = row
                make = self._total(kind, discounted=discounted)
                self._by_strategy(sheet, row, label, word, make, Style("result", style))
        for name, outcome in self.case.model.outcomes.items():
            if outcome.kind == "count":
                row += 1
                self.rows[f"count {name}"] = row
                make = self._count(name)
                number = Style("result", "0.0000")
                self._by_strategy(sheet, row, outcome.label, "number, undiscounted", make, number)
        row += 1
        self.rows["alive"] = row
        self._by_strategy(
            sheet,
            row,
            "Alive at the end",
            "share of the cohort",
            lambda i: self._alive(i, traces),
            Style("calc", SHARE),
        )
        return row

    def _total(self, kind: str, *, discounted: bool) -> Callable[[int], tuple[str, Value]]:
        def make(i: int) -> tuple[str, Value]:
            column = self.outcomes.range(self.outcomes.column(i, discounted=discounted))
            value = self.outcomes.total(kind, i, discounted=discounted)
            return f'SUMIF({self.outcomes.kinds},"{kind}",{column})', value

        return make

    def _count(self, name: str) -> Callable[[int], tuple[str, Value]]:
        def make(i: int) -> tuple[str, Value]:
            column = self.outcomes.column(i, discounted=False)
            row = self.outcomes.names.index(name)
            address = self.outcomes.range(column).split(":")[0].rsplit("$", 1)
            value = self.outcomes.amount(name, i, discounted=False)
            return f"{address[0]}${int(address[1]) + row}", value

        return make

    def _alive(self, i: int, traces: Mapping[str, Trace]) -> tuple[str, Value]:
        name = self.layout.strategies[i]
        states = self.case.model.states.values()
        alive = [state.name for state in states if not state.absorbing]
        cells = [f"INDEX({traces[name].strip('occupancy', s).range()},set_cycles+1)" for s in alive]
        end = self.numbers[name].occupancy[self.case.model.settings.cycles]
        value = sum(share for share, state in zip(end, states, strict=True) if not state.absorbing)
        return "+".join(cells) or "0", float(value)

    # --- incremental ------------------------------------------------------------------------------

    @cached_property
    def _sorted(self) -> list[int]:
        """Numbers of the strategies kept, by rising cost."""
        names = [row.strategy for row in self.case.variant.evaluation.incremental()]
        return [self.layout.strategies.index(name) for name in names]

    def _incremental(self, sheet: Sheet, row: int) -> int:
        heads = (
            "strategy",
            "compared with",
            "cost",
            "QALYs",
            "incremental cost",
            "incremental QALYs",
            "ICER",
            "status",
            "place",
        )
        self._header(sheet, row, "Fully incremental analysis, by rising cost", heads)
        first = row + 2
        self.rows["incremental"] = first
        names, f = self.across(self.rows["names"]), self.frontier
        for r in range(self.count):
            line = first + r
            found = self._sorted[r] if r < len(self._sorted) else None
            sheet.put(line, 9, r + 1, Style("data", "0"))
            at = f"MATCH($I{line},{f.range(RANK)},0)"
            kept = f"$I{line}<=SUM({f.range(KEPT)})"
            against = f"INDEX({f.range(AGAINST)},{at})"
            values = self._incremental_values(found)
            cells: list[tuple[int, str, Value, str]] = [
                (1, f'IF({kept},INDEX({names},{at}),"")', values[0], PLAIN),
                (
                    2,
                    f'IF({kept},IF({against}="","",INDEX({names},{against})),"")',
                    values[1],
                    PLAIN,
                ),
                (3, f'IF({kept},INDEX({f.range(COST)},{at}),"")', values[2], MONEY),
                (4, f'IF({kept},INDEX({f.range(EFFECT)},{at}),"")', values[3], QALY),
                (
                    5,
                    f'IF($B{line}="","",$C{line}-INDEX({f.range(COST)},{against}))',
                    values[4],
                    MONEY,
                ),
                (
                    6,
                    f'IF($B{line}="","",$D{line}-INDEX({f.range(EFFECT)},{against}))',
                    values[5],
                    QALY,
                ),
                (
                    7,
                    f'IF(OR($H{line}="{Status.FRONTIER}",$H{line}="{Status.EXTENDEDLY_DOMINATED}"),'
                    f'$E{line}/$F{line},"")',
                    values[6],
                    "#,##0",
                ),
                (8, f'IF({kept},INDEX({f.range(STATUS)},{at}),"")', values[7], PLAIN),
            ]
            for column, formula, value, style in cells:
                kind: Kind = "word" if style == PLAIN else "result"
                sheet.calculate(line, column, formula, value, Style(kind, style))
        return first + self.count - 1

    def _incremental_values(self, number: int | None) -> list[Value]:
        if number is None:
            return [""] * 8
        row = self.frontier.rows[self.layout.strategies[number]]
        cells: list[Value] = [
            row.strategy,
            row.compared_with,
            row.cost,
            row.effect,
            row.incremental_cost,
            row.incremental_effect,
            row.icer,
            str(row.status),
        ]
        return ["" if cell is None else cell for cell in cells]

    def _pairwise(self, sheet: Sheet, row: int) -> int:
        heads = (
            "strategy",
            "comparator",
            "incremental cost",
            "incremental QALYs",
            "ICER",
            "quadrant",
        )
        self._header(sheet, row, "Every strategy against the comparator", heads)
        first = row + 2
        self.rows["pairwise"] = first
        f, names = self.frontier, self.across(self.rows["names"])
        pairs = {pair.strategy: pair for pair in self.case.variant.evaluation.pairwise()}
        comparator = self.case.variant.evaluation.comparator
        base = f"MATCH(set_comparator,{names},0)"
        for i, name in enumerate(self.layout.strategies):
            line = first + i
            pair = pairs.get(name)
            sheet.put(line, 1, name)
            usable = f"AND(INDEX({f.range(KEPT)},{i_(line, first)})=1,$A{line}<>set_comparator)"
            cost = f"INDEX({f.range(COST)},{i_(line, first)})-INDEX({f.range(COST)},{base})"
            effect = f"INDEX({f.range(EFFECT)},{i_(line, first)})-INDEX({f.range(EFFECT)},{base})"
            quadrant = (
                f'IF($B{line}="","",IF($D{line}>0,IF($C{line}>0,"{Quadrant.NORTH_EAST}",'
                f'IF($C{line}<0,"{Quadrant.SOUTH_EAST}","{Quadrant.EAST}")),IF($D{line}<0,'
                f'IF($C{line}>0,"{Quadrant.NORTH_WEST}",IF($C{line}<0,"{Quadrant.SOUTH_WEST}",'
                f'"{Quadrant.WEST}")),IF($C{line}>0,"{Quadrant.NORTH}",IF($C{line}<0,'
                f'"{Quadrant.SOUTH}","{Quadrant.ORIGIN}")))))'
            )
            ratio = (
                f'IF(OR($F{line}="{Quadrant.NORTH_EAST}",$F{line}="{Quadrant.SOUTH_WEST}"),'
                f'$C{line}/$D{line},"")'
            )
            values: list[Value] = ["", "", "", "", ""]
            if pair is not None:
                icer: Value = "" if pair.icer is None else pair.icer
                values = [
                    comparator,
                    pair.incremental_cost,
                    pair.incremental_effect,
                    icer,
                    str(pair.quadrant),
                ]
            cells: list[tuple[int, str, Value, str]] = [
                (2, f'IF({usable},set_comparator,"")', values[0], PLAIN),
                (3, f'IF($B{line}="","",{cost})', values[1], MONEY),
                (4, f'IF($B{line}="","",{effect})', values[2], QALY),
                (5, ratio, values[3], "#,##0"),
                (6, quadrant, values[4], PLAIN),
            ]
            for column, formula, value, style in cells:
                kind: Kind = "word" if style == PLAIN else "result"
                sheet.calculate(line, column, formula, value, Style(kind, style))
        return first + self.count - 1

    # --- net benefit ------------------------------------------------------------------------------

    def _net_benefit(self, sheet: Sheet, row: int) -> int:
        """Net monetary benefit, net health benefit and increments at each threshold."""
        many = thresholds(self.case)
        live = self.case.model.settings.thresholds
        f = self.frontier
        base = f"MATCH(set_comparator,{self.across(self.rows['names'])},0)"
        comparator = self.layout.strategies.index(self.case.variant.evaluation.comparator)
        tables = (
            ("nmb", "Net monetary benefit", MONEY),
            ("inmb", "Net monetary benefit over the comparator", MONEY),
            ("nhb", "Net health benefit (QALYs)", QALY),
        )
        for key, title, style in tables:
            sheet.put(row, 1, title, HEADING)
            sheet.put(row + 1, 1, "strategy", HEADER)
            sheet.put(row + 1, 2, "", HEADER)
            for t in range(many):
                value: Value = live[t] if t < len(live) else ABSENT
                sheet.calculate(
                    row + 1, FIRST + t, f"set_threshold_{t + 1}", value, Style("header", "#,##0")
                )
            first = row + 2
            self.rows[key] = first
            for i, name in enumerate(self.layout.strategies):
                line = first + i
                sheet.put(line, 1, name)
                for t in range(many):
                    level = f"{letters(FIRST + t)}${row + 1}"
                    cost = f"INDEX({f.range(COST)},{i_(line, first)})"
                    effect = f"INDEX({f.range(EFFECT)},{i_(line, first)})"
                    usable = f"AND(ISNUMBER({level}),INDEX({f.range(KEPT)},{i_(line, first)})=1)"
                    formula = {
                        "nmb": f"{level}*{effect}-{cost}",
                        "inmb": f"{level}*({effect}-INDEX({f.range(EFFECT)},{base}))"
                        f"-({cost}-INDEX({f.range(COST)},{base}))",
                        "nhb": f"{effect}-{cost}/{level}",
                    }[key]
                    value = ""
                    if t < len(live) and f.kept[i]:
                        value = self._benefit(key, live[t], i, comparator)
                    sheet.calculate(
                        line, FIRST + t, f'IF({usable},{formula},"")', value, Style("result", style)
                    )
            row = first + self.count
            if key == "nmb":
                row = self._best(sheet, row, first, many, live) + 1
            row += 1
        return row - 2

    def _benefit(self, key: str, threshold: float, i: int, base: int) -> float:
        one, other = self.frontier.totals[i], self.frontier.totals[base]
        if key == "nmb":
            return threshold * one.effect - one.cost
        if key == "nhb":
            return one.effect - one.cost / threshold
        return threshold * (one.effect - other.effect) - (one.cost - other.cost)

    def _best(self, sheet: Sheet, row: int, first: int, many: int, live: tuple[float, ...]) -> int:
        """The strategy with the highest net benefit at each threshold."""
        sheet.put(row, 1, "highest net benefit", Style("calc"))
        self.rows["best"] = row
        evaluation = self.case.variant.evaluation
        for t in range(many):
            letter = letters(FIRST + t)
            area = f"{letter}${first}:{letter}${row - 1}"
            value: Value = ""
            if t < len(live):
                value = next(r.strategy for r in evaluation.net_benefit([live[t]]) if r.optimal)
            found = f"INDEX($A${first}:$A${row - 1},MATCH(MAX({area}),{area},0))"
            sheet.calculate(
                row,
                FIRST + t,
                f'IF(COUNT({area})=0,"",{found})',
                value,
                Style("word"),
            )
        return row

    # --- categories -------------------------------------------------------------------------------

    def _categories(self, sheet: Sheet, row: int) -> int:
        for discounted in (True, False):
            word = "discounted" if discounted else "undiscounted"
            self._header(
                sheet, row, f"By category, {word}", ("category", "kind", *self.layout.strategies)
            )
            row += 2
            self.rows[f"categories {word}"] = row
            for kind, category in self.categories:
                self._category(sheet, row, kind, category, discounted=discounted)
                row += 1
            row += 1
        return row - 1

    @cached_property
    def categories(self) -> list[tuple[str, str]]:
        """Kind and category of every outcome, each once, costs first."""
        found = dict.fromkeys((o.kind, o.category) for o in self.case.model.outcomes.values())
        order = list(KIND_WORDS)
        return sorted(found, key=lambda pair: order.index(pair[0]))

    def _category(
        self, sheet: Sheet, row: int, kind: str, category: str, *, discounted: bool
    ) -> None:
        style = MONEY if kind == "cost" else QALY
        sheet.put(row, 1, category)
        sheet.put(row, 2, joined(kind, category), NOTE)
        for i in range(self.count):
            column = self.outcomes.range(self.outcomes.column(i, discounted=discounted))
            value = self.outcomes.total(kind, i, discounted=discounted, category=category)
            sheet.calculate(
                row,
                FIRST + i,
                f"SUMPRODUCT(--({self.outcomes.categories}=$B{row}),{column})",
                value,
                Style("result", style),
            )


def i_(line: int, first: int) -> str:
    """Number of a strategy in a table with one row each, as a formula."""
    return f"ROW($A{line})-ROW($A${first})+1"
