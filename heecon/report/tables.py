"""The tables of a run as rows of plain values, for files and for the screen alike."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING

from heecon.analysis.evaluation import Evaluation
from heecon.files.write import csv_text

if TYPE_CHECKING:
    import pandas as pd

SHOWN_ROWS, SHOWN_WIDTH = 8, 120
"""What a table shows of itself as text."""

HTML_ROWS = 60
"""Rows a notebook shows."""


@dataclass(frozen=True, repr=False)
class Rows:
    """A table: column names and rows of text, numbers and None."""

    header: tuple[str, ...]
    rows: tuple[tuple[object, ...], ...]

    def __len__(self) -> int:
        return len(self.rows)

    def to_pandas(self) -> pd.DataFrame:
        """The table as a frame."""
        import pandas as pd  # noqa: PLC0415  (half a second; only for those who want frames)

        return pd.DataFrame(list(self.rows), columns=list(self.header))

    def to_csv(self) -> str:
        """The table as the text of a file."""
        return csv_text(self.header, self.rows)

    def __repr__(self) -> str:
        """The first rows, and the columns a line has room for."""
        whole = len(self.rows) <= SHOWN_ROWS
        first = self.rows if whole else self.rows[: SHOWN_ROWS - 1]
        shown = [[_short(cell) for cell in row] for row in (self.header, *first)]
        lines = [""] * len(shown)
        for cells in zip(*shown, strict=True):
            width = max(map(len, cells))
            if len(lines[0]) + width > SHOWN_WIDTH:
                break
            lines = [line + cell.ljust(width + 2) for line, cell in zip(lines, cells, strict=True)]
        size = [] if whole else [f"[{len(self.rows):,} rows x {len(self.header)} columns]"]
        return "\n".join([*(line.rstrip() for line in lines), *size])

    def _repr_html_(self) -> str:
        def row(tag: str, cells: Iterable[object]) -> str:
            return "<tr>" + "".join(f"<{tag}>{escape(_short(c))}</{tag}>" for c in cells) + "</tr>"

        body = "".join(row("td", cells) for cells in self.rows[:HTML_ROWS])
        more = len(self.rows) - HTML_ROWS
        note = f"<p>... and {more:,} more rows</p>" if more > 0 else ""
        return f"<table><thead>{row('th', self.header)}</thead><tbody>{body}</tbody></table>{note}"


def _short(cell: object) -> str:
    """A cell in few characters."""
    if cell is None:
        return ""
    if isinstance(cell, float):
        return f"{cell:,.2f}" if abs(cell) >= 100 else f"{cell:.6g}"
    text = str(cell)
    return text if len(text) <= 40 else f"{text[:39]}…"


def summary(evaluation: Evaluation) -> Rows:
    """Every outcome of every strategy, then the totals by kind."""
    header = ("strategy", "outcome", "kind", "category", "discounted", "undiscounted")
    rows: list[tuple[object, ...]] = [
        (r.strategy, r.outcome, r.kind, r.category, r.discounted, r.undiscounted)
        for r in evaluation.summary()
    ]
    for kind, amounts in (
        ("cost", evaluation.cost),
        ("qaly", evaluation.qalys),
        ("life_year", evaluation.life_years),
    ):
        discounted, undiscounted = amounts(), amounts(discounted=False)
        rows += [
            (name, f"total_{kind}", kind, "total", discounted[name], undiscounted[name])
            for name in evaluation.result.strategies
        ]
    return Rows(header, tuple(rows))


def incremental(evaluation: Evaluation) -> Rows:
    """The fully incremental analysis."""
    header = (
        "strategy",
        "cost",
        "qalys",
        "compared_with",
        "incremental_cost",
        "incremental_qalys",
        "icer",
        "quadrant",
        "status",
        "explanation",
    )
    return Rows(
        header,
        tuple(
            (
                row.strategy,
                row.cost,
                row.effect,
                row.compared_with,
                row.incremental_cost,
                row.incremental_effect,
                row.icer,
                None if row.quadrant is None else str(row.quadrant),
                str(row.status),
                row.explanation,
            )
            for row in (evaluation.incremental() if evaluation.has_qalys else ())
        ),
    )


def pairwise(evaluation: Evaluation) -> Rows:
    """Every strategy against the comparator."""
    header = (
        "strategy",
        "comparator",
        "incremental_cost",
        "incremental_qalys",
        "icer",
        "quadrant",
        "meaning",
    )
    return Rows(
        header,
        tuple(
            (
                row.strategy,
                row.comparator,
                row.incremental_cost,
                row.incremental_effect,
                row.icer,
                str(row.quadrant),
                row.meaning,
            )
            for row in (evaluation.pairwise() if evaluation.has_qalys else ())
        ),
    )


def net_benefit(evaluation: Evaluation) -> Rows:
    """Net monetary and net health benefit at the model's thresholds; empty when it names none."""
    header = ("strategy", "threshold", "nmb", "nhb", "incremental_nmb", "rank", "optimal")
    if not (evaluation.model.settings.thresholds and evaluation.has_qalys):
        return Rows(header, ())
    return Rows(
        header,
        tuple(
            (
                row.strategy,
                row.threshold,
                row.nmb,
                row.nhb,
                row.incremental_nmb,
                row.rank,
                row.optimal,
            )
            for row in evaluation.net_benefit()
        ),
    )


def trace(evaluation: Evaluation) -> Rows:
    """One row a strategy and cycle of the first draw: occupancy of the states, cost and QALYs.

    The occupancy is that at the start of the cycle, without within-cycle correction; the last row
    of a strategy is the end of the last cycle. Costs and QALYs are those of the cycle, corrected as
    the outcomes say, undiscounted and discounted.
    """
    result = evaluation.result
    kept = evaluation.trace_arrays()
    settings = evaluation.model.settings
    header = (
        "strategy",
        "cycle",
        "time",
        *result.states,
        "cost",
        "cost_discounted",
        "qalys",
        "qalys_discounted",
    )
    costs = [i for i, outcome in enumerate(result.outcomes) if outcome.kind == "cost"]
    qalys = [i for i, outcome in enumerate(result.outcomes) if outcome.kind == "qaly"]
    rows: list[tuple[object, ...]] = []
    for index, name in enumerate(result.strategies):
        occupancy = kept.occupancy[0, index].tolist()
        cost = kept.amounts[0, index][costs].sum(axis=(0, 1)).tolist()
        qaly = kept.amounts[0, index][qalys].sum(axis=(0, 1)).tolist()
        rows += [
            (name, cycle, cycle * settings.cycle_length, *shares, *cost[cycle], *qaly[cycle])
            for cycle, shares in enumerate(occupancy)
        ]
    return Rows(header, tuple(rows))


def assumptions(evaluation: Evaluation) -> Rows:
    """The inputs nobody published, with the reason for each."""
    header = ("parameter", "value", "unit", "reason")
    return Rows(
        header,
        tuple((p.key, p.value, p.unit, p.source) for p in evaluation.model.assumptions),
    )


def as_records(table: Rows) -> list[dict[str, object]]:
    """Rows as dictionaries, for JSON; a number that is not finite becomes null."""
    return [
        {name: _json_value(value) for name, value in zip(table.header, row, strict=True)}
        for row in table.rows
    ]


def _json_value(value: object) -> object:
    return None if isinstance(value, float) and not math.isfinite(value) else value
