"""Hazards given as survival families: exact in continuous time, else averaged over each cycle."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from heecon.files import names
from heecon.language import Binary, Call, Name, Number, Tree
from heecon.model.definition import Formula, Hazard
from heecon.model.formulas import STAND_IN, FormulaReader, Path
from heecon.model.schema import HazardSection

FAMILIES: Mapping[str, tuple[str, ...]] = {
    "exponential": ("rate",),
    "weibull": ("shape", "scale"),
    "gompertz": ("shape", "rate"),
    "gamma": ("shape", "rate"),
    "lognormal": ("meanlog", "sdlog"),
    "loglogistic": ("shape", "scale"),
    "gengamma": ("mu", "sigma", "q"),
}
"""Arguments by family, as the language's ``survival_...`` functions have them after the time."""

TABLE = "table"
"""The family of a step function: a life table, or piecewise constant hazards."""

SMALLEST = 1e-300
"""Survival below this is taken to be this: nobody is left for the cycle's hazard to matter."""

_CONSTANT = (
    "The arguments and the ratio of a hazard do not change with time: use parameters, attributes, "
    "and variables without time or history"
)


def read_hazard(
    section: HazardSection, path: Path, reader: FormulaReader
) -> tuple[Formula, Hazard | None]:
    """A hazard, times its ratio if it has one, and the rate that is its average over a cycle."""
    rate, hazard = _read(section, path, reader)
    if section.ratio is None or hazard is None:
        return rate, hazard
    place = (*path, "ratio")
    ratio = reader.read(section.ratio, place, without=reader.cycle_names, because=_CONSTANT)
    tree = Binary("*", ratio.tree, rate.tree)
    return Formula(f"{ratio.text} * {rate.text}", tree, rate.where), replace(hazard, ratio=ratio)


def _read(
    section: HazardSection, path: Path, reader: FormulaReader
) -> tuple[Formula, Hazard | None]:
    """A hazard, and the rate that is its average over a cycle.

    Args:
        section: as written.
        path: its key path.
        reader: collects problems.

    Returns:
        The rate a year, and the hazard; a stand-in and None when there is a problem.
    """
    if section.family == TABLE:
        return _table(section, path, reader)
    if section.family not in FAMILIES:
        hint = names.did_you_mean(section.family, [*FAMILIES, TABLE])
        reader.error((*path, "family"), f"unknown family '{section.family}'", hint)
        return STAND_IN, None
    wanted = FAMILIES[section.family]
    if len(section.arguments) != len(wanted):
        what = f"'{section.family}' takes {len(wanted)} arguments, not {len(section.arguments)}"
        reader.error(path, what, f"Give arguments = [{', '.join(wanted)}]")
        return STAND_IN, None
    arguments = tuple(
        reader.read(text, (*path, "arguments", i), without=reader.cycle_names, because=_CONSTANT)
        for i, text in enumerate(section.arguments)
    )
    clock = _clock(section, path, reader)
    trees = tuple(argument.tree for argument in arguments)

    def survival(time: Tree) -> Tree:
        alive = Call(f"survival_{section.family}", (time, *trees))
        return Call("max", (alive, Number(SMALLEST)))

    length = Name("cycle_length")
    ratio = Binary("/", survival(clock), survival(Binary("+", clock, length)))
    tree = Binary("/", Call("log", (ratio,)), length)
    words = ", ".join(argument.text for argument in arguments)
    text = f"{section.family}({words}), clock = {section.clock}"
    where = reader.place(path)
    hazard = Hazard(section.family, arguments, section.clock == "reset", where)
    return Formula(text, tree, where), hazard


def _table(
    section: HazardSection, path: Path, reader: FormulaReader
) -> tuple[Formula, Hazard | None]:
    table = reader.tables.get(section.table or "")
    if table is None:
        hint = names.did_you_mean(section.table or "", reader.tables)
        reader.error((*path, "table"), f"there is no table '{section.table}'", hint)
        return STAND_IN, None
    column = section.column or next(iter(table.columns))
    if column not in table.columns or (section.column is None and len(table.columns) > 1):
        what = f"table '{table.name}' has the columns {', '.join(table.columns)}"
        reader.error((*path, "column"), what, "Name one of them")
        return STAND_IN, None
    if section.arguments:
        reader.error(path, "a table takes no arguments", "Drop them")
    by_age = section.clock == "age"
    place = reader.aged(Name("age")) if by_age else _clock(section, path, reader)
    tree = Call("lookup", (Name(table.name), Name(column), place))
    where = reader.place(path)
    hazard = Hazard(
        TABLE, (), section.clock == "reset", where, table=table.name, column=column, by_age=by_age
    )
    text = f"lookup({table.name}, {column}), clock = {section.clock}"
    return Formula(text, tree, where), hazard


def _clock(section: HazardSection, path: Path, reader: FormulaReader) -> Tree:
    if section.clock == "age":
        what = f"'{section.family}' cannot go by age"
        reader.error((*path, "clock"), what, 'Use clock = "forward" or "reset"')
    return Name("state_time" if section.clock == "reset" else "time")
