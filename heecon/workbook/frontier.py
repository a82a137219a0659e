"""The workings of the incremental analysis: dominance and extended dominance, live.

A strategy that is not dominated is extendedly dominated when the ICER of going to it from some
cheaper such strategy exceeds the ICER of going on from it to some dearer one: then a mix of the
two lies below it. This is the same as lying above the convex hull that the engine walks, and needs
no loop. Strategies whose totals agree to 13 digits are the same, as in the engine.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cached_property

from heecon.analysis.incremental import IncrementalRow, Status
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
DIGITS = 12.0
"""Totals keep one digit more than this, as in ``Evaluation.totals``."""

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
        kept = case.variant.kept
        self.kept = [name in kept for name in layout.strategies]
        self.cost_key = [_digits(cost) for cost, _ in totals]
        self.effect_key = [_digits(effect) for _, effect in totals]
        self.cost = [totals[self.cost_key.index(key)][0] for key in self.cost_key]
        self.effect = [totals[self.effect_key.index(key)][1] for key in self.effect_key]

    def column(self, column: int) -> str:
        """Address of a column on its own sheet."""
        letter = letters(column)
        return f"${letter}${TOP + 1}:${letter}${TOP + self.count}"

    def range(self, column: int) -> str:
        """Address of a column for other sheets."""
        return f"{FRONTIER}!{self.column(column)}"

    @cached_property
    def rows(self) -> dict[str, IncrementalRow]:
        """What the engine's incremental analysis says of each strategy kept."""
        return {row.strategy: row for row in self.case.variant.evaluation.incremental()}

    @cached_property
    def _twin(self) -> list[bool]:
        return [
            self.kept[i]
            and any(
                self.kept[j] and self.cost[j] == self.cost[i] and self.effect[j] == self.effect[i]
                for j in range(i)
            )
            for i in range(self.count)
        ]

    def _dominates(self, j: int, i: int) -> bool:
        no_worse = self.cost[j] <= self.cost[i] and self.effect[j] >= self.effect[i]
        return no_worse and (self.cost[j] < self.cost[i] or self.effect[j] > self.effect[i])

    @cached_property
    def _dominated(self) -> list[bool]:
        return [
            any(self.kept[j] and self._dominates(j, i) for j in range(self.count))
            for i in range(self.count)
        ]

    @cached_property
    def _efficient(self) -> list[bool]:
        return [
            self.kept[i] and not self._twin[i] and not self._dominated[i] for i in range(self.count)
        ]

    def _slope(self, i: int, j: int) -> float | None:
        """ICER of going to i from j, both not dominated and j less effective."""
        if not (self._efficient[i] and self._efficient[j] and self.effect[j] < self.effect[i]):
            return None
        return (self.cost[i] - self.cost[j]) / (self.effect[i] - self.effect[j])

    @cached_property
    def _steepest(self) -> list[float]:
        slopes = [[self._slope(i, j) for j in range(self.count)] for i in range(self.count)]
        return [max((s for s in row if s is not None), default=0.0) for row in slopes]

    @cached_property
    def _flattest(self) -> list[float]:
        slopes = [[self._slope(j, i) for j in range(self.count)] for i in range(self.count)]
        return [min((s for s in row if s is not None), default=0.0) for row in slopes]

    @cached_property
    def _extended(self) -> list[bool]:
        some = [
            any(self._slope(i, j) is not None for j in range(self.count))
            and any(self._slope(j, i) is not None for j in range(self.count))
            for i in range(self.count)
        ]
        return [
            self._efficient[i] and some[i] and self._steepest[i] > self._flattest[i]
            for i in range(self.count)
        ]

    @cached_property
    def _rank(self) -> list[int]:
        """Place by rising cost; at equal cost the more effective first, then as given."""
        keys = [(self.cost[i], -self.effect[i], i) for i in range(self.count)]
        return [
            1 + sum(self.kept[j] and keys[j] < keys[i] for j in range(self.count))
            for i in range(self.count)
        ]

    @cached_property
    def _order(self) -> list[int]:
        return [
            (self._rank[i] + self.count * (self._efficient[i] and not self._extended[i]))
            if self.kept[i]
            else 0
            for i in range(self.count)
        ]

    def _candidate(self, i: int, j: int) -> int:
        """How well j serves to compare i with; 0 if not at all."""
        if not (self.kept[i] and self.kept[j]):
            return 0
        if self._twin[i]:
            same = self.cost[j] == self.cost[i] and self.effect[j] == self.effect[i]
            return int(same and not self._twin[j])
        if self._dominated[i]:
            over = self.cost[j] <= self.cost[i] and self.effect[j] >= self.effect[i]
            return self._order[j] if over and self._efficient[j] else 0
        on_frontier = self._efficient[j] and not self._extended[j]
        return self._order[j] if on_frontier and self.cost[j] < self.cost[i] else 0

    def against(self, i: int) -> int | None:
        """Number, from 0, of the strategy i is compared with."""
        found = [self._candidate(i, j) for j in range(self.count)]
        return found.index(max(found)) if max(found) else None

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
        digits = book.constant(DIGITS)
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
        on_frontier = self._efficient[i] and not self._extended[i]
        formulas: dict[int, tuple[str, Value]] = {
            KEPT: (
                f'IF(INDEX(control_live,MATCH("include["&{cells[NAME]}&"]",control_id,0))="yes",'
                "1,0)",
                int(self.kept[i]),
            ),
            COST_KEY: (rounded(f"INDEX({cost},{cells[NUMBER]})", digits), self.cost_key[i]),
            EFFECT_KEY: (rounded(f"INDEX({effect},{cells[NUMBER]})", digits), self.effect_key[i]),
            COST: (first_of(cost, cells[COST_KEY], all_of[COST_KEY]), self.cost[i]),
            EFFECT: (first_of(effect, cells[EFFECT_KEY], all_of[EFFECT_KEY]), self.effect[i]),
            TWIN: (
                f"IF({cells[KEPT]}*SUMPRODUCT({all_of[KEPT]}*{earlier}*{same})>0,1,0)",
                int(self._twin[i]),
            ),
            DOMINATED: (
                f"IF(SUMPRODUCT({all_of[KEPT]}*{no_worse}*{better})>0,1,0)",
                int(self._dominated[i]),
            ),
            EFFICIENT: (
                f"{cells[KEPT]}*(1-{cells[TWIN]})*(1-{cells[DOMINATED]})",
                int(self._efficient[i]),
            ),
            STEEPEST: (f"MAX(0,{squares[0]})", self._steepest[i]),
            FLATTEST: (f"IF(COUNT({squares[1]})=0,0,MIN({squares[1]}))", self._flattest[i]),
            EXTENDED: (
                f"IF(AND({cells[EFFICIENT]}=1,COUNT({squares[0]})>0,COUNT({squares[1]})>0,"
                f"{cells[STEEPEST]}>{cells[FLATTEST]}),1,0)",
                int(self._extended[i]),
            ),
            ON_FRONTIER: (f"{cells[EFFICIENT]}*(1-{cells[EXTENDED]})", int(on_frontier)),
            RANK: (
                f"IF({cells[KEPT]}=0,0,1+SUMPRODUCT({all_of[KEPT]}*"
                f"(({all_of[COST]}<{cells[COST]})+({all_of[COST]}={cells[COST]})*"
                f"({all_of[EFFECT]}>{cells[EFFECT]})+{same}*{earlier})))",
                self._rank[i] if self.kept[i] else 0,
            ),
            ORDER: (
                f"IF({cells[KEPT]}=0,0,{cells[RANK]}+MAX({all_of[NUMBER]})*{cells[ON_FRONTIER]})",
                self._order[i],
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


def _digits(value: float) -> float:
    return float(f"{value:.13g}")


def _or_empty(value: float | None) -> Value:
    return "" if value is None or not math.isfinite(value) else value
