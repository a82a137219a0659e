"""Value-based prices and discount grids against closed forms."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

import heecon as he
from heecon.analysis.price import (
    PriceRow,
    discount_axis,
    discount_grid,
    generic_price_grid,
    value_based_price,
)
from heecon.analysis.psa import outcomes_of

from ..golden.published import INPUTS, golden
from .test_threshold import each, toy

SCENARIO = "scenarios/bone_metastases/base_case.toml"
VIALS = ["c_unit[zoledronic_acid]", "c_unit[zoledronic_acid_12w]"]


def drugs() -> he.Model:
    """Three drugs: packs x price, and QALYs. Net benefit at 100: 100 q - packs x price."""
    rows = [
        *each("packs", {"old": 2, "mid": 3, "new": 4}),
        *each("price", {"old": 1, "mid": 2, "new": 20}),
        *each("q", {"old": 0.5, "mid": 0.7, "new": 1.0}),
    ]
    return toy("packs * price", "q", rows, ("old", "mid", "new"), (100.0, 50.0))


# --- straight lines -------------------------------------------------------------------------------


def test_a_price_in_closed_form() -> None:
    rows = value_based_price(drugs(), "price[new]")
    assert [(row.threshold, row.against) for row in rows] == [
        (100, ("old",)),
        (100, ("old", "mid")),
        (50, ("old",)),
        (50, ("old", "mid")),
    ]
    # old: 48 and 23; mid: 64 and 29; new: 100 - 4p and 50 - 4p
    assert [row.price for row in rows] == pytest.approx([13, 9, 6.75, 5.25], rel=1e-12)
    assert [row.limit for row in rows] == ["old", "mid", "old", "mid"]
    assert [row.lowest for row in rows] == [0, 0, 0, 0]
    assert [row.discount for row in rows] == pytest.approx([0.35, 0.55, 0.6625, 0.7375])
    assert [row.nmb_base for row in rows] == pytest.approx([20 - 48, 20 - 64, -30 - 23, -30 - 29])
    assert [row.nmb_free for row in rows] == pytest.approx([52, 36, 27, 21])
    assert all(row.linear for row in rows)
    assert rows[1].explanation == "new is best up to 9.00; above, mid takes over"


def test_another_comparator_and_thresholds() -> None:
    rows = value_based_price(drugs(), "price[new]", comparator="mid", thresholds=[200])
    assert [row.price for row in rows] == pytest.approx([(200 - 134) / 4, (200 - 134) / 4])


def test_no_price_is_low_enough() -> None:
    row = value_based_price(drugs(), "price[old]", comparator="mid")[0]
    # at price 0 old has 50, mid 64
    assert row.price is None
    assert row.lowest is None
    assert row.discount is None
    assert row.limit == "mid"
    assert row.nmb_free == pytest.approx(-14)
    assert row.explanation == (
        "no price makes old the best: mid is better; free of charge it still falls short by 14.00"
    )


def test_a_price_everybody_pays() -> None:
    """Old buys 2 packs and new 4, mid none: new beats old below 25, mid only below 22.5."""
    rows = [
        *each("packs", {"old": 2, "mid": 0, "new": 4}),
        he.Parameter("price", 10.0),
        *each("q", {"old": 0.5, "mid": 0.1, "new": 1.0}),
    ]
    model = toy("packs * price", "q", rows, ("old", "mid", "new"))
    pair, every = value_based_price(model, "price", "new")
    assert (pair.price, every.price) == pytest.approx((25, 22.5))
    # mid v new: worth it from 22.5 up, at any price
    pair, every = value_based_price(model, "price", "mid", comparator="new")
    assert pair.lowest == pytest.approx(22.5)
    assert pair.price == math.inf
    assert pair.discount is None
    assert pair.explanation == "mid is best at every price from 22.50"
    # old v mid and new: worth it below 20 v mid, above 25 v new: never
    never = value_based_price(model, "price", "old", comparator="mid")[1]
    assert never.price is None


def priced(packs: dict[str, float], q: dict[str, float]) -> he.Model:
    rows = [*each("packs", packs), *each("q", q), he.Parameter("price", 10.0)]
    return toy("packs * price", "q", rows, tuple(packs))


def test_the_highest_of_several_lowest_prices() -> None:
    """A fixed 10 against 100 - 4p (from 22.5 up) and 30 - p (from 20 up)."""
    model = priced({"a": 4, "b": 1, "flat": 0}, {"a": 1, "b": 0.3, "flat": 0.1})
    row = value_based_price(model, "price", "flat")[1]
    assert row.lowest == pytest.approx(22.5)
    assert row.price == math.inf


def test_who_is_better_at_price_nothing() -> None:
    """50 - p against 60 and 55 - 0.9 p: the first is the better of the two at price 0."""
    model = priced({"a": 0, "b": 0.9, "new": 1}, {"a": 0.6, "b": 0.55, "new": 0.5})
    row = value_based_price(model, "price", "new")[1]
    assert (row.price, row.limit) == (None, "a")
    assert row.nmb_free == pytest.approx(-10)


def test_a_price_that_nobody_pays() -> None:
    rows = [*each("on", {"old": 0, "new": 1}), he.Parameter("price", 5.0)]
    model = toy("on * 3 + 0 * price", "1", rows)
    row = value_based_price(model, "price", "old", comparator="new")[0]
    assert row.price == math.inf
    assert row.explanation == "old is best at every price"
    row = value_based_price(model, "price", "new")[0]
    assert row.price is None


def test_a_base_price_of_nothing() -> None:
    rows = [*each("price", {"old": 0, "new": 0}), *each("q", {"old": 0.5, "new": 0.8})]
    row = value_based_price(toy("price", "q", rows), "price[new]")[0]
    assert row.price == pytest.approx(30)
    assert row.discount is None


def test_several_keys_take_the_same_price() -> None:
    rows = value_based_price(drugs(), ["price[old]", "price[mid]"], "old", comparator="new")
    # old: 50 - 2p v new: 20
    assert rows[0].price == pytest.approx(15)


def test_treatment_b_of_sick_sicker() -> None:
    """dampack's five values of c_trtB lie on a line; its root is the price."""
    model = he.load(INPUTS / "sick_sicker", "published")
    rows = golden("darth_indep")["outputs"]["owsa"]["results"]["owsa_NMB"]
    line: dict[str, list[tuple[float, float]]] = {}
    for row in rows:
        if row["parameter"] == "c_trtB":
            line.setdefault(row["strategy"], []).append((row["param_val"], row["outcome_val"]))
    prices = [value for value, _ in line["Strategy.B"]]
    gap = [
        b - s for (_, b), (_, s) in zip(line["Strategy.B"], line["Standard.of.care"], strict=True)
    ]
    slope, start = np.polyfit(prices, gap, 1)
    found = value_based_price(model, "c_trtB", "B", thresholds=[100_000])[0]
    assert found.linear
    assert found.price == pytest.approx(-start / slope, rel=1e-9)


# --- curves ---------------------------------------------------------------------------------------


def curve(cost: str, base: float = 4.0) -> he.Model:
    rows = [*each("on", {"old": 0, "new": 1}), he.Parameter("p", base, strategy="new")]
    rows.append(he.Parameter("p", 1.0, strategy="old"))
    return toy(f"on * ({cost})", "on * 0.5", rows)


def test_a_price_that_is_not_linear() -> None:
    row = value_based_price(curve("p ** 2"), "p[new]")[0]
    assert not row.linear
    assert row.price == pytest.approx(math.sqrt(50), rel=1e-10)
    assert row.limit == "old"


def test_the_last_of_several_stretches_counts() -> None:
    row = value_based_price(curve("50 + (p - 1) * (p - 2) * (p - 3.5)"), "p[new]", highest=10)[0]
    assert row.lowest == pytest.approx(2)
    assert row.price == pytest.approx(3.5)
    assert row.explanation == "new is best from 2.00 up to 3.50; above, old takes over"


def test_a_line_that_bends_beyond_the_prices_tried() -> None:
    """A price cap: straight up to twice the base price, and up to 20, then rising faster."""
    row = value_based_price(curve("p + 3 * max(p - 20, 0)"), "p[new]")[0]
    assert not row.linear
    assert row.price == pytest.approx(20 + 30 / 4, rel=1e-10)


def test_the_highest_price_searched() -> None:
    row = value_based_price(curve("sqrt(p)"), "p[new]", highest=100)[0]
    assert row.price == 100
    assert row.limit == ""
    assert row.explanation == "new is best up to 100.00, the highest price searched"
    row = value_based_price(curve("sqrt(p)"), "p[new]", highest=4000)[0]
    assert row.price == pytest.approx(2500, rel=1e-9)


def test_a_curve_that_is_never_worth_it() -> None:
    row = value_based_price(curve("51 + p ** 2"), "p[new]")[0]
    assert row.price is None
    assert row.limit == "old"


# --- grids ----------------------------------------------------------------------------------------


def test_discounts_of_two_drugs() -> None:
    """New: 100 - 80 (1 - d); mid: 70 - 6 (1 - e); old: 48."""
    model = drugs()
    shares = [0.0, 0.3, 0.5, 0.55, 0.6, 1.0]
    found = discount_grid(model, "price[new]", "price[mid]", discounts=shares)
    assert list(found.x.ticks) == shares
    assert found.x.name == "Discount on price[new]"
    for i, d in enumerate(shares):
        for j, e in enumerate(shares):
            nmb = {"old": 48, "mid": 70 - 6 * (1 - e), "new": 100 - 80 * (1 - d)}
            assert list(found.nmb[i, j]) == pytest.approx(list(nmb.values()))
            best = max(nmb.values())
            winners = [name for name, value in nmb.items() if value > best - 1e-9]
            assert list(found.decision(i, j)) == winners
    pair = discount_grid(model, "price[new]", "price[mid]", strategies=["new", "old"])
    assert len(pair.x.ticks) == 21
    # 100 - 80 (1 - d) > 48 where d > 0.35: 13 of 21 discounts, and a tie
    assert pair.shares() == pytest.approx({"new": 13.5 / 21, "old": 7.5 / 21})


def test_each_price_is_discounted_from_its_own_base() -> None:
    line = discount_axis(drugs(), "price[*]", [0.0, 0.5])
    assert {key: list(column) for key, column in line.values.items()} == {
        "price[old]": [1, 0.5],
        "price[mid]": [2, 1],
        "price[new]": [20, 10],
    }


def denosumab_price(row: PriceRow) -> float:
    assert row.price is not None
    return row.price


def test_flagship_ready_mades() -> None:
    """Generic price against the discount on denosumab, and the price of denosumab, agree."""
    model = he.load(INPUTS / "bone_metastases", INPUTS.parent / SCENARIO)
    pair = ["denosumab", "zoledronic_acid"]
    generic = [0.0, 5.0, 60.0, 174.14]
    discounts = np.linspace(0, 1, 41)
    found = generic_price_grid(
        model,
        VIALS,
        "c_unit[denosumab]",
        25_000,
        prices=generic,
        discounts=discounts,
        strategies=pair,
    )
    assert found.nmb.shape == (4, 41, 2)
    rows = value_based_price(model, "c_unit[denosumab]", thresholds=[25_000])
    price = denosumab_price(rows[0])
    assert rows[0].against == ("zoledronic_acid",)
    assert rows[0].linear
    runs = outcomes_of(model, {"c_unit[denosumab]": np.array([price])})
    nmb = runs.nmb(25_000)[0]
    assert nmb[runs.index(pair[0])] == pytest.approx(nmb[runs.index(pair[1])], abs=1e-7)
    for j, discount in enumerate(discounts):
        best = "denosumab" if 309.86 * (1 - discount) < price else "zoledronic_acid"
        assert found.decision(1, j) == (best,)
    # every vial of zoledronic acid costs its price: the lead of denosumab is a line in it
    lead = found.nmb[:, 0, 0] - found.nmb[:, 0, 1]
    doses = np.diff(lead) / np.diff(generic)
    assert doses == pytest.approx(np.full(3, doses[0]))
    crossed = discount_grid(model, "c_unit[denosumab]", VIALS, 25_000, strategies=pair)
    assert crossed.decision(0, 0) == ("zoledronic_acid",)
    assert crossed.decision(20, 0) == ("denosumab",)


# --- errors ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"price": "prize[new]"}, "unknown parameter 'prize[new]'. Did you mean 'price[new]'"),
        ({"price": "price"}, "Name one of price[old], price[mid], price[new]"),
        ({"price": "price[old]"}, "'old' is compared with itself"),
        ({"price": "price[*]"}, "belong to no single strategy. Say whose"),
        ({"price": "price[new]", "strategy": "nwe"}, "Did you mean 'new'"),
        ({"price": "price[new]", "comparator": "mix"}, "Did you mean 'mid'"),
        ({"price": "price[new]", "thresholds": []}, "no threshold is named"),
        ({"price": "price[new]", "thresholds": [-1]}, "is not a threshold"),
    ],
)
def test_errors(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(he.InputError) as caught:
        value_based_price(drugs(), **arguments)
    assert message in str(caught.value)


def test_a_shared_discount_has_no_row_for_a_drug() -> None:
    model = he.load(INPUTS / "bone_metastases")
    with pytest.raises(he.InputError, match="no row of its own") as caught:
        value_based_price(model, "price_discount[denosumab]")
    assert "give the strategy a row" in str(caught.value)


def test_a_curve_from_nothing_needs_an_end() -> None:
    with pytest.raises(he.InputError, match="whose base value is 0"):
        value_based_price(curve("p ** 2", base=0.0), "p[new]")
    row = value_based_price(curve("p ** 2", base=0.0), "p[new]", highest=20)[0]
    assert row.price == pytest.approx(math.sqrt(50))


@pytest.mark.parametrize("shares", [[], [0.5, 1.2], [-0.1], [math.nan]])
def test_discounts_that_are_none(shares: list[float]) -> None:
    with pytest.raises(he.InputError, match="Give a list of shares between 0 and 1"):
        discount_axis(drugs(), "price[new]", shares)


def test_a_discount_on_a_component_of_a_group() -> None:
    model = he.load(INPUTS / "bone_metastases")
    with pytest.raises(he.InputError, match="belongs to a correlation group"):
        discount_axis(model, "share_surgery")
