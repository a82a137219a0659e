"""Finding models and scenarios by name or path."""

import os
from pathlib import Path

import pytest

import heecon as he
from heecon.files import locate
from heecon.model.load import load
from tests.model.small import MODEL_FILE, SCENARIO_FILE, write


def refusal(source: str | Path, scenario: str | Path | None = None) -> str:
    with pytest.raises(he.InputError) as refused:
        load(source, scenario)
    assert all(problem.hint for problem in refused.value.problems)
    return str(refused.value)


def test_the_ways_to_name_a_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path)
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "inputs" / "small"
    for source in ("small", "inputs/small", "inputs/small/model.toml", folder):
        assert locate.find(source, bare=True) == locate.Target(folder)
    scenario = tmp_path / SCENARIO_FILE
    assert locate.find("small/base_case") == locate.Target(folder, scenario)
    assert locate.find(SCENARIO_FILE).scenario == scenario
    assert list(locate.available(tmp_path)) == ["small", "small/base_case"]
    for source in ("small/base_case", SCENARIO_FILE, scenario):
        assert load(source).scenario.title == "Base case"
    assert load("small", SCENARIO_FILE).scenario.title == "Base case"
    assert load("small", no_scenario=True).scenario.title == ""


def test_a_model_means_its_base_case(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A price typed into base_case.toml counts, however the model is named."""
    file = write(tmp_path)
    file.write_text('title = "Ours"\n[parameters]\nc_care = 1234.5\n')
    monkeypatch.chdir(tmp_path)
    for source in ("small", "inputs/small", "small/base_case"):
        assert {row.key: row.value for row in load(source).parameters}["c_care"] == 1234.5
    bare = load("small", no_scenario=True)
    assert {row.key: row.value for row in bare.parameters}["c_care"] != 1234.5
    file.unlink()
    assert load("small").scenario.title == ""


def test_a_local_model_hides_the_bundled_one_wholly(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path)
    for folder in ("inputs", "scenarios"):
        (tmp_path / folder / "small").rename(tmp_path / folder / "hiv")
    monkeypatch.chdir(tmp_path)
    assert "there is no such model" in refusal("hiv/heemod_life_table")
    assert "there is no scenario 'heemod_life_table'" in refusal("hiv", "heemod_life_table")
    child = tmp_path / "scenarios" / "hiv" / "child.toml"
    child.write_text('extends = "heemod_life_table"\n')
    assert "there is no scenario 'heemod_life_table'" in refusal("hiv/child")
    names = [name for name in locate.available() if name.startswith("hiv")]
    assert names == ["hiv", "hiv/base_case", "hiv/child"]


def test_a_local_scenario_of_a_bundled_model(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "scenarios" / "hiv"
    folder.mkdir(parents=True)
    (folder / "ours.toml").write_text('title = "Ours"\nextends = "base_case"\n')
    monkeypatch.chdir(tmp_path)
    assert load("hiv/ours").scenario.title == "Ours"
    assert load("hiv").scenario.title.startswith("Two years")
    assert "hiv/ours" in locate.available()
    (folder / "base_case.toml").write_text('title = "Our base case"\n')
    assert load("hiv").scenario.title == "Our base case"


def test_a_folder_that_is_no_model_does_not_hide_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Someone in a folder with a subfolder hiv can still run the bundled model hiv."""
    (tmp_path / "hiv").mkdir()
    monkeypatch.chdir(tmp_path)
    assert load("hiv").name == "hiv"
    assert "has no model.toml" in refusal(tmp_path / "hiv")


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("hvi", "Did you mean 'hiv'?"),
        ("hiv/base_cas", "Did you mean 'hiv/base_case'?"),
        ("?", "There is bone_metastases"),
        ("../..", "has no model.toml"),
        ("/etc/passwd", "neither a model's folder nor a scenario's file"),
        ("/dev/null", "neither a model's folder nor a scenario's file"),
        ("../../etc/passwd", "no such model or scenario"),
        ("scenarios/hiv/base_caes.toml", "no such scenario file"),
        ("x" * 300, "cannot be the path of a model: File name too long"),
        ("x\0y", "no such model or scenario"),
        ("", "has no model.toml"),
        (locate.bundled() / "inputs/hiv/parameters.csv", "a file of a model, not the model"),
    ],
)
def test_what_is_not_there(
    source: str | Path, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    below = tmp_path / "a" / "b"
    below.mkdir(parents=True)
    monkeypatch.chdir(below)
    assert said in refusal(source)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="pipes are those of POSIX")
def test_a_pipe_in_the_place_of_a_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path)
    file = tmp_path / MODEL_FILE
    file.unlink()
    os.mkfifo(file)
    monkeypatch.chdir(tmp_path)
    for source in ("small", file, file.parent):
        assert "model.toml is not a regular file. Put a text file there" in refusal(source)


def test_a_scenario_of_another_model(tmp_path: Path) -> None:
    scenario = write(tmp_path)
    scenario.write_text('title = "x"\nmodel = "hiv"\n')
    assert "base_case.toml:2:9: this scenario is for the model 'hiv', not for 'small'" in refusal(
        tmp_path / "inputs" / "small", "base_case"
    )
    assert load(scenario).name == "hiv"


def test_links_in_a_circle(tmp_path: Path) -> None:
    write(tmp_path)
    folder = tmp_path / MODEL_FILE
    for name in ("parameters.csv", "tables/mortality.csv"):
        path = folder.parent / name
        path.unlink()
        path.symlink_to(path)
    message = refusal(folder.parent)
    assert "parameters.csv: the link leads nowhere" in message
    assert "tables/mortality.csv: the link leads nowhere" in message


def test_a_linked_model_folder_is_the_users_own_business(tmp_path: Path) -> None:
    write(tmp_path / "real")
    (tmp_path / "inputs").symlink_to(tmp_path / "real" / "inputs")
    assert load(tmp_path / "inputs" / "small").name == "small"


def test_files_are_hashed(tmp_path: Path) -> None:
    files = load(write(tmp_path)).files
    assert [file.name for file in files] == [
        "model.toml",
        "parameters.csv",
        "tables/mortality.csv",
        "scenarios/small/base_case.toml",
    ]
    assert all(len(file.sha256) == 64 for file in files)
