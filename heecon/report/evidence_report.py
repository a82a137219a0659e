"""What ``heecon evidence`` prints: a figure, the league table and forest plot, the audit."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from functools import partial

from heecon import plot
from heecon.analysis.audit import Finding, Use
from heecon.evidence.consistency import splits
from heecon.evidence.indirect import Effect
from heecon.evidence.interval import interval_from_se
from heecon.evidence.registry import CHECKED, UNRESOLVED, Evidence, Registry
from heecon.evidence.synthesis import Comparison, Synthesis
from heecon.report.console import Column
from heecon.report.sensitivity_report import Printed, Report
from heecon.report.tables import Rows

KINDS = {
    "assumption": "Assumptions",
    "no source": "Numbers that claim evidence and name no source",
    "no evidence": "Numbers with a source that cite no row of the registry",
    "price years": "Price years mixed",
    "superseded": "Superseded figures of the registry; none can be used",
    "interval": "Intervals of ratios that are not symmetric on the logarithmic scale",
}


def overview(registry: Registry, networks: Sequence[str]) -> Report:
    """How much evidence there is, by topic and status."""
    topics = Counter(row.topic for row in registry.rows.values())
    statuses = list(dict.fromkeys(row.status for row in registry.rows.values()))
    columns = [Column("Figures", [str(count) for count in topics.values()])]
    columns += [
        Column(
            status.capitalize(),
            [
                str(sum(r.topic == topic and r.status == status for r in registry.rows.values()))
                for topic in topics
            ],
        )
        for status in statuses
    ]
    wrong = sum(bool(row.superseded_by) for row in registry.rows.values())
    notes = [
        f"{len(registry.rows)} figures, {wrong} of them superseded and not to be used.",
        f"Networks: {', '.join(networks) or 'none'} (heecon evidence --network NAME).",
        "heecon evidence ID shows one figure; heecon evidence --audit what to look at.",
    ]
    return Report([Printed("Evidence by topic", "Topic", list(topics), columns)], notes)


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
    printed = [
        Printed(row.id, "Field", list(kept), [Column("Content", list(kept.values()), words=True)])
    ]
    if uses:
        columns = [
            Column("What", [use.subject for use in uses], words=True),
            Column("How", [use.how for use in uses], words=True),
        ]
        printed.append(Printed("Used by", "User", [use.user for use in uses], columns))
        return Report(printed)
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


def audit_report(findings: Sequence[Finding]) -> Report:
    """The findings by kind, all of them in a file."""
    printed = []
    for kind, title in KINDS.items():
        rows = [finding for finding in findings if finding.kind == kind]
        if rows:
            words = Column("", [row.what for row in rows], words=True)
            subjects = [row.subject for row in rows]
            printed.append(Printed(f"{title}: {len(rows)}", "What", subjects, [words]))
    table = Rows(
        ("kind", "subject", "what"),
        tuple((finding.kind, finding.subject, finding.what) for finding in findings),
    )
    return Report(printed, [] if findings else ["Nothing to look at."], {"audit": table})


# --- networks ------------------------------------------------------------------------------------


def network_report(found: Synthesis) -> Report:
    """What went in, the league table, the ranking, and how well the evidence agrees."""
    network = found.network
    printed = [_comparisons(found), _league(found), _ranking(found), *_splits(found)]
    notes = [f"{found.title}. Effects are {found.estimand}s."]
    notes.append(
        f"Method: {network.method}; variance between trials {network.tau2:.4g}; Q {network.q:.2f} "
        f"on {network.df} degrees of freedom."
    )
    notes += _agreement(found)
    if found.note:
        notes.append(found.note)
    league = Rows(
        ("treatment", "comparator", "ratio", "low", "high", "log_se"),
        tuple(
            (one, two, *found.ratio(one, two), network.effect(one, two).se)
            for one in network.treatments
            for two in network.treatments
            if one != two
        ),
    )
    covariance = Rows(
        network.treatments[1:],
        tuple(tuple(float(cell) for cell in row) for row in network.covariance),
    )
    tables = {"league": league, "covariance": covariance}
    return Report(printed, notes, tables, {"forest": forest(found)})


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


def _comparisons(found: Synthesis) -> Printed:
    rows = found.comparisons
    columns = [
        Column("Against", [row.contrast.comparator for row in rows]),
        Column("Ratio", [_interval(*direct(row)) for row in rows]),
        Column("Evidence", [" / ".join(row.evidence) for row in rows], words=True),
        Column("Standard error from", [row.spread for row in rows], words=True),
        Column("Status", [row.status for row in rows]),
    ]
    labels = [f"{row.contrast.study}: {row.contrast.treatment}" for row in rows]
    return Printed("Comparisons", "Trial", labels, columns)


def direct(row: Comparison) -> tuple[float, float, float]:
    """A comparison as it went in: ratio and 95% interval."""
    value = math.exp(row.contrast.effect)
    return (value, *interval_from_se(value, row.contrast.se, log=True))


def _league(found: Synthesis) -> Printed:
    names = found.network.treatments
    columns = [
        Column(
            f"v {other}",
            ["" if one == other else _interval(*found.ratio(one, other)) for one in names],
        )
        for other in names
    ]
    return Printed("League table (row against column)", "Treatment", names, columns)


def _ranking(found: Synthesis) -> Printed:
    scores = found.network.p_scores(small_is_good=found.small_is_good)
    names = sorted(scores, key=lambda name: -scores[name])
    reference = found.network.reference
    ratios = [_interval(*found.ratio(name)) if name != reference else "1" for name in names]
    columns = [
        Column("P-score", [f"{scores[name]:.3f}" for name in names]),
        Column(f"Ratio v {reference}", ratios),
    ]
    return Printed("Ranking", "Treatment", names, columns)


def _splits(found: Synthesis) -> list[Printed]:
    """Direct against indirect evidence where there are both."""
    rows = [split for split in splits(found.network) if split.indirect is not None]
    if not rows:
        return []
    effects = [
        ("Direct", [split.direct for split in rows]),
        ("Indirect", [split.indirect for split in rows if split.indirect is not None]),
        ("Network", [split.network for split in rows]),
    ]
    columns = [Column(title, [_ratio(effect) for effect in of]) for title, of in effects]
    columns.append(Column("p", [f"{split.p_value:.3f}" for split in rows]))
    labels = [f"{split.treatment} v {split.comparator}" for split in rows]
    return [Printed("Direct and indirect evidence", "Comparison", labels, columns)]


def _ratio(effect: Effect) -> str:
    value = math.exp(effect.value)
    return _interval(value, *interval_from_se(value, effect.se, log=True))


def _interval(value: float, low: float, high: float) -> str:
    return f"{value:.2f} ({low:.2f}-{high:.2f})"


def forest(found: Synthesis) -> plot.Draw:
    """Trials and the network's effects against the reference, on a logarithmic scale."""
    reference = found.network.reference
    trials = [
        (f"{row.contrast.study}: {row.contrast.treatment} v {row.contrast.comparator}", direct(row))
        for row in found.comparisons
    ]
    pooled = [(f"{name} v {reference}", found.ratio(name)) for name in found.network.treatments[1:]]
    groups = [("Trials", trials), (f"Network ({found.network.method})", pooled)]
    return partial(plot.forest, groups, found.title, f"{found.estimand}, with 95% interval")
