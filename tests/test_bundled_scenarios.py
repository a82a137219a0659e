"""Every model and scenario that comes with heecon runs, with all strategies, and says why."""

from pathlib import Path

import numpy as np
import pytest

import heecon as he
from heecon.analysis.evaluation import run
from heecon.files.locate import available

ROOT = Path(__file__).parent.parent
EVERY = available(ROOT)
NAMES = [name for name in EVERY if f"{name}/base_case" not in EVERY]  # a model is its base case


@pytest.mark.parametrize("name", NAMES)
def test_it_runs(name: str) -> None:
    source = name if "/" in name else ROOT / "inputs" / name
    model = he.load(source)
    evaluation = run(model)
    result = evaluation.result
    assert result.strategies == tuple(model.strategies)
    assert np.isfinite(result.discounted).all()
    assert (result.total("cost") >= 0).all()
    if "/" in name:
        assert model.scenario.title
        assert len(model.scenario.purpose) > 20
    assert evaluation.warnings() == ()
    assert all(row.source for row in model.parameters)


def test_the_switches_are_all_there() -> None:
    """One file for each question a reader asks of the metastatic model."""
    there = {name.split("/")[1] for name in NAMES if name.startswith("bone_metastases/")}
    assert there >= {
        "base_case", "symptomatic_sres", "clinical_sres", "matza_utility", "lloyd_utility",
        "stop_at_2_years", "effect_after_stopping", "discontinuation", "start_after_first_sre",
        "sre_mortality", "overall_survival", "sre_naive", "prior_sre", "bone_only", "visceral",
        "single_fraction", "multiple_fractions", "compression_surgery", "pain", "canada",
        "two_years", "ten_years", "discount_1_5", "day_case_infusion",
        "first_sre_hazard_ratio", "all_tumours", "random_effects", "lytic_subgroup",
        "risk_ratio_network", "mix_by_arm", "process_of_care", "frailty_of_counts",
        "persistence_germany",
        "european_sre_costs",
        "clodronate_adverse_events",
    }  # fmt: skip


def test_every_trial_of_the_review_is_a_scenario_of_the_early_model() -> None:
    there = {name.split("/")[1] for name in NAMES if name.startswith("early_breast_cancer/")}
    assert there >= {
        "base_case", "premenopausal", "ebctcg_all", "average_risk", "advanced_disease", "diel",
        "powles", "saarto", "nsabp_b34", "nsabp_b34_all", "gain", "gain_over_60", "abcsg12",
        "zfast", "zofast", "ezofast", "azure", "azure_postmenopausal", "meta_clodronate_2007",
        "cochrane_2012", "yan", "valachis", "dcare", "abcsg18", "effect_for_life",
        "effect_while_treated",
    }  # fmt: skip


def test_scenarios_move_results_the_way_they_must() -> None:
    def sres(name: str) -> dict[str, float]:
        result = run(he.load(f"bone_metastases/{name}")).result
        return dict(zip(result.strategies, result.of("sres")[0].tolist(), strict=True))

    base = sres("base_case")
    for strategy in base:
        assert sres("sre_naive")[strategy] < base[strategy] < sres("prior_sre")[strategy]
        assert sres("clinical_sres")[strategy] < base[strategy]
    late = sres("start_after_first_sre")
    assert late["no_agent"] == pytest.approx(base["no_agent"], rel=1e-12)
    assert base["denosumab"] < late["denosumab"] < base["no_agent"]
    stopped, kept = sres("stop_at_2_years"), sres("effect_after_stopping")
    assert base["denosumab"] < stopped["denosumab"] < base["no_agent"]
    assert kept["denosumab"] == pytest.approx(base["denosumab"], rel=1e-12)
    assert sres("first_sre_hazard_ratio")["denosumab"] > base["denosumab"]


def test_life_years_do_not_depend_on_the_agent_unless_a_scenario_says_so() -> None:
    for name in ("base_case", "start_after_first_sre", "discontinuation", "bone_only"):
        years = run(he.load(f"bone_metastases/{name}")).life_years()
        assert max(years.values()) == pytest.approx(min(years.values()), rel=1e-12)
    years = run(he.load("bone_metastases/overall_survival")).life_years()
    assert years["denosumab"] > years["zoledronic_acid"]
