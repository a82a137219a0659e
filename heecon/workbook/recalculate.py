"""Recalculate a workbook with a spreadsheet engine that shares no code with heecon.

Two are supported: formualizer, in process, and LibreOffice, which opens the file as a payer would.
LibreOffice trusts the values it finds in a file unless it is told to recalculate: a profile made
for the purpose says so.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from heecon.errors import InputError, Problem
from heecon.workbook.package import ReadLimits, cells_in, opened

ENGINES = ("formualizer", "libreoffice")
SECONDS = 600
"""How long LibreOffice may take."""

_PROFILE = """<?xml version="1.0" encoding="UTF-8"?>
<oor:items xmlns:oor="http://openoffice.org/2001/registry">
<item oor:path="/org.openoffice.Office.Calc/Formula/Load">
<prop oor:name="OOXMLRecalcMode" oor:op="fuse"><value>0</value></prop>
</item>
</oor:items>
"""

Cell = tuple[int, int]
Value = float | str | bool | None


class Recalculated(Protocol):
    """A recalculated workbook."""

    def values(self, sheet: str, cells: Sequence[Cell]) -> list[Value]:
        """Values of some cells (row, column); an error is a text that begins with #."""


def recalculate(path: Path, engine: str = "formualizer") -> Recalculated:
    """Recalculate every formula of a workbook.

    Args:
        path: an .xlsx file that passed ``check_package``.
        engine: "formualizer" or "libreoffice".

    Raises:
        InputError: the engine is not installed, or it could not read the file.
    """
    return _libreoffice(path) if engine == "libreoffice" else _formualizer(path)


# --- formualizer ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class _InProcess:
    """Evaluated by formualizer."""

    book: Any

    def values(self, sheet: str, cells: Sequence[Cell]) -> list[Value]:
        if not cells:
            return []
        found = self.book.evaluate_cells([(sheet, row, column) for row, column in cells])
        return [_value(value) for value in found]


def _formualizer(path: Path) -> _InProcess:
    try:
        import formualizer  # noqa: PLC0415  (only for those who check workbooks)
    except ImportError:
        what = "formualizer, which recalculates workbooks, is not installed"
        hint = "pip install formualizer, or use --engine libreoffice"
        raise InputError(Problem("check", what, hint)) from None
    try:
        book = formualizer.load_workbook(str(path))
        book.evaluate_all()
    except BaseException as error:  # it has no error of its own, and its panics are no Exceptions
        if isinstance(error, KeyboardInterrupt | SystemExit):
            raise
        what = f"formualizer cannot read the workbook ({error})"
        raise InputError(Problem(path.name, what, "Try --engine libreoffice")) from None
    return _InProcess(book)


def _value(value: Any) -> Value:
    if isinstance(value, dict):
        return f"#{value.get('kind', 'ERROR')}"
    if value is None or isinstance(value, str | bool):
        return value
    return float(value)


# --- LibreOffice ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Saved:
    """The cells of a copy that LibreOffice saved after recalculating."""

    sheets: dict[str, dict[Cell, Value]]

    def values(self, sheet: str, cells: Sequence[Cell]) -> list[Value]:
        found = self.sheets.get(sheet, {})
        return [found.get(cell) for cell in cells]


def _libreoffice(path: Path) -> _Saved:
    program = shutil.which("soffice") or shutil.which("libreoffice")
    if program is None:
        what = "LibreOffice is not installed"
        raise InputError(Problem("check", what, "Install it, or use --engine formualizer"))
    with tempfile.TemporaryDirectory() as scratch:
        copy = convert(path, Path(scratch), program, "xlsx:Calc MS Excel 2007 XML")
        return _Saved({name: dict(cells) for name, cells in _saved_cells(copy)})


def convert(path: Path, folder: Path, program: str, target: str) -> Path:
    """Open a file in LibreOffice, recalculate everything, and save it in another format.

    Raises:
        InputError: LibreOffice could not do it.
    """
    profile = folder / "profile"
    (profile / "user").mkdir(parents=True)
    (profile / "user" / "registrymodifications.xcu").write_text(_PROFILE, encoding="utf-8")
    output = folder / "out"
    command = [
        program, f"-env:UserInstallation={profile.as_uri()}", "--headless", "--norestore",
        "--convert-to", target, "--outdir", str(output), str(path.resolve()),
    ]  # fmt: skip
    try:
        _run(command)
        return next(output.iterdir())
    except (subprocess.SubprocessError, StopIteration, OSError) as error:
        what = f"LibreOffice could not open and save the workbook ({type(error).__name__})"
        raise InputError(Problem(path.name, what, "Try --engine formualizer")) from None


def _run(command: Sequence[str]) -> None:
    """Run a program that starts others, and end them all if it takes too long."""
    nothing = subprocess.DEVNULL
    with subprocess.Popen(  # noqa: S603
        command, stdin=nothing, stdout=nothing, stderr=nothing, start_new_session=True
    ) as process:
        try:
            if process.wait(timeout=SECONDS):
                raise subprocess.CalledProcessError(process.returncode, command[0])
        finally:
            _end_all(process.pid)


def _end_all(process: int) -> None:
    """End a program and those it started."""
    if sys.platform == "win32":
        end = ["taskkill", "/F", "/T", "/PID", str(process)]
        subprocess.run(end, check=False, capture_output=True)  # noqa: S603
    else:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process, signal.SIGKILL)


def _saved_cells(path: Path) -> Iterator[tuple[str, Iterator[tuple[Cell, Value]]]]:
    limits = ReadLimits(path.name)
    with opened(path, values=True) as book:
        for sheet in book.worksheets:
            cells = cells_in(sheet, limits)
            yield sheet.title, (((cell.row, cell.column), cell.content) for cell in cells)
