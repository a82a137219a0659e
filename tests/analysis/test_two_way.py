"""Two-way grids against dampack's table, and axes against scipy's distributions."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scipy import stats

import heecon as he
from heecon.analysis import psa
from heecon.analysis import two_way as module
from heecon.analysis.axis import Axis, axis, bounds_of, moved, rows_of
from heecon.analysis.psa import outcomes_of
from heecon.analysis.two_way import two_way, winners
from heecon.arrays import Floats
from heecon.editable import Parameters
from heecon.model.copula import Copula
from heecon.model.distribution import fitted
from heecon.model.joint import JOINT_FAMILIES, Block

from ..golden.published import INPUTS, close, golden
from .test_threshold import each, toy

STRATEGIES = {
    "Standard.of.care": "SoC",
    "Strategy.A": "A",
    "Strategy.B": "B",
    "Strategy.AB": "AB",
}


@pytest.fixture(scope="module")
def sick() -> he.Model:
    return he.load(INPUTS / "sick_sicker", "published")


# --- grids ----------------------------------------------------------------------------------------


def test_dampack_two_way(sick: he.Model) -> None:
    """dampack's twoway table: net monetary benefit at 100,000 of 4 strategies at 5 x 5 points."""
    rows = golden("darth_indep")["outputs"]["twsa_nmb"]
    assert len(rows) == 100
    x = axis(sick, "hr_S1S2_trtB", sorted({row["hr_S1S2_trtB"] for row in rows}))
    y = axis(sick, "c_trtB", sorted({row["c_trtB"] for row in rows}))
    found = two_way(sick, x, y, 100_000)
    assert found.nmb.shape == (5, 5, 4)
    expected = np.full((5, 5, 4), np.nan)
    for row in rows:
        i = list(x.ticks).index(row["hr_S1S2_trtB"])
        j = list(y.ticks).index(row["c_trtB"])
        expected[i, j, found.strategies.index(STRATEGIES[row["strategy"]])] = row["outcome_val"]
    close(found.nmb, expected)
    for i in range(5):
        for j in range(5):
            assert found.decision(i, j) == (found.strategies[expected[i, j].argmax()],)
    assert found.base_decision == ("B",)
    shares = np.bincount(expected.argmax(axis=2).ravel(), minlength=4) / 25
    assert list(found.shares().values()) == pytest.approx(list(shares))
    assert len(set(expected.argmax(axis=2).ravel())) > 1


def test_regions_in_closed_form() -> None:
    """New is better where x y > 2."""
    rows = [*each("on", {"old": 0, "new": 1}), he.Parameter("x", 1.0), he.Parameter("y", 3.0)]
    model = toy("on * (2 - x * y)", "1", rows)
    xs, ys = [0.5, 1.0, 2.0, 4.0], [0.25, 1.0, 2.0]
    found = two_way(model, axis(model, "x", xs), axis(model, "y", ys))
    for i, x in enumerate(xs):
        for j, y in enumerate(ys):
            best = ("new",) if x * y > 2 else ("old",) if x * y < 2 else ("old", "new")
            assert found.decision(i, j) == best
            assert found.nmb[i, j, 1] - found.nmb[i, j, 0] == pytest.approx(x * y - 2)
    assert found.base_decision == ("new",)
    assert found.cost[0, 0] == pytest.approx([0, 2 - 0.125])
    assert found.shares() == pytest.approx({"old": 8 / 12, "new": 4 / 12})  # 3 cells and 2 ties


def test_rounding_is_a_tie_and_a_penny_is_not() -> None:
    rows = [*each("c", {"old": 0.3, "new": 0.0}), he.Parameter("x", 0.1), he.Parameter("y", 0.2)]
    model = toy("c if c > 0 else x + y", "0", rows)
    assert 0.1 + 0.2 != 0.3
    found = two_way(model, axis(model, "x", [0.1, 0.09]), axis(model, "y", [0.2]))
    assert found.decision(0, 0) == ("old", "new")
    assert found.decision(1, 0) == ("new",)


def test_some_strategies_only(sick: he.Model) -> None:
    found = two_way(sick, "c_trtB", "u_S1", 100_000, strategies=["AB", "SoC"], steps=3)
    assert found.strategies == ("AB", "SoC")
    every = two_way(sick, "c_trtB", "u_S1", 100_000, steps=3)
    close(found.nmb, every.nmb[:, :, [3, 0]])
    low, high = stats.gamma.ppf((0.025, 0.975), 86.2, scale=150.8)
    close(found.x.ticks, [low, (low + high) / 2, high])


def test_the_flagship_grid_runs_in_one_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    model = he.load(INPUTS / "bone_metastases")
    calls = []
    run = psa.outcomes_of

    def counted(model: he.Model, values: dict[str, Floats], **more: Any) -> Any:
        calls.append(max((len(column) for column in values.values()), default=1))
        return run(model, values, **more)

    monkeypatch.setattr(module, "outcomes_of", counted)
    found = two_way(model, "u_bone", "share_compression", steps=4)
    assert calls == [1, 16]
    # a component of a group takes the others along, on one axis only
    assert set(found.y.values) == {
        "share_fracture",
        "share_radiation",
        "share_surgery",
        "share_compression",
    }


# --- along one axis -------------------------------------------------------------------------------


def test_dampack_one_way_points(sick: he.Model) -> None:
    """dampack's one-way tables: cost, effect and net benefit at five values of each parameter."""
    owsa = golden("darth_indep")["outputs"]["owsa"]
    seen = 0
    for given in owsa["params_range"]:
        line = axis(sick, given["pars"], low=given["min"], high=given["max"], steps=owsa["nsamp"])
        found = outcomes_of(sick, line.values)
        nmb = found.nmb(owsa["wtp"])
        for name, amounts in (("Cost", found.cost), ("Effect", found.effect), ("NMB", nmb)):
            for row in owsa["results"][f"owsa_{name}"]:
                if row["parameter"] == given["pars"]:
                    point = int(np.abs(line.ticks - row["param_val"]).argmin())
                    close(line.ticks[point], row["param_val"])
                    column = found.strategies.index(STRATEGIES[row["strategy"]])
                    close(amounts[point, column], row["outcome_val"])
                    seen += 1
        best = nmb == nmb.max(axis=1, keepdims=True)
        assert (winners(found, owsa["wtp"]) == best).all()
    assert seen == 3 * 240


def test_heemod_sensitivity() -> None:
    """heemod's run_dsa of the HIV vignette: 20 cycles, 1,000 people, costs discounted only."""
    model = he.load(INPUTS / "hiv", "heemod_life_table")
    model = replace(model, settings=replace(model.settings, cycles=20))
    data = golden("heemod_hiv_dsa")
    key = {
        "rr": "rr",
        "cost_zido": "c_zidovudine",
        "cost_lami": "c_lamivudine",
        "dr": "dr_cost",
    }
    for name, ends in data["inputs"]["dsa"].items():
        found = outcomes_of(model, axis(model, key[name], ends).values)
        rows = [row for row in data["outputs"]["dsa"] if row[".par_names"] == name]
        assert len(rows) == 4
        for row in rows:
            point = ends.index(float(row[".par_value"]))
            column = found.strategies.index(row[".strategy_names"])
            close(found.cost[point, column], row[".cost"] / 1000)
            close(found.effect[point, column], row[".effect"] / 1000)


# --- ranges ---------------------------------------------------------------------------------------


def bounds(row: he.Parameter) -> tuple[float, float]:
    found = bounds_of(toy("x", "1", [replace(row, name="x")]), row)
    assert found is not None
    return found.low, found.high


def test_bounds_are_quantiles_of_the_distribution() -> None:
    def made(family: str, value: float, *arguments: float) -> tuple[float, float]:
        shape = fitted(family, value, arguments=arguments)
        return bounds(he.Parameter("x", value, distribution=shape))

    tails = (0.025, 0.975)
    assert made("gamma", 6, 3, 2) == pytest.approx(stats.gamma.ppf(tails, 3, scale=2))
    assert made("beta", 0.2, 2, 8) == pytest.approx(stats.beta.ppf(tails, 2, 8))
    assert made("normal", 1, 1, 2) == pytest.approx(stats.norm.ppf(tails, 1, 2))
    assert made("lognormal", 1, 0.1, 0.3) == pytest.approx(
        stats.lognorm.ppf(tails, 0.3, scale=np.exp(0.1))
    )
    assert made("uniform", 0.5, 0, 1) == pytest.approx(tails)


def test_low_and_high_of_the_file_go_first() -> None:
    shape = fitted("pert", 2, low=1, high=5)
    row = he.Parameter("x", 2.0, low=1, high=5, distribution=shape)
    assert bounds(row) == (1, 5)
    found = bounds_of(toy("x", "1", [row]), row)
    assert found is not None
    assert found.basis == "low and high of the file, the whole range of its pert distribution"
    assert bounds(he.Parameter("x", 2.0, low=1.5, high=3)) == (1.5, 3)


def test_a_fixed_parameter_has_no_bounds() -> None:
    row = he.Parameter("x", 2.0, distribution=fitted("fixed", 2.0))
    assert bounds_of(toy("x", "1", [row]), row) is None


# --- joint blocks ---------------------------------------------------------------------------------


COVARIANCE = np.array([[0.04, 0.03, -0.01], [0.03, 0.09, 0.02], [-0.01, 0.02, 0.05]])
CENTRES = {
    "multivariate_normal": (0.4, 1.0, -0.5),
    "multivariate_lognormal": (0.8, 1.2, 2.0),
    "multivariate_logit_normal": (0.3, 0.5, 0.8),
    "dirichlet": (0.2, 0.3, 0.5),
    "empirical": (0.2, 0.3, 0.5),
}
COUNTS = np.array([20.0, 30.0, 50.0])


def draws(rows: int) -> Floats:
    return np.random.default_rng(1).dirichlet(COUNTS, rows)


def block_model(family: str) -> he.Model:
    """A model whose three parameters x, y, z are one block."""
    names, values = ("x", "y", "z"), np.array(CENTRES[family])
    plain = toy("x + y + z", "1", [he.Parameter(*pair) for pair in zip(names, values, strict=True)])
    matrix = {"covariance": COVARIANCE, "draws": draws(800), "": np.empty((0, 3))}
    block = Block("g", family, names, values, matrix[JOINT_FAMILIES[family].matrix], COUNTS)
    assert JOINT_FAMILIES[family].check(block) == ""
    rows = tuple(
        replace(row, distribution=None, joint_family=family, correlation_group="g")
        for row in plain.parameters
    )
    return replace(plain, parameters=Parameters(rows), blocks={"g": block})


SCALES: dict[str, tuple[Any, Any]] = {
    "multivariate_lognormal": (np.log, np.exp),
    "multivariate_logit_normal": (stats.logistic.ppf, stats.logistic.cdf),
}


@pytest.mark.parametrize("family", JOINT_FAMILIES)
@pytest.mark.parametrize(
    "index", [pytest.param(0, marks=pytest.mark.slow), 1, pytest.param(2, marks=pytest.mark.slow)]
)
def test_a_block_moves_along_its_conditional_means(family: str, index: int) -> None:
    """Against means of a million draws near the value, on the scale of the link."""
    model = block_model(family)
    block = model.blocks["g"]
    row = model.parameters[index]
    found = bounds_of(model, row)
    assert found is not None
    uniforms = np.random.default_rng(2).random((1_000_000, 3))
    sample = block.draw(uniforms)
    few = 0.01 if family == "empirical" else 0.002
    ends = np.quantile(sample[:, index], (0.025, 0.975))
    assert (found.low, found.high) == pytest.approx(tuple(ends), abs=few, rel=0.004)
    link, _ = SCALES.get(family, (np.asarray, np.asarray))
    moves = moved(model, [row], np.array([found.low, found.high]))
    width = 0.01 * (found.high - found.low)
    for end, value in enumerate((found.low, found.high)):
        near = sample[np.abs(sample[:, index] - value) < width]
        expected = link(near).mean(axis=0)
        actual = link(np.array([moves[key][end] for key in block.names]))
        slack = 0.03 if family == "empirical" else 0.01
        assert actual == pytest.approx(expected, abs=slack)
        assert moves[row.key][end] == value


def rank_model() -> he.Model:
    """x, y and z keep their own distributions and are rank-correlated; u is alone."""
    rows = [
        he.Parameter("x", 1.0, distribution=fitted("gamma", 1.0, arguments=(4, 0.25))),
        he.Parameter("y", 0.3, distribution=fitted("beta", 0.3, arguments=(3, 7))),
        he.Parameter("z", 2.0, distribution=fitted("uniform", 2.0, low=1, high=3), low=1, high=3),
        he.Parameter("u", 1.0, low=0, high=2),
    ]
    plain = toy("x + y + z + u", "1", rows)
    ranks = np.array([[1, 0.8, -0.5], [0.8, 1, 0], [-0.5, 0, 1]])
    copula = Copula("g", ("x", "y", "z"), ranks, 2 * np.sin(np.pi * ranks / 6))
    grouped = tuple(
        replace(row, correlation_group="g") if row.name in copula.names else row
        for row in plain.parameters
    )
    return replace(plain, parameters=Parameters(grouped), copulas={"g": copula})


@pytest.mark.parametrize("index", [0, 1, 2])
def test_rank_correlated_parameters_move_along(index: int) -> None:
    """Against medians of a million draws near the value."""
    model = rank_model()
    sample = from_draws(model)
    row = model.parameters[index]
    ends = np.quantile(sample[:, index], (0.05, 0.95))
    moves = moved(model, [row], ends)
    assert set(moves) == {"x", "y", "z"}
    for end, value in enumerate(ends):
        near = sample[np.abs(sample[:, index] - value) < 0.01 * (ends[1] - ends[0])]
        actual = np.array([moves[key][end] for key in "xyz"])
        assert actual == pytest.approx(np.median(near, axis=0), abs=0.06)
        assert moves[row.key][end] == value


def from_draws(model: he.Model) -> Floats:
    uniforms = model.copulas["g"].draw(np.random.default_rng(3).random((1_000_000, 3)))
    shapes = [row.distribution for row in model.parameters[:3]]
    return np.column_stack(
        [shape.quantile(column) for shape, column in zip(shapes, uniforms.T, strict=True) if shape]
    )


def test_the_end_of_a_range_leaves_companions_finite() -> None:
    model = rank_model()
    moves = moved(model, [model.parameters[2]], np.array([1.0, 3.0]))
    slope = 2 * np.sin(np.pi * -0.5 / 6)
    scores = slope * stats.norm.ppf((0.001, 0.999))
    assert moves["x"] == pytest.approx(stats.gamma.ppf(stats.norm.cdf(scores), 4, scale=0.25))
    assert list(moves["z"]) == [1, 3]
    assert moved(model, [model.parameters[3]], np.array([0.0])) == {"u": np.array([0.0])}
    with pytest.raises(he.InputError, match="'x' already moves with the group 'g'"):
        axis(model, ["u", "x"], [1.0])


@pytest.mark.parametrize("family", ["dirichlet", "empirical"])
def test_shares_keep_summing_to_one(family: str) -> None:
    model = block_model(family)
    moves = moved(model, model.parameters[:1], np.linspace(0.1, 0.3, 9))
    assert sum(moves.values()) == pytest.approx(np.ones(9), rel=1e-12)


def test_an_input_without_variance_moves_alone() -> None:
    model = block_model("multivariate_normal")
    block = model.blocks["g"]
    still = block.matrix * np.outer([1, 1, 0], [1, 1, 0])
    model = replace(model, blocks={"g": replace(block, matrix=still)})
    moves = moved(model, model.parameters[2:3], np.array([0.1, 0.2]))
    assert [moves["x"], moves["y"]] == [pytest.approx([value] * 2) for value in block.values[:2]]


def test_a_dirichlet_bound_is_that_of_its_beta() -> None:
    model = block_model("dirichlet")
    found = bounds_of(model, model.parameters[1])
    assert found is not None
    assert (found.low, found.high) == pytest.approx(stats.beta.ppf((0.025, 0.975), 30, 70))
    moves = moved(model, [model.parameters[1]], np.array([0.65]))
    assert (moves["x"][0], moves["z"][0]) == pytest.approx((0.35 * 2 / 7, 0.35 * 5 / 7))


def test_joint_draws_are_not_left() -> None:
    """The line through steep, skewed draws would give a negative rate."""
    model = block_model("empirical")
    steep = np.column_stack([np.linspace(0, 1, 50), np.linspace(0, 1, 50) ** 6, np.ones(50)])
    model = replace(model, blocks={"g": replace(model.blocks["g"], matrix=steep)})
    moves = moved(model, [model.parameters[0]], np.array([0.0, 1.0]))
    assert moves["y"].min() == 0
    assert moves["y"].max() <= 1


def test_members_a_scenario_left_out_are_not_moved() -> None:
    model = block_model("multivariate_normal")
    model = replace(model, parameters=Parameters(model.parameters[:2]))
    assert set(moved(model, model.parameters[:1], np.array([0.5]))) == {"x", "y"}


# --- keys and errors ------------------------------------------------------------------------------


def small() -> he.Model:
    rows = [
        *each("c", {"old": 1.0, "new": 2.0}),
        he.Parameter("x", 1.0, low=0.5, high=2.0),
        he.Parameter("y", 1.0),
    ]
    return toy("c * x * y", "1", rows)


def test_all_rows_of_a_name() -> None:
    model = small()
    assert [row.key for row in rows_of(model, ["x", "c[*]"])] == ["x", "c[old]", "c[new]"]
    line = axis(model, "c[*]", [3.0, 4.0])
    assert list(line.values) == ["c[old]", "c[new]"]


@pytest.mark.parametrize(
    ("keys", "options", "message"),
    [
        ("z", {}, "unknown parameter 'z'"),
        ("c", {}, "Name one of c[old], c[new]; or c[*] for all of them"),
        ("y", {}, "neither a distribution nor low and high"),
        ("x", {"steps": 0}, "0 steps"),
        ("x", {"steps": 1}, "at least 2 points"),
        ("x", {"low": 3}, "from 3 to 2 is empty"),
        ("x", {"values": []}, "no usable values"),
        ("x", {"values": [1.0, np.inf]}, "no usable values"),
        ("c[*]", {}, "have no range in common"),
        ([], {}, "Name at least one"),
    ],
)
def test_axis_errors(keys: str | list[str], options: dict[str, Any], message: str) -> None:
    with pytest.raises(he.InputError) as caught:
        axis(small(), keys, **options)
    assert message in str(caught.value)


def test_grid_errors(monkeypatch: pytest.MonkeyPatch) -> None:
    model = small()
    with pytest.raises(he.InputError, match="'x' moves on both axes"):
        two_way(model, "x", "x")
    joint = block_model("dirichlet")
    with pytest.raises(he.InputError, match="moves on both axes"):
        two_way(joint, "x", "y")
    with pytest.raises(he.InputError, match=r"a dirichlet component cannot go from 0\.5 to 1\.5"):
        axis(joint, "x", [0.5, 1.5])
    with pytest.raises(he.InputError, match="cannot go from -1 to 1"):
        axis(block_model("multivariate_lognormal"), "x", [-1.0, 1.0])
    with pytest.raises(he.InputError, match="already moves with the group"):
        axis(joint, ["x", "y"], [0.5])
    monkeypatch.setattr(module, "MAX_RUNS", 3)
    with pytest.raises(he.InputError, match="2 x 2 points are too many"):
        two_way(model, "x", Axis("y", np.ones(2), {"y": np.ones(2)}), steps=2)
