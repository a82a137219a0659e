"""[individuals], [types], patients.csv and the names of the past: what may stand there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import stats

import heecon as he
from heecon.analysis import evaluation
from heecon.analysis.engines import with_engine
from heecon.engine.attributes import Attributes
from heecon.model.individuals import INDIVIDUAL_FAMILIES

MODEL = """
[model]
title       = "people"
cycle       = "1 year"
horizon     = "5 cycles"
discounting = { cost = "0", effect = "0" }
[states]
well = {}
ill  = {}
dead = { absorbing = true }
[start]
well = 1
[strategies]
one = {}
[transitions.well]
rates = { ill = "0.1 * frailty", dead = "0.1" }
[transitions.ill]
rates = { dead = "0.2 * (1 + count_ill)" }
[outcomes.years]
kind  = "qaly"
state = { alive = "u" }
[individuals]
frailty = { distribution = "frailty", arguments = ["theta"] }
u       = { column = "utility" }
"""
PARAMETERS = "name,value\ntheta,0.5\n"
PATIENTS = "utility,age\n0.5,60\n0.7,70\n"


def load(
    folder: Path, toml: str = MODEL, patients: str | None = PATIENTS, parameters: str = PARAMETERS
) -> he.Model:
    made = folder / "people"
    made.mkdir()
    (made / "model.toml").write_text(toml)
    (made / "parameters.csv").write_text(parameters)
    if patients is not None:
        (made / "patients.csv").write_text(patients)
    return he.load(made)


def problems(folder: Path, *arguments: Any, **keys: Any) -> str:
    with pytest.raises(he.InputError) as caught:
        load(folder, *arguments, **keys)
    return str(caught.value)


def test_a_right_file(tmp_path: Path) -> None:
    model = load(tmp_path)
    assert model.attributes["frailty"].distribution == "frailty"
    assert model.patients["utility"].tolist() == [0.5, 0.7]
    assert {"frailty", "u", "count_ill", "ever_dead", "time_since_well"} <= model.personal
    assert [file.name for file in model.files][-1] == "patients.csv"
    assert not model.warnings or "theta" not in str(model.warnings)


@pytest.mark.parametrize(
    ("cells", "words"),
    [
        ("utility,age\n0.5,60\nNaN,70\n", "patients.csv:3:1 (utility): 'NaN' is not a finite"),
        ("utility,age\n0.5,60\n,70\n", "patients.csv:3:1 (utility): the cell is empty"),
        ("utility,age\n0.5,old\n", "patients.csv:2:2 (age): 'old' is not a number"),
        ("utility,age\n", "there are no patients"),
        ("utilty,age\n0.5,60\n", "has no column 'utility'. Did you mean 'utilty'?"),
        (None, "is a column of patients.csv, which is not there"),
    ],
)
def test_bad_patients(tmp_path: Path, cells: str | None, words: str) -> None:
    assert words in problems(tmp_path, patients=cells)


@pytest.mark.parametrize(
    ("section", "words"),
    [
        ('{ distribution = "gama", arguments = ["1", "1"] }', "unknown distribution 'gama'"),
        ('{ distribution = "gamma", arguments = ["1"] }', "'gamma' takes 2 arguments, not 1"),
        ("{ }", "needs either a distribution or a column"),
        ('{ distribution = "frailty", column = "utility" }', "needs either"),
        ('{ column = "utility", arguments = ["1"] }', "it is not drawn"),
        ('{ distribution = "frailty", arguments = ["time"] }', "'time' cannot be used here"),
        ('{ distribution = "frailty", arguments = ["count_ill"] }', "'count_ill' cannot be used"),
        ('{ distribution = "frailty", arguments = ["u"] }', "'u' cannot be used here"),
        ('{ distribution = "frailty", arguments = ["thta"] }', "unknown name 'thta'"),
        ('{ distribution = "frailty", arguments = ["theta"], group = "g" }', "joint/g.csv"),
        ('{ distrbution = "frailty" }', "unknown key 'distrbution'"),
    ],
)
def test_bad_attributes(tmp_path: Path, section: str, words: str) -> None:
    line = 'frailty = { distribution = "frailty", arguments = ["theta"] }'
    assert words in problems(tmp_path, MODEL.replace(line, f"frailty = {section}"))


@pytest.mark.parametrize(
    ("types", "words"),
    [
        ('[types.il]\na = "0.5"\nb = "rest"', "unknown state 'il'"),
        ('[types.ill]\na = "rest"', "fewer than two types"),
        ('[types.ill]\na = "rest"\nb = "rest"', "Only one type can take the rest"),
        ('[types.ill]\na = "cycle"\nb = "rest"', "'cycle' cannot be used here"),
    ],
)
def test_bad_types(tmp_path: Path, types: str, words: str) -> None:
    assert words in problems(tmp_path, MODEL + types)


def test_names_of_the_past_are_taken(tmp_path: Path) -> None:
    text = problems(tmp_path, parameters=PARAMETERS + "count_ill,3\n")
    assert "'count_ill' is a name heecon gives to a person's past" in text


def test_attributes_have_names_of_their_own(tmp_path: Path) -> None:
    assert "'frailty' has the name of the parameter" in problems(
        tmp_path, parameters=PARAMETERS + "frailty,3\n"
    )


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("well = 1\n", 'well = "count_ill"\nill = "rest"\n'),
        ('effect = "0"', 'effect = "frailty"'),
        ('horizon     = "5 cycles"', 'horizon = "5 cycles"\nstart_age = "count_ill"'),
    ],
)
def test_what_comes_before_the_first_cycle_knows_no_past(
    tmp_path: Path, old: str, new: str
) -> None:
    assert "cannot be used here" in problems(tmp_path, MODEL.replace(old, new))


def test_the_engine_is_the_scenarios_or_the_models(tmp_path: Path) -> None:
    load(tmp_path, MODEL.replace("[states]", 'engine = "microsim"\n[states]', 1))
    scenarios = tmp_path / "scenarios" / "people"
    scenarios.mkdir(parents=True)
    files = {
        "plain": 'title = "plain"',
        "exact": 'title = "exact"\nengine = "continuous"',
        "further": 'title = "further"\nextends = "exact"',
        "back": 'title = "back"\nextends = "further"\nengine = "cohort"',
    }
    for name, text in files.items():
        (scenarios / f"{name}.toml").write_text(f'{text}\nmodel = "people"\n')
    engines = {
        name: he.load(tmp_path / "people", scenarios / f"{name}.toml").scenario.engine
        for name in files
    }
    assert engines == {
        "plain": "microsim", "exact": "continuous", "further": "continuous", "back": "cohort",
    }  # fmt: skip
    assert he.load(tmp_path / "people").scenario.engine == "microsim"


FAMILIES = {
    "frailty": ((0.7,), stats.gamma(1 / 0.7, scale=0.7)),
    "exponential": ((0.3,), stats.expon(scale=1 / 0.3)),
    "weibull": ((1.4, 5.0), stats.weibull_min(1.4, scale=5.0)),
    "gamma": ((2.0, 3.0), stats.gamma(2.0, scale=3.0)),
    "uniform": ((2.0, 3.0), stats.uniform(2.0, 1.0)),
}


@pytest.mark.parametrize("name", FAMILIES)
def test_person_families_have_their_distribution(name: str) -> None:
    arguments, expected = FAMILIES[name]
    u = (np.arange(1000) + 0.5) / 1000
    np.testing.assert_allclose(
        INDIVIDUAL_FAMILIES[name].quantile(u, *arguments), expected.ppf(u), rtol=1e-9
    )


def test_no_frailty_and_certain_events() -> None:
    u = np.array([0.01, 0.5, 0.99])
    assert INDIVIDUAL_FAMILIES["frailty"].quantile(u, 0.0).tolist() == [1.0, 1.0, 1.0]
    assert INDIVIDUAL_FAMILIES["bernoulli"].quantile(u, 0.0).tolist() == [0.0, 0.0, 0.0]
    assert INDIVIDUAL_FAMILIES["bernoulli"].quantile(u, 1.0).tolist() == [1.0, 1.0, 1.0]
    assert INDIVIDUAL_FAMILIES["bernoulli"].quantile(u, 0.25).tolist() == [0.0, 0.0, 1.0]


def test_columns_and_attributes_that_nothing_reads_are_said(tmp_path: Path) -> None:
    more = MODEL + 'bmi = { distribution = "normal", arguments = ["27", "4"] }\n'
    assert load(tmp_path, more).warnings == (
        "model.toml:25:7 (individuals.bmi): attribute 'bmi' is used by no expression.",
        "patients.csv: column 'age' is read by no attribute.",
    )


WEIGHED = """
[model]
title       = "two hazards"
cycle       = "0.1 years"
horizon     = "5 years"
discounting = { cost = "0", effect = "0" }
[states]
well = {}
dead = { absorbing = true }
[start]
well = 1
[strategies]
one = {}
[transitions.well]
hazards = { dead = { family = "exponential", arguments = ["h"] } }
[outcomes.years]
kind  = "qaly"
state = { well = 1 }
[individuals]
h = { column = "h" }
"""


@pytest.mark.parametrize("engine", ["microsim", "continuous"])
def test_rows_of_patients_stand_for_as_many_people_as_their_weight(
    engine: str, tmp_path: Path
) -> None:
    """The mean is the weighted one of what the rows' exponential lives amount to."""
    rows = "h,weight\n0.05,4.5\n3,0\n1,0.5\n"
    model = load(tmp_path, WEIGHED, rows, "name,value\n")
    assert model.warnings == ()
    (total,) = evaluation.run(with_engine(model, engine, 20_000)).totals()
    right = 0.9 * (1 - np.exp(-0.25)) / 0.05 + 0.1 * (1 - np.exp(-5))  # 4.08; unweighted 1.91
    assert total.effect == pytest.approx(right, abs=0.04)


def test_shares_of_weighted_rows_are_those_of_the_weights(tmp_path: Path) -> None:
    rows = "utility,weight\n0.9,1\n0.5,0\n0.3,2.5\n-0.2,0.5\n"
    attributes = Attributes(load(tmp_path, patients=rows))
    arguments: dict[str, tuple[float, ...]] = {"frailty": (1.0,)}
    found = attributes.of(range(100, 1100), (np.uint64(1), np.uint64(2)), arguments)[:, 1]
    counts = [int((found == value).sum()) for value in (0.9, 0.5, 0.3, -0.2)]
    assert counts == pytest.approx([250, 0, 625, 125], abs=3)


def test_a_weight_that_an_attribute_reads_is_what_people_weigh(tmp_path: Path) -> None:
    patients = "utility,weight\n0.5,60\n0.7,180\n"
    mass = MODEL + 'kg = { column = "weight" }\n'
    assert load(tmp_path, mass.replace('"u" }', '"u * kg / 100" }'), patients).weights is None


def test_unusable_weights_are_refused(tmp_path: Path) -> None:
    with pytest.raises(he.InputError, match=r"patients.csv \(weight\): .* row 2 is -1"):
        load(tmp_path, patients="utility,weight\n0.5,1\n0.7,-1\n")
