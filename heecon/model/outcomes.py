"""Understand the [outcomes] section."""

from __future__ import annotations

from collections.abc import Mapping

from heecon.files import names
from heecon.model.definition import Correction, Formula, Outcome, Settings, State, Transitions
from heecon.model.formulas import FormulaReader, Path
from heecon.model.schema import OutcomeSection
from heecon.model.settings import read_correction

ALIVE = "alive"
"""Stands for every state that is not absorbing."""

_NO_RESIDENCE = "It is counted at the moment of entry: time in the state has not begun"
_NO_CYCLE = "People start before the first cycle: use parameters and variables without time"

Edge = tuple[str, str]


def read_outcomes(
    sections: Mapping[str, OutcomeSection],
    states: Mapping[str, State],
    transitions: Mapping[str, Transitions],
    settings: Settings,
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
        settings: Settings,
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
            hint = "Give it start, state, entering or transition values"
            self.reader.error(path, f"outcome '{name}' counts nothing", hint)
        annual = section.kind in {"qaly", "life_year"}
        own = None
        if section.correction is not None:
            place = (*path, "correction")
            own = read_correction(section.correction, place, self.reader, self.settings.cycles)
        return Outcome(
            name=name,
            label=section.label or name,
            kind=section.kind,
            category=section.category or section.label or name,
            perspectives=tuple(section.perspective),
            per_year=annual if section.per is None else section.per == "year",
            timing=section.timing,
            correction=self._state_correction(path, section, own),
            one_off_correction=self._one_off_correction(path, section, own),
            follows_model=own is None and section.timing is None,
            start=self._start(section.start, (*path, "start")),
            state=self._by_state(section.state, (*path, "state")),
            entering=self._entering(section.entering, (*path, "entering")),
            transition=self._by_edge(section.transition, (*path, "transition")),
        )

    def _state_correction(
        self, path: Path, section: OutcomeSection, own: Correction | None
    ) -> Correction:
        if own is None:
            by_timing = {
                "cycle_start": Correction("start"),
                "mid_cycle": Correction("life_table"),
                "cycle_end": Correction("end"),
            }
            return by_timing[section.timing] if section.timing else self.settings.correction
        if own.pointwise and section.timing in {"mid_cycle", "cycle_end"} and section.state:
            what = f"timing '{section.timing}' does not go with '{own.method}'"
            hint = "Its values stand at time points: give the outcome timing = 'cycle_start'"
            self.reader.error((*path, "correction"), what, hint)
        return own

    def _one_off_correction(
        self, path: Path, section: OutcomeSection, own: Correction | None
    ) -> Correction | None:
        if own is None or section.state:
            return None
        if own.method != "weights":
            what = f"one-off values cannot be corrected by '{own.method}'"
            hint = "They happen once: drop the correction, or give weights at the time points"
            self.reader.error((*path, "correction"), what, hint)
        return own

    def _start(self, value: str | Mapping[str, str] | None, path: Path) -> dict[str, Formula]:
        if value is None:
            return {}
        if isinstance(value, str):
            return dict.fromkeys(self.states, self._read_start(value, path))
        return self._expanded(
            {key: self._read_start(text, (*path, key)) for key, text in value.items()}, path
        )

    def _read_start(self, text: str, path: Path) -> Formula:
        return self.reader.read(text, path, without=self.reader.cycle_names, because=_NO_CYCLE)

    def _by_state(self, texts: Mapping[str, str], path: Path) -> dict[str, Formula]:
        found = {}
        for key, text in texts.items():
            named = [state for state in self.alive if state not in texts] if key == ALIVE else [key]
            slots = {state: self.states[state].slots for state in named if state in self.states}
            found[key] = self.reader.read_in_state(text, (*path, key), slots)
        return self._expanded(found, path)

    def _entering(self, texts: Mapping[str, str], path: Path) -> dict[str, Formula]:
        slots = self.reader.slot_names
        found = {
            key: self.reader.read(text, (*path, key), without=slots, because=_NO_RESIDENCE)
            for key, text in texts.items()
        }
        return self._expanded(found, path)

    def _expanded(self, found: Mapping[str, Formula], path: Path) -> dict[str, Formula]:
        """Replace "alive" by the states it stands for; a state named itself goes before it."""
        expanded = dict.fromkeys(self.alive, found[ALIVE]) if ALIVE in found else {}
        for key, formula in found.items():
            if key in self.states:
                expanded[key] = formula
            elif key != ALIVE:
                hint = names.did_you_mean(key, [*self.states, ALIVE])
                self.reader.error((*path, key), f"unknown state '{key}'", hint)
        return expanded

    def _by_edge(self, texts: Mapping[str, str], path: Path) -> dict[Edge, Formula]:
        """Formulas by move; a state named itself goes before "alive", whatever their order."""
        found: dict[Edge, Formula] = {}
        for key in sorted(texts, key=lambda key: -_ends(key).count(ALIVE)):
            place = (*path, key)
            matching = self._matching(key, place)
            slots = {origin: self.states[origin].slots for origin, _ in matching}
            formula = self.reader.read_in_state(texts[key], place, slots)
            found |= dict.fromkeys(matching, formula)
        return found

    def _matching(self, key: str, place: Path) -> list[Edge]:
        ends = _ends(key)
        if len(ends) != 2:
            hint = "Write \"from -> to\", with state names or 'alive'"
            self.reader.error(place, f"'{key}' is not a transition", hint)
            return []
        matching = [edge for edge in self.edges if all(map(self._fits, edge, ends))]
        if not matching and ends[0] == ends[1] and ends[0] in self.states:
            what = f"'{key}' is no move: whoever stays in '{ends[0]}' does not move"
            hint = "Count it under state; in a state with tunnel = 1 staying is an entry afresh"
            self.reader.error(place, what, hint)
        elif not matching:
            known = [f"{origin} -> {to}" for origin, to in self.edges]
            hint = names.did_you_mean(" -> ".join(ends), known)
            self.reader.error(place, f"the model has no transition '{key}'", hint)
        return matching

    def _fits(self, state: str, wanted: str) -> bool:
        return state == wanted or (wanted == ALIVE and state in self.alive)


def _ends(key: str) -> list[str]:
    return [end.strip() for end in key.split("->")]
