"""What a workbook is made from: a family of scenarios and what was computed with them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import cached_property
from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as version_of
from pathlib import Path

from heecon.analysis.change_log import ChangeLog, change_log
from heecon.analysis.evaluation import Evaluation, run
from heecon.analysis.one_way import OneWay, one_way
from heecon.analysis.outcomes import Outcomes
from heecon.analysis.psa import run_psa
from heecon.errors import HeeconError, InputError, Problem
from heecon.files import locate
from heecon.model.check_model import all_formulas
from heecon.model.definition import Model
from heecon.model.formulas import TIME_IN_STATE, dependents
from heecon.model.load import load

MAX_SLOTS = 400
"""Cycles of residence or tunnel a state may tell apart in the workbook: one column each."""

MAX_CELLS = 6_000_000
"""Cells the traces may have: more takes spreadsheet programs minutes."""


@dataclass(frozen=True)
class ScenarioColumn:
    """One scenario of the family.

    Attributes:
        name: of its file.
        model: the model under it, with the strategies it leaves out.
        evaluation: its results, for the strategies it keeps.
    """

    name: str
    model: Model
    evaluation: Evaluation

    @property
    def kept(self) -> tuple[str, ...]:
        """The strategies the scenario keeps."""
        return self.evaluation.result.strategies


@dataclass(frozen=True)
class WorkbookInput:
    """Everything a workbook shows.

    Attributes:
        variants: the scenarios of the family.
        chosen: which of them the workbook opens with.
        left_out: scenarios that could not be loaded or run, with the reason.
        outcomes: draws of the chosen scenario; None without a probabilistic analysis.
        seed: of the draws.
        one_way: of the chosen scenario; None where nothing is compared or uncertain.
        log: what leads to the chosen scenario, step by step; None without a beginning.
        made: day of export.
        version: of heecon.
        overrides: how many overrides the values are those of; 0 in an export.
        room: rows the traces have at least, to compare with a file that has so many.
    """

    variants: tuple[ScenarioColumn, ...]
    chosen: int
    left_out: Mapping[str, str]
    outcomes: Outcomes | None
    seed: int
    one_way: OneWay | None
    log: ChangeLog | None
    made: date
    version: str
    overrides: int = 0
    room: int = 0

    @property
    def variant(self) -> ScenarioColumn:
        """The scenario the workbook opens with."""
        return self.variants[self.chosen]

    @property
    def model(self) -> Model:
        """The model under that scenario."""
        return self.variant.model

    @cached_property
    def cycles(self) -> int:
        """Cycles the traces have room for: those of the longest scenario."""
        return max(self.room, *(variant.model.settings.cycles for variant in self.variants))

    @cached_property
    def keys(self) -> tuple[str, ...]:
        """Keys of all parameters of the family, in the order of the files."""
        found: dict[str, None] = {}
        for variant in self.variants:
            found |= dict.fromkeys(row.key for row in variant.model.parameters)
        order = {name: i for i, name in enumerate(self.names)}
        return tuple(sorted(found, key=lambda key: order[key.split("[", maxsplit=1)[0]]))

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Names of all parameters of the family."""
        found: dict[str, None] = {}
        for variant in self.variants:
            found |= dict.fromkeys(row.name for row in variant.model.parameters)
        return tuple(found)

    @property
    def has_qalys(self) -> bool:
        """Whether strategies can be compared by cost and effect."""
        return any(outcome.kind == "qaly" for outcome in self.model.outcomes.values())


def case_of(
    source: str | Path | Model | None,
    scenario: str | None = None,
    *,
    no_scenario: bool = False,
    draws: int = 0,
    seed: int = 1,
    since: str | None = None,
    version: str = "",
    made: date | None = None,
    on_draws: Callable[[int], None] | None = None,
    on_compile: Callable[[], None] | None = None,
) -> WorkbookInput:
    """Load a scenario with all its siblings and run what the workbook shows.

    Args:
        source: a scenario or a model, as ``load`` takes it; or a checked model, which has no
            siblings and no past.
        scenario: name of a scenario, when ``source`` is a model.
        no_scenario: the model's files as they stand, without its base case.
        draws: of the probabilistic analysis; 0 for none.
        seed: of the draws.
        since: scenario the change log starts from; the one extended if None.
        version: of heecon; the installed one if empty.
        made: day of export; today if None.
        on_draws: called with the number of draws done so far.
        on_compile: called before the kernels are compiled.

    Raises:
        InputError: the files have mistakes, or the workbook cannot carry the model.
    """
    if isinstance(source, Model):
        refuse(source)
        model, first = source, _variant(source, source, on_compile)
        variants, log = [first], None
        left_out: dict[str, str] = {}
    else:
        target = locate.find(source, bare=no_scenario or scenario is not None)
        model = load(source, scenario, no_scenario=no_scenario)
        refuse(model)
        whole = load(source, scenario, no_scenario=no_scenario, every_strategy=True)
        first = _variant(model, whole, on_compile)
        variants, left_out = _siblings(target, model, first)
        variants.sort(key=lambda variant: (variant.name != "base_case", variant.name))
        log = _log(target, model, since)
    outcomes = None
    if draws and any(
        row.distribution is None or row.distribution.family != "fixed" for row in model.parameters
    ):
        outcomes = run_psa(first.model, draws, seed, on_draws=on_draws)
    return WorkbookInput(
        variants=tuple(variants),
        chosen=variants.index(first),
        left_out=left_out,
        outcomes=outcomes,
        seed=seed,
        one_way=_one_way(model),
        log=log,
        made=made or date.today(),
        version=version or _installed(),
    )


def cases_of(
    paths: Sequence[Path], *, version: str = "", made: date | None = None
) -> Iterator[WorkbookInput]:
    """A case for every scenario of a family, which is loaded and run once.

    Args:
        paths: scenario files that can be run, all of one model.
        version: of heecon.
        made: day of export; today if None.

    Raises:
        InputError: the workbook cannot carry the model.
    """
    models = [load(path) for path in paths]
    complete = load(paths[0], every_strategy=True)
    variants = tuple(
        _variant(model, _whole(model, path, complete), None)
        for path, model in zip(paths, models, strict=True)
    )
    for chosen, (path, model) in enumerate(zip(paths, models, strict=True)):
        refuse(model)
        yield WorkbookInput(
            variants=variants,
            chosen=chosen,
            left_out={},
            outcomes=None,
            seed=1,
            one_way=_one_way(model),
            log=_log(locate.find(path), model, None),
            made=made or date.today(),
            version=version or _installed(),
        )


def _siblings(
    target: locate.Target, model: Model, first: ScenarioColumn
) -> tuple[list[ScenarioColumn], dict[str, str]]:
    """The other scenarios beside a scenario, and why some cannot be there."""
    variants, left_out = [first], {}
    for path in sorted(target.scenario_folder.glob("*.toml")):
        if path.stem == first.name:
            continue
        try:
            plain = load(path)
            if plain.name == model.name and plain.scenario.engine == "cohort":
                variants.append(_variant(plain, _whole(plain, path, first.model), None))
        except HeeconError as error:
            left_out[path.stem] = error.problems[0].what
    return variants, left_out


def _installed() -> str:
    """Version of the installed package."""
    try:
        return version_of("heecon")
    except PackageNotFoundError:
        return ""


def _whole(model: Model, path: Path, other: Model) -> Model:
    """A scenario with the strategies it leaves out; most leave out none and need no second look."""
    complete = model.strategies.keys() == other.strategies.keys()
    return model if complete else load(path, every_strategy=True)


def _variant(model: Model, whole: Model, on_compile: Callable[[], None] | None) -> ScenarioColumn:
    name = model.scenario.name or model.name
    return ScenarioColumn(name, whole, run(model, on_compile=on_compile))


def _log(target: locate.Target, model: Model, since: str | None) -> ChangeLog | None:
    """The change log from a scenario, or the one extended, else the bare model, to this one."""
    begin = since or model.scenario.extends
    if target.scenario is None and not begin:
        return None  # the model itself: nothing precedes it
    if target.scenario is None:
        return change_log(load(target.model, begin), model)
    if begin:
        place = locate.sibling([target.scenario.parent], begin, "--since", model.name)
        return change_log(load(place), model)
    folder = locate.model_of(target.scenario, model.name, "model")
    return change_log(load(folder, no_scenario=True), model)


def _one_way(model: Model) -> OneWay | None:
    comparable = len(model.strategies) > 1 and model.settings.thresholds
    if not comparable or not any(o.kind == "qaly" for o in model.outcomes.values()):
        return None
    try:
        found = one_way(model)
    except HeeconError:
        return None  # an end of a range that breaks the model is `heecon one-way`'s to report
    return found if found.rows else None


def refuse(model: Model) -> None:
    """Say what the workbook cannot carry.

    Raises:
        InputError: with the reason and what to do instead.
    """
    problems = []
    if model.scenario.engine != "cohort":
        what = f"the scenario asks for the engine '{model.scenario.engine}'"
        hint = "A workbook holds a cohort: export a scenario with engine = 'cohort'"
        if model.attributes or model.types or any(map(model.is_individual, all_formulas(model))):
            hint = "Its people differ or have a past, which no cohort and no workbook can hold"
        problems.append(Problem(model.scenario.name, what, hint))
    for state in model.states.values():
        if state.slots > MAX_SLOTS:
            what = f"state '{state.name}' tells {state.slots} cycles of residence apart"
            hint = (
                f"A workbook carries at most {MAX_SLOTS}, a column each: lower residence or "
                "lengthen the cycle, or give the results of `heecon run` instead"
            )
            problems.append(Problem(f"states.{state.name}", what, hint))
    slots = [state.slots for state in model.states.values()]
    trees = {name: formula.tree for name, formula in model.variables.items()}
    by_slot = len(dependents(TIME_IN_STATE, trees) & trees.keys()) * max(slots)
    columns = 4 * sum(slots) + len(trees) + by_slot + 2 * len(model.outcomes)
    cells = (model.settings.cycles + 1) * len(model.strategies) * columns
    if cells > MAX_CELLS:
        what = f"the traces would have about {cells:,} cells"
        hint = (
            f"At most {MAX_CELLS:,} are written: lengthen the cycle, shorten the horizon, or keep "
            "fewer strategies in a scenario"
        )
        problems.append(Problem("workbook", what, hint))
    if problems:
        raise InputError(problems)


def widened(model: Model, cycles: int) -> Model:
    """The model with another number of cycles and every outcome, whatever its perspective."""
    outcomes = {name: replace(outcome, perspectives=()) for name, outcome in model.outcomes.items()}
    settings = replace(model.settings, cycles=cycles)
    return replace(model, settings=settings, outcomes=outcomes)
