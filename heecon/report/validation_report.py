"""What ``heecon validate`` and ``heecon calibrate`` print and write."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from heecon.analysis.calibration import Calibration
from heecon.analysis.validation import Check
from heecon.model.definition import Model
from heecon.report.report import Report
from heecon.table import Column, Field, Table

CHECKS: tuple[Field, ...] = (
    ("target", "Target", "text", "target.name"),
    (
        "use",
        "Use",
        "text",
        lambda check: "calibration" if check.target.calibrated else "independent",
    ),
    ("measure", "Measure", "text", "target.measure"),
    ("strategy", "Strategy", "text", "target.strategy"),
    ("against", "Against", "text", "target.against"),
    ("years", "Years", "number", "target.years"),
    ("observed", "Observed", "number", "target.observed"),
    ("low", "Low", "number", "target.low"),
    ("high", "High", "number", "target.high"),
    ("predicted", "Predicted", "number"),
    ("difference", "Difference", "+.3g"),
    ("verdict", "Verdict", "text"),
    ("source", "Source", "text", "target.evidence.source"),
)


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
    return Report(printed, notes, [Table.of("validation", "Targets", checks, CHECKS)])


def with_another(report: Report, model: Model, checks: Sequence[Check]) -> Report:
    """The report with the targets of another model after its own."""
    more = validation_report(checks)
    printed = [table.titled(f"{model.settings.title}: {table.title}") for table in more.printed]
    return replace(
        report,
        printed=[*report.printed, *printed],
        notes=[*(f"{model.name}: {note}" for note in more.notes[:-1]), *report.notes],
        tables=[
            *report.tables,
            *(replace(table, name=f"{table.name}_{model.name}") for table in more.tables),
        ],
    )


def _table(title: str, checks: Sequence[Check]) -> Table:
    table = Table.of("validation", title, checks, CHECKS)
    table = table.plus(
        Column("what", "What", [_what(check) for check in checks]),
        Column("observed", "Observed", [_observed(check) for check in checks], "figures"),
    )
    return table.select("target", "what", "observed", "predicted", "difference", "verdict")


def _what(check: Check) -> str:
    target = check.target
    versus = f" v {target.against}" if target.against else ""
    within = "" if target.years is None else f", {target.years:g} years"
    return f"{check.unit}, {target.strategy}{versus}{within}"


def _observed(check: Check) -> str:
    target = check.target
    if target.low is None or target.high is None:
        return f"{target.observed:.4g}"
    return f"{target.observed:.4g} ({target.low:.3g} to {target.high:.3g})"


def calibration_report(found: Calibration) -> Report:
    """Parameters before and after, targets before and after, how the search went."""
    change = [100 * (b / a - 1) for a, b in zip(found.start, found.found, strict=True)]
    parameters = Table(
        "parameters",
        "Parameters",
        [
            Column("parameter", "Parameter", found.parameters),
            Column("before", "Before", found.start, ".6g"),
            Column("fitted", "Fitted", found.found, ".6g"),
            Column("change", "Change", [f"{value:+.2f}%" for value in change], "figures"),
        ],
    )
    names = [check.target.name for check in found.after]
    observed = [check.target.observed for check in found.after]
    before = [check.predicted for check in found.before]
    fitted = [check.predicted for check in found.after]
    targets = Table(
        "targets",
        "Targets",
        [
            Column("target", "Target", names),
            Column("observed", "Observed", observed, ".5g"),
            Column("before", "Before", before, ".5g"),
            Column("fitted", "Fitted", fitted, ".5g"),
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
    many = len(found.parameters)
    table = Table(
        "calibration",
        "Parameters and targets",
        [
            Column("kind", "Kind", ["parameter"] * many + ["target"] * len(names)),
            Column("name", "Name", [*found.parameters, *names]),
            Column("observed", "Observed", [*[None] * many, *observed], ".5g"),
            Column("before", "Before", [*found.start, *before], ".6g"),
            Column("fitted", "Fitted", [*found.found, *fitted], ".6g"),
        ],
    )
    return Report([parameters, targets], notes, [table])
