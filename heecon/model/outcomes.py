"""Understand the [outcomes] section."""

from __future__ import annotations

from collections.abc import Mapping

from heecon.model import names
from heecon.model.definition import Correction, Formula, Outcome, Settings, State, Transitions
from heecon.model.formulas import FormulaReader
from heecon.model.schema import OutcomeSection
from heecon.model.settings import read_correction

ALIVE = "alive"
"""Stands for every state that is not absorbing."""

_NO_RESIDENCE = "It is counted at the moment of entry: time in the state has not begun"
_NO_CYCLE = "People start before the first cycle: use parameters and variables without time"

Path = tuple[str | int, ...]
Edge = tuple[str, str]


def read_outcomes(
    sections: Mapping[str, OutcomeSection],
    states: Mapping[str, State],
    transitions: Mapping[str, Transitions],
    settings: Settings | None,
    reader: FormulaReader,
) -> dict[str, Outcome]:
    """Check and convert every outcome; problems go to the reader."""
    context = _Context(states, edges_of(transitions, states), settings, reader)
    return {name: context.outcome(name, section) for name, section in sections.items()}


def edges_of(transitions: Mapping[str, Transitions], states: Mapping[str, State]) -> list[Edge]:
    """Every move between states that the model allows; in a tunnel, entering it afresh counts."""
    edges: list[Edge] = []
    for origin, row in transitions.items():
        tunnel = states[origin].tunnel is not None
        targets = [*row.to, *([row.rest] if row.rest else [])]
        edges += [(origin, to) for to in dict.fromkeys(targets) if to != origin or tunnel]
    return edges


class _Context:
    """What every outcome is checked against."""

    def __init__(
        self,
        states: Mapping[str, State],
        edges: list[Edge],
        settings: Settings | None,
        reader: FormulaReader,
    ) -> None:
        self.states = states
        self.edges = edges
        self.settings = settings
        self.reader = reader
        self.alive = [name for name, state in states.items() if not state.absorbing]

    def outcome(self, name: str, section: OutcomeSection) -> Outcome:
        path: Path = ("outcomes", name)
        if not (section.start or section.state or section.entering or section.transition):
            remedy = "Give it start, state, entering or transition values"
            self.reader.complain(path, f"outcome '{name}' counts nothing", remedy)
        annual = section.kind in {"qaly", "life_year"}
        return Outcome(
            name=name,
            label=section.label or name,
            kind=section.kind,
            category=section.category or section.label or name,
            perspectives=tuple(section.perspective),
            per_year=annual if section.per is None else section.per == "year",
            timing=section.timing,
            correction=self._state_correction(path, section),
            one_off_correction=self._one_off_correction(path, section),
            start=self._start(section.start, (*path, "start")),
            state=self._by_state(section.state, (*path, "state"), states_may_count_time=True),
            entering=self._by_state(section.entering, (*path, "entering")),
            transition=self._by_edge(section.transition, (*path, "transition")),
        )

    def _state_correction(self, path: Path, section: OutcomeSection) -> Correction:
        by_timing = {
            "cycle_start": Correction("start"),
            "mid_cycle": Correction("life_table"),
            "cycle_end": Correction("end"),
        }
        default = self.settings.correction if self.settings else Correction("start")
        if section.correction is None:
            return by_timing[section.timing] if section.timing else default
        correction = self._read_correction(path, section) or default
        if correction.pointwise and section.timing in {"mid_cycle", "cycle_end"} and section.state:
            what = f"timing '{section.timing}' does not go with '{correction.method}'"
            remedy = "Its values stand at time points: give the outcome timing = 'cycle_start'"
            self.reader.complain((*path, "correction"), what, remedy)
        return correction

    def _one_off_correction(self, path: Path, section: OutcomeSection) -> Correction | None:
        if section.correction is None or section.state:
            return None
        correction = self._read_correction(path, section)
        if correction is not None and correction.method != "weights":
            what = f"one-off values cannot be corrected by '{correction.method}'"
            remedy = "They happen once: drop the correction, or give weights at the time points"
            self.reader.complain((*path, "correction"), what, remedy)
        return correction

    def _read_correction(self, path: Path, section: OutcomeSection) -> Correction | None:
        if section.correction is None or self.settings is None:
            return None
        place = (*(str(part) for part in path), "correction")
        return read_correction(section.correction, place, self.reader, self.settings.cycles)

    def _start(self, value: str | Mapping[str, str] | None, path: Path) -> dict[str, Formula]:
        if value is None:
            return {}
        texts = dict.fromkeys(self.states, value) if isinstance(value, str) else value
        found = {}
        for state, text in self._expand(texts, path).items():
            place = path if isinstance(value, str) else (*path, state)
            formula = self.reader.read(
                text, place, without=self.reader.cycle_names, because=_NO_CYCLE
            )
            if formula is not None:
                found[state] = formula
            elif isinstance(value, str):
                break
        return found

    def _by_state(
        self, texts: Mapping[str, str], path: Path, *, states_may_count_time: bool = False
    ) -> dict[str, Formula]:
        found = {}
        for state, text in self._expand(texts, path).items():
            place = (*path, state)
            if states_may_count_time:
                formula = self.reader.read_in_state(text, place, state, self.states[state].slots)
            else:
                slots = self.reader.slot_names
                formula = self.reader.read(text, place, without=slots, because=_NO_RESIDENCE)
            if formula is not None:
                found[state] = formula
        return found

    def _expand(self, texts: Mapping[str, str], path: Path) -> dict[str, str]:
        """Replace "alive" by the states it stands for; a state named itself goes before it."""
        expanded = dict.fromkeys(self.alive, texts[ALIVE]) if ALIVE in texts else {}
        for state, text in texts.items():
            if state in self.states:
                expanded[state] = text
            elif state != ALIVE:
                remedy = names.did_you_mean(state, [*self.states, ALIVE])
                self.reader.complain((*path, state), f"unknown state '{state}'", remedy)
        return expanded

    def _by_edge(self, texts: Mapping[str, str], path: Path) -> dict[Edge, Formula]:
        found = {}
        for key, text in texts.items():
            place = (*path, key)
            for origin, destination in self._matching(key, place):
                slots = self.states[origin].slots
                formula = self.reader.read_in_state(text, place, origin, slots)
                if formula is not None:
                    found[origin, destination] = formula
        return found

    def _matching(self, key: str, place: Path) -> list[Edge]:
        ends = [end.strip() for end in key.split("->")]
        if len(ends) != 2:
            remedy = "Write \"from -> to\", with state names or 'alive'"
            self.reader.complain(place, f"'{key}' is not a transition", remedy)
            return []
        matching = [edge for edge in self.edges if all(map(self._fits, edge, ends))]
        if not matching:
            known = [f"{origin} -> {to}" for origin, to in self.edges]
            remedy = names.did_you_mean(" -> ".join(ends), known)
            self.reader.complain(place, f"the model has no transition '{key}'", remedy)
        return matching

    def _fits(self, state: str, wanted: str) -> bool:
        return state == wanted or (wanted == ALIVE and state in self.alive)
