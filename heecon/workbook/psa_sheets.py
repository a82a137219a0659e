"""The probabilistic analysis: stored draws and outcomes, live curves at the cells' thresholds."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from heecon.analysis.acceptability import Acceptability, acceptability
from heecon.analysis.outcomes import Outcomes
from heecon.analysis.psa import default_grid
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
    TITLE,
    WHOLE,
    AnchoredChart,
    Book,
    Sheet,
    Style,
)
from heecon.workbook.case import Case
from heecon.workbook.layout import Layout

Floats = NDArray[np.float64]

PSA, DRAWS = "PSA", "PSA_draws"
STEPS = 20
"""Thresholds of the curves, besides 0."""

PLOTTED = 500
"""Draws of the cost-effectiveness plane: a chart of all would take seconds to draw."""

FIRST = 9
"""Row of the first draw."""

CURVES = 20
"""Row of the table of curves."""


@dataclass(frozen=True)
class Psa:
    """Plans and writes the sheets.

    Attributes:
        case: what is exported.
        layout: addresses.
        outcomes: the draws.
    """

    case: Case
    layout: Layout
    outcomes: Outcomes

    @cached_property
    def keys(self) -> list[str]:
        """Parameters with draws, a column each."""
        return list(self.outcomes.parameters)

    @property
    def count(self) -> int:
        """Number of strategies."""
        return len(self.outcomes.strategies)

    @property
    def last(self) -> int:
        """Row of the last draw."""
        return FIRST + self.outcomes.draws - 1

    def cost_column(self, i: int) -> int:
        """Column of a strategy's costs."""
        return 2 + i

    def effect_column(self, i: int) -> int:
        """Column of a strategy's QALYs."""
        return 2 + self.count + i

    @property
    def best_column(self) -> int:
        """First column of the highest net benefit, one a threshold."""
        return 2 + 2 * self.count

    @property
    def plane_column(self) -> int:
        """First column of increments."""
        return self.best_column + STEPS + 1

    @property
    def parameter_column(self) -> int:
        """First column of parameters."""
        return self.plane_column + 2 * self.count

    def range(self, column: int, rows: int | None = None) -> str:
        """Address of a column of draws."""
        letter, end = letters(column), self.last if rows is None else FIRST + rows - 1
        return f"{DRAWS}!${letter}${FIRST}:${letter}${end}"

    @cached_property
    def grid(self) -> list[float]:
        """Thresholds of the curves at export."""
        whole = default_grid(self.outcomes.thresholds)
        return [whole[-1] * step / STEPS for step in range(STEPS + 1)]

    @cached_property
    def curves(self) -> Acceptability:
        """The engine's curves."""
        return acceptability(self.outcomes, self.grid)

    @staticmethod
    def sum_rows() -> tuple[int, int]:
        """First and last row of the table of curves."""
        return CURVES + 1, CURVES + 1 + STEPS

    def place(self, i: int) -> int:
        """Number of one of the draws' strategies among all of the family."""
        return self.layout.strategies.index(self.outcomes.strategies[i])

    # --- draws ------------------------------------------------------------------------------------

    def write_draws(self, book: Book) -> Sheet:
        """The sheet of draws."""
        sheet = book.sheet(DRAWS, "Every draw: its parameters, costs and QALYs, stored at export")
        outcomes = self.outcomes
        sheet.put(1, 1, "Draws of the probabilistic analysis", TITLE)
        sheet.put(
            2,
            1,
            f"{outcomes.draws:,} draws of scenario {self.case.variant.name}, seed "
            f"{self.case.seed}. Costs and QALYs are discounted, per person.",
            NOTE,
        )
        number = np.arange(1.0, outcomes.draws + 1)
        sheet.put(FIRST - 1, 1, "draw", HEADER)
        sheet.numbers(FIRST, 1, number, Style("stored", "0"))
        for i, name in enumerate(outcomes.strategies):
            for column, values, style in (
                (self.cost_column(i), outcomes.cost[:, i], MONEY),
                (self.effect_column(i), outcomes.effect[:, i], QALY),
            ):
                sheet.put(FIRST - 1, column, name, HEADER)
                sheet.numbers(FIRST, column, values, Style("stored", style))
        sheet.put(FIRST - 2, self.cost_column(0), "cost", HEADING)
        sheet.put(FIRST - 2, self.effect_column(0), "QALYs", HEADING)
        self._write_best(sheet)
        self._write_plane(sheet)
        sheet.put(FIRST - 2, self.parameter_column, "parameters", HEADING)
        for column, key in enumerate(self.keys, start=self.parameter_column):
            sheet.put(FIRST - 1, column, key, HEADER)
            values = _rounded(outcomes.parameters[key])
            sheet.numbers(FIRST, column, values, Style("stored", PLAIN))
        wide = len(self.keys)
        book.names["psa_id"] = sheet.reference(FIRST - 1, self.parameter_column, columns=wide)
        book.names["psa_parameters"] = sheet.reference(
            FIRST, self.parameter_column, rows=outcomes.draws, columns=wide
        )
        for name, first in (("psa_cost", self.cost_column(0)), ("psa_qaly", self.effect_column(0))):
            book.names[name] = sheet.reference(
                FIRST, first, rows=outcomes.draws, columns=self.count
            )
        for i in range(self.count):
            book.names[f"psa_c_{i + 1}"] = self.range(self.cost_column(i))
            book.names[f"psa_e_{i + 1}"] = self.range(self.effect_column(i))
        for step in range(STEPS + 1):
            book.names[f"psa_best_{step + 1}"] = self.range(self.best_column + step)
        sheet.widths = dict.fromkeys(range(1, self.parameter_column + wide), 13.0)
        sheet.heights[FIRST - 1] = 30
        sheet.freeze = f"B{FIRST}"
        sheet.print_rows, sheet.print_columns = f"{FIRST - 2}:{FIRST - 1}", "A:A"
        sheet.wide = True
        return sheet

    def _write_best(self, sheet: Sheet) -> None:
        """The highest net benefit of each draw at each threshold of the curves."""
        sheet.put(
            FIRST - 2,
            self.best_column,
            "highest net benefit at the thresholds of sheet PSA",
            HEADING,
        )
        pairs = [
            (letters(self.cost_column(i)), letters(self.effect_column(i)))
            for i in range(self.count)
        ]
        for step, level in enumerate(self.grid):
            column = self.best_column + step
            head = f"{letters(column)}${FIRST - 1}"
            place = f"{PSA}!$A${CURVES + 1 + step}"
            sheet.calculate(FIRST - 1, column, place, level, Style("header", WHOLE))
            terms = ",".join(f"{head}*${e}{{r}}-${c}{{r}}" for c, e in pairs)
            best = self.outcomes.nmb(level).max(axis=1)
            sheet.down(FIRST, column, f"MAX({terms})", best, Style("calc", MONEY))

    def _write_plane(self, sheet: Sheet) -> None:
        """Increments over the live comparator, of the draws that are plotted."""
        shown = min(PLOTTED, self.outcomes.draws)
        base = self.outcomes.index(self.case.variant.evaluation.comparator)
        words = f"increments over the comparator, first {shown} draws"
        sheet.put(FIRST - 2, self.plane_column, f"QALYs: {words}", HEADING)
        sheet.put(FIRST - 2, self.plane_column + self.count, f"cost: {words}", HEADING)
        first_e, last_e = (
            letters(self.effect_column(0)),
            letters(self.effect_column(self.count - 1)),
        )
        first_c, last_c = letters(self.cost_column(0)), letters(self.cost_column(self.count - 1))
        effect = self.outcomes.effect[:shown] - self.outcomes.effect[:shown, base : base + 1]
        cost = self.outcomes.cost[:shown] - self.outcomes.cost[:shown, base : base + 1]
        for i, name in enumerate(self.outcomes.strategies):
            for column, own, first, last, values, style in (
                (self.plane_column + i, self.effect_column(i), first_e, last_e, effect, QALY),
                (
                    self.plane_column + self.count + i,
                    self.cost_column(i),
                    first_c,
                    last_c,
                    cost,
                    MONEY,
                ),
            ):
                sheet.put(FIRST - 1, column, name, HEADER)
                formula = f"${letters(own)}{{r}}-INDEX(${first}{{r}}:${last}{{r}},psa_comparator)"
                sheet.down(FIRST, column, formula, values[:, i], Style("calc", style))

    # --- summary ----------------------------------------------------------------------------------

    def write_summary(self, book: Book) -> Sheet:
        """The sheet with means, curves and charts."""
        sheet = book.sheet(PSA, "Probabilistic analysis: means, acceptability, perfect information")
        outcomes = self.outcomes
        sheet.put(1, 1, "Probabilistic analysis", TITLE)
        sheet.put(
            2,
            1,
            f"Live over the {outcomes.draws:,} stored draws of scenario "
            f"{self.case.variant.name}: change a threshold or the comparator. The draws "
            "themselves do not move with the inputs.",
            NOTE,
        )
        self._write_means(sheet, book)
        self._write_curves(sheet, book)
        sheet.widths = {1: 24} | dict.fromkeys(range(2, 6 + 2 * self.count), 17.0)
        sheet.freeze = "B3"
        sheet.print_area = f"A1:{letters(5 + self.count)}{CURVES + STEPS + 60}"
        row = CURVES + STEPS + 4
        sheet.breaks.append(row - 2)
        sheet.charts += [
            AnchoredChart(self._plane(), f"A{row}"),
            AnchoredChart(self._acceptability(), f"A{row + 25}"),
        ]
        return sheet

    def _write_means(self, sheet: Sheet, book: Book) -> None:
        sheet.put(4, 1, "Means and 95% intervals", HEADING)
        sheet.across(5, 1, ("", *self.outcomes.strategies))
        low, high = book.constant(0.025), book.constant(0.975)
        rows = (
            ("mean cost", "AVERAGE({c})", MONEY, 0),
            ("cost, lower", f"PERCENTILE({{c}},{low})", MONEY, 1),
            ("cost, upper", f"PERCENTILE({{c}},{high})", MONEY, 2),
            ("mean QALYs", "AVERAGE({e})", QALY, 0),
            ("QALYs, lower", f"PERCENTILE({{e}},{low})", QALY, 1),
            ("QALYs, upper", f"PERCENTILE({{e}},{high})", QALY, 2),
        )
        for row, (label, template, style, which) in enumerate(rows, start=6):
            sheet.put(row, 1, label)
            cloud = self.outcomes.cost if "cost" in label else self.outcomes.effect
            for i in range(self.count):
                formula = template.format(c=f"psa_c_{i + 1}", e=f"psa_e_{i + 1}")
                values = cloud[:, i]
                value = (
                    values.mean() if which == 0 else np.percentile(values, (0, 2.5, 97.5)[which])
                )
                sheet.calculate(row, 2 + i, formula, float(value), Style("result", style))
        sheet.put(13, 1, "comparator's number")
        names = f"$B$5:${letters(1 + self.count)}$5"
        base = self.outcomes.index(self.case.variant.evaluation.comparator) + 1
        sheet.calculate(13, 2, f"MATCH(set_comparator,{names},0)", base, Style("calc", "0"))
        book.names["psa_comparator"] = sheet.reference(13, 2)
        sheet.put(14, 1, "highest threshold")
        sheet.put(14, 2, self.grid[-1], Style("input", WHOLE))
        sheet.put(14, 3, "of the curves: change it", NOTE)
        book.names["psa_top"] = sheet.reference(14, 2)

    def _write_curves(self, sheet: Sheet, book: Book) -> None:
        sheet.put(
            CURVES - 2,
            1,
            "Probability of the highest net benefit (ties are shared), and the "
            "expected value of perfect information",
            HEADING,
        )
        expected = 6 + self.count
        sheet.across(
            CURVES,
            1,
            (
                "threshold",
                *self.outcomes.strategies,
                "frontier",
                "perfect information",
                "sum of probabilities",
                "number of the best",
            ),
        )
        sheet.put(CURVES - 1, expected, "expected net benefit", HEADING)
        sheet.across(CURVES, expected, self.outcomes.strategies, HEADER)
        sheet.heights[CURVES] = 45
        steps = book.constant(float(STEPS))
        for step, level in enumerate(self.grid):
            row = CURVES + 1 + step
            place = f"psa_top*(ROW()-ROW($A${CURVES})-1)/{steps}"
            sheet.calculate(row, 1, place, level, Style("calc", WHOLE))
            self._curve_row(sheet, row, step, expected)

    def _curve_row(self, sheet: Sheet, row: int, step: int, expected: int) -> None:
        """One threshold: probabilities, frontier, perfect information, expected net benefit."""
        found, best = self.curves, f"psa_best_{step + 1}"
        wins = [f"($A{row}*psa_e_{i + 1}-psa_c_{i + 1}>={best})" for i in range(self.count)]
        ties = "+".join(wins)
        nmb = self.outcomes.nmb(self.grid[step]).mean(axis=0)
        for i in range(self.count):
            sheet.calculate(
                row,
                2 + i,
                f"SUMPRODUCT({wins[i]}/({ties}))/ROWS({best})",
                float(found.probability[step, i]),
                Style("result", PERCENT),
            )
            letter = letters(2 + i)
            sheet.calculate(
                row,
                expected + i,
                f"$A{row}*{letter}$9-{letter}$6",
                float(nmb[i]),
                Style("calc", MONEY),
            )
        first, last = letters(expected), letters(expected + self.count - 1)
        means = f"${first}{row}:${last}{row}"
        cells = [
            f"IF({letters(expected + i)}{row}=MAX({means}),{letters(2 + i)}{row},0)"
            for i in range(self.count)
        ]
        sheet.calculate(
            row,
            2 + self.count,
            f"MAX({','.join(cells)})",
            float(found.frontier[step]),
            Style("result", PERCENT),
        )
        number = f"${letters(5 + self.count)}{row}"
        chosen = f"$A{row}*INDEX(psa_qaly,0,{number})-INDEX(psa_cost,0,{number})"
        sheet.calculate(
            row,
            3 + self.count,
            f"SUMPRODUCT({best}-({chosen}))/ROWS({best})",
            float(found.evpi[step]),
            Style("result", MONEY),
        )
        area = f"B{row}:{letters(1 + self.count)}{row}"
        sheet.calculate(row, 4 + self.count, f"SUM({area})", 1.0, Style("calc", PLAIN))
        sheet.calculate(
            row,
            5 + self.count,
            f"MATCH(MAX({means}),{means},0)",
            float(nmb.argmax() + 1),
            Style("calc", "0"),
        )

    def _plane(self) -> object:
        shown = min(PLOTTED, self.outcomes.draws)
        base = self.outcomes.index(self.case.variant.evaluation.comparator)
        clouds = [
            (
                i,
                self.outcomes.labels.get(name, name),
                self.range(self.plane_column + i, shown),
                self.range(self.plane_column + self.count + i, shown),
            )
            for i, name in enumerate(self.outcomes.strategies)
            if i != base
        ]
        return charts.plane(clouds, self.outcomes.currency)

    def _acceptability(self) -> object:
        first, last = CURVES + 1, CURVES + 1 + STEPS
        lines = [
            (
                self.outcomes.labels.get(name, name),
                f"{PSA}!${letters(2 + i)}${first}:${letters(2 + i)}${last}",
            )
            for i, name in enumerate(self.outcomes.strategies)
        ]
        chart = charts.curves(
            lines,
            f"{PSA}!$A${first}:$A${last}",
            "probability of the highest net benefit",
            self.outcomes.currency,
        )
        chart.y_axis.scaling.max = 1
        chart.y_axis.number_format = "0%"
        return chart


def _rounded(values: Floats) -> Floats:
    """Drawn values to 12 digits: enough to give a draw's outcomes to 1e-10 when it is replayed."""
    return np.array([float(f"{value:.12g}") for value in values.tolist()])
