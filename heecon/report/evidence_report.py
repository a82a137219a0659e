"""What ``heecon evidence`` prints: a figure, the league table and forest plot, the audit."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from functools import partial

from heecon import plot
from heecon.analysis.audit import Use
from heecon.evidence.consistency import splits
from heecon.evidence.network import Effect
from heecon.evidence.registry import CHECKED, UNRESOLVED, Evidence, Registry
from heecon.evidence.synthesis import Comparison, Synthesis
from heecon.report.report import Report
from heecon.table import Column, Field, Table

KINDS = {
    "assumption": "Assumptions",
    "no source": "Numbers that claim evidence and name no source",
    "no evidence": "Numbers with a source that cite no row of the registry",
    "price years": "Price years mixed",
    "superseded": "Superseded figures of the registry; none can be used",
    "interval": "Intervals of ratios that are not symmetric on the logarithmic scale",
}


USES: tuple[Field, ...] = (
    ("user", "User", "text"),
    ("subject", "What", "text"),
    ("how", "How", "text"),
)


def overview(registry: Registry, networks: Sequence[str]) -> Report:
    """How much evidence there is, by topic and status."""
    topics = Counter(row.topic for row in registry.rows.values())
    statuses = list(dict.fromkeys(row.status for row in registry.rows.values()))
    pairs = Counter((row.topic, row.status) for row in registry.rows.values())
    columns = [
        Column("topic", "Topic", list(topics)),
        Column("figures", "Figures", list(topics.values()), "d"),
        *(
            Column(status, status.capitalize(), [pairs[topic, status] for topic in topics], "d")
            for status in statuses
        ),
    ]
    wrong = sum(bool(row.superseded_by) for row in registry.rows.values())
    notes = [
        f"{len(registry.rows)} figures, {wrong} of them superseded and not to be used.",
        f"Networks: {', '.join(networks) or 'none'} (heecon evidence --network NAME).",
        "heecon evidence ID shows one figure; heecon evidence --audit what to look at.",
    ]
    return Report([Table("topics", "Evidence by topic", columns)], notes)


def figure(row: Evidence, uses: Sequence[Use]) -> Report:
    """One figure: what it is, where it comes from, where it is used."""
    facts = {
        "estimand": row.estimand,
        "value": estimate(row),
        "unit": row.unit,
        "outcome": row.outcome,
        "population": row.population,
        "intervention": row.intervention,
        "comparator": row.comparator,
        "p value": row.p_value,
        "patients": "" if row.n is None else f"{row.n:g}",
        "counts": "" if row.events is None else f"{row.events:g} of {row.denominator:g}",
        "price year": row.price_year,
        "source": row.source,
        "status": f"{row.status}, {CHECKED[row.checked]}",
        "superseded by": row.superseded_by,
        "note": row.note,
    }
    kept = {name: fact for name, fact in facts.items() if fact}
    columns = [Column("field", "Field", list(kept)), Column("content", "Content", [*kept.values()])]
    printed = [Table("figure", row.id, columns)]
    if uses:
        return Report([*printed, Table.of("uses", "Used by", uses, USES)])
    if row.superseded_by:
        known = row.superseded_by != UNRESOLVED
        instead = f"cite {row.superseded_by} instead" if known else "nothing replaces it so far"
        return Report(printed, [f"Not to be used: {instead}."])
    return Report(printed, ["No model and no network uses it."])


def estimate(row: Evidence) -> str:
    """A figure with its interval in words."""
    value = "" if row.value is None else f"{row.value:g}"
    if row.low is not None and row.high is not None:
        return f"{value} ({row.low:g} to {row.high:g})".strip()
    return f"{value} (standard error {row.se:g})" if row.se is not None else value


def audit_report(table: Table) -> Report:
    """The findings by kind, all of them in a file."""
    parts = [(table.where(kind=kind).select("subject", "what"), KINDS[kind]) for kind in KINDS]
    printed = [part.titled(f"{title}: {len(part)}") for part, title in parts if len(part)]
    return Report(printed, [] if len(table) else ["Nothing to look at."], [table])


# --- networks ------------------------------------------------------------------------------------


def network_report(found: Synthesis) -> Report:
    """What went in, the league table, the ranking, and how well the evidence agrees."""
    network = found.network
    comparisons = Table.of("comparisons", "Comparisons", found.comparisons, COMPARISONS)
    printed = [comparisons, _league(found), _ranking(found), *_splits(found)]
    notes = [f"{found.title}. Effects are {found.estimand}s."]
    notes.append(
        f"Method: {network.method}; variance between trials {network.tau2:.4g}; Q {network.q:.2f} "
        f"on {network.df} degrees of freedom."
    )
    notes += _agreement(found)
    if found.note:
        notes.append(found.note)
    covariance = [
        Column(name, name, values, "number")
        for name, values in zip(network.treatments[1:], network.covariance.T.tolist(), strict=True)
    ]
    tables = [_pairs(found), Table("covariance", "Covariance of the log effects", covariance)]
    return Report(printed, notes, tables, {"forest": forest(found)})


def _pairs(found: Synthesis) -> Table:
    """Every treatment against every other."""
    network = found.network
    pairs = [(one, two) for one in network.treatments for two in network.treatments if one != two]
    ratios = [found.ratio(one, two) for one, two in pairs]
    columns = [
        Column("treatment", "Treatment", [one for one, _ in pairs]),
        Column("comparator", "Comparator", [two for _, two in pairs]),
        *(
            Column(name, name.capitalize(), [ratio[i] for ratio in ratios], ".2f")
            for i, name in enumerate(("ratio", "low", "high"))
        ),
        Column("log_se", "SE (log)", [network.effect(*pair).se for pair in pairs], "number"),
    ]
    return Table("league", "Every treatment against every other", columns)


def _agreement(found: Synthesis) -> list[str]:
    network = found.network
    notes = []
    for words, q, df, p in (
        ("within designs", network.q_within, network.df_within, network.p_heterogeneity),
        (
            "between designs (inconsistency)",
            network.q_inconsistency,
            network.df_inconsistency,
            network.p_inconsistency,
        ),
    ):
        if p is None:
            notes.append(f"Disagreement {words} cannot be tested: there is no second source.")
        else:
            notes.append(f"Disagreement {words}: Q {q:.2f} on {df}, p = {p:.3f}.")
    return notes


COMPARISONS: tuple[Field, ...] = (
    ("trial", "Trial", "text", lambda row: f"{row.contrast.study}: {row.contrast.treatment}"),
    ("against", "Against", "figures", "contrast.comparator"),
    ("ratio", "Ratio", "figures", lambda row: _ratio(direct(row))),
    ("evidence", "Evidence", "text", lambda row: " / ".join(row.evidence)),
    ("spread", "Standard error from", "text"),
    ("status", "Status", "figures"),
)


def direct(row: Comparison) -> Effect:
    """A comparison as it went in."""
    return Effect(row.contrast.effect, row.contrast.se)


def _league(found: Synthesis) -> Table:
    names = found.network.treatments
    columns = [Column("treatment", "Treatment", names)]
    for other in names:
        ratios = ["" if one == other else _interval(*found.ratio(one, other)) for one in names]
        columns.append(Column(other, f"v {other}", ratios, "figures"))
    return Table("league", "League table (row against column)", columns)


def _ranking(found: Synthesis) -> Table:
    scores = found.network.p_scores(small_is_good=found.small_is_good)
    names = sorted(scores, key=lambda name: -scores[name])
    reference = found.network.reference
    ratios = [_interval(*found.ratio(name)) if name != reference else "1" for name in names]
    columns = [
        Column("treatment", "Treatment", names),
        Column("p_score", "P-score", [scores[name] for name in names], "probability"),
        Column("ratio", f"Ratio v {reference}", ratios, "figures"),
    ]
    return Table("ranking", "Ranking", columns)


SPLITS: tuple[Field, ...] = (
    ("comparison", "Comparison", "text", lambda split: f"{split.treatment} v {split.comparator}"),
    ("direct", "Direct", "figures", lambda split: _ratio(split.direct)),
    ("indirect", "Indirect", "figures", lambda split: _ratio(split.indirect)),
    ("network", "Network", "figures", lambda split: _ratio(split.network)),
    ("p", "p", "probability", "p_value"),
)


def _splits(found: Synthesis) -> list[Table]:
    """Direct against indirect evidence where there are both."""
    rows = [split for split in splits(found.network) if split.indirect is not None]
    return [Table.of("splits", "Direct and indirect evidence", rows, SPLITS)] if rows else []


def _ratio(effect: Effect) -> str:
    return _interval(*effect.ratio())


def _interval(value: float, low: float, high: float) -> str:
    return f"{value:.2f} ({low:.2f}-{high:.2f})"


def forest(found: Synthesis) -> plot.Draw:
    """Trials and the network's effects against the reference, on a logarithmic scale."""
    reference = found.network.reference
    trials = [
        (
            f"{row.contrast.study}: {row.contrast.treatment} v {row.contrast.comparator}",
            direct(row).ratio(),
        )
        for row in found.comparisons
    ]
    pooled = [(f"{name} v {reference}", found.ratio(name)) for name in found.network.treatments[1:]]
    groups = [("Trials", trials), (f"Network ({found.network.method})", pooled)]
    return partial(plot.forest, groups, found.title, f"{found.estimand}, with 95% interval")
