"""The first and the last sheets: cover, constants, evidence, assumptions."""

from __future__ import annotations

from heecon.model.parameter import Parameter
from heecon.workbook.book import (
    HEADING,
    LINK,
    NOTE,
    PLAIN,
    TEXT,
    WRAP,
    Book,
    Sheet,
    Style,
)
from heecon.workbook.case import WorkbookInput
from heecon.workbook.inputs import evidence_id, evidence_numbers
from heecon.workbook.layout import HEADER as TOP
from heecon.workbook.live import Live
from heecon.workbook.styles import MEANINGS

COVER, CONSTANTS, EVIDENCE, ASSUMPTIONS = "Cover", "Constants", "Evidence", "Assumptions"

ALL_CHECKS = "all checks"
ROOM = "room for cycles"

FORMAT = 1
"""Version of the layout, so that an import knows what it reads."""

STEPS = (
    "Choose a scenario on Control. Every result on every sheet is of that scenario.",
    "Override any input in the yellow column of Inputs, any setting in that of Control. Clear a "
    "cell to go back to the scenario's value.",
    "Read Results. The traces show every variable, probability and amount of every cycle.",
    "Look at Checks: every line must be OK, or say why nothing is compared.",
    "Type a number at 'Replay a PSA draw' on Control to send a stored draw through the live model.",
    "Send the file back: heecon workbook import FILE.xlsx reads your overrides by their ids, runs "
    "them and tells what each did.",
)


def add_cover(book: Book, case: WorkbookInput) -> Sheet:
    """The cover, still without the list of sheets."""
    sheet = book.sheet(COVER, "What this is and how to use it")
    model, info = case.model, case.model.scenario
    sheet.head(model.settings.title, model.settings.description)
    lines: list[tuple[str, str]] = [
        ("format", str(FORMAT)),
        ("model", model.name),
        ("scenario", case.variant.name),
        ("title of the scenario", info.title),
        ("purpose", info.purpose),
        ("made by", f"heecon {case.version}"),
        ("made on", case.made.isoformat()),
        (
            "inputs",
            f"{len(model.inputs)}, of which {len(model.assumptions)} are assumptions: see "
            "the sheet of assumptions before quoting a result",
        ),
        ("cohort", f"{model.settings.cycles} cycles of {model.settings.cycle}"),
        (ROOM, str(case.cycles)),
    ]
    row = 3
    for label, text in lines:
        row += 1
        sheet.put(row, 1, label)
        sheet.put(row, 2, text, WRAP)
    row += 1
    sheet.put(row, 1, "live scenario")
    sheet.show(row, 2, Live("set_scenario", case.variant.name), Style("word"))
    row += 1
    sheet.put(row, 1, "overrides")
    sheet.show(row, 2, Live("set_changes", case.overrides), Style("word", "0"))
    if case.outcomes is not None:
        row += 1
        sheet.put(row, 1, "replayed draw of the PSA (0: none)")
        sheet.show(row, 2, Live("set_psa_draw", 0), Style("word", "0"))
    row += 1
    sheet.put(row, 1, ALL_CHECKS)
    sheet.status_cells.append(f"B{row}")
    row += 2
    sheet.put(row, 1, "How to use it", HEADING)
    for number, text in enumerate(STEPS, start=1):
        row += 1
        sheet.put(row, 1, str(number))
        sheet.put(row, 2, text, WRAP)
    row += 2
    sheet.put(row, 1, "Colours", HEADING)
    for kind, text in MEANINGS.items():
        row += 1
        sheet.put(row, 1, kind, Style(kind))
        sheet.put(row, 2, text)
    sheet.widths = {1: 38, 2: 100}
    sheet.landscape = False
    return sheet


def finish_cover(sheet: Sheet, book: Book, case: WorkbookInput) -> None:
    """Say whether all checks pass; list the sheets, the files, and what had to be left out."""
    row = next(row for row, cells in sheet.cells.items() if cells[1].value == ALL_CHECKS)
    sheet.show(row, 2, Live("all_checks", book.named["all_checks"].value), Style("check"))
    row = max(sheet.cells) + 2
    sheet.put(row, 1, "Sheets", HEADING)
    for other in book.sheets[1:]:
        row += 1
        sheet.put(row, 1, other.name, LINK)
        sheet.links[f"A{row}"] = f"'{other.name}'!A1"
        sheet.put(row, 2, other.purpose)
    row += 2
    sheet.put(row, 1, "Files the model was read from, with their SHA-256", HEADING)
    for file in case.model.files:
        row += 1
        sheet.put(row, 1, file.name)
        sheet.put(row, 2, file.sha256, NOTE)
    if case.left_out:
        row += 2
        sheet.put(row, 1, "Scenarios left out", HEADING)
        for name, reason in case.left_out.items():
            row += 1
            sheet.put(row, 1, name)
            sheet.put(row, 2, reason, WRAP)


def add_constants(book: Book) -> Sheet:
    """Numbers that formulas need; added last, when all formulas are written."""
    sheet = book.sheet(CONSTANTS, "Numbers in the formulas of the model and of the workbook")
    sheet.head(
        "Constants",
        "Formulas hold no numbers but 0 and 1; these cells hold them. They belong to "
        "the formulas: change inputs instead.",
    )
    sheet.across(TOP, 1, ("name", "value", "as exported"))
    for row, (name, value) in enumerate(
        sorted(book.constants.items(), key=lambda x: x[1]), start=TOP + 1
    ):
        sheet.put(row, 1, name)
        sheet.put(row, 2, value, Style("data", PLAIN))
        sheet.put(row, 3, value, Style("stored", PLAIN))
        book.names[name] = sheet.reference(row, 2)
    book.names["constants_stored"] = sheet.reference(TOP + 1, 3, rows=len(book.constants))
    book.names["constants_all"] = sheet.reference(TOP + 1, 2, rows=len(book.constants))
    sheet.widths = {1: 30, 2: 24, 3: 24}
    sheet.freeze = f"A{TOP + 1}"
    sheet.landscape = False
    return sheet


def add_evidence(book: Book, case: WorkbookInput) -> Sheet:
    """Every source, and the inputs that rest on it."""
    sheet = book.sheet(EVIDENCE, "Every source once, and the inputs that rest on it")
    sheet.head(
        "Evidence",
        "Of the scenario the workbook was made for. Ids are those of the registry of evidence "
        "(heecon evidence ID); sources outside it are numbered S1, S2, ...",
    )
    sheet.across(TOP, 1, ("evidence", "status", "source", "inputs that rest on it"))
    numbers = evidence_numbers(case.model)
    rows: dict[str, list[Parameter]] = {}
    for parameter in case.model.parameters:
        if parameter.source:
            rows.setdefault(evidence_id(parameter, numbers), []).append(parameter)
    for row, (identifier, users) in enumerate(rows.items(), start=TOP + 1):
        sheet.put(row, 1, identifier, TEXT)
        sheet.put(row, 2, ", ".join(dict.fromkeys(p.status for p in users)), WRAP)
        sheet.put(row, 3, "; ".join(dict.fromkeys(p.source for p in users)), WRAP)
        sheet.put(row, 4, ", ".join(p.key for p in users), WRAP)
    sheet.widths = {1: 30, 2: 16, 3: 80, 4: 70}
    sheet.freeze = f"A{TOP + 1}"
    sheet.print_rows = f"{TOP}:{TOP}"
    return sheet


def add_assumptions(book: Book, case: WorkbookInput) -> Sheet:
    """The inputs nobody published."""
    sheet = book.sheet(ASSUMPTIONS, "The inputs nobody published, each with its reason")
    sheet.head(
        "Assumptions",
        f"{len(case.model.assumptions)} of {len(case.model.inputs)} inputs of the "
        "scenario the workbook was made for.",
    )
    sheet.across(TOP, 1, ("input", "value", "unit", "reason", "note"))
    for row, parameter in enumerate(case.model.assumptions, start=TOP + 1):
        sheet.put(row, 1, parameter.key)
        sheet.put(row, 2, parameter.value, Style("stored", PLAIN))
        sheet.put(row, 3, parameter.unit)
        sheet.put(row, 4, parameter.source, WRAP)
        sheet.put(row, 5, parameter.note, WRAP)
    for row, warning in enumerate(case.model.warnings, start=TOP + len(case.model.assumptions) + 3):
        sheet.put(row, 1, "warning", Style("header"))
        sheet.put(row, 4, warning, WRAP)
    sheet.widths = {1: 34, 2: 12, 3: 14, 4: 80, 5: 60}
    sheet.freeze = f"A{TOP + 1}"
    sheet.print_rows = f"{TOP}:{TOP}"
    return sheet
