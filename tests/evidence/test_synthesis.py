"""Networks of the registry: what is combined, by which rule, and what is refused."""

import math
import shutil
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import norm

import heecon as he
from heecon.engine.sampling import sample
from heecon.errors import InputError
from heecon.evidence.registry import Registry, read_registry
from heecon.evidence.synthesis import Synthesis, read_synthesis
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
    is_("OPTIMIZE-2", 1.06, math.log(1.60 / 0.70) / (2 * z))
    is_("Kohno 2005", 0.61, -math.log(0.61) / tail(0.027))
    is_("Body 2004", 0.95 / 1.18, -math.log(0.95 / 1.18) / tail(0.004))
    is_("Rosen, lytic subgroup", 0.5, math.log(2) / tail(0.008))
    rates = math.hypot((0.37 - 0.15) / (2 * z * 0.26), (0.29 - 0.14) / (2 * z * 0.22))
    is_("ZOOM", 0.26 / 0.22, rates)
    is_("ZICE", 0.50 / 0.44, found["Stopeck 2010"].se * math.sqrt(2046 / 1404))
    p, q = 253 / 885, 260 / 881
    variances = [r / (n * (1 - r) * math.log(1 - r) ** 2) for r, n in ((p, 885), (q, 881))]
    is_("CALGB 70604", math.log(1 - p) / math.log(1 - q), math.sqrt(sum(variances)))
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
    assert random.network.tau2 == pytest.approx(0.01614, abs=5e-6)
    fewer = folder.network("sre_without_lytic_subgroup")
    assert len(fewer.comparisons) == 10
    assert "Rosen, lytic subgroup" not in {c.contrast.study for c in fewer.comparisons}
    # Pamidronate hangs on one trial then: its ratio v no agent is that trial's.
    ratio = math.log(1 - 0.77 * 0.64) / math.log(0.36)
    assert fewer.ratio("pamidronate", "no_agent")[0] == pytest.approx(ratio)
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
