"""One-way analysis against dampack's tables, closed forms and the rules of TECH-VER."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scipy import stats

import heecon as he
from heecon.analysis.evaluation import run as evaluate
from heecon.analysis.incremental import Quadrant
from heecon.analysis.one_way import OneWay, OneWayRow, one_way
from heecon.engine.sampling import uncertain
from heecon.model.distribution import fitted

from ..golden.published import INPUTS, close, golden
from .test_threshold import each, toy
from .test_two_way import STRATEGIES, block_model, rank_model


@pytest.fixture(scope="module")
def sick() -> he.Model:
    return he.load(INPUTS / "sick_sicker", "published")


@pytest.fixture(scope="module")
def flagship() -> he.Model:
    return he.load(INPUTS / "bone_metastases")


def by_name(found: OneWay) -> dict[str, OneWayRow]:
    assert len({row.name for row in found.rows}) == len(found.rows)
    return {row.name: row for row in found.rows}


def reasons(found: OneWay) -> dict[str, str]:
    return {item.key: item.reason for item in found.left_out}


# --- the base case --------------------------------------------------------------------------------


@pytest.mark.parametrize("strategy", ["denosumab", "pamidronate", "no_agent"])
def test_the_base_case_is_that_of_a_run_to_the_last_digit(
    flagship: he.Model, strategy: str
) -> None:
    pairs = {row.strategy: row for row in evaluate(flagship).pairwise("zoledronic_acid")}
    base = one_way(flagship, None, "zoledronic_acid", strategy).base
    pair = pairs[strategy]
    assert (base.cost, base.effect, base.icer, base.quadrant) == (
        pair.incremental_cost,
        pair.incremental_effect,
        pair.icer,
        pair.quadrant,
    )


# Both effects are 0.3 but for the last digits: 0.1 + 0.2 is 0.30000000000000004.
@pytest.mark.parametrize(
    ("effect", "quadrant"),
    [
        (0.1 + 0.2, Quadrant.NORTH),
        (0.3 * (1 + 1e-12), Quadrant.NORTH_EAST),
    ],
)
def test_effects_that_agree_to_13_digits_are_equal_as_in_a_run(
    effect: float, quadrant: Quadrant
) -> None:
    rows = [
        *each("gain", {"old": 0.3, "new": effect}),
        *each("price", {"old": 100.0 / 3, "new": 200.0 / 3}),
        he.Parameter("x", 1.0, low=0.5, high=2.0),
    ]
    model = toy("price * x", "gain", rows)
    (pair,) = evaluate(model).pairwise()
    found = one_way(model)
    assert found.base.quadrant is pair.quadrant is quadrant
    assert (found.base.cost, found.base.effect) == (pair.incremental_cost, pair.incremental_effect)
    (row,) = found.rows
    assert row.low.quadrant is row.high.quadrant is quadrant


# --- dampack --------------------------------------------------------------------------------------


def test_dampack_ends_and_decisions(sick: he.Model) -> None:
    """Incremental cost, effect and net benefit at both ends of dampack's ranges, and the best."""
    owsa = golden("darth_indep")["outputs"]["owsa"]
    ranges = {item["pars"]: (item["min"], item["max"]) for item in owsa["params_range"]}
    found = one_way(sick, owsa["wtp"], "SoC", "B", parameters=[*ranges], ranges=ranges)
    assert {row.name for row in found.rows} == ranges.keys()

    def expected(table: str, name: str, value: float) -> dict[str, float]:
        return {
            STRATEGIES[row["strategy"]]: row["outcome_val"]
            for row in owsa["results"][f"owsa_{table}"]
            if row["parameter"] == name and row["param_val"] == value
        }

    base = expected("NMB", "r_HS1", 0.15)
    close(found.base.nmb, base["B"] - base["SoC"], relative=1e-9)
    best = max(base, key=lambda name: base[name])
    changes = 0
    for row in found.rows:
        ends = []
        for point, value in zip((row.low, row.high), ranges[row.name], strict=True):
            cost = expected("Cost", row.name, value)
            effect = expected("Effect", row.name, value)
            nmb = expected("NMB", row.name, value)
            close(point.cost, cost["B"] - cost["SoC"], relative=1e-9)
            close(point.effect, effect["B"] - effect["SoC"], relative=1e-9)
            close(point.nmb, nmb["B"] - nmb["SoC"], relative=1e-9)
            top = max(nmb, key=lambda name: nmb[name])
            assert point.optimal == (top,)
            ends.append((nmb["B"] - nmb["SoC"], top))
        amounts = [ends[0][0], base["B"] - base["SoC"], ends[1][0]]
        close(row.swing, max(amounts) - min(amounts), relative=1e-8)
        assert row.changes_decision == ({ends[0][1], ends[1][1]} != {best})
        changes += row.changes_decision
    assert 0 < changes < len(found.rows)
    swings = [row.swing for row in found.rows]
    assert swings == sorted(swings, reverse=True)


def test_runs_stand_in_order(sick: he.Model) -> None:
    found = one_way(sick, 100_000)
    runs = found.outcomes
    assert runs.draws == 1 + 2 * len(found.order)
    row = by_name(found)["c_trtB"]
    i = found.order.index("c_trtB")
    values = np.asarray(runs.parameters["c_trtB"])
    assert (values[2 * i + 1], values[2 * i + 2]) == (row.low_values[0], row.high_values[0])
    assert set(np.delete(values, [2 * i + 1, 2 * i + 2])) == {13_000.0}
    nmb = runs.nmb(100_000)
    column, reference = runs.index(found.strategy), runs.index(found.comparator)
    gap = nmb[2 * i + 2, column] - nmb[2 * i + 2, reference]
    assert row.high.nmb == pytest.approx(gap, rel=1e-9)


# --- what is in it --------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["bone_metastases", "sick_sicker", "hiv"])
def test_every_uncertain_input_is_in_it(name: str) -> None:
    """TECH-VER: every parameter has one row, or a reason why it has none."""
    model = he.load(INPUTS / name)
    found = one_way(model)
    banned = {row.key for row in model.parameters if {"methodological", "switch"} & set(row.tags)}
    assert {row.name for row in found.rows} == {row.key for row in uncertain(model)} - banned
    assert {*by_name(found), *reasons(found)} == {row.key for row in model.parameters}
    assert not by_name(found).keys() & reasons(found).keys()
    for key in banned:
        assert "scenario" in reasons(found)[key]


def test_methodological_settings_and_switches_never_are() -> None:
    rows = [
        he.Parameter("dr", 0.03, distribution=fitted("uniform", 0.03, low=0, high=0.06)),
        he.Parameter("flag", 1.0, low=0, high=1, tags=("switch",)),
        he.Parameter("x", 2.0, low=1, high=3),
        *each("on", {"old": 0, "new": 1}),
    ]
    rows[0] = replace(rows[0], tags=("price", "methodological"))
    model = toy("on * x * flag * (1 + dr)", "1", rows)
    found = one_way(model)
    assert [row.name for row in found.rows] == ["x"]
    assert reasons(found)["dr"].startswith("a methodological setting")
    assert reasons(found)["flag"].startswith("a switch")
    assert reasons(found)["on[old]"].startswith("fixed")
    for options in (
        {"parameters": ["dr"]},
        {"ranges": {"dr": (0, 1)}},
        {"links": {"all": ["x", "dr"]}},
    ):
        with pytest.raises(he.InputError, match="'dr' is a methodological setting"):
            one_way(model, **options)


def test_bounds_are_quantiles_or_those_of_the_file(flagship: he.Model, sick: he.Model) -> None:
    row = by_name(one_way(sick))["c_trtA"]
    ends = (*row.low_values, *row.high_values)
    assert ends == pytest.approx(stats.gamma.ppf((0.025, 0.975), 73.5, scale=163.3))
    assert row.basis == "2.5% and 97.5% of gamma(shape=73.5, scale=163.3)"
    row = by_name(one_way(flagship))["u_bone"]
    assert (row.low_values, row.high_values) == ((0.62,), (0.735,))
    row = by_name(one_way(flagship))["rr_sre_v_za[denosumab]"]
    half = math.sqrt(0.89 / 0.66)  # the trial's interval, around its point
    assert row.low_values + row.high_values == pytest.approx((0.77 / half, 0.77 * half))
    row = by_name(one_way(sick, probabilities=(0.1, 0.9)))["c_trtA"]
    assert row.low_values == pytest.approx(stats.gamma.ppf([0.1], 73.5, scale=163.3))


def test_a_range_of_ones_own() -> None:
    rows = [he.Parameter("x", 2.0, low=1, high=3), he.Parameter("y", 1.0)]
    model = toy("on * x * y", "1", [*rows, *each("on", {"old": 0, "new": 1})])
    found = by_name(one_way(model, ranges={"y": (0, 10), "x": (2, 5)}))
    assert (found["y"].low.cost, found["y"].high.cost) == (0, 20)
    assert (found["x"].low.cost, found["x"].high.cost) == (2, 5)
    assert found["x"].basis == "as given"


def test_a_range_that_is_a_single_value() -> None:
    rows = [he.Parameter("x", 2.0, low=2, high=2), he.Parameter("y", 1.0, low=0, high=1)]
    model = toy("on * x * y", "1", [*rows, *each("on", {"old": 0, "new": 1})])
    assert reasons(one_way(model))["x"] == "its range is a single value"


def test_a_base_value_outside_its_bounds_is_said(sick: he.Model) -> None:
    """The tutorial's utility of 1 lies above the 97.5% quantile of its own distribution."""
    row = by_name(one_way(sick))["u_H"]
    assert row.warning.startswith("the base value 1 of u_H lies outside 0.96")
    assert any(text.startswith("u_H: the base value 1") for text in one_way(sick).warnings)


def test_only_some_rows(sick: he.Model) -> None:
    found = one_way(sick, parameters=["c_trtB"])
    assert [row.name for row in found.rows] == ["c_trtB"]
    assert reasons(found)["c_trtA"] == "not asked for"
    assert reasons(found)["dr_cost"].startswith("a methodological setting")


# --- blocks and links -----------------------------------------------------------------------------


def test_a_dirichlet_moves_as_a_block(flagship: he.Model) -> None:
    found = one_way(flagship)
    shares = ["share_fracture", "share_radiation", "share_surgery", "share_compression"]
    counts = np.array([450, 201, 20, 16])
    drawn = found.outcomes.parameters
    total = sum(np.asarray(drawn[key]) for key in shares)
    assert total == pytest.approx(np.ones(found.outcomes.draws), abs=1e-12)
    for key, count in zip(shares, counts, strict=True):
        row = by_name(found)[key]
        assert row.group == "sre_mix"
        ends = (*row.low_values, *row.high_values)
        assert ends == pytest.approx(stats.beta.ppf((0.025, 0.975), count, 687 - count))
        run = 2 * found.order.index(key) + 1
        others = [other for other in shares if other != key]
        ratio = [drawn[other][run] / (1 - ends[0]) for other in others]
        assert ratio == pytest.approx(
            [counts[shares.index(other)] / (687 - count) for other in others]
        )


@pytest.mark.parametrize("family", ["multivariate_normal", "empirical"])
def test_every_component_of_a_block_has_a_row(family: str) -> None:
    model = block_model(family)
    found = one_way(model)
    assert {row.name for row in found.rows} == {"x", "y", "z"}
    columns = [np.asarray(found.outcomes.parameters[key]) for key in "xyz"]
    for i, name in enumerate(found.order):
        for run in (2 * i + 1, 2 * i + 2):
            others = ["xyz".index(key) for key in "xyz" if key != name]
            assert all(columns[j][run] != columns[j][0] for j in others)


def test_rank_correlated_inputs_move_as_a_group() -> None:
    found = one_way(rank_model())
    assert {row.name: row.group for row in found.rows} == {"x": "g", "y": "g", "z": "g", "u": ""}
    run = 2 * found.order.index("x") + 2
    y, z, u = (np.asarray(found.outcomes.parameters[key]) for key in "yzu")
    assert y[run] > y[0]
    assert z[run] < z[0]
    assert u[run] == u[0]
    with pytest.raises(he.InputError, match="'y' already moves with the group 'g'"):
        one_way(rank_model(), links={"all": ["y", "u"]})


def linked_model() -> he.Model:
    rows = [
        *each("on", {"old": 0, "new": 1}),
        he.Parameter("a", 2.0, distribution=fitted("normal", 2.0, arguments=(2, 0.5))),
        he.Parameter("b", 4.0, distribution=fitted("gamma", 4.0, arguments=(4, 1))),
        he.Parameter("c", 1.0, strategy="old", low=0, high=3),
        he.Parameter("c", 1.5, strategy="new", low=1, high=2),
    ]
    return toy("on * a * b + c", "1", rows)


def test_linked_inputs_move_on_the_same_quantile() -> None:
    found = one_way(linked_model(), links={"a and b": ["a", "b"]})
    assert {row.name for row in found.rows} == {"a and b", "c[old]", "c[new]"}
    row = by_name(found)["a and b"]
    assert row.keys == ("a", "b")
    assert row.base_values == (2, 4)
    for values, point, tail in (
        (row.low_values, row.low, 0.025),
        (row.high_values, row.high, 0.975),
    ):
        a, b = stats.norm.ppf(tail, 2, 0.5), stats.gamma.ppf(tail, 4)
        assert values == pytest.approx((a, b))
        assert point.cost == pytest.approx(a * b + 0.5)
    apart = by_name(one_way(linked_model()))
    assert row.swing > max(apart["a"].swing, apart["b"].swing)


def test_all_rows_of_a_name_in_one_row() -> None:
    """Both costs low: 1 - 0; both high: 2 - 3."""
    found = one_way(linked_model(), links={"c": ["c[*]"]})
    row = by_name(found)["c"]
    assert row.keys == ("c[old]", "c[new]")
    assert (row.low.cost - 8, row.high.cost - 8) == pytest.approx((1, -1))
    assert "c[old]" not in reasons(found)


def test_members_without_a_range_stay(flagship: he.Model) -> None:
    onj = {"jaw": ["p_onj[*]"]}
    found = one_way(flagship, links=onj)
    row = by_name(found)["jaw"]
    assert "p_onj[denosumab]" in row.keys
    assert "p_onj[ibandronate_oral]" not in row.keys
    assert reasons(found)["p_onj[ibandronate_oral]"].startswith("fixed")
    assert "p_onj[denosumab]" not in {row.name for row in found.rows}


@pytest.mark.parametrize(
    ("links", "message"),
    [
        ({"all": ["a", "bb"]}, "unknown parameter 'bb'"),
        ({"all": ["c"]}, "Name one of c[old], c[new]"),
        ({"one": ["a"], "two": ["a"]}, "'a' stands in both 'one' and 'two'"),
        ({"a": ["b"]}, "'a' is a parameter"),
        ({"all": ["on[*]"]}, "nothing in the link 'all' has a range. Give ranges for on[old]"),
    ],
)
def test_link_errors(links: Mapping[str, Sequence[str]], message: str) -> None:
    with pytest.raises(he.InputError) as caught:
        one_way(linked_model(), links=links)
    assert message in str(caught.value)


def test_a_component_of_a_block_cannot_be_linked() -> None:
    with pytest.raises(he.InputError, match="'x' already moves with the group 'g'"):
        one_way(block_model("dirichlet"), links={"all": ["x"]})


# --- the tornado ----------------------------------------------------------------------------------


def signs() -> he.Model:
    """Effect 0.1 e and cost c of new, nothing for old."""
    rows = [
        *each("on", {"old": 0, "new": 1}),
        he.Parameter("e", 1.0, low=-1, high=3),
        he.Parameter("c", 5.0, low=4, high=12),
        he.Parameter("s", 1.0, low=0.5, high=2),
    ]
    return toy("on * c * s", "on * 0.1 * e * s", rows)


def test_an_icer_is_not_compared_across_quadrants() -> None:
    found = one_way(signs(), 100)
    rows = by_name(found)
    assert found.base.icer == pytest.approx(50)
    flips = rows["e"]
    assert flips.low.quadrant is Quadrant.NORTH_WEST
    assert flips.low.icer is None
    assert flips.high.icer == pytest.approx(5 / 0.3)
    assert flips.icer_swing is None
    assert "north-west at the low end, north-east in the base case" in flips.warning
    assert flips.swing == pytest.approx(40)
    assert rows["c"].icer_swing == pytest.approx(80)
    assert rows["c"].warning == ""
    assert [row.name for row in found.rows] == ["e", "c", "s"]
    assert [row.name for row in found.by_icer()] == ["c", "s", "e"]


def test_an_icer_that_stays_while_net_benefit_moves() -> None:
    row = by_name(one_way(signs(), 100))["s"]
    assert row.icer_swing == pytest.approx(0, abs=1e-9)
    assert row.swing == pytest.approx(7.5)


def test_decision_changes() -> None:
    rows = by_name(one_way(signs(), 100))
    assert rows["e"].low.optimal == ("old",)
    assert {name: row.changes_decision for name, row in rows.items()} == {
        "e": True,
        "c": True,
        "s": False,
    }


def test_the_swing_of_a_hump_counts_the_base_case() -> None:
    rows = [*each("on", {"old": 0, "new": 1}), he.Parameter("x", 0.0, low=-1, high=2)]
    row = one_way(toy("on * x ** 2", "1", rows)).rows[0]
    assert (row.low.nmb, row.high.nmb, row.swing) == (-1, -4, 4)


def test_an_input_without_effect_has_no_swing(flagship: he.Model) -> None:
    """Survival is the same in all arms, so its utility cannot matter; noise in digit 14 could."""
    found = one_way(flagship, strategy="denosumab")
    row = by_name(found)["u_bone"]
    assert row.swing == 0
    assert row.icer_swing == 0


def test_whose_increments(sick: he.Model, flagship: he.Model) -> None:
    found = one_way(sick, 100_000)
    assert (found.strategy, found.comparator, found.threshold) == ("B", "SoC", 100_000)
    assert one_way(sick, 100_000, comparator="B").strategy == "AB"
    assert one_way(flagship).strategy == "denosumab"  # its question
    reverse = one_way(sick, 100_000, "B", "SoC")
    assert reverse.base.nmb == pytest.approx(-found.base.nmb)


def test_as_a_frame() -> None:
    frame = linked_model().one_way(links={"a and b": ["a", "b"]}).to_pandas()
    assert frame["input"][0] == "a and b"
    assert frame["base_value"][0] == (2.0, 4.0)
    assert frame["swing"].is_monotonic_decreasing
    assert {"low_value", "high_value", "nmb_base", "nmb_low", "nmb_high"} <= set(frame.columns)
    assert {"changes_decision", "warning"} <= set(frame.columns)


# --- errors ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"parameters": ["aa"]}, "unknown row 'aa'. "),
        ({"parameters": ["on[old]"]}, "'on[old]' is fixed: it has neither"),
        ({"ranges": {"bb": (0, 1)}}, "unknown parameter 'bb'"),
        ({"ranges": {"c": (0, 1)}}, "Name one of c[old], c[new]"),
        ({"ranges": {"c[*]": (0, 1)}}, "Give each its own"),
        ({"ranges": {"a": (1, 1)}}, "from 1 to 1 is empty"),
        ({"probabilities": (0.5, 0.5)}, "bound nothing"),
        ({"probabilities": (0, 1)}, "bound nothing"),
        ({"strategy": "nwe"}, "Did you mean 'new'"),
        ({"comparator": "odl"}, "Did you mean 'old'"),
        ({"strategy": "old"}, "compared with itself"),
        ({"threshold": -5}, "is not a threshold"),
    ],
)
def test_errors(options: dict[str, Any], message: str) -> None:
    with pytest.raises(he.InputError) as caught:
        one_way(linked_model(), **options)
    assert message in str(caught.value)


def test_one_strategy_cannot_be_compared() -> None:
    model = toy("x", "1", [he.Parameter("x", 1.0, low=0, high=2)], ["old"])
    with pytest.raises(he.InputError, match="Nothing can be compared"):
        one_way(model)
