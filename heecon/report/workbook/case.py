"""What a workbook is made from: a family of scenarios and what was computed with them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from functools import cached_property
from pathlib import Path

from heecon.analysis.evaluation import Evaluation, run
from heecon.analysis.one_way import OneWay, one_way
from heecon.analysis.outcomes import Outcomes
from heecon.analysis.psa import run_psa
from heecon.errors import HeeconError, InputError, Problem
from heecon.model import library
from heecon.model.definition import Model
from heecon.model.load import load

MAX_SLOTS = 60
"""Cycles of residence or tunnel a state may tell apart in the workbook: one column each."""

MAX_CELLS = 6_000_000
"""Cells the traces may have: more takes spreadsheet programs minutes."""


@dataclass(frozen=True)
class Variant:
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
class Case:
    """Everything a workbook shows.

    Attributes:
        variants: the scenarios of the family.
        chosen: which of them the workbook opens with.
        left_out: scenarios that could not be loaded or run, with the reason.
        outcomes: draws of the chosen scenario; None without a probabilistic analysis.
        seed: of the draws.
        one_way: of the chosen scenario; None where nothing is compared or uncertain.
        made: day of export.
        version: of heecon.
    """

    variants: tuple[Variant, ...]
    chosen: int
    left_out: Mapping[str, str]
    outcomes: Outcomes | None
    seed: int
    one_way: OneWay | None
    made: date
    version: str

    @property
    def variant(self) -> Variant:
        """The scenario the workbook opens with."""
        return self.variants[self.chosen]

    @property
    def model(self) -> Model:
        """The model under that scenario."""
        return self.variant.model

    @cached_property
    def cycles(self) -> int:
        """Cycles the traces have room for: those of the longest scenario."""
        return max(variant.model.settings.cycles for variant in self.variants)

    @cached_property
    def keys(self) -> tuple[str, ...]:
        """Keys of all parameters of the family, in the order of the files."""
        found: dict[str, None] = {}
        for variant in (self.variant, *self.variants):
            found |= dict.fromkeys(row.key for row in variant.model.parameters)
        order = {name: i for i, name in enumerate(self.names)}
        return tuple(sorted(found, key=lambda key: order[key.split("[", maxsplit=1)[0]]))

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Names of all parameters of the family."""
        found: dict[str, None] = {}
        for variant in (self.variant, *self.variants):
            found |= dict.fromkeys(row.name for row in variant.model.parameters)
        return tuple(found)

    @property
    def has_qalys(self) -> bool:
        """Whether strategies can be compared by cost and effect."""
        return any(outcome.kind == "qaly" for outcome in self.model.outcomes.values())


def case_of(
    source: str | Path | None,
    *,
    draws: int = 0,
    seed: int = 1,
    version: str = "",
    made: date | None = None,
    on_draws: Callable[[int], None] | None = None,
    on_compile: Callable[[], None] | None = None,
) -> Case:
    """Load a scenario with all its siblings and run what the workbook shows.

    Args:
        source: a scenario or a model, as ``load`` takes it.
        draws: of the probabilistic analysis; 0 for none.
        seed: of the draws.
        version: of heecon.
        made: day of export; today if None.
        on_draws: called with the number of draws done so far.
        on_compile: called before the kernels are compiled.

    Raises:
        InputError: the files have mistakes, or the workbook cannot carry the model.
    """
    target = library.find(source)
    model = load(source)
    first = _variant(model, load(source, every_strategy=True), on_compile)
    variants, left_out = [first], {}
    own = target.scenario.name if target.scenario else ""
    folder = target.scenario_folder
    for path in sorted(folder.glob("*.toml")):
        if path.name == own and path.parent == folder:
            continue
        try:
            plain = load(path)
            if plain.name != model.name or plain.scenario.engine != "cohort":
                continue
            variants.append(_variant(plain, load(path, every_strategy=True), None))
        except HeeconError as error:
            left_out[path.stem] = error.problems[0].what
    variants.sort(key=lambda variant: (variant.name != "base_case", variant.name))
    refuse(model)
    outcomes = None
    if draws and any(row.distribution is None or row.distribution.family != "fixed"
                     for row in model.parameters):  # fmt: skip
        outcomes = run_psa(first.model, draws, seed, on_draws=on_draws)
    return Case(
        variants=tuple(variants),
        chosen=variants.index(first),
        left_out=left_out,
        outcomes=outcomes,
        seed=seed,
        one_way=_one_way(model),
        made=made or date.today(),
        version=version,
    )


def _variant(model: Model, whole: Model, on_compile: Callable[[], None] | None) -> Variant:
    name = model.scenario.name or model.name
    return Variant(name, whole, run(model, on_compile=on_compile))


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
        remedy = "A workbook holds a cohort: export a scenario with engine = 'cohort'"
        problems.append(Problem(model.scenario.name, what, remedy))
    for state in model.states.values():
        if state.slots > MAX_SLOTS:
            what = f"state '{state.name}' tells {state.slots} cycles of residence apart"
            remedy = (
                f"A workbook carries at most {MAX_SLOTS}, a column each: lower residence or "
                "lengthen the cycle, or give the results of `heecon run` instead"
            )
            problems.append(Problem(f"states.{state.name}", what, remedy))
    slots = sum(state.slots for state in model.states.values())
    cells = (model.settings.cycles + 1) * len(model.strategies) * (
        4 * slots + len(model.variables) + 2 * len(model.outcomes)
    )  # fmt: skip
    if cells > MAX_CELLS:
        what = f"the traces would have about {cells:,} cells"
        remedy = (
            f"At most {MAX_CELLS:,} are written: lengthen the cycle, shorten the horizon, or keep "
            "fewer strategies in a scenario"
        )
        problems.append(Problem("workbook", what, remedy))
    if problems:
        raise InputError(problems)


def widened(model: Model, cycles: int) -> Model:
    """The model with another number of cycles and every outcome, whatever its perspective."""
    outcomes = {name: replace(outcome, perspectives=()) for name, outcome in model.outcomes.items()}
    settings = replace(model.settings, cycles=cycles)
    return replace(model, settings=settings, outcomes=outcomes)
