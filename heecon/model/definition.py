"""A checked model: what the engine, the workbook and the reports read, nothing left to check."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from heecon.language import Table, Tree, names
from heecon.model.copula import Copula
from heecon.model.history import History, history_names
from heecon.model.joint import Block
from heecon.model.parameter import Parameter, is_assumption

WEIGHT = "weight"
"""The column of patients.csv that says how many people each of its rows stands for."""


@dataclass(frozen=True)
class Formula:
    """An expression with its text and its place in the file.

    Attributes:
        text: as written.
        tree: checked tree.
        where: file:row:column.
    """

    text: str
    tree: Tree
    where: str


@dataclass(frozen=True)
class State:
    """A health state.

    Attributes:
        name: identifier.
        label: words for tables.
        absorbing: nobody leaves it.
        tunnel: cycles everybody stays who does not leave by an event; None for an ordinary state.
        residence: number of cycles in the state that are told apart, or their length, as written;
            the last one holds everybody who has been there that long or longer.
        slots: how many cycles of residence are told apart; 1 when time there does not matter.
    """

    name: str
    label: str
    absorbing: bool = False
    tunnel: int | None = None
    residence: int | str | None = None
    slots: int = 1


@dataclass(frozen=True)
class Start:
    """Where the cohort is at time 0.

    Attributes:
        shares: share of the cohort by state.
        rest: the state that takes what the shares leave; empty when they must sum to one.
    """

    shares: Mapping[str, Formula]
    rest: str = ""


@dataclass(frozen=True)
class Strategy:
    """A strategy; ``start`` is its own start distribution, or None for the model's."""

    name: str
    label: str
    note: str = ""
    start: Start | None = None


@dataclass(frozen=True)
class Hazard:
    """A hazard by its survival family.

    Attributes:
        family: a key of ``hazards.FAMILIES``, or ``hazards.TABLE``.
        arguments: of the family; the same at all times.
        reset: the clock starts anew on entering the state; else it is the model's time.
        where: file:row:column.
        table: of a step function.
        column: of the table.
        by_age: the table's keys are ages; else years.
        ratio: multiplies the hazard, at all times alike; None for none.
    """

    family: str
    arguments: tuple[Formula, ...]
    reset: bool
    where: str
    table: str = ""
    column: str = ""
    by_age: bool = False
    ratio: Formula | None = None


@dataclass(frozen=True)
class Transitions:
    """Ways out of one state.

    Attributes:
        origin: the state left.
        competing: True for rates a year that compete, False for probabilities a cycle.
        to: destination -> formula. In a tunnel state its own name means entering it afresh.
        hazards: destination -> hazard, for those given by a survival family; ``to`` has their
            averages over a cycle.
        rest: the destination of everybody else; the origin itself when they stay, empty when the
            probabilities must sum to one without them.
    """

    origin: str
    competing: bool
    to: Mapping[str, Formula]
    rest: str
    hazards: Mapping[str, Hazard] = field(default_factory=dict)


@dataclass(frozen=True)
class RateStep:
    """A discount rate a year, from ``start`` years on."""

    start: float
    rate: Formula


@dataclass(frozen=True)
class Correction:
    """Within-cycle correction: how state membership in a cycle is counted.

    Attributes:
        method: "start", "end", "life_table", "half_cycle", "simpson" or "weights".
        table: for "weights", the table with one weight a time point 0..n; else empty.
    """

    method: str
    table: str = ""

    @property
    def pointwise(self) -> bool:
        """True when values are weighted at the time points 0..n instead of the cycles 0..n-1."""
        return self.method in {"half_cycle", "simpson", "weights"}


@dataclass(frozen=True)
class Settings:
    """Everything in [model] once it is understood.

    Attributes:
        cycle: as written, for example "28 days".
        cycle_length: years.
        horizon: as written.
        rounding: "up" when its last cycle may end after it; None when it must end with one.
        cycles: number of cycles, n.
        start_age: years at time 0.
        max_age: the age a lifetime horizon ends at.
        correction: default within-cycle correction of state outcomes.
        discount: rate steps by "cost" and "effect".
        timing: when in the cycle discounting places what happens: "cycle_start", "mid_cycle",
            "cycle_end".
        compounding: "annual", "whole_years" (only completed years count) or "continuous".
        perspective: outcomes of other perspectives are left out.
        thresholds: willingness to pay per QALY.
        comparator: the strategy pairwise results are against.
        question: the strategy asked about and the one it is compared with; analyses of a pair
            take these unless told otherwise. None when the model asks no such question.
    """

    title: str
    description: str
    cycle: str
    cycle_length: float
    horizon: str
    cycles: int
    start_age: Formula
    max_age: float
    correction: Correction
    discount: Mapping[str, tuple[RateStep, ...]]
    timing: str
    perspective: str
    currency: str
    price_year: int | None
    thresholds: tuple[float, ...]
    comparator: str | None
    question: tuple[str, str] | None = None
    rounding: str | None = None
    compounding: str = "annual"


@dataclass(frozen=True)
class Outcome:
    """One outcome, by kind and category.

    Attributes:
        kind: "cost", "qaly", "life_year" or "count"; costs use the cost discount rate, all others
            the effect rate.
        per_year: state values are annual and are multiplied by the cycle length.
        timing: None for the model's timing; else when in the cycle the outcome falls.
        correction: how state membership is counted.
        one_off_correction: weights of one-off values; None for most, which are never corrected.
        follows_model: its correction and timing are the model's; the file says neither.
        start: value for people who start in a state, once.
        state: value for each cycle in a state.
        entering: value for each entry into a state.
        transition: value for each move between two states.
    """

    name: str
    label: str
    kind: str
    category: str
    perspectives: tuple[str, ...]
    per_year: bool
    timing: str | None
    correction: Correction
    one_off_correction: Correction | None
    follows_model: bool = True
    start: Mapping[str, Formula] = field(default_factory=dict)
    state: Mapping[str, Formula] = field(default_factory=dict)
    entering: Mapping[str, Formula] = field(default_factory=dict)
    transition: Mapping[tuple[str, str], Formula] = field(default_factory=dict)

    def formulas(self) -> list[Formula]:
        """Every formula of the outcome."""
        groups = (self.start, self.state, self.entering, self.transition)
        return [formula for group in groups for formula in group.values()]


@dataclass(frozen=True)
class Attribute:
    """Something that differs from person to person.

    Attributes:
        distribution: a key of ``INDIVIDUAL_FAMILIES``; empty when it is read from a column.
        arguments: of the distribution.
        column: column of patients.csv; None when it is drawn.
        group: attributes of a group have rank correlations, those of joint/<group>.csv.
    """

    name: str
    label: str
    distribution: str = ""
    arguments: tuple[Formula, ...] = ()
    column: str | None = None
    group: str = ""


@dataclass(frozen=True)
class EventTypes:
    """The types an entry into a state may have.

    Attributes:
        state: the state.
        shares: type -> its share, or None for the one that takes the rest.
    """

    state: str
    shares: Mapping[str, Formula | None]


@dataclass(frozen=True)
class ScenarioInfo:
    """What was asked of the model: title, purpose, engine and the analyses' sizes.

    In a checked model the engine is that of the scenario, or else of the model file.

    Attributes:
        extends: name of the scenario it changes; empty if it changes the model itself.
    """

    name: str
    title: str
    purpose: str = ""
    engine: str = ""
    extends: str = ""
    analyses: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


@dataclass(frozen=True)
class SourceFile:
    """An input file as it was read."""

    name: str
    sha256: str


@dataclass(frozen=True, repr=False)
class Model:
    """A complete, checked model: what ``load`` and ``build_model`` return.

    Attributes:
        name: the model folder's name.
        variables: in dependency order: each uses only those before it.
        parameters: every row; ``values`` picks the ones a strategy uses.
        tables: look-up tables by name.
        blocks: joint distributions by correlation group.
        copulas: rank correlations by correlation group.
        attributes: what differs from person to person, by name.
        types: types of the entries into a state, by state.
        individual_copulas: rank correlations of attributes by group.
        patients: the columns of patients.csv.
        warnings: complaints that do not stop a run.
        files: hashes of the input files.
    """

    name: str
    settings: Settings
    states: Mapping[str, State]
    start: Start
    strategies: Mapping[str, Strategy]
    variables: Mapping[str, Formula]
    transitions: Mapping[str, Transitions]
    outcomes: Mapping[str, Outcome]
    parameters: tuple[Parameter, ...]
    tables: Mapping[str, Table]
    blocks: Mapping[str, Block]
    scenario: ScenarioInfo
    copulas: Mapping[str, Copula] = field(default_factory=dict)
    attributes: Mapping[str, Attribute] = field(default_factory=dict)
    types: Mapping[str, EventTypes] = field(default_factory=dict)
    individual_copulas: Mapping[str, Copula] = field(default_factory=dict)
    patients: Mapping[str, NDArray[np.float64]] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    files: tuple[SourceFile, ...] = ()

    def __repr__(self) -> str:
        return (
            f"Model {self.name}/{self.scenario.name}: {len(self.strategies)} strategies, "
            f"{len(self.states)} states, {self.settings.cycles} cycles of {self.settings.cycle}, "
            f"{len(self.inputs)} inputs ({len(self.assumptions)} assumptions)"
        )

    def values(self, strategy: str | None) -> dict[str, float]:
        """Base values by parameter name, as one strategy sees them (None: the shared rows only)."""
        return {name: row.value for name, row in self.rows(strategy).items()}

    def rows(self, strategy: str | None) -> dict[str, Parameter]:
        """Parameter rows by name: a strategy's own row goes before the shared one."""
        shared = {row.name: row for row in self.parameters if row.strategy is None}
        own = {row.name: row for row in self.parameters if row.strategy == strategy}
        return shared | own

    @cached_property
    def weights(self) -> NDArray[np.float64] | None:
        """How many people each row of patients.csv stands for, if it says so.

        A column ``weight`` that an attribute reads is what people weigh.
        """
        read = {attribute.column for attribute in self.attributes.values()}
        return None if WEIGHT in read else self.patients.get(WEIGHT)

    @cached_property
    def history(self) -> dict[str, History]:
        """The names that say what has happened to a person."""
        return history_names(self.states, {s: list(t.shares) for s, t in self.types.items()})

    @cached_property
    def personal(self) -> frozenset[str]:
        """The names whose value differs by person: attributes, history, and what uses them."""
        found = {*self.attributes, *self.history}
        for name, formula in self.variables.items():
            if names(formula.tree) & found:
                found.add(name)
        return frozenset(found)

    def is_individual(self, formula: Formula) -> bool:
        """Whether the value of a formula differs from person to person."""
        return bool(names(formula.tree) & self.personal)

    @cached_property
    def inputs(self) -> tuple[Parameter, ...]:
        """The parameters that are evidence or stand for it; switches and definitions are not."""
        return tuple(
            row for row in self.parameters if "switch" not in row.tags or is_assumption(row)
        )

    @cached_property
    def assumptions(self) -> tuple[Parameter, ...]:
        """The parameters nobody published."""
        return tuple(row for row in self.parameters if is_assumption(row))
