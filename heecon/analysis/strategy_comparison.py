"""Where every strategy stands: its costs and QALYs, and what they are against the comparator."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from heecon.analysis.evaluation import Evaluation
from heecon.analysis.incremental import PairwiseRow, Totals, pairwise
from heecon.analysis.net_benefit import net_benefit
from heecon.table import Field


@dataclass(frozen=True)
class StrategyComparison:
    """One strategy in one run: amounts per person, discounted; strategy minus comparator.

    Attributes:
        strategy: its name.
        comparator: what it is compared with.
        cost: expected cost.
        qalys: expected QALYs; None where the model counts none.
        incremental_cost: None for the comparator itself.
        incremental_qalys: None for the comparator itself, or without QALYs.
        icer: cost per QALY gained (north-east) or saving per QALY lost (south-west); else None.
        quadrant: where it lies on the cost-effectiveness plane; None as for ``incremental_qalys``.
        nmb: threshold -> net monetary benefit; empty without QALYs.
        incremental_nmb: threshold -> the same minus the comparator's.
    """

    strategy: str
    comparator: str
    cost: float
    qalys: float | None
    incremental_cost: float | None
    incremental_qalys: float | None
    icer: float | None
    quadrant: str | None
    nmb: Mapping[float, float]
    incremental_nmb: Mapping[float, float]


@dataclass(frozen=True)
class RunTotals:
    """What a run gives, without the inputs it came from.

    Attributes:
        name: model and scenario.
        title: of the scenario, else of the model.
        currency: of the costs.
        comparator: the strategy the others are compared with.
        thresholds: willingness to pay per QALY.
        totals: discounted costs and QALYs by strategy; those that agree to 13 digits are equal.
        has_qalys: False where the model counts none; then effects are 0.
    """

    name: str
    title: str
    currency: str
    comparator: str
    thresholds: tuple[float, ...]
    totals: tuple[Totals, ...]
    has_qalys: bool = True


COMPARISON: tuple[Field, ...] = (
    ("strategy", "Strategy", "text"),
    ("comparator", "Comparator", "text"),
    ("cost", "Cost", "money"),
    ("qalys", "QALYs", "qaly"),
    ("incremental_cost", "Incr. cost", "money"),
    ("incremental_qalys", "Incr. QALYs", "qaly_change"),
    ("icer", "ICER", "money"),
    ("quadrant", "Quadrant", "text"),
)


def comparison_fields(thresholds: Sequence[float]) -> tuple[Field, ...]:
    """The columns of a table of comparisons: results, then net benefit at each threshold."""
    fields = list(COMPARISON)
    for threshold in thresholds:
        fields += _net_benefit_fields(threshold)
    return tuple(fields)


def _net_benefit_fields(threshold: float) -> tuple[Field, Field]:
    at, words = f"at_{threshold:.15g}", f"at {threshold:,.15g}"
    return (
        (f"nmb_{at}", f"NMB {words}", "money", lambda row: row.nmb.get(threshold)),
        (
            f"incremental_nmb_{at}",
            f"Incr. NMB {words}",
            "money",
            lambda row: row.incremental_nmb.get(threshold),
        ),
    )


def totals_of(evaluation: Evaluation) -> RunTotals:
    """The totals of a run."""
    model = evaluation.model
    own = model.scenario.name not in {"", model.name}
    return RunTotals(
        name=f"{model.name}/{model.scenario.name}" if own else model.name,
        title=model.scenario.title or model.settings.title,
        currency=model.settings.currency,
        comparator=evaluation.comparator,
        thresholds=model.settings.thresholds,
        totals=evaluation.totals(),
        has_qalys=evaluation.has_qalys,
    )


def comparisons(
    run: RunTotals, thresholds: Sequence[float] | None = None
) -> tuple[StrategyComparison, ...]:
    """Where every strategy stands, in the order of the model.

    Args:
        run: its totals.
        thresholds: for net benefit; None for the run's own.

    Raises:
        InputError: as ``pairwise`` and ``net_benefit``.
    """
    pairs = {row.strategy: row for row in pairwise(run.totals, run.comparator)}
    chosen = run.thresholds if thresholds is None else thresholds
    nmb: dict[str, dict[float, float]] = {item.strategy: {} for item in run.totals}
    against: dict[str, dict[float, float]] = {item.strategy: {} for item in run.totals}
    if chosen and run.has_qalys:
        for row in net_benefit(run.totals, list(chosen), run.comparator):
            nmb[row.strategy][row.threshold] = row.nmb
            against[row.strategy][row.threshold] = row.incremental_nmb or 0.0
    return tuple(
        _standing(item, pairs.get(item.strategy), run, nmb[item.strategy], against[item.strategy])
        for item in run.totals
    )


def _standing(
    item: Totals,
    pair: PairwiseRow | None,
    run: RunTotals,
    nmb: Mapping[float, float],
    against: Mapping[float, float],
) -> StrategyComparison:
    compared = pair if run.has_qalys else None
    return StrategyComparison(
        strategy=item.strategy,
        comparator=run.comparator,
        cost=item.cost,
        qalys=item.effect if run.has_qalys else None,
        incremental_cost=None if pair is None else pair.incremental_cost,
        incremental_qalys=None if compared is None else compared.incremental_effect,
        icer=None if compared is None else compared.icer,
        quadrant=None if compared is None else str(compared.quadrant),
        nmb=nmb,
        incremental_nmb=against,
    )


def optimal(rows: Sequence[StrategyComparison], threshold: float) -> tuple[str, ...]:
    """The strategies with the highest net benefit at a threshold: several where they tie."""
    values = {row.strategy: row.nmb[threshold] for row in rows if threshold in row.nmb}
    best = max(values.values(), default=None)
    return tuple(name for name, value in values.items() if value == best)


def standings(
    runs: Mapping[str, RunTotals],
) -> tuple[tuple[float, ...], dict[str, tuple[StrategyComparison, ...]]]:
    """The thresholds of all runs, and where strategies stand at those in a run's own currency."""
    by_currency = {
        run.currency: all_thresholds([r for r in runs.values() if r.currency == run.currency])
        for run in runs.values()
    }
    found = {name: comparisons(run, by_currency[run.currency]) for name, run in runs.items()}
    return all_thresholds(list(runs.values())), found


def all_thresholds(runs: Sequence[RunTotals]) -> tuple[float, ...]:
    """The thresholds of several runs, each once, in the order they are met."""
    return tuple(dict.fromkeys(value for run in runs for value in run.thresholds))
