"""What ``heecon validate`` and ``heecon calibrate`` print and write."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from heecon.analysis.calibration import Calibration
from heecon.analysis.validation import Check
from heecon.model.definition import Model
from heecon.report.console import Column
from heecon.report.sensitivity_report import Printed, Report
from heecon.report.tables import Rows

HEADER = (
    "target", "use", "measure", "strategy", "against", "years", "observed", "low", "high",
    "predicted", "difference", "verdict", "source",
)  # fmt: skip


def validation_report(checks: Sequence[Check]) -> Report:
    """Fitted targets first, then independent ones, each with its verdict."""
    printed, notes = [], []
    for calibrated, title in ((True, "Used in calibration"), (False, "Independent")):
        rows = [check for check in checks if check.target.calibrated == calibrated]
        if rows:
            printed.append(_table(title, rows))
            counts = Counter(check.verdict for check in rows)
            said = ", ".join(f"{count} {verdict}" for verdict, count in counts.items())
            notes.append(f"{title}: {said}.")
    notes.append("A target that is outside is shown, not tuned away; docs/validation.md says why.")
    return Report(printed, notes, {"validation": _rows(checks)})


def with_another(report: Report, model: Model, checks: Sequence[Check]) -> Report:
    """The report with the targets of another model after its own."""
    more = validation_report(checks)
    printed = [
        replace(table, title=f"{model.settings.title}: {table.title}") for table in more.printed
    ]
    return replace(
        report,
        printed=[*report.printed, *printed],
        notes=[*(f"{model.name}: {note}" for note in more.notes[:-1]), *report.notes],
        tables={**report.tables, f"validation_{model.name}": more.tables["validation"]},
    )


def _table(title: str, checks: Sequence[Check]) -> Printed:
    def who(check: Check) -> str:
        target = check.target
        versus = f" v {target.against}" if target.against else ""
        within = "" if target.years is None else f", {target.years:g} years"
        return f"{check.unit}, {target.strategy}{versus}{within}"

    columns = [
        Column("What", [who(check) for check in checks], words=True),
        Column("Observed", [_observed(check) for check in checks]),
        Column("Predicted", [f"{check.predicted:.4g}" for check in checks]),
        Column("Difference", [f"{check.difference:+.3g}" for check in checks]),
        Column("Verdict", [check.verdict for check in checks], words=True),
    ]
    return Printed(title, "Target", [check.target.name for check in checks], columns)


def _observed(check: Check) -> str:
    target = check.target
    if target.low is None or target.high is None:
        return f"{target.observed:.4g}"
    return f"{target.observed:.4g} ({target.low:.3g} to {target.high:.3g})"


def _rows(checks: Sequence[Check]) -> Rows:
    return Rows(
        HEADER,
        tuple(
            (
                check.target.name,
                "calibration" if check.target.calibrated else "independent",
                check.target.measure,
                check.target.strategy,
                check.target.against,
                check.target.years,
                check.target.observed,
                check.target.low,
                check.target.high,
                check.predicted,
                check.difference,
                check.verdict,
                check.target.evidence.source,
            )
            for check in checks
        ),
    )


def calibration_report(found: Calibration) -> Report:
    """Parameters before and after, targets before and after, how the search went."""
    change = [100 * (b / a - 1) for a, b in zip(found.start, found.found, strict=True)]
    parameters = Printed(
        "Parameters",
        "Parameter",
        found.parameters,
        [
            Column("Before", [f"{value:.6g}" for value in found.start]),
            Column("Fitted", [f"{value:.6g}" for value in found.found]),
            Column("Change", [f"{value:+.2f}%" for value in change]),
        ],
    )
    targets = Printed(
        "Targets",
        "Target",
        [check.target.name for check in found.after],
        [
            Column("Observed", [f"{check.target.observed:.5g}" for check in found.after]),
            Column("Before", [f"{check.predicted:.5g}" for check in found.before]),
            Column("Fitted", [f"{check.predicted:.5g}" for check in found.after]),
        ],
    )
    ended = "ended by itself" if found.converged else "was stopped: take the values with care"
    notes = [
        f"Nelder-Mead on the sum of squared relative differences: {found.loss:.3g} after "
        f"{found.evaluations} runs; the search {ended}.",
        "No file was changed. To use the values, give them to a scenario:",
        *(
            f"    {key} = {value:.6g}"
            for key, value in zip(found.parameters, found.found, strict=True)
        ),
    ]
    header = ("kind", "name", "observed", "before", "fitted")
    rows: list[tuple[object, ...]] = [
        ("parameter", key, None, start, end)
        for key, start, end in zip(found.parameters, found.start, found.found, strict=True)
    ]
    rows += [
        ("target", b.target.name, b.target.observed, b.predicted, a.predicted)
        for b, a in zip(found.before, found.after, strict=True)
    ]
    return Report([parameters, targets], notes, {"calibration": Rows(header, tuple(rows))})
