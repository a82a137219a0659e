"""Parse and check the expressions of a model, collecting every problem with its place."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from heecon.errors import Problem
from heecon.language import (
    CircularDefinition,
    ExpressionError,
    Table,
    Tree,
    check,
    dependency_order,
    names,
    parse,
)
from heecon.model.definition import Formula
from heecon.model.schema import Where

TIME_IN_STATE = frozenset({"state_cycle", "state_time"})
BY_CYCLE = frozenset({"cycle", "time", "age"}) | TIME_IN_STATE


class FormulaReader:
    """Turns texts into formulas that use known names only.

    Attributes:
        problems: everything found so far; the reader never raises.
        slot_names: names whose value depends on the time spent in a state.
        cycle_names: names whose value may change from cycle to cycle.
    """

    def __init__(self, known: Collection[str], tables: Mapping[str, Table], where: Where) -> None:
        self.known = known
        self.tables = tables
        self.where = where
        self.problems: list[Problem] = []
        self.slot_names: frozenset[str] = TIME_IN_STATE
        self.cycle_names: frozenset[str] = BY_CYCLE

    def complain(self, path: Sequence[str | int], what: str, remedy: str = "") -> None:
        """Note a problem at a key path."""
        self.problems.append(Problem(self.place(path), what, remedy))

    def place(self, path: Sequence[str | int]) -> str:
        """``file:row:column (key.path)``."""
        return f"{self.where(path)} ({'.'.join(str(part) for part in path)})"

    def read(
        self,
        text: str,
        path: Sequence[str | int],
        *,
        without: Collection[str] = (),
        because: str = "",
    ) -> Formula | None:
        """Parse and check one expression.

        Args:
            text: the expression.
            path: its key path.
            without: known names that have no meaning here.
            because: why they have none, for the message.

        Returns:
            The formula, or None when a problem was noted.
        """
        where = self.place(path)
        try:
            tree = parse(text)
            findings = check(tree, self.known, self.tables)
            if findings:
                raise ExpressionError(text, findings)
        except ExpressionError as error:
            self.problems += error.problems_at(where)
            return None
        misplaced = sorted(names(tree) & set(without))
        if misplaced:
            self.problems.append(Problem(where, f"'{misplaced[0]}' cannot be used here", because))
            return None
        return Formula(text, tree, where)

    def read_in_state(
        self, text: str, path: Sequence[str | int], state: str, slots: int
    ) -> Formula | None:
        """Read a formula of one state; it may use time in the state if the state keeps it."""
        if slots > 1:
            return self.read(text, path)
        because = (
            f"It depends on the time spent in '{state}', which keeps none: add `residence = N` "
            f"(cycles told apart) or `tunnel = N` to states.{state}"
        )
        return self.read(text, path, without=self.slot_names, because=because)

    def read_variables(self, texts: Mapping[str, str]) -> dict[str, Formula]:
        """Read [variables] into dependency order; remember which depend on time in state."""
        formulas: dict[str, Formula] = {}
        for name, text in texts.items():
            formula = self.read(text, ("variables", name))
            if formula is not None:
                formulas[name] = formula
        try:
            order = dependency_order({name: formula.tree for name, formula in formulas.items()})
        except CircularDefinition as error:
            remedy = "Break the circle: a variable may only use those it does not feed"
            self.complain(("variables",), str(error), remedy)
            return formulas
        trees = {name: formulas[name].tree for name in order}
        self.slot_names = dependents(TIME_IN_STATE, trees)
        self.cycle_names = dependents(BY_CYCLE, trees)
        return {name: formulas[name] for name in order}


def dependents(sources: Collection[str], ordered: Mapping[str, Tree]) -> frozenset[str]:
    """The sources and every variable that uses one of them, directly or through others."""
    found = set(sources)
    for name, tree in ordered.items():
        if names(tree) & found:
            found.add(name)
    return frozenset(found)
