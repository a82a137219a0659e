"""The public face: what a notebook shows, and that it says what the commands say."""

import inspect
import logging
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import openpyxl
import pytest
from matplotlib import pyplot as plt
from matplotlib.axes import Axes

import heecon as he
from heecon import api, editable, runnable
from heecon.analysis.evaluation import run
from heecon.cli import COMMANDS, loaded
from heecon.engine import cohort
from heecon.model.distribution import fitted
from heecon.model.load import load

MODEL = "hiv/base_case"


@pytest.fixture(scope="module")
def model() -> he.Model:
    return he.load(MODEL)


@pytest.fixture(scope="module")
def draws(model: he.Model) -> he.PSAResult:
    return model.psa(100)


# --- what a notebook shows -----------------------------------------------------------------------

SHOWN: dict[str, Callable[[he.Model, he.PSAResult], Any]] = {
    "Model": lambda model, _: model,
    "parameters": lambda model, _: model.parameters,
    "Parameter": lambda model, _: model.parameters[0],
    "flagship": lambda _, __: he.load("bone_metastases"),
    "run": lambda _, __: he.load("bone_metastases").run(),
    "trace": lambda model, _: model.run().trace,
    "transitions": lambda model, _: model.run().transitions("mono", 3),
    "plot": lambda model, _: model.run().plot,
    "psa": lambda _, draws: draws,
    "summary": lambda _, draws: draws.summary,
    "ceac": lambda _, draws: draws.ceac,
    "evppi": lambda _, draws: draws.evppi(threshold=10_000),
    "evsi": lambda _, draws: draws.evsi(he.hazard_ratio_trial("rr", 0.3), [50], threshold=10_000),
    "trial": lambda _, __: he.hazard_ratio_trial("rr", 0.3),
    "one_way": lambda model, _: model.one_way(10_000),
    "two_way": lambda model, _: model.two_way("rr", "dmc_A", 10_000, steps=3),
    "threshold": lambda model, _: model.threshold("rr", 10_000),
    "morris": lambda model, _: model.morris(4),
    "sobol": lambda model, _: model.sobol(8),
    "diff": lambda model, _: model.diff(model.with_values({"rr": 0.6})),
    "batch": lambda _, __: he.batch("hiv"),
}


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("name", SHOWN)
def test_everything_shows_itself_in_ten_lines(
    name: str, model: he.Model, draws: he.PSAResult
) -> None:
    text = repr(SHOWN[name](model, draws))
    assert len(text) < 1_500
    assert len(text.splitlines()) <= 10


@pytest.mark.parametrize("name", ["Model", "parameters", "run", "psa", "one_way", "diff", "trace"])
def test_tables_are_frames_and_html(name: str, model: he.Model, draws: he.PSAResult) -> None:
    found = SHOWN[name](model, draws)
    assert found._repr_html_().count("<table>") == 1
    if name != "Model":
        assert len(found.to_pandas())


def test_html_is_escaped(model: he.Model) -> None:
    hostile = replace(model.parameters[0], label="<script>alert(1)</script>")
    shown = editable.Parameters([hostile])._repr_html_()
    assert "<script>" not in shown
    assert "&lt;script&gt;" in shown


# --- the same numbers ----------------------------------------------------------------------------


def test_methods_are_the_commands_of_that_name(model: he.Model, draws: he.PSAResult) -> None:
    evaluation = run(load(MODEL), keep_trace=True)
    frame = model.run().incremental.to_pandas().set_index("strategy")
    for row in evaluation.incremental():
        assert frame.loc[row.strategy, "cost"] == row.cost
    assert len(draws.to_pandas()) == 100
    assert draws.to_pandas()["cost_mono"].tolist() == draws.outcomes.cost[:, 0].tolist()
    assert (
        model.evppi("rr", draws=100, threshold=10_000).table
        == draws.evppi("rr", threshold=10_000).table
    )
    assert model.one_way(10_000).to_pandas()["swing"].is_monotonic_decreasing


def test_transitions_are_the_probabilities_of_the_model() -> None:
    sections = small()
    result = he.Model.from_dict(sections, {"p": 0.25}).run()
    frame = result.transitions("a", 1).to_pandas().set_index("from")
    assert list(frame.loc["well"]) == pytest.approx([0.75, 0.25, 0])
    assert list(frame.loc["ill"]) == pytest.approx([0, 0.9, 0.1])
    first = result.transitions("a").to_pandas().set_index("from")
    assert list(first.loc["ill"]) == pytest.approx([0, 0.9, 0.1])  # also where nobody is yet
    with pytest.raises(he.InputError, match="unknown strategy 'A'"):
        result.transitions("A")
    with pytest.raises(he.InputError, match="there is no cycle 10"):
        result.transitions("a", 10)


def test_transitions_of_states_that_keep_time() -> None:
    sections = small()
    sections["states"]["ill"] = {"residence": 3}
    row = {"ill": "0.9 - 0.1 * state_cycle", "dead": "rest"}
    sections["transitions"]["ill"] = {"probabilities": row}
    frame = he.Model.from_dict(sections, {"p": 0.25}).run().transitions("a").to_pandas()
    ill = frame[frame["from"] == "ill"]
    assert list(ill["time_in_state"]) == [0, 1, 2]
    assert list(ill["ill"]) == pytest.approx([0.9, 0.8, 0.7])
    assert list(ill["dead"]) == pytest.approx([0.1, 0.2, 0.3])


def test_a_cohort_has_no_monte_carlo_error(model: he.Model) -> None:
    with pytest.raises(he.InputError, match="a cohort is exact"):
        _ = model.run().monte_carlo
    simulated = model.run(engine="microsim", patients=200)
    assert len(simulated.monte_carlo) > 0


def test_pictures_go_on_the_axes_given(model: he.Model, draws: he.PSAResult) -> None:
    plt.switch_backend("agg")
    _, (left, right) = plt.subplots(1, 2)
    assert draws.plot.ceac(ax=left) is left
    assert model.run().plot.trace(ax=right) is right
    assert isinstance(model.one_way(10_000).plot.tornado(), Axes)
    assert dir(draws.plot) == ["ce_plane", "ceac", "evpi", "expected_loss"]
    with pytest.raises(AttributeError, match="no picture 'plane'; there is ce_plane"):
        _ = draws.plot.plane
    plt.close("all")


# --- changed models ------------------------------------------------------------------------------


def small() -> dict[str, Any]:
    return {
        "model": {
            "title": "Small",
            "cycle": "1 year",
            "horizon": "10 years",
            "thresholds": [10_000],
            "discounting": {"cost": 0.03, "effect": 0.03},
        },
        "states": {"well": {}, "ill": {}, "dead": {"absorbing": True}},
        "start": {"well": "1"},
        "strategies": {"a": {"label": "A"}, "b": {"label": "B"}},
        "transitions": {
            "well": {"probabilities": {"ill": "p", "well": "rest"}},
            "ill": {"probabilities": {"dead": "0.1", "ill": "rest"}},
        },
        "outcomes": {
            "care": {"kind": "cost", "state": {"well": "10", "ill": "100"}},
            "health": {"kind": "qaly", "state": {"well": "1", "ill": "0.5"}},
        },
    }


def test_other_values_are_fixed_like_those_of_a_scenario() -> None:
    base = he.load("bone_metastases")
    changed = base.with_values({"c_unit[denosumab]": 120.0, "share_prior_sre": 0.2})
    assert base.values("denosumab")["c_unit"] == 309.86
    assert changed.values("denosumab")["c_unit"] == 120.0
    rows = {row.key: row for row in changed.parameters}
    assert rows["share_prior_sre"].distribution == fitted("fixed", 0.2)
    assert rows["share_prior_sre"].status == "assumption"
    apart = set(changed.parameters) ^ set(base.parameters)
    assert {row.key for row in apart} == {"c_unit[denosumab]", "share_prior_sre"}
    assert changed.blocks.keys() == base.blocks.keys()
    np.testing.assert_array_equal(
        base.with_values({}).run().evaluation.result.discounted,
        base.run().evaluation.result.discounted,
    )


def test_a_strategy_can_get_a_value_of_its_own() -> None:
    changed = he.Model.from_dict(small(), {"p": 0.2}).with_values({"p[b]": 0.1})
    assert (changed.values("a")["p"], changed.values("b")["p"]) == (0.2, 0.1)
    with pytest.raises(he.InputError, match=r"unknown parameter .q.\. There is p"):
        changed.with_values({"q": 1.0})
    with pytest.raises(he.InputError, match=r"unknown parameter 'p\[c\]'"):
        changed.with_values({"p[c]": 1.0})


def test_settings_and_scenarios(model: he.Model) -> None:
    assert model.with_settings(horizon="5 years").settings.cycles == 5
    with pytest.raises(he.InputError, match="horizn"):
        model.with_settings(horizn="5 years")
    flagship = he.load("bone_metastases")
    under = flagship.with_scenario("stop_at_2_years")
    assert under.parameters == load("bone_metastases/stop_at_2_years").parameters
    with pytest.raises(he.InputError, match="made in code"):
        flagship.with_values({}).with_scenario("stop_at_2_years")


# --- models in code ------------------------------------------------------------------------------


def test_distributions_by_word() -> None:
    row = he.Parameter("p", 0.1, low=0.08, high=0.12, distribution="beta")
    assert row.distribution == fitted("beta", 0.1, low=0.08, high=0.12)
    assert replace(row, label="words").distribution == row.distribution
    assert he.Parameter("c", 100, se=10, distribution="gamma").distribution == fitted(
        "gamma", 100, se=10
    )
    assert he.Parameter("p", 0.1).distribution is None
    for wrong, words in (
        ({"distribution": "bta", "se": 0.1}, r"parameter 'p': unknown distribution 'bta'.*'beta'"),
        ({"distribution": "dirichlet"}, "joint_family"),
        ({"distribution": "beta"}, "parameter 'p'"),
    ):
        with pytest.raises(he.InputError, match=words):
            he.Parameter("p", 0.1, **wrong)


def test_a_model_made_in_code_is_exported_with_its_results(tmp_path: Path) -> None:
    rows = [he.Parameter("p", 0.2, se=0.02, distribution="beta")]
    made = he.Model.from_dict(small(), rows, name="small").with_values({"p[b]": 0.1})
    path = made.export_workbook(tmp_path / "small.xlsx", draws=20)
    book = openpyxl.load_workbook(path, data_only=True)
    assert {"Results", "PSA", "Trace_a", "Trace_b"} <= {*book.sheetnames}
    cells = {
        cell.value
        for row in book["Results"].iter_rows()
        for cell in row
        if isinstance(cell.value, float)
    }
    evaluation = made.run().evaluation
    for value in (*evaluation.cost().values(), *evaluation.qalys().values()):
        assert min(abs(value - cell) for cell in cells) <= 1e-9 * abs(value)
    with pytest.raises(he.InputError, match=r"ends in \.xlsx"):
        made.export_workbook(tmp_path / "small.csv")


def test_an_exported_workbook_comes_back_as_a_model(model: he.Model, tmp_path: Path) -> None:
    path = model.export_workbook(tmp_path / "hiv.xlsx", draws=0)
    back = he.import_workbook(path)
    assert back.values(None) == model.values(None)


# --- the package ---------------------------------------------------------------------------------


def test_public_names_are_there_and_sorted() -> None:
    assert api.__all__ == sorted(api.__all__)
    assert all(getattr(he, name) is getattr(api, name) for name in api.__all__)
    assert set(api.__all__) < set(dir(he))
    assert not hasattr(he, "sample")
    assert (Path(he.__file__).parent / "py.typed").exists()


def test_importing_heecon_imports_nothing_else() -> None:
    code = "import sys, heecon; sys.exit('heecon.api' in sys.modules or 'numpy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_python_says_when_it_compiles(
    model: he.Model, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    for name in (cohort, runnable):
        monkeypatch.setattr(name, "compiled_before", lambda: False)
    with caplog.at_level(logging.WARNING, logger="heecon"):
        model.run()
        model.one_way(10_000)
    assert [record.message[:9] for record in caplog.records] == ["Compiling"] * 2


ONE = {
    "links": "link", "prices": "price", "quantities": "quantity", "ranges": "range", "sizes": "n",
}  # fmt: skip
"""Arguments that are lists in Python, and may be repeated on the command line."""

ONLY_IN_PYTHON = {"self", "on_draws", "path", "trial", "evppi.parameters"}
"""Functions and mappings, and what a command takes in other ways."""


@pytest.mark.parametrize(
    ("method", "command"),
    [
        *(
            (name, name.replace("_", "-"))
            for name in ("run", "psa", "one_way", "two_way", "price_grid")
        ),
        *((name, name) for name in ("psa", "threshold", "price", "sobol", "morris", "evppi")),
    ],
)
def test_names_and_defaults_are_those_of_the_command(method: str, command: str) -> None:
    compare(getattr(he.Model, method), command)


def test_names_and_defaults_of_a_trial_and_of_a_workbook() -> None:
    compare(he.PSAResult.evsi, "evsi")
    compare(he.Model.export_workbook, "workbook export")


def test_one_grammar() -> None:
    """An option means the same wherever it stands, and every command of a model has the common."""
    options: dict[str, set[str]] = {}
    for name in COMMANDS:
        found: Any = loaded(name)
        commands = getattr(found, "commands", {name: found}).values()
        assert "-h" in found.context_settings["help_option_names"]
        for command in commands:
            names = {text: option for option in command.params for text in option.opts}
            if any("SCENARIO|MODEL" in str(option.metavar) for option in command.params):
                assert {"--no-scenario", "--out"} <= names.keys() or name == "check"
            assert ("--out" in names) == ("-o" in names)
            for text in ("--only", "--of", "--against", "--threshold", "--people", "--no-scenario"):
                if text in names:
                    options.setdefault(text, set()).add(
                        f"{names[text].help} {names[text].multiple}"
                    )
    assert options.keys() >= {"--only", "--of", "--against", "--threshold"}
    assert all(len(meanings) == 1 for meanings in options.values()), options


def compare(method: Callable[..., Any], command: str) -> None:
    """Every argument of a method is an option of its command, with the same default."""
    found: Any = loaded(command.split(maxsplit=1)[0])
    for name in command.split()[1:]:
        found = found.commands[name]
    options = {option.name.removesuffix("_"): option for option in found.params}
    for name, argument in inspect.signature(method).parameters.items():
        if name in ONLY_IN_PYTHON or f"{method.__name__}.{name}" in ONLY_IN_PYTHON:
            continue
        option = options[name if name in options else ONE.get(name, name)]
        if argument.default is not inspect.Parameter.empty and name not in {"quantities", "sizes"}:
            assert (option.default or None) == (argument.default or None), name
