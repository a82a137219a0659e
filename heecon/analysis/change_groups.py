"""Which changes only make sense together.

A new parameter and the formula that reads it, a strategy and its rows, a state and the transitions
into it: half of such a change is no model. Here they are put together by what they say; whatever
else cannot stand alone shows when the model between is built and run.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from heecon.analysis.inputs import Content, Inputs, Unit
from heecon.language import names, parse, table_names
from heecon.model.definition import Model

REST = "rest"


@dataclass(frozen=True)
class Group:
    """Units that are changed at once.

    Attributes:
        units: in the order of the changes.
        why: why they cannot be changed one by one; empty for a single unit.
    """

    units: tuple[Unit, ...]
    why: tuple[str, ...] = ()

    def joined(self, other: Group, why: str) -> Group:
        """Both groups as one."""
        return Group(self.units + other.units, (*self.why, *other.why, why))


def grouped(
    changed: Sequence[Unit], a: Inputs, b: Inputs, shares: Iterable[set[str]]
) -> list[Group]:
    """Put the units together that belong together.

    Args:
        changed: the units that differ.
        a: inputs of A.
        b: inputs of B.
        shares: sets of parameter keys that are the shares of a whole.

    Returns:
        Every unit in one group, the groups in the order of their first units.
    """
    read = {unit: _read_on_either_side(unit, a, b) for unit in changed}
    links = [
        *_by_name(read, a, b),
        *_by_table(read, a, b),
        *_by_strategy(changed, a, b),
        *_by_state(changed, a, b),
        *_by_share(changed, shares),
    ]
    group_of = {unit: Group((unit,)) for unit in changed}
    for one, other, why in links:
        first, second = group_of[one], group_of[other]
        if first is second:
            continue
        together = first.joined(second, why)
        group_of |= dict.fromkeys(together.units, together)
    ranks = {unit: rank for rank, unit in enumerate(changed)}
    return [
        Group(tuple(sorted(group.units, key=ranks.__getitem__)), tuple(dict.fromkeys(group.why)))
        for group in dict.fromkeys(group_of[unit] for unit in changed)
    ]


def shares_of_a_whole(*models: Model) -> list[set[str]]:
    """The members of every Dirichlet distribution: they sum to one, so they move together."""
    return [
        set(block.names)
        for model in models
        for block in model.blocks.values()
        if block.family == "dirichlet"
    ]


Link = tuple[Unit, Unit, str]


def _by_name(read: Mapping[Unit, frozenset[str]], a: Inputs, b: Inputs) -> Iterator[Link]:
    """A name that appears, disappears or becomes something else, and the formulas that read it."""
    kinds_a, kinds_b = _kinds(a), _kinds(b)
    moved = {
        name for name in kinds_a.keys() | kinds_b.keys() if kinds_a.get(name) != kinds_b.get(name)
    }
    owners: dict[str, list[Unit]] = {}
    for unit in read:
        name = _name_of(unit)
        if name in moved:
            owners.setdefault(name, []).append(unit)
    for name, units in owners.items():
        for unit in units[1:]:
            yield units[0], unit, f"'{name}' is of another kind, or for other strategies"
        for unit in read:
            if name in read[unit]:
                yield units[0], unit, f"{shown(unit)} reads '{name}', which only one side has"


def _kinds(inputs: Inputs) -> dict[str, tuple[str, bool]]:
    """What each name is, and whether strategies without a row of their own have it."""
    found: dict[str, tuple[str, bool]] = {}
    for unit in inputs.units:
        name = _name_of(unit)
        if name:
            shared = "[" not in unit[1]
            found[name] = unit[0], shared or found.get(name, ("", False))[1]
    return found


def _name_of(unit: Unit) -> str:
    """The name formulas call a unit by; empty where they cannot."""
    section, name = unit
    return name.partition("[")[0] if section in {"parameters", "variables", "tables"} else ""


def _by_table(read: Mapping[Unit, frozenset[str]], a: Inputs, b: Inputs) -> Iterator[Link]:
    """A table whose columns have other names, and its readers."""
    for table in read:
        before, after = a.units.get(table), b.units.get(table)
        if table[0] == "tables" and before and after and before.keys() != after.keys():
            for unit in read:
                if table[1] in read[unit]:
                    yield table, unit, f"{shown(unit)} reads a column of '{table[1]}'"


def _by_strategy(changed: Sequence[Unit], a: Inputs, b: Inputs) -> Iterator[Link]:
    """A strategy that only one side has, its rows, and a comparator it was or becomes."""
    for strategy in _one_sided("strategies", changed, a, b):
        name = strategy[1]
        for unit in changed:
            if unit[0] == "parameters" and unit[1].endswith(f"[{name}]"):
                yield strategy, unit, f"rows of '{name}', which only one side has"
            comparators = {side.units.get(unit) for side in (a, b)} if _compares(unit) else set()
            if name in comparators:
                yield strategy, unit, f"the comparator '{name}' is a strategy of one side only"


def _compares(unit: Unit) -> bool:
    return unit == ("model", "comparator")


def _by_state(changed: Sequence[Unit], a: Inputs, b: Inputs) -> Iterator[Link]:
    """A state that is new, gone or of another kind, and whatever names it; likewise transitions."""
    for state in changed:
        if state[0] == "states":
            for unit in changed:
                if any(state[1] in states_in(unit, side.units.get(unit)) for side in (a, b)):
                    yield state, unit, f"{shown(unit)} names the state '{state[1]}'"
    for row in changed:
        if row[0] != "transitions":
            continue
        before, after = (_destinations(side.units.get(row)) for side in (a, b))
        for unit in changed:
            if unit[0] == "outcomes" and any(
                f"{row[1]} -> {to}" in (side.units.get(unit) or {}).get("transition", {})
                for to in before ^ after
                for side in (a, b)
            ):
                yield row, unit, f"{shown(unit)} counts a move that only one side allows"


def _destinations(row: Mapping[str, Mapping[str, str]] | None) -> set[str]:
    return {to for texts in (row or {}).values() for to in texts}


def _by_share(changed: Sequence[Unit], shares: Iterable[set[str]]) -> Iterator[Link]:
    for keys in shares:
        units = [unit for unit in changed if unit[0] == "parameters" and unit[1] in keys]
        for unit in units[1:]:
            yield units[0], unit, "shares of a whole (a Dirichlet distribution)"


def _one_sided(section: str, changed: Sequence[Unit], a: Inputs, b: Inputs) -> list[Unit]:
    return [
        unit for unit in changed if unit[0] == section and ((unit in a.units) != (unit in b.units))
    ]


def shown(unit: Unit) -> str:
    """A unit as reasons call it."""
    return ".".join(part for part in unit if part)


def states_in(unit: Unit, content: Content) -> set[str]:
    """The states a unit names."""
    section, name = unit
    if not isinstance(content, dict):
        return set()
    if section == "start":
        return set(content)
    if section == "strategies":
        return set(content.get("start", {}))
    if section == "transitions":
        return {name, *_destinations(content)}
    if section == "outcomes":
        found = {state for key in ("start", "state", "entering") for state in content.get(key, {})}
        return found | {
            end.strip() for move in content.get("transition", {}) for end in move.split("->")
        }
    return set()


def _read_on_either_side(unit: Unit, a: Inputs, b: Inputs) -> frozenset[str]:
    return reads(unit, a.units.get(unit)) | reads(unit, b.units.get(unit))


def reads(unit: Unit, content: Content) -> frozenset[str]:
    """The parameters, variables and tables that the formulas of a unit read."""
    found: set[str] = set()
    for text in _formulas(unit, content):
        tree = parse(text)
        found |= names(tree) | table_names(tree)
    return frozenset(found | _weights(unit, content) | _hazard_tables(unit, content))


def _formulas(unit: Unit, content: Content) -> Iterator[str]:
    section, name = unit
    if content is None:
        return
    if section == "variables" or unit == ("model", "start_age"):
        yield content
    elif section == "model" and name in {"discounting.cost", "discounting.effect"}:
        if isinstance(content, str):
            yield content
        else:
            yield from (step["rate"] for step in content)
    elif section == "persons":
        yield from content.get("arguments", [])
    elif section in {"start", "transitions", "strategies", "outcomes", "types"}:
        parts = [content] if section in {"start", "types"} else content.values()
        for part in parts:
            if isinstance(part, dict) and "weights" not in part:
                for text in part.values():
                    if isinstance(text, dict):  # a hazard by its survival family
                        yield from text.get("arguments", [])
                    elif text != REST:
                        yield text


def _hazard_tables(unit: Unit, content: Content) -> set[str]:
    """The tables that hazards step through."""
    hazards = content.get("hazards", {}) if unit[0] == "transitions" and content else {}
    return {hazard["table"] for hazard in hazards.values() if "table" in hazard}


def _weights(unit: Unit, content: Content) -> set[str]:
    """The table of a within-cycle correction by weights."""
    correction = content if unit == ("model", "correction") else None
    if unit[0] == "outcomes" and content:
        correction = content.get("correction")
    return {correction["weights"]} if isinstance(correction, dict) else set()
