"""Source of the kernel's hooks, from a model's checked expression trees and nothing else.

No text of the user's reaches the source, not even names: what people have in common is numbered
(``v_s0``: a column of ``shared.value``), and so are attributes (``v_a0``), the past (``v_h0``) and
variables (``v_x0``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from heecon.engine import kernels, microsim_kernel
from heecon.engine.cohort import in_perspective
from heecon.engine.draw_tables import ExitOrder
from heecon.engine.rewards import Reward
from heecon.engine.strategy_inputs import SUM_TOLERANCE
from heecon.language import (
    And,
    Compare,
    Name,
    Not,
    Number,
    Or,
    Tree,
    expression_source,
    names,
    table_arguments,
    variable,
)
from heecon.language.tree import rebuilt
from heecon.model.check_model import all_formulas
from heecon.model.definition import Formula, Model, Start
from heecon.model.formulas import TIME_IN_STATE, dependents

Lines = list[str]


class IndividualCode:
    """Writes the hooks of a model.

    Attributes:
        trees: what people have in common, by its number in ``shared.value``.
        formulas: formulas that may be at fault, by number, with words for what they give.
        starts: start distributions that differ by person, by number.
    """

    def __init__(self, model: Model, exits: ExitOrder, rewards: Sequence[Reward]) -> None:
        self.model = model
        self.exit_order = exits
        self.rewards = [reward for reward in rewards if reward.value is None]
        self.trees: list[Tree] = []
        self.formulas: list[tuple[str, Formula]] = []
        self.starts: list[Start] = []
        self._numbers: dict[Tree, int] = {}
        self._now = "0"
        self._states = list(model.states)
        self._names = self._numbered()
        ordered = {name: formula.tree for name, formula in model.variables.items()}
        self._timed_names = dependents(TIME_IN_STATE, ordered)
        self._variables = {
            name: self._hoisted(formula.tree)
            for name, formula in model.variables.items()
            if name in model.personal
        }

    def _numbered(self) -> dict[str, str]:
        """What each name that differs by person is called in the source."""
        called = {name: f"a{i}" for i, name in enumerate(self.model.attributes)}
        called |= {name: f"h{i}" for i, name in enumerate(self.model.history)}
        mine = [name for name in self.model.variables if name in self.model.personal]
        return called | {name: f"x{i}" for i, name in enumerate(mine)}

    def text(self) -> str:
        """The source of all five hooks."""
        lines: Lines = []
        lines += self._start_probs() + self._start_reward() + self._transition_probs()
        lines += self._state_reward() + self._transition_reward()
        return "\n".join(lines) + "\n"

    def constants(self) -> dict[str, bool]:
        """What ``microsim_kernel`` has to do, as its constants."""
        used = {name for f in all_formulas(self.model) for name in names(f.tree)}
        kinds = {past.kind for name, past in self.model.history.items() if name in used}
        sources = {reward.source for reward in self.rewards}
        return {
            "INDIVIDUAL": True,
            "HAS_TYPES": bool(self.model.types),
            "TRACKS_LAST": not kinds.isdisjoint({"ever", "time_since"}),
            "TRACKS_ENTRIES": "count" in kinds,
            "COUNTS": kernels.FROM_STATE in sources,
            "COUNTS_TRANSITIONS": kernels.FROM_TRANSITION in sources,
        }

    # --- expressions ----------------------------------------------------------------------------

    def _hoisted(self, tree: Tree) -> Tree:
        """The tree with everything people have in common replaced by a numbered name."""
        condition = isinstance(tree, Compare | And | Or | Not)
        if not condition and not names(tree) & self.model.personal:
            if isinstance(tree, Number):
                return tree
            number = self._numbers.setdefault(tree, len(self.trees))
            if number == len(self.trees):
                self.trees.append(tree)
            return Name(f"s{number}")
        if isinstance(tree, Name):
            return Name(self._names[tree.name])
        return rebuilt(tree, self._hoisted)

    def _values(self, formulas: Iterable[Formula], now: str, cycle: str) -> tuple[Lines, list[str]]:
        """Assignments of what formulas read, and their sources.

        Args:
            formulas: read at one time.
            now: source of the time point at which the past is seen.
            cycle: source of the cycle whose numbers are used.
        """
        trees = [self._hoisted(formula.tree) for formula in formulas]
        needed = set().union(*(names(tree) for tree in trees)) if trees else set()
        assignments: Lines = []
        for name in reversed(list(self._variables)):
            called = self._names[name]
            if called in needed:
                needed |= names(self._variables[name])
                source = expression_source(self._variables[name], self.model.tables)
                assignments.insert(0, f"{variable(called)} = {source}")
        lines = [
            f"{variable(name)} = shared.value[{cycle}, {self._time(name)}, {name[1:]}]"
            for name in sorted(needed)
            if name[0] == "s"
        ]
        lines += [
            f"{variable(name)} = people.attribute[i, {name[1:]}]"
            for name in sorted(needed)
            if name[0] == "a"
        ]
        for name, past in self.model.history.items():
            if self._names[name] in needed:
                state = self._states.index(past.state)
                source = {
                    "count": f"people.entries[i, {state}] * 1.0",
                    "ever": f"1.0 if people.last[i, {state}] >= 0 else 0.0",
                    "time_since": f"({now} - people.last[i, {state}]) * shared.length "
                    f"if people.last[i, {state}] >= 0 else np.inf",
                    "type": f"1.0 if people.kind[i, {state}] == {past.type} else 0.0",
                }[past.kind]
                lines.append(f"{variable(self._names[name])} = {source}")
        sources = [expression_source(tree, self.model.tables) for tree in trees]
        return lines + assignments, sources

    def _time(self, name: str) -> str:
        """Which time in the state a number that people have in common is read at."""
        tree = self.trees[int(name[1:])]
        return "time" if names(tree) & self._timed_names else "0"

    def _formula(self, what: str, formula: Formula) -> str:
        """Number of a formula that may be at fault."""
        self.formulas.append((what, formula))
        return _integer(len(self.formulas) - 1)

    def _sum_check(self, what: str, formula: Formula, *, complete: bool) -> Lines:
        """Note a total of shares above one; of complete ones, one below it too."""
        test = f"total > {1.0 + SUM_TOLERANCE!r}"
        if complete:
            test += f" or total < {1.0 - SUM_TOLERANCE!r}"
        number = self._formula(what, formula)
        noted = f"people.fault, {microsim_kernel.TOO_MUCH}, {number}, total, i, {self._now}"
        return [f"if {test}:", f"    note({noted})"]

    # --- how people go ----------------------------------------------------------------------------

    def _start_probs(self) -> Lines:
        self._now = "0"
        lines = ["def start_probs(i, people, shared):", "    time = 0", "    found = -1"]
        candidates = [self.model.start, *(s.start for s in self.model.strategies.values())]
        for start in candidates:
            if start is None or not any(map(self.model.is_individual, start.shares.values())):
                continue
            if any(start is known for known in self.starts):
                continue
            self.starts.append(start)
            body = self._start_body(start)
            lines += [f"    if shared.start == {len(self.starts) - 1}:", *_indented(body, 2)]
        return [*lines, "    return found"]

    def _start_body(self, start: Start) -> Lines:
        body, sources = self._values(start.shares.values(), "0", "0")
        for e, ((state, formula), source) in enumerate(
            zip(start.shares.items(), sources, strict=True)
        ):
            what = f"start share of {state}"
            body.append(self._checked(f"p{e}", source, what, formula, upper=True))
        total = " + ".join(f"p{e}" for e in range(len(sources))) or "0.0"
        body.append(f"total = {total}")
        first = next(iter(start.shares.values()))
        body += self._sum_check("start shares", first, complete=not start.rest)
        body.append("c = 0.0")
        order = list(start.shares)
        for index, state in enumerate(self._states):
            if state in order:
                body.append(f"c += p{order.index(state)} / max(total, 1.0)")
            if state == start.rest:
                body.append("c += max(1.0 - total, 0.0)")
            body.append(f"people.chance[{index}] = c")
        possible = [*order, start.rest] if start.rest else order
        last = max(self._states.index(state) for state in possible)
        body.append(f"people.chance[{last}] = 2.0")  # whatever rounding leaves
        return [*body, "found = 0"]

    def _transition_probs(self) -> Lines:
        self._now = "cycle"
        lines = ["def transition_probs(i, state, time, cycle, people, shared):"]
        for index, name in enumerate(self._states):
            row = self.model.transitions.get(name)
            if row is None or not any(map(self.model.is_individual, row.to.values())):
                continue
            body, sources = self._values(row.to.values(), "cycle", "cycle")
            kind = "rate" if row.competing else "probability"
            for e, ((to, formula), source) in enumerate(zip(row.to.items(), sources, strict=True)):
                what = f"{kind} {name} -> {to}"
                body.append(self._checked(f"p{e}", source, what, formula, upper=not row.competing))
            total = " + ".join(f"p{e}" for e in range(len(sources)))
            body.append(f"total = {total}")
            if row.competing:
                body.append(
                    "share = -np.expm1(-total * shared.length) / total if total > 0.0 else 0.0"
                )
            else:
                first = next(iter(row.to.values()))
                what = f"sum of the probabilities of leaving {name}"
                body += self._sum_check(what, first, complete=not row.rest)
                body.append("share = 1.0 if total <= 1.0 else 1.0 / total")
            body.append("c = 0.0")
            body += self._exits(index, list(row.to))
            lines += [f"    if state == {index}:", *_indented(body, 2)]
        return [*lines, "    return"]

    def _exits(self, state: int, named: Sequence[str]) -> Lines:
        """Cumulative probabilities in the order of the ways out."""
        numbers = self.exit_order.of[state]
        lines: Lines = []
        for e, number in enumerate(numbers[: len(named)]):
            to = self._states[self.exit_order.transitions[number].destination]
            lines += [f"c += p{named.index(to)} * share", f"people.chance[{e}] = c"]
        for e in range(len(named), len(numbers)):
            high = self.exit_order.transitions[numbers[e]].high
            lines.append(f"people.chance[{e}] = 2.0 if time < {high} else c")
        rest = range(len(numbers), self.exit_order.most)
        return lines + [f"people.chance[{e}] = 2.0" for e in rest]

    def _checked(self, name: str, source: str, what: str, formula: Formula, *, upper: bool) -> str:
        """Assignment of a rate, share or probability, inside its range or a fault."""
        if not self.model.is_individual(formula):
            return f"{name} = {source}"  # the same for all, and checked before they set out
        number, high = self._formula(what, formula), "1.0" if upper else "np.inf"
        return f"{name} = checked(people.fault, {number}, {source}, {high}, i, {self._now})"

    # --- rewards ---------------------------------------------------------------------------------

    def _start_reward(self) -> Lines:
        lines = ["def start_reward(i, state, people, shared, totals, cells):", "    time = 0"]
        lines += self._by_state(kernels.FROM_START, "0", "0", lambda _reward: True, 1)
        return [*lines, "    return"]

    def _state_reward(self) -> Lines:
        lines = ["def state_reward(i, state, time, point, people, shared, totals, cells):"]
        ends = (kernels.AT_END, kernels.AVERAGE)
        after = self._by_state(
            kernels.FROM_STATE, "point", "(point - 1)", lambda reward: reward.method in ends, 2
        )
        if after:
            lines += ["    if point > 0:", *after]
        cycles = self.model.settings.cycles
        for more in range(2):  # rewards of the cycles, then those of the time points

            def counted(reward: Reward, more: int = more) -> bool:
                return reward.method != kernels.AT_END and reward.points == cycles + more

            before = self._by_state(kernels.FROM_STATE, "point", "point", counted, 2)
            if before:
                lines += [f"    if point < shared.cycles + {more}:", *before]
        return [*lines, "    return"]

    def _by_state(
        self, source: int, now: str, cycle: str, wanted: Callable[[Reward], bool], depth: int
    ) -> Lines:
        """Additions of the rewards of a kind, state by state."""
        lines: Lines = []
        for index in range(len(self._states)):
            rewards = [
                reward
                for reward in self.rewards
                if reward.source == source and reward.place == index and wanted(reward)
            ]
            if rewards:
                body = self._additions(rewards, now, cycle)
                lines += _indented([f"if state == {index}:", *_indented(body)], depth)
        return lines

    def _transition_reward(self) -> Lines:
        lines = [
            "def transition_reward(i, origin, time, state, cycle, people, shared, totals, cells):"
        ]
        for number, transition in enumerate(self.exit_order.transitions):
            rewards = [
                t for t in self.rewards if t.source == kernels.FROM_TRANSITION and t.place == number
            ]
            if rewards:
                test = f"if origin == {transition.origin} and state == {transition.destination}:"
                lines += _indented([test, *_indented(self._additions(rewards, "cycle", "cycle"))])
        return [*lines, "    return"]

    def _additions(self, rewards: Sequence[Reward], now: str, cycle: str) -> Lines:
        self._now = now
        lines, sources = self._values([reward.formula for reward in rewards], now, cycle)
        outcomes = [outcome.name for outcome in in_perspective(self.model)]
        for reward, source in zip(rewards, sources, strict=True):
            number = self.rewards.index(reward)
            cell = reward.outcome * len(self._states) + reward.state
            what = f"{outcomes[reward.outcome]} in {self._states[reward.state]}"
            numbers = map(_integer, (reward.outcome, cell, number))
            places = f"i, {cycle}, {', '.join(numbers)}"
            lines.append(
                f"add(people.fault, totals, cells, shared.weight, "
                f"{self._formula(what, reward.formula)}, {source}, {places})"
            )
        return lines


def _integer(number: int) -> str:
    """A number in the source of which a function is not compiled once for each."""
    return f"np.int64({number})"


def _indented(lines: Iterable[str], depth: int = 1) -> Lines:
    return ["    " * depth + line for line in lines]


def individual_tables(model: Model) -> dict[str, NDArray[np.float64]]:
    """The arrays that look-ups of what differs by person read, by their names in the source."""
    found: dict[str, NDArray[np.float64]] = {}
    for formula in all_formulas(model):
        if model.is_individual(formula):
            found |= table_arguments(formula.tree, model.tables)
    return found
