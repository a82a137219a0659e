"""Markdown in which a user's text stays text: no broken table, no disguised link, no formula."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

_SPECIAL = re.compile(r"([\\`*\[\]<>&|~#$!]|(?<![A-Za-z0-9])_|_(?![A-Za-z0-9]))")
_NUMBER = re.compile(r"[+-]?[0-9][0-9.,]*%?( \([+-][0-9][0-9.,]*\))?")


def escaped(text: str) -> str:
    """One line of text as Markdown that shows exactly it.

    Line breaks become spaces, invisible characters question marks. A leading ``=``, ``+``, ``-``
    or ``@`` gets a backslash, which Markdown drops and which keeps a spreadsheet from reading a
    formula into it; numbers stay as they are.
    """
    line = " ".join(text.split())
    if _NUMBER.fullmatch(line):
        return line
    line = "".join(character if character.isprintable() else "?" for character in line)
    line = _SPECIAL.sub(r"\\\1", line)
    return f"\\{line}" if line[:1] in {"=", "+", "-", "@"} else line


def table(header: Sequence[str], rows: Iterable[Sequence[str]], numbers: int = 0) -> str:
    """A table; every cell is escaped.

    Args:
        header: titles of the columns.
        rows: cells as they should be read.
        numbers: how many of the last columns are aligned to the right.
    """
    rules = ["---"] * (len(header) - numbers) + ["--:"] * numbers
    lines = [_row(header), "|" + "|".join(rules) + "|", *(_row(row) for row in rows)]
    return "\n".join(lines) + "\n"


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(escaped(cell) for cell in cells) + " |"
