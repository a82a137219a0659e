"""How long the workbook takes: export, size, and opening it in two spreadsheet engines.

    python benchmarks/workbook.py [DRAWS]

Exports the flagship (eight strategies, lifetime, 4-weekly) with 10,000 draws unless told otherwise,
recalculates it in formualizer and opens, recalculates and closes it in LibreOffice (by asking for
the first sheet as text), if these are installed.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
import time
from pathlib import Path

import heecon as he
from heecon.analysis.evaluation import run
from heecon.workbook.recalculate import convert, recalculate


def main(draws: int) -> None:
    run(he.load())  # compiles the kernels, once on a machine
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        began = time.perf_counter()
        path = he.load().export_workbook(folder / "book.xlsx", draws=draws)
        size = path.stat().st_size / 1e6
        print(f"export with {draws:,} draws: {time.perf_counter() - began:.1f} s, {size:.1f} MB")
        began = time.perf_counter()
        recalculate(path)
        print(f"formualizer, load and calculate: {time.perf_counter() - began:.1f} s")
        program = shutil.which("soffice")
        if program:
            began = time.perf_counter()
            convert(path, folder / "lo", program, "csv")
            print(f"LibreOffice, start, open, calculate: {time.perf_counter() - began:.1f} s")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000)
