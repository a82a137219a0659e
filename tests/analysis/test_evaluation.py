"""The tables of a run: sums, means over draws, warnings, frames."""

from typing import Any

import numpy as np
import pytest

import heecon as he
from heecon.analysis.evaluation import Evaluation
from heecon.analysis.evaluation import run as evaluate


def small(**settings: Any) -> dict[str, Any]:
    """A two-strategy model whose results can be worked out by hand."""
    return {
        "model": {
            "title": "By hand",
            "cycle": "1 year",
            "horizon": "2 cycles",
            "correction": "start",
            "discounting": {"cost": 0.1, "effect": 0.0},
            "thresholds": [10_000],
            "comparator": "usual",
            **settings,
        },
        "states": {"well": {"label": "Well"}, "dead": {"absorbing": True}},
        "start": {"well": 1},
        "strategies": {"usual": {"label": "Usual care"}, "new": {"label": "New"}},
        "variables": {},
        "transitions": {"well": {"probabilities": {"well": "rest", "dead": "p_die"}}},
        "outcomes": {
            "drug": {"kind": "cost", "category": "drugs", "state": {"well": "c_drug"}},
            "visits": {"kind": "cost", "category": "care", "state": {"well": 10}},
            "tests": {"kind": "cost", "category": "care", "start": 5},
            "qalys": {"kind": "qaly", "state": {"well": 0.8}},
            "years": {"kind": "life_year", "state": {"alive": 1}},
            "deaths": {"kind": "count", "label": "Deaths", "entering": {"dead": 1}},
        },
    }


def parameters() -> list[he.Parameter]:
    return [
        he.Parameter("p_die", 0.5),
        he.Parameter("p_die", 0.25, strategy="new", status="trial", source="a trial"),
        he.Parameter("c_drug", 0.0),
        he.Parameter("c_drug", 100.0, strategy="new", status="published", source="a price list"),
    ]


@pytest.fixture
def evaluation() -> Evaluation:
    return evaluate(he.Model.from_dict(small(), parameters()), keep_trace=True)


def test_totals_by_hand(evaluation: Evaluation) -> None:
    # usual: alive 1, 0.5; new: alive 1, 0.75; the second year's costs are divided by 1.1
    assert evaluation.cost() == pytest.approx(
        {"usual": 5 + 10 + 5 / 1.1, "new": 5 + 110 + 0.75 * 110 / 1.1}
    )
    assert evaluation.cost(discounted=False) == pytest.approx({"usual": 20, "new": 197.5})
    assert evaluation.qalys() == pytest.approx({"usual": 1.2, "new": 1.4})
    assert evaluation.life_years() == pytest.approx({"usual": 1.5, "new": 1.75})


def test_an_effect_is_the_sum_of_its_kind_whatever_an_outcome_is_called() -> None:
    """An outcome called 'qalys' or 'life_years' is not all of them."""
    model = small()
    model["outcomes"]["more"] = {"kind": "qaly", "start": 0.1}
    model["outcomes"]["life_years"] = {"kind": "life_year", "label": "Later", "start": 0.25}
    found = evaluate(he.Model.from_dict(model, parameters()))
    totals, words = found.totals_by("qalys")
    assert {row.strategy: row.effect for row in totals} == pytest.approx(found.qalys())
    assert words == "QALYs"
    totals, words = found.totals_by("life_years")
    assert [row.effect for row in totals] == pytest.approx([1.75, 2.0])
    assert words == "life years"
    assert found.totals_by("more")[0][0].effect == pytest.approx(0.1)


def test_only_events_are_avoided(evaluation: Evaluation) -> None:
    assert evaluation.totals_by("deaths", avoided=True)[1] == "Deaths avoided"
    for name in ("qalys", "years", "life_years"):
        with pytest.raises(he.InputError, match=f"'{name}' is nothing to avoid.*are: deaths"):
            evaluation.totals_by(name, avoided=True)


def test_categories_sum_to_the_total(evaluation: Evaluation) -> None:
    for discounted in (True, False):
        by_category = evaluation.by_category("cost", discounted=discounted)
        assert list(by_category) == ["drugs", "care"]
        for name, total in evaluation.cost(discounted=discounted).items():
            assert sum(amounts[name] for amounts in by_category.values()) == pytest.approx(total)


def test_incremental_and_pairwise(evaluation: Evaluation) -> None:
    usual, new = evaluation.incremental()
    assert (usual.strategy, new.strategy) == ("usual", "new")
    increment = 100 + 75 / 1.1 + 0.25 * 10 / 1.1
    assert new.icer == pytest.approx(increment / 0.2)
    (row,) = evaluation.pairwise()
    assert (row.strategy, row.comparator) == ("new", "usual")
    assert row.icer == pytest.approx(new.icer)
    (row,) = evaluation.pairwise("new")
    assert row.strategy == "usual"
    assert row.incremental_cost == pytest.approx(-increment)


def test_rounding_noise_is_no_difference() -> None:
    """Equal survival reached by different sums: 0.1 + 0.2 and 0.3 differ in the last digit."""
    definition = small()
    definition["variables"] = {"u": "u_a + u_b"}
    definition["outcomes"]["qalys"]["state"]["well"] = "u"
    rows = [he.Parameter("p_die", 0.5), he.Parameter("c_drug", 0.0), he.Parameter("u_a", 0.1)]
    rows += [he.Parameter("u_a", 0.3, strategy="new"), he.Parameter("u_b", 0.2)]
    rows += [he.Parameter("u_b", 0.0, strategy="new"), he.Parameter("c_drug", 1.0, strategy="new")]
    evaluation = evaluate(he.Model.from_dict(definition, rows))
    assert evaluation.qalys()["usual"] != evaluation.qalys()["new"]
    (row,) = evaluation.pairwise()
    assert row.incremental_effect == 0


def test_net_benefit_uses_the_models_thresholds(evaluation: Evaluation) -> None:
    rows = {row.strategy: row for row in evaluation.net_benefit()}
    assert rows["new"].nmb == pytest.approx(1.4 * 10_000 - evaluation.cost()["new"])
    assert rows["new"].nhb == pytest.approx(rows["new"].nmb / 10_000)
    assert {row.threshold for row in evaluation.net_benefit([1.0, 2.0])} == {1.0, 2.0}


def test_no_threshold_is_said() -> None:
    evaluation = evaluate(he.Model.from_dict(small(thresholds=[]), parameters()))
    with pytest.raises(he.InputError, match="names no threshold"):
        evaluation.net_benefit()


def test_unknown_comparator(evaluation: Evaluation) -> None:
    with pytest.raises(he.InputError, match="usul"):
        evaluation.pairwise("usul")


def test_means_over_draws() -> None:
    model = he.Model.from_dict(small(), parameters())
    draws = {"p_die": np.array([0.0, 1.0]), "c_drug[new]": np.array([0.0, 200.0])}
    both = evaluate(model, draws)
    each = [evaluate(model, {k: v[i : i + 1] for k, v in draws.items()}) for i in range(2)]
    for name in ("usual", "new"):
        assert both.cost()[name] == pytest.approx(np.mean([one.cost()[name] for one in each]))


def test_frames(evaluation: Evaluation) -> None:
    result = he.CEAResult(evaluation)
    frame = result.to_pandas().set_index("outcome")
    costs = frame.loc["total_cost"].set_index("strategy")["discounted"]
    assert costs.to_dict() == pytest.approx(evaluation.cost())
    trace = result.trace.to_pandas()
    assert list(trace.columns[:3]) == ["strategy", "cycle", "time"]
    at_end = trace[trace["cycle"] == 2].set_index("strategy")
    assert at_end["well"].to_dict() == {"usual": 0.25, "new": 0.5625}
    cycles = result.cycles("new")
    totals = cycles.groupby("outcome")["discounted"].sum()
    assert totals["drug"] == pytest.approx(100 + 75 / 1.1)
    assert set(cycles["state"]) == {"well", "dead"}


def test_trace_must_have_been_kept() -> None:
    result = he.CEAResult(evaluate(he.Model.from_dict(small(), parameters())))
    for call in (lambda: result.trace, lambda: result.plot, lambda: result.cycles("new")):
        with pytest.raises(he.InputError, match="keep_trace=True"):
            call()


def test_cycles_of_an_unknown_strategy(evaluation: Evaluation) -> None:
    with pytest.raises(he.InputError, match="Did you mean 'new'"):
        evaluation.cycles("neww")


def test_survivors_of_a_lifetime_are_a_warning() -> None:
    definition = small(horizon="lifetime", start_age=98)
    warnings = evaluate(he.Model.from_dict(definition, parameters())).warnings()
    assert any("56.25% of the cohort are alive" in warning for warning in warnings)


def test_without_qalys_no_verdict_is_given() -> None:
    definition = small()
    definition["outcomes"]["qalys"]["kind"] = "count"
    evaluation = evaluate(he.Model.from_dict(definition, parameters()))
    assert not evaluation.has_qalys
    assert any("No outcome is of the kind 'qaly'" in warning for warning in evaluation.warnings())


def test_more_qalys_than_life_years_and_costs_below_nothing_are_warnings() -> None:
    definition = small()
    definition["outcomes"] = {
        "care": {"kind": "cost", "state": {"alive": -5}},
        "qalys": {"kind": "qaly", "state": {"alive": 1.1}},
        "years": {"kind": "life_year", "state": {"alive": 1}},
    }
    warnings = evaluate(he.Model.from_dict(definition, parameters())).warnings()
    assert any(
        " QALYs in " in warning and "is a utility above 1?" in warning for warning in warnings
    )
    assert any(
        "costs -" in warning and "in total (undiscounted)" in warning for warning in warnings
    )
    # Life years of some states only are no measure of the QALYs of all.
    definition["outcomes"]["years"]["state"] = {}
    definition["outcomes"]["years"]["start"] = 0.1
    definition["outcomes"]["care"]["state"] = {"alive": 5}
    warnings = evaluate(he.Model.from_dict(definition, parameters())).warnings()
    assert not any("QALYs in" in warning or "in total" in warning for warning in warnings)


def test_a_rate_in_percent_is_a_warning() -> None:
    definition = small(discounting={"cost": 3.5, "effect": 0})
    warnings = evaluate(he.Model.from_dict(definition, parameters())).warnings()
    assert any("costs are discounted at 350% a year" in warning for warning in warnings)


def test_a_negative_rate_is_a_warning_of_every_command() -> None:
    definition = small(discounting={"cost": 0, "effect": -0.02})
    (warning,) = he.Model.from_dict(definition, parameters()).warnings
    assert "effects are discounted at -2% a year. Is that meant?" in warning


def test_assumptions_are_those_without_a_source(evaluation: Evaluation) -> None:
    assert [row.key for row in evaluation.model.assumptions] == ["p_die", "c_drug"]


def test_perspective_leaves_outcomes_out() -> None:
    definition = small(perspective="payer")
    definition["outcomes"]["drug"]["perspective"] = ["societal"]
    evaluation = evaluate(he.Model.from_dict(definition, parameters()))
    assert list(evaluation.by_category("cost")) == ["care"]
    definition["model"]["perspective"] = "societal"
    evaluation = evaluate(he.Model.from_dict(definition, parameters()))
    assert list(evaluation.by_category("cost")) == ["drugs", "care"]
