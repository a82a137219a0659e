"""Parameters that cite evidence: what the registry fills in, and what is refused."""

import math
from pathlib import Path

import pytest

import heecon as he
from heecon.errors import InputError
from heecon.evidence.registry import COLUMNS
from heecon.model.parameter import Parameter
from tests.model import small

HEADER = ",".join(COLUMNS)
SMALL = small.PARAMETERS.splitlines()[0]
CITING = [*SMALL.split(","), "unit", "evidence", "conversion", "price_year"]
ROWS = [
    {"id": "hr_trial", "estimand": "hazard ratio", "value": "0.8", "low": "0.7", "high": "0.95"},
    {"id": "hr_other", "estimand": "hazard ratio", "value": "0.75", "se": "0.1"},
    {"id": "rr_review", "estimand": "risk ratio", "value": "0.9", "low": "0.8", "high": "1.1"},
    {
        "id": "rate_ratio",
        "estimand": "rate ratio",
        "value": "0.5",
        "low": "0.25",
        "high": "0.8",
        "se": "0.3",
    },
    {"id": "rr_se", "estimand": "risk ratio", "value": "0.9", "se": "0.1"},
    {"id": "old", "estimand": "hazard ratio", "value": "0.5", "superseded_by": "hr_trial"},
    {"id": "risk", "estimand": "proportion", "value": "0.25", "events": "25", "denominator": "100"},
    {"id": "survival", "estimand": "median", "value": "24", "unit": "months"},
    {
        "id": "cost",
        "estimand": "cost",
        "value": "500",
        "unit": "GBP",
        "price_year": "2020",
        "se": "50",
    },
    {"id": "or", "estimand": "odds ratio", "value": "0.5", "low": "0.2", "high": "1.0"},
    {"id": "nobody", "estimand": "proportion", "value": "0", "events": "0", "denominator": "50"},
    {"id": "all", "estimand": "proportion", "value": "1", "events": "40", "denominator": "40"},
    {"id": "timeless", "estimand": "median", "value": "24"},
    {"id": "guess", "estimand": "hazard ratio", "value": "0.7", "status": "assumption"},
    {"id": "nothing", "estimand": "hazard ratio", "p_value": "0.03"},
]


def registry() -> str:
    given = {"source": "a paper", "status": "trial", "checked": "read"}
    units = {"proportion": "proportion"}
    lines = [
        ",".join(
            {**given, "unit": units.get(row["estimand"], ""), **row}.get(column, "")
            for column in COLUMNS
        )
        for row in ROWS
    ]
    return "\n".join([HEADER, *lines]) + "\n"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    small.write(tmp_path)
    folder = tmp_path / "inputs" / "evidence"
    folder.mkdir()
    (folder / "evidence.csv").write_text(registry(), encoding="utf-8")
    path = tmp_path / small.PARAMETER_FILE
    lines = path.read_text(encoding="utf-8").splitlines()
    text = "\n".join([",".join(CITING), *lines[1:]]) + "\n"
    path.write_text(text, encoding="utf-8")
    return tmp_path


def cite(root: Path, cells: str) -> Parameter:
    """Load the small model with another row for the new strategy's hazard ratio."""
    row = "hr,new,0.8,0.7,0.95,,lognormal,,,,relative_effect,trial,a trial"
    small.edit(root, small.PARAMETER_FILE, row, cells)
    model = he.load(root / "inputs" / "small")
    (found,) = [row for row in model.parameters if row.key == "hr[new]"]
    return found


def row(evidence: str, **cells: str) -> str:
    given = {"name": "hr", "strategy": "new", "unit": "hazard ratio", "evidence": evidence}
    return ",".join({**given, **cells}.get(column, "") for column in CITING)


def test_value_interval_and_distribution_come_from_the_registry(root: Path) -> None:
    found = cite(root, row("hr_trial"))
    assert (found.value, found.low, found.high) == (0.8, 0.7, 0.95)
    assert (found.status, found.source, found.evidence) == ("trial", "a paper", "hr_trial")
    assert found.distribution is not None
    assert found.distribution.family == "lognormal"
    width = math.log(0.95 / 0.7) / (2 * 1.959963984540054)
    assert found.distribution.arguments == pytest.approx((math.log(0.8), width), rel=1e-12)


def test_a_standard_error_of_a_ratio_is_that_of_its_logarithm(root: Path) -> None:
    found = cite(root, row("hr_other"))
    assert found.distribution is not None
    assert found.distribution.arguments == pytest.approx((math.log(0.75), 0.1), rel=1e-12)


def test_counts_give_a_beta_distribution(root: Path) -> None:
    found = cite(root, row("risk", unit="proportion"))
    assert found.distribution is not None
    assert (found.distribution.family, found.distribution.arguments) == ("beta", (25.0, 75.0))


def test_a_price_brings_its_year(root: Path) -> None:
    found = cite(root, row("cost", unit="GBP"))
    assert (found.value, found.price_year, found.se) == (500.0, 2020, 50.0)
    assert found.distribution is not None
    assert found.distribution.family == "gamma"


def test_a_row_may_say_more_of_its_spread_and_less_of_its_strength(root: Path) -> None:
    found = cite(root, row("hr_trial", distribution="fixed", status="assumption"))
    assert found.distribution is not None
    assert found.distribution.family == "fixed"
    assert found.value == 0.8
    assert found.status == "assumption"


def test_declared_conversions_change_estimand_and_status(root: Path) -> None:
    found = cite(root, row("rr_review", conversion="risk_ratio_to_hazard_ratio(risk)"))
    assert found.value == pytest.approx(math.log(1 - 0.9 * 0.25) / math.log(0.75), rel=1e-12)
    assert found.low == pytest.approx(math.log(1 - 0.8 * 0.25) / math.log(0.75), rel=1e-12)
    assert found.status == "derived"
    assert "proportional hazards" in found.note


def test_an_inverse_turns_the_interval(root: Path) -> None:
    found = cite(root, row("rate_ratio", conversion="inverse", unit="rate ratio"))
    assert (found.value, found.low, found.high) == (2.0, 1.25, 4.0)


def test_a_standard_error_survives_only_conversions_that_keep_it(root: Path) -> None:
    """The logarithm of an inverse is as uncertain; that of a stretched ratio is not."""
    turned = cite(root, row("hr_other", conversion="inverse"))
    assert turned.distribution is not None
    assert turned.distribution.arguments == pytest.approx((-math.log(0.75), 0.1), rel=1e-12)


def test_a_stretched_ratio_has_a_stretched_standard_error(root: Path) -> None:
    found = cite(root, row("rr_se", conversion="risk_ratio_to_hazard_ratio(0.25)"))
    ends = [0.9 * math.exp(z * 1.959963984540054 * 0.1) for z in (-1, 1)]
    expected = [math.log(1 - end * 0.25) / math.log(0.75) for end in ends]
    assert (found.low, found.high) == pytest.approx(expected, rel=1e-12)
    assert found.distribution is not None
    assert found.distribution.family == "lognormal"


@pytest.mark.parametrize(
    ("unit", "value"),
    [
        ("risk ratio", 4 / 7),
        ("hazard ratio", math.log(6 / 7) / math.log(3 / 4)),
        ("rate ratio", math.log(6 / 7) / math.log(3 / 4)),
    ],
)
def test_an_odds_ratio_becomes_another_ratio(root: Path, unit: str, value: float) -> None:
    """0.5 at a risk of 0.25: odds 1/6 are a risk of 1/7."""
    conversion = f"odds_ratio_to_{unit.replace(' ', '_')}(risk)"
    if unit == "rate ratio":  # a cell with a comma is quoted
        conversion = f'"{conversion[:-1]}, 0)"'
    found = cite(root, row("or", conversion=conversion, unit=unit))
    assert (found.value, found.high) == pytest.approx((value, 1), rel=1e-12)
    assert "the odds ratio holds at this control risk" in found.note


@pytest.mark.parametrize(
    ("id_", "said"),
    [
        (
            "nobody",
            "nobody of 50 has the event. Add half a patient to either side: distribution "
            "beta with arg1 and arg2 0.5 and 50.5",
        ),
        ("all", "everybody of 40 has the event."),
    ],
)
def test_a_proportion_of_none_or_all_is_said_not_to_vary(root: Path, id_: str, said: str) -> None:
    cite(root, row(id_, unit="proportion"))
    (warning,) = [w for w in he.load(root / "inputs" / "small").warnings if "vary" in w]
    assert f"parameters.csv:6:15 (evidence): '{id_}' does not vary: {said}" in warning


def test_a_median_becomes_a_hazard(root: Path) -> None:
    found = cite(root, row("survival", conversion="median_to_rate", unit="per year"))
    assert found.value == pytest.approx(math.log(2) / 2, rel=1e-12)


@pytest.mark.parametrize(
    ("cells", "what"),
    [
        (row("hr_trail"), "unknown evidence 'hr_trail'. Did you mean 'hr_trial'?"),
        (row("old"), "the evidence 'old' is superseded. Cite 'hr_trial' instead"),
        (
            row("rr_review"),
            "'hr' needs a figure in 'hazard ratio', 'rr_review' gives 'risk ratio'. "
            "Cite another one, or declare a conversion",
        ),
        (row("survival", unit="per year"), "'survival' gives 'months'"),
        (row("nothing"), "the evidence 'nothing' has no value"),
        (row("hr_trial", unit=""), "does not say what it needs. Fill its unit"),
        (row("hr_trial", value="0.81"), "value 0.81 differs from 0.8 of 'hr_trial'"),
        (row("hr_trial", low="0.6"), "low 0.6 differs from 0.7 of 'hr_trial'"),
        (row("guess", status="trial"), "calls itself 'trial', its evidence is weaker"),
        (
            row("cost", unit="GBP", price_year="2021"),
            "the price year 2021 differs from 2020 of 'cost'",
        ),
        (
            row("timeless", conversion="median_to_rate", unit="per year"),
            "'' is no unit of time. 'median_to_rate' knows years, months, weeks, days",
        ),
        (row("rr_review", conversion="magic"), "unknown conversion 'magic'"),
        (row("hr_trial", conversion="median_to_rate"), "does not apply to a hazard ratio"),
        (row("rr_review", conversion="risk_ratio_to_hazard_ratio"), "needs a control risk"),
        (row("rate_ratio", conversion="inverse(2)"), "takes nothing in brackets"),
        (
            row("rr_review", conversion="risk_ratio_to_hazard_ratio(old_risk)"),
            "unknown evidence 'old_risk'",
        ),
        (row("", value="1", conversion="inverse"), "there is a conversion but no evidence"),
        (row("hr_trial", value="x"), "'x' is not a number"),
    ],
)
def test_what_does_not_fit_is_refused(root: Path, cells: str, what: str) -> None:
    with pytest.raises(InputError) as error:
        cite(root, cells)
    assert len(error.value.problems) == 1
    assert what in str(error.value)
    assert error.value.problems[0].where.startswith("parameters.csv:6:")


def test_scenarios_cite_too(root: Path) -> None:
    path = root / small.SCENARIO_FILE
    text = (
        small.SCENARIO
        + '[parameters]\nhr = { new = { evidence = "hr_other", unit = "hazard ratio" } }\n'
    )
    path.write_text(text, encoding="utf-8")
    model = he.load(path)
    found = model.rows("new")["hr"]
    assert (found.value, found.source, found.evidence) == (0.75, "a paper", "hr_other")
    assert [file.name for file in model.files][-2:] == [
        "inputs/evidence/evidence.csv"[7:],
        "scenarios/small/base_case.toml",
    ]


def test_a_scenario_that_cites_wrongly_says_where(root: Path) -> None:
    path = root / small.SCENARIO_FILE
    text = (
        small.SCENARIO
        + '[parameters]\nhr = { new = { evidence = "rr_review", unit = "hazard ratio" } }\n'
    )
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=r"base_case.toml:4:\d+ \(parameters.hr.new.evidence\)"):
        he.load(path)


def test_a_broken_registry_is_reported_once(root: Path) -> None:
    path = root / "inputs" / "evidence" / "evidence.csv"
    path.write_text(registry().replace("0.7,0.95", "0.85,0.95"), encoding="utf-8")
    with pytest.raises(InputError, match=r"evidence/evidence\.csv:2:8") as error:
        cite(root, row("hr_trial"))
    assert len(error.value.problems) == 1


def test_models_that_cite_nothing_read_no_registry(root: Path) -> None:
    (root / "inputs" / "evidence" / "evidence.csv").write_text("nonsense", encoding="utf-8")
    model = he.load(root / "inputs" / "small")
    assert not [file for file in model.files if "evidence" in file.name]


def test_without_a_registry_beside_it_the_bundled_one_is_read(root: Path) -> None:
    (root / "inputs" / "evidence" / "evidence.csv").unlink()
    assert cite(root, row("stopeck_hr_first")).value == 0.82
