"""A gamma frailty against the closed forms of a mixed Poisson process, and the trial."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import heecon as he
from heecon.analysis.engines import options_of
from heecon.analysis.evaluation import run as evaluate
from heecon.analysis.frailty import simulated_trial
from heecon.analysis.targets import read_targets
from heecon.analysis.validation import validate
from heecon.engine.individual_run import Options
from heecon.engine.microsim import run_microsim
from heecon.language import parse
from heecon.model.definition import Attribute, Formula, Start
from heecon.model.evidence_folder import EvidenceFolder
from heecon.model.load import load

ROOT = Path(__file__).parent.parent.parent
PEOPLE = 200_000


def test_one_rate_ratio_gives_what_the_trial_reported() -> None:
    model = load("sre_trial/base_case")
    folder = ROOT / "inputs" / "sre_trial"
    registry = EvidenceFolder(ROOT / "inputs" / "evidence").registry()
    found = validate(model, read_targets(folder, model, registry))
    checks = {check.target.name: check for check in found}
    theta = 1.08
    for arm, mean in (("za", 0.60), ("denosumab", 0.60 * 0.77)):
        share = 1 - (1 + theta * mean) ** (-1 / theta)
        # Two days can hold one SRE only, which lowers the means by a third of a percent.
        assert checks[f"stopeck_events_{arm}"].predicted == pytest.approx(mean, rel=0.01)
        error = np.sqrt(share * (1 - share) / PEOPLE)
        assert abs(checks[f"stopeck_sre_{arm}"].predicted - share) < 4 * error + 0.0005
    first = checks["stopeck_hr_first"]
    assert first.predicted == pytest.approx(0.81, abs=0.01)  # nearer to 1 than the rate ratio
    assert first.verdict == "inside"
    assert abs(first.difference) < 0.015
    assert checks["stopeck_rate_ratio"].predicted == pytest.approx(0.77, abs=0.005)
    assert checks["S048"].predicted == pytest.approx(1 + theta, rel=0.03)
    for arm, events, women in (("za", 372, 1020), ("denosumab", 315, 1026)):
        check, share = checks[f"stopeck_sre_{arm}"], events / women
        assert check.target.observed == pytest.approx(share, abs=1e-5)
        reach = 1.96 * np.sqrt(share * (1 - share) / women)
        assert abs(check.difference) < reach  # what the trial could tell
        # Wilson's interval, whose centre lies 0.0005 nearer to a half.
        ends = (check.target.low, check.target.high)
        assert ends == pytest.approx((share - reach + 0.0005, share + reach + 0.0005), abs=0.0003)
    assert {name for name, check in checks.items() if not check.target.calibrated} == {
        "stopeck_hr_first",
        "stopeck_sre_za",
        "stopeck_sre_denosumab",
        "stopeck_events_denosumab",
    }


def test_without_frailty_first_and_repeated_events_have_one_ratio() -> None:
    model = load("sre_trial")
    rows = tuple(
        row.overridden(1.0, "test", "test") if row.name == "hr_prior_sre" else row
        for row in model.parameters
    )
    same = replace(model, parameters=rows)
    control, treated = simulated_trial(same, "sre", None, Options(patients=PEOPLE))
    assert treated.first_hazard_ratio == pytest.approx(0.77, abs=0.01)
    assert control.later_hazard_ratio == pytest.approx(1.0, abs=0.02)
    assert control.share == pytest.approx(1 - np.exp(-0.60), abs=0.004)


def test_people_who_die_are_no_longer_at_risk() -> None:
    """Constant hazards of event and death: the ratio is what it was made to be."""
    definition = {
        "model": {
            "title": "x",
            "cycle": "7 days",
            "horizon": "156 cycles",
            "discounting": {"cost": "0", "effect": "0"},
        },
        "states": {"well": {}, "event": {}, "dead": {"absorbing": True}},
        "start": {"well": 1},
        "strategies": {"old": {}, "new": {}},
        "transitions": {
            "well": {"rates": {"event": "h", "dead": 0.3}},
            "event": {"rates": {"well": 20, "dead": 0.3}},
        },
        "outcomes": {"n": {"kind": "count", "entering": {"event": 1}}},
    }
    rows = [he.Parameter("h", 0.5, strategy="old"), he.Parameter("h", 0.3, strategy="new")]
    made = he.Model.from_dict(definition, rows)
    old, new = simulated_trial(made, "event", "old", Options(patients=100_000))
    assert old.first_hazard_ratio == pytest.approx(1.0, abs=1e-9)
    assert new.first_hazard_ratio == pytest.approx(0.6, abs=0.02)
    assert new.share == pytest.approx(0.3 / 0.6 * (1 - np.exp(-0.6 * 156 * 7 / 365.25)), abs=0.01)
    assert old.later_hazard_ratio == pytest.approx(1.0, abs=0.15)  # some are in the event state


def with_frailty(model: he.Model) -> he.Model:
    """The flagship with a frailty for every woman, in the place of the cohort's mean frailties.

    Women differ by a gamma frailty with mean 1 and variance ``frailty``. Those who are
    prone are likelier to enter with an SRE behind them; after that nothing changes with an SRE but
    what is known of a woman. The cohort carries the same process by the mean frailty of the women
    without and with an SRE so far, so both should give the same SREs. The women must be the trial's
    mix of those with and without an SRE before.
    """
    values = model.values(None)
    assert values["share_prior_sre"] == values["share_prior_trial"]
    frailty = Attribute("proneness", "Proneness", "frailty", (formula("frailty"),))
    changed = {
        "h_sre_first": formula("rate_naive * proneness"),
        "h_sre_later": formula("rate_later * proneness"),
    }
    return replace(
        model,
        attributes={"proneness": frailty},
        variables=dict(model.variables) | changed,
        start=Start({"post_sre": formula("1 - exp(-sres_before * proneness)")}, "bone_only"),
        scenario=replace(model.scenario, engine="microsim"),
    )


def formula(text: str) -> Formula:
    return Formula(text, parse(text), "test")


def test_the_flagship_with_the_frailty() -> None:
    """Woman by woman the same SREs as the cohort, which carries mean frailties in closed form."""
    plain = he.load("bone_metastases/base_case")
    frail = with_frailty(plain)
    run = run_microsim(frail, options=Options(patients=100_000))
    exact = evaluate(plain).result
    assert run.monte_carlo is not None
    # Survival does not depend on SREs in the base case, so neither do life years.
    error = run.monte_carlo.kind["life_year"][0, :, 1]
    assert (np.abs(run.total("life_year")[0] - exact.total("life_year")[0]) < 4 * error).all()
    sres, cohort = run.of("sres")[0], exact.of("sres")[0]
    np.testing.assert_allclose(sres, cohort, rtol=0.03)


def test_wrong_names() -> None:
    with pytest.raises(he.InputError, match="unknown state 'sr'"):
        simulated_trial(load("sre_trial"), "sr")
    assert options_of(load("sre_trial/base_case")).patients == 200_000
