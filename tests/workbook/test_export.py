"""What an exported file is: safe text, equal bytes, live cells with values, and what is refused."""

from __future__ import annotations

import datetime
import io
import re
import zipfile
from pathlib import Path
from typing import Any

import openpyxl
import pytest

import heecon as he
from heecon.errors import InputError
from heecon.workbook import trace
from heecon.workbook.address import is_safe_name, reads_as_cell, sheet_names
from heecon.workbook.book import Book
from heecon.workbook.case import MAX_SLOTS, case_of, refuse
from heecon.workbook.export import workbook, write_workbook
from heecon.workbook.lint import lint
from heecon.workbook.xlsx import to_bytes
from tests.engine.small import model as small
from tests.model import small as files

from .sheets import case_in_memory, differences, formulas_of, opened

DAY = datetime.date(2026, 3, 4)


def definition(**more: Any) -> dict[str, Any]:
    """A model with two strategies, costs and QALYs."""
    return {
        "horizon": "6 cycles",
        "strategies": {"usual": {}, "new": {}},
        "transitions": {"healthy": {"rates": {"dead": "hazard"}}},
        "parameters": [
            he.Parameter("hazard", 0.2),
            he.Parameter("price", 100.0),
            he.Parameter("price", 300.0, strategy="new"),
        ],
        "outcomes": {
            "cost": {"kind": "cost", "state": {"alive": "price"}},
            "qaly": {"kind": "qaly", "state": {"alive": 0.8}},
        },
    } | more


def book_of(**more: Any) -> Book:
    return workbook(case_in_memory(small(**definition(**more))))


def test_equal_cases_give_equal_bytes() -> None:
    first, second = (workbook(case_of("hiv/base_case", made=DAY)) for _ in range(2))
    assert to_bytes(first) == to_bytes(second)


def test_text_never_becomes_a_formula(tmp_path: Path) -> None:
    evil = '=HYPERLINK("http://x","y")'
    rows = [
        he.Parameter("hazard", 0.2, label=evil, unit="+1", source="@SUM(A1)", note="-2+3"),
        he.Parameter("price", 100.0, label="<b>&\"'"),
    ]
    strategies = {"usual": {"label": evil, "note": "=1+1"}, "new": {"label": "@x"}}
    book = book_of(parameters=rows, strategies=strategies)
    path = tmp_path / "evil.xlsx"
    path.write_bytes(to_bytes(book))
    found = openpyxl.load_workbook(path)
    cells = [
        cell
        for sheet in found.worksheets
        for row in sheet.iter_rows()
        for cell in row
        if cell.value in (evil, "+1", "@SUM(A1)", "-2+3", "=1+1", "@x")
    ]
    assert {cell.value for cell in cells} >= {evil, "+1", "@SUM(A1)", "-2+3"}
    for cell in cells:
        assert cell.data_type == "s", cell.coordinate
        assert cell.quotePrefix, cell.coordinate
    assert lint(path) == ()


def test_text_is_bounded_and_printable(tmp_path: Path) -> None:
    rows = [he.Parameter("hazard", 0.2, note="a\x01b"), he.Parameter("price", 1.0)]
    path = tmp_path / "x.xlsx"
    path.write_bytes(to_bytes(book_of(parameters=rows)))
    texts = [c.value for row in openpyxl.load_workbook(path)["Inputs"].iter_rows() for c in row]
    assert "a\ufffdb" in texts
    rows = [he.Parameter("hazard", 0.2, note="a" * 40_000), he.Parameter("price", 1.0)]
    with pytest.raises(InputError, match="40,000 characters"):
        to_bytes(book_of(parameters=rows))


def test_every_formula_has_its_value_in_the_file(tmp_path: Path) -> None:
    path = write_workbook(case_of("hiv/base_case", draws=10), tmp_path / "hiv.xlsx")
    formulas = openpyxl.load_workbook(path)
    values = openpyxl.load_workbook(path, data_only=True)
    count = 0
    for sheet in formulas.worksheets:
        for row in sheet.iter_rows():
            for cell in row:
                if cell.data_type == "f":
                    count += 1
                    held = values[sheet.title][cell.coordinate].value
                    assert held is not None or '""' in cell.value, (
                        f"{sheet.title}!{cell.coordinate}"
                    )
    assert count > 5_000


def test_nothing_is_written_when_the_folder_cannot_be(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("a file")
    with pytest.raises(InputError, match="cannot write"):
        write_workbook(case_of("hiv/base_case"), tmp_path / "taken" / "x.xlsx")
    assert [path.name for path in tmp_path.iterdir()] == ["taken"]


# --- refusals ------------------------------------------------------------------------------------


def test_too_much_residence_is_refused() -> None:
    states = {"ill": {"residence": MAX_SLOTS + 1}, "dead": {"absorbing": True}}
    rates = {"ill": {"rates": {"dead": "0.1 / (1 + state_time)"}}}
    model = small(states=states, transitions=rates)
    with pytest.raises(InputError, match=rf"'ill' tells {MAX_SLOTS + 1} .* at most {MAX_SLOTS}"):
        refuse(model)


def test_too_many_cells_are_refused() -> None:
    model = small(horizon="20000 cycles", strategies={f"s{i}": {} for i in range(60)})
    with pytest.raises(InputError, match="At most 6,000,000 are written"):
        refuse(model)


def test_too_many_columns_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trace, "MAX_COLUMNS", trace.SPARE + 10)
    with pytest.raises(InputError, match=r"'only' would have [0-9]+ columns. A sheet holds 394"):
        workbook(case_in_memory(small()))


@pytest.mark.parametrize(
    ("slots", "cycles"), [(75, 10), pytest.param(MAX_SLOTS, 60, marks=pytest.mark.slow)]
)
def test_the_most_residence_is_carried(slots: int, cycles: int) -> None:
    states = {"ill": {"residence": slots}, "dead": {"absorbing": True}}
    rates = {"ill": {"rates": {"dead": "0.1 / (1 + state_time)"}}}
    outcomes = {"y": {"kind": "qaly", "state": {"ill": "1 - state_cycle / 1000"}}}
    book = workbook(
        case_in_memory(
            small(states=states, transitions=rates, outcomes=outcomes, horizon=f"{cycles} cycles")
        )
    )
    assert differences(book, opened(book)) == []


def test_a_broken_sibling_does_not_stop_an_export(tmp_path: Path) -> None:
    path = files.write(tmp_path)
    (path.parent / "broken.toml").write_text('title = "x"\n[parameters]\nno_such = 1\n')
    case = case_of(path)
    assert [variant.name for variant in case.variants] == ["base_case"]
    assert "unknown parameter 'no_such'" in case.left_out["broken"]


# --- formulas ------------------------------------------------------------------------------------


def test_long_formulas_are_cut_into_parts() -> None:
    # formualizer's GAMMADIST is exact at moderate shapes only: q stays away from 0.
    long = " + ".join(f"survival_gengamma(time + {i}, hazard, 1.5, hazard * 3)" for i in range(6))
    book = book_of(
        variables={"much": long},
        outcomes={
            "cost": {"kind": "cost", "state": {"alive": "much * price"}},
            "qaly": {"kind": "qaly", "state": {"alive": 0.8}},
        },
    )
    formulas = [formula for cells in formulas_of(book).values() for _, _, formula, _ in cells]
    assert max(map(len, formulas)) <= 1_000
    heads = [cell.value for sheet in book.sheets for cell in sheet.cells.get(7, {}).values()]
    assert "part_0_0" in heads
    assert differences(book, opened(book)) == []


def test_tiny_rates_keep_their_digits() -> None:
    """1 - exp(-x) would lose them all at 1e-17."""
    rows = [he.Parameter("hazard", 1e-17), he.Parameter("price", 1.0)]
    book = book_of(
        parameters=rows,
        outcomes={"deaths": {"kind": "cost", "transition": {"healthy -> dead": 1e20}},
                  "qaly": {"kind": "qaly", "state": {"alive": 1}}},
    )  # fmt: skip
    assert differences(book, opened(book)) == []


def test_formulas_hold_no_numbers_but_0_and_1() -> None:
    number = re.compile(r"(?<![A-Za-z0-9_.$:])[0-9]+(?:\.[0-9]*)?(?![A-Za-z0-9_.:(!])")
    for name, cells in formulas_of(workbook(case_of("sick_sicker/age_dependent"))).items():
        for row, column, formula, _ in cells:
            bare = re.sub(r'"[^"]*"', "", formula)
            assert set(number.findall(bare)) <= {"0", "1"}, (name, row, column, formula)


def test_names_cannot_be_read_as_addresses() -> None:
    book = workbook(case_of("sick_sicker/base_case", draws=10))
    assert all(map(is_safe_name, book.names))
    assert all(map(reads_as_cell, ("A1", "hr2", "XFD1048576", "R1C1", "rc", "C", "r5")))
    assert not any(map(is_safe_name, ("A1", "R2", "c", "1x", "a b", "")))


def test_long_names_give_different_sheets() -> None:
    long = ["x" * 40 + end for end in ("a", "b")]
    found = sheet_names("Trace_", long)
    assert len(set(found.values())) == 2
    assert all(len(name) <= 31 for name in found.values())


def test_nothing_is_hidden_or_locked(tmp_path: Path) -> None:
    path = write_workbook(case_of("hiv/base_case", draws=10), tmp_path / "hiv.xlsx")
    with zipfile.ZipFile(path) as archive:
        names = archive.namelist()
        pages = [archive.read(n).decode() for n in names if n.startswith("xl/worksheets/sheet")]
        overall = archive.read("xl/workbook.xml").decode()
    assert not any("vba" in name.lower() or "external" in name.lower() for name in names)
    for page in [*pages, overall]:
        assert "sheetProtection" not in page
        assert "workbookProtection" not in page
        assert not re.search(r'hidden="(1|true)"|state="(veryH|h)idden"', page)
        assert 't="array"' not in page
    assert len([name for name in names if name.startswith("xl/charts/chart")]) >= 5


# --- settings that must stay live ----------------------------------------------------------------


@pytest.mark.parametrize("perspective", ["payer", "societal", "nobody"])
def test_the_perspective_is_live(perspective: str) -> None:
    outcomes = {
        "care": {
            "kind": "cost",
            "perspective": ["payer", "societal"],
            "state": {"alive": "price"},
        },
        "work": {"kind": "cost", "perspective": ["societal"], "state": {"alive": 50}},
        "qaly": {"kind": "qaly", "state": {"alive": 0.8}},
    }
    book = book_of(outcomes=outcomes)
    spreadsheet = opened(book)
    row = next(r for r in range(1, 60) if spreadsheet.get_value("Control", r, 1) == "perspective")
    spreadsheet.set_value("Control", row, 4, perspective)
    spreadsheet.evaluate_all()
    years = spreadsheet.get_value("Results", 9, 3) or spreadsheet.get_value("Results", 8, 3) / 0.8
    expected = {"payer": 100.0, "societal": 150.0, "nobody": 0.0}[perspective] * years
    assert spreadsheet.get_value("Results", 7, 3) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize(("factor", "verdict"), [(1 + 0.9e-9, "OK"), (1 - 1.1e-9, "FAIL")])
def test_the_live_model_must_equal_the_engine_to_1e_9(factor: float, verdict: str) -> None:
    book = book_of()
    spreadsheet = opened(book)
    cell = re.match(r"Scenarios!\$C\$([0-9]+):", book.names["stored_cost"] + ":")
    assert cell is not None
    row = int(cell[1])
    stored = spreadsheet.get_value("Scenarios", row, 3)
    assert stored > 1
    spreadsheet.set_value("Scenarios", row, 3, stored * factor)
    spreadsheet.evaluate_all()
    rows = range(7, 80)
    words = "Costs: live model = engine (relative)"
    check = next(r for r in rows if spreadsheet.get_value("Checks", r, 1) == words)
    assert spreadsheet.get_value("Checks", check, 4) == verdict
    assert spreadsheet.get_value("Checks", 3, 4) == verdict


def test_a_workbook_opens_as_a_zip_of_known_parts() -> None:
    with zipfile.ZipFile(io.BytesIO(to_bytes(book_of()))) as archive:
        assert archive.testzip() is None
        assert "xl/workbook.xml" in archive.namelist()


@pytest.mark.parametrize("chosen", [0, 1, 2])
def test_every_way_of_compounding_is_live(chosen: int) -> None:
    steps = [{"from": 0, "rate": 0.05}, {"from": 2.5, "rate": 0.01}]
    plain = small(**definition(cycle="3 months", horizon="16 cycles", rate=steps))
    models = [
        plain.with_settings(discounting={"cost": steps, "effect": "0.03", "compounding": way})
        for way in ("annual", "whole_years", "continuous")
    ]
    book = workbook(case_in_memory(*models, chosen=chosen))
    assert differences(book, opened(book)) == []
