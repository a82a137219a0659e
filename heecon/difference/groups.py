"""Which changes only make sense together.

A new parameter and the formula that reads it, a strategy and its rows, a state and the transitions
into it: half of such a change is no model. Here they are put together by what they say; whatever
else cannot stand alone shows when the model between is built and run.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product

from heecon.difference.difference import Difference
from heecon.difference.parts import Content, ModelParts, Part
from heecon.language import names, parse, table_names
from heecon.model.definition import Model
from heecon.model.settings import is_whole

REST = "rest"


@dataclass(frozen=True)
class Group:
    """Parts that are changed at once.

    Attributes:
        parts: in the order of the changes.
        why: why they cannot be changed one by one; empty for a single part.
    """

    parts: tuple[Part, ...]
    why: tuple[str, ...] = ()

    def joined(self, other: Group, why: str) -> Group:
        """Both groups as one."""
        return Group(self.parts + other.parts, (*self.why, *other.why, why))


def grouped(difference: Difference, shares: Iterable[set[str]]) -> list[Group]:
    """Put the parts together that belong together.

    Args:
        difference: of two models.
        shares: sets of parameter keys that are the shares of a whole.

    Returns:
        Every part that differs in one group, the groups in the order of their first parts.
    """
    changed = difference.parts
    group_of = {part: Group((part,)) for part in changed}
    for one, other, why in _links(difference, shares):
        first, second = group_of[one], group_of[other]
        if first is second:
            continue
        together = first.joined(second, why)
        group_of |= dict.fromkeys(together.parts, together)
    ranks = {part: rank for rank, part in enumerate(changed)}
    return [
        Group(tuple(sorted(group.parts, key=ranks.__getitem__)), tuple(dict.fromkeys(group.why)))
        for group in dict.fromkeys(group_of[part] for part in changed)
    ]


def shares_of_a_whole(*models: Model) -> list[set[str]]:
    """The members of every Dirichlet distribution: they sum to one, so they move together."""
    return [
        set(block.names)
        for model in models
        for block in model.blocks.values()
        if block.family == "dirichlet"
    ]


Link = tuple[Part, Part, str]


def _links(difference: Difference, shares: Iterable[set[str]]) -> Iterator[Link]:
    """Pairs of parts that belong together, and why."""
    read = {
        part: frozenset().union(*(reads(part, side) for side in difference.sides(part)))
        for part in difference.parts
    }
    yield from _by_name(read, difference)
    yield from _by_table(read, difference)
    yield from _by_strategy(difference)
    yield from _by_state(difference)
    yield from _by_transition(difference)
    yield from _by_share(difference.parts, shares)
    yield from _by_time(difference)


def _by_name(read: Mapping[Part, frozenset[str]], difference: Difference) -> Iterator[Link]:
    """A name that appears, disappears or becomes something else, and the formulas that read it."""
    in_a, in_b = _kinds(difference.a), _kinds(difference.b)
    moved = {name for name in in_a.keys() | in_b.keys() if in_a.get(name) != in_b.get(name)}
    owners: dict[str, list[Part]] = {}
    for part in read:
        name = _name_of(part)
        if name in moved:
            owners.setdefault(name, []).append(part)
    for name, parts in owners.items():
        for part in parts[1:]:
            yield parts[0], part, f"'{name}' is of another kind, or for other strategies"
        for part in read:
            if name in read[part]:
                yield parts[0], part, f"{shown(part)} reads '{name}', which only one side has"


def _kinds(model: ModelParts) -> dict[str, tuple[str, bool]]:
    """What each name is, and whether strategies without a row of their own have it."""
    found: dict[str, tuple[str, bool]] = {}
    for part in model.parts:
        name = _name_of(part)
        if name:
            shared = "[" not in part[1]
            found[name] = part[0], shared or found.get(name, ("", False))[1]
    return found


def _name_of(part: Part) -> str:
    """The name formulas call a part by; empty where they cannot."""
    section, name = part
    return name.partition("[")[0] if section in {"parameters", "variables", "tables"} else ""


def _by_table(read: Mapping[Part, frozenset[str]], difference: Difference) -> Iterator[Link]:
    """A table whose columns have other names, and its readers."""
    for table in read:
        before, after = difference.sides(table)
        if table[0] == "tables" and before and after and before.keys() != after.keys():
            for part in read:
                if table[1] in read[part]:
                    yield table, part, f"{shown(part)} reads a column of '{table[1]}'"


def _by_strategy(difference: Difference) -> Iterator[Link]:
    """A strategy that only one side has, its rows, and a comparator it was or becomes."""
    for strategy in difference.parts:
        section, name = strategy
        if section != "strategies" or not difference.is_one_sided(strategy):
            continue
        for part in difference.parts:
            if part[0] == "parameters" and part[1].endswith(f"[{name}]"):
                yield strategy, part, f"rows of '{name}', which only one side has"
            if part == ("model", "comparator") and name in difference.sides(part):
                yield strategy, part, f"the comparator '{name}' is a strategy of one side only"


def _by_state(difference: Difference) -> Iterator[Link]:
    """A state that is new, gone or of another kind, and whatever names it."""
    for state in difference.parts:
        if state[0] == "states":
            for part in difference.parts:
                if any(state[1] in states_in(part, side) for side in difference.sides(part)):
                    yield state, part, f"{shown(part)} names the state '{state[1]}'"


def _by_transition(difference: Difference) -> Iterator[Link]:
    """A transition that only one side allows, and whatever counts it."""
    for row in difference.parts:
        if row[0] != "transitions":
            continue
        before, after = map(_destinations, difference.sides(row))
        edges = {f"{row[1]} -> {to}" for to in before ^ after}
        for part in difference.parts:
            if part[0] == "outcomes" and any(
                edges & (side or {}).get("transition", {}).keys() for side in difference.sides(part)
            ):
                yield row, part, f"{shown(part)} counts a move that only one side allows"


def _destinations(row: Mapping[str, Mapping[str, str]] | None) -> set[str]:
    return {to for texts in (row or {}).values() for to in texts}


def _by_share(changed: Sequence[Part], shares: Iterable[set[str]]) -> Iterator[Link]:
    for keys in shares:
        parts = [part for part in changed if part[0] == "parameters" and part[1] in keys]
        for part in parts[1:]:
            yield parts[0], part, "shares of a whole (a Dirichlet distribution)"


def _by_time(difference: Difference) -> Iterator[Link]:
    """Cycle and horizon, where the horizon of one side is no whole number of the other's cycles."""
    parts = [("model", key) for key in ("cycle", "horizon", "rounding")]
    changed = [part for part in parts if part in difference.parts]
    mixtures = product(*(difference.sides(part) for part in parts))
    if changed[1:] and not all(
        is_whole(str(cycle), str(horizon), bool(rounding)) for cycle, horizon, rounding in mixtures
    ):
        for part in changed[1:]:
            yield changed[0], part, "a horizon is a whole number of cycles"


def shown(part: Part) -> str:
    """A part as reasons call it."""
    return ".".join(word for word in part if word)


def states_in(part: Part, content: Content) -> set[str]:
    """The states a part names."""
    section, name = part
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


def reads(part: Part, content: Content) -> frozenset[str]:
    """The parameters, variables and tables that the formulas of a part read."""
    found: set[str] = set()
    for text in _formulas(part, content):
        tree = parse(text)
        found |= names(tree) | table_names(tree)
    return frozenset(found | _weights(part, content) | _hazard_tables(part, content))


def _formulas(part: Part, content: Content) -> Iterator[str]:
    section, name = part
    if content is None:
        return
    if section == "variables" or part == ("model", "start_age"):
        yield content
    elif section == "model" and name in {"discounting.cost", "discounting.effect"}:
        if isinstance(content, str):
            yield content
        else:
            yield from (step["rate"] for step in content)
    elif section == "individuals":
        yield from content.get("arguments", [])
    elif section in {"start", "transitions", "strategies", "outcomes", "types"}:
        tables = [content] if section in {"start", "types"} else content.values()
        for table in tables:
            if isinstance(table, dict) and "weights" not in table:
                for text in table.values():
                    if isinstance(text, dict):  # a hazard by its survival family
                        yield from text.get("arguments", [])
                    elif text != REST:
                        yield text


def _hazard_tables(part: Part, content: Content) -> set[str]:
    """The tables that hazards step through."""
    hazards = content.get("hazards", {}) if part[0] == "transitions" and content else {}
    return {hazard["table"] for hazard in hazards.values() if "table" in hazard}


def _weights(part: Part, content: Content) -> set[str]:
    """The table of a within-cycle correction by weights."""
    correction = content if part == ("model", "correction") else None
    if part[0] == "outcomes" and content:
        correction = content.get("correction")
    return {correction["weights"]} if isinstance(correction, dict) else set()
