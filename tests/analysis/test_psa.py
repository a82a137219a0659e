"""Probabilistic analysis: published draws, both headlines, intervals and ellipses."""

import numpy as np
import pytest

import heecon as he
from heecon.analysis.evaluation import run
from heecon.analysis.outcomes import Outcomes
from heecon.analysis.psa import (
    default_grid,
    ellipses,
    outcomes_of,
    run_psa,
    summarise,
    summarise_net_benefit,
)
from heecon.engine.sampling import sample
from tests.golden.published import INPUTS, close, golden, golden_columns

from .golden_draws import STRATEGIES, sick_sicker


def sick_sicker_model() -> he.Model:
    return he.load(INPUTS / "sick_sicker", "published")


# --- published draws ----------------------------------------------------------------------------


def test_heemod_draw_by_draw() -> None:
    """heemod 1.0.2, vignettes/e_probabilistic.Rmd: 1,000 draws in, costs and effects out.

    The row of state A is a Dirichlet draw, so p_AA is what the other three leave. The vignette's
    state costs are typed in as numbers, so the sampled cost_A, cost_B and cost_C never reach its
    model: they are left out here too. Its cohort has 1,000 people; heecon counts per person.
    """
    drawn = golden_columns("heemod_hiv_psa_1000")
    values = {
        "rr": drawn["rr"],
        "p_CD": drawn["p_CD_mono"],
        **{f"p_A{to}": drawn[f"p_A{to}_mono"] for to in "BCD"},
    }
    close(drawn["p_AA_mono"], 1 - values["p_AB"] - values["p_AC"] - values["p_AD"])
    found = run_psa(he.load(INPUTS / "hiv", "heemod_life_table"), values=values)
    assert found.strategies == ("mono", "comb")
    for index, strategy in enumerate(found.strategies):
        close(found.cost[:, index] * 1000, drawn[f".cost_{strategy}"])
        close(found.effect[:, index] * 1000, drawn[f".effect_{strategy}"])
    means = golden("heemod_hiv_psa")["outputs"]["mean"]
    for total in found.means():
        close(total.cost * 1000, means[f".cost_{total.strategy}"])
        close(total.effect * 1000, means[f".effect_{total.strategy}"])


def test_published_means_and_intervals() -> None:
    """dampack's summary and R's quantile(type = 7)."""
    psa = golden("darth_indep")["outputs"]["psa"]
    found = summarise(sick_sicker(), "SoC")
    expected = {row["Strategy"].split(".")[-1]: row for row in psa["icers_psa_uncertainty"]}
    expected["SoC"] = expected.pop("care")
    for row in found.to_records():
        table = expected[str(row["strategy"])]
        for name, words in (("cost", "Cost"), ("qalys", "Effect")):
            close(
                [row[name], row[f"{name}_low"], row[f"{name}_high"]],
                [table[words], table[f"Lower_95_{words}"], table[f"Upper_95_{words}"]],
            )


# --- running ------------------------------------------------------------------------------------


def test_both_headlines_are_there() -> None:
    model = sick_sicker_model()
    found = run_psa(model, 50, seed=3)
    assert found.draws == 50
    assert [row.cost for row in found.base] == [row.cost for row in run(model).totals()]
    assert found.base != found.means()
    again = outcomes_of(model, sample(model, 50, 3))
    np.testing.assert_array_equal(found.cost, again.cost)


def test_progress_counts_the_draws() -> None:
    seen: list[int] = []
    run_psa(sick_sicker_model(), 40, on_draws=seen.append)
    assert seen[-1] == 40


@pytest.mark.parametrize("method", ["random", "sobol"])
def test_the_first_draws_stay_and_a_run_can_be_continued(method: str) -> None:
    model = sick_sicker_model()
    whole, start = sample(model, 1000, 7, method), sample(model, 300, 7, method)
    rest = sample(model, 1000, 7, method, first=300)
    assert len(whole) == 16
    for key, column in whole.items():
        np.testing.assert_array_equal(column[:300], start[key])
        np.testing.assert_array_equal(column[300:], rest[key])


def test_a_latin_hypercube_cannot_be_continued() -> None:
    with pytest.raises(he.InputError, match="cannot be continued"):
        sample(sick_sicker_model(), 100, method="latin_hypercube", first=50)


@pytest.mark.parametrize("first", [-1, 100, 101])
def test_a_run_begins_before_its_end(first: int) -> None:
    with pytest.raises(he.InputError, match="first draw"):
        sample(sick_sicker_model(), 100, first=first)


# --- summaries ----------------------------------------------------------------------------------


def test_increments_are_of_the_same_draw() -> None:
    outcomes = sick_sicker()
    rows = summarise(outcomes, "A")
    assert rows.where(strategy="A")["incremental_cost"] == (None,)
    assert rows.where(strategy="A")["incremental_qalys"] == (None,)
    difference = outcomes.cost[:, 3] - outcomes.cost[:, 1]
    (found,) = rows.where(strategy="AB")["incremental_cost"]
    assert found == pytest.approx((difference.mean(), *np.quantile(difference, [0.025, 0.975])))


def test_net_benefit_rows() -> None:
    outcomes = sick_sicker()
    rows = summarise_net_benefit(outcomes, [50_000, 100_000], "B")
    assert rows.select("threshold", "strategy").rows == [
        (threshold, name) for threshold in (50_000, 100_000) for name in STRATEGIES
    ]
    (row,) = rows.take([7]).to_records()
    nmb = 100_000 * outcomes.effect - outcomes.cost
    assert rows["nmb"][7] == pytest.approx(
        (nmb[:, 3].mean(), *np.quantile(nmb[:, 3], [0.025, 0.975]))
    )
    over = nmb[:, 3] - nmb[:, 2]
    assert rows["incremental_nmb"][7] == pytest.approx(
        (over.mean(), *np.quantile(over, [0.025, 0.975]))
    )
    assert row["probability_cost_effective"] == np.mean(nmb.argmax(axis=1) == 3)
    assert row["expected_loss"] == pytest.approx((nmb.max(axis=1) - nmb[:, 3]).mean())
    assert rows["incremental_nmb"][6] is None
    # Published: B costs 72,988 a QALY and AB 125,764.
    assert rows.where(optimal=True).select("threshold", "strategy").rows == [
        (50_000, "SoC"),
        (100_000, "B"),
    ]


def test_the_ellipse_is_the_curve_of_equal_distance() -> None:
    outcomes = sick_sicker()
    found = ellipses(outcomes, "SoC")
    assert [entry.strategy for entry in found] == ["A", "B", "AB"]
    for entry in found:
        points = entry.points(64) - np.array(entry.centre)
        distance = np.einsum(
            "ij,ji->i", points, np.linalg.solve(np.array(entry.covariance), points.T)
        )
        # the 95th percentile of chi-squared with two degrees of freedom, from tables
        np.testing.assert_allclose(distance, 5.991464547107979, rtol=1e-9)
        np.testing.assert_allclose(points[0], points[-1], atol=1e-6)
        assert np.linalg.matrix_rank(points) == 2
    cost = outcomes.cost[:, 2] - outcomes.cost[:, 0]
    effect = outcomes.effect[:, 2] - outcomes.effect[:, 0]
    assert found[1].centre == pytest.approx((effect.mean(), cost.mean()))
    assert found[1].covariance[1][1] == pytest.approx(cost.var(ddof=1))
    assert found[1].covariance[0][1] == pytest.approx(np.cov(effect, cost)[0, 1])


def test_the_ellipse_holds_its_share_of_a_normal_cloud() -> None:
    generator = np.random.default_rng(1)
    cloud = generator.multivariate_normal([1.0, 500.0], [[0.04, 30.0], [30.0, 90_000.0]], 20_000)
    outcomes = Outcomes(
        ("a", "b"),
        np.column_stack([np.zeros(20_000), cloud[:, 1]]),
        np.column_stack([np.zeros(20_000), cloud[:, 0]]),
    )
    for level in (0.5, 0.95):
        entry = ellipses(outcomes, level=level)[0]
        off = cloud - np.array(entry.centre)
        distance = (off @ np.linalg.inv(np.array(entry.covariance)) * off).sum(axis=1)
        edge = entry.points(5)[1] - np.array(entry.centre)
        reach = edge @ np.linalg.inv(np.array(entry.covariance)) @ edge
        assert np.mean(distance <= reach) == pytest.approx(level, abs=0.005)


def test_a_strategy_that_never_differs_has_an_ellipse_of_one_point() -> None:
    same = Outcomes(("a", "b"), np.ones((3, 2)), np.ones((3, 2)))
    np.testing.assert_allclose(ellipses(same)[0].points(), 0.0)


def test_ellipses_refuse() -> None:
    single = Outcomes(("a", "b"), np.ones((1, 2)), np.ones((1, 2)))
    with pytest.raises(he.InputError, match="one draw has no spread"):
        ellipses(single)
    with pytest.raises(he.InputError, match="level"):
        ellipses(sick_sicker(), level=1.0)


def test_one_draw_has_summaries() -> None:
    single = Outcomes(("a", "b"), np.array([[1.0, 2]]), np.array([[1.0, 1]]))
    assert summarise(single)["incremental_cost"][1] == (1, 1, 1)
    assert summarise_net_benefit(single, [10])["probability_cost_effective"][0] == 1


def test_grid() -> None:
    grid = default_grid([20_000, 30_000])
    assert (grid[0], grid[-1], len(grid), grid[1]) == (0, 60_000, 41, 1_500)
    assert default_grid([])[-1] == 100_000
    assert default_grid([0.0])[-1] == 100_000
