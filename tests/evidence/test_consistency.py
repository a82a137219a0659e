"""Direct against indirect evidence, by hand and against networks without the direct trials."""

import math

import pytest
from scipy.stats import norm

from heecon.evidence.consistency import splits
from heecon.evidence.network import synthesise
from heecon.evidence.trial import Contrast

TRIANGLE = [
    Contrast("one", "a", "c", -0.30, 0.10),
    Contrast("two", "b", "c", -0.10, 0.20),
    Contrast("three", "b", "a", 0.50, 0.25),
]


def test_a_triangle_by_hand() -> None:
    found = {(s.comparator, s.treatment): s for s in splits(synthesise(TRIANGLE, method="fixed"))}
    split = found["a", "b"]
    assert split.indirect is not None
    assert split.direct.value == pytest.approx(0.50)
    assert split.direct.se == pytest.approx(0.25)
    assert split.indirect.value == pytest.approx(-0.10 + 0.30)
    assert split.indirect.se == pytest.approx(math.hypot(0.10, 0.20))
    gap = 0.30 / math.sqrt(0.25**2 + 0.10**2 + 0.20**2)
    assert split.p_value == pytest.approx(2 * norm.sf(gap))
    # One loop has one disagreement, whichever of its sides is looked at.
    assert [s.p_value for s in found.values()] == pytest.approx([split.p_value] * 3)


def test_indirect_evidence_is_that_of_the_network_without_the_direct_trials() -> None:
    rows = [
        *TRIANGLE,
        Contrast("four", "d", "c", 0.2, 0.3),
        Contrast("five", "d", "a", 0.1, 0.4),
        Contrast("six", "b", "a", 0.1, 0.5),
        Contrast("seven", "e", "d", 0.1, 0.5),
    ]
    for split in splits(synthesise(rows, method="fixed")):
        pair = {split.treatment, split.comparator}
        others = [row for row in rows if {row.treatment, row.comparator} != pair]
        if split.indirect is None:
            assert pair == {"d", "e"}
            continue
        rest = synthesise(others, method="fixed").effect(split.treatment, split.comparator)
        assert split.indirect.value == pytest.approx(rest.value, abs=1e-9)
        assert split.indirect.se == pytest.approx(rest.se, abs=1e-9)


def test_a_tree_has_nothing_to_compare() -> None:
    found = splits(synthesise(TRIANGLE[:2], method="fixed"))
    assert [split.p_value for split in found] == [None, None]
    assert all(split.indirect is None for split in found)
