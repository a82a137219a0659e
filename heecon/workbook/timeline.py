"""The sheets all strategies share: look-up tables, and time, weights and discount factors."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from heecon.engine import discount
from heecon.model.build import base_number
from heecon.model.definition import Correction, Model
from heecon.workbook.address import letters
from heecon.workbook.book import (
    HEADER,
    NOTE,
    PLAIN,
    SHARE,
    TITLE,
    Book,
    Sheet,
    Style,
)
from heecon.workbook.case import Case
from heecon.workbook.layout import FIRST, TABLE_FIRST, TABLES, TIMELINE, Layout
from heecon.workbook.settings import TIMINGS, WEIGHTS, correction_text, corrections, steps

Floats = NDArray[np.float64]

KINDS = ("cost", "effect")
MODEL, STATE = "model", "state"
"""Discount factors at the model's timing, and those of state outcomes that follow its correction:
values at time points are discounted at their own time."""


def add_tables(book: Book, case: Case) -> Sheet:
    """The look-up tables."""
    sheet = book.sheet(TABLES, "Life tables, curves and weights that formulas look into")
    sheet.put(1, 1, "Look-up tables", TITLE)
    column = 1
    for name, table in case.model.tables.items():
        sheet.put(TABLE_FIRST - 2, column, name, HEADER)
        sheet.put(TABLE_FIRST - 1, column, "key", HEADER)
        sheet.numbers(TABLE_FIRST, column, table.keys, Style("data", PLAIN))
        for place, (label, values) in enumerate(table.columns.items(), start=column + 1):
            sheet.put(TABLE_FIRST - 1, place, label, HEADER)
            sheet.numbers(TABLE_FIRST, place, values, Style("data", PLAIN))
        column += len(table.columns) + 2
    if not case.model.tables:
        sheet.put(3, 1, "The model has no tables.", NOTE)
    sheet.widths = dict.fromkeys(range(1, column), 14.0)
    sheet.freeze = f"A{TABLE_FIRST}"
    return sheet


@dataclass(frozen=True)
class Line:
    """One column of the timeline.

    Attributes:
        key: what other sheets call it.
        label: words.
        template: its formula.
        values: one a time point.
        format: number format.
    """

    key: str
    label: str
    template: str
    values: Floats
    format: str = SHARE


class Timeline:
    """Time, weights and discount factors, one row a time point.

    Args:
        case: what is exported.
        layout: addresses.
    """

    def __init__(self, case: Case, layout: Layout) -> None:
        self.case = case
        self.book = layout.book
        self.layout = layout
        self.settings = case.model.settings
        self.points = np.arange(case.cycles + 1.0)
        self.in_cycle = (self.points < self.settings.cycles).astype(float)
        self.in_point = (self.points <= self.settings.cycles).astype(float)

    def at(self, key: str, *, following: bool = False) -> str:
        """A cell of the timeline in the same row, or in the next, as a template."""
        column = letters(1 + self._places[key])
        return f"{TIMELINE}!${column}{'{n}' if following else '{r}'}"

    def values(self, key: str) -> Floats:
        """The values of a column."""
        return self.lines[self._places[key]].values

    @cached_property
    def _places(self) -> dict[str, int]:
        return {line.key: i for i, line in enumerate(self.lines)}

    @cached_property
    def lines(self) -> tuple[Line, ...]:
        """Every column, in order."""
        settings, points = self.settings, self.points
        length = settings.cycle_length
        age = base_number(settings.start_age, self.case.model)
        counted = [
            Line("cycle", "cycle", f"ROW()-ROW($A${FIRST - 1})-1", points, "0"),
            Line("time", "time (years)", "$A{r}*set_cycle_length", points * length, "0.0000"),
            Line("age", "age", "set_start_age+$B{r}", age + points * length, "0.00"),
            Line("first", "first time point", "IF($A{r}=0,1,0)", (points == 0) * 1.0, "0"),
            Line(
                "in_cycle",
                "cycle within the horizon",
                "IF($A{r}<set_cycles,1,0)",
                self.in_cycle,
                "0",
            ),
            Line(
                "in_point",
                "time point within the horizon",
                "IF($A{r}<=set_cycles,1,0)",
                self.in_point,
                "0",
            ),
        ]
        places = {line.key: letters(1 + i) for i, line in enumerate(counted)}
        weights = self._weights(places, len(counted))
        factors = self._factors(len(counted) + len(weights))
        return (*counted, *weights, *factors)

    def _weights(self, places: Mapping[str, str], taken: int) -> list[Line]:
        """Weights of the time points under every correction, then of the model's."""
        half = self.book.constant(0.5)
        cycle, in_cycle = f"${places['cycle']}{{r}}", f"${places['in_cycle']}{{r}}"
        in_point = f"${places['in_point']}{{r}}"
        lines = [
            Line(
                "half_cycle",
                "weight: half cycle",
                f"{in_point}*IF(OR({cycle}=0,{cycle}=set_cycles),{half},1)",
                self._padded(discount.half_cycle_weights(self.settings.cycles)),
            ),
            self._simpson(cycle, in_point),
        ]
        for name in self._weight_tables():
            table = self.layout.tables[name]
            values = next(iter(table.columns.values()))
            lines.append(
                Line(
                    f"{WEIGHTS}{name}",
                    f"weight: {name}",
                    f"IF({in_point}=1,INDEX({values},{cycle}+1),0)",
                    self._padded(np.asarray(self.case.model.tables[name].column(None))),
                )
            )
        return [*lines, *self._of_model(lines, taken, in_cycle, half)]

    def _simpson(self, cycle: str, in_point: str) -> Line:
        """Simpson's rule: thirds up to ``set_simpson_end``, eighths beyond."""
        number = self.book.constant
        half, two = number(0.5), number(2.0)
        ends, odd, even = number(1 / 3), number(4 / 3), number(2 / 3)
        outer, inner = number(3 / 8), number(9 / 8)
        thirds = (
            f"IF({cycle}<=set_simpson_end,IF(OR({cycle}=0,{cycle}=set_simpson_end),"
            f"IF(set_simpson_end=0,0,{ends}),IF(MOD({cycle},{two})=1,{odd},{even})),0)"
        )
        eighths = (
            f"IF(AND(set_simpson_end<set_cycles,{cycle}>=set_simpson_end,{cycle}<=set_cycles),"
            f"IF(OR({cycle}=set_simpson_end,{cycle}=set_cycles),{outer},{inner}),0)"
        )
        formula = f"IF(set_cycles=1,{in_point}*{half},{thirds}+{eighths})"
        weights = discount.simpson_weights(self.settings.cycles)
        return Line("simpson", "weight: Simpson", formula, self._padded(weights))

    def _weight_tables(self) -> list[str]:
        used = {
            text.removeprefix(WEIGHTS)
            for text in corrections(self.case)
            if text.startswith(WEIGHTS)
        }
        for outcome in self.case.model.outcomes.values():
            for correction in (outcome.correction, outcome.one_off_correction):
                if correction is not None and correction.table and not outcome.follows_model:
                    used.add(correction.table)
        return sorted(used)

    def _of_model(self, lines: list[Line], taken: int, in_cycle: str, half: str) -> list[Line]:
        """How many of those at its start, and at its end, the model's correction counts."""
        chosen = "NA()"
        for place, line in enumerate(lines, start=taken + 1):
            chosen = f'IF(set_correction="{line.key}",${letters(place)}{{r}},{chosen})'
        start = (
            f'IF(set_correction="start",{in_cycle},IF(set_correction="end",0,'
            f'IF(set_correction="life_table",{half}*{in_cycle},{chosen})))'
        )
        end = (
            f'IF(set_correction="end",{in_cycle},'
            f'IF(set_correction="life_table",{half}*{in_cycle},0))'
        )
        at_start, at_end = self.model_weights(self.settings.correction, lines)
        return [
            Line("w_start", "counted: those at its start", start, at_start),
            Line("w_end", "counted: those at its end", end, at_end),
        ]

    def model_weights(self, correction: Correction, lines: list[Line]) -> tuple[Floats, Floats]:
        """Weights of the people at the start and at the end of each cycle."""
        zero = np.zeros_like(self.in_cycle)
        if correction.method == "start":
            return self.in_cycle, zero
        if correction.method == "end":
            return zero, self.in_cycle
        if correction.method == "life_table":
            return 0.5 * self.in_cycle, 0.5 * self.in_cycle
        text = correction_text(correction)
        return next(line.values for line in lines if line.key == text), zero

    def _padded(self, weights: Floats) -> Floats:
        """Weights of the time points within the horizon, zeros beyond."""
        values = np.zeros(len(self.points))
        count = min(self.settings.cycles + 1, len(weights))
        values[:count] = weights[:count]
        return values

    def _factors(self, taken: int) -> list[Line]:
        """Discount factors of costs and effects at every timing, at the model's, and of states."""
        half = self.book.constant(0.5)
        shifts = {
            "cycle_start": "$B{r}",
            "mid_cycle": f"($B{{r}}+{half}*set_cycle_length)",
            "cycle_end": "($B{r}+set_cycle_length)",
        }
        lines: list[Line] = []
        for kind in KINDS:
            first = taken + len(lines) + 1
            for timing in TIMINGS:
                lines.append(
                    Line(
                        f"df_{kind}_{timing}",
                        f"discount factor, {kind}s: {timing}",
                        self._factor(kind, shifts[timing]),
                        discounted(self.case.model, kind, timing, self.points),
                    )
                )
            start, middle, end = (f"${letters(first + i)}{{r}}" for i in range(3))
            model = (
                f'IF(set_timing="cycle_start",{start},IF(set_timing="mid_cycle",{middle},{end}))'
            )
            timing = self.settings.timing
            values = discounted(self.case.model, kind, timing, self.points)
            lines.append(Line(f"df_{kind}_{MODEL}", f"discount factor, {kind}s", model, values))
            own = f"${letters(first + 3)}{{r}}"
            states = f"IF(set_pointwise=1,{start},{own})"
            if self.settings.correction.pointwise:
                values = discounted(self.case.model, kind, "cycle_start", self.points)
            label = f"discount factor, {kind}s of states"
            lines.append(Line(f"df_{kind}_{STATE}", label, states, values))
        return lines

    def _factor(self, kind: str, time: str) -> str:
        """Product over the stretches of time with a rate of their own."""
        count = steps(self.case, kind)
        parts = []
        for i in range(1, count + 1):
            stretch = time
            if i < count:
                stretch = f"MIN({time},set_dr_{kind}_from_{i + 1})"
            if i > 1:
                stretch = f"MAX(0,{stretch}-set_dr_{kind}_from_{i})"
            parts.append(f"(1+set_dr_{kind}_{i})^(-{stretch})")
        return "*".join(parts)


def discounted(model: Model, kind: str, timing: str, points: Floats) -> Floats:
    """Discount factors at a timing, as the engine has them."""
    settings = model.settings
    times = (points + discount.SHIFT[timing]) * settings.cycle_length
    stretches = settings.discount[kind]
    rates = [np.array([base_number(step.rate, model)]) for step in stretches]
    factors = discount.discount_factors(times, [step.start for step in stretches], rates)
    return np.asarray(factors[0])


def add_timeline(book: Book, timeline: Timeline) -> Sheet:
    """The sheet of the timeline."""
    sheet = book.sheet(TIMELINE, "Time, weights and discount factors: one row a time point")
    sheet.put(1, 1, "Timeline", TITLE)
    sheet.put(2, 1, "The same for all strategies; the traces refer to it row by row.", NOTE)
    for column, line in enumerate(timeline.lines, start=1):
        sheet.put(FIRST - 2, column, line.label, HEADER)
        sheet.put(FIRST - 1, column, line.key, NOTE)
        sheet.down(FIRST, column, line.template, line.values, Style("calc", line.format))
    sheet.widths = dict.fromkeys(range(1, len(timeline.lines) + 1), 13.0)
    sheet.heights[FIRST - 2] = 45
    sheet.freeze = f"B{FIRST}"
    sheet.print_rows = f"{FIRST - 2}:{FIRST - 1}"
    return sheet
