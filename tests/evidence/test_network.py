"""Network meta-analysis against netmeta, against plain matrix algebra, and its invariances."""

import json
import math
from dataclasses import replace
from itertools import combinations, permutations
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.optimize import brentq, minimize

from heecon.errors import InputError
from heecon.evidence.network import synthesise
from heecon.evidence.trial import Contrast
from tests.evidence.random_networks import random_network, trial

GOLDEN = json.loads((Path(__file__).parent / "data" / "netmeta.json").read_text(encoding="utf-8"))
PUBLISHED = ("senn2013", "smoking")


def contrasts_of(name: str) -> list[Contrast]:
    if name == "senn2013":
        return [Contrast(*row) for row in GOLDEN[name]["contrasts"]]
    return [
        contrast
        for number, row in enumerate(GOLDEN[name]["arms"])
        for contrast in odds_ratios(f"S{number + 1}", row)
    ]


def odds_ratios(study: str, row: list[Any]) -> list[Contrast]:
    """Pairwise log odds ratios; half a patient more in every cell where one is empty."""
    arms = [(name, row[2 * i], row[2 * i + 1] - row[2 * i]) for i, name in enumerate(row[-1])]
    more = 0.5 if any(0 in (events, others) for _, events, others in arms) else 0.0
    found = []
    for one, two in combinations(arms, 2):
        a, b, c, d = (x + more for x in (*two[1:], *one[1:]))
        effect = math.log(a / b) - math.log(c / d)
        se = math.sqrt(1 / a + 1 / b + 1 / c + 1 / d)
        found.append(Contrast(study, two[0], one[0], effect, se))
    return found


@pytest.mark.parametrize("name", PUBLISHED)
@pytest.mark.parametrize(("method", "model"), [("fixed", "common"), ("dl", "random")])
def test_netmeta_is_reproduced(name: str, method: str, model: str) -> None:
    golden = GOLDEN[name]
    network = synthesise(contrasts_of(name), reference=golden["reference"], method=method)
    for treatment, effect in golden[f"effect_{model}"].items():
        found = network.effect(treatment, golden["reference"])
        assert found.value == pytest.approx(effect, abs=1e-9)
        assert found.se == pytest.approx(golden[f"se_{model}"][treatment], abs=1e-9)
    for treatment, se in golden.get(f"se_{model}_metf", {}).items():
        assert network.effect(treatment, "metf").se == pytest.approx(se, abs=1e-9)
    scores = network.p_scores(small_is_good=golden["small_is_good"])
    assert scores == pytest.approx(golden[f"p_score_{model}"], abs=1e-9)
    assert network.tau2 == pytest.approx(golden["tau2"] if method == "dl" else 0, abs=1e-10)


@pytest.mark.parametrize("name", PUBLISHED)
def test_netmetas_decomposition_of_q_is_reproduced(name: str) -> None:
    network = synthesise(contrasts_of(name), method="fixed")
    for key in ("q", "q_within", "q_inconsistency"):
        assert getattr(network, key) == pytest.approx(GOLDEN[name][key], abs=1e-8)
    for key in ("df", "df_within", "df_inconsistency"):
        assert getattr(network, key) == GOLDEN[name][key]


@pytest.mark.parametrize("name", PUBLISHED)
def test_reml_is_the_optimum_of_a_likelihood_written_another_way(name: str) -> None:
    """Arm by arm: a normal for every trial's arms, the trial's own mean integrated out.

    No contrast covariance is reckoned here: arm variances solve v_i + v_j = se_ij^2, a trial's arms
    get independent effects of variance tau2 / 2, and trial means are fixed effects of their own.
    """
    rows = contrasts_of(name)
    network = synthesise(rows, method="reml")
    studies: dict[str, list[Contrast]] = {}
    for row in rows:
        studies.setdefault(row.study, []).append(row)
    names = sorted({arm for row in rows for arm in (row.treatment, row.comparator)})
    means, variances, design = [], [], []
    for number, members in enumerate(studies.values()):
        arms = sorted({arm for row in members for arm in (row.treatment, row.comparator)})
        pairs = np.array(
            [[arm in (row.treatment, row.comparator) for arm in arms] for row in members], float
        )
        squares = np.array([row.se**2 for row in members])
        split = np.linalg.lstsq(pairs, squares, rcond=None)[0]
        against = {row.treatment: row.effect for row in members if row.comparator == arms[0]}
        against |= {row.comparator: -row.effect for row in members if row.treatment == arms[0]}
        for arm, variance in zip(arms, split, strict=True):
            means.append(against.get(arm, 0.0))
            variances.append(variance)
            line = np.zeros(len(studies) + len(names) - 1)
            line[number] = 1
            if arm != names[0]:
                line[len(studies) + names.index(arm) - 1] = 1
            design.append(line)
    y, v, x = np.array(means), np.array(variances), np.array(design)

    def deviance(log_tau2: NDArray[np.float64]) -> float:
        weights = 1 / (v + math.exp(float(log_tau2[0])) / 2)
        information = x.T @ (weights[:, None] * x)
        beta = np.linalg.solve(information, x.T @ (weights * y))
        residual = y - x @ beta
        logdet = float(np.linalg.slogdet(information)[1])
        return float(weights @ residual**2 - np.log(weights).sum()) + logdet

    best = minimize(
        deviance, [math.log(0.1)], method="Nelder-Mead", options={"xatol": 1e-10, "fatol": 1e-13}
    )
    assert network.tau2 == pytest.approx(math.exp(float(best.x[0])), rel=1e-5)


# Colditz 1994 JAMA 271:698, the BCG trials: events and others with vaccine, events and others
# without. Results as metafor 4 prints them (rma(measure="RR"), the package's own first example).
BCG = np.array(
    [
        (4, 119, 11, 128), (6, 300, 29, 274), (3, 228, 11, 209), (62, 13536, 248, 12619),
        (33, 5036, 47, 5761), (180, 1361, 372, 1079), (8, 2537, 10, 619),
        (505, 87886, 499, 87892), (29, 7470, 45, 7232), (17, 1699, 65, 1600),
        (186, 50448, 141, 27197), (5, 2493, 3, 2338), (27, 16886, 29, 17825),
    ],
    dtype=float,
)  # fmt: skip


def bcg() -> list[Contrast]:
    rows = []
    for number, (a, b, c, d) in enumerate(BCG):
        effect = math.log(a / (a + b)) - math.log(c / (c + d))
        se = math.sqrt(1 / a - 1 / (a + b) + 1 / c - 1 / (c + d))
        rows.append(Contrast(f"t{number}", "vaccine", "none", effect, se))
    return rows


@pytest.mark.parametrize(
    ("method", "effect", "se", "tau2"),
    [
        ("fixed", -0.4303, 0.0405, 0.0),
        ("dl", -0.7141, 0.1787, 0.3088),
        ("reml", -0.7145, 0.1798, 0.3132),
    ],
)
def test_two_treatments_are_metafors_example_to_its_printed_precision(
    method: str, effect: float, se: float, tau2: float
) -> None:
    network = synthesise(bcg(), reference="none", method=method)
    found = network.effect("vaccine", "none")
    assert found.value == pytest.approx(effect, abs=5.1e-5)
    assert found.se == pytest.approx(se, abs=5.1e-5)
    assert network.tau2 == pytest.approx(tau2, abs=5.1e-5)
    assert network.q == pytest.approx(152.2330, abs=5.1e-5)
    assert network.df == 12


def test_reml_is_where_the_restricted_score_vanishes() -> None:
    """Another route: the root of the derivative (Viechtbauer 2005), by Brent."""
    rows = bcg()
    y, v = np.array([row.effect for row in rows]), np.array([row.se for row in rows]) ** 2

    def score(tau2: float) -> float:
        w = 1 / (v + tau2)
        centre = w @ y / w.sum()
        return float((w**2 @ (y - centre) ** 2) - w.sum() + (w**2).sum() / w.sum())

    root = brentq(score, 0.01, 2, xtol=1e-14)
    assert synthesise(rows, method="reml").tau2 == pytest.approx(root, rel=1e-6)


@pytest.mark.parametrize("method", ["dl", "reml"])
def test_alike_trials_have_no_variance_between_them(method: str) -> None:
    rows = [Contrast(f"t{i}", "new", "old", 0.2, se) for i, se in enumerate((0.1, 0.2, 0.3))]
    assert synthesise(rows, method=method).tau2 == 0


def test_two_edges_are_an_indirect_comparison() -> None:
    network = synthesise(
        [Contrast("one", "a", "c", -0.3, 0.1), Contrast("two", "b", "c", -0.1, 0.2)]
    )
    found = network.effect("a", "b")
    assert (found.value, found.se) == pytest.approx((-0.2, math.hypot(0.1, 0.2)), rel=1e-12)
    assert network.p_inconsistency is None
    assert network.p_heterogeneity is None
    assert network.covariance[0, 1] == pytest.approx(0, abs=1e-15)


def test_a_triangle_by_hand() -> None:
    """Direct and indirect evidence on one comparison meet with the inverse of their variances."""
    rows = [
        Contrast("one", "a", "c", -0.30, 0.10),
        Contrast("two", "b", "c", -0.10, 0.20),
        Contrast("three", "a", "b", -0.50, 0.25),
    ]
    network = synthesise(rows, method="fixed")
    direct, other = (-0.50, 0.25**2), (-0.20, 0.10**2 + 0.20**2)
    weights = 1 / direct[1], 1 / other[1]
    value = (weights[0] * direct[0] + weights[1] * other[0]) / sum(weights)
    assert network.effect("a", "b").value == pytest.approx(value, rel=1e-12)
    assert network.effect("a", "b").se == pytest.approx(sum(weights) ** -0.5, rel=1e-12)
    assert network.q_inconsistency == pytest.approx(0.3**2 / (direct[1] + other[1]), rel=1e-12)
    assert network.df_inconsistency == 1


@settings(max_examples=30, deadline=None)
@given(st.data())
def test_order_names_direction_and_reference_do_not_matter(data: st.DataObject) -> None:
    """Random networks, printed with two decimals or all of them, and the published ones."""
    seed, digits = data.draw(st.integers(0, 10**6)), data.draw(st.sampled_from([2, None]))
    known = {name: contrasts_of(name) for name in PUBLISHED}
    rows = data.draw(st.sampled_from([*known.values(), random_network(seed, digits)]))
    method = data.draw(st.sampled_from(["fixed", "dl", "reml"]))
    base = synthesise(rows, method=method)
    names = dict(
        zip(base.treatments, data.draw(st.permutations([f"n{i}" for i in range(20)])), strict=False)
    )
    trials = dict(
        zip(
            dict.fromkeys(row.study for row in rows),
            data.draw(st.permutations([f"r{i}" for i in range(40)])),
            strict=False,
        )
    )
    turned = [
        replace(
            row,
            study=trials[row.study],
            treatment=names[row.comparator if flip else row.treatment],
            comparator=names[row.treatment if flip else row.comparator],
            effect=-row.effect if flip else row.effect,
        )
        for row in data.draw(st.permutations(rows))
        for flip in [data.draw(st.booleans())]
    ]
    reference = names[data.draw(st.sampled_from(base.treatments))]
    other = synthesise(turned, reference=reference, method=method)
    assert other.reference == reference
    for one, two in permutations(base.treatments, 2):
        effect, found = base.effect(one, two), other.effect(names[one], names[two])
        assert found.value == pytest.approx(effect.value, abs=1e-8)
        assert found.se == pytest.approx(effect.se, abs=1e-8)
    assert other.q == pytest.approx(base.q, rel=1e-8, abs=1e-9)
    assert other.tau2 == pytest.approx(base.tau2, rel=1e-6, abs=1e-9)


# --- the best of several maxima ------------------------------------------------------------------


def is_global(rows: list[Contrast]) -> None:
    """No variance of a grid has a larger restricted likelihood, reckoned from its definition."""
    network = synthesise(rows, reference="t0", method="reml")
    names = network.treatments
    arms: dict[str, dict[str, list[float]]] = {}
    for row in rows:  # means of arms against the trial's first, all pairs of it averaged
        arms.setdefault(row.study, {}).setdefault(row.treatment, []).append(row.effect)
        arms[row.study].setdefault(row.comparator, []).append(-row.effect)
    y, x, blocks = [], [], []
    for study, effects in arms.items():
        order = list(effects)
        se = {frozenset((r.treatment, r.comparator)): r.se for r in rows if r.study == study}
        means = {arm: sum(found) / len(order) for arm, found in effects.items()}
        first, *others = order
        for arm in others:
            y.append(means[arm] - means[first])
            x.append([(name == arm) - (name == first) for name in names[1:]])

        def squared(one: str, two: str, se: dict[frozenset[str], float] = se) -> float:
            return 0.0 if one == two else se[frozenset((one, two))] ** 2

        blocks.append(
            [
                [(squared(first, i) + squared(first, j) - squared(i, j)) / 2 for i in others]
                for j in others
            ]
        )
    sizes = [len(block) for block in blocks]
    within, between = np.zeros((2, sum(sizes), sum(sizes)))
    at = 0
    for block in blocks:
        part = slice(at, at + len(block))
        within[part, part], between[part, part] = block, (np.eye(len(block)) + 1) / 2
        at += len(block)
    effects_, design = np.array(y), np.array(x, float)

    def deviance(tau2: float) -> float:
        variance = within + tau2 * between
        weights = np.linalg.inv(variance)
        information = design.T @ weights @ design
        beta = np.linalg.solve(information, design.T @ weights @ effects_)
        residual = effects_ - design @ beta
        determinants = np.linalg.slogdet(variance)[1] + np.linalg.slogdet(information)[1]
        return float(residual @ weights @ residual + determinants)

    least = min(deviance(tau2) for tau2 in [0, *np.geomspace(1e-6, 1e3, 120)])
    assert deviance(network.tau2) <= least + 1e-6


@pytest.mark.parametrize("seed", range(50))
def test_reml_finds_the_best_of_all_maxima(seed: int) -> None:
    is_global(random_network(seed))


@pytest.mark.slow
def test_reml_finds_the_best_of_all_maxima_of_thousands() -> None:
    for seed in range(50, 2050):
        is_global(random_network(seed))


def test_reml_of_two_maxima_takes_the_better_one() -> None:
    """One is at 0; a search that starts in the middle of a wide range ends at the other."""
    random = np.random.default_rng(1368)
    size, more = int(random.integers(2, 6)), int(random.integers(2, 9))
    names = [f"t{i}" for i in range(size)]
    edges = [(names[int(random.integers(i))], names[i]) for i in range(1, size)]
    edges += [tuple(random.choice(names, 2, replace=False)) for _ in range(more)]
    rows = [
        Contrast(
            f"s{i}",
            str(b),
            str(a),
            float(random.normal() * 10 ** random.uniform(-1, 0.7)),
            float(10 ** random.uniform(-2, 0.5)),
        )
        for i, (a, b) in enumerate(edges)
    ]
    is_global(rows)
    assert synthesise(rows, method="reml").tau2 == pytest.approx(0.0045, rel=0.02)


# --- trials of several arms ----------------------------------------------------------------------


@settings(max_examples=60, deadline=None)
@example([(0, 0.25), (0, 0.001), (0, 0.001), (0, 0.25)], 2)  # unweighted, b and c would be exact
@given(
    st.lists(st.tuples(st.floats(-1, 1), st.floats(1e-3, 0.5)), min_size=3, max_size=6),
    st.sampled_from([1, 2, 3, None]),
)
def test_a_possible_trial_is_used_however_it_is_rounded(
    arms: list[tuple[float, float]], digits: int | None
) -> None:
    rows = trial(
        "T", [f"t{i}" for i in range(len(arms))], [m for m, _ in arms], [v for _, v in arms], digits
    )
    if all(row.se > 0 for row in rows):
        network = synthesise(rows, reference="t0")
        if digits is None:
            for row in rows:
                found = network.effect(row.treatment, row.comparator)
                assert (found.value, found.se) == pytest.approx((row.effect, row.se), abs=1e-7)


def three(errors: tuple[float, float, float], rounding: float) -> list[Contrast]:
    pairs = (("b", "a"), ("c", "a"), ("c", "b"))
    return [
        Contrast("T", *pair, 0.0, se, se_rounding=rounding)
        for pair, se in zip(pairs, errors, strict=True)
    ]


def test_the_variance_of_an_arm_is_possible_within_the_digits() -> None:
    """Arm a: 2 * 0.105**2 - lowest**2 is 0 at a lowest of 0.1485 (0.1535 printed)."""
    with pytest.raises(InputError, match=r"arm 'a' would have a variance of -0.00186"):
        synthesise(three((0.1, 0.1, 0.154), 0.005))
    network = synthesise(three((0.1, 0.1, 0.153), 0.005))
    # What is used is possible: the nearest is an arm without variance, v(b, a) + v(c, a) = v(c, b).
    squares = [network.effect(*pair).se ** 2 for pair in (("b", "a"), ("c", "a"), ("c", "b"))]
    assert squares[0] + squares[1] == pytest.approx(squares[2], rel=1e-5)
    with pytest.raises(InputError, match="arm 'a'"):
        synthesise(three((0.1, 0.1, 0.153), 0.001))


@pytest.mark.parametrize(
    ("factor", "fits"), [(1.21, True), (1.23, False), (0.81, True), (0.79, False)]
)
def test_four_arms_pair_up(factor: float, fits: bool) -> None:
    """Variances of 0.02 each: a + b with c + d may differ from the others by 10%."""
    rows = trial("T", ["a", "b", "c", "d"], [0.0] * 4, [0.01] * 4)
    rows[0] = replace(rows[0], se=(0.02 * factor) ** 0.5)
    if fits:
        synthesise(rows)
    else:
        with pytest.raises(InputError, match=r"the variances of .* add up to 0\.0"):
            synthesise(rows)


def test_effects_may_miss_by_their_digits_and_all_are_used() -> None:
    def rows(last: float, rounding: float) -> list[Contrast]:
        pairs = (("b", "a", 0.2), ("c", "a", 0.5), ("c", "b", last))
        return [Contrast("T", *pair, 0.01, "", rounding) for pair in pairs]

    exact = synthesise(rows(0.3, 0)).effect("c", "b")
    moved = synthesise(rows(0.312, 0.005)).effect("c", "b")
    # The mean of the direct difference and of that by way of a, the former twice as precise.
    assert moved.value == pytest.approx((2 * 0.312 + 0.3) / 3)
    assert moved.se == pytest.approx(exact.se)
    # Three digits of 0.005 and a tenth of the standard error 0.01: 0.016.
    synthesise(rows(0.3159, 0.005))
    with pytest.raises(InputError, match=r"do not add up: -0\.0161 is left between a, b, c"):
        synthesise(rows(0.3161, 0.005))


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.integers(3, 6))
def test_any_network_agrees_with_plain_least_squares(seed: int, size: int) -> None:
    """Random trees with extra edges, against a solution of the normal equations by lstsq."""
    random = np.random.default_rng(seed)
    names = [f"t{i}" for i in range(size)]
    edges = [(names[int(random.integers(i))], names[i]) for i in range(1, size)]
    edges += [tuple(random.choice(names, 2, replace=False)) for _ in range(4)]
    rows = [
        Contrast(f"s{i}", b, a, float(random.normal()), float(random.uniform(0.1, 1)))
        for i, (a, b) in enumerate(edges)
    ]
    network = synthesise(rows, reference="t0", method="fixed")
    x = np.array([[(n == r.treatment) - (n == r.comparator) for n in names] for r in rows], float)
    root = np.array([1 / row.se for row in rows])
    y = np.array([row.effect for row in rows])
    solution = np.linalg.lstsq(x * root[:, None], y * root, rcond=None)[0]
    expected = solution - solution[0]
    assert [network.effect(n, "t0").value for n in names] == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize(
    ("rows", "what"),
    [
        (
            [Contrast("one", "a", "b", 0, 1), Contrast("two", "c", "d", 0, 1)],
            "the network is disconnected: no chain of trials leads from a, b to c, d",
        ),
        ([Contrast("one", "a", "a", 0, 1)], "'a' is compared with itself"),
        ([Contrast("one", "a", "b", 0, 0)], "standard error 0 cannot be used"),
        ([Contrast("one", "a", "b", math.nan, 1)], "effect nan"),
        ([], "there is no comparison"),
        (
            [Contrast("one", "a", "b", 0, 1), Contrast("one", "b", "c", 0, 1)],
            "trial 'one' has no comparison of c with a",
        ),
        (
            [Contrast("one", "a", "b", 0, 1), Contrast("one", "b", "a", 0, 1)],
            "trial 'one' compares b with a twice",
        ),
        (
            [
                Contrast("one", "b", "a", 1, 1),
                Contrast("one", "c", "b", 1, 1),
                Contrast("one", "c", "a", 1, 1),
            ],
            "the effects of trial 'one' do not add up: -1 is left",
        ),
        (
            [
                Contrast("one", "b", "a", 1, 1),
                Contrast("one", "c", "b", 1, 5),
                Contrast("one", "c", "a", 2, 1),
            ],
            "the standard errors of trial 'one' cannot belong to one trial: arm 'a' would have a "
            "variance of -11.5 (1 of b with a, 1 of c with a, 5 of c with b)",
        ),
        (
            [Contrast("one", "b", "a", 0, 1e-3), Contrast("two", "b", "a", 0, 101)],
            "trial 'one': the standard error 0.001 of trial 'one' and 101 of 'two' are too far",
        ),
        ([Contrast("one", "b", "a", 0, 1e200)], "standard error 1e+200 cannot be used"),
        ([Contrast("one", "b", "a", 0, 1e-200)], "standard error 1e-200 cannot be used"),
        ([Contrast("one", "b", "a", 1e200, 1)], "effect 1e+200 with"),
    ],
)
def test_what_cannot_be_combined_is_refused(rows: list[Contrast], what: str) -> None:
    with pytest.raises(InputError) as error:
        synthesise(rows)
    assert what in str(error.value)


def test_an_unknown_reference_or_method_is_refused() -> None:
    rows = [Contrast("one", "a", "b", 0, 1)]
    with pytest.raises(InputError, match="the reference 'z' is in no comparison"):
        synthesise(rows, reference="z")
    with pytest.raises(InputError, match="unknown method 'bayes'"):
        synthesise(rows, method="bayes")
