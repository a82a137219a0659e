"""The trace of one strategy: one row a cycle; every variable, probability and outcome a column.

Columns are planned first, so that each has its letter, and written then. A column is one formula
all the way down; it may refer to its own row, the row before (occupancy) or the row after (counts
of those at the end of a cycle).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from heecon.engine.prepare import Move
from heecon.language import Tree
from heecon.language import names as names_in
from heecon.model.definition import Correction, Formula, Outcome
from heecon.model.formulas import TIME_IN_STATE, dependents
from heecon.model.outcomes import edges_of
from heecon.report.workbook.address import letters
from heecon.report.workbook.book import (
    HEADER,
    HEADING,
    NOTE,
    PLAIN,
    SHARE,
    TITLE,
    Sheet,
    Style,
)
from heecon.report.workbook.layout import FIRST, Layout
from heecon.report.workbook.numbers import Numbers
from heecon.report.workbook.settings import TIMINGS, correction_text
from heecon.report.workbook.shorten import Part, shortened
from heecon.report.workbook.timeline import MODEL, STATE, Timeline

Floats = NDArray[np.float64]
Key = tuple[str, ...]

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
    make: Callable[[], tuple[str, Floats]]
    first: int = FIRST
    total: bool = False
    format: str = NUMBER


class Trace:
    """Plans and writes the trace of one strategy.

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
        self._parts: list[str] = []
        trees = {name: formula.tree for name, formula in self.model.variables.items()}
        self.by_slot = dependents(TIME_IN_STATE, trees)
        self._plan()

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

    # --- plan -------------------------------------------------------------------------------------

    def _add(self, key: Key, group: str, label: str, make: Callable[[], tuple[str, Floats]],
             text: str = "", **more: object) -> None:  # fmt: skip
        self.columns.append(Column(key, group, label, text, make, **more))  # type: ignore[arg-type]

    def _plan(self) -> None:
        self._plan_time()
        self._plan_occupancy()
        self._plan_variables()
        for state in self.states:
            if not self.model.states[state].absorbing:
                self._plan_transitions(state)
        for edge in edges_of(self.model.transitions, self.model.states):
            self._plan_flow(edge)
        self._plan_checks()
        self._plan_factors()
        self._plan_counted()
        for outcome in self.model.outcomes.values():
            self._plan_outcome(outcome)

    def _plan_time(self) -> None:
        for key, label, style in (
            ("cycle", "Cycle", "0"), ("time", "Years", "0.00"), ("age", "Age", "0.00"),
        ):  # fmt: skip
            self._add((key,), "time", label, self._link(key), format=style)

    def _link(self, key: str) -> Callable[[], tuple[str, Floats]]:
        return lambda: (self.timeline.at(key), self.timeline.values(key))

    def _slots(self, state: str) -> int:
        return self.model.states[state].slots

    def _plan_occupancy(self) -> None:
        group = "share of the cohort at the start of the cycle"
        for index, state in enumerate(self.states):
            label = self.model.states[state].label
            slots = self._slots(state)
            if slots > 1:
                self._add(("occupancy", state), group, label, self._occupied(state, index))
            for slot in range(slots):
                key = ("occupancy", state) if slots == 1 else ("occupancy", state, str(slot))
                shown = label if slots == 1 else f"{label}: {slot} cycles in it"
                self._add(key, group, shown, self._occupancy(state, index, slot), first=FIRST + 1)

    def _occupied(self, state: str, index: int) -> Callable[[], tuple[str, Floats]]:
        def make() -> tuple[str, Floats]:
            first = self.cell("occupancy", state, "0")
            last = self.cell("occupancy", state, str(self._slots(state) - 1))
            return f"SUM({first}:{last})", self.numbers.occupancy[:, index]

        return make

    def _slot_key(self, state: str, slot: int) -> Key:
        many = self._slots(state) > 1
        return ("occupancy", state, str(slot)) if many else ("occupancy", state)

    def _occupancy(self, state: str, index: int, slot: int) -> Callable[[], tuple[str, Floats]]:
        """Those who stay and those who come in during the cycle before."""

        def make() -> tuple[str, Floats]:
            terms = []
            slots, definition = self._slots(state), self.model.states[state]
            before = {slot - 1, slot} if slot == slots - 1 and not definition.tunnel else {slot - 1}
            before = {0} if slots == 1 and not definition.tunnel else before - {-1}
            if definition.absorbing:
                terms.append(self.cell(*self._slot_key(state, 0), row="{p}"))
                before = set()
            if slots == 1 and definition.tunnel:
                before = set()
            for place in sorted(before):
                people = self.cell(*self._slot_key(state, place), row="{p}")
                staying = self._staying(state, place)
                if staying:
                    terms.append(f"{people}*{staying}")
            if slot == 0:
                terms += [
                    self.cell("flow", *edge, row="{p}")
                    for edge in edges_of(self.model.transitions, self.model.states)
                    if edge[1] == state
                ]
            place = self.numbers.first_slot(index) + slot
            return "+".join(terms) or "0", self.numbers.slots[1:, place]

        return make

    def _staying(self, state: str, slot: int) -> str:
        """Probability of staying, in the row before."""
        row = self.model.transitions[state]
        tunnel = self.model.states[state].tunnel is not None
        names = []
        if state in row.to and not tunnel:
            names.append(state)
        if tunnel or row.rest in ("", state):
            names.append("rest")
        cells = [self._chance(state, name, slot, row="{p}") for name in names]
        return cells[0] if len(cells) == 1 else f"({'+'.join(cells)})" if cells else ""

    def _plan_variables(self) -> None:
        most = max(state.slots for state in self.model.states.values())
        for name, formula in self.model.variables.items():
            slots = most if name in self.by_slot else 1
            for slot in range(slots):
                key = ("variable", name) if slots == 1 else ("variable", name, str(slot))
                label = name if slots == 1 else f"{name}: {slot} cycles in the state"
                make = self._variable(name, formula, slot)
                self._add(key, "variables", label, make, formula.text, format=PLAIN)

    def _variable(
        self, name: str, formula: Formula, slot: int
    ) -> Callable[[], tuple[str, Floats]]:  # fmt: skip
        return lambda: (self._formula(formula, slot), self.numbers.variable(name, slot))

    # --- transitions ------------------------------------------------------------------------------

    def _depends(self, formula: Formula) -> bool:
        """Whether a formula depends on the time spent in the state."""
        return bool(names_in(formula.tree) & self.by_slot)

    @cached_property
    def _told_apart(self) -> dict[str, int]:
        """How many cycles of residence have transition probabilities of their own, by state."""
        return {
            state: self._slots(state) if any(map(self._depends, row.to.values())) else 1
            for state, row in self.model.transitions.items()
        }

    @cached_property
    def _moves(self) -> dict[tuple[str, str], Move]:
        """The engine's moves by origin and what the trace calls them."""
        found: dict[tuple[str, str], Move] = {}
        for move in self.numbers.moves:
            origin, to = self.states[move.origin], self.states[move.destination]
            if self.model.states[origin].absorbing:
                continue
            row = self.model.transitions[origin]
            listed = to in row.to and (origin, to) not in found
            found[origin, to if listed else "rest"] = move
        return found

    def _chance(self, origin: str, to: str, slot: int, row: str = "{r}") -> str:
        apart = self._told_apart[origin] > 1
        key = ("chance", origin, to, str(slot)) if apart else ("chance", origin, to)
        return self.cell(*key, row=row)

    def _plan_transitions(self, origin: str) -> None:
        row = self.model.transitions[origin]
        apart = self._told_apart[origin]
        group = f"leaving {origin}: " + (
            "competing rates a year, then probabilities" if row.competing else "probabilities"
        )
        slots = range(apart)
        if row.competing:
            for to, formula in row.to.items():
                for slot in slots:
                    self._add(
                        self._key("rate", origin, to, slot), group, self._word(f"rate to {to}", origin, slot),
                        self._rate(formula, slot), formula.text, format=PLAIN,
                    )  # fmt: skip
            for slot in slots:
                self._add(
                    self._key("hazard", origin, "", slot), group,
                    self._word("sum of rates x cycle length", origin, slot),
                    self._hazard(origin, slot), format=PLAIN,
                )  # fmt: skip
                self._add(
                    self._key("any", origin, "", slot), group,
                    self._word("probability of any", origin, slot), self._any(origin, slot),
                )  # fmt: skip
        for to, formula in row.to.items():
            for slot in slots:
                make = self._competing(origin, to, slot) if row.competing else self._stated(origin, to, formula, slot)  # fmt: skip # noqa: E501
                text = "" if row.competing else formula.text
                self._add(
                    self._key("chance", origin, to, slot), group,
                    self._word(f"p to {to}", origin, slot), make, text,
                )  # fmt: skip
        for slot in slots:
            goes = row.rest or origin
            words = f"p of the rest, who {'stay' if goes == origin else f'go to {goes}'}"
            self._add(
                self._key("chance", origin, "rest", slot), group, self._word(words, origin, slot),
                self._rest(origin, slot),
            )  # fmt: skip

    def _key(self, kind: str, origin: str, to: str, slot: int) -> Key:
        parts = (kind, origin, to) if to else (kind, origin)
        return (*parts, str(slot)) if self._told_apart[origin] > 1 else parts

    def _word(self, words: str, origin: str, slot: int) -> str:
        return f"{words}: {slot} cycles in it" if self._told_apart[origin] > 1 else words

    def _rate(self, formula: Formula, slot: int) -> Callable[[], tuple[str, Floats]]:
        return lambda: (self._formula(formula, slot), self.numbers.series(formula, slot)[:-1])

    def _hazard(self, origin: str, slot: int) -> Callable[[], tuple[str, Floats]]:
        def make() -> tuple[str, Floats]:
            row = self.model.transitions[origin]
            cells = [self.cell(*self._key("rate", origin, to, slot)) for to in row.to]
            values = sum(
                (self.numbers.series(formula, slot)[:-1] for formula in row.to.values()),
                np.zeros(self.numbers.points - 1),
            )
            length = self.model.settings.cycle_length
            return f"({'+'.join(cells) or '0'})*set_cycle_length", values * length

        return make

    def _any(self, origin: str, slot: int) -> Callable[[], tuple[str, Floats]]:
        """1 - exp(-x); by its series where x is tiny and the difference would lose its digits."""

        def make() -> tuple[str, Floats]:
            x = self.cell(*self._key("hazard", origin, "", slot))
            number = self.layout.book.constant
            two, three, tiny = number(2.0), number(3.0), number(1e-5)
            series = f"{x}*(1-{x}/{two}*(1-{x}/{three}))"
            _, hazard = self._hazard(origin, slot)()
            return f"IF({x}<{tiny},{series},1-EXP(-{x}))", -np.expm1(-hazard)

        return make

    def _competing(self, origin: str, to: str, slot: int) -> Callable[[], tuple[str, Floats]]:
        def make() -> tuple[str, Floats]:
            rate, hazard, some = (
                self.cell(*self._key(kind, origin, name, slot))
                for kind, name in (("rate", to), ("hazard", ""), ("any", ""))
            )
            formula = f"IF({hazard}>0,{rate}*set_cycle_length/{hazard}*{some},0)"
            return formula, self.numbers.probability(self._moves[origin, to], slot)

        return make

    def _stated(
        self, origin: str, to: str, formula: Formula, slot: int
    ) -> Callable[[], tuple[str, Floats]]:  # fmt: skip
        def make() -> tuple[str, Floats]:
            values = self.numbers.probability(self._moves[origin, to], slot)
            return self._formula(formula, slot), values

        return make

    def _rest(self, origin: str, slot: int) -> Callable[[], tuple[str, Floats]]:
        def make() -> tuple[str, Floats]:
            row = self.model.transitions[origin]
            values = self.numbers.probability(self._moves[origin, "rest"], slot)
            if row.competing:
                return f"EXP(-{self.cell(*self._key('hazard', origin, '', slot))})", values
            cells = [self._chance(origin, to, slot) for to in row.to]
            return f"MAX(0,1-({'+'.join(cells) or '0'}))", values

        return make

    # --- flows ------------------------------------------------------------------------------------

    def _plan_flow(self, edge: tuple[str, str]) -> None:
        origin, to = edge
        self._add(
            ("flow", *edge), "share of the cohort that moves in the cycle", f"{origin} -> {to}",
            lambda: (self._flow(edge), self.numbers.flow[edge]),
        )  # fmt: skip

    def _name_of(self, edge: tuple[str, str]) -> str:
        """What the trace calls the probability of a move."""
        origin, to = edge
        return to if to in self.model.transitions[origin].to else "rest"

    def _flow(self, edge: tuple[str, str], values: str = "") -> str:
        """Those who move; with ``values``, a range by slot, what they are worth together."""
        origin, _ = edge
        name = self._name_of(edge)
        low, high = 0, self._slots(origin)
        if name == "rest" and self.model.states[origin].tunnel:
            low = high - 1
        people = self._span("occupancy", origin, slots=(low, high))
        apart = self._told_apart[origin] > 1
        chance = (
            self._span("chance", origin, name, slots=(low, high))
            if apart
            else self.cell("chance", origin, name)
        )
        if high - low == 1:
            return f"{people}*{chance}" + (f"*{values}" if values else "")
        if apart or values:
            ranges = ",".join(part for part in (people, chance if apart else "", values) if part)
            return f"SUMPRODUCT({ranges})" + ("" if apart else f"*{chance}")
        return f"SUM({people})*{chance}"

    def _span(self, *key: str, slots: tuple[int, int]) -> str:
        """Cells of several cycles of residence; a single cell where there is one."""
        low, high = slots
        if key in self.letters and (*key, "0") not in self.letters:
            return self.cell(*key)
        if high - low == 1:
            return self.cell(*key, str(low))
        return f"{self.cell(*key, str(low))}:{self.cell(*key, str(high - 1))}"

    # --- checks -----------------------------------------------------------------------------------

    def _plan_checks(self) -> None:
        group = "checks of the row"
        self._add(("check", "rows"), group, "probabilities: distance of their sum from 1",
                  self._row_sums, format=PLAIN)  # fmt: skip
        self._add(("check", "least"), group, "lowest probability", self._least, format=PLAIN)
        self._add(("check", "cohort"), group, "cohort: distance of its sum from 1",
                  self._cohort, format=PLAIN)  # fmt: skip
        self._add(("check", "absorbing"), group, "smallest growth of an absorbing state",
                  self._growth, first=FIRST + 1, format=PLAIN)  # fmt: skip

    def _chances(self, origin: str) -> tuple[str, int, list[Floats]]:
        """Range of all probabilities of leaving a state, how many sum to 1, and their values."""
        row = self.model.transitions[origin]
        apart = self._told_apart[origin]
        names = [*row.to, "rest"]
        keys = [self._key("chance", origin, name, slot) for name in names for slot in range(apart)]
        values = [
            self.numbers.probability(self._moves[origin, name], slot)
            for name in names
            for slot in range(apart)
        ]
        return f"{self.cell(*keys[0])}:{self.cell(*keys[-1])}", apart, values

    def _row_sums(self) -> tuple[str, Floats]:
        parts, faults = [], [np.zeros(self.numbers.points - 1)]
        for origin in self.model.transitions:
            area, count, values = self._chances(origin)
            many = self.layout.book.constant(float(count)) if count > 1 else "1"
            parts.append(f"ABS(SUM({area})-{many})")
            faults.append(np.abs(sum(values, np.zeros(self.numbers.points - 1)) - count))
        return f"MAX({','.join(parts)})", np.max(faults, axis=0)

    def _least(self) -> tuple[str, Floats]:
        found = [self._chances(origin) for origin in self.model.transitions]
        values = [np.broadcast_to(v, (self.numbers.points - 1,)) for _, _, vs in found for v in vs]
        return f"MIN({','.join(area for area, _, _ in found)})", np.min(values, axis=0)

    def _cohort(self) -> tuple[str, Floats]:
        cells = ",".join(self.cell("occupancy", state) for state in self.states)
        return f"ABS(SUM({cells})-1)", np.abs(self.numbers.occupancy.sum(axis=1) - 1)

    def _growth(self) -> tuple[str, Floats]:
        kept = [i for i, state in enumerate(self.states) if self.model.states[state].absorbing]
        if not kept:
            return "0", np.zeros(self.numbers.points - 1)
        cells = [
            f"{self.cell('occupancy', self.states[i])}-"
            f"{self.cell('occupancy', self.states[i], row='{p}')}"
            for i in kept
        ]
        growth = np.diff(self.numbers.occupancy[:, kept], axis=0).min(axis=1)
        return f"MIN({','.join(cells)})", growth

    # --- outcomes ---------------------------------------------------------------------------------

    def _plan_factors(self) -> None:
        used = dict.fromkeys(
            key for outcome in self.model.outcomes.values() for key in _factors(outcome)
        )
        for key in used:
            words = key.removeprefix("df_").replace("_", " ")
            self._add((key,), "discount factors", words, self._link(key))

    def _plan_counted(self) -> None:
        """Occupancy as each correction in use counts it."""
        wanted: dict[Key, Callable[[], tuple[str, Floats]]] = {}
        for outcome in self.model.outcomes.values():
            correction = None if outcome.follows_model else outcome.correction
            for state, formula in outcome.state.items():
                slots = self._slots(state) if self._depends(formula) else 1
                for slot in range(slots):
                    key = (*_counted(correction, state), *((str(slot),) if slots > 1 else ()))
                    wanted[key] = self._count(correction, state, slot if slots > 1 else None)
        order = {state: i for i, state in enumerate(self.states)}
        for key in sorted(wanted, key=lambda k: (k[1], order[k[2]], [int(s) for s in k[3:]])):
            label = self.model.states[key[2]].label
            label += f": {key[3]} cycles in it" if len(key) > 3 else ""
            rule = "the model's correction" if key[1] == MODEL else key[1]
            self._add(key, f"people counted in the cycle: {rule}", label, wanted[key])

    def _count(
        self, correction: Correction | None, state: str, slot: int | None
    ) -> Callable[[], tuple[str, Floats]]:  # fmt: skip
        def make() -> tuple[str, Floats]:
            index = self.states.index(state)
            key = ("occupancy", state) if slot is None else self._slot_key(state, slot)
            people = self.numbers.occupancy[:, index]
            if slot is not None:
                people = self.numbers.slots[:, self.numbers.first_slot(index) + slot]
            following = np.append(people[1:], 0.0)
            here, there = self.cell(*key), self.cell(*key, row="{n}")
            start, end = self._weights_of(correction)
            values = start[1] * people + end[1] * following
            parts = [
                f"{weight}*{cell}" for (weight, _), cell in ((start, here), (end, there)) if weight
            ]
            return "+".join(parts), values

        return make

    def _weights_of(
        self, correction: Correction | None
    ) -> tuple[tuple[str, Floats], tuple[str, Floats]]:  # fmt: skip
        """Weights of the people at the start and at the end of a cycle, and their values."""
        line, none = self.timeline, ("", np.zeros(self.numbers.points))
        if correction is None:
            return (
                (line.at("w_start"), line.values("w_start")),
                (line.at("w_end"), line.values("w_end")),
            )
        whole = (line.at("in_cycle"), line.values("in_cycle"))
        if correction.method == "start":
            return whole, none
        if correction.method == "end":
            return none, whole
        if correction.method == "life_table":
            half = f"{self.layout.book.constant(0.5)}*{whole[0]}", 0.5 * whole[1]
            return half, half
        key = correction_text(correction)
        return (line.at(key), line.values(key)), none

    def _plan_outcome(self, outcome: Outcome) -> None:
        group = f"{outcome.category}: {outcome.label}"
        parts = [part for part in ("start", "state", "move") if self._has(outcome, part)]
        for (state, formula), slot in self._worths(outcome):
            self._add(
                ("worth", outcome.name, state, str(slot)), group,
                f"value in {state}: {slot} cycles in it", self._rate_whole(formula, slot),
                formula.text, format=PLAIN,
            )  # fmt: skip
        for (edge, formula), slot in self._move_worths(outcome):
            self._add(
                ("worth", outcome.name, *edge, str(slot)), group,
                f"value of {edge[0]} -> {edge[1]}: {slot} cycles in it",
                self._rate_whole(formula, slot), formula.text, format=PLAIN,
            )  # fmt: skip
        text = "; ".join(dict.fromkeys(formula.text for formula in outcome.formulas()))
        if len(parts) > 1:
            for part in parts:
                self._add(
                    ("part", outcome.name, part), group, f"{outcome.name}: {_PARTS[part]}",
                    self._part(outcome, part), format=PLAIN,
                )  # fmt: skip
        self._add(
            ("amount", outcome.name), group, f"{outcome.name}, undiscounted",
            self._amount(outcome, parts), text, total=True, format=PLAIN,
        )  # fmt: skip
        self._add(
            ("today", outcome.name), group, f"{outcome.name}, discounted",
            self._today(outcome, parts), total=True, format=PLAIN,
        )  # fmt: skip

    @staticmethod
    def _has(outcome: Outcome, part: str) -> bool:
        if part == "move":
            return bool(outcome.entering or outcome.transition)
        return bool(outcome.start if part == "start" else outcome.state)

    def _rate_whole(self, formula: Formula, slot: int) -> Callable[[], tuple[str, Floats]]:
        return lambda: (self._formula(formula, slot), self.numbers.series(formula, slot))

    def _worths(self, outcome: Outcome) -> list[tuple[tuple[str, Formula], int]]:
        """State values that depend on time in the state, by slot."""
        return [
            ((state, formula), slot)
            for state, formula in outcome.state.items()
            if self._depends(formula)
            for slot in range(self._slots(state))
        ]

    def _move_worths(self, outcome: Outcome) -> list[tuple[tuple[tuple[str, str], Formula], int]]:
        return [
            ((edge, formula), slot)
            for edge, formula in outcome.transition.items()
            if self._depends(formula)
            for slot in range(self._slots(edge[0]))
        ]

    def _amount(
        self, outcome: Outcome, parts: Sequence[str]
    ) -> Callable[[], tuple[str, Floats]]:  # fmt: skip
        def make() -> tuple[str, Floats]:
            values = self.numbers.amount(outcome.name, discounted=False)
            if len(parts) == 1:
                return self._part(outcome, parts[0])()[0], values
            cells = [self.cell("part", outcome.name, part) for part in parts]
            return "+".join(cells), values

        return make

    def _today(
        self, outcome: Outcome, parts: Sequence[str]
    ) -> Callable[[], tuple[str, Floats]]:  # fmt: skip
        def make() -> tuple[str, Floats]:
            terms = []
            for part in parts:
                key = ("part", outcome.name, part) if len(parts) > 1 else ("amount", outcome.name)
                factor = _factor(outcome, part)
                terms.append(self.cell(*key) + (f"*{self.cell(factor)}" if factor else ""))
            return "+".join(terms), self.numbers.amount(outcome.name, discounted=True)

        return make

    def _part(self, outcome: Outcome, part: str) -> Callable[[], tuple[str, Floats]]:
        makers = {"start": self._at_start, "state": self._in_states, "move": self._on_moves}
        return lambda: makers[part](outcome)

    def _at_start(self, outcome: Outcome) -> tuple[str, Floats]:
        terms, values = [], np.zeros(self.numbers.points)
        for formula, states in _grouped(outcome.start).items():
            people = self._sum([self.cell("occupancy", state) for state in states])
            terms.append(self._times(people, formula))
            share = sum(self.numbers.occupancy[0, self.states.index(state)] for state in states)
            values[0] += share * self.numbers.series(formula)[0]
        return f"{self.timeline.at('first')}*({'+'.join(terms)})", values

    def _in_states(self, outcome: Outcome) -> tuple[str, Floats]:
        correction = None if outcome.follows_model else outcome.correction
        terms, values = [], np.zeros(self.numbers.points)
        for formula, states in _grouped(outcome.state).items():
            if self._depends(formula):
                for state in states:
                    key, slots = _counted(correction, state), (0, self._slots(state))
                    worth = self._span("worth", outcome.name, state, slots=slots)
                    terms.append(f"SUMPRODUCT({self._span(*key, slots=slots)},{worth})")
                    for slot in range(slots[1]):
                        counted = self._count(correction, state, slot)()[1]
                        values = values + counted * self.numbers.series(formula, slot)
                continue
            people = self._sum([self.cell(*_counted(correction, state)) for state in states])
            terms.append(self._times(people, formula))
            for state in states:
                counted = self._count(correction, state, None)()[1]
                values = values + counted * self.numbers.series(formula)
        text = "+".join(terms)
        if outcome.per_year:
            text = f"({text})*set_cycle_length" if len(terms) > 1 else f"{text}*set_cycle_length"
            values = values * self.model.settings.cycle_length
        return text, values

    def _on_moves(self, outcome: Outcome) -> tuple[str, Floats]:
        edges = edges_of(self.model.transitions, self.model.states)
        moved: dict[tuple[str, str], list[Formula]] = {}
        for state, formula in outcome.entering.items():
            for edge in edges:
                if edge[1] == state:
                    moved.setdefault(edge, []).append(formula)
        for edge, formula in outcome.transition.items():
            moved.setdefault(edge, []).append(formula)
        by_formula: dict[str, tuple[Formula, list[tuple[str, str]]]] = {}
        for edge, formulas in moved.items():
            for formula in formulas:
                by_formula.setdefault(formula.text, (formula, []))[1].append(edge)
        terms, values = [], np.zeros(self.numbers.points)
        for formula, found in by_formula.values():
            if self._depends(formula):
                for edge in found:
                    worth = self._span(
                        "worth", outcome.name, *edge, slots=(0, self._slots(edge[0]))
                    )
                    terms.append(self._flow(edge, worth))
                continue
            flows = [self.cell("flow", *edge) for edge in found]
            terms.append(self._times(self._sum(flows), formula))
            moving = sum(
                (self.numbers.flow[edge] for edge in found), np.zeros(self.numbers.points - 1)
            )
            values[:-1] += moving * self.numbers.series(formula)[:-1]
        weight, factor = self._move_weight(outcome)
        return f"{weight}*({'+'.join(terms)})", values * factor

    def _move_weight(self, outcome: Outcome) -> tuple[str, Floats]:
        """1 in the cycles of the horizon, times the weight of the time point if it has any."""
        line = self.timeline
        within, values = line.at("in_cycle"), line.values("in_cycle")
        if outcome.one_off_correction is None:
            return within, values
        key = correction_text(outcome.one_off_correction)
        here, there = line.at(key), line.at(key, following=True)
        at_start = line.values(key)
        at_end = np.append(at_start[1:], 0.0)
        timing = outcome.timing or self.model.settings.timing
        chosen = at_end if timing == "cycle_end" else at_start
        if outcome.timing is not None:
            return f"{within}*{there if timing == 'cycle_end' else here}", values * chosen
        return f'{within}*IF(set_timing="cycle_end",{there},{here})', values * chosen

    # --- formulas ---------------------------------------------------------------------------------

    @staticmethod
    def _sum(cells: Sequence[str]) -> str:
        return cells[0] if len(cells) == 1 else f"({'+'.join(cells)})"

    def _times(self, people: str, formula: Formula) -> str:
        text = self._formula(formula, 0)
        return people if text == "1" else f"{people}*({text})"

    def _formula(self, formula: Formula, slot: int) -> str:
        """A formula of the model, parts of it in columns of their own if it is long."""

        def write(tree: Tree) -> str:
            return self.layout.excel(tree, self._references(slot))

        tree, parts = shortened(formula.tree, write, f"part_{len(self._parts)}_")
        for name, part in parts.items():
            self._parts.append(name)
            self._add(("extra", name), "parts of long formulas", name, self._extra(part, slot),
                      format=PLAIN)  # fmt: skip
            self.__dict__.pop("letters", None)
        return write(tree)

    def _extra(self, part: Part, slot: int) -> Callable[[], tuple[str, Floats]]:
        def make() -> tuple[str, Floats]:
            text = self.layout.excel(part.short, self._references(slot))
            return text, self.numbers.series(part.whole, slot)

        return make

    def _references(self, slot: int) -> Mapping[str, str]:
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
        known |= {name: self.cell("extra", name) for name in self._parts}
        return known

    # --- write ------------------------------------------------------------------------------------

    def write(self, sheet: Sheet) -> None:
        """Fill the sheet."""
        strategy = self.model.strategies[self.strategy]
        sheet.put(1, 1, strategy.label, TITLE)
        sheet.put(2, 1, strategy.note or "One row a cycle, per person. Change nothing here: change "
                  "Inputs and Control.", NOTE)  # fmt: skip
        sheet.put(START_ROW, 1, "at the start", NOTE)
        sheet.put(TOTAL_ROW, 1, "total", NOTE)
        self._write_start(sheet)
        place, group = 0, ""
        while place < len(self.columns):  # writing a long formula may add columns at the end
            column = self.columns[place]
            place += 1
            template, values = column.make()
            sheet.down(column.first, place, template, values, Style("calc", column.format))
            if column.group != group:
                sheet.put(GROUP_ROW, place, column.group, HEADING)
                group = column.group
            sheet.put(LABEL_ROW, place, column.label, HEADER)
            sheet.put(TEXT_ROW, place, column.text, NOTE)
            sheet.widths[place] = 8 if place <= 3 else 13
            if column.total:
                letter = letters(place)
                end = FIRST + len(values) - 1
                sheet.calculate(
                    TOTAL_ROW, place, f"SUM({letter}{column.first}:{letter}{end})",
                    float(values.sum()), Style("result", PLAIN),
                )  # fmt: skip
        sheet.heights[LABEL_ROW] = 54
        sheet.freeze = f"D{FIRST}"
        sheet.print_rows = f"{GROUP_ROW}:{LABEL_ROW}"

    def _write_start(self, sheet: Sheet) -> None:
        """Shares at time 0 above the columns of occupancy, and the first row of these."""
        shares = self.numbers.starts()
        start = self.numbers.start
        number = Style("calc", SHARE)
        keys = [self._slot_key(state, 0) for state in self.states]
        cells = [f"{self.letters[key]}${START_ROW}" for key in keys]
        stated = [
            cell for cell, state in zip(cells, self.states, strict=True) if state in start.shares
        ]
        for key, state, share in zip(keys, self.states, shares, strict=True):
            column = list(self.letters).index(key) + 1
            if state in start.shares:
                text = self._formula(start.shares[state], 0).replace("{r}", str(FIRST))
                value = float(self.numbers.series(start.shares[state])[0])
            else:
                rest = f"MAX(0,1-({'+'.join(stated) or '0'}))"
                text, value = (rest, float(share)) if state == start.rest else ("0", 0.0)
            sheet.calculate(START_ROW, column, text, value, number)
            first = f"{self.letters[key]}${START_ROW}/({'+'.join(cells)})"
            sheet.calculate(FIRST, column, first, float(share), number)
            for slot in range(1, self._slots(state)):
                sheet.calculate(FIRST, column + slot, "0", 0.0, number)


_PARTS = {"start": "at the start", "state": "in states", "move": "on moves"}


def _grouped(formulas: Mapping[str, Formula]) -> dict[Formula, list[str]]:
    """States by the formula they share."""
    found: dict[str, tuple[Formula, list[str]]] = {}
    for state, formula in formulas.items():
        found.setdefault(formula.text, (formula, []))[1].append(state)
    return dict(found.values())


def _counted(correction: Correction | None, state: str) -> Key:
    return ("counted", MODEL if correction is None else correction_text(correction), state)


def _factor(outcome: Outcome, part: str) -> str:
    """Which discount factor a part of an outcome has; none at the start."""
    kind = "cost" if outcome.kind == "cost" else "effect"
    if part == "start":
        return ""
    if part == "state" and outcome.follows_model:
        return f"df_{kind}_{STATE}"
    if part == "state" and outcome.correction.pointwise:
        return f"df_{kind}_{TIMINGS[0]}"
    return f"df_{kind}_{outcome.timing or MODEL}"


def _factors(outcome: Outcome) -> list[str]:
    parts = [part for part in ("state", "move") if Trace._has(outcome, part)]
    return [_factor(outcome, part) for part in parts]
