"""The commands of decision uncertainty: tables, files and refusals, as a user meets them."""

import csv
import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
from typer.testing import CliRunner

import heecon as he
from heecon.analysis.ceac import ceac
from heecon.analysis.evaluation import run
from heecon.analysis.psa import run_psa
from heecon.cli import app


@pytest.fixture
def heecon(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Run a command in an empty folder; give its standard output."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str) -> str:
        done = CliRunner().invoke(app, list(arguments), catch_exceptions=False)
        assert done.exit_code == 0, done.output
        return done.stdout

    return run


def rows(path: str) -> list[dict[str, str]]:
    with Path(path).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_psa_tells_and_keeps_everything(heecon: Any) -> None:
    text = heecon(
        *("psa", "hiv/base_case", "--draws", "200", "--seed", "0", "--people", "100"),
        *("--plots", "svg", "--plots", "pdf"),
    )
    for words in ("200 draws", "probabilistic", "deterministic", "P(cost-effective)", "EVPI"):
        assert words in text
    folder = "reports/hiv/base_case/psa"
    names = {path.name for path in Path(folder).iterdir()}
    assert names == {
        "psa_summary.csv", "psa_net_benefit.csv", "psa_curves.csv", "psa_convergence.csv",
        "psa_draws.csv", "psa_manifest.json",
        "ce_plane.svg", "ceac.svg", "expected_loss.svg", "evpi.svg",
        "ce_plane.pdf", "ceac.pdf", "expected_loss.pdf", "evpi.pdf",
    }  # fmt: skip
    for name in names:
        if name.endswith(".svg"):
            ElementTree.parse(Path(folder) / name)
    outcomes = run_psa(he.load("hiv/base_case"), 200, 0)
    draws = rows(f"{folder}/psa_draws.csv")
    assert len(draws) == 200
    for number, row in enumerate(draws):
        assert float(row["rr"]) == outcomes.parameters["rr"][number]
        assert float(row["cost_comb"]) == outcomes.cost[number, 1]
        assert float(row["effect_mono"]) == outcomes.effect[number, 0]
    curves = rows(f"{folder}/psa_curves.csv")
    decision = ceac(outcomes, [20_000.0])
    found = {row["strategy"]: row for row in curves if float(row["threshold"]) == 20_000}
    assert float(found["comb"]["probability"]) == decision.probability[0, 1]
    assert float(found["comb"]["evpi"]) == decision.evpi[0]
    assert found["comb"]["evpi_population"] != ""
    manifest = json.loads(Path(f"{folder}/psa_manifest.json").read_text())
    assert (manifest["seed"], manifest["draws"], manifest["method"]) == (0, 200, "random")


def test_psa_headline_may_be_deterministic(heecon: Any) -> None:
    text = heecon("psa", "hiv/base_case", "--draws", "50", "--headline", "deterministic")
    assert "headline: deterministic" in text
    header = next(line for line in text.splitlines() if "deterministic" in line and "Strat" in line)
    assert header.index("deterministic") < header.index("probabilistic")


def test_psa_until_precise_enough(heecon: Any) -> None:
    heecon("psa", "hiv/base_case", "--draws", "3000", "--until", "1e9")
    assert len(rows("reports/hiv/base_case/psa/psa_draws.csv")) == 1000
    heecon("psa", "hiv/base_case", "--draws", "1500", "--until", "0.001")
    assert len(rows("reports/hiv/base_case/psa/psa_draws.csv")) == 1500


def test_psa_of_another_program(heecon: Any, tmp_path: Path) -> None:
    outcomes = run_psa(he.load("hiv/base_case"), 40, 2)
    lines = ["draw,strategy,cost,effect"]
    for draw in range(40):
        for index, name in enumerate(outcomes.strategies):
            cost, effect = outcomes.cost[draw, index], outcomes.effect[draw, index]
            lines.append(f"{draw},{name},{cost!r},{effect!r}")
    (tmp_path / "theirs.csv").write_text(
        "\n".join(lines).replace("np.float64(", "").replace(")", "")
    )
    text = heecon("psa", "--external", "theirs.csv", "--threshold", "10000", "--against", "mono")
    assert "40 draws" in text
    table = {row["strategy"]: row for row in rows("reports/theirs/psa_summary.csv")}
    assert float(table["comb"]["cost"]) == pytest.approx(outcomes.cost[:, 1].mean(), rel=1e-12)


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        (["draw,strategy,cost,effect", "1,a,1,1", "1,b,1,1", "2,a,1,1"], "draw 2 has no row for b"),
        (["draw,strategy,cost,effect", "1,a,1,1", "1,a,2,1"], "draw 1 of a stands twice"),
        (["draw,strategy,cost", "1,a,1"], "no column effect"),
        (["draw,strategy,cost,effect", "1,a,x,1"], "'x' is not a number"),
    ],
)
def test_bad_external_results(
    lines: list[str], words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("theirs.csv").write_text("\n".join(lines))
    with pytest.raises(he.InputError, match=words):
        CliRunner().invoke(app, ["psa", "--external", "theirs.csv"], catch_exceptions=False)
    assert not Path("reports").exists()


def breakable() -> dict[str, Any]:
    return {
        "model": {
            "title": "x", "cycle": "1 year", "horizon": "3 cycles", "thresholds": [1000],
            "discounting": {"cost": 0, "effect": 0},
        },
        "states": {"a": {}, "d": {"absorbing": True}},
        "start": {"a": 1},
        "strategies": {"s": {}, "t": {}},
        "transitions": {"a": {"probabilities": {"a": "rest", "d": "p"}}},
        "outcomes": {"q": {"kind": "qaly", "state": {"a": 1}}},
    }  # fmt: skip


def test_a_draw_that_breaks_the_model() -> None:
    model = he.Model.from_dict(breakable(), {"p": 0.5})
    values = {"p": np.array([0.1, 0.2, 1.5, 0.3, -0.1])}
    with pytest.raises(he.SimulationError) as stopped:
        run_psa(model, values=values)
    message = str(stopped.value)
    assert "draw 2, cycle 0" in message
    assert "probability a -> d is 1.5" in message
    assert "draw 2: its parameters are p = 1.5" in message
    kept = run_psa(model, values=values, on_error="record")
    assert kept.parameters["p"].tolist() == [0.1, 0.2, 0.3]
    assert [draw for draw, _ in kept.failed] == [2, 4]
    assert "draw 4" in kept.failed[1][1]
    with pytest.raises(he.InputError, match="every draw breaks the model"):
        run_psa(model, values={"p": np.array([2.0, 3.0])}, on_error="record")


def test_one_way(heecon: Any) -> None:
    text = heecon(
        "one-way",
        "hiv/base_case",
        "--threshold",
        "10000",
        "--link",
        "care=dmc_A,dmc_B,dmc_C",
        "--plots",
        "svg",
    )
    assert "care" in text
    table = rows("reports/hiv/base_case/one_way/one_way.csv")
    swings = [float(row["swing"]) for row in table]
    assert swings == sorted(swings, reverse=True)
    assert {row["input"] for row in table} >= {"rr", "care"}
    ElementTree.parse("reports/hiv/base_case/one_way/tornado.svg")
    left_out = {
        row["input"]: row["reason"]
        for row in rows("reports/hiv/base_case/one_way/one_way_left_out.csv")
    }
    assert "dr_cost" in left_out
    assert "ICER" in heecon("one-way", "hiv/base_case", "--icer")


def test_two_way_threshold_price_and_discounts(heecon: Any) -> None:
    heecon("two-way", "rr", "dmc_A", "hiv/base_case", "--steps", "5", "--threshold", "5000")
    assert len(rows("reports/hiv/base_case/two_way/two_way.csv")) == 25
    text = heecon("threshold", "c_lamivudine", "hiv/base_case", "--low", "0", "--high", "20000")
    assert "is best from" in text
    text = heecon("price", "hiv", "--input", "c_lamivudine", "--of", "comb")
    assert "Value-based price of comb" in text
    heecon("price-grid", "bone_metastases")
    assert len(rows("reports/bone_metastases/base_case/price_grid/price_grid.csv")) == 21 * 21
    with pytest.raises(
        he.InputError, match=r"Name a price .--first KEY.: c_zidovudine, c_lamivudine"
    ):
        CliRunner().invoke(app, ["price-grid", "hiv"], catch_exceptions=False)


def test_nothing_worth_knowing_is_said(heecon: Any) -> None:
    text = heecon(
        "evppi",
        "sick_sicker/published",
        "--draws",
        "200",
        "--threshold",
        "1",
        "--group",
        "u_S1,u_S2",
    )
    assert "u_S1, u_S2" in text
    text = heecon("evppi", "sick_sicker/published", "--draws", "200", "--threshold", "1")
    assert "the best in every draw: no input is worth knowing exactly" in text


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["evppi", "hiv", "--parameters", "x.csv"], "belongs to --external"),
        (["psa", "hiv", "--external", "x.csv"], "another program's results"),
        (["evppi", "hiv", "--external", "x.csv"], "another program's results"),
        (["evsi", "rr", "hiv", "--sd", "1", "--fixed-cost", "5"], "Give --people"),
        (["psa-mixture", "hiv=0.5", "hiv=0.5"], "stands twice"),
        (
            ["price", "hiv", "--input", "rr", "--of", "comb"],
            "does not tag this as a price",
        ),
        (["price-grid", "bone_metastases", "--price", "-1"], "at least 0"),
    ],
)
def test_options_that_do_not_go_together(arguments: list[str], words: str) -> None:
    with pytest.raises(he.InputError, match=words):
        CliRunner().invoke(app, arguments, catch_exceptions=False)


def test_draws_left_out_are_recorded(heecon: Any, tmp_path: Path) -> None:
    heecon("new", "mine")
    path = tmp_path / "mine/inputs/my_model/model.toml"
    path.write_text(
        path.read_text().replace('stable = "u_stable"', 'stable = "log(u_stable - 0.78)"')
    )
    text = heecon(
        "psa", "mine/inputs/my_model", "--draws", "100", "--on-error", "record", "--out", "o"
    )
    left_out = rows("o/psa_left_out.csv")
    assert left_out
    assert f"{len(left_out)} of 100 draws were left out" in text
    assert len(rows("o/psa_draws.csv")) == 100 - len(left_out)
    assert json.loads(Path("o/psa_manifest.json").read_text())["left_out"] == len(left_out)


def test_generic_prices(heecon: Any) -> None:
    heecon("price-grid", "bone_metastases", "--price", "1", "--price", "100")
    folder = "reports/bone_metastases/base_case/price_grid"
    assert len(rows(f"{folder}/price_grid.csv")) == 2 * 21


def test_another_engine_has_a_folder_of_its_own(heecon: Any) -> None:
    """The cohort's manifest stood beside the microsimulation's monte_carlo.csv."""
    heecon("run", "krijkamp")
    heecon("run", "krijkamp", "--engine", "microsim", "--patients", "100")
    assert not Path("reports/krijkamp/base_case/monte_carlo.csv").exists()
    assert Path("reports/krijkamp/base_case-microsim/monte_carlo.csv").exists()
    heecon("run", "krijkamp", "--engine", "microsim", "--patients", "100", "-o", "here")
    heecon("run", "krijkamp", "-o", "here")
    assert not Path("here/monte_carlo.csv").exists()


def test_mix_of_scenarios(heecon: Any) -> None:
    names = ("hiv/base_case", "hiv/heemod_life_table")
    text = heecon("psa-mixture", f"{names[0]}=0.25", f"{names[1]}=0.75", "--draws", "100")
    assert "100 draws" in text
    draws = rows("reports/hiv/psa_mixture/psa_draws.csv")
    assert {float(row["structure"]) for row in draws} == {0.0, 1.0}
    heecon("psa-mixture", f"{names[0]}=0.25", f"{names[1]}=0.75", "--draws", "100", "--subgroups")
    population = np.array(
        [float(row["cost_mono"]) for row in rows("reports/hiv/psa_mixture/psa_draws.csv")]
    )
    parts = [run_psa(he.load(name), 100, 1).cost[:, 0] for name in names]
    assert population == pytest.approx(0.25 * parts[0] + 0.75 * parts[1], rel=1e-12)
    Path("groups.csv").write_text("subgroup,weight,dr_cost\nlow,1,0\nhigh,3,0.06\n")
    text = heecon("psa-mixture", names[0], "--by", "groups.csv", "--draws", "100")
    assert "By subgroup, and in the population" in text
    table = rows("reports/hiv/psa_mixture/subgroups.csv")
    cost = [float(row["cost"]) for row in table if row["strategy"] == "mono"]
    assert cost[2] == pytest.approx(0.25 * cost[0] + 0.75 * cost[1], rel=1e-12)
    assert cost[1] == pytest.approx(run(he.load(names[0])).cost()["mono"], rel=1e-12)
    for bad, words in (("hiv=x", "has no weight"), ("hiv", "has no weight"), ("hiv=0.5", "sum")):
        with pytest.raises(he.InputError, match=words):
            CliRunner().invoke(app, ["psa-mixture", bad, "--draws", "10"], catch_exceptions=False)


def test_sobol_and_morris(heecon: Any) -> None:
    text = heecon("sobol", "hiv/base_case", "--size", "32", "--quantity", "cost")
    assert "not different from zero" in text
    assert rows("reports/hiv/base_case/sobol/sobol_convergence.csv")
    assert "sigma" in heecon("morris", "hiv/base_case", "--trajectories", "4")


def test_sobol_and_morris_print_the_pair_asked_for(heecon: Any) -> None:
    """Flagship: 8 strategies x 37 factors x 2 thresholds printed 600 to 1,100 lines."""
    text = heecon("morris", "--trajectories", "2", "--of", "denosumab", "--against", "no_agent")
    table = rows("reports/bone_metastases/base_case/morris/morris.csv")
    assert "incremental NMB of denosumab at 25,000 v no_agent" in text
    assert "incremental NMB of clodronate" not in text
    assert len(table) > 7 * 2 * 30
    assert f"15 of {len(table):,} rows are shown; all are in morris.csv." in text
    assert text.count("\n") < 40


def test_ranges_on_the_command_line(heecon: Any) -> None:
    """A range where the file has none; at two thresholds, one below the other in the files."""
    heecon(
        "two-way", "c_lamivudine", "rr", "hiv", "--steps", "3", "--x-range", "0", "400",
        "--y-range", "0.4", "1", "--threshold", "5000", "--threshold", "9000",
    )  # fmt: skip
    table = rows("reports/hiv/base_case/two_way/two_way.csv")
    assert [row["threshold"] for row in table] == ["5000.0"] * 9 + ["9000.0"] * 9
    assert [list(row.values())[1] for row in table[::3]] == ["0.0", "200.0", "400.0"] * 2
    heecon("one-way", "hiv", "--range", "c_lamivudine=0,400", "--input", "c_lamivudine",
           "--threshold", "5000")  # fmt: skip
    (row,) = rows("reports/hiv/base_case/one_way/one_way.csv")
    assert (float(row["low_value"]), float(row["high_value"])) == (0, 400)
    with pytest.raises(he.InputError, match="no input has a range"):
        CliRunner().invoke(app, ["one-way", "krijkamp"], catch_exceptions=False)
    with pytest.raises(he.InputError, match=r"hiv: this is a model.*Name the key first: KEY hiv"):
        CliRunner().invoke(app, ["two-way", "hiv", "rr"], catch_exceptions=False)


def test_the_grid_of_discounts_decides_between_the_drugs_crossed(heecon: Any) -> None:
    heecon("price-grid")
    table = rows("reports/bone_metastases/base_case/price_grid/price_grid.csv")
    assert {row["optimal"] for row in table} == {"denosumab", "zoledronic_acid"}
    heecon("price-grid", "--only", "denosumab", "--only", "no_agent")
    table = rows("reports/bone_metastases/base_case/price_grid/price_grid.csv")
    assert {row["optimal"] for row in table} <= {"denosumab", "no_agent"}


def test_one_way_shows_what_moves_the_pair(heecon: Any) -> None:
    text = heecon("one-way", "bone_metastases/european_sre_costs")
    table = rows("reports/bone_metastases/european_sre_costs/one_way/one_way.csv")
    still = [row["input"] for row in table if float(row["swing"]) == 0]
    assert still
    assert f"{len(still)} inputs do not move this comparison and are in one_way.csv only." in text
    printed = text.partition("Of them these change which of all strategies is best")
    assert not any(f"\n {name} " in printed[0] for name in still)
    assert "zoledronic_acid_12w at" in printed[2]


def test_value_of_information(heecon: Any) -> None:
    heecon("evppi", "hiv/base_case", "--draws", "500", "--threshold", "6000", "--group", "rr,dmc_A")
    table = rows("reports/hiv/base_case/evppi/evppi.csv")
    assert {row["parameters"] for row in table} >= {"rr", "rr, dmc_A"}
    text = heecon(
        "evsi", "rr", "hiv/base_case", "--draws", "500", "--threshold", "6000",
        "--hazard-ratio", "0.5", "--n", "50", "--n", "500", "--people", "1000",
        "--fixed-cost", "1000",
    )  # fmt: skip
    assert "ENBS" in text
    with pytest.raises(he.InputError, match="one way what the trial measures"):
        CliRunner().invoke(app, ["evsi", "rr", "hiv"], catch_exceptions=False)


def test_thresholds_that_are_none(heecon: Any) -> None:
    with pytest.raises(he.InputError, match="-5"):
        heecon("psa", "hiv/base_case", "--draws", "10", "--threshold", "-5")


@pytest.mark.parametrize("name", ["..csv", "...csv"])
def test_a_file_of_dots_names_no_folder(heecon: Any, tmp_path: Path, name: str) -> None:
    rows = [f"{i},{s},{i % 3 + k},{k}" for i in range(20) for k, s in enumerate("ab")]
    (tmp_path / name).write_text("\n".join(["draw,strategy,cost,effect", *rows]))
    with pytest.raises(he.InputError, match="the file's name gives no folder"):
        heecon("psa", "--external", name, "--threshold", "20")
