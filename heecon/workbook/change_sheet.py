"""The change log sheet: what leads from one scenario to this one, and what each step does."""

from __future__ import annotations

from heecon.analysis.change_log import ChangeLog
from heecon.analysis.strategy_comparison import StrategyComparison
from heecon.difference.change import Change
from heecon.workbook.book import (
    HEADER,
    HEADING,
    MONEY,
    NOTE,
    PERCENT,
    PLAIN,
    QALY,
    TITLE,
    WRAP,
    Book,
    Sheet,
    Style,
    Value,
)
from heecon.workbook.case import WorkbookInput

CHANGE_LOG = "Change_log"
FIRST = 5


def add_change_log(book: Book, case: WorkbookInput) -> Sheet:
    """The sheet, whether or not there is anything to tell."""
    sheet = book.sheet(CHANGE_LOG, "What led to this scenario, and what each change did")
    sheet.put(1, 1, "Change log", TITLE)
    if case.log is None or case.log.same:
        sheet.put(2, 1, "Nothing precedes this scenario.", NOTE)
        sheet.widths = {1: 60}
        return sheet
    log = case.log
    sheet.put(
        2,
        1,
        f"From {log.a.name} ({log.a.title}) to {log.b.name} ({log.b.title}). Computed "
        "by heecon when the workbook was made; the last step ends exactly at this scenario.",
        NOTE,
    )
    row = _changes(sheet, FIRST, log)
    row = _effects(sheet, row + 2, log)
    _silent(sheet, row + 2, log)
    sheet.widths = {1: 8, 2: 46, 3: 24, 4: 24, 5: 16, 6: 16, 7: 16, 8: 16, 9: 16, 10: 16}
    sheet.freeze = "C5"
    return sheet


def _changes(sheet: Sheet, row: int, log: ChangeLog) -> int:
    sheet.put(row, 1, "Changes, step by step", HEADING)
    sheet.across(row + 1, 1, ("step", "input", "before", "after", "change", "relative"), HEADER)
    row += 2
    for number, step in enumerate(log.steps, start=1):
        for change in step.changes:
            sheet.put(row, 1, number, Style("stored", "0"))
            _change(sheet, row, change)
            row += 1
        for why in step.why_together:
            sheet.put(row, 2, f"one step: {why}", NOTE)
            row += 1
    return row - 1


def _change(sheet: Sheet, row: int, change: Change) -> None:
    cells: list[tuple[Value, Style]] = [
        (change.key, WRAP),
        ("(none)" if change.before is None else change.before, WRAP),
        ("(none)" if change.after is None else change.after, WRAP),
        (change.absolute, Style("stored", PLAIN)),
        (change.relative, Style("stored", PERCENT)),
    ]
    for column, (value, style) in enumerate(cells, start=2):
        if value is not None:
            sheet.put(row, column, value, style)


def _effects(sheet: Sheet, row: int, log: ChangeLog) -> int:
    """Where every strategy stands after each step."""
    sheet.put(
        row, 1, f"Where every strategy stands after each step, against {log.b.comparator}", HEADING
    )
    heads = [
        "step",
        "strategy",
        "cost",
        "QALYs",
        "incremental cost",
        "incremental QALYs",
        "ICER",
        "quadrant",
    ]
    heads += [f"incremental NMB at {threshold:,.0f}" for threshold in log.thresholds]
    sheet.across(row + 1, 1, heads, HEADER)
    sheet.heights[row + 1] = 30
    row += 2
    stages: list[tuple[Value, tuple[StrategyComparison, ...]]] = [("before", log.a.comparisons)]
    stages += [(number, step.after) for number, step in enumerate(log.steps, start=1)]
    for stage, comparisons in stages:
        for standing in comparisons:
            _standing(sheet, row, stage, standing, log)
            row += 1
    return row - 1


def _standing(
    sheet: Sheet, row: int, stage: Value, standing: StrategyComparison, log: ChangeLog
) -> None:
    cells: list[tuple[Value, Style]] = [
        (stage, Style("stored", PLAIN)),
        (standing.strategy, Style("text")),
        (standing.cost, Style("stored", MONEY)),
        (standing.qalys, Style("stored", QALY)),
        (standing.incremental_cost, Style("stored", MONEY)),
        (standing.incremental_qalys, Style("stored", QALY)),
        (standing.icer, Style("stored", "#,##0")),
        (standing.quadrant, Style("stored", PLAIN)),
        *((standing.incremental_nmb.get(t), Style("stored", MONEY)) for t in log.thresholds),
    ]
    for column, (value, style) in enumerate(cells, start=1):
        if value is not None:
            sheet.put(row, column, value, style)


def _silent(sheet: Sheet, row: int, log: ChangeLog) -> None:
    if not log.without_effect:
        return
    sheet.put(row, 1, "Changes without effect on the base case", HEADING)
    sheet.across(row + 1, 1, ("", "input", "before", "after", "change", "relative", "why"), HEADER)
    for line, change in enumerate(log.without_effect, start=row + 2):
        _change(sheet, line, change)
        sheet.put(line, 7, change.note, WRAP)
