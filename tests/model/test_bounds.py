"""What a number cannot be is refused, and what it can hardly be is said."""

import math
from pathlib import Path

import pytest
import scipy.stats

import heecon as he
from heecon.analysis.axis import axis
from heecon.analysis.one_way import one_way
from heecon.errors import InputError
from heecon.model.bounds import ANY, LOSS, POSITIVE, SHARE, UTILITY, bounds
from heecon.model.definition import Model
from heecon.model.load import load
from tests.model.small import PARAMETER_FILE, SCENARIO_FILE, write

HEADER = "name,strategy,value,low,high,se,distribution,arg1,arg2,correlation_group,unit,tags,note\n"

SMALL = """\
dr,,0.035,,,,,,,,per year,methodological,
share_ill,,0.1,,,,,,,,proportion,,
h_base,,0.2,,,,,,,,per year,,
hr,,1,,,,,,,,hazard ratio,,
c_care,,500,,,,,,,,GBP,unit_cost,
"""


def small(root: Path, *rows: str, scenario: str = "") -> Model:
    """The small model with some of its rows written anew."""
    write(root)
    new = {row.split(",")[0]: row for row in rows}
    lines = [new.get(line.split(",")[0], line) for line in SMALL.splitlines()]
    (root / PARAMETER_FILE).write_text(HEADER + "\n".join(lines) + "\n", encoding="utf-8")
    path = root / SCENARIO_FILE
    path.write_text(path.read_text(encoding="utf-8") + scenario, encoding="utf-8")
    return load(path)


@pytest.mark.parametrize(
    ("unit", "tags", "limits"),
    [
        ("proportion", ("unit_cost",), SHARE),
        ("probability per cycle", (), SHARE),
        ("utility", ("utility",), UTILITY),
        ("Utility", ("disutility",), LOSS),
        ("", ("utility",), UTILITY),
        ("", ("disutility",), LOSS),
        ("GBP", ("price",), POSITIVE),
        ("EUR per month", (), POSITIVE),
        ("\u00a3", (), POSITIVE),
        ("", ("unit_cost",), POSITIVE),
        ("contacts", ("unit_cost",), POSITIVE),
        ("ratio", ("utility",), POSITIVE),
        ("hazard ratio", ("relative_effect",), POSITIVE),
        ("risk ratio", (), POSITIVE),
        ("per year to the power of the shape", (), POSITIVE),
        ("events per year", (), POSITIVE),
        ("years", ("population",), POSITIVE),
        ("log hazard ratio", ("relative_effect",), ANY),
        ("utility difference", ("utility",), ANY),
        ("shape", ("baseline_risk",), ANY),
        ("percent", (), (0, 100)),
        ("", ("relative_effect",), ANY),
        ("", (), ANY),
        ("proportion", ("unbounded",), ANY),
    ],
)
def test_bounds_follow_from_the_unit_and_else_from_the_tags(
    unit: str, tags: tuple[str, ...], limits: tuple[float, float]
) -> None:
    assert bounds(unit, tags) == limits


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("share_ill,,1.5,,,,,,,,proportion,,", "'share_ill' cannot be 1.5: by its unit"),
        ("hr,,-0.1,,,,,,,,hazard ratio,,", "'hr' cannot be -0.1: by its unit"),
        ("c_care,,-60,,,,,,,,,unit_cost,", "by its tag 'unit_cost' it is 0 or more"),
        ("c_care,,1.5,,,,,,,,,utility,", "by its tag 'utility' it is -2 to 1"),
        ("dr,,-0.02,,,,,,,,per year,methodological,", "'dr' cannot be -0.02"),
    ],
)
def test_an_impossible_value_is_refused(row: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(InputError) as refused:
        small(tmp_path, row)
    (problem,) = refused.value.problems
    assert problem.where.startswith("parameters.csv:")
    assert problem.where.endswith("(value)")
    assert said in problem.what
    assert "'unbounded'" in problem.hint


def test_the_limits_themselves_are_possible(tmp_path: Path) -> None:
    rows = ("share_ill,,1,,,,,,,,proportion,,", "c_care,,0,,,,,,,,GBP,price,")
    assert small(tmp_path, *rows).warnings == ()


def test_an_exception_is_declared_with_its_reason(tmp_path: Path) -> None:
    row = "c_care,,-60,,,,,,,,GBP,unit_cost unbounded,"
    assert "nothing says why" in small(tmp_path / "a", row).warnings[0]
    assert small(tmp_path / "b", f"{row}a rebate").warnings == ()


def test_scenarios_and_python_are_checked_alike(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"base_case\.toml:5:13 .*'share_ill' cannot be 2"):
        small(tmp_path, scenario="\n[parameters]\nshare_ill = 2\n")
    with pytest.raises(InputError, match="'c_flare' cannot be -1"):
        he.load("starter").with_values({"c_flare": -1})


@pytest.mark.parametrize(
    ("row", "outside"),
    [
        ("c_care,,0.95,,,0.1,normal,,,,utility,,", scipy.stats.norm(0.95, 0.1).sf(1)),
        ("c_care,,500,,,400,normal,,,,GBP,,", scipy.stats.norm(500, 400).cdf(0)),
        ("share_ill,,0.5,,,0.3,normal,,,,proportion,,", 2 * scipy.stats.norm(0.5, 0.3).cdf(0)),
        ("share_ill,,0.5,,,0.4,gamma,,,,share,,", scipy.stats.gamma(1.5625, scale=0.32).sf(1)),
        ("share_ill,,0.5,0.4,1.2,,uniform,,,,share,,", 0.2 / 0.8),
    ],
)
def test_draws_outside_are_said_with_their_share(row: str, outside: float, tmp_path: Path) -> None:
    (warning,) = [w for w in small(tmp_path, row).warnings if "draws" in w]
    assert f"{100 * outside:.2g}% of its draws lie outside" in warning


@pytest.mark.parametrize("family", ["gamma", "lognormal"])
def test_no_word_of_draws_that_stay_inside(family: str, tmp_path: Path) -> None:
    row = f"c_care,,500,,,900,{family},,,,GBP,,"
    assert small(tmp_path / "a", row).warnings == ()
    assert small(tmp_path / "b", "c_care,,500,,,130,normal,,,,GBP,,").warnings == ()  # 6e-5


def test_draws_of_a_joint_distribution(tmp_path: Path) -> None:
    write(tmp_path)
    folder = tmp_path / "inputs/small/joint"
    folder.mkdir()
    (folder / "g.csv").write_text("share_ill,h_base\n0.01,0\n0,0.01\n", encoding="utf-8")
    rows = [
        f"{name},,0.1,,,,multivariate_normal,,,g,{unit},,"
        for name, unit in (("share_ill", "proportion"), ("h_base", "shape"))
    ]
    (warning,) = small(tmp_path, *rows).warnings
    assert f"{100 * scipy.stats.norm(0.1, 0.1).cdf(0):.2g}% of its draws" in warning
    (folder / "g.csv").write_text("share_ill,h_base\n-0.1,0\n0.2,0.1\n0.2,0.2\n0.1,0.1\n")
    rows = [row.replace("multivariate_normal", "empirical") for row in rows]
    (warning,) = small(tmp_path, *rows).warnings
    assert "25% of its draws" in warning


@pytest.mark.parametrize(
    ("row", "least", "most"),
    [
        ("share_ill,,0.95,0.85,1.05,,beta,,,,,,", 0.85, 1.0),
        ("share_ill,,0.02,-0.01,0.05,,gamma,,,,,,", 0.0, 0.05),
        ("share_ill,,0.9,0.5,1.05,,,,,,proportion,,", 0.5, 1.0),
    ],
)
def test_one_way_stops_at_what_is_possible(
    row: str, least: float, most: float, tmp_path: Path
) -> None:
    """An interval wider than what the unit or the distribution allows, as in a published table."""
    model = small(tmp_path, row)
    assert "but its interval goes to" in model.warnings[0]
    (moved,) = [found for found in one_way(model, 1000).rows if found.name == "share_ill"]
    assert (moved.low_values, moved.high_values) == ((least,), (most,))
    assert "within 0" in moved.basis


def test_ranges_that_are_asked_for_must_be_possible(tmp_path: Path) -> None:
    model = small(tmp_path)
    with pytest.raises(InputError, match=r"'share_ill' cannot be 1\.2: .* it is 0 to 1"):
        one_way(model, 1000, ranges={"share_ill": (0.1, 1.2)})
    with pytest.raises(InputError, match="'hr' cannot be -1"):
        axis(model, "hr", low=-1, high=2)
    assert math.isclose(axis(model, "hr", low=0, high=2).ticks[-1], 2)
