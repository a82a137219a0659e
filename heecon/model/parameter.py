"""Parameters: one row a number, with its distribution, status and source."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from numbers import Real
from typing import Literal, get_args

from heecon.errors import Diagnostics, InputError, InvalidValue, Problem, shown
from heecon.files import names
from heecon.files.shape import STAND_IN
from heecon.files.table_file import TableFile, check_columns, number
from heecon.model.citation import Row, Sources, filled
from heecon.model.distribution import Distribution, fitted, mismatch
from heecon.model.families import FAMILIES
from heecon.model.joint import JOINT_FAMILIES

Status = Literal["trial", "published", "derived", "assumption"]
STATUSES: tuple[str, ...] = get_args(Status)

COLUMNS = (
    "name", "strategy", "label", "value", "low", "high", "se",
    "distribution", "arg1", "arg2", "arg3", "correlation_group",
    "unit", "price_year", "tags", "status", "source", "note", "evidence", "conversion",
)  # fmt: skip
"""Columns of parameters.csv; only name and a value, or evidence that has one, are needed."""

TAGS = (
    "price", "unit_cost", "utility", "disutility", "mortality", "relative_effect", "baseline_risk",
    "adverse_event", "treatment_duration", "methodological", "switch", "population", "unbounded",
)  # fmt: skip
"""What a tag may be; verification tests choose parameters by them."""

_TEXTS = ("label", "correlation_group", "unit", "source", "note", "evidence", "conversion")

_YEAR = re.compile(r"19[0-9]{2}|2[01][0-9]{2}")


class _ByWord:
    """A distribution that code may also give by the name of its family, to be built from the rest.

    It is a descriptor because a reader of the parameter always finds a distribution, never a word.
    """

    def __get__(self, row: Parameter | None, _owner: type) -> Distribution | None:
        found: Distribution | None = None if row is None else vars(row)["distribution"]
        return found

    def __set__(self, row: Parameter, given: Distribution | str | None) -> None:
        vars(row)["distribution"] = _built(row, given) if isinstance(given, str) else given


def _built(row: Parameter, family: str) -> Distribution:
    """The distribution of a family with the value, standard error and interval of a row.

    Raises:
        InputError: there is no such family, or the numbers make none of it.
    """
    try:
        if family not in FAMILIES:
            hint = names.did_you_mean(family, FAMILIES)
            if family in JOINT_FAMILIES:
                hint = f'Write joint_family="{family}" and name its correlation_group'
            raise InvalidValue(f"unknown distribution {shown(family)}", hint)
        return fitted(family, row.value, se=row.se, low=row.low, high=row.high)
    except InvalidValue as unusable:
        raise InputError(Problem(f"parameter '{row.key}'", unusable.what, unusable.hint)) from None


@dataclass(frozen=True)
class Parameter:
    """One number of a model.

    Attributes:
        name: the name expressions use.
        value: base value.
        strategy: the strategy it belongs to; None for all without a row of their own.
        label: words for tables; the name when empty.
        low: lower bound (2.5%) for one-way analysis and for building the distribution.
        high: upper bound (97.5%).
        se: standard error.
        distribution: a univariate distribution, or the name of its family when it is made in code
            ("beta" from se, or from low and high); None when the parameter is fixed or belongs to a
            joint block.
        joint_family: key of ``JOINT_FAMILIES`` when it belongs to a block, else empty.
        joint_count: Dirichlet count, else None.
        correlation_group: name of its block or rank-correlation group, else empty.
        unit: unit in words; prices name currency.
        price_year: year of a price.
        tags: a subset of ``TAGS``.
        status: where the number comes from; an assumption has no published source.
        source: reference, or the reason of an assumption.
        note: anything else.
        evidence: id of the row of the registry its figures come from, else empty.
        conversion: the conversion declared between the two, else empty.
        where: place in the file, for messages.
    """

    name: str
    value: float
    strategy: str | None = None
    label: str = ""
    low: float | None = None
    high: float | None = None
    se: float | None = None
    distribution: _ByWord = _ByWord()
    joint_family: str = ""
    joint_count: float | None = None
    correlation_group: str = ""
    unit: str = ""
    price_year: int | None = None
    tags: tuple[str, ...] = ()
    status: str = "assumption"
    source: str = ""
    note: str = ""
    evidence: str = ""
    conversion: str = ""
    where: str = ""

    @property
    def key(self) -> str:
        """Unique name: ``hr_sre`` or, with a strategy, ``hr_sre[denosumab]``."""
        return self.name if self.strategy is None else f"{self.name}[{self.strategy}]"

    @property
    def place(self) -> str:
        """Where messages point: its cell, or the parameter itself when it was made in code."""
        return self.where or f"parameter '{self.key}'"

    def overridden(self, value: float, source: str, where: str) -> Parameter:
        """The parameter with another value: fixed there, and an assumption until said otherwise."""
        return replace(
            self,
            value=value,
            low=None,
            high=None,
            se=None,
            distribution=fitted("fixed", value),
            joint_family="",
            joint_count=None,
            correlation_group="",
            status="assumption",
            source=source,
            evidence="",
            conversion="",
            where=where,
        )


def parameters_from_table(
    table: TableFile, diagnostics: Diagnostics, sources: Sources | None = None
) -> tuple[Parameter, ...]:
    """Read every row, collecting all the errors rather than stopping at the first.

    Args:
        table: the file.
        diagnostics: takes what is wrong with the rows.
        sources: the evidence a row may cite.

    Raises:
        InputError: a column is unknown or missing, so that the rows cannot be understood.
    """
    check_columns(table, COLUMNS, ("name",) if "evidence" in table.header else ("name", "value"))
    found = []
    for index, cells in enumerate(table.rows):
        row = {column: cell for column, cell in zip(table.header, cells, strict=True) if cell}
        places = {column: table.where(index, column) for column in (*table.header, "")}
        found.append(parameter_from_row(row, places, diagnostics, sources))
    return tuple(parameter for parameter in found if parameter is not None)


def parameter_from_row(
    row: Row,
    places: Mapping[str, str],
    diagnostics: Diagnostics,
    sources: Sources | None = None,
) -> Parameter | None:
    """Build one parameter from cells: the texts of a file, or values.

    Args:
        row: the filled cells by column.
        places: the address of every column's cell; key "" is the row's.
        diagnostics: takes what is wrong with them.
        sources: the evidence the row may cite.

    Returns:
        The parameter. A row with a usable name always gives one, so that one bad number does not
        make every formula that reads it look wrong as well; any other gives None.
    """
    before = diagnostics.found
    cells = filled(row, places, diagnostics, sources)
    words = {column: str(cell) for column, cell in cells.items()}

    def place(column: str) -> str:
        return places.get(column, places[""])

    def read(column: str) -> float | None:
        with diagnostics.collecting(place(column)):
            cell = cells.get(column)
            if cell is None or (not isinstance(cell, str) and math.isfinite(cell)):
                return cell
            return number(str(cell))
        return None

    name = words.get("name", "")
    complaint = names.complaint(name) if name else "the row has no name"
    if complaint:
        diagnostics.error(place("name"), complaint, "Choose another name")
    value = read("value")
    if "value" not in words:
        diagnostics.error(place("value"), f"parameter '{name}' has no value", "Type a number")
    numbers = {column: read(column) for column in ("low", "high", "se", "arg1", "arg2", "arg3")}
    tags = tuple(words.get("tags", "").replace(";", " ").replace(",", " ").split())
    status = words.get("status", "assumption")
    _check_words("tag", tags, TAGS, place("tags"), diagnostics)
    _check_words("status", [status], STATUSES, place("status"), diagnostics)
    year = words.get("price_year", "")
    if year and not _YEAR.fullmatch(year):
        what = f"{shown(year)} is not a year"
        diagnostics.error(place("price_year"), what, "Write four digits")
        year = ""
    with diagnostics.collecting(place("value")):
        _check_bounds(numbers["low"], value, numbers["high"])
    if complaint:
        return None
    if value is None:
        value = STAND_IN
    shape: Distribution | str = fitted("fixed", STAND_IN)
    with diagnostics.collecting(place("value")):
        shape = fitted("fixed", value)
    if diagnostics.found == before:
        try:
            shape = _distribution(words.get("distribution", "fixed"), value, numbers, words)
        except InvalidValue as invalid:
            diagnostics.error(place("distribution"), f"{name}: {invalid.what}", invalid.hint)
    return Parameter(
        name=name,
        value=value,
        strategy=words.get("strategy"),
        low=numbers["low"],
        high=numbers["high"],
        se=numbers["se"],
        distribution=shape if isinstance(shape, Distribution) else None,
        joint_family="" if isinstance(shape, Distribution) else shape,
        joint_count=None if isinstance(shape, Distribution) else numbers["arg1"],
        price_year=int(year) if year else None,
        tags=tags,
        status=status,
        where=place("value"),
        **{column: words.get(column, "") for column in _TEXTS},
    )


def check_parameter(parameter: Parameter, diagnostics: Diagnostics) -> None:
    """What can be wrong with a parameter that was made in code rather than read from a file."""
    place = parameter.place
    complaint = names.complaint(parameter.name)
    if complaint:
        diagnostics.error(place, complaint, "Choose another name")
    if not _is_number(parameter.value):
        what = f"the value {shown(parameter.value)} is not a finite number"
        diagnostics.error(place, what, "Give one")
    for end in (parameter.low, parameter.high):
        if end is not None and not _is_number(end):
            diagnostics.error(place, f"the interval's end {shown(end)} is no number", "Give one")
    _check_words("tag", parameter.tags, TAGS, place, diagnostics)
    _check_words("status", [parameter.status], STATUSES, place, diagnostics)


def _is_number(value: object) -> bool:
    return isinstance(value, Real) and math.isfinite(value)


def _check_words(
    noun: str, words: Iterable[str], known: Sequence[str], place: str, diagnostics: Diagnostics
) -> None:
    for word in words:
        if word not in known:
            what = f"unknown {noun} {shown(word)}"
            diagnostics.error(place, what, names.did_you_mean(word, known))


def _check_bounds(low: float | None, value: float | None, high: float | None) -> None:
    if value is None or ((low is None or low <= value) and (high is None or value <= high)):
        return
    ends = {"low": low, "high": high}
    bounds = " and ".join(f"{name} {end:g}" for name, end in ends.items() if end is not None)
    what = f"the value {value:g} does not lie inside {bounds}"
    raise InvalidValue(what, "The bounds must surround the value")


def warn_of(parameters: Sequence[Parameter], diagnostics: Diagnostics) -> None:
    """Warn of values off their distribution and of claims without a source."""
    for parameter in parameters:
        where, named = parameter.where, parameter.key if parameter.where else parameter.place
        if parameter.distribution is not None:
            off = mismatch(parameter.distribution, parameter.value)
            if off:
                diagnostics.warn(where, f"{named}: {off}")
            if parameter.se is not None and parameter.distribution.family == "fixed":
                what = f"{named} has a standard error but no distribution: it is fixed"
                diagnostics.warn(where, what)
        if parameter.status != "assumption" and not parameter.source:
            what = f"{named} is '{parameter.status}' but names no source"
            diagnostics.warn(where, f"{what}; it is counted as an assumption")


def warn_of_ranges(parameters: Sequence[Parameter], diagnostics: Diagnostics) -> None:
    """Warn of inputs that look uncertain and are fixed in a probabilistic analysis.

    What is a choice rather than evidence has a range and no distribution on purpose.
    """
    fixed = [
        row.key
        for row in parameters
        if (row.low is not None or row.high is not None)
        and row.distribution is not None
        and row.distribution.family == "fixed"
        and not {"switch", "methodological"}.intersection(row.tags)
    ]
    if fixed:
        inputs = "1 input has" if len(fixed) == 1 else f"{len(fixed)} inputs have"
        named = ", ".join(fixed[:5]) + (", ..." if len(fixed) > 5 else "")
        what = f"{inputs} a range but no distribution and stay fixed in the PSA: {named}"
        hint = "Name their distributions, or tag what is a choice 'methodological'"
        diagnostics.warn("parameters", what, hint)


def is_assumption(parameter: Parameter) -> bool:
    """True when nobody published the number, or nobody says who did."""
    return parameter.status == "assumption" or not parameter.source


def check_duplicates(parameters: Sequence[Parameter], diagnostics: Diagnostics) -> None:
    """Refuse two rows with one name and strategy, and names that differ only by case."""
    rows: dict[tuple[str, str | None], Parameter] = {}
    spelling: dict[str, str] = {}
    for parameter in parameters:
        first = rows.setdefault((parameter.name, parameter.strategy), parameter)
        if first is not parameter:
            what = f"parameter '{parameter.key}' stands twice (first at {first.place})"
            hint = "Delete one row, or give it a strategy"
            diagnostics.error(parameter.place, what, hint)
        known = spelling.setdefault(parameter.name.lower(), parameter.name)
        if known != parameter.name and parameter is first:
            what = (
                f"'{parameter.name}' and '{known}' differ only by case, which spreadsheets ignore"
            )
            diagnostics.error(parameter.place, what, "Rename one of them")


def _distribution(
    family: str, value: float, numbers: Mapping[str, float | None], row: Mapping[str, str]
) -> Distribution | str:
    """The univariate distribution of a row, or the name of its joint family."""
    if family in JOINT_FAMILIES:
        if "correlation_group" not in row:
            what = f"'{family}' needs a correlation_group"
            raise InvalidValue(what, "Name the block its parameters share")
        if family == "dirichlet" and numbers["arg1"] is None:
            raise InvalidValue("'dirichlet' needs its count in arg1", "Give the number observed")
        return family
    if family not in FAMILIES:
        hint = names.did_you_mean(family, [*FAMILIES, *JOINT_FAMILIES])
        raise InvalidValue(f"unknown distribution {shown(family)}", hint)
    given = [numbers[column] for column in ("arg1", "arg2", "arg3")]
    arguments = [argument for argument in given if argument is not None]
    if None in given[: len(arguments)]:
        raise InvalidValue(
            "there is a gap among its arguments", "Fill arg1, arg2, arg3 in this order"
        )
    return fitted(
        family,
        value,
        arguments=arguments,
        se=numbers["se"],
        low=numbers["low"],
        high=numbers["high"],
    )
