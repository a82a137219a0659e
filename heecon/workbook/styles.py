"""How the cells of the workbook look, by what they are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from heecon.workbook.book import Kind, Style

if TYPE_CHECKING:
    from openpyxl.worksheet.worksheet import Worksheet

INK, BLUE, GREY, WHITE = "222222", "1F3FBF", "6B6B6B", "FFFFFF"

KINDS: dict[Kind, dict[str, Any]] = {
    "title": {"font": {"size": 16, "bold": True, "color": "12355B"}},
    "heading": {"font": {"size": 12, "bold": True, "color": "12355B"}},
    "header": {
        "font": {"bold": True, "color": WHITE},
        "fill": "12355B",
        "wrap": True,
        "vertical": "center",
        "horizontal": "center",
    },
    "text": {},
    "wrap": {"wrap": True},
    "note": {"font": {"italic": True, "color": GREY}},
    "input": {"font": {"color": BLUE}, "fill": "FFF2B3", "box": True},
    "data": {"font": {"color": BLUE}},
    "stored": {"font": {"color": GREY}},
    "calc": {},
    "result": {"font": {"bold": True}, "fill": "E8F1E4"},
    "word": {"font": {"bold": True}, "fill": "E8F1E4", "indent": 1},
    "check": {"font": {"bold": True}, "horizontal": "center"},
    "warning": {"font": {"bold": True, "color": "A30000"}},
    "link": {"font": {"color": BLUE, "underline": "single"}},
}
"""Inputs are yellow with blue numbers; data that came with the model is blue; what was computed
outside the workbook is grey; formulas are black."""

MEANINGS: dict[Kind, str] = {
    "input": "Yours to fill in: an override. Empty means the model's own value",
    "data": "A number that came with the model",
    "calc": "A formula",
    "result": "A formula whose value is a result",
    "stored": "Computed by heecon when the workbook was made; does not move with the inputs",
}


class StyleBook:
    """Gives every style its number in the file.

    Args:
        sheet: any sheet of the workbook; its cells are used to register styles.
    """

    def __init__(self, sheet: Worksheet) -> None:
        self.sheet = sheet
        self.numbers: dict[tuple[Style, bool], int] = {}

    def number(self, style: Style, quote: bool = False) -> int:
        """Number of a style.

        Args:
            style: the style.
            quote: keep text that begins like a formula as text even when the cell is edited.
        """
        key = style, quote
        if key not in self.numbers:
            self.numbers[key] = self._register(style, quote)
        return self.numbers[key]

    def _register(self, style: Style, quote: bool) -> int:
        from openpyxl.styles import (  # noqa: PLC0415  (takes a third of a second)
            Alignment,
            Border,
            Font,
            PatternFill,
            Side,
        )

        look = KINDS[style.kind]
        # A cell a style: openpyxl keeps the cell's own record, and would see it change.
        probe = self.sheet.cell(1, len(self.numbers) + 1)
        font = {"name": "Calibri", "size": 10, "color": INK, **look.get("font", {})}
        probe.font = Font(**font)
        if "fill" in look:
            probe.fill = PatternFill("solid", start_color=look["fill"])
        if look.get("box"):
            line = Side("thin", color="BFA640")
            probe.border = Border(line, line, line, line)
        probe.alignment = Alignment(
            wrap_text=look.get("wrap", False),
            vertical=look.get("vertical", "top"),
            horizontal=look.get("horizontal", "left" if "indent" in look else None),
            indent=look.get("indent", 0),
        )
        probe.number_format = style.format
        probe.quotePrefix = quote
        return int(probe.style_id)
