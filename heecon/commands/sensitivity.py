"""heecon one-way, two-way, threshold, price, price-grid, sobol and morris."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated, Any

import typer

from heecon import plot
from heecon.analysis.evaluation import run
from heecon.analysis.gsa import factors_of
from heecon.analysis.morris import run_morris
from heecon.analysis.one_way import one_way as analyse_one_way
from heecon.analysis.price import (
    check_prices,
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
    Out,
    Plots,
    Target,
    folder_for,
    load_model,
    make_console,
    progress,
    say_compiling,
    say_simulated,
    say_written,
)
from heecon.errors import InputError, Problem
from heecon.files.write import csv_files, write_all
from heecon.model.definition import Model
from heecon.report.run_files import manifest
from heecon.report.sensitivity_report import (
    Report,
    morris_report,
    one_way_report,
    price_report,
    print_report,
    sobol_report,
    threshold_report,
    two_way_report,
)

Threshold = Annotated[
    float | None, typer.Option(help="Willingness to pay per QALY. Default: the model's first.")
]
Strategies = Annotated[
    list[str] | None, typer.Option("--strategy", help="Decide among these only; may be repeated.")
]
Seed = Annotated[int, typer.Option(help="Any whole number.")]


def one_way(
    scenario: Target = None,
    threshold: Threshold = None,
    strategy: Annotated[str | None, typer.Option(help="Whose increments are shown.")] = None,
    comparator: Annotated[str | None, typer.Option(help="Against which.")] = None,
    parameter: Annotated[
        list[str] | None, typer.Option(help="Only these inputs; may be repeated.")
    ] = None,
    link: Annotated[
        list[str] | None,
        typer.Option(help="Inputs that move together: NAME=key,key,...; may be repeated."),
    ] = None,
    icer: Annotated[bool, typer.Option("--icer", help="Tornado on the ICER.")] = False,
    plots: Plots = None,
    out: Out = None,
) -> None:
    """Move every uncertain input to the ends of its range, one at a time."""
    model, began = _start(scenario)

    links = _links(link or [])
    found = analyse_one_way(
        model, threshold, comparator, strategy, parameters=parameter, links=links
    )
    finish(
        model,
        one_way_report(found, icer, model.settings.currency),
        folder_for(model, out, "one_way"),
        "one_way",
        began,
        plots,
    )


def two_way(
    x: Annotated[str, typer.Argument(help="First input: its key.")],
    y: Annotated[str, typer.Argument(help="Second input.")],
    scenario: Target = None,
    threshold: Threshold = None,
    strategy: Strategies = None,
    steps: Annotated[int, typer.Option(help="Points on each axis.")] = 21,
    plots: Plots = None,
    out: Out = None,
) -> None:
    """Move two inputs over a grid: which strategy is best where."""
    model, began = _start(scenario)

    with progress("Grid", steps * steps) as advance:
        found = analyse_two_way(
            model, x, y, threshold, strategies=strategy, steps=steps, on_draws=advance
        )
    _finish_grid(model, found, out, "two_way", began, plots)


def threshold_(
    parameter: Annotated[str, typer.Argument(help="The input: its key.")],
    scenario: Target = None,
    threshold: Threshold = None,
    strategy: Strategies = None,
    low: Annotated[float | None, typer.Option(help="Start of the range.")] = None,
    high: Annotated[float | None, typer.Option(help="End of the range.")] = None,
    out: Out = None,
) -> None:
    """Find every value of an input at which the decision changes."""
    model, began = _start(scenario)

    found = threshold_analysis(model, parameter, threshold, strategies=strategy, low=low, high=high)
    finish(model, threshold_report(found), folder_for(model, out, "threshold"), "threshold", began)


def price(
    parameter: Annotated[
        list[str] | None,
        typer.Argument(help="Key of the price, or keys. Default: [analyses.price] of the model."),
    ] = None,
    scenario: Annotated[
        str | None, typer.Option("--scenario", help="Scenario or model. Default: the base case.")
    ] = None,
    threshold: Annotated[
        list[float] | None, typer.Option(help="Willingness to pay per QALY; may be repeated.")
    ] = None,
    strategy: Annotated[
        str | None, typer.Option(help="Who pays it, where the key does not say.")
    ] = None,
    comparator: Annotated[str | None, typer.Option(help="Against which.")] = None,
    out: Out = None,
) -> None:
    """Find the highest price of a drug that is worth paying."""
    model, began = _start(scenario)

    keys = parameter or named_prices(model, "price", "parameters")
    check_prices(model, keys)
    found = value_based_price(model, keys, strategy, comparator, threshold)
    finish(model, price_report(found), folder_for(model, out, "price"), "price", began)


def price_grid(
    scenario: Target = None,
    first: Annotated[
        list[str] | None, typer.Option(help="Price of one drug. Default: [analyses.price_grid].")
    ] = None,
    second: Annotated[
        list[str] | None, typer.Option(help="Price of the other. Default: [analyses.price_grid].")
    ] = None,
    price: Annotated[
        list[float] | None,
        typer.Option(help="Prices of the first drug, instead of discounts; may be repeated."),
    ] = None,
    threshold: Threshold = None,
    strategy: Strategies = None,
    plots: Plots = None,
    out: Out = None,
) -> None:
    """Cross two drugs' confidential discounts, or prices of one: the decision in each cell."""
    model, began = _start(scenario)

    one, other = (
        first or named_prices(model, "price_grid", "first"),
        second or named_prices(model, "price_grid", "second"),
    )
    found = (
        generic_price_grid(model, one, other, threshold, prices=price, strategies=strategy)
        if price
        else discount_grid(model, one, other, threshold, strategies=strategy)
    )
    _finish_grid(model, found, out, "price_grid", began, plots)


def sobol(
    scenario: Target = None,
    size: Annotated[int, typer.Option(help="Base points, a power of two.")] = 512,
    seed: Seed = 1,
    strategy: Strategies = None,
    factor: Annotated[
        list[str] | None, typer.Option(help="Vary these only; may be repeated.")
    ] = None,
    quantity: Annotated[
        list[str] | None, typer.Option(help="incremental_nmb, nmb, cost, effect, ...")
    ] = None,
    second_order: Annotated[bool, typer.Option("--second-order", help="Pairs too.")] = False,
    out: Out = None,
) -> None:
    """Share the variance of results out among the uncertain inputs."""
    model, began = _start(scenario)

    count = len(factors_of(model, factor))
    with progress("Runs", size * ((2 if second_order else 1) * count + 2)) as advance:
        found = run_sobol(
            model,
            size,
            seed,
            factors=factor,
            quantities=quantity or ["incremental_nmb"],
            strategies=strategy,
            second_order=second_order,
            on_draws=advance,
        )
    finish(
        model,
        sobol_report(found),
        folder_for(model, out, "sobol"),
        "sobol",
        began,
        seed=seed,
        size=size,
    )


def morris(
    scenario: Target = None,
    trajectories: Annotated[int, typer.Option(help="How many.")] = 50,
    seed: Seed = 1,
    strategy: Strategies = None,
    quantity: Annotated[
        list[str] | None, typer.Option(help="incremental_nmb, nmb, cost, effect, ...")
    ] = None,
    out: Out = None,
) -> None:
    """Screen the uncertain inputs for those that matter."""
    model, began = _start(scenario)

    found = run_morris(
        model,
        trajectories,
        seed,
        quantities=quantity or ["incremental_nmb"],
        strategies=strategy,
    )
    finish(
        model, morris_report(found), folder_for(model, out, "morris"), "morris", began, seed=seed
    )


def _start(scenario: str | None) -> tuple[Model, float]:
    began = time.perf_counter()

    model = load_model(scenario)
    say_simulated(model)
    run(model, on_compile=say_compiling)
    return model, began


def _finish_grid(
    model: Model, found: TwoWay, out: Path | None, name: str, began: float, plots: Plots
) -> None:
    report = two_way_report(found, name)
    finish(model, report, folder_for(model, out, name), name, began, plots)


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


def _links(texts: list[str]) -> dict[str, list[str]]:

    links = {}
    for text in texts:
        name, found, keys = text.partition("=")
        if not (name and found and keys):
            what = f"'{text}' is not a link"
            raise InputError(Problem("--link", what, "Write NAME=key,key"))
        links[name.strip()] = [key.strip() for key in keys.split(",")]
    return links
