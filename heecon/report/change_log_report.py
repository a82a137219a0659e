"""A change log for the screen, as Markdown and as CSV."""

from __future__ import annotations

import re
from collections.abc import Sequence

from rich.console import Console
from rich.text import Text

from heecon.analysis.change_log import ChangeLog, Side, Step
from heecon.analysis.standing import Standing
from heecon.difference.change import Change
from heecon.report.console import Column, money, show, signed
from heecon.report.markdown import escaped, table
from heecon.report.tables import Rows

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
    tables = {f"{name}.csv": table.to_csv() for name, table in change_log_tables(log).items()}
    return {"change_log.md": markdown(log), **tables}


def change_log_tables(log: ChangeLog) -> dict[str, Rows]:
    """What changed, where the inputs are known, and what each step does to the results."""
    found = {"change_log_effects": _effects(log)}
    return {"change_log": _changes(log), **found} if log.inputs_known else found


# --- CSV -----------------------------------------------------------------------------------------


def _changes(log: ChangeLog) -> Rows:
    header = (
        "step", "key", "kind", "before", "after", "absolute", "relative", "why_together", "note",
    )  # fmt: skip
    rows: list[tuple[object, ...]] = [
        (number, *_cells(change), "; ".join(step.why_together), change.note)
        for number, step in enumerate(log.steps, start=1)
        for change in step.changes
    ]
    rows += [(None, *_cells(change), "", change.note) for change in log.without_effect]
    return Rows(header, tuple(rows))


def _cells(change: Change) -> tuple[object, ...]:
    before, after = (_number_or_text(text) for text in (change.before, change.after))
    return change.key, change.kind, before, after, change.absolute, change.relative


def _number_or_text(text: str | None) -> object:
    """A number as one, so that a spreadsheet reads -5 as a number and not as quoted text."""
    return float(text) if text is not None and _NUMBER.fullmatch(text) else text


def _effects(log: ChangeLog) -> Rows:
    header = [
        "step", "strategy", "comparator", "cost", "qalys", "incremental_cost", "incremental_qalys",
        "icer", "quadrant",
    ]  # fmt: skip
    for threshold in log.thresholds:
        header += [f"nmb_at_{threshold:.15g}", f"incremental_nmb_at_{threshold:.15g}"]
    stages = [("A", log.a.standings)]
    stages += [(str(number), step.after) for number, step in enumerate(log.steps, start=1)]
    stages.append(("B", log.b.standings))
    return Rows(
        tuple(header),
        tuple(
            (stage, *_standing_cells(row, log.thresholds)) for stage, rows in stages for row in rows
        ),
    )


def _standing_cells(row: Standing, thresholds: Sequence[float]) -> list[object]:
    cells: list[object] = [
        row.strategy, row.comparator, row.cost, row.qalys, row.incremental_cost,
        row.incremental_qalys, row.icer, row.quadrant,
    ]  # fmt: skip
    for threshold in thresholds:
        cells += [row.nmb.get(threshold), row.incremental_nmb.get(threshold)]
    return cells


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
    parts += ["## Steps\n", f"{ORDERED}\n", _steps_part(log)] if log.steps else []
    together = [
        f"- Step {number}: {'; '.join(map(escaped, step.why_together))}"
        for number, step in enumerate(log.steps, start=1)
        if step.why_together
    ]
    if together:
        parts += ["Changed together, and why:\n", "\n".join(together) + "\n"]
    parts += _effects_part(log)
    if log.without_effect:
        rows = [(*_texts(change), change.note) for change in log.without_effect]
        header = ("Input", "Before", "After", "Change", "Relative", "Why")
        parts += ["## Changes without effect on the base case\n", table(header, rows)]
    return "\n".join(parts)


def _side(side: Side) -> str:
    title = f" ({escaped(side.title)})" if side.title else ""
    return f"{escaped(side.name)}{title}"


def _results_part(log: ChangeLog) -> list[str]:
    header = ["Strategy", "", "Cost", "QALYs", "Incr. cost", "Incr. QALYs", "ICER"]
    header += [f"NMB at {threshold:,.15g}" for threshold in log.thresholds]
    rows = []
    for name in _strategies(log.a.standings, log.b.standings):
        for side, standing in (("A", log.a.standings), ("B", log.b.standings)):
            rows += [
                (name, side, *_result_cells(row, log.thresholds))
                for row in standing
                if row.strategy == name
            ]
    comparators = dict.fromkeys([log.a.comparator, log.b.comparator])
    against = " (A) and ".join(map(escaped, comparators)) + (" (B)" if len(comparators) > 1 else "")
    words = f"Per person, discounted; increments, ICER and quadrant against {against}.\n"
    return ["## Results\n", words, table(header, rows, numbers=len(header) - 2)]


def _result_cells(row: Standing, thresholds: Sequence[float]) -> list[str]:
    return [
        money(row.cost),
        "" if row.qalys is None else f"{row.qalys:.4f}",
        money(row.incremental_cost),
        signed(row.incremental_qalys),
        icer_text(row),
        *(money(row.nmb.get(threshold)) for threshold in thresholds),
    ]


def _steps_part(log: ChangeLog) -> str:
    header = ("Step", "Input", "Before", "After", "Change", "Relative")
    return table(
        header,
        [
            (str(number), *_texts(change))
            for number, step in enumerate(log.steps, start=1)
            for change in step.changes
        ],
    )


def _texts(change: Change) -> tuple[str, ...]:
    return (
        change.key,
        "(none)" if change.before is None else change.before,
        "(none)" if change.after is None else change.after,
        "" if change.absolute is None else f"{change.absolute:+.6g}",
        "" if change.relative is None else f"{100 * change.relative:+.4g}%",
    )


def _effects_part(log: ChangeLog) -> list[str]:
    moving = [(number, step) for number, step in enumerate(log.steps, 1) if step.moves_results]
    idle = [str(number) for number, step in enumerate(log.steps, 1) if not step.moves_results]
    parts = []
    if moving:
        header = ["Step", "Strategy", "Cost", "QALYs", "Incr. cost", "Incr. QALYs", "ICER"]
        header += [f"Incr. NMB at {threshold:,.15g}" for threshold in log.thresholds]
        rows = [
            (str(number), *cells) for number, step in moving for cells in _effect_rows(step, log)
        ]
        words = "After each step, in brackets the change the step makes; strategies it leaves "
        words += "as they are do not appear.\n"
        parts += ["## Effect of each step\n", words, table(header, rows, numbers=len(header) - 2)]
    if idle:
        parts.append(f"Without any effect on the results: step {', '.join(idle)}.\n")
    return parts


def _effect_rows(step: Step, log: ChangeLog) -> list[list[str]]:
    before = {row.strategy: row for row in step.before}
    after = {row.strategy: row for row in step.after}
    rows = []
    for name in _strategies(step.before, step.after):
        old, new = before.get(name), after.get(name)
        if new is None:
            rows.append([name, "no longer compared", *[""] * (4 + len(log.thresholds))])
        elif old != new:
            rows.append(_effect_cells(old, new, log.thresholds))
    return rows


def _effect_cells(old: Standing | None, new: Standing, thresholds: Sequence[float]) -> list[str]:
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


def icer_text(row: Standing) -> str:
    """The ICER with its quadrant; the quadrant alone where the ratio has no meaning."""
    if row.quadrant is None:
        return ""
    return row.quadrant if row.icer is None else f"{money(row.icer)} ({row.quadrant})"


def _strategies(*standings: Sequence[Standing]) -> list[str]:
    return list(dict.fromkeys(row.strategy for rows in standings for row in rows))


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
        before, after = (_short(text) for text in (change.before, change.after))
        words = f"{change.key}: {before} -> {after} ({change.note})"
        console.print(Text.assemble(("No effect: ", "bold"), words))
    if len(log.without_effect) > SHOWN:
        console.print(Text(f"... and {len(log.without_effect) - SHOWN} more in change_log.csv."))


def _print_results(log: ChangeLog, console: Console) -> None:
    stages = [("A", log.a.standings), ("B", log.b.standings)]
    names = _strategies(log.a.standings, log.b.standings)
    found = {(stage, row.strategy): row for stage, rows in stages for row in rows}
    rows = [(stage, name) for name in names for stage, _ in stages if (stage, name) in found]
    columns = [
        Column(
            title, [cells[place] for cells in ([*_result_cells(found[row], ())] for row in rows)]
        )
        for place, title in enumerate(("Cost", "QALYs", "Incr. cost", "Incr. QALYs", "ICER"))
    ]
    for threshold in log.thresholds:
        cells = [money(found[row].nmb.get(threshold)) for row in rows]
        columns.append(Column(f"NMB at {threshold:,.0f}", cells))
    show(console, "Results per person (discounted)", [f"{n}, {s}" for s, n in rows], columns)


def _print_steps(log: ChangeLog, console: Console) -> None:
    rows = [
        (str(number) if first else "", _texts(change))
        for number, step in enumerate(log.steps, start=1)
        for first, change in zip([True, *[False] * len(step.changes)], step.changes, strict=False)
    ]
    shown = rows[:SHOWN]
    titles = ("Input", "Before", "After", "Change", "Relative")
    columns = [
        Column(title, [_short(texts[place]) for _, texts in shown], words=place < 3)
        for place, title in enumerate(titles)
    ]
    show(console, "Changes, step by step", [number for number, _ in shown], columns, "Step")
    if len(rows) > SHOWN:
        console.print(Text(f"... and {len(rows) - SHOWN} more changes in change_log.csv."))
    for number, step in enumerate(log.steps[:SHOWN], start=1):
        for why in step.why_together:
            console.print(Text(f"Step {number} is one step: {why}."))


def _print_effects(log: ChangeLog, console: Console) -> None:
    moving = [(str(n), step) for n, step in enumerate(log.steps, 1) if step.moves_results]
    idle = [str(n) for n, step in enumerate(log.steps, 1) if not step.moves_results]
    stages = [("A", log.a.standings), *((n, step.after) for n, step in moving[:SHOWN])]
    names = _strategies(*(rows for _, rows in stages))
    found = {(stage, row.strategy): row for stage, rows in stages for row in rows}
    labels = [stage for stage, _ in stages]

    def columns(cell_of: dict[tuple[str, str], str]) -> list[Column]:
        made = [Column(n, [cell_of.get((stage, n), "") for stage in labels]) for n in names]
        return [column for column in made if any(column.cells)]

    tables = [
        ("Cost after each step", {key: money(row.cost) for key, row in found.items()}),
        (
            "QALYs after each step",
            {key: f"{row.qalys:.4f}" for key, row in found.items() if row.qalys is not None},
        ),
        (
            "ICER against the comparator after each step",
            {key: icer_text(row) for key, row in found.items()},
        ),
    ]
    for threshold in log.thresholds[:1]:
        cells = {key: money(row.incremental_nmb[threshold]) for key, row in found.items()}
        title = f"Incremental NMB at {threshold:,.0f} against the comparator after each step"
        tables.append((title, cells))
    for title, cell_of in tables:
        if moving and any(cell_of.values()):
            show(console, title, labels, columns(cell_of), "Step")
    if idle:
        console.print(Text(f"Without any effect on the results: step {', '.join(idle)}."))


def _short(text: str | None) -> str:
    text = "(none)" if text is None else text
    return text if len(text) <= CELL else f"{text[: CELL - 3]}..."
