"""The sheet of outcomes: every outcome of every strategy, summed over its trace."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from heecon.workbook.book import HEADER, HEADING, PLAIN, Book, Style
from heecon.workbook.case import WorkbookInput
from heecon.workbook.columns import Trace
from heecon.workbook.layout import HEADER as TOP
from heecon.workbook.live import Live, area, if_error, index, live, match
from heecon.workbook.numbers import Runs
from heecon.workbook.settings import perspectives

OUTCOMES = "Outcomes"
KIND_WORDS = {
    "cost": "Costs",
    "qaly": "QALYs",
    "life_year": "Life years",
    "count": "Events",
}

DISCOUNTED = {"today": True, "amount": False}
"""Columns of a trace that are summed, and whether they are discounted."""


@dataclass(frozen=True)
class OutcomeCells:
    """The cells of the sheet that others read.

    Attributes:
        kinds: kind of every outcome.
        categories: kind and category of every outcome.
        amounts: (strategy, whether discounted) -> cells by outcome.
    """

    kinds: Live
    categories: Live
    amounts: Mapping[tuple[str, bool], Mapping[str, Live]]

    def column(self, strategy: str, *, discounted: bool) -> Live:
        """A strategy's amounts of all outcomes."""
        return area(list(self.amounts[strategy, discounted].values()))


def add_outcomes(
    book: Book, case: WorkbookInput, runs: Runs, traces: Mapping[str, Trace]
) -> OutcomeCells:
    """The sheet of outcomes.

    Args:
        book: the workbook.
        case: what is exported.
        runs: the engine's numbers.
        traces: by strategy, written.
    """
    sheet = book.sheet(OUTCOMES, "Every outcome of every strategy: the sums of the traces")
    sheet.head(
        "Outcomes per person", "Sums over the traces. An outcome of another perspective counts 0."
    )
    named, outcomes = perspectives(case), case.model.outcomes
    heads = ["outcome", "label", "kind", "kind and category", *named, "counts now"]
    counts_column = len(sheet.across(TOP, 1, heads))
    book.name("out_perspectives", area([sheet.cell(TOP, 5 + i) for i in range(len(named))]))
    counts: dict[str, Live] = {}
    kinds, categories = [], []
    for row, (name, outcome) in enumerate(outcomes.items(), start=TOP + 1):
        kinds.append(sheet.across(row, 1, [name, outcome.label, outcome.kind], Style("text"))[2])
        categories.append(sheet.put(row, 4, joined(outcome.kind, outcome.category)))
        belongs = [int(not outcome.perspectives or p in outcome.perspectives) for p in named]
        cells = sheet.across(row, 5, belongs, Style("data", "0"))
        place = match(book.named["set_perspective"], book.named["out_perspectives"])
        flags = area([cell.relative for cell in cells])
        now = if_error(index(flags, place), live(int(not outcome.perspectives)))
        counts[name] = sheet.show(row, counts_column, now, Style("calc", "0")).relative
    amounts: dict[tuple[str, bool], dict[str, Live]] = {}
    column = counts_column + 1
    for kind, discounted in DISCOUNTED.items():
        sheet.put(TOP - 1, column, "discounted" if discounted else "undiscounted", HEADING)
        for number, (strategy, trace) in enumerate(traces.items()):
            sheet.put(TOP, column, strategy, HEADER)
            found = amounts[strategy, discounted] = {}
            for row, name in enumerate(outcomes, start=TOP + 1):
                amount = trace.totals[kind, name] * counts[name]
                value = _amount(case, runs, name, number, discounted=discounted)
                found[name] = sheet.show(row, column, amount, Style("calc", PLAIN), value)
            column += 1
        column += 1
    sheet.widths = {
        1: 26,
        2: 30,
        3: 10,
        4: 34,
        **dict.fromkeys(range(5, counts_column + 1), 10.0),
        **dict.fromkeys(range(counts_column + 1, column - 1), 17.0),
    }
    sheet.freeze, sheet.wide, sheet.print_columns = f"B{TOP + 1}", True, "A:A"
    sheet.print_rows = f"{TOP}:{TOP}"
    return OutcomeCells(area(kinds), area(categories), amounts)


def _amount(
    case: WorkbookInput, runs: Runs, outcome: str, number: int, *, discounted: bool
) -> float:
    """The engine's amount, 0 for an outcome of another perspective."""
    definition = case.model.outcomes[outcome]
    if definition.perspectives and case.model.settings.perspective not in definition.perspectives:
        return 0.0
    place = [o.name for o in runs.within.outcomes].index(outcome)
    cube = runs.within.discounted if discounted else runs.within.undiscounted
    return float(cube[0, number, place].sum())


def joined(kind: str, category: str) -> str:
    """Kind and category as one word, so that sums need one condition."""
    return f"{kind}: {category}"
