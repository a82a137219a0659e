"""Put a checked ``Model`` together from its parts, reporting every problem at once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from heecon.errors import InputError, Problem
from heecon.language import Table, evaluate
from heecon.language import names as names_in
from heecon.model import names
from heecon.model.copula import read_copulas
from heecon.model.definition import (
    Formula,
    Model,
    ScenarioInfo,
    Start,
    State,
    Strategy,
    Transitions,
)
from heecon.model.formulas import FormulaReader
from heecon.model.joint import JOINT_FAMILIES, Block
from heecon.model.outcomes import read_outcomes
from heecon.model.parameter import Parameter, duplicates, warnings_of
from heecon.model.schema import ModelFile, TransitionSection, Where
from heecon.model.settings import read_settings

MAX_SLOTS = 20_000
REST = "rest"


@dataclass(frozen=True)
class Parts:
    """Everything a model is made of, read but not yet checked together.

    Attributes:
        name: the model's name.
        file: model.toml, already of the right shape.
        where: turns a key path of the file into ``file:row:column``.
        parameters: every row.
        tables: look-up tables.
        joints: matrices of the joint distributions: group -> (parameter names, matrix).
        scenario: what the scenario says of itself.
        strategies: the strategies to keep, in this order; None for all.
        problems: what was found wrong while reading, to be reported with all the rest.
    """

    name: str
    file: ModelFile
    where: Where
    parameters: tuple[Parameter, ...]
    tables: Mapping[str, Table] = field(default_factory=dict)
    joints: Mapping[str, tuple[tuple[str, ...], np.ndarray]] = field(default_factory=dict)
    scenario: ScenarioInfo = field(default_factory=lambda: ScenarioInfo("", ""))
    strategies: tuple[str, ...] | None = None
    problems: tuple[Problem, ...] = ()


def build(parts: Parts) -> Model:
    """Check the parts together and return the model.

    Raises:
        InputError: with every problem found.
    """
    file = parts.file
    kept = list(parts.strategies or file.strategies)
    own = {p.name for p in parts.parameters if p.strategy is not None}
    shared = {p.name: p.value for p in parts.parameters if p.name not in own}
    known = {p.name for p in parts.parameters} | file.variables.keys() | names.BUILT_INS.keys()
    reader = FormulaReader(known, parts.tables, parts.where)
    reader.problems += parts.problems
    _check_names(parts, reader)
    _check_strategies(parts, kept, reader)
    variables = reader.read_variables(file.variables)
    settings = read_settings(file.model, reader, shared, variables)
    states = _read_states(file, reader)
    cycles = settings.cycles if settings else 1
    transitions = _read_transitions(file, states, reader)
    start = _read_start(file.start, ("start",), states, reader)
    strategies = _read_strategies(file, kept, states, reader)
    outcomes = read_outcomes(file.outcomes, states, transitions, settings, reader)
    blocks = _read_blocks(parts, reader)
    copulas, problems, repairs = read_copulas(parts.parameters, parts.joints)
    reader.problems += problems
    _check_size(states, cycles, reader)
    if settings is None or reader.problems:
        raise InputError(reader.problems)
    model = Model(
        name=parts.name,
        settings=settings,
        states=states,
        start=start,
        strategies=strategies,
        variables=variables,
        transitions=transitions,
        outcomes=outcomes,
        parameters=tuple(p for p in parts.parameters if p.strategy in (None, *kept)),
        tables=parts.tables,
        blocks=blocks,
        copulas=copulas,
        scenario=parts.scenario,
    )
    problems = _missing_values(model)
    if problems:
        raise InputError(problems)
    warnings = (*warnings_of(model.parameters), *repairs, *_unused(model))
    return replace(model, warnings=warnings)


def used_names(model: Model) -> frozenset[str]:
    """Every name some expression of the model reads."""
    return frozenset().union(*(names_in(formula.tree) for formula in all_formulas(model)))


def all_formulas(model: Model) -> Iterable[Formula]:
    """Every formula of a model."""
    yield model.settings.start_age
    for steps in model.settings.discount.values():
        yield from (step.rate for step in steps)
    yield from model.variables.values()
    for start in (model.start, *(strategy.start for strategy in model.strategies.values())):
        yield from start.shares.values() if start else ()
    for transitions in model.transitions.values():
        yield from transitions.to.values()
    for outcome in model.outcomes.values():
        yield from outcome.formulas()


# --- names and strategies ------------------------------------------------------------------------


def _check_names(parts: Parts, reader: FormulaReader) -> None:
    file = parts.file
    taken: dict[str, str] = {p.name: "parameter" for p in parts.parameters}
    taken |= dict.fromkeys(parts.tables, "table")
    for name in file.variables:
        _check_name(name, ("variables", name), reader)
        other = names.clash(name, taken)
        if other:
            what = f"variable '{name}' has the name of the {taken[other]} '{other}'"
            reader.complain(("variables", name), what, "Rename one of them")
        taken[name] = "variable"
    for section in ("states", "strategies", "outcomes"):
        seen: list[str] = []
        for name in getattr(file, section):
            _check_name(name, (section, name), reader)
            if section == "outcomes" and name.startswith("total_"):
                what = f"'{name}' is reserved: summary.csv calls the sums of outcomes so"
                reader.complain((section, name), what, "Choose another name")
            other = names.clash(name, seen)
            if other:
                what = f"'{name}' and '{other}' differ only by case, which spreadsheets ignore"
                reader.complain((section, name), what, "Rename one of them")
            seen.append(name)


def _check_name(name: str, path: Sequence[str], reader: FormulaReader) -> None:
    complaint = names.complaint(name)
    if complaint:
        reader.complain(path, complaint, "Choose another name")


def _check_strategies(parts: Parts, kept: Sequence[str], reader: FormulaReader) -> None:
    known = parts.file.strategies
    for name in kept:
        if name not in known:
            remedy = names.did_you_mean(name, known)
            reader.complain(("strategies",), f"unknown strategy '{name}' in the scenario", remedy)
    if len(set(kept)) < len(kept):
        reader.complain(("strategies",), f"a strategy stands twice in {list(kept)}")
    for parameter in parts.parameters:
        if parameter.strategy is not None and parameter.strategy not in known:
            remedy = names.did_you_mean(parameter.strategy, known)
            what = (
                f"parameter '{parameter.name}' is for the unknown strategy '{parameter.strategy}'"
            )
            reader.problems.append(Problem(parameter.where, what, remedy))
    comparator = parts.file.model.comparator
    if comparator is not None and comparator not in kept:
        remedy = names.did_you_mean(comparator, kept)
        reader.complain(("model", "comparator"), f"unknown comparator '{comparator}'", remedy)
    reader.problems += duplicates(parts.parameters)


def _read_strategies(
    file: ModelFile, kept: Iterable[str], states: Mapping[str, State], reader: FormulaReader
) -> dict[str, Strategy]:
    strategies = {}
    for name in kept:
        section = file.strategies.get(name)
        if section is not None:
            path = ("strategies", name, "start")
            start = None
            if section.start is not None:
                start = _read_start(section.start, path, states, reader)
            strategies[name] = Strategy(name, section.label or name, section.note, start)
    return strategies


# --- states, start and transitions ---------------------------------------------------------------


def _read_states(file: ModelFile, reader: FormulaReader) -> dict[str, State]:
    states = {}
    for name, section in file.states.items():
        path = ("states", name)
        if section.absorbing and (section.tunnel or section.residence):
            reader.complain(
                path, f"state '{name}' is absorbing and counts time", "Drop one of the two"
            )
        if section.tunnel and section.residence:
            what = f"state '{name}' has both tunnel and residence"
            reader.complain(path, what, "A tunnel already tells its cycles apart: drop residence")
        states[name] = State(
            name, section.label or name, section.absorbing, section.tunnel, section.residence
        )
    return states


def _read_start(
    texts: Mapping[str, str],
    path: Sequence[str],
    states: Mapping[str, State],
    reader: FormulaReader,
) -> Start:
    shares: dict[str, Formula] = {}
    because = "The start is before the first cycle: use parameters and variables without time"
    rests = [name for name, text in texts.items() if text.strip() == REST]
    if len(rests) > 1:
        reader.complain(path, f"'rest' stands at {rests}", "Only one state can take the rest")
    for name, text in texts.items():
        if name not in states:
            reader.complain(
                (*path, name), f"unknown state '{name}'", names.did_you_mean(name, states)
            )
        elif name not in rests:
            formula = reader.read(text, (*path, name), without=reader.cycle_names, because=because)
            if formula is not None:
                shares[name] = formula
    return Start(shares, rests[0] if rests else "")


def _read_transitions(
    file: ModelFile, states: Mapping[str, State], reader: FormulaReader
) -> dict[str, Transitions]:
    found = {}
    for name, section in file.transitions.items():
        path = ("transitions", name)
        if name not in states:
            reader.complain(path, f"unknown state '{name}'", names.did_you_mean(name, states))
        elif states[name].absorbing:
            what = f"state '{name}' is absorbing but has transitions"
            reader.complain(path, what, "Drop the transitions or 'absorbing = true'")
        elif (section.rates is None) == (section.probabilities is None):
            what = f"state '{name}' needs either rates or probabilities"
            reader.complain(path, what, "Give exactly one of the two")
        else:
            transitions = _read_row(name, section, states, reader)
            if transitions is not None:
                found[name] = transitions
    for name, state in states.items():
        if not state.absorbing and name not in file.transitions:
            what = f"there is no way out of state '{name}' and it is not absorbing"
            reader.complain(
                ("states", name), what, f"Add [transitions.{name}] or 'absorbing = true'"
            )
    return found


def _read_row(
    origin: str, section: TransitionSection, states: Mapping[str, State], reader: FormulaReader
) -> Transitions | None:
    competing = section.rates is not None
    form = "rates" if competing else "probabilities"
    texts = section.rates if section.rates is not None else section.probabilities or {}
    path = ("transitions", origin, form)
    tunnel = states[origin].tunnel is not None
    rests = [to for to, text in texts.items() if text.strip() == REST]
    to: dict[str, Formula] = {}
    for destination, text in texts.items():
        place = (*path, destination)
        if destination not in states:
            remedy = names.did_you_mean(destination, states)
            reader.complain(place, f"unknown state '{destination}'", remedy)
        elif destination == origin and competing and not tunnel and text.strip() != REST:
            what = f"a rate from '{origin}' to itself has no meaning"
            reader.complain(place, what, "Delete it: whoever has no event stays")
        elif destination not in rests:
            formula = reader.read_in_state(text, place, origin, states[origin].slots)
            if formula is not None:
                to[destination] = formula
    if len(rests) > 1:
        reader.complain(path, f"'rest' stands at {rests}", "Only one destination can take the rest")
    if tunnel and (not rests or rests[0] == origin):
        what = f"the tunnel state '{origin}' does not say where people go at its end"
        reader.complain(path, what, 'Give one destination the value "rest"')
        return None
    if not rests and not competing and not tunnel:
        return Transitions(origin, competing, to, "")
    return Transitions(origin, competing, to, rests[0] if rests else origin)


def _check_size(states: Mapping[str, State], cycles: int, reader: FormulaReader) -> None:
    slots = sum(state.slots for state in states.values())
    if slots > MAX_SLOTS or slots * cycles > 100_000_000:
        what = f"{slots:,} cycles of residence over {cycles:,} cycles are too many to keep"
        reader.complain(("states",), what, "Lower residence or tunnel, or lengthen the cycle")


# --- joint distributions, missing and unused values ----------------------------------------------


def _read_blocks(parts: Parts, reader: FormulaReader) -> dict[str, Block]:
    members: dict[str, list[Parameter]] = {}
    for parameter in parts.parameters:
        if parameter.joint_family:
            members.setdefault(parameter.correlation_group, []).append(parameter)
    blocks = {}
    for group, rows in members.items():
        block = _read_block(group, rows, parts, reader)
        if block is not None:
            blocks[group] = block
    return blocks


def _read_block(
    group: str, rows: Sequence[Parameter], parts: Parts, reader: FormulaReader
) -> Block | None:
    family = rows[0].joint_family
    keys = tuple(row.key for row in rows)
    values = np.array([row.value for row in rows])
    matrix = np.empty((0, len(rows)))
    place = rows[0].where
    if any(row.joint_family != family for row in rows):
        what = f"the group '{group}' mixes distributions"
        reader.problems.append(Problem(place, what, "Give all its rows the same one"))
        return None
    if JOINT_FAMILIES[family].matrix:
        if group not in parts.joints:
            what = f"'{family}' needs the file joint/{group}.csv"
            reader.problems.append(Problem(place, what, "Add it, with a header of parameter names"))
            return None
        header, matrix = parts.joints[group]
        if sorted(header) != sorted(keys):
            what = f"joint/{group}.csv has the columns {list(header)}, the group has {list(keys)}"
            reader.problems.append(Problem(place, what, "Make them the same names"))
            return None
        order = [header.index(key) for key in keys]
        matrix = matrix[:, order]
        if JOINT_FAMILIES[family].matrix == "covariance":
            if matrix.shape[0] != matrix.shape[1]:
                what = f"joint/{group}.csv has {matrix.shape[0]} rows for {len(keys)} parameters"
                reader.problems.append(Problem(place, what, "A covariance matrix is square"))
                return None
            matrix = matrix[order, :]
    counts = np.array([row.joint_count or 0.0 for row in rows])
    block = Block(group, family, keys, values, matrix, counts)
    complaint = JOINT_FAMILIES[family].check(block)
    if complaint:
        reader.problems.append(Problem(place, f"group '{group}': {complaint}"))
        return None
    return block


def _missing_values(model: Model) -> list[Problem]:
    """Names that some strategy reads but has no value for."""
    problems = []
    for formula in all_formulas(model):
        for name in sorted(names_in(formula.tree)):
            if name in names.BUILT_INS or name in model.variables:
                continue
            lacking = [s for s in model.strategies if name not in model.rows(s)]
            if lacking:
                what = f"parameter '{name}' has no value for {', '.join(lacking)}"
                remedy = "Add a row for each of them, or one row without a strategy"
                problems.append(Problem(formula.where, what, remedy))
    return list(dict.fromkeys(problems))


def _unused(model: Model) -> list[str]:
    used = used_names(model)
    return [
        f"{parameter.where}: parameter '{parameter.key}' is used by no expression."
        for parameter in model.parameters
        if parameter.name not in used
    ]


def base_number(formula: Formula, model: Model) -> float:
    """Base value of a formula of shared parameters, such as a discount rate or the start age."""
    return float(evaluate(formula.tree, model.values(None), model.tables))
