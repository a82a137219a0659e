"""What a check notices, and what the commands say and return."""

import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from typer.testing import CliRunner

from heecon.commands.workbook import app
from heecon.errors import HeeconError, InputError
from heecon.workbook import recalculate
from heecon.workbook.case import case_of
from heecon.workbook.export import write_workbook
from heecon.workbook.importer import import_workbook
from heecon.workbook.verify import Verification, distance_of, verify
from tests.workbook import books
from tests.workbook.books import at, edited, part_of, repacked, typed


def checked(path: Path, **options: Any) -> Verification:
    with at(path.parent):
        return verify(path, **options)


def in_part(path: Path, sheet: str, old: bytes, new: bytes) -> Path:
    def change(text: bytes) -> bytes:
        assert old in text
        return text.replace(old, new, 1)

    return repacked(path, path, {part_of(path, sheet): change})


def cell_xml(path: Path, sheet: str, place: str) -> bytes:
    text = zipfile.ZipFile(path).read(part_of(path, sheet))
    found = re.search(rf'<c r="{place}"[^>]*>.*?</c>'.encode(), text)
    assert found is not None, place
    return found[0]


def places(found: Verification) -> dict[str, str]:
    return {difference.place: difference.against for difference in found.differences}


def test_a_fresh_export_passes(export_to_read: Path) -> None:
    found = checked(export_to_read)
    assert found.passed
    assert found.compared_with_engine > 1_000
    assert found.compared_with_file > 100
    assert found.largest < 1e-9
    assert found.notes == ()


def test_edits_are_compared_with_the_engine_on_them(export: Path) -> None:
    """The values of an edited workbook differ from those of the export, and still are right."""
    typed(export, {"h_base": 0.31, "dr_cost_1": 0.05, "correction": "half_cycle", "horizon": 8})
    found = checked(export)
    assert set(places(found).values()) <= {"file"}
    assert found.imported.changed == 4
    assert found.compared_with_engine > 1_000


def test_a_wrong_value_beside_a_formula_that_is_not_of_the_model(export: Path) -> None:
    old = cell_xml(export, "Control", "C7")
    in_part(export, "Control", old, old.replace(b"<v>1", b"<v>2"))
    assert places(checked(export)) == {"Control!C7": "file"}


@pytest.mark.parametrize(("held", "differs"), [(1 + 0.9e-9, False), (1 + 1.1e-9, True)])
def test_values_are_compared_to_1e_9(export: Path, held: float, differs: bool) -> None:
    old = cell_xml(export, "Control", "C7")
    assert b"<v>1.0<" in old
    in_part(export, "Control", old, old.replace(b"<v>1.0<", f"<v>{held!r}<".encode()))
    assert places(checked(export)) == ({"Control!C7": "file"} if differs else {})


FORMULAS = [("Trace_usual", "K15"), ("Trace_new", "D19"), ("Results", "C8"), ("Values", "F9"),
            ("Timeline", "C12")]  # fmt: skip


@pytest.mark.parametrize(("sheet", "place"), FORMULAS)
def test_one_broken_formula(export: Path, sheet: str, place: str) -> None:
    def change(book: Any) -> None:
        cell = book[sheet][place]
        assert str(cell.value).startswith("="), cell.value
        cell.value = f"{cell.value}+0"

    found = checked(edited(export, export, change))
    assert not found.passed
    assert f"{sheet}!{place}" in places(found)


def first_formula(sheet: Any) -> Any:
    cells = (cell for row in sheet.iter_rows() for cell in row)
    return next(cell for cell in cells if str(cell.value).startswith("="))


@pytest.mark.parametrize("value", [None, 0.5, "text"])
def test_a_formula_that_was_typed_over_or_deleted(export: Path, value: object) -> None:
    changed: list[str] = []

    def change(book: Any) -> None:
        cell = first_formula(book["Frontier"])
        changed.append(f"Frontier!{cell.coordinate}")
        cell.value = value

    found = checked(edited(export, export, change))
    (difference,) = (d for d in found.differences if d.place == changed[0])
    assert difference.found == "no formula"


def test_a_program_that_does_not_calculate(export: Path) -> None:
    found = checked(edited(export, export, lambda _book: None))
    assert found.passed
    assert any("saved by a program that does not calculate" in note for note in found.notes)


def test_sorted_rows_are_no_differences(export: Path) -> None:
    """As a spreadsheet program sorts: formulas follow their rows."""

    def change(book: Any) -> None:
        sheet = book["Inputs"]
        first = books.row_of(sheet, "id") + 1
        rows = [[cell.value for cell in row] for row in sheet.iter_rows(first)]
        for new, values in enumerate(reversed(rows), start=first):
            old = first + len(rows) - 1 - (new - first)
            for column, value in enumerate(values, start=1):
                moved = re.sub(rf"\b([A-G]){old}\b", rf"\g<1>{new}", str(value))
                formula = isinstance(value, str) and value.startswith("=")
                sheet.cell(new, column).value = moved if formula else value

    found = checked(edited(export, export, change))
    assert found.passed, found.differences[:3]


@pytest.fixture(scope="module")
def with_draws(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("draws")
    books.write_files(root)
    return books.export(root, draws=10)


def test_an_untouched_export_with_draws_passes(with_draws: Path) -> None:
    """Every export has draws unless told otherwise."""
    with at(with_draws.parent):
        found = verify(with_draws)
    assert found.passed, found.differences[:5]


@pytest.mark.parametrize("rows", [0, 3])
def test_a_replayed_draw(with_draws: Path, tmp_path: Path, rows: int) -> None:
    """The model's sheets are of the draw then, wherever the row was moved to."""
    path = tmp_path / "replayed.xlsx"

    def change(book: Any) -> None:
        sheet = book["Control"]
        sheet.cell(books.row_of(sheet, "psa_draw"), 3).value = 2
        if rows:
            sheet.insert_rows(1, rows)

    edited(with_draws, path, change)
    with at(with_draws.parent):
        found = verify(path)
    assert any("Draw 2 of the PSA is replayed" in note for note in found.notes)
    assert found.compared_with_engine == 0


def test_engines_that_are_not_installed(
    export_to_read: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "formualizer", None)
    with pytest.raises(InputError, match="pip install formualizer, or use"):
        checked(export_to_read)
    monkeypatch.setattr(shutil, "which", lambda _name: None)
    with pytest.raises(InputError, match="LibreOffice is not installed"):
        checked(export_to_read, engine="libreoffice")


@pytest.mark.parametrize("script", ["exit 1", "sleep 60 & wait", "exit 0"])
def test_a_libreoffice_that_fails(
    export_to_read: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str
) -> None:
    program = tmp_path / "soffice"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    monkeypatch.setattr(shutil, "which", lambda _name: str(program))
    monkeypatch.setattr(recalculate, "SECONDS", 0.3)
    with pytest.raises(InputError, match="LibreOffice could not open"):
        checked(export_to_read, engine="libreoffice")


@pytest.mark.parametrize(
    ("expected", "found", "distance"),
    [(1.0, 1.0, 0.0), (1000.0, 1001.0, 1e-3), (0.0, 1e-12, 1e-12), (1.0, None, None),
     (1.0, "1", None), ("#N/A", "#DIV/0!", 0.0), (float("inf"), "#NUM!", 0.0), (None, "", 0.0),
     ("a", "b", None), (True, True, 0.0), (True, 2.0, None), (1.0, "#N/A", None)],
)  # fmt: skip
def test_distances(expected: Any, found: Any, distance: float | None) -> None:
    assert distance_of(expected, found) == distance


# --- the commands --------------------------------------------------------------------------------

Run = Callable[..., tuple[int, str]]


@pytest.fixture
def run(export: Path) -> Run:
    def go(*arguments: str) -> tuple[int, str]:
        with at(export.parent):
            result = CliRunner().invoke(app, list(arguments), env={"COLUMNS": "200"})
        text = result.output
        if isinstance(result.exception, InputError):
            text += str(result.exception)
        else:
            assert isinstance(result.exception, SystemExit | None)
        return result.exit_code, text

    return go


def test_check_says_what_it_did(run: Run, export: Path) -> None:
    code, text = run("check", "small.xlsx")
    assert code == 0
    assert text.rstrip().endswith("Passed.")
    edited(export, export, lambda book: book["Results"].__setitem__("C8", "=C9*7"))
    code, text = run("check", "small.xlsx")
    assert code == 2
    assert "House rule: a formula has numbers in it (1): Results!C8" in text
    assert "Results!C8: " in text
    assert text.rstrip().endswith("Not passed.")


def test_import_says_what_each_change_did(run: Run, export: Path) -> None:
    typed(export, {"c_care": 650})
    code, text = run("import", "small.xlsx", "-o", "mine.toml")
    assert code == 0
    assert "c_care" in text
    assert "Note: c_care: overridden" in text
    assert "Written to mine.toml. Run it: heecon run mine.toml" in text
    assert (export.parent / "mine.toml").is_file()


def test_an_import_writes_over_no_file_unless_told(run: Run, export: Path) -> None:
    """Somebody's scenario must not be lost."""
    typed(export, {"c_care": 650})
    mine = export.parent / "mine.toml"
    mine.write_text("title = 'Mine'\n")
    code, text = run("import", "small.xlsx", "-o", "mine.toml")
    assert code != 0
    assert "mine.toml: the file is there already" in text
    assert mine.read_text() == "title = 'Mine'\n"
    assert run("import", "small.xlsx", "-o", "mine.toml", "--force")[0] == 0
    assert "c_care" in mine.read_text()


def test_an_import_writes_nothing_that_cannot_run(export: Path) -> None:
    typed(export, {"d_a": 1, "d_b": 0})  # a hazard is divided by d_b
    with at(export.parent), pytest.raises(HeeconError, match="h_base"):
        import_workbook(export, export.parent / "mine.toml")
    assert not (export.parent / "mine.toml").exists()


def test_commands_refuse_names_that_are_not_theirs(run: Run, export: Path) -> None:
    before = sorted(export.parent.rglob("*"))
    for arguments, words in (
        (("import", "small.xlsx", "-o", "mine.txt"), "ends in .toml"),
        (("import", "gone.xlsx"), "there is no file"),
        (("check", "gone.xlsx"), "there is no file"),
        (("export", "small/base_case", "-o", "x.xlsm"), "ends in .xlsx"),
        (("export", "small/base_case", "--draws", "-1"), "0 to 100,000"),
        (("export", "small/none"), "small/none"),
    ):
        code, text = run(*arguments)
        assert code != 0
        assert words in text
    assert sorted(export.parent.rglob("*")) == before


def test_a_user_sees_a_message_and_no_traceback(export: Path) -> None:
    typed(export, {"h_base": "0,5"})
    done = subprocess.run(
        [sys.executable, "-m", "heecon.cli", "workbook", "import", "small.xlsx"],
        cwd=export.parent, capture_output=True, text=True, timeout=60, check=False,
        env={"PYTHONPATH": str(Path(__file__).parents[2]), "PATH": "", "PYTHONUTF8": "1"},
    )  # fmt: skip
    assert done.returncode == 2
    assert "has a comma" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_horizon_beyond_the_rows_is_said(tmp_path: Path) -> None:
    path = write_workbook(case_of("hiv/base_case"), tmp_path / "hiv.xlsx")
    book = openpyxl.load_workbook(path)
    control = book["Control"]
    row = next(r for r in range(1, 90) if control.cell(r, 1).value == "horizon")
    control.cell(row, 4).value = 80
    book.save(path)
    assert any("has room for 50" in note for note in import_workbook(path).notes)
    with pytest.raises(InputError, match=r"hiv.xlsx:Control: the horizon has 80 cycles"):
        verify(path)


@pytest.mark.slow
def test_the_start_age_moves_the_horizon(tmp_path: Path) -> None:
    """An override of the start age shortens a lifetime; a replayed draw would not."""
    path = write_workbook(case_of("starter/base_case"), tmp_path / "starter.xlsx")
    book = openpyxl.load_workbook(path)
    control = book["Control"]
    rows = {control.cell(r, 1).value: r for r in range(1, 90)}
    control.cell(rows["start_age"], 4).value = 80
    assert control.cell(rows["start_age_for_horizon"], 4).value is None
    book.save(path)
    assert verify(path).passed
