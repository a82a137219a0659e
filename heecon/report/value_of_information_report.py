"""What evppi and evsi print and write."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from heecon.analysis.evppi import Evppi, violations
from heecon.analysis.evsi import Evsi, NetBenefit, best_size
from heecon.report.console import money
from heecon.report.report import Report
from heecon.table import Field, Table

SHOWN = 20
"""Single inputs that a table on the screen lists at most."""

EVPPI: tuple[Field, ...] = (
    ("parameters", "Known exactly", "text", lambda row: ", ".join(row.parameters)),
    ("threshold", "Willingness to pay", "money"),
    ("evppi", "EVPPI", "cents", "value"),
    ("standard_error", "Standard error", "cents"),
    ("bias", "Bias", "cents"),
    ("evpi", "EVPI", "cents"),
    ("method", "Method", "text"),
    (
        "r_squared",
        "R squared",
        "number",
        lambda row: (
            float(np.mean([d.r_squared for d in row.diagnostics])) if row.diagnostics else None
        ),
    ),
    (
        "edf",
        "Degrees of freedom",
        "number",
        lambda row: float(np.max([d.edf for d in row.diagnostics])) if row.diagnostics else None,
    ),
    ("doubtful", "Doubtful", "text"),
)


def evppi_report(found: Sequence[Evppi], population: float | None, currency: str) -> Report:
    """What knowing each parameter, or group, exactly would be worth."""
    total: Field = (
        "population",
        "Population",
        "money",
        lambda row: None if population is None else row.population(population)[0],
    )
    singles = [row for row in found if len(row.parameters) == 1 and row.value > 0]
    shown = [row for row in found if len(row.parameters) > 1 or row in singles[:SHOWN]]
    title = (
        f"EVPPI per person at {found[0].threshold:,.0f} {currency} per QALY "
        f"(EVPI {found[0].evpi:,.2f})"
        if found
        else "EVPPI"
    )
    notes = list(violations(found))
    if len(shown) < len(found):
        notes.append(f"{len(found) - len(shown)} more inputs, worth less, are in evppi.csv.")
    fit: Field = ("fit", "Fit", "text", lambda row: "doubtful" if row.doubtful else "good")
    screen = (EVPPI[0], *EVPPI[2:5], fit, *([] if population is None else [total]))
    return Report(
        [Table.of("evppi", title, shown, screen)] if shown else [],
        notes if shown else [title, _nothing_learnt(found[0]), *notes],
        [Table.of("evppi", title, found, (*EVPPI, total))],
    )


def _nothing_learnt(found: Evppi) -> str:
    if found.evpi == 0:
        return "One strategy is the best in every draw: no input is worth knowing exactly."
    return "No single input changes the decision: only several together are worth knowing exactly."


EVSI: tuple[Field, ...] = (
    ("trial", "Trial", "text"),
    ("n_per_arm", "n per arm", "d", "n"),
    ("people", "People", ",d"),
    ("threshold", "Willingness to pay", "money"),
    ("evsi", "EVSI", "cents", "value"),
    ("standard_error", "Standard error", "cents"),
    ("bias", "Bias", "cents"),
    ("evppi", "EVPPI", "cents"),
    ("evppi_error", "Its error", "cents"),
    ("method", "Method", "text"),
)


def evsi_report(found: Sequence[Evsi], net: Sequence[NetBenefit], currency: str) -> Report:
    """What a trial would be worth at each size, and the size worth most."""
    by_size = {row.n: row for row in net}

    def at(amount: str) -> Callable[[Evsi], float | None]:
        return lambda row: getattr(by_size[row.n], amount) if net else None

    money_columns: tuple[Field, ...] = (
        ("population_value", "Population", "money", at("value")),
        ("cost", "Cost", "money", at("cost")),
        ("enbs", "ENBS", "money", at("enbs")),
    )
    notes = [
        f"With {row.n} per arm the study seems worth more than perfect knowledge: use more draws."
        for row in found
        if row.contradicts
    ]
    if any(row.evppi < row.value and not row.contradicts for row in found):
        notes.append("An EVSI above the EVPPI is noise: no trial is worth more than knowing.")
    noise = [row.n for row in found if row.noise]
    if len(noise) == len(found):
        notes.append("Not different from zero at any size: this trial cannot change the decision.")
    elif noise:
        notes.append(f"Not different from zero with {', '.join(map(str, noise))} per arm.")
    if net and len(noise) < len(found):
        best = best_size(net)
        notes.append(
            "No size is worth its cost."
            if best is None
            else f"Best size: {best.n} per arm, expected net benefit {money(best.enbs)} {currency} "
            f"(standard error {money(best.standard_error)})."
        )
    title = f"{found[0].trial}, per person at {found[0].threshold:,.0f} {currency} per QALY"
    table = Table.of("evsi", title, found, (*EVSI, *money_columns))
    screen = ["n_per_arm", "evsi", "standard_error", "evppi", "evppi_error"]
    screen += [name for name, *_ in money_columns] if net else []
    return Report([table.select(*screen)], notes, [table])
