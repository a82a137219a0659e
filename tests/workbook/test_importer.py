"""From an edited workbook to a scenario: every kind of edit, nothing but the differences."""

import tomllib
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from heecon.errors import Diagnostics, InputError
from heecon.files.toml_text import value_text
from heecon.model.definition import Model
from heecon.model.load import load
from heecon.model.parameter import Parameter
from heecon.model.to_dict import to_dict
from heecon.workbook.changed_settings import ChangedSettings
from heecon.workbook.edits import Edit
from heecon.workbook.importer import import_workbook
from tests.model.small import MODEL_FILE, PARAMETER_FILE, edit, write
from tests.workbook.books import (
    FILES,
    PARAMETERS,
    add_row,
    at,
    edited,
    imported,
    refused,
    row_of,
    typed,
    where,
    write_files,
)
from tests.workbook.books import (
    export as export_of,
)


def changed(path: Path, values: dict[Any, object]) -> tuple[dict[str, Any], Model]:
    """What the scenario file of some edits holds, and the model under it."""
    target = path.parent / "scenarios" / "small" / "mine.toml"
    found = imported(typed(path, values), target)
    text = target.read_text(encoding="utf-8")
    assert text == found.text
    content = tomllib.loads(text)
    assert content.pop("model") == "small"
    for key in ("title", "purpose"):
        del content[key]
    model = load(target)
    assert model.parameters == tuple(
        replace(row, where=mine.where)
        for row, mine in zip(found.model.parameters, model.parameters, strict=True)
    )
    assert to_dict(model) == to_dict(found.model)
    return content, model


def row(model: Model, key: str) -> Parameter:
    return next(found for found in model.parameters if found.key == key)


def test_nothing_changed(export: Path) -> None:
    content, model = changed(export, {})
    assert content == {"extends": "base_case"}
    with at(export.parent):
        assert model.parameters == load("small/base_case").parameters


def test_a_setting_with_the_name_of_its_input_may_have_any_value(tmp_path: Path) -> None:
    """As in a file saved by a program that does not calculate."""
    write_files(
        tmp_path,
        FILES
        | {
            MODEL_FILE: FILES[MODEL_FILE].replace("start_age   = 60", 'start_age   = "start_age"'),
            PARAMETER_FILE: PARAMETERS + "start_age,,60,,,,,,,,methodological,assumption,x\n",
        },
    )
    source = export_of(tmp_path)
    assert imported(edited(source, tmp_path / "saved.xlsx", lambda _: None)).changed == 0


def test_a_value_is_an_assumption_of_its_cell(export: Path) -> None:
    content, model = changed(export, {"c_care": 650})
    assert content["parameters"] == {
        "c_care": {"value": 650, "status": "assumption", "source": f"Typed into {where('c_care')}"}
    }
    found = row(model, "c_care")
    assert found.distribution is not None
    assert (found.value, found.distribution.family) == (650, "fixed")
    assert any("c_care: overridden" in note for note in imported(export).notes)


def test_a_row_of_a_strategy(export: Path) -> None:
    content, model = changed(export, {"hr[new]": 0.75})
    assert list(content["parameters"]["hr"]) == ["new"]
    assert (row(model, "hr[new]").value, row(model, "hr").value) == (0.75, 1)


def added(path: Path, key: str, cells: dict[str, object]) -> Path:
    """With an id and cells in the first of the spare rows."""
    return edited(path, path, lambda book: add_row(book, key, cells))


def test_a_row_of_a_strategy_that_was_added(export: Path) -> None:
    content, model = changed(
        added(export, "h_base[new]", {"your override": 0.25, "source": "a new trial"}), {}
    )
    assert content["parameters"] == {
        "h_base": {"new": {"value": 0.25, "status": "assumption", "source": "a new trial"}}
    }
    assert (row(model, "h_base").value, row(model, "h_base[new]").value) == (0.2, 0.25)


def test_a_row_that_was_added_beside_a_shared_one_that_was_changed(export: Path) -> None:
    """The strategy keeps the scenario's value, which the others no longer have."""
    _, model = changed(added(export, "c_care[new]", {"your override": 500}), {"c_care": 900})
    values = {found.key: found.value for found in model.parameters if found.name == "c_care"}
    assert values["c_care[new]"] == 500
    assert values["c_care[usual]"] == 900


def test_an_added_row_without_a_value(export: Path) -> None:
    path = added(export, "c_care[new]", {"source": "a source"})
    refused(path, "small.xlsx:Inputs!A19", "has no value")


@pytest.mark.parametrize(
    ("key", "column", "value"),
    [("h_base", "low", 0.15), ("h_base", "high", 0.3), ("share_ill", "se", 0.03),
     ("h_base", "distribution", "gamma")],
)  # fmt: skip
def test_a_changed_distribution(export: Path, key: str, column: str, value: object) -> None:
    content, model = changed(export, {(key, column): value})
    assert content["parameters"][key][column] == value
    with at(export.parent):
        before = row(load("small/base_case"), key)
    found = row(model, key)
    assert (found.value, found.source, found.status) == (before.value, "a trial", "trial")
    assert found.distribution != before.distribution
    assert found.distribution is not None
    assert found.distribution.family != "fixed"


def test_changed_arguments(export: Path) -> None:
    _, model = changed(export, {("share_ill", "arg1"): 20, ("share_ill", "arg2"): 180})
    found = row(model, "share_ill").distribution
    assert found is not None
    assert (found.family, found.arguments) == ("beta", (20, 180))


@pytest.mark.parametrize(
    ("column", "value"),
    [("status", "published"), ("source", "another trial"), ("unit", "a year"), ("note", "see text"),
     ("price_year", 2024)],
)  # fmt: skip
def test_a_description_alone_leaves_the_distribution(export: Path, column: str, value: Any) -> None:
    content, model = changed(export, {("hr[new]", column): value})
    assert content["parameters"]["hr"]["new"][column] == value
    with at(export.parent):
        before = row(load("small/base_case"), "hr[new]")
    found = row(model, "hr[new]")
    assert found == replace(before, where=found.where, **{column: value})


@pytest.mark.parametrize("column", ["distribution", "status", "source"])
def test_a_cleared_cell(export: Path, column: str) -> None:
    content, model = changed(export, {("hr[new]", column): None})
    table = content["parameters"]["hr"]["new"]
    found = row(model, "hr[new]")
    assert found.value == 0.8
    if column == "status":
        assert found.status == "assumption"
    elif column == "source":
        assert found.source.startswith("Typed into small.xlsx:Inputs!A")
    else:
        assert column not in table


def test_a_distribution_without_its_bounds(export: Path) -> None:
    typed(export, {("hr[new]", "low"): None})
    refused(export, where("hr[new]", "distribution"), "nothing to be built from")


def test_a_new_value_with_its_evidence(export: Path) -> None:
    edits = {"h_base": 0.3, ("h_base", "source"): "a register", ("h_base", "status"): "published"}
    content, _ = changed(export, edits)
    assert content["parameters"]["h_base"] == {
        "value": 0.3, "status": "published", "source": "a register",
    }  # fmt: skip


def test_a_unit_cannot_be_cleared(tmp_path: Path) -> None:
    from tests.workbook import books  # noqa: PLC0415

    parameters = "name,value,unit,status,source\n" + "\n".join(
        f"{line.split(',')[0]},{line.split(',')[2]},EUR,trial,x"
        for line in books.PARAMETERS.splitlines()[1:]
        if not line.startswith(("hr,new", "d_", "k_"))
    )
    model = books.MODEL
    books.write_files(
        tmp_path, books.FILES | {
            "inputs/small/parameters.csv": parameters + "\n",
            "inputs/small/model.toml": model,
        },
    )  # fmt: skip
    (tmp_path / "inputs/small/joint/ranked.csv").unlink()
    path = books.export(tmp_path)

    def change(book: Any) -> None:
        sheet = book["Inputs"]
        sheet.cell(row_of(sheet, "c_care"), 17).value = None

    refused(edited(path, path, change), "the unit of 'c_care' was cleared")


@pytest.mark.parametrize("column", ["correlation_group", "tags"])
def test_what_a_scenario_cannot_change(export: Path, column: str) -> None:
    refused(typed(export, {("h_base", column): "price"}), where("h_base", column), "parameters.csv")


def test_another_scenario(export: Path) -> None:
    content, model = changed(export, {("scenario", "live"): "dearer", "h_base": 0.3})
    assert content["extends"] == "dearer"
    assert (row(model, "c_care").value, row(model, "h_base").value) == (700, 0.3)


def test_the_value_a_chosen_scenario_has_anyway(export: Path) -> None:
    content, _ = changed(export, {("scenario", "live"): "dearer", "c_care": 700})
    assert content == {"extends": "dearer"}


SETTINGS: list[tuple[str, object, str, object]] = [
    ("comparator", "new", "comparator", "new"),
    ("perspective", "society", "perspective", "society"),
    ("threshold_1", 25_000, "thresholds", [25_000, 30_000]),
    ("threshold_4", 50_000, "thresholds", [20_000, 30_000, 50_000]),
    ("threshold_2", "none", "thresholds", [20_000]),
    ("horizon", 7, "horizon", "7 years"),
    ("horizon", "lifetime", "horizon", "lifetime"),
    ("max_age", 80, "max_age", 80),
    ("start_age", 65, "start_age", 65),
    ("cycle_length", 0.5, "cycle", "0.5 years"),
    ("correction", "half_cycle", "correction", "half_cycle"),
    ("timing", "mid_cycle", "discounting", {"timing": "mid_cycle"}),
    ("dr_cost_1", 0.015, "discounting", {"cost": 0.015}),
    ("dr_effect_2", 0.01, "discounting", {"effect": [{"from": 0, "rate": 0.03},
                                                     {"from": 5, "rate": 0.01}]}),
    ("dr_effect_from_2", 8, "discounting", {"effect": [{"from": 0, "rate": 0.03},
                                                       {"from": 8, "rate": 0.02}]}),
]  # fmt: skip


@pytest.mark.parametrize(("key", "value", "setting", "expected"), SETTINGS)
def test_settings(export: Path, key: str, value: object, setting: str, expected: object) -> None:
    content, _ = changed(export, {key: value})
    assert list(content["settings"]) == [setting]
    found = content["settings"][setting]
    if setting == "discounting":
        assert isinstance(expected, dict)
        unchanged = {"cost": "dr", "effect": [{"from": 0, "rate": 0.03},
                     {"from": 5, "rate": 0.02}], "timing": "cycle_start"}  # fmt: skip
        expected = unchanged | expected
    assert found == expected


def test_a_workbook_keeps_the_years_and_runs_the_last_cycle_to_its_end(tmp_path: Path) -> None:
    write(tmp_path)
    edit(tmp_path, MODEL_FILE, '"10 years"', '"10 cycles"')
    base = load(tmp_path / "inputs" / "small")
    edits = {"cycle_length": Edit(0.3, "small.xlsx:Control!D9")}
    found = ChangedSettings(edits, base, base, Diagnostics()).content()
    assert found == {"cycle": "0.3 years", "horizon": "10 years", "rounding": "up"}


def test_strategies(export: Path) -> None:
    content, model = changed(export, {"include[new]": "no"})
    assert content["strategies"] == ["usual"]
    assert list(model.strategies) == ["usual"]


def test_values_that_are_those_of_the_scenario(export: Path) -> None:
    same = {
        "c_care": 500, "hr[new]": "0.8", "stop.stop_at": 8, "comparator": "usual", "horizon": 10,
        "start_age": 60, "cycle_length": 1, "dr_effect_1": 0.03, "threshold_1": 20_000,
        "correction": "life_table", "include[new]": "yes", "max_age": 100, "timing": "cycle_start",
    }  # fmt: skip
    content, _ = changed(export, same)
    assert content == {"extends": "base_case"}


@pytest.mark.parametrize(
    ("edits", "at_key", "words"),
    [
        ({"comparator": "nwe"}, "comparator", "'new'"),
        ({"correction": "simpsons"}, "correction", "'simpson'"),
        ({"timing": "noon"}, "timing", "is no timing"),
        ({"perspective": "societal"}, "perspective", "is no perspective"),
        ({"threshold_1": -5}, "threshold_1", "a threshold of -5"),
        ({"horizon": 0}, "horizon", "no length of time"),
        ({"cycle_length": -1}, "cycle_length", "no length of time"),
        ({"cycle_length": 1e-20}, "cycle_length", "no length of time"),
        ({"max_age": 500}, "max_age", "130"),
        ({"dr_effect_2": -3}, "dr_effect_2", ""),
        ({"dr_effect_from_2": -3}, "dr_effect_from_2", ""),
        ({"include[new]": "maybe"}, "include[new]", "neither yes nor no"),
        ({"include[new]": "no", "include[usual]": "no"}, "include[new]", "no strategy is left"),
        ({("h_base", "distribution"): "gama"}, ("h_base", "distribution"), "'gamma'"),
        ({("h_base", "status"): "guess"}, ("h_base", "status"), "unknown status"),
        ({("h_base", "low"): 0.3}, "h_base", "does not lie inside"),
        ({("h_base", "price_year"): 20.5}, ("h_base", "price_year"), "not a year"),
        ({("h_base", "se"): "a bit"}, ("h_base", "se"), "not a number"),
    ],
)  # fmt: skip
def test_values_that_cannot_be_used(
    export: Path, edits: dict[Any, object], at_key: str | tuple[str, str], words: str
) -> None:
    found = refused(typed(export, edits), words)
    key, heading = (at_key, "") if isinstance(at_key, str) else at_key
    places = [where(key, heading or "your override")]
    if not heading and key == "h_base":
        places.append(where(key, "id"))
    assert found.problems[0].where in places, str(found)


def test_one_of_a_block(export: Path) -> None:
    """A share of a Dirichlet block leaves the other without company."""
    found = refused(typed(export, {"d_a": 0.4}))
    assert "small.xlsx:Inputs!" in str(found) or "split" in str(found)


def test_one_of_a_ranked_group(export: Path) -> None:
    content, model = changed(export, {"k_a": 2.5, "k_b": 3.5})
    assert set(content["parameters"]) == {"k_a", "k_b"}
    assert row(model, "k_a").value == 2.5


TEXTS = ["=cmd|'/c calc'!A0", 'a "quoted" \\ text', "line\nbreak\ttab", "]\n[settings]\nx = 1",
         "'''", '"""', "\\u0000 \\n", "é, 東京, 😀", "# comment"]  # fmt: skip


@pytest.mark.parametrize("text", TEXTS)
def test_text_stays_text(export: Path, text: str) -> None:
    columns = {"source": 21, "note": 23, "unit": 17}

    def change(book: Any) -> None:
        sheet = book["Inputs"]
        for place in columns.values():
            found = sheet.cell(row_of(sheet, "h_base"), place)
            found.value = text
            found.data_type = "s"

    content, model = changed(edited(export, export, change), {})
    for column in columns:
        assert content["parameters"]["h_base"][column] == text
        assert getattr(row(model, "h_base"), column) == text


@settings(max_examples=50, derandomize=True)
@given(st.recursive(st.text() | st.floats(allow_nan=False, allow_infinity=False) | st.integers(),
                    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)))  # fmt: skip
def test_toml_says_what_was_typed(value: object) -> None:
    assert tomllib.loads(f"x = {value_text(value)}")["x"] == value


@pytest.mark.parametrize("key", ['h"]\nx = 1', "../h_base", "h_base\n", "h.base", "[x]"])
def test_ids_that_would_be_toml(export: Path, key: str) -> None:
    path = added(export, key, {"your override": 0.5})
    if key.strip() == "h_base":  # spaces around an id are no part of it
        refused(path, "'h_base' stands twice", "Inputs!A19")
    else:
        refused(path, "Inputs!A19: unknown input")


# --- files ---------------------------------------------------------------------------------------


def test_files_that_changed_since(export: Path) -> None:
    path = export.parent / "inputs/small/parameters.csv"
    path.write_text(path.read_text().replace("500", "550"))
    (note,) = imported(export).notes
    assert "another version of parameters.csv" in note


def test_a_model_elsewhere(export: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    typed(export, {"h_base": 0.3})
    with at(elsewhere):
        with pytest.raises(InputError, match="--model FOLDER"):
            import_workbook(export)
        found = import_workbook(export, elsewhere / "x.toml", str(export.parent / "inputs/small"))
    assert row(found.model, "h_base").value == 0.3


def test_the_folder_of_another_model(export: Path) -> None:
    (export.parent / "inputs/small").rename(export.parent / "inputs/big")
    found = refused(export, source=str(export.parent / "inputs/big"))
    assert "is of the model 'small', not of 'big'" in str(found)


@pytest.mark.parametrize("name", ["scenarios/small/base_case.toml", "base_case.toml"])
def test_a_scenario_does_not_replace_what_it_extends(export: Path, name: str) -> None:
    target = export.parent / name
    before = target.read_text() if target.exists() else None
    with at(export.parent), pytest.raises(InputError, match="cannot have its name"):
        import_workbook(export, target)
    assert (target.read_text() if target.exists() else None) == before


def test_yes_and_no_in_any_case(export: Path) -> None:
    """Spreadsheets compare without case."""
    content, _ = changed(export, {"include[new]": "No"})
    assert content["strategies"] == ["usual"]


def test_a_renamed_sheet_is_to_be_renamed_back(export: Path) -> None:
    def change(book: Any) -> None:
        book["Inputs"].title = "Inputs (2)"

    refused(edited(export, export, change), "there is no sheet Inputs", "rename the sheet back")
