"""Parameters: one row a number, with its distribution, status and source."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from numbers import Real
from typing import Literal, get_args

from heecon.errors import InputError, InvalidValue, Problem, shown
from heecon.files import names
from heecon.files.table_file import TableFile, number
from heecon.model.citation import Sources, filled
from heecon.model.distribution import FAMILIES, Distribution, build, mismatch
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
    "adverse_event", "treatment_duration", "methodological", "switch", "population",
)  # fmt: skip
"""What a tag may be; verification tests choose parameters by them."""

STAND_IN = 0.5
"""Takes the place of a value with a problem: positive and below one, it suits every formula."""

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
            remedy = names.did_you_mean(family, FAMILIES)
            if family in JOINT_FAMILIES:
                remedy = f'Write joint_family="{family}" and name its correlation_group'
            raise InvalidValue(f"unknown distribution {shown(family)}", remedy)
        return build(family, row.value, se=row.se, low=row.low, high=row.high)
    except InvalidValue as unusable:
        raise InputError(
            Problem(f"parameter '{row.key}'", unusable.what, unusable.remedy)
        ) from None


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
            distribution=build("fixed", value),
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
    table: TableFile, sources: Sources | None = None
) -> tuple[tuple[Parameter, ...], list[Problem]]:
    """Read every row, collecting all the problems rather than stopping at the first.

    Args:
        table: the file.
        sources: the evidence a row may cite.

    Raises:
        InputError: a column is unknown or missing, so that the rows cannot be understood.
    """
    problems: list[Problem] = []
    for column in table.header:
        if column not in COLUMNS:
            remedy = names.did_you_mean(column, COLUMNS)
            what = f"unknown column {shown(column)}"
            problems.append(Problem(table.where_header(column), what, remedy))
    needed = ("name",) if "evidence" in table.header else ("name", "value")
    for column in needed:
        if column not in table.header:
            what = f"there is no column '{column}'"
            problems.append(Problem(table.where_header(), what, "Add it to the header"))
    if problems:
        raise InputError(problems)
    found: list[Parameter] = []
    for index, cells in enumerate(table.rows):
        row = {column: cell for column, cell in zip(table.header, cells, strict=True) if cell}
        places = {column: table.where(index, column) for column in (*table.header, "")}
        parameter, complaints = parameter_from_row(row, places, sources)
        problems += complaints
        if parameter is not None:
            found.append(parameter)
    return tuple(found), problems


def parameter_from_row(
    row: Mapping[str, str], places: Mapping[str, str], sources: Sources | None = None
) -> tuple[Parameter | None, list[Problem]]:
    """Build one parameter from text cells.

    Args:
        row: the filled cells by column.
        places: the address of every column's cell; key "" is the row's.
        sources: the evidence the row may cite.

    Returns:
        The parameter and what is wrong with it. A row with a usable name always gives a parameter,
        so that one bad number does not make every formula that reads it look wrong as well.
    """
    row, problems = filled(row, places, sources)

    def place(column: str) -> str:
        return places.get(column, places[""])

    def read(column: str) -> float | None:
        if column not in row:
            return None
        try:
            return number(row[column])
        except InvalidValue as complaint:
            problems.append(complaint.at(place(column)))
            return None

    name = row.get("name", "")
    complaint = names.complaint(name) if name else "the row has no name"
    if complaint:
        problems.append(Problem(place("name"), complaint, "Choose another name"))
    value = read("value")
    if "value" not in row:
        what, remedy = f"parameter '{name}' has no value", "Type a number"
        problems.append(Problem(place("value"), what, remedy))
    numbers = {column: read(column) for column in ("low", "high", "se", "arg1", "arg2", "arg3")}
    tags = tuple(row.get("tags", "").replace(";", " ").replace(",", " ").split())
    status = row.get("status", "assumption")
    problems += [problem.at(place("tags")) for problem in _unknown("tag", tags, TAGS)]
    problems += [problem.at(place("status")) for problem in _unknown("status", [status], STATUSES)]
    year = row.get("price_year", "")
    if year and not _YEAR.fullmatch(year):
        what = f"{shown(year)} is not a year"
        problems.append(Problem(place("price_year"), what, "Write four digits"))
        year = ""
    low, high = numbers["low"], numbers["high"]
    if value is not None and not _surround(low, value, high):
        bounds = " and ".join(
            f"{column} {bound:g}"
            for column, bound in (("low", low), ("high", high))
            if bound is not None
        )
        what = f"the value {value:g} does not lie inside {bounds}"
        problems.append(Problem(place("value"), what, "The bounds must surround the value"))
    if complaint:
        return None, problems
    if value is None:
        value = STAND_IN
    shape: Distribution | str = build("fixed", value)
    if not problems:
        try:
            shape = _distribution(row.get("distribution", "fixed"), value, numbers, row)
        except InvalidValue as unusable:
            found = InvalidValue(f"{name}: {unusable.what}", unusable.remedy)
            problems.append(found.at(place("distribution")))
    parameter = Parameter(
        name=name,
        value=value,
        strategy=row.get("strategy"),
        label=row.get("label", ""),
        low=low,
        high=high,
        se=numbers["se"],
        distribution=shape if isinstance(shape, Distribution) else None,
        joint_family="" if isinstance(shape, Distribution) else shape,
        joint_count=None if isinstance(shape, Distribution) else numbers["arg1"],
        correlation_group=row.get("correlation_group", ""),
        unit=row.get("unit", ""),
        price_year=int(year) if year else None,
        tags=tags,
        status=status,
        source=row.get("source", ""),
        note=row.get("note", ""),
        evidence=row.get("evidence", ""),
        conversion=row.get("conversion", ""),
        where=place("value"),
    )
    return parameter, problems


def complaints_of(parameter: Parameter) -> list[InvalidValue]:
    """What is wrong with a parameter that was made in code rather than read from a file."""
    found = []
    name = names.complaint(parameter.name)
    if name:
        found.append(InvalidValue(name, "Choose another name"))
    if not (isinstance(parameter.value, Real) and math.isfinite(parameter.value)):
        what = f"the value {shown(parameter.value)} is not a finite number"
        found.append(InvalidValue(what, "Give one"))
    found += _unknown("tag", parameter.tags, TAGS)
    return found + _unknown("status", [parameter.status], STATUSES)


def _unknown(noun: str, words: Iterable[str], known: Sequence[str]) -> list[InvalidValue]:
    return [
        InvalidValue(f"unknown {noun} {shown(word)}", names.did_you_mean(word, known))
        for word in words
        if word not in known
    ]


def _surround(low: float | None, value: float, high: float | None) -> bool:
    return (low is None or low <= value) and (high is None or value <= high)


def warnings_of(parameters: Sequence[Parameter]) -> list[str]:
    """Complaints that do not stop a run: values off their distribution, claims without a source."""
    found: list[str] = []
    for parameter in parameters:
        said = f"{parameter.where}: {parameter.key}" if parameter.where else parameter.place
        if parameter.distribution is not None:
            off = mismatch(parameter.distribution, parameter.value)
            if off:
                found.append(f"{said}: {off}.")
            if parameter.se is not None and parameter.distribution.family == "fixed":
                found.append(f"{said} has a standard error but no distribution: it is fixed.")
        if parameter.status != "assumption" and not parameter.source:
            found.append(
                f"{said} is '{parameter.status}' but names no source; "
                "it is counted as an assumption."
            )
    return found


def is_assumption(parameter: Parameter) -> bool:
    """True when nobody published the number, or nobody says who did."""
    return parameter.status == "assumption" or not parameter.source


def duplicates(parameters: Sequence[Parameter]) -> list[Problem]:
    """Two rows with one name and strategy, or names that differ only by case."""
    problems: list[Problem] = []
    rows: dict[tuple[str, str | None], Parameter] = {}
    spelling: dict[str, str] = {}
    for parameter in parameters:
        first = rows.setdefault((parameter.name, parameter.strategy), parameter)
        if first is not parameter:
            what = f"parameter '{parameter.key}' stands twice (first at {first.place})"
            problems.append(Problem(parameter.place, what, "Delete one row, or give it a strategy"))
        known = spelling.setdefault(parameter.name.lower(), parameter.name)
        if known != parameter.name and parameter is first:
            what = (
                f"'{parameter.name}' and '{known}' differ only by case, which spreadsheets ignore"
            )
            problems.append(Problem(parameter.place, what, "Rename one of them"))
    return problems


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
        remedy = names.did_you_mean(family, [*FAMILIES, *JOINT_FAMILIES])
        raise InvalidValue(f"unknown distribution {shown(family)}", remedy)
    given = [numbers[column] for column in ("arg1", "arg2", "arg3")]
    arguments = [argument for argument in given if argument is not None]
    if None in given[: len(arguments)]:
        raise InvalidValue(
            "there is a gap among its arguments", "Fill arg1, arg2, arg3 in this order"
        )
    return build(
        family,
        value,
        arguments=arguments,
        se=numbers["se"],
        low=numbers["low"],
        high=numbers["high"],
    )
