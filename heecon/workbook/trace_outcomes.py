"""The part of a trace that counts: people by correction, and every outcome's amounts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from heecon.model.definition import Correction, Formula, Outcome
from heecon.model.outcomes import edges_of
from heecon.workbook.book import PLAIN
from heecon.workbook.columns import Columns, Floats, Key, Make
from heecon.workbook.settings import TIMINGS, correction_text
from heecon.workbook.timeline import MODEL, STATE
from heecon.workbook.trace_moves import Moves

_PARTS = {"start": "at the start", "state": "in states", "move": "on moves"}


class Amounts:
    """Plans the columns of outcomes.

    Args:
        table: the columns of the trace.
        moves: its flows.
    """

    def __init__(self, table: Columns, moves: Moves) -> None:
        self.table = table
        self.moves = moves

    def plan_factors(self) -> None:
        """The discount factors in use."""
        used = dict.fromkeys(
            key for outcome in self.table.model.outcomes.values() for key in _factors(outcome)
        )
        for key in used:
            words = key.removeprefix("df_").replace("_", " ")
            self.table.add((key,), "discount factors", words, self.table.link(key))

    def plan_counted(self) -> None:
        """Occupancy as each correction in use counts it."""
        wanted: dict[Key, Make] = {}
        for outcome in self.table.model.outcomes.values():
            correction = None if outcome.follows_model else outcome.correction
            for state, formula in outcome.state.items():
                slots = self.table.slots(state) if self.table.depends(formula) else 1
                for slot in range(slots):
                    key = (*_counted(correction, state), *((str(slot),) if slots > 1 else ()))
                    wanted[key] = self._count(correction, state, slot if slots > 1 else None)
        order = {state: i for i, state in enumerate(self.table.states)}
        for key in sorted(wanted, key=lambda k: (k[1], order[k[2]], [int(s) for s in k[3:]])):
            label = self.table.model.states[key[2]].label
            label += f": {key[3]} cycles in it" if len(key) > 3 else ""
            rule = "the model's correction" if key[1] == MODEL else key[1]
            self.table.add(key, f"people counted in the cycle: {rule}", label, wanted[key])

    def _count(self, correction: Correction | None, state: str, slot: int | None) -> Make:
        def make() -> tuple[str, Floats]:
            index = self.table.states.index(state)
            key = ("occupancy", state) if slot is None else self.table.slot_key(state, slot)
            people = self.table.numbers.occupancy[:, index]
            if slot is not None:
                people = self.table.numbers.slots[:, self.table.numbers.first_slot(index) + slot]
            following = np.append(people[1:], 0.0)
            here, there = self.table.cell(*key), self.table.cell(*key, row="{n}")
            start, end = self._weights_of(correction)
            values = start[1] * people + end[1] * following
            parts = [
                f"{weight}*{cell}" for (weight, _), cell in ((start, here), (end, there)) if weight
            ]
            return "+".join(parts), values

        return make

    def _weights_of(
        self, correction: Correction | None
    ) -> tuple[tuple[str, Floats], tuple[str, Floats]]:
        """Weights of the people at the start and at the end of a cycle, and their values."""
        line, none = self.table.timeline, ("", np.zeros(self.table.numbers.points))
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
            half = f"{self.table.layout.book.constant(0.5)}*{whole[0]}", 0.5 * whole[1]
            return half, half
        key = correction_text(correction)
        return (line.at(key), line.values(key)), none

    def plan_outcome(self, outcome: Outcome) -> None:
        """Amounts of an outcome, undiscounted and discounted."""
        group = f"{outcome.category}: {outcome.label}"
        parts = [part for part in ("start", "state", "move") if self.has(outcome, part)]
        for (state, formula), slot in self._worths(outcome):
            self.table.add(
                ("worth", outcome.name, state, str(slot)),
                group,
                f"value in {state}: {slot} cycles in it",
                self._rate_whole(formula, slot),
                formula.text,
                format=PLAIN,
            )
        for (edge, formula), slot in self._move_worths(outcome):
            self.table.add(
                ("worth", outcome.name, *edge, str(slot)),
                group,
                f"value of {edge[0]} -> {edge[1]}: {slot} cycles in it",
                self._rate_whole(formula, slot),
                formula.text,
                format=PLAIN,
            )
        text = "; ".join(dict.fromkeys(formula.text for formula in outcome.formulas()))
        if len(parts) > 1:
            for part in parts:
                self.table.add(
                    ("part", outcome.name, part),
                    group,
                    f"{outcome.name}: {_PARTS[part]}",
                    self._part(outcome, part),
                    format=PLAIN,
                )
        self.table.add(
            ("amount", outcome.name),
            group,
            f"{outcome.name}, undiscounted",
            self._amount(outcome, parts),
            text,
            total=True,
            format=PLAIN,
        )
        self.table.add(
            ("today", outcome.name),
            group,
            f"{outcome.name}, discounted",
            self._today(outcome, parts),
            total=True,
            format=PLAIN,
        )

    @staticmethod
    def has(outcome: Outcome, part: str) -> bool:
        """Whether an outcome counts at the start, in states, or on moves."""
        if part == "move":
            return bool(outcome.entering or outcome.transition)
        return bool(outcome.start if part == "start" else outcome.state)

    def _rate_whole(self, formula: Formula, slot: int) -> Make:
        return lambda: (self.table.formula(formula, slot), self.table.numbers.series(formula, slot))

    def _worths(self, outcome: Outcome) -> list[tuple[tuple[str, Formula], int]]:
        """State values that depend on time in the state, by slot."""
        return [
            ((state, formula), slot)
            for state, formula in outcome.state.items()
            if self.table.depends(formula)
            for slot in range(self.table.slots(state))
        ]

    def _move_worths(self, outcome: Outcome) -> list[tuple[tuple[tuple[str, str], Formula], int]]:
        return [
            ((edge, formula), slot)
            for edge, formula in outcome.transition.items()
            if self.table.depends(formula)
            for slot in range(self.table.slots(edge[0]))
        ]

    def _amount(self, outcome: Outcome, parts: Sequence[str]) -> Make:
        def make() -> tuple[str, Floats]:
            values = self.table.numbers.amount(outcome.name, discounted=False)
            if len(parts) == 1:
                return self._part(outcome, parts[0])()[0], values
            cells = [self.table.cell("part", outcome.name, part) for part in parts]
            return "+".join(cells), values

        return make

    def _today(self, outcome: Outcome, parts: Sequence[str]) -> Make:
        def make() -> tuple[str, Floats]:
            terms = []
            for part in parts:
                key = ("part", outcome.name, part) if len(parts) > 1 else ("amount", outcome.name)
                factor = _factor(outcome, part)
                terms.append(
                    self.table.cell(*key) + (f"*{self.table.cell(factor)}" if factor else "")
                )
            return "+".join(terms), self.table.numbers.amount(outcome.name, discounted=True)

        return make

    def _part(self, outcome: Outcome, part: str) -> Make:
        makers = {"start": self._at_start, "state": self._in_states, "move": self._on_moves}
        return lambda: makers[part](outcome)

    def _at_start(self, outcome: Outcome) -> tuple[str, Floats]:
        terms, values = [], np.zeros(self.table.numbers.points)
        for formula, states in _grouped(outcome.start).items():
            people = self.table.sum_of([self.table.cell("occupancy", state) for state in states])
            terms.append(self.table.times(people, formula))
            share = sum(
                self.table.numbers.occupancy[0, self.table.states.index(state)] for state in states
            )
            values[0] += share * self.table.numbers.series(formula)[0]
        return f"{self.table.timeline.at('first')}*({'+'.join(terms)})", values

    def _in_states(self, outcome: Outcome) -> tuple[str, Floats]:
        correction = None if outcome.follows_model else outcome.correction
        terms, values = [], np.zeros(self.table.numbers.points)
        for formula, states in _grouped(outcome.state).items():
            if self.table.depends(formula):
                for state in states:
                    key, slots = _counted(correction, state), (0, self.table.slots(state))
                    worth = self.table.span("worth", outcome.name, state, slots=slots)
                    terms.append(f"SUMPRODUCT({self.table.span(*key, slots=slots)},{worth})")
                    for slot in range(slots[1]):
                        counted = self._count(correction, state, slot)()[1]
                        values = values + counted * self.table.numbers.series(formula, slot)
                continue
            people = self.table.sum_of(
                [self.table.cell(*_counted(correction, state)) for state in states]
            )
            terms.append(self.table.times(people, formula))
            for state in states:
                counted = self._count(correction, state, None)()[1]
                values = values + counted * self.table.numbers.series(formula)
        text = "+".join(terms)
        if outcome.per_year:
            text = f"({text})*set_cycle_length" if len(terms) > 1 else f"{text}*set_cycle_length"
            values = values * self.table.model.settings.cycle_length
        return text, values

    def _on_moves(self, outcome: Outcome) -> tuple[str, Floats]:
        edges = edges_of(self.table.model.transitions, self.table.model.states)
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
        terms, values = [], np.zeros(self.table.numbers.points)
        for formula, found in by_formula.values():
            if self.table.depends(formula):
                for edge in found:
                    terms.append(self.moves.flow(edge, ("worth", outcome.name, *edge)))
                    values[:-1] += self.moves.worth(edge, formula)
                continue
            flows = [self.table.cell("flow", *edge) for edge in found]
            terms.append(self.table.times(self.table.sum_of(flows), formula))
            moving = sum(
                (self.table.numbers.flow[edge] for edge in found),
                np.zeros(self.table.numbers.points - 1),
            )
            values[:-1] += moving * self.table.numbers.series(formula)[:-1]
        weight, factor = self._move_weight(outcome)
        return f"{weight}*({'+'.join(terms) or '0'})", values * factor

    def _move_weight(self, outcome: Outcome) -> tuple[str, Floats]:
        """1 in the cycles of the horizon, times the weight of the time point if it has any."""
        line = self.table.timeline
        within, values = line.at("in_cycle"), line.values("in_cycle")
        if outcome.one_off_correction is None:
            return within, values
        key = correction_text(outcome.one_off_correction)
        here, there = line.at(key), line.at(key, following=True)
        at_start = line.values(key)
        at_end = np.append(at_start[1:], 0.0)
        timing = outcome.timing or self.table.model.settings.timing
        chosen = at_end if timing == "cycle_end" else at_start
        if outcome.timing is not None:
            return f"{within}*{there if timing == 'cycle_end' else here}", values * chosen
        return f'{within}*IF(set_timing="cycle_end",{there},{here})', values * chosen


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
    parts = [part for part in ("state", "move") if Amounts.has(outcome, part)]
    return [_factor(outcome, part) for part in parts]
