"""The sheet of outcomes: every outcome of every strategy, summed over its trace."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from heecon.workbook.address import letters
from heecon.workbook.book import HEADER, HEADING, NOTE, PLAIN, TITLE, Book, Sheet, Style
from heecon.workbook.case import Case
from heecon.workbook.columns import Trace
from heecon.workbook.layout import HEADER as TOP
from heecon.workbook.layout import Layout
from heecon.workbook.numbers import Runs
from heecon.workbook.settings import perspectives

OUTCOMES = "Outcomes"
KIND_WORDS = {
    "cost": "Costs",
    "qaly": "QALYs",
    "life_year": "Life years",
    "count": "Events",
}


@dataclass(frozen=True)
class OutcomeSheet:
    """Where the outcomes stand.

    Attributes:
        case: what is exported.
        layout: addresses.
        runs: the engine's numbers.
    """

    case: Case
    layout: Layout
    runs: Runs

    @property
    def names(self) -> list[str]:
        """Names of the outcomes, row by row."""
        return list(self.case.model.outcomes)

    @property
    def perspectives(self) -> tuple[str, ...]:
        """Columns that say whether an outcome counts in a perspective."""
        return perspectives(self.case)

    @property
    def counts_column(self) -> int:
        """Column that says whether an outcome counts now."""
        return 5 + len(self.perspectives)

    def column(self, number: int, *, discounted: bool) -> int:
        """Column of a strategy's amounts."""
        start = self.counts_column + 1 + (0 if discounted else len(self.layout.strategies) + 1)
        return start + number

    def range(self, column: int) -> str:
        """Address of a column, for other sheets."""
        letter = letters(column)
        return f"{OUTCOMES}!${letter}${TOP + 1}:${letter}${TOP + len(self.names)}"

    @property
    def kinds(self) -> str:
        """Address of the column of kinds."""
        return self.range(3)

    @property
    def categories(self) -> str:
        """Address of the column of kind and category together."""
        return self.range(4)

    def amount(self, outcome: str, number: int, *, discounted: bool) -> float:
        """The engine's amount, 0 for an outcome of another perspective."""
        definition = self.case.model.outcomes[outcome]
        here = self.case.model.settings.perspective
        if definition.perspectives and here not in definition.perspectives:
            return 0.0
        within = self.runs.within
        place = [o.name for o in within.outcomes].index(outcome)
        cube = within.discounted if discounted else within.undiscounted
        return float(cube[0, number, place].sum())

    def total(self, kind: str, number: int, *, discounted: bool, category: str = "") -> float:
        """Sum over the outcomes of a kind, or of a category of it."""
        return sum(
            self.amount(name, number, discounted=discounted)
            for name, outcome in self.case.model.outcomes.items()
            if outcome.kind == kind and category in ("", outcome.category)
        )

    def write(self, book: Book, traces: Mapping[str, Trace]) -> Sheet:
        """Fill the sheet."""
        sheet = book.sheet(OUTCOMES, "Every outcome of every strategy: the sums of the traces")
        sheet.put(1, 1, "Outcomes per person", TITLE)
        sheet.put(2, 1, "Sums over the traces. An outcome of another perspective counts 0.", NOTE)
        sheet.across(
            TOP,
            1,
            ["outcome", "label", "kind", "kind and category", *self.perspectives, "counts now"],
        )
        for discounted in (True, False):
            first = self.column(0, discounted=discounted)
            sheet.put(TOP - 1, first, "discounted" if discounted else "undiscounted", HEADING)
            sheet.across(TOP, first, self.layout.strategies, HEADER)
        for row, name in enumerate(self.names, start=TOP + 1):
            self._write_row(sheet, row, name, traces)
        begin, end = letters(5), letters(self.counts_column - 1)
        book.names["out_perspectives"] = f"{OUTCOMES}!${begin}${TOP}:${end}${TOP}"
        widths = {1: 26, 2: 30, 3: 10, 4: 34} | dict.fromkeys(
            range(5, self.counts_column + 1), 10.0
        )
        last_column = self.column(len(self.layout.strategies) - 1, discounted=False)
        sheet.widths = widths | dict.fromkeys(range(self.counts_column + 1, last_column + 1), 17.0)
        sheet.freeze, sheet.wide, sheet.print_columns = f"B{TOP + 1}", True, "A:A"
        sheet.print_rows = f"{TOP}:{TOP}"
        return sheet

    def _write_row(self, sheet: Sheet, row: int, name: str, traces: Mapping[str, Trace]) -> None:
        outcome = self.case.model.outcomes[name]
        here = self.case.model.settings.perspective
        sheet.across(row, 1, [name, outcome.label, outcome.kind], Style("text"))
        sheet.put(row, 4, joined(outcome.kind, outcome.category))
        for column, perspective in enumerate(self.perspectives, start=5):
            belongs = not outcome.perspectives or perspective in outcome.perspectives
            sheet.put(row, column, int(belongs), Style("data", "0"))
        first, last = letters(5), letters(self.counts_column - 1)
        counts = int(not outcome.perspectives or here in outcome.perspectives)
        missing = int(not outcome.perspectives)
        sheet.calculate(
            row,
            self.counts_column,
            f"IFERROR(INDEX(${first}{row}:${last}{row},"
            f"MATCH(set_perspective,out_perspectives,0)),{missing})",
            counts,
            Style("calc", "0"),
        )
        flag = f"${letters(self.counts_column)}{row}"
        for number, strategy in enumerate(self.layout.strategies):
            for discounted in (True, False):
                key = ("today" if discounted else "amount", name)
                sheet.calculate(
                    row,
                    self.column(number, discounted=discounted),
                    f"{traces[strategy].totals[key]}*{flag}",
                    self.amount(name, number, discounted=discounted),
                    Style("calc", PLAIN),
                )


def joined(kind: str, category: str) -> str:
    """Kind and category as one word, so that sums need one condition."""
    return f"{kind}: {category}"
