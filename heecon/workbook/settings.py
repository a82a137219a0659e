"""The settings of a scenario as rows: what the control sheet offers and a scenario file holds."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

from heecon.language import Number
from heecon.model.bounds import POSITIVE, SHARE, Limits
from heecon.model.check_model import base_number
from heecon.model.definition import Correction, Formula
from heecon.model.settings import horizon_years
from heecon.workbook.book import Value
from heecon.workbook.case import ScenarioColumn, WorkbookInput
from heecon.workbook.layout import ABSENT, Layout
from heecon.workbook.live import Live

CORRECTIONS = ("start", "end", "life_table", "half_cycle", "simpson")
TIMINGS = ("cycle_start", "mid_cycle", "cycle_end")
COMPOUNDINGS = ("annual", "whole_years", "continuous")
WEIGHTS = "weights:"
NEVER = 100_000.0
"""Years from which a discount rate holds that a scenario does not have."""

SPARE_THRESHOLDS = 4


@dataclass(frozen=True)
class Setting:
    """One row of the control sheet.

    Attributes:
        id: what it is called in the first column; stays when rows are moved.
        label: words.
        entries: by scenario, in the order of the family; those without a text are constants.
        options: name of the list it is chosen from; empty for a number.
        format: number format.
        note: what a user should know.
        follows: id of the setting whose override it takes; it has none of its own then.
        fixed: whether only the scenario says it.
        limits: beyond which a number is doubtful.
    """

    id: str
    label: str
    entries: tuple[Live, ...]
    options: str = ""
    format: str = "General"
    note: str = ""
    follows: str = ""
    fixed: bool = False
    limits: Limits = POSITIVE

    @property
    def name(self) -> str:
        """Defined name of its live cell."""
        return "set_" + self.id.replace("[", "_").replace("]", "")


def settings_of(case: WorkbookInput, layout: Layout) -> tuple[Setting, ...]:
    """Every setting of the family, in the order of the control sheet."""
    return (
        *_decision(case),
        *_time(case, layout),
        *_discounting(case, layout),
        *_strategies(case),
    )


def _each(case: WorkbookInput, value: Callable[[ScenarioColumn], Value]) -> tuple[Live, ...]:
    return tuple(Live("", value(variant)) for variant in case.variants)


def correction_text(correction: Correction) -> str:
    """A correction as the control sheet writes it."""
    return f"{WEIGHTS}{correction.table}" if correction.table else correction.method


def corrections(case: WorkbookInput) -> tuple[str, ...]:
    """The corrections the control sheet offers."""
    used = {correction_text(variant.model.settings.correction) for variant in case.variants}
    return (*CORRECTIONS, *sorted(used - set(CORRECTIONS)))


def perspectives(case: WorkbookInput) -> tuple[str, ...]:
    """Every perspective some outcome or scenario names."""
    found: dict[str, None] = {}
    for variant in case.variants:
        found |= {variant.model.settings.perspective: None}
    for outcome in case.model.outcomes.values():
        found |= dict.fromkeys(outcome.perspectives)
    return tuple(found)


def thresholds(case: WorkbookInput) -> int:
    """How many thresholds the control sheet has room for."""
    named = max(len(variant.model.settings.thresholds) for variant in case.variants)
    return max(named, SPARE_THRESHOLDS)


def _decision(case: WorkbookInput) -> Iterator[Setting]:
    comparators = _each(case, lambda v: v.evaluation.comparator)
    yield Setting("comparator", "Comparator", comparators, "list_strategies")
    for i in range(thresholds(case)):
        values = _each(case, partial(_threshold, i))
        label = f"Threshold {i + 1} (per QALY, in the currency below)"
        yield Setting(f"threshold_{i + 1}", label, values, "", "#,##0")
    currencies = _each(case, lambda v: v.model.settings.currency or "as in the inputs")
    yield Setting("currency", "Currency", currencies, fixed=True)
    years = _each(case, lambda v: v.model.settings.price_year or ABSENT)
    yield Setting("price_year", "Price year", years, fixed=True)
    perspectives = _each(case, lambda v: v.model.settings.perspective)
    yield Setting("perspective", "Perspective", perspectives, "list_perspectives")


def _threshold(i: int, variant: ScenarioColumn) -> Value:
    named = variant.model.settings.thresholds
    return named[i] if i < len(named) else ABSENT


def _time(case: WorkbookInput, layout: Layout) -> Iterator[Setting]:
    words = "A number of years, or the word lifetime"
    horizon = _each(case, lambda v: horizon_years(v.model.settings))
    yield Setting("horizon", "Horizon (years, or lifetime)", horizon, note=words)
    oldest = _each(case, lambda v: v.model.settings.max_age)
    yield Setting("max_age", "Age at which a lifetime ends", oldest)
    ages, fixed = (
        tuple(_shared(v, v.model.settings.start_age, layout, without_draw=x) for v in case.variants)
        for x in (False, True)
    )
    yield Setting("start_age", "Age at the start", ages)
    yield Setting(
        "start_age_for_horizon",
        "Age at the start, for the horizon",
        fixed,
        note="The number of cycles stays the same when a PSA draw is replayed",
        follows="start_age",
    )
    length = _each(case, lambda v: v.model.settings.cycle_length)
    yield Setting("cycle_length", "Cycle length (years)", length)
    correction = _each(case, lambda v: correction_text(v.model.settings.correction))
    yield Setting("correction", "Within-cycle correction", correction, "list_corrections")


def steps(case: WorkbookInput, kind: str) -> int:
    """The largest number of discount rates a scenario has for costs or effects."""
    return max(len(variant.model.settings.discount[kind]) for variant in case.variants)


def compounds(case: WorkbookInput) -> bool:
    """Whether a scenario of the family discounts otherwise than by (1 + rate) ^ -time."""
    return any(v.model.settings.compounding != COMPOUNDINGS[0] for v in case.variants)


def _discounting(case: WorkbookInput, layout: Layout) -> Iterator[Setting]:
    timing = _each(case, lambda v: v.model.settings.timing)
    words = "When in a cycle discounting places events"
    yield Setting("timing", words, timing, "list_timings")
    if compounds(case):
        words = "How discounting compounds"
        compounding = _each(case, lambda v: v.model.settings.compounding)
        yield Setting("compounding", words, compounding, "list_compoundings")
    for kind in ("cost", "effect"):
        for i in range(steps(case, kind)):
            known = [variant.model.settings.discount[kind][i:] for variant in case.variants]
            rates = tuple(
                _shared(variant, stretch[0].rate, layout) if stretch else Live("", 0.0)
                for variant, stretch in zip(case.variants, known, strict=True)
            )
            words = f"Discount rate of {kind}s a year" + (f", stretch {i + 1}" if i else "")
            yield Setting(f"dr_{kind}_{i + 1}", words, rates, "", "0.00%", limits=SHARE)
            if i:
                begins = tuple(Live("", s[0].start if s else NEVER) for s in known)
                words = f"... which holds from year (stretch {i + 1})"
                yield Setting(f"dr_{kind}_from_{i + 1}", words, begins)


def _strategies(case: WorkbookInput) -> Iterator[Setting]:
    for name, strategy in case.model.strategies.items():
        kept = tuple(Live("", "yes" if name in v.kept else "no") for v in case.variants)
        yield Setting(f"include[{name}]", f"Compare: {strategy.label}", kept, "list_yes_no")


def _shared(
    variant: ScenarioColumn, formula: Formula, layout: Layout, *, without_draw: bool = False
) -> Live:
    """A setting that may be an expression of shared parameters."""
    if isinstance(formula.tree, Number):
        return Live("", base_number(formula, variant.model))
    # The formula reads the live inputs, which are those of the chosen scenario.
    value = base_number(formula, layout.case.model)
    return Live(layout.shared(formula.tree, without_draw=without_draw), value)
