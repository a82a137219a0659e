"""What ``heecon psa`` prints and writes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.text import Text

from heecon import plot
from heecon.analysis.ceac import CEAC, ceac
from heecon.analysis.convergence import Precision, precision, running
from heecon.analysis.monte_carlo import variance_shares
from heecon.analysis.outcomes import Outcomes, check_informative
from heecon.analysis.psa import (
    curve_grid,
    ellipses,
    summarise,
    summarise_net_benefit,
)
from heecon.files.write import csv_files, write_all
from heecon.report.console import money, show
from heecon.report.monte_carlo_report import print_shares
from heecon.table import Column, Table

NO_THRESHOLD = (
    "No threshold is named, so there is no net benefit and no decision. Give --threshold AMOUNT, "
    "or thresholds = [...] in [model]."
)

FEW = 100
"""Below this many draws a reader is warned."""


@dataclass(frozen=True)
class PsaReport:
    """A probabilistic analysis with everything that is said about it.

    Attributes:
        outcomes: the draws.
        thresholds: where decisions are tabulated; none leaves means, intervals and curves.
        curves: the decision over a grid of thresholds.
        precisions: Monte Carlo errors at each threshold.
        population: people the decision affects; None when it was not given.
        headline: "probabilistic" (Canada) or "deterministic" (NICE): which result comes first.
        shares: what of the variance is due to simulating people; None when the draws are exact.
    """

    outcomes: Outcomes
    thresholds: tuple[float, ...]
    curves: CEAC
    precisions: tuple[Precision, ...]
    population: float | None
    headline: str
    shares: Table | None


def report(
    outcomes: Outcomes,
    thresholds: list[float],
    population: float | None = None,
    headline: str = "probabilistic",
) -> PsaReport:
    """Summarise draws at some thresholds.

    Raises:
        InputError: there are too few, or they are all the same.
    """
    check_informative(outcomes)
    return PsaReport(
        outcomes,
        tuple(thresholds),
        ceac(outcomes, curve_grid(outcomes, thresholds)),
        tuple(precision(outcomes, threshold) for threshold in thresholds),
        population,
        headline,
        variance_shares(outcomes, thresholds)
        if outcomes.simulation is not None and thresholds
        else None,
    )


def write_psa(
    found: PsaReport,
    folder: Path,
    manifest: Mapping[str, object],
    formats: Iterable[plot.Format] = (),
    more: Sequence[Table] = (),
) -> list[Path]:
    """Write tables, more of them, draws, and pictures in the formats asked for, all or none."""
    outcomes = found.outcomes
    tables = [summarise(found.outcomes), found.curves.table(found.population), *more]
    if found.thresholds:
        tables += [net_benefit_table(found), running(outcomes, found.thresholds[0])]
    if found.shares is not None:
        tables.append(found.shares)
    if outcomes.failed:
        draws, reasons = zip(*outcomes.failed, strict=True)
        columns = [Column("draw", "Draw", draws, "d"), Column("reason", "Reason", reasons)]
        tables.append(Table("psa_left_out", "Draws left out", columns))
    contents: dict[str, str | bytes] = {**csv_files(tables)}
    contents["psa_draws.csv"] = draws_text(outcomes)
    contents |= plot.files(pictures(found), formats)
    return write_all(folder, contents, "psa_manifest.json", manifest)


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
            next(iter(found.thresholds), None),
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
    outlines = {e.strategy: e.points() for e in ellipses(outcomes)}
    found = []
    for i, name in enumerate(outcomes.strategies):
        if i != base:
            effect = outcomes.effect[:, i] - outcomes.effect[:, base]
            cost = outcomes.cost[:, i] - outcomes.cost[:, base]
            label = outcomes.labels.get(name, name)
            points = np.column_stack([effect, cost])
            found.append(plot.Cloud(label, plot.colour(i), points, outlines[name]))
    return found


def print_psa(found: PsaReport, console: Console) -> None:
    """Print means with intervals, the decision at each threshold and how sure the draws are."""
    outcomes = found.outcomes
    console.print()
    console.print(Text(f"Probabilistic analysis, {outcomes.heading}", style="bold"))
    if outcomes.draws < FEW:
        console.print(Text(f"Fewer than {FEW} draws say little: intervals and errors are rough."))
    _print_headline(found, console)
    table = _labelled(outcomes, summarise(found.outcomes), console)
    against = _label(outcomes, outcomes.reference, console)
    table = table.titled(f"Means and 95% intervals; increments against {against}")
    show(
        console,
        table.select("strategy", "cost", "qalys", "incremental_cost", "incremental_qalys"),
    )
    if not found.thresholds:
        console.print(Text(NO_THRESHOLD))
    for at, threshold in enumerate(found.thresholds):
        _print_decision(found, at, threshold, console)
    if found.shares is not None:
        print_shares(found.shares, console)


def _print_headline(found: PsaReport, console: Console) -> None:
    outcomes = found.outcomes
    pairs = [("probabilistic", outcomes.means()), ("deterministic", outcomes.base)]
    if found.headline == "deterministic":
        pairs.reverse()
    columns = [Column("strategy", "Strategy", outcomes.strategies)]
    for words, totals in pairs:
        if totals:
            cost, qalys = [row.cost for row in totals], [row.effect for row in totals]
            columns.append(Column(f"cost_{words}", f"Cost, {words}", cost, "money"))
            columns.append(Column(f"qalys_{words}", f"QALYs, {words}", qalys, "qaly"))
    title = f"Expected costs and QALYs (headline: {found.headline})"
    show(console, _labelled(outcomes, Table("headline", title, columns), console))


def _print_decision(found: PsaReport, at: int, threshold: float, console: Console) -> None:
    outcomes, error = found.outcomes, found.precisions[at]
    table = net_benefit_table(found).where(threshold=threshold)
    pairs = zip(table["probability_cost_effective"], table["probability_error"], strict=True)
    chances = [f"{chance:.3f} ({spread:.3f})" for chance, spread in pairs]
    table = table.select("strategy", "nmb", "incremental_nmb", "expected_loss", "optimal")
    *before, loss, optimal = table.columns
    probability = Column("probability", "P(cost-effective)", chances, "figures")
    money_unit = f"{outcomes.currency} " if outcomes.currency else ""
    title = f"At {threshold:,.0f} {money_unit}per QALY (Monte Carlo errors in brackets)"
    decision = Table("decision", title, [*before, probability, loss, optimal])
    show(console, _labelled(outcomes, decision, console))
    text = f"EVPI {money(error.evpi)} ({money(error.evpi_error)}) per person"
    if found.population is not None:
        text += f", {money(error.evpi * found.population)} for {found.population:,.0f} people"
    console.print(Text(f"{text}.\n"))


def net_benefit_table(found: PsaReport) -> Table:
    """Net benefit and decision at each threshold, with Monte Carlo errors."""
    table = summarise_net_benefit(found.outcomes, found.thresholds)
    errors = [error for error in found.precisions for _ in error.strategies]
    spread = [value for e in found.precisions for value in e.increment_error.tolist()]
    chance = [value for e in found.precisions for value in e.probability_error.tolist()]
    *first, loss, optimal = table.columns
    probability = first.pop()
    columns = [
        *first,
        Column("incremental_nmb_error", "Its error", spread, "cents"),
        probability,
        Column("probability_error", "Its error", chance, "probability"),
        loss,
        optimal,
        Column("evpi", "EVPI", [error.evpi for error in errors], "cents"),
        Column("evpi_error", "Its error", [error.evpi_error for error in errors], "cents"),
    ]
    return replace(table, columns=columns)


def draws_text(outcomes: Outcomes) -> str:
    """Draws of the parameters and their outcomes side by side, one row a draw, as CSV text."""
    keys = list(outcomes.parameters)
    names = [f"{kind}_{name}" for kind in ("cost", "effect") for name in outcomes.strategies]
    header = Table("draws", "", [Column(name, "", ()) for name in ("draw", *keys, *names)]).to_csv()
    columns = [outcomes.parameters[key] for key in keys]
    table = np.column_stack([*columns, outcomes.cost, outcomes.effect])
    # Written directly: a row of plain numbers needs no quoting, and there are very many.
    pairs = zip(outcomes.numbers, table.tolist(), strict=True)
    lines = [f"{draw},{','.join(map(repr, row))}\n" for draw, row in pairs]
    return header + "".join(lines)


def _label(outcomes: Outcomes, name: str, console: Console) -> str:
    return outcomes.labels.get(name, name) if console.width >= 160 else name


def _labelled(outcomes: Outcomes, table: Table, console: Console) -> Table:
    """The table with strategies first, called as the screen has room for."""
    labels = [_label(outcomes, str(name), console) for name in table["strategy"]]
    return table.plus(Column("strategy", "Strategy", labels))
