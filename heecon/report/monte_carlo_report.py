"""Monte Carlo errors as tables, for files and the screen."""

from __future__ import annotations

from collections.abc import Mapping

from rich.console import Console
from rich.text import Text

from heecon.analysis.evaluation import Evaluation
from heecon.analysis.monte_carlo import Estimate, VarianceShare, errors_of, estimates
from heecon.report.console import money, show, signed
from heecon.table import Column, Field, Table

ESTIMATES: tuple[Field, ...] = (
    ("strategy", "Strategy", "text"),
    ("comparator", "Comparator", "text"),
    ("quantity", "Quantity", "text"),
    ("threshold", "Willingness to pay", "money"),
    ("discounted", "Discounted", "text"),
    ("mean", "Mean", ",.4f"),
    ("standard_error", "Standard error", ",.5f", "error"),
)
VARIANCE: tuple[Field, ...] = (
    ("threshold", "Willingness to pay", "money"),
    ("strategy", "Strategy", "text"),
    ("comparator", "Comparator", "text"),
    ("quantity", "Quantity", "text"),
    ("variance", "Variance", "number"),
    ("parameter", "Of parameters", "number"),
    ("monte_carlo", "Of simulation", "number", "simulation"),
    ("monte_carlo_share", "Monte Carlo share of variance", "share", "share"),
)


def estimate_table(evaluation: Evaluation) -> Table:
    """Every estimate of a microsimulation with its error."""
    return Table.of("monte_carlo", "Monte Carlo errors", estimates(evaluation), ESTIMATES)


def variance_table(shares: Mapping[float, tuple[VarianceShare, ...]]) -> Table:
    """Variance over the draws by quantity, and its two parts.

    Args:
        shares: by threshold.
    """
    rows = [share for found in shares.values() for share in found]
    return Table.of("psa_variance", "Variance over the draws", rows, VARIANCE)


def print_errors(evaluation: Evaluation, labels: Mapping[str, str], console: Console) -> None:
    """Print totals, increments and net benefit, each with its error in brackets."""
    errors = errors_of(evaluation)
    found = {
        (e.strategy, bool(e.comparator), e.quantity, e.threshold): e
        for e in estimates(evaluation)
        if e.discounted
    }
    columns = [Column("strategy", "Strategy", list(labels.values()))]
    asked: list[tuple[str, bool, str, float | None]] = [
        ("Cost", False, "total_cost", None),
        ("QALYs", False, "total_qaly", None),
        ("Incr. cost", True, "total_cost", None),
        ("Incr. QALYs", True, "total_qaly", None),
    ]
    for level in evaluation.model.settings.thresholds:
        asked.append((f"Incr. NMB at {level:,.0f}", True, "nmb", level))
    for title, increment, quantity, threshold in asked:
        cells = [_shown(found.get((name, increment, quantity, threshold))) for name in labels]
        columns.append(Column(title, title, cells, "figures"))
    title = (
        f"Microsimulation of {errors.people:,} people, seed {errors.seed} (discounted; Monte Carlo "
        "standard errors in brackets; strategies share luck)"
    )
    show(console, Table("errors", title, columns))


def _shown(estimate: Estimate | None) -> str:
    if estimate is None:
        return ""
    if estimate.quantity == "total_qaly":
        mean = signed(estimate.mean) if estimate.comparator else f"{estimate.mean:.4f}"
        return f"{mean} ({estimate.error:.5f})"
    digits = 0 if estimate.error >= 10 or estimate.error == 0 else 1 if estimate.error >= 1 else 2
    return f"{money(estimate.mean)} ({estimate.error:,.{digits}f})"


SHARES: tuple[Field, ...] = (
    ("strategy", "Strategy", "text"),
    ("sd", "SD over draws", "money", lambda share: share.variance**0.5),
    ("sd_parameters", "SD, parameters", "money", lambda share: share.parameter**0.5),
    ("sd_monte_carlo", "SD, Monte Carlo", "money", lambda share: share.simulation**0.5),
    VARIANCE[-1],
)


def print_shares(shares: tuple[VarianceShare, ...], threshold: float, console: Console) -> None:
    """Say how much of the spread of net benefit is Monte Carlo noise."""
    rows = [s for s in shares if s.quantity == "nmb" and s.comparator] or [
        s for s in shares if s.quantity == "nmb"
    ]
    title = f"Net benefit at {threshold:,.0f} over the draws: parameters or simulated people?"
    show(console, Table.of("shares", title, rows, SHARES))
    if max((s.share for s in rows), default=0.0) > 0.05:
        words = "More than 5% of some variance is noise: simulate more people in each draw."
        console.print(Text(words, style="yellow"))
