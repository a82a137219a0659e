"""Weighted subgroups and structural mixtures: means agree, spread and value of knowing do not."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import heecon as he
from heecon.analysis.ceac import ceac
from heecon.analysis.outcomes import Outcomes
from heecon.analysis.psa import run_psa
from heecon.analysis.subgroups import by_subgroup, mixture, read_subgroups, weighted
from heecon.arrays import Floats

from .toys import THRESHOLD, toy, uncertain


def subgroup(gain: float, draws: int = 2000, seed: int = 1, method: str = "random") -> Outcomes:
    """A toy run: price shared, the gain of the new strategy is the subgroup's."""
    parameters = [
        uncertain("price", "gamma", 25.0, 100.0),
        uncertain("gain", "normal", gain, 0.05),
    ]
    return run_psa(toy(parameters, "price", "gain"), draws, seed, method)


def given(nmb: Floats, **fields: object) -> Outcomes:
    """Draws with these net benefits at a threshold of 1."""
    return replace(Outcomes(("a", "b"), np.zeros_like(nmb), nmb), **fields)  # type: ignore[arg-type]


def test_a_population_is_the_average_in_every_draw() -> None:
    young, old = subgroup(0.3), subgroup(0.1)
    population = weighted({"young": (young, 0.25), "old": (old, 0.75)})
    np.testing.assert_allclose(population.cost, 0.25 * young.cost + 0.75 * old.cost, rtol=1e-12)
    np.testing.assert_allclose(
        population.effect, 0.25 * young.effect + 0.75 * old.effect, rtol=1e-12
    )
    # The base case of the average is the average of the base cases.
    new = next(row for row in population.base if row.strategy == "new")
    assert float(new.cost) == pytest.approx(1000 + 2500)
    assert float(new.effect) == pytest.approx(1 + 0.25 * 0.3 + 0.75 * 0.1)
    assert population.thresholds == (THRESHOLD,)
    assert population.reference == "old"


def test_shared_parameters_stand_once_and_others_by_subgroup() -> None:
    young, old = subgroup(0.3), subgroup(0.1)
    population = weighted({"young": (young, 0.5), "old": (old, 0.5)})
    assert set(population.parameters) == {"price", "gain@young", "gain@old"}
    np.testing.assert_array_equal(population.parameters["gain@old"], old.parameters["gain"])
    # The same luck in both: the population is no more certain than its subgroups.
    increments = population.effect[:, 1] - population.effect[:, 0]
    assert increments.std() == pytest.approx(0.05, rel=0.05)
    assert increments.mean() == pytest.approx(0.2, abs=0.005)


def test_draws_that_do_not_belong_together_are_refused() -> None:
    with pytest.raises(he.InputError, match="subgroup 'old': its draws are not those of 'young'"):
        weighted({"young": (subgroup(0.3), 0.5), "old": (subgroup(0.1, seed=2), 0.5)})
    with pytest.raises(he.InputError, match="not those of"):
        weighted(
            {"young": (subgroup(0.3), 0.5), "old": (subgroup(0.1, method="latin_hypercube"), 0.5)}
        )
    # Without parameters, as from another simulator, there is nothing to tell by.
    bare = replace(subgroup(0.1, seed=2), parameters={})
    weighted({"young": (subgroup(0.3), 0.5), "old": (bare, 0.5)})


def test_one_part_is_itself() -> None:
    one = subgroup(0.3, 50)
    for whole in (weighted({"all": (one, 1.0)}), mixture({"all": (one, 1.0)})):
        np.testing.assert_array_equal(whole.cost, one.cost)
        np.testing.assert_array_equal(whole.effect, one.effect)
        assert whole.base == one.base


def test_every_draw_of_a_mixture_is_one_scenarios() -> None:
    low, high = subgroup(0.1, 8000), subgroup(0.3, 8000, seed=9)
    both = mixture({"low": (low, 0.7), "high": (high, 0.3)}, seed=4)
    chosen = both.parameters["structure"]
    assert set(chosen) == {0.0, 1.0}
    assert chosen.mean() == pytest.approx(0.3, abs=4 * np.sqrt(0.21 / 8000))
    for number, part in enumerate((low, high)):
        rows = chosen == number
        np.testing.assert_array_equal(both.cost[rows], part.cost[rows])
        np.testing.assert_array_equal(both.effect[rows], part.effect[rows])
        for key in ("price", "gain"):
            np.testing.assert_array_equal(both.parameters[key][rows], part.parameters[key][rows])
    # Mean and variance of a mixture of normals.
    increments = both.effect[:, 1] - both.effect[:, 0]
    assert increments.mean() == pytest.approx(0.16, abs=0.006)
    assert increments.var() == pytest.approx(0.05**2 + 0.21 * 0.2**2, rel=0.05)
    new = next(row for row in both.base if row.strategy == "new")
    assert float(new.effect) == pytest.approx(1.16)


def test_the_choice_has_a_stream_of_its_own() -> None:
    low, high = subgroup(0.1, 1000), subgroup(0.3, 1000)
    parts = {"low": (low, 0.5), "high": (high, 0.5)}
    chosen = mixture(parts, seed=0).parameters["structure"]
    np.testing.assert_array_equal(chosen, mixture(parts, seed=0).parameters["structure"])
    assert not np.array_equal(chosen, mixture(parts, seed=1).parameters["structure"])
    same_seed = mixture(parts, seed=1).parameters
    for key in ("price", "gain"):
        assert abs(np.corrcoef(same_seed["structure"], low.parameters[key])[0, 1]) < 0.15
    # The choice keeps its draws when more are asked for.
    more = {"low": (subgroup(0.1, 2000), 0.5), "high": (subgroup(0.3, 2000), 0.5)}
    np.testing.assert_array_equal(mixture(more, seed=0).parameters["structure"][:1000], chosen)


def test_three_scenarios_in_the_order_given() -> None:
    nmb = np.tile([[0.0, 1.0]], (30_000, 1))
    parts = {
        "one": (given(nmb), 0.2),
        "two": (given(2 * nmb), 0.5),
        "three": (given(3 * nmb), 0.3),
    }
    both = mixture(parts)
    shares = np.bincount(both.parameters["structure"].astype(int)) / 30_000
    np.testing.assert_allclose(shares, [0.2, 0.5, 0.3], atol=0.012)
    np.testing.assert_array_equal(both.effect[:, 1], both.parameters["structure"] + 1)


def test_the_value_of_knowing_the_structure() -> None:
    """Gains of +100 or -100: an average is indifferent, a mixture would pay 50 to know."""
    nmb = np.tile([[0.0, 100.0]], (20_000, 1))
    parts = {"helps": (given(nmb), 0.5), "harms": (given(-nmb), 0.5)}
    population = ceac(weighted(parts), [1.0])
    rivals = ceac(mixture(parts), [1.0])
    assert population.evpi[0] == 0
    # E max(X, 0) - max(E X, 0) of the draws' own share.
    share = mixture(parts).parameters["structure"].mean()
    exact = 100 * (1 - share) - max(100 * (1 - 2 * share), 0)
    assert rivals.evpi[0] == pytest.approx(exact)
    assert exact == pytest.approx(50, abs=1.5)


def test_parameters_fixed_in_some_scenario_are_left_out() -> None:
    free = subgroup(0.1, 100)
    fixed = run_psa(
        toy([uncertain("price", "gamma", 25.0, 100.0), he.Parameter("gain", 0.1)], "price", "gain"),
        100,
    )
    both = mixture({"free": (free, 0.5), "fixed": (fixed, 0.5)})
    assert set(both.parameters) == {"price", "structure"}
    # In a population it is part of what its subgroup does.
    assert "gain" in weighted({"free": (free, 0.5), "fixed": (fixed, 0.5)}).parameters


@pytest.mark.parametrize("combine", [weighted, mixture])
def test_bad_requests(combine: object) -> None:
    assert callable(combine)
    nmb = np.zeros((10, 2))
    good = given(nmb)
    for parts, words in [
        ({}, "there is no"),
        ({"a": (good, 0.5), "b": (good, 0.4)}, r"the weights sum to 0\.9\. They must sum to 1"),
        ({"a": (good, 0.5), "b": (good, 0.5 + 1e-8)}, "They must sum to 1"),
        ({"a": (good, 1.5), "b": (good, -0.5)}, r"'b': its weight -0\.5 is not positive"),
        ({"a": (good, 1.0), "b": (good, 0.0)}, "is not positive"),
        ({"a": (good, float("nan"))}, "is not positive"),
        ({"a": (good, 0.5), "b": (given(np.zeros((9, 2))), 0.5)}, "9 draws where 'a' has 10"),
        (
            {"a": (good, 0.5), "b": (given(nmb, strategies=("b", "a")), 0.5)},
            r"strategies \['b', 'a'\] are not \['a', 'b'\]",
        ),
        ({"a": (good, 0.5), "b": (given(nmb, currency="EUR"), 0.5)}, "its currency is 'EUR'"),
    ]:
        with pytest.raises(he.InputError, match=words):
            combine(parts)
    combine({"a": (good, 0.5), "b": (good, 0.5 + 1e-10)})


def test_a_parameter_of_the_structures_name() -> None:
    taken = given(np.zeros((10, 2)), parameters={"structure": np.arange(10.0)})
    with pytest.raises(he.InputError, match="there is a parameter called 'structure'"):
        mixture({"a": (taken, 0.5), "b": (taken, 0.5)})


def test_scenarios_of_a_published_model_share_their_draws() -> None:
    parts = {
        name: (run_psa(he.load("hiv", name), 200), 0.5) for name in ("base_case", "heemod_end")
    }
    first, second = (outcomes for outcomes, _ in parts.values())
    for key in first.parameters:
        np.testing.assert_array_equal(first.parameters[key], second.parameters[key])
    both = mixture(parts)
    average = weighted(parts)
    assert set(average.parameters) == set(first.parameters)
    assert set(both.parameters) == {*first.parameters, "structure"}
    np.testing.assert_allclose(average.cost, (first.cost + second.cost) / 2)


def test_a_table_of_subgroups_gives_each_of_them_and_the_weighted(tmp_path: Path) -> None:
    """By hand: the new strategy costs 100 and gains 0.01 a visit, 300 young to 100 old."""
    model = toy(
        [uncertain("price", "gamma", 25.0, 4.0), he.Parameter("visits", 5.0)],
        "price * visits",
        "0.01 * visits",
    )
    path = tmp_path / "groups.csv"
    path.write_text("subgroup,weight,visits\nyoung,300,2\nold,100,\n", encoding="utf-8")
    groups = read_subgroups(path, model)
    assert groups == {
        "young": (0.75, {"visits": 2.0}, "groups.csv:2"),
        "old": (0.25, {}, "groups.csv:3"),
    }
    runs = {
        name: (run_psa(model.with_values(values), 200), weight)
        for name, (weight, values, _) in groups.items()
    }
    table = by_subgroup(runs, weighted(runs))
    keys = [column.name for column in table.columns]
    found = [dict(zip(keys, row, strict=True)) for row in table.rows]
    new = {row["subgroup"]: row for row in found if row["strategy"] == "new"}
    base = {name: (row["weight"], row["cost"], row["qalys"]) for name, row in new.items()}
    assert base["young"] == pytest.approx((0.75, 1000 + 100 * 2, 1.02))
    assert base["old"] == pytest.approx((0.25, 1000 + 100 * 5, 1.05))
    assert base["all, weighted"] == pytest.approx((1, 1000 + 0.75 * 200 + 0.25 * 500, 1.0275))
    price = runs["old"][0].parameters["price"].mean()
    increments = {
        name: (row["incremental_cost"], row["incremental_qalys"]) for name, row in new.items()
    }
    assert increments["young"] == pytest.approx((2 * price, 0.02))
    assert increments["all, weighted"] == pytest.approx(((0.75 * 2 + 0.25 * 5) * price, 0.0275))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            "subgroup,weight,gian\na,1,1\n",
            r"groups.csv:1:3.* unknown column 'gian'. Did you mean 'gain'",
        ),
        ("subgroup,gain\na,1\n", "no column 'weight'"),
        ("subgroup,weight,gain\na,0,1\n", r"groups.csv:2:2 \(weight\): the weight is not positive"),
        ("subgroup,weight,gain\na,1,x\n", r"groups.csv:2:3 \(gain\): 'x' is not a number"),
        ("subgroup,weight,gain\n", "groups.csv: there are no rows"),
        ("subgroup,weight,gain\na,1,2\n", r"groups.csv:2:3 \(gain\): 'gain' cannot be 2"),
        ("subgroup,weight,gain\na,1,1\na,1,2\n", r"groups.csv:3:1 .*'a' stands twice"),
    ],
)
def test_unusable_tables_of_subgroups(text: str, words: str, tmp_path: Path) -> None:
    path = tmp_path / "groups.csv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(he.InputError, match=words):
        read_subgroups(path, toy([he.Parameter("gain", 0.1, unit="utility")], effect="gain"))
