"""Sobol indices against closed forms; correlated parameters; seeds; published models end to end."""

from __future__ import annotations

from math import pi
from typing import Any

import numpy as np
import pytest

import heecon as he
from heecon.analysis.gsa import Estimate
from heecon.analysis.psa import run_psa
from heecon.analysis.sobol import Sobol, run_sobol

from .toys import THRESHOLD, toy, uncertain

NEW_NMB = ("incremental_nmb", "new")


def ishigami() -> he.Model:
    """sin x1 + 7 sin(x2)^2 + 0.1 x3^4 sin x1 as a cost, the sines by their series."""
    parameters = [uncertain(f"x{i}", "uniform", -pi, pi) for i in (1, 2, 3)]
    variables = {}
    for i in (1, 2):
        series = "1"
        for n in range(27, 1, -2):
            series = f"1 - x{i} * x{i} / {n * (n - 1)} * ({series})"
        variables[f"sine{i}"] = f"x{i} * ({series})"
    cost = "sine1 + 7 * sine2 * sine2 + 0.1 * x3 ** 4 * sine1"
    return toy(parameters, cost, variables=variables)


def indices(result: Sobol, quantity: str, strategy: str) -> dict[str, tuple[Estimate, Estimate]]:
    found = {
        row.factor.name: (row.first, row.total)
        for row in result.rows
        if (row.quantity.name, row.quantity.strategy) == (quantity, strategy)
    }
    assert found
    return found


def test_ishigami_first_total_and_second_order() -> None:
    model = ishigami()
    result = run_sobol(model, 4096, seed=3, quantities=["cost"], second_order=True)
    v1 = 0.5 * (1 + 0.1 * pi**4 / 5) ** 2
    v2 = 7**2 / 8
    v13 = 8 * 0.1**2 * pi**8 / 225
    total = v1 + v2 + v13
    expected = {
        "x1": (v1 / total, (v1 + v13) / total),
        "x2": (v2 / total, v2 / total),
        "x3": (0.0, v13 / total),
    }
    found = indices(result, "cost", "new")
    for factor, numbers in expected.items():
        for estimate, number in zip(found[factor], numbers, strict=True):
            assert estimate.value == pytest.approx(number, abs=0.02)
            assert abs(estimate.value - number) <= 1.5 * estimate.half_width
            assert 0 < estimate.half_width < 0.12
    pairs = {tuple(f.name for f in pair.factors): pair.second for pair in result.pairs}
    assert pairs["x1", "x3"].value == pytest.approx(v13 / total, abs=0.03)
    assert pairs["x1", "x3"].different
    assert pairs["x1", "x2"].value == pytest.approx(0, abs=0.03)
    assert pairs["x2", "x3"].value == pytest.approx(0, abs=0.03)
    assert not found["x3"][0].different
    assert str(found["x3"][0]) == "not different from zero"
    assert [row.factor.name for row in result.rows] == ["x1", "x2", "x3"]
    assert result.runs == 4096 * 8
    assert result.notes == ("The cost of old does not vary.",)


PRODUCT = (
    uncertain("years", "normal", 2.0, 0.4),
    uncertain("weight", "uniform", 0.4, 1.0),
    uncertain("price", "gamma", 25.0, 400.0),
)
"""Net benefit 20,000 x years x weight - price."""


def product_model() -> he.Model:
    return toy(PRODUCT, "price", "years * weight")


def product_indices() -> dict[str, tuple[float, float]]:
    """Of a product of independent variables and a sum, from their means and variances."""
    (my, vy), (mw, vw), vp = (2.0, 0.4**2), (0.7, 0.6**2 / 12), 25 * 400.0**2
    alone = {"years": mw**2 * vy, "weight": my**2 * vw, "price": vp / THRESHOLD**2}
    both = vy * vw
    total = sum(alone.values()) + both
    return {
        name: (value / total, (value + (0 if name == "price" else both)) / total)
        for name, value in alone.items()
    }


def test_net_benefit_of_a_product() -> None:
    result = run_sobol(product_model(), 2048, seed=1)
    found = indices(result, *NEW_NMB)
    for factor, numbers in product_indices().items():
        for estimate, number in zip(found[factor], numbers, strict=True):
            assert estimate.value == pytest.approx(number, abs=0.02)
    # The price is all there is of cost, and nothing of the effect.
    cost = indices(result, "cost", "new")
    assert cost["price"][0].value == pytest.approx(1, abs=0.01)
    assert cost["years"][1] == Estimate(0.0, 0.0)
    assert indices(result, "effect", "new")["price"][1] == Estimate(0.0, 0.0)
    assert result.runs == 2048 * 5
    assert result.pairs == ()


def test_intervals_cover_the_truth() -> None:
    model = product_model()
    inside = []
    for seed in range(20):
        result = run_sobol(model, 256, seed, quantities=["incremental_nmb"])
        for factor, numbers in product_indices().items():
            estimates = indices(result, *NEW_NMB)[factor]
            inside += [
                e.low <= number <= e.high for e, number in zip(estimates, numbers, strict=True)
            ]
    # 120 intervals at 95%; wider than need be, because the points are more even than random ones.
    assert np.mean(inside) >= 0.93


def test_convergence_is_what_smaller_sizes_give() -> None:
    model = product_model()
    large = run_sobol(model, 512, seed=5, quantities=["incremental_nmb"], second_order=True)
    small = run_sobol(model, 128, seed=5, quantities=["incremental_nmb"])
    assert sorted({row.size for row in large.convergence}) == [64, 128, 256, 512]
    at = {row.factor.name: row for row in large.convergence if row.size == 128}
    for row in small.rows:
        assert at[row.factor.name].first.value == pytest.approx(row.first.value, abs=1e-12)
        assert at[row.factor.name].total.value == pytest.approx(row.total.value, abs=1e-12)
    last = {row.factor.name: row for row in large.convergence if row.size == 512}
    for final in large.rows:
        assert last[final.factor.name].total == final.total


def test_seed_zero_is_a_seed() -> None:
    model = product_model()
    one, again, other = (run_sobol(model, 64, seed) for seed in (0, 0, 1))
    assert one == again
    assert one.rows != other.rows


GROUPED = [
    he.Parameter("a", 1.0, joint_family="multivariate_normal", correlation_group="pair"),
    he.Parameter("b", 1.0, joint_family="multivariate_normal", correlation_group="pair"),
    uncertain("c", "normal", 0.0, 1.0),
]
COVARIANCE = {"pair": {"a": [1.0, 0.6], "b": [0.6, 1.0]}}


def test_parameters_that_vary_together_are_one_factor() -> None:
    model = toy(GROUPED, "300 * a + 400 * b + 800 * c", joint=COVARIANCE)
    result = run_sobol(model, 2048, quantities=["cost"])
    pair = 300**2 + 400**2 + 2 * 0.6 * 300 * 400
    share = pair / (pair + 800**2)
    found = indices(result, "cost", "new")
    assert set(found) == {"group:pair", "c"}
    assert found["group:pair"][0].value == pytest.approx(share, abs=0.02)
    assert found["group:pair"][1].value == pytest.approx(share, abs=0.02)
    assert found["c"][1].value == pytest.approx(1 - share, abs=0.02)
    assert result.notes[0].startswith("group:pair is one factor: a, b vary together")


def test_rank_correlated_parameters_are_one_factor() -> None:
    rows = [
        uncertain(name, "normal", 0.0, 1.0, correlation_group="pair" if name != "c" else "")
        for name in ("a", "b", "c")
    ]
    model = toy(rows, "300 * a + 400 * b + 800 * c", joint={"pair": {"a": [1, 0.5], "b": [0.5, 1]}})
    pair = 300**2 + 400**2 + 2 * (2 * np.sin(pi / 12)) * 300 * 400
    share = pair / (pair + 800**2)
    found = indices(run_sobol(model, 2048, quantities=["cost"]), "cost", "new")
    assert found["group:pair"][0].value == pytest.approx(share, abs=0.02)


def test_a_correlated_parameter_alone_is_refused() -> None:
    model = toy(GROUPED, "a + b + c", joint=COVARIANCE)
    with pytest.raises(he.InputError, match="name 'group:pair'"):
        run_sobol(model, 64, factors=["a", "c"])
    result = run_sobol(model, 64, factors=["c", "group:pair"])
    assert result.runs == 64 * 4


def test_only_the_named_factors_vary() -> None:
    result = run_sobol(product_model(), 1024, factors=["weight", "years"])
    found = indices(result, *NEW_NMB)
    exact = product_indices()
    rest = 1 - exact["price"][0]
    assert set(found) == {"years", "weight"}
    assert found["weight"][0].value == pytest.approx(exact["weight"][0] / rest, abs=0.02)


def test_threshold_and_strategy_are_chosen() -> None:
    result = run_sobol(
        product_model(), 64, thresholds=[0, 1e9], quantities=["nmb"], strategies=["new"]
    )
    free, dear = (
        {row.factor.name: row.total.value for row in result.rows if row.quantity.threshold == at}
        for at in (0, 1e9)
    )
    assert free["price"] > 0.9
    assert free["years"] == 0
    assert dear["price"] < 1e-4
    assert str(result.rows[-1].quantity) == "NMB of new at 1,000,000,000"


def test_rounding_is_not_variation() -> None:
    # What is gained costs just what it is worth; in binary, not to the last digit.
    rows = [uncertain("a", "uniform", 0.0, 1.0), uncertain("b", "uniform", 0.0, 1.0)]
    model = toy(rows, "20000 * (a / 3 + b / 7)", "a / 3 + b / 7")
    psa = run_psa(model, 100)
    assert np.ptp(psa.nmb(THRESHOLD)[:, 1]) > 0
    result = run_sobol(model, 64)
    assert "The incremental NMB of new at 20,000 does not vary." in result.notes
    assert {row.quantity.name for row in result.rows} == {"cost", "effect"}


def test_bad_requests() -> None:
    model = product_model()
    requests: list[tuple[dict[str, Any], str]] = [
        ({"size": 1000}, "size: 1000 is not a power of two. Try 1024"),
        ({"size": 2**27}, "screen with morris first"),
        ({"factors": ["years"]}, "1 factor varies"),
        ({"factors": ["yaers", "price"]}, "unknown factor 'yaers'.*'years'"),
        ({"factors": ["is_new", "price"]}, "'is_new' is fixed"),
        ({"quantities": ["nbm"]}, "unknown quantity 'nbm'.*'nmb'"),
        ({"comparator": "odl"}, "unknown strategy 'odl'"),
        ({"resamples": 1}, "1 resamples"),
        ({"level": 95}, "95 is not a level"),
    ]
    for arguments, words in requests:
        with pytest.raises(he.InputError, match=words):
            run_sobol(model, **{"size": 64, **arguments})


def test_progress_and_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = run_sobol(product_model(), 64)
    monkeypatch.setattr("heecon.analysis.gsa.CHUNK", 100)
    done: list[int] = []
    parts = run_sobol(product_model(), 64, on_draws=done.append)
    assert parts == whole
    assert done == [100, 200, 300, 320]


def test_sick_sicker() -> None:
    result = run_sobol(he.load("sick_sicker"), 256, thresholds=[50_000], strategies=["A", "AB"])
    for quantity in {row.quantity for row in result.rows}:
        rows = [row for row in result.rows if row.quantity == quantity]
        # A smooth, almost additive model: first-order indices share out nearly all the variance.
        assert 0.85 < sum(row.first.value for row in rows) < 1.15
        assert all(row.total.high >= 0 for row in rows)
    assert {row.quantity.name for row in result.rows} == {"incremental_nmb", "cost", "effect"}


@pytest.mark.slow
def test_the_flagship() -> None:
    result = run_sobol(he.load("bone_metastases"), 128, thresholds=[25_000])
    factors = {row.factor.name for row in result.rows}
    for group in ("group:sre_mix", "group:sre_metastatic"):
        assert any(note.startswith(f"{group} is one factor") for note in result.notes)
        assert group in factors
    for quantity in {row.quantity for row in result.rows}:
        rows = [row for row in result.rows if row.quantity == quantity]
        assert sum(row.total.value for row in rows) > 0.8
        assert rows == sorted(rows, key=lambda row: row.total.value, reverse=True)
