"""The sheet with the results of every scenario side by side, stored at export."""

from __future__ import annotations

from heecon.workbook.book import (
    HEADING,
    MONEY,
    PLAIN,
    QALY,
    WRAP,
    Book,
    Sheet,
    Style,
    Value,
)
from heecon.workbook.case import ScenarioColumn, WorkbookInput
from heecon.workbook.layout import ABSENT, Layout
from heecon.workbook.layout import HEADER as TOP
from heecon.workbook.live import table, where

SCENARIOS = "Scenarios"

KINDS = (("cost", "cost", MONEY), ("qaly", "QALYs", QALY), ("life_year", "life years", QALY))


def add_scenarios(book: Book, case: WorkbookInput, layout: Layout) -> Sheet:
    """What the engine gave for every scenario, one column each."""
    sheet = book.sheet(SCENARIOS, "Results of every scenario side by side, stored at export")
    sheet.head(
        "Scenarios side by side",
        "Computed by heecon when the workbook was made, without overrides. Costs and "
        "QALYs are discounted, per person.",
    )
    changed = book.named["set_model_changes"] > 0
    words = "STALE: without the overrides of this workbook"
    sheet.show(3, 1, where(changed, words, ""), Style("warning"))
    sheet.across(TOP, 1, ["", "", *(variant.name for variant in case.variants)])
    models = [variant.model for variant in case.variants]
    sheet.across(TOP + 1, 1, ("title", "", *(m.scenario.title for m in models)), WRAP)
    sheet.across(TOP + 2, 1, ("purpose", "", *(m.scenario.purpose for m in models)), WRAP)
    sheet.across(TOP + 3, 1, ("currency", "", *(m.settings.currency for m in models)), WRAP)
    row = TOP + 4
    for kind, label, style in KINDS:
        lines = []
        for name in layout.strategies:
            sheet.put(row, 1, f"{label}: {name}")
            totals = [_total(variant, kind, name) for variant in case.variants]
            lines.append(sheet.across(row, 3, totals, Style("stored", style)))
            row += 1
        book.name(f"stored_{kind}", table(lines))
    if case.has_qalys:
        row = _comparisons(sheet, row + 1, case, layout)
    sheet.widths = {1: 42, 2: 3} | {3 + i: 24 for i in range(len(case.variants))}
    sheet.freeze = f"C{TOP + 1}"
    sheet.print_rows = f"{TOP}:{TOP}"
    return sheet


def _total(variant: ScenarioColumn, kind: str, strategy: str) -> Value:
    amounts = {
        "cost": variant.evaluation.cost,
        "qaly": variant.evaluation.qalys,
        "life_year": variant.evaluation.life_years,
    }[kind]()
    return amounts.get(strategy, ABSENT)


def _comparisons(sheet: Sheet, row: int, case: WorkbookInput, layout: Layout) -> int:
    """Increments, ICERs and net benefit of every scenario, and the best strategy."""
    pairs = [
        {pair.strategy: pair for pair in variant.evaluation.pairwise()} for variant in case.variants
    ]
    sheet.put(row, 1, "against the scenario's comparator", HEADING)
    row += 1
    sheet.put(row, 1, "comparator")
    for column, variant in enumerate(case.variants, start=3):
        sheet.put(row, column, variant.evaluation.comparator, Style("stored"))
    for label, style in (
        ("incremental cost", MONEY),
        ("incremental QALYs", QALY),
        ("ICER", "#,##0"),
        ("quadrant", PLAIN),
    ):
        for name in layout.strategies:
            row += 1
            sheet.put(row, 1, f"{label}: {name}")
            for column, found in enumerate(pairs, start=3):
                pair = found.get(name)
                if pair is None:
                    continue
                value: Value = {
                    "incremental cost": pair.incremental_cost,
                    "incremental QALYs": pair.incremental_effect,
                    "ICER": pair.icer,
                    "quadrant": str(pair.quadrant),
                }[label]
                sheet.put(row, column, "" if value is None else value, Style("stored", style))
    row += 1
    sheet.put(row, 1, "highest net benefit at the scenario's thresholds")
    for column, variant in enumerate(case.variants, start=3):
        if variant.model.settings.thresholds:
            best = [
                f"{line.threshold:,.0f}: {line.strategy}"
                for line in variant.evaluation.net_benefit()
                if line.optimal
            ]
            sheet.put(row, column, "\n".join(best), WRAP)
    return row
