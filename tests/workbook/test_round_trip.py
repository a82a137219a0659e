"""Any valid edits come back as a scenario that says them and nothing else."""

import tomllib
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from heecon.model.load import load
from heecon.workbook.importer import import_workbook
from tests.workbook.books import at, typed

VALUES = {
    "dr": st.floats(0, 0.1), "share_ill": st.floats(0, 1), "h_base": st.floats(0, 2),
    "hr[new]": st.floats(0.1, 3), "c_care": st.floats(0, 1e6), "stop_at": st.floats(0, 20),
}  # fmt: skip
CHOICES = {
    "correction": st.sampled_from(["start", "end", "life_table", "half_cycle", "simpson"]),
    "timing": st.just("cycle_start"),  # the only one that goes with every correction
    "horizon": st.floats(4, 30), "max_age": st.floats(70, 120), "start_age": st.floats(40, 60),
    "threshold_1": st.floats(1, 1e6), "dr_effect_1": st.floats(0, 0.1),
    "comparator": st.sampled_from(["usual", "new"]),
}  # fmt: skip


@settings(
    max_examples=8, deadline=None, derandomize=True, phases=[Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)  # fmt: skip
@given(st.fixed_dictionaries({}, optional=VALUES), st.fixed_dictionaries({}, optional=CHOICES))
def test_any_edits_come_back(
    export_to_read: Path, tmp_path: Path, values: dict[str, float], choices: dict[str, object]
) -> None:
    path = tmp_path / "small.xlsx"
    path.write_bytes(export_to_read.read_bytes())
    typed(path, {**values, **choices})
    with at(export_to_read.parent):
        base = load("small/base_case")
        found = import_workbook(path)
    content = tomllib.loads(found.text)
    assert set(content) <= {"title", "purpose", "model", "extends", "settings", "parameters"}
    before = {known.key: known.value for known in base.parameters}
    expected = before | values
    assert {known.key: known.value for known in found.model.parameters} == pytest.approx(
        expected, rel=1e-12, abs=0
    )
    differ = {
        key.split("[")[0] for key in values if values[key] != pytest.approx(before[key], 1e-12, 0)
    }
    assert set(content.get("parameters", {})) == differ
    now = found.model.settings
    for key, value in choices.items():
        match key:
            case "correction":
                assert now.correction.method == value
            case "threshold_1":
                assert now.thresholds[0] == pytest.approx(value)
            case "max_age" | "timing":
                assert getattr(now, key) == value
            case "comparator":
                assert now.comparator == value
            case "horizon":
                assert float(now.horizon.removesuffix(" years")) == pytest.approx(value, 1e-12)
                assert isinstance(value, float)
                assert (now.rounding == "up") == (not value.is_integer())
    assert len(content.get("settings", {}).keys() - {"rounding"}) <= len(choices)
