"""The comparison of recorded outputs: what counts as the same, as numbers, as text."""

import re
from datetime import date
from pathlib import Path

import pytest

from tests.snapshot import PLAIN, WITH_THOUSANDS, commands, compare, normalise, number_difference


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ('"seconds": 19.904,', '"seconds": <seconds>,'),
        ('"numpy": "2.4.6"', '"numpy": "<version>"'),
        ("Done in 3.2 s.", "Done in <seconds>."),
        ("at 2026-03-04T10:11:12Z", "at <time>"),
        (f"of {date.today()}", "of <today>"),
        ("/somewhere/else/inputs/hiv/model.toml", "<folder>/inputs/hiv/model.toml"),
        ("retrieved 2019-03-04, 3 strategies, inputs/hiv", None),
    ],
)
def test_only_what_varies_is_normalised(text: str, kept: str | None) -> None:
    assert normalise(text) == (text if kept is None else kept)


@pytest.mark.parametrize(
    ("a", "b", "pattern", "difference"),
    [
        ("A  1,000  x", "A 1,001 x", WITH_THOUSANDS, 1 / 1001),
        ("1,200,5", "1,100,5", PLAIN, 0.5),
        ("cost 0.0", "cost 0", PLAIN, 0.0),
        ("1e-3 -2", "1e-3 2", PLAIN, 2.0),
        ("S1 3", "S2 3", PLAIN, None),
        ("1 2", "1", PLAIN, None),
    ],
)
def test_numbers_are_told_from_words(
    a: str, b: str, pattern: re.Pattern[str], difference: float | None
) -> None:
    assert number_difference(a, b, pattern) == (
        None if difference is None else pytest.approx(difference)
    )


def test_compare_classifies_every_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    old, new = tmp_path / "old", tmp_path / "new"
    files = {"a": ("x,1", "x,1"), "b": ("x,1", "x,1.001"), "c": ("x", "y"), "d": ("x", None)}
    for folder, side in ((old, 0), (new, 1)):
        (folder / "list").mkdir(parents=True)
        for name, texts in files.items():
            text = texts[side]
            if text is not None:
                (folder / "list" / f"{name}.csv").write_text(text)
    assert not compare(old, new)
    said = capsys.readouterr().out
    assert "1 same, 1 missing, 0 new, 1 numbers differ, 1 text differs" in said
    assert not compare(old, new, tolerance=0.01)
    assert "2 same, 1 missing, 0 new, 0 numbers differ" in capsys.readouterr().out
    assert compare(old, old)
    assert "list" in commands("list")
    assert set(commands("psa_*")) < set(commands("psa"))
