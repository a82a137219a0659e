"""heecon one-way, two-way, threshold, price, price-grid, sobol and morris."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated, Any

import typer

from heecon import plot
from heecon.analysis.axis import axis
from heecon.analysis.evaluation import run
from heecon.analysis.gsa import factors_of
from heecon.analysis.morris import run_morris
from heecon.analysis.one_way import named_pair
from heecon.analysis.one_way import one_way as analyse_one_way
from heecon.analysis.price import (
    check_prices,
    crossed_strategies,
    discount_grid,
    generic_price_grid,
    named_prices,
    value_based_price,
)
from heecon.analysis.sobol import run_sobol
from heecon.analysis.threshold import threshold_analysis
from heecon.analysis.two_way import TwoWay
from heecon.analysis.two_way import two_way as analyse_two_way
from heecon.commands.common import (
    Against,
    Input,
    NoScenario,
    Of,
    Only,
    Out,
    PeopleSeed,
    Plots,
    Seed,
    Target,
    Threshold,
    folder_for,
    load_model,
    make_console,
    progress,
    refuse_models,
    say_compiling,
    say_simulated,
    say_written,
)
from heecon.errors import InputError, Problem
from heecon.files.table_file import number
from heecon.files.write import csv_files, write_all
from heecon.model.definition import Model
from heecon.report.gsa_report import morris_report, sobol_report
from heecon.report.report import Report, at_each, print_report
from heecon.report.run_files import manifest
from heecon.report.sensitivity_report import (
    one_way_report,
    price_report,
    threshold_report,
    two_way_report,
)

AxisRange = tuple[float, float] | None
Quantity = Annotated[
    list[str] | None,
    typer.Option(
        help="incremental_nmb (default), nmb, cost, effect, ...; may be repeated.",
        show_default=False,
    ),
]


def one_way(
    scenario: Target = None,
    no_scenario: NoScenario = False,
    threshold: Threshold = None,
    of: Of = None,
    against: Against = None,
    inputs: Input = None,
    range_: Annotated[
        list[str] | None,
        typer.Option(
            "--range",
            help="Instead of an input's own range: KEY=LOW,HIGH; may be repeated.",
            show_default=False,
        ),
    ] = None,
    link: Annotated[
        list[str] | None,
        typer.Option(
            help="Inputs that move together: NAME=key,key,...; may be repeated.",
            show_default=False,
        ),
    ] = None,
    icer: Annotated[bool, typer.Option("--icer", help="Tornado on the ICER.")] = False,
    seed: PeopleSeed = None,
    plots: Plots = None,
    out: Out = None,
) -> None:
    """Move every uncertain input to the ends of its range, one at a time."""
    model, began = _start(scenario, no_scenario, seed)
    links, ranges = _pairs("--link", link), _ranges(range_)

    def at(level: float | None) -> Report:
        found = analyse_one_way(
            model, level, against, of, parameters=inputs, ranges=ranges, links=links
        )
        return one_way_report(found, icer, model.settings.currency)

    with progress("One-way analysis"):
        report = at_each(threshold, at)
    finish(model, report, folder_for(model, out, "one_way"), "one_way", began, plots)


def two_way(
    x: Annotated[str, typer.Argument(help="First input: its key.")],
    y: Annotated[str, typer.Argument(help="Second input.")],
    scenario: Target = None,
    no_scenario: NoScenario = False,
    threshold: Threshold = None,
    only: Only = None,
    x_range: Annotated[
        AxisRange, typer.Option(help="Ends of the first, instead of its own.", show_default=False)
    ] = None,
    y_range: Annotated[
        AxisRange, typer.Option(help="Ends of the second, instead of its own.", show_default=False)
    ] = None,
    steps: Annotated[int, typer.Option(help="Points on each axis.")] = 21,
    seed: PeopleSeed = None,
    plots: Plots = None,
    out: Out = None,
) -> None:
    """Move two inputs over a grid: which strategy is best where."""
    refuse_models(x, y)
    model, began = _start(scenario, no_scenario, seed)
    axes = []
    for key, ends in ((x, x_range), (y, y_range)):
        low, high = ends or (None, None)
        axes.append(axis(model, key, low=low, high=high, steps=steps))
    with progress("Grid", steps * steps) as advance:
        report = at_each(
            threshold,
            lambda level: two_way_report(
                analyse_two_way(model, axes[0], axes[1], level, strategies=only, on_draws=advance)
            ),
        )
    finish(model, report, folder_for(model, out, "two_way"), "two_way", began, plots)


def threshold_(
    parameter: Annotated[str, typer.Argument(metavar="KEY", help="The input: its key.")],
    scenario: Target = None,
    no_scenario: NoScenario = False,
    threshold: Threshold = None,
    only: Only = None,
    low: Annotated[float | None, typer.Option(help="Start of the range.")] = None,
    high: Annotated[float | None, typer.Option(help="End of the range.")] = None,
    seed: PeopleSeed = None,
    out: Out = None,
) -> None:
    """Find every value of an input at which the decision changes."""
    refuse_models(parameter)
    model, began = _start(scenario, no_scenario, seed)

    def at(level: float | None) -> Report:
        found = threshold_analysis(model, parameter, level, strategies=only, low=low, high=high)
        return threshold_report(found)

    with progress("Threshold"):
        report = at_each(threshold, at)
    finish(model, report, folder_for(model, out, "threshold"), "threshold", began)


def price(
    scenario: Target = None,
    no_scenario: NoScenario = False,
    inputs: Annotated[
        list[str] | None,
        typer.Option(
            "--input",
            help="Key of the price; may be repeated. Default: \\[analyses.price] of the model.",
            show_default=False,
        ),
    ] = None,
    threshold: Threshold = None,
    of: Of = None,
    against: Against = None,
    seed: PeopleSeed = None,
    out: Out = None,
) -> None:
    """Find the highest price of a drug that is worth paying."""
    refuse_models(*(inputs or []))
    model, began = _start(scenario, no_scenario, seed)

    keys = inputs or named_prices(model, "price", "parameters")
    check_prices(model, keys)
    with progress("Price"):
        found = value_based_price(model, keys, of, against, threshold)
    finish(model, price_report(found), folder_for(model, out, "price"), "price", began)


def price_grid(
    scenario: Target = None,
    no_scenario: NoScenario = False,
    first: Annotated[
        list[str] | None, typer.Option(help="Price of one drug. Default: \\[analyses.price_grid].")
    ] = None,
    second: Annotated[
        list[str] | None, typer.Option(help="Price of the other. Default: \\[analyses.price_grid].")
    ] = None,
    price: Annotated[
        list[float] | None,
        typer.Option(help="Prices of the first drug, instead of discounts; may be repeated."),
    ] = None,
    threshold: Threshold = None,
    only: Only = None,
    seed: PeopleSeed = None,
    plots: Plots = None,
    out: Out = None,
) -> None:
    """Cross two drugs' confidential discounts, or prices of one: the decision in each cell.

    Decided is between the drugs whose prices are crossed, unless --only names others.
    """
    refuse_models(*(first or []), *(second or []))
    model, began = _start(scenario, no_scenario, seed)

    one, other = (
        first or named_prices(model, "price_grid", "first"),
        second or named_prices(model, "price_grid", "second"),
    )
    among = only or crossed_strategies(model, one, other)

    def at(level: float | None) -> Report:
        found: TwoWay = (
            generic_price_grid(model, one, other, level, prices=price, strategies=among)
            if price
            else discount_grid(model, one, other, level, strategies=among)
        )
        return two_way_report(found, "price_grid")

    with progress("Grid"):
        report = at_each(threshold, at)
    finish(model, report, folder_for(model, out, "price_grid"), "price_grid", began, plots)


def sobol(
    scenario: Target = None,
    no_scenario: NoScenario = False,
    size: Annotated[int, typer.Option(help="Base points, a power of two.")] = 512,
    seed: Seed = 1,
    threshold: Threshold = None,
    of: Of = None,
    against: Against = None,
    inputs: Input = None,
    quantity: Quantity = None,
    second_order: Annotated[bool, typer.Option("--second-order", help="Pairs too.")] = False,
    out: Out = None,
) -> None:
    """Share the variance of results out among the uncertain inputs."""
    model, began = _start(scenario, no_scenario, None)

    pair = named_pair(model, of, against, threshold)
    count = len(factors_of(model, inputs))
    with progress("Runs", size * ((2 if second_order else 1) * count + 2)) as advance:
        found = run_sobol(
            model,
            size,
            seed,
            factors=inputs,
            quantities=quantity or ["incremental_nmb"],
            thresholds=threshold,
            comparator=pair[1],
            second_order=second_order,
            on_draws=advance,
        )
    report = sobol_report(found, pair)
    finish(model, report, folder_for(model, out, "sobol"), "sobol", began, seed=seed, size=size)


def morris(
    scenario: Target = None,
    no_scenario: NoScenario = False,
    trajectories: Annotated[int, typer.Option(help="How many.")] = 50,
    seed: Seed = 1,
    threshold: Threshold = None,
    of: Of = None,
    against: Against = None,
    inputs: Input = None,
    quantity: Quantity = None,
    out: Out = None,
) -> None:
    """Screen the uncertain inputs for those that matter."""
    model, began = _start(scenario, no_scenario, None)

    pair = named_pair(model, of, against, threshold)
    with progress("Runs", trajectories * (len(factors_of(model, inputs)) + 1)) as advance:
        found = run_morris(
            model,
            trajectories,
            seed,
            factors=inputs,
            quantities=quantity or ["incremental_nmb"],
            thresholds=threshold,
            comparator=pair[1],
            on_draws=advance,
        )
    report = morris_report(found, pair)
    finish(model, report, folder_for(model, out, "morris"), "morris", began, seed=seed)


def _start(scenario: str | None, no_scenario: bool, seed: int | None) -> tuple[Model, float]:
    began = time.perf_counter()
    model = load_model(scenario, no_scenario, seed)
    say_simulated(model)
    run(model, on_compile=say_compiling)
    return model, began


def finish(
    model: Model | None,
    report: Report,
    folder: Path,
    name: str,
    began: float,
    plots: Plots = None,
    **settings: Any,
) -> None:
    """Write the files of an analysis, then print it.

    Args:
        model: None for another program's results.
        report: what to write and print.
        folder: where to.
        name: of the analysis.
        began: when it began, for the manifest.
        plots: what to draw its pictures as.
        settings: seed, sizes, for the manifest.
    """
    contents = csv_files(report.tables) | plot.files(report.pictures, plots or ())
    seconds = time.perf_counter() - began
    about = settings if model is None else manifest(model, seconds, **settings)
    paths = write_all(folder, contents, f"{name}_manifest.json", about)
    console = make_console()
    print_report(report, console)
    say_written(console, folder, paths)


def _pairs(option: str, texts: list[str] | None) -> dict[str, list[str]]:
    """What an option that is written NAME=value,value says."""
    found = {}
    for text in texts or []:
        name, equals, values = text.partition("=")
        if not (name and equals and values):
            what = f"'{text}' has no name or no values"
            raise InputError(Problem(option, what, "Write NAME=value,value"))
        found[name.strip()] = [value.strip() for value in values.split(",")]
    return found


def _ranges(texts: list[str] | None) -> dict[str, tuple[float, float]]:
    found = {}
    for key, ends in _pairs("--range", texts).items():
        try:
            low, high = map(number, ends)
        except ValueError:
            what = f"'{','.join(ends)}' are not the two ends of a range"
            raise InputError(Problem("--range", what, f"Write {key}=LOW,HIGH")) from None
        found[key] = low, high
    return found
