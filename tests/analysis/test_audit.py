"""The audit finds what was put there to be found."""

from pathlib import Path

import pytest

import heecon as he
from heecon.analysis.audit import Use, audit, uses_in_model, uses_in_network, without_repeats
from heecon.evidence.registry import Registry
from heecon.model.evidence_folder import EvidenceFolder

ROOT = Path(__file__).parent.parent.parent


@pytest.fixture(scope="module")
def folder() -> EvidenceFolder:
    return EvidenceFolder(ROOT / "inputs" / "evidence")


def model(*rows: he.Parameter) -> he.Model:
    cost = " + ".join(row.name for row in rows)
    definition = {
        "model": {
            "title": "M",
            "cycle": "1 year",
            "horizon": "2 years",
            "currency": "GBP",
            "discounting": {"cost": 0, "effect": 0},
        },
        "states": {"well": {}, "dead": {"absorbing": True}},
        "start": {"well": "rest"},
        "strategies": {"one": {}},
        "transitions": {"well": {"rates": {"dead": 0.1}}},
        "outcomes": {"cost": {"kind": "cost", "state": {"well": cost}}},
    }
    return he.Model.from_dict(definition, rows)


def test_every_kind_of_finding() -> None:
    found = audit(
        model(
            he.Parameter("guess", 1.0, source="no figure found"),
            he.Parameter("claim", 1.0, status="trial"),
            he.Parameter("typed", 1.0, status="published", source="a paper"),
            he.Parameter("cited", 1.0, status="trial", source="a trial", evidence="x"),
            he.Parameter("old", 1.0, unit="GBP", price_year=2010, source="a"),
            he.Parameter("new", 1.0, unit="GBP", price_year=2020, source="a"),
            he.Parameter("undated", 1.0, unit="GBP", source="a"),
        ),
        Registry("none", {}),
    )
    of = {kind: list(found.where(kind=kind)["subject"]) for kind in found["kind"]}
    assert of == {
        "assumption": ["guess", "old", "new", "undated"],
        "no source": ["claim"],
        "no evidence": ["typed"],
        "price years": ["1 prices of 2010", "1 prices of 2020", "prices without a year"],
    }


def test_one_price_year_is_not_mixed() -> None:
    row = he.Parameter("old", 1.0, unit="GBP", price_year=2010, status="trial", source="a")
    assert audit(model(row), Registry("none", {}))["kind"] == ("no evidence",)


def test_the_flagship_has_no_claim_without_a_source(folder: EvidenceFolder) -> None:
    found = audit(he.load("bone_metastases/base_case"), folder.registry())
    kinds = found["kind"]
    assert "no source" not in kinds
    assert kinds.count("superseded") == 16
    assert found.where(kind="interval")["subject"] == ("S082",)


def test_uses_are_found_wherever_they_are(folder: EvidenceFolder) -> None:
    base = he.load("bone_metastases")
    assert uses_in_model("lidgren_metastatic", base, "m") == [Use("m", "u_bone", "cited")]
    network = folder.network("sre_metastatic")
    how = [use.how for use in uses_in_network("stopeck_rate_ratio", network)]
    assert how == ["combined", "in its standard error or control"]
    assert len(uses_in_network("sre_frailty", network)) == 2
    old = folder.network("sre_risk_ratios")
    assert len(uses_in_network("cochrane_2017_control_risk", old)) == 3
    assert uses_in_network("S02", network) == []


def test_a_scenario_repeats_nothing_its_model_says() -> None:
    uses = [Use("m", "a", "cited"), Use("m/s", "a", "cited"), Use("m/s", "b", "cited")]
    assert without_repeats(uses, {"m/s": "m"}) == [uses[0], uses[2]]
