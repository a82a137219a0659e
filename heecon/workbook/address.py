"""Cell addresses and names in Excel's notation."""

from __future__ import annotations

import re
from functools import cache

MAX_SHEET_NAME = 31
MAX_COLUMNS = 16_384

_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_CELL = re.compile(r"\$?[A-Za-z]{1,3}\$?[0-9]+")
_R1C1 = re.compile(r"(?i)r[0-9]*(c[0-9]*)?|c[0-9]*")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.]*")


@cache
def letters(column: int) -> str:
    """Letters of a column counted from 1: A, B, ..., Z, AA."""
    text = ""
    while column:
        column, rest = divmod(column - 1, 26)
        text = chr(ord("A") + rest) + text
    return text


def column_of(text: str) -> int:
    """Number of a column from its letters."""
    number = 0
    for letter in text.upper():
        number = number * 26 + ord(letter) - ord("A") + 1
    return number


@cache
def quoted(sheet: str) -> str:
    """A sheet's name as formulas write it."""
    if _PLAIN.fullmatch(sheet) and not reads_as_cell(sheet):
        return sheet
    return "'" + sheet.replace("'", "''") + "'"


def reads_as_cell(name: str) -> bool:
    """Whether a spreadsheet would take a name for the address of a cell (A1 or R1C1)."""
    return bool(_CELL.fullmatch(name) or _R1C1.fullmatch(name))


def is_safe_name(name: str) -> bool:
    """Whether Excel takes a text as a defined name."""
    return bool(_NAME.fullmatch(name)) and not reads_as_cell(name) and len(name) <= 255


def sheet_names(prefix: str, names: list[str]) -> dict[str, str]:
    """A sheet name for each of several things, cut to what Excel allows and all different."""
    found: dict[str, str] = {}
    taken: set[str] = set()
    for first, name in enumerate(names, start=1):
        chosen = f"{prefix}{name}"[:MAX_SHEET_NAME]
        number = first
        while chosen.lower() in taken:
            chosen = f"{prefix}{name}"[: MAX_SHEET_NAME - 5] + f"_{number}"
            number += 1
        taken.add(chosen.lower())
        found[name] = chosen
    return found
