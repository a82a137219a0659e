"""Uncertainty that is not there: what varies, what is given, and what draws can say."""

from __future__ import annotations

import ast
import csv
import json
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import pytest
from typer.testing import CliRunner, Result

import heecon as he
from heecon.analysis.ceac import ceac
from heecon.analysis.draws_file import read_outcomes
from heecon.analysis.evppi import rank
from heecon.analysis.evsi import Evsi
from heecon.analysis.outcomes import Outcomes, check_informative
from heecon.analysis.psa import curve_grid
from heecon.cli import app
from heecon.engine.sampling import sample
from heecon.report.value_of_information_report import evsi_report
from heecon.results import PSAResult
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
    halves = f"{folder}=0.5"
    other = run("psa-mixture", halves, f"{folder}/=0.5", "--draws", "20", "--out", "m").output
    assert f"20 draws, {varying + 1} inputs vary" in other  # and the structure


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
        ("batch",),
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
    assert loaders == {"common", "evidence"}  # evidence looks through all models


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
    whole = model.psa(parameters={"p": np.where((p > 1) | (p < 0), 0.5, p)}, patients=200).outcomes
    found = model.psa(parameters={"p": p}, patients=200, on_error="record").outcomes
    assert [draw for draw, _ in found.failed] == [2, 4]
    assert "draw 4, cycle" in found.failed[1][1]
    assert list(found.numbers) == good.tolist()
    assert found.effect.tolist() == whole.effect[good].tolist()


# --- draws that are given ------------------------------------------------------------------------


def test_a_model_runs_the_draws_of_a_file_in_order(folder: Path) -> None:
    run("psa", str(folder), "--draws", "30", "--out", "drawn")
    written = Path("drawn/psa_draws.csv").read_text().splitlines()
    Path("theirs.csv").write_text("\n".join([written[0], *reversed(written[1:])]))
    done = run("psa", str(folder), "--parameters", "theirs.csv", "--out", "given")
    assert done.exit_code == 0
    again = Path("given/psa_draws.csv").read_text().splitlines()
    assert again == [written[0], *reversed(written[1:])]  # costs and effects to the last digit
    manifest = json.loads(Path("given/psa_manifest.json").read_text())
    assert list(manifest["parameters"]) == ["theirs.csv"]
    assert (manifest["draws"], manifest["kept_at_base"]) == (30, [])
    found = he.load(folder).psa(parameters="theirs.csv").outcomes
    assert list(found.numbers) == list(range(29, -1, -1))
    assert repr(float(found.cost[0, 0])) in again[1]


def test_what_given_draws_leave_fixed_is_told(folder: Path) -> None:
    lines = ["draw,u_stable", *(f"{n},{0.7 + n / 1000}" for n in range(1, 21))]
    Path("few.csv").write_text("\n".join(lines))
    done = run("psa", str(folder), "--parameters", "few.csv", "--out", "o")
    inputs = len(he.load(folder).inputs)
    assert f"20 draws, 1 of {inputs} inputs vary" in done.output
    told = done.output.replace("\n", " ")
    assert "kept at the base value" in told
    assert json.loads(Path("o/psa_manifest.json").read_text())["kept_at_base"]
    assert [row["draw"] for row in rows("o/psa_draws.csv")] == [str(n) for n in range(1, 21)]


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        (["u_stabel", "0.7"], "theirs.csv:1:1: .*no parameter of my_model.*u_stable"),
        (["draw,u_stable", "1,0.7", "1,0.8"], r"theirs.csv:3:1 \(draw\): draw 1 stands twice"),
        (["u_stable", "0.7", "x"], r"theirs.csv:3:1 \(u_stable\): 'x' is not a number"),
        (["draw,note", "1,a"], "no parameter"),
        (["draw", "1"], "no column of a parameter"),
        (["u_stable", "0.7"], "1 draws are too few"),
        (
            ["draw,u_stable", *(f"{n},{0.988 + n / 1000:g}" for n in range(20))],
            r"theirs.csv:15:2 \(u_stable\): 'u_stable' cannot be 1.001: .*-2 to 1. Correct it",
        ),
    ],
)
def test_given_draws_that_cannot_be_used(lines: list[str], words: str, folder: Path) -> None:
    Path("theirs.csv").write_text("\n".join(lines))
    refused(words, "psa", str(folder), "--parameters", "theirs.csv")
    with pytest.raises(he.InputError, match=words):
        he.load(folder).psa(parameters="theirs.csv").ceac  # noqa: B018


def test_given_draws_as_the_model_itself_draws_them_are_told(caplog: Any) -> None:
    """The model warns of such a distribution; its own draws can be given to it again."""
    gain = uncertain("gain", "normal", 0.9, 0.1, unit="utility")
    model = toy([gain, he.Parameter("fixed", 0.5, unit="utility")], effect="gain + fixed")
    values = np.linspace(0.91, 1.1, 20)
    model.psa(parameters={"gain": values})
    assert "In 10 of the draws given 'gain' cannot be 1.01" in caplog.text
    with pytest.raises(he.InputError, match=r"draw 10 \(fixed\): 'fixed' cannot be 1.01"):
        model.psa(parameters={"fixed": values})


def test_a_given_draw_that_breaks_the_model_is_called_as_the_file_does(folder: Path) -> None:
    lines = ["draw,u_stable", *(f"{n},{0.7 + n / 1000}" for n in range(101, 121)), "121,1"]
    Path("theirs.csv").write_text("\n".join(lines))
    model_file = folder / "model.toml"
    model_file.write_text(
        model_file.read_text().replace('= "u_stable"', '= "0 * log(1 - u_stable) + u_stable"')
    )
    with pytest.raises(he.SimulationError, match="draw 121: its parameters are u_stable = 1"):
        run("psa", str(folder), "--parameters", "theirs.csv")
    run("psa", str(folder), "--parameters", "theirs.csv", "--on-error", "record", "--out", "o")
    (left,) = rows("o/psa_left_out.csv")
    assert left["draw"] == "121"
    assert "draw 121, cycle" in left["reason"]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--draws", "100"), "Drop --draws"),
        (("--seed", "2", "--method", "sobol"), "Drop --seed, --method"),
        (("--until", "2"), "Drop --until"),
    ],
)
def test_options_that_given_draws_leave_without_effect(
    options: tuple[str, ...], words: str, folder: Path
) -> None:
    Path("theirs.csv").write_text("u_stable\n0.7\n")
    refused(words, "psa", str(folder), "--parameters", "theirs.csv", *options)
    if options[0] == "--draws":
        with pytest.raises(he.InputError, match="Drop the number of draws"):
            he.load(folder).psa(100, parameters="theirs.csv")


# --- another program's draws ---------------------------------------------------------------------


def external(folder: Path, order: Any = None, first: int = 0) -> tuple[Path, Path]:
    """Two strategies whose difference is 1,000 times theta, and what theta was."""
    theta = np.random.default_rng(4).normal(0.1, 1.0, 200)
    other = np.random.default_rng(5).normal(0.0, 0.5, 200)
    results, parameters = ["draw,strategy,cost,effect"], ["draw,theta,still"]
    for draw in range(200):
        results.append(f"{draw},a,1000,1")
        results.append(f"{draw},b,{1000 - 1000 * (theta[draw] + other[draw])!r},1")
    rows = [f"{draw + first},{theta[draw]!r},3" for draw in range(200)]
    parameters += rows if order is None else [rows[i] for i in order]
    text = "\n".join(results).replace("np.float64(", "").replace(")", "")
    (folder / "x.csv").write_text(text)
    text = "\n".join(parameters).replace("np.float64(", "").replace(")", "")
    (folder / "p.csv").write_text(text)
    return folder / "x.csv", folder / "p.csv"


def test_parameters_are_matched_by_draw_in_any_order(tmp_path: Path) -> None:
    """From a public question: do the rows of outcomes and parameters correspond? (BCEA #53)."""
    straight = he.read_outcomes(*external(tmp_path), threshold=[1.0])
    value = straight.evppi("theta").table["evppi"][0]
    # The closed form of E max(0, x) - max(0, E x) of the normal with the draws' own moments.
    theta = straight.outcomes.parameters["theta"]
    m, s = 1000 * theta.mean(), 1000 * theta.std()
    z = m / s
    density = np.exp(-(z**2) / 2) / np.sqrt(2 * np.pi)
    below = 0.5 * (1 + np.vectorize(__import__("math").erf)(-abs(z) / np.sqrt(2)))
    assert value == pytest.approx(s * density - abs(m) * below, rel=0.15)
    shuffled = np.random.default_rng(6).permutation(200)
    for order in (shuffled, range(199, -1, -1)):
        again = he.read_outcomes(*external(tmp_path, order), threshold=[1.0])
        assert again.evppi("theta").table.rows == straight.evppi("theta").table.rows


def test_rows_of_results_in_any_order_change_no_number(tmp_path: Path) -> None:
    x, p = external(tmp_path)
    straight = he.read_outcomes(x, p, threshold=[1.0]).evppi("theta").table.rows
    head, first, *others = x.read_text().splitlines()
    x.write_text("\n".join([head, first, *reversed(others)]))
    assert he.read_outcomes(x, p, threshold=[1.0]).evppi("theta").table.rows == straight
    p.write_text("\n".join(line.split(",", 1)[1] for line in p.read_text().splitlines()))
    with pytest.raises(he.InputError, match="no column 'draw' says whose the rows are"):
        he.read_outcomes(x, p)


def test_parameters_of_other_draws_are_refused(tmp_path: Path) -> None:
    x, p = external(tmp_path, first=1)
    with pytest.raises(
        he.InputError, match=r"1 to 200 \(200\) here and 0 to 199 \(200\) in x.csv.*from 0, or of"
    ):
        he.read_outcomes(x, p)
    lines = p.read_text().splitlines()
    p.write_text("\n".join(lines[:-1]))
    with pytest.raises(he.InputError, match=r"1 to 199 \(199\) here.*one row in both files"):
        he.read_outcomes(x, p)
    p.write_text("\n".join([*lines, lines[-1]]))
    with pytest.raises(he.InputError, match="draw 200 stands twice"):
        he.read_outcomes(x, p)


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        (["draw,cost_a,effect_a", "1,2,3"], "write a row for each strategy of a draw"),
        (["draw,strategy,cost,effect", "1,a,1e16,1"], "x.csv:2: 1e.16 is larger"),
        (["draw,strategy,cost,effect", "1,,1,1"], "x.csv:2: the row has no strategy"),
        (["draw,strategy,cost,effect", ",a,1,1"], "x.csv:2: the row does not say which draw"),
        (["draw,strategy,cost,effect", "1,a,1,1", "1.0,a,1,1"], "draw 1 of a stands twice"),
    ],
)
def test_results_that_cannot_be_used(lines: list[str], words: str, tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text("\n".join(lines))
    with pytest.raises(he.InputError, match=words):
        he.read_outcomes(path)


@pytest.mark.parametrize(
    "arguments",
    [
        ("psa", "--draws", "10"),
        ("psa", "--method", "sobol"),
        ("psa", "--on-error", "record"),
        ("evppi", "--draws", "10"),
    ],
)
def test_options_that_results_leave_without_effect(
    arguments: tuple[str, ...], tmp_path: Path
) -> None:
    x, _ = external(tmp_path)
    refused(f"Drop {arguments[1]}", *arguments, "--external", str(x), "--threshold", "1")


# --- what draws can say --------------------------------------------------------------------------


def of_effects(*increments: float, spread: float = 1.0, count: int = 400) -> Outcomes:
    """Strategies that gain so much over the first, each 1,000 dearer than the one before."""
    random = np.random.default_rng(1).normal(0.0, spread, (count, len(increments) + 1))
    effect = np.array([0.0, *increments]) + random - random.mean(axis=0)
    cost = np.tile(1000.0 * np.arange(len(increments) + 1), (count, 1))
    names = tuple("abcdefg"[: len(increments) + 1])
    return Outcomes(names, cost, effect, {"x": random[:, 1]}, thresholds=(2000.0,), inputs=3)


def test_the_frontier_jumps_where_the_best_strategy_changes() -> None:
    outcomes = of_effects(0.11, 0.14)
    found = ceac(outcomes, curve_grid(outcomes, [20_000.0]))
    changes = np.flatnonzero((found.optimal[1:] != found.optimal[:-1]).any(axis=1))
    for place, switch in zip(changes, (1000 / 0.11, 1000 / 0.03), strict=True):  # by hand
        before, after = found.thresholds[place : place + 2]
        assert before < switch < after
        assert after - before == pytest.approx(2e-9 * switch, rel=1e-3)
    assert set(np.linspace(0, 40_000, 41)) <= set(found.thresholds.tolist())
    only = of_effects(-0.1)
    assert curve_grid(only, [20_000.0]) == np.linspace(0, 40_000, 41).tolist()


def test_means_need_no_threshold(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    x, _ = external(tmp_path)
    done = run("psa", "--external", str(x), "--out", "o", "--plots", "svg")
    assert "no net benefit and no decision. Give --threshold AMOUNT" in done.output
    assert {"psa_summary.csv", "psa_curves.csv"} <= {path.name for path in Path("o").iterdir()}
    assert not Path("o/psa_net_benefit.csv").exists()
    result = he.read_outcomes(x)
    assert len(result.ceac) == 2 * 41
    for what in ("net_benefit", "convergence"):
        with pytest.raises(he.InputError, match="Give --threshold AMOUNT, or thresholds = "):
            getattr(result, what)
    refused("Give --threshold AMOUNT", "evppi", "--external", str(x), "--parameters", str(_))


@pytest.mark.parametrize("threshold", [float("nan"), float("inf"), -1.0, 1e16, 1e308])
def test_thresholds_that_are_none(threshold: float, folder: Path) -> None:
    outcomes = of_effects(0.1)
    for analysis in (lambda: ceac(outcomes, [threshold]), lambda: rank(outcomes, threshold)):
        with pytest.raises(he.InputError, match="is not a threshold"):
            analysis()
    with patch("heecon.commands.psa.run_psa", side_effect=AssertionError("not before the draws")):
        refused("is not a threshold", "psa", str(folder), "--threshold", str(threshold))
    arguments = ("--engine", "microsim", "--until-se", "1000", "--threshold", str(threshold))
    refused("is not a threshold", "run", str(folder), *arguments)


def test_nothing_is_said_of_what_is_not_known(tmp_path: Path) -> None:
    x, p = external(tmp_path)
    refused("no parameter of the draws is known", "evppi", "--external", str(x), "--threshold", "1")
    for draws in (1, 3, 19):
        lines = x.read_text().splitlines()[: 1 + 2 * draws]
        (tmp_path / "few.csv").write_text("\n".join(lines))
        (tmp_path / "q.csv").write_text("\n".join(p.read_text().splitlines()[: 1 + draws]))
        arguments = ("evppi", "--external", str(tmp_path / "few.csv"), "--threshold", "0")
        refused("too few|no parameter", *arguments, "--parameters", str(tmp_path / "q.csv"))


def test_inputs_not_worth_knowing_need_evidence() -> None:
    sure = of_effects(50.0)
    assert sure.nmb(2000.0).argmax(axis=1).all()
    notes = " ".join(PSAResult(sure).evppi().notes)
    assert "the best in every draw: no input is worth knowing" in notes
    unsure = of_effects(0.501)
    still = replace(unsure, parameters={"x": np.random.default_rng(2).normal(size=400)})
    assert "no input is worth knowing" not in " ".join(PSAResult(still).evppi().notes)


def test_the_value_of_a_trial_beside_noise() -> None:
    """A trial of what cannot change the decision, and one of what can."""
    found = of_effects(3.0, spread=1.0)
    trial = he.normal_trial("x", 3.0)
    nothing = PSAResult(found).evsi(trial, (50, 100), people=100, cost_per_person=1)
    told = " ".join(nothing.notes)
    assert "cannot change the decision" in told
    assert "Best size" not in told
    value, error = (nothing.table[name] for name in ("evsi", "standard_error"))
    assert all(v <= 2 * e for v, e in zip(value, error, strict=True))
    something = PSAResult(of_effects(0.501)).evsi(trial, (50, 100), people=100)
    assert "cannot change the decision" not in " ".join(something.notes)
    assert "standard error" in " ".join(something.notes)


def test_an_evsi_above_the_evppi_is_called_noise() -> None:
    row = Evsi("t", 50, 100, 1.0, 5.0, 1.0, 0.0, 4.5, 1.0, "regression", ())
    assert "above the EVPPI is noise" in " ".join(evsi_report([row], [], "").notes)
    sound = replace(row, value=4.0)
    assert "above the EVPPI is noise" not in " ".join(evsi_report([sound], [], "").notes)
    contradiction = replace(row, value=9.0)
    assert "seems worth more than perfect" in " ".join(evsi_report([contradiction], [], "").notes)


def test_more_draws_than_memory_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    model = toy([uncertain("a", "normal", 1.0, 0.1)], "a")
    monkeypatch.setattr("heecon.analysis.psa._memory", lambda: 5e9)
    numbers = 1 + 2 * 2
    most = int(5e9 / (80 * numbers))
    with pytest.raises(he.InputError, match=f"need about 12.0 GB.*has 5.0 GB: {most:,} would fill"):
        model.psa(30_000_000)
    assert model.psa(10).outcomes.draws == 10


# --- what a run is judged at ---------------------------------------------------------------------


def test_a_workbook_is_not_written_at_thresholds_it_would_not_have(folder: Path) -> None:
    words = "the thresholds of its scenario"
    refused(words, "run", str(folder), "--threshold", "12345", "--workbook", "--out", "o")
    assert not Path("o").exists()


@pytest.mark.parametrize("bad", ["0", "-1", "1e16", "inf", "nan"])
def test_a_run_refuses_what_is_no_threshold(bad: str, folder: Path) -> None:
    refused("at a threshold of 0" if bad == "0" else "is not a threshold",
            "run", str(folder), f"--threshold={bad}", "--out", "o")  # fmt: skip


def test_what_is_not_known_of_inputs_is_not_said(folder: Path) -> None:
    results, parameters = external(folder)
    assert read_outcomes(results).heading == "200 draws"
    assert read_outcomes(results, parameters).heading == "200 draws, 1 inputs vary"


# --- several sets of draws -----------------------------------------------------------------------


def test_weights_are_checked_before_anything_is_drawn(folder: Path) -> None:
    with patch("heecon.commands.psa.run_psa", side_effect=AssertionError):
        refused(r"scenarios: the weights sum to 0\.5", "psa-mixture", f"{folder}=0.5")
        words = r"subgroup '.*my_model': its weight -1\.0 is not positive"
        refused(words, "psa-mixture", f"{folder}=-1", "--subgroups")


def test_weights_of_a_table_are_said_to_be_shares_of_their_sum(folder: Path) -> None:
    Path("groups.csv").write_text("subgroup,weight,u_stable\na,2,0.7\nb,3,0.8\n")
    done = run("psa-mixture", str(folder), "--by", "groups.csv", "--draws", "10", "--out", "o")
    assert "Weights are shares of the sum of those in groups.csv." in done.output
    assert {row["weight"] for row in rows("o/subgroups.csv")} == {"0.4", "0.6", "1.0"}


def test_a_subgroup_that_makes_no_model_is_named_by_its_row(folder: Path) -> None:
    """Impossible for the whole model, not by the unit of the input."""
    Path("groups.csv").write_text("subgroup,weight,start_age\na,2,\nb,3,60.5\nc,1,150\n")
    words = "groups.csv:4: with the values of 'c', .*age 150 has no cycles"
    refused(words, "psa-mixture", str(folder), "--by", "groups.csv", "--draws", "10")
