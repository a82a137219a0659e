"""The columns of one strategy's trace: where each stands, and what it holds.

Columns are planned first, so that each has its letter, and written then: occupancy refers to
columns that stand further right.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from heecon.arrays import Floats
from heecon.engine.strategy_inputs import Transition
from heecon.language import Tree
from heecon.language import names as names_in
from heecon.model.definition import Formula
from heecon.model.formulas import TIME_IN_STATE, dependents
from heecon.workbook.address import letters
from heecon.workbook.book import PLAIN, Strip
from heecon.workbook.layout import FIRST, Layout
from heecon.workbook.live import LOOSE, Live, area, live, numbers
from heecon.workbook.numbers import Numbers
from heecon.workbook.shorten import Part, shortened
from heecon.workbook.timeline import Timeline

Key = tuple[str, ...]
Make = Callable[[], Live]
"""Gives a column's formula once every column has its place."""

START_ROW, TOTAL_ROW, GROUP_ROW, LABEL_ROW, TEXT_ROW = 4, 5, FIRST - 3, FIRST - 2, FIRST - 1
NUMBER = "0.000000"

EVERY, BUT_LAST, BUT_FIRST = slice(None), slice(None, -1), slice(1, None)
"""Time points at which a column has a cell: all, cycles (nobody moves after the last), and those
that follow from the one before."""


@dataclass(frozen=True)
class Column:
    """One column of a trace.

    Attributes:
        group: heading above it.
        label: heading.
        make: gives the formula.
        text: the model's own formula, for the reader.
        value: what the engine has, one a time point or cycle; None for the formula's own value.
        rows: time points at which it has a cell.
        total: whether it is summed above.
        format: number format.
    """

    group: str
    label: str
    make: Make
    text: str = ""
    value: Floats | None = None
    rows: slice = field(default_factory=lambda: EVERY)
    total: bool = False
    format: str = NUMBER


class Trace:
    """One strategy's trace.

    Args:
        layout: addresses.
        timeline: time, weights and discount factors.
        numbers: the engine's values.
        strategy: its name.

    Attributes:
        columns: by key, in order.
        totals: cells with the sums of columns, once these are written.
    """

    def __init__(self, layout: Layout, timeline: Timeline, numbers: Numbers, strategy: str) -> None:
        self.layout = layout
        self.timeline = timeline
        self.numbers = numbers
        self.strategy = strategy
        self.model = layout.case.model
        self.states = list(self.model.states)
        self.sheet = layout.traces[strategy]
        self.columns: dict[Key, Column] = {}
        self.totals: dict[Key, Live] = {}
        self._places: dict[Key, int] = {}
        self._formulas: dict[Key, Live] = {}
        self._strips: dict[Key, Strip] = {}
        trees = {name: formula.tree for name, formula in self.model.variables.items()}
        self.by_slot = dependents(TIME_IN_STATE, trees)

    def add(self, key: Key, column: Column) -> None:
        """Plan a column."""
        self.columns[key] = column
        self._places[key] = len(self.columns)

    def formula_of(self, key: Key) -> Live:
        """The formula of a column."""
        if key not in self._formulas:
            self._formulas[key] = self.columns[key].make()
        return self._formulas[key]

    def strip(self, *key: str) -> Strip:
        """A column with its values."""
        if key not in self._strips:
            column, values = self.columns[key], np.zeros(self.numbers.points)
            if column.value is None:
                own = numbers(self.formula_of(key).value)
                values[column.rows] = np.broadcast_to(own, values.shape)[column.rows]
            else:
                values[: len(column.value)] = column.value
            self._strips[key] = Strip(self.sheet, self._places[key], FIRST, values)
        return self._strips[key]

    def here(self, *key: str) -> Live:
        """The cell of a column in the row of the formula."""
        return self.strip(*key).here

    def range(self, *key: str) -> Live:
        """All cells of a column; what stands where it has none is skipped."""
        strip = self.strip(*key)
        return strip.range().with_value(strip.values[self.columns[key].rows])

    def span(self, *key: str, slots: tuple[int, int]) -> Live:
        """Cells of several cycles of residence; a single cell where there is one."""
        if key in self.columns and (*key, "0") not in self.columns:
            return self.here(*key)
        cells = [self.here(*key, str(slot)) for slot in range(*slots)]
        return area(cells) if len(cells) > 1 else cells[0]

    # --- states and transitions -------------------------------------------------------------------

    def slots(self, state: str) -> int:
        """How many cycles of residence a state tells apart."""
        return self.model.states[state].slots

    def slot_key(self, state: str, slot: int) -> Key:
        """Key of the occupancy of a state after some cycles in it."""
        many = self.slots(state) > 1
        return ("occupancy", state, str(slot)) if many else ("occupancy", state)

    def depends(self, formula: Formula) -> bool:
        """Whether a formula depends on the time spent in the state."""
        return bool(names_in(formula.tree) & self.by_slot)

    @cached_property
    def told_apart(self) -> dict[str, int]:
        """How many cycles of residence have transition probabilities of their own, by state."""
        return {
            state: self.slots(state) if any(map(self.depends, row.to.values())) else 1
            for state, row in self.model.transitions.items()
        }

    @cached_property
    def moves(self) -> dict[tuple[str, str], Transition]:
        """The engine's moves by origin and what the trace calls them."""
        found: dict[tuple[str, str], Transition] = {}
        for move in self.numbers.moves:
            origin, to = self.states[move.origin], self.states[move.destination]
            if self.model.states[origin].absorbing:
                continue
            row = self.model.transitions[origin]
            listed = to in row.to and (origin, to) not in found
            found[origin, to if listed else "rest"] = move
        return found

    def transition_key(self, kind: str, origin: str, to: str, slot: int) -> Key:
        """Key of a column of transitions; by slot where these are told apart.

        Args:
            kind: "rate", "hazard", "any" or "chance".
            origin: the state that is left.
            to: where to; "rest" for those who have no event; empty where it does not matter.
            slot: cycles spent in the state.
        """
        parts = (kind, origin, to) if to else (kind, origin)
        return (*parts, str(slot)) if self.told_apart[origin] > 1 else parts

    # --- formulas of the model --------------------------------------------------------------------

    def formula(self, formula: Formula, slot: int = 0) -> Live:
        """A formula of the model, parts of it in columns of their own if it is long."""

        def write(tree: Tree) -> str:
            return self.layout.excel(tree, self._references(slot))

        count = sum(key[0] == "extra" for key in self.columns)
        tree, parts = shortened(formula.tree, write, f"part_{count}_")
        for name, part in parts.items():
            make = self._extra(part, slot)
            self.add(("extra", name), Column("parts of long formulas", name, make, format=PLAIN))
        return Live(write(tree), self.numbers.series(formula, slot), level=LOOSE)

    def _extra(self, part: Part, slot: int) -> Make:
        return lambda: Live(
            self.layout.excel(part.short, self._references(slot)),
            self.numbers.series(part.whole, slot),
        )

    def times(self, people: Live, formula: Formula) -> Live:
        """People times a reward of each."""
        reward = self.formula(formula)
        return people if reward.text == "1" else people * reward

    @cached_property
    def _inputs(self) -> Mapping[str, str]:
        """Where the strategy's inputs stand."""
        return {name: self.layout.value(name, self.strategy) for name in self.layout.case.names}

    def _references(self, slot: int) -> Mapping[str, str]:
        """What names stand for in formulas of a cycle of residence."""
        known = dict(self._inputs)
        number = live(slot) if slot < 2 else self.layout.book.constant(float(slot))
        known |= {name: self._reference(name) for name in ("cycle", "time", "age")}
        known |= {
            "cycle_length": "set_cycle_length",
            "state_cycle": number.text,
            "state_time": f"({number}*set_cycle_length)",
        }
        for name in self.model.variables:
            many = ("variable", name, str(slot)) in self.columns
            known[name] = self._reference("variable", name, *((str(slot),) if many else ()))
        extras = [key for key in self.columns if key[0] == "extra"]
        return known | {key[1]: self._reference(*key) for key in extras}

    def _reference(self, *key: str) -> str:
        """The address of a column in the row of the formula, whatever the column holds."""
        return f"${letters(self._places[key])}{{r}}"
