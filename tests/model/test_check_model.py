"""What a right model file means."""

import copy
import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import heecon as he
from heecon.analysis.evaluation import run
from heecon.engine.cohort import run_cohort
from heecon.errors import InputError
from heecon.model.definition import Model
from heecon.model.load import load
from tests.model.small import MODEL_FILE, SCENARIO_FILE, edit, write


def edited(root: Path, *edits: tuple[str, str]) -> Model:
    write(root)
    for old, new in edits:
        edit(root, MODEL_FILE, old, new)
    return load(root / "inputs" / "small")


@pytest.mark.parametrize(
    ("cycle", "horizon", "cycles"),
    [
        ("1 year", "10 years", 10),
        ("1 month", "10 years", 120),
        ("3 months", "1 year", 4),
        ("1 week", "28 days", 4),
        ("0.5 years", "75 cycles", 75),
        (" 1 YEAR ", "1 cycle", 1),
        ("1 year", "lifetime", 40),
        ("28 days", "lifetime", 522),
    ],
)
def test_cycles(cycle: str, horizon: str, cycles: int, tmp_path: Path) -> None:
    model = edited(tmp_path, ('"1 year"', f'"{cycle}"'), ('"10 years"', f'"{horizon}"'))
    assert model.settings.cycles == cycles


@pytest.mark.parametrize(
    ("cycle", "horizon", "cycles", "words"),
    [
        # From a public bug report (zward/Amua #50): results by the year, cycles of six weeks.
        ("6 weeks", "1 year", 9, "8.69643 cycles of 6 weeks. Write '8 cycles' (0.919918 years) or"),
        (
            "1 year",
            "2.5 years",
            3,
            "2.5 cycles of 1 year. Write '2 cycles' (2 years) or '3 cycles'",
        ),
        (
            "28 days",
            "10 years",
            131,
            "130.446 cycles of 28 days. Write '130 cycles' (9.96578 years)",
        ),
        ("1 month", "7.5 cycles", 8, "7.5 cycles of 1 month"),
        ("1 year", "10.00000001 years", 11, "10 cycles of 1 year"),
    ],
)
def test_a_horizon_is_whole_cycles_or_says_that_it_is_rounded(
    cycle: str, horizon: str, cycles: int, words: str, tmp_path: Path
) -> None:
    edits = ('"1 year"', f'"{cycle}"'), ('"10 years"', f'"{horizon}"')
    with pytest.raises(InputError, match=r"model\.horizon") as error:
        edited(tmp_path, *edits)
    assert words in str(error.value)
    assert 'rounding = "up"' in str(error.value)
    allowed = ('comparator  = "usual"', 'comparator = "usual"\nrounding = "up"')
    model = edited(tmp_path, *edits, allowed)
    assert model.settings.cycles == cycles


def test_a_millionth_of_a_millionth_is_no_part_of_a_cycle(tmp_path: Path) -> None:
    horizon = ('"10 years"', '"10.0000000005 years"')
    assert edited(tmp_path, horizon).settings.cycles == 10


PROBABILITIES = """\
[model]
title       = "Per cycle"
cycle       = "1 year"
horizon     = "10 years"
discounting = { cost = 0, effect = 0 }
[states]
well = {}
ill  = { tunnel = 3 }
dead = { absorbing = true }
[start]
well = 1
[strategies]
only = {}
[variables]
scaled = "0.5 * cycle_length"
[transitions.well]
probabilities = { ill = "rate_to_prob(0.1, cycle_length)", dead = 0.2, well = "rest" }
[transitions.ill]
rates = { dead = "0.1 + 0.01 * cycle", well = "rest" }
[outcomes.care]
kind = "cost"
state = { well = 100, ill = "scaled", dead = 0 }
[outcomes.qalys]
kind = "qaly"
state = { alive = 0.8 }
"""


def per_cycle(root: Path, settings: str, model: str = PROBABILITIES) -> Model:
    """The model above under a scenario with these settings."""
    folder = root / "inputs" / "m"
    folder.mkdir(parents=True)
    (folder / "model.toml").write_text(model)
    (folder / "parameters.csv").write_text("name,value\n")
    path = root / "scenarios" / "m" / "monthly.toml"
    path.parent.mkdir(parents=True)
    path.write_text(f'title = "Monthly"\n[settings]\n{settings}\n')
    return load(path)


FIXED = (
    "states.ill.tunnel, transitions.well.probabilities.dead, transitions.ill.rates.dead, "
    "outcomes.care.state.well"
)


def test_what_was_written_for_another_cycle_is_said(tmp_path: Path) -> None:
    (warning,) = per_cycle(tmp_path, 'cycle = "1 month"').warnings
    assert warning.startswith("m/monthly.toml:3:9 (model.cycle): the cycle is 1 month instead of")
    assert f"hold numbers of a cycle: {FIXED}. Write them with cycle_length" in warning
    sections = tomllib.loads(PROBABILITIES)
    (warning,) = he.Model.from_dict(sections).with_settings(cycle="1 month").warnings
    assert FIXED in warning


def test_the_same_cycle_in_other_words_is_no_change(tmp_path: Path) -> None:
    assert per_cycle(tmp_path, 'cycle = "12 months"').warnings == ()


def test_a_horizon_in_cycles_does_not_shrink_with_the_cycle(tmp_path: Path) -> None:
    model = PROBABILITIES.replace('"10 years"', '"10 cycles"')
    with pytest.raises(InputError, match=r"were 10 years and would be 2\.5\. Set the horizon anew"):
        per_cycle(tmp_path / "a", 'cycle = "3 months"', model)
    both = 'cycle = "3 months"\nhorizon = "40 cycles"'
    assert per_cycle(tmp_path / "b", both, model).settings.cycles == 40


@pytest.mark.parametrize(
    ("text", "years"),
    [
        ("365.25 days", 1),
        ("28 days", 28 / 365.25),
        ("4 weeks", 28 / 365.25),
        ("1 month", 1 / 12),
        ("2 years", 2),
    ],
)
def test_lengths_of_time(text: str, years: float, tmp_path: Path) -> None:
    model = edited(tmp_path, ('"1 year"', f'"{text}"'), ('"10 years"', '"5 cycles"'))
    assert model.settings.cycle_length == pytest.approx(years, rel=1e-15)


@pytest.mark.parametrize(
    ("written", "method", "table"),
    [
        ('"none"', "start", ""),
        ('"end"', "end", ""),
        ('"simpson"', "simpson", ""),
        ('{ weights = "mortality" }', "weights", "mortality"),
    ],
)
def test_corrections(written: str, method: str, table: str, tmp_path: Path) -> None:
    write(tmp_path)
    rows = "".join(f"{point},1\n" for point in range(11))
    (tmp_path / "inputs/small/tables/mortality.csv").write_text("point,weight\n" + rows)
    edit(tmp_path, MODEL_FILE, '"life_table"', written)
    correction = load(tmp_path / "inputs/small").settings.correction
    assert (correction.method, correction.table) == (method, table)


def test_values_are_by_year_for_qalys_and_life_years(tmp_path: Path) -> None:
    life_years = '[outcomes.ly]\nkind = "life_year"\nstate = { alive = 1 }\n[outcomes.deaths]'
    rent = '[outcomes.rent]\nkind = "cost"\nper = "year"\nstate = { alive = 1 }\n'
    model = edited(tmp_path, ("[outcomes.deaths]", rent + life_years))
    by_year = {name: outcome.per_year for name, outcome in model.outcomes.items()}
    assert by_year == {"cost": False, "qaly": True, "rent": True, "ly": True, "deaths": False}


def test_the_timing_of_an_outcome_decides_its_correction(tmp_path: Path) -> None:
    for timing, method in {
        "cycle_start": "start",
        "mid_cycle": "life_table",
        "cycle_end": "end",
    }.items():
        model = edited(tmp_path, ('kind  = "cost"', f'kind = "cost"\ntiming = "{timing}"'))
        assert model.outcomes["cost"].correction.method == method
        assert model.outcomes["qaly"].correction.method == "life_table"
        assert model.outcomes["deaths"].one_off_correction is None


def test_probabilities_without_rest_must_sum_to_one(tmp_path: Path) -> None:
    """Nobody stays in silence; with rates, whoever has no event does."""
    model = edited(
        tmp_path,
        ('rates = { ill = "h_ill", dead = "h_dead" }', "probabilities = { ill = 0.4, well = 0.6 }"),
    )
    assert model.transitions["well"].rest == ""
    assert not model.transitions["well"].competing
    model = edited(tmp_path)
    assert model.transitions["well"].rest == "well"
    assert model.transitions["ill"].rest == "well"


def test_alive_may_count_time_where_all_it_stands_for_do(tmp_path: Path) -> None:
    counted = '{ well = 1, alive = "state_time" }'
    model = edited(
        tmp_path, ('{ alive = "c_care" }', counted), ("h_base * hr", "h_base * hr * c_care")
    )
    assert model.outcomes["cost"].state["ill"].text == "state_time"


def test_variables_come_after_what_they_use(tmp_path: Path) -> None:
    model = edited(tmp_path, ('h_ill  = "h_base * hr"', 'h_ill = "h_x * hr"\nh_x = "h_base"'))
    assert list(model.variables) == ["h_x", "h_ill", "h_dead"]


def test_a_strategy_with_its_own_start(tmp_path: Path) -> None:
    own = 'new = { label = "New", start = { ill = 1 } }'
    start = edited(tmp_path, ('new   = { label = "New" }', own)).strategies["new"].start
    assert start is not None
    assert {state: formula.text for state, formula in start.shares.items()} == {"ill": "1"}
    assert start.rest == ""


def test_discount_rates_in_steps(tmp_path: Path) -> None:
    steps = '[{ from = 0, rate = "dr" }, { from = 30, rate = 0.01 }]'
    found = edited(tmp_path, ("effect = 0.03", f"effect = {steps}")).settings.discount["effect"]
    assert [(step.start, step.rate.text) for step in found] == [(0, "dr"), (30, "0.01")]


def test_the_question_names_the_pair_and_its_comparator(tmp_path: Path) -> None:
    asked = ('comparator  = "usual"', 'question = ["new", "usual"]')
    settings = edited(tmp_path, asked).settings
    assert (settings.question, settings.comparator) == (("new", "usual"), "usual")
    scenario = tmp_path / SCENARIO_FILE
    scenario.write_text(scenario.read_text() + '\nstrategies = ["new"]\n', encoding="utf-8")
    left = load(scenario).settings
    assert (left.question, left.comparator) == (None, None)


def test_analyses_of_the_model_and_of_the_scenario(tmp_path: Path) -> None:
    write(tmp_path)
    model, scenario = tmp_path / MODEL_FILE, tmp_path / SCENARIO_FILE
    size = "\n[analyses.psa]\ndraws = 100\nseed = 1\n"
    model.write_text(model.read_text() + size, encoding="utf-8")
    scenario.write_text(scenario.read_text() + "\n[analyses.psa]\nseed = 2\n", encoding="utf-8")
    assert load(scenario).scenario.analyses["psa"] == {"draws": 100, "seed": 2}


def test_what_nothing_uses_is_said(tmp_path: Path) -> None:
    """A variable, a table, a column: each may be the misspelt name of what somebody meant."""
    write(tmp_path)
    table = tmp_path / "inputs/small/tables/mortality.csv"
    table.write_text("age,rate,men\n60,0.01,1\n65,0.02,1\n70,0.03,1\n")
    (table.parent / "curve.csv").write_text("x,y\n0,1\n1,1\n")
    edit(tmp_path, MODEL_FILE, "h_ill  =", "h_old = 1\nh_ill  =")
    edit(tmp_path, MODEL_FILE, "(mortality, age)", "(mortality, rate, age)")
    assert [str(warning) for warning in load(tmp_path / "inputs/small").warnings] == [
        "model.toml:24:9 (variables.h_old): variable 'h_old' is used by no expression.",
        "tables/curve: the table is used by no expression.",
        "tables/mortality: column 'men' is used by no expression.",
    ]


def test_weights_of_a_correction_are_used(tmp_path: Path) -> None:
    write(tmp_path)
    rows = "".join(f"{point},1\n" for point in range(11))
    (tmp_path / "inputs/small/tables/w.csv").write_text("point,weight\n" + rows)
    edit(tmp_path, MODEL_FILE, '"life_table"', '{ weights = "w" }')
    assert load(tmp_path / "inputs/small").warnings == ()


ONE_STATE = """
[model]
title       = "one state, no parameters"
cycle       = "1 year"
horizon     = "3 years"
discounting = { cost = 0, effect = 0 }
[states]
well = {}
[start]
well = 1
[strategies]
one = {}
[transitions.well]
rates = {}
[outcomes.cost]
kind  = "cost"
state = { well = 2 }
"""


def test_one_state_and_no_parameters_are_a_model(tmp_path: Path) -> None:
    (tmp_path / "model.toml").write_text(ONE_STATE, encoding="utf-8")
    model = load(tmp_path)
    assert model.parameters == ()
    assert run(model).cost() == {"one": 6.0}


RESET: dict[str, Any] = {
    "model": {
        "title": "Reset",
        "cycle": "1 month",
        "horizon": "5 years",
        "discounting": {"cost": "0", "effect": "0"},
    },
    "states": {"ill": {}, "dead": {"absorbing": True}},
    "start": {"ill": 1},
    "strategies": {"only": {}},
    "transitions": {
        "ill": {"hazards": {"dead": {"family": "weibull", "arguments": [0.5, 3], "clock": "reset"}}}
    },
    "outcomes": {"years": {"kind": "qaly", "state": {"ill": 1}}},
}


def keeping(residence: object, **changes: object) -> he.Model:
    """The model above with this residence; other keys replace those of the state left."""
    sections = copy.deepcopy(RESET)
    if residence is not None:
        sections["states"]["ill"] = {"residence": residence}
    if changes:
        sections["transitions"] = {"ill": changes}
    return he.Model.from_dict(sections)


@pytest.mark.parametrize(
    ("residence", "slots"), [(None, 60), (60, 60), (70, 70), ("5 years", 60), ("60 cycles", 60)]
)
def test_a_reset_clock_runs_as_long_as_the_horizon(residence: object, slots: int) -> None:
    model = keeping(residence)
    assert model.states["ill"].slots == slots
    assert model.warnings == ()
    years = run_cohort(model).total("qaly")[0, 0]
    alive = np.exp(-np.sqrt(np.arange(61) / 12 / 3))
    assert years == pytest.approx((alive[:-1] + alive[1:]).sum() / 24, rel=1e-12)


@pytest.mark.parametrize(("residence", "slots"), [(24, 24), ("2 years", 24), (1, 1)])
def test_a_residence_shorter_than_the_horizon_is_said(residence: object, slots: int) -> None:
    model = keeping(residence)
    (warning,) = model.warnings
    words = f"state 'ill' tells {slots} of 60 cycles apart, and 'weibull(0.5, 3), clock = reset'"
    assert f"{words} changes beyond them. A cohort and the microsimulation" in warning
    assert model.with_settings(cycle="2 months").states["ill"].slots == (
        12 if residence == "2 years" else slots
    )


@pytest.mark.parametrize(
    ("rate", "said"),
    [
        ("0.5 if state_cycle < 23 else 0.1", False),
        ("0.5 if state_cycle < 24 else 0.1", True),
        ("0.1 * min(state_time, 1.9)", False),
        ("0.1 * state_time * (time - 4.9)", True),
        ("0.1 * time", False),
    ],
)
def test_a_residence_that_is_long_enough_is_not_said(rate: str, said: bool) -> None:
    assert bool(keeping(24, rates={"dead": rate}).warnings) is said


@pytest.mark.parametrize(
    ("residence", "words"),
    [
        ("24", "'24' is not a length of time"),
        ("900 years", "'900 years' are 10,800 cycles. At most 5,000 are kept"),
        (0, "greater than or equal to 1, not 0"),
        (6000, "less than or equal to 5000, not 6000"),
        (2.5, "a whole number, without quotes, not 2.5"),
    ],
)
def test_residences_that_are_none(residence: object, words: str) -> None:
    with pytest.raises(InputError, match=r"states\.ill\.residence") as error:
        keeping(residence)
    assert words in str(error.value)
