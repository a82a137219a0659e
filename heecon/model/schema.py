"""What may stand in model.toml and in a scenario file.

These classes check shape only: keys, types, ranges. What the values mean together (names,
expressions, rows that sum to one) is checked in ``build``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from heecon.errors import Problem
from heecon.model import names


def _expression_text(value: object) -> object:
    """Numbers are accepted where an expression is expected; booleans are not numbers."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return value
    return repr(value)


Where = Callable[[Sequence[str | int]], str]
"""Turns a key path of a file into its ``file:row:column``."""

Expression = Annotated[str, BeforeValidator(_expression_text)]
Number = Annotated[float, Field(strict=True, allow_inf_nan=False)]


class Section(BaseModel):
    """Base of every section: unknown keys are errors, values are never changed in silence."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class Weights(Section):
    """A within-cycle correction given as weights at the time points 0, 1, ..., n of a table."""

    weights: str


CorrectionName = Literal["none", "start", "end", "life_table", "half_cycle", "simpson"]
Correction = CorrectionName | Weights
Timing = Literal["cycle_start", "mid_cycle", "cycle_end"]


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
    correction: Correction = "life_table"
    discounting: Discounting
    perspective: str = "payer"
    currency: str = ""
    price_year: int | None = Field(default=None, ge=1900, le=2200)
    thresholds: list[Annotated[float, Field(gt=0, allow_inf_nan=False)]] = Field(
        default_factory=list, max_length=20
    )
    comparator: str | None = None


class StateSection(Section):
    """One state; ``tunnel`` and ``residence`` count cycles."""

    label: str = ""
    absorbing: bool = False
    tunnel: int | None = Field(default=None, ge=1, le=1_000)
    residence: int | None = Field(default=None, ge=2, le=5_000)


class StrategySection(Section):
    """One strategy; ``start`` replaces the model's start distribution for it."""

    label: str = ""
    note: str = ""
    start: dict[str, Expression] | None = None


class TransitionSection(Section):
    """Ways out of one state: competing rates a year, or probabilities a cycle."""

    rates: dict[str, Expression] | None = None
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


class ModelFile(Section):
    """The whole of model.toml."""

    model: Settings
    states: dict[str, StateSection] = Field(min_length=2, max_length=200)
    start: dict[str, Expression]
    strategies: dict[str, StrategySection] = Field(min_length=1, max_length=200)
    variables: dict[str, Expression] = Field(default_factory=dict, max_length=2_000)
    transitions: dict[str, TransitionSection]
    outcomes: dict[str, OutcomeSection] = Field(min_length=1, max_length=500)


class ParameterOverride(Section):
    """A parameter given anew in a scenario, with its own evidence."""

    value: Number
    low: Number | None = None
    high: Number | None = None
    se: Number | None = None
    distribution: str | None = None
    arg1: Number | None = None
    arg2: Number | None = None
    arg3: Number | None = None
    unit: str | None = None
    price_year: int | None = None
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
    engine: Literal["cohort"] = "cohort"
    analyses: dict[str, dict[str, Any]] = Field(default_factory=dict)


def problems_of(
    error: ValidationError, data: Mapping[str, Any], where: Where, schema: type[BaseModel]
) -> list[Problem]:
    """Turn pydantic's errors into problems with file, row and column, once each.

    Args:
        error: what pydantic raised.
        data: the content that was validated.
        where: turns a key path into ``file:row:column``.
        schema: the class it was validated against.
    """
    found: dict[str, Problem] = {}
    for detail in error.errors():
        path = _file_path(detail["loc"], data)
        problem = _problem(detail, path, where, schema)
        # Of the branches of a union the first says what most people mean.
        found.setdefault(problem.where, problem)
    return list(found.values())


def _file_path(location: tuple[int | str, ...], data: object) -> list[int | str]:
    """Drop the parts of pydantic's location that name union branches rather than keys."""
    path: list[int | str] = []
    for index, part in enumerate(location):
        inside = isinstance(data, Mapping) and part in data
        if inside or (isinstance(data, list) and isinstance(part, int)):
            data = data[part]  # type: ignore[index]
            path.append(part)
        elif isinstance(data, Mapping) and index == len(location) - 1:
            path.append(part)
    return path


def _problem(detail: Any, path: list[int | str], where: Where, schema: type[BaseModel]) -> Problem:
    place = f"{where(path)} ({'.'.join(str(part) for part in path)})"
    if detail["type"] == "missing":
        parent = ".".join(str(part) for part in path[:-1])
        place = f"{where(path[:-1])} ({parent})" if parent else where(())
        return Problem(place, f"the key '{path[-1]}' is missing", "Add it")
    if detail["type"] == "extra_forbidden":
        known = _known_keys(schema, path[:-1])
        return Problem(place, f"unknown key '{path[-1]}'", names.did_you_mean(str(path[-1]), known))
    value = detail.get("input")
    shown = f", not {value!r}" if isinstance(value, str | int | float | bool) else ""
    text = str(detail["msg"]).removeprefix("Input should be ").removeprefix("Value error, ")
    return Problem(place, f"this should be {text}{shown}")


def _known_keys(schema: type[BaseModel], path: list[int | str]) -> list[str]:
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
