"""A checked model as the sections model.toml has, so that it can be changed and built again."""

from __future__ import annotations

from typing import Any

from heecon.language import to_text
from heecon.model.definition import (
    Attribute,
    Correction,
    EventTypes,
    Formula,
    Hazard,
    Model,
    Outcome,
    RateStep,
    Settings,
    Start,
    State,
    Strategy,
    Transitions,
)

_CORRECTION_OF_TIMING = {
    "cycle_start": Correction("start"),
    "mid_cycle": Correction("life_table"),
    "cycle_end": Correction("end"),
}


def to_dict(model: Model) -> dict[str, Any]:
    """What ``build_model`` takes to make this model again.

    Formulas are written in canonical form, defaults in full, and "alive" as the states it stands
    for. An outcome whose within-cycle correction is the one it would have anyway does not name it.
    """
    return {
        "model": _settings(model.settings) | {"engine": model.scenario.engine or "cohort"},
        "states": {name: _state(state) for name, state in model.states.items()},
        "start": _start(model.start),
        "strategies": {name: _strategy(item) for name, item in model.strategies.items()},
        "individuals": {name: _person(item) for name, item in model.attributes.items()},
        "types": {state: _types(item) for state, item in model.types.items()},
        "variables": {name: _text(formula) for name, formula in model.variables.items()},
        "transitions": {name: _transitions(row) for name, row in model.transitions.items()},
        "outcomes": {
            name: _outcome(outcome, model.settings) for name, outcome in model.outcomes.items()
        },
        "analyses": {name: dict(keys) for name, keys in model.scenario.analyses.items()},
    }


def _settings(settings: Settings) -> dict[str, Any]:
    found: dict[str, Any] = {
        "title": settings.title,
        "description": settings.description,
        "cycle": settings.cycle,
        "horizon": settings.horizon,
        "start_age": _text(settings.start_age),
        "max_age": settings.max_age,
        "correction": correction_dict(settings.correction),
        "discounting": {
            "cost": _rates(settings.discount["cost"]),
            "effect": _rates(settings.discount["effect"]),
            "timing": settings.timing,
        },
        "perspective": settings.perspective,
        "currency": settings.currency,
        "thresholds": list(settings.thresholds),
    }
    if settings.compounding != "annual":
        found["discounting"]["compounding"] = settings.compounding
    if settings.rounding is not None:
        found["rounding"] = settings.rounding
    if settings.price_year is not None:
        found["price_year"] = settings.price_year
    if settings.comparator is not None:
        found["comparator"] = settings.comparator
    if settings.question is not None:
        found["question"] = list(settings.question)
    return found


def correction_dict(correction: Correction) -> str | dict[str, str]:
    """A within-cycle correction as a file writes it."""
    return {"weights": correction.table} if correction.table else correction.method


def _rates(steps: tuple[RateStep, ...]) -> str | list[dict[str, Any]]:
    if len(steps) == 1:
        return _text(steps[0].rate)
    return [{"from": step.start, "rate": _text(step.rate)} for step in steps]


def _state(state: State) -> dict[str, Any]:
    found: dict[str, Any] = {"label": state.label, "absorbing": state.absorbing}
    if state.tunnel is not None:
        found["tunnel"] = state.tunnel
    if state.residence is not None:
        found["residence"] = state.residence
    return found


def _start(start: Start) -> dict[str, str]:
    shares = {state: _text(formula) for state, formula in start.shares.items()}
    return shares | ({start.rest: "rest"} if start.rest else {})


def _strategy(strategy: Strategy) -> dict[str, Any]:
    found: dict[str, Any] = {"label": strategy.label, "note": strategy.note}
    if strategy.start is not None:
        found["start"] = _start(strategy.start)
    return found


def _transitions(row: Transitions) -> dict[str, Any]:
    to = {
        destination: _text(formula)
        for destination, formula in row.to.items()
        if destination not in row.hazards
    }
    # Under competing rates whoever has no event stays, without being told so (a tunnel's rest is
    # never the tunnel itself).
    stays = row.competing and row.rest == row.origin
    if row.rest and not stays:
        to[row.rest] = "rest"
    if not row.hazards:
        return {"rates" if row.competing else "probabilities": to}
    hazards = {destination: _hazard(hazard) for destination, hazard in row.hazards.items()}
    return {"rates": to, "hazards": hazards} if to else {"hazards": hazards}


def _hazard(hazard: Hazard) -> dict[str, Any]:
    clock = "age" if hazard.by_age else "reset" if hazard.reset else "forward"
    found: dict[str, Any] = {"family": hazard.family, "clock": clock}
    if hazard.ratio is not None:
        found["ratio"] = _text(hazard.ratio)
    if hazard.table:
        return found | {"table": hazard.table, "column": hazard.column}
    return found | {"arguments": [_text(argument) for argument in hazard.arguments]}


def _person(attribute: Attribute) -> dict[str, Any]:
    if attribute.column is not None:
        return {"label": attribute.label, "column": attribute.column}
    return {
        "label": attribute.label,
        "distribution": attribute.distribution,
        "arguments": [_text(argument) for argument in attribute.arguments],
        "group": attribute.group,
    }


def _types(types: EventTypes) -> dict[str, str]:
    return {
        name: "rest" if formula is None else _text(formula)
        for name, formula in types.shares.items()
    }


def _outcome(outcome: Outcome, settings: Settings) -> dict[str, Any]:
    found: dict[str, Any] = {
        "kind": outcome.kind,
        "label": outcome.label,
        "category": outcome.category,
        "perspective": list(outcome.perspectives),
        "per": "year" if outcome.per_year else "cycle",
        "start": {state: _text(formula) for state, formula in outcome.start.items()},
        "state": {state: _text(formula) for state, formula in outcome.state.items()},
        "entering": {state: _text(formula) for state, formula in outcome.entering.items()},
        "transition": {
            f"{origin} -> {to}": _text(formula)
            for (origin, to), formula in outcome.transition.items()
        },
    }
    if outcome.timing is not None:
        found["timing"] = outcome.timing
    own = _own_correction(outcome, settings)
    if own is not None:
        found["correction"] = correction_dict(own)
    return {key: value for key, value in found.items() if value != {}}


def _own_correction(outcome: Outcome, settings: Settings) -> Correction | None:
    if not outcome.state:
        return outcome.one_off_correction
    usual = _CORRECTION_OF_TIMING[outcome.timing] if outcome.timing else settings.correction
    return None if outcome.correction == usual else outcome.correction


def _text(formula: Formula) -> str:
    return to_text(formula.tree)
