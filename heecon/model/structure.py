"""Understand the [states], [start] and [transitions] sections."""

from __future__ import annotations

import math
from collections.abc import Mapping

from heecon.errors import InvalidValue, shown
from heecon.files import names
from heecon.model import duration
from heecon.model.definition import Formula, Hazard, Settings, Start, State, Transitions
from heecon.model.formulas import STAND_IN, FormulaReader, Path
from heecon.model.hazards import read_hazard
from heecon.model.schema import MAX_RESIDENCE, StateSection, TransitionSection
from heecon.model.settings import WHOLE

REST = "rest"
MAX_SLOTS = 20_000
MAX_SLOT_CYCLES = 100_000_000

_NO_TIME = "The start is before the first cycle: use parameters and variables without time"


def read_states(
    sections: Mapping[str, StateSection],
    transitions: Mapping[str, TransitionSection],
    settings: Settings,
    reader: FormulaReader,
) -> dict[str, State]:
    """Check and convert every state; problems go to the reader.

    A state left by a hazard whose clock starts anew tells all cycles of the horizon apart, unless
    it says how many.
    """
    reset = {
        name
        for name, section in transitions.items()
        if any(hazard.clock == "reset" for hazard in (section.hazards or {}).values())
    }
    states = {}
    for name, section in sections.items():
        path = ("states", name)
        if section.absorbing and (section.tunnel or section.residence):
            what = f"state '{name}' is absorbing and counts time"
            reader.error(path, what, "Drop one of the two")
        if section.tunnel and section.residence:
            what = f"state '{name}' has both tunnel and residence"
            reader.error(path, what, "A tunnel already tells its cycles apart: drop residence")
        written = section.residence
        slots = section.tunnel or (settings.cycles if name in reset and written is None else 1)
        if written is not None and not section.tunnel:
            slots = _residence(written, (*path, "residence"), settings, reader)
        label = section.label or name
        states[name] = State(name, label, section.absorbing, section.tunnel, written, max(slots, 1))
    return states


def _residence(written: int | str, path: Path, settings: Settings, reader: FormulaReader) -> int:
    """Cycles of residence, of their number or their length in time."""
    if isinstance(written, int):
        return written
    with reader.diagnostics.collecting(reader.place(path)):
        amount, unit = duration.split(written)
        if unit != "cycles":
            amount = duration.years(written) / (settings.cycle_length or 1.0)
        if amount > MAX_RESIDENCE:
            raise InvalidValue(
                f"{shown(written)} are {amount:,.0f} cycles", f"At most {MAX_RESIDENCE:,} are kept"
            )
        return math.ceil(amount - WHOLE)
    return 1


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
        to[destination], hazard = read_hazard(given, place, reader)
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
