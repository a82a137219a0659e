"""The comparison workbook of a batch: every scenario and strategy side by side, as numbers."""

from __future__ import annotations

from collections.abc import Sequence

from heecon.analysis.scenarios import ScenarioRun, comparison
from heecon.analysis.strategy_comparison import (
    RunTotals,
    StrategyComparison,
    standings,
    totals_of,
)
from heecon.workbook.address import letters
from heecon.workbook.book import (
    HEADER,
    HEADING,
    MONEY,
    NOTE,
    PLAIN,
    QALY,
    TEXT,
    TITLE,
    WRAP,
    Book,
    Sheet,
    Style,
    Value,
)

FIRST = 5


def comparison_book(runs: Sequence[ScenarioRun]) -> Book:
    """A workbook with one sheet of everything, and one with scenarios down, strategies across."""
    book = Book("Scenarios side by side")
    totals = {run.name: totals_of(run.evaluation) for run in runs if run.evaluation is not None}
    _side_by_side(book, totals)
    _everything(book, runs)
    _scenarios(book, runs)
    return book


def _side_by_side(book: Book, totals: dict[str, RunTotals]) -> None:
    """One block a result: scenarios down, strategies across."""
    sheet = book.sheet("Side_by_side", "One block a result: scenarios down, strategies across")
    sheet.put(1, 1, "Scenarios side by side", TITLE)
    words = (
        "Stored results of heecon, per person, discounted. Increments are strategy minus the "
        "scenario's comparator; the live model is in each scenario's own workbook."
    )
    sheet.put(2, 1, words, NOTE)
    levels, stood = standings(totals)
    found = {name: {s.strategy: s for s in rows} for name, rows in stood.items()}
    strategies = list(dict.fromkeys(name for rows in found.values() for name in rows))
    blocks: list[tuple[str, str]] = [
        ("cost", MONEY), ("qalys", QALY), ("incremental_cost", MONEY), ("incremental_qalys", QALY),
        ("icer", "#,##0"), ("quadrant", PLAIN),
    ]  # fmt: skip
    blocks += [(f"incremental NMB at {level:,.0f}", MONEY) for level in levels]
    row = 4
    for place, (title, style) in enumerate(blocks):
        sheet.put(row, 1, title.replace("_", " "), HEADING)
        sheet.across(row + 1, 1, ("scenario", "currency", "comparator", *strategies), HEADER)
        row += 2
        for name, rows in found.items():
            sheet.across(row, 1, (name, totals[name].currency, totals[name].comparator), TEXT)
            for column, strategy in enumerate(strategies, start=4):
                level = levels[place - 6] if place >= 6 else None
                value = _value(rows.get(strategy), title, level)
                if value is not None:
                    sheet.put(row, column, value, Style("stored", style))
            row += 1
        row += 1
    sheet.widths = {1: 32, 2: 10, 3: 22} | {4 + i: 18 for i in range(len(strategies))}
    sheet.freeze = "B4"


def _value(standing: StrategyComparison | None, title: str, level: float | None) -> Value:
    if standing is None:
        return None
    if level is not None:
        return standing.incremental_nmb.get(level)
    found: Value = getattr(standing, title)
    return found


def _everything(book: Book, runs: Sequence[ScenarioRun]) -> None:
    """The rows of comparison.csv."""
    sheet = book.sheet("Comparison", "One row a scenario and strategy")
    table = comparison(runs)
    sheet.put(1, 1, table.title, TITLE)
    sheet.across(FIRST - 1, 1, [column.name for column in table.columns], HEADER)
    for row, cells in enumerate(table.rows, start=FIRST):
        for column, cell in enumerate(cells, start=1):
            if isinstance(cell, bool):
                sheet.put(row, column, "yes" if cell else "no")
            elif isinstance(cell, int | float):
                sheet.put(row, column, cell, Style("stored", PLAIN))
            elif cell is not None:
                sheet.put(row, column, str(cell))
    sheet.widths = dict.fromkeys(range(1, len(table.columns) + 1), 18.0)
    sheet.heights[FIRST - 1] = 30
    sheet.freeze = f"{letters(4)}{FIRST}"
    sheet.wide = True


def _scenarios(book: Book, runs: Sequence[ScenarioRun]) -> None:
    """Title and purpose of every scenario, and what is wrong with the broken ones."""
    sheet: Sheet = book.sheet("Scenarios", "What each scenario is for")
    sheet.put(1, 1, "Scenarios", TITLE)
    sheet.across(FIRST - 1, 1, ("scenario", "title", "purpose", "problems"), HEADER)
    sheet.widths = {1: 30, 2: 50, 3: 90, 4: 60}
    for row, run in enumerate(runs, start=FIRST):
        info = run.evaluation.model.scenario if run.evaluation is not None else None
        problems = " ".join(str(problem) for problem in run.problems)
        texts = (run.name, info.title if info else "", info.purpose if info else "", problems)
        for column, text in enumerate(texts, start=1):
            sheet.put(row, column, text, WRAP)
