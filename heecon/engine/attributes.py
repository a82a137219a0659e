"""What people are like: attributes drawn from distributions, or read from patients.csv."""

from __future__ import annotations

from typing import Any

import numpy as np

from heecon.arrays import Floats, Integers
from heecon.engine.random_numbers import ATTRIBUTE, code_of, uniforms
from heecon.engine.strategy_inputs import EvaluatedStrategy
from heecon.errors import Problem, SimulationError
from heecon.model.definition import Model
from heecon.model.individuals import INDIVIDUAL_FAMILIES

GOLDEN = (5**0.5 - 1) / 2

Arguments = dict[str, tuple[float, ...]]


class Attributes:
    """Draws the attributes of people; each has random numbers of its own, keyed by its name."""

    def __init__(self, model: Model) -> None:
        self.model = model
        self.names = tuple(model.attributes)

    def arguments(self, evaluated: EvaluatedStrategy, draw: int, number: int) -> Arguments:
        """The arguments of every distribution in one draw.

        Args:
            evaluated: any strategy, as none may differ between them.
            draw: which of its draws.
            number: what messages call it.

        Raises:
            SimulationError: some cannot be used.
        """
        found: Arguments = {}
        problems = []
        for name, attribute in self.model.attributes.items():
            if attribute.column is not None:
                continue
            values = tuple(evaluated.number(formula, draw) for formula in attribute.arguments)
            found[name] = values
            family = INDIVIDUAL_FAMILIES[attribute.distribution]
            what = "" if np.isfinite(values).all() else "every argument must be finite"
            try:
                what = what or family.check(*values)
            except ArithmeticError:
                what = "the arguments are too large"
            if what:
                pairs = zip(family.arguments, values, strict=True)
                given = ", ".join(f"{argument} = {value:.6g}" for argument, value in pairs)
                where = attribute.arguments[0].where
                hint = f"The formulas are at {where}"
                what = f"{attribute.distribution} with {given}: {what}"
                problems.append(Problem(f"draw {number}, attribute '{name}'", what, hint))
        if problems:
            raise SimulationError(problems)
        return found

    def of(self, people: range, key: tuple[Any, Any], arguments: Arguments) -> Floats:
        """The attributes of some people, (people, attributes).

        Args:
            people: their numbers, a run of them.
            key: of their random numbers.
            arguments: of the distributions.
        """
        found = np.empty((len(people), len(self.names)))
        uniform = self._uniforms(people, key)
        rows = self._rows(people)
        for place, name in enumerate(self.names):
            attribute = self.model.attributes[name]
            if attribute.column is not None:
                found[:, place] = self.model.patients[attribute.column][rows]
            else:
                quantile = INDIVIDUAL_FAMILIES[attribute.distribution].quantile
                found[:, place] = quantile(uniform[name], *arguments[name])
        return found

    def _rows(self, people: range) -> Integers:
        """The row of patients.csv that each person is like.

        Without weights the people take the rows in turn. With weights, multiples of the golden
        ratio spread them so evenly that the share of each row in any run of n people is right to
        some log(n) / n.
        """
        numbers = np.arange(people.start, people.stop)
        weights = self.model.weights
        if weights is None:
            return numbers % max(map(len, self.model.patients.values()), default=1)
        ends = np.cumsum(weights)
        at = np.mod((numbers + 0.5) * GOLDEN, 1.0)
        return np.asarray(np.searchsorted(ends / ends[-1], at, side="right"))

    def _uniforms(self, people: range, key: tuple[Any, Any]) -> dict[str, Floats]:
        """Uniform numbers by attribute, correlated within groups."""
        uniform = {
            name: uniforms(people.start, len(people), code_of(name), ATTRIBUTE, key)
            for name, attribute in self.model.attributes.items()
            if attribute.column is None
        }
        for copula in self.model.individual_copulas.values():
            columns = np.column_stack([uniform[name] for name in copula.names])
            uniform |= dict(zip(copula.names, copula.draw(columns).T, strict=True))
        return uniform
