"""The control sheet: which scenario, against what, how long, how discounted, which draw."""

from __future__ import annotations

from heecon.model.bounds import bounds
from heecon.workbook.book import (
    HEADER,
    HEADING,
    NOTE,
    PLAIN,
    TEXT,
    Book,
    Choice,
    Sheet,
    Style,
    Value,
)
from heecon.workbook.case import WorkbookInput
from heecon.workbook.inputs import stopping_rules
from heecon.workbook.layout import TOLERANCE, Layout
from heecon.workbook.live import LOOSE, Live, any_of, floor, joined, remainder, where
from heecon.workbook.settings import (
    COMPOUNDINGS,
    TIMINGS,
    Setting,
    compounds,
    corrections,
    perspectives,
)

CONTROL = "Control"
FIRST = 6
"""Row of the scenario selector; the settings follow after ``SETTINGS``."""

SETTINGS = 12

DECISIONS = ("comparator", "threshold_", "include[")
"""How the ids of settings begin that stored draws follow."""

ID, LABEL, LIVE, OVERRIDE, SCENARIO, NOTES = range(1, 7)


def add_control(
    book: Book, case: WorkbookInput, layout: Layout, settings: tuple[Setting, ...]
) -> Sheet:
    """The control sheet."""
    sheet = book.sheet(CONTROL, "Choose the scenario and the settings of the analysis")
    sheet.head(
        "Control",
        "Choose a scenario, and override what you like in the yellow cells; clear a cell "
        "to go back to the scenario.",
    )
    sheet.across(FIRST - 1, 1, ["id", "setting", "live", "your override", "scenario says", "note"])
    number = case.chosen + 1
    sheet.put(FIRST, ID, "scenario")
    sheet.put(FIRST, LABEL, "Scenario")
    sheet.put(FIRST, LIVE, case.variant.name, Style("input", PLAIN))
    sheet.put(FIRST, NOTES, "Every result of the workbook is of this scenario", NOTE)
    sheet.choices.append(Choice(f"C{FIRST}", "=list_scenarios", "A scenario of the model."))
    book.name("set_scenario", sheet.cell(FIRST, LIVE))
    row = FIRST + 1
    sheet.put(row, ID, "scenario_number")
    sheet.put(row, LABEL, "Its number")
    place = Live("MATCH(set_scenario,list_scenarios,0)", number)
    sheet.show(row, LIVE, place, Style("calc", PLAIN))
    book.name("set_scenario_number", sheet.cell(row, LIVE))
    row += 1
    if case.outcomes is not None:
        sheet.put(row, ID, "psa_draw")
        sheet.put(row, LABEL, "Replay a PSA draw (0: none)")
        sheet.put(row, LIVE, 0, Style("input", "0"))
        sheet.put(
            row, NOTES, f"1 to {case.outcomes.draws}: its values go through the live model", NOTE
        )
        sheet.choices.append(Choice(f"C{row}", "", "A draw's number, or 0."))
        book.name("set_psa_draw", sheet.cell(row, LIVE))
    sheet.put(SETTINGS - 1, 1, "Settings", HEADING)
    row = SETTINGS - 1
    for setting in settings:
        row += 1
        _setting_row(sheet, book, row, setting, case.chosen)
    count = row - SETTINGS + 1
    for name, column in (("id", ID), ("live", LIVE), ("override", OVERRIDE)):
        book.name(f"control_{name}", sheet.column(SETTINGS, column, count))
    own = [i for i, s in enumerate(settings, SETTINGS) if not s.id.startswith(DECISIONS)]
    book.name("model_override", sheet.column(own[0], OVERRIDE, own[-1] - own[0] + 1))
    row = _stopping(sheet, book, row + 2, case)
    row = _horizon(sheet, book, row + 2, case)
    _lists(sheet, book, case, layout)
    sheet.widths = {1: 30, 2: 44, 3: 18, 4: 18, 5: 18, 6: 52, 8: 22, 9: 22, 10: 22, 11: 14, 12: 12}
    sheet.freeze = f"A{FIRST}"
    return sheet


def _setting_row(sheet: Sheet, book: Book, row: int, setting: Setting, chosen: int) -> None:
    sheet.put(row, ID, setting.id)
    sheet.put(row, LABEL, setting.label)
    text = f"INDEX(ss_table,MATCH($A{row},ss_id,0),set_scenario_number)"
    found = Live(text, setting.entries[chosen].value)
    scenario = sheet.show(row, SCENARIO, found, Style("calc", setting.format)).relative
    if setting.fixed:
        live = found
    else:
        override = _override(sheet, book, row, setting)
        live = where(override.relative.equals(""), scenario, override.relative)
    book.name(setting.name, sheet.show(row, LIVE, live, Style("result", setting.format)))
    sheet.put(row, NOTES, setting.note, NOTE)
    if setting.options:
        sheet.choices.append(Choice(f"D{row}", f"={setting.options}", "Choose, or clear."))
    elif setting.id != "horizon" and not setting.follows and not setting.fixed:
        words = "A number, or empty."
        sheet.choices.append(Choice(f"D{row}", "", words, setting.limits, doubtful=True))


def _override(sheet: Sheet, book: Book, row: int, setting: Setting) -> Live:
    """The cell a setting is overridden in."""
    if setting.follows:
        return book.named[f"set_{setting.follows}_override"]
    override = sheet.put(row, OVERRIDE, None, Style("input", setting.format))
    return book.name(f"{setting.name}_override", override)


def _stopping(sheet: Sheet, book: Book, row: int, case: WorkbookInput) -> int:
    """Stopping rules: inputs that are shown here because they are decisions."""
    rules = stopping_rules(case.model)
    sheet.put(row, 1, "Stopping rule", HEADING)
    first = row + 1
    for rule in rules:
        row += 1
        sheet.put(row, ID, f"stop.{rule.name}")
        sheet.put(row, LABEL, rule.label or rule.name)
        live = Live(f'INDEX(in_live,MATCH("{rule.name}",in_id,0))', rule.value)
        sheet.show(row, LIVE, live, Style("result", PLAIN))
        override = sheet.put(row, OVERRIDE, None, Style("input", PLAIN))
        scenario = Live(f'INDEX(in_base,MATCH("{rule.name}",in_id,0))', rule.value)
        sheet.show(row, SCENARIO, scenario, Style("calc", PLAIN))
        sheet.put(
            row, NOTES, f"{rule.unit}; the sheet of inputs follows this cell".strip("; "), NOTE
        )
        limits = bounds(rule.unit, rule.tags)
        sheet.choices.append(Choice(f"D{row}", "", "A number, or empty.", limits))
        book.name(f"set_stop_{rule.name}", override)
    if not rules:
        sheet.put(row + 1, 1, "The model has no input tagged as a stopping rule.", NOTE)
        return row + 1
    book.names["stop_override"] = sheet.reference(first, OVERRIDE, rows=len(rules))
    return row


def _horizon(sheet: Sheet, book: Book, row: int, case: WorkbookInput) -> int:
    """What follows from the settings."""
    sheet.put(row, 1, "What follows", HEADING)
    settings, number, named = case.model.settings, book.constant, book.named
    lifetime = named["set_max_age"] - named["set_start_age_for_horizon"]
    horizon = named["set_horizon"]
    years = where(horizon.equals("lifetime"), lifetime, horizon)
    count = -floor(-(years / named["set_cycle_length"] - number(TOLERANCE)))

    def add(key: str, label: str, formula: Live, note: str, value: Value = None) -> Live:
        nonlocal row
        row += 1
        sheet.put(row, ID, key)
        sheet.put(row, LABEL, label)
        sheet.put(row, NOTES, note, NOTE)
        cell = sheet.show(row, LIVE, formula, Style("calc", "0"), value)
        return book.name(f"set_{key}", cell)

    note = f"The traces have room for {case.cycles}"
    cycles = add("cycles", "Cycles in the horizon", count, note, settings.cycles)
    end = where(remainder(cycles, number(2.0)).equals(0), cycles, cycles - number(3.0))
    note = "The 3/8 rule takes an odd number's last three"
    add("simpson_end", "Simpson's 1/3 rule up to cycle", end, note)
    correction = named["set_correction"]
    whole = any_of(*(correction.equals(name) for name in ("start", "end", "life_table")))
    label = "Correction weights time points (1) or cycles (0)"
    add("pointwise", label, where(whole, 0, 1), "", int(settings.correction.pointwise))
    changes = _typed("control_override", case.overrides)
    add("changes", "Number of overrides", changes, "Of settings and inputs")
    words = "Number of overrides that stored analyses do not follow"
    changes = add("model_changes", words, _typed("model_override", case.overrides), "")
    scenario, at = named["set_scenario"], case.variant.name
    now = joined("this workbook now shows ", scenario, ", with ", changes, " override(s)")
    moved = any_of(changes > 0, scenario.differs(at))
    if case.outcomes is not None:
        draw = named["set_psa_draw"]
        now = joined(now, where(draw > 0, joined(" and draw ", draw), ""))
        moved = any_of(moved, draw > 0)
    stale = where(moved, joined(f"STALE: stored for {at} without overrides; ", now), "")
    add("stale", "Stored analyses", stale, "One_way, PSA")
    return row


def _typed(settings: str, overrides: int) -> Live:
    """How many overrides are typed; a formula that shows nothing is none."""
    areas = ("in_override", settings)
    return Live("+".join(f"ROWS({a})-COUNTBLANK({a})" for a in areas), overrides, level=LOOSE)


def _lists(sheet: Sheet, book: Book, case: WorkbookInput, layout: Layout) -> None:
    """What the drop-down lists offer."""
    lists: list[tuple[str, tuple[str, ...]]] = [
        ("strategies", layout.strategies),
        ("corrections", corrections(case)),
        ("timings", TIMINGS),
        *([("compoundings", COMPOUNDINGS)] if compounds(case) else []),
        ("perspectives", perspectives(case)),
        ("yes_no", ("yes", "no")),
    ]
    for column, (name, options) in enumerate(lists, start=8):
        sheet.put(FIRST - 1, column, name.replace("_", "/"), HEADER)
        for row, option in enumerate(options, start=FIRST):
            sheet.put(row, column, option, TEXT)
        book.names[f"list_{name}"] = sheet.reference(FIRST, column, rows=len(options))
