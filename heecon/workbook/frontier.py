"""The workings of the incremental analysis: dominance and extended dominance, live.

A strategy that is not dominated is extendedly dominated when the ICER of going to it from some
cheaper such strategy exceeds the ICER of going on from it to some dearer one: then a mix of the
two lies below it. This is the same as lying above the convex hull that the engine walks, and needs
no loop. Strategies whose totals agree to 13 digits are the same, as in the engine.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from heecon.analysis.incremental import DIGITS, Status
from heecon.workbook.address import column_of, letters
from heecon.workbook.book import HEADING, NOT_COMPARED, PLAIN, Book, Sheet, Style
from heecon.workbook.layout import HEADER as TOP
from heecon.workbook.live import (
    Live,
    absolute,
    all_of,
    area,
    count,
    floor,
    index,
    joined,
    largest,
    log10,
    match,
    rounded,
    smallest,
    sum_product,
    where,
)

FRONTIER = "Frontier"

(
    NUMBER, NAME, KEPT, COST_KEY, EFFECT_KEY, COST, EFFECT, TWIN, DOMINATED, EFFICIENT, STEEPEST,
    FLATTEST, EXTENDED, ON_FRONTIER, RANK, ORDER, AGAINST, STATUS,
) = range(1, 19)  # fmt: skip

HEADS = (
    "number", "strategy", "compared", "cost (13 digits)", "QALYs (13 digits)",
    "cost, that of the first with these 13 digits",
    "QALYs, those of the first with these 13 digits",
    "same as an earlier one", "dominated", "not dominated", "highest ICER to it",
    "lowest ICER from it", "extendedly dominated", "on the frontier", "place by rising cost",
    "order of comparators", "compared with number", "status",
)  # fmt: skip


@dataclass(frozen=True)
class Frontier:
    """Columns of the workings that other sheets read, one cell a strategy.

    Attributes:
        kept: 1 for strategies that are compared.
        cost: discounted cost.
        effect: discounted QALYs.
        rank: place by rising cost.
        against: number of the strategy it is compared with, or nothing.
        status: in words.
    """

    kept: Live
    cost: Live
    effect: Live
    rank: Live
    against: Live
    status: Live


def add_frontier(book: Book, strategies: Sequence[str], cost: Live, effect: Live) -> Frontier:
    """The sheet with the workings.

    Args:
        book: the workbook.
        strategies: of the family.
        cost: the strategies' discounted costs, side by side.
        effect: their QALYs.
    """
    sheet = book.sheet(FRONTIER, "Workings of the incremental analysis: who dominates whom")
    sheet.head(
        "Workings of the incremental analysis",
        "A strategy is extendedly dominated when the highest ICER to it exceeds the "
        "lowest ICER from it: a mix of two others gives its effect at a lower cost.",
    )
    sheet.across(TOP, 1, HEADS)
    workings = _Workings(book, sheet, len(strategies))
    workings.write(strategies, cost, effect)
    last = STATUS + 1 + 3 * (len(strategies) + 1)
    sheet.widths = dict.fromkeys(range(1, last), 13.0) | {NUMBER: 8, NAME: 24, STATUS: 22}
    sheet.heights[TOP] = 45
    sheet.freeze, sheet.wide, sheet.print_columns = f"C{TOP + 1}", True, "A:B"
    columns = (KEPT, COST, EFFECT, RANK, AGAINST, STATUS)
    return Frontier(*(workings.all(column) for column in columns))


class _Workings:
    """Writes column after column.

    Args:
        book: the workbook.
        sheet: to be filled.
        count: number of strategies.
    """

    def __init__(self, book: Book, sheet: Sheet, count: int) -> None:
        self.book = book
        self.sheet = sheet
        self.count = count
        self.cells: dict[int, list[Live]] = {}

    def all(self, column: int) -> Live:
        """A column: one cell a strategy."""
        return area(self.cells[column])

    def own(self, column: int, i: int) -> Live:
        """A strategy's cell in a column."""
        return self.cells[column][i].relative

    def fill(self, column: int, make: Callable[[int], Live]) -> None:
        """A column of formulas."""
        self.cells[column] = [
            self.sheet.show(TOP + 1 + i, column, make(i), Style("calc", PLAIN))
            for i in range(self.count)
        ]

    def square(self, number: int, title: str, make: Callable[[int, Live], Live]) -> list[Live]:
        """A square to the right: strategies down, the ones they are held against across.

        Returns the rows as areas.
        """
        first = STATUS + 2 + number * (self.count + 1)
        self.sheet.put(TOP - 1, first, title, HEADING)
        heads = self.sheet.across(TOP, first, range(1, self.count + 1))
        return [
            area(
                [
                    self.sheet.show(
                        TOP + 1 + i, first + j, make(i, head.across), Style("calc", PLAIN)
                    ).relative
                    for j, head in enumerate(heads)
                ]
            )
            for i in range(self.count)
        ]

    def write(self, strategies: Sequence[str], cost: Live, effect: Live) -> None:
        """Every column and square, each after those it reads."""
        rows, own = range(TOP + 1, TOP + 1 + self.count), self.own
        self.cells[NUMBER] = [
            self.sheet.put(row, NUMBER, i, Style("data", "0")) for i, row in enumerate(rows, 1)
        ]
        self.cells[NAME] = [
            self.sheet.put(row, NAME, name) for row, name in zip(rows, strategies, strict=True)
        ]
        self.fill(KEPT, lambda i: where(included(self.book, own(NAME, i)), 1, 0))
        self._totals(cost, COST_KEY, COST)
        self._totals(effect, EFFECT_KEY, EFFECT)
        self.fill(TWIN, self._twin)
        self.fill(DOMINATED, self._dominated)
        self.fill(EFFICIENT, lambda i: own(KEPT, i) * (1 - own(TWIN, i)) * (1 - own(DOMINATED, i)))
        to = self.square(0, "ICER of going to it (down) from (across)", self._icer_to)
        on = self.square(1, "ICER of going from it (down) to (across)", self._icer_from)
        self.fill(STEEPEST, lambda i: largest(0, to[i]))
        self.fill(FLATTEST, lambda i: where(count(on[i]).equals(0), 0, smallest(on[i])))
        self.fill(EXTENDED, lambda i: self._extended(i, to[i], on[i]))
        self.fill(ON_FRONTIER, lambda i: own(EFFICIENT, i) * (1 - own(EXTENDED, i)))
        self.fill(RANK, self._rank)
        self.fill(ORDER, self._order)
        title = "what it may be compared with: the highest is taken"
        fit = self.square(2, title, self._candidate)
        self.fill(AGAINST, lambda i: self._against(fit[i]))
        self.fill(STATUS, self._status)

    def _totals(self, totals: Live, key: int, column: int) -> None:
        """Totals to 13 digits, and the total of the first strategy with the same 13 digits.

        Sums over cycles leave noise in the sixteenth digit; strategies that differ by less than
        the thirteenth are the same. Their values are not rounded: a small difference of two
        rounded totals would be wrong in its ninth digit.
        """
        digits = self.book.constant(DIGITS - 1.0)

        def to_digits(i: int) -> Live:
            x = index(totals, self.own(NUMBER, i))
            return where(x.equals(0), 0, rounded(x, digits - floor(log10(absolute(x)))))

        self.fill(key, to_digits)
        self.fill(column, lambda i: index(totals, match(self.own(key, i), self.all(key))))

    def _earlier(self, i: int) -> Live:
        return self.all(NUMBER) < self.own(NUMBER, i)

    def _same(self, i: int) -> Live:
        cost, effect = self.own(COST, i), self.own(EFFECT, i)
        return self.all(COST).equals(cost) * self.all(EFFECT).equals(effect)

    def _twin(self, i: int) -> Live:
        before = sum_product(self.all(KEPT) * self._earlier(i) * self._same(i))
        return where(self.own(KEPT, i) * before > 0, 1, 0)

    def _dominated(self, i: int) -> Live:
        """Whether some strategy is no worse, and better in cost or effect."""
        cost, effect = self.own(COST, i), self.own(EFFECT, i)
        no_worse = (self.all(COST) <= cost) * (self.all(EFFECT) >= effect)
        better = (self.all(COST) < cost) + (self.all(EFFECT) > effect) > 0
        return where(sum_product(self.all(KEPT) * no_worse * better) > 0, 1, 0)

    def _icer_to(self, i: int, other: Live) -> Live:
        return self._icer(i, other, index(self.all(EFFECT), other) < self.own(EFFECT, i))

    def _icer_from(self, i: int, other: Live) -> Live:
        return self._icer(i, other, index(self.all(EFFECT), other) > self.own(EFFECT, i))

    def _icer(self, i: int, other: Live, order: Live) -> Live:
        """ICER of one strategy and another, both not dominated; nothing in the other order."""
        efficient = self.own(EFFICIENT, i).equals(1), index(self.all(EFFICIENT), other).equals(1)
        cost = self.own(COST, i) - index(self.all(COST), other)
        effect = self.own(EFFECT, i) - index(self.all(EFFECT), other)
        return where(all_of(*efficient, order), cost / effect, "")

    def _extended(self, i: int, to: Live, on: Live) -> Live:
        steep = self.own(STEEPEST, i) > self.own(FLATTEST, i)
        holds = all_of(self.own(EFFICIENT, i).equals(1), count(to) > 0, count(on) > 0, steep)
        return where(holds, 1, 0)

    def _rank(self, i: int) -> Live:
        """Place by rising cost; at equal cost the more effective first, then as given."""
        cost, effect = self.own(COST, i), self.own(EFFECT, i)
        tied = self.all(COST).equals(cost) * (self.all(EFFECT) > effect)
        before = (self.all(COST) < cost) + tied + self._same(i) * self._earlier(i)
        place = 1 + sum_product(self.all(KEPT) * before)
        return where(self.own(KEPT, i).equals(0), 0, place)

    def _order(self, i: int) -> Live:
        """Place, those on the frontier after all others."""
        order = self.own(RANK, i) + largest(self.all(NUMBER)) * self.own(ON_FRONTIER, i)
        return where(self.own(KEPT, i).equals(0), 0, order)

    def _candidate(self, i: int, other: Live) -> Live:
        """How well another strategy serves to compare one with; 0 if not at all."""

        def at(column: int) -> Live:
            return index(self.all(column), other)

        cost, effect = self.own(COST, i), self.own(EFFECT, i)
        same = all_of(at(TWIN).equals(0), at(COST).equals(cost), at(EFFECT).equals(effect))
        over = all_of(at(EFFICIENT).equals(1), at(COST) <= cost, at(EFFECT) >= effect)
        cheaper = all_of(at(ON_FRONTIER).equals(1), at(COST) < cost)
        dominating, before = where(over, at(ORDER), 0), where(cheaper, at(ORDER), 0)
        found = where(self.own(DOMINATED, i).equals(1), dominating, before)
        found = where(self.own(TWIN, i).equals(1), where(same, 1, 0), found)
        return where((self.own(KEPT, i) * at(KEPT)).equals(0), 0, found)

    @staticmethod
    def _against(fit: Live) -> Live:
        best = largest(fit)
        return where(best.equals(0), "", match(best, fit))

    def _status(self, i: int) -> Live:
        on_frontier = where(self.own(AGAINST, i).equals(""), Status.REFERENCE, Status.FRONTIER)
        extended = self.own(EXTENDED, i).equals(1)
        status = where(extended, Status.EXTENDEDLY_DOMINATED, on_frontier)
        status = where(self.own(DOMINATED, i).equals(1), Status.DOMINATED, status)
        status = where(self.own(TWIN, i).equals(1), Status.EQUIVALENT, status)
        return where(self.own(KEPT, i).equals(0), "left out", status)


def mark_left_out(book: Book, sheet: Sheet, row: int, heads: Sequence[Live], last: int) -> None:
    """Say above columns which strategies are not compared, and grey them.

    Args:
        book: the workbook.
        sheet: to be marked.
        row: of the words.
        heads: the cells with the strategies' names, side by side.
        last: row of the last result.
    """
    for head in heads:
        column = column_of(head.text.split("$")[1])
        words = where(included(book, head), "", NOT_COMPARED)
        sheet.show(row, column, words, Style("warning"))
        sheet.faded.append((f"{letters(column)}{row + 1}:{letters(column)}{last}", row))


def included(book: Book, name: Live) -> Live:
    """Whether the control sheet keeps a strategy."""
    place = match(joined("include[", name, "]"), book.named["control_id"])
    return index(book.named["control_live"], place).equals("yes")
