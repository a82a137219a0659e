"""What a drug may cost: value-based prices, and grids over prices and confidential discounts.

A value-based price is the highest price at which a strategy is still no worse, by net monetary
benefit, than its comparator, or than every other strategy. Costs are nearly always a straight line
in a price and effects do not depend on it. That is checked, not assumed: four prices are run; if
all costs and effects lie on lines, the price is solved exactly and run once more as a check; if
not, it is searched for (``threshold``).

A discount is taken off the base value of a price parameter as it stands in the model: 25% off
``c_unit[denosumab]`` is a run at 0.75 times its base value. So two drugs may have discounts of
their own although the model has a single discount parameter, and a discount the model already takes
(such as ``price_discount``) comes on top. A price that several strategies pay, as two dosing
intervals of one vial do, is given as several keys, which move together.

Sources: Claxton 2007 (Office of Fair Trading, value-based pricing) BMJ 336:251; NICE TA265 section
7 (denosumab, the price of zoledronic acid and the patient access scheme).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from heecon.analysis.axis import Axis, axis, group_of, moved, rows_of, words_of
from heecon.analysis.outcomes import Outcomes, checked_thresholds
from heecon.analysis.psa import outcomes_of
from heecon.analysis.threshold import threshold_analysis
from heecon.analysis.two_way import TwoWay, size_of, two_way
from heecon.arrays import Floats
from heecon.errors import InputError, Problem
from heecon.model.definition import Model
from heecon.model.parameter import Parameter

STRAIGHT = 1e-10
"""Costs and effects this close to a line, as a share of their size, lie on it."""

DISCOUNTS = tuple(step / 20 for step in range(21))
"""0% to 100% in steps of 5%."""

SEARCHED = 10.0
"""A price that has to be searched for is searched up to this multiple of its base value."""


@dataclass(frozen=True)
class PriceRow:
    """The price at one threshold.

    Attributes:
        threshold: amount per unit of effect.
        strategy: the strategy that pays the price.
        against: the comparator; or all other strategies.
        price: the highest price, at least 0, at which the strategy is no worse than any of
            ``against``; infinite if no price is too high; None if every price is.
        lowest: the lowest such price, 0 unless the others pay the price too; None without price.
        limit: the strategy that takes over above ``price``; or, without price, the one that is
            best at price 0. Empty if there is none.
        discount: 1 - price / base price; negative where the price could be raised. None without
            a finite price or a single positive base price.
        nmb_base: incremental net monetary benefit at the base price, v the best of ``against``.
        nmb_free: the same at price 0.
        linear: solved exactly; False if searched for.
        explanation: the answer in words.
    """

    threshold: float
    strategy: str
    against: tuple[str, ...]
    price: float | None
    lowest: float | None
    limit: str
    discount: float | None
    nmb_base: float
    nmb_free: float
    linear: bool
    explanation: str


def value_based_price(
    model: Model,
    price: str | Sequence[str],
    strategy: str | None = None,
    comparator: str | None = None,
    thresholds: Sequence[float] | None = None,
    *,
    highest: float | None = None,
) -> tuple[PriceRow, ...]:
    """The highest price worth paying, v the comparator and v all strategies.

    Args:
        model: the model.
        price: key of the price parameter, or several keys that take the same price.
        strategy: whose price it is; if None, the strategy the keys belong to.
        comparator: the model's if None.
        thresholds: amounts per unit of effect; the model's if None.
        highest: end of the range if the price must be searched for; ten times the base price if
            None.

    Returns:
        For each threshold a row v the comparator and, with more than two strategies, a row v all.

    Raises:
        InputError: a name is unknown or needs a strategy, the strategy is its own comparator, or
            there is no threshold.
    """
    rows = rows_of(model, price)
    base = outcomes_of(model, {})
    levels = checked_thresholds(base, thresholds)
    strategy = _owner(rows, base, strategy)
    reference = base.strategies[base.index(comparator or base.reference)]
    if strategy == reference:
        what = f"'{strategy}' is compared with itself"
        raise InputError(Problem("comparator", what, "Name another comparator"))
    others = tuple(name for name in base.strategies if name != strategy)
    groups = [(reference,)] + ([others] if len(others) > 1 else [])
    top = 2 * max(abs(row.value) for row in rows) or 1.0
    prices = np.array([0.0, top / 4, top / 2, top])
    question = _Question(model, rows, strategy, base, _run(model, rows, prices), top)
    asked = [(level, group) for level in levels for group in groups]
    if question.straight:
        answers = [question.solved(level, group) for level, group in asked]
        if question.confirmed(answers):
            return tuple(answers)
    if highest is None and not any(row.value for row in rows):
        what = "the net benefit is no straight line in this price, whose base value is 0"
        raise InputError(Problem(rows[0].key, what, "Give highest, the end of the range"))
    end = SEARCHED * top / 2 if highest is None else highest
    return tuple(question.searched(level, group, end) for level, group in asked)


def discount_axis(
    model: Model,
    price: str | Sequence[str],
    discounts: ArrayLike = DISCOUNTS,
    *,
    name: str = "",
) -> Axis:
    """An axis along which prices are discounted, each from its own base value.

    Args:
        model: the model.
        price: key of a price parameter, or several.
        discounts: shares off, 0 to 1.
        name: heading.

    Raises:
        InputError: a name is unknown or needs a strategy, or a discount lies outside 0 and 1.
    """
    rows = rows_of(model, price)
    shares = np.asarray(discounts, dtype=float)
    if shares.ndim != 1 or not shares.size or not ((shares >= 0) & (shares <= 1)).all():
        what = f"the discounts on {rows[0].key} are not usable"
        raise InputError(Problem("discounts", what, "Give a list of shares between 0 and 1"))
    joint = [row.key for row in rows if group_of(model, row)]
    if joint:
        what = f"'{joint[0]}' belongs to a correlation group"
        raise InputError(Problem("discounts", what, "A discount needs a price of its own"))
    heading = name or f"Discount on {rows[0].key}"
    label = name or f"Discount on {words_of(model, rows[0])}"
    values = {row.key: row.value * (1 - shares) for row in rows}
    return Axis(heading, shares, values, "share off", label)


def discount_grid(
    model: Model,
    first: str | Sequence[str],
    second: str | Sequence[str],
    threshold: float | None = None,
    *,
    discounts: ArrayLike = DISCOUNTS,
    strategies: Sequence[str] | None = None,
) -> TwoWay:
    """Cross the confidential discounts of two drugs.

    Args:
        model: the model.
        first: price parameter, or parameters, of one drug.
        second: those of another.
        threshold: amount per unit of effect; the model's first if None.
        discounts: shares off for both.
        strategies: two, for the decision between them, or more; all if None.

    Raises:
        InputError: see ``discount_axis`` and ``two_way``.
    """
    axes = [discount_axis(model, price, discounts) for price in (first, second)]
    return two_way(model, axes[0], axes[1], threshold, strategies=strategies)


def generic_price_grid(
    model: Model,
    generic: str | Sequence[str],
    branded: str | Sequence[str],
    threshold: float | None = None,
    *,
    prices: ArrayLike,
    discounts: ArrayLike = DISCOUNTS,
    strategies: Sequence[str] | None = None,
) -> TwoWay:
    """Cross the price of a generic, which nobody publishes, with the discount on a branded drug.

    Args:
        model: the model.
        generic: price parameter, or parameters, of the generic: all take the same price.
        branded: those of the branded drug.
        threshold: amount per unit of effect; the model's first if None.
        prices: of the generic.
        discounts: shares off the branded drug.
        strategies: two, for the decision between them, or more; all if None.

    Raises:
        InputError: see ``axis``, ``discount_axis`` and ``two_way``.
    """
    asked = np.unique(np.asarray(prices, dtype=float))
    if not asked.size or not (np.isfinite(asked) & (asked >= 0)).all():
        what = f"the prices {asked.tolist()} are not usable"
        raise InputError(Problem("prices", what, "Give amounts of at least 0"))
    line = axis(model, generic, asked)
    return two_way(
        model, line, discount_axis(model, branded, discounts), threshold, strategies=strategies
    )


# --- solving for a price --------------------------------------------------------------------------


@dataclass(frozen=True)
class _Question:
    """Whose price, and what the model gives at four prices from 0 to ``top``."""

    model: Model
    rows: tuple[Parameter, ...]
    strategy: str
    base: Outcomes
    runs: Outcomes
    top: float

    @property
    def straight(self) -> bool:
        """Whether every cost and effect lies on a line."""
        for amounts in (self.runs.cost, self.runs.effect):
            first, last = amounts[0], amounts[-1]
            line = first + np.array([0.0, 0.25, 0.5, 1.0])[:, None] * (last - first)
            if (np.abs(amounts - line) > STRAIGHT * np.abs(amounts).max()).any():
                return False
        return True

    def lead(self, runs: Outcomes, level: float, against: Sequence[str]) -> Floats:
        """(runs, against) net benefit of the strategy minus that of each other."""
        nmb = runs.nmb(level)
        columns = [runs.index(name) for name in against]
        return np.asarray(nmb[:, [runs.index(self.strategy)]] - nmb[:, columns])

    def solved(self, level: float, against: tuple[str, ...]) -> PriceRow:
        """The price when every lead is a line in it."""
        leads = self.lead(self.runs, level, against)
        noise = STRAIGHT * float(size_of(self.runs, level).max())
        low, high, limit = 0.0, math.inf, ""
        for name, free, dear in zip(against, leads[0], leads[-1], strict=True):
            if abs(dear - free) <= noise:
                if free < -noise:
                    high, limit = -math.inf, name
                continue
            root = float(free / (free - dear) * self.top)
            if dear > free:
                low = max(low, root)
            elif root < high:
                high, limit = root, name
        found = (low, high) if high >= low else None
        if found is None:
            limit = against[int(leads[0].argmin())]
        return self.row(level, against, found, limit, leads[0], linear=True)

    def confirmed(self, answers: Sequence[PriceRow]) -> bool:
        """Whether the leads at the solved prices are zero: the line may bend beyond the four."""
        finite = [row for row in answers if row.price is not None and math.isfinite(row.price)]
        if not finite:
            return True
        runs = _run(self.model, self.rows, np.array([row.price for row in finite]))
        for i, row in enumerate(finite):
            lead = self.lead(runs, row.threshold, row.against)[i].min()
            if abs(lead) > STRAIGHT * size_of(runs, row.threshold)[i]:
                return False
        return True

    def searched(self, level: float, against: tuple[str, ...], end: float) -> PriceRow:
        """The price when the leads bend: from the last stretch where the strategy is best."""
        keys = [row.key for row in self.rows]
        kept = (self.strategy, *against)
        found = threshold_analysis(self.model, keys, level, strategies=kept, low=0.0, high=end)
        edges = [0.0, *(switch.value for switch in found.switches), end]
        wins = [i for i, best in enumerate(found.decisions) if self.strategy in best]
        limit, best = "", None
        if wins:
            best = edges[wins[-1]], edges[wins[-1] + 1]
            over = found.decisions[wins[-1] + 1 :]
            limit = next((name for name in over[0] if name != self.strategy), "") if over else ""
        else:
            limit = found.decisions[0][0]
        return self.row(
            level, against, best, limit, self.lead(self.runs, level, against)[0], linear=False
        )

    def row(
        self,
        level: float,
        against: tuple[str, ...],
        found: tuple[float, float] | None,
        limit: str,
        free: Floats,
        *,
        linear: bool,
    ) -> PriceRow:
        """The answer with everything a reader asks next."""
        values = {row.value for row in self.rows}
        base = next(iter(values)) if len(values) == 1 else 0.0
        price = found[1] if found else None
        finite = price is not None and math.isfinite(price)
        return PriceRow(
            threshold=level,
            strategy=self.strategy,
            against=against,
            price=price,
            lowest=found[0] if found else None,
            limit=limit,
            discount=1 - price / base if price is not None and finite and base > 0 else None,
            nmb_base=float(self.lead(self.base, level, against)[0].min()),
            nmb_free=float(free.min()),
            linear=linear,
            explanation=self.words(found, limit, float(free.min()), linear=linear),
        )

    def words(
        self, found: tuple[float, float] | None, limit: str, free: float, *, linear: bool
    ) -> str:
        """The answer in a sentence."""
        if found is None:
            short = f"; free of charge it still falls short by {-free:,.2f}" if free < 0 else ""
            return f"no price makes {self.strategy} the best: {limit} is better{short}"
        low, high = found
        start = f"from {low:,.2f} " if low > 0 else ""
        if math.isinf(high):
            return f"{self.strategy} is best at every price {start}".strip()
        if not linear and not limit:
            return f"{self.strategy} is best {start}up to {high:,.2f}, the highest price searched"
        return f"{self.strategy} is best {start}up to {high:,.2f}; above, {limit} takes over"


def _run(model: Model, rows: Sequence[Parameter], prices: Floats) -> Outcomes:
    return outcomes_of(model, moved(model, rows, prices))


def _owner(rows: Sequence[Parameter], base: Outcomes, strategy: str | None) -> str:
    """The strategy that pays the price."""
    if strategy is None:
        owners = {row.strategy for row in rows}
        if len(owners) > 1 or None in owners:
            keys = ", ".join(row.key for row in rows)
            what = f"{keys} belong to no single strategy"
            raise InputError(Problem("strategy", what, "Say whose price is asked for"))
        strategy = str(rows[0].strategy)
    return base.strategies[base.index(strategy)]


def check_prices(model: Model, keys: Sequence[str]) -> None:
    """Only what the model tags as a price has a highest price worth paying.

    Raises:
        InputError: a key is that of something else.
    """
    prices = [row.key for row in model.parameters if "price" in row.tags]
    known = {row.key for row in model.parameters}
    wrong = [key for key in keys if key in known and key not in prices]
    if wrong:
        hint = f"The prices are {', '.join(prices)}" if prices else "Tag it 'price' in its row"
        raise InputError(Problem(wrong[0], "the model does not tag this as a price", hint))


def crossed_strategies(model: Model, *prices: Sequence[str]) -> list[str] | None:
    """The strategies whose prices are crossed, of them the model's question if it is about them.

    None, for all of the model, where the prices belong to fewer than two.
    """
    rows = [row for keys in prices for row in rows_of(model, keys)]
    owners = list(dict.fromkeys(row.strategy for row in rows if row.strategy in model.strategies))
    question = model.settings.question or ()
    if question and set(question) <= set(owners):
        return list(question)
    return [owner for owner in owners if owner] if len(owners) > 1 else None


def named_prices(model: Model, analysis: str, key: str) -> list[str]:
    """The prices that [analyses.ANALYSIS] of the model or scenario names.

    Raises:
        InputError: it names none.
    """
    found = model.scenario.analyses.get(analysis, {}).get(key)
    if found is not None:
        return list(found)
    where = f"analyses.{analysis}.{key}"
    prices = [row.key for row in model.parameters if "price" in row.tags]
    option = "--input KEY" if key == "parameters" else f"--{key} KEY"
    hint = f"Name a price ({option}): {', '.join(prices[:8])}" if prices else f"Give {option}"
    raise InputError(Problem(where, "no price is named", f"{hint}, or write {key} there"))
