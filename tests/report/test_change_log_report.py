"""What a change log looks like, whatever stands in the models."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest
from rich.console import Console

import heecon as he
from heecon.analysis.change_log import ChangeLog, Side, change_log, compare_totals
from heecon.analysis.evaluation import run
from heecon.analysis.strategy_comparison import comparisons, totals_of
from heecon.difference.change import Change
from heecon.report.change_log_report import files_of, markdown, print_change_log
from heecon.report.run_files import write_run
from heecon.report.saved_run import read_run
from tests.analysis.changing import Draft
from tests.analysis.test_change_log import no_other

NASTY = '=HYPERLINK("http://x")|<b>[click](y)\n| `z`'


def a_and_b() -> tuple[he.Model, he.Model]:
    first, second = Draft(), Draft()
    no_other(second)
    second.values["c_drug[new]"] = 400.0
    second.values["unused"] = 1.0
    second.definition["model"]["title"] = NASTY
    second.definition["states"]["ill"]["label"] = NASTY
    second.fields["hr[new]"] = {"source": NASTY, "note": "[bold]not markup[/bold]"}
    return first.model(), second.model()


@pytest.fixture(scope="module")
def log() -> ChangeLog:
    return change_log(*a_and_b())


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def test_files_hold_every_change_and_every_stage(log: ChangeLog) -> None:
    files = files_of(log)
    changes = rows(files["change_log.csv"])
    assert len(changes) == sum(len(step.changes) for step in log.steps) + len(log.without_effect)
    price = next(row for row in changes if row["key"] == "parameters.c_drug[new].value")
    assert [float(price[key]) for key in ("before", "after", "absolute")] == [800, 400, -400]
    assert float(price["relative"]) == -0.5
    effects = rows(files["change_log_effects.csv"])
    assert [row["step"] for row in effects if row["strategy"] == "new"] == ["A", "1", "2", "3", "B"]
    last = [row for row in effects if row["step"] == "3"]
    for row, standing in zip(last, log.b.comparisons, strict=True):
        assert float(row["cost"]) == standing.cost
        assert float(row["nmb_at_20000"]) == standing.nmb[20_000]


def test_nothing_a_spreadsheet_runs(log: ChangeLog) -> None:
    for text in files_of(log).values():
        if text.startswith("#"):
            continue
        for line in csv.reader(io.StringIO(text)):
            assert not any(cell.startswith(("=", "@", "+")) for cell in line)


@pytest.mark.parametrize(
    ("text", "cell"), [("-0.5", "-0.5"), ("1e-05", "1e-05"), ("nan", "nan"), ("-x", "'-x")]
)
def test_numbers_and_words_as_cells(text: str, cell: str) -> None:
    change = Change("key", "state", text, None, note="words only")
    side = Side("a", "", "", "old", ())
    log = ChangeLog(side, side, (), (), (change,), ())
    (row,) = rows(files_of(log)["change_log.csv"])
    assert (row["before"], row["after"]) == (cell, "")


def test_markdown_tables_hold(log: ChangeLog) -> None:
    text = markdown(log)
    assert "<b>" not in text
    assert "[click]" not in text
    width = None
    for line in text.splitlines():
        bars = line.replace(r"\|", "").count("|")
        if not line.startswith("|"):
            width = None
            continue
        width = width or bars
        assert bars == width, line
    assert "Without any effect on the results: step" in text
    assert "Changed together, and why:" in text
    assert "no longer compared" in text


def test_screen(log: ChangeLog) -> None:
    console = Console(file=io.StringIO(), width=150)
    print_change_log(log, console)
    text = console.file.getvalue()  # type: ignore[attr-defined]
    for words in (
        "parameters.c_drug[new].value",
        "ICER against the comparator after each step",
        "Step 1 is one step: rows of 'other', which only one side has.",
        "[bold]not markup[/bold]",
        "Without any effect on the results",
    ):
        assert words in text


def test_nothing_differs() -> None:
    model, _ = a_and_b()
    same = change_log(model, model)
    assert "Nothing differs." in markdown(same)
    console = Console(file=io.StringIO(), width=100)
    print_change_log(same, console)
    assert "Nothing differs." in console.file.getvalue()  # type: ignore[attr-defined]


def test_saved_results_are_those_of_the_run(tmp_path: Path) -> None:
    a, b = a_and_b()
    evaluation = run(a, keep_trace=True)
    write_run(evaluation, tmp_path, 1.0)
    saved, fresh = read_run(tmp_path), totals_of(evaluation)
    assert saved.totals == fresh.totals
    assert comparisons(saved) == comparisons(fresh)
    log = compare_totals(saved, totals_of(run(b)))
    assert (log.steps, log.inputs_known) == ((), False)
    assert "cannot be told apart" in markdown(log)
    assert "change_log.csv" not in files_of(log)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "{}",
        "null",
        "[" * 100_000,
        '{"model": 1}',
        "RESULTS without settings",
        "RESULTS with a cost of true",
        "RESULTS with a cost of 1e999",
        "RESULTS with a strategy of 7",
        "RESULTS without qalys",
        "RESULTS that command a terminal",
        "RESULTS in half characters",
    ],
)
def test_results_nobody_wrote(tmp_path: Path, text: str) -> None:
    write_run(run(a_and_b()[0], keep_trace=True), tmp_path, 1.0)
    path = tmp_path / "results.json"
    if text.startswith("RESULTS"):
        content = json.loads(path.read_text(encoding="utf-8"))
        total = next(row for row in content["summary"] if row["outcome"] == "total_cost")
        if "settings" in text:
            del content["settings"]
        elif "true" in text:
            total["discounted"] = True
        elif "1e999" in text:
            total["discounted"] = float("inf")
        elif "7" in text:
            total["strategy"] = 7
        elif "terminal" in text:
            content["settings"]["currency"] = "\x1b]0;other\x07\x1b[2JGBP"
        elif "half" in text:
            content["title"] = "\ud800"
        else:
            content["summary"] = [
                row for row in content["summary"] if row["outcome"] != "total_qaly"
            ]
        text = json.dumps(content)
    path.write_text(text, encoding="utf-8")
    with pytest.raises(he.InputError) as caught:
        read_run(tmp_path)
    (problem,) = caught.value.problems
    assert str(path) in problem.where
    assert problem.hint
