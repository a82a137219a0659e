"""Stored draws: curves at live thresholds, increments, draws replayed through the model."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pytest

from heecon.analysis.ceac import ceac
from heecon.analysis.outcomes import Outcomes
from heecon.workbook.book import Book
from heecon.workbook.case import WorkbookInput, case_of
from heecon.workbook.export import workbook
from heecon.workbook.psa_sheets import CURVES, STEPS

from .sheets import differences, opened

DRAWS = 60
TOP = "highest threshold"


@cache
def exported() -> tuple[WorkbookInput, Book, Any]:
    case = case_of("sick_sicker/base_case", draws=DRAWS, seed=3)
    book = workbook(case)
    return case, book, opened(book)


def outcomes() -> Outcomes:
    found = exported()[0].outcomes
    assert found is not None
    return found


def row_of(spreadsheet: Any, sheet: str, words: str) -> int:
    return next(r for r in range(1, 80) if spreadsheet.get_value(sheet, r, 1) == words)


def curves(spreadsheet: Any) -> tuple[list[float], np.ndarray[Any, Any], list[float]]:
    """Thresholds, probabilities and expected value of perfect information on the sheet."""
    count = len(outcomes().strategies)
    rows = range(CURVES + 1, CURVES + 2 + STEPS)
    spreadsheet.evaluate_all()
    levels = [spreadsheet.get_value("PSA", row, 1) for row in rows]
    shares = [[spreadsheet.get_value("PSA", r, 2 + i) for i in range(count)] for r in rows]
    evpi = [spreadsheet.get_value("PSA", row, 3 + count) for row in rows]
    return levels, np.array(shares, dtype=float), evpi


def test_every_formula_equals_python() -> None:
    _, book, spreadsheet = exported()
    assert differences(book, spreadsheet) == []


@pytest.mark.parametrize("top", [300_000.0, 80_000.0, 1_234_567.0])
def test_curves_follow_the_highest_threshold(top: float) -> None:
    _, _, spreadsheet = exported()
    row = row_of(spreadsheet, "PSA", TOP)
    before = spreadsheet.get_value("PSA", row, 2)
    spreadsheet.set_value("PSA", row, 2, top)
    levels, shares, evpi = curves(spreadsheet)
    spreadsheet.set_value("PSA", row, 2, before)
    assert levels == pytest.approx([top * step / STEPS for step in range(STEPS + 1)])
    expected = ceac(outcomes(), levels)
    np.testing.assert_allclose(shares, expected.probability, atol=1e-12)
    np.testing.assert_allclose(evpi, expected.evpi, rtol=1e-9, atol=1e-6)


def test_ties_are_shared() -> None:
    """At a threshold of 0 two strategies of the same cost tie in every draw."""
    found = outcomes()
    cost = found.cost.copy()
    cost[:, 1] = cost[:, 0]
    tied = Outcomes(
        found.strategies, cost, found.effect, found.parameters, comparator=found.comparator,
        thresholds=found.thresholds,
    )  # fmt: skip
    case = exported()[0]
    book = workbook(WorkbookInput(**{**_fields(case), "outcomes": tied}))
    spreadsheet = opened(book)
    assert differences(book, spreadsheet, "PSA") == []
    assert spreadsheet.get_value("PSA", CURVES + 1, 2) == pytest.approx(0.5)


def _fields(case: WorkbookInput) -> dict[str, Any]:
    return {name: getattr(case, name) for name in WorkbookInput.__dataclass_fields__}


@pytest.mark.parametrize("draw", [1, 17, DRAWS])
def test_a_replayed_draw_gives_its_stored_outcomes(draw: int) -> None:
    case, _, spreadsheet = exported()
    spreadsheet.set_value("Control", 8, 3, float(draw))
    spreadsheet.evaluate_all()
    verdicts = {
        (str(spreadsheet.get_value("Checks", row, 1)), spreadsheet.get_value("Checks", row, 4))
        for row in range(7, 110)
    }
    replayed = {verdict for what, verdict in verdicts if "replayed draw" in what}
    engine = {verdict for what, verdict in verdicts if "live model = engine" in what}
    costs = [spreadsheet.get_value("Results", 7, 3 + i) for i in range(len(case.model.strategies))]
    overall = spreadsheet.get_value("Checks", 3, 4)
    spreadsheet.set_value("Control", 8, 3, 0.0)
    assert replayed == {"OK"}
    assert engine == {"not compared"}
    assert overall == "OK"
    np.testing.assert_allclose(costs, outcomes().cost[draw - 1], rtol=1e-9)


def test_an_override_goes_before_a_replayed_draw() -> None:
    _, _, spreadsheet = exported()
    key = next(iter(outcomes().parameters))
    row = row_of(spreadsheet, "Inputs", key)
    live, override, draw = 4, 5, 7
    base = spreadsheet.get_value("Inputs", row, live)
    spreadsheet.set_value("Control", 8, 3, 17.0)
    spreadsheet.evaluate_all()
    drawn = spreadsheet.get_value("Inputs", row, live)
    spreadsheet.set_value("Inputs", row, override, base * 1.5)
    spreadsheet.evaluate_all()
    shown = [spreadsheet.get_value("Inputs", row, column) for column in (live, draw)]
    spreadsheet.set_value("Inputs", row, override, None)
    spreadsheet.set_value("Control", 8, 3, 0.0)
    assert drawn == pytest.approx(outcomes().parameters[key][16], rel=1e-11)
    assert drawn != base
    assert shown == [base * 1.5, drawn]


def test_increments_follow_the_comparator() -> None:
    case, book, spreadsheet = exported()
    row = next(r for r in range(1, 90) if spreadsheet.get_value("Control", r, 1) == "comparator")
    spreadsheet.set_value("Control", row, 4, "AB")
    spreadsheet.evaluate_all()
    sheet = next(sheet for sheet in book.sheets if sheet.name == "PSA_draws")
    first = min(run.column for run in sheet.runs if "psa_comparator" in run.template)
    shown = [
        [spreadsheet.get_value("PSA_draws", 9 + draw, first + i) for i in range(4)]
        for draw in range(DRAWS)
    ]
    spreadsheet.set_value("Control", row, 4, None)
    base = list(case.model.strategies).index("AB")
    effect = outcomes().effect
    np.testing.assert_allclose(shown, effect - effect[:, base : base + 1], atol=1e-12)


def test_without_draws_there_are_no_psa_sheets() -> None:
    book = workbook(case_of("hiv/base_case"))
    assert not {"PSA", "PSA_draws"} & {sheet.name for sheet in book.sheets}
    assert "set_psa_draw" not in book.names


def test_the_tornado_follows_strategy_and_threshold() -> None:
    case, _, spreadsheet = exported()
    found = case.one_way
    assert found is not None
    row = next(r for r in range(1, 90) if spreadsheet.get_value("Control", r, 1) == "threshold_1")
    spreadsheet.set_value("One_way", 4, 3, "A")
    spreadsheet.set_value("Control", row, 4, 30_000.0)
    spreadsheet.evaluate_all()
    runs, own, base = found.outcomes, found.outcomes.index("A"), found.outcomes.index("SoC")
    nmb = runs.nmb(30_000.0)
    change = (nmb[:, own] - nmb[:, base]) - (nmb[0, own] - nmb[0, base])
    swings = {
        name: max(0.0, change[2 * i + 1], change[2 * i + 2])
        - min(0.0, change[2 * i + 1], change[2 * i + 2])
        for i, name in enumerate(found.order)
    }
    top = row_of(spreadsheet, "One_way", "The 15 inputs with the widest swing") + 2
    names = [spreadsheet.get_value("One_way", top + k, 2) for k in range(5)]
    widest = sorted(swings, key=lambda name: -swings[name])[:5]
    labels = {row.name: row.label or row.name for row in found.rows}
    spreadsheet.set_value("One_way", 4, 3, found.strategy)
    spreadsheet.set_value("Control", row, 4, None)
    assert names == [labels[name] for name in widest]
