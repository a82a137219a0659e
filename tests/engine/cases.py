"""Random models for the reference simulator and heecon alike."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

import heecon as he

from .simulator import POINTWISE, Case, OutcomeSpec, RowSpec, StateSpec, Tree, text

PARAMETERS = ("p_one", "p_two", "p_three")
CORRECTIONS = ("start", "end", "life_table", "half_cycle", "simpson", "weights")
TIMINGS = ("cycle_start", "mid_cycle", "cycle_end")
UNIT = st.integers(0, 16).map(lambda n: n / 16)


def times(tree: Tree, scale: float) -> Tree:
    return "*", tree, ("number", scale)


@st.composite
def formulas(draw: st.DrawFn, *, by_cycle: bool, by_slot: bool, depth: int = 2) -> Tree:
    """A formula with a value in 0..1, of parameters, time, age and time in the state."""
    leaves = [("number", draw(UNIT)), *(("name", name) for name in PARAMETERS)]
    if depth == 0:
        return draw(st.sampled_from(leaves))
    inner = formulas(by_cycle=by_cycle, by_slot=by_slot, depth=depth - 1)
    kinds = ["leaf", "product", "complement"]
    kinds += ["cycle", "time", "age", "waning"] if by_cycle else []
    kinds += ["state_cycle", "state_time", "state_waning"] if by_slot else []
    kind = draw(st.sampled_from(kinds))
    if kind == "product":
        return "*", draw(inner), draw(inner)
    if kind == "complement":
        return "-", ("number", 1.0), draw(inner)
    if kind == "age":
        return "life", ("name", "age")
    if kind in {"waning", "state_waning"}:
        name = ("name", "time" if kind == "waning" else "state_cycle")
        return "/", draw(inner), ("+", ("number", 1.0), name)
    if kind in {"cycle", "time", "state_cycle", "state_time"}:
        comparison = draw(st.sampled_from(["<", ">=", ">"]))
        limit = ("number", draw(st.integers(0, 10)) / 4)
        return "if", ("name", kind), comparison, limit, draw(inner), draw(inner)
    return draw(st.sampled_from(leaves))


@st.composite
def states(draw: st.DrawFn) -> tuple[StateSpec, ...]:
    kinds = draw(
        st.lists(
            st.sampled_from(["plain", "plain", "residence", "tunnel", "absorbing"]),
            min_size=2,
            max_size=5,
        ).filter(lambda kinds: any(kind != "absorbing" for kind in kinds))
    )
    least = {"residence": 2, "tunnel": 1}
    return tuple(
        StateSpec(f"s{i}", kind, draw(st.integers(least[kind], 4)) if kind in least else 1)
        for i, kind in enumerate(kinds)
    )


@st.composite
def rows(draw: st.DrawFn, state: StateSpec, names: list[str]) -> RowSpec:
    others = [name for name in names if name != state.name]
    formula = formulas(by_cycle=True, by_slot=state.slots > 1)
    kind = draw(st.sampled_from(["rates", "probabilities", "complete"]))
    tunnel = state.kind == "tunnel"
    if kind == "complete" and not tunnel:
        targets = draw(st.lists(st.sampled_from(names), min_size=2, max_size=2, unique=True))
        share = draw(formula)
        to = {targets[0]: share, targets[1]: ("-", ("number", 1.0), share)}
        return RowSpec("probabilities", to, "")
    kind = "probabilities" if kind == "complete" else kind
    allowed = names if tunnel or kind == "probabilities" else others
    targets = draw(st.lists(st.sampled_from(allowed), max_size=3, unique=True))
    free = [name for name in names if name not in targets]
    rest = state.name if state.name in free else ""
    if tunnel or not rest or draw(st.booleans()):
        choices = [name for name in free if name != state.name] if tunnel else free
        if not choices:
            targets, choices = [], others
        rest = draw(st.sampled_from(choices))
    scale = 4.0 if kind == "rates" else 1.0 / max(len(targets), 1)
    return RowSpec(kind, {to: times(draw(formula), scale) for to in targets}, rest)


def edges_of(states: tuple[StateSpec, ...], rows: dict[str, RowSpec]) -> list[tuple[str, str]]:
    kinds = {state.name: state.kind for state in states}
    return [
        (origin, to)
        for origin, row in rows.items()
        for to in [*row.to, *([row.rest] if row.rest else [])]
        if to != origin or kinds[origin] == "tunnel"
    ]


@st.composite
def outcomes(
    draw: st.DrawFn, number: int, states: tuple[StateSpec, ...], edges: list[tuple[str, str]]
) -> OutcomeSpec:
    scale = draw(st.sampled_from([1.0, -2.5, 1000.0]))
    slots = {state.name: state.slots for state in states}
    names = st.lists(st.sampled_from(list(slots)), max_size=3, unique=True)

    def value(*, by_cycle: bool, by_slot: bool) -> Tree:
        return times(draw(formulas(by_cycle=by_cycle, by_slot=by_slot)), scale)

    state = {n: value(by_cycle=True, by_slot=slots[n] > 1) for n in draw(names)}
    entering = {n: value(by_cycle=True, by_slot=False) for n in draw(names)}
    start = {n: value(by_cycle=False, by_slot=False) for n in draw(names)}
    chosen = draw(st.lists(st.sampled_from(edges), max_size=2, unique=True)) if edges else []
    transition = {edge: value(by_cycle=True, by_slot=slots[edge[0]] > 1) for edge in chosen}
    if not (state or entering or start or transition):
        state = {states[0].name: ("number", scale)}
    timing = draw(st.sampled_from([None, None, *TIMINGS]))
    correction = draw(st.sampled_from([None, None, *CORRECTIONS]))
    if correction is not None and not state:
        correction = "weights"
    if correction in POINTWISE and state and timing in {"mid_cycle", "cycle_end"}:
        timing = None
    return OutcomeSpec(
        name=f"o{number}",
        kind=draw(st.sampled_from(["cost", "qaly", "life_year", "count"])),
        per=draw(st.sampled_from([None, "cycle", "year"])),
        timing=timing,
        correction=correction,
        start=start,
        state=state,
        entering=entering,
        transition=transition,
    )


@st.composite
def discounts(draw: st.DrawFn) -> tuple[tuple[float, Tree], ...]:
    starts = [0.0, *sorted(draw(st.sets(st.integers(1, 12).map(lambda n: n / 4), max_size=2)))]
    rate = st.one_of(
        UNIT.map(lambda r: ("number", r / 8)), st.just(times(("name", "discount_rate"), 1.0))
    )
    return tuple((start, draw(rate)) for start in starts)


@st.composite
def cases(draw: st.DrawFn) -> Case:
    specs = draw(states())
    names = [state.name for state in specs]
    table = {s.name: draw(rows(s, names)) for s in specs if s.kind != "absorbing"}
    edges = edges_of(specs, table)
    strategies = tuple(f"t{i}" for i in range(draw(st.integers(1, 3))))
    correction = draw(st.sampled_from(CORRECTIONS))
    cycles = draw(st.integers(1, 8))
    first, second = draw(st.permutations(names))[:2]
    shares = draw(st.sampled_from(["whole", "rest", "own"]))
    start: dict[str, Tree] = {first: ("number", 1.0)}
    if shares == "rest":
        start = {first: draw(formulas(by_cycle=False, by_slot=False))}
    own = {}
    if shares == "own":
        own = {strategies[-1]: {first: 0.25, second: 0.75}}
    values = {(name, ""): draw(UNIT) for name in PARAMETERS}
    values |= {("start_age", ""): 50.0 + draw(UNIT), ("discount_rate", ""): draw(UNIT) / 8}
    owned = draw(st.sets(st.tuples(st.sampled_from(PARAMETERS), st.sampled_from(strategies))))
    values |= {key: draw(UNIT) for key in sorted(owned)}
    count = draw(st.integers(0, 4))
    drawn = draw(st.sets(st.sampled_from(sorted(values)))) if count else set()
    scales = {"start_age": (50.0, 1.0), "discount_rate": (0.0, 0.125)}
    draws = {}
    for key in sorted(drawn):
        low, scale = scales.get(key[0], (0.0, 1.0))
        draws[key] = tuple(low + scale * draw(UNIT) for _ in range(count))
    return Case(
        cycle=draw(st.sampled_from(["1 year", "3 months", "28 days"])),
        cycles=cycles,
        correction=correction,
        timing=draw(st.sampled_from(TIMINGS[:2] if correction in POINTWISE else TIMINGS)),
        discount={"cost": draw(discounts()), "effect": draw(discounts())},
        states=specs,
        start=start,
        start_rest=second if shares == "rest" else "",
        own_start=own,
        strategies=strategies,
        rows=table,
        outcomes=tuple(draw(outcomes(i, specs, edges)) for i in range(draw(st.integers(1, 3)))),
        values=values,
        draws=draws,
        life=tuple((float(age), draw(UNIT)) for age in (0, 50, 51, 53)),
        weights=tuple(draw(UNIT) * 2 for _ in range(cycles + 1)),
        compounding=draw(st.sampled_from(["annual", "annual", "whole_years", "continuous"])),
    )


# --- as heecon has it -----------------------------------------------------------------------------


def model_of(case: Case) -> he.Model:
    """The case as a heecon model."""
    definition: dict[str, Any] = {
        "model": {
            "title": "random",
            "cycle": case.cycle,
            "horizon": f"{case.cycles} cycles",
            "start_age": "start_age",
            "correction": _correction(case.correction),
            "discounting": {
                kind: [{"from": start, "rate": text(rate)} for start, rate in steps]
                for kind, steps in case.discount.items()
            }
            | {"timing": case.timing, "compounding": case.compounding},
        },
        "states": {state.name: _state(state) for state in case.states},
        "start": _texts(case.start) | ({case.start_rest: "rest"} if case.start_rest else {}),
        "strategies": {
            name: {"start": dict(case.own_start[name])} if name in case.own_start else {}
            for name in case.strategies
        },
        "transitions": {name: {row.kind: _row(row)} for name, row in case.rows.items()},
        "outcomes": {outcome.name: _outcome(outcome) for outcome in case.outcomes},
    }
    rows = [
        he.Parameter(name, value, strategy=strategy or None)
        for (name, strategy), value in case.values.items()
    ]
    tables = {
        "life": {"age": [a for a, _ in case.life], "rate": [r for _, r in case.life]},
        "points": {
            "cycle": [float(t) for t in range(case.cycles + 1)],
            "weight": list(case.weights),
        },
    }
    return he.Model.from_dict(definition, rows, tables, "random")


def draws_of(case: Case) -> dict[str, NDArray[np.float64]] | None:
    """The draws by heecon's parameter keys."""
    keys = {key: f"{key[0]}[{key[1]}]" if key[1] else key[0] for key in case.draws}
    return {keys[key]: np.array(values) for key, values in case.draws.items()} or None


def _correction(name: str) -> str | dict[str, str]:
    return {"weights": "points"} if name == "weights" else name


def _state(state: StateSpec) -> dict[str, Any]:
    if state.kind == "absorbing":
        return {"absorbing": True}
    return {} if state.kind == "plain" else {state.kind: state.slots}


def _texts(trees: Any) -> dict[str, str]:
    return {name: text(tree) for name, tree in trees.items()}


def _row(row: RowSpec) -> dict[str, str]:
    return _texts(row.to) | ({row.rest: "rest"} if row.rest else {})


def _outcome(outcome: OutcomeSpec) -> dict[str, Any]:
    section: dict[str, Any] = {
        "kind": outcome.kind,
        "start": _texts(outcome.start),
        "state": _texts(outcome.state),
        "entering": _texts(outcome.entering),
        "transition": {f"{a} -> {b}": text(tree) for (a, b), tree in outcome.transition.items()},
    }
    section |= {"per": outcome.per, "timing": outcome.timing}
    if outcome.correction is not None:
        section["correction"] = _correction(outcome.correction)
    return section
