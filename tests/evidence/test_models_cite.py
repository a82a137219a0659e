"""The models that come with heecon say of every trial's figure which row of the registry it is."""

from pathlib import Path

import pytest

import heecon as he
from heecon.evidence.conversion import converted
from heecon.evidence.registry import Registry, read_registry
from heecon.files.locate import available

ROOT = Path(__file__).parent.parent.parent
CITING = ("bone_metastases", "early_breast_cancer")
NAMES = [name for name in available(ROOT) if name.split("/")[0] in CITING]


@pytest.fixture(scope="module")
def registry() -> Registry:
    return read_registry(ROOT / "inputs" / "evidence" / "evidence.csv")


@pytest.mark.parametrize("name", NAMES)
def test_no_figure_differs_from_its_evidence(name: str, registry: Registry) -> None:
    for row in he.load(ROOT / "inputs" / name if "/" not in name else name).parameters:
        definition = row.tags and "switch" in row.tags
        if row.status in {"trial", "published"} and not definition:
            assert row.evidence, f"{row.key} is {row.status} and cites nothing"
        if row.evidence in registry.rows:
            figures = converted(registry.cite(row.evidence), row.conversion, registry)
            assert row.value == figures.value, row.key
            for own, published in ((row.low, figures.low), (row.high, figures.high)):
                assert published is None or own in (None, published), row.key
