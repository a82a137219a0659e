"""What is printed is complete at any width, and the model's text is shown as it is."""

import io
import re

import pytest
from rich.console import Console

import heecon as he
from heecon.analysis.evaluation import Evaluation as Evaluation_of
from heecon.analysis.evaluation import run
from heecon.report.console import money
from heecon.report.run_report import describe, print_run
from heecon.report.tables import cost_per, summary
from heecon.table import Column
from tests.analysis.test_evaluation import parameters, small


def printed(evaluation: Evaluation_of, width: int) -> str:
    console = Console(file=io.StringIO(), width=width, no_color=True)
    print_run(evaluation, console)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


@pytest.fixture(scope="module")
def flagship() -> Evaluation_of:
    return run(he.load("bone_metastases/base_case"))


@pytest.mark.parametrize("width", [60, 72, 80, 90, 100, 119, 120, 140, 200])
def test_every_number_is_there_at_any_width(flagship: Evaluation_of, width: int) -> None:
    text = printed(flagship, width)
    assert max(map(len, text.splitlines())) <= width
    numbers = set(re.findall(r"[-+0-9.,]+", text))
    for cost in (flagship.cost(), flagship.cost(discounted=False)):
        assert {money(value) for value in cost.values()} <= numbers
    for category in flagship.by_category("cost").values():
        assert set(Column("cost", "", list(category.values()), "money").cells) <= numbers
    for health in (
        flagship.qalys(),
        flagship.qalys(discounted=False),
        flagship.life_years(),
        flagship.life_years(discounted=False),
    ):
        assert {f"{value:.4f}" for value in health.values()} <= numbers
    for row in flagship.summary():
        if row.kind == "count":
            assert f"{row.undiscounted:.4f}" in numbers
    for pair in flagship.pairwise():
        assert money(pair.icer) in {*numbers, ""}


def test_names_on_narrow_and_labels_on_wide_screens(flagship: Evaluation_of) -> None:
    assert "zoledronic_acid_12w" in printed(flagship, 90)
    wide = printed(flagship, 140)
    assert "Zoledronic acid 4 mg IV every 12 weeks" in wide
    assert "dominated by Zoledronic acid 4 mg IV every 12 weeks" in re.sub(r"\s+", " ", wide)


def test_the_header_says_how_results_were_counted(flagship: Evaluation_of) -> None:
    text = describe(flagship)
    for words in ("561 cycles of 28 days", "'life table'", "3.5%", "cycle start", "payer"):
        assert words in text


def test_stepped_rates_are_spelled_out() -> None:
    steps = [{"from": 0, "rate": 0.035}, {"from": 1, "rate": 0.03}]
    definition = small(discounting={"cost": steps, "effect": 0.015})
    text = describe(run(he.Model.from_dict(definition, parameters())))
    assert "costs 3.5%, then 3% from year 1, effects 1.5%" in text


def test_markup_in_labels_is_not_obeyed() -> None:
    definition = small(title="[red]Title[/red] [link=x]")
    definition["strategies"]["new"]["label"] = "[bold]New[/bold]"
    text = printed(run(he.Model.from_dict(definition, parameters())), 140)
    assert "[red]Title[/red] [link=x]" in text
    assert "[bold]New[/bold]" in text


def test_no_life_years_where_none_are_counted() -> None:
    """ "Life years 0.0000" stood in the first table of a model that counts none."""
    definition = small()
    for name, outcome in list(definition["outcomes"].items()):
        if outcome["kind"] == "life_year":
            del definition["outcomes"][name]
    evaluation = run(he.Model.from_dict(definition, parameters()))
    assert "life_year" not in {outcome.kind for outcome in evaluation.result.outcomes}
    assert "Life" not in printed(evaluation, 140)
    assert "total_life_year" not in summary(evaluation)["outcome"]


def test_every_count_is_an_event_whatever_the_order(flagship: Evaluation_of) -> None:
    text = printed(flagship, 200)
    health = text[text.index("Health per person") : text.index("Events per person")]
    events = text[text.index("Events per person") : text.index("Fully incremental")]
    for row in flagship.summary():
        if row.kind == "count":
            assert f" {row.undiscounted:.4f}" in events
            assert f" {row.undiscounted:.4f}" not in health


def test_totals_double_no_sum_by_kind(flagship: Evaluation_of) -> None:
    table = summary(flagship)
    for name, cost in flagship.cost().items():
        assert sum(table.where(strategy=name, kind="cost")["discounted"]) == pytest.approx(cost)
    assert set(table.where(kind="total")["outcome"]) == {
        "total_cost",
        "total_qaly",
        "total_life_year",
    }


def test_small_amounts_of_money_have_their_digits() -> None:
    """From Briggs's sumatriptan model: 4.71 v 22.06 was shown as 5 v 22."""
    assert Column("cost", "Cost", [4.71, 22.06, None, -0.001], "money").cells == (
        "4.71",
        "22.06",
        "",
        "0.00",
    )
    assert Column("cost", "Cost", [4.71, 1234.5], "money").cells == ("5", "1,234")
    assert Column("cost", "Cost", [5, 20.0], "money").cells == ("5", "20")


def test_costs_by_another_effect(flagship: Evaluation_of) -> None:
    """Life years gained and events avoided, under their own name, by hand."""
    table = cost_per(flagship, "life_years").where(strategy="denosumab")
    cost, years, base = flagship.cost(), flagship.life_years(), flagship.comparator
    assert table["life_years"][0] == pytest.approx(years["denosumab"], rel=1e-12)
    (outcome, *_) = [row.outcome for row in flagship.summary() if row.kind == "count"]
    counts = {row.strategy: row.discounted for row in flagship.summary() if row.outcome == outcome}
    found = cost_per(flagship, outcome, avoided=True)
    assert found.name == f"cost_per_{outcome}_avoided"
    for name, icer in zip(found["strategy"], found["icer_pairwise"], strict=True):
        if icer is not None:
            more, fewer = cost[name] - cost[base], counts[base] - counts[name]
            assert icer == pytest.approx(more / fewer)
    assert any(icer is not None for icer in found["icer_pairwise"])
    with pytest.raises(he.InputError, match=r"the model counts no 'life_yers'. Did you mean"):
        cost_per(flagship, "life_yers")


def test_money() -> None:
    assert [money(v) for v in (None, 0.0, -0.2, 1234.5, -1e6)] == [
        "",
        "0",
        "0",
        "1,234",
        "-1,000,000",
    ]
