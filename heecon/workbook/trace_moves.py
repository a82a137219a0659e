"""The part of a trace that moves the cohort: occupancy, probabilities and flows."""

from __future__ import annotations

from functools import cached_property

import numpy as np

from heecon.engine.strategy_inputs import Transition
from heecon.model.definition import Formula
from heecon.model.outcomes import edges_of
from heecon.workbook.book import PLAIN
from heecon.workbook.columns import Columns, Floats, Key, Make
from heecon.workbook.layout import FIRST


class Moves:
    """Plans the columns in which people move.

    Args:
        table: the columns of the trace.
    """

    def __init__(self, table: Columns) -> None:
        self.table = table

    def plan_occupancy(self) -> None:
        """Shares of the cohort, state by state and cycle of residence by cycle."""
        group = "share of the cohort at the start of the cycle"
        for index, state in enumerate(self.table.states):
            label = self.table.model.states[state].label
            slots = self.table.slots(state)
            if slots > 1:
                self.table.add(("occupancy", state), group, label, self._occupied(state, index))
            for slot in range(slots):
                key = ("occupancy", state) if slots == 1 else ("occupancy", state, str(slot))
                shown = label if slots == 1 else f"{label}: {slot} cycles in it"
                self.table.add(
                    key, group, shown, self._occupancy(state, index, slot), first=FIRST + 1
                )

    def _occupied(self, state: str, index: int) -> Make:
        def make() -> tuple[str, Floats]:
            first = self.table.cell("occupancy", state, "0")
            last = self.table.cell("occupancy", state, str(self.table.slots(state) - 1))
            return f"SUM({first}:{last})", self.table.numbers.occupancy[:, index]

        return make

    def _occupancy(self, state: str, index: int, slot: int) -> Make:
        """Those who stay and those who come in during the cycle before."""

        def make() -> tuple[str, Floats]:
            terms = []
            slots, definition = self.table.slots(state), self.table.model.states[state]
            before = {slot - 1, slot} if slot == slots - 1 and not definition.tunnel else {slot - 1}
            before = {0} if slots == 1 and not definition.tunnel else before - {-1}
            if definition.absorbing:
                terms.append(self.table.cell(*self.table.slot_key(state, 0), row="{p}"))
                before = set()
            if slots == 1 and definition.tunnel:
                before = set()
            for place in sorted(before):
                people = self.table.cell(*self.table.slot_key(state, place), row="{p}")
                staying = self._staying(state, place)
                if staying:
                    terms.append(f"{people}*{staying}")
            if slot == 0:
                terms += [
                    self.table.cell("flow", *edge, row="{p}")
                    for edge in edges_of(self.table.model.transitions, self.table.model.states)
                    if edge[1] == state
                ]
            place = self.table.numbers.first_slot(index) + slot
            return "+".join(terms) or "0", self.table.numbers.slots[1:, place]

        return make

    def _staying(self, state: str, slot: int) -> str:
        """Probability of staying, in the row before."""
        row = self.table.model.transitions[state]
        tunnel = self.table.model.states[state].tunnel is not None
        names = []
        if state in row.to and not tunnel:
            names.append(state)
        if tunnel or row.rest in ("", state):
            names.append("rest")
        cells = [self.chance(state, name, slot, row="{p}") for name in names]
        return cells[0] if len(cells) == 1 else f"({'+'.join(cells)})" if cells else ""

    @cached_property
    def told_apart(self) -> dict[str, int]:
        """How many cycles of residence have transition probabilities of their own, by state."""
        return {
            state: self.table.slots(state) if any(map(self.table.depends, row.to.values())) else 1
            for state, row in self.table.model.transitions.items()
        }

    @cached_property
    def moves(self) -> dict[tuple[str, str], Transition]:
        """The engine's moves by origin and what the trace calls them."""
        found: dict[tuple[str, str], Transition] = {}
        for move in self.table.numbers.moves:
            origin, to = self.table.states[move.origin], self.table.states[move.destination]
            if self.table.model.states[origin].absorbing:
                continue
            row = self.table.model.transitions[origin]
            listed = to in row.to and (origin, to) not in found
            found[origin, to if listed else "rest"] = move
        return found

    def chance(self, origin: str, to: str, slot: int, row: str = "{r}") -> str:
        """Cell of a probability; ``to`` is "rest" for those who have no event."""
        apart = self.told_apart[origin] > 1
        key = ("chance", origin, to, str(slot)) if apart else ("chance", origin, to)
        return self.table.cell(*key, row=row)

    def plan_transitions(self, origin: str) -> None:
        """Rates, if they compete, and probabilities of leaving a state."""
        row = self.table.model.transitions[origin]
        apart = self.told_apart[origin]
        group = f"leaving {origin}: " + (
            "competing rates a year, then probabilities" if row.competing else "probabilities"
        )
        slots = range(apart)
        if row.competing:
            for to, formula in row.to.items():
                for slot in slots:
                    self.table.add(
                        self.key("rate", origin, to, slot),
                        group,
                        self._word(f"rate to {to}", origin, slot),
                        self._rate(formula, slot),
                        formula.text,
                        format=PLAIN,
                    )
            for slot in slots:
                self.table.add(
                    self.key("hazard", origin, "", slot),
                    group,
                    self._word("sum of rates x cycle length", origin, slot),
                    self._hazard(origin, slot),
                    format=PLAIN,
                )
                self.table.add(
                    self.key("any", origin, "", slot),
                    group,
                    self._word("probability of any", origin, slot),
                    self._any(origin, slot),
                )
        for to, formula in row.to.items():
            for slot in slots:
                make = self._competing(origin, to, slot) if row.competing else self._stated(origin, to, formula, slot)  # fmt: skip # noqa: E501
                text = "" if row.competing else formula.text
                self.table.add(
                    self.key("chance", origin, to, slot),
                    group,
                    self._word(f"p to {to}", origin, slot),
                    make,
                    text,
                )
        for slot in slots:
            goes = row.rest or origin
            words = f"p of the rest, who {'stay' if goes == origin else f'go to {goes}'}"
            self.table.add(
                self.key("chance", origin, "rest", slot),
                group,
                self._word(words, origin, slot),
                self._rest(origin, slot),
            )

    def key(self, kind: str, origin: str, to: str, slot: int) -> Key:
        """Key of a column of transitions; by slot where these are told apart."""
        parts = (kind, origin, to) if to else (kind, origin)
        return (*parts, str(slot)) if self.told_apart[origin] > 1 else parts

    def _word(self, words: str, origin: str, slot: int) -> str:
        return f"{words}: {slot} cycles in it" if self.told_apart[origin] > 1 else words

    def _rate(self, formula: Formula, slot: int) -> Make:
        return lambda: (
            self.table.formula(formula, slot),
            self.table.numbers.series(formula, slot)[:-1],
        )

    def _hazard(self, origin: str, slot: int) -> Make:
        def make() -> tuple[str, Floats]:
            row = self.table.model.transitions[origin]
            cells = [self.table.cell(*self.key("rate", origin, to, slot)) for to in row.to]
            values = sum(
                (self.table.numbers.series(formula, slot)[:-1] for formula in row.to.values()),
                np.zeros(self.table.numbers.points - 1),
            )
            length = self.table.model.settings.cycle_length
            return f"({'+'.join(cells) or '0'})*set_cycle_length", values * length

        return make

    def _any(self, origin: str, slot: int) -> Make:
        """1 - exp(-x); by its series where x is tiny and the difference would lose its digits."""

        def make() -> tuple[str, Floats]:
            x = self.table.cell(*self.key("hazard", origin, "", slot))
            number = self.table.layout.book.constant
            two, three, tiny = number(2.0), number(3.0), number(1e-5)
            series = f"{x}*(1-{x}/{two}*(1-{x}/{three}))"
            _, hazard = self._hazard(origin, slot)()
            return f"IF({x}<{tiny},{series},1-EXP(-{x}))", -np.expm1(-hazard)

        return make

    def _competing(self, origin: str, to: str, slot: int) -> Make:
        def make() -> tuple[str, Floats]:
            rate, hazard, some = (
                self.table.cell(*self.key(kind, origin, name, slot))
                for kind, name in (("rate", to), ("hazard", ""), ("any", ""))
            )
            formula = f"IF({hazard}>0,{rate}*set_cycle_length/{hazard}*{some},0)"
            return formula, self.table.numbers.probability(self.moves[origin, to], slot)

        return make

    def _stated(self, origin: str, to: str, formula: Formula, slot: int) -> Make:
        def make() -> tuple[str, Floats]:
            values = self.table.numbers.probability(self.moves[origin, to], slot)
            return self.table.formula(formula, slot), values

        return make

    def _rest(self, origin: str, slot: int) -> Make:
        def make() -> tuple[str, Floats]:
            row = self.table.model.transitions[origin]
            values = self.table.numbers.probability(self.moves[origin, "rest"], slot)
            if row.competing:
                return f"EXP(-{self.table.cell(*self.key('hazard', origin, '', slot))})", values
            cells = [self.chance(origin, to, slot) for to in row.to]
            return f"MAX(0,1-({'+'.join(cells) or '0'}))", values

        return make

    def plan_flow(self, edge: tuple[str, str]) -> None:
        """Those who make a move in a cycle."""
        origin, to = edge
        self.table.add(
            ("flow", *edge),
            "share of the cohort that moves in the cycle",
            f"{origin} -> {to}",
            lambda: (self.flow(edge), self.table.numbers.flow[edge]),
        )

    def _name_of(self, edge: tuple[str, str]) -> str:
        """What the trace calls the probability of a move."""
        origin, to = edge
        return to if to in self.table.model.transitions[origin].to else "rest"

    def slots_of(self, edge: tuple[str, str]) -> tuple[int, int]:
        """Cycles of residence a move leaves from: the rest leaves a tunnel at its end."""
        high = self.table.slots(edge[0])
        at_end = self._name_of(edge) == "rest" and self.table.model.states[edge[0]].tunnel
        return (high - 1 if at_end else 0), high

    def worth(self, edge: tuple[str, str], formula: Formula) -> Floats:
        """What those who move are worth in every cycle, when that depends on time in the state."""
        numbers, origin = self.table.numbers, self.table.states.index(edge[0])
        move = self.moves[edge[0], self._name_of(edge)]
        total = np.zeros(numbers.points - 1)
        for slot in range(*self.slots_of(edge)):
            people = numbers.slots[:-1, numbers.first_slot(origin) + slot]
            value = numbers.series(formula, slot)[:-1]
            total += people * numbers.probability(move, slot) * value
        return total

    def flow(self, edge: tuple[str, str], worth: Key = ()) -> str:
        """Those who move; with ``worth``, columns by slot, what they are worth together."""
        origin, _ = edge
        name = self._name_of(edge)
        low, high = self.slots_of(edge)
        values = self.table.span(*worth, slots=(low, high)) if worth else ""
        people = self.table.span("occupancy", origin, slots=(low, high))
        apart = self.told_apart[origin] > 1
        chance = (
            self.table.span("chance", origin, name, slots=(low, high))
            if apart
            else self.table.cell("chance", origin, name)
        )
        if high - low == 1:
            return f"{people}*{chance}" + (f"*{values}" if values else "")
        if apart or values:
            ranges = ",".join(part for part in (people, chance if apart else "", values) if part)
            return f"SUMPRODUCT({ranges})" + ("" if apart else f"*{chance}")
        return f"SUM({people})*{chance}"
