"""Understand the [states], [start] and [transitions] sections."""

from __future__ import annotations

from collections.abc import Mapping

from heecon.files import names
from heecon.model.definition import Formula, Hazard, Start, State, Transitions
from heecon.model.formulas import STAND_IN, FormulaReader, Path
from heecon.model.hazards import read_hazard
from heecon.model.schema import StateSection, TransitionSection

REST = "rest"
MAX_SLOTS = 20_000
MAX_SLOT_CYCLES = 100_000_000

_NO_TIME = "The start is before the first cycle: use parameters and variables without time"


def read_states(sections: Mapping[str, StateSection], reader: FormulaReader) -> dict[str, State]:
    """Check and convert every state; problems go to the reader."""
    for name, section in sections.items():
        path = ("states", name)
        if section.absorbing and (section.tunnel or section.residence):
            what = f"state '{name}' is absorbing and counts time"
            reader.error(path, what, "Drop one of the two")
        if section.tunnel and section.residence:
            what = f"state '{name}' has both tunnel and residence"
            reader.error(path, what, "A tunnel already tells its cycles apart: drop residence")
    return {
        name: State(
            name, section.label or name, section.absorbing, section.tunnel, section.residence
        )
        for name, section in sections.items()
    }


def check_size(states: Mapping[str, State], cycles: int, reader: FormulaReader) -> None:
    """Refuse more cycles of residence than memory holds."""
    slots = sum(state.slots for state in states.values())
    if slots > MAX_SLOTS or slots * cycles > MAX_SLOT_CYCLES:
        what = f"{slots:,} cycles of residence over {cycles:,} cycles are too many to keep"
        reader.error(("states",), what, "Lower residence or tunnel, or lengthen the cycle")


def read_start(
    texts: Mapping[str, str], path: Path, states: Mapping[str, State], reader: FormulaReader
) -> Start:
    """Check and convert a start distribution; problems go to the reader."""
    if not texts:
        reader.error(path, "nobody starts anywhere", "Give the share of the cohort by state")
    shares: dict[str, Formula] = {}
    for name, text in texts.items():
        if name not in states:
            hint = names.did_you_mean(name, states)
            reader.error((*path, name), f"unknown state '{name}'", hint)
        elif not is_rest(text):
            shares[name] = reader.read(
                text, (*path, name), without=reader.cycle_names, because=_NO_TIME
            )
    return Start(shares, _rest(texts, path, reader))


def read_transitions(
    sections: Mapping[str, TransitionSection], states: Mapping[str, State], reader: FormulaReader
) -> dict[str, Transitions]:
    """Check and convert the ways out of every state; problems go to the reader.

    A state whose ways out are in doubt is taken to lead everywhere, so that the outcomes of a
    transition it was meant to have do not look wrong as well.
    """
    found = {}
    meant = ""
    for name, section in sections.items():
        path = ("transitions", name)
        if name not in states:
            hint = names.did_you_mean(name, states)
            meant += hint
            reader.error(path, f"unknown state '{name}'", hint)
        elif states[name].absorbing:
            what = f"state '{name}' is absorbing but has transitions"
            reader.error(path, what, "Drop the transitions or 'absorbing = true'")
            found[name] = _everywhere(name, states)
        elif _is_competing(section) == (section.probabilities is not None):
            what = f"state '{name}' needs either rates or probabilities"
            reader.error(path, what, "Give exactly one of the two")
            found[name] = _everywhere(name, states)
        else:
            found[name] = _read_row(name, section, states, reader)
    for name, state in states.items():
        if not state.absorbing and name not in sections:
            if f"'{name}'" not in meant:  # else its section is there, with its name misspelt
                what = f"there is no way out of state '{name}' and it is not absorbing"
                hint = f"Add [transitions.{name}] or 'absorbing = true'"
                reader.error(("states", name), what, hint)
            found[name] = _everywhere(name, states)
    return found


def _read_row(
    origin: str, section: TransitionSection, states: Mapping[str, State], reader: FormulaReader
) -> Transitions:
    competing = _is_competing(section)
    texts = (section.rates or {}) if competing else section.probabilities or {}
    path = ("transitions", origin, "rates" if competing else "probabilities")
    tunnel = states[origin].tunnel is not None
    strangers = [destination for destination in texts if destination not in states]
    for stranger in strangers:
        hint = names.did_you_mean(stranger, states)
        reader.error((*path, stranger), f"unknown state '{stranger}'", hint)
    to: dict[str, Formula] = {}
    for destination, text in texts.items():
        place = (*path, destination)
        if is_rest(text):
            continue
        if destination == origin and competing and not tunnel:
            what = f"a rate from '{origin}' to itself has no meaning"
            reader.error(place, what, "Delete it: whoever has no event stays")
            continue
        formula = reader.read_in_state(text, place, {origin: states[origin].slots})
        if destination in states:
            to[destination] = formula
    hazards: dict[str, Hazard] = {}
    for destination, given in (section.hazards or {}).items():
        place = ("transitions", origin, "hazards", destination)
        if destination not in states or destination == origin or destination in texts:
            what = f"there is no hazard of '{destination}' here"
            hint = "Name another state, which has no rate in this section"
            reader.error(place, what, names.did_you_mean(destination, states) or hint)
            continue
        to[destination], hazard = read_hazard(given, place, states[origin].slots, reader)
        if hazard is not None:
            hazards[destination] = hazard
    rest = _rest(texts, path, reader)
    if tunnel and rest in {"", origin}:
        what = f"the tunnel state '{origin}' does not say where people go at its end"
        reader.error(path, what, 'Give one destination the value "rest"')
    if strangers or reader.in_doubt(path):
        return _everywhere(origin, states)
    stays = competing or tunnel
    return Transitions(origin, competing, to, rest or (origin if stays else ""), hazards)


def _is_competing(section: TransitionSection) -> bool:
    return section.rates is not None or section.hazards is not None


def _everywhere(origin: str, states: Mapping[str, State]) -> Transitions:
    return Transitions(origin, True, dict.fromkeys(states, STAND_IN), origin)


def is_rest(text: str) -> bool:
    """Whether a share or probability is said to be what the others leave."""
    return text.strip() == REST


def _rest(texts: Mapping[str, str], path: Path, reader: FormulaReader) -> str:
    """The state that takes the rest, or an empty string."""
    rests = [name for name, text in texts.items() if is_rest(text)]
    if len(rests) > 1:
        what = f"'rest' stands at {rests}"
        reader.error(path, what, "Only one of them can take the rest")
    return rests[0] if rests else ""
