"""Threshold analysis against models whose roots are known in closed form."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
import pytest
from scipy.stats import gamma

import heecon as he
from heecon.analysis import threshold as module
from heecon.analysis.psa import outcomes_of
from heecon.analysis.threshold import Threshold, threshold_analysis
from heecon.model.distribution import fitted

from ..golden.published import INPUTS, golden

GRAIN = 1e-11
SCENARIO = "scenarios/bone_metastases/base_case.toml"


def toy(
    cost: str,
    effect: str,
    parameters: Sequence[he.Parameter],
    strategies: Sequence[str] = ("old", "new"),
    thresholds: Sequence[float] = (100.0,),
) -> he.Model:
    """One year, undiscounted: cost and effect per person are the two formulas, once."""
    return he.Model.from_dict(
        {
            "model": {
                "title": "Toy",
                "cycle": "1 year",
                "horizon": "1 cycles",
                "correction": "start",
                "discounting": {"cost": 0.0, "effect": 0.0},
                "thresholds": list(thresholds),
                "comparator": strategies[0],
            },
            "states": {"well": {"label": "Well"}, "dead": {"absorbing": True}},
            "start": {"well": 1},
            "strategies": {name: {"label": name.title()} for name in strategies},
            "variables": {},
            "transitions": {"well": {"probabilities": {"well": "rest", "dead": 0.5}}},
            "outcomes": {
                "money": {"kind": "cost", "start": cost},
                "health": {"kind": "qaly", "start": effect},
            },
        },
        parameters,
    )


def each(name: str, values: Mapping[str, float]) -> list[he.Parameter]:
    return [he.Parameter(name, value, strategy=strategy) for strategy, value in values.items()]


def lines(slopes: Mapping[str, float], starts: Mapping[str, float]) -> he.Model:
    """Net monetary benefit of each strategy: start + slope x."""
    rows = [*each("slope", slopes), *each("start_value", starts), he.Parameter("x", 1.0)]
    return toy("-start_value - slope * x", "1", rows, tuple(slopes))


def values(found: Threshold) -> list[float]:
    return [switch.value for switch in found.switches]


# --- roots ----------------------------------------------------------------------------------------


def test_one_root_of_a_line() -> None:
    found = threshold_analysis(
        lines({"old": 0, "new": -3}, {"old": 0, "new": 7}), "x", low=0, high=10
    )
    assert values(found) == pytest.approx([7 / 3], rel=1e-12)
    switch = found.switches[0]
    assert (switch.before, switch.after) == (("new",), ("old",))
    assert abs(switch.difference) < 1e-9
    assert not switch.jump
    assert found.base_decision == ("new",)
    assert found.sentences() == (
        "new is best from 0 to 2.33333.",
        "old is best from 2.33333 to 10.",
    )


def cubic() -> he.Model:
    """New minus old: (x - 1)(x - 2)(x - 3.5)."""
    formula = "-on * (x - 1) * (x - 2) * (x - 3.5)"
    return toy(formula, "1", [*each("on", {"old": 0, "new": 1}), he.Parameter("x", 2.5)])


def test_several_roots() -> None:
    found = threshold_analysis(cubic(), "x", low=0, high=5)
    assert values(found) == pytest.approx([1, 2, 3.5], rel=1e-10)
    assert found.decisions == (("old",), ("new",), ("old",), ("new",))
    assert found.base_decision == ("old",)


def test_roots_that_lie_on_the_grid_count_once() -> None:
    found = threshold_analysis(cubic(), "x", low=0, high=5, steps=10)
    assert values(found) == pytest.approx([1, 2, 3.5], rel=1e-10)
    assert len(found.decisions) == 4


def test_two_roots_within_one_step() -> None:
    rows = [*each("on", {"old": 0, "new": 1}), he.Parameter("x", 0.5)]
    model = toy("on * ((x - 0.512) * (x - 0.513))", "1", rows)
    found = threshold_analysis(model, "x", low=0, high=1, steps=20)
    assert values(found) == pytest.approx([0.512, 0.513], abs=1e-9)


def test_an_erratic_model_ends() -> None:
    rows = [*each("on", {"old": 0, "new": 1}), he.Parameter("x", 0.5)]
    model = toy("on * (1 + 0.5 * mod(x * 104729.3, 1))", "1", rows)
    found = threshold_analysis(model, "x", low=0, high=1)
    assert found.decisions == (("old",),)
    assert 1 <= found.smallest_lead < 1.01


def test_a_root_that_only_touches_changes_nothing() -> None:
    rows = [*each("on", {"old": 0, "new": 1}), he.Parameter("x", 0.0)]
    found = threshold_analysis(toy("on * (x - 0.5) ** 2", "1", rows), "x", low=0, high=1, steps=10)
    assert found.switches == ()
    assert found.decisions == (("old",),)


def test_no_root_says_who_is_better_throughout() -> None:
    found = threshold_analysis(
        lines({"old": 0, "new": 1}, {"old": 0, "new": 2}), "x", low=0, high=4
    )
    assert found.switches == ()
    assert found.decisions == (("new",),)
    assert found.smallest_lead == pytest.approx(2)
    assert found.smallest_lead_at == 0
    assert found.sentences() == (
        "new is best throughout, from 0 to 4; its lead is smallest at 0: 2.00.",
    )


def test_a_third_strategy_that_is_best_in_between() -> None:
    """Upper envelope of three lines, on a grid of a single step."""
    model = lines({"a": 0, "b": 2, "c": 1}, {"a": 3, "b": -1, "c": 1.25})
    found = threshold_analysis(model, "x", low=0, high=4, steps=1)
    # a and c cross at 1.75, c and b at 2.25; a and b, at 2, are both below c
    assert values(found) == pytest.approx([1.75, 2.25], abs=GRAIN)
    assert found.decisions == (("a",), ("c",), ("b",))
    pair = threshold_analysis(model, "x", low=0, high=4, steps=1, strategies=["b", "a"])
    assert values(pair) == pytest.approx([2.0], abs=GRAIN)
    assert pair.strategies == ("b", "a")


def test_a_jump_is_found_and_called_one() -> None:
    rows = [*each("on", {"old": 0, "new": 1}), he.Parameter("x", 0.0)]
    found = threshold_analysis(toy("on * (5 if x > 1 / 3 else -5)", "1", rows), "x", low=0, high=1)
    assert values(found) == pytest.approx([1 / 3], abs=GRAIN)
    assert found.switches[0].jump
    assert abs(found.switches[0].difference) == pytest.approx(5)


def test_a_stretch_of_ties_has_two_ends() -> None:
    rows = [*each("on", {"old": 0, "new": 1}), he.Parameter("x", 0.0)]
    model = toy("on * (max(x - 0.7, 0) - max(0.2 - x, 0))", "1", rows)
    found = threshold_analysis(model, "x", low=0, high=1, steps=50)
    assert values(found) == pytest.approx([0.2, 0.7], abs=1e-9)
    assert found.decisions == (("new",), ("old", "new"), ("old",))
    assert found.sentences()[1] == "old and new are equal from 0.2 to 0.7."


def test_a_parameter_without_effect() -> None:
    rows = [*each("on", {"old": 1, "new": 1}), he.Parameter("x", 0.0)]
    found = threshold_analysis(toy("on * x", "1", rows), "x", low=0, high=1)
    assert found.decisions == (("old", "new"),)
    assert found.smallest_lead == 0


def test_a_non_linear_effect() -> None:
    """100 exp(-h) a year against 40: h = ln 2.5."""
    rows = [
        *each("on", {"old": 0, "new": 1}),
        he.Parameter("h", 0.5, distribution=fitted("gamma", 0.5, arguments=(4, 0.3))),
    ]
    model = toy("40 * on", "exp(-h) if on > 0.5 else 0", rows)
    found = threshold_analysis(model, "h")
    assert (found.low, found.high) == pytest.approx(gamma.ppf((0.001, 0.999), 4, scale=0.3))
    assert values(found) == pytest.approx([math.log(2.5)], rel=1e-11)
    twice = threshold_analysis(model, "h", threshold=200)
    assert values(twice) == pytest.approx([math.log(5)], rel=1e-11)


def test_several_keys_take_the_same_value() -> None:
    rows = each("c", {"old": 3.0, "new": 3.0, "other": 4.0})
    model = toy("c", "1", rows, ("old", "new", "other"))
    found = threshold_analysis(model, ["c[old]", "c[new]"], low=0, high=10)
    assert found.decisions == (("old", "new"), ("other",))
    assert values(found) == pytest.approx([4.0], abs=1e-10)
    assert found.keys == ("c[old]", "c[new]")


# --- published and flagship -----------------------------------------------------------------------


def test_sick_sicker_price_of_treatment_b() -> None:
    """Where B and AB cross in dampack's one-way table, which is a line in the price."""
    rows = [
        row
        for row in golden("darth_indep")["outputs"]["owsa"]["results"]["owsa_NMB"]
        if row["parameter"] == "hr_S1S2_trtB"
    ]
    model = he.load(INPUTS / "sick_sicker", "published")
    found = threshold_analysis(model, "hr_S1S2_trtB", 100_000, low=0.4, high=0.8)
    best: dict[float, dict[str, float]] = {}
    for row in rows:
        seen = best.setdefault(row["param_val"], {})
        seen[row["strategy"]] = row["outcome_val"]
    short = {"Standard.of.care": "SoC", "Strategy.A": "A", "Strategy.B": "B", "Strategy.AB": "AB"}
    edges = [found.low, *values(found), found.high]
    for value, nmb in best.items():
        part = min(int(np.searchsorted(edges, value)), len(edges) - 1) or 1
        assert found.decisions[part - 1] == (short[max(nmb, key=lambda name: nmb[name])],)
    for switch in found.switches:
        runs = outcomes_of(model, {"hr_S1S2_trtB": np.array([switch.value])})
        ordered = np.sort(runs.nmb(100_000)[0])
        assert ordered[-1] - ordered[-2] == pytest.approx(0, abs=1e-5)


def test_flagship() -> None:
    model = he.load(INPUTS / "bone_metastases", INPUTS.parent / SCENARIO)
    vials = ["c_unit[zoledronic_acid]", "c_unit[zoledronic_acid_12w]"]
    pair = ["denosumab", "zoledronic_acid"]
    found = threshold_analysis(model, vials, 25_000, strategies=pair, low=0, high=400)
    assert found.decisions == (("zoledronic_acid",), ("denosumab",))
    price = values(found)[0]
    runs = outcomes_of(model, {key: np.array([price]) for key in vials})
    nmb = runs.nmb(25_000)[0]
    gap = nmb[runs.index(pair[0])] - nmb[runs.index(pair[1])]
    assert gap == pytest.approx(0, abs=1e-6)


# --- how it works ---------------------------------------------------------------------------------


def test_runs_are_batched(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[int] = []

    def counted(model: he.Model, values: Mapping[str, np.ndarray]) -> object:
        calls.append(max((len(column) for column in values.values()), default=1))
        return outcomes_of(model, values)

    monkeypatch.setattr(module, "outcomes_of", counted)
    threshold_analysis(lines({"old": 0, "new": -3}, {"old": 0, "new": 7}), "x", low=0, high=10)
    assert calls[:2] == [1, 201]
    assert len(calls) < 20


# --- errors ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"parameter": "xx"}, "unknown parameter 'xx'. Did you mean 'x'"),
        ({"parameter": "slope"}, "'slope' has a value for each strategy. Name one of slope"),
        ({"parameter": "x[new]"}, "'x' has no row of its own for 'x[new]'. Use 'x'"),
        ({"parameter": "slope[nwe]"}, "unknown parameter 'slope[nwe]'. Did you mean 'slope[new]'"),
        ({"parameter": []}, "there is none"),
        ({"parameter": "x", "low": None, "high": None}, "neither a distribution nor low and high"),
        ({"parameter": "x", "low": 2, "high": 2}, "from 2 to 2 is empty"),
        ({"parameter": "x", "low": 3, "high": 2}, "is empty"),
        ({"parameter": "x", "low": math.nan}, "is empty"),
        ({"parameter": "x", "steps": 0}, "0 steps"),
        ({"parameter": "x", "strategies": ["new", "odl"]}, "Did you mean 'old'"),
        ({"parameter": "x", "strategies": ["new"]}, "nothing to choose from"),
        ({"parameter": "x", "threshold": -1.0}, "is not a threshold"),
        ({"parameter": "slope[*]", "low": None}, "have no range in common"),
    ],
)
def test_errors(arguments: dict[str, object], message: str) -> None:
    model = lines({"old": 0, "new": -3}, {"old": 0, "new": 7})
    with pytest.raises(he.InputError) as caught:
        threshold_analysis(model, **{"low": 0, "high": 10, **arguments})  # type: ignore[arg-type]
    assert message in str(caught.value)


def test_one_strategy_has_nothing_to_change() -> None:
    model = toy("x", "1", [he.Parameter("x", 1.0)], ["old"])
    with pytest.raises(he.InputError, match="there is only one"):
        threshold_analysis(model, "x", low=0, high=1)
