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
        assert {money(value) for value in category.values()} <= numbers
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


def test_money() -> None:
    assert [money(v) for v in (None, 0.0, -0.2, 1234.5, -1e6)] == [
        "",
        "0",
        "0",
        "1,234",
        "-1,000,000",
    ]
