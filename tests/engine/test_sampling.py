"""Draws: keyed by name, rightly distributed, correlated as asked, repaired when impossible."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import stats
from scipy.optimize import minimize

import heecon as he
from heecon.analysis.evaluation import run
from heecon.arrays import Floats
from heecon.engine.sampling import (
    METHODS,
    _open,
    from_uniforms,
    keys_of,
    sample,
    stream,
    uncertain,
)
from heecon.model.correlation import SMALLEST, nearest_correlation

from ..analysis.nested import nested_evppi
from ..analysis.toys import THRESHOLD, toy
from ..analysis.toys import uncertain as row

METHOD_NAMES = tuple(METHODS)


def model(*names: str) -> he.Model:
    return toy([row(name, "uniform", 0.0, 1.0) for name in names], " + ".join(names))


# --- keyed by name -------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["random", "latin_hypercube"])
def test_adding_parameters_and_strategies_changes_nobody(method: str) -> None:
    before = sample(model("b", "d"), 500, 7, method)
    more = toy(
        [
            row("a", "normal", 0.0, 1.0),
            row("d", "uniform", 0.0, 1.0),
            row("b", "uniform", 0.0, 1.0),
            row("b", "uniform", 0.0, 1.0, strategy="third"),
        ],
        "a + b + d",
        strategies=("old", "new", "third"),
    )
    after = sample(more, 500, 7, method)
    assert list(after) == ["a", "d", "b", "b[third]"]
    for key in ("b", "d"):
        np.testing.assert_array_equal(after[key], before[key])
    assert not np.array_equal(after["b[third]"], after["b"])


def test_a_sobol_sequence_does_depend_on_what_varies() -> None:
    before, after = sample(model("b"), 64, 7, "sobol"), sample(model("a", "b"), 64, 7, "sobol")
    assert not np.array_equal(before["b"], after["b"])


@pytest.mark.parametrize("method", METHOD_NAMES)
def test_seed_zero_is_a_seed(method: str) -> None:
    one, again, other, negative = (
        sample(model("a", "b"), 64, seed, method) for seed in (0, 0, 1, -1)
    )
    for key in ("a", "b"):
        np.testing.assert_array_equal(one[key], again[key])
        for different in (other, negative):
            assert not np.isin(one[key], different[key]).any()
    assert not np.isin(one["a"], one["b"]).any()


@pytest.mark.parametrize("method", ["random", "sobol"])
@pytest.mark.parametrize("count", [1, 2, 100, 999])
def test_first_draws_stay_when_more_are_asked_for(method: str, count: int) -> None:
    whole = sample(model("a", "b"), 1000, 3, method)
    part = sample(model("a", "b"), count, 3, method)
    rest = sample(model("a", "b"), 1000, 3, method, first=count)
    for key in ("a", "b"):
        np.testing.assert_array_equal(np.concatenate([part[key], rest[key]]), whole[key])


def test_draws_are_the_same_everywhere() -> None:
    # Written down once: a change of the key, the generator or their order shows here.
    drawn = stream(1, "p_die").random(3)
    assert drawn.tolist() == [0.7671767069815107, 0.31838432541421924, 0.5748000687575452]


def test_bad_requests() -> None:
    requests: list[tuple[dict[str, Any], str]] = [
        ({"draws": 0}, "0 draws"),
        ({"draws": 10**9}, "Ask for 1 to 10,000,000"),
        ({"draws": 5, "method": "sobl"}, "unknown method 'sobl'.*'sobol'"),
        ({"draws": 5, "first": 5}, "first draw 5 of 5"),
        ({"draws": 5, "first": 2, "method": "latin_hypercube"}, "cannot be continued"),
    ]
    for arguments, words in requests:
        with pytest.raises(he.InputError, match=words):
            sample(model("a"), **arguments)


def test_nothing_varies() -> None:
    fixed = toy([he.Parameter("a", 1.0)], "a")
    assert uncertain(fixed) == ()
    for method in METHOD_NAMES:
        assert sample(fixed, 5, method=method) == {}


# --- uniform and independent ---------------------------------------------------------------------


@pytest.mark.parametrize("method", METHOD_NAMES)
def test_uniform_and_independent(method: str) -> None:
    names = [f"p{i}" for i in range(20)]
    drawn = sample(model(*names), 4096, 11, method)
    inside = np.array([drawn[name] for name in names])
    assert ((inside > 0) & (inside < 1)).all()
    # Of 20 tests at the 0.1% level none should fail; even designs are more uniform than chance.
    for values in inside:
        assert stats.kstest(values, "uniform").pvalue > 0.001
        counts = np.histogram(values, 64, (0, 1))[0]
        assert stats.chisquare(counts).pvalue > 0.001
        if method != "random":
            assert counts.min() == counts.max() == 64
    correlations = np.corrcoef(inside)[np.triu_indices(20, 1)]
    assert np.abs(correlations).max() < 4.5 / np.sqrt(4096)
    # Serial independence of plain random draws.
    if method == "random":
        lagged = [np.corrcoef(values[1:], values[:-1])[0, 1] for values in inside]
        assert np.abs(lagged).max() < 4.5 / np.sqrt(4096)


def test_a_latin_hypercube_has_one_draw_a_stratum() -> None:
    for count in (1, 7, 1000):
        values = sample(model("a"), count, 5, "latin_hypercube")["a"]
        np.testing.assert_array_equal(np.sort((values * count).astype(int)), np.arange(count))


def test_even_designs_estimate_means_better() -> None:
    """The mean of a sum of ten parameters: random errors are those of theory, the others less."""
    names = [f"p{i}" for i in range(10)]
    errors = {
        method: [
            sum(values.mean() for values in sample(model(*names), 256, seed, method).values()) - 5
            for seed in range(30)
        ]
        for method in METHOD_NAMES
    }
    theory = np.sqrt(10 / 12 / 256)
    assert np.std(errors["random"]) == pytest.approx(theory, rel=0.4)
    assert np.std(errors["latin_hypercube"]) < theory / 20
    assert np.std(errors["sobol"]) < theory / 20


def test_the_ends_give_finite_values() -> None:
    heavy = toy([row("a", "lognormal", 0.0, 1.0), row("b", "normal", 0.0, 1.0)], "a + b")
    for method in METHOD_NAMES:
        drawn = sample(heavy, 1024, method=method)
        assert all(np.isfinite(values).all() for values in drawn.values())
    assert ((_open(np.array([0.0, 1.0])) > 0) & (_open(np.array([0.0, 1.0])) < 1)).all()
    ends = np.array([0.5**54, 1 - 0.5**53])
    values = from_uniforms(heavy, dict.fromkeys(keys_of(heavy), ends))
    assert all(np.isfinite(column).all() for column in values.values())


# --- joint families ------------------------------------------------------------------------------


def joint_rows(family: str, *values: float, counts: Sequence[float] = ()) -> list[he.Parameter]:
    return [
        he.Parameter(
            f"x{i}",
            value,
            joint_family=family,
            joint_count=counts[i] if counts else None,
            correlation_group="block",
        )
        for i, value in enumerate(values)
    ]


COVARIANCE = {"x0": [0.04, 0.01], "x1": [0.01, 0.09]}


@pytest.mark.parametrize(
    ("family", "values", "link"),
    [
        ("multivariate_normal", (1.0, -2.0), lambda x: x),
        ("multivariate_lognormal", (0.8, 1.7), np.log),
        ("multivariate_logit_normal", (0.3, 0.6), lambda x: np.log(x / (1 - x))),
    ],
)
def test_normal_blocks(family: str, values: tuple[float, float], link: np.ufunc) -> None:
    drawn = sample(
        toy(joint_rows(family, *values), "x0 + x1", joint={"block": COVARIANCE}), 20_000, 2
    )
    scores = np.array([link(drawn["x0"]), link(drawn["x1"])])
    centre = np.array([link(np.float64(value)) for value in values])
    np.testing.assert_allclose(scores.mean(axis=1), centre, atol=4 * 0.3 / np.sqrt(20_000))
    np.testing.assert_allclose(np.cov(scores), [[0.04, 0.01], [0.01, 0.09]], rtol=0.07)


def test_dirichlet() -> None:
    counts = np.array([5.0, 3.0, 12.0])
    rows = joint_rows("dirichlet", *(counts / counts.sum()), counts=counts.tolist())
    drawn = np.array(list(sample(toy(rows, "x0 + x1 + x2"), 20_000, 4).values()))
    np.testing.assert_allclose(drawn.sum(axis=0), 1, rtol=1e-12)
    share = counts / counts.sum()
    exact = (np.diag(share) - np.outer(share, share)) / (counts.sum() + 1)
    np.testing.assert_allclose(drawn.mean(axis=1), share, atol=0.004)
    np.testing.assert_allclose(np.cov(drawn), exact, rtol=0.08)


def test_rows_of_a_posterior_stay_whole() -> None:
    posterior = {"x0": [1.0, 2.0, 3.0, 4.0], "x1": [10.0, 20.0, 30.0, 40.0]}
    chain = toy(joint_rows("empirical", 2.5, 25.0), "x0 + x1", joint={"block": posterior})
    drawn = sample(chain, 4000, 1)
    np.testing.assert_array_equal(drawn["x1"], 10 * drawn["x0"])
    counts = np.unique(drawn["x0"], return_counts=True)[1]
    assert stats.chisquare(counts).pvalue > 0.001
    even = sample(chain, 4000, 1, "latin_hypercube")
    assert (np.unique(even["x0"], return_counts=True)[1] == 1000).all()


# --- rank correlations ---------------------------------------------------------------------------

TARGET = np.array([[1.0, 0.7, -0.4], [0.7, 1.0, 0.1], [-0.4, 0.1, 1.0]])


def columns(matrix: Floats, names: Sequence[str] = ("a", "b", "c")) -> dict[str, list[float]]:
    return {name: [float(x) for x in matrix[:, i]] for i, name in enumerate(names)}


def ranked(
    matrix: Floats, group: str = "linked", joint: Mapping[str, Sequence[float]] | None = None
) -> he.Model:
    rows = [
        row("a", "gamma", 2.0, 100.0, correlation_group=group),
        row("b", "beta", 2.0, 5.0, correlation_group=group),
        row("c", "lognormal", 0.0, 0.5, correlation_group=group),
        row("free", "normal", 0.0, 1.0),
    ]
    return toy(rows, "a + b + c + free", joint={"linked": joint or columns(matrix)})


def warnings_about_repair(model: he.Model) -> list[str]:
    return [text for text in model.warnings if "impossible together" in text]


@pytest.mark.parametrize("method", METHOD_NAMES)
def test_rank_correlations_are_met_and_margins_kept(method: str) -> None:
    linked = ranked(TARGET)
    count = 16_384
    drawn = sample(linked, count, 3, method)
    found = stats.spearmanr(np.column_stack([drawn[key] for key in ("a", "b", "c")])).statistic
    np.testing.assert_allclose(found, TARGET, atol=4 / np.sqrt(count))
    for key, exact in [
        ("a", stats.gamma(2, scale=100)),
        ("b", stats.beta(2, 5)),
        ("c", stats.lognorm(0.5)),
    ]:
        assert stats.kstest(drawn[key], exact.cdf).pvalue > 0.001
    assert abs(stats.spearmanr(drawn["a"], drawn["free"]).statistic) < 4 / np.sqrt(count)
    assert warnings_about_repair(linked) == []


def test_the_group_changes_nobody_else() -> None:
    apart = toy(
        [
            row("a", "gamma", 2.0, 100.0),
            row("b", "beta", 2.0, 5.0),
            row("c", "lognormal", 0.0, 0.5),
            row("free", "normal", 0.0, 1.0),
        ],
        "a + b + c + free",
    )
    one, other = sample(ranked(TARGET), 1000), sample(apart, 1000)
    np.testing.assert_array_equal(one["free"], other["free"])
    np.testing.assert_allclose(one["a"], other["a"], rtol=1e-9)
    assert not np.allclose(one["b"], other["b"])
    # Prefixes stay here too.
    np.testing.assert_allclose(sample(ranked(TARGET), 10)["b"], one["b"][:10], rtol=1e-12)


def test_the_columns_may_stand_in_any_order() -> None:
    order = [2, 0, 1]
    shuffled = columns(TARGET[np.ix_(order, order)], ["c", "a", "b"])
    one, other = sample(ranked(TARGET), 100), sample(ranked(TARGET, joint=shuffled), 100)
    for key in one:
        np.testing.assert_array_equal(one[key], other[key])


def test_the_nearest_correlation_matrix() -> None:
    # Higham 2002, section 4: the published answer to four decimals.
    given = np.array([[1.0, 1.0, 0.0], [1.0, 1.0, 1.0], [0.0, 1.0, 1.0]])
    found = nearest_correlation(given)
    exact = [[1, 0.7607, 0.1573], [0.7607, 1, 0.7607], [0.1573, 0.7607, 1]]
    np.testing.assert_allclose(found, exact, atol=6e-5)
    assert (np.diag(found) == 1).all()
    assert np.linalg.eigvalsh(found).min() > 0
    # Even before it has converged, the result can be used.
    rough = nearest_correlation(given, steps=1)
    assert np.linalg.eigvalsh(rough).min() >= 0.99 * SMALLEST
    np.linalg.cholesky(rough)


@pytest.mark.parametrize("seed", range(5))
def test_no_other_correlation_matrix_is_nearer(seed: int) -> None:
    """Against a general minimiser over correlation matrices written as products of unit rows."""
    rng = np.random.default_rng(seed)
    given = np.eye(4)
    above = np.triu_indices(4, 1)
    given[above] = rng.uniform(-0.95, 0.95, 6)
    given = given + np.triu(given, 1).T
    found = nearest_correlation(given)

    def matrix(flat: Floats) -> Floats:
        rows = flat.reshape(4, 4)
        rows = rows / np.linalg.norm(rows, axis=1, keepdims=True)
        return np.asarray(rows @ rows.T)

    best = min(
        float(
            minimize(lambda x: ((matrix(x) - given) ** 2).sum(), rng.normal(size=16), tol=1e-14).fun
        )
        for _ in range(5)
    )
    assert ((found - given) ** 2).sum() == pytest.approx(best, abs=1e-6)


IMPOSSIBLE = np.array([[1.0, 0.9, -0.9], [0.9, 1.0, 0.9], [-0.9, 0.9, 1.0]])


def test_impossible_correlations_are_repaired_and_reported() -> None:
    linked = ranked(IMPOSSIBLE)
    (warning,) = warnings_about_repair(linked)
    used = linked.copulas["linked"].used
    change = np.abs(used - IMPOSSIBLE)
    assert change.max() > 0.1
    assert f"The largest change is {change.max():.3g}: " in warning
    assert "joint/linked.csv" in warning
    assert f"from {-0.9} to" in warning or f"from {0.9} to" in warning
    drawn = sample(linked, 20_000, 5)
    found = stats.spearmanr(np.column_stack([drawn[key] for key in ("a", "b", "c")])).statistic
    np.testing.assert_allclose(found, used, atol=4 / np.sqrt(20_000))
    assert stats.kstest(drawn["c"], stats.lognorm(0.5).cdf).pvalue > 0.001
    assert warning in run(linked).warnings()


def test_nested_simulation_needs_the_whole_group() -> None:
    linked = ranked(TARGET)
    with pytest.raises(he.InputError, match="the rest of the group 'linked' cannot be drawn"):
        nested_evppi(linked, "a", THRESHOLD, outer=10, inner=10)
    nested_evppi(linked, ["a", "b", "c"], THRESHOLD, outer=10, inner=10)


def test_perfect_correlation_is_possible() -> None:
    linked = ranked(np.array([[1.0, 1.0, -1.0], [1.0, 1.0, -1.0], [-1.0, -1.0, 1.0]]))
    drawn = sample(linked, 2000)
    found = stats.spearmanr(drawn["a"], drawn["c"]).statistic
    assert found == pytest.approx(-1, abs=1e-4)
    assert warnings_about_repair(linked) == []


@pytest.mark.parametrize(
    ("joint", "words"),
    [
        ({"a": [1, 0.5], "b": [0.5, 1]}, "no column 'c', which is in the group 'linked'"),
        (columns(TARGET, ["a", "b", "cc"]), "unknown parameter 'cc'"),
        ({"a": [1, 0], "b": [0, 1], "c": [0, 0]}, "2 rows for 3 parameters"),
        (columns(2 * TARGET), "the diagonal is not all ones"),
        (columns(TARGET + np.triu(np.full((3, 3), 0.1), 1)), "a with b is .*the other way round"),
        (columns(TARGET + 9 * (1 - np.eye(3))), "is not a correlation"),
    ],
)
def test_bad_matrices(joint: dict[str, list[float]], words: str) -> None:
    with pytest.raises(he.InputError, match=words):
        ranked(TARGET, joint=joint)


def test_a_group_without_a_matrix_or_with_two_natures() -> None:
    with pytest.raises(he.InputError, match=r"needs its rank correlations in joint/lonely\.csv"):
        ranked(TARGET, group="lonely")
    mixed = [
        he.Parameter("a", 1.0, joint_family="multivariate_normal", correlation_group="linked"),
        row("b", "normal", 0.0, 1.0, correlation_group="linked"),
    ]
    with pytest.raises(he.InputError, match="mixes joint and ordinary"):
        toy(mixed, "a + b", joint={"linked": {"a": [1, 0], "b": [0, 1]}})


# --- files and scenarios -------------------------------------------------------------------------

MODEL = """
[model]
title = "Files"
cycle = "1 year"
horizon = "1 cycle"
correction = "start"
discounting = { cost = 0, effect = 0 }
[states]
well = {}
dead = { absorbing = true }
[start]
well = 1
[strategies]
old = {}
new = {}
[transitions.well]
probabilities = { well = "rest", dead = 0 }
[outcomes.cost]
kind = "cost"
start = { well = "c_drug + c_visit" }
"""

ROWS = """name,strategy,value,distribution,arg1,arg2,correlation_group
c_drug,old,10,{family},{drug},linked
c_drug,new,20,{family},{drug},linked
c_visit,,1,{family},{visit},linked
"""

RANKS = "c_drug[old],c_drug[new],c_visit\n1,0.8,0.2\n0.8,1,0.2\n0.2,0.2,1\n"


def folder(tmp_path: Path, rows: str, joint: str, scenario: str) -> tuple[he.Model, he.Model]:
    place = tmp_path / "inputs" / "files"
    (place / "joint").mkdir(parents=True)
    (place / "model.toml").write_text(MODEL, encoding="utf-8")
    (place / "parameters.csv").write_text(rows, encoding="utf-8")
    (place / "joint" / "linked.csv").write_text(joint, encoding="utf-8")
    scenarios = tmp_path / "scenarios" / "files"
    scenarios.mkdir(parents=True)
    (scenarios / "other.toml").write_text(f'title = "Other"\n{scenario}\n', encoding="utf-8")
    return he.load(place), he.load(place, scenarios / "other.toml")


@pytest.mark.parametrize(
    ("family", "drug", "visit"), [("gamma", "4,5", "4,1"), ("multivariate_normal", ",", ",")]
)
def test_leaving_a_strategy_out_changes_nobody(
    tmp_path: Path, family: str, drug: str, visit: str
) -> None:
    rows = ROWS.format(family=family, drug=drug, visit=visit)
    whole, part = folder(tmp_path, rows, RANKS, 'strategies = ["new"]')
    one, other = sample(whole, 200), sample(part, 200)
    assert list(other) == ["c_drug[new]", "c_visit"]
    for key in other:
        np.testing.assert_array_equal(other[key], one[key])
    assert np.corrcoef(one["c_drug[old]"], one["c_drug[new]"])[0, 1] > 0.6
    assert run(part, other).result.draws == 200


def test_a_parameter_a_scenario_fixes_leaves_its_group(tmp_path: Path) -> None:
    rows = ROWS.format(family="gamma", drug="4,5", visit="4,1")
    whole, part = folder(tmp_path, rows, RANKS, "[parameters]\nc_visit = 3")
    assert part.copulas["linked"].names == ("c_drug[new]", "c_drug[old]")
    (warning,) = [text for text in part.warnings if "joint/linked.csv" in text]
    assert "c_visit is not uncertain in this group" in warning
    one, other = sample(whole, 200), sample(part, 200)
    for key in ("c_drug[old]", "c_drug[new]"):
        np.testing.assert_allclose(other[key], one[key], rtol=1e-12)
    assert not any("joint/linked.csv" in text for text in whole.warnings)
