"""Sheets with results stored at export: every scenario side by side, and the one-way analysis."""

from __future__ import annotations

from heecon.analysis.one_way import OneWay
from heecon.report.workbook import charts
from heecon.report.workbook.address import letters
from heecon.report.workbook.book import (
    HEADING,
    MONEY,
    NOTE,
    PLAIN,
    QALY,
    TITLE,
    WRAP,
    Book,
    Placed,
    Sheet,
    Style,
    Value,
)
from heecon.report.workbook.case import Case, Variant
from heecon.report.workbook.frontier import COST, EFFECT
from heecon.report.workbook.layout import ABSENT, Layout
from heecon.report.workbook.layout import HEADER as TOP
from heecon.report.workbook.results import Results

SCENARIOS, ONE_WAY = "Scenarios", "One_way"
BARS = 15
"""Bars of the tornado; the table has all inputs."""

KINDS = (("cost", "cost", MONEY), ("qaly", "QALYs", QALY), ("life_year", "life years", QALY))


def add_scenarios(book: Book, case: Case, layout: Layout) -> Sheet:
    """What the engine gave for every scenario, one column each."""
    sheet = book.sheet(SCENARIOS, "Results of every scenario side by side, stored at export")
    sheet.put(1, 1, "Scenarios side by side", TITLE)
    sheet.put(2, 1, "Computed by heecon when the workbook was made, without overrides. Costs and "
              "QALYs are discounted, per person.", NOTE)  # fmt: skip
    sheet.across(TOP, 1, ["", "", *(variant.name for variant in case.variants)])
    for row, (label, text) in enumerate((("title", 0), ("purpose", 1)), start=TOP + 1):
        sheet.put(row, 1, label)
        for column, variant in enumerate(case.variants, start=3):
            info = variant.model.scenario
            sheet.put(row, column, (info.title, info.purpose)[text], WRAP)
    sheet.heights[TOP + 1], sheet.heights[TOP + 2] = 45, 150
    row = TOP + 3
    for kind, label, style in KINDS:
        book.names[f"stored_{kind}"] = sheet.reference(
            row, 3, rows=len(layout.strategies), columns=len(case.variants)
        )
        for name in layout.strategies:
            sheet.put(row, 1, f"{label}: {name}")
            for column, variant in enumerate(case.variants, start=3):
                sheet.put(row, column, _total(variant, kind, name), Style("stored", style))
            row += 1
    if case.has_qalys:
        row = _comparisons(sheet, row + 1, case, layout)
    sheet.widths = {1: 42, 2: 3} | {3 + i: 24 for i in range(len(case.variants))}
    sheet.freeze = f"C{TOP + 1}"
    sheet.print_rows = f"{TOP}:{TOP}"
    return sheet


def _total(variant: Variant, kind: str, strategy: str) -> Value:
    amounts = {
        "cost": variant.evaluation.cost,
        "qaly": variant.evaluation.qalys,
        "life_year": variant.evaluation.life_years,
    }[kind]()
    return amounts.get(strategy, ABSENT)


def _comparisons(sheet: Sheet, row: int, case: Case, layout: Layout) -> int:
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
        ("incremental cost", MONEY), ("incremental QALYs", QALY), ("ICER", "#,##0"),
        ("quadrant", PLAIN),
    ):  # fmt: skip
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
    sheet.heights[row] = 45
    return row


def add_one_way(book: Book, found: OneWay, results: Results) -> Sheet:
    """The one-way analysis: stored ends, live base, tornado."""
    case = results.case
    currency = case.model.settings.currency
    sheet = book.sheet(ONE_WAY, "One-way analysis: stored ends of every input's range, live base")
    sheet.put(1, 1, "One-way analysis", TITLE)
    sheet.put(2, 1, f"Incremental net monetary benefit of {found.strategy} v {found.comparator} at "
              f"{found.threshold:,.0f} per QALY, each input moved to the ends of its range.",
              NOTE)  # fmt: skip
    names = results.across(results.rows["names"])
    frontier = results.frontier

    def of(column: int, strategy: str) -> str:
        return f'INDEX({frontier.range(column)},MATCH("{strategy}",{names},0))'

    gain = f"{of(EFFECT, found.strategy)}-{of(EFFECT, found.comparator)}"
    spent = f"({of(COST, found.strategy)}-{of(COST, found.comparator)})"
    sheet.put(3, 1, "threshold")
    sheet.put(3, 2, found.threshold, Style("data", "#,##0"))
    sheet.put(4, 1, "base, live")
    sheet.calculate(4, 2, f"$B$3*({gain})-{spent}", found.base.nmb, Style("result", MONEY))
    sheet.put(4, 3, "base, stored", NOTE)
    sheet.put(4, 4, found.base.nmb, Style("stored", MONEY))
    sheet.across(TOP, 1, ("input", "base value", "low value", "high value", "net benefit at low",
                          "net benefit at high", "change at low", "change at high", "swing",
                          "decision changes", "unit", "range from"))  # fmt: skip
    for row, line in enumerate(found.rows, start=TOP + 1):
        sheet.put(row, 1, line.label or line.name)
        for column, values in enumerate(
            (line.base_values, line.low_values, line.high_values), start=2
        ):
            sheet.put(row, column, values[0], Style("stored", PLAIN))
        sheet.put(row, 5, line.low.nmb, Style("stored", MONEY))
        sheet.put(row, 6, line.high.nmb, Style("stored", MONEY))
        sheet.calculate(row, 7, f"E{row}-$D$4", line.low.nmb - found.base.nmb, Style("calc", MONEY))
        sheet.calculate(
            row, 8, f"F{row}-$D$4", line.high.nmb - found.base.nmb, Style("calc", MONEY)
        )
        sheet.put(row, 9, line.swing, Style("stored", MONEY))
        sheet.put(row, 10, "yes" if line.changes_decision else "no")
        sheet.put(row, 11, line.unit)
        sheet.put(row, 12, line.basis)
    sheet.widths = {1: 52, 10: 10, 11: 16, 12: 34} | dict.fromkeys(range(2, 10), 14.0)
    sheet.freeze = f"B{TOP + 1}"
    sheet.print_rows = f"{TOP}:{TOP}"
    count = min(BARS, len(found.rows))
    last = TOP + count
    areas = [f"{ONE_WAY}!${letters(c)}${TOP + 1}:${letters(c)}${last}" for c in (1, 7, 8)]
    row = TOP + len(found.rows) + 3
    sheet.put(row - 1, 1, f"Tornado: the {count} inputs with the widest swing", HEADING)
    sheet.charts.append(Placed(charts.tornado(*areas, currency, count), f"A{row}"))
    return sheet
