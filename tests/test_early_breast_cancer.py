"""The early model against arithmetic of its own and against the metastatic model."""

import math

import numpy as np
import pytest

import heecon as he
from heecon.analysis.evaluation import run
from heecon.analysis.measures import course
from heecon.analysis.targets import read_targets
from heecon.analysis.validation import validate
from heecon.engine.cohort import run_cohort
from heecon.engine.result import Result
from heecon.files.locate import bundled
from heecon.language import evaluate
from heecon.model.evidence_folder import EvidenceFolder

NAME = "early_breast_cancer"


@pytest.fixture(scope="module")
def base() -> Result:
    return run_cohort(he.load(f"{NAME}/base_case"), keep_trace=True)


def test_bone_metastases_follow_the_weibull_curve(base: Result) -> None:
    """S(t) = exp(-0.0979 t^0.732), through 15% at two and 41% at ten years."""
    one = course(base, "no_agent", "first_bone_metastases", "no_metastasis")
    for years in (1, 2, 5, 10):
        expected = 1 - math.exp(-0.0979 * years**0.732)
        assert one.incidence(years) == pytest.approx(expected, rel=0.01)
    assert one.incidence(2) == pytest.approx(0.15, abs=0.003)
    assert one.incidence(10) == pytest.approx(0.41, abs=0.004)


def test_the_class_effect_splits_into_bone_and_other_sites(base: Result) -> None:
    """0.72 in bone and 0.82 in all leave a smaller effect elsewhere."""
    share = 0.088 / 0.219
    other = (0.82 - share * 0.72) / (1 - share)
    assert other == pytest.approx(0.8872, abs=1e-4)
    trace = base.trace
    assert trace is not None
    none, agent = (base.strategies.index(name) for name in ("no_agent", "clodronate"))
    flows = {move: trace.flow[0, :, 0, i] for i, move in enumerate(trace.moves)}
    bone = flows["no_metastasis", "bone_only"]
    elsewhere = flows["no_metastasis", "non_bone"]
    # In the first cycle, when the two recurrences together are 1% and hardly compete.
    assert bone[agent] / bone[none] == pytest.approx(0.72, rel=4e-3)
    assert elsewhere[agent] / elsewhere[none] == pytest.approx(other, rel=4e-3)


def test_the_effect_ends_after_ten_years(base: Result) -> None:
    hazards = []
    for name in ("no_agent", "zoledronic_acid"):
        one = course(base, name, "first_bone_metastases", "no_metastasis")
        hazards.append(one.entries / one.free[:-1])
    ratio = hazards[1] / hazards[0]
    assert ratio[119] == pytest.approx(0.72, abs=0.002)
    assert ratio[121] == pytest.approx(1, abs=1e-9)


def test_costs_and_losses_of_an_sre_are_those_of_the_metastatic_model() -> None:
    metastatic = he.load("bone_metastases/base_case")
    known = {**metastatic.values(None), "cycle_length": 28 / 365.25, "time": 0.0, "cycle": 0.0}
    wanted = {
        "mix_total", "mix_fracture", "mix_radiation", "mix_surgery", "mix_compression",
        "share_vertebral", "share_nonvertebral", "c_fracture_home", "c_vertebral",
        "c_nonvertebral", "c_radiation", "c_surgery", "c_compression", "p_walk", "du_scc",
        "loss_radiation", "loss_fracture", "loss_sre",
    }  # fmt: skip
    for name, formula in metastatic.variables.items():
        if name in wanted:
            known[name] = float(evaluate(formula.tree, known, metastatic.tables))
    cost = sum(
        known[share] * known[f"c_{kind}"]
        for share, kind in (
            ("share_vertebral", "vertebral"),
            ("share_nonvertebral", "nonvertebral"),
            ("mix_radiation", "radiation"),
            ("mix_surgery", "surgery"),
            ("mix_compression", "compression"),
        )
    )
    early = he.load(f"{NAME}/base_case").values(None)
    assert early["c_sre"] == pytest.approx(cost, rel=1e-5)
    assert early["loss_sre"] == pytest.approx(known["loss_sre"], rel=1e-5)


def test_without_effect_every_agent_only_costs() -> None:
    model = he.load(f"{NAME}/base_case")
    owned = [row.key for row in model.parameters if row.name == "effect_years"]
    result = run_cohort(model.with_values(dict.fromkeys(owned, 0.0)))
    years = result.total("life_year")[0]
    assert years == pytest.approx(np.full_like(years, years[0]), rel=1e-12)
    assert (result.total("cost")[0][1:] > result.total("cost")[0][0]).all()


def test_a_harmful_trial_shortens_life() -> None:
    years = run(he.load(f"{NAME}/saarto")).life_years()
    assert years["clodronate"] < years["no_agent"] < years["zoledronic_acid"]


def test_its_validation() -> None:
    model = he.load(f"{NAME}/base_case")
    inputs = bundled() / "inputs"
    registry = EvidenceFolder(inputs / "evidence").registry()
    checks = {
        c.target.name: c for c in validate(model, read_targets(inputs / NAME, model, registry))
    }
    assert {name: check.verdict for name, check in checks.items()} == {
        "S005": "met",
        "S006": "met",
        "ebctcg_reduction_bone_postmenopausal": "met",
        "ebctcg_reduction_mortality_postmenopausal": "no interval",
        "jensen_bone_unselected": "outside",
        "ebctcg_10y_distant_control": "inside",
        "ebctcg_10y_distant_bisphosphonate": "inside",
        "ebctcg_10y_mortality_control": "inside",
        "ebctcg_10y_mortality_bisphosphonate": "inside",
    }
