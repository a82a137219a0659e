"""The tables of a run, for files and for the screen alike."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from heecon.analysis.ceac import column
from heecon.analysis.evaluation import Evaluation, SummaryRow
from heecon.analysis.incremental import fully_incremental
from heecon.analysis.incremental import pairwise as compare_pairs
from heecon.table import Column, Field, Table

SUMMARY: tuple[Field, ...] = (
    ("strategy", "Strategy", "text"),
    ("outcome", "Outcome", "text"),
    ("kind", "Kind", "text"),
    ("category", "Category", "text"),
    ("discounted", "Discounted", ",.4f"),
    ("undiscounted", "Undiscounted", ",.4f"),
)
INCREMENTAL: tuple[Field, ...] = (
    ("strategy", "Strategy", "text"),
    ("cost", "Cost", "money"),
    ("qalys", "QALYs", "qaly", "effect"),
    ("compared_with", "Compared with", "text"),
    ("incremental_cost", "Incr. cost", "money"),
    ("incremental_qalys", "Incr. QALYs", "qaly_change", "incremental_effect"),
    ("icer", "ICER", "money"),
    ("quadrant", "Quadrant", "text"),
    ("status", "Status", "text"),
    ("explanation", "Explanation", "text"),
)
PAIRWISE: tuple[Field, ...] = (
    ("strategy", "Strategy", "text"),
    ("comparator", "Comparator", "text"),
    ("incremental_cost", "Incr. cost", "money"),
    ("incremental_qalys", "Incr. QALYs", "qaly_change", "incremental_effect"),
    ("icer", "ICER", "money"),
    ("quadrant", "Quadrant", "text"),
    ("meaning", "Meaning", "text"),
)
NET_BENEFIT: tuple[Field, ...] = (
    ("strategy", "Strategy", "text"),
    ("threshold", "Willingness to pay", "money"),
    ("nmb", "NMB", "money"),
    ("nhb", "NHB", "qaly"),
    ("incremental_nmb", "Incr. NMB", "money"),
    ("rank", "Rank", "d"),
    ("optimal", "Best", "mark"),
)
ASSUMPTIONS: tuple[Field, ...] = (
    ("parameter", "Parameter", "text", "key"),
    ("value", "Value", ".6g"),
    ("unit", "Unit", "text"),
    ("reason", "Reason", "text", "source"),
)


def summary(evaluation: Evaluation) -> Table:
    """Every outcome of every strategy, then the totals of the kinds the model counts.

    Their kind is "total", so that a sum over a kind counts nothing twice.
    """
    rows = list(evaluation.summary())
    counted = {outcome.kind for outcome in evaluation.result.outcomes}
    for kind, amounts in (
        ("cost", evaluation.cost),
        ("qaly", evaluation.qalys),
        ("life_year", evaluation.life_years),
    ):
        if kind not in counted:
            continue
        discounted, undiscounted = amounts(), amounts(discounted=False)
        rows += [
            SummaryRow(n, f"total_{kind}", "", "total", "total", discounted[n], undiscounted[n])
            for n in evaluation.result.strategies
        ]
    return Table.of("summary", "Outcomes per person", rows, SUMMARY)


def incremental(evaluation: Evaluation) -> Table:
    """The fully incremental analysis; empty without QALYs."""
    rows = evaluation.incremental() if evaluation.has_qalys else ()
    title = "Fully incremental analysis, in order of cost (discounted)"
    return Table.of("incremental", title, rows, INCREMENTAL)


def cost_per(evaluation: Evaluation, effect: str, *, avoided: bool = False) -> Table:
    """The incremental analysis by another effect than QALYs, under its own name.

    Args:
        evaluation: a run.
        effect: see ``Evaluation.totals_by``.
        avoided: fewer is better.
    """
    totals, words = evaluation.totals_by(effect, avoided=avoided)
    name = f"{effect}_avoided" if avoided else effect
    title = f"Costs by {words} (discounted)"
    found = Table.of(f"cost_per_{name}", title, fully_incremental(totals), INCREMENTAL)
    columns = [
        replace(c, name=c.name.replace("qalys", name), label=c.label.replace("QALYs", words))
        for c in found.columns
    ]
    table = replace(found, columns=columns)
    pairs = {row.strategy: row for row in compare_pairs(totals, evaluation.comparator)}
    against = [pairs.get(str(strategy)) for strategy in table["strategy"]]
    return table.plus(
        Column(
            "icer_pairwise",
            f"ICER v {evaluation.comparator}",
            [p and p.icer for p in against],
            "money",
        ),
        Column("quadrant_pairwise", "Quadrant", [p and p.quadrant for p in against]),
    )


def pairwise(evaluation: Evaluation) -> Table:
    """Every strategy against the comparator; empty without QALYs."""
    rows = evaluation.pairwise() if evaluation.has_qalys else ()
    title = f"Each strategy against {evaluation.comparator} (discounted)"
    return Table.of("pairwise", title, rows, PAIRWISE)


def net_benefit(evaluation: Evaluation) -> Table:
    """Net monetary and net health benefit at the model's thresholds; empty when it names none."""
    known = evaluation.model.settings.thresholds and evaluation.has_qalys
    rows = evaluation.net_benefit() if known else ()
    return Table.of("net_benefit", "Net benefit (NMB in money, NHB in QALYs)", rows, NET_BENEFIT)


def trace(evaluation: Evaluation) -> Table:
    """One row a strategy and cycle of the first draw: occupancy of the states, cost and QALYs.

    The occupancy is that at the start of the cycle, without within-cycle correction; the last row
    of a strategy is the end of the last cycle. Costs and QALYs are those of the cycle, corrected as
    the outcomes say, undiscounted and discounted.
    """
    result, kept = evaluation.result, evaluation.trace_arrays()
    model, strategies = evaluation.model, range(len(result.strategies))

    def amounts(kind: str) -> NDArray[np.float64]:
        """(strategy, cycle, undiscounted and discounted)."""
        chosen = [i for i, outcome in enumerate(result.outcomes) if outcome.kind == kind]
        return np.array([kept.amounts[0, i][chosen].sum(axis=(0, 1)) for i in strategies])

    costs, qalys = amounts("cost"), amounts("qaly")
    cycles = range(kept.occupancy.shape[2])
    years = [cycle * model.settings.cycle_length for cycle in cycles]
    return Table.crossed(
        "trace",
        "Occupancy, costs and QALYs by cycle",
        Column("strategy", "Strategy", result.strategies),
        Column("cycle", "Cycle", cycles, "d"),
        [
            Column("time", "Years", years * len(strategies), "number"),
            *(
                column(state, model.states[state].label, kept.occupancy[0, :, :, i], "qaly")
                for i, state in enumerate(result.states)
            ),
            column("cost", "Cost", costs[:, :, 0], "money"),
            column("cost_discounted", "Cost, discounted", costs[:, :, 1], "money"),
            column("qalys", "QALYs", qalys[:, :, 0], "qaly"),
            column("qalys_discounted", "QALYs, discounted", qalys[:, :, 1], "qaly"),
        ],
    )


def assumptions(evaluation: Evaluation) -> Table:
    """The inputs nobody published, with the reason for each."""
    rows = evaluation.model.assumptions
    return Table.of("assumptions", "Inputs that are assumptions", rows, ASSUMPTIONS)
