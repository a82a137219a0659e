"""The workbook is the engine's twin: every shipped scenario, and hundreds of edits."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from heecon.workbook.case import WorkbookInput, case_of
from heecon.workbook.export import workbook

from .edited import RESULT_SHEETS, Editor
from .sheets import differences, engine_s_table, incremental_table, opened, with_strategies

MODELS = ("sick_sicker", "hiv", pytest.param("starter", marks=pytest.mark.slow))
"""The two large models have tests of their own."""

PAIR = ("denosumab", "zoledronic_acid")
"""Strategies of the flagship whose traces stand for all in the ordinary run."""


@cache
def exported(model: str, strategies: tuple[str, ...] = ()) -> tuple[WorkbookInput, Any]:
    """The case of a model's base case, with all or some strategies, and the workbook opened."""
    case = case_of(f"{model}/base_case")
    if strategies:
        case = with_strategies(case, strategies)
    return case, opened(workbook(case))


def choose_each(case: WorkbookInput, spreadsheet: Any) -> None:
    """Choose scenarios on the control sheet; results, values and checks must follow.

    Args:
        case: what was exported.
        spreadsheet: the workbook, opened.
    """
    assert len(case.variants) > 1
    for chosen, variant in enumerate(case.variants):
        spreadsheet.set_value("Control", 6, 3, variant.name)
        spreadsheet.evaluate_all()
        expected = workbook(replace(case, chosen=chosen))
        sheets = (*RESULT_SHEETS, "Values", "Cover", "Checks")
        assert differences(expected, spreadsheet, *sheets) == []
        assert incremental_table(expected) == engine_s_table(replace(case, chosen=chosen))
        assert spreadsheet.get_value("Checks", 3, 4) == "OK"
    spreadsheet.set_value("Control", 6, 3, "base_case")


@pytest.mark.parametrize("model", MODELS)
def test_every_formula_equals_the_engine(model: str) -> None:
    case, spreadsheet = exported(model)
    book = workbook(case)
    assert differences(book, spreadsheet) == []
    assert incremental_table(book) == engine_s_table(case)


@pytest.mark.slow
def test_every_formula_of_the_flagship_equals_the_engine() -> None:
    case, spreadsheet = exported("bone_metastases", PAIR)
    assert differences(workbook(case), spreadsheet) == []


@pytest.mark.slow
def test_every_formula_of_the_flagship_equals_the_engine_for_all_strategies() -> None:
    case, spreadsheet = exported("bone_metastases")
    assert differences(workbook(case), spreadsheet) == []


@pytest.mark.parametrize("model", MODELS)
def test_every_scenario_can_be_chosen(model: str) -> None:
    choose_each(*exported(model))


@pytest.mark.slow
def test_every_scenario_of_the_flagship_can_be_chosen() -> None:
    choose_each(*exported("bone_metastases", PAIR))


@pytest.mark.slow
def test_every_scenario_of_early_disease_can_be_chosen() -> None:
    choose_each(*exported("early_breast_cancer"))


def test_edits_equal_the_engine(tmp_path: Path) -> None:
    compare_edits("hiv", 30, 7, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("model", "edits"), [("hiv", 180), ("sick_sicker", 20), ("starter", 15), ("bone_metastases", 8)]
)
def test_edits_equal_the_engine_at_length(model: str, edits: int, tmp_path: Path) -> None:
    compare_edits(model, edits, 11, tmp_path)


def compare_edits(model: str, edits: int, seed: int, folder: Path) -> None:
    """Make edits that can be run; the results must be the engine's, the incremental table too."""
    case, spreadsheet = exported(model)
    editor = Editor(case, spreadsheet, folder, seed)
    while editor.compared < edits:
        assert editor.tried < 4 * edits, "too few edits can be run"
        assert editor.compare(editor.edit(), *RESULT_SHEETS) in (None, [])
    spreadsheet.set_value("Control", 6, 3, "base_case")
