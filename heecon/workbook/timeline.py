"""The sheets all strategies share: look-up tables, and time, weights and discount factors."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from heecon.arrays import Floats
from heecon.engine.discount import REACHED
from heecon.language import Table
from heecon.workbook.book import (
    HEADER,
    NOTE,
    PLAIN,
    SHARE,
    Book,
    Sheet,
    Strip,
    Style,
)
from heecon.workbook.case import WorkbookInput
from heecon.workbook.layout import FIRST, TABLE_FIRST, TABLES, TIMELINE, Layout
from heecon.workbook.live import (
    NOT_AVAILABLE,
    Live,
    all_of,
    any_of,
    area,
    exp,
    floor,
    index,
    largest,
    live,
    numbers,
    product_of,
    remainder,
    smallest,
    total,
    where,
)
from heecon.workbook.settings import TIMINGS, WEIGHTS, compounds, corrections, steps

KINDS = ("cost", "effect")
MODEL, STATE = "model", "state"
"""Discount factors at the model's timing, and those of state outcomes that follow its correction:
values at time points are discounted at their own time."""


def add_tables(book: Book, case: WorkbookInput) -> Sheet:
    """The look-up tables."""
    sheet = book.sheet(TABLES, "Life tables, curves and weights that formulas look into")
    sheet.head("Look-up tables")
    column, changed = 1, list[Live]()
    below = TABLE_FIRST + 1 + max((len(t.keys) for t in case.model.tables.values()), default=0)
    for column, name, label, values in columns_of(case.model.tables):
        sheet.put(TABLE_FIRST - 2, column, name, HEADER)
        sheet.put(TABLE_FIRST - 1, column, label, HEADER)
        cells = sheet.numbers(TABLE_FIRST, column, values, Style("data", PLAIN)).range()
        changed.append(sheet.seal(2, below, column, cells))
    sheet.put(2, column + 1, "sums as exported; below: how far the columns are from them", NOTE)
    distance = total(area(changed)) if case.model.tables else live(0)
    book.name("tables_changed", sheet.show(below, column + 1, distance, Style("calc", PLAIN)))
    if not case.model.tables:
        sheet.put(3, 1, "The model has no tables.", NOTE)
    sheet.widths = dict.fromkeys(range(1, column + 1), 14.0)
    sheet.freeze = f"A{TABLE_FIRST}"
    return sheet


def columns_of(tables: Mapping[str, Table]) -> Iterator[tuple[int, str, str, Floats]]:
    """Column on the sheet, table, heading and numbers of every column of the look-up tables."""
    start = 1
    for name, table in tables.items():
        yield start, name, "key", table.keys
        for column, (label, values) in enumerate(table.columns.items(), start=start + 1):
            yield column, "", label, values
        start += len(table.columns) + 2


class Timeline:
    """Time, weights and discount factors, one row a time point.

    Args:
        case: what is exported.
        layout: addresses.
    """

    def __init__(self, case: WorkbookInput, layout: Layout) -> None:
        self.case = case
        self.layout = layout
        self.named, self.constant = layout.book.named, layout.book.constant
        self.columns: dict[str, Strip] = {}
        self.sheet = layout.book.sheet(
            TIMELINE, "Time, weights and discount factors: one row a time point"
        )
        words = "The same for all strategies; the traces refer to it row by row."
        self.sheet.head("Timeline", words)
        self._write_time()
        self._write_weights()
        for kind in KINDS:
            self._write_factors(kind)
        self.sheet.widths = dict.fromkeys(range(1, len(self.columns) + 1), 13.0)
        self.sheet.heights[FIRST - 2] = 45
        self.sheet.freeze = f"B{FIRST}"
        self.sheet.print_rows = f"{FIRST - 2}:{FIRST - 1}"

    def at(self, key: str) -> Live:
        """The cell of a column in the row of the formula."""
        return self.columns[key].here

    def _add(self, key: str, label: str, formula: Live, format: str = SHARE) -> Live:
        """A column, and its cell in the row of a formula."""
        column = len(self.columns) + 1
        values = np.broadcast_to(numbers(formula.value), (self.case.cycles + 1,))
        self.columns[key] = Strip(TIMELINE, column, FIRST, values)
        self.sheet.put(FIRST - 2, column, label, HEADER)
        self.sheet.put(FIRST - 1, column, key, NOTE)
        self.sheet.run(self.columns[key], formula.with_value(values), Style("calc", format))
        return self.columns[key].here

    def _write_time(self) -> None:
        cycles, length = self.named["set_cycles"], self.named["set_cycle_length"]
        points = np.arange(self.case.cycles + 1.0)
        counted = Live(f"ROW()-ROW($A${FIRST - 1})-1", points)
        cycle = self._add("cycle", "cycle", counted, "0")
        time = self._add("time", "time (years)", cycle * length, "0.0000")
        self._add("age", "age", self.named["set_start_age"] + time, "0.00")
        self._add("first", "first time point", where(cycle.equals(0), 1, 0), "0")
        self._add("in_cycle", "cycle within the horizon", where(cycle < cycles, 1, 0), "0")
        within = where(cycle <= cycles, 1, 0)
        self._add("in_point", "time point within the horizon", within, "0")

    def _write_weights(self) -> None:
        """Weights of the time points under every correction, then of the model's."""
        cycle, within, half = self.at("cycle"), self.at("in_point"), self.constant(0.5)
        end = any_of(cycle.equals(0), cycle.equals(self.named["set_cycles"]))
        weights = {
            "half_cycle": self._add(
                "half_cycle", "weight: half cycle", within * where(end, half, 1)
            ),
            "simpson": self._add("simpson", "weight: Simpson", self._simpson(cycle, within)),
        }
        for name in self._weight_tables():
            address = next(iter(self.layout.tables[name].columns.values()))
            values = Live(address, np.asarray(self.case.model.tables[name].column(None)), area=True)
            weight = where(within.equals(1), index(values, cycle + 1), 0)
            key = f"{WEIGHTS}{name}"
            weights[key] = self._add(key, f"weight: {name}", weight)
        self._write_model_weights(weights)

    def _simpson(self, cycle: Live, within: Live) -> Live:
        """Simpson's rule: thirds up to ``set_simpson_end``, eighths beyond."""
        number, cycles, middle = (
            self.constant,
            self.named["set_cycles"],
            self.named["set_simpson_end"],
        )
        half, two = number(0.5), number(2.0)
        ends, odd, even = number(1 / 3), number(4 / 3), number(2 / 3)
        outer, inner = number(3 / 8), number(9 / 8)
        at_ends = where(middle.equals(0), 0, ends)
        inside = where(remainder(cycle, two).equals(1), odd, even)
        ended = any_of(cycle.equals(0), cycle.equals(middle))
        thirds = where(cycle <= middle, where(ended, at_ends, inside), 0)
        ended = any_of(cycle.equals(middle), cycle.equals(cycles))
        beyond = all_of(middle < cycles, cycle >= middle, cycle <= cycles)
        eighths = where(beyond, where(ended, outer, inner), 0)
        return where(cycles.equals(1), within * half, thirds + eighths)

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

    def _write_model_weights(self, weights: Mapping[str, Live]) -> None:
        """How many of those at its start, and at its end, the model's correction counts."""
        chosen, correction = NOT_AVAILABLE, self.named["set_correction"]
        for key, weight in weights.items():
            chosen = where(correction.equals(key), weight, chosen)
        whole = self.at("in_cycle")
        mean = self.constant(0.5) * whole
        start, end, both = (correction.equals(x) for x in ("start", "end", "life_table"))
        at_start = where(start, whole, where(end, 0, where(both, mean, chosen)))
        at_end = where(end, whole, where(both, mean, 0))
        self._add("w_start", "counted: those at its start", at_start)
        self._add("w_end", "counted: those at its end", at_end)

    def _write_factors(self, kind: str) -> None:
        """Discount factors of costs or effects at every timing, at the model's, and of states."""
        time, length = self.at("time"), self.named["set_cycle_length"]
        times = (time, time + self.constant(0.5) * length, time + length)
        start, middle, end = (
            self._add(
                f"df_{kind}_{timing}", f"discount factor, {kind}s: {timing}", self._factor(kind, at)
            )
            for timing, at in zip(TIMINGS, times, strict=True)
        )
        timing = self.named["set_timing"]
        model = where(timing.equals("cycle_start"), start, where(timing.equals("mid_cycle"), middle, end))  # fmt: skip # noqa: E501
        label = f"discount factor, {kind}s"
        own = self._add(f"df_{kind}_{MODEL}", label, model)
        states = where(self.named["set_pointwise"].equals(1), start, own)
        self._add(f"df_{kind}_{STATE}", f"{label} of states", states)

    def _factor(self, kind: str, time: Live) -> Live:
        """Product over the stretches of time with a rate of their own."""
        count = steps(self.case, kind)
        compounding = self.named["set_compounding"] if compounds(self.case) else None
        if compounding is not None:
            completed = floor(time + self.constant(REACHED))
            time = where(compounding.equals("whole_years"), completed, time)
        parts = []
        for i in range(1, count + 1):
            stretch = time
            if i < count:
                stretch = smallest(time, self.named[f"set_dr_{kind}_from_{i + 1}"])
            if i > 1:
                stretch = largest(0, stretch - self.named[f"set_dr_{kind}_from_{i}"])
            rate = self.named[f"set_dr_{kind}_{i}"]
            part = (1 + rate) ** -stretch
            if compounding is not None:
                part = where(compounding.equals("continuous"), exp(-rate * stretch), part)
            parts.append(part)
        return product_of(parts)
