"""What cannot be simulated is refused, with the place, the value and the hint."""

from __future__ import annotations

import re
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import heecon as he
from heecon.analysis.engines import with_engine
from heecon.engine import individual_kernel
from heecon.engine.attributes import Attributes
from heecon.engine.cohort import run_cohort
from heecon.engine.individual_run import Options
from heecon.engine.microsim import run_microsim
from heecon.engine.random_numbers import key_of

from .small import model
from .test_microsim import personal_model


def test_a_cohort_refuses_history_and_names_the_formula_and_the_engine() -> None:
    with pytest.raises(he.InputError) as caught:
        run_cohort(personal_model())
    text = str(caught.value)
    assert "reads 'count_event'" in text
    assert "variables.hazard" in text
    assert "--engine microsim" in text
    assert len(caught.value.problems) > 3  # all of them at once


def _spoilt(patients: int = 500, **values: float) -> he.SimulationError:
    draws = {name: np.array([value]) for name, value in values.items()}
    with pytest.raises(he.SimulationError) as caught:
        run_microsim(personal_model(), draws, Options(patients=patients))
    return caught.value


def test_a_negative_hazard_of_one_person_names_person_and_cycle() -> None:
    (problem,) = _spoilt(3_000, bad_rate=5.0).problems
    assert "the rate well -> dead is -" in problem.what
    assert "the formula is 'die' at definition (transitions.well.rates.dead)" in problem.hint
    found = re.fullmatch(r"old, draw 0, person (\d+), cycle (\d+)", problem.where)
    assert found
    person, cycle = int(found[1]), int(found[2])
    assert cycle == 1  # in cycle 0 the hazard is right
    arguments = {"frailty": (0.8,), "shift": (0.5, 0.2), "prior": (0.3,), "stop": (0.5,)}
    attributes = Attributes(personal_model())
    values = attributes.of(range(person, person + 1), key_of(1, 0), arguments)
    assert values[0, attributes.names.index("shift")] > 1.05


def test_probabilities_that_sum_to_more_than_one() -> None:
    (problem,) = _spoilt(bad_sum=0.95).problems
    assert "the sum of the probabilities of leaving after is 1.05" in problem.what


def test_the_time_since_what_never_happened_is_not_finite() -> None:
    (problem,) = _spoilt(bad_time=1.0).problems
    assert "the drug in well is inf" in problem.what
    assert "the time since what never happened" in problem.hint


@pytest.mark.parametrize(("patients", "words"), [(0, "at least 1"), (-3, "at least 1")])
def test_no_people(patients: int, words: str) -> None:
    with pytest.raises(he.InputError, match=words):
        run_microsim(personal_model(), options=Options(patients=patients))


def test_too_many_people_are_refused_with_the_time_they_would_take() -> None:
    with pytest.raises(he.InputError, match=r"would take about [0-9,]+ days"):
        run_microsim(personal_model(), options=Options(patients=10**12))


def test_an_attribute_that_cannot_be_drawn_names_the_draw() -> None:
    draws = {"theta": np.array([0.5, -1.0])}
    with pytest.raises(he.SimulationError, match=r"draw 1, attribute 'frailty'.*variance"):
        run_microsim(personal_model(), draws, Options(patients=50))


def test_types_that_exceed_one() -> None:
    draws = {"theta": np.array([7.0])}
    with pytest.raises(he.SimulationError, match=r"the shares of the types sum to 1\.375"):
        run_microsim(personal_model(), draws, Options(patients=50))


@pytest.mark.parametrize("name", ["krijkamp", "krijkamp_history"])
def test_common_faults_are_those_of_the_cohort(name: str) -> None:
    made = he.load(name)
    with pytest.raises(he.SimulationError, match=r"probability S1 -> S2 is -0\.1"):
        run_microsim(made, {"p_S1S2": np.array([-0.1])}, Options(patients=50))


def test_an_unknown_engine_and_patients_of_a_cohort() -> None:
    made = he.load("krijkamp")
    with pytest.raises(he.InputError, match="unknown engine 'microsin'"):
        with_engine(made, "microsin")
    with pytest.raises(he.InputError, match="a cohort has no single patients"):
        with_engine(made, "cohort", 100)


# --- compiled code ----------------------------------------------------------------------------


def _small(**changes: Any) -> he.Model:
    keys: dict[str, Any] = {
        "horizon": "3 cycles",
        "parameters": [he.Parameter("h", 0.1)],
        "transitions": {"healthy": {"rates": {"dead": "h * (1 + time_since_healthy)"}}},
    }
    return model(**keys | changes)


def _run() -> Any:
    return run_microsim(_small(), options=Options(patients=100)).discounted


def test_machine_code_is_kept_and_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEECON_CACHE_DIR", str(tmp_path / "cache"))
    expected = _run()
    kept = list((tmp_path / "cache" / "code").rglob("*.nbc"))
    assert kept
    assert all((path.stat().st_mode & 0o077) == 0 for path in (tmp_path / "cache").glob("*"))
    told: list[str] = []
    options = Options(patients=100, on_compile=lambda: told.append("compiling"))
    again = run_microsim(_small(), options=options).discounted
    assert not told
    assert np.array_equal(expected, again)


def test_an_unusable_cache_is_said_and_done_without(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = _run()
    blocked = tmp_path / "file"
    blocked.write_text("not a folder")
    monkeypatch.setenv("HEECON_CACHE_DIR", str(blocked))
    with pytest.warns(RuntimeWarning, match="HEECON_CACHE_DIR"):
        assert np.array_equal(_run(), expected)


def test_a_folder_others_may_write_to_is_not_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "open"
    folder.mkdir()
    folder.chmod(0o777)
    monkeypatch.setenv("HEECON_CACHE_DIR", str(folder))
    with pytest.warns(RuntimeWarning, match="others may write"):
        _run()


def test_no_text_of_the_user_reaches_the_source(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not even names: a variable called like something of Python's is a number in the source."""
    texts: list[str] = []
    compiled = individual_kernel._compiled

    def spy(text: str, *rest: Any) -> Any:
        texts.append(text)
        return compiled(text, *rest)

    monkeypatch.setattr(individual_kernel, "_compiled", spy)
    made = _small(
        variables={"eval": "ever_healthy + open_x", "hazard": "h * eval"},
        parameters=[he.Parameter("h", 0.1), he.Parameter("open_x", 1.0)],
        transitions={"healthy": {"rates": {"dead": "hazard"}}},
    )
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        run_microsim(made, options=Options(patients=10))
    (text,) = texts
    assert "def " in text
    for name in ("eval", "open_x", "healthy", "hazard", "dead"):
        assert name not in text
    assert individual_kernel.differs_by_individual(made, list(made.outcomes.values()))
