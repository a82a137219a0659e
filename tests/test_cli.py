"""The command line as a user meets it, in a process of its own where exit codes matter."""

import csv
import hashlib
import json
import subprocess
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from xml.etree import ElementTree

import pytest

import heecon as he
from heecon import cli
from heecon.analysis.evaluation import run as evaluate
from heecon.commands import run as commands_of_run

ROOT = Path(__file__).parent.parent
Heecon = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def heecon(tmp_path: Path) -> Heecon:
    """Run ``heecon`` in an empty folder."""

    def run(*arguments: str, cwd: Path = tmp_path) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-W", "error", "-m", "heecon.cli", *arguments],
            cwd=cwd,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
            env={"PATH": "", "PYTHONPATH": str(ROOT), "COLUMNS": "160", "PYTHONUTF8": "1"},
        )

    return run


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_run_prints_and_writes_the_default(heecon: Heecon, tmp_path: Path) -> None:
    done = heecon("run")
    assert done.returncode == 0, done.stderr
    for words in (
        "UK payer, base case",
        "management",
        "Undisc.",
        "QALYs",
        "Fully incremental analysis",
        "inputs are assumptions, not evidence",
        "north-east",
    ):
        assert words in done.stdout
    folder = tmp_path / "reports" / "bone_metastases" / "base_case"
    assert sorted(path.name for path in folder.iterdir()) == [
        "assumptions.csv",
        "incremental.csv",
        "manifest.json",
        "net_benefit.csv",
        "pairwise.csv",
        "results.json",
        "summary.csv",
        "trace.csv",
    ]


def test_a_run_draws_only_when_asked(heecon: Heecon, tmp_path: Path) -> None:
    asked = heecon("run", "hiv/base_case", "--out", "here", "--plots", "svg", "--plots", "png")
    assert asked.returncode == 0, asked.stderr
    ElementTree.parse(tmp_path / "here" / "trace.svg")
    assert (tmp_path / "here" / "trace.png").read_bytes().startswith(b"\x89PNG")
    assert heecon("run", "hiv/base_case", "--plots", "gif").returncode == 2
    code = "import sys, heecon.commands.run; sys.exit('matplotlib' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_files_agree_with_python(heecon: Heecon, tmp_path: Path) -> None:
    done = heecon("run", "sick_sicker/published", "--out", "here")
    assert done.returncode == 0, done.stderr
    folder = tmp_path / "here"
    evaluation = evaluate(he.load("sick_sicker/published"), keep_trace=True)
    totals = {
        (row["strategy"], row["outcome"]): (float(row["discounted"]), float(row["undiscounted"]))
        for row in rows(folder / "summary.csv")
    }
    for name in evaluation.result.strategies:
        assert totals[name, "total_cost"] == (
            evaluation.cost()[name],
            evaluation.cost(discounted=False)[name],
        )
        parts = [
            amounts[0]
            for (strategy, outcome), amounts in totals.items()
            if strategy == name and outcome.startswith("cost_")
        ]
        assert sum(parts) == pytest.approx(totals[name, "total_cost"][0], rel=1e-12)
    icers = {row["strategy"]: row["icer"] for row in rows(folder / "incremental.csv")}
    assert float(icers["B"]) == pytest.approx(72987.6360666533, rel=1e-10)
    results = json.loads((folder / "results.json").read_text())
    assert {r["strategy"]: r["icer"] for r in results["incremental"]}["AB"] == float(icers["AB"])
    trace = rows(folder / "trace.csv")
    assert len(trace) == 4 * 76
    for row in trace:
        assert sum(float(row[state]) for state in ("H", "S1", "S2", "D")) == pytest.approx(1)
    cost = sum(float(row["cost_discounted"]) for row in trace if row["strategy"] == "SoC")
    assert cost == pytest.approx(evaluation.cost()["SoC"], rel=1e-12)


def test_manifest_hashes_every_input(heecon: Heecon, tmp_path: Path) -> None:
    assert heecon("run", "sick_sicker/age_dependent", "--out", "here").returncode == 0
    manifest = json.loads((tmp_path / "here" / "manifest.json").read_text())
    assert set(manifest["files"]) == {
        "model.toml",
        "parameters.csv",
        "tables/published_weights.csv",
        "tables/us_mortality.csv",
        "scenarios/sick_sicker/base_case.toml",
        "scenarios/sick_sicker/published.toml",
        "scenarios/sick_sicker/age_dependent.toml",
    }
    digest = hashlib.sha256((ROOT / "inputs/sick_sicker/model.toml").read_bytes()).hexdigest()
    assert manifest["files"]["model.toml"] == f"sha256:{digest}"
    assert manifest["packages"]["numpy"]
    assert manifest["seconds"] > 0


def test_two_runs_write_the_same_bytes(heecon: Heecon, tmp_path: Path) -> None:
    for name in ("one", "two"):
        assert heecon("run", "starter/base_case", "--out", name).returncode == 0
    for path in (tmp_path / "one").iterdir():
        if path.name != "manifest.json":  # it holds the time taken
            assert path.read_bytes() == (tmp_path / "two" / path.name).read_bytes()


def test_new_makes_a_model_that_runs(heecon: Heecon, tmp_path: Path) -> None:
    done = heecon("new", "mine")
    assert done.returncode == 0, done.stderr
    done = heecon("run", "my_model/cheaper_drug", cwd=tmp_path / "mine")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "mine/reports/my_model/cheaper_drug/summary.csv").exists()
    again = heecon("new", "mine")
    assert again.returncode == 2
    assert "nothing was changed" in again.stderr


def test_list_names_the_default(heecon: Heecon) -> None:
    done = heecon("list")
    assert done.returncode == 0
    assert "Default: bone_metastases/base_case" in done.stdout
    assert done.stdout.count("Bone-targeted agents in breast cancer with bone metastases") == 1
    assert "hiv/heemod_end  Lifelong combination therapy" in heecon("list", "hiv").stdout
    assert "Did you mean 'hiv'?" in heecon("list", "hvi").stderr


def test_a_model_means_its_base_case(heecon: Heecon, tmp_path: Path) -> None:
    """A price entered in base_case.toml is not dropped where the model is named alone."""
    heecon("new", ".")
    file = tmp_path / "scenarios" / "my_model" / "base_case.toml"
    file.write_text(file.read_text() + "\n[parameters]\nc_drug = 1000\n")
    costs = {}
    for names in (["my_model"], ["my_model/base_case"], ["my_model", "--no-scenario"]):
        done = heecon("run", *names, "--out", "here")
        costs[" ".join(names)] = (tmp_path / "here" / "summary.csv").read_text()
        assert done.stdout.startswith("my_model")
    assert costs["my_model"] == costs["my_model/base_case"] != costs["my_model --no-scenario"]
    assert "(scenarios/my_model/base_case.toml is not applied)" in done.stdout


def test_check_says_what_it_checked(heecon: Heecon, tmp_path: Path) -> None:
    done = heecon("check", "hiv/base_case")
    assert done.returncode == 0
    assert "no errors. 2 strategies, 4 states, 20 cycles of 1 year" in done.stdout
    assert not (tmp_path / "reports").exists()


def broken(heecon: Heecon, tmp_path: Path, old: str, new: str, file: str = "model.toml") -> str:
    """Run the starter with one edit; return the message of the refusal."""
    assert heecon("new", "mine").returncode == 0
    path = tmp_path / "mine/inputs/my_model" / file
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")
    done = heecon("run", "my_model/base_case", cwd=tmp_path / "mine")
    assert done.returncode == 2, done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout in {"", "my_model/base_case: scenarios/my_model/base_case.toml\n"}
    assert not (tmp_path / "mine/reports").exists()
    return done.stderr


def test_unknown_name_is_placed(heecon: Heecon, tmp_path: Path) -> None:
    message = broken(heecon, tmp_path, '"lookup(mortality, age)"', '"lookup(mortality, aeg)"')
    assert "model.toml:" in message
    assert "did you mean 'age'" in message
    assert "^^^" in message


def test_probability_above_one_names_the_cycle(heecon: Heecon, tmp_path: Path) -> None:
    message = broken(
        heecon, tmp_path, '"rate_to_prob(h_worse, cycle_length)"', '"0.01 * (cycle + 1)"'
    )
    assert "strategy usual_care, draw 0, cycle 100" in message
    assert "probability progressed -> dead is 1.01" in message
    assert "model.toml:" in message


def test_several_mistakes_are_all_reported(heecon: Heecon, tmp_path: Path) -> None:
    message = broken(heecon, tmp_path, "0.8,0.6,1.05", "80%,0.6,1.05", "parameters.csv")
    assert "parameters.csv:" in message
    assert "write it as a fraction" in message
    assert "found 1 problem" in message


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("run", "bone_metastasis"), "Did you mean 'bone_metastases'?"),
        (("run", "no/such/file.toml"), "there is no such scenario file"),
        (("check", "../.."), "no model.toml"),
        (("run", "sick_sicker/publshed"), "Did you mean 'sick_sicker/published'?"),
    ],
)
def test_unknown_targets(heecon: Heecon, arguments: tuple[str, ...], words: str) -> None:
    done = heecon(*arguments)
    assert done.returncode == 2
    assert words in done.stderr
    assert "Traceback" not in done.stderr


def test_out_that_cannot_be_written(heecon: Heecon, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    done = heecon("run", "hiv/base_case", "--out", "file")
    assert done.returncode == 2
    assert "cannot write here" in done.stderr


def test_version(heecon: Heecon) -> None:
    done = heecon("--version")
    assert (done.returncode, done.stdout.strip()) == (0, he.__version__)


def test_usage_errors_exit_2(heecon: Heecon) -> None:
    assert heecon("run", "--nonsense").returncode == 2


def test_a_fault_of_heecon_exits_1(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("boom")

    monkeypatch.setattr(commands_of_run, "load_model", fail)
    monkeypatch.setattr(sys, "argv", ["heecon", "check"])
    with pytest.raises(SystemExit) as exit_:
        cli.main()
    assert exit_.value.code == 1


HEAVY = ("numpy", "numba", "pandas", "scipy.special", "openpyxl", "matplotlib")


def heavy_modules(code: str, *arguments: str) -> list[str]:
    """Which heavy libraries a new process has imported after running some code."""
    listing = f"print('heavy:', *[m for m in {HEAVY} if m in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", f"import sys\n{code}\n{listing}", *arguments],
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
    )
    return done.stdout.rsplit("heavy:", 1)[1].split()


def test_import_is_light() -> None:
    assert heavy_modules("import heecon, heecon.cli") == []


def test_a_run_imports_nothing_it_does_not_need(tmp_path: Path) -> None:
    """scipy, pandas and openpyxl each cost a third of a second and are for other commands."""
    code = (
        "from heecon.cli import app\n"
        "try: app(['run', 'bone_metastases/base_case', '--out', sys.argv[1]])\n"
        "except SystemExit: pass"
    )
    assert heavy_modules(code, str(tmp_path)) == ["numpy", "numba"]


def test_help_says_what_the_commands_say() -> None:
    for name, (home, line) in cli.COMMANDS.items():
        if not home.endswith(":app"):
            module, _, function = home.partition(":")
            doc = getattr(import_module(f"heecon.commands.{module}"), function).__doc__
            assert doc.splitlines()[0] == line, name


@pytest.mark.parametrize("command", ["price", "price-grid"])
def test_help_keeps_words_in_square_brackets(heecon: Heecon, command: str) -> None:
    result = heecon(command, "--help")
    assert f"[analyses.{command.replace('-', '_')}]" in result.stdout
