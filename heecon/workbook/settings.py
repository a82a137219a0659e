"""The settings of a scenario as rows: what the control sheet offers and a scenario file holds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from heecon.language import Number
from heecon.model import duration
from heecon.model.build import base_number
from heecon.model.definition import Correction, Formula, Settings
from heecon.workbook.book import Value
from heecon.workbook.case import ScenarioColumn, WorkbookInput
from heecon.workbook.layout import ABSENT, Layout

CORRECTIONS = ("start", "end", "life_table", "half_cycle", "simpson")
TIMINGS = ("cycle_start", "mid_cycle", "cycle_end")
WEIGHTS = "weights:"
LIFETIME = "lifetime"
NEVER = 100_000.0
"""Years from which a discount rate holds that a scenario does not have."""

SPARE_THRESHOLDS = 4


@dataclass(frozen=True)
class Entry:
    """A setting under one scenario: a value, and the formula behind it if there is one."""

    value: Value
    formula: str = ""


@dataclass(frozen=True)
class Setting:
    """One row of the control sheet.

    Attributes:
        id: what it is called in the first column; stays when rows are moved.
        label: words.
        entries: by scenario, in the order of the family.
        options: name of the list it is chosen from; empty for a number.
        format: number format.
        note: what a user should know.
        follows: id of the setting whose override it takes; it has none of its own then.
    """

    id: str
    label: str
    entries: tuple[Entry, ...]
    options: str = ""
    format: str = "General"
    note: str = ""
    follows: str = ""

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


def _each(case: WorkbookInput, value: Mapping[str, Value]) -> tuple[Entry, ...]:
    return tuple(Entry(value[variant.name]) for variant in case.variants)


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


def _decision(case: WorkbookInput) -> list[Setting]:
    comparators = {v.name: v.evaluation.comparator for v in case.variants}
    perspective = {v.name: v.model.settings.perspective for v in case.variants}
    currency = case.model.settings.currency
    rows = [
        Setting("comparator", "Comparator", _each(case, comparators), "list_strategies"),
        Setting("perspective", "Perspective", _each(case, perspective), "list_perspectives"),
    ]
    for i in range(thresholds(case)):
        values: dict[str, Value] = {}
        for variant in case.variants:
            named = variant.model.settings.thresholds
            values[variant.name] = named[i] if i < len(named) else ABSENT
        label = f"Threshold {i + 1} ({currency} per QALY)" if currency else f"Threshold {i + 1}"
        rows.append(Setting(f"threshold_{i + 1}", label, _each(case, values), "", "#,##0"))
    return rows


def _time(case: WorkbookInput, layout: Layout) -> list[Setting]:
    correction = {v.name: correction_text(v.model.settings.correction) for v in case.variants}
    horizon = {v.name: horizon_years(v.model.settings) for v in case.variants}
    oldest = {v.name: v.model.settings.max_age for v in case.variants}
    length = {v.name: v.model.settings.cycle_length for v in case.variants}
    age = tuple(_shared(v, v.model.settings.start_age, layout) for v in case.variants)
    without_draw = tuple(
        _shared(v, v.model.settings.start_age, layout, without_draw=True) for v in case.variants
    )
    return [
        Setting(
            "horizon",
            "Horizon (years, or lifetime)",
            _each(case, horizon),
            "",
            "General",
            "A number of years, or the word lifetime",
        ),
        Setting("max_age", "Age at which a lifetime ends", _each(case, oldest)),
        Setting("start_age", "Age at the start", age),
        Setting(
            "start_age_for_horizon",
            "Age at the start, for the horizon",
            without_draw,
            "",
            "General",
            "The number of cycles stays the same when a PSA draw is replayed",
            follows="start_age",
        ),
        Setting("cycle_length", "Cycle length (years)", _each(case, length)),
        Setting(
            "correction", "Within-cycle correction", _each(case, correction), "list_corrections"
        ),
    ]


def horizon_years(settings: Settings) -> Value:
    """The horizon in years, or "lifetime"."""
    if settings.horizon == LIFETIME:
        return LIFETIME
    amount, unit = duration.split(settings.horizon)
    return amount * settings.cycle_length if unit == "cycles" else duration.years(settings.horizon)


def steps(case: WorkbookInput, kind: str) -> int:
    """The largest number of discount rates a scenario has for costs or effects."""
    return max(len(variant.model.settings.discount[kind]) for variant in case.variants)


def _discounting(case: WorkbookInput, layout: Layout) -> list[Setting]:
    timing = {v.name: v.model.settings.timing for v in case.variants}
    rows = [
        Setting(
            "timing",
            "When in a cycle discounting places events",
            _each(case, timing),
            "list_timings",
        )
    ]
    for kind in ("cost", "effect"):
        for i in range(steps(case, kind)):
            begins: dict[str, Value] = {}
            rates: list[Entry] = []
            for variant in case.variants:
                known = variant.model.settings.discount[kind]
                begins[variant.name] = known[i].start if i < len(known) else NEVER
                rates.append(
                    _shared(variant, known[i].rate, layout) if i < len(known) else Entry(0.0)
                )
            words = f"Discount rate of {kind}s a year" + (f", stretch {i + 1}" if i else "")
            rows.append(Setting(f"dr_{kind}_{i + 1}", words, tuple(rates), "", "0.00%"))
            if i:
                label = f"... which holds from year (stretch {i + 1})"
                rows.append(Setting(f"dr_{kind}_from_{i + 1}", label, _each(case, begins)))
    return rows


def _strategies(case: WorkbookInput) -> list[Setting]:
    rows = []
    for name, strategy in case.model.strategies.items():
        kept = {v.name: "yes" if name in v.kept else "no" for v in case.variants}
        label = f"Compare: {strategy.label}"
        rows.append(Setting(f"include[{name}]", label, _each(case, kept), "list_yes_no"))
    return rows


def _shared(
    variant: ScenarioColumn, formula: Formula, layout: Layout, *, without_draw: bool = False
) -> Entry:
    """A setting that may be an expression of shared parameters."""
    if isinstance(formula.tree, Number):
        return Entry(base_number(formula, variant.model))
    # The formula reads the live inputs, which are those of the chosen scenario.
    live = base_number(formula, layout.case.model)
    return Entry(live, layout.shared(formula.tree, without_draw=without_draw))
