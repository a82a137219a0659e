"""Write a ``Book`` as an .xlsx file.

openpyxl makes everything but the cells: styles, charts, validation, names, page set-up. The cells
are written here, because openpyxl leaves out the cached values of formulas, and because half a
million cells as objects take longer than the fifteen seconds an export may.
"""

from __future__ import annotations

import io
import math
import re
import zipfile
from typing import TYPE_CHECKING
from xml.sax.saxutils import escape

from heecon.errors import InputError, Problem
from heecon.workbook.address import letters
from heecon.workbook.book import NOT_COMPARED, ROW_MARKS, Book, Cell, Run, Sheet, Value, within
from heecon.workbook.styles import StyleBook

if TYPE_CHECKING:
    from openpyxl.workbook.workbook import Workbook
    from openpyxl.worksheet.worksheet import Worksheet

MAX_TEXT = 32_000
"""Characters a cell may hold; Excel takes 32,767."""

NUMBER_DIGITS, CACHED_DIGITS = ".15g", ".11g"
"""Digits of long columns: what Excel keeps of a number, and enough to compare results to 1e-10.
Random digits do not compress: these make the file smaller by a sixth."""

NO_VALUE = "#N/A"
STAMP = (2020, 1, 1, 0, 0, 0)
"""The same time in every file: equal workbooks are equal byte for byte."""

_SHEET_DATA = re.compile(r"<sheetData\s*/>|<sheetData>.*?</sheetData>", re.DOTALL)
_DIMENSION = re.compile(r'<dimension ref="[^"]*"\s*/>')
_CLOCK = re.compile(rb"(<dcterms:(?:created|modified)[^>]*>)[^<]*<")
_ILLEGAL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")


def to_bytes(book: Book) -> bytes:
    """The workbook as the content of an .xlsx file."""
    skeleton, styles = _skeleton(book)
    data = [_sheet_data(sheet, styles) for sheet in book.sheets]
    packed = io.BytesIO()
    skeleton.save(packed)
    result = io.BytesIO()
    with zipfile.ZipFile(packed) as parts, zipfile.ZipFile(result, "w") as file:
        for name in parts.namelist():
            content = parts.read(name)
            found = re.fullmatch(r"xl/worksheets/sheet([0-9]+)\.xml", name)
            if found:
                number = int(found[1]) - 1
                content = _filled(content.decode("utf-8"), book.sheets[number], data[number])
            if name == "docProps/core.xml":
                content = _CLOCK.sub(b"\\g<1>2020-01-01T00:00:00Z<", content)
            _add(file, name, content)
    return result.getvalue()


def _add(file: zipfile.ZipFile, name: str, content: bytes) -> None:
    entry = zipfile.ZipInfo(name, STAMP)
    entry.compress_type = zipfile.ZIP_DEFLATED
    entry.external_attr = 0o644 << 16
    file.writestr(entry, content, compresslevel=6)


def _filled(page: str, sheet: Sheet, data: str) -> bytes:
    """Openpyxl's page of a sheet with our cells in it."""
    page = _DIMENSION.sub(f'<dimension ref="{_extent(sheet)}"/>', page, count=1)
    before, after = _SHEET_DATA.split(page, maxsplit=1)
    return "".join((before, "<sheetData>", data, "</sheetData>", after)).encode("utf-8")


def _extent(sheet: Sheet) -> str:
    rows = [max(sheet.cells, default=1)]
    rows += [run.first + len(run.values) - 1 for run in sheet.runs]
    columns = [max(row) for row in sheet.cells.values()] + [run.column for run in sheet.runs]
    return f"A1:{letters(max(columns, default=1))}{max(rows)}"


# --- cells ---------------------------------------------------------------------------------------


def _sheet_data(sheet: Sheet, styles: StyleBook) -> str:
    """The rows of a sheet as XML."""
    rows: dict[int, list[tuple[int, str]]] = {}
    for run in sorted(sheet.runs, key=lambda run: run.column):
        for row, text in enumerate(_run_cells(run, styles), start=run.first):
            rows.setdefault(row, []).append((run.column, text))
    for row, cells in sheet.cells.items():
        line = rows.setdefault(row, [])
        line += [(column, _cell(row, column, cell, styles)) for column, cell in cells.items()]
        line.sort()
    for row in sheet.heights:
        rows.setdefault(row, [])
    parts = []
    for row in sorted(rows):
        height = sheet.heights.get(row) or _wrapped_height(sheet, row)
        size = f' ht="{height:g}" customHeight="1"' if height else ""
        parts.append(f'<row r="{row}"{size}>{"".join([text for _, text in rows[row]])}</row>')
    return "".join(parts)


LINE, DEFAULT_WIDTH = 13.5, 8.4
"""Points a line of text is high; characters a column is wide when nothing is said."""


def _wrapped_height(sheet: Sheet, row: int) -> float | None:
    """Height of a row with wrapped text: programs that open the file do not find it themselves."""
    most = 1
    for column, cell in sheet.cells.get(row, {}).items():
        if cell.style.kind == "wrap" and isinstance(cell.value, str):
            width = sheet.widths.get(column, DEFAULT_WIDTH)
            lines = sum(max(1, math.ceil(len(t) * 1.1 / width)) for t in cell.value.split("\n"))
            most = max(most, lines)
    return min(400.0, most * LINE) if most > 1 else None


def _run_cells(run: Run, styles: StyleBook) -> list[str]:
    """A column as XML. This is most of an export's time: nothing is done twice."""
    style, column = styles.number(run.style), letters(run.column)
    formula = escape(run.template)
    marks = [(mark, step) for mark, step in ROW_MARKS if mark in formula]
    digits = CACHED_DIGITS if formula else NUMBER_DIGITS
    before, after = ("<f>", "</f><v>") if formula else ("", "<v>")
    begin = f'<c r="{column}'
    found = []
    for row, value in enumerate(run.values.tolist(), start=run.first):
        text = formula
        for mark, step in marks:
            text = text.replace(mark, str(row + step))
        if value - value == 0.0:  # finite
            number = f'" s="{style}">{before}{text}{after}{value:{digits}}</v></c>'
        else:
            number = f'" s="{style}" t="e">{before}{text}{after}{NO_VALUE}</v></c>'
        found.append(f"{begin}{row}{number}")
    return found


def _cell(row: int, column: int, cell: Cell, styles: StyleBook) -> str:
    risky = isinstance(cell.value, str) and not cell.formula and cell.value[:1] in _FORMULA_LIKE
    place = f'<c r="{letters(column)}{row}" s="{styles.number(cell.style, risky)}"'
    if cell.formula:
        kind, text = _cached(cell.value)
        return f"{place}{kind}><f>{escape(cell.formula)}</f><v>{text}</v></c>"
    if cell.value is None:
        return f"{place}/>"
    if isinstance(cell.value, str):
        text = escape(_printable(cell.value))
        return f'{place} t="inlineStr"><is><t xml:space="preserve">{text}</t></is></c>'
    kind, text = _cached(cell.value)
    return f"{place}{kind}><v>{text}</v></c>"


_FORMULA_LIKE = {"=", "+", "-", "@"}


def _cached(value: Value) -> tuple[str, str]:
    """Type and text of a value."""
    if isinstance(value, bool):
        return ' t="b"', str(int(value))
    if isinstance(value, str):
        return ' t="str"', escape(_printable(value))
    number = float("nan") if value is None else float(value)
    return ("", repr(number)) if math.isfinite(number) else (' t="e"', NO_VALUE)


def _printable(text: str) -> str:
    if len(text) > MAX_TEXT:
        what = f"a text has {len(text):,} characters, and a cell holds {MAX_TEXT:,}"
        raise InputError(Problem(f"'{text[:40]}...'", what, "Shorten it"))
    return _ILLEGAL.sub("\ufffd", text)


# --- everything else -----------------------------------------------------------------------------


def _skeleton(book: Book) -> tuple[Workbook, StyleBook]:
    """The workbook without its cells."""
    import openpyxl  # noqa: PLC0415  (takes a third of a second)
    from openpyxl.workbook.defined_name import DefinedName  # noqa: PLC0415

    workbook = openpyxl.Workbook()
    workbook.properties.title = book.title
    workbook.properties.creator = "heecon"
    workbook.remove(workbook.worksheets[0])
    for sheet in book.sheets:
        _dress(workbook.create_sheet(sheet.name), sheet)
    for name, place in book.names.items():
        workbook.defined_names[name] = DefinedName(name, attr_text=place)
    workbook.calculation.fullCalcOnLoad = True
    workbook.security = None  # else an empty mark of protection is written
    return workbook, StyleBook(workbook.worksheets[0])


def _dress(page: Worksheet, sheet: Sheet) -> None:
    """Widths, panes, validation, colours, charts and page set-up of a sheet."""
    from openpyxl.worksheet.pagebreak import Break  # noqa: PLC0415

    for column, width in sheet.widths.items():
        page.column_dimensions[letters(column)].width = width
    if sheet.freeze:
        page.freeze_panes = sheet.freeze
    page.sheet_view.showGridLines = False
    page.sheet_view.zoomScale = 100
    _validate(page, sheet)
    _colour(page, sheet)
    _link(page, sheet)
    for placed in sheet.charts:
        page.add_chart(placed.chart, placed.anchor)
    page.page_setup.orientation = "landscape" if sheet.landscape else "portrait"
    page.page_setup.paperSize = page.PAPERSIZE_A4
    page.page_setup.fitToWidth = 0 if sheet.wide else 1
    page.page_setup.fitToHeight = 0
    page.sheet_properties.pageSetUpPr.fitToPage = True
    page.oddFooter.left.text = "&A"
    page.oddFooter.right.text = "&P / &N"
    if sheet.wide:
        page.page_setup.scale = 60
        page.sheet_properties.pageSetUpPr.fitToPage = False
    if sheet.print_area:
        page.print_area = sheet.print_area
    for row in sheet.breaks:
        page.row_breaks.append(Break(id=row))
    if sheet.print_rows:
        page.print_title_rows = sheet.print_rows
    if sheet.print_columns:
        page.print_title_cols = sheet.print_columns


def _validate(page: Worksheet, sheet: Sheet) -> None:
    from openpyxl.worksheet.datavalidation import DataValidation  # noqa: PLC0415

    for choice in sheet.choices:
        if choice.options:
            rule = DataValidation("list", formula1=choice.options, allow_blank=True)
        else:
            rule = DataValidation(
                "decimal",
                operator="between",
                formula1=f"{max(choice.limits[0], -1e300):.15G}",
                formula2=f"{min(choice.limits[1], 1e300):.15G}",
                allow_blank=True,
                errorStyle="warning" if choice.doubtful else "stop",
            )
        rule.showErrorMessage = True
        rule.errorTitle = "Not possible here"
        number = f"Type a number{within(choice.limits)}, or clear it."
        rule.error = "Choose from the list." if choice.options else number
        if choice.message:
            rule.showInputMessage = True
            rule.prompt = choice.message[:250]
        for cells in choice.range.split():
            rule.add(cells)
        page.add_data_validation(rule)


def _colour(page: Worksheet, sheet: Sheet) -> None:
    from openpyxl.formatting.rule import CellIsRule, FormulaRule  # noqa: PLC0415
    from openpyxl.styles import Font, PatternFill  # noqa: PLC0415

    for area in sheet.status_cells:
        for word, fill, ink in (("OK", "C6E7C8", "1B5E20"), ("FAIL", "F4B6B6", "8B0000")):
            rule = CellIsRule(
                operator="equal",
                formula=[f'"{word}"'],
                fill=PatternFill("solid", start_color=fill, end_color=fill, bgColor=fill),
                font=Font(color=ink, bold=True),
            )
            page.conditional_formatting.add(area, rule)
    for area, row in sheet.faded:
        column = area.rstrip("0123456789").partition(":")[0].rstrip("0123456789")
        condition = f'{column}${row}="{NOT_COMPARED}"'
        grey = FormulaRule(formula=[condition], font=Font(color="A8A8A8"))
        page.conditional_formatting.add(area, grey)


def _link(page: Worksheet, sheet: Sheet) -> None:
    from openpyxl.worksheet.hyperlink import Hyperlink  # noqa: PLC0415

    for cell, place in sheet.links.items():
        page[cell].hyperlink = Hyperlink(ref=cell, location=place)
