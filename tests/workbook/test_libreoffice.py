"""A second opinion: LibreOffice opens, recalculates and renders what heecon exports."""

from __future__ import annotations

import re
import shutil
import subprocess
import zipfile
from dataclasses import replace
from pathlib import Path

import openpyxl
import pytest

from heecon.workbook.book import Book
from heecon.workbook.case import case_of
from heecon.workbook.export import workbook, write_workbook
from heecon.workbook.recalculate import convert, recalculate
from heecon.workbook.verify import distance_of, verify
from heecon.workbook.xlsx import to_bytes
from tests.engine.small import model as small

from .sheets import case_in_memory, formulas_of, with_strategies

pytestmark = pytest.mark.slow

MODELS = ("sick_sicker", "hiv", "starter", "early_breast_cancer", "bone_metastases")
RESULT_SHEETS = ("Results", "Outcomes", "Frontier", "Checks")


def program() -> str:
    found = shutil.which("soffice") or shutil.which("libreoffice")
    assert found, "LibreOffice is not installed: apt-get install libreoffice-calc"
    return found


@pytest.mark.parametrize("model", MODELS)
def test_every_formula_of_every_model(model: str, tmp_path: Path) -> None:
    path = write_workbook(case_of(f"{model}/base_case", draws=50), tmp_path / "book.xlsx")
    found = verify(path, "libreoffice")
    assert found.passed, found.differences[:5]
    assert found.compared_with_engine > 1_000


@pytest.mark.parametrize("model", MODELS)
def test_every_result_of_every_scenario(model: str, tmp_path: Path) -> None:
    """The flagship with two of its strategies, and no less than all of its scenarios."""
    whole = case_of(f"{model}/base_case")
    names = ("denosumab", "zoledronic_acid") if model == "bone_metastases" else ()
    case = with_strategies(whole, names) if names else whole
    for chosen, variant in enumerate(case.variants):
        book = workbook(replace(case, chosen=chosen))
        path = tmp_path / f"{variant.name}.xlsx"
        path.write_bytes(to_bytes(book))
        copy = convert(path, tmp_path / variant.name, program(), "xlsx:Calc MS Excel 2007 XML")
        wrong = differences_in(copy, book)
        assert not wrong, (variant.name, wrong[:5])
        path.unlink()
        shutil.rmtree(tmp_path / variant.name)


def differences_in(path: Path, book: Book) -> list[str]:
    """Formulas of the result sheets whose value in a saved file is not Python's."""
    saved = openpyxl.load_workbook(path, data_only=True, read_only=True)
    wrong, compared = [], 0
    for name in RESULT_SHEETS:
        page = saved[name]
        page.reset_dimensions()
        lines = list(page.iter_rows(values_only=True))
        for row, column, formula, value in formulas_of(book)[name]:
            line = lines[row - 1] if row <= len(lines) else ()
            found = line[column - 1] if column <= len(line) else None
            distance = distance_of(value, found)
            compared += 1
            if distance is None or distance > 1e-9:
                wrong.append(
                    f"{name} row {row} column {column}: {found!r} not {value!r} ={formula}"
                )
    saved.close()
    assert compared > 200
    return wrong


def planted(path: Path, sheet: str, cell: str, value: str) -> None:
    """Write another cached value into the file, the formula staying as it is."""
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    names = re.findall(r'<sheet [^>]*?name="([^"]+)"', parts["xl/workbook.xml"].decode())
    part = f"xl/worksheets/sheet{names.index(sheet) + 1}.xml"
    page = parts[part].decode()
    mark = re.compile(rf'(<c r="{cell}"[^>]*><f>[^<]*</f><v>)[^<]*(</v>)')
    assert mark.search(page)
    parts[part] = mark.sub(rf"\g<1>{value}\g<2>", page).encode()
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)


def test_a_wrong_cached_value_is_noticed(tmp_path: Path) -> None:
    """LibreOffice trusts the values in a file unless told to recalculate: this shows that it is."""
    path = write_workbook(case_of("hiv/base_case"), tmp_path / "book.xlsx")
    planted(path, "Control", "C7", "999")
    found = verify(path, "libreoffice")
    assert [cell.place for cell in found.differences] == ["Control!C7"]
    assert found.differences[0].expected == 999
    assert found.differences[0].against == "file"


def test_the_text_of_every_page_is_readable(tmp_path: Path) -> None:
    """No page shows #### for a number that does not fit, nor an error value."""
    path = tmp_path / "book.xlsx"
    path.write_bytes(to_bytes(workbook(case_of("sick_sicker/base_case", draws=50))))
    page = convert(path, tmp_path / "scratch", program(), "pdf")
    reader = shutil.which("pdftotext")
    assert reader, "apt-get install poppler-utils"
    done = subprocess.run([reader, str(page), "-"], capture_output=True, check=True, text=True)
    assert "Sick-Sicker" in done.stdout
    assert "###" not in done.stdout
    assert not re.search(r"#(REF|NAME|VALUE|DIV/0|N/A|NUM)|Err:[0-9]", done.stdout)


def test_residence_and_tunnels(tmp_path: Path) -> None:
    states = {
        "well": {}, "ill": {"tunnel": 3}, "later": {"residence": 4}, "dead": {"absorbing": True},
    }  # fmt: skip
    transitions = {
        "well": {"rates": {"ill": 0.2, "dead": 0.05}},
        "ill": {"rates": {"dead": "0.1 * (1 + state_time)", "later": "rest"}},
        "later": {
            "probabilities": {"later": "rest", "ill": "0.1 / (1 + state_cycle)", "dead": 0.1}
        },
    }
    outcomes = {
        "cost": {
            "kind": "cost",
            "state": {"ill": "10 * (1 + state_cycle)"},
            "entering": {"ill": 5},
        },
        "qaly": {"kind": "qaly", "state": {"alive": 0.7}, "transition": {"later -> dead": -0.1}},
    }
    model = small(states=states, transitions=transitions, outcomes=outcomes, horizon="12 cycles")
    book = workbook(case_in_memory(model))
    path = tmp_path / "book.xlsx"
    path.write_bytes(to_bytes(book))
    saved = recalculate(path, "libreoffice")
    for name, cells in formulas_of(book).items():
        values = saved.values(name, [(row, column) for row, column, _, _ in cells])
        for (row, column, formula, value), found in zip(cells, values, strict=True):
            if isinstance(value, float):
                assert found == pytest.approx(value, rel=1e-9, abs=1e-9), (
                    name,
                    row,
                    column,
                    formula,
                )
