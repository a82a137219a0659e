"""Morris screening of functions whose elementary effects are known."""

from __future__ import annotations

from math import sqrt

import numpy as np
import pytest

import heecon as he
from heecon.analysis.gsa import Estimate, Factor, Quantity
from heecon.analysis.morris import Morris, MorrisRow, run_morris

from .test_sobol import COVARIANCE, GROUPED
from .toys import toy, uncertain

RANGE = 0.95
"""What the 95% interval is of a uniform parameter's whole range."""


def uniforms(*names: str) -> list[he.Parameter]:
    return [uncertain(name, "uniform", 0.0, 1.0) for name in names]


def by_factor(result: Morris, quantity: str = "cost") -> dict[str, MorrisRow]:
    return {row.factor.name: row for row in result.rows if row.quantity.name == quantity}


def test_a_straight_line_has_exact_effects() -> None:
    model = toy(uniforms("a", "b", "unused"), "-100 * a + 7 * b", "0 * unused + 2 * b")
    result = run_morris(model, 10)
    found = by_factor(result)
    assert found["a"].mu == pytest.approx(-100 * RANGE, rel=1e-9)
    assert found["a"].mu_star.value == pytest.approx(100 * RANGE, rel=1e-9)
    assert found["a"].sigma == pytest.approx(0, abs=1e-9)
    assert found["a"].mu_star.half_width == pytest.approx(0, abs=1e-9)
    assert found["b"].mu == pytest.approx(7 * RANGE, rel=1e-9)
    assert by_factor(result, "effect")["b"].mu == pytest.approx(2 * RANGE, rel=1e-9)
    nmb = by_factor(result, "incremental_nmb")
    assert nmb["b"].mu == pytest.approx((20_000 * 2 - 7) * RANGE, rel=1e-9)
    assert found["unused"].mu_star.value == 0
    assert not found["unused"].mu_star.different
    assert result.runs == 10 * 4
    assert next(row.factor.name for row in result.rows if row.quantity.name == "cost") == "a"
    assert set(result.influential()) == {"a", "b"}
    assert result.influential(share=1.5) == ()


def test_the_order_of_the_parameters_changes_nothing() -> None:
    one, other = uniforms("a", "b", "c"), uniforms("c", "a", "b")
    formula = "100 * a * b + 7 * c * c"
    found = [run_morris(toy(rows, formula), 5).rows for rows in (one, other)]
    assert found[0] == found[1]


def test_increments_have_a_direction() -> None:
    model = toy(uniforms("a", "b"), "100 * a + b")
    found = by_factor(run_morris(model, 5, comparator="new"), "incremental_nmb")
    assert found["a"].quantity.strategy == "old"
    assert found["a"].mu == pytest.approx(100 * RANGE)
    found = by_factor(run_morris(model, 5), "incremental_nmb")
    assert found["a"].mu == pytest.approx(-100 * RANGE)


def test_what_is_not_named_keeps_its_base_value() -> None:
    # A skewed price: its median is not its mean.
    model = toy([uncertain("price", "gamma", 0.5, 200.0), *uniforms("a")], "price * a")
    found = by_factor(run_morris(model, 5, factors=["a"]))
    assert found["a"].mu == pytest.approx(100 * RANGE)
    assert set(found) == {"a"}


def test_influential_are_those_that_may_reach_the_share() -> None:
    rows = [
        MorrisRow(Quantity("cost", "new"), Factor(name, name, (name,)), estimate, None, None)
        for name, estimate in [
            ("large", Estimate(100.0, 1.0)),
            ("perhaps", Estimate(4.0, 2.0)),
            ("hardly", Estimate(4.0, 0.5)),
        ]
    ]
    result = Morris(tuple(rows), 10, 40, ())
    assert result.influential() == ("large", "perhaps")
    assert result.influential(0.045) == ("large", "perhaps", "hardly")


def test_a_product_shows_in_sigma() -> None:
    # The effect of a is 0.95 b; b stands on four levels, each as often, around a half.
    found = by_factor(run_morris(toy(uniforms("a", "b"), "1000 * a * b"), 2000, seed=2))
    for name in ("a", "b"):
        row = found[name]
        assert row.mu == pytest.approx(1000 * RANGE * 0.5, rel=0.03)
        assert row.mu_star.value == pytest.approx(row.mu)
        assert row.sigma == pytest.approx(1000 * RANGE**2 * sqrt(5 / 36), rel=0.03)
        half = 1.96 * 1000 * RANGE**2 * sqrt(5 / 36) / sqrt(2000)
        assert row.mu_star.half_width == pytest.approx(half, rel=0.1)


def test_a_valley_shows_in_mu_star_only() -> None:
    # From an end to beyond the middle and back: equal ups and downs.
    found = by_factor(run_morris(toy(uniforms("a", "b"), "(a - 0.5) ** 2 + 0 * b"), 500))
    exact = RANGE**2 * ((1 / 2) ** 2 - (1 / 6) ** 2) / (2 / 3)
    assert found["a"].mu_star.value == pytest.approx(exact, rel=1e-9)
    assert found["a"].mu == pytest.approx(0, abs=0.15 * exact)


def test_the_interval_is_of_probabilities() -> None:
    model = toy([uncertain("a", "normal", 0.0, 10.0), *uniforms("b")], "a + b")
    wide = by_factor(run_morris(model, 200, interval=(0.025, 0.975)))
    # Levels at 2.5%, 34.2%, 65.8% and 97.5%; every move spans two thirds of the probabilities.
    step = (10 * 1.959963985 + 10 * 0.4083) / (2 / 3)
    assert wide["a"].mu_star.value == pytest.approx(step, rel=1e-3)
    narrow = by_factor(run_morris(model, 200, interval=(0.25, 0.75)))
    assert narrow["a"].mu_star.value < wide["a"].mu_star.value / 2
    assert narrow["b"].mu == pytest.approx(0.5, rel=1e-9)


def test_a_group_moves_as_one() -> None:
    model = toy(GROUPED, "300 * a + 400 * b + 800 * c", joint=COVARIANCE)
    result = run_morris(model, 50)
    found = by_factor(result)
    assert set(found) == {"group:pair", "c"}
    assert found["group:pair"].mu is None
    assert found["group:pair"].sigma is None
    assert found["group:pair"].mu_star.value > 0
    assert found["c"].sigma == pytest.approx(0, abs=1e-6)
    assert result.notes[0].startswith("group:pair is one factor")
    with pytest.raises(he.InputError, match="name 'group:pair'"):
        run_morris(model, factors=["b"])
    only = run_morris(model, 10, factors=["group:pair"], quantities=["cost"], strategies=["new"])
    assert [row.factor.name for row in only.rows] == ["group:pair"]


def test_seed_zero_is_a_seed() -> None:
    model = toy(uniforms("a", "b"), "a * b")
    one, again, other = (run_morris(model, 10, seed) for seed in (0, 0, 1))
    assert one == again
    assert one.rows != other.rows


def test_bad_requests() -> None:
    model = toy(uniforms("a", "b"), "a * b")
    for arguments, words in [
        ({"trajectories": 1}, "1 trajectories"),
        ({"interval": (0.0, 0.9)}, "not an interval of probabilities"),
        ({"interval": (0.9, 0.1)}, "not an interval of probabilities"),
        ({"resamples": 1}, "1 resamples"),
        ({"level": 0}, "0 is not a level"),
        ({"trajectories": 10**8}, "too many"),
    ]:
        with pytest.raises(he.InputError, match=words):
            run_morris(model, **arguments)  # type: ignore[arg-type]
    with pytest.raises(he.InputError, match="nothing varies: no input has a distribution"):
        run_morris(toy([he.Parameter("a", 1.0)], "a"))
    with pytest.raises(he.InputError, match="no factor is named"):
        run_morris(model, factors=[])


@pytest.mark.parametrize("name", ["sick_sicker", "bone_metastases"])
def test_published_models(name: str) -> None:
    model = he.load(name)
    result = run_morris(model, 5, thresholds=[50_000])
    assert result.runs == 5 * (len({row.factor.name for row in result.rows}) + 1)
    kept = result.influential()
    assert 2 <= len(kept) < len({row.factor.name for row in result.rows})
    assert np.isfinite([row.mu_star.value for row in result.rows]).all()
