"""What may stand in model.toml and in a scenario file.

These classes check shape only: keys, types, ranges. What the values mean together (names,
expressions, rows that sum to one) is checked in ``build``.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from heecon.files.shape import Number, Section, Truth, Whole, is_finite


def _expression_text(value: object) -> object:
    """Finite numbers are accepted where an expression is expected; booleans are not numbers."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError("a number, or an expression in quotes")
    if not is_finite(value):
        raise ValueError("a finite number")
    return repr(value)


MAX_RESIDENCE = 5_000

Expression = Annotated[str, BeforeValidator(_expression_text)]


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
    compounding: Literal["annual", "whole_years", "continuous"] = "annual"


class Settings(Section):
    """The [model] section; a scenario's [settings] overrides single keys of it."""

    title: str
    description: str = ""
    cycle: str
    horizon: str = "lifetime"
    rounding: Literal["up"] | None = None
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
    """One state; ``tunnel`` counts cycles, ``residence`` cycles or gives a length of time."""

    label: str = ""
    absorbing: Truth = False
    tunnel: Whole | None = Field(default=None, ge=1, le=1_000)
    residence: Annotated[Whole, Field(ge=1, le=MAX_RESIDENCE)] | str | None = None


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
    ratio: Expression | None = None


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


class IndividualSection(Section):
    """Something that differs from person to person: drawn, or a column of patients.csv."""

    label: str = ""
    distribution: str | None = None
    arguments: list[Expression] = Field(default_factory=list, max_length=4)
    column: str | None = None
    group: str = ""


class PsaSection(Section):
    """Size of a probabilistic analysis."""

    draws: Whole | None = Field(default=None, ge=1)
    seed: Whole | None = None


class MicrosimSection(Section):
    """Size of a microsimulation."""

    patients: Whole | None = Field(default=None, ge=1)
    seed: Whole | None = None


Keys = Annotated[list[str], Field(min_length=1)]


class PriceSection(Section):
    """The prices whose highest worth paying is asked for."""

    parameters: Keys | None = None


class PriceGridSection(Section):
    """The prices of two drugs that are crossed."""

    first: Keys | None = None
    second: Keys | None = None


class Analyses(Section):
    """What analyses ask unless the command says otherwise."""

    psa: PsaSection = PsaSection()
    microsim: MicrosimSection = MicrosimSection()
    price: PriceSection = PriceSection()
    price_grid: PriceGridSection = PriceGridSection()

    def given(self) -> dict[str, dict[str, Any]]:
        """What is said, by analysis and key."""
        return self.model_dump(exclude_unset=True)


class ModelFile(Section):
    """The whole of model.toml."""

    model: Settings
    states: dict[str, StateSection] = Field(min_length=1, max_length=200)
    start: dict[str, Expression]
    strategies: dict[str, StrategySection] = Field(min_length=1, max_length=200)
    variables: dict[str, Expression] = Field(default_factory=dict, max_length=2_000)
    transitions: dict[str, TransitionSection]
    outcomes: dict[str, OutcomeSection] = Field(min_length=1, max_length=500)
    individuals: dict[str, IndividualSection] = Field(default_factory=dict, max_length=200)
    types: dict[str, dict[str, Expression]] = Field(default_factory=dict, max_length=50)
    analyses: Analyses = Analyses()


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
    analyses: Analyses = Analyses()
