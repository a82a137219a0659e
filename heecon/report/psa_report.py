"""What ``heecon psa`` prints and writes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.text import Text

from heecon import plot
from heecon.analysis.acceptability import Acceptability, acceptability
from heecon.analysis.convergence import Precision, precision, running
from heecon.analysis.monte_carlo import VarianceShare, variance_shares
from heecon.analysis.outcomes import Outcomes
from heecon.analysis.psa import (
    Interval,
    default_grid,
    ellipses,
    summarise,
    summarise_net_benefit,
)
from heecon.files.write import csv_text, write_all
from heecon.report import monte_carlo_report
from heecon.report.console import Column, money, show
from heecon.report.run_files import json_text
from heecon.report.tables import Rows

FEW = 100
"""Below this many draws a reader is warned."""


@dataclass(frozen=True)
class PsaReport:
    """A probabilistic analysis with everything that is said about it.

    Attributes:
        outcomes: the draws.
        thresholds: where decisions are tabulated.
        curves: the decision over a grid of thresholds.
        precisions: Monte Carlo errors at each threshold.
        population: people the decision affects; None when it was not given.
        headline: "probabilistic" (Canada) or "deterministic" (NICE): which result comes first.
        shares: by threshold, what of the variance is due to simulating people; empty when the
            draws are exact.
    """

    outcomes: Outcomes
    thresholds: tuple[float, ...]
    curves: Acceptability
    precisions: tuple[Precision, ...]
    population: float | None
    headline: str
    shares: Mapping[float, tuple[VarianceShare, ...]]


def report(
    outcomes: Outcomes,
    thresholds: list[float],
    population: float | None = None,
    headline: str = "probabilistic",
) -> PsaReport:
    """Summarise draws at some thresholds."""
    return PsaReport(
        outcomes,
        tuple(thresholds),
        acceptability(outcomes, default_grid(thresholds)),
        tuple(precision(outcomes, threshold) for threshold in thresholds),
        population,
        headline,
        {threshold: variance_shares(outcomes, threshold) for threshold in thresholds}
        if outcomes.simulation is not None and outcomes.draws > 1
        else {},
    )


def write_psa(
    found: PsaReport,
    folder: Path,
    manifest: Mapping[str, object],
    formats: Iterable[plot.Format] = (),
) -> list[Path]:
    """Write tables, draws, and pictures in the formats asked for, all or none."""
    outcomes = found.outcomes
    contents: dict[str, str | bytes] = {
        f"{name}.csv": csv_text(table.header, table.rows)
        for name, table in (
            ("psa_summary", summary_rows(found)),
            ("psa_net_benefit", net_benefit_rows(found)),
            ("psa_curves", curve_rows(found)),
            ("psa_convergence", convergence_rows(found)),
        )
    }
    if found.shares:
        table = monte_carlo_report.variance_rows(found.shares)
        contents["psa_variance.csv"] = csv_text(table.header, table.rows)
    contents["psa_draws.csv"] = draws_text(outcomes)
    if outcomes.failed:
        contents["psa_left_out.csv"] = csv_text(("draw", "reason"), outcomes.failed)
    contents |= plot.files(pictures(found), formats)
    contents["psa_manifest.json"] = json_text(manifest)
    return write_all(folder, contents)


def pictures(found: PsaReport) -> dict[str, plot.Draw]:
    """The plane at the first threshold, and the decision over the grid of thresholds."""
    outcomes, decision = found.outcomes, found.curves
    money_label = f"Willingness to pay {outcomes.currency} per QALY"
    labels = [outcomes.labels.get(name, name) for name in outcomes.strategies]

    def each(values: NDArray[np.float64]) -> list[plot.Line]:
        return [plot.Line(label, plot.colour(i), values[:, i]) for i, label in enumerate(labels)]

    error = 1.96 * decision.standard_error
    limits = np.maximum(decision.evpi - error, 0.0), decision.evpi + error
    return {
        "ce_plane": partial(
            plot.ce_plane,
            _clouds(outcomes),
            outcomes.labels.get(outcomes.reference, outcomes.reference),
            outcomes.currency,
            found.thresholds[0],
        ),
        "ceac": partial(
            plot.curves,
            decision.thresholds,
            each(decision.probability),
            ("Acceptability curves and frontier", money_label, "Probability cost-effective"),
            dashed=plot.Line("Frontier (dashed)", plot.INK, decision.frontier),
            top=1.0,
        ),
        "expected_loss": partial(
            plot.curves,
            decision.thresholds,
            each(decision.expected_loss),
            ("Expected loss", money_label, f"Expected loss per person {outcomes.currency}"),
        ),
        "evpi": partial(
            plot.curves,
            decision.thresholds,
            [plot.Line("EVPI", plot.colour(0), decision.evpi)],
            (
                "Expected value of perfect information per person",
                money_label,
                f"EVPI {outcomes.currency}",
            ),
            band=("95% Monte Carlo limits", *limits),
        ),
    }


def _clouds(outcomes: Outcomes) -> list[plot.Cloud]:
    """Increments of every strategy but the comparator, each in its strategy's colour."""
    base = outcomes.index(outcomes.reference)
    outlines = {e.strategy: e.points() for e in ellipses(outcomes)} if outcomes.draws > 1 else {}
    found = []
    for i, name in enumerate(outcomes.strategies):
        if i != base:
            effect = outcomes.effect[:, i] - outcomes.effect[:, base]
            cost = outcomes.cost[:, i] - outcomes.cost[:, base]
            label = outcomes.labels.get(name, name)
            points = np.column_stack([effect, cost])
            found.append(plot.Cloud(label, plot.colour(i), points, outlines.get(name)))
    return found


def print_psa(found: PsaReport, console: Console) -> None:
    """Print means with intervals, the decision at each threshold and how sure the draws are."""
    outcomes = found.outcomes
    console.print()
    console.print(Text(f"Probabilistic analysis, {outcomes.draws:,} draws", style="bold"))
    if outcomes.draws < FEW:
        console.print(Text(f"Fewer than {FEW} draws say little: intervals and errors are rough."))
    _print_headline(found, console)
    rows = summarise(outcomes)
    labels = [_label(outcomes, row.strategy, console) for row in rows]
    against = _label(outcomes, outcomes.reference, console)
    columns = [
        Column("Cost", [_money(row.cost) for row in rows]),
        Column("QALYs", [_effect(row.effect) for row in rows]),
        Column("Incr. cost", [_money(row.incremental_cost) for row in rows]),
        Column("Incr. QALYs", [_effect(row.incremental_effect) for row in rows]),
    ]
    show(console, f"Means and 95% intervals; increments against {against}", labels, columns)
    for at, threshold in enumerate(found.thresholds):
        _print_decision(found, at, threshold, console)
    for threshold, shares in found.shares.items():
        monte_carlo_report.print_shares(shares, threshold, console)


def _print_headline(found: PsaReport, console: Console) -> None:
    outcomes = found.outcomes
    pairs = [("probabilistic", outcomes.means()), ("deterministic", outcomes.base)]
    if found.headline == "deterministic":
        pairs.reverse()
    labels = [_label(outcomes, name, console) for name in outcomes.strategies]
    columns = []
    for words, totals in pairs:
        if totals:
            columns.append(Column(f"Cost, {words}", [money(row.cost) for row in totals]))
            columns.append(Column(f"QALYs, {words}", [f"{row.effect:.4f}" for row in totals]))
    show(console, f"Expected costs and QALYs (headline: {found.headline})", labels, columns)


def _print_decision(found: PsaReport, at: int, threshold: float, console: Console) -> None:
    outcomes, error = found.outcomes, found.precisions[at]
    rows = [
        row for row in summarise_net_benefit(outcomes, [threshold]) if row.threshold == threshold
    ]
    labels = [_label(outcomes, row.strategy, console) for row in rows]
    columns = [
        Column("NMB", [_money(row.nmb) for row in rows]),
        Column("Incr. NMB", [_money(row.incremental_nmb) for row in rows]),
        Column(
            "P(cost-effective)",
            [
                f"{row.probability:.3f} ({spread:.3f})"
                for row, spread in zip(rows, error.probability_error, strict=True)
            ],
        ),
        Column("Expected loss", [money(row.expected_loss) for row in rows]),
        Column("Best", ["*" if row.optimal else "" for row in rows]),
    ]
    money_unit = f"{outcomes.currency} " if outcomes.currency else ""
    title = f"At {threshold:,.0f} {money_unit}per QALY (Monte Carlo errors in brackets)"
    show(console, title, labels, columns)
    text = f"EVPI {money(error.evpi)} ({money(error.evpi_error)}) per person"
    if found.population is not None:
        text += f", {money(error.evpi * found.population)} for {found.population:,.0f} people"
    console.print(Text(f"{text}.\n"))


def summary_rows(found: PsaReport) -> Rows:
    """Means and intervals of costs, effects and increments; the deterministic totals beside."""
    header = ["strategy", "deterministic_cost", "deterministic_qalys"]
    for name in ("cost", "qalys", "incremental_cost", "incremental_qalys"):
        header += [name, f"{name}_low", f"{name}_high"]
    base = {row.strategy: (row.cost, row.effect) for row in found.outcomes.base}
    rows = []
    for row in summarise(found.outcomes):
        parts = (row.cost, row.effect, row.incremental_cost, row.incremental_effect)
        cells = [cell for part in parts for cell in (part or (None, None, None))]
        rows.append((row.strategy, *base.get(row.strategy, (None, None)), *cells))
    return Rows(tuple(header), tuple(rows))


def net_benefit_rows(found: PsaReport) -> Rows:
    """Net benefit and decision at each threshold, with Monte Carlo errors."""
    header = (
        "threshold", "strategy", "nmb", "nmb_low", "nmb_high",
        "incremental_nmb", "incremental_nmb_low", "incremental_nmb_high", "incremental_nmb_error",
        "probability_cost_effective", "probability_error", "expected_loss", "optimal",
        "evpi", "evpi_error",
    )  # fmt: skip
    rows: list[tuple[object, ...]] = []
    errors = {error.threshold: error for error in found.precisions}
    for row in summarise_net_benefit(found.outcomes, found.thresholds):
        error = errors[row.threshold]
        index = error.strategies.index(row.strategy)
        rows.append(
            (
                row.threshold,
                row.strategy,
                *row.nmb,
                *(row.incremental_nmb or (None, None, None)),
                float(error.increment_error[index]),
                row.probability,
                float(error.probability_error[index]),
                row.expected_loss,
                row.optimal,
                error.evpi,
                error.evpi_error,
            )
        )
    return Rows(header, tuple(rows))


def curve_rows(found: PsaReport) -> Rows:
    """Acceptability, frontier, expected loss and EVPI over the grid of thresholds."""
    curves = found.curves
    header = (
        "threshold", "strategy", "probability", "on_frontier", "expected_loss",
        "evpi", "evpi_error", "evpi_population",
    )  # fmt: skip
    rows: list[tuple[object, ...]] = []
    for at, threshold in enumerate(curves.thresholds.tolist()):
        evpi = float(curves.evpi[at])
        everybody = None if found.population is None else evpi * found.population
        for index, name in enumerate(curves.strategies):
            rows.append(
                (
                    threshold,
                    name,
                    float(curves.probability[at, index]),
                    bool(curves.optimal[at, index]),
                    float(curves.expected_loss[at, index]),
                    evpi,
                    float(curves.standard_error[at]),
                    everybody,
                )
            )
    return Rows(header, tuple(rows))


def convergence_rows(found: PsaReport) -> Rows:
    """Running estimates at the first threshold, from the first draws only."""
    run = running(found.outcomes, found.thresholds[0])
    header = (
        "draws", "strategy", "nmb", "incremental_nmb", "incremental_nmb_error",
        "probability_cost_effective", "evpi",
    )  # fmt: skip
    rows: list[tuple[object, ...]] = []
    for at, draws in enumerate(run.draws.tolist()):
        for index, name in enumerate(run.strategies):
            rows.append(
                (
                    draws,
                    name,
                    float(run.nmb[at, index]),
                    float(run.increment[at, index]),
                    float(run.increment_error[at, index]),
                    float(run.probability[at, index]),
                    float(run.evpi[at]),
                )
            )
    return Rows(header, tuple(rows))


def draws_text(outcomes: Outcomes) -> str:
    """Draws of the parameters and their outcomes side by side, one row a draw, as CSV text."""
    keys = list(outcomes.parameters)
    names = [f"{kind}_{name}" for kind in ("cost", "effect") for name in outcomes.strategies]
    header = csv_text(("draw", *keys, *names), [])
    columns = [outcomes.parameters[key] for key in keys]
    table = np.column_stack([*columns, outcomes.cost, outcomes.effect])
    # Written directly: a row of plain numbers needs no quoting, and there are very many.
    lines = [f"{draw},{','.join(map(repr, row))}\n" for draw, row in enumerate(table.tolist())]
    return header + "".join(lines)


def _money(interval: Interval | None) -> str:
    if interval is None:
        return ""
    mean, low, high = interval
    return f"{money(mean)} ({money(low)} to {money(high)})"


def _effect(interval: Interval | None) -> str:
    if interval is None:
        return ""
    mean, low, high = interval
    return f"{mean:.4f} ({low:.4f} to {high:.4f})"


def _label(outcomes: Outcomes, name: str, console: Console) -> str:
    return outcomes.labels.get(name, name) if console.width >= 160 else name
