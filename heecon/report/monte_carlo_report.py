"""Monte Carlo errors as tables, for files and the screen."""

from __future__ import annotations

from collections.abc import Mapping

from rich.console import Console
from rich.text import Text

from heecon.analysis.evaluation import Evaluation
from heecon.analysis.monte_carlo import Estimate, VarianceShare, errors_of, estimates
from heecon.report.console import Column, money, show, signed
from heecon.report.tables import Rows


def estimate_rows(evaluation: Evaluation) -> Rows:
    """Every estimate of a microsimulation with its error."""
    header = (
        "strategy", "comparator", "quantity", "threshold", "discounted", "mean", "standard_error",
    )  # fmt: skip
    return Rows(
        header,
        tuple(
            (e.strategy, e.comparator, e.quantity, e.threshold, e.discounted, e.mean, e.error)
            for e in estimates(evaluation)
        ),
    )


def variance_rows(shares: Mapping[float, tuple[VarianceShare, ...]]) -> Rows:
    """Variance over the draws by quantity, and its two parts.

    Args:
        shares: by threshold.
    """
    header = (
        "threshold", "strategy", "comparator", "quantity",
        "variance", "parameter", "monte_carlo", "monte_carlo_share",
    )  # fmt: skip
    return Rows(
        header,
        tuple(
            (
                threshold if s.quantity == "nmb" else None,
                s.strategy,
                s.comparator,
                s.quantity,
                s.variance,
                s.parameter,
                s.simulation,
                s.share,
            )
            for threshold, found in shares.items()
            for s in found
        ),
    )


def print_errors(evaluation: Evaluation, labels: Mapping[str, str], console: Console) -> None:
    """Print totals, increments and net benefit, each with its error in brackets."""
    errors = errors_of(evaluation)
    found = {
        (e.strategy, bool(e.comparator), e.quantity, e.threshold): e
        for e in estimates(evaluation)
        if e.discounted
    }

    def cells(increment: bool, quantity: str, threshold: float | None = None) -> list[str]:
        places = [(name, increment, quantity, threshold) for name in labels]
        return [_shown(found.get(place)) for place in places]

    columns = [
        Column("Cost", cells(False, "total_cost")),
        Column("QALYs", cells(False, "total_qaly")),
        Column("Incr. cost", cells(True, "total_cost")),
        Column("Incr. QALYs", cells(True, "total_qaly")),
    ]
    for threshold in evaluation.model.settings.thresholds:
        columns.append(Column(f"Incr. NMB at {threshold:,.0f}", cells(True, "nmb", threshold)))
    title = (
        f"Microsimulation of {errors.people:,} people, seed {errors.seed} (discounted; Monte Carlo "
        "standard errors in brackets; strategies share luck)"
    )
    show(console, title, list(labels.values()), columns)


def _shown(estimate: Estimate | None) -> str:
    if estimate is None:
        return ""
    if estimate.quantity == "total_qaly":
        mean = signed(estimate.mean) if estimate.comparator else f"{estimate.mean:.4f}"
        return f"{mean} ({estimate.error:.5f})"
    digits = 0 if estimate.error >= 10 or estimate.error == 0 else 1 if estimate.error >= 1 else 2
    return f"{money(estimate.mean)} ({estimate.error:,.{digits}f})"


def print_shares(shares: tuple[VarianceShare, ...], threshold: float, console: Console) -> None:
    """Say how much of the spread of net benefit is Monte Carlo noise."""
    rows = [s for s in shares if s.quantity == "nmb" and s.comparator] or [
        s for s in shares if s.quantity == "nmb"
    ]
    columns = [
        Column("SD over draws", [money(s.variance**0.5) for s in rows]),
        Column("SD, parameters", [money(s.parameter**0.5) for s in rows]),
        Column("SD, Monte Carlo", [money(s.simulation**0.5) for s in rows]),
        Column("Monte Carlo share of variance", [f"{s.share:.1%}" for s in rows]),
    ]
    title = f"Net benefit at {threshold:,.0f} over the draws: parameters or simulated people?"
    show(console, title, [s.strategy for s in rows], columns)
    if max((s.share for s in rows), default=0.0) > 0.05:
        words = "More than 5% of some variance is noise: simulate more people in each draw."
        console.print(Text(words, style="yellow"))
