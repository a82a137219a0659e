"""Understand the [model] section: cycle, horizon, discounting and correction."""

from __future__ import annotations

import math
from collections.abc import Mapping
from itertools import pairwise

import numpy as np

from heecon.language import Table, evaluate
from heecon.model import duration, names
from heecon.model.definition import Correction, Formula, RateStep, Settings
from heecon.model.formulas import BY_CYCLE, FormulaReader
from heecon.model.schema import Correction as CorrectionText
from heecon.model.schema import RateStep as RateStepSection
from heecon.model.schema import Settings as SettingsSection
from heecon.model.schema import Weights

MAX_CYCLES = 20_000

_FIXED = (
    "It is the same in all cycles and for all strategies: use numbers and parameters without rows "
    "for single strategies"
)


def read_settings(
    section: SettingsSection,
    reader: FormulaReader,
    shared: Mapping[str, float],
    variables: Mapping[str, Formula],
) -> Settings | None:
    """Check and convert the [model] section.

    Args:
        section: the section as written.
        reader: parses expressions and collects problems.
        shared: base values of the parameters that hold for all strategies, none with a row of its
            own: a discount rate that differs by strategy would favour one.
        variables: not allowed in settings; named to say so.
    """
    start_age = _shared_formula(
        section.start_age, ("model", "start_age"), reader, shared, variables
    )
    discount = {
        kind: _rate_steps(getattr(section.discounting, kind), kind, reader, shared, variables)
        for kind in ("cost", "effect")
    }
    cycle_length = _cycle_length(section.cycle, reader)
    if start_age is None or cycle_length is None:
        return None
    cycles = _cycles(section, cycle_length, _number(start_age, shared, reader.tables), reader)
    if cycles is None:
        return None
    correction = read_correction(section.correction, ("model", "correction"), reader, cycles)
    if (
        section.discounting.timing == "cycle_end"
        and correction is not None
        and correction.pointwise
    ):
        reader.complain(
            ("model", "discounting", "timing"),
            f"'cycle_end' does not go with the correction '{correction.method}', whose values "
            "stand at time points",
            "Use timing = 'cycle_start'",
        )
    if len(set(section.thresholds)) < len(section.thresholds):
        what = f"a threshold stands twice in {section.thresholds}"
        reader.complain(("model", "thresholds"), what, "Delete one")
    if correction is None:
        return None
    return Settings(
        title=section.title,
        description=section.description,
        cycle=section.cycle,
        cycle_length=cycle_length,
        horizon=section.horizon,
        cycles=cycles,
        start_age=start_age,
        max_age=section.max_age,
        correction=correction,
        discount=discount,
        timing=section.discounting.timing,
        perspective=section.perspective,
        currency=section.currency,
        price_year=section.price_year,
        thresholds=tuple(section.thresholds),
        comparator=section.comparator,
    )


def read_correction(
    text: CorrectionText, path: tuple[str, ...], reader: FormulaReader, cycles: int
) -> Correction | None:
    """Understand a correction; custom weights need a table with one row a time point 0..n."""
    if not isinstance(text, Weights):
        return Correction("start" if text == "none" else text)
    table = reader.tables.get(text.weights)
    if table is None:
        remedy = names.did_you_mean(text.weights, reader.tables)
        reader.complain(path, f"there is no table '{text.weights}'", remedy)
        return None
    keys = np.asarray(table.keys)
    if len(table.columns) != 1 or not np.array_equal(keys, np.arange(cycles + 1)):
        reader.complain(
            path,
            f"table '{text.weights}' cannot weight the {cycles + 1} time points of {cycles} cycles",
            f"Give it two columns, the first counting 0, 1, ..., {cycles}",
        )
        return None
    return Correction("weights", text.weights)


def _shared_formula(
    text: str,
    path: tuple[str | int, ...],
    reader: FormulaReader,
    shared: Mapping[str, float],
    variables: Mapping[str, Formula],
) -> Formula | None:
    without = BY_CYCLE | variables.keys() | (set(reader.known) - shared.keys())
    return reader.read(text, path, without=without, because=_FIXED)


def _rate_steps(
    rate: str | list[RateStepSection],
    kind: str,
    reader: FormulaReader,
    shared: Mapping[str, float],
    variables: Mapping[str, Formula],
) -> tuple[RateStep, ...]:
    path: tuple[str | int, ...] = ("model", "discounting", kind)
    if isinstance(rate, str):
        pairs = [(0.0, rate, path)]
    else:
        pairs = [(step.start, step.rate, (*path, index, "rate")) for index, step in enumerate(rate)]
    starts = [start for start, _, _ in pairs]
    if not starts or starts[0] != 0 or any(b <= a for a, b in pairwise(starts)):
        what = f"the rates start at {starts} years"
        reader.complain(
            path, what, "The first must start at 0 and each later one after the one before"
        )
        return ()
    steps = []
    for start, text, place in pairs:
        formula = _shared_formula(text, place, reader, shared, variables)
        if formula is not None:
            value = _number(formula, shared, reader.tables)
            if not -0.5 < value < 10_000:
                reader.complain(
                    place, f"the discount rate is {value:g} a year", "Write 3.5% as 0.035"
                )
            steps.append(RateStep(start, formula))
    return tuple(steps)


def _cycle_length(text: str, reader: FormulaReader) -> float | None:
    try:
        return duration.years(text)
    except ValueError as error:
        reader.complain(("model", "cycle"), str(error))
        return None


def _cycles(
    section: SettingsSection, cycle_length: float, start_age: float, reader: FormulaReader
) -> int | None:
    path = ("model", "horizon")
    try:
        if section.horizon == "lifetime":
            exact = (section.max_age - start_age) / cycle_length
        else:
            amount, unit = duration.split(section.horizon)
            exact = amount if unit == "cycle" else duration.years(section.horizon) / cycle_length
    except ValueError as error:
        reader.complain(path, str(error), "Or write 'lifetime', or a number of cycles: '75 cycles'")
        return None
    cycles = math.ceil(exact - 1e-9) if math.isfinite(exact) else 0
    if cycles < 1:
        what = f"the horizon '{section.horizon}' from age {start_age:g} has no cycles"
        reader.complain(path, what, f"A lifetime ends at max_age = {section.max_age:g}")
        return None
    if exact < 1 - 1e-9:
        what = f"the horizon '{section.horizon}' is shorter than one cycle of {section.cycle}"
        reader.complain(path, what, "Lengthen the horizon or shorten the cycle")
        return None
    if cycles > MAX_CYCLES:
        what = f"the horizon '{section.horizon}' has {cycles:,} cycles of {section.cycle}"
        remedy = f"At most {MAX_CYCLES:,} are run: shorten the horizon or lengthen the cycle"
        reader.complain(path, what, remedy)
        return None
    return cycles


def _number(formula: Formula, values: Mapping[str, float], tables: Mapping[str, Table]) -> float:
    return float(evaluate(formula.tree, values, tables))
