"""Put a checked ``Model`` together from its parts, reporting every problem at once."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from heecon.errors import Diagnostics
from heecon.files import names
from heecon.files.shape import Where
from heecon.language import Table, evaluate, table_columns
from heecon.language import names as names_in
from heecon.model.blocks import Joints, read_blocks
from heecon.model.bounds import check_bounds, warn_of_draws
from heecon.model.copula import rank_correlated, read_copulas
from heecon.model.cycle_change import check_cycle_change
from heecon.model.definition import (
    WEIGHT,
    Formula,
    Model,
    ScenarioInfo,
    Settings,
    State,
    Strategy,
)
from heecon.model.formulas import FormulaReader, Path
from heecon.model.history import history_names
from heecon.model.individuals import Columns, clashes, read_people
from heecon.model.outcomes import read_outcomes
from heecon.model.parameter import Parameter, warn_of, warn_of_ranges
from heecon.model.residence import warn_of_short_residence
from heecon.model.schema import ModelFile
from heecon.model.settings import read_settings
from heecon.model.structure import check_size, read_start, read_states, read_transitions

HIGH_RATE = 0.25
"""No agency asks for a higher discount rate a year."""


@dataclass(frozen=True)
class Parts:
    """Everything a model is made of, read but not yet checked together.

    Attributes:
        name: the model's name.
        file: model.toml, already of the right shape.
        where: turns a key path of the file into ``file:row:column``.
        parameters: every row, no two with one name and strategy.
        tables: look-up tables.
        joints: matrices of the joint distributions: group -> (parameter names, matrix).
        patients: the columns of patients.csv, if there is one.
        scenario: what the scenario says of itself.
        strategies: the strategies to keep, in this order, all of them in the file; None for all.
        doubtful: key paths of the file that had a wrong shape and hold something harmless now.
        rows_are_sound: False when a row of the parameters has a problem.
        replaced: what the model has for the keys of [model] that a scenario replaces.
    """

    name: str
    file: ModelFile
    where: Where
    parameters: tuple[Parameter, ...]
    tables: Mapping[str, Table] = field(default_factory=dict)
    joints: Joints = field(default_factory=dict)
    patients: Columns | None = None
    scenario: ScenarioInfo = field(default_factory=lambda: ScenarioInfo("", ""))
    strategies: tuple[str, ...] | None = None
    doubtful: tuple[Path, ...] = ()
    rows_are_sound: bool = True
    replaced: Mapping[str, str] = field(default_factory=dict)


def check_model(parts: Parts, diagnostics: Diagnostics) -> Model:
    """Check the parts together and return the model.

    Args:
        parts: what was read.
        diagnostics: what was found while reading, to be reported with all the rest.

    Raises:
        InputError: with every error found.
    """
    file = parts.file
    kept = list(parts.strategies or file.strategies)
    single = {p.name for p in parts.parameters if p.strategy is not None}
    shared = {p.name: p.value for p in parts.parameters if p.name not in single}
    known = {p.name for p in parts.parameters} | file.variables.keys() | names.BUILT_INS.keys()
    past = frozenset(history_names(file.states, file.types))
    known |= past | file.individuals.keys()
    own = frozenset(file.individuals)
    reader = FormulaReader(
        known,
        parts.tables,
        parts.where,
        diagnostics,
        parts.doubtful,
        past,
        own,
        file.model.start_age,
    )
    warn_of(parts.parameters, diagnostics)
    check_bounds(parts.parameters, diagnostics)
    _check_names(parts, past, reader)
    _check_strategies(parts, kept, reader)
    variables = reader.read_variables(file.variables)
    settings = _of_strategies(read_settings(file.model, reader, shared, variables), kept)
    states = read_states(file.states, file.transitions, settings, reader)
    check_size(states, settings.cycles, reader)
    transitions = read_transitions(file.transitions, states, reader)
    start = read_start(file.start, ("start",), states, reader)
    strategies = _read_strategies(file, kept, states, reader)
    outcomes = read_outcomes(file.outcomes, states, transitions, settings, reader)
    people = read_people(file.individuals, file.types, states, parts.patients, parts.joints, reader)
    model = Model(
        name=parts.name,
        settings=settings,
        states=states,
        start=start,
        strategies=strategies,
        variables=variables,
        transitions=transitions,
        outcomes=outcomes,
        parameters=parts.parameters,
        tables=parts.tables,
        blocks={},
        scenario=_with_defaults(parts.scenario, file),
        attributes=people.attributes,
        types=people.types,
        individual_copulas=people.copulas,
        patients=parts.patients or {},
    )
    check_cycle_change(model, parts.replaced, reader)
    if parts.rows_are_sound:  # else the value may stand in a row with a bad name
        _check_values(model, file.strategies, diagnostics)
    return _finished(model, parts, reader)


def _of_strategies(settings: Settings, kept: Sequence[str]) -> Settings:
    """A question about strategies that a scenario leaves out is not asked there."""
    if settings.question is None or set(settings.question) <= set(kept):
        return settings
    comparator = settings.comparator if settings.comparator in kept else None
    return replace(settings, question=None, comparator=comparator)


def _with_defaults(scenario: ScenarioInfo, file: ModelFile) -> ScenarioInfo:
    """The scenario with the model file's engine and analyses where it says nothing of its own."""
    own, asked = file.analyses.given(), scenario.analyses
    analyses = {name: {**own.get(name, {}), **asked.get(name, {})} for name in {**own, **asked}}
    return replace(scenario, engine=scenario.engine or file.model.engine, analyses=analyses)


def _finished(model: Model, parts: Parts, reader: FormulaReader) -> Model:
    """The model with what varies together and its warnings, if nothing was wrong."""
    diagnostics = reader.diagnostics
    blocks, copulas = {}, {}
    if parts.rows_are_sound:  # else a group would seem to lack the members with a bad row
        own = {attribute.group for attribute in model.attributes.values()}
        joints = {name: joint for name, joint in parts.joints.items() if name not in own}
        blocks = read_blocks(model.parameters, joints, diagnostics)
        keys = [row.key for row in model.parameters]
        members = rank_correlated(model.parameters)
        joint = {row.correlation_group for row in model.parameters if row.joint_family}
        copulas = read_copulas(members, joints, keys, diagnostics, joint)
    diagnostics.raise_if_any()
    used = tuple(p for p in model.parameters if p.strategy in (None, *model.strategies))
    model = replace(model, parameters=used, blocks=blocks, copulas=copulas)
    warn_of_draws(used, blocks, diagnostics)
    _warn_of_left_out(model, diagnostics)
    warn_of_short_residence(model, diagnostics)
    _warn_of_discounting(model, diagnostics)
    warn_of_ranges(model.parameters, diagnostics)
    _warn_of_unused(model, reader)
    return replace(model, warnings=tuple(map(str, diagnostics.warnings)))


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
    for attribute in model.attributes.values():
        yield from attribute.arguments
    for types in model.types.values():
        yield from (share for share in types.shares.values() if share is not None)


# --- names and strategies ------------------------------------------------------------------------


def _check_names(parts: Parts, past: Collection[str], reader: FormulaReader) -> None:
    file = parts.file
    taken: dict[str, str] = {p.name: "parameter" for p in parts.parameters}
    for name in parts.tables:
        other = names.clash(name, taken)
        if other:
            what = f"table '{name}' has the name of the {taken[other]} '{other}'"
            reader.diagnostics.error(f"tables/{name}", what, "Rename one of them")
        taken[name] = "table"
    for name in file.variables:
        _check_name(name, ("variables", name), reader)
        other = names.clash(name, taken)
        if other:
            what = f"variable '{name}' has the name of the {taken[other]} '{other}'"
            reader.error(("variables", name), what, "Rename one of them")
        taken[name] = "variable"
    _check_personal_names(file, past, taken, reader)
    sections: dict[str, Iterable[str]] = {
        "states": file.states,
        "strategies": file.strategies,
        "outcomes": file.outcomes,
    }
    for section, named in sections.items():
        seen: list[str] = []
        for name in named:
            _check_name(name, (section, name), reader)
            if section == "outcomes" and name.startswith("total_"):
                what = f"'{name}' is reserved: summary.csv calls the sums of outcomes so"
                reader.error((section, name), what, "Choose another name")
            other = names.clash(name, seen)
            if other:
                what = f"'{name}' and '{other}' differ only by case, which spreadsheets ignore"
                reader.error((section, name), what, "Rename one of them")
            seen.append(name)


def _check_personal_names(
    file: ModelFile, past: Collection[str], taken: Mapping[str, str], reader: FormulaReader
) -> None:
    for name in file.individuals:
        _check_name(name, ("individuals", name), reader)
    for state, types in file.types.items():
        for name in types:
            _check_name(name, ("types", state, name), reader)
    for name, other in clashes(file.individuals, taken):
        reader.error(("individuals", name), f"'{name}' has the name of {other}", "Rename one")
    taken = {**taken, **dict.fromkeys(file.individuals, "attribute")}
    for name, other in clashes(past, taken):
        what = f"'{name}' is a name heecon gives to a person's past, and that of {other}"
        reader.error((), what, "Rename yours")


def _check_name(name: str, path: Path, reader: FormulaReader) -> None:
    complaint = names.complaint(name)
    if complaint:
        reader.error(path, complaint, "Choose another name")


def _check_strategies(parts: Parts, kept: Sequence[str], reader: FormulaReader) -> None:
    known = parts.file.strategies
    for parameter in parts.parameters:
        if parameter.strategy is not None and parameter.strategy not in known:
            hint = names.did_you_mean(parameter.strategy, known)
            what = (
                f"parameter '{parameter.name}' is for the unknown strategy '{parameter.strategy}'"
            )
            reader.diagnostics.error(parameter.place, what, hint)
    question = parts.file.model.question or []
    for index, name in enumerate(question):
        if name not in known:
            place = ("model", "question", index)
            what = f"the question is about the unknown strategy '{name}'"
            reader.error(place, what, names.did_you_mean(name, known))
    if question and question[0] == (parts.file.model.comparator or question[1]):
        what = f"the question compares '{question[0]}' with itself"
        reader.error(("model", "question"), what, "Name two strategies")
    comparator, path = parts.file.model.comparator, ("model", "comparator")
    if comparator is None or comparator in kept:
        return
    if comparator in known:
        what = f"the comparator '{comparator}' is not among the strategies of the scenario"
        reader.error(path, what, "Keep it, or set another comparator in the scenario's settings")
    else:
        hint = names.did_you_mean(comparator, known)
        reader.error(path, f"unknown comparator '{comparator}'", hint)


def _read_strategies(
    file: ModelFile, kept: Iterable[str], states: Mapping[str, State], reader: FormulaReader
) -> dict[str, Strategy]:
    strategies = {}
    for name in kept:
        section = file.strategies[name]
        start = None
        if section.start is not None:
            start = read_start(section.start, ("strategies", name, "start"), states, reader)
        strategies[name] = Strategy(name, section.label or name, section.note, start)
    return strategies


# --- missing and unused values -------------------------------------------------------------------


def _check_values(model: Model, strategies: Collection[str], diagnostics: Diagnostics) -> None:
    """Refuse names that some strategy reads but has no value for.

    Args:
        model: the model.
        strategies: all that model.toml has. A row for another one is meant for one of them, and
            has been complained about already.
        diagnostics: takes them.
    """
    misplaced = {row.name for row in model.parameters if row.strategy not in (None, *strategies)}
    ignored = misplaced | names.BUILT_INS.keys() | model.variables.keys() | model.personal
    rows = {strategy: model.rows(strategy) for strategy in model.strategies}
    for formula in all_formulas(model):
        for name in sorted(names_in(formula.tree) - ignored):
            lacking = [strategy for strategy in rows if name not in rows[strategy]]
            if lacking:
                what = f"parameter '{name}' has no value for {', '.join(lacking)}"
                hint = "Add a row for each of them, or one row without a strategy"
                diagnostics.error(formula.where, what, hint)


def _warn_of_left_out(model: Model, diagnostics: Diagnostics) -> None:
    """A misspelt perspective leaves out every outcome that names one."""
    wanted = model.settings.perspective
    named = dict.fromkeys(name for o in model.outcomes.values() for name in o.perspectives)
    if named and wanted not in named:
        what = f"no outcome is of the perspective '{wanted}': all that name one are left out"
        diagnostics.warn("", what, names.did_you_mean(wanted, named))


def _warn_of_discounting(model: Model, diagnostics: Diagnostics) -> None:
    for kind, steps in model.settings.discount.items():
        for step in steps:
            rate = base_number(step.rate, model)
            if not 0 <= rate <= HIGH_RATE:
                what = f"{kind}s are discounted at {rate:.0%} a year"
                diagnostics.warn(step.rate.where, what, "Is that meant?")


def _warn_of_unused(model: Model, reader: FormulaReader) -> None:
    """What somebody wrote and nothing reads may be the misspelt name of what somebody meant."""
    trees = [formula.tree for formula in all_formulas(model)]
    used = frozenset().union(*map(names_in, trees))
    unused = [(f"parameter '{row.key}'", row.place, row.name) for row in model.parameters]
    unused += [(f"variable '{name}'", f.where, name) for name, f in model.variables.items()]
    unused += [(f"attribute '{x}'", reader.place(("individuals", x)), x) for x in model.attributes]
    for what, place, name in unused:
        if name not in used:
            reader.diagnostics.warn(place, f"{what} is used by no expression")
    corrections = [model.settings.correction, *(o.correction for o in model.outcomes.values())]
    columns = frozenset().union(*map(table_columns, trees))
    columns |= {(correction.table, "") for correction in corrections}
    for name, table in model.tables.items():
        if name not in {read for read, _ in columns}:
            reader.diagnostics.warn(f"tables/{name}", "the table is used by no expression")
            continue
        for column in table.columns:
            if len(table.columns) > 1 and (name, column) not in columns:
                reader.diagnostics.warn(
                    f"tables/{name}", f"column '{column}' is used by no expression"
                )
    known = {WEIGHT, *(attribute.column for attribute in model.attributes.values())}
    for column in model.patients:
        if column not in known:
            reader.diagnostics.warn("patients.csv", f"column '{column}' is read by no attribute")


def base_number(formula: Formula, model: Model) -> float:
    """Base value of a formula of shared parameters, such as a discount rate or the start age."""
    return float(evaluate(formula.tree, model.values(None), model.tables))
