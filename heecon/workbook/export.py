"""Put the workbook together and write it."""

from __future__ import annotations

from pathlib import Path

from heecon.files.write import add_to_set, write_all
from heecon.workbook import charts
from heecon.workbook.book import AnchoredChart, Book, Sheet
from heecon.workbook.case import WorkbookInput
from heecon.workbook.change_sheet import add_change_log
from heecon.workbook.checks import Checks
from heecon.workbook.columns import Trace
from heecon.workbook.control import add_control
from heecon.workbook.cover import (
    add_assumptions,
    add_constants,
    add_cover,
    add_evidence,
    finish_cover,
)
from heecon.workbook.inputs import add_inputs, add_scenario_inputs, add_values
from heecon.workbook.layout import Layout
from heecon.workbook.numbers import Numbers, runs_of
from heecon.workbook.one_way_sheet import OneWaySheet
from heecon.workbook.outcomes import add_outcomes
from heecon.workbook.psa_sheets import Psa
from heecon.workbook.results import Results
from heecon.workbook.scenarios_sheet import add_scenarios
from heecon.workbook.settings import settings_of
from heecon.workbook.timeline import Timeline, add_tables
from heecon.workbook.trace import planned, write_trace
from heecon.workbook.xlsx import to_bytes

ORDER = (
    "Cover",
    "Control",
    "Inputs",
    "Results",
    "Charts",
    "Scenarios",
    "One_way",
    "PSA",
    "Checks",
    "Evidence",
    "Assumptions",
    "Change_log",
    "Outcomes",
    "Frontier",
    "Timeline",
    "Trace_",
    "Values",
    "Scenario_inputs",
    "Tables",
    "Constants",
    "PSA_draws",
)
"""Order of the tabs: what a reader wants first, then the workings, then stored data."""


def workbook(case: WorkbookInput) -> Book:
    """Every sheet of the workbook of a case."""
    title = f"{case.model.settings.title}: {case.model.scenario.title or case.variant.name}"
    book = Book(title)
    layout = Layout(case, book)
    settings = settings_of(case, layout)
    cover = add_cover(book, case)
    add_control(book, case, layout, settings)
    add_inputs(book, case)
    add_scenario_inputs(book, case, settings)
    add_values(book, case, layout)
    add_tables(book, case)
    timeline = Timeline(case, layout)
    runs = runs_of(case)
    numbers = {name: Numbers(runs, name) for name in layout.strategies}
    traces = {name: planned(layout, timeline, numbers[name], name) for name in layout.strategies}
    for name, trace in traces.items():
        sheet = book.sheet(
            layout.traces[name], f"Every cycle of: {case.model.strategies[name].label}"
        )
        write_trace(trace, sheet)
    results = Results(case, book, add_outcomes(book, case, runs, traces), traces)
    results.write()
    _charts(book, traces)
    add_scenarios(book, case, layout)
    if case.one_way is not None and results.frontier is not None:
        OneWaySheet(case.one_way, results, results.frontier)
    psa = None
    if case.outcomes is not None:
        psa = Psa(case, book, case.outcomes)
    Checks(results, psa).write()
    add_evidence(book, case)
    add_assumptions(book, case)
    add_change_log(book, case)
    add_constants(book)
    book.sheets.sort(key=_place)
    finish_cover(cover, book, case)
    return book


def _place(sheet: Sheet) -> int:
    kind = "Trace_" if sheet.name.startswith("Trace_") else sheet.name
    return ORDER.index(kind)


def _charts(book: Book, traces: dict[str, Trace]) -> None:
    sheet = book.sheet("Charts", "Where the cohort is over time, one chart a strategy")
    sheet.head("Where the cohort is over time", "Live: the charts follow the traces.")
    for number, trace in enumerate(traces.values()):
        column = "A" if number % 2 == 0 else "K"
        place = f"{column}{4 + 20 * (number // 2)}"
        sheet.charts.append(AnchoredChart(charts.trace_area(trace), place))
        if number % 4 == 3:
            sheet.breaks.append(2 + 20 * (number // 2 + 1))


def write_workbook(case: WorkbookInput, path: Path, manifest: str = "") -> Path:
    """Write the workbook of a case to a file, whole or not at all.

    Args:
        case: what the workbook shows.
        path: where to.
        manifest: file name of the manifest beside it that lists it; none if empty.

    Raises:
        InputError: the file cannot be written, or the workbook cannot carry the model.
    """
    content = to_bytes(workbook(case))
    if manifest:
        return add_to_set(path.parent, path.name, content, manifest)
    return write_all(path.parent, {path.name: content})[0]
