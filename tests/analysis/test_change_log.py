"""The change log: steps lead exactly from A to B, and each does what its change alone does."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import heecon as he
from heecon.analysis import change_log as module
from heecon.analysis.change_log import ChangeLog, change_log
from heecon.analysis.evaluation import run
from heecon.analysis.strategy_comparison import comparisons, totals_of
from heecon.difference.difference import between
from heecon.files import locate
from heecon.model.distribution import fitted
from tests.analysis.changing import DEFINITION, VALUES, Draft
from tests.analysis.toys import toy

Edit = Callable[[Draft], None]


def edited(*edits: Edit) -> he.Model:
    draft = Draft()
    for edit in edits:
        edit(draft)
    return draft.model()


def keys(log: ChangeLog) -> list[list[str]]:
    return [[change.key for change in step.changes] for step in log.steps]


def check(a: he.Model, b: he.Model) -> ChangeLog:
    """Everything that holds for every pair of models."""
    log = change_log(a, b)
    for model, side in ((a, log.a), (b, log.b)):
        assert side.comparisons == comparisons(totals_of(run(model)), log.thresholds)
    stages = [log.a.comparisons, *(step.after for step in log.steps)]
    assert [step.before for step in log.steps] == stages[:-1]
    if log.steps:
        assert stages[-1] == log.b.comparisons
    difference = between(a, b)
    for taken, whole in ((difference.parts, b), ((), a)):
        reached = run(difference.intermediate_model(taken)).result
        expected = run(whole).result
        at = [reached.strategies.index(name) for name in expected.strategies]
        for field in ("undiscounted", "discounted"):
            amounts = getattr(reached, field)[:, at].sum(axis=3)
            kinds = [outcome.name for outcome in reached.outcomes]
            columns = [kinds.index(outcome.name) for outcome in expected.outcomes]
            if whole is b:
                assert reached.strategies == expected.strategies
                assert np.array_equal(getattr(reached, field), getattr(expected, field))
            else:
                np.testing.assert_allclose(
                    amounts[:, :, columns], getattr(expected, field).sum(axis=3), rtol=1e-12
                )
    return log


def mirrored(log: ChangeLog, back: ChangeLog) -> None:
    """Every change of one is a change of the other, the other way round."""

    def listed(one: ChangeLog, forward: bool) -> dict[str, tuple[Any, ...]]:
        changes = [*(c for step in one.steps for c in step.changes), *one.without_effect]
        return {
            c.key: (c.before, c.after, c.absolute)
            if forward
            else (c.after, c.before, None if c.absolute is None else -c.absolute)
            for c in changes
            if c.kind not in {"table", "joint distribution"}
        }

    assert listed(log, True) == listed(back, False)
    assert (log.a.name, log.b.name) == (back.b.name, back.a.name)


# --- closed forms --------------------------------------------------------------------------------


def test_steps_do_what_their_change_does() -> None:
    """The cost of 'new' is 1000 + price * doses: each step can be worked out by hand."""

    def product(price: float, doses: float) -> he.Model:
        return toy(
            [he.Parameter("price", price), he.Parameter("doses", doses)], "price * doses", "0.5"
        )

    log = check(product(10, 20), product(12, 30))
    assert keys(log) == [["parameters.price.value"], ["parameters.doses.value"]]
    costs = [step.after[1].incremental_cost for step in log.steps]
    assert log.a.comparisons[1].incremental_cost == 200
    assert costs == [240, 360]
    last = log.steps[-1].after[1]
    assert (last.icer, last.quadrant) == (720, "north-east")
    assert last.incremental_nmb == {20_000.0: 9640}
    (price,), (doses,) = (step.changes for step in log.steps)
    assert (price.before, price.after, price.absolute, price.relative) == ("10", "12", 2, 0.2)
    assert (doses.absolute, doses.relative) == (10, 0.5)


def test_cycle_and_horizon_change_together_where_they_only_fit_so() -> None:
    def lasting(cycle: str, horizon: str, rounding: str | None = None) -> Edit:
        more = {"rounding": rounding} if rounding else {}
        return lambda draft: draft.definition["model"].update(
            {"cycle": cycle, "horizon": horizon, **more}
        )

    log = check(edited(lasting("1 month", "10 years")), edited(lasting("4 weeks", "130 cycles")))
    assert keys(log)[0] == ["model.cycle", "model.horizon"]
    log = check(
        edited(lasting("1 year", "3 years", "up")), edited(lasting("1 year", "2.5 cycles", "up"))
    )
    assert keys(log) == [["model.horizon"]]
    log = check(edited(lasting("1 year", "2.5 years", "up")), edited(lasting("1 year", "2 years")))
    assert keys(log) == [["model.horizon", "model.rounding"]]


def test_each_step_equals_a_model_edited_by_hand() -> None:
    def dearer(draft: Draft) -> None:
        draft.values["c_drug[new]"] = 900.0

    def shorter(draft: Draft) -> None:
        draft.definition["model"]["horizon"] = "5 years"

    log = check(edited(), edited(dearer, shorter))
    assert keys(log) == [["model.horizon"], ["parameters.c_drug[new].value"]]
    by_hand = comparisons(totals_of(run(edited(shorter))))
    assert log.steps[0].after == by_hand


# --- properties ----------------------------------------------------------------------------------


def set_value(key: str) -> st.SearchStrategy[Edit]:
    def edit(value: float) -> Edit:
        return lambda draft: draft.values.__setitem__(key, value)

    scale = st.floats(0.5, 1.2).map(lambda factor: VALUES[key] * factor)
    return scale.map(edit)


def set_setting(key: str, values: list[Any]) -> st.SearchStrategy[Edit]:
    def edit(value: Any) -> Edit:
        return lambda draft: draft.definition["model"].__setitem__(key, value)

    return st.sampled_from(values).map(edit)


def set_in(path: list[str], values: list[Any]) -> st.SearchStrategy[Edit]:
    def edit(value: Any) -> Edit:
        def change(draft: Draft) -> None:
            place = draft.definition
            for key in path[:-1]:
                place = place[key]
            place[path[-1]] = value

        return change

    return st.sampled_from(values).map(edit)


def no_other(draft: Draft) -> None:
    draft.definition["strategies"].pop("other", None)


def move_shares(share: float) -> Edit:
    def change(draft: Draft) -> None:
        draft.values |= {"p_stay": share, "p_die": 1 - share}

    return change


def set_mortality(rate: float) -> Edit:
    return lambda draft: draft.tables["mortality"]["rate"].__setitem__(2, rate)


free = [key for key in VALUES if not key.startswith("p_")]
EDITS = st.one_of(
    st.sampled_from(free).flatmap(set_value),
    set_setting("horizon", ["3 years", "20 cycles", "lifetime"]),
    set_setting("cycle", ["6 months"]),
    set_setting("correction", ["start", "end", "half_cycle", "simpson"]),
    set_setting("perspective", ["societal"]),
    set_setting("comparator", ["new"]),
    set_setting(
        "discounting",
        [{"cost": [{"from": 0, "rate": "dr"}, {"from": 5, "rate": 0.01}], "effect": 0}],
    ),
    set_in(["variables", "h_dead"], ["interpolate(mortality, age)", "0.02"]),
    set_in(["outcomes", "care", "timing"], ["cycle_start", "mid_cycle"]),
    set_in(["outcomes", "care", "correction"], ["start", "life_table", "end"]),
    set_in(["outcomes", "death", "transition"], [{"ill -> dead": "c_death"}]),
    set_in(["strategies", "new"], [{"start": {"well": "0.5", "ill": "0.5"}}, {"label": "New"}]),
    set_in(["states", "flare"], [{"tunnel": 4}]),
    st.just(no_other),
    st.floats(0.1, 0.9).map(move_shares),
    st.floats(0.0, 0.2).map(set_mortality),
)


@settings(max_examples=40, deadline=None)
@given(st.lists(EDITS, max_size=5), st.lists(EDITS, max_size=5))
def test_random_edits(first: list[Edit], second: list[Edit]) -> None:
    try:
        a, b = edited(*first), edited(*second)
    except he.InputError:
        return  # two edits that do not go together, such as a pointwise correction and a timing
    log = check(a, b)
    mirrored(log, change_log(b, a))
    assert change_log(a, a).same


def test_same() -> None:
    log = change_log(edited(), edited())
    assert log.same
    assert (log.steps, log.without_effect, log.notes) == ((), (), ())


MODELS = [
    pytest.param("bone_metastases", marks=pytest.mark.slow),
    pytest.param("early_breast_cancer", marks=pytest.mark.slow),
    "sick_sicker",
    "hiv",
    "starter",
]


@pytest.mark.parametrize("model", MODELS)
def test_shipped_scenarios(model: str) -> None:
    """From the first scenario to the others; to every third where there are many."""
    root = locate.bundled()
    scenarios = [
        he.load(root / "scenarios" / model / f"{path.stem}.toml")
        for path in sorted((root / "scenarios" / model).glob("*.toml"))
    ]
    step = 1 if len(scenarios) < 10 else 3
    pairs = [(scenarios[0], other) for other in scenarios[1::step]]
    for a, b in pairs:
        log = check(a, b)
        assert log.steps
        reasons = [why for step in log.steps for why in step.why_together]
        # Rows of a strategy left out, and a horizon that fits the cycles only with its rounding.
        allowed = ("rows of", "a horizon is a whole number of cycles")
        assert all(why.startswith(allowed) for why in reasons), reasons


def test_different_models() -> None:
    log = check(he.load("sick_sicker/base_case"), he.load("hiv/base_case"))
    assert "different models" in " ".join(log.notes)
    assert "USD and in GBP" in " ".join(log.notes)


# --- changes that belong together ----------------------------------------------------------------


def test_new_parameter_and_its_formula() -> None:
    def waning(draft: Draft) -> None:
        draft.definition["variables"]["h_ill"] = "h_base * (hr if time < waning else 1)"
        draft.values |= {"waning": 3.0, "c_care": 600.0}

    log = check(edited(), edited(waning))
    assert keys(log) == [
        ["variables.h_ill", "parameters.waning.value"],
        ["parameters.c_care.value"],
    ]
    (why,) = log.steps[0].why_together
    assert "variables.h_ill reads 'waning'" in why
    assert log.steps[1].why_together == ()
    back = check(edited(waning), edited())
    assert sorted(map(sorted, keys(back))) == sorted(map(sorted, keys(log)))


def test_renamed_parameter() -> None:
    def rename(draft: Draft) -> None:
        draft.values["utility_well"] = draft.values.pop("u_well")
        draft.definition["outcomes"]["qaly"]["state"]["well"] = "utility_well"

    log = check(edited(), edited(rename))
    assert [set(step) for step in keys(log)] == [
        {
            "outcomes.qaly.state.well",
            "parameters.utility_well.value",
            "parameters.u_well.value",
        }
    ]
    assert not log.steps[0].moves_results


def test_parameter_that_becomes_a_variable() -> None:
    def derive(draft: Draft) -> None:
        del draft.values["u_well"]
        draft.definition["variables"]["u_well"] = "0.9 - 0.001 * age"

    log = check(edited(), edited(derive))
    assert len(log.steps) == 1
    assert set(keys(log)[0]) == {"variables.u_well", "parameters.u_well.value"}


def test_new_state() -> None:
    def add(draft: Draft) -> None:
        draft.definition["states"] |= {"worse": {}}
        draft.definition["transitions"] |= {"worse": {"rates": {"dead": "0.4"}}}
        draft.definition["transitions"]["well"]["rates"]["worse"] = "0.05"
        draft.values["c_death"] = 5000.0

    log = check(edited(), edited(add))
    assert keys(log)[-1] == ["parameters.c_death.value"]
    assert len(log.steps) == 2
    together = keys(log)[0]
    assert {"states.worse", "transitions.worse", "transitions.well.rates.worse"} <= set(together)
    assert "outcomes.death.transition.worse -> dead" in together
    assert any("names the state 'worse'" in why for why in log.steps[0].why_together)
    assert len(check(edited(add), edited()).steps) == 2


def test_removed_strategy_takes_its_rows_along() -> None:
    log = check(edited(), edited(no_other))
    assert len(log.steps) == 1
    assert "parameters.hr[other].value" in keys(log)[0]
    assert "strategies.other" in keys(log)[0]
    assert [row.strategy for row in log.steps[0].after] == ["usual", "new"]


def test_comparator_that_leaves() -> None:
    def leave(draft: Draft) -> None:
        del draft.definition["strategies"]["usual"]
        draft.definition["model"]["comparator"] = "new"

    log = check(edited(), edited(leave))
    assert len(log.steps) == 1
    assert "model.comparator" in keys(log)[0]
    assert {row.comparator for row in log.b.comparisons} == {"new"}


def test_row_of_its_own() -> None:
    """A strategy that gets a row of its own had the value of all before."""

    def own(draft: Draft) -> None:
        draft.values["c_care[new]"] = 450.0

    (step,) = check(edited(), edited(own)).steps
    (change,) = step.changes
    assert (change.before, change.after) == ("500 (as for all strategies)", "450")
    assert change.absolute == -50
    assert change.relative == pytest.approx(-0.1)


def test_shares_that_cannot_move_alone() -> None:
    """Without a rest, either probability alone would leave people nowhere."""
    log = check(edited(), edited(move_shares(0.6)))
    assert keys(log) == [["parameters.p_stay.value", "parameters.p_die.value"]]
    (why,) = log.steps[0].why_together
    assert "cannot be run" in why


def test_three_shares_of_which_no_two_can_move_alone() -> None:
    def shares(*values: float) -> Edit:
        def change(draft: Draft) -> None:
            draft.definition["transitions"]["ill"] = {
                "probabilities": {"well": "p_well", "ill": "p_stay", "dead": "p_die"}
            }
            draft.values |= dict(zip(("p_well", "p_stay", "p_die"), values, strict=True))

        return change

    a, b = edited(shares(0.1, 0.6, 0.3)), edited(shares(0.2, 0.55, 0.25))
    assert sorted(map(len, keys(check(a, b)))) == [3]


def test_attempts_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Changes left when attempts run out are one step, and the log says so."""
    monkeypatch.setattr(module, "MAX_FAILED_TRIES", 1)
    b = edited(move_shares(0.6), lambda draft: draft.values.__setitem__("c_care", 1.0))
    log = check(edited(), b)
    assert len(log.steps) == 1
    assert "attempts" in log.steps[0].why_together[0]


def test_a_change_that_has_to_wait() -> None:
    """0.6 + 0.4 -> 0.8 + 0.2: raising the first alone is impossible, lowering the second is not."""

    def with_rest(stay: float, die: float) -> Edit:
        def change(draft: Draft) -> None:
            draft.definition["transitions"]["ill"] = {
                "probabilities": {"well": "p_stay", "dead": "p_die", "ill": "rest"}
            }
            draft.values |= {"p_stay": stay, "p_die": die}

        return change

    log = check(edited(with_rest(0.6, 0.4)), edited(with_rest(0.8, 0.2)))
    assert keys(log) == [["parameters.p_die.value"], ["parameters.p_stay.value"]]


def test_shares_of_a_dirichlet_move_together() -> None:
    def shares(draft: Draft) -> None:
        draft.definition["transitions"]["ill"] = {
            "probabilities": {"well": "p_well", "ill": "p_stay", "dead": "rest"}
        }
        draft.values |= {"p_well": 0.3}
        for key, count in (("p_stay", 70.0), ("p_well", 30.0)):
            draft.fields[key] = {
                "distribution": None,
                "joint_family": "dirichlet",
                "joint_count": count,
                "correlation_group": "ill",
            }

    def moved(draft: Draft) -> None:
        shares(draft)
        draft.values |= {"p_stay": 0.71, "p_well": 0.29}

    log = check(edited(shares), edited(moved))
    assert len(log.steps) == 1
    assert "Dirichlet" in log.steps[0].why_together[0]


def test_table() -> None:
    log = check(edited(), edited(set_mortality(0.04)))
    ((change,),) = (step.changes for step in log.steps)
    assert change.key == "tables.mortality"
    assert change.absolute == pytest.approx(0.01)
    assert "1 cells differ" in (change.after or "")

    def renamed(draft: Draft) -> None:
        draft.tables["mortality"] = {"age": [50, 60], "all": [0.01, 0.02], "women": [0.0, 0.01]}
        draft.definition["variables"]["h_dead"] = "lookup(mortality, women, age)"

    log = check(edited(), edited(renamed))
    assert keys(log) == [["variables.h_dead", "tables.mortality"]]
    assert log.steps[0].why_together == ("variables.h_dead reads a column of 'mortality'",)


# --- what is silent, and what is not -------------------------------------------------------------


def test_changes_without_effect() -> None:
    def words(draft: Draft) -> None:
        draft.definition["states"]["ill"]["label"] = "Sick"
        draft.definition["model"] |= {"title": "Other", "thresholds": [50_000]}
        draft.definition["strategies"] = dict(
            reversed(list(draft.definition["strategies"].items()))
        )
        draft.fields["hr[new]"] = {
            "low": 0.7,
            "distribution": fitted("lognormal", 0.8, low=0.7, high=0.9),
            "source": "a trial",
            "status": "trial",
        }
        draft.definition["variables"]["h_ill"] = "h_base*hr"  # the same, written otherwise

    log = check(edited(), edited(words))
    assert log.steps == ()
    assert {change.key for change in log.without_effect} == {
        "states.ill.label",
        "model.title",
        "model.thresholds",
        "strategies",
        "parameters.hr[new].low",
        "parameters.hr[new].distribution",
        "parameters.hr[new].source",
        "parameters.hr[new].status",
    }
    assert all(change.note for change in log.without_effect)
    assert log.thresholds == (20_000, 30_000, 50_000)
    assert not log.same


def test_comparator_by_default_or_by_name() -> None:
    """The first strategy is the comparator if none is named: naming it changes nothing."""

    def unnamed(draft: Draft) -> None:
        del draft.definition["model"]["comparator"]

    assert check(edited(), edited(unnamed)).same


def test_correction_of_an_outcome() -> None:
    """An outcome that follows the model is no change of its own; one that does not stays put."""

    def model_only(draft: Draft) -> None:
        draft.definition["model"]["correction"] = "start"

    def all_but_care(draft: Draft) -> None:
        model_only(draft)
        draft.definition["outcomes"]["care"]["correction"] = "life_table"

    assert keys(check(edited(), edited(model_only))) == [["model.correction"]]
    assert keys(check(edited(), edited(all_but_care))) == [["model.correction"]]
    assert keys(check(edited(model_only), edited(all_but_care))) == [["outcomes.care.correction"]]


def test_correction_given_up_for_a_timing() -> None:
    """One side names a correction, the other a timing with its own: neither is the model's."""

    def own(draft: Draft) -> None:
        draft.definition["outcomes"]["care"]["correction"] = "end"

    def timed(draft: Draft) -> None:
        draft.definition["model"]["correction"] = "start"
        draft.definition["outcomes"]["care"]["timing"] = "mid_cycle"

    assert keys(check(edited(own), edited(timed))) == [
        ["model.correction"],
        ["outcomes.care.correction", "outcomes.care.timing"],
    ]


def test_alive_is_one_change() -> None:
    def dearer(draft: Draft) -> None:
        draft.definition["outcomes"]["drug"]["state"] = {"alive": "2 * c_drug"}

    ((change,),) = (step.changes for step in check(edited(), edited(dearer)).steps)
    assert change.key == "outcomes.drug.state.well, flare, ill"


def test_start_age_moves_the_lifetime_horizon() -> None:
    def lifetime(draft: Draft) -> None:
        draft.definition["model"]["horizon"] = "lifetime"

    def older(draft: Draft) -> None:
        lifetime(draft)
        draft.values["age_0"] = 70.0

    a, b = edited(lifetime), edited(older)
    assert (a.settings.cycles, b.settings.cycles) == (30, 20)
    assert keys(check(a, b)) == [["parameters.age_0.value"]]


def test_without_qalys() -> None:
    def no_qalys(draft: Draft) -> None:
        del draft.definition["outcomes"]["qaly"]
        draft.values.pop("u_well")

    def dearer(draft: Draft) -> None:
        no_qalys(draft)
        draft.values["c_drug[new]"] = 1000.0

    log = check(edited(no_qalys), edited(dearer))
    row = log.b.comparisons[1]
    assert (row.qalys, row.icer, row.quadrant, row.nmb) == (None, None, None, {})
    assert row.incremental_cost is not None


def test_model_that_cannot_run() -> None:
    broken = edited(lambda draft: draft.values.__setitem__("p_die", 0.9))
    with pytest.raises(he.SimulationError, match=r"^B, everything: strategy usual"):
        change_log(edited(), broken)


def test_progress_counts_every_change() -> None:
    seen: list[tuple[int, int]] = []
    b = edited(move_shares(0.6), lambda draft: draft.values.__setitem__("c_care", 1.0))
    change_log(edited(), b, on_step=lambda done, of: seen.append((done, of)))
    assert seen[-1] == (3, 3)
    assert DEFINITION["model"]["horizon"] == "12 years"


# --- models that are simulated, hazards, people ---------------------------------------------------


def test_a_hazard_by_its_family_is_a_change() -> None:
    a, b = Draft(), Draft()
    for draft, rate in ((a, "0.02"), (b, "0.03")):
        dies = {"dead": {"family": "exponential", "arguments": [rate]}}
        draft.definition["transitions"]["well"] = {
            "rates": {"flare": "0.1", "ill": "h_ill"},
            "hazards": dies,
        }
    log = check(a.model(), b.model())
    assert len(log.steps) == 1


@pytest.mark.slow
def test_simulated_models_end_at_b(tmp_path: Path) -> None:
    """People and seed of B for A and all steps."""
    path = tmp_path / "dear.toml"
    path.write_text(
        'title = "Dear"\nmodel = "krijkamp_history"\nextends = "base_case"\n[parameters]\n'
        "c_trt = 15000\n[analyses.microsim]\npatients = 400\nseed = 2\n"
    )
    log = change_log(he.load("krijkamp_history/base_case"), he.load(path))
    keys = [change.key for step in log.steps for change in step.changes]
    assert keys == ["parameters.c_trt.value"]
    assert any("400 people, seed 2" in note for note in log.notes)
    assert log.steps[-1].after == log.b.comparisons


def test_patients_are_told_in_few_words() -> None:
    """No person's own values go into a change log."""
    definition = {
        "model": {
            "title": "small",
            "cycle": "1 year",
            "horizon": "2 years",
            "discounting": {"cost": 0, "effect": 0},
            "engine": "microsim",
        },
        "states": {"well": {}, "dead": {"absorbing": True}},
        "start": {"well": 1},
        "strategies": {"old": {}, "new": {}},
        "individuals": {"x": {"column": "x"}},
        "transitions": {"well": {"rates": {"dead": "h * (1 + x / 300)"}}},
        "outcomes": {
            "cost": {"kind": "cost", "state": {"alive": 1}},
            "qaly": {"kind": "qaly", "state": {"alive": 1}},
        },
    }
    columns = {"x": [float(i) for i in range(300)]}
    a = he.Model.from_dict(definition, {"h": 0.1}, patients=columns)
    b = he.Model.from_dict(definition, {"h": 0.1}, patients={"x": [1.0] * 300})
    texts = [change.before for step in change_log(a, b).steps for change in step.changes]
    assert texts == ["300 people, mean 149.5"]
