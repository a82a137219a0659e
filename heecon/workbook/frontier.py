"""The workings of the incremental analysis: dominance and extended dominance, live.

A strategy that is not dominated is extendedly dominated when the ICER of going to it from some
cheaper such strategy exceeds the ICER of going on from it to some dearer one: then a mix of the
two lies below it. This is the same as lying above the convex hull that the engine walks, and needs
no loop. Strategies whose totals agree to 13 digits are the same, as in the engine. The values
beside the formulas are the engine's.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from heecon.analysis.incremental import (
    DIGITS,
    Status,
    Totals,
    dominates,
    equalised,
    ratio,
    to_digits,
)
from heecon.workbook.address import letters
from heecon.workbook.book import (
    HEADER,
    HEADING,
    NOTE,
    PLAIN,
    TITLE,
    Book,
    Sheet,
    Style,
    Value,
)
from heecon.workbook.case import Case
from heecon.workbook.layout import HEADER as TOP
from heecon.workbook.layout import Layout

FRONTIER = "Frontier"

(
    NUMBER,
    NAME,
    KEPT,
    COST_KEY,
    EFFECT_KEY,
    COST,
    EFFECT,
    TWIN,
    DOMINATED,
    EFFICIENT,
    STEEPEST,
    FLATTEST,
    EXTENDED,
    ON_FRONTIER,
    RANK,
    ORDER,
    AGAINST,
    STATUS,
) = range(1, 19)

HEADS = (
    "number",
    "strategy",
    "compared",
    "cost (13 digits)",
    "QALYs (13 digits)",
    "cost, that of the first with these 13 digits",
    "QALYs, those of the first with these 13 digits",
    "same as an earlier one",
    "dominated",
    "not dominated",
    "highest ICER to it",
    "lowest ICER from it",
    "extendedly dominated",
    "on the frontier",
    "place by rising cost",
    "order of comparators",
    "compared with number",
    "status",
)


Square = tuple[str, str, Callable[[int, int], Value]]
"""Title, formula, and the value for two strategies."""


class Frontier:
    """Plans and writes the workings.

    Args:
        case: what is exported.
        layout: addresses.
        totals: discounted cost and QALYs of every strategy, with all digits.
    """

    def __init__(self, case: Case, layout: Layout, totals: list[tuple[float, float]]) -> None:
        self.case = case
        self.layout = layout
        self.count = len(layout.strategies)
        self.rows = {row.strategy: row for row in case.variant.evaluation.incremental()}
        """What the engine's incremental analysis says of each strategy kept, by rising cost."""
        self.totals = equalised(
            Totals(name, *total) for name, total in zip(layout.strategies, totals, strict=True)
        )
        self.keys = [(to_digits(cost), to_digits(effect)) for cost, effect in totals]
        statuses = [
            row.status if (row := self.rows.get(name)) else None for name in layout.strategies
        ]
        self.kept = [status is not None for status in statuses]
        self.twin = [status is Status.EQUIVALENT for status in statuses]
        self.extended = [status is Status.EXTENDEDLY_DOMINATED for status in statuses]
        self.on_frontier = [status in (Status.REFERENCE, Status.FRONTIER) for status in statuses]
        self.efficient = [
            one or other for one, other in zip(self.on_frontier, self.extended, strict=True)
        ]
        kept = [total for total in self.totals if total.strategy in self.rows]
        self.dominated = [any(dominates(one, total) for one in kept) for total in self.totals]
        places = {name: place for place, name in enumerate(self.rows, start=1)}
        self.rank = [places.get(name, 0) for name in layout.strategies]
        self.order = [
            rank + self.count * first
            for rank, first in zip(self.rank, self.on_frontier, strict=True)
        ]

    def column(self, column: int) -> str:
        """Address of a column on its own sheet."""
        letter = letters(column)
        return f"${letter}${TOP + 1}:${letter}${TOP + self.count}"

    def range(self, column: int) -> str:
        """Address of a column for other sheets."""
        return f"{FRONTIER}!{self.column(column)}"

    def _slope(self, i: int, j: int) -> float | None:
        """ICER of going to i from j, both not dominated and j less effective."""
        one, other = self.totals[i], self.totals[j]
        if not (self.efficient[i] and self.efficient[j] and other.effect < one.effect):
            return None
        return ratio(one, other)

    def _steepest(self, i: int) -> float:
        """Highest ICER of going to i; 0 without any."""
        slopes = [self._slope(i, j) for j in range(self.count)]
        return max((slope for slope in slopes if slope is not None), default=0.0)

    def _flattest(self, i: int) -> float:
        """Lowest ICER of going on from i; 0 without any."""
        slopes = [self._slope(j, i) for j in range(self.count)]
        return min((slope for slope in slopes if slope is not None), default=0.0)

    def _candidate(self, i: int, j: int) -> int:
        """How well j serves to compare i with; 0 if not at all."""
        if not (self.kept[i] and self.kept[j]):
            return 0
        one, other = self.totals[i], self.totals[j]
        if self.twin[i]:
            same = (other.cost, other.effect) == (one.cost, one.effect)
            return int(same and not self.twin[j])
        if self.dominated[i]:
            return self.order[j] if self.efficient[j] and dominates(other, one) else 0
        return self.order[j] if self.on_frontier[j] and other.cost < one.cost else 0

    def against(self, i: int) -> int | None:
        """Number, from 0, of the strategy i is compared with."""
        row = self.rows.get(self.layout.strategies[i])
        name = row.compared_with if row else None
        return None if name is None else self.layout.strategies.index(name)

    # --- write ------------------------------------------------------------------------------------

    def write(self, book: Book, cost: str, effect: str) -> Sheet:
        """Fill the sheet.

        Args:
            book: the workbook.
            cost: address of the strategies' discounted costs, side by side.
            effect: address of their QALYs.
        """
        sheet = book.sheet(FRONTIER, "Workings of the incremental analysis: who dominates whom")
        sheet.put(1, 1, "Workings of the incremental analysis", TITLE)
        sheet.put(
            2,
            1,
            "A strategy is extendedly dominated when the highest ICER to it exceeds the "
            "lowest ICER from it: a mix of two others gives its effect at a lower cost.",
            NOTE,
        )
        sheet.across(TOP, 1, HEADS)
        blocks = self._blocks()
        for row in range(TOP + 1, TOP + 1 + self.count):
            self._write_row(sheet, row, book, cost, effect)
        for (title, template, value), first in blocks:
            sheet.put(TOP - 1, first, title, HEADING)
            for j in range(self.count):
                sheet.put(TOP, first + j, j + 1, HEADER)
                for i in range(self.count):
                    here = template.replace("{r}", str(TOP + 1 + i))
                    here = here.replace("{c}", f"{letters(first + j)}${TOP}")
                    sheet.calculate(TOP + 1 + i, first + j, here, value(i, j), Style("calc", PLAIN))
        widths = dict.fromkeys(range(1, blocks[-1][1] + self.count), 13.0)
        sheet.widths = widths | {NUMBER: 8, NAME: 24, STATUS: 22}
        sheet.heights[TOP] = 45
        sheet.freeze, sheet.wide, sheet.print_columns = f"C{TOP + 1}", True, "A:B"
        return sheet

    def _blocks(self) -> list[tuple[Square, int]]:
        """The squares to the right: strategies down, the ones they are held against across."""
        at = {
            name: f"INDEX({self.column(column)},{{c}})"
            for name, column in (
                ("cost", COST),
                ("effect", EFFECT),
                ("efficient", EFFICIENT),
                ("kept", KEPT),
                ("twin", TWIN),
                ("frontier", ON_FRONTIER),
                ("order", ORDER),
            )
        }
        own = {
            name: f"${letters(column)}{{r}}"
            for name, column in (
                ("cost", COST),
                ("effect", EFFECT),
                ("efficient", EFFICIENT),
                ("kept", KEPT),
                ("twin", TWIN),
                ("dominated", DOMINATED),
            )
        }
        both = f"{own['efficient']}=1,{at['efficient']}=1"
        ratio = f"({own['cost']}-{at['cost']})/({own['effect']}-{at['effect']})"
        reach = f'IF(AND({both},{at["effect"]}<{own["effect"]}),{ratio},"")'
        leave = f'IF(AND({both},{at["effect"]}>{own["effect"]}),{ratio},"")'
        same = f"{at['cost']}={own['cost']},{at['effect']}={own['effect']}"
        over = f"{at['cost']}<={own['cost']},{at['effect']}>={own['effect']}"
        candidate = (
            f"IF({own['kept']}*{at['kept']}=0,0,IF({own['twin']}=1,"
            f"IF(AND({at['twin']}=0,{same}),1,0),IF({own['dominated']}=1,"
            f"IF(AND({at['efficient']}=1,{over}),{at['order']},0),"
            f"IF(AND({at['frontier']}=1,{at['cost']}<{own['cost']}),{at['order']},0))))"
        )
        first = STATUS + 2
        gap = self.count + 1
        return [
            (
                (
                    "ICER of going to it (down) from (across)",
                    reach,
                    lambda i, j: _or_empty(self._slope(i, j)),
                ),
                first,
            ),
            (
                (
                    "ICER of going from it (down) to (across)",
                    leave,
                    lambda i, j: _or_empty(self._slope(j, i)),
                ),
                first + gap,
            ),
            (
                ("what it may be compared with: the highest is taken", candidate, self._candidate),
                first + 2 * gap,
            ),
        ]

    def _write_row(self, sheet: Sheet, row: int, book: Book, cost: str, effect: str) -> None:
        i = row - TOP - 1
        number = Style("calc", PLAIN)
        sheet.put(row, NUMBER, i + 1, Style("data", "0"))
        sheet.put(row, NAME, self.layout.strategies[i])
        digits = book.constant(DIGITS - 1.0).text
        first = STATUS + 2
        gap = self.count + 1
        squares = [
            f"${letters(first + k * gap)}{row}:${letters(first + k * gap + self.count - 1)}{row}"
            for k in range(3)
        ]
        cells = {column: f"${letters(column)}{row}" for column in range(1, STATUS + 1)}
        all_of = {column: self.column(column) for column in range(1, STATUS + 1)}
        against = self.against(i)
        same = f"({all_of[COST]}={cells[COST]})*({all_of[EFFECT]}={cells[EFFECT]})"
        no_worse = f"({all_of[COST]}<={cells[COST]})*({all_of[EFFECT]}>={cells[EFFECT]})"
        better = f"((({all_of[COST]}<{cells[COST]})+({all_of[EFFECT]}>{cells[EFFECT]}))>0)"
        earlier = f"({all_of[NUMBER]}<{cells[NUMBER]})"
        formulas: dict[int, tuple[str, Value]] = {
            KEPT: (
                f'IF(INDEX(control_live,MATCH("include["&{cells[NAME]}&"]",control_id,0))="yes",'
                "1,0)",
                int(self.kept[i]),
            ),
            COST_KEY: (rounded(f"INDEX({cost},{cells[NUMBER]})", digits), self.keys[i][0]),
            EFFECT_KEY: (rounded(f"INDEX({effect},{cells[NUMBER]})", digits), self.keys[i][1]),
            COST: (first_of(cost, cells[COST_KEY], all_of[COST_KEY]), self.totals[i].cost),
            EFFECT: (
                first_of(effect, cells[EFFECT_KEY], all_of[EFFECT_KEY]),
                self.totals[i].effect,
            ),
            TWIN: (
                f"IF({cells[KEPT]}*SUMPRODUCT({all_of[KEPT]}*{earlier}*{same})>0,1,0)",
                int(self.twin[i]),
            ),
            DOMINATED: (
                f"IF(SUMPRODUCT({all_of[KEPT]}*{no_worse}*{better})>0,1,0)",
                int(self.dominated[i]),
            ),
            EFFICIENT: (
                f"{cells[KEPT]}*(1-{cells[TWIN]})*(1-{cells[DOMINATED]})",
                int(self.efficient[i]),
            ),
            STEEPEST: (f"MAX(0,{squares[0]})", self._steepest(i)),
            FLATTEST: (f"IF(COUNT({squares[1]})=0,0,MIN({squares[1]}))", self._flattest(i)),
            EXTENDED: (
                f"IF(AND({cells[EFFICIENT]}=1,COUNT({squares[0]})>0,COUNT({squares[1]})>0,"
                f"{cells[STEEPEST]}>{cells[FLATTEST]}),1,0)",
                int(self.extended[i]),
            ),
            ON_FRONTIER: (f"{cells[EFFICIENT]}*(1-{cells[EXTENDED]})", int(self.on_frontier[i])),
            RANK: (
                f"IF({cells[KEPT]}=0,0,1+SUMPRODUCT({all_of[KEPT]}*"
                f"(({all_of[COST]}<{cells[COST]})+({all_of[COST]}={cells[COST]})*"
                f"({all_of[EFFECT]}>{cells[EFFECT]})+{same}*{earlier})))",
                self.rank[i],
            ),
            ORDER: (
                f"IF({cells[KEPT]}=0,0,{cells[RANK]}+MAX({all_of[NUMBER]})*{cells[ON_FRONTIER]})",
                self.order[i],
            ),
            AGAINST: (
                f'IF(MAX({squares[2]})=0,"",MATCH(MAX({squares[2]}),{squares[2]},0))',
                "" if against is None else against + 1,
            ),
            STATUS: (
                f'IF({cells[KEPT]}=0,"left out",IF({cells[TWIN]}=1,"{Status.EQUIVALENT}",'
                f'IF({cells[DOMINATED]}=1,"{Status.DOMINATED}",IF({cells[EXTENDED]}=1,'
                f'"{Status.EXTENDEDLY_DOMINATED}",IF({cells[AGAINST]}="","{Status.REFERENCE}",'
                f'"{Status.FRONTIER}")))))',
                self.status(i),
            ),
        }
        for column, (formula, value) in formulas.items():
            sheet.calculate(row, column, formula, value, number)

    def status(self, i: int) -> str:
        """What the engine says of a strategy."""
        row = self.rows.get(self.layout.strategies[i])
        return "left out" if row is None else str(row.status)


def first_of(values: str, key: str, keys: str) -> str:
    """A formula for the value of the first strategy with the same 13 digits.

    Sums over cycles leave noise in the sixteenth digit; strategies that differ by less than the
    thirteenth are the same. Their values are not rounded: a small difference of two rounded totals
    would be wrong in its ninth digit.
    """
    return f"INDEX({values},MATCH({key},{keys},0))"


def rounded(value: str, digits: str) -> str:
    """A formula that rounds a value to 13 significant digits."""
    return f"IF({value}=0,0,ROUND({value},{digits}-INT(LOG10(ABS({value})))))"


def _or_empty(value: float | None) -> Value:
    return "" if value is None or not math.isfinite(value) else value
