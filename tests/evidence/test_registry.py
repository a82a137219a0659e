"""The registry holds every figure of the review and refuses to be read wrongly."""

import csv
import math
from pathlib import Path

import pytest

from heecon.errors import InputError, InvalidValue
from heecon.evidence.estimand import ESTIMANDS
from heecon.evidence.interval import asymmetry
from heecon.evidence.registry import COLUMNS, UNRESOLVED, Registry, registry_from_table
from heecon.evidence.registry import read_registry as read
from heecon.files.locate import available
from heecon.files.table_file import parse_csv
from heecon.model.families import FAMILIES
from heecon.model.load import load

ROOT = Path(__file__).parent.parent.parent
SEED = Path(__file__).parent / "data" / "seed_evidence.csv"
NAMES = {"RR": "risk ratio", "HR": "hazard ratio", "OR": "odds ratio", "fold": "ratio"}

HEADER = ",".join(COLUMNS)
ROW = {
    "id": "trial_hr", "estimand": "hazard ratio", "value": "0.8", "low": "0.7", "high": "0.9",
    "source": "a trial", "status": "trial", "checked": "read",
}  # fmt: skip


@pytest.fixture(scope="module")
def registry() -> Registry:
    return read(ROOT / "inputs" / "evidence" / "evidence.csv")


def seed() -> list[dict[str, str]]:
    with SEED.open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def line(**changes: str) -> str:
    return ",".join({**ROW, **changes}.get(column, "") for column in COLUMNS)


def made(*lines: str) -> Registry:
    return registry_from_table(parse_csv("\n".join([HEADER, *lines]) + "\n", "evidence.csv"))


def test_every_figure_of_the_review_is_there(registry: Registry) -> None:
    rows = seed()
    assert len(rows) == 180
    for row in rows:
        kept = registry.rows[row["id"]]
        for column, figure in (("point", kept.value), ("ci_low", kept.low), ("ci_high", kept.high)):
            assert figure == (float(row[column]) if row[column] else None), (row["id"], column)
        assert kept.p_value == row["p_value"]
        assert kept.n == (float(row["n"]) if row["n"] else None)
        assert kept.estimand == NAMES.get(row["measure"], kept.estimand)
        assert (kept.intervention, kept.comparator) == (row["intervention"], row["comparator"])


def test_counts_and_spot_values(registry: Registry) -> None:
    assert sum(identifier[0] == "S" for identifier in registry.rows) == 180
    assert len(registry.rows) == 523
    stopeck = registry.cite("stopeck_hr_first")
    assert (stopeck.value, stopeck.low, stopeck.high) == (0.82, 0.71, 0.95)
    assert registry.cite("S048").value == 2.08
    assert registry.cite("stopeck_sre_za").events == 372
    assert registry.cite("ebctcg_bone_postmenopausal").low == 0.60


def test_known_errors_are_kept_and_cannot_be_cited(registry: Registry) -> None:
    wrong = {row.id: row.superseded_by for row in registry.rows.values() if row.superseded_by}
    assert wrong == {
        "S027": "cochrane_2017_rr_sre",
        "S030": "kohno_multiple_event_ratio",
        "S045": "zice_rate_ibandronate",
        "S046": "zice_rate_za",
        "S047": "zice_rate_ibandronate",
        "S066": "stopeck_extended_median_denosumab",
        "S067": "stopeck_median_za",
        "S082": "clodronate_pain_or",
        "S095": "radiotherapy_response_ratio",
        "S105": UNRESOLVED,
        "S106": UNRESOLVED,
        "S107": UNRESOLVED,
        "S110": UNRESOLVED,
        "S180": "dcare_bone_hr",
        "body_2004_rate_ibandronate": "body_2004_rate_ratio",
        "body_2004_rate_placebo": "body_2004_rate_ratio",
    }
    with pytest.raises(InvalidValue, match=r"'S066' is superseded\. Cite 'stopeck_extended_median"):
        registry.cite("S066")
    with pytest.raises(InvalidValue, match="'S110' is known to be wrong"):
        registry.cite("S110")


def test_all_other_intervals_of_ratios_are_symmetric(registry: Registry) -> None:
    """The digits somebody transposed in S082 stand out; printed to two digits, others may not."""
    odd = {
        row.id
        for row in registry.rows.values()
        if row.kind.ratio
        and row.value is not None
        and row.low is not None
        and row.high is not None
        and abs(asymmetry(row.value, row.low, row.high)) > 0.02
    }
    # S084 has a lower bound of 0.01: one digit.
    assert odd == {"S082"}


def test_derived_figures_follow_from_their_rows(registry: Registry) -> None:
    def of(identifier: str) -> float:
        value = registry.cite(identifier).value
        assert value is not None
        return value

    assert of("hazard_death_bone") == pytest.approx(math.log(2) / of("S007"), abs=5e-7)
    assert of("hazard_death_bone_only") == pytest.approx(12 / of("S008"), abs=5e-7)
    rate = of("hazard_death_visceral")
    survivors = 0.53 * math.exp(-2 * rate) + 0.47 * math.exp(-2 * of("hazard_death_bone_only"))
    assert survivors == pytest.approx(0.5, abs=1e-6)
    stopping = -math.log(1 - of("mcgrath_interruption") * (1 - of("mcgrath_restart")))
    assert of("rate_stopping") == pytest.approx(stopping, abs=5e-7)
    two, ten = (-math.log(1 - of(identifier)) for identifier in ("S005", "S006"))
    shape = math.log(ten / two) / math.log(5)
    assert of("bone_weibull_shape") == pytest.approx(shape, abs=5e-4)
    assert of("bone_weibull_scale") == pytest.approx(two / 2**shape, abs=5e-5)
    for kind in ("bone", "distant"):
        # All women are those before and after menopause, weighted by their information.
        rows = [registry.cite(f"ebctcg_{kind}_{who}") for who in ("all", "postmenopausal")]
        weights = [(2 * 1.959964 / math.log((r.high or 0) / (r.low or 1))) ** 2 for r in rows]
        rest = weights[0] - weights[1]
        logs = [math.log(row.value or 0) for row in rows]
        left = (logs[0] * weights[0] - logs[1] * weights[1]) / rest
        assert of(f"ebctcg_{kind}_premenopausal") == pytest.approx(math.exp(left), rel=1e-3)
        se = registry.cite(f"ebctcg_{kind}_premenopausal").se
        assert se == pytest.approx(rest**-0.5, rel=1e-3)
    rows = [registry.cite(f"dcare_bone_hr{who}") for who in ("", "_premenopausal")]
    weights = [(2 * 1.959964 / math.log((r.high or 0) / (r.low or 1))) ** 2 for r in rows]
    rest = weights[0] - weights[1]
    logs = [math.log(row.value or 0) * weight for row, weight in zip(rows, weights, strict=True)]
    left = math.exp((logs[0] - logs[1]) / rest)
    assert of("dcare_bone_hr_postmenopausal") == pytest.approx(left, rel=1e-3)
    assert registry.cite("dcare_bone_hr_postmenopausal").se == pytest.approx(rest**-0.5, rel=1e-3)
    frailty = math.log(1 + 0.37 * (of("S048") - 1)) / -math.log(0.63)
    assert of("sre_frailty") == pytest.approx(frailty, abs=1e-7)
    bone, distant = of("ebctcg_2013_bone_control"), of("ebctcg_2013_distant_control")
    assert of("ebctcg_share_bone") == pytest.approx(bone / distant, abs=5e-5)
    a_year = of("thomas_2009_relapse") / (40.07 / 12)
    assert of("c_metastatic_year") == pytest.approx(a_year, abs=0.01)
    for norm, expected in (
        ("ara", 0.8874),
        ("hse", 0.8751),
    ):  # a woman of 40, as the abstract has it
        found = of(f"norm_{norm}_intercept") + 40 * of(f"norm_{norm}_age")
        assert found + 1600 * of(f"norm_{norm}_age2") == pytest.approx(expected, abs=6e-5)
    theta = of("sre_frailty")
    for name, free, years in (("sre_rate_za", 0.5, 2.2), ("sre_rate_za_clinical", 0.705, 2)):
        rate = (free**-theta - 1) / (theta * years)
        assert of(name) == pytest.approx(rate, abs=1e-5)
    for kind in ("fracture", "radiation", "surgery", "compression"):
        both = [registry.cite(f"stopeck_{kind}_{arm}").events for arm in ("za", "denosumab")]
        assert registry.cite(f"stopeck_share_{kind}").events == sum(x or 0 for x in both)


def test_every_estimand_has_a_family_that_exists() -> None:
    assert {entry.family for entry in ESTIMANDS.values()} <= set(FAMILIES)


def test_the_registry_is_no_model() -> None:
    assert not [name for name in available(ROOT) if name.startswith("evidence")]
    with pytest.raises(InputError):
        load(ROOT / "inputs" / "evidence")


@pytest.mark.parametrize(
    ("changes", "column", "what"),
    [
        ({"value": "0.95"}, "value", "the interval 0.7 to 0.9 does not contain the value 0.95"),
        ({"low": "0.95", "high": "0.7"}, "low", "low 0.95 is above high 0.7"),
        ({"low": "-0.1"}, "value", "a hazard ratio is positive"),
        ({"value": "0,8"}, "value", "'0' is not"),
        ({"estimand": "hazrd ratio"}, "estimand", "Did you mean 'hazard ratio'?"),
        ({"status": "proven"}, "status", "unknown status 'proven'"),
        ({"checked": "maybe"}, "checked", "unknown checked 'maybe'"),
        ({"p_value": "small"}, "p_value", "'small' is not a p value"),
        ({"p_value": "1.5"}, "p_value", "'1.5' is not a p value"),
        ({"n": "0"}, "n", "0 is no number of patients"),
        (
            {"value": "", "low": "", "high": "", "events": "9", "denominator": "8"},
            "events",
            "there are more events than patients",
        ),
        (
            {"estimand": "proportion", "value": "1.2", "low": "", "high": ""},
            "value",
            "a proportion of 1.2 is above 1",
        ),
        (
            {"estimand": "rate", "value": "-0.1", "low": "", "high": ""},
            "value",
            "a rate of -0.1 is below 0",
        ),
        ({"source": ""}, "source", "names no source"),
        ({"se": "0"}, "se", "the standard error 0 is not positive"),
        ({"events": "4"}, "events", "events and denominator go together"),
        ({"id": "a b"}, "id", "'a b' cannot be an id"),
        ({"superseded_by": "nothing"}, "id", "superseded by the unknown evidence 'nothing'"),
        (
            {"estimand": "proportion", "events": "8", "denominator": "20"},
            "value",
            "8 of 20 is 0.4, not 0.8",
        ),
    ],
)
def test_a_bad_row_is_refused_with_its_place(
    changes: dict[str, str], column: str, what: str
) -> None:
    if changes.get("value") == "0,8":
        text = line(value='"0,8"')
        what = "has a comma"
    else:
        text = line(**changes)
    with pytest.raises(InputError) as error:
        made(text)
    problem = error.value.problems[0]
    place = COLUMNS.index(column) + 1
    assert problem.where == f"evidence.csv:2:{place} ({column})"
    assert what in str(problem)


def test_all_problems_come_at_once() -> None:
    with pytest.raises(InputError) as error:
        made(line(value="2"), line(id="other", source=""), line(id="other"))
    assert [problem.where.split(":")[1] for problem in error.value.problems] == ["2", "3", "4"]


def test_columns_are_checked() -> None:
    with pytest.raises(InputError, match="there is no column 'note'"):
        registry_from_table(parse_csv(HEADER.replace(",note", "") + "\n", "evidence.csv"))
    with pytest.raises(InputError, match="unknown column 'colour'"):
        registry_from_table(parse_csv(HEADER + ",colour\n", "evidence.csv"))


def test_a_chain_of_successors_is_refused() -> None:
    with pytest.raises(InputError, match="which is superseded itself"):
        made(
            line(id="a", superseded_by="b"),
            line(id="b", superseded_by="c"),
            line(id="c"),
        )


def test_unknown_evidence_is_refused(registry: Registry) -> None:
    with pytest.raises(InvalidValue, match="Did you mean 'stopeck_hr_first'"):
        registry.cite("stopeck_hr_frist")


def test_the_digits_of_a_figure_are_kept() -> None:
    """A value and its ends have the same digits: 0.8 between 0.66 and 0.90 is 0.80."""
    row = made(line(low="0.66", high="0.90", se="0.1", p_value="0.004")).rows["trial_hr"]
    halves = {"value": 0.005, "low": 0.005, "high": 0.005, "se": 0.05, "p_value": 0.0005}
    assert row.rounding == pytest.approx(halves)
    assert made(line(p_value="<0.001")).rows["trial_hr"].rounding == pytest.approx(
        {"value": 0.05, "low": 0.05, "high": 0.05}
    )


@pytest.mark.parametrize("se", ["1e200", "1e-200", "1e150", "101", "9e-7"])
def test_a_standard_error_that_cannot_be_meant(se: str) -> None:
    """The largest of a logarithm is 100: an interval from 1e-85 to 1e85 times the ratio."""
    with pytest.raises(InputError) as error:
        made(line(low="", high="", se=se))
    assert f"evidence.csv:2:11 (se): {float(se):g} cannot be the standard error" in str(error.value)
    assert made(line(low="", high="", se="100")).rows["trial_hr"].se == 100
