"""Scenarios side by side."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

import heecon as he
from heecon.analysis.evaluation import run as evaluate
from heecon.analysis.scenarios import comparison, run_scenarios, scenario_files
from heecon.analysis.strategy_comparison import all_thresholds, comparisons, optimal, totals_of
from tests.model.small import write


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder of three scenarios, one of them broken."""
    base = write(tmp_path)
    (base.parent / "a_dear.toml").write_text(
        'title = "Dear"\nextends = "base_case"\n'
        "[settings]\nthresholds = [20000]\n[parameters]\nc_care = 900\n"
    )
    (base.parent / "broken.toml").write_text('title = "B"\n[parameters]\nnothing = 1\n')
    return base.parent


def test_base_case_first_and_the_broken_one_said(folder: Path) -> None:
    runs = run_scenarios(folder)
    assert list(runs) == ["base_case", "a_dear", "broken"]
    assert runs["broken"].evaluation is None
    (problem,) = runs["broken"].problems
    assert "nothing" in problem.what
    for name in ("base_case", "a_dear"):
        evaluation = runs[name].evaluation
        assert evaluation is not None
        assert evaluation.totals() == evaluate(he.load(folder / f"{name}.toml")).totals()


def test_comparison(folder: Path) -> None:
    runs = run_scenarios(folder)
    table = comparison(list(runs.values()))
    rows = table.to_records()
    assert [(row["scenario"], row["strategy"]) for row in rows] == [
        ("base_case", "usual"),
        ("base_case", "new"),
        ("a_dear", "usual"),
        ("a_dear", "new"),
        ("broken", None),
    ]
    dear = runs["a_dear"].evaluation
    assert dear is not None
    (pair,) = dear.pairwise()
    assert (rows[3]["icer"], rows[3]["quadrant"]) == (pair.icer, str(pair.quadrant))
    nmb = {row.strategy: row for row in dear.net_benefit([20_000])}
    for row in rows[2:4]:
        benefit = nmb[str(row["strategy"])]
        assert row["nmb_at_20000"] == benefit.nmb
        assert row["optimal_at_20000"] == benefit.optimal
    # The threshold of one scenario is that of the table.
    assert rows[0]["nmb_at_20000"] is not None
    assert "nothing" in str(rows[4]["problems"])


def test_a_model_by_name(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    bundled = [path.stem for path in scenario_files("hiv")]
    assert bundled == ["base_case", "heemod_beginning", "heemod_end", "heemod_life_table"]
    own = tmp_path / "scenarios" / "hiv"
    own.mkdir(parents=True)
    (own / "base_case.toml").write_text('title = "Mine"\n')
    (own / "ours.toml").write_text('title = "Ours"\n')
    found = scenario_files("hiv")
    assert [path.stem for path in found] == [*bundled, "ours"]
    assert found[0].resolve() == (own / "base_case.toml").resolve()


@pytest.mark.parametrize("source", ["empty", "hiv/base_case", "no_such_model"])
def test_nothing_to_run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, source: str) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    with pytest.raises(he.InputError):
        scenario_files(source)


def test_a_link_out_of_the_folder(folder: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside.toml"
    outside.write_text('title = "Secret"\n')
    (folder / "link.toml").symlink_to(outside)
    (problem,) = run_scenarios(folder)["link"].problems
    assert "leads out of its folder" in problem.what


def test_optimal_shares_ties() -> None:
    run = totals_of(evaluate(he.load("starter/base_case")))
    rows = comparisons(run)
    assert optimal(rows, 25_000) == ("usual_care",)
    twin = replace(rows[0], strategy="twin")
    assert optimal([twin, *rows], 25_000) == ("twin", "usual_care")
    assert optimal(rows, 1.0) == ()
    assert all_thresholds([run, run]) == (25_000, 35_000)
