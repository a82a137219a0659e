"""Networks of the registry: what is combined, by which rule, and what is refused."""

import json
import math
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import norm

import heecon as he
from heecon.engine.sampling import sample
from heecon.errors import InputError
from heecon.evidence.registry import COLUMNS, Registry, read_registry, registry_from_table
from heecon.evidence.synthesis import Synthesis, read_synthesis
from heecon.files.table_file import parse_csv
from heecon.model.evidence_folder import EvidenceFolder
from heecon.model.joint import Block
from heecon.model.load import load

ROOT = Path(__file__).parent.parent.parent
NETWORK = ROOT / "inputs" / "evidence" / "networks" / "sre_metastatic.toml"


@pytest.fixture(scope="module")
def registry() -> Registry:
    return read_registry(ROOT / "inputs" / "evidence" / "evidence.csv")


@pytest.fixture(scope="module")
def sres(registry: Registry) -> Synthesis:
    return read_synthesis(NETWORK, "evidence/networks/sre_metastatic.toml", registry)


def test_every_agent_is_in_one_network(sres: Synthesis) -> None:
    model = load("bone_metastases")
    assert set(sres.network.treatments) == set(model.strategies)
    assert sres.network.reference == "zoledronic_acid"
    assert len(sres.comparisons) == 11


def test_effects_and_standard_errors_by_hand(sres: Synthesis) -> None:
    """Each rule once, with the arithmetic written out."""
    found = {c.contrast.study: c.contrast for c in sres.comparisons}

    def is_(study: str, ratio: float, se: float) -> None:
        assert math.exp(found[study].effect) == pytest.approx(ratio, rel=1e-9)
        assert found[study].se == pytest.approx(se, rel=1e-6)

    def tail(p: float) -> float:
        return float(norm.ppf(1 - p / 2))

    z = tail(0.05)
    is_("Stopeck 2010", 0.77, math.log(0.89 / 0.66) / (2 * z))
    is_("Kohno 2005", 0.61, -math.log(0.61) / tail(0.027))
    is_("Body 2004", 0.62, -math.log(0.62) / tail(0.001))  # printed "<0.001": at most this
    is_("Body 2003", 0.60, -math.log(0.60) / tail(0.0033))
    is_("Rosen 2004", 0.80, -math.log(0.80) / tail(0.037))
    is_("Lipton 2000", 2.4 / 3.7, math.log(3.7 / 2.4) / tail(0.001))
    is_("Paterson 1993", 2.186 / 3.048, math.log(3.048 / 2.186) / tail(0.001))
    rates = math.hypot((0.37 - 0.15) / (2 * z * 0.26), (0.29 - 0.14) / (2 * z * 0.22))
    is_("ZOOM", 0.26 / 0.22, rates)
    is_("ZICE", 0.50 / 0.44, found["Stopeck 2010"].se * math.sqrt(2046 / 1404))
    v = 0.7276205

    def events(survival: float) -> float:
        return float(survival**-v - 1) / v

    p, q = 253 / 885, 260 / 881
    slopes = [(1 - r) ** (-v - 1) / events(1 - r) for r in (p, q)]
    variances = [
        slope**2 * r * (1 - r) / n for slope, r, n in zip(slopes, (p, q), (885, 881), strict=True)
    ]
    is_("CALGB 70604", events(1 - p) / events(1 - q), math.sqrt(sum(variances)))
    ends = [events(0.78**ratio) / events(0.78) for ratio in (0.7, 1.06, 1.6)]
    is_("OPTIMIZE-2", ends[1], math.log(ends[2] / ends[0]) / (2 * z))


def test_pooled_risk_ratios_by_hand() -> None:
    """The network of earlier versions: cumulative hazards, and the rules for missing intervals."""
    old = EvidenceFolder(ROOT / "inputs" / "evidence").network("sre_risk_ratios")
    found = {c.contrast.study: c.contrast for c in old.comparisons}
    z = float(norm.ppf(0.975))

    def tail(p: float) -> float:
        return float(norm.ppf(1 - p / 2))

    def is_(study: str, ratio: float, se: float) -> None:
        assert math.exp(found[study].effect) == pytest.approx(ratio, rel=1e-9)
        assert found[study].se == pytest.approx(se, rel=1e-6)

    is_("OPTIMIZE-2, first events", 1.06, math.log(1.60 / 0.70) / (2 * z))
    is_("Rosen, lytic subgroup", 0.5, math.log(2) / tail(0.008))
    p, q = 253 / 885, 260 / 881
    variances = [r / (n * (1 - r) * math.log(1 - r) ** 2) for r, n in ((p, 885), (q, 881))]
    ratio = math.log(1 - p) / math.log(1 - q)
    is_("CALGB 70604, first events", ratio, math.sqrt(sum(variances)))
    for study, risk_ratio, own in (
        ("pamidronate", 0.77, math.log(0.95 / 0.78) / (2 * z) * math.sqrt(2810 / 754)),
        ("intravenous ibandronate", 0.80, -math.log(0.83) / tail(0.008) * math.sqrt(3)),
        ("clodronate", 0.85, -math.log(0.84) / tail(0.0007) * math.sqrt(2)),
    ):
        ratio = math.log(1 - risk_ratio * 0.64) / math.log(0.36)
        is_(f"Cochrane review 2012: {study}", ratio, own * math.log(ratio) / math.log(risk_ratio))


def test_what_was_reconstructed_is_derived(sres: Synthesis) -> None:
    status = {c.contrast.study: c.status for c in sres.comparisons}
    assert [study for study, word in status.items() if word != "derived"] == ["Stopeck 2010"]
    assert all(
        c.spread != "its interval" or c.assumes or len(c.evidence) == 2 or c.status == "trial"
        for c in sres.comparisons
    )


def test_the_flagship_takes_its_effects_from_it(sres: Synthesis) -> None:
    model = load("bone_metastases")
    for strategy in model.strategies:
        name = "rr_sre_none" if strategy == "no_agent" else "rr_sre_v_za"
        row = model.rows(strategy)[name]
        assert row.value == pytest.approx(sres.ratio(strategy)[0], rel=1e-15)
    block = model.blocks["sre_metastatic"]
    assert block.family == "multivariate_lognormal"
    assert len(block.names) == 7
    for i, one in enumerate(block.names):
        for j, two in enumerate(block.names):
            pair = [
                "no_agent" if key == "rr_sre_none" else key[len("rr_sre_v_za[") : -1]
                for key in (one, two)
            ]
            se = sres.network.effect(*pair).se
            difference = block.matrix[i, i] + block.matrix[j, j] - 2 * block.matrix[i, j]
            assert difference == pytest.approx(se**2, abs=1e-12)


def test_draws_have_the_networks_covariance(sres: Synthesis) -> None:
    """Agents known only against no agent share that trial's chance: they are drawn together."""
    model = load("bone_metastases")
    draws = sample(model, 20_000, 1)
    keys = ["rr_sre_none", "rr_sre_v_za[clodronate]", "rr_sre_v_za[denosumab]"]
    logs = np.log(np.array([draws[key] for key in keys]))
    found = np.corrcoef(logs)
    covariance = sres.network.covariance
    names = list(sres.network.treatments[1:])
    rows = [names.index(name) for name in ("no_agent", "clodronate", "denosumab")]
    expected = covariance[np.ix_(rows, rows)]
    scale = np.sqrt(np.diag(expected))
    assert found == pytest.approx(expected / np.outer(scale, scale), abs=0.03)
    assert found[0, 1] > 0.5
    assert abs(found[0, 2]) < 0.03


TEXT = """\
title     = "A network"
estimand  = "rate ratio"
reference = "za"
method    = "fixed"

[[contrasts]]
study      = "one"
treatment  = "new"
comparator = "za"
evidence   = "stopeck_rate_ratio"

[[contrasts]]
study      = "two"
treatment  = "za"
comparator = "none"
evidence   = "kohno_rate_ratio"
spread     = "p_value"
"""


@pytest.mark.parametrize(
    ("old", "new", "what"),
    [
        (
            '"stopeck_rate_ratio"',
            '"stopeck_hr_first"',
            "networks/n.toml:10:14: 'stopeck_hr_first' gives a hazard ratio, the network combines "
            "rate ratios. Estimands are never mixed",
        ),
        ('"stopeck_rate_ratio"', '"S066"', "the evidence 'S066' is superseded"),
        ('"stopeck_rate_ratio"', '"nothing"', "unknown evidence 'nothing'"),
        ('comparator = "none"', 'comparator = "other"\n', None),
        ('treatment  = "za"', 'treatment  = "x"', "n.toml: the network is disconnected"),
        ('spread     = "p_value"\n', "", "nothing says how uncertain 'kohno_rate_ratio' is"),
        ('"p_value"', '"guess"', "'guess' is no rule for a standard error"),
        ('"p_value"', "{ like = 'stopeck_rate_ratio', n = 'S048' }", "'S048' has no n"),
        ('"p_value"', "{ class = 'S029', members = 0 }", "0 is no number of members"),
        ('"p_value"', "{ class = 'S029', members = true }", "True is no number of members"),
        (
            '"stopeck_rate_ratio"',
            '"stopeck_rate_ratio"\nspread = "p_value"',
            "has a spread of its own",
        ),
        ('"kohno_rate_ratio"', '["S036", "S037"]', "no ratio is made of two figures of the kind"),
        ('"kohno_rate_ratio"', '["S036", "zoom_rate_q4w"]', "are not figures of one kind"),
        ('"kohno_rate_ratio"', "[]", "neither one id nor two"),
        ('estimand  = "rate ratio"', 'estimand = "rate"', "'rate' is not a ratio"),
        ('method    = "fixed"', 'method = "bayes"', "unknown method 'bayes'"),
        ('reference = "za"', 'reference = "zz"', "the reference 'zz' is in no comparison"),
        ('title     = "A network"\n', "", "the key 'title' is missing. Add it"),
        ('study      = "one"', "study = 1", "this should be text in quotes, not 1. Correct it"),
        ('study      = "one"', 'studdy = "one"', "unknown key 'studdy'. Did you mean 'study'?"),
    ],
)
def test_what_cannot_be_combined_is_refused(
    tmp_path: Path, registry: Registry, old: str, new: str, what: str | None
) -> None:
    assert TEXT.count(old) == 1
    path = tmp_path / "n.toml"
    path.write_text(TEXT.replace(old, new), encoding="utf-8")
    if what is None:
        assert read_synthesis(path, "n.toml", registry).network.treatments[0] == "za"
        return
    with pytest.raises(InputError) as error:
        read_synthesis(path, "networks/n.toml", registry)
    assert what in str(error.value)


# --- figures of our own ---------------------------------------------------------------------------


def network_of(
    figures: str, contrasts: Sequence[Mapping[str, object]], estimand: str = "risk ratio"
) -> Synthesis:
    """A network of figures "id estimand key=value ..."; contrasts against "a" by default."""
    lines = [",".join(COLUMNS)]
    for figure in figures.strip().splitlines():
        name, kind, *rest = figure.split()
        cells = dict(cell.split("=") for cell in rest)
        given = {"id": name, "estimand": kind.replace("_", " "), "source": "x", "status": "trial"}
        lines.append(",".join({**given, "checked": "read", **cells}.get(c, "") for c in COLUMNS))
    registry = registry_from_table(parse_csv("\n".join(lines) + "\n", "evidence.csv"))
    text = f'title = "T"\nestimand = "{estimand}"\nreference = "a"\n'
    for contrast in contrasts:
        row = {"study": "S", "treatment": "b", "comparator": "a", **contrast}
        text += "[[contrasts]]\n" + "".join(
            f"{key} = {json.dumps(value) if not isinstance(value, dict) else inline(value)}\n"
            for key, value in row.items()
        )
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "n.toml"
        path.write_text(text, encoding="utf-8")
        return read_synthesis(path, "n.toml", registry)


def inline(table: dict[str, object]) -> str:
    return "{ " + ", ".join(f"{key} = {json.dumps(value)}" for key, value in table.items()) + " }"


ARMS = """
none proportion value=0 events=0 denominator=50
none_too proportion value=0 events=0 denominator=40
some proportion value=0.0833 events=4 denominator=48
most proportion value=0.8333 events=40 denominator=48
all proportion value=1 events=50 denominator=50
uncounted proportion value=0.5
zero rate value=0 low=0 high=0.1
rate rate value=0.2 low=0.1 high=0.3
"""


@pytest.mark.parametrize(
    ("evidence", "more", "what"),
    [
        (
            ["none", "some"],
            None,
            "n.toml:8:12: nobody has the event in 'none' (0 of 50). Write continuity = 0.5 to add "
            "half a patient with and without the event to both arms, cite a ratio with its",
        ),
        (["all", "most"], None, "everybody has the event in 'all' (50 of 50). Write continuity"),
        (["none", "none_too"], 0.5, "nobody has the event in both 'none' and 'none_too'. That say"),
        (["some", "most"], 0.5, "nobody or everybody has the event. Delete the key 'continuity'"),
        (["rate", "rate"], 0.5, "nobody or everybody has the event. Delete the key 'continuity'"),
        (["none", "some"], 2, "continuity"),
        (["uncounted", "some"], None, "'uncounted' has no counts. Fill events and denominator"),
        (["zero", "rate"], None, "'zero' is 0, and a ratio needs two positive rates"),
    ],
)
def test_no_or_only_events(evidence: list[str], more: float | None, what: str) -> None:
    with pytest.raises(InputError) as error:
        network_of(ARMS, [{"evidence": evidence} | ({} if more is None else {"continuity": more})])
    assert what in str(error.value)


@pytest.mark.parametrize(
    ("evidence", "a", "n", "b", "m"),
    [(["none", "some"], 0.5, 51, 4.5, 49), (["all", "most"], 50.5, 51, 40.5, 49)],
)
def test_a_continuity_correction_is_said(
    evidence: list[str], a: float, n: float, b: float, m: float
) -> None:
    (found,) = network_of(ARMS, [{"evidence": evidence, "continuity": 0.5}]).comparisons
    assert found.contrast.effect == pytest.approx(math.log(a / n / (b / m)), rel=1e-12)
    assert found.contrast.se == pytest.approx((1 / a - 1 / n + 1 / b - 1 / m) ** 0.5, rel=1e-12)
    assert found.status == "derived"
    assert "0.5 added as" in found.spread
    assert evidence[0] in found.spread


def test_a_p_value_stays_what_it_was_through_a_conversion() -> None:
    """0.5 at a risk of 0.5: ln(0.75) / ln(0.5); p 0.05 is z 1.96 before and after."""
    row: dict[str, object] = {
        "evidence": "ratio",
        "conversion": "risk_ratio_to_hazard_ratio(0.5)",
        "spread": "p_value",
    }
    (found,) = network_of(
        "ratio risk_ratio value=0.5 p_value=0.05", [row], "hazard ratio"
    ).comparisons
    effect = math.log(math.log(0.75) / math.log(0.5))
    assert found.contrast.effect == pytest.approx(effect)
    assert found.contrast.se == pytest.approx(-effect / norm.ppf(0.975))


def three_arms(one: str, two: str, three: str) -> Synthesis:
    """Ratios of b with a, c with a and c with b, each "value low high"."""
    figures = "\n".join(
        f"f{i} hazard_ratio value={value} low={low} high={high}"
        for i, (value, low, high) in enumerate(text.split() for text in (one, two, three))
    )
    pairs = (("b", "a"), ("c", "a"), ("c", "b"))
    rows: list[dict[str, object]] = [
        {"treatment": treatment, "comparator": comparator, "evidence": f"f{i}"}
        for i, (treatment, comparator) in enumerate(pairs)
    ]
    return network_of(figures, rows, "hazard ratio")


def test_a_trial_of_three_arms_is_checked_by_the_digits_of_its_figures() -> None:
    """With standard errors of about 0.1, 0.1, 0.141, printed with two decimals or three."""
    found = three_arms("0.80 0.66 0.97", "0.50 0.41 0.61", "0.63 0.48 0.83")
    contrast = found.comparisons[0].contrast
    low, value, high = 0.66, 0.80, 0.97
    assert contrast.effect == pytest.approx(math.log(value))
    opened = found.network.contrasts[0]
    assert opened.effect_rounding == pytest.approx(-math.log(1 - 0.005 / value))
    width = 2 * norm.ppf(0.975)
    digits = math.log(low / (low - 0.005)) + math.log(high / (high - 0.005))
    assert opened.se_rounding == pytest.approx(digits / width, rel=1e-9)
    # Standard errors of 0.1, 0.1 and 0.209 leave arm a no variance, whatever the digits.
    with pytest.raises(InputError, match=r"n.toml:8:12: .*arm 'a' would have a variance of -0.01"):
        three_arms("0.80 0.66 0.97", "0.50 0.41 0.61", "0.63 0.42 0.95")
    with pytest.raises(InputError, match=r"do not add up: .* is left between a, b, c"):
        three_arms("0.80 0.66 0.97", "0.50 0.41 0.61", "0.72 0.55 0.95")
    with pytest.raises(InputError, match="do not add up"):  # 0.63 for 0.625 is no rounding now
        three_arms("0.8000 0.7998 0.8002", "0.5000 0.4999 0.5001", "0.6300 0.6298 0.6302")


@pytest.mark.parametrize(
    ("figure", "spread"),
    [
        ("value=0.8 low=1e-300 high=1e300", None),
        ("value=0.8 low=0.79999999 high=0.80000001", None),
        ("value=0.8 p_value=0.9999", "p_value"),
        ("value=1e150 low=1e149 high=1e151", None),
    ],
)
def test_extreme_figures_are_input_errors(figure: str, spread: str | None) -> None:
    row: dict[str, object] = {"evidence": "f"}
    row |= {"spread": spread} if spread else {}
    with pytest.raises(InputError, match=r"n.toml:8:12: the ratio .* of 'f' has a standard error"):
        network_of(f"f risk_ratio {figure}", [row])


def test_a_chain_of_ratios_too_large_for_one() -> None:
    figures = "f risk_ratio value=1e40 low=1e39 high=1e41"
    rows = [
        {"study": f"s{i}", "treatment": f"t{i}", "comparator": f"t{i - 1}" if i else "a"}
        | {"evidence": "f"}
        for i in range(9)
    ]
    with pytest.raises(InputError, match=r"n.toml: the effects are too large for ratios"):
        network_of(figures, rows)


def test_a_network_is_bounded(tmp_path: Path, registry: Registry) -> None:
    head, first, _ = TEXT.split("[[contrasts]]")
    path = tmp_path / "n.toml"
    path.write_text(head + 501 * f"[[contrasts]]{first}", encoding="utf-8")
    with pytest.raises(InputError, match="more than 500 comparisons"):
        read_synthesis(path, "n.toml", registry)


def test_all_problems_come_at_once(tmp_path: Path, registry: Registry) -> None:
    path = tmp_path / "n.toml"
    wrong = TEXT.replace("stopeck_rate_ratio", "S066").replace("kohno_rate_ratio", "S048")
    path.write_text(wrong, encoding="utf-8")
    with pytest.raises(InputError) as error:
        read_synthesis(path, "n.toml", registry)
    assert len(error.value.problems) == 2


def test_networks_that_extend_another() -> None:
    folder = EvidenceFolder(ROOT / "inputs" / "evidence")
    base = folder.network("sre_metastatic")
    random = folder.network("sre_random_effects")
    assert [c.contrast for c in random.comparisons] == [c.contrast for c in base.comparisons]
    assert random.network.tau2 == 0  # the trials disagree less than chance alone would let them
    lytic = folder.network("sre_lytic_subgroup")
    assert len(lytic.comparisons) == 11
    assert "Rosen 2004" not in {c.contrast.study for c in lytic.comparisons}
    assert lytic.ratio("pamidronate")[0] > base.ratio("pamidronate")[0]
    scenario = load("bone_metastases/random_effects")
    block = scenario.blocks["sre_random_effects"]
    assert block.matrix == pytest.approx(random.network.covariance[np.ix_(*2 * (rows(block),))])


def rows(block: Block) -> list[int]:
    """Where the treatments of a block stand in the network, the reference not counted."""
    folder = EvidenceFolder(ROOT / "inputs" / "evidence")
    names = folder.network("sre_metastatic").network.treatments
    keys = [key.removeprefix("rr_sre_v_za[").removesuffix("]") for key in block.names]
    return [names.index("no_agent" if key == "rr_sre_none" else key) - 1 for key in keys]


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ('extends = "sre"\ntitle = "T"\n', "unknown network 'sre'"),
        (
            'extends = "sre_metastatic"\nleave_out = ["Rosen"]\n',
            "n.toml:2:13: there is no trial 'Rosen' to leave out",
        ),
        ('extends = "sre_random_effects"\n', "'sre_random_effects' extends another network itself"),
        ('extends = "sre_metastatic"\nleave_out = ["Stopeck 2010"]\n', None),
        ('extends = "sre_metastatic"\nreference = "x"\n', "the reference 'x' is in no comparison"),
        ("extends = 3\n", "this should be text in quotes, not 3"),
    ],
)
def test_what_extends_wrongly(tmp_path: Path, text: str, what: str | None) -> None:
    shutil.copytree(ROOT / "inputs" / "evidence", tmp_path / "evidence")
    (tmp_path / "evidence" / "networks" / "n.toml").write_text(text, encoding="utf-8")
    folder = EvidenceFolder(tmp_path / "evidence")
    if what is None:
        assert "denosumab" not in folder.network("n").network.treatments
        return
    with pytest.raises(InputError) as error:
        folder.network("n")
    assert what in str(error.value)


@pytest.mark.parametrize(
    ("citation", "what"),
    [
        ('evidence = "sre_metastatic/denosumb"', "Did you mean 'denosumab'?"),
        ('evidence = "sre/denosumab"', "unknown network 'sre'"),
        ('evidence = "sre_metastatic/denosumab", unit = "hazard ratio"', "gives a 'rate ratio'"),
        ('evidence = "sre_metastatic/denosumab", value = 0.8', "has its own value"),
    ],
)
def test_wrong_citations_of_networks(tmp_path: Path, citation: str, what: str) -> None:
    path = tmp_path / "scenarios" / "bone_metastases" / "s.toml"
    path.parent.mkdir(parents=True)
    text = f'title = "S"\n[parameters]\nrr_sre_v_za = {{ denosumab = {{ {citation} }} }}\n'
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InputError) as error:
        he.load(path)
    assert what in str(error.value)
    assert str(error.value.problems[0].where).startswith("bone_metastases/s.toml:3")


def test_a_scenario_may_fix_one_effect(tmp_path: Path) -> None:
    path = tmp_path / "scenarios" / "bone_metastases" / "s.toml"
    path.parent.mkdir(parents=True)
    path.write_text(
        'title = "S"\n[parameters]\nrr_sre_v_za = { denosumab = 0.5 }\n', encoding="utf-8"
    )
    model = he.load(path)
    assert model.rows("denosumab")["rr_sre_v_za"].value == 0.5
    assert len(model.blocks["sre_metastatic"].names) == 6
    assert model.warnings == ()
