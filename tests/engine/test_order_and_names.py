"""The order and the names of what a model is made of never change a number."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass, replace
from pathlib import Path
from random import Random as Luck
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from heecon.engine.cohort import run_cohort
from heecon.engine.sampling import sample
from heecon.model.load import load
from tests.model.small import PARAMETER_FILE, TABLE_FILE, write

from .cases import PARAMETERS, cases, draws_of, model_of
from .simulator import Case


def renamed(part: Any, new: Mapping[str, str]) -> Any:
    """A copy of a part of a case in which every name is another."""
    if isinstance(part, str):
        return new.get(part, part)
    if isinstance(part, tuple):
        return tuple(renamed(item, new) for item in part)
    if isinstance(part, Mapping):
        return {renamed(key, new): renamed(value, new) for key, value in part.items()}
    if is_dataclass(part) and not isinstance(part, type):
        return replace(part, **{f.name: renamed(getattr(part, f.name), new) for f in fields(part)})
    return part


def shuffled(part: Any, luck: Luck) -> Any:
    """A mapping or tuple in another order."""
    items = list(part.items()) if isinstance(part, Mapping) else list(part)
    luck.shuffle(items)
    return dict(items) if isinstance(part, Mapping) else tuple(items)


def in_another_order(case: Case, luck: Luck) -> Case:
    return replace(
        case,
        states=shuffled(case.states, luck),
        start=shuffled(case.start, luck),
        strategies=shuffled(case.strategies, luck),
        rows=shuffled(
            {k: replace(row, to=shuffled(row.to, luck)) for k, row in case.rows.items()}, luck
        ),
        outcomes=shuffled(case.outcomes, luck),
        values=shuffled(case.values, luck),
        draws=shuffled(case.draws, luck),
    )


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(cases(), st.randoms(use_true_random=False))
def test_random_models_in_another_order_under_other_names(case: Case, luck: Luck) -> None:
    old = [*(state.name for state in case.states), *(item.name for item in case.outcomes)]
    old += [*case.strategies, *PARAMETERS]
    new = dict(zip(old, shuffled([f"n{i}" for i in range(len(old))], luck), strict=True))
    before = run_cohort(model_of(case), draws_of(case))
    other = renamed(in_another_order(case, luck), new)
    after = run_cohort(model_of(other), draws_of(other))
    back = np.ix_(
        range(before.draws),
        [after.strategies.index(new[name]) for name in before.strategies],
        [[o.name for o in after.outcomes].index(new[o.name]) for o in before.outcomes],
        [after.states.index(new[name]) for name in before.states],
    )
    for what in ("undiscounted", "discounted"):
        expected = getattr(before, what)
        scale = max(1.0, float(np.abs(expected).max()))
        np.testing.assert_allclose(
            getattr(after, what)[back], expected, rtol=1e-12, atol=1e-12 * scale, err_msg=what
        )


ROWS = """\
name,strategy,value,se,distribution,correlation_group
dr,,0.035,,,
share_ill,,0.1,0.02,beta,ranks
h_base,,0.2,,multivariate_lognormal,block
hr,,1,,,
hr,new,0.8,,multivariate_lognormal,block
c_care,,500,50,gamma,ranks
"""


def square(folder: Path, name: str, keys: list[str], cell: float, luck: Luck) -> None:
    """A matrix whose columns, and rows with them, are in any order."""
    luck.shuffle(keys)
    rows = [",".join(str(1.0 if a == b else cell) for b in keys) for a in keys]
    folder.mkdir(exist_ok=True)
    (folder / name).write_text("\n".join([",".join(keys), *rows]) + "\n", encoding="utf-8")


def draws(root: Path, luck: Luck, method: str) -> dict[str, list[float]]:
    """The draws of the small model with its files' rows and columns in another order."""
    write(root)
    lines = [line.split(",") for line in ROWS.splitlines()]
    places = list(range(len(lines[0])))
    luck.shuffle(places)
    head, *body = [",".join(line[i] for i in places) for line in lines]
    luck.shuffle(body)
    (root / PARAMETER_FILE).write_text("\n".join([head, *body]) + "\n", encoding="utf-8")
    folder = (root / TABLE_FILE).parent.parent / "joint"
    square(folder, "block.csv", ["h_base", "hr[new]"], 0.3, luck)
    square(folder, "ranks.csv", ["share_ill", "c_care"], 0.5, luck)
    found = sample(load(root / "inputs/small"), 8, method=method)
    return {key: column.tolist() for key, column in found.items()}


@pytest.mark.parametrize("method", ["random", "latin_hypercube", "sobol"])
def test_draws_do_not_depend_on_the_order_of_rows_and_columns(method: str, tmp_path: Path) -> None:
    first = draws(tmp_path / "a", Luck(1), method)  # noqa: S311
    assert set(first) == {"share_ill", "h_base", "hr[new]", "c_care"}
    for seed in range(2, 6):
        assert draws(tmp_path / str(seed), Luck(seed), method) == first  # noqa: S311
