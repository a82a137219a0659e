"""Impossible numbers: what the messages say, and that nothing impossible goes through."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import heecon as he
from heecon.analysis.engines import with_engine
from heecon.analysis.evaluation import run as evaluate
from heecon.engine import kernels
from heecon.engine.cohort import iterate_cohort, run_cohort

from .small import close, model, result, total
from .test_reference import plain_kernels

THREE: dict[str, Any] = {"healthy": {}, "ill": {}, "dead": {"absorbing": True}}


def problems(**keys: Any) -> list[str]:
    draws = keys.pop("draws", None)
    with pytest.raises(he.SimulationError) as caught:
        run_cohort(model(**keys), draws)
    return [str(problem) for problem in caught.value.problems]


def moving(probability: Any, **keys: Any) -> dict[str, Any]:
    return {
        "transitions": {"healthy": {"probabilities": {"healthy": "rest", "dead": probability}}},
        **keys,
    }


# --- places -------------------------------------------------------------------------------------


def test_a_probability_above_one_names_strategy_draw_cycle_and_formula() -> None:
    found = problems(
        **moving("p * (1 + cycle)"),
        strategies={"usual": {}, "new": {}},
        parameters=[he.Parameter("p", 0.01), he.Parameter("p", 0.02, strategy="new")],
        draws={"p[new]": np.array([0.01, 0.02, 0.15])},
    )
    place, rest = found[0].split(": ", 1)
    assert place == "strategy new, draw 2, cycle 6"
    assert rest == (
        "the probability healthy -> dead is 1.05 (and at 1 more places). It must lie in 0 to 1; "
        "the formula is 'p * (1 + cycle)' at definition (transitions.healthy.probabilities.dead)"
    )
    assert len([line for line in found if "probability healthy -> dead" in line]) == 3


def test_a_negative_probability() -> None:
    assert "is -0.1" in problems(**moving("-0.1"))[0]


def test_a_negative_rate() -> None:
    found = problems(transitions={"healthy": {"rates": {"dead": "0.2 - time"}}})
    assert found[0].startswith("strategy only, draw 0, cycle 1: the rate healthy -> dead is -0.8")
    assert "at least 0; the formula is '0.2 - time'" in found[0]


def test_an_infinite_rate() -> None:
    found = problems(transitions={"healthy": {"rates": {"dead": "1 / abs(3 - cycle)"}}})
    assert found[0].startswith("strategy only, draw 0, cycle 3: the rate healthy -> dead is inf")


def on_dose(person: str = "") -> he.Model:
    """Doses every ``interval`` cycles, read through a comparison."""
    return model(
        horizon="3 cycles",
        parameters={"interval": 2.0},
        variables={"dosed": f"1 if mod(cycle{person}, interval) < 0.5 else 0"},
        transitions={"healthy": {"rates": {"dead": "0.1 + 0.1 * dosed"}}},
        outcomes={"drug": {"kind": "cost", "state": {"alive": "100 * dosed"}}},
    )


@pytest.mark.parametrize("engine", ["cohort", "microsim", "continuous"])
def test_what_has_no_value_is_not_taken_for_false(engine: str) -> None:
    """Nobody is dosed every 0 cycles: it has no value, as in a spreadsheet."""
    made, draws = on_dose(), {"interval": np.array([2.0, 0.0])}
    with pytest.raises(he.SimulationError) as caught:
        evaluate(with_engine(made, engine, None if engine == "cohort" else 50), draws)
    text = str(caught.value)
    assert "strategy only, draw 1, cycle 0: the rate healthy -> dead is nan" in text
    assert "variable 'dosed' is not finite there" in text
    assert "The formula is '1 if mod(cycle, interval) < 0.5 else 0' at definition" in text


def test_what_has_no_value_for_one_person_is_not_taken_for_false() -> None:
    made = with_engine(on_dose(" + count_healthy"), "microsim", 50)
    with pytest.raises(
        he.SimulationError, match=r"draw 1, person 0, cycle 0: the .* is nan\. Look"
    ):
        evaluate(made, {"interval": np.array([2.0, 0.0])})


def test_probabilities_that_sum_to_more_than_one() -> None:
    row = {"probabilities": {"healthy": "rest", "ill": 0.7, "dead": "0.2 + 0.05 * cycle"}}
    found = problems(states=THREE, transitions={"healthy": row, "ill": {"rates": {"dead": 1}}})
    assert found[0].startswith(
        "strategy only, draw 0, cycle 3, state healthy: the probabilities of leaving healthy "
        "sum to 1.05"
    )


@pytest.mark.parametrize("share", [0.5, 0.7])
def test_complete_probabilities_that_do_not_sum_to_one(share: float) -> None:
    row = {"probabilities": {"healthy": share, "dead": 0.4}}
    found = problems(transitions={"healthy": row})
    assert f"sum to {share + 0.4:.10g}" in found[0]
    assert 'give one of them the value "rest"' in found[0]


def test_the_cycle_in_the_state_is_named() -> None:
    found = problems(
        states={"healthy": {"residence": 3}, "dead": {"absorbing": True}},
        **moving("0.6 * state_cycle"),
    )
    assert found[0].startswith("strategy only, draw 0, cycle 0, cycle 2 in the state: the prob")


def test_a_nan_names_the_variable_it_comes_from() -> None:
    found = problems(
        **moving("p_death"),
        variables={"fine": "1 + cycle", "bad": "log(2 - cycle)", "p_death": "0.1 * bad * fine"},
    )
    assert found[0].startswith("strategy only, draw 0, cycle 2: the probability healthy -> dead is")
    assert "variable 'bad' is not finite there" in found[0]


@pytest.mark.parametrize(
    ("outcome", "place"),
    [
        ({"state": {"alive": "1 / time"}}, "money in healthy"),
        ({"start": {"healthy": "log(0)"}}, "money at the start in healthy"),
        ({"entering": {"dead": "log(0)"}}, "money at healthy -> dead"),
        ({"transition": {"healthy -> dead": "log(0)"}}, "money at healthy -> dead"),
    ],
)
def test_an_outcome_without_a_value(outcome: dict[str, Any], place: str) -> None:
    found = problems(outcomes={"money": {"kind": "cost"} | outcome})
    assert found[0].startswith(f"strategy only, draw 0, cycle 0: the {place} is ")


def test_a_value_after_the_last_cycle_does_not_matter_unless_it_is_counted() -> None:
    outcome = {"kind": "cost", "state": {"alive": "1 / (10 - cycle)"}}
    close(total(result(outcomes={"money": outcome}), "money"), sum(1 / k for k in range(1, 11)))
    assert "cycle 10" in problems(outcomes={"money": outcome}, correction="half_cycle")[0]


@pytest.mark.parametrize(("share", "sums"), [("0.5", "0.8"), ("0.9", "1.2")])
def test_a_start_that_does_not_sum_to_one(share: str, sums: str) -> None:
    found = problems(start={"healthy": share, "dead": 0.3})
    assert found == [
        f"strategy only, draw 0, cycle 0: the start shares sum to {sums}. They must sum to 1: give "
        'one of them the value "rest"'
    ]


def test_a_start_share_out_of_range() -> None:
    found = problems(start={"healthy": "1.5", "dead": "rest"})
    assert "the start share of healthy is 1.5" in found[0]


def test_a_discount_rate_nobody_means() -> None:
    found = problems(rate="dr", parameters={"dr": 0.03}, draws={"dr": np.array([0.03, -3.0])})
    assert found[0].startswith(
        "strategy only, draw 1, cycle 0: the discount rate of effects a year"
    )


def test_an_age_below_the_life_table() -> None:
    found = problems(
        start_age="first",
        parameters={"first": 50.0},
        draws={"first": np.array([50.0, 39.0])},
        tables={"life": {"age": [40.0], "rate": [0.1]}},
        variables={"h": "lookup(life, age)"},
        transitions={"healthy": {"rates": {"dead": "h"}}},
    )
    assert found[0].startswith("strategy only, draw 1, cycle 0: the rate healthy -> dead is nan")
    assert "variable 'h'" in found[0]


def test_several_faults_are_reported_together() -> None:
    found = problems(
        states=THREE,
        start={"healthy": 0.9},
        transitions={"healthy": {"rates": {"ill": -1}}, "ill": {"probabilities": {"dead": 2}}},
        outcomes={"money": {"kind": "cost", "start": "log(0)"}},
    )
    for part in (
        "start shares sum to 0.9",
        "rate healthy -> ill is -1",
        "ill -> dead is 2",
        "money at",
    ):
        assert any(part in line for line in found), part


def test_faults_of_several_strategies_are_reported_together_and_once() -> None:
    found = problems(
        states=THREE,
        strategies={"one": {}, "two": {}, "three": {}},
        parameters=[
            he.Parameter("h", 0.1),
            he.Parameter("h", -1.0, strategy="one"),
            he.Parameter("h", -2.0, strategy="two"),
            he.Parameter("p", 0.1),
            he.Parameter("p", 5.0, strategy="three"),
        ],
        transitions={
            "healthy": {"rates": {"ill": "h"}},
            "ill": {"probabilities": {"ill": "rest", "dead": "p"}},
        },
    )
    assert "strategy one, draw 0, cycle 0: the rate healthy -> ill is -1" in found[0]
    assert any("strategy three" in line and "ill -> dead is 5" in line for line in found)
    assert found[-1] == "other strategies: what is wrong above is wrong here too: two."


def test_the_draw_is_numbered_over_all_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    from heecon.engine import cohort  # noqa: PLC0415

    monkeypatch.setattr(cohort, "CHUNK_CELLS", 22)  # two draws of eleven points
    draws = {"p": np.array([0.1, 0.1, 0.1, 0.1, 0.1, 7.0])}
    assert problems(**moving("p"), parameters={"p": 0.1}, draws=draws)[0].startswith(
        "strategy only, draw 5, cycle 0"
    )


# --- rounding is not a fault --------------------------------------------------------------------


def test_rounding_below_zero_is_zero() -> None:
    assert 1 - 0.9 - 0.1 < 0
    for form in ("rates", "probabilities"):
        row = {"dead": "1 - 0.9 - 0.1"} | ({"healthy": "rest"} if form != "rates" else {})
        run = result(transitions={"healthy": {form: row}})
        assert run.trace is not None
        assert not run.trace.flow.any()
        assert run.alive_at_end[0, 0] == 1.0


def test_typed_probabilities_may_miss_one_by_a_billionth_for_ever() -> None:
    """What is too much is scaled away each cycle, so it cannot add up; what lacks stays."""
    for share in (0.3 + 9e-10, 0.3 - 9e-10):
        row = {"probabilities": {"healthy": share, "ill": 0.7}}
        back = {"probabilities": {"healthy": 0.5, "ill": 0.5 + (share - 0.3)}}
        run = result(states=THREE, transitions={"healthy": row, "ill": back}, horizon="5000 cycles")
        assert run.trace is not None
        close(run.trace.occupancy.sum(axis=-1), 1.0, 1e-11)


@pytest.mark.parametrize("off", [1.1e-9, -1.1e-9])
def test_more_than_a_billionth_is_a_mistake(off: float) -> None:
    row = {"probabilities": {"healthy": 0.3 + off, "dead": 0.7}}
    assert f"leaving healthy sum to {1.0 + off:.10g}" in problems(transitions={"healthy": row})[0]
    assert "the start shares sum to" in problems(start={"healthy": 0.7 + off, "dead": 0.3})[0]


def test_more_than_a_billionth_too_much_leaves_no_rest() -> None:
    row = {"probabilities": {"healthy": "rest", "ill": "0.3 + 1.1e-9", "dead": 0.7}}
    back = {"rates": {"dead": 1}}
    found = problems(states=THREE, transitions={"healthy": row, "ill": back})
    assert "the probabilities of leaving healthy sum to 1.000000001" in found[0]


def test_a_start_that_misses_one_by_rounding_is_made_whole() -> None:
    run = result(start={"healthy": "0.7 + 5e-10", "dead": 0.3})
    assert run.trace is not None
    close(run.trace.occupancy.sum(axis=-1), 1.0, 1e-15)


# --- draws --------------------------------------------------------------------------------------


def draw_problems(**draws: Any) -> list[str]:
    with pytest.raises(he.InputError) as caught:
        run_cohort(model(**moving("p * q"), parameters={"p": 0.1, "q": 0.5}), draws)
    return [str(problem) for problem in caught.value.problems]


def test_an_unknown_parameter_in_the_draws() -> None:
    assert draw_problems(pp=np.ones(2)) == ["draws: unknown parameter 'pp'. Did you mean 'p'?"]


def test_ragged_draws() -> None:
    found = draw_problems(p=np.full(3, 0.1), q=np.full(2, 0.1))
    assert found == ["draws: the parameters have [2, 3] draws."]


def test_no_draws() -> None:
    assert draw_problems(p=np.array([])) == ["draws: there are no draws. Give at least one"]


def test_draws_of_the_wrong_shape() -> None:
    assert "shape (2, 1)" in draw_problems(p=np.full((2, 1), 0.1))[0]
    assert "shape ()" in draw_problems(p=0.1)[0]


def test_a_draw_that_is_no_number() -> None:
    found = draw_problems(p=np.array([0.1, np.nan, np.inf]), q=np.array([0.1, 0.1, -np.inf]))
    assert found[0].startswith("draw 1: parameter 'p' is nan")
    assert found[1].startswith("draw 2: parameter 'q' is -inf")


def test_lists_are_draws_too() -> None:
    run = run_cohort(model(**moving("p"), parameters={"p": 0.1}), {"p": [0.1, 0.2]})  # type: ignore[dict-item]
    assert run.draws == 2


def test_draws_are_checked_before_anything_runs() -> None:
    chunks = iterate_cohort(model(**moving("p"), parameters={"p": 0.1}), {"x": np.ones(1)})
    with pytest.raises(he.InputError):
        next(chunks)


# --- the kernels' own checks --------------------------------------------------------------------


def crafted(stay: float, absorbing_stay: float, back: float) -> tuple[Any, Any]:
    """Two states, one of them absorbing in name; the chances are as given."""
    transitions = kernels.TransitionArrays(
        origin=np.array([0, 0, 1, 1]),
        destination=np.array([0, 1, 1, 0]),
        low=np.zeros(4, dtype=np.int64),
        high=np.ones(4, dtype=np.int64),
        event=np.array([-1, 0, -1, 1]),
        column=np.arange(4),
        probability=np.arange(4),
    )
    packed = kernels.PackedArrays(
        np.array([stay, 0.5, absorbing_stay, back]), np.arange(4), np.zeros((4, 3), dtype=np.int64)
    )
    rewards = kernels.RewardArrays(
        *np.zeros((len(kernels.RewardArrays._fields), 0), dtype=np.int64)
    )
    chunk = kernels.Chunk(
        cycles=5,
        starts=np.array([[0.5, 0.5]]),
        first=np.array([0, 1, 2]),
        absorbing=np.array([0, 1]),
        transitions=transitions,
        rewards=rewards,
        packed=packed,
    )
    tally = kernels.Tally(
        totals=np.zeros((1, 0, 2)),
        end=np.zeros((1, 2)),
        keep=False,
        occupancy=np.zeros((0, 6, 2)),
        flow=np.zeros((0, 5, 2)),
        amounts=np.zeros((0, 0, 6, 2)),
        by_time=np.zeros((0, 6, 2)),
    )
    return chunk, tally


@pytest.mark.parametrize(
    ("chances", "expected"),
    [
        ((0.5, 1.0, 0.0), (kernels.OK, 0, 0, 0)),
        ((0.4, 1.0, 0.0), (kernels.NOT_ONE, 0, 1, 0)),
        ((0.6, 1.0, 0.0), (kernels.NOT_ONE, 0, 1, 0)),
        ((float("nan"), 1.0, 0.0), (kernels.NOT_ONE, 0, 1, 0)),
        ((0.5, 0.6, 0.4), (kernels.OK, 0, 0, 0)),  # 0.2 go back, 0.25 come in
        ((0.5, 0.4, 0.6), (kernels.SHRINKING, 0, 1, 1)),
        ((0.5, float("nan"), 0.0), (kernels.SHRINKING, 0, 1, 1)),
        # half of what is added here is missing or too much: just inside and just outside 1e-9
        ((0.5 + 1.9e-9, 1.0, 0.0), (kernels.NOT_ONE, 0, 2, 0)),
        ((0.5 + 0.9e-9, 1.0, 0.0), (kernels.OK, 0, 0, 0)),
        ((0.5 + 2.1e-9, 1.0, 0.0), (kernels.NOT_ONE, 0, 1, 0)),
        ((0.5 - 0.9e-9, 1.0, 0.0), (kernels.OK, 0, 0, 0)),
        ((0.5 - 2.1e-9, 1.0, 0.0), (kernels.NOT_ONE, 0, 1, 0)),
        ((0.5, 0.5 - 1.9e-9, 0.5 + 1.9e-9), (kernels.OK, 0, 0, 0)),
        ((0.5, 0.5 - 2.1e-9, 0.5 + 2.1e-9), (kernels.SHRINKING, 0, 1, 1)),
    ],
)
def test_the_kernels_see_what_cannot_be(
    chances: tuple[float, float, float], expected: tuple[int, int, int, int]
) -> None:
    assert kernels.run_draws(*crafted(*chances)) == expected
    with plain_kernels():
        assert kernels.run_draws(*crafted(*chances)) == expected


@pytest.mark.parametrize(
    ("status", "message"),
    [
        (kernels.SHRINKING, "draw 3, cycle 7, state dead: the absorbing state 'dead' lost people"),
        (kernels.NOT_ONE, "draw 3, cycle 7: the shares of the cohort no longer sum"),
    ],
)
def test_a_kernels_complaint_becomes_a_message(
    status: int, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kernels, "run_draws", lambda *_: (status, 3, 7, 1))
    assert problems()[0].startswith(f"strategy only, {message}")
