"""Parameters: one row a number, with its distribution, status and source."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal, get_args

from heecon.errors import Problem
from heecon.model import names
from heecon.model.distribution import FAMILIES, Distribution, build, mismatch
from heecon.model.joint import JOINT_FAMILIES
from heecon.model.table_file import TableFile, number

Status = Literal["trial", "published", "derived", "assumption"]
STATUSES: tuple[str, ...] = get_args(Status)

COLUMNS = (
    "name", "strategy", "label", "value", "low", "high", "se",
    "distribution", "arg1", "arg2", "arg3", "correlation_group",
    "unit", "price_year", "tags", "status", "source", "note",
)  # fmt: skip
"""Columns of parameters.csv; only name and value are needed."""

TAGS = (
    "price", "unit_cost", "utility", "disutility", "mortality", "relative_effect", "baseline_risk",
    "adverse_event", "treatment_duration", "methodological", "switch", "population",
)  # fmt: skip
"""What a tag may be; verification tests choose parameters by them."""


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
        distribution: a univariate distribution; None when the parameter belongs to a joint block.
        joint_family: key of ``JOINT_FAMILIES`` when it belongs to a block, else empty.
        joint_count: Dirichlet count, else None.
        correlation_group: name of its block or rank-correlation group, else empty.
        unit: unit in words; prices name currency.
        price_year: year of a price.
        tags: a subset of ``TAGS``.
        status: where the number comes from; an assumption has no published source.
        source: reference, or the reason of an assumption.
        note: anything else.
        where: place in the file, for messages.
    """

    name: str
    value: float
    strategy: str | None = None
    label: str = ""
    low: float | None = None
    high: float | None = None
    se: float | None = None
    distribution: Distribution | None = None
    joint_family: str = ""
    joint_count: float | None = None
    correlation_group: str = ""
    unit: str = ""
    price_year: int | None = None
    tags: tuple[str, ...] = ()
    status: str = "assumption"
    source: str = ""
    note: str = ""
    where: str = ""

    @property
    def key(self) -> str:
        """Unique name: ``hr_sre`` or, with a strategy, ``hr_sre[denosumab]``."""
        return self.name if self.strategy is None else f"{self.name}[{self.strategy}]"

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
            where=where,
        )


def parameters_from_table(table: TableFile) -> tuple[tuple[Parameter, ...], list[Problem]]:
    """Read every row, collecting all the problems rather than stopping at the first."""
    problems: list[Problem] = []
    for column in table.header:
        if column not in COLUMNS:
            remedy = names.did_you_mean(column, COLUMNS)
            problems.append(Problem(f"{table.name}:1", f"unknown column '{column}'", remedy))
    for column in ("name", "value"):
        if column not in table.header:
            problems.append(Problem(f"{table.name}:1", f"there is no column '{column}'"))
    if problems:
        return (), problems
    found: list[Parameter] = []
    for index, cells in enumerate(table.rows):
        row = {column: cell for column, cell in zip(table.header, cells, strict=True) if cell}
        places = {column: table.where(index, column) for column in (*table.header, "")}
        parameter, complaints = parameter_from_row(row, places)
        problems += complaints
        if parameter is not None:
            found.append(parameter)
    return tuple(found), problems


def parameter_from_row(
    row: Mapping[str, str], places: Mapping[str, str]
) -> tuple[Parameter | None, list[Problem]]:
    """Build one parameter from text cells.

    Args:
        row: the filled cells by column.
        places: the address of every column's cell; key "" is the row's.

    Returns:
        The parameter and what is wrong with it. A row with a usable name always gives a parameter,
        so that one bad number does not make every formula that reads it look wrong as well.
    """
    problems: list[Problem] = []

    def place(column: str) -> str:
        return places.get(column, places[""])

    def read(column: str) -> float | None:
        if column not in row:
            return None
        try:
            return number(row[column])
        except ValueError as error:
            problems.append(Problem(place(column), str(error)))
            return None

    name = row.get("name", "")
    complaint = names.complaint(name)
    if complaint:
        problems.append(Problem(place("name"), complaint, "Rename the parameter"))
    value = read("value")
    if "value" not in row:
        problems.append(Problem(place("value"), f"parameter '{name}' has no value"))
    numbers = {column: read(column) for column in ("low", "high", "se", "arg1", "arg2", "arg3")}
    tags = tuple(row.get("tags", "").replace(";", " ").replace(",", " ").split())
    problems += [
        Problem(place("tags"), f"unknown tag '{tag}'", names.did_you_mean(tag, TAGS))
        for tag in tags
        if tag not in TAGS
    ]
    status = row.get("status", "assumption")
    if status not in STATUSES:
        remedy = names.did_you_mean(status, STATUSES)
        problems.append(Problem(place("status"), f"unknown status '{status}'", remedy))
    year = row.get("price_year", "")
    if year and not (year.isdigit() and 1900 <= int(year) <= 2200):
        problems.append(Problem(place("price_year"), f"'{year}' is not a year"))
    low, high = numbers["low"], numbers["high"]
    if value is not None and not _surround(low, value, high):
        what = f"low {low}, value {value:g} and high {high} are not in this order"
        problems.append(Problem(place("value"), what, "The bounds must surround the value"))
    if complaint:
        return None, problems
    shape: Distribution | str = build("fixed", value or 0.0)
    if not problems and value is not None:
        try:
            shape = _distribution(row.get("distribution", "fixed"), value, numbers, row)
        except ValueError as error:
            problems.append(Problem(place("distribution"), f"{name}: {error}"))
    parameter = Parameter(
        name=name,
        value=value or 0.0,
        strategy=row.get("strategy"),
        label=row.get("label", ""),
        low=numbers["low"],
        high=numbers["high"],
        se=numbers["se"],
        distribution=shape if isinstance(shape, Distribution) else None,
        joint_family="" if isinstance(shape, Distribution) else shape,
        joint_count=None if isinstance(shape, Distribution) else numbers["arg1"],
        correlation_group=row.get("correlation_group", ""),
        unit=row.get("unit", ""),
        price_year=int(year) if year.isdigit() else None,
        tags=tags,
        status=status,
        source=row.get("source", ""),
        note=row.get("note", ""),
        where=place("value"),
    )
    return parameter, problems


def _surround(low: float | None, value: float, high: float | None) -> bool:
    return (low is None or low <= value) and (high is None or value <= high)


def warnings_of(parameters: Sequence[Parameter]) -> list[str]:
    """Complaints that do not stop a run: values off their distribution, claims without a source."""
    found: list[str] = []
    for parameter in parameters:
        if parameter.distribution is not None:
            off = mismatch(parameter.distribution, parameter.value)
            if off:
                found.append(f"{parameter.where}: {parameter.key}: {off}.")
        if parameter.status != "assumption" and not parameter.source:
            found.append(
                f"{parameter.where}: {parameter.key} is '{parameter.status}' but names no source; "
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
            what = f"parameter '{parameter.key}' stands twice (first at {first.where})"
            problems.append(Problem(parameter.where, what, "Delete one row, or give it a strategy"))
        known = spelling.setdefault(parameter.name.lower(), parameter.name)
        if known != parameter.name:
            what = (
                f"'{parameter.name}' and '{known}' differ only by case, which spreadsheets ignore"
            )
            problems.append(Problem(parameter.where, what, "Rename one of them"))
    return problems


def _distribution(
    family: str, value: float, numbers: Mapping[str, float | None], row: Mapping[str, str]
) -> Distribution | str:
    """The univariate distribution of a row, or the name of its joint family."""
    if family in JOINT_FAMILIES:
        if "correlation_group" not in row:
            raise ValueError(f"'{family}' needs a correlation_group naming its block")
        if family == "dirichlet" and numbers["arg1"] is None:
            raise ValueError("'dirichlet' needs its count in arg1")
        return family
    if family not in FAMILIES:
        known = [*FAMILIES, *JOINT_FAMILIES]
        raise ValueError(f"unknown distribution '{family}'. {names.did_you_mean(family, known)}")
    given = [numbers[column] for column in ("arg1", "arg2", "arg3")]
    arguments = [argument for argument in given if argument is not None]
    if None in given[: len(arguments)]:
        raise ValueError("the arguments must fill arg1, arg2, arg3 in this order without gaps")
    return build(
        family,
        value,
        arguments=arguments,
        se=numbers["se"],
        low=numbers["low"],
        high=numbers["high"],
    )
