"""The sheet of checks: live tests of the model, and of the workbook against the engine."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from heecon.workbook.book import PLAIN, Sheet, Style
from heecon.workbook.case import WorkbookInput
from heecon.workbook.frontier import included
from heecon.workbook.inputs import IMPOSSIBLE, NO_ID, TWICE, UNREAD
from heecon.workbook.layout import ABSENT
from heecon.workbook.layout import HEADER as TOP
from heecon.workbook.live import (
    Live,
    absolute,
    all_of,
    area,
    count,
    count_if,
    filled,
    index,
    is_number,
    largest,
    live,
    match,
    negated,
    smallest,
    sum_of,
    total,
    where,
)
from heecon.workbook.outcomes import KIND_WORDS
from heecon.workbook.psa_sheets import Psa
from heecon.workbook.results import Results

CHECKS = "Checks"
LIMIT = 1e-9
NOT_WHOLE = 0.02
"""How far shares may be from a whole, as in the model's files."""

RATE = re.compile("set_dr_(cost|effect)_[0-9]+")

RESIDUAL = 0.001
"""Share alive at the end of a lifetime that deserves a warning."""

OK, FAIL, APART = "OK", "FAIL", "not compared"

KINDS = ("cost", "qaly", "life_year")


@dataclass(frozen=True)
class Check:
    """One line of the sheet.

    Attributes:
        what: in words.
        where: strategy or sheet.
        tested: what is tested.
        limit: of what is tested.
        least: whether the value must be at least the limit, instead of at most.
        when: a condition; where it does not hold nothing is compared.
    """

    what: str
    where: str
    tested: Live
    limit: Live = field(default_factory=lambda: live(0))
    least: bool = False
    when: Live | None = None

    def verdict(self, cell: Live) -> Live:
        """The verdict on the cell that holds what is tested."""
        fits = cell >= self.limit if self.least else cell <= self.limit
        verdict = where(is_number(cell), where(fits, OK, FAIL), FAIL)
        return where(self.when, verdict, APART) if self.when is not None else verdict


@dataclass(frozen=True)
class Checks:
    """Collects and writes the checks.

    Attributes:
        results: the sheet of results, written.
        psa: the draws, if there are any.
    """

    results: Results
    psa: Psa | None

    @property
    def case(self) -> WorkbookInput:
        """What is exported."""
        return self.results.case

    @property
    def named(self) -> dict[str, Live]:
        """Cells with names."""
        return self.results.book.named

    def _number(self, value: float) -> Live:
        return self.results.book.constant(value)

    def lines(self) -> Iterator[Check]:
        """Every check."""
        yield from _inputs(self.named)
        yield from _unchanged(self.named, self._number(LIMIT))
        yield from self._shares()
        yield from self._settings()
        for number, name in enumerate(self.results.strategies):
            yield from self._trace(name)
            yield from self._sums(number, name)
        for number, name in enumerate(self.results.strategies):
            yield from self._engine(number, name)
        if self.psa is not None:
            yield from self._draws(self.psa)

    def _settings(self) -> Iterator[Check]:
        cycles, room = self.named["set_cycles"], self._number(float(self.case.cycles))
        words = "cycles of the horizon: "
        yield Check(f"{words}the traces have room for as many", "Control", cycles, room)
        yield Check(f"{words}at least one", "Control", cycles, live(1), least=True)
        yield Check(
            "alive at the end of a lifetime horizon (share)",
            "Results",
            largest(area(self.results.alive)),
            self._number(RESIDUAL),
            when=self.named["set_horizon"].equals("lifetime"),
        )
        if self.results.frontier is not None:
            place = self.results.place(self.named["set_comparator"])
            kept = index(self.results.frontier.kept, place)
            words = "the comparator is among the strategies compared"
            yield Check(words, "Control", kept, live(1), least=True)

        rates = [cell for name, cell in self.named.items() if RATE.fullmatch(name)]
        lowest, highest = smallest(*rates), largest(*rates)
        yield Check("discount rates: the lowest a year", "Control", lowest, least=True)
        yield Check("discount rates: the highest a year", "Control", highest, live(1))

    def _shares(self) -> Iterator[Check]:
        """Shares of a whole sum to 1."""
        ids, values = self.named["in_id"], self.named["in_live"]
        for block in self.case.model.blocks.values():
            if block.family == "dirichlet":
                whole = sum_of([index(values, match(key, ids)) for key in block.names])
                yield Check(
                    f"shares of '{block.group}' sum to 1: distance",
                    "Inputs",
                    absolute(whole - 1),
                    self._number(NOT_WHOLE),
                    when=is_number(whole),
                )

    def _trace(self, name: str) -> Iterator[Check]:
        trace, near = self.results.traces[name], self._number(LIMIT)
        for key, words, least in (
            ("rows", "probabilities of leaving a state sum to 1: largest distance", False),
            ("least", "no probability is negative: the lowest", True),
            ("cohort", "the cohort sums to 1: largest distance", False),
            ("absorbing", "absorbing states never shrink: the smallest growth", True),
        ):
            cells = trace.range("check", key)
            if least:
                yield Check(words, trace.sheet, smallest(cells), -near, least=True)
            else:
                yield Check(words, trace.sheet, largest(cells), near)

    def _sums(self, number: int, name: str) -> Iterator[Check]:
        """Categories add up to totals."""
        for kind in KINDS:
            rows = self.results.categories.items()
            parts = [cells[number] for (of, _), cells in rows if of == kind]
            if parts:
                whole = self.results.totals[kind, True][number]
                distance = absolute(total(area(parts)) - whole) / largest(1, absolute(whole))
                words = f"{KIND_WORDS[kind]} by category add up to the total (relative)"
                yield Check(words, name, distance, self._number(LIMIT))
        totals = {kind: self.results.totals[kind, False][number] for kind in KINDS}
        counted = {outcome.kind for outcome in self.case.model.outcomes.values()}
        when = included(self.results.book, live(name)) if self.case.has_qalys else None
        if {"qaly", "life_year"} <= counted:
            above = totals["qaly"] - totals["life_year"]
            words = "QALYs above life years (undiscounted)"
            yield Check(words, name, above, self._number(LIMIT), when=when)
        if "cost" in counted:
            words = "total cost (undiscounted) is not negative"
            yield Check(words, name, totals["cost"], least=True, when=when)

    def _engine(self, number: int, name: str) -> Iterator[Check]:
        """The live model equals what the engine gave for the chosen scenario."""
        untouched = self.named["set_changes"].equals(0)
        if self.psa is not None:
            untouched = all_of(untouched, self.named["set_psa_draw"].equals(0))
        when = all_of(untouched, included(self.results.book, live(name)))
        for kind in KINDS:
            place, chosen = self._number(float(number + 1)), self.named["set_scenario_number"]
            stored = index(self.named[f"stored_{kind}"], place, chosen)
            distance = self._distance(kind, number, stored)
            yield Check(
                f"{KIND_WORDS[kind]}: live model = engine (relative)",
                name,
                where(negated(is_number(stored)), ABSENT, distance),
                self._number(LIMIT),
                when=when,
            )

    def _distance(self, kind: str, number: int, stored: Live) -> Live:
        """How far a strategy's live total is from a stored one, relative to it or to 1."""
        total_ = self.results.totals[kind, True][number]
        return absolute(total_ - stored) / largest(1, absolute(stored))

    def _draws(self, psa: Psa) -> Iterator[Check]:
        """A replayed draw gives its stored outcomes; probabilities sum to 1."""
        draw, scenario = self.named["set_psa_draw"], self.named["set_scenario"]
        untouched = self.named["set_changes"].equals(0)
        here = all_of(untouched, draw > 0, scenario.equals(self.case.variant.name))
        for i, name in enumerate(psa.outcomes.strategies):
            for kind, cells in (("cost", "psa_cost"), ("qaly", "psa_qaly")):
                place = self._number(float(i + 1))
                stored = index(self.named[cells], largest(1, draw), place)
                yield Check(
                    f"{KIND_WORDS[kind]}: replayed draw = engine (relative)",
                    name,
                    self._distance(kind, self.results.strategies.index(name), stored),
                    self._number(LIMIT),
                    when=here,
                )
        words = "probabilities of being best sum to 1: largest distance"
        distance = largest(largest(psa.sums) - 1, 1 - smallest(psa.sums))
        yield Check(words, "PSA", distance, self._number(LIMIT))

    def write(self) -> Sheet:
        """Fill the sheet."""
        book = self.results.book
        sheet = book.sheet(CHECKS, "Live checks: all must be green, or say why nothing is compared")
        sheet.head(
            "Checks",
            "OK: passed. FAIL: look there first. 'not compared': the check needs the "
            "scenario without overrides (or with a replayed draw).",
        )
        sheet.across(TOP, 1, ("check", "where", "value", "verdict", "limit"))
        verdicts = []
        for row, line in enumerate(self.lines(), start=TOP + 1):
            sheet.put(row, 1, line.what)
            sheet.put(row, 2, line.where)
            cell = sheet.show(row, 3, line.tested, Style("calc", PLAIN)).relative
            verdicts.append(sheet.show(row, 4, line.verdict(cell), Style("check")))
            sheet.show(row, 5, line.limit, Style("calc", PLAIN))
        sheet.put(3, 1, "All checks")
        passed = where(count_if(area(verdicts), FAIL).equals(0), OK, FAIL)
        book.name("all_checks", sheet.show(3, 4, passed, Style("check")))
        first, last = TOP + 1, TOP + len(verdicts)
        sheet.status_cells += [f"D{first}:D{last}", "D3"]
        sheet.widths = {1: 64, 2: 30, 3: 16, 4: 14, 5: 12}
        sheet.freeze = f"A{TOP + 1}"
        sheet.print_rows = f"{TOP}:{TOP}"
        sheet.landscape = False
        return sheet


def _inputs(named: Mapping[str, Live]) -> Iterator[Check]:
    """Nothing typed is an error, and nothing that is read; and all that is typed is read."""
    override = named["in_override"]
    for what, sheet, formula in (
        (
            "inputs whose live value is an error or a text",
            "Inputs",
            f'ROWS(in_id)-COUNTBLANK(in_id)-COUNT(in_live)-COUNTIF(in_live,"{ABSENT}")',
        ),
        (
            "values the strategies use that are an error or a text",
            "Values",
            "ROWS(values_all)*COLUMNS(values_all)-COUNT(values_all)-COUNTBLANK(values_all)",
        ),
        (
            "constants that are not numbers",
            "Constants",
            "ROWS(constants_all)-COUNT(constants_all)",
        ),
    ):
        yield Check(what, sheet, Live(formula, 0.0))
    texts = filled(override) - count(override)
    yield Check("overrides that are not numbers", "Inputs", texts)
    yield Check("rows with an id below the area that is read", "Inputs", filled(named["in_below"]))
    for words in (NO_ID, TWICE, UNREAD, IMPOSSIBLE):
        yield Check(
            f"overrides and rows with the problem '{words}'",
            "Inputs",
            count_if(named["in_problem"], words),
        )


def _unchanged(named: Mapping[str, Live], near: Live) -> Iterator[Check]:
    """What the formulas rest on beside the inputs is as it was exported."""
    for words, sheet, changed in (
        (
            "inputs changed here and not on Inputs: distance of sums",
            "Scenario_inputs",
            "sc_changed",
        ),
        ("numbers of look-up tables changed: distance of sums", "Tables", "tables_changed"),
    ):
        yield Check(words, sheet, named[changed], near)
    missing = filled(named["sc_id"]) - count(named["sc_place"])
    yield Check("inputs whose row is missing", "Inputs", missing)
    text = "SUMPRODUCT(--(constants_all<>constants_stored))"
    yield Check("constants changed", "Constants", Live(text, 0.0))
