"""Measures against closed forms, verdicts pinned, calibration that finds what it must."""

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import stats

import heecon as he
from heecon.analysis.calibration import calibrate
from heecon.analysis.measures import MEASURES, Course, course
from heecon.analysis.targets import Target, read_targets, wilson
from heecon.analysis.validation import Check, validate
from heecon.engine.cohort import run_cohort
from heecon.evidence.registry import Evidence
from heecon.model.evidence_folder import EvidenceFolder

ROOT = Path(__file__).parent.parent.parent


def toy(rate: float = 0.3, death: float = 0.1, ratio: float = 0.6) -> he.Model:
    """Events at a constant rate, deaths apart from them, cycles of a hundredth of a year."""
    definition: dict[str, Any] = {
        "model": {
            "title": "M",
            "cycle": "3.6525 days",
            "horizon": "5 years",
            "discounting": {"cost": 0, "effect": 0},
        },
        "states": {"free": {}, "had": {}, "dead": {"absorbing": True}},
        "start": {"free": "rest"},
        "strategies": {"old": {}, "new": {}},
        "variables": {
            "p_death": "rate_to_prob(death, cycle_length)",
            "p_event": "(1 - p_death) * rate_to_prob(rate * ratio, cycle_length)",
        },
        "transitions": {
            "free": {"probabilities": {"free": "rest", "had": "p_event", "dead": "p_death"}},
            "had": {"probabilities": {"had": "rest", "dead": "p_death"}},
        },
        "outcomes": {"first": {"kind": "count", "entering": {"had": 1}}},
    }
    rows = [
        he.Parameter("rate", rate),
        he.Parameter("death", death),
        he.Parameter("ratio", 1.0, strategy="old"),
        he.Parameter("ratio", ratio, strategy="new"),
    ]
    return he.Model.from_dict(definition, rows)


@pytest.fixture(scope="module")
def courses() -> tuple[Course, Course]:
    result = run_cohort(toy(), keep_trace=True)
    return course(result, "new", "first", "free"), course(result, "old", "first", "free")


def test_measures_of_constant_hazards(courses: tuple[Course, Course]) -> None:
    new, old = courses
    by = {name: measure.of(new, old, 2.0) for name, measure in MEASURES.items()}
    events = 1 - math.exp(-0.18 * 2)
    assert by["share"] == pytest.approx(events, rel=1e-9)
    assert by["median"] == pytest.approx(12 * math.log(2) / 0.18, rel=1e-5)
    assert by["events"] == pytest.approx(events, rel=1e-9)
    assert by["rate"] == pytest.approx(events / 2, rel=1e-9)
    # Proportional hazards: the Cox estimate is the ratio itself.
    assert by["hazard_ratio"] == pytest.approx(0.6, abs=1e-3)
    assert by["rate_ratio"] == pytest.approx(events / (1 - math.exp(-0.6)), rel=1e-9)

    def crude(rate: float) -> float:
        return rate / (rate + 0.1) * (1 - math.exp(-(rate + 0.1) * 2))

    assert by["cumulative"] == pytest.approx(crude(0.18), rel=2e-3)
    assert by["difference"] == pytest.approx(crude(0.3) - crude(0.18), rel=5e-3)


def test_hazards_that_are_not_proportional_give_an_average() -> None:
    """Against a Cox score solved on simulated women, one by one."""
    random = np.random.default_rng(3)
    size, end = 200_000, 2.0
    frailty = random.gamma(1 / 1.08, 1.08, (2, size))
    times = random.exponential(1, (2, size)) / (0.6 * np.array([[0.5], [1.0]]) * frailty)
    times = np.where(times < end, times, np.inf)
    order = np.sort(times, axis=1)
    events = np.sort(times[np.isfinite(times)])
    at_risk = [size - np.searchsorted(row, events) for row in order]
    ratio, mine = 0.5, int(np.isfinite(times[0]).sum())
    for _ in range(60):
        expected = float((ratio * at_risk[0] / (ratio * at_risk[0] + at_risk[1])).sum())
        ratio *= mine / expected
    dt = 0.01
    grid = np.arange(0, 2 + dt / 2, dt)
    arms = [
        Course(dt, np.ones(len(grid)), (1 + 1.08 * 0.6 * r * grid) ** (-1 / 1.08), np.zeros(200))
        for r in (0.5, 1.0)
    ]
    assert MEASURES["hazard_ratio"].of(arms[0], arms[1], end) == pytest.approx(ratio, abs=0.01)


def test_a_median_that_is_not_reached() -> None:
    result = run_cohort(toy(rate=0.01), keep_trace=True)
    one = course(result, "new", "first", "free")
    assert math.isinf(MEASURES["median"].of(one, None, 0))


@pytest.mark.parametrize(("events", "count"), [(34, 114), (260, 881), (0, 20)])
def test_wilsons_interval(events: int, count: int) -> None:
    expected = stats.binomtest(events, count).proportion_ci(0.95, method="wilson")
    found = wilson(events / count, count)
    assert found == pytest.approx((expected.low, expected.high), abs=1e-12)


def flagship() -> tuple[he.Model, tuple[Target, ...]]:
    model = he.load("bone_metastases/base_case")
    registry = EvidenceFolder(ROOT / "inputs" / "evidence").registry()
    return model, read_targets(ROOT / "inputs" / "bone_metastases", model, registry)


def test_the_flagships_verdicts() -> None:
    """Calibrated targets within 1%; the verdicts of the others as they are, good or bad."""
    checks = {check.target.name: check for check in validate(*flagship())}
    assert {name for name, check in checks.items() if check.target.calibrated} == {
        "stopeck_median_za", "stopeck_events_za", "stopeck_rate_ratio",
    }  # fmt: skip
    for name in ("stopeck_median_za", "stopeck_events_za", "stopeck_rate_ratio"):
        assert abs(checks[name].predicted / checks[name].target.observed - 1) < 0.01
        assert checks[name].verdict == "met"
    by_verdict: dict[str, set[str]] = {}
    for name, check in checks.items():
        by_verdict.setdefault(check.verdict, set()).add(name)
    assert by_verdict["inside"] == {
        "stopeck_hr_first", "stopeck_sre_denosumab", "kohno_sre_za",
        "kohno_sre_placebo", "react_1y_q4w", "react_2y_q4w", "react_1y_q12w", "react_2y_q12w",
    }  # fmt: skip
    assert by_verdict["outside"] == {
        "calgb_sre_q4w", "calgb_sre_q12w", "optimize2_sre_q4w", "optimize2_sre_q12w",
        "zoom_rate_q4w", "zoom_rate_q12w", "stopeck_sre_za",
    }  # fmt: skip
    # One process gives both published effects of denosumab.
    assert checks["stopeck_hr_first"].predicted == pytest.approx(0.808, abs=0.002)
    assert checks["stopeck_rate_ratio"].predicted == pytest.approx(0.774, abs=0.002)


def test_the_symptomatic_view_follows_from_the_model() -> None:
    model, targets = flagship()
    (view,) = {t.view["months_first_sre"] for t in targets if "months_first_sre" in t.view}
    values = model.values(None)
    symptomatic = he.load("bone_metastases/symptomatic_sres").values(None)
    share = 1 - values["share_fracture"] * (1 - symptomatic["share_symptomatic_fracture"])
    # The rate goes with the inverse of the time by which half have an SRE.
    assert values["months_first_sre"] / view == pytest.approx(share, rel=2e-5)


def observed(value: float, **fields: Any) -> Target:
    given: dict[str, Any] = {
        "calibrated": False, "measure": "share", "strategy": "old", "against": "", "years": 2.0,
        "view": {}, "events": "first", "free": "free", "low": None, "high": None,
    }  # fmt: skip
    given |= fields
    return Target(evidence=Evidence(id="figure", estimand="proportion", value=value), **given)


def test_verdicts() -> None:
    target = observed(0.5, low=0.4, high=0.6)
    assert Check(target, 0.6, "share").verdict == "inside"
    assert Check(target, 0.61, "share").verdict == "outside"
    assert Check(observed(0.5), 0.5, "share").verdict == "no interval"
    fitted = replace(target, calibrated=True)
    assert Check(fitted, 0.5049, "share").verdict == "met"
    assert Check(fitted, 0.506, "share").verdict == "missed"


def test_calibration_finds_the_rate_that_was_hidden() -> None:
    truth = 1 - math.exp(-0.45 * 2)
    found = calibrate(toy(), [observed(truth)], ["rate"], ["figure"])
    assert found.found[0] == pytest.approx(0.45, rel=1e-6)
    assert found.start == (0.3,)
    assert found.converged
    assert found.before[0].predicted == pytest.approx(1 - math.exp(-0.6), rel=1e-6)
    assert found.after[0].predicted == pytest.approx(truth, rel=1e-6)


def test_two_parameters_for_two_targets() -> None:
    shares = [1 - math.exp(-0.45 * 2), 1 - math.exp(-0.45 * 0.8 * 2)]
    targets = [
        observed(shares[0]),
        replace(
            observed(shares[1], strategy="new"),
            evidence=Evidence(id="other", estimand="proportion", value=shares[1]),
        ),
    ]
    found = calibrate(toy(), targets, ["rate", "ratio[new]"], ["figure", "other"])
    assert found.found == pytest.approx((0.45, 0.8), rel=1e-5)


@pytest.mark.parametrize(
    ("parameters", "fitted", "what"),
    [
        (["rat"], ["figure"], "unknown parameter 'rat'. Did you mean 'rate'?"),
        (["rate"], ["figur"], "unknown target 'figur'. Did you mean 'figure'?"),
        ([], ["figure"], "there is nothing to fit"),
        (["rate", "rate"], ["figure"], "a name stands twice"),
        (["death"], ["figure"], "the view of 'figure' sets 'death'"),
    ],
)
def test_what_cannot_be_fitted(parameters: list[str], fitted: list[str], what: str) -> None:
    with pytest.raises(he.InputError) as error:
        calibrate(toy(), [observed(0.5, view={"death": 0.0})], parameters, fitted)
    assert what in str(error.value)


GOOD = """\
events = "sres"
free   = "bone_only"
[views.v]
share_prior_sre = 0
[[targets]]
evidence = "stopeck_sre_za"
use      = "independent"
measure  = "share"
strategy = "zoledronic_acid"
years    = 1
view     = "v"
"""


@pytest.mark.parametrize(
    ("old", "new", "what"),
    [
        ('"stopeck_sre_za"', '"S066"', "validation.toml:6:12: the evidence 'S066' is superseded"),
        ('"stopeck_sre_za"', '"none"', "unknown evidence 'none'"),
        ('"share"', '"shares"', "unknown measure 'shares'. Did you mean 'share'?"),
        ('"zoledronic_acid"', '"za"', "unknown strategy 'za'"),
        ("years    = 1\n", "", "the measure 'share' needs 'years'"),
        ('"share"', '"rate_ratio"', "the measure 'rate_ratio' needs 'against'"),
        ('view     = "v"', 'view = "w"', "unknown view 'w'"),
        ("share_prior_sre = 0", "share_prior = 0", "the view sets 'share_prior'"),
        ('"sres"', '"sre"', "unknown events 'sre'"),
        ('"bone_only"', '"bone"', "unknown free 'bone'"),
        ('"independent"', '"both"', "validation.toml:7:12"),
    ],
)
def test_targets_that_make_no_sense(tmp_path: Path, old: str, new: str, what: str) -> None:
    assert GOOD.count(old) == 1
    (tmp_path / "validation.toml").write_text(GOOD.replace(old, new), encoding="utf-8")
    registry = EvidenceFolder(ROOT / "inputs" / "evidence").registry()
    with pytest.raises(he.InputError) as error:
        read_targets(tmp_path, he.load("bone_metastases"), registry)
    assert what in str(error.value)


def test_a_model_without_targets(tmp_path: Path) -> None:
    registry = EvidenceFolder(ROOT / "inputs" / "evidence").registry()
    with pytest.raises(he.InputError, match=r"has no validation\.toml"):
        read_targets(tmp_path, he.load("bone_metastases"), registry)
