"""A change log for the screen, as Markdown and as CSV."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from rich.console import Console
from rich.text import Text

from heecon.analysis.change_log import ChangeLog, Side, Step
from heecon.analysis.strategy_comparison import COMPARISON, StrategyComparison, comparison_fields
from heecon.difference.change import Change
from heecon.files.write import csv_files
from heecon.report.console import across, money, show
from heecon.table import Column, Field, Table, escaped

_NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?(e[+-]?[0-9]{1,2})?")

SHOWN = 40
"""Steps and silent changes that the screen lists at most."""

CELL = 70
"""Characters of a changed text that the screen shows."""

UNKNOWN = (
    "One of the two is a folder of saved results, which do not hold their inputs: the results are "
    "compared, the changes between them cannot be told apart."
)
ORDERED = (
    "Each step is applied to the model that the steps before it left; where changes interact, "
    "their effects depend on this order. The last step ends exactly at B."
)


def files_of(log: ChangeLog) -> dict[str, str]:
    """The files of a change log: name -> text."""
    return {"change_log.md": markdown(log), **csv_files(change_log_tables(log))}


def change_log_tables(log: ChangeLog) -> list[Table]:
    """What changed, where the inputs are known, and what each step does to the results."""
    found = [_effects(log)]
    if log.inputs_known:
        found.insert(0, Table.of("change_log", "Changes", [*_steps(log), *_silent(log)], CHANGES))
    return found


@dataclass(frozen=True)
class _Line:
    """A change, the number of its step (None where it is silent) and why the step is one."""

    number: int | None
    change: Change
    why: str = ""


def _steps(log: ChangeLog) -> list[_Line]:
    return [
        _Line(number, change, "; ".join(step.why_together))
        for number, step in enumerate(log.steps, start=1)
        for change in step.changes
    ]


def _silent(log: ChangeLog) -> list[_Line]:
    return [_Line(None, change) for change in log.without_effect]


def _number_or_text(text: str | None) -> object:
    """A number as one, so that a spreadsheet reads -5 as a number and not as quoted text."""
    return float(text) if text is not None and _NUMBER.fullmatch(text) else text


CHANGES: tuple[Field, ...] = (
    ("step", "Step", "d", "number"),
    ("key", "Input", "text", "change.key"),
    ("kind", "Kind", "text", "change.kind"),
    ("before", "Before", "figures", lambda line: _number_or_text(line.change.before)),
    ("after", "After", "figures", lambda line: _number_or_text(line.change.after)),
    ("absolute", "Change", "+.6g", "change.absolute"),
    ("relative", "Relative", "+.4%", "change.relative"),
    ("why_together", "Together because", "text", "why"),
    ("note", "Why", "text", "change.note"),
)

READ: tuple[Field, ...] = (
    ("step", "Step", "text", "number"),
    ("key", "Input", "text", "change.key"),
    ("before", "Before", "text", lambda line: _or_none(line.change.before)),
    ("after", "After", "text", lambda line: _or_none(line.change.after)),
    CHANGES[5],
    ("relative", "Relative", "figures", lambda line: _percent(line.change.relative)),
)
"""The columns of changes that people read; text as it stands."""


def _or_none(text: str | None) -> str:
    return "(none)" if text is None else text


def _percent(share: float | None) -> str:
    return "" if share is None else f"{100 * share:+.4g}%"


def _effects(log: ChangeLog) -> Table:
    stages = [("A", log.a.comparisons)]
    stages += [(str(number), step.after) for number, step in enumerate(log.steps, start=1)]
    stages.append(("B", log.b.comparisons))
    rows = [row for _, rows in stages for row in rows]
    step = Column("step", "Step", [stage for stage, rows in stages for _ in rows])
    table = Table.of("change_log_effects", "Results", rows, comparison_fields(log.thresholds))
    return replace(table, columns=[step, *table.columns])


# --- Markdown ------------------------------------------------------------------------------------


def markdown(log: ChangeLog) -> str:
    """The whole change log as a Markdown document; all text of the models is escaped."""
    parts = [
        "# Change log\n",
        "\n".join(f"- {name}: {_side(side)}" for name, side in (("A", log.a), ("B", log.b))) + "\n",
        *(f"{escaped(note)}\n" for note in log.notes),
        *_results_part(log),
    ]
    if not log.inputs_known:
        return "\n".join([*parts, f"{UNKNOWN}\n"])
    if log.same:
        return "\n".join([*parts, "Nothing differs.\n"])
    if log.steps:
        table = Table.of("steps", "Steps", _steps(log), READ)
        parts += [f"## {table.title}\n", f"{ORDERED}\n", table.to_markdown()]
    together = [
        f"- Step {number}: {'; '.join(map(escaped, step.why_together))}"
        for number, step in enumerate(log.steps, start=1)
        if step.why_together
    ]
    if together:
        parts += ["Changed together, and why:\n", "\n".join(together) + "\n"]
    parts += _effects_part(log)
    if log.without_effect:
        title = "Changes without effect on the base case"
        table = Table.of("silent", title, _silent(log), SILENT)
        parts += [f"## {table.title}\n", table.to_markdown()]
    return "\n".join(parts)


def _side(side: Side) -> str:
    title = f" ({escaped(side.title)})" if side.title else ""
    return f"{escaped(side.name)}{title}"


SILENT: tuple[Field, ...] = (*READ[1:], CHANGES[-1])


def _results_part(log: ChangeLog) -> list[str]:
    comparators = dict.fromkeys([log.a.comparator, log.b.comparator])
    against = " (A) and ".join(map(escaped, comparators)) + (" (B)" if len(comparators) > 1 else "")
    words = f"Per person, discounted; increments, ICER and quadrant against {against}.\n"
    return ["## Results\n", words, _results(log).to_markdown()]


def _results(log: ChangeLog) -> Table:
    """Every strategy in A and in B."""
    sides = (("A", log.a.comparisons), ("B", log.b.comparisons))
    rows = [
        (side, row)
        for name in _strategies(log.a.comparisons, log.b.comparisons)
        for side, standing in sides
        for row in standing
        if row.strategy == name
    ]
    of = [row for _, row in rows]
    table = Table.of(
        "results", "Results per person (discounted)", of, comparison_fields(log.thresholds)
    )
    table = table.plus(
        Column("side", "", [side for side, _ in rows]),
        Column("icer", "ICER", [icer_text(row) for row in of], "figures"),
    )
    nmb = [column.name for column in table.columns if column.name.startswith("nmb_at_")]
    return table.select("strategy", "side", *RESULTS, *nmb)


RESULTS = ("cost", "qalys", "incremental_cost", "incremental_qalys", "icer")


def _effects_part(log: ChangeLog) -> list[str]:
    moving = [(number, step) for number, step in enumerate(log.steps, 1) if step.moves_results]
    idle = [str(number) for number, step in enumerate(log.steps, 1) if not step.moves_results]
    parts = []
    if moving:
        words = "After each step, in brackets the change the step makes; strategies it leaves "
        words += "as they are do not appear.\n"
        rows = [row for number, step in moving for row in _effect_rows(str(number), step, log)]
        labels = ["Step", "Strategy", *(label for name, label, *_ in COMPARISON if name in RESULTS)]
        labels += [f"Incr. NMB at {threshold:,.15g}" for threshold in log.thresholds]
        columns = [
            Column(label, label, cells, "text" if place < 2 else "figures")
            for place, (label, cells) in enumerate(
                zip(labels, zip(*rows, strict=True), strict=True)
            )
        ]
        parts += ["## Effect of each step\n", words, Table("effects", "", columns).to_markdown()]
    if idle:
        parts.append(f"Without any effect on the results: step {', '.join(idle)}.\n")
    return parts


def _effect_rows(number: str, step: Step, log: ChangeLog) -> list[list[str]]:
    before = {row.strategy: row for row in step.before}
    after = {row.strategy: row for row in step.after}
    rows = []
    for name in _strategies(step.before, step.after):
        old, new = before.get(name), after.get(name)
        if new is None:
            rows.append([number, name, "no longer compared", *[""] * (4 + len(log.thresholds))])
        elif old != new:
            rows.append([number, *_effect_cells(old, new, log.thresholds)])
    return rows


def _effect_cells(
    old: StrategyComparison | None, new: StrategyComparison, thresholds: Sequence[float]
) -> list[str]:
    def moved(field: str) -> tuple[float | None, float | None]:
        before = None if old is None else getattr(old, field)
        now = getattr(new, field)
        return now, None if before is None or now is None else now - before

    cells = [
        new.strategy,
        _with_change(*moved("cost"), ",.0f"),
        _with_change(*moved("qalys"), ".4f"),
        _with_change(*moved("incremental_cost"), ",.0f"),
        _with_change(*moved("incremental_qalys"), ".5f"),
        icer_text(new),
    ]
    for threshold in thresholds:
        now = new.incremental_nmb.get(threshold)
        before = None if old is None else old.incremental_nmb.get(threshold)
        difference = None if before is None or now is None else now - before
        cells.append(_with_change(now, difference, ",.0f"))
    return cells


def _with_change(value: float | None, change: float | None, how: str) -> str:
    if value is None:
        return ""
    return f"{value:{how}} ({change:+{how}})" if change else f"{value:{how}}"


def icer_text(row: StrategyComparison) -> str:
    """The ICER with its quadrant; the quadrant alone where the ratio has no meaning."""
    if row.quadrant is None:
        return ""
    return row.quadrant if row.icer is None else f"{money(row.icer)} ({row.quadrant})"


def _strategies(*comparisons: Sequence[StrategyComparison]) -> list[str]:
    return list(dict.fromkeys(row.strategy for rows in comparisons for row in rows))


# --- screen --------------------------------------------------------------------------------------


def print_change_log(log: ChangeLog, console: Console) -> None:
    """Print what differs and what it does."""
    console.print()
    console.print(Text(f"Change log from A to B\nA: {log.a.name}  {log.a.title}"))
    console.print(Text(f"B: {log.b.name}  {log.b.title}"))
    for note in log.notes:
        console.print(Text.assemble(("Warning: ", "bold yellow"), note))
    console.print()
    if log.same:
        console.print(Text("Nothing differs."))
        return
    _print_results(log, console)
    if not log.inputs_known:
        console.print(Text(UNKNOWN))
        return
    if log.steps:
        _print_steps(log, console)
        _print_effects(log, console)
    for change in log.without_effect[:SHOWN]:
        before, after = (_short(_or_none(text)) for text in (change.before, change.after))
        words = f"{change.key}: {before} -> {after} ({change.note})"
        console.print(Text.assemble(("No effect: ", "bold"), words))
    if len(log.without_effect) > SHOWN:
        console.print(Text(f"... and {len(log.without_effect) - SHOWN} more in change_log.csv."))


def _print_results(log: ChangeLog, console: Console) -> None:
    table = _results(log)
    names = [f"{n}, {s}" for n, s in zip(table["strategy"], table["side"], strict=True)]
    table = table.plus(Column("strategy", "Strategy", names))
    show(console, table.select(*(c.name for c in table.columns if c.name != "side")))


def _print_steps(log: ChangeLog, console: Console) -> None:
    rows = _steps(log)
    table = Table.of("steps", "Changes, step by step", rows[:SHOWN], READ)
    first = [
        row.number if before is None or row.number != before.number else None
        for before, row in zip([None, *rows], rows[:SHOWN], strict=False)
    ]
    table = table.plus(
        replace(table.column("step"), values=first),
        *(
            replace(table.column(name), values=[_short(str(text)) for text in table[name]])
            for name in ("key", "before", "after")
        ),
    )
    show(console, table)
    if len(rows) > SHOWN:
        console.print(Text(f"... and {len(rows) - SHOWN} more changes in change_log.csv."))
    for number, step in enumerate(log.steps[:SHOWN], start=1):
        for why in step.why_together:
            console.print(Text(f"Step {number} is one step: {why}."))


def _print_effects(log: ChangeLog, console: Console) -> None:
    moving = [(str(n), step) for n, step in enumerate(log.steps, 1) if step.moves_results]
    idle = [str(n) for n, step in enumerate(log.steps, 1) if not step.moves_results]
    stages = [("A", log.a.comparisons), *((n, step.after) for n, step in moving[:SHOWN])]
    names = _strategies(*(rows for _, rows in stages))
    found = {(stage, row.strategy): row for stage, rows in stages for row in rows}
    first = Column("step", "Step", [stage for stage, _ in stages])
    results: list[tuple[str, str, Callable[[StrategyComparison], object]]] = [
        ("Cost after each step", "money", lambda row: row.cost),
        ("QALYs after each step", "qaly", lambda row: row.qalys),
        ("ICER against the comparator after each step", "figures", icer_text),
    ]
    if log.thresholds:
        level = log.thresholds[0]
        title = f"Incremental NMB at {level:,.0f} against the comparator after each step"
        results.append((title, "money", lambda row: row.incremental_nmb[level]))
    for title, how, value in results:
        values = {place: value(row) for place, row in found.items()}
        table = across(title, first, names, values, how)
        if moving and len(table.columns) > 1:
            show(console, table)
    if idle:
        console.print(Text(f"Without any effect on the results: step {', '.join(idle)}."))


def _short(text: str) -> str:
    return text if len(text) <= CELL else f"{text[: CELL - 3]}..."
