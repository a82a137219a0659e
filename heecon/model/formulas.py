"""Parse and check the expressions of a model, collecting every problem with its place."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from heecon.errors import Diagnostics
from heecon.files import shape
from heecon.files.shape import Where
from heecon.language import (
    Binary,
    CircularDefinition,
    ExpressionError,
    Name,
    Number,
    Table,
    Tree,
    check,
    dependency_order,
    names,
    parse,
)
from heecon.language.tree import rebuilt
from heecon.model.definition import Formula

TIME_IN_STATE = frozenset({"state_cycle", "state_time"})
BY_CYCLE = frozenset({"cycle", "time", "age"}) | TIME_IN_STATE

Path = tuple[str | int, ...]

STAND_IN = Formula(str(shape.STAND_IN), Number(shape.STAND_IN), "")
"""Takes the place of a formula with a problem, so that the rest can still be checked."""


class FormulaReader:
    """Turns texts into formulas that use known names only.

    Attributes:
        diagnostics: takes what is wrong; the reader never raises.
        doubtful: key paths whose shape is wrong already: what follows from that is not reported.
        slot_names: names whose value depends on the time spent in a state.
        cycle_names: names whose value may change from cycle to cycle.
        personal_names: names whose value differs from person to person.
        own_age: the age at the start if it differs from person to person, else None.
    """

    def __init__(
        self,
        known: Collection[str],
        tables: Mapping[str, Table],
        where: Where,
        diagnostics: Diagnostics,
        doubtful: Collection[Path] = (),
        past: frozenset[str] = frozenset(),
        own: frozenset[str] = frozenset(),
        start_age: str = "",
    ) -> None:
        self.known = known
        self.tables = tables
        self.where = where
        self.doubtful = doubtful
        self.diagnostics = diagnostics
        self.slot_names: frozenset[str] = TIME_IN_STATE
        self.cycle_names: frozenset[str] = BY_CYCLE | past
        self.personal_names: frozenset[str] = past | own
        self._past, self._own = past, own
        self.own_age = self._individual_age(start_age)

    def error(self, path: Sequence[str | int], what: str, hint: str = "") -> None:
        """Note an error at a key path, unless it may follow from a wrong shape there."""
        if not self.in_doubt(path):
            self.diagnostics.error(self.place(path), what, hint)

    def in_doubt(self, path: Sequence[str | int]) -> bool:
        """Whether something at, above or below a key path has the wrong shape."""
        return any(known[: len(path)] == tuple(path)[: len(known)] for known in self.doubtful)

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
    ) -> Formula:
        """Parse and check one expression.

        Args:
            text: the expression.
            path: its key path.
            without: known names that have no meaning here.
            because: why they have none, for the message.

        Returns:
            The formula, or ``STAND_IN`` when an error was noted.
        """
        where = self.place(path)
        try:
            tree = parse(text)
            problems = check(tree, self.known, self.tables)
            if problems:
                raise ExpressionError(text, problems)
        except ExpressionError as error:
            self.diagnostics.add(error.problems_at(where))
            return STAND_IN
        misplaced = sorted(names(tree) & set(without))
        if misplaced:
            self.diagnostics.error(where, f"'{misplaced[0]}' cannot be used here", because)
            return STAND_IN
        return Formula(text, self.aged(tree), where)

    def _individual_age(self, start_age: str) -> Tree | None:
        """The tree of a start age that differs by person, else None."""
        try:
            tree = parse(start_age)
        except ExpressionError:
            return None
        return tree if names(tree) & self._own else None

    def aged(self, tree: Tree) -> Tree:
        """The tree, in which age is written out where people start at ages of their own."""
        if self.own_age is None:
            return tree
        if tree == Name("age"):
            return Binary("+", self.own_age, Name("time"))
        return rebuilt(tree, self.aged)

    def read_in_state(
        self, text: str, path: Sequence[str | int], slots: Mapping[str, int]
    ) -> Formula:
        """Read a formula of some states; it may use time in the state if all of them keep it.

        Args:
            text: the expression.
            path: its key path.
            slots: how many cycles of residence each of the states tells apart.
        """
        forgetful = [
            state
            for state, kept in slots.items()
            if kept == 1 and not self.in_doubt(("states", state))
        ]
        if not forgetful:
            return self.read(text, path)
        because = (
            f"It depends on the time spent in '{forgetful[0]}', which keeps none: add "
            f"`residence = N` (cycles told apart) or `tunnel = N` to states.{forgetful[0]}"
        )
        return self.read(text, path, without=self.slot_names, because=because)

    def read_variables(self, texts: Mapping[str, str]) -> dict[str, Formula]:
        """Read [variables] into dependency order; remember which depend on time in state."""
        formulas = {name: self.read(text, ("variables", name)) for name, text in texts.items()}
        order = self._ordered(formulas)
        trees = {name: formulas[name].tree for name in order}
        self.slot_names = dependents(TIME_IN_STATE, trees)
        self.cycle_names = dependents(BY_CYCLE | self._past, trees)
        self.personal_names = dependents(self._past | self._own, trees)
        return {name: formulas[name] for name in order}

    def _ordered(self, formulas: dict[str, Formula]) -> list[str]:
        """The dependency order; every circle is noted and cut open."""
        while True:
            try:
                return dependency_order({name: f.tree for name, f in formulas.items()})
            except CircularDefinition as error:
                first = error.loop[0]
                what = f"circular definition: {' -> '.join(error.loop)}"
                hint = "A variable may only use those it does not feed"
                self.error(("variables", first), what, hint)
                formulas[first] = STAND_IN


def dependents(sources: Collection[str], ordered: Mapping[str, Tree]) -> frozenset[str]:
    """The sources and every variable that uses one of them, directly or through others."""
    found = set(sources)
    for name, tree in ordered.items():
        if names(tree) & found:
            found.add(name)
    return frozenset(found)
