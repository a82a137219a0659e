"""Understand the [model] section: cycle, horizon, discounting and correction."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from itertools import pairwise

import numpy as np

from heecon.errors import InvalidValue, shown
from heecon.files import names
from heecon.language import Table, evaluate
from heecon.model import duration
from heecon.model.definition import Correction, Formula, RateStep, Settings
from heecon.model.formulas import BY_CYCLE, FormulaReader, Path
from heecon.model.schema import Correction as CorrectionText
from heecon.model.schema import RateStep as RateStepSection
from heecon.model.schema import Settings as SettingsSection
from heecon.model.schema import Weights

MAX_CYCLES = 20_000
LIFETIME = "lifetime"

WHOLE = 1e-9
"""Part of a cycle that a horizon may be off a whole number of them: no more than rounding."""

_FIXED = (
    "It is the same in all cycles and for all strategies, and but for the age at the start for all "
    "people: use numbers and parameters without rows for single strategies"
)


def read_settings(
    section: SettingsSection,
    reader: FormulaReader,
    shared: Mapping[str, float],
    variables: Mapping[str, Formula],
) -> Settings:
    """Check and convert the [model] section.

    Args:
        section: the section as written.
        reader: parses expressions and collects problems.
        shared: base values of the parameters that hold for all strategies, none with a row of its
            own: a discount rate that differs by strategy would favour one.
        variables: not allowed in settings; named to say so.

    Returns:
        The settings; where there is a problem, something harmless stands in (0 cycles, as it is
        not known how many there are).
    """
    without = BY_CYCLE | variables.keys() | (set(reader.known) - shared.keys())

    def read(text: str, path: Path) -> tuple[Formula, float]:
        formula = reader.read(text, path, without=without, because=_FIXED)
        return formula, float(evaluate(formula.tree, shared, reader.tables))

    start_age, age = _start_age(section, reader, read)
    discount = {
        kind: _rate_steps(getattr(section.discounting, kind), kind, reader, read)
        for kind in ("cost", "effect")
    }
    cycle_length = _cycle_length(section.cycle, reader)
    cycles = _cycles(section, cycle_length, age, reader) if cycle_length else 0
    correction = read_correction(section.correction, ("model", "correction"), reader, cycles)
    if section.discounting.timing == "cycle_end" and correction.pointwise:
        reader.error(
            ("model", "discounting", "timing"),
            f"'cycle_end' does not go with the correction '{correction.method}', whose values "
            "stand at time points",
            "Use timing = 'cycle_start'",
        )
    if len(set(section.thresholds)) < len(section.thresholds):
        what = f"a threshold stands twice in {section.thresholds}"
        reader.error(("model", "thresholds"), what, "Delete one")
    return Settings(
        title=section.title,
        description=section.description,
        cycle=section.cycle,
        cycle_length=cycle_length,
        horizon=section.horizon,
        rounding=section.rounding,
        cycles=cycles,
        start_age=start_age,
        max_age=section.max_age,
        correction=correction,
        discount=discount,
        timing=section.discounting.timing,
        compounding=section.discounting.compounding,
        perspective=section.perspective,
        currency=section.currency,
        price_year=section.price_year,
        thresholds=tuple(section.thresholds),
        comparator=section.comparator or (section.question[1] if section.question else None),
        question=(section.question[0], section.comparator or section.question[1])
        if section.question
        else None,
    )


def read_correction(
    text: CorrectionText, path: Path, reader: FormulaReader, cycles: int
) -> Correction:
    """Understand a correction; custom weights need a table with one row a time point 0..n.

    Args:
        text: the correction as written.
        path: its key path.
        reader: collects problems and knows the tables.
        cycles: the number of cycles, n; 0 when it is not known.
    """
    if not isinstance(text, Weights):
        return Correction("start" if text == "none" else text)
    table = reader.tables.get(text.weights)
    if table is None:
        hint = names.did_you_mean(text.weights, reader.tables)
        reader.error(path, f"there is no table '{text.weights}'", hint)
    elif cycles and not _weights_all_points(table, cycles):
        reader.error(
            path,
            f"table '{text.weights}' cannot weight the {cycles + 1} time points of {cycles} cycles",
            f"Give it two columns, the first counting 0, 1, ..., {cycles}",
        )
    return Correction("weights", text.weights)


def _weights_all_points(table: Table, cycles: int) -> bool:
    return len(table.columns) == 1 and np.array_equal(table.keys, np.arange(cycles + 1))


def _rate_steps(
    rate: str | list[RateStepSection],
    kind: str,
    reader: FormulaReader,
    read: Callable[[str, Path], tuple[Formula, float]],
) -> tuple[RateStep, ...]:
    path: Path = ("model", "discounting", kind)
    if isinstance(rate, str):
        pairs = [(0.0, rate, path)]
    else:
        pairs = [(step.start, step.rate, (*path, index, "rate")) for index, step in enumerate(rate)]
    starts = [start for start, _, _ in pairs]
    if not starts or starts[0] != 0 or any(b <= a for a, b in pairwise(starts)):
        what = f"the rates start at {starts} years"
        reader.error(
            path, what, "The first must start at 0 and each later one after the one before"
        )
    steps = []
    for start, text, place in pairs:
        formula, value = read(text, place)
        # Very high rates are used on purpose, to verify a model: only its first cycle counts then.
        if not -0.5 < value < 10_000:
            what = f"the discount rate is {value:g} a year"
            reader.error(place, what, "Write 3.5% as 0.035")
        steps.append(RateStep(start, formula))
    return tuple(steps)


def horizon_years(settings: Settings) -> float | str:
    """The horizon in years as asked for, or "lifetime"."""
    if settings.horizon == LIFETIME:
        return LIFETIME
    amount, unit = duration.split(settings.horizon)
    return amount * settings.cycle_length if unit == "cycles" else duration.years(settings.horizon)


def is_whole(cycle: str, horizon: str, rounding: bool) -> bool:
    """Whether a horizon is a whole number of cycles, or need not be."""
    if rounding or horizon == LIFETIME:
        return True
    amount, unit = duration.split(horizon)
    exact = amount if unit == "cycles" else duration.years(horizon) / duration.years(cycle)
    return abs(exact - round(exact)) <= WHOLE


def _start_age(
    section: SettingsSection,
    reader: FormulaReader,
    read: Callable[[str, Path], tuple[Formula, float]],
) -> tuple[Formula, float]:
    """The age at the start, and its base value; 0 where it differs from person to person."""
    path = ("model", "start_age")
    if reader.own_age is None:
        return read(section.start_age, path)
    if section.horizon == LIFETIME:
        what = f"people start at ages of their own ({section.start_age})"
        reader.error(("model", "horizon"), what, "Give the horizon in years")
    fixed = reader.cycle_names
    return reader.read(section.start_age, path, without=fixed, because=_FIXED), 0.0


def _cycle_length(text: str, reader: FormulaReader) -> float:
    """Years, or 0 when the text is no length of time."""
    try:
        return duration.years(text)
    except InvalidValue as complaint:
        reader.error(("model", "cycle"), complaint.what, complaint.hint)
        return 0.0


def _cycles(
    section: SettingsSection, cycle_length: float, start_age: float, reader: FormulaReader
) -> int:
    """The number of cycles, or 0 when the horizon makes no sense."""
    path = ("model", "horizon")
    horizon = shown(section.horizon)
    try:
        exact = _horizon_in_cycles(section, cycle_length, start_age)
    except InvalidValue as complaint:
        hint = "Or write 'lifetime', or a number of cycles: '75 cycles'"
        reader.error(path, complaint.what, f"{complaint.hint}. {hint}")
        return 0
    if not exact > WHOLE:
        what = f"the horizon {horizon} from age {start_age:g} has no cycles"
        reader.error(path, what, f"A lifetime ends at max_age = {section.max_age:g}")
        return 0
    if exact < 1 - WHOLE:
        what = f"the horizon {horizon} is shorter than one cycle of {section.cycle}"
        reader.error(path, what, "Lengthen the horizon or shorten the cycle")
        return 0
    if exact > MAX_CYCLES:
        many = f"{exact:,.0f}" if exact < 1e15 else f"{exact:.3g}"
        what = f"the horizon {horizon} has {many} cycles of {section.cycle}"
        hint = f"At most {MAX_CYCLES:,} are run: shorten the horizon or lengthen the cycle"
        reader.error(path, what, hint)
        return 0
    if abs(exact - round(exact)) > WHOLE and not (section.rounding or section.horizon == LIFETIME):
        few = math.floor(exact)
        what = f"the horizon {horizon} is {exact:.6g} cycles of {section.cycle}"
        years = [f"{n * cycle_length:.6g} years" for n in (few, few + 1)]
        hint = (
            f"Write '{few} cycles' ({years[0]}) or '{few + 1} cycles' ({years[1]}), or add "
            'rounding = "up" to run its last cycle to the end'
        )
        reader.error(path, what, hint)
        return 0
    return math.ceil(exact - WHOLE)


def _horizon_in_cycles(section: SettingsSection, cycle_length: float, start_age: float) -> float:
    if section.horizon == LIFETIME:
        return (section.max_age - start_age) / cycle_length
    amount, unit = duration.split(section.horizon)
    return amount if unit == "cycles" else duration.years(section.horizon) / cycle_length
