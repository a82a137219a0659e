"""Write the generated parts of the documentation: ``python docs/update.py``.

They are the table of functions in ``docs/language.md``, the table of effects in
``docs/evidence_changes.md`` and the picture in README.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import heecon
from heecon.analysis.evaluation import run
from heecon.language import FUNCTIONS
from heecon.plot import Format, rendered
from heecon.report.run_files import trace_picture

DOCS = Path(__file__).parent
BLOCK = re.compile(r"(<!-- generated.*?-->\n).*?(<!-- end of generated -->)", re.DOTALL)

BASE = "bone_metastases/base_case"
BEFORE: Mapping[str, tuple[str, str, Mapping[str, float]]] = {
    "base case": ("", BASE, {}),
    "pooled risk ratios, lytic subgroup": ("E1-E6", "bone_metastases/risk_ratio_network", {}),
    "osteonecrosis of three trials, other tumours too (1.8 v 1.3% in a year)": (
        "E14",
        BASE,
        {
            "p_onj[denosumab]": 0.018 * 1.42,
            "p_onj[zoledronic_acid]": 0.013 * 1.42,
            "p_onj[zoledronic_acid_12w]": 0.013 * 1.42,
        },
    ),
    "frailty of variance 2.08 - 1": ("E15", BASE, {"frailty": 1.08}),
    "25.8% of vertebral fractures admitted": ("E17", BASE, {"share_admitted_vertebral": 0.258}),
    "osteonecrosis costs 1,667": ("E21", BASE, {"c_onj": 1667.0}),
    "types of SREs of each arm (scenario)": ("E13", "bone_metastases/mix_by_arm", {}),
    "process of care (scenario)": ("4", "bone_metastases/process_of_care", {}),
    "German persistence (scenario)": ("4", "bone_metastases/persistence_germany", {}),
    "denosumab at 40% of its list price": ("E20", BASE, {"c_unit[denosumab]": 309.86 * 0.4}),
}
"""What the base case would be with one of its choices made otherwise: row of the audit, scenario,
values."""


def function_table() -> str:
    """The registry as a Markdown table."""
    rows = ["| function | meaning |", "|---|---|"]
    for name, function in FUNCTIONS.items():
        rows.append(f"| `{name}({', '.join(function.arguments)})` | {function.summary} |")
    return "\n".join(rows) + "\n"


def effects_table() -> str:
    """Denosumab against zoledronic acid every 4 and every 12 weeks, choice by choice."""
    rows = [
        "| row | instead | v 4-weekly: cost | QALYs | v 12-weekly: cost | QALYs | best at 25,000 |",
        "|---|---|---|---|---|---|---|",
    ]
    for words, (row, target, values) in BEFORE.items():
        result = heecon.load(target).with_values(values).run()
        totals = result.evaluation.result
        cost, qaly = (
            dict(zip(totals.strategies, totals.total(kind)[0], strict=True))
            for kind in ("cost", "qaly")
        )
        cells = [
            f"{total['denosumab'] - total[other]:{form}}"
            for other in ("zoledronic_acid", "zoledronic_acid_12w")
            for total, form in ((cost, "+,.0f"), (qaly, "+.5f"))
        ]
        best = max(totals.strategies, key=lambda name: 25_000 * qaly[name] - cost[name])
        rows.append("| " + " | ".join((row, words, *cells, best)) + " |")
    return "\n".join(rows) + "\n"


def with_table(text: str, table: str) -> str:
    """A page with the present table."""
    return BLOCK.sub(lambda found: found[1] + table + found[2], text)


def picture() -> bytes:
    """The trace of the flagship's base case."""
    evaluation = run(heecon.load("bone_metastases/base_case"), keep_trace=True)
    return rendered("trace", trace_picture(evaluation), [Format.SVG])["trace.svg"]


def main() -> None:
    """Write them all."""
    for name, table in (("language.md", function_table), ("evidence_changes.md", effects_table)):
        page = DOCS / name
        page.write_text(with_table(page.read_text(encoding="utf-8"), table()), encoding="utf-8")
    image = DOCS / "images" / "trace.svg"
    image.parent.mkdir(exist_ok=True)
    image.write_bytes(picture())


if __name__ == "__main__":
    main()
