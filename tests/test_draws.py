"""Uncertainty that is not there: what varies, what is given, and what draws can say."""

from __future__ import annotations

import ast
import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner, Result

import heecon as he
from heecon.analysis.outcomes import Outcomes, check_informative
from heecon.cli import app
from heecon.engine.sampling import sample
from tests.analysis.toys import toy, uncertain

COMMANDS = Path(he.__file__).parent / "commands"


def rows(path: str | Path) -> list[dict[str, str]]:
    with Path(path).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments), catch_exceptions=False)


def refused(words: str, *arguments: str) -> None:
    with pytest.raises(he.InputError, match=words):
        run(*arguments)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A starter model in an empty folder, which is the working folder."""
    monkeypatch.chdir(tmp_path)
    run("new", "mine")
    return tmp_path / "mine" / "inputs" / "my_model"


def with_cells(folder: Path, change: Any) -> None:
    """Rewrite parameters.csv, row by row."""
    path = folder / "parameters.csv"
    found = rows(path)
    for row in found:
        change(row)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(dict.fromkeys(key for row in found for key in row)))
        writer.writeheader()
        writer.writerows(found)


def fixed(row: dict[str, str]) -> None:
    for column in ("distribution", "se", "arg1", "arg2", "arg3", "correlation_group"):
        row[column] = ""


# --- what varies ---------------------------------------------------------------------------------


@pytest.mark.parametrize("command", ["psa", "evppi", "sobol", "morris"])
def test_what_has_only_ranges_is_refused_and_told(command: str, folder: Path) -> None:
    with_cells(folder, fixed)
    words = r"nothing varies: no input has a distribution \([0-9]+ have a range"
    refused(words, command, str(folder))
    assert not Path("reports").exists()


def test_check_tells_of_ranges_without_distribution(folder: Path) -> None:
    with_cells(folder, fixed)
    ranges = sum(bool(row["low"]) for row in rows(folder / "parameters.csv"))
    text = run("check", str(folder)).output.replace("\n", " ")
    assert f"{ranges} inputs have a range but no distribution and stay fixed in the PSA" in text


def test_a_choice_may_have_a_range_and_no_distribution() -> None:
    row = he.Parameter("a", 1.0, low=0.5, high=2.0, tags=("methodological",))
    assert not toy([row], "a").warnings
    row = he.Parameter("a", 1.0, low=0.5, high=2.0, distribution="gamma")
    assert not toy([row], "a").warnings


def test_python_refuses_as_the_commands_do() -> None:
    model = toy([he.Parameter("a", 1.0, low=0.5, high=2.0)], "a")
    for analysis in (model.psa, model.evppi, model.sobol, model.morris):
        with pytest.raises(he.InputError, match="nothing varies"):
            analysis()
    varying = toy([uncertain("a", "normal", 1.0, 0.1)], "a")
    with pytest.raises(he.InputError, match="9 draws are too few"):
        varying.psa(9)
    unused = toy([uncertain("a", "normal", 1.0, 0.1)], "0 * a").psa(10)
    with pytest.raises(he.InputError, match="the same in all 10 draws"):
        unused.ceac  # noqa: B018
    still = toy([uncertain("a", "normal", 1.0, 0.1)], "0 * a")
    assert "No factor moves these results" in " ".join(still.morris().notes)


def test_draws_are_judged_by_what_they_vary() -> None:
    cost = np.arange(20.0).reshape(10, 2)
    check_informative(Outcomes(("a", "b"), cost, np.ones((10, 2))))
    with pytest.raises(he.InputError, match="the same in all 10 draws"):
        check_informative(Outcomes(("a", "b"), np.ones((10, 2)), np.ones((10, 2))))
    with pytest.raises(he.InputError, match="9 draws are too few"):
        check_informative(Outcomes(("a", "b"), cost[:9], np.ones((9, 2))))


def test_every_heading_says_how_many_inputs_vary(folder: Path) -> None:
    model = he.load(folder)
    varying = len(sample(model, 1))
    words = f"20 draws, {varying} of {len(model.inputs)} inputs vary"
    assert 0 < varying < len(model.inputs)
    assert words in run("psa", str(folder), "--draws", "20").output
    assert words in repr(model.psa(20))


# --- warnings ------------------------------------------------------------------------------------


@pytest.fixture
def doubtful(folder: Path) -> Path:
    """The starter with a value that is not the mean of its distribution."""

    def change(row: dict[str, str]) -> None:
        if row["name"] == "u_stable":
            fixed(row)
            row.update(low="", high="", value="0.8", distribution="beta", arg1="2", arg2="8")

    with_cells(folder, change)
    return folder


@pytest.mark.parametrize(
    "arguments",
    [
        ("run",),
        ("psa", "--draws", "20"),
        ("evppi", "--draws", "40"),
        ("sobol", "--size", "2", "--quantity", "cost"),
        ("morris", "--trajectories", "2"),
        ("one-way",),
        ("batch", "--no-workbooks"),
    ],
)
def test_every_command_tells_the_warnings_and_keeps_them(
    arguments: tuple[str, ...], doubtful: Path
) -> None:
    command, *options = arguments
    done = run(command, str(doubtful), *options, "--out", "o")
    assert done.exit_code == 0
    assert "u_stable: the base value 0.8" in done.output.replace("\n", " ")
    manifests = [path for path in Path("o").rglob("*manifest.json") if "compar" not in path.name]
    assert manifests
    for path in manifests:
        (warning,) = json.loads(path.read_text())["warnings"]
        assert "u_stable: the base value 0.8" in warning


def test_commands_load_models_in_one_place() -> None:
    loaders = {
        path.stem
        for path in COMMANDS.glob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ImportFrom) and node.module == "heecon.model.load"
    }
    assert loaders == {"common", "run"}  # run and check tell the warnings in their own reports


def test_python_tells_the_warnings_too(doubtful: Path, caplog: pytest.LogCaptureFixture) -> None:
    he.load(doubtful)
    assert "u_stable: the base value 0.8" in caplog.text


# --- numbers of draws ----------------------------------------------------------------------------


def test_draws_left_out_leave_the_others_their_numbers(folder: Path) -> None:
    model_file = folder / "model.toml"
    text = model_file.read_text().replace('= "u_stable"', '= "log(u_stable - 0.78)"')
    model_file.write_text(text)
    values = sample(he.load(folder), 60)
    run("psa", str(folder), "--draws", "60", "--on-error", "record", "--out", "o")
    left = {int(row["draw"]) for row in rows("o/psa_left_out.csv")}
    assert left == set(np.flatnonzero(values["u_stable"] <= 0.78).tolist())
    kept = rows("o/psa_draws.csv")
    assert {int(row["draw"]) for row in kept} == set(range(60)) - left
    for row in kept:
        assert float(row["u_stable"]) == values["u_stable"][int(row["draw"])]
    frame = he.load(folder).psa(60, on_error="record").to_pandas()
    assert set(frame.index) == set(range(60)) - left


def test_people_of_a_draw_are_the_same_when_others_are_left_out() -> None:
    definition: dict[str, Any] = {
        "model": {
            "title": "x", "cycle": "1 year", "horizon": "3 cycles", "thresholds": [1000],
            "discounting": {"cost": 0, "effect": 0}, "engine": "microsim",
        },
        "states": {"a": {}, "d": {"absorbing": True}},
        "start": {"a": 1},
        "strategies": {"s": {}, "t": {}},
        "transitions": {"a": {"probabilities": {"a": "rest", "d": "p"}}},
        "outcomes": {"q": {"kind": "qaly", "state": {"a": 1}}},
    }  # fmt: skip
    model = he.Model.from_dict(definition, {"p": 0.5})
    p = np.array([0.1, 0.2, 1.5, 0.3, -0.1, 0.4])
    good = np.array([0, 1, 3, 5])
    whole = model.psa(values={"p": np.where((p > 1) | (p < 0), 0.5, p)}, patients=200).outcomes
    found = model.psa(values={"p": p}, patients=200, on_error="record").outcomes
    assert [draw for draw, _ in found.failed] == [2, 4]
    assert "draw 4, cycle" in found.failed[1][1]
    assert list(found.numbers) == good.tolist()
    assert found.effect.tolist() == whole.effect[good].tolist()
