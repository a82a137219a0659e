"""The microsimulation from the command line."""

from __future__ import annotations

import csv
import json
import sys
from pathlib import Path

import numpy as np
import pytest

from heecon import cli
from heecon.report.event_log import EventLog


def heecon(*arguments: str, monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setattr(sys, "argv", ["heecon", *arguments])
    with pytest.raises(SystemExit) as left:
        cli.main()
    return int(left.value.code or 0)


def test_a_run_writes_errors_and_events(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    log = tmp_path / "events.npz"
    code = heecon(
        "run", "krijkamp", "--engine", "microsim", "--patients", "3000", "--seed", "7",
        "--out", str(tmp_path), "--events", str(log), monkeypatch=monkeypatch,
    )  # fmt: skip
    assert code == 0
    shown = capsys.readouterr()
    assert "Microsimulation of 3,000 people, seed 7" in shown.out
    with (tmp_path / "monte_carlo.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert {row["quantity"] for row in rows} >= {"cost", "total_qaly", "nmb"}
    assert all(float(row["standard_error"]) >= 0 for row in rows)
    manifest = json.loads((tmp_path / "manifest.json").read_text())
    assert (manifest["engine"], manifest["seed"], manifest["patients"]) == ("microsim", 7, 3000)
    with np.load(log) as file:
        events = {name: file[name] for name in file.files}
    moves = dict.fromkeys(("from", "to", "strategy", "person", "cycle", "time", "type"))
    assert all(len(events[name]) == len(events["draw"]) > 1000 for name in moves)
    states = events["states"].tolist()
    deaths = (events["to"] == states.index("D")) & (events["strategy"] == 0)
    with (tmp_path / "trace.csv").open() as file:
        last = [row for row in csv.DictReader(file) if row["strategy"] == "no_treatment"][-1]
    assert float(last["D"]) == pytest.approx(deaths.sum() / 3000)
    assert events["person"].max() < 3000
    assert "events written to" in shown.err


def test_people_until_the_error_is_small(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    code = heecon(
        "run", "krijkamp", "--engine", "microsim", "--until-se", "400", "--out", str(tmp_path),
        monkeypatch=monkeypatch,
    )  # fmt: skip
    assert code == 0
    with (tmp_path / "monte_carlo.csv").open() as file:
        rows = [row for row in csv.DictReader(file) if row["comparator"]]
    errors = [float(r["standard_error"]) for r in rows if r["threshold"] == "50000.0"]
    assert max(errors) <= 400
    assert "were simulated" not in capsys.readouterr().err


def test_thresholds_of_a_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    arguments = ["run", "krijkamp", "--threshold", "5", "--threshold", "7", "--out", str(tmp_path)]
    assert heecon(*arguments, monkeypatch=monkeypatch) == 0
    with (tmp_path / "net_benefit.csv").open() as file:
        assert {row["threshold"] for row in csv.DictReader(file)} == {"5.0", "7.0"}


def test_a_psa_tells_parameters_from_simulation(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    code = heecon(
        "psa", "sick_sicker", "--engine", "microsim", "--patients", "200", "--draws", "50",
        "--out", str(tmp_path), monkeypatch=monkeypatch,
    )  # fmt: skip
    assert code == 0
    assert "parameters or simulated people?" in capsys.readouterr().out
    with (tmp_path / "psa_variance.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert all(0 <= float(row["monte_carlo_share"]) <= 1 for row in rows)
    assert json.loads((tmp_path / "psa_manifest.json").read_text())["patients"] == 200


CONTINUOUS = """
[model]
title       = "continuous"
cycle       = "1 year"
horizon     = "50 years"
engine      = "continuous"
discounting = { cost = "0.03", effect = "0.03" }
thresholds  = [1000]
[states]
well = {}
dead = { absorbing = true }
[start]
well = 1
[strategies]
old = {}
new = {}
[transitions.well.hazards]
dead = { family = "weibull", arguments = ["shape", "scale"] }
[outcomes.cost]
kind  = "cost"
start = "price"
[outcomes.years]
kind  = "qaly"
state = { alive = 1 }
"""


def test_continuous_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "weibull"
    folder.mkdir()
    (folder / "model.toml").write_text(CONTINUOUS)
    rows = "name,strategy,value\nshape,,1.5\nscale,old,8\nscale,new,9\nprice,old,0\nprice,new,500\n"
    (folder / "parameters.csv").write_text(rows)
    out = tmp_path / "out"
    arguments = ["run", str(folder), "--patients", "20000", "--out", str(out)]
    assert heecon(*arguments, monkeypatch=monkeypatch) == 0
    assert "Microsimulation of 20,000 people" in capsys.readouterr().out
    assert (out / "trace.csv").read_text().startswith("strategy,cycle,time,")
    assert (out / "monte_carlo.csv").exists()
    assert json.loads((out / "manifest.json").read_text())["engine"] == "continuous"
    assert heecon("check", str(folder), monkeypatch=monkeypatch) == 0
    assert heecon(*arguments, "--events", str(out / "e.npz"), monkeypatch=monkeypatch) == 2
    assert "no event log in continuous time" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["run", "krijkamp_history", "--engine", "cohort"], "--engine microsim"),
        (["run", "krijkamp", "--patients", "5"], "a cohort has no single patients"),
        (["run", "krijkamp", "--seed", "5"], "--seed: it belongs to the microsimulation"),
        (["run", "krijkamp", "--events", "x.npz"], "--events: it belongs to"),
        (["run", "krijkamp", "--engine", "microsim", "--patients", "0"], "at least 1"),
        (["run", "krijkamp", "--engine", "microsim", "--patients", "1000000000000"], "days"),
        (["run", "krijkamp", "--engine", "dice"], "unknown engine 'dice'"),
        (["run", "krijkamp", "--engine", "microsim", "--until-se", "0"], "above 0"),
        (["run", "krijkamp", "--threshold", "-5"], "-5.0 is not a threshold"),
        (["run", "krijkamp", "--engine", "microsim", "--events", "x.txt"], ".npz or .parquet"),
    ],
)
def test_bad_options(
    arguments: list[str],
    words: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert heecon(*arguments, monkeypatch=monkeypatch) == 2
    assert words in capsys.readouterr().err
    assert not list(tmp_path.iterdir())  # nothing half-written


def test_a_log_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import heecon as he  # noqa: PLC0415
    from heecon.report import event_log  # noqa: PLC0415

    monkeypatch.setattr(event_log, "MAX_EVENTS", 10)
    log = EventLog(he.load("krijkamp"), tmp_path / "x.npz")
    moves = np.zeros((6, 5), dtype=np.int64)
    moves[:, 4] = -1
    log.add("treatment", 0, moves)
    with pytest.raises(he.InputError, match="more than 10 events"):
        log.add("treatment", 0, moves)


def test_a_parquet_log_has_the_words(tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    import heecon as he  # noqa: PLC0415

    log = EventLog(he.load("krijkamp"), tmp_path / "x.parquet")
    log.add("treatment", 3, np.array([[7, 2, 0, 3, -1], [8, 4, 1, 0, -1]]))
    rows = parquet.read_table(log.write()).to_pylist()
    assert rows[0] == {
        "strategy": "treatment", "draw": 3, "person": 7, "cycle": 2, "time": 2.0,
        "from": "H", "to": "D", "type": None,
    }  # fmt: skip
    assert rows[1]["from"] == "S1"


def test_check_of_a_model_with_history(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert heecon("check", "krijkamp_history/base_case", monkeypatch=monkeypatch) == 0
    assert "no errors" in capsys.readouterr().out
