"""Exported workbooks of small models, and ways to change them as a payer or a vandal would."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

import openpyxl
import pytest

from heecon.errors import InputError
from heecon.workbook.address import letters
from heecon.workbook.case import case_of
from heecon.workbook.export import write_workbook
from heecon.workbook.importer import Imported, import_workbook
from heecon.workbook.package import read_sheets
from tests.model import small

MADE = date(2026, 1, 1)

MODEL = small.MODEL.replace(
    'comparator  = "usual"\n',
    'comparator  = "usual"\nthresholds  = [20000, 30000]\nperspective = "payer"\n',
).replace(
    'effect = 0.03 }', 'effect = [{ from = 0, rate = 0.03 }, { from = 5, rate = 0.02 }] }'
).replace('kind  = "cost"\n', 'kind  = "cost"\nperspective = ["payer", "society"]\n').replace(
    '"c_care"', '"c_care * (1 if time < stop_at else 0)"'
)  # fmt: skip

PARAMETERS = small.PARAMETERS + (
    "stop_at,,8,,,,,,,,treatment_duration methodological,assumption,a decision\n"
    "d_a,,0.5,,,,dirichlet,10,,split,,trial,a trial\n"
    "d_b,,0.5,,,,dirichlet,10,,split,,trial,a trial\n"
    "k_a,,2,1,3,,normal,,,ranked,,trial,a trial\n"
    "k_b,,4,3,5,,normal,,,ranked,,trial,a trial\n"
)

OTHER = """\
title   = "Dearer"
purpose = "Care costs more, and usual care has a risk of its own."
extends = "base_case"
[parameters]
c_care = 700
hr     = { usual = 1.1 }
"""

FILES = {
    small.MODEL_FILE: MODEL.replace('"h_base * hr"', '"h_base * hr * d_a * k_a / (d_b * 2)"'),
    small.PARAMETER_FILE: PARAMETERS,
    small.TABLE_FILE: small.MORTALITY,
    small.SCENARIO_FILE: small.SCENARIO,
    "inputs/small/joint/ranked.csv": "k_a,k_b\n1,0.5\n0.5,1\n",
    "scenarios/small/dearer.toml": OTHER,
}


def write_files(root: Path, files: Mapping[str, str] = FILES) -> None:
    """Put the model and its scenarios below a root."""
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


@contextmanager
def at(root: Path) -> Iterator[None]:
    """Stand in a folder."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)
        yield


def export(root: Path, scenario: str = "small/base_case", draws: int = 0) -> Path:
    """Export a scenario of the files below a root."""
    with at(root):
        case = case_of(scenario, draws=draws, version="0", made=MADE)
        return write_workbook(case, root / "small.xlsx")


def edited(source: Path, target: Path, change: Callable[[Any], object]) -> Path:
    """A copy that was changed in a spreadsheet program (one that does not calculate)."""
    book = openpyxl.load_workbook(source)
    change(book)
    book.save(target)
    return target


def row_of(sheet: Any, key: str) -> int:
    """Row of an id."""
    return next(row for row in range(1, sheet.max_row + 1) if sheet.cell(row, 1).value == key)


def add_row(book: Any, key: str | None, cells: Mapping[str, object], below: int = 0) -> str:
    """Fill the first spare row of Inputs, or one further below, and say where its id stands."""
    sheet = book["Inputs"]
    row = next(r for r in range(row_of(sheet, "id") + 1, 999) if sheet.cell(r, 1).value is None)
    row += below
    for heading, value in {"id": key, **cells}.items():
        sheet.cell(row, column_of(sheet, heading)).value = value
    return f"Inputs!A{row}"


def column_of(sheet: Any, heading: str) -> int:
    """Column of a heading."""
    for row in sheet.iter_rows():
        for cell in row:
            if cell.value == heading:
                return int(cell.column)
    raise KeyError(heading)


class Places:
    """Where things stand in the one export that the tests copy and change."""

    def __init__(self, path: Path) -> None:
        self.parts: dict[str, str] = {}
        self.cells: dict[tuple[str, str], tuple[str, str]] = {}
        sheets = read_sheets(path, ("Control", "Inputs"))
        for name, header in (("Inputs", 6), ("Control", 5)):
            self.parts[name] = part_of(path, name)
            cells = sheets[name].cells
            for (row, column), found in cells.items():
                for (other, place), heading in cells.items():
                    if other == header and column == 1 and row > header:
                        address = f"{letters(place)}{row}"
                        self.cells[str(found.value), str(heading.value)] = (name, address)

    def address(self, key: str, heading: str = "your override") -> tuple[str, str]:
        """Sheet and cell of an id below a heading; of the settings if there is such a one."""
        return self.cells[key, heading]

    def where(self, key: str, heading: str = "your override") -> str:
        """``small.xlsx:Inputs!E9``, as messages have it."""
        return "small.xlsx:" + "!".join(self.address(key, heading))


PLACES: list[Places] = []
"""Filled when the export is made."""


def where(key: str, heading: str = "your override") -> str:
    """Where a message says that a cell is."""
    return PLACES[0].where(key, heading)


def typed(path: Path, values: Mapping[Any, object]) -> Path:
    """Type into cells, by id or by id and heading, and leave everything else as it is."""
    changes: dict[str, list[tuple[str, object]]] = {}
    for key, value in values.items():
        sheet, at = PLACES[0].address(*((key,) if isinstance(key, str) else key))
        changes.setdefault(PLACES[0].parts[sheet], []).append((at, value))

    def change(cells: list[tuple[str, object]]) -> Callable[[bytes], bytes]:
        def all_of_them(text: bytes) -> bytes:
            for at, value in cells:
                text = _with_cell(text, at, value)
            return text

        return all_of_them

    return repacked(path, path, {part: change(cells) for part, cells in changes.items()})


def _with_cell(text: bytes, at: str, value: object) -> bytes:
    found = re.search(rf'<c r="{at}"(?: s="[0-9]+")?[^>]*?(?:/>|>.*?</c>)'.encode(), text)
    if found is None:  # an empty cell between or after filled ones: any place in the row will do
        row = re.search(rf'<row r="{at.lstrip("ABCDEFGHIJKLMNOPQRSTUVWXYZ")}"[^>]*>'.encode(), text)
        assert row is not None, at
        return text[: row.end()] + _cell_xml(at, value) + text[row.end() :]
    return text[: found.start()] + _cell_xml(at, value) + text[found.end() :]


def _cell_xml(at: str, value: object) -> bytes:
    match value:
        case None:
            xml = f'<c r="{at}"/>'
        case bool():
            xml = f'<c r="{at}" t="b"><v>{int(value)}</v></c>'
        case int() | float():
            xml = f'<c r="{at}"><v>{value!r}</v></c>'
        case str() if value.startswith("#"):
            xml = f'<c r="{at}" t="e"><v>{value}</v></c>'
        case str() if value.startswith("="):
            formula, _, result = value.removeprefix("=").partition("→")
            xml = f'<c r="{at}"><f>{escape(formula)}</f><v>{result}</v></c>'
        case _:
            text = escape(str(value)).replace("\r", "&#13;")
            xml = f'<c r="{at}" t="inlineStr"><is><t xml:space="preserve">{text}</t></is></c>'
    return xml.encode()


def refused(path: Path, *words: str, **options: Any) -> InputError:
    """What an import says, which names all the words and writes nothing."""
    target = path.parent / "never.toml"
    with at(path.parent), pytest.raises(InputError) as caught:
        import_workbook(path, target, **options)
    assert not target.exists()
    text = str(caught.value)
    for word in words:
        assert word in text, text
    return caught.value


def imported(path: Path, target: Path | None = None) -> Imported:
    """The import of a workbook beside its model."""
    with at(path.parent):
        return import_workbook(path, target)


def repacked(
    source: Path,
    target: Path,
    changes: Mapping[str, bytes | Callable[[bytes], bytes] | None],
) -> Path:
    """A copy with parts changed, added, or (None) left out."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as new:
        left = dict(changes)
        for name in old.namelist():
            change = left.pop(name, old.read(name))
            content = change(old.read(name)) if callable(change) else change
            if content is not None:
                new.writestr(name, content)
        for name, added in left.items():
            assert isinstance(added, bytes), f"there is no part {name}"
            new.writestr(name, added)
    target.write_bytes(buffer.getvalue())
    return target


def part_of(source: Path, sheet: str) -> str:
    """Name of the part that holds a sheet."""
    names = openpyxl.load_workbook(source, read_only=True).sheetnames
    return f"xl/worksheets/sheet{names.index(sheet) + 1}.xml"
