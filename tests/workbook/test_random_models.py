"""The workbook of any model the reference simulator knows equals the engine in every formula."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings

from heecon.workbook.export import workbook
from tests.engine.cases import cases, model_of
from tests.engine.simulator import Case

from .sheets import case_in_memory, differences, engine_s_table, incremental_table, opened


def compare(case: Case) -> None:
    family = case_in_memory(model_of(case))
    book = workbook(family)
    assert differences(book, opened(book)) == []
    if family.has_qalys:
        assert incremental_table(book) == engine_s_table(family)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(case=cases())
def test_every_formula_equals_the_engine(case: Case) -> None:
    compare(case)


@pytest.mark.slow
@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(case=cases())
def test_every_formula_equals_the_engine_at_length(case: Case) -> None:
    compare(case)
