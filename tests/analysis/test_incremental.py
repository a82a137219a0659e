"""Incremental analysis: textbook frontiers, then properties against oracles that share no code.

The oracles restate the definitions by brute force in whole numbers or fractions: dominance by all
pairs, extended dominance by all mixes of two, the best strategy by the largest net benefit.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise as neighbours
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from heecon.analysis.incremental import (
    IncrementalRow,
    Quadrant,
    Status,
    Totals,
    equalised,
    fully_incremental,
    pairwise,
)
from heecon.analysis.net_benefit import net_benefit
from heecon.errors import InputError

ON_FRONTIER = (Status.REFERENCE, Status.FRONTIER)

SICK_SICKER = (
    Totals("SoC", 151579.86595739, 20.7113314643222),
    Totals("A", 284804.513370572, 21.4986628084375),
    Totals("B", 259100.410617004, 22.1844651408455),
    Totals("AB", 378875.198394492, 23.1368441350026),
)


def table(*points: tuple[str, float, float]) -> tuple[Totals, ...]:
    return tuple(Totals(*point) for point in points)


def by_name(totals: Sequence[Totals]) -> dict[str, IncrementalRow]:
    return {row.strategy: row for row in fully_incremental(totals)}


def names(rows: Sequence[IncrementalRow]) -> list[str]:
    return [row.strategy for row in rows]


def value(number: float | None) -> float:
    assert number is not None
    return number


def frontier_icers(rows: Sequence[IncrementalRow]) -> list[float]:
    return [value(row.icer) for row in rows if row.status is Status.FRONTIER]


# --- worked frontiers


def test_sick_sicker_agrees_with_dampack() -> None:
    """dampack 1.0.2.1000 calculate_icers on DARTH's Sick-Sicker model, commit d3c5497."""
    rows = fully_incremental(SICK_SICKER)
    assert names(rows) == ["SoC", "B", "A", "AB"]
    assert [row.status for row in rows] == [
        Status.REFERENCE,
        Status.FRONTIER,
        Status.DOMINATED,
        Status.FRONTIER,
    ]
    _, b, a, ab = rows
    assert b.icer == pytest.approx(72987.6360666533, rel=1e-13)
    assert b.incremental_cost == pytest.approx(107520.544659614, rel=1e-13)
    assert b.incremental_effect == pytest.approx(1.47313367652331, rel=1e-13)
    assert ab.icer == pytest.approx(125763.785753688, rel=1e-13)
    assert ab.compared_with == "B"
    assert (a.compared_with, a.icer, a.quadrant) == ("B", None, Quadrant.NORTH_WEST)
    assert a.explanation == "dominated by B"


def test_sick_sicker_by_age_agrees_with_dampack() -> None:
    """The time-dependent tutorial; published ICERs 65,288 and 104,461."""
    rows = fully_incremental(
        table(
            ("SoC", 116374.448011954, 18.879195307013),
            ("A", 218789.35922806, 19.6355559872538),
            ("B", 202536.459939298, 20.1989255189221),
            ("AB", 296300.325943376, 21.0965265577841),
        )
    )
    assert frontier_icers(rows) == pytest.approx([65287.5952598705, 104460.514131034], rel=1e-13)


def test_textbook_dominance_and_extended_dominance() -> None:
    """The US Veterans Affairs example that dampack's own tests use.

    By hand: B v usual care (10000 - 5000) / 1 = 5000; A costs more than B and yields less; C v B
    15000 exceeds D v C 10000, so C goes; D v B 25000 / 2 = 12500; E v D 20000.
    """
    totals = table(
        ("E", 55000, 5),
        ("D", 35000, 4),
        ("C", 25000, 3),
        ("B", 10000, 2),
        ("A", 12000, 1.5),
        ("UC", 5000, 1),
    )
    rows = fully_incremental(totals)
    assert names(rows) == ["UC", "B", "A", "C", "D", "E"]
    assert frontier_icers(rows) == [5000, 12500, 20000]
    uc, b, a, c, d, e = rows
    assert uc.status is Status.REFERENCE
    assert (b.compared_with, d.compared_with, e.compared_with) == ("UC", "B", "D")
    assert a.explanation == "dominated by B"
    assert (a.incremental_cost, a.incremental_effect) == (2000, -0.5)
    assert c.status is Status.EXTENDEDLY_DOMINATED
    assert c.explanation == "extendedly dominated by a mix of B and D"
    assert (c.compared_with, c.incremental_cost, c.incremental_effect) == ("B", 15000, 1)
    assert c.icer == 15000  # above the 12500 of D, which is why it falls out
    assert d.explanation == "next after B"


def test_extended_dominance_several_in_a_row() -> None:
    """Slopes 10, 16, 14, 2.5: E undercuts them all from A at 30/4 = 7.5."""
    rows = fully_incremental(
        table(("A", 0, 0), ("B", 10, 1), ("C", 18, 1.5), ("D", 25, 2), ("E", 30, 4), ("F", 50, 5))
    )
    assert [row.status for row in rows] == [
        Status.REFERENCE,
        *[Status.EXTENDEDLY_DOMINATED] * 3,
        Status.FRONTIER,
        Status.FRONTIER,
    ]
    assert {row.explanation for row in rows[1:4]} == {"extendedly dominated by a mix of A and E"}
    assert [row.icer for row in rows] == [None, 10, 12, 12.5, 7.5, 20]


def test_an_elimination_that_uncovers_another() -> None:
    """Slopes 4, 5, 6, 1: only when D goes is C seen to be worse than E, and then B."""
    rows = fully_incremental(
        table(("A", 0, 0), ("B", 4, 1), ("C", 9, 2), ("D", 15, 3), ("E", 15.5, 4))
    )
    assert names([row for row in rows if row.status in ON_FRONTIER]) == ["A", "E"]
    assert frontier_icers(rows) == [3.875]


def test_points_on_a_line_stay_on_the_frontier() -> None:
    rows = fully_incremental(table(("A", 0, 0), ("B", 10, 1), ("C", 20, 2), ("D", 40, 4)))
    assert [row.status for row in rows[1:]] == [Status.FRONTIER] * 3
    assert frontier_icers(rows) == [10, 10, 10]


# --- one, two, all dominated


def test_one_strategy() -> None:
    (row,) = fully_incremental(table(("only", -3, 0)))
    assert row == IncrementalRow(
        "only", -3, 0, Status.REFERENCE, None, None, None, None, None, "the only strategy"
    )
    assert pairwise(table(("only", -3, 0)), "only") == ()


def test_two_strategies() -> None:
    cheap, dear = fully_incremental(table(("dear", 100, 2), ("cheap", 40, 1)))
    assert (cheap.strategy, cheap.status) == ("cheap", Status.REFERENCE)
    assert cheap.explanation == "reference: the cheapest strategy that is not dominated"
    assert (dear.icer, dear.quadrant) == (60, Quadrant.NORTH_EAST)


def test_one_dominates_all() -> None:
    """DARTH-git/dampack tests: test and treat costs least and does no worse."""
    totals = table(
        ("No treat", 163771.0, 6.48273),
        ("Treat all", 164848.7, 6.52861),
        ("Test & treat", 163765.1, 6.52861),
    )
    best, none, everyone = fully_incremental(totals)
    assert best.explanation == "reference: dominates every other strategy"
    assert [row.status for row in (none, everyone)] == [Status.DOMINATED] * 2
    assert (none.quadrant, everyone.quadrant) == (Quadrant.NORTH_WEST, Quadrant.NORTH)
    assert [row.icer for row in (best, none, everyone)] == [None] * 3


def test_the_cheapest_is_the_reference_only_when_nothing_equals_its_cost_and_yields_more() -> None:
    rows = fully_incremental(table(("worse", 10, 1), ("better", 10, 2), ("best", 30, 3)))
    assert names(rows) == ["better", "worse", "best"]
    assert rows[0].status is Status.REFERENCE
    assert (rows[1].explanation, rows[1].quadrant) == ("dominated by better", Quadrant.WEST)
    assert rows[2].icer == 20


def test_negative_and_zero_totals() -> None:
    rows = fully_incremental(table(("A", -50, -4), ("B", -20, -2), ("C", 0, 0), ("D", 0.0, -1)))
    assert names(rows) == ["A", "B", "C", "D"]
    assert frontier_icers(rows) == [12.5]  # C v A; B v A is 15
    assert rows[1].status is Status.EXTENDEDLY_DOMINATED
    assert rows[3].explanation == "dominated by C"


def test_minus_zero_is_zero() -> None:
    rows = fully_incremental(table(("A", 0.0, -0.0), ("B", -0.0, 0.0)))
    assert [row.status for row in rows] == [Status.REFERENCE, Status.EQUIVALENT]


# --- ties and names


def test_equal_strategies_name_the_first_given() -> None:
    totals = table(("A", 0, 0), ("X", 10, 1), ("Y", 10, 1), ("Z", 10, 1))
    rows = fully_incremental(totals)
    assert names(rows) == ["A", "X", "Y", "Z"]
    assert [row.status for row in rows[2:]] == [Status.EQUIVALENT] * 2
    for row in rows[2:]:
        assert row.explanation == "same cost and effect as X"
        assert (row.compared_with, row.incremental_cost, row.incremental_effect) == ("X", 0, 0)
        assert (row.icer, row.quadrant) == (None, Quadrant.ORIGIN)
    assert by_name(totals[::-1])["X"].explanation == "same cost and effect as Z"


def test_equal_to_a_strategy_that_falls_out_says_so() -> None:
    rows = by_name(table(("A", 0, 5), ("X", 10, 1), ("Y", 10, 1)))
    assert rows["Y"].explanation == "same cost and effect as X, which is dominated by A"
    rows = by_name(table(("A", 0, 0), ("X", 9, 1), ("Y", 9, 1), ("C", 10, 2)))
    assert rows["Y"].explanation == (
        "same cost and effect as X, which is extendedly dominated by a mix of A and C"
    )


def test_all_equal() -> None:
    rows = fully_incremental(table(("A", 1, 1), ("B", 1, 1)))
    assert rows[0].explanation == "reference: the cheapest strategy that is not dominated"
    assert rows[1].status is Status.EQUIVALENT


def test_the_dominating_strategy_named_is_the_nearest_on_the_frontier() -> None:
    rows = by_name(table(("A", 0, 3), ("B", 10, 4), ("bad", 20, 2), ("C", 15, 3.5)))
    assert rows["bad"].explanation == "dominated by B"
    assert rows["C"].explanation == "dominated by B"
    # D is dominated by B and C; C is nearer in cost but extendedly dominated, so B is named.
    rows = by_name(table(("A", 0, 0), ("B", 20, 5), ("C", 90, 6), ("E", 100, 10), ("D", 95, 4)))
    assert rows["C"].status is Status.EXTENDEDLY_DOMINATED
    assert rows["D"].explanation == "dominated by B"
    # Here nothing on the frontier dominates it.
    rows = by_name(table(("A", 0, 0), ("B", 60, 5), ("C", 100, 10), ("D", 61, 5)))
    assert rows["D"].explanation == "dominated by B"


# --- numerical care


def test_an_epsilon_apart_is_apart() -> None:
    more = math.nextafter(1.0, 2.0)
    rows = by_name(table(("A", 1.0, 1.0), ("B", 1.0, more)))
    assert rows["A"].status is Status.DOMINATED
    rows = by_name(table(("A", 1.0, 1.0), ("B", more, more)))
    assert rows["B"].status is Status.FRONTIER
    assert rows["B"].icer == 1.0


def test_large_totals_do_not_hide_the_hull() -> None:
    """The cross product of these in floats loses every digit that matters."""
    base = 2.0**52
    line = table(("A", base, base), ("B", base + 1, base + 1), ("C", base + 3, base + 3))
    assert frontier_icers(fully_incremental(line)) == [1, 1]
    above = table(("A", base, base), ("B", base + 2, base + 1), ("C", base + 3, base + 3))
    assert by_name(above)["B"].status is Status.EXTENDEDLY_DOMINATED


def test_nearly_straight_is_judged_by_the_icers_shown() -> None:
    """Just convex by exact arithmetic; the quotients of the increments, as shown, say otherwise."""
    (ac, ae), (bc, be), (cc, ce) = plane = [
        (26437.10586, 1.142),
        (60189.558000000005, 2.6),
        (175707.2097, 7.59),
    ]
    assert brute_force(plane)[1] == "on the frontier"
    first, second = (bc - ac) / (be - ae), (cc - bc) / (ce - be)
    assert first > second
    assert first == pytest.approx(second, rel=1e-15)
    _, b, c = fully_incremental(strategies_of(plane))
    assert (b.status, b.icer, c.compared_with) == (Status.EXTENDEDLY_DOMINATED, first, "s0")
    assert value(b.icer) > value(c.icer)


# Totals with 13 significant digits: 1.0000000000004 is 1, 1.0000000000006 is 1.000000000001.
@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("size", [1e-9, 1.0, 1e5, 1e12])
@pytest.mark.parametrize(("apart", "same"), [(4e-13, True), (6e-13, False)])
def test_totals_that_agree_to_13_digits_are_equal(
    apart: float, same: bool, size: float, sign: int
) -> None:
    one, other = sign * size, sign * size * (1 + apart)
    assert one != other
    for totals in (
        table(("A", one, 5), ("B", other, 5), ("C", 3 * size, 7)),
        table(("A", 5, one), ("B", 5, other), ("C", 7, 3 * size)),
    ):
        found = equalised(totals)
        assert found[0] == totals[0]
        assert found[1] == (Totals("B", totals[0].cost, totals[0].effect) if same else totals[1])
        assert found[2] == totals[2]
        statuses = {row.strategy: row.status for row in fully_incremental(found)}
        assert (Status.EQUIVALENT in statuses.values()) == same
        assert (Status.DOMINATED in statuses.values()) != same


def test_nothing_is_rounded_to_13_digits() -> None:
    totals = table(("A", 100000 / 3, 10 / 3), ("B", 200000 / 3, 20 / 3), ("C", 0.0, -0.0))
    assert equalised(totals) == totals


def test_the_widest_and_the_narrowest_numbers() -> None:
    huge, tiny = 1.7e308, 5e-324
    rows = fully_incremental(table(("A", -huge, 0), ("B", huge, tiny)))
    assert (rows[1].incremental_cost, rows[1].icer) == (math.inf, math.inf)
    rows = fully_incremental(table(("A", 0, -huge), ("B", tiny, huge)))
    assert rows[1].icer == tiny  # below the smallest float, but never zero
    assert net_benefit(table(("A", huge, huge)), [1.0])[0].nmb == 0
    assert net_benefit(table(("A", huge, -huge)), [2.0])[0].nmb == -math.inf


# --- pairwise


@pytest.mark.parametrize(
    ("cost", "effect", "quadrant", "icer", "words"),
    [
        (30, 2, Quadrant.NORTH_EAST, 15, "more effective, more costly; the ICER is the cost per"),
        (-30, 2, Quadrant.SOUTH_EAST, None, "more effective, less costly: dominates"),
        (-30, -2, Quadrant.SOUTH_WEST, 15, "the ICER is the saving per unit of effect lost"),
        (30, -2, Quadrant.NORTH_WEST, None, "less effective, more costly: dominated"),
        (30, 0, Quadrant.NORTH, None, "no difference in effect, more costly: dominated"),
        (-30, 0, Quadrant.SOUTH, None, "no difference in effect, less costly: dominates"),
        (0, 2, Quadrant.EAST, None, "more effective, no difference in cost: dominates"),
        (0, -2, Quadrant.WEST, None, "less effective, no difference in cost: dominated"),
        (0, 0, Quadrant.ORIGIN, None, "no difference in cost or effect"),
    ],
)
def test_quadrants(
    cost: float, effect: float, quadrant: Quadrant, icer: float | None, words: str
) -> None:
    totals = table(("new", 100 + cost, 10 + effect), ("old", 100, 10))
    (row,) = pairwise(totals, "old")
    assert (row.strategy, row.comparator) == ("new", "old")
    assert (row.incremental_cost, row.incremental_effect) == (cost, effect)
    assert (row.quadrant, row.icer) == (quadrant, icer)
    assert words in row.meaning
    assert row.meaning.startswith(quadrant.meaning)


def test_south_west_icer_says_that_higher_is_better() -> None:
    (row,) = pairwise(table(("new", 50, 1), ("old", 100, 2)), "old")
    assert "acceptable when it is above the threshold" in row.meaning
    (back,) = pairwise(table(("new", 50, 1), ("old", 100, 2)), "new")
    assert "acceptable when it is below the threshold" in back.meaning


def test_pairwise_keeps_the_order_given() -> None:
    assert [row.strategy for row in pairwise(SICK_SICKER, "A")] == ["SoC", "B", "AB"]


# --- net benefit


def test_net_benefit_by_hand() -> None:
    totals = table(("old", 1000, 2), ("new", 5000, 2.25))
    old, new, old_high, new_high = net_benefit(totals, [10000, 20000], comparator="old")
    assert (old.nmb, new.nmb) == (19000, 17500)
    assert (old.nhb, new.nhb) == (1.9, 1.75)
    assert (old.incremental_nmb, new.incremental_nmb) == (0, -1500)
    assert (old.rank, new.rank) == (1, 2)
    assert (old.optimal, new.optimal) == (True, False)
    assert (old_high.threshold, old_high.nmb, new_high.nmb) == (20000, 39000, 40000)
    assert new_high.optimal
    assert net_benefit(totals, [10000])[0].incremental_nmb is None


def test_net_benefit_ties_share_a_rank() -> None:
    totals = table(("A", 0, 0), ("B", 10, 1), ("C", 5, 0), ("D", 15, 1), ("E", 30, 1))
    rows = net_benefit(totals, [10])
    assert [row.rank for row in rows] == [1, 1, 3, 3, 5]
    assert [row.optimal for row in rows] == [True, True, False, False, False]


def test_sick_sicker_optimal_strategy_changes_at_the_icers() -> None:
    def best(threshold: float) -> list[str]:
        return [row.strategy for row in net_benefit(SICK_SICKER, [threshold]) if row.optimal]

    assert best(72987) == ["SoC"]
    assert best(72988) == ["B"]
    assert best(125763) == ["B"]
    assert best(125764) == ["AB"]


# --- what cannot be used


def problems(error: pytest.ExceptionInfo[InputError]) -> list[str]:
    return [str(problem) for problem in error.value.problems]


def test_no_strategies() -> None:
    for attempt in (
        lambda: fully_incremental([]),
        lambda: pairwise([], "A"),
        lambda: net_benefit([], [1.0]),
    ):
        with pytest.raises(InputError, match="no strategies") as error:
            attempt()
        assert len(problems(error)) == 1


def test_all_problems_at_once() -> None:
    totals = table(
        ("denosumab", math.nan, 1), ("none", 1, math.inf), ("denosumab", 2, 2), ("", 1, 1)
    )
    with pytest.raises(InputError) as error:
        net_benefit(totals, [0, 30000, -1, math.inf, math.nan], comparator="Denosumb")
    assert problems(error) == [
        "strategy 1 (denosumab): the cost nan is not a finite number.",
        "strategy 2 (none): the effect inf is not a finite number.",
        "strategy 4: it has no name.",
        "strategies 1, 3: the name 'denosumab' is used 2 times. Give every strategy its own name.",
        "threshold 1: 0 is not a positive finite number.",
        "threshold 3: -1 is not a positive finite number.",
        "threshold 4: inf is not a positive finite number.",
        "threshold 5: nan is not a positive finite number.",
        "comparator: there is no strategy 'Denosumb'. Did you mean 'denosumab'? "
        "The strategies are: denosumab, none, denosumab, .",
    ]


@pytest.mark.parametrize("bad", [10**400, None, "12"])
def test_what_is_not_a_float_is_a_problem_and_not_a_crash(bad: object) -> None:
    with pytest.raises(InputError, match="not a finite number"):
        fully_incremental([Totals("A", bad, 1)])  # type: ignore[arg-type]
    with pytest.raises(InputError, match="not a positive finite number"):
        net_benefit(SICK_SICKER, [bad])  # type: ignore[list-item]


def test_unknown_comparator_without_a_near_name() -> None:
    with pytest.raises(InputError) as error:
        pairwise(SICK_SICKER, "zoledronic_acid")
    assert problems(error) == [
        "comparator: there is no strategy 'zoledronic_acid'. The strategies are: SoC, A, B, AB."
    ]


def test_no_thresholds() -> None:
    with pytest.raises(InputError, match="thresholds: there are none"):
        net_benefit(SICK_SICKER, [])


# --- properties
# Whole effects up to 8 and costs that are multiples of 840 = lcm(1..8): every ICER is a whole
# number, every threshold between two of them a half, and all oracle arithmetic is in integers.

Plane = list[tuple[int, int]]
planes = st.lists(
    st.tuples(st.integers(-12, 12).map(lambda k: 840 * k), st.integers(-4, 4)),
    min_size=1,
    max_size=9,
)


def strategies_of(plane: Sequence[tuple[float, float]]) -> list[Totals]:
    return [Totals(f"s{i}", cost, effect) for i, (cost, effect) in enumerate(plane)]


def brute_force(plane: Sequence[tuple[float, float]]) -> list[str]:
    """The status of each point from the definitions alone: all pairs, all mixes of two."""
    exact = [(Fraction(cost), Fraction(effect)) for cost, effect in plane]

    def dominated(c: Fraction, e: Fraction) -> bool:
        return any(oc <= c and oe >= e and (oc, oe) != (c, e) for oc, oe in exact)

    def mixed_out(c: Fraction, e: Fraction) -> bool:
        return any(
            ac * (be - e) + bc * (e - ae) < c * (be - ae)
            for ac, ae in exact
            for bc, be in exact
            if ae < e < be
        )

    words = []
    for i, (c, e) in enumerate(exact):
        if (c, e) in exact[:i]:
            words.append("same cost and effect")
        elif dominated(c, e):
            words.append("dominated")
        elif mixed_out(c, e):
            words.append("extendedly dominated")
        elif c == min(oc for oc, oe in exact if not dominated(oc, oe)):
            words.append("reference")
        else:
            words.append("on the frontier")
    return words


def walk(plane: Plane) -> list[float]:
    """Every ICER of every pair, the middle of every gap between them, and both ends."""
    slopes = {(c2 - c1) // (e2 - e1) for c1, e1 in plane for c2, e2 in plane if e1 < e2 and c1 < c2}
    edges = [0, *sorted(slopes), max(slopes, default=0) + 2]
    return sorted({*map(float, edges[1:]), *((a + b) / 2 for a, b in neighbours(edges))})


@settings(deadline=None)
@given(planes)
def test_statuses_follow_the_definitions(plane: Plane) -> None:
    rows = by_name(strategies_of(plane))
    assert [rows[f"s{i}"].status.value for i in range(len(plane))] == brute_force(plane)


@settings(deadline=None)
@given(planes)
def test_the_frontier_is_what_maximises_net_benefit_at_some_threshold(plane: Plane) -> None:
    totals = strategies_of(plane)
    rows = by_name(totals)
    on_frontier = {
        name
        for name, row in rows.items()
        if row.status in ON_FRONTIER
        or (row.status is Status.EQUIVALENT and rows[str(row.compared_with)].status in ON_FRONTIER)
    }
    optimal: set[str] = set()
    last_cost = -math.inf
    for threshold in walk(plane):
        nmb = [threshold * effect - cost for cost, effect in plane]
        expected = {f"s{i}" for i, worth in enumerate(nmb) if worth == max(nmb)}
        found = net_benefit(totals, [threshold])
        assert {row.strategy for row in found if row.optimal} == expected
        assert [row.nmb for row in found] == nmb
        assert [row.rank for row in found] == [1 + sum(w > worth for w in nmb) for worth in nmb]
        cheapest = min(rows[name].cost for name in expected)
        assert cheapest >= last_cost  # the walk goes up the frontier, never back
        last_cost = cheapest
        optimal |= expected
    assert optimal == on_frontier


@settings(deadline=None)
@given(planes)
def test_icers_reproduce_and_the_table_is_in_order(plane: Plane) -> None:
    totals = strategies_of(plane)
    rows = fully_incremental(totals)
    keys = [(row.cost, -row.effect, int(row.strategy[1:])) for row in rows]
    assert keys == sorted(keys)
    given_rows = {row.strategy: row for row in rows}
    for row in rows:
        if row.compared_with is None:
            assert row.status is Status.REFERENCE
            continue
        other = given_rows[row.compared_with]
        assert row.incremental_cost == row.cost - other.cost
        assert row.incremental_effect == row.effect - other.effect
        if row.icer is not None:
            assert other.status in ON_FRONTIER
            assert row.icer == row.incremental_cost / row.incremental_effect
    frontier = [row for row in rows if row.status in ON_FRONTIER]
    for row in rows:
        if row.status is Status.EXTENDEDLY_DOMINATED:
            after = next(other for other in frontier if other.cost > row.cost)
            assert value(row.icer) > value(after.icer)
            assert row.compared_with == after.compared_with


@settings(deadline=None)
@given(planes.filter(lambda plane: len(set(plane)) == len(plane)), st.randoms())
def test_the_order_given_does_not_matter(plane: Plane, random: Random) -> None:
    totals = strategies_of(plane)
    shuffled = list(totals)
    random.shuffle(shuffled)
    assert fully_incremental(shuffled) == fully_incremental(totals)


@settings(deadline=None)
@given(planes, st.randoms())
def test_with_ties_only_the_names_depend_on_the_order(plane: Plane, random: Random) -> None:
    totals = strategies_of(plane)
    shuffled = list(totals)
    random.shuffle(shuffled)

    def nameless(items: list[Totals]) -> list[tuple[object, ...]]:
        return [(r.cost, r.effect, r.status, r.icer) for r in fully_incremental(items)]

    assert nameless(shuffled) == nameless(totals)


@settings(deadline=None)
@given(planes, st.integers(-(10**6), 10**6), st.integers(-100, 100))
def test_shifting_all_totals_changes_no_increment(plane: Plane, cost: int, effect: int) -> None:
    before = fully_incremental(strategies_of(plane))
    after = fully_incremental(strategies_of([(c + cost, e + effect) for c, e in plane]))
    for old, new in zip(before, after, strict=True):
        assert (new.cost, new.effect) == (old.cost + cost, old.effect + effect)
        assert (new.strategy, new.status, new.compared_with, new.explanation, new.quadrant) == (
            old.strategy,
            old.status,
            old.compared_with,
            old.explanation,
            old.quadrant,
        )
        assert (new.incremental_cost, new.incremental_effect, new.icer) == (
            old.incremental_cost,
            old.incremental_effect,
            old.icer,
        )


@settings(deadline=None)
@given(planes, st.sampled_from([0.25, 2.0, 3.0, 64.0]), st.sampled_from([0.125, 2.0, 4.0]))
def test_another_currency_or_unit_scales_the_icers(plane: Plane, k: float, m: float) -> None:
    before = fully_incremental(strategies_of(plane))
    after = fully_incremental(strategies_of([(k * c, m * e) for c, e in plane]))
    for old, new in zip(before, after, strict=True):
        assert (new.strategy, new.status, new.explanation) == (
            old.strategy,
            old.status,
            old.explanation,
        )
        if old.icer is not None:
            assert new.icer == old.icer * k / m


# --- properties in any floats

any_float = st.floats(-1e150, 1e150)


@st.composite
def nearly_straight(draw: st.DrawFn) -> list[tuple[float, float]]:
    """Points on a line far from the origin, each nudged by a few units in the last place."""
    far = draw(st.sampled_from([0.0, 1.0, 1e6, 1e12]))
    slope = draw(st.floats(0.01, 1e5))
    plane = []
    for _ in range(draw(st.integers(1, 8))):
        effect = far + draw(st.floats(0, 10))
        cost = far + slope * effect
        for _ in range(draw(st.integers(0, 3))):
            cost = math.nextafter(cost, draw(st.sampled_from([-math.inf, math.inf])))
        plane.append((cost, effect))
    return plane


def clearly(plane: Sequence[tuple[float, float]]) -> bool:
    """Whether no statement about a mix of two hangs on the last digits of a float."""
    exact = [(Fraction(cost), Fraction(effect)) for cost, effect in plane]
    steps = [
        ((c - ac) / (e - ae), (bc - c) / (be - e))
        for c, e in exact
        for ac, ae in exact
        for bc, be in exact
        if ae < e < be and ac < c < bc
    ]
    return all(
        1e-300 < min(step) <= max(step) < 1e300
        and (step[0] == step[1] or abs(step[0] - step[1]) > max(step) / 10**14)
        for step in steps
    )


@settings(max_examples=400, deadline=None)
@given(
    st.one_of(nearly_straight(), st.lists(st.tuples(any_float, any_float), min_size=1, max_size=8))
)
def test_any_floats_follow_the_definitions_and_icers_never_decrease(
    plane: list[tuple[float, float]],
) -> None:
    rows = fully_incremental(strategies_of(plane))
    statuses = {row.strategy: row.status.value for row in rows}
    found = [statuses[f"s{i}"] for i in range(len(plane))]
    expected = brute_force(plane)
    hull = {"on the frontier", "extendedly dominated"}
    if clearly(plane):
        assert found == expected
    else:  # on a line within the precision of a float: either is right, but nothing else
        assert all(a == b or {a, b} == hull for a, b in zip(found, expected, strict=True))
    icers = frontier_icers(rows)
    assert icers == sorted(icers)
    assert all(icer > 0 for icer in icers)
    frontier = [row for row in rows if row.status in ON_FRONTIER]
    assert all(a.effect < b.effect and a.cost < b.cost for a, b in neighbours(frontier))


sensible = st.tuples(
    st.floats(-1e6, 1e6, allow_subnormal=False), st.floats(-100, 100, allow_subnormal=False)
)


@settings(deadline=None)
@given(st.lists(sensible, min_size=1, max_size=6), st.floats(1, 1e6))
def test_net_benefit_identities(plane: list[tuple[float, float]], threshold: float) -> None:
    rows = net_benefit(strategies_of(plane), [threshold], comparator="s0")
    for row, (cost, effect) in zip(rows, plane, strict=True):
        exact = Fraction(threshold) * Fraction(effect) - Fraction(cost)
        rounding = 2**-52 * (threshold * abs(effect) + abs(cost))
        assert abs(Fraction(row.nmb) - exact) <= rounding
        assert row.nhb == pytest.approx(row.nmb / threshold, rel=1e-15, abs=1e-300)
        assert value(row.incremental_nmb) == pytest.approx(
            row.nmb - rows[0].nmb, rel=1e-9, abs=1e-6
        )
    ranked = sorted(rows, key=lambda row: row.rank)
    assert all(a.nmb >= b.nmb and a.nhb >= b.nhb for a, b in neighbours(ranked))
    assert all(row.optimal == (row.rank == 1) for row in rows)
    assert ranked[0].optimal


@settings(deadline=None)
@given(sensible, sensible)
def test_looking_back_turns_the_plane_round(
    one: tuple[float, float], two: tuple[float, float]
) -> None:
    totals = strategies_of([one, two])
    (there,) = pairwise(totals, "s0")
    (back,) = pairwise(totals, "s1")
    assert there.icer == back.icer
    assert (there.incremental_cost, there.incremental_effect) == (
        -back.incremental_cost,
        -back.incremental_effect,
    )
    turned = {
        Quadrant.NORTH_EAST: Quadrant.SOUTH_WEST,
        Quadrant.NORTH_WEST: Quadrant.SOUTH_EAST,
        Quadrant.NORTH: Quadrant.SOUTH,
        Quadrant.EAST: Quadrant.WEST,
        Quadrant.ORIGIN: Quadrant.ORIGIN,
    }
    turned |= {after: before for before, after in turned.items()}
    assert back.quadrant is turned[there.quadrant]
