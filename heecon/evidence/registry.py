"""The registry of evidence: one row a published figure, which parameters cite by its id."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path

from heecon.errors import Diagnostics, InvalidValue, shown
from heecon.evidence.estimand import ESTIMANDS, Estimand
from heecon.evidence.interval import LOG_SE
from heecon.files import names
from heecon.files.table_file import TableFile, check_columns, number, read_table

"""The registry lies beside the models: ``inputs/evidence/evidence.csv``."""

COLUMNS = (
    "id", "topic", "population", "intervention", "comparator", "outcome", "estimand",
    "value", "low", "high", "se", "p_value", "n", "events", "denominator", "unit", "price_year",
    "source", "status", "checked", "superseded_by", "note",
)  # fmt: skip
"""Columns of evidence.csv, all of them needed."""

STATUSES = ("trial", "published", "derived", "assumption")
"""As of parameters, from the strongest to the weakest."""

CHECKED = {
    "read": "read in the source",
    "quoted": "as quoted in a review",
    "computed": "reckoned from other rows",
    "unseen": "quoted without a source that could be read",
}
"""How far somebody went to see the figure."""

UNRESOLVED = "unresolved"
"""Stands in ``superseded_by`` of a figure that is wrong and that nothing replaces so far."""

_ID = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
_NUMBERS = ("value", "low", "high", "se", "n", "events", "denominator")
_P_VALUE = re.compile(r"<?(0?\.[0-9]+|1\.0*)")


@dataclass(frozen=True)
class Evidence:
    """One published figure.

    Attributes:
        id: what citations call it.
        topic, population, intervention, comparator, outcome: what was compared in whom.
        estimand: a key of ``ESTIMANDS``.
        value: the point estimate; None where only an interval or a p value was printed.
        low, high: its 95% interval, or a range.
        se: standard error, on the estimand's scale (of the logarithm for ratios).
        p_value: as printed, such as "0.027" or "<0.001".
        n: patients behind it.
        events, denominator: the counts of a proportion.
        unit: unit of a figure that is no ratio.
        price_year: year of a price.
        source: reference.
        status: "trial", "published", "derived" or "assumption".
        checked: a key of ``CHECKED``.
        superseded_by: id of the row to use instead, "unresolved", or empty.
        note: anything else.
        rounding: half a unit of the last digit printed of value, low, high, se and p_value.
        where: place in the file, for messages.
    """

    id: str
    estimand: str
    value: float | None = None
    low: float | None = None
    high: float | None = None
    se: float | None = None
    p_value: str = ""
    n: float | None = None
    events: float | None = None
    denominator: float | None = None
    topic: str = ""
    population: str = ""
    intervention: str = ""
    comparator: str = ""
    outcome: str = ""
    unit: str = ""
    price_year: str = ""
    source: str = ""
    status: str = "published"
    checked: str = "quoted"
    superseded_by: str = ""
    note: str = ""
    rounding: Mapping[str, float] = field(default_factory=dict)
    where: str = ""

    @property
    def kind(self) -> Estimand:
        """What its estimand allows."""
        return ESTIMANDS[self.estimand]

    @property
    def quantity(self) -> str:
        """What a parameter that cites it must have as its unit."""
        return self.estimand if self.kind.ratio else self.unit


@dataclass(frozen=True)
class Registry:
    """All the evidence there is.

    Attributes:
        name: how messages call the file.
        rows: evidence by id.
    """

    name: str
    rows: Mapping[str, Evidence]

    def find(self, identifier: str) -> Evidence:
        """The row of an id, right or wrong.

        Raises:
            InvalidValue: there is none.
        """
        if identifier not in self.rows:
            hint = names.did_you_mean(identifier, self.rows)
            raise InvalidValue(f"unknown evidence {shown(identifier)}", hint)
        return self.rows[identifier]

    def cite(self, identifier: str) -> Evidence:
        """The row of an id that may be used.

        Raises:
            InvalidValue: there is none, or it is superseded.
        """
        row = self.find(identifier)
        if row.superseded_by == UNRESOLVED:
            what = f"the evidence '{identifier}' is known to be wrong and must not be used"
            raise InvalidValue(what, f"Its note says: {row.note}")
        if row.superseded_by:
            what = f"the evidence '{identifier}' is superseded"
            raise InvalidValue(what, f"Cite '{row.superseded_by}' instead")
        return row


def read_registry(path: Path, name: str = "evidence/evidence.csv") -> Registry:
    """Read and check ``evidence.csv``.

    Raises:
        InputError: with everything that is wrong in it.
    """
    return registry_from_table(read_table(path, name))


def registry_from_table(table: TableFile) -> Registry:
    """Check the rows of a registry and return it.

    Raises:
        InputError: with everything that is wrong in it.
    """
    check_columns(table, COLUMNS, COLUMNS)
    diagnostics = Diagnostics()
    rows: dict[str, Evidence] = {}
    for index in range(len(table.rows)):
        row = _row(table, index, diagnostics)
        if row.id in rows:
            what = f"the id '{row.id}' stands twice (first at {rows[row.id].where})"
            diagnostics.error(table.where(index, "id"), what, "Choose another id")
        rows.setdefault(row.id, row)
    _check_successors(rows, diagnostics)
    diagnostics.raise_if_any()
    return Registry(table.name, rows)


def _row(table: TableFile, index: int, diagnostics: Diagnostics) -> Evidence:
    """One row; what cannot be read is left out of it and reported."""
    cells = dict(zip(table.header, table.rows[index], strict=True))

    def error(column: str, what: str, hint: str) -> None:
        diagnostics.error(table.where(index, column), what, hint)

    numbers: dict[str, float | None] = dict.fromkeys(_NUMBERS)
    for column in _NUMBERS:
        with diagnostics.collecting(table.where(index, column)):
            numbers[column] = number(cells[column]) if cells[column] else None
    if not _ID.fullmatch(cells["id"]):
        what = f"{shown(cells['id'])} cannot be an id"
        error("id", what, "Use letters, digits and underscores, a letter first")
    choices = {"estimand": ESTIMANDS, "status": STATUSES, "checked": CHECKED}
    for column, known in choices.items():
        if cells[column] not in known:
            what = f"unknown {column} {shown(cells[column])}"
            error(column, what, names.did_you_mean(cells[column], known))
            cells[column] = next(iter(known))
    if cells["p_value"] and not _P_VALUE.fullmatch(cells["p_value"]):
        error("p_value", f"{shown(cells['p_value'])} is not a p value", "Write 0.03 or <0.001")
    if not cells["source"] and cells["status"] != "assumption":
        error("source", "the row names no source", "Name it, or call it an assumption")
    rest = {"rounding": _rounding(cells, numbers), "where": table.where(index, "id")}
    row = Evidence(**{**cells, **numbers, **rest})  # type: ignore[arg-type]
    _check_figures(row, error)
    return row


def _rounding(cells: Mapping[str, str], numbers: Mapping[str, float | None]) -> Mapping[str, float]:
    """Half a unit of the last digit: a value and its ends are printed with as many of them."""
    printed = [column for column in ("value", "low", "high", "se") if numbers[column] is not None]
    printed += (
        ["p_value"] if _P_VALUE.fullmatch(cells["p_value"]) and cells["p_value"][0] != "<" else []
    )
    half = {
        column: 0.5 * 10.0 ** int(Decimal(cells[column]).as_tuple().exponent) for column in printed
    }
    ends = [column for column in ("value", "low", "high") if column in half]
    return half | {column: min(half[end] for end in ends) for column in ends}


def _check_figures(row: Evidence, error: Callable[[str, str, str], None]) -> None:
    """Note, by (column, what, hint), figures of a row that do not go together."""
    value, low, high = row.value, row.low, row.high
    if low is not None and high is not None and low > high:
        error("low", f"low {low:g} is above high {high:g}", "Exchange them")
    elif value is not None and (
        (low is not None and value < low) or (high is not None and value > high)
    ):
        what = f"the interval {low} to {high} does not contain the value {value:g}"
        error("value", what, "Look it up in the source")
    if row.kind.ratio and any(x is not None and x <= 0 for x in (value, low, high)):
        error("value", f"a {row.estimand} is positive", "Look it up in the source")
    if row.se is not None and row.se <= 0:
        error("se", f"the standard error {row.se:g} is not positive", "Leave it out")
    elif row.se is not None and row.kind.ratio and not LOG_SE[0] <= row.se <= LOG_SE[1]:
        what = f"{row.se:g} cannot be the standard error of the logarithm of a {row.estimand}"
        error("se", what, f"It is {LOG_SE[0]:g} to {LOG_SE[1]:g}: look it up in the source")
    if (row.events is None) != (row.denominator is None):
        error("events", "events and denominator go together", "Give both or neither")
    if row.events is not None and row.denominator is not None:
        if not 0 <= row.events <= row.denominator or row.denominator <= 0:
            error("events", "there are more events than patients", "Correct the counts")
        elif value is not None and abs(row.events / row.denominator - value) > 0.001:
            share = row.events / row.denominator
            what = f"{row.events:g} of {row.denominator:g} is {share:.4g}, not {value:g}"
            error("value", what, "Correct one of the three")
    if row.n is not None and row.n <= 0:
        error("n", f"{row.n:g} is no number of patients", "Leave it out")
    least, most = row.kind.limits
    if value is not None and not least <= value <= most:
        what = f"a {row.estimand} of {value:g} is {'above' if value > most else 'below'} "
        error("value", f"{what}{most if value > most else least:g}", "Look it up in the source")


def _check_successors(rows: Mapping[str, Evidence], diagnostics: Diagnostics) -> None:
    """Refuse rows superseded by something that is not there, or is superseded itself."""
    for row in rows.values():
        successor = row.superseded_by
        if successor in {"", UNRESOLVED}:
            continue
        if successor not in rows:
            what = f"'{row.id}' is superseded by the unknown evidence {shown(successor)}"
            diagnostics.error(row.where, what, names.did_you_mean(successor, rows))
        elif rows[successor].superseded_by:
            what = f"'{row.id}' is superseded by '{successor}', which is superseded itself"
            diagnostics.error(row.where, what, "Name the row to use now")
