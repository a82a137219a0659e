"""Write the generated parts of the documentation: ``python docs/update.py``.

They are the table of functions in ``docs/language.md`` and the picture in README.
"""

from __future__ import annotations

import re
from pathlib import Path

import heecon
from heecon.analysis.evaluation import run
from heecon.language import FUNCTIONS
from heecon.plot import Format, rendered
from heecon.report.run_files import trace_picture

DOCS = Path(__file__).parent
BLOCK = re.compile(r"(<!-- functions.*?-->\n).*?(<!-- end of functions -->)", re.DOTALL)


def function_table() -> str:
    """The registry as a Markdown table."""
    rows = ["| function | meaning |", "|---|---|"]
    for name, function in FUNCTIONS.items():
        rows.append(f"| `{name}({', '.join(function.arguments)})` | {function.summary} |")
    return "\n".join(rows) + "\n"


def with_function_table(text: str) -> str:
    """The language page with the present table."""
    return BLOCK.sub(lambda found: found[1] + function_table() + found[2], text)


def picture() -> bytes:
    """The trace of the flagship's base case."""
    evaluation = run(heecon.load("bone_metastases/base_case"), keep_trace=True)
    return rendered("trace", trace_picture(evaluation), [Format.SVG])["trace.svg"]


def main() -> None:
    """Write both."""
    page = DOCS / "language.md"
    page.write_text(with_function_table(page.read_text(encoding="utf-8")), encoding="utf-8")
    image = DOCS / "images" / "trace.svg"
    image.parent.mkdir(exist_ok=True)
    image.write_bytes(picture())


if __name__ == "__main__":
    main()
