"""Monte Carlo errors on the screen."""

from __future__ import annotations

from collections.abc import Mapping

from rich.console import Console
from rich.text import Text

from heecon.analysis.evaluation import Evaluation
from heecon.analysis.monte_carlo import errors_of, estimates
from heecon.report.console import money, show, signed
from heecon.table import Column, Table


def print_errors(evaluation: Evaluation, labels: Mapping[str, str], console: Console) -> None:
    """Print totals, increments and net benefit, each with its error in brackets."""
    errors = errors_of(evaluation)
    found = {
        (strategy, bool(comparator), quantity, threshold): (mean, error)
        for strategy, comparator, quantity, threshold, discounted, mean, error in estimates(
            evaluation
        ).rows
        if discounted
    }
    asked: list[tuple[str, bool, str, float | None]] = [
        ("Cost", False, "total_cost", None),
        ("QALYs", False, "total_qaly", None),
        ("Incr. cost", True, "total_cost", None),
        ("Incr. QALYs", True, "total_qaly", None),
    ]
    for level in evaluation.model.settings.thresholds:
        asked.append((f"Incr. NMB at {level:,.0f}", True, "nmb", level))
    columns = [Column("strategy", "Strategy", list(labels.values()))]
    for title, increment, quantity, threshold in asked:
        cells = [
            _shown(*found[key], quantity=quantity, increment=increment) if key in found else ""
            for key in ((name, increment, quantity, threshold) for name in labels)
        ]
        columns.append(Column(title, title, cells, "figures"))
    title = (
        f"Microsimulation of {errors.people:,} people, seed {errors.seed} (discounted; Monte Carlo "
        "standard errors in brackets; strategies share random numbers)"
    )
    show(console, Table("errors", title, columns))


def _shown(mean: float, error: float, *, quantity: str, increment: bool) -> str:
    if quantity == "total_qaly":
        return f"{signed(mean) if increment else f'{mean:.4f}'} ({error:.5f})"
    digits = 0 if error >= 10 or error == 0 else 1 if error >= 1 else 2
    return f"{money(mean)} ({error:,.{digits}f})"


def print_shares(shares: Table, console: Console) -> None:
    """Say how much of the spread of net benefit is Monte Carlo noise, at each threshold."""
    monetary = shares.where(quantity="nmb")
    for threshold in dict.fromkeys(monetary["threshold"]):
        at = monetary.where(threshold=threshold)
        increments = at.take(i for i, comparator in enumerate(at["comparator"]) if comparator)
        _print_shares(increments if len(increments) else at, threshold, console)


def _print_shares(table: Table, threshold: float, console: Console) -> None:
    title = f"Net benefit at {threshold:,.0f} over the draws: parameters or simulated people?"
    spreads = [
        Column(name, label, [value**0.5 for value in table[of]], "money")
        for name, label, of in (
            ("sd", "SD over draws", "variance"),
            ("sd_parameters", "SD, parameters", "parameter"),
            ("sd_monte_carlo", "SD, Monte Carlo", "monte_carlo"),
        )
    ]
    columns = [table.column("strategy"), *spreads, table.column("monte_carlo_share")]
    show(console, Table("shares", title, columns))
    if max(table["monte_carlo_share"], default=0.0) > 0.05:
        words = "More than 5% of some variance is noise: simulate more people in each draw."
        console.print(Text(words, style="yellow"))
