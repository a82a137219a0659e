"""The columns of a trace: their letters, their cells, and how the model's formulas are written."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from heecon.language import Tree
from heecon.language import names as names_in
from heecon.model.definition import Formula
from heecon.model.formulas import TIME_IN_STATE, dependents
from heecon.workbook.address import letters
from heecon.workbook.book import PLAIN
from heecon.workbook.layout import FIRST, Layout
from heecon.workbook.numbers import Numbers
from heecon.workbook.shorten import Part, shortened
from heecon.workbook.timeline import Timeline

Floats = NDArray[np.float64]
Key = tuple[str, ...]
Make = Callable[[], tuple[str, Floats]]
"""Gives a column's formula template and its values once every column has its letter."""

START_ROW, TOTAL_ROW, GROUP_ROW, LABEL_ROW, TEXT_ROW = 4, 5, FIRST - 3, FIRST - 2, FIRST - 1
NUMBER = "0.000000"


@dataclass(frozen=True)
class Column:
    """One column of a trace.

    Attributes:
        key: what formulas call it.
        group: heading above it.
        label: heading.
        text: the model's own formula, for the reader.
        make: gives the template and the values once every column has its letter.
        first: row of its first value.
        total: whether it is summed above.
        format: number format.
    """

    key: Key
    group: str
    label: str
    text: str
    make: Make
    first: int = FIRST
    total: bool = False
    format: str = NUMBER


class Columns:
    """The columns of one strategy's trace, planned one by one.

    Args:
        layout: addresses.
        timeline: time, weights and discount factors.
        numbers: the engine's values.
        strategy: its name.
    """

    def __init__(self, layout: Layout, timeline: Timeline, numbers: Numbers, strategy: str) -> None:
        self.layout = layout
        self.timeline = timeline
        self.numbers = numbers
        self.strategy = strategy
        self.model = layout.case.model
        self.states = list(self.model.states)
        self.columns: list[Column] = []
        self.parts: list[str] = []
        trees = {name: formula.tree for name, formula in self.model.variables.items()}
        self.by_slot = dependents(TIME_IN_STATE, trees)

    @cached_property
    def letters(self) -> dict[Key, str]:
        """Letters of every planned column."""
        return {column.key: letters(i) for i, column in enumerate(self.columns, start=1)}

    def cell(self, *key: str, row: str = "{r}") -> str:
        """A cell of a column as a template."""
        return f"${self.letters[key]}{row}"

    def total(self, *key: str) -> str:
        """Address of a column's sum, for other sheets."""
        return f"{self.layout.traces[self.strategy]}!${self.letters[key]}${TOTAL_ROW}"

    def range(self, *key: str) -> str:
        """Address of a whole column, for other sheets."""
        letter, end = self.letters[key], FIRST + self.numbers.points - 1
        return f"{self.layout.traces[self.strategy]}!${letter}${FIRST}:${letter}${end}"

    def add(
        self, key: Key, group: str, label: str, make: Make, text: str = "", **more: object
    ) -> None:
        """Plan a column; ``more`` are the other attributes of ``Column``."""
        self.columns.append(Column(key, group, label, text, make, **more))  # type: ignore[arg-type]

    def link(self, key: str) -> Make:
        """A column that repeats one of the timeline."""
        return lambda: (self.timeline.at(key), self.timeline.values(key))

    def slots(self, state: str) -> int:
        """How many cycles of residence a state tells apart."""
        return self.model.states[state].slots

    def slot_key(self, state: str, slot: int) -> Key:
        """Key of the occupancy of a state after some cycles in it."""
        many = self.slots(state) > 1
        return ("occupancy", state, str(slot)) if many else ("occupancy", state)

    def span(self, *key: str, slots: tuple[int, int]) -> str:
        """Cells of several cycles of residence; a single cell where there is one."""
        low, high = slots
        if key in self.letters and (*key, "0") not in self.letters:
            return self.cell(*key)
        if high - low == 1:
            return self.cell(*key, str(low))
        return f"{self.cell(*key, str(low))}:{self.cell(*key, str(high - 1))}"

    def depends(self, formula: Formula) -> bool:
        """Whether a formula depends on the time spent in the state."""
        return bool(names_in(formula.tree) & self.by_slot)

    @staticmethod
    def sum_of(cells: Sequence[str]) -> str:
        """Cells added up, ready to be multiplied."""
        return cells[0] if len(cells) == 1 else f"({'+'.join(cells)})"

    def times(self, people: str, formula: Formula) -> str:
        """People times what each is worth."""
        text = self.formula(formula, 0)
        return people if text == "1" else f"{people}*({text})"

    def formula(self, formula: Formula, slot: int) -> str:
        """A formula of the model, parts of it in columns of their own if it is long."""

        def write(tree: Tree) -> str:
            return self.layout.excel(tree, self.references(slot))

        tree, parts = shortened(formula.tree, write, f"part_{len(self.parts)}_")
        for name, part in parts.items():
            self.parts.append(name)
            self.add(
                ("extra", name),
                "parts of long formulas",
                name,
                self._extra(part, slot),
                format=PLAIN,
            )
            self.__dict__.pop("letters", None)
        return write(tree)

    def _extra(self, part: Part, slot: int) -> Make:
        def make() -> tuple[str, Floats]:
            text = self.layout.excel(part.short, self.references(slot))
            return text, self.numbers.series(part.whole, slot)

        return make

    def references(self, slot: int) -> Mapping[str, str]:
        """What names stand for in formulas of a cycle of residence."""
        known = {name: self.layout.value(name, self.strategy) for name in self.layout.case.names}
        number = "0" if slot == 0 else "1" if slot == 1 else self.layout.book.constant(float(slot))
        known |= {
            "cycle": self.cell("cycle"),
            "time": self.cell("time"),
            "age": self.cell("age"),
            "cycle_length": "set_cycle_length",
            "state_cycle": number,
            "state_time": f"({number}*set_cycle_length)",
        }
        for name in self.model.variables:
            many = ("variable", name, str(slot)) in self.letters
            known[name] = self.cell("variable", name, *((str(slot),) if many else ()))
        known |= {name: self.cell("extra", name) for name in self.parts}
        return known
