"""The sheets of inputs: one row an input, what each scenario says of it, what a strategy uses."""

from __future__ import annotations

import math

from heecon.model.bounds import ANY, Limits, bounds
from heecon.model.definition import Model
from heecon.model.parameter import Parameter, is_assumption
from heecon.workbook.address import letters
from heecon.workbook.book import (
    HEADER,
    NOTE,
    PLAIN,
    TEXT,
    Book,
    Choice,
    Sheet,
    Style,
    Value,
    within,
)
from heecon.workbook.case import WorkbookInput
from heecon.workbook.layout import ABSENT, INPUTS, SCENARIO_INPUTS, VALUES, Layout
from heecon.workbook.layout import HEADER as TOP
from heecon.workbook.live import Live, area, index, total, where
from heecon.workbook.settings import Setting

WIDTHS = {
    "id": 30, "label": 40, "strategy": 20, "live value": 13, "your override": 13,
    "scenario's value": 13, "PSA draw": 13, "problem": 16, "low": 10, "high": 10,
    "distribution": 14, "se": 10,
    "arg1": 10, "arg2": 10, "arg3": 8, "correlation_group": 12, "unit": 14, "price_year": 8,
    "tags": 22, "status": 12, "source": 60, "evidence": 22, "note": 50,
}  # fmt: skip
"""Columns of the sheet of inputs; those after the problem hold what parameters.csv holds."""

PLACE = {name: i for i, name in enumerate(WIDTHS, start=1)}

SPARE = 50
"""Empty rows below the inputs, for rows that a user adds."""

BELOW = 1_000
"""Rows below these where an id is noticed that nothing reads."""

NO_ID, TWICE, UNREAD = "no id", "id stands twice", "nothing reads it"
IMPOSSIBLE = "impossible value"
"""What can be wrong with an override or its row."""

STOPPING = {"treatment_duration", "methodological"}
"""Tags of the inputs that are stopping rules: they stand on the control sheet as well."""


def stopping_rules(model: Model) -> tuple[Parameter, ...]:
    """The inputs that say how long treatment lasts, for all strategies."""
    return tuple(
        row for row in model.parameters if row.strategy is None and set(row.tags) >= STOPPING
    )


def values_of(model: Model) -> dict[str, float]:
    """Value of every row under a scenario, by key."""
    return {row.key: row.value for row in model.parameters}


def evidence_numbers(model: Model) -> dict[str, int]:
    """A number for each distinct source, in the order of the file."""
    sources = dict.fromkeys(row.source for row in model.parameters if row.source)
    return {source: i for i, source in enumerate(sources, start=1)}


def evidence_id(parameter: Parameter, numbers: dict[str, int]) -> str:
    """What the sheet of evidence calls it: its id in the registry, else its source's number."""
    number = numbers.get(parameter.source)
    return parameter.evidence or ("" if number is None else f"S{number}")


def add_inputs(book: Book, case: WorkbookInput) -> Sheet:
    """The sheet with one row an input."""
    sheet = book.sheet(INPUTS, "One row an input: change a number in the yellow column")
    keys, count = case.keys, len(case.keys) + SPARE
    sheet.head(
        "Inputs",
        "Type a number into a yellow cell to override the scenario's value; clear it to go back. "
        "Rows may be sorted or moved; they are found by their id.",
        "A row 'name[strategy]' goes before the row 'name'. To tell a strategy apart type such an "
        f"id and an override into one of the {SPARE} empty rows at the end. Low, high and "
        "distribution are those of the scenario the workbook was made for.",
    )
    sheet.across(TOP, 1, WIDTHS, HEADER)
    letter = letters(PLACE["your override"])
    possible: dict[Limits, list[str]] = {}
    rules = {row.key: f"set_stop_{row.name}" for row in stopping_rules(case.model)}
    known = {row.key: row for row in case.model.parameters}
    numbers = evidence_numbers(case.model)
    for row, key in enumerate(keys, start=TOP + 1):
        _describe(sheet, row, key, case, known.get(key), numbers)
        parameter = known.get(key) or _like(case, key)
        limits = bounds(parameter.unit, parameter.tags)
        value = known[key].value if key in known else ABSENT
        _input_row(book, sheet, row, value, case, book.named.get(rules.get(key, "")), limits)
        possible.setdefault(limits, []).append(f"{letter}{row}")
    for row in range(TOP + 1 + len(keys), TOP + 1 + count):
        for column in ("id", "label", "strategy", "status", "source", "note"):
            sheet.put(row, PLACE[column], None, Style("input", PLAIN))
        _input_row(book, sheet, row, "", case, None)
        possible.setdefault(ANY, []).append(f"{letter}{row}")
    for name, column in (
        ("in_id", "id"),
        ("in_live", "live value"),
        ("in_override", "your override"),
        ("in_base", "scenario's value"),
        ("in_problem", "problem"),
    ):
        book.name(name, sheet.column(TOP + 1, PLACE[column], count))
    book.name("in_below", sheet.column(TOP + 1 + count, PLACE["id"], BELOW))
    sheet.widths = {PLACE[name]: width for name, width in WIDTHS.items()}
    sheet.freeze = f"E{TOP + 1}"
    sheet.print_rows, sheet.print_columns = f"{TOP}:{TOP}", "A:A"
    sheet.wide = True
    sheet.heights[TOP] = 30
    for limits, cells in possible.items():
        words = f"Your own value{within(limits)}. Empty: the scenario's."
        sheet.choices.append(Choice(" ".join(cells), "", words, limits))
    return sheet


def _describe(
    sheet: Sheet,
    row: int,
    key: str,
    case: WorkbookInput,
    parameter: Parameter | None,
    numbers: dict[str, int],
) -> None:
    """The cells of a row that are no values."""
    name, _, rest = key.partition("[")
    strategy = rest.rstrip("]")
    sheet.put(row, PLACE["id"], key, TEXT)
    sheet.put(row, PLACE["label"], (parameter or _like(case, key)).label or name, TEXT)
    words = case.model.strategies[strategy].label if strategy in case.model.strategies else strategy
    sheet.put(row, PLACE["strategy"], words or "all", TEXT)
    for column, cell in cells_of(parameter, numbers).items() if parameter else ():
        style = Style("data", PLAIN) if isinstance(cell, float) else TEXT
        sheet.put(row, PLACE[column], cell, style)


def _input_row(
    book: Book,
    sheet: Sheet,
    row: int,
    value: Value,
    case: WorkbookInput,
    stop: Live | None,
    limits: Limits = ANY,
) -> None:
    """The values of a row: that of the scenario, of a draw, typed, and the live one."""
    number = Style("calc", PLAIN)
    if stop is not None:
        typed = where(stop.equals(""), "", stop)
        override = sheet.show(row, PLACE["your override"], typed, number)
    else:
        override = sheet.put(row, PLACE["your override"], None, Style("input", PLAIN))
    found = f"MATCH(A{row},sc_id,0)"
    text = (
        f'IF(A{row}="","",IF(ISNUMBER({found}),'
        f'INDEX(sc_table,{found},set_scenario_number),"{ABSENT}"))'
    )
    base = sheet.show(row, PLACE["scenario's value"], Live(text, value), number)
    if case.outcomes is not None and case.outcomes.parameters:
        text = (
            f"IF(set_psa_draw>0,IF(ISNUMBER(MATCH(A{row},psa_id,0)),"
            f'INDEX(psa_parameters,set_psa_draw,MATCH(A{row},psa_id,0)),""),"")'
        )
        draw = sheet.show(row, PLACE["PSA draw"], Live(text, ""), number)
    else:
        draw = sheet.put(row, PLACE["PSA draw"], "", TEXT)
    override, base, draw = override.relative, base.relative, draw.relative
    drawn = where(draw.equals(""), base, draw)
    live = where(override.equals(""), drawn, override)
    sheet.show(row, PLACE["live value"], live, Style("result", PLAIN))
    beyond = [
        f"{override}{sign}{book.constant(limit)}"
        for sign, limit in zip("<>", limits, strict=True)
        if math.isfinite(limit)
    ]
    fine = '""' if not beyond else f'IF(OR({",".join(beyond)}),"{IMPOSSIBLE}","")'
    place = f"ROW(A{row})-ROW(A${TOP})"
    text = (
        f'IF(A{row}="",IF({override}="","","{NO_ID}"),IF(MATCH(A{row},in_id,0)<>{place},"{TWICE}",'
        f'IF({override}="","",IF(COUNTIF(values_place,{place})=0,"{UNREAD}",{fine}))))'
    )
    sheet.show(row, PLACE["problem"], Live(text, ""), Style("warning"))


def cells_of(parameter: Parameter, numbers: dict[str, int] | None = None) -> dict[str, Value]:
    """The cells of a parameter that describe it, as the sheet of inputs shows them."""
    arguments = arguments_of(parameter)
    cells: dict[str, Value] = {
        "low": parameter.low,
        "high": parameter.high,
        "distribution": family_of(parameter),
        "se": parameter.se,
        "arg1": arguments[0],
        "arg2": arguments[1],
        "arg3": arguments[2],
        "correlation_group": parameter.correlation_group,
        "unit": parameter.unit,
        "price_year": parameter.price_year,
        "tags": " ".join(parameter.tags),
        "status": "assumption" if is_assumption(parameter) else parameter.status,
        "source": parameter.source,
        "evidence": evidence_id(parameter, numbers or {}),
        "note": parameter.note,
    }
    return {column: cell for column, cell in cells.items() if cell not in (None, "")}


def family_of(parameter: Parameter) -> str:
    """The distribution as a file names it."""
    if parameter.joint_family:
        return parameter.joint_family
    return parameter.distribution.family if parameter.distribution else "fixed"


def arguments_of(parameter: Parameter) -> tuple[float | None, float | None, float | None]:
    """The distribution's arguments, whether the file gives them or they were fitted."""
    if parameter.distribution is None:
        return parameter.joint_count, None, None
    if parameter.distribution.family == "fixed":
        return None, None, None
    found = [*parameter.distribution.arguments, None, None, None]
    return found[0], found[1], found[2]


def _like(case: WorkbookInput, key: str) -> Parameter:
    """The row another scenario of the family has under a key."""
    return next(
        row for variant in case.variants for row in variant.model.parameters if row.key == key
    )


# --- what each scenario says ---------------------------------------------------------------------


def add_scenario_inputs(book: Book, case: WorkbookInput, settings: tuple[Setting, ...]) -> Sheet:
    """The settings and inputs of every scenario side by side."""
    sheet = book.sheet(SCENARIO_INPUTS, "What each scenario says of every setting and input")
    sheet.head(
        "Settings and inputs by scenario",
        "The control sheet picks a column. Overrides are typed there and on Inputs, not here.",
    )
    heads = ["id", "label", *(variant.name for variant in case.variants), "place on Inputs"]
    sheet.across(TOP, 1, heads, HEADER)
    sheet.put(TOP - 1, 2, "sums of the inputs as exported", NOTE)
    sheet.put(TOP - 2, 2, "how far the inputs are from them, and together", NOTE)
    row = TOP
    for setting in settings:
        row += 1
        sheet.put(row, 1, setting.id)
        sheet.put(row, 2, setting.label)
        for column, entry in enumerate(setting.entries, start=3):
            if entry.text:
                sheet.show(row, column, entry, Style("calc", setting.format))
            else:
                sheet.put(row, column, entry.value, Style("data", setting.format))
    said = [values_of(variant.model) for variant in case.variants]
    for key in case.keys:
        row += 1
        sheet.across(row, 1, (key, _like(case, key).label or key), TEXT)
        sheet.across(row, 3, [values.get(key, ABSENT) for values in said], Style("data", PLAIN))
        place = Live(f"MATCH($A{row},in_id,0)", row - TOP - len(settings))
        sheet.show(row, 3 + len(said), place, Style("note", "0"))
    wide, many = len(case.variants), len(settings)
    # Two ranges: settings may be formulas of inputs, and inputs may not depend on them in turn.
    book.names["ss_id"] = sheet.reference(TOP + 1, 1, rows=many)
    book.names["ss_table"] = sheet.reference(TOP + 1, 3, rows=many, columns=wide)
    first = TOP + 1 + many
    count = max(1, len(case.keys))
    book.name("sc_id", sheet.column(first, 1, count))
    book.names["sc_table"] = sheet.reference(first, 3, rows=count, columns=wide)
    book.name("sc_place", sheet.column(first, 3 + wide, count))
    columns = [sheet.column(first, 3 + i, count) for i in range(wide)]
    changed = [sheet.seal(TOP - 1, TOP - 2, 3 + i, cells) for i, cells in enumerate(columns)]
    book.name("sc_changed", sheet.show(TOP - 2, 1, total(area(changed)), Style("calc", PLAIN)))
    book.names["list_scenarios"] = sheet.reference(TOP, 3, columns=wide)
    sheet.widths = {1: 30, 2: 44} | {3 + i: 16 for i in range(wide)}
    sheet.freeze = f"C{TOP + 1}"
    sheet.print_rows, sheet.print_columns = f"{TOP}:{TOP}", "A:A"
    sheet.wide = True
    return sheet


# --- what a strategy uses ------------------------------------------------------------------------


def add_values(book: Book, case: WorkbookInput, layout: Layout) -> Sheet:
    """The live value of every parameter as each strategy sees it."""
    sheet = book.sheet(
        VALUES, "The value each strategy uses: its own row of Inputs, else that of all"
    )
    sheet.head(
        "Live values by strategy",
        "The traces read these cells. The left block finds the row on Inputs, the right "
        "one its live value.",
    )
    heads: tuple[str | None, ...] = (None, *layout.strategies)
    count = max(1, len(case.names))
    for head in heads:
        sheet.put(TOP - 1, layout.place_column(head), "place on Inputs", NOTE)
        sheet.put(TOP, layout.place_column(head), head or "all", HEADER)
        sheet.put(TOP - 1, layout.value_column(head), "live value", NOTE)
        sheet.put(TOP, layout.value_column(head), head or "all", HEADER)
    sheet.put(TOP - 1, layout.without_draw_column, "without a draw", NOTE)
    sheet.put(TOP, layout.without_draw_column, "all", HEADER)
    sheet.put(TOP, 1, "parameter", HEADER)
    for name in case.names:
        sheet.put(layout.value_row(name), 1, name)
    for head in heads:
        _value_columns(book, sheet, head, case, layout)
    override, base = book.named["in_override"], book.named["in_base"]
    for name in case.names:
        row = layout.value_row(name)
        place = sheet.cell(row, layout.place_column(None)).relative
        own = where(index(override, place).equals(""), index(base, place), index(override, place))
        formula = where(place.equals(""), "", own)
        sheet.show(row, layout.without_draw_column, formula, Style("calc", PLAIN))
    sheet.widths = {1: 30} | dict.fromkeys(
        range(2, layout.value_column(layout.strategies[-1]) + 1), 15
    )
    sheet.freeze = f"B{TOP + 1}"
    sheet.print_rows, sheet.print_columns = f"{TOP}:{TOP}", "A:A"
    sheet.wide = True
    book.names["values_place"] = sheet.reference(
        TOP + 1, layout.place_column(None), rows=count, columns=1 + len(layout.strategies)
    )
    book.names["values_all"] = sheet.reference(
        TOP + 1,
        layout.value_column(layout.strategies[0]),
        rows=count,
        columns=len(layout.strategies),
    )
    return sheet


def _value_columns(
    book: Book, sheet: Sheet, head: str | None, case: WorkbookInput, layout: Layout
) -> None:
    """Places and values of one strategy, or of all."""
    place_column, value_column = layout.place_column(head), layout.value_column(head)
    title = f"{letters(place_column)}${TOP}"
    places, here = {key: i for i, key in enumerate(case.keys, start=1)}, values_of(case.model)
    for name in case.names:
        row, key = layout.value_row(name), f"{name}[{head}]"
        shared, match = (
            f'IFERROR(MATCH($A{row},in_id,0),"")',
            f'MATCH($A{row}&"["&{title}&"]",in_id,0)',
        )
        # A row of its own without a value is one the chosen scenario does not have.
        own = f"IFERROR(IF(ISNUMBER(INDEX(in_live,{match})),{match},{shared}),{shared})"
        found = places.get(key if key in here else name, "")
        text = shared if head is None else own
        place = sheet.show(row, place_column, Live(text, found), Style("note", "0")).relative
        formula = where(place.equals(""), "", index(book.named["in_live"], place))
        sheet.show(row, value_column, formula, Style("calc", PLAIN))
