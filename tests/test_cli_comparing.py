"""heecon diff and heecon batch as a user meets them."""

from __future__ import annotations

import json
from pathlib import Path

from tests.model.small import write
from tests.test_cli import Heecon, heecon, rows

__all__ = ["heecon"]


def test_diff_of_two_scenarios(heecon: Heecon, tmp_path: Path) -> None:
    done = heecon("diff", "starter/base_case", "starter/cheaper_drug")
    assert done.returncode == 0, done.stderr
    for words in ("model.horizon", "parameters.c_drug.value", "30,713 (north-east)", "-50%"):
        assert words in done.stdout
    folder = tmp_path / "reports" / "starter" / "base_case" / "diff"
    assert sorted(path.name for path in folder.iterdir()) == [
        "change_log.csv",
        "change_log.md",
        "change_log_effects.csv",
        "change_log_manifest.json",
    ]
    about = json.loads((folder / "change_log_manifest.json").read_text(encoding="utf-8"))
    assert about["b"]["scenario"] == "cheaper_drug"
    assert "scenarios/starter/cheaper_drug.toml" in about["b"]["files"]


def test_diff_with_saved_results(heecon: Heecon, tmp_path: Path) -> None:
    assert heecon("run", "starter/base_case", "--out", "saved").returncode == 0
    done = heecon("diff", "saved", "starter/base_case", "--out", "here")
    assert done.returncode == 0, done.stderr
    assert "starter/base_case (saved results)" in done.stdout
    effects = rows(tmp_path / "here" / "change_log_effects.csv")
    a, b = ([row for row in effects if row["step"] == side] for side in "AB")
    assert [row | {"step": ""} for row in a] == [row | {"step": ""} for row in b]
    assert not (tmp_path / "here" / "change_log.csv").exists()


def test_diff_of_two_versions(heecon: Heecon, tmp_path: Path) -> None:
    """Two folders of one name are called by their paths; a rename of a price is one step."""
    for version in ("old", "new"):
        write(tmp_path / version)
    model = tmp_path / "new" / "inputs" / "small"
    for name in ("model.toml", "parameters.csv"):
        path = model / name
        path.write_text(path.read_text(encoding="utf-8").replace("c_care", "cost_of_care"))
    done = heecon("diff", "old/inputs/small", "new/inputs/small", "--out", "here")
    assert done.returncode == 0, done.stderr
    assert "A: old/inputs/small" in done.stdout
    assert "B: new/inputs/small" in done.stdout
    changes = rows(tmp_path / "here" / "change_log.csv")
    assert {row["step"] for row in changes} == {"1"}
    assert {row["key"] for row in changes} == {
        "outcomes.cost.state.well, ill",
        "parameters.cost_of_care.value",
        "parameters.c_care.value",
    }
    assert "Without any effect on the results: step 1." in done.stdout


def test_diff_of_what_is_not_there(heecon: Heecon, tmp_path: Path) -> None:
    done = heecon("diff", "starter/base_case", "starter/cheeper_drug")
    assert done.returncode == 2
    assert "cheaper_drug" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "reports").exists()


def test_batch(heecon: Heecon, tmp_path: Path) -> None:
    base = write(tmp_path / "x")
    text = 'title = "Dear"\nextends = "base_case"\n[parameters]\nc_care = 900\n'
    (base.parent / "dear.toml").write_text(text)
    (base.parent / "broken.toml").write_text('title = "B"\n[parameters]\nnothing = 1\n')
    done = heecon("batch", str(base.parent), "-o", "all")
    assert done.returncode == 2
    assert "scenario 'broken': small/broken.toml:3" in done.stderr
    assert "Traceback" not in done.stderr
    assert "ICER against the comparator" in done.stdout
    folder = tmp_path / "all"
    assert sorted(path.name for path in folder.iterdir()) == [
        "base_case",
        "comparison.csv",
        "comparison.xlsx",
        "comparison_manifest.json",
        "dear",
    ]
    summary = {
        (row["strategy"], row["outcome"]): row for row in rows(folder / "dear" / "summary.csv")
    }
    table = rows(folder / "comparison.csv")
    for row in table:
        if row["scenario"] == "dear":
            total = float(summary[row["strategy"], "total_cost"]["discounted"])
            assert abs(float(row["cost"]) / total - 1) < 1e-12
    about = json.loads((folder / "comparison_manifest.json").read_text(encoding="utf-8"))
    assert about["scenarios"]["broken"]["problems"]
    assert about["scenarios"]["dear"]["problems"] == []


def test_batch_of_a_model(heecon: Heecon, tmp_path: Path) -> None:
    done = heecon("batch", "sick_sicker")
    assert done.returncode == 0, done.stderr
    scenarios = {
        row["scenario"] for row in rows(tmp_path / "reports" / "sick_sicker" / "comparison.csv")
    }
    assert scenarios == {"base_case", "age_dependent", "published"}
    assert (tmp_path / "reports" / "sick_sicker" / "published" / "summary.csv").exists()
    assert not list(tmp_path.rglob("workbook.xlsx"))
