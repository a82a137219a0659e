"""heecon evidence as a user meets it."""

import csv
import re
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from typer.testing import CliRunner

from heecon.cli import app
from heecon.errors import InputError


@pytest.fixture
def heecon(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str) -> str:
        done = CliRunner().invoke(app, ["evidence", *arguments], catch_exceptions=False)
        assert done.exit_code == 0, done.output
        return done.stdout

    return run


def test_an_overview(heecon: Any) -> None:
    text = heecon()
    assert "523 figures, 16 of them superseded" in text
    assert "Networks: sre_lytic_subgroup, sre_metastatic, " in text


def test_a_figure_and_where_it_is_used(heecon: Any) -> None:
    text = heecon("lidgren_metastatic")
    for words in ("0.685 (0.62 to 0.735)", "Lidgren 2007", "published", "u_bone", "cited"):
        assert words in text
    assert "stop_at_2_years" not in text  # it only inherits it
    assert "os_hr_denosumab" in heecon("os_hr_denosumab")
    assert "bone_metastases/overall_survival" in heecon("os_hr_denosumab")
    assert "Not to be used: cite stopeck_extended_median_denosumab" in heecon("S066")
    assert "nothing replaces it so far" in heecon("S110")
    assert "No model and no network uses it" in heecon("S001")


def test_a_network_with_its_files(heecon: Any, tmp_path: Path) -> None:
    text = heecon("--network", "sre_metastatic", "--plots", "svg")
    for words in (
        "League table",
        "P-score",
        "0.77 (0.66-0.89)",
        "inconsistency",
        "its p value",
        "Indirect",
    ):
        assert words in text
    folder = tmp_path / "reports" / "evidence" / "sre_metastatic"
    with (folder / "league.csv").open(encoding="utf-8") as file:
        league = list(csv.DictReader(file))
    assert len(league) == 8 * 7
    ratios = {(row["treatment"], row["comparator"]): float(row["ratio"]) for row in league}
    assert ratios["denosumab", "zoledronic_acid"] == pytest.approx(0.77)
    for (one, two), ratio in ratios.items():
        assert ratio * ratios[two, one] == pytest.approx(1)
    picture = ElementTree.parse(folder / "forest.svg").getroot()
    texts = [element.text for element in picture.iter("{http://www.w3.org/2000/svg}text")]
    assert "denosumab v zoledronic_acid" in texts
    assert sum(bool(re.fullmatch(r"\d\.\d\d \(.+\)", text or "")) for text in texts) == 11 + 7
    assert "variance between trials 0;" in heecon("--network", "sre_metastatic", "--method", "reml")


def test_the_audit(heecon: Any, tmp_path: Path) -> None:
    text = heecon("--audit", "--out", str(tmp_path / "here"))
    for words in ("Assumptions: 68", "Price years mixed", "Superseded figures", "7% off"):
        assert words in text
    assert (tmp_path / "here" / "audit.csv").read_text(encoding="utf-8").count("superseded,") == 16
    assert "u_bone" not in text


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        (["S06"], "unknown evidence 'S06'"),
        (["--network", "sre"], "unknown network 'sre'. There is sre_lytic_subgroup, "),
        (["S001", "--network", "sre"], "three different things"),
        (["hiv"], "'hiv' is a model, no figure. Ask for its audit: heecon evidence --audit hiv"),
        (["--method", "reml"], "--method: it goes with --network"),
        (["--no-scenario"], "--no-scenario: it goes with --audit"),
        (["--network", "sre_metastatic", "--method", "bayes"], "unknown method 'bayes'"),
    ],
)
def test_refusals(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], what: str
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError) as error:
        CliRunner().invoke(app, ["evidence", *arguments], catch_exceptions=False)
    assert what in str(error.value)
    assert not (tmp_path / "reports").exists()


def invoke(*arguments: str) -> str:
    done = CliRunner().invoke(app, list(arguments), catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.stdout


def test_validate_shows_every_verdict(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    text = invoke("validate")
    for words in (
        "Used in calibration: 3 met",
        "7 outside",
        "stopeck_hr_first",
        "sre_trial: Independent: 3 inside",
        "not tuned away",
    ):
        assert words in text
    path = tmp_path / "reports/bone_metastases/base_case/validation/validation.csv"
    with path.open(encoding="utf-8") as file:
        rows = {row["target"]: row for row in csv.DictReader(file)}
    assert rows["calgb_sre_q4w"]["verdict"] == "outside"
    assert rows["stopeck_median_za"]["use"] == "calibration"


def test_calibrate_reports_and_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    text = invoke(
        "calibrate", "bone_metastases", "--input", "months_first_sre", "--target", "calgb_sre_q4w"
    )
    assert "No file was changed" in text
    path = tmp_path / "reports/bone_metastases/base_case/calibration/calibration.csv"
    with path.open(encoding="utf-8") as file:
        rows = {row["name"]: row for row in csv.DictReader(file)}
    assert float(rows["calgb_sre_q4w"]["fitted"]) == pytest.approx(0.295, rel=1e-4)
    # The clinical rate of the registry is the same figure in closed form.
    rate = (2**0.7276205 - 1) / 0.7276205 / float(rows["months_first_sre"]["fitted"]) * 12
    assert rate == pytest.approx(0.1991, abs=0.0005)
