"""What may stand in model.toml and in a scenario file.

These classes check shape only: keys, types, ranges. What the values mean together (names,
expressions, rows that sum to one) is checked in ``build``.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, Strict, ValidationError

from heecon.errors import Problem, shown
from heecon.files import names


def _expression_text(value: object) -> object:
    """Finite numbers are accepted where an expression is expected; booleans are not numbers."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError("a number, or an expression in quotes")
    if not is_finite(value):
        raise ValueError("a finite number")
    return repr(value)


def is_finite(value: float) -> bool:
    """Whether a number of a TOML file is one that a computer can reckon with."""
    try:
        return math.isfinite(value)
    except OverflowError:  # a whole number of hundreds of digits
        return False


Where = Callable[[Sequence[str | int]], str]
"""Turns a key path of a file into its ``file:row:column``."""

Expression = Annotated[str, BeforeValidator(_expression_text)]
Number = Annotated[float, Field(strict=True, allow_inf_nan=False)]
Whole = Annotated[int, Strict()]
Truth = Annotated[bool, Strict()]


class Section(BaseModel):
    """Base of every section: unknown keys are errors, values are never changed in silence."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Weights(Section):
    """A within-cycle correction given as weights at the time points 0, 1, ..., n of a table."""

    weights: str


CorrectionName = Literal["none", "start", "end", "life_table", "half_cycle", "simpson"]
Correction = CorrectionName | Weights
Timing = Literal["cycle_start", "mid_cycle", "cycle_end"]
Engine = Literal["cohort", "microsim", "continuous"]


class RateStep(Section):
    """A discount rate from a year of the model on."""

    start: Number = Field(alias="from", ge=0)
    rate: Expression


class Discounting(Section):
    """Discount rates a year; each may be a step function of time."""

    cost: Expression | list[RateStep]
    effect: Expression | list[RateStep]
    timing: Timing = "cycle_start"


class Settings(Section):
    """The [model] section; a scenario's [settings] overrides single keys of it."""

    title: str
    description: str = ""
    cycle: str
    horizon: str = "lifetime"
    start_age: Expression = "0"
    max_age: Number = Field(default=100, gt=0, le=130)
    engine: Engine = "cohort"
    correction: Correction = "life_table"
    discounting: Discounting
    perspective: str = "payer"
    currency: str = ""
    price_year: Whole | None = Field(default=None, ge=1900, le=2200)
    thresholds: list[Annotated[Number, Field(gt=0)]] = Field(default_factory=list, max_length=20)
    comparator: str | None = None
    question: list[str] | None = Field(default=None, min_length=2, max_length=2)


class StateSection(Section):
    """One state; ``tunnel`` and ``residence`` count cycles."""

    label: str = ""
    absorbing: Truth = False
    tunnel: Whole | None = Field(default=None, ge=1, le=1_000)
    residence: Whole | None = Field(default=None, ge=2, le=5_000)


class StrategySection(Section):
    """One strategy; ``start`` replaces the model's start distribution for it."""

    label: str = ""
    note: str = ""
    start: dict[str, Expression] | None = None


class HazardSection(Section):
    """A hazard by its survival family, or the steps of a table."""

    family: str
    arguments: list[Expression] = Field(default_factory=list, max_length=4)
    clock: Literal["forward", "reset", "age"] = "forward"
    table: str | None = None
    column: str | None = None


class TransitionSection(Section):
    """Ways out of one state: competing rates a year, or probabilities a cycle."""

    rates: dict[str, Expression] | None = None
    hazards: dict[str, HazardSection] | None = None
    probabilities: dict[str, Expression] | None = None


class OutcomeSection(Section):
    """One outcome: what is counted, where, and when in the cycle it falls."""

    kind: Literal["cost", "qaly", "life_year", "count"]
    label: str = ""
    category: str = ""
    perspective: list[str] = Field(default_factory=list)
    per: Literal["cycle", "year"] | None = None
    timing: Timing | None = None
    correction: Correction | None = None
    start: Expression | dict[str, Expression] | None = None
    state: dict[str, Expression] = Field(default_factory=dict)
    entering: dict[str, Expression] = Field(default_factory=dict)
    transition: dict[str, Expression] = Field(default_factory=dict)


class PersonSection(Section):
    """Something that differs from person to person: drawn, or a column of patients.csv."""

    label: str = ""
    distribution: str | None = None
    arguments: list[Expression] = Field(default_factory=list, max_length=4)
    column: str | None = None
    group: str = ""


class ModelFile(Section):
    """The whole of model.toml."""

    model: Settings
    states: dict[str, StateSection] = Field(min_length=2, max_length=200)
    start: dict[str, Expression]
    strategies: dict[str, StrategySection] = Field(min_length=1, max_length=200)
    variables: dict[str, Expression] = Field(default_factory=dict, max_length=2_000)
    transitions: dict[str, TransitionSection]
    outcomes: dict[str, OutcomeSection] = Field(min_length=1, max_length=500)
    persons: dict[str, PersonSection] = Field(default_factory=dict, max_length=200)
    types: dict[str, dict[str, Expression]] = Field(default_factory=dict, max_length=50)
    analyses: dict[str, dict[str, Any]] = Field(default_factory=dict, max_length=50)


class ParameterOverride(Section):
    """A parameter given anew in a scenario, with its own evidence."""

    value: Number | None = None
    evidence: str | None = None
    conversion: str | None = None
    low: Number | None = None
    high: Number | None = None
    se: Number | None = None
    distribution: str | None = None
    arg1: Number | None = None
    arg2: Number | None = None
    arg3: Number | None = None
    unit: str | None = None
    price_year: Whole | None = None
    status: str | None = None
    source: str | None = None
    note: str | None = None


class ScenarioFile(Section):
    """The whole of a scenario file: overrides only."""

    title: str
    purpose: str = ""
    model: str | None = None
    extends: str | None = None
    strategies: list[str] | None = Field(default=None, min_length=1)
    parameters: dict[str, Any] = Field(default_factory=dict)
    settings: dict[str, Any] = Field(default_factory=dict)
    engine: Engine | None = None
    analyses: dict[str, dict[str, Any]] = Field(default_factory=dict)


def faults_of(
    error: ValidationError, data: Mapping[str, Any], where: Where, schema: type[BaseModel]
) -> dict[tuple[str | int, ...], Problem]:
    """Turn pydantic's errors into problems with file, row and column, one a key path.

    Args:
        error: what pydantic raised.
        data: the content that was validated.
        where: turns a key path into ``file:row:column``.
        schema: the class it was validated against.
    """
    details: dict[tuple[str | int, ...], Any] = {}
    for detail in error.errors():
        # Of the branches of a union the first says what most people mean.
        details.setdefault(_file_path(detail, data), detail)
    return {
        path: _problem(detail, path, where, schema)
        for path, detail in details.items()
        if not _follows(path, detail, details, schema)
    }


def _file_path(detail: Any, data: object) -> tuple[int | str, ...]:
    """Drop the parts of pydantic's location that name union branches rather than keys."""
    path: list[int | str] = []
    *parents, last = detail["loc"]
    for part in parents:
        if _holds(data, part):
            data = data[part]  # type: ignore[index]
            path.append(part)
    if detail["type"] == "missing" or _holds(data, last):
        path.append(last)
    return tuple(path)


def _holds(data: object, part: int | str) -> bool:
    if isinstance(data, Mapping):
        return part in data
    return isinstance(data, list) and isinstance(part, int) and part < len(data)


def _follows(
    path: tuple[str | int, ...],
    detail: Any,
    details: Mapping[tuple[str | int, ...], Any],
    schema: type[BaseModel],
) -> bool:
    """Whether another fault explains this one."""
    if any(len(other) > len(path) and other[: len(path)] == path for other in details):
        return True  # the other branch of a union, in which a key is wrong
    if detail["type"] != "missing":
        return False
    known = _known_keys(schema, path[:-1])
    return any(
        other[:-1] == path[:-1]
        and found["type"] == "extra_forbidden"
        and f"'{path[-1]}'" in names.did_you_mean(str(other[-1]), known)
        for other, found in details.items()
    )


_SHAPES = {
    "string_type": "text in quotes",
    "model_type": "a table, { key = value }",
    "dict_type": "a table, { key = value }",
    "list_type": "a list, [a, b]",
    "bool_type": "true or false, without quotes",
    "int_type": "a whole number, without quotes",
    "float_type": "a number, without quotes",
    "finite_number": "a finite number",
}
"""What pydantic calls by Python's names, in TOML's words."""


def _problem(detail: Any, path: Sequence[int | str], where: Where, schema: Any) -> Problem:
    place = f"{where(path)} ({'.'.join(str(part) for part in path)})"
    if detail["type"] == "missing":
        parent = ".".join(str(part) for part in path[:-1])
        place = f"{where(path[:-1])} ({parent})" if parent else where(())
        return Problem(place, f"the key '{path[-1]}' is missing", "Add it")
    if detail["type"] == "extra_forbidden":
        known = _known_keys(schema, path[:-1])
        key = str(path[-1])
        return Problem(place, f"unknown key {shown(key)}", names.did_you_mean(key, known))
    value = detail["input"]
    if detail["type"] in {"too_short", "too_long"}:
        context = detail["ctx"]
        limit = context.get("min_length", context.get("max_length"))
        side = "at least" if detail["type"] == "too_short" else "at most"
        what = f"there should be {side} {limit} here, not {context['actual_length'] or 'none'}"
        return Problem(place, what, "Add some" if side == "at least" else "Drop some")
    text = str(detail["msg"]).removeprefix("Input should be ").removeprefix("Value error, ")
    text = _SHAPES.get(detail["type"], text)
    is_scalar = isinstance(value, str | int | float | bool)
    given = f", not {shown(value)}" if is_scalar else ""
    return Problem(place, f"this should be {text}{given}", "Correct it")


def _known_keys(schema: type[BaseModel], path: Sequence[int | str]) -> list[str]:
    """The keys allowed at a place of the file, found by walking the annotations."""
    current: Any = schema
    for part in path:
        fields = getattr(current, "model_fields", {})
        annotation = fields[str(part)].annotation if str(part) in fields else current
        current = _section_in(annotation) or current
    return [field.alias or name for name, field in getattr(current, "model_fields", {}).items()]


def _section_in(annotation: Any) -> Any:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    for argument in getattr(annotation, "__args__", ()):
        found = _section_in(argument)
        if found:
            return found
    return None
