"""A difference says what leads from one model to another, and writes it as a scenario."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

import heecon as he
from heecon.difference.difference import between, is_part_of
from heecon.files import locate
from heecon.model.definition import Model
from heecon.model.distribution import fitted
from heecon.model.load import load
from heecon.model.to_dict import to_dict
from tests.analysis.changing import Draft

HEAD = {"title": "Written"}


def unplaced(model: he.Model) -> list[he.Parameter]:
    return [replace(row, where="") for row in model.parameters]


def test_nothing_differs() -> None:
    model = Draft().model()
    difference = between(model, model)
    assert difference.parts == ()
    assert difference.changes_without_effect() == []
    assert difference.to_toml(HEAD) == 'title   = "Written"\n'


def scenarios(model: str) -> list[str]:
    return [path.stem for path in sorted((locate.bundled() / "scenarios" / model).glob("*.toml"))]


@pytest.mark.parametrize("name", ["sick_sicker", "hiv", "starter"])
def test_a_scenario_is_written_and_read_again(name: str, tmp_path: Path) -> None:
    base = he.load(name)
    path = tmp_path / "scenarios" / name / "written.toml"
    path.parent.mkdir(parents=True)
    written = 0
    for scenario in scenarios(name):
        model = he.load(f"{name}/{scenario}")
        if list(model.strategies) != list(base.strategies) or any(
            row.source.startswith("set by scenario") for row in model.parameters
        ):
            continue
        path.write_text(between(base, model).to_toml(HEAD))
        again = he.load(locate.bundled() / "inputs" / name, path)
        assert unplaced(again) == unplaced(model)
        assert to_dict(again)["model"] == to_dict(model)["model"]
        written += 1
    assert written


def test_rows_of_all_and_of_one_strategy() -> None:
    """A scenario gives a name one table, or one a strategy: the row of all goes to the others."""
    a, b = Draft(), Draft()
    b.values |= {"c_care": 600.0, "c_care[new]": 450.0}
    given = between(a.model(), b.model()).overrides()["parameters"]["c_care"]
    assert {strategy: table["value"] for strategy, table in given.items()} == {
        "usual": 600,
        "other": 600,
        "new": 450,
    }


def test_arguments_are_written_where_the_figures_do_not_give_them() -> None:
    a, b = Draft(), Draft()
    b.fields = {
        "hr": {
            "low": 0.8,
            "high": 1.25,
            "distribution": fitted("lognormal", 1, low=0.8, high=1.25),
        },
        "u_well": {"distribution": fitted("beta", 0.8, arguments=[80, 20])},
    }
    given = between(a.model(), b.model()).overrides()["parameters"]
    status = {"status": "assumption"}
    spread = {"value": 1, "distribution": "lognormal", "low": 0.8, "high": 1.25}
    assert given["hr"] == spread | status
    counted = {"value": 0.8, "distribution": "beta", "arg1": 80, "arg2": 20}
    assert given["u_well"] == counted | status


def test_what_no_scenario_can_change() -> None:
    a, b = Draft(), Draft()
    b.definition["variables"]["h_ill"] = "h_base"
    b.values["c_care"] = 1.0
    difference = between(a.model(), b.model())
    assert difference.parts == (("variables", "h_ill"), ("parameters", "c_care"))
    with pytest.raises(he.InputError, match=r"variables\.h_ill: no scenario can change this"):
        difference.to_toml(HEAD)


@pytest.mark.parametrize(
    ("change", "place"),
    [
        (lambda m: replace(m, scenario=replace(m.scenario, engine="microsim")), "model.engine"),
        (
            lambda m: replace(m, scenario=replace(m.scenario, analyses={"psa": {"draws": 9}})),
            "analyses.psa.draws",
        ),
        (
            lambda m: replace(m, states=m.states | {"dead": replace(m.states["dead"], label="D")}),
            "states.dead.label",
        ),
        (
            lambda m: replace(
                m, parameters=(replace(m.parameters[0], tags=("price",)), *m.parameters[1:])
            ),
            ".tags",
        ),
    ],
)
def test_what_would_be_lost_is_refused(change: Callable[[Model], Model], place: str) -> None:
    a = build()
    with pytest.raises(he.InputError, match="no scenario can change this") as refused:
        between(a, change(a)).to_toml(HEAD)
    assert any(problem.where.endswith(place) for problem in refused.value.problems)


def build() -> Model:
    return load(locate.bundled() / "inputs" / "starter")


def test_a_joint_distribution_may_lose_members_but_not_change() -> None:
    whole = {"x": [1.0, 0.2, 0.3], "y": [0.2, 1.0, 0.4], "z": [0.3, 0.4, 1.0]}
    assert is_part_of({"x": [1.0, 0.3], "z": [0.3, 1.0]}, whole)
    assert is_part_of(None, whole)
    assert not is_part_of({"x": [1.0, 0.31], "z": [0.31, 1.0]}, whole)
    assert not is_part_of({"x": [1.0, 0.3], "w": [0.3, 1.0]}, whole)
    assert not is_part_of(whole, None)
