"""The part of a trace that counts: people by correction, and every outcome's amounts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial

from heecon.model.definition import Correction, Formula, Outcome
from heecon.model.outcomes import edges_of
from heecon.workbook.book import PLAIN
from heecon.workbook.columns import Column, Key, Trace
from heecon.workbook.live import Live, sum_of, sum_product, where
from heecon.workbook.settings import TIMINGS, correction_text
from heecon.workbook.timeline import MODEL, STATE
from heecon.workbook.trace_moves import flow

_PARTS = {"start": "at the start", "state": "in states", "move": "on moves"}


def plan_factors(trace: Trace) -> None:
    """The discount factors in use."""
    for outcome in trace.model.outcomes.values():
        for part in _parts(outcome):
            key = _factor(outcome, part)
            if key and (key,) not in trace.columns:
                words = key.removeprefix("df_").replace("_", " ")
                make = partial(trace.timeline.at, key)
                trace.add((key,), Column("discount factors", words, make))


# --- people --------------------------------------------------------------------------------------


def plan_counted(trace: Trace) -> None:
    """Occupancy as each correction in use counts it."""
    wanted: dict[Key, Column] = {}
    for outcome in trace.model.outcomes.values():
        correction = None if outcome.follows_model else outcome.correction
        for state, formula in outcome.state.items():
            slots = trace.slots(state) if trace.depends(formula) else 1
            for slot in range(slots):
                key = _counted(correction, state)
                rule = "the model's correction" if key[1] == MODEL else key[1]
                label = trace.model.states[state].label
                people: Key = ("occupancy", state)
                if slots > 1:
                    key, people = (*key, str(slot)), trace.slot_key(state, slot)
                    label += f": {slot} cycles in it"
                make = partial(_count, trace, correction, people)
                wanted[key] = Column(f"people counted in the cycle: {rule}", label, make)
    order = {state: i for i, state in enumerate(trace.states)}
    for key in sorted(wanted, key=lambda k: (k[1], order[k[2]], [int(s) for s in k[3:]])):
        trace.add(key, wanted[key])


def _counted(correction: Correction | None, state: str) -> Key:
    return ("counted", MODEL if correction is None else correction_text(correction), state)


def _count(trace: Trace, correction: Correction | None, people: Key) -> Live:
    """People in a cycle: those at its start and those at its end, each with a weight."""
    line, cells = trace.timeline, trace.strip(*people)
    whole = line.at("in_cycle")
    if correction is None:
        return line.at("w_start") * cells.here + line.at("w_end") * cells.after
    if correction.method == "start":
        return whole * cells.here
    if correction.method == "end":
        return whole * cells.after
    if correction.method == "life_table":
        half = trace.layout.book.constant(0.5) * whole
        return half * cells.here + half * cells.after
    return line.at(correction_text(correction)) * cells.here


# --- amounts -------------------------------------------------------------------------------------


def plan_outcome(trace: Trace, outcome: Outcome) -> None:
    """Amounts of an outcome, undiscounted and discounted."""
    name, group, parts = outcome.name, f"{outcome.category}: {outcome.label}", _parts(outcome)
    for where_, formula, slot in _rewards_by_slot(trace, outcome):
        label = (
            f"value {'in' if len(where_) == 1 else 'of'} {' -> '.join(where_)}: {slot} cycles in it"
        )
        make = partial(trace.formula, formula, slot)
        column = Column(group, label, make, formula.text, format=PLAIN)
        trace.add(("reward", name, *where_, str(slot)), column)
    if len(parts) > 1:
        for part in parts:
            make = partial(_part, trace, outcome, part)
            column = Column(group, f"{name}: {_PARTS[part]}", make, format=PLAIN)
            trace.add(("part", name, part), column)
    text = "; ".join(dict.fromkeys(formula.text for formula in outcome.formulas()))
    for key, words, of, text_, discounted in (
        ("amount", "undiscounted", _amount, text, False),
        ("today", "discounted", _today, "", True),
    ):
        value = trace.numbers.amount(name, discounted=discounted)
        column = Column(
            group,
            f"{name}, {words}",
            partial(of, trace, outcome),
            text_,
            value,
            total=True,
            format=PLAIN,
        )
        trace.add((key, name), column)


def _parts(outcome: Outcome) -> list[str]:
    """What an outcome counts: people at the start, in states, on transitions."""
    counts = {
        "start": outcome.start,
        "state": outcome.state,
        "move": outcome.entering or outcome.transition,
    }
    return [part for part, formulas in counts.items() if formulas]


def _rewards_by_slot(
    trace: Trace, outcome: Outcome
) -> Iterator[tuple[tuple[str, ...], Formula, int]]:
    """Rewards that depend on time in the state: the state or the transition, formula, slot."""
    states = {(state,): formula for state, formula in outcome.state.items()}
    for place, formula in [*states.items(), *outcome.transition.items()]:
        if trace.depends(formula):
            for slot in range(trace.slots(place[0])):
                yield place, formula, slot


def _amount(trace: Trace, outcome: Outcome) -> Live:
    parts = _parts(outcome)
    if len(parts) == 1:
        return _part(trace, outcome, parts[0])
    return sum_of([trace.here("part", outcome.name, part) for part in parts])


def _today(trace: Trace, outcome: Outcome) -> Live:
    """The parts of an amount, each with its discount factor."""
    parts, terms = _parts(outcome), []
    for part in parts:
        key = ("part", outcome.name, part) if len(parts) > 1 else ("amount", outcome.name)
        factor = _factor(outcome, part)
        terms.append(trace.here(*key) * trace.here(factor) if factor else trace.here(*key))
    return sum_of(terms)


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


def _part(trace: Trace, outcome: Outcome, part: str) -> Live:
    return {"start": _at_start, "state": _in_states, "move": _on_moves}[part](trace, outcome)


def _at_start(trace: Trace, outcome: Outcome) -> Live:
    terms = []
    for formula, states in _grouped(outcome.start):
        people = sum_of([trace.here("occupancy", state) for state in states])
        terms.append(trace.times(people, formula))
    return trace.timeline.at("first") * sum_of(terms)


def _in_states(trace: Trace, outcome: Outcome) -> Live:
    correction = None if outcome.follows_model else outcome.correction
    terms = []
    for formula, states in _grouped(outcome.state):
        if not trace.depends(formula):
            people = sum_of([trace.here(*_counted(correction, state)) for state in states])
            terms.append(trace.times(people, formula))
            continue
        for state in states:
            slots = (0, trace.slots(state))
            keys = (_counted(correction, state), ("reward", outcome.name, state))
            terms.append(sum_product(*(trace.span(*key, slots=slots) for key in keys)))
    amount = sum_of(terms)
    return amount * trace.layout.book.named["set_cycle_length"] if outcome.per_year else amount


def _on_moves(trace: Trace, outcome: Outcome) -> Live:
    edges = edges_of(trace.model.transitions, trace.model.states)
    found = [
        (edge, formula)
        for state, formula in outcome.entering.items()
        for edge in edges
        if edge[1] == state
    ]
    moved: dict[tuple[str, str], list[Formula]] = {}
    for edge, formula in [*found, *outcome.transition.items()]:
        moved.setdefault(edge, []).append(formula)
    by_formula: dict[str, tuple[Formula, list[tuple[str, str]]]] = {}
    for edge, formulas in moved.items():
        for formula in formulas:
            by_formula.setdefault(formula.text, (formula, []))[1].append(edge)
    terms = []
    for formula, these in by_formula.values():
        if trace.depends(formula):
            terms += [flow(trace, edge, ("reward", outcome.name, *edge)) for edge in these]
        else:
            moving = sum_of([trace.here("flow", *edge) for edge in these])
            terms.append(trace.times(moving, formula))
    return _move_weight(trace, outcome) * sum_of(terms)


def _move_weight(trace: Trace, outcome: Outcome) -> Live:
    """1 in the cycles of the horizon, times the weight of the time point if it has any."""
    within = trace.timeline.at("in_cycle")
    if outcome.one_off_correction is None:
        return within
    weights = trace.timeline.columns[correction_text(outcome.one_off_correction)]
    if outcome.timing is not None:
        return within * (weights.after if outcome.timing == "cycle_end" else weights.here)
    late = trace.layout.book.named["set_timing"].equals("cycle_end")
    return within * where(late, weights.after, weights.here)


def _grouped(formulas: Mapping[str, Formula]) -> list[tuple[Formula, list[str]]]:
    """States by the formula they share."""
    found: dict[str, tuple[Formula, list[str]]] = {}
    for state, formula in formulas.items():
        found.setdefault(formula.text, (formula, []))[1].append(state)
    return list(found.values())
