"""The documentation is true: links lead somewhere, code runs, generated parts are current."""

import re
import runpy
import shutil
import tomllib
from pathlib import Path

import pytest
from matplotlib import pyplot as plt

import heecon as he
from heecon.analysis.engines import with_engine
from heecon.analysis.evaluation import run

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
UPDATE = runpy.run_path(str(ROOT / "docs" / "update.py"))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_to_files(page: Path) -> None:
    targets = re.findall(r"\]\(([^)#]+)\)", page.read_text(encoding="utf-8"))
    local = [target for target in targets if not target.startswith("http")]
    assert [target for target in local if not (page.parent / target).exists()] == []


def test_function_table_is_current() -> None:
    text = (ROOT / "docs" / "language.md").read_text(encoding="utf-8")
    assert UPDATE["with_table"](text, UPDATE["function_table"]()) == text, (
        "run python docs/update.py"
    )


@pytest.mark.slow
def test_effects_of_evidence_are_current() -> None:
    text = (ROOT / "docs" / "evidence_changes.md").read_text(encoding="utf-8")
    assert UPDATE["with_table"](text, UPDATE["effects_table"]()) == text, (
        "run python docs/update.py"
    )


def test_picture_is_current() -> None:
    picture = (ROOT / "docs" / "images" / "trace.svg").read_bytes()
    assert UPDATE["picture"]() == picture, "run python docs/update.py"


@pytest.mark.parametrize("page", ["README.md", "docs/python.md"])
def test_python_on_a_page_runs(
    page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The blocks of a page run one after the other, as in a notebook."""
    plt.switch_backend("agg")
    monkeypatch.chdir(tmp_path)
    blocks = python_of(page)
    assert blocks
    namespace: dict[str, object] = {}
    for block in blocks:
        exec(compile(block, page, "exec"), namespace)
    plt.close("all")
    assert "denosumab" in capsys.readouterr().out


def test_a_whole_model_takes_thirty_lines() -> None:
    script = python_of("docs/python.md")[0]
    assert "export_workbook" in script
    assert len(script.splitlines()) <= 30


def python_of(page: str) -> list[str]:
    text = (ROOT / page).read_text(encoding="utf-8")
    return re.findall(r"```python\n(.*?)```", text, re.DOTALL)


def test_readme_scenario_runs(tmp_path: Path) -> None:
    """The scenario README shows can be saved beside the base case and run."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    (text,) = re.findall(r"```toml\n(.*?)```", readme, re.DOTALL)
    for part in ("inputs", "scenarios"):
        shutil.copytree(ROOT / part / "bone_metastases", tmp_path / part / "bone_metastases")
    path = tmp_path / "scenarios" / "bone_metastases" / "our_price.toml"
    path.write_text(text, encoding="utf-8")
    model = he.load(path)
    assert model.values("zoledronic_acid")["c_unit"] == 3.10


def test_the_example_of_people_runs() -> None:
    """Every kind of key of the page on microsimulation, as one model."""
    page = (ROOT / "docs" / "microsimulation.md").read_text(encoding="utf-8")
    (text,) = re.findall(r"```toml\n(.*?)```", page, re.DOTALL)
    joint = {"traits": {"frailty": [1.0, 0.3], "bmi": [0.3, 1.0]}}
    model = he.Model.from_dict(
        tomllib.loads(text), {"theta": 0.5}, joint=joint, patients={"prior": [0.0, 0.0, 1.0]}
    )
    model = with_engine(model, patients=500)
    assert run(model).result.monte_carlo is not None


def test_readme_counts_the_assumptions() -> None:
    model = he.load("bone_metastases/base_case")
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert f"{len(model.assumptions)} of its {len(model.inputs)} inputs" in readme


def test_nothing_names_a_registry_or_a_machine() -> None:
    """Pins are names and versions; no file carries the address of an index."""
    pins = (ROOT / "constraints.txt").read_text(encoding="utf-8").split()
    assert all(re.fullmatch(r"[A-Za-z0-9_.-]+==[0-9A-Za-z.]+", pin) for pin in pins)
