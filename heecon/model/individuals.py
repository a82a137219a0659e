"""The [individuals] and [types] sections and patients.csv: what differs between people."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from heecon.arrays import Floats
from heecon.errors import Diagnostics
from heecon.files import names
from heecon.files.table_file import TableFile, numbers_of
from heecon.model.copula import Copula, read_copulas
from heecon.model.definition import WEIGHT, Attribute, EventTypes, State
from heecon.model.families import FAMILIES
from heecon.model.formulas import FormulaReader, Path
from heecon.model.schema import IndividualSection
from heecon.model.structure import REST, is_rest

Columns = Mapping[str, Floats]

_BEFORE = (
    "It is drawn once, before the first cycle, from what all people share: use parameters, and "
    "variables without time, history or attributes"
)


@dataclass(frozen=True)
class PersonFamily:
    """A distribution between individuals.

    Attributes:
        arguments: names of its arguments.
        check: a message when arguments are out of range, else an empty string.
        quantile: inverse distribution function of (probabilities, *arguments).
        meaning: for the documentation.
    """

    arguments: tuple[str, ...]
    check: Callable[..., str]
    quantile: Callable[..., Any]
    meaning: str = ""


def _frailty_quantile(u: Floats, variance: float) -> Any:
    if variance == 0.0:
        return np.ones_like(u)
    return FAMILIES["gamma"].quantile(u, 1.0 / variance, variance)


def _frailty_check(variance: float) -> str:
    return "" if variance == 0.0 or 1e-9 < variance < 1e9 else "the variance must be 0 to 1e9"


def _all_positive(*arguments: float) -> str:
    return "" if all(a > 0.0 for a in arguments) else "every argument must be positive"


def _share(p: float) -> str:
    return "" if 0.0 <= p <= 1.0 else "the probability must lie in 0 to 1"


INDIVIDUAL_FAMILIES: Mapping[str, PersonFamily] = {
    **{
        name: PersonFamily(family.arguments, family.check, family.quantile, "as in parameters.csv")
        for name, family in FAMILIES.items()
        if name != "fixed"
    },
    "frailty": PersonFamily(
        ("variance",), _frailty_check, _frailty_quantile, "gamma with mean 1, to multiply a hazard"
    ),
    "exponential": PersonFamily(
        ("rate",), _all_positive, lambda u, rate: -np.log1p(-u) / rate, "time to an event"
    ),
    "weibull": PersonFamily(
        ("shape", "scale"),
        _all_positive,
        lambda u, shape, scale: scale * (-np.log1p(-u)) ** (1.0 / shape),
        "time to an event",
    ),
    "bernoulli": PersonFamily(
        ("probability",),
        _share,
        lambda u, p: np.where(u < 1.0 - p, 0.0, 1.0),
        "1 with a probability, else 0",
    ),
}
"""How an attribute may be distributed between individuals."""


@dataclass(frozen=True)
class People:
    """What was read of [individuals], [types] and patients.csv."""

    attributes: Mapping[str, Attribute] = field(default_factory=dict)
    types: Mapping[str, EventTypes] = field(default_factory=dict)
    copulas: Mapping[str, Copula] = field(default_factory=dict)


def read_people(
    sections: Mapping[str, IndividualSection],
    types: Mapping[str, Mapping[str, str]],
    states: Mapping[str, State],
    patients: Columns | None,
    joints: Mapping[str, tuple[tuple[str, ...], Floats]],
    reader: FormulaReader,
) -> People:
    """Check and convert both sections; problems go to the reader.

    Args:
        sections: [individuals] as written.
        types: [types] as written.
        states: the model's states.
        patients: the columns of patients.csv, if there is one.
        joints: what is in joint/.
        reader: parses expressions and collects problems.
    """
    attributes = {
        name: _attribute(name, section, patients, reader) for name, section in sections.items()
    }
    if WEIGHT not in {section.column for section in sections.values()}:
        _check_weights((patients or {}).get(WEIGHT), reader)
    members: dict[str, dict[str, str]] = {}
    for name, section in sections.items():
        if section.group and section.column is None:
            members.setdefault(section.group, {})[name] = reader.place(("individuals", name))
    known = [name for group in members.values() for name in group]
    copulas = read_copulas(members, joints, known, reader.diagnostics)
    found = {state: _types(state, shares, states, reader) for state, shares in types.items()}
    return People(attributes, found, copulas)


def _check_weights(weights: Floats | None, reader: FormulaReader) -> None:
    if weights is None or ((weights >= 0).all() and weights.any()):
        return
    negative = np.flatnonzero(weights < 0)
    found = (
        f"that of row {negative[0] + 1} is {weights[negative[0]]:g}"
        if negative.size
        else "all are 0"
    )
    what = f"no weight may be below 0 and one must be above: {found}"
    hint = "Correct them; or let an attribute read the column, if it is what people weigh"
    reader.diagnostics.error(f"patients.csv ({WEIGHT})", what, hint)


def _attribute(
    name: str, section: IndividualSection, patients: Columns | None, reader: FormulaReader
) -> Attribute:
    path: Path = ("individuals", name)
    label = section.label or name
    if (section.distribution is None) == (section.column is None):
        what = f"attribute '{name}' needs either a distribution or a column of patients.csv"
        reader.error(path, what, "Give exactly one of the two")
        return Attribute(name, label)
    if section.column is not None:
        if patients is None:
            what = f"attribute '{name}' is a column of patients.csv, which is not there"
            reader.error(path, what, "Put patients.csv beside model.toml")
        elif section.column not in patients:
            what = f"patients.csv has no column '{section.column}'"
            reader.error((*path, "column"), what, names.did_you_mean(section.column, patients))
        if section.group or section.arguments:
            what = f"attribute '{name}' is read from a column: it is not drawn"
            reader.error(path, what, "Drop its arguments and its group")
        return Attribute(name, label, column=section.column)
    family = section.distribution or ""
    if family not in INDIVIDUAL_FAMILIES:
        hint = names.did_you_mean(family, INDIVIDUAL_FAMILIES)
        reader.error((*path, "distribution"), f"unknown distribution '{family}'", hint)
        return Attribute(name, label)
    wanted = INDIVIDUAL_FAMILIES[family].arguments
    if len(section.arguments) != len(wanted):
        what = f"'{family}' takes {len(wanted)} arguments, not {len(section.arguments)}"
        reader.error(path, what, f"Give arguments = [{', '.join(wanted)}]")
        return Attribute(name, label)
    without = reader.cycle_names | reader.personal_names
    arguments = tuple(
        reader.read(text, (*path, "arguments", i), without=without, because=_BEFORE)
        for i, text in enumerate(section.arguments)
    )
    return Attribute(name, label, family, arguments, group=section.group)


def _types(
    state: str, texts: Mapping[str, str], states: Mapping[str, State], reader: FormulaReader
) -> EventTypes:
    path: Path = ("types", state)
    if state not in states:
        hint = names.did_you_mean(state, states)
        reader.error(path, f"unknown state '{state}'", hint)
    rests = [name for name, text in texts.items() if is_rest(text)]
    if len(texts) < 2:
        reader.error(path, f"an entry into '{state}' has fewer than two types", "Drop it")
    if len(rests) > 1:
        reader.error(path, f"'{REST}' stands at {rests}", "Only one type can take the rest")
    without = reader.cycle_names | reader.personal_names
    shares = {
        name: None
        if is_rest(text)
        else reader.read(text, (*path, name), without=without, because=_BEFORE)
        for name, text in texts.items()
    }
    return EventTypes(state, shares)


def patients_from_table(table: TableFile, diagnostics: Diagnostics) -> Columns:
    """The columns of patients.csv; a cell that is not a number is an error."""
    if not table.rows:
        diagnostics.error(table.name, "there are no patients", "Add a row for each")
    values = numbers_of(table, diagnostics)
    return {column: values[:, i] for i, column in enumerate(table.header)}


def patients_from_columns(
    columns: Mapping[str, Sequence[float]], diagnostics: Diagnostics
) -> Columns:
    """The same of plain columns given in code."""
    found = {name: np.asarray(values, dtype=float) for name, values in columns.items()}
    if len({values.shape for values in found.values()}) != 1 or not all(
        values.ndim == 1 and values.size for values in found.values()
    ):
        what = "the columns are not all of one length of at least 1"
        diagnostics.error("patients", what, "Give one number a patient in each")
    for name, values in found.items():
        for row in np.flatnonzero(~np.isfinite(values.ravel()))[:1]:
            what = f"the value of patient {row} is {values.ravel()[row]}"
            diagnostics.error(f"patients ({name})", what, "Every number must be finite")
    return found


def share_sum_problem(total: float, complete: bool) -> str:
    """What is wrong with the sum of the shares of types, or an empty string."""
    if total > 1.0 + 1e-9 or not math.isfinite(total):
        return f"the shares of the types sum to {total:.10g}"
    if complete and total < 1.0 - 1e-9:
        return f"the shares of the types sum to {total:.10g}, and no type takes the rest"
    return ""


def clashes(own: Collection[str], taken: Mapping[str, str]) -> list[tuple[str, str]]:
    """Names of the past or of attributes that something else has, with what that is."""
    found = []
    for name in own:
        other = names.clash(name, taken)
        if other:
            found.append((name, f"the {taken[other]} '{other}'"))
    return found
