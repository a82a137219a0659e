"""The sheet of checks: live tests of the model, and of the workbook against the engine."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from heecon.workbook.address import letters
from heecon.workbook.book import NOTE, PLAIN, TITLE, Book, Sheet, Style, Value
from heecon.workbook.case import Case
from heecon.workbook.columns import Trace
from heecon.workbook.frontier import KEPT
from heecon.workbook.layout import ABSENT, Layout
from heecon.workbook.layout import HEADER as TOP
from heecon.workbook.outcomes import KIND_WORDS
from heecon.workbook.psa_sheets import Psa
from heecon.workbook.results import Results

CHECKS = "Checks"
LIMIT = 1e-9
RESIDUAL = 0.001
"""Share alive at the end of a lifetime that deserves a warning."""

OK, FAIL, APART = "OK", "FAIL", "not compared"


@dataclass(frozen=True)
class Check:
    """One line of the sheet.

    Attributes:
        what: in words.
        where: strategy or sheet.
        formula: the value tested.
        value: at export.
        limit: name of the cell with the limit.
        bound: the limit itself.
        least: whether the value must be at least the limit, instead of at most.
        when: a condition; where it does not hold nothing is compared.
    """

    what: str
    where: str
    formula: str
    value: Value
    limit: str
    bound: float
    least: bool = False
    when: str = ""
    holds: bool = True

    def verdict(self, cell: str) -> str:
        """Formula of the verdict on a cell."""
        sign = ">=" if self.least else "<="
        verdict = f'IF(ISNUMBER({cell}),IF({cell}{sign}{self.limit},"{OK}","{FAIL}"),"{FAIL}")'
        return f'IF({self.when},{verdict},"{APART}")' if self.when else verdict

    @property
    def word(self) -> str:
        """The verdict at export."""
        if not self.holds:
            return APART
        if not isinstance(self.value, int | float):
            return FAIL
        fits = self.value >= self.bound if self.least else self.value <= self.bound
        return OK if fits else FAIL


class Checks:
    """Collects and writes the checks.

    Args:
        case: what is exported.
        layout: addresses.
        results: the sheet of results.
        traces: by strategy.
        psa: the draws, if there are any.
    """

    def __init__(
        self,
        case: Case,
        layout: Layout,
        results: Results,
        traces: Mapping[str, Trace],
        psa: Psa | None,
    ) -> None:
        self.case = case
        self.layout = layout
        self.results = results
        self.traces = traces
        self.psa = psa
        self.near = layout.book.constant(LIMIT).text

    def lines(self) -> list[Check]:
        """Every check."""
        found = [*self._inputs(), *self._settings()]
        for number, name in enumerate(self.layout.strategies):
            found += self._trace(name)
            found += self._sums(number, name)
        for number, name in enumerate(self.layout.strategies):
            found += self._engine(number, name)
        if self.psa is not None:
            found += self._draws(self.psa)
        return found

    def _inputs(self) -> list[Check]:
        if not self.case.keys:
            return []
        return [
            Check(
                "inputs whose live value is an error or a text",
                "Inputs",
                f'ROWS(in_live)-COUNT(in_live)-COUNTIF(in_live,"{ABSENT}")',
                0,
                "0",
                0,
            ),
            Check(
                "overrides that are not numbers", "Inputs", 'COUNTIF(in_override,"?*")', 0, "0", 0
            ),
            Check(
                "values the strategies use that are an error or a text",
                "Values",
                "ROWS(values_all)*COLUMNS(values_all)-COUNT(values_all)-COUNTBLANK(values_all)",
                0,
                "0",
                0,
            ),
            Check(
                "constants that are not numbers",
                "Constants",
                "ROWS(constants_all)-COUNT(constants_all)",
                0,
                "0",
                0,
            ),
        ]

    def _settings(self) -> list[Check]:
        case = self.case
        cycles = case.model.settings.cycles
        room = self.layout.book.constant(float(case.cycles)).text
        lifetime = case.model.settings.horizon == "lifetime"
        names = self.results.across(self.results.rows["names"])
        checks = [
            Check(
                "cycles of the horizon: the traces have room for as many",
                "Control",
                "set_cycles",
                cycles,
                room,
                float(case.cycles),
            ),
            Check(
                "cycles of the horizon: at least one",
                "Control",
                "set_cycles",
                cycles,
                "1",
                1,
                least=True,
            ),
            Check(
                "alive at the end of a lifetime horizon (share)",
                "Results",
                f"MAX({self.results.across(self.results.rows['alive'])})",
                max(self._alive_values()),
                self.layout.book.constant(RESIDUAL).text,
                RESIDUAL,
                when='set_horizon="lifetime"',
                holds=lifetime,
            ),
        ]
        if case.has_qalys:
            kept = self.results.frontier.range(KEPT)
            checks.append(
                Check(
                    "the comparator is among the strategies compared",
                    "Control",
                    f"INDEX({kept},MATCH(set_comparator,{names},0))",
                    1,
                    "1",
                    1,
                    least=True,
                )
            )
        return checks

    def _alive_values(self) -> list[float]:
        end = self.case.model.settings.cycles
        lasting = [i for i, s in enumerate(self.case.model.states.values()) if not s.absorbing]
        return [
            float(self.results.numbers[name].occupancy[end, lasting].sum())
            for name in self.layout.strategies
        ]

    def _trace(self, name: str) -> list[Check]:
        trace = self.traces[name]
        sheet = self.layout.traces[name]

        def of(kind: str) -> tuple[str, float]:
            strip = trace.strip("check", kind)
            values = strip.values[trace.columns["check", kind].rows]
            worst = values.min() if kind in {"least", "absorbing"} else values.max()
            return strip.range().text, float(worst)

        rows, least, cohort, growth = (of(k) for k in ("rows", "least", "cohort", "absorbing"))
        return [
            Check(
                "probabilities of leaving a state sum to 1: largest distance",
                sheet,
                f"MAX({rows[0]})",
                rows[1],
                self.near,
                LIMIT,
            ),
            Check(
                "no probability is negative: the lowest",
                sheet,
                f"MIN({least[0]})",
                least[1],
                f"-{self.near}",
                -LIMIT,
                least=True,
            ),
            Check(
                "the cohort sums to 1: largest distance",
                sheet,
                f"MAX({cohort[0]})",
                cohort[1],
                self.near,
                LIMIT,
            ),
            Check(
                "absorbing states never shrink: the smallest growth",
                sheet,
                f"MIN({growth[0]})",
                growth[1],
                f"-{self.near}",
                -LIMIT,
                least=True,
            ),
        ]

    def _sums(self, number: int, name: str) -> list[Check]:
        """Categories add up to totals."""
        found = []
        results = self.results
        column = 3 + number
        for kind in ("cost", "qaly", "life_year"):
            rows = [i for i, (k, _) in enumerate(results.categories) if k == kind]
            if not rows:
                continue
            first = results.rows["categories discounted"]
            letter = letters(column)
            cells = f"Results!${letter}${first + rows[0]}:${letter}${first + rows[-1]}"
            total = f"Results!${letter}${results.rows[f'{kind} discounted']}"
            value = results.outcomes.total(kind, number, discounted=True)
            parts = sum(
                results.outcomes.total(kind, number, discounted=True, category=category)
                for k, category in results.categories
                if k == kind
            )
            distance = abs(parts - value) / max(1.0, abs(value))
            found.append(
                Check(
                    f"{KIND_WORDS[kind]} by category add up to the total (relative)",
                    name,
                    f"ABS(SUM({cells})-{total})/MAX(1,ABS({total}))",
                    distance,
                    self.near,
                    LIMIT,
                )
            )
        return found

    def _engine(self, number: int, name: str) -> list[Check]:
        """The live model equals what the engine gave for the chosen scenario."""
        found = []
        untouched = "set_changes=0"
        if self.psa is not None:
            untouched = f"AND({untouched},set_psa_draw=0)"
        for kind in ("cost", "qaly", "life_year"):
            column = letters(3 + number)
            live = f"Results!${column}${self.results.rows[f'{kind} discounted']}"
            place = "1" if number == 0 else self.layout.book.constant(float(number + 1))
            stored = f"INDEX(stored_{kind},{place},set_scenario_number)"
            kept = name in self.case.variant.kept
            value: Value = 0.0 if kept else ABSENT
            found.append(
                Check(
                    f"{KIND_WORDS[kind]}: live model = engine (relative)",
                    name,
                    f'IF(NOT(ISNUMBER({stored})),"{ABSENT}",ABS({live}-{stored})/MAX(1,ABS({stored})))',
                    value,
                    self.near,
                    LIMIT,
                    when=f'AND({untouched},INDEX(control_live,MATCH("include[{name}]",control_id,'
                    '0))="yes")',
                    holds=kept,
                )
            )
        return found

    def _draws(self, psa: Psa) -> list[Check]:
        """A replayed draw gives its stored outcomes; probabilities sum to 1."""
        found = []
        here = f'AND(set_changes=0,set_psa_draw>0,set_scenario="{self.case.variant.name}")'
        for i, name in enumerate(psa.outcomes.strategies):
            column = letters(3 + psa.place(i))
            place = "1" if i == 0 else self.layout.book.constant(float(i + 1))
            for kind, area in (("cost", "psa_cost"), ("qaly", "psa_qaly")):
                live = f"Results!${column}${self.results.rows[f'{kind} discounted']}"
                stored = f"INDEX({area},MAX(1,set_psa_draw),{place})"
                value = abs(
                    self.results.outcomes.total(kind, psa.place(i), discounted=True)
                    - float((psa.outcomes.cost if kind == "cost" else psa.outcomes.effect)[0, i])
                )
                stored_value = float(
                    (psa.outcomes.cost if kind == "cost" else psa.outcomes.effect)[0, i]
                )
                found.append(
                    Check(
                        f"{KIND_WORDS[kind]}: replayed draw = engine (relative)",
                        name,
                        f"ABS({live}-{stored})/MAX(1,ABS({stored}))",
                        value / max(1.0, abs(stored_value)),
                        self.near,
                        LIMIT,
                        when=here,
                        holds=False,
                    )
                )
        first, last = psa.sum_rows()
        column = letters(4 + psa.count)
        area = f"PSA!${column}${first}:${column}${last}"
        found.append(
            Check(
                "probabilities of being best sum to 1: largest distance",
                "PSA",
                f"MAX(MAX({area})-1,1-MIN({area}))",
                0.0,
                self.near,
                LIMIT,
            )
        )
        return found

    def write(self, book: Book) -> Sheet:
        """Fill the sheet."""
        sheet = book.sheet(CHECKS, "Live checks: all must be green, or say why nothing is compared")
        lines = self.lines()
        first, last = TOP + 1, TOP + len(lines)
        sheet.put(1, 1, "Checks", TITLE)
        sheet.put(
            2,
            1,
            "OK: passed. FAIL: look there first. 'not compared': the check needs the "
            "scenario without overrides (or with a replayed draw).",
            NOTE,
        )
        failed = f'COUNTIF($D${first}:$D${last},"{FAIL}")'
        all_good = all(line.word != FAIL for line in lines)
        sheet.put(3, 1, "All checks")
        sheet.calculate(
            3, 4, f'IF({failed}=0,"{OK}","{FAIL}")', OK if all_good else FAIL, Style("check")
        )
        book.names["all_checks"] = sheet.reference(3, 4)
        sheet.across(TOP, 1, ("check", "where", "value", "verdict", "limit"))
        for row, line in enumerate(lines, start=first):
            sheet.put(row, 1, line.what)
            sheet.put(row, 2, line.where)
            sheet.calculate(row, 3, line.formula, line.value, Style("calc", PLAIN))
            sheet.calculate(row, 4, line.verdict(f"$C{row}"), line.word, Style("check"))
            sheet.calculate(row, 5, line.limit, line.bound, Style("calc", PLAIN))
        sheet.status_cells += [f"D{first}:D{last}", "D3"]
        sheet.widths = {1: 64, 2: 30, 3: 16, 4: 14, 5: 12}
        sheet.freeze = f"A{TOP + 1}"
        sheet.print_rows = f"{TOP}:{TOP}"
        sheet.landscape = False
        return sheet
