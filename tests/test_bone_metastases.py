"""The flagship's process of SREs against a simulation of single women that shares no code."""

import math

import numpy as np
import pytest

import heecon as he
from heecon.arrays import Floats
from heecon.engine.cohort import run_cohort
from heecon.engine.result import Result

FRAILTY = math.log(1 + 0.37 * (2.08 - 1)) / -math.log(0.63)  # from the history of SREs
RATE = (2**FRAILTY - 1) / (FRAILTY * 2.2)  # half have an SRE by 26.4 months
CYCLE = 28 / 365.25
CYCLES = round(3 / CYCLE)
BEFORE = (0.63**-FRAILTY - 1) / FRAILTY


def women(count: int, prior: str) -> Floats:
    """Frailties of women with and without an SRE before the start, as in the trial mix or apart."""
    random = np.random.default_rng(7)
    frailty = random.gamma(1 / FRAILTY, FRAILTY, count)
    had = random.poisson(BEFORE * frailty) > 0
    chosen = {"mix": had | True, "naive": ~had, "prior": had}[prior]
    return np.asarray(frailty[chosen])


def flagship(share: float, ratio: float) -> Result:
    base = he.load("bone_metastases")
    changed = {"share_prior_sre": share, "rr_sre_v_za[denosumab]": ratio}
    return run_cohort(base.with_values(changed), keep_trace=True)


def of_survivors(result: Result) -> tuple[float, float]:
    """SREs in three years per woman who lives, and the share without an SRE so far.

    Death comes first in a cycle and is the same with and without SREs, so dividing by the share
    alive at the end of the cycle takes it out.
    """
    assert result.trace is not None
    strategy = result.strategies.index("denosumab")
    counts = [outcome.name for outcome in result.outcomes].index("sres")
    occupancy = result.trace.occupancy[0, strategy]
    alive = 1 - occupancy[:, result.states.index("death")]
    events = result.trace.amounts[0, strategy, counts, :, :CYCLES, 0].sum(axis=0)
    naive = occupancy[CYCLES, result.states.index("bone_only")] / alive[CYCLES]
    return float((events / alive[1 : CYCLES + 1]).sum()), float(naive)


@pytest.mark.parametrize(("prior", "share"), [("mix", 0.37), ("naive", 0.0), ("prior", 1.0)])
@pytest.mark.parametrize("ratio", [1.0, 0.5])
def test_counts_are_those_of_women_with_frailties(prior: str, share: float, ratio: float) -> None:
    frailty = women(400_000, prior)
    chance = 1 - np.exp(-RATE * ratio * frailty * CYCLE)
    simulated = np.random.default_rng(8).binomial(CYCLES, chance)
    events, naive = of_survivors(flagship(share, ratio))
    # What is left is the model's one memory for all women with an SRE, frail ones among them: a
    # cycle sees at most one SRE, which the simulation lets matter woman by woman.
    assert events == pytest.approx(float(simulated.mean()), rel=0.02)
    if prior == "naive":
        assert naive == pytest.approx(float((simulated == 0).mean()), abs=0.002)
        closed = (1 + FRAILTY * (BEFORE + RATE * ratio * CYCLES * CYCLE)) / (1 + FRAILTY * BEFORE)
        assert naive == pytest.approx(closed ** (-1 / FRAILTY), abs=0.001)


def test_half_the_women_of_the_trial_have_an_sre_by_the_published_median() -> None:
    """26.4 months, of women with and without an earlier SRE, simulated one by one."""
    random = np.random.default_rng(11)
    first = random.exponential(size=400_000) / (RATE * random.gamma(1 / FRAILTY, FRAILTY, 400_000))
    assert float(np.median(first)) == pytest.approx(26.4 / 12, rel=0.01)
    known = he.load("bone_metastases").values("denosumab")
    assert known["frailty"] == pytest.approx(FRAILTY, abs=1e-6)


def test_women_with_an_earlier_sre_have_2_08_times_the_hazard_at_the_start() -> None:
    """The published hazard ratio, of the women of a simulated trial by their history."""
    history, none = women(400_000, "prior").mean(), women(400_000, "naive").mean()
    assert history / none == pytest.approx(2.08, rel=0.01)


def test_the_loss_of_a_type_of_sre_is_that_of_each_arm() -> None:
    """Scenario mix_by_arm: first SREs of the arms, 315 and 372, exactly."""
    model = he.load("bone_metastases/mix_by_arm")
    for strategy, counts in (
        ("denosumab", {"fracture": 212, "radiation": 82, "surgery": 12, "compression": 9}),
        ("zoledronic_acid", {"fracture": 238, "radiation": 119, "surgery": 8, "compression": 7}),
    ):
        values = model.values(strategy)
        weights = {k: values[f"share_{k}"] * values[f"ratio_{k}"] for k in counts}
        for kind, count in counts.items():
            share = weights[kind] / sum(weights.values())
            assert share == pytest.approx(count / sum(counts.values()), rel=2e-6)


def test_stopping_returns_to_no_agent() -> None:
    """After years off treatment an agent's hazards are those of its past, at the untreated rate."""
    base = he.load("bone_metastases/stop_at_2_years")
    result = run_cohort(base, keep_trace=True)
    assert result.trace is not None
    counts = [outcome.name for outcome in result.outcomes].index("sres")
    alive = 1 - result.trace.occupancy[0, :, :, result.states.index("death")]
    rates = result.trace.amounts[0, :, counts, :, :-1, 0].sum(axis=1) / alive[:, 1:]
    late = rates[:, 130]  # the tenth year
    assert late == pytest.approx(np.full_like(late, late[0]), rel=0.03)
    early = dict(zip(result.strategies, rates[:, 10], strict=True))
    assert early["denosumab"] / early["zoledronic_acid"] == pytest.approx(0.77, abs=0.01)
    none = base.values(None)["rr_sre_none"]
    # At most one SRE a cycle is counted, which matters most where there are most.
    assert early["no_agent"] / early["zoledronic_acid"] == pytest.approx(none, rel=0.03)


def test_discontinuation_lies_between_treatment_and_none() -> None:
    base = he.load("bone_metastases")
    stopped = run_cohort(base.with_values({"rate_stopping": 0.5}))
    kept = run_cohort(base)
    for name in ("denosumab", "zoledronic_acid"):
        index = kept.strategies.index(name)
        none = kept.of("sres")[0, kept.strategies.index("no_agent")]
        assert kept.of("sres")[0, index] < stopped.of("sres")[0, index] < none
        assert stopped.of("cost_drug")[0, index] < 0.8 * kept.of("cost_drug")[0, index]
