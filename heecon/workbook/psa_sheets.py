"""The probabilistic analysis: stored draws and outcomes, live curves at the cells' thresholds."""

from __future__ import annotations

from functools import cached_property

import numpy as np

from heecon.analysis.outcomes import Outcomes
from heecon.analysis.psa import default_grid
from heecon.arrays import Floats
from heecon.workbook import charts
from heecon.workbook.address import letters
from heecon.workbook.book import (
    HEADER,
    HEADING,
    MONEY,
    NOTE,
    PERCENT,
    PLAIN,
    QALY,
    WHOLE,
    AnchoredChart,
    Book,
    Strip,
    Style,
)
from heecon.workbook.case import WorkbookInput
from heecon.workbook.frontier import included, mark_left_out
from heecon.workbook.live import (
    LOOSE,
    NOT_AVAILABLE,
    Live,
    area,
    index,
    largest,
    match,
    mean,
    numbers,
    percentile,
    rows,
    sum_of,
    sum_product,
    total,
    where,
)

PSA, DRAWS = "PSA", "PSA_draws"
STEPS = 20
"""Thresholds of the curves, besides 0."""

NEVER = 1e99
"""More than any net benefit: a strategy without it is never the best."""

PLOTTED = 500
"""Draws of the cost-effectiveness plane: a chart of all would take seconds to draw."""

FIRST = 9
"""Row of the first draw."""

CURVES = 20
"""Row of the table of curves."""


class Psa:
    """Writes the two sheets: stored draws, and what is live over them.

    Args:
        case: what is exported.
        book: the workbook.
        outcomes: the draws.

    Attributes:
        sums: cells with the sums of the probabilities of being best, once written.
    """

    def __init__(self, case: WorkbookInput, book: Book, outcomes: Outcomes) -> None:
        self.case = case
        self.book = book
        self.outcomes = outcomes
        self.strategies = outcomes.strategies
        self.count = len(outcomes.strategies)
        self.draws = book.sheet(
            DRAWS, "Every draw: its parameters, costs and QALYs, stored at export"
        )
        self.summary = book.sheet(
            PSA, "Probabilistic analysis: means, acceptability, perfect information"
        )
        self._write_draws()
        self._write_titles()
        self._write_means()
        self.levels = self._write_levels()
        self.best = [self._write_best(step, level) for step, level in enumerate(self.levels)]
        self.probabilities, self.sums = self._write_curves()
        self._write_charts(self._write_plane())

    # --- draws ------------------------------------------------------------------------------------

    def _write_draws(self) -> None:
        """Costs, QALYs and parameters of every draw, with room between for live columns."""
        sheet, outcomes = self.draws, self.outcomes
        sheet.head(
            "Draws of the probabilistic analysis",
            f"{outcomes.heading}; scenario {self.case.variant.name}, seed "
            f"{self.case.seed}. Costs and QALYs are discounted, per person.",
        )
        sheet.put(FIRST - 1, 1, "draw", HEADER)
        sheet.numbers(FIRST, 1, np.arange(1.0, outcomes.draws + 1), Style("stored", "0"))
        words = "what is taken off the net benefit of strategies that are not compared"
        sheet.put(FIRST - 3, 1, words, NOTE)
        self.cost = self._store(2, "cost", outcomes.cost, MONEY, "psa_c", "psa_cost")
        self.heads = [sheet.cell(FIRST - 1, 2 + i) for i in range(self.count)]
        never = self.book.constant(NEVER)
        self.left_out = [
            sheet.show(
                FIRST - 3, 2 + i, where(included(self.book, head), 0, never), Style("calc", PLAIN)
            )
            for i, head in enumerate(self.heads)
        ]
        first = 2 + self.count
        self.effect = self._store(first, "QALYs", outcomes.effect, QALY, "psa_e", "psa_qaly")
        first, wide = self.plane_column + 2 * self.count, len(outcomes.parameters)
        sheet.put(FIRST - 2, first, "parameters", HEADING)
        for column, (key, values) in enumerate(outcomes.parameters.items(), start=first):
            sheet.put(FIRST - 1, column, key, HEADER)
            sheet.numbers(FIRST, column, _rounded(values), Style("stored", PLAIN))
        self.book.names["psa_id"] = sheet.reference(FIRST - 1, first, columns=wide)
        self.book.names["psa_parameters"] = sheet.reference(
            FIRST, first, rows=outcomes.draws, columns=wide
        )
        sheet.widths = dict.fromkeys(range(1, first + wide), 13.0)
        sheet.heights[FIRST - 1] = 30
        sheet.freeze = f"B{FIRST}"
        sheet.print_rows, sheet.print_columns = f"{FIRST - 2}:{FIRST - 1}", "A:A"
        sheet.wide = True

    def _store(
        self, first: int, title: str, cube: Floats, style: str, each: str, together: str
    ) -> list[Strip]:
        """A column a strategy, each with a name, and one for all of them."""
        self.draws.put(FIRST - 2, first, title, HEADING)
        strips = []
        for i, name in enumerate(self.strategies):
            self.draws.put(FIRST - 1, first + i, name, HEADER)
            strips.append(self.draws.numbers(FIRST, first + i, cube[:, i], Style("stored", style)))
            self.book.name(f"{each}_{i + 1}", strips[i].range())
        address = self.draws.reference(FIRST, first, rows=len(cube), columns=self.count)
        self.book.name(together, Live(address, cube, area=True))
        return strips

    @cached_property
    def plane_column(self) -> int:
        """First column of increments, after the highest net benefits, one a threshold."""
        return 2 + 2 * self.count + STEPS + 1

    def _column(self, column: int, formula: Live, style: str, rows: slice = slice(None)) -> Strip:
        """A live column of the sheet of draws."""
        values = np.broadcast_to(numbers(formula.value), (self.outcomes.draws,))
        strip = Strip(DRAWS, column, FIRST, values)
        self.draws.run(strip, formula, Style("calc", style), rows)
        return strip

    def _write_best(self, step: int, level: Live) -> Live:
        """The highest net benefit of each draw at one threshold of the curves."""
        column = 2 + 2 * self.count + step
        if step == 0:
            words = "highest net benefit at the thresholds of sheet PSA"
            self.draws.put(FIRST - 2, column, words, HEADING)
        head = self.draws.show(FIRST - 1, column, level, Style("header", WHOLE)).across
        parts = zip(self.cost, self.effect, self.left_out, strict=True)
        best = largest(*(head * effect.here - cost.here - out for cost, effect, out in parts))
        strip = self._column(column, best, MONEY)
        return self.book.name(f"psa_best_{step + 1}", strip.range())

    def _write_plane(self) -> list[tuple[Strip, Strip]]:
        """QALYs and costs over those of the live comparator, of the draws that are plotted."""
        shown = min(PLOTTED, self.outcomes.draws)
        found = []
        for place, (title, strips, style) in enumerate(
            (("QALYs", self.effect, QALY), ("cost", self.cost, MONEY))
        ):
            first = self.plane_column + place * self.count
            words = f"{title}: increments over the comparator, first {shown} draws"
            self.draws.put(FIRST - 2, first, words, HEADING)
            base = index(area([s.here for s in strips]), self.book.named["psa_comparator"])
            columns = []
            for column, (name, strip, out) in enumerate(
                zip(self.strategies, strips, self.left_out, strict=True), start=first
            ):
                self.draws.put(FIRST - 1, column, name, HEADER)
                # A chart leaves out what is not available.
                increment = where(out.equals(0), strip.here - base, NOT_AVAILABLE)
                columns.append(self._column(column, increment, style, slice(0, shown)))
            found.append(columns)
        return list(zip(*found, strict=True))

    # --- summary ----------------------------------------------------------------------------------

    def _write_titles(self) -> None:
        sheet = self.summary
        sheet.head(
            "Probabilistic analysis",
            f"Live over the {self.outcomes.draws:,} stored draws of scenario "
            f"{self.case.variant.name}: change a threshold, the comparator or the strategies "
            "compared. The draws themselves do not move with the inputs.",
        )
        stale = self.book.named["set_stale"]
        sheet.show(3, 1, where(stale.equals(""), "", stale), Style("warning"))
        sheet.widths = {1: 24} | dict.fromkeys(range(2, 6 + 2 * self.count), 17.0)
        sheet.freeze = "B3"
        sheet.print_area = f"A1:{letters(5 + self.count)}{CURVES + STEPS + 60}"

    def _write_means(self) -> None:
        sheet, named = self.summary, self.book.named
        sheet.put(4, 1, "Means and 95% intervals", HEADING)
        names = sheet.across(5, 1, ("", *self.strategies))[1:]
        mark_left_out(self.book, sheet, 4, names, CURVES + 1 + STEPS)
        row = 5
        self.means: dict[str, list[Live]] = {}
        for kind, word, style in (("c", "cost", MONEY), ("e", "QALYs", QALY)):
            clouds = [named[f"psa_{kind}_{i + 1}"] for i in range(self.count)]
            lower, upper = self.book.constant(0.025), self.book.constant(0.975)
            for label, cells in (
                (f"mean {word}", [mean(cloud) for cloud in clouds]),
                (f"{word}, lower", [percentile(cloud, lower) for cloud in clouds]),
                (f"{word}, upper", [percentile(cloud, upper) for cloud in clouds]),
            ):
                row += 1
                sheet.put(row, 1, label)
                self.means[label] = [
                    sheet.show(row, 2 + i, cell, Style("result", style)).across
                    for i, cell in enumerate(cells)
                ]
        sheet.put(13, 1, "comparator's number")
        place = match(named["set_comparator"], area(names))
        self.book.name("psa_comparator", sheet.show(13, 2, place, Style("calc", "0")))
        sheet.put(14, 1, "highest threshold")
        top = default_grid(self.outcomes.thresholds)[-1]
        self.book.name("psa_top", sheet.put(14, 2, top, Style("input", WHOLE)))
        sheet.put(14, 3, "of the curves: change it", NOTE)

    def _write_levels(self) -> list[Live]:
        """The thresholds of the curves."""
        steps, top = self.book.constant(float(STEPS)), self.book.named["psa_top"]
        return [
            self.summary.show(
                CURVES + 1 + step,
                1,
                top * Live(f"ROW()-ROW($A${CURVES})-1", step, level=LOOSE) / steps,
                Style("calc", WHOLE),
            )
            for step in range(STEPS + 1)
        ]

    def _write_curves(self) -> tuple[list[list[Live]], Live]:
        """Probabilities by strategy, and the column of their sums."""
        sheet = self.summary
        sheet.put(
            CURVES - 2,
            1,
            "Probability of the highest net benefit (ties are shared), and the "
            "expected value of perfect information",
            HEADING,
        )
        heads = (
            "threshold", *self.strategies, "frontier", "perfect information",
            "sum of probabilities", "number of the best",
        )  # fmt: skip
        sheet.across(CURVES, 1, heads)
        expected = 6 + self.count
        sheet.put(CURVES - 1, expected, "expected net benefit", HEADING)
        sheet.across(CURVES, expected, self.strategies, HEADER)
        sheet.heights[CURVES] = 45
        found = [self._curve_row(step) for step in range(STEPS + 1)]
        columns = zip(*(cells for cells, _ in found), strict=True)
        return [list(column) for column in columns], area([cell for _, cell in found])

    def _curve_row(self, step: int) -> tuple[list[Live], Live]:
        """One threshold: the probabilities and their sum; frontier, perfect information."""
        sheet, named, row = self.summary, self.book.named, CURVES + 1 + step
        level, best = self.levels[step].relative, self.best[step]
        wins = [
            level * named[f"psa_e_{i + 1}"] - named[f"psa_c_{i + 1}"] - out >= best
            for i, out in enumerate(self.left_out)
        ]
        ties = sum_of(wins)
        probabilities, benefits = [], []
        totals = zip(self.means["mean QALYs"], self.means["mean cost"], strict=True)
        for i, (qalys, cost) in enumerate(totals):
            compared = self.left_out[i].equals(0)
            share = where(compared, sum_product(wins[i] / ties) / rows(best), "")
            probabilities.append(sheet.show(row, 2 + i, share, Style("result", PERCENT)))
            benefit = where(compared, level * qalys - cost, "")
            cell = sheet.show(row, 6 + self.count + i, benefit, Style("calc", MONEY))
            benefits.append(cell.relative)
        means = area(benefits)
        place = match(largest(means), means)
        number = sheet.show(row, 5 + self.count, place, Style("calc", "0")).relative
        frontier = largest(
            *(
                where(benefit.equals(largest(means)), share.relative, 0)
                for benefit, share in zip(benefits, probabilities, strict=True)
            )
        )
        sheet.show(row, 2 + self.count, frontier, Style("result", PERCENT))
        chosen = level * index(named["psa_qaly"], 0, number) - index(named["psa_cost"], 0, number)
        lost = sum_product(best - chosen) / rows(best)
        sheet.show(row, 3 + self.count, lost, Style("result", MONEY))
        summed = total(area([share.relative for share in probabilities]))
        return probabilities, sheet.show(row, 4 + self.count, summed, Style("calc", PLAIN))

    def _write_charts(self, increments: list[tuple[Strip, Strip]]) -> None:
        """The cost-effectiveness plane and the acceptability curves."""
        outcomes, shown = self.outcomes, min(PLOTTED, self.outcomes.draws)
        labels = [outcomes.labels.get(name, name) for name in self.strategies]
        base = outcomes.index(self.case.variant.evaluation.comparator)
        clouds = [
            (i, labels[i], effect.range(shown).text, cost.range(shown).text)
            for i, (effect, cost) in enumerate(increments)
            if i != base
        ]
        plane = charts.plane(clouds, outcomes.currency)
        cells = [area(column).text for column in self.probabilities]
        curves = charts.curves(
            list(zip(labels, cells, strict=True)),
            area(self.levels).text,
            "probability of the highest net benefit",
            outcomes.currency,
        )
        curves.y_axis.scaling.max = 1
        curves.y_axis.number_format = "0%"
        row = CURVES + STEPS + 4
        self.summary.breaks.append(row - 2)
        self.summary.charts += [
            AnchoredChart(plane, f"A{row}"),
            AnchoredChart(curves, f"A{row + 25}"),
        ]


def _rounded(values: Floats) -> Floats:
    """Drawn values to 12 digits: enough to give a draw's outcomes to 1e-10 when it is replayed."""
    return np.array([float(f"{value:.12g}") for value in values.tolist()])
