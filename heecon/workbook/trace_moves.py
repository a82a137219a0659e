"""The part of a trace that moves the cohort: occupancy, probabilities and flows."""

from __future__ import annotations

from functools import partial

from heecon.model.outcomes import edges_of
from heecon.workbook.book import PLAIN
from heecon.workbook.columns import BUT_FIRST, BUT_LAST, NUMBER, Column, Key, Make, Trace
from heecon.workbook.live import (
    Live,
    exp,
    largest,
    one_minus_exp,
    product_of,
    sum_of,
    sum_product,
    total,
    where,
)

OCCUPANCY = "share of the cohort at the start of the cycle"
FLOW = "share of the cohort that moves in the cycle"


def plan_occupancy(trace: Trace) -> None:
    """Shares of the cohort, state by state and cycle of residence by cycle."""
    for index, state in enumerate(trace.states):
        label, slots = trace.model.states[state].label, trace.slots(state)
        if slots > 1:
            whole, make = trace.numbers.occupancy[:, index], partial(_together, trace, state)
            trace.add(("occupancy", state), Column(OCCUPANCY, label, make, value=whole))
        for slot in range(slots):
            shown = label if slots == 1 else f"{label}: {slot} cycles in it"
            people = trace.numbers.slots[:, trace.numbers.first_slot(index) + slot]
            make = partial(_occupancy, trace, state, slot)
            column = Column(OCCUPANCY, shown, make, value=people, rows=BUT_FIRST)
            trace.add(trace.slot_key(state, slot), column)


def _together(trace: Trace, state: str) -> Live:
    return total(trace.span("occupancy", state, slots=(0, trace.slots(state))))


def _occupancy(trace: Trace, state: str, slot: int) -> Live:
    """Those who stay and those who come in during the cycle before."""
    slots, definition = trace.slots(state), trace.model.states[state]
    terms = []
    if definition.absorbing:
        terms.append(trace.strip(*trace.slot_key(state, 0)).before)
    elif slots == 1 and definition.tunnel:
        pass  # a tunnel of one cycle: nobody stays
    else:
        last = slot == slots - 1 and not definition.tunnel
        for place in sorted({slot - 1, slot} if last else {slot - 1}):
            if place >= 0:
                terms += _staying(trace, state, place)
    if slot == 0:
        terms += [
            trace.strip("flow", *edge).before
            for edge in edges_of(trace.model.transitions, trace.model.states)
            if edge[1] == state
        ]
    return sum_of(terms)


def _staying(trace: Trace, state: str, slot: int) -> list[Live]:
    """Those who stayed in the cycle before; nothing if nobody can."""
    row = trace.model.transitions[state]
    tunnel = trace.model.states[state].tunnel is not None
    names = [state] if state in row.to and not tunnel else []
    names += ["rest"] if tunnel or row.rest in ("", state) else []
    keys = [trace.transition_key("chance", state, name, slot) for name in names]
    people = trace.strip(*trace.slot_key(state, slot)).before
    return [people * sum_of([trace.strip(*key).before for key in keys])] if keys else []


def plan_transitions(trace: Trace, origin: str) -> None:
    """Rates, if they compete, and probabilities of leaving a state."""
    row = trace.model.transitions[origin]
    slots = range(trace.told_apart[origin])
    if row.competing:
        for to, formula in row.to.items():
            for slot in slots:
                make = partial(trace.formula, formula, slot)
                _add(trace, "rate", origin, to, slot, f"rate to {to}", make, formula.text)
        for slot in slots:
            make = partial(_hazard, trace, origin, slot)
            _add(trace, "hazard", origin, "", slot, "sum of rates x cycle length", make)
            make = partial(_any, trace, origin, slot)
            _add(trace, "any", origin, "", slot, "probability of any", make)
    for to, formula in row.to.items():
        for slot in slots:
            make, text = partial(trace.formula, formula, slot), formula.text
            if row.competing:
                make, text = partial(_competing, trace, origin, to, slot), ""
            _add(trace, "chance", origin, to, slot, f"p to {to}", make, text)
    goes = row.rest or origin
    words = f"p of the rest, who {'stay' if goes == origin else f'go to {goes}'}"
    for slot in slots:
        make = partial(_rest, trace, origin, slot)
        _add(trace, "chance", origin, "rest", slot, words, make)


def _add(
    trace: Trace,
    kind: str,
    origin: str,
    to: str,
    slot: int,
    label: str,
    make: Make,
    text: str = "",
) -> None:
    """Plan a column of transitions; probabilities have the engine's values."""
    competing, chance = trace.model.transitions[origin].competing, kind == "chance"
    words = "competing rates a year, then probabilities" if competing else "probabilities"
    column = Column(
        f"leaving {origin}: {words}",
        f"{label}: {slot} cycles in it" if trace.told_apart[origin] > 1 else label,
        make,
        text,
        trace.numbers.probability(trace.moves[origin, to], slot) if chance else None,
        BUT_LAST,
        format=NUMBER if kind in {"chance", "any"} else PLAIN,
    )
    trace.add(trace.transition_key(kind, origin, to, slot), column)


def _cell(trace: Trace, kind: str, origin: str, to: str, slot: int) -> Live:
    return trace.here(*trace.transition_key(kind, origin, to, slot))


def _hazard(trace: Trace, origin: str, slot: int) -> Live:
    goals = trace.model.transitions[origin].to
    rates = sum_of([_cell(trace, "rate", origin, to, slot) for to in goals])
    return rates * trace.layout.book.named["set_cycle_length"]


def _any(trace: Trace, origin: str, slot: int) -> Live:
    return one_minus_exp(_cell(trace, "hazard", origin, "", slot), trace.layout.book.constant)


def _competing(trace: Trace, origin: str, to: str, slot: int) -> Live:
    rate = _cell(trace, "rate", origin, to, slot)
    hazard = _cell(trace, "hazard", origin, "", slot)
    some = _cell(trace, "any", origin, "", slot)
    length = trace.layout.book.named["set_cycle_length"]
    return where(hazard > 0, rate * length / hazard * some, 0)


def _rest(trace: Trace, origin: str, slot: int) -> Live:
    """Those who have no event."""
    row = trace.model.transitions[origin]
    if row.competing:
        return exp(-_cell(trace, "hazard", origin, "", slot))
    return largest(0, 1 - sum_of([_cell(trace, "chance", origin, to, slot) for to in row.to]))


# --- flows ---------------------------------------------------------------------------------------


def plan_flow(trace: Trace, edge: tuple[str, str]) -> None:
    """Those who make a transition in a cycle."""
    value = trace.numbers.flow[edge]
    column = Column(FLOW, " -> ".join(edge), partial(flow, trace, edge), "", value, BUT_LAST)
    trace.add(("flow", *edge), column)


def flow(trace: Trace, edge: tuple[str, str], reward: Key = ()) -> Live:
    """Those who make a transition; with ``reward``, columns by slot, their rewards together."""
    origin, to = edge
    name = to if to in trace.model.transitions[origin].to else "rest"
    high = trace.slots(origin)
    # The rest leaves a tunnel at its end.
    low = high - 1 if name == "rest" and trace.model.states[origin].tunnel else 0
    keys: list[Key] = [("occupancy", origin), ("chance", origin, name)]
    people, chance = (trace.span(*key, slots=(low, high)) for key in keys)
    rewards = [trace.span(*reward, slots=(low, high))] if reward else []
    if high - low == 1:
        return product_of([people, chance, *rewards])
    if trace.told_apart[origin] > 1:
        return sum_product(people, chance, *rewards)
    return (sum_product(people, *rewards) if rewards else total(people)) * chance
