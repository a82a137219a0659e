"""heecon psa: probabilistic sensitivity analysis."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from heecon.analysis.ceac import population_size
from heecon.analysis.convergence import until as run_until
from heecon.analysis.draws_file import GivenDraws, read_draws, read_outcomes
from heecon.analysis.engines import options_of, with_engine
from heecon.analysis.outcomes import Outcomes, check_threshold, named_thresholds
from heecon.analysis.psa import DRAWS, run_psa, size_of_psa
from heecon.analysis.subgroups import by_subgroup, check_weights, read_subgroups, weighted
from heecon.analysis.subgroups import mixture as mixed
from heecon.commands.common import (
    Against,
    Engine,
    NoScenario,
    Out,
    Patients,
    People,
    Plots,
    Rate,
    Seed,
    Target,
    Threshold,
    Years,
    folder_beside,
    folder_for,
    load_model,
    make_console,
    progress,
    say_compiling,
    say_warnings,
    say_written,
)
from heecon.editable import EditableModel
from heecon.errors import Diagnostics, InputError, Problem
from heecon.files.table_file import number
from heecon.files.write import file_hash
from heecon.model.definition import Model, SourceFile
from heecon.report.console import show
from heecon.report.psa_report import print_psa, report, write_psa
from heecon.report.run_files import manifest


class Method(StrEnum):
    """How parameters are drawn."""

    RANDOM = "random"
    LATIN_HYPERCUBE = "latin_hypercube"
    SOBOL = "sobol"


class Headline(StrEnum):
    """Which result comes first."""

    PROBABILISTIC = "probabilistic"
    DETERMINISTIC = "deterministic"


class OnError(StrEnum):
    """What happens to a draw that breaks the model."""

    STOP = "stop"
    RECORD = "record"


def psa(
    scenario: Target = None,
    no_scenario: NoScenario = False,
    draws: Annotated[
        int | None, typer.Option(help="Number of draws. Default: the scenario's, or 10,000.")
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Any whole number. Default: 1.")] = None,
    method: Annotated[Method, typer.Option(help="How parameters are drawn.")] = Method.RANDOM,
    threshold: Threshold = None,
    until: Annotated[
        float | None,
        typer.Option(
            help="Run until no increment of net benefit at the first threshold has a larger "
            "Monte Carlo standard error; --draws is then the limit."
        ),
    ] = None,
    on_error: Annotated[
        OnError, typer.Option(help="Stop at a draw that breaks the model, or record and go on.")
    ] = OnError.STOP,
    headline: Annotated[
        Headline, typer.Option(help="The result that comes first (NICE: deterministic).")
    ] = Headline.PROBABILISTIC,
    people: People = None,
    years: Years = 10.0,
    rate: Rate = 0.035,
    external: Annotated[
        Path | None,
        typer.Option(help="Analyse another program's results: draw, strategy, cost, effect."),
    ] = None,
    parameters: Annotated[
        Path | None,
        typer.Option(
            help="Draws to run instead of sampling: a row each, a column each input. "
            "With --external: the parameters of its draws."
        ),
    ] = None,
    against: Against = None,
    engine: Engine = None,
    patients: Patients = None,
    plots: Plots = None,
    out: Out = None,
) -> None:
    """Draw the uncertain inputs, run every draw, and say how sure the decision is."""
    began = time.perf_counter()

    settings: dict[str, object]
    for value in threshold or ():
        check_threshold(value)
    check_external(
        external, scenario=scenario, no_scenario=no_scenario or None, draws=draws, seed=seed,
        method=method, until=until, on_error=on_error, engine=engine, patients=patients,
    )  # fmt: skip
    if external is not None:
        outcomes = read_outcomes(external, parameters, against or "")
        folder = folder_beside(external, out)
        hashed = {path.name: file_hash(path) for path in (external, parameters) if path}
        settings = {"external": hashed, "draws": outcomes.draws}
    else:
        own = load_model(scenario, no_scenario)
        model = with_engine(own, engine, patients, seed)
        folder = folder_for(model, out, "psa", own.scenario.engine)
        if parameters is not None:
            check_given(model, draws=draws, seed=seed, method=method, until=until)
            given = read_draws(parameters, model)
            outcomes = _replay(model, given, str(on_error))
            settings = {"parameters": {parameters.name: file_hash(parameters)}}
            settings |= {"draws": outcomes.draws, "kept_at_base": list(given.fixed)}
        else:
            count, start = size_of_psa(model, draws, seed)
            outcomes = _run(model, count, start, method, threshold, until, on_error, against)
            settings = {"seed": start, "draws": outcomes.draws, "method": str(method)}
        outcomes = replace(outcomes, comparator=against or outcomes.comparator)
        settings["left_out"] = len(outcomes.failed)
        if outcomes.simulation is not None:
            settings["patients"] = options_of(model).patients
            settings["seed_of_people"] = options_of(model).seed
    thresholds = named_thresholds(outcomes, threshold)
    population = None if people is None else population_size(people, years, rate)
    found = report(outcomes, thresholds, population, str(headline))
    seconds = time.perf_counter() - began
    if external is None:
        settings = manifest(model, seconds, **settings)
    paths = write_psa(found, folder, settings, plots or ())
    console = make_console()
    print_psa(found, console)
    if outcomes.failed:
        number, (draw, message) = len(outcomes.failed), outcomes.failed[0]
        words = f"{number} of {number + outcomes.draws} draws were left out; the first, {draw}: "
        console.print(words + message, markup=False, highlight=False)
    say_written(console, folder, paths)


def check_external(external: Path | None, **of_a_model: object) -> None:
    """Refuse options that another program's results leave without effect."""
    if external is not None:
        _refuse("--external", "another program's results are as they are", of_a_model)


def check_given(model: Model, **of_sampling: object) -> None:
    """Refuse options that draws from a file leave without effect."""
    if model.scenario.engine != "cohort":
        of_sampling.pop("seed")  # it is the people's
    _refuse("--parameters", "the draws are those of the file", of_sampling)


def _refuse(where: str, what: str, options: Mapping[str, object]) -> None:
    """Refuse the options that were given."""
    given = [
        f"--{name.replace('_', '-')}" if name != "scenario" else "the scenario"
        for name, value in options.items()
        if value not in {None, Method.RANDOM, OnError.STOP}
    ]
    if given:
        raise InputError(Problem(where, what, f"Drop {', '.join(given)}"))


def mixture(
    parts: Annotated[
        list[str],
        typer.Argument(
            help="SCENARIO=WEIGHT, several; the weights sum to 1. With --by: one, without."
        ),
    ],
    subgroups: Annotated[
        bool,
        typer.Option("--subgroups", help="They are parts of a population, not rival structures."),
    ] = False,
    by: Annotated[
        Path | None,
        typer.Option(
            help="A table of subgroups: subgroup, weight (a share of the weights' sum), and a "
            "column each input that differs.",
            show_default=False,
        ),
    ] = None,
    draws: Annotated[int, typer.Option(help="Number of draws.")] = DRAWS,
    seed: Seed = 1,
    threshold: Threshold = None,
    against: Against = None,
    plots: Plots = None,
    out: Out = None,
) -> None:
    """Probabilistic analysis of rival scenarios, or of subgroups, with weights."""
    runs, files, warnings = {}, {}, {}
    kind = "subgroup" if subgroups else "scenario"
    models = _scenarios(parts, kind) if by is None else _subgroups(parts, by)
    for name, (model, weight) in models.items():
        warnings[name] = list(model.warnings)
        files[name] = {file.name: f"sha256:{file.sha256}" for file in model.files}
        with progress(name, draws) as advance:
            outcomes = run_psa(model, draws, seed, on_draws=advance, on_compile=say_compiling)
        runs[name] = outcomes, weight
    are_people = subgroups or by is not None
    together = weighted(runs) if are_people else mixed(runs, seed)
    together = replace(together, comparator=against or together.comparator)
    found = report(together, named_thresholds(together, threshold))
    names = sorted({model.name for model, _ in models.values()})
    folder = out or Path("reports") / "+".join(names) / "psa_mixture"
    weights = {name: weight for name, (_, weight) in runs.items()}
    about = {"parts": weights, "files": files, "subgroups": are_people, "seed": seed}
    about |= {"draws": draws, "warnings": warnings}
    tables = [by_subgroup(runs, together)] if are_people else []
    paths = write_psa(found, folder, about, plots or (), tables)
    console = make_console()
    print_psa(found, console)
    for table in tables:
        show(console, table)
    if by is not None:
        console.print(f"Weights are shares of the sum of those in {by.name}.", highlight=False)
    say_written(console, folder, paths)


def _scenarios(parts: list[str], kind: str) -> dict[str, tuple[Model, float]]:
    weights, diagnostics = _weights(parts), Diagnostics()
    check_weights(weights, kind, diagnostics)
    diagnostics.raise_if_any()
    return {name: (load_model(name), weight) for name, weight in weights.items()}


def _subgroups(parts: list[str], by: Path) -> dict[str, tuple[Model, float]]:
    """The scenario with the inputs of each subgroup."""
    if len(parts) != 1 or "=" in parts[0]:
        raise InputError(Problem("--by", "it is about one scenario", "Name one, without a weight"))
    model = EditableModel.of(load_model(parts[0]))
    groups = read_subgroups(by, model)
    files = (*model.files, SourceFile(by.name, file_hash(by)))
    found: dict[str, tuple[Model, float]] = {}
    diagnostics = Diagnostics()
    for name, (weight, values, where) in groups.items():
        try:
            found[name] = replace(model.with_values(values), files=files), weight
        except InputError as error:
            diagnostics.add(
                Problem(where, f"with the values of '{name}', {p.where}: {p.what}", p.hint)
                for p in error.problems
            )
    diagnostics.raise_if_any()
    return found


def _weights(parts: list[str]) -> dict[str, float]:

    found = {}
    for part in parts:
        name, _, weight = part.rpartition("=")
        if name in found:
            raise InputError(
                Problem("psa-mixture", f"'{name}' stands twice", "Name each scenario once")
            )
        try:
            found[name] = number(weight)
        except ValueError:
            name = ""
        if not name:
            hint = "Write SCENARIO=WEIGHT, such as bone_metastases/base_case=0.6"
            raise InputError(Problem("psa-mixture", f"'{part}' has no weight", hint))
    return found


def _run(
    model: Model,
    count: int,
    seed: int,
    method: Method,
    threshold: list[float] | None,
    error: float | None,
    on_error: OnError,
    comparator: str | None,
) -> Outcomes:

    with progress("Draws", count) as advance:
        if error is None:
            outcomes = run_psa(
                model,
                count,
                seed,
                str(method),
                on_draws=advance,
                on_compile=say_compiling,
                on_error=str(on_error),
            )
        else:
            first = (threshold or [*model.settings.thresholds, 0.0])[0]
            stopped = run_until(
                model,
                first,
                increment_error=error,
                batch=min(1_000, count),
                limit=count,
                seed=seed,
                comparator=comparator,
                on_batch=lambda found: advance(found.draws),
            )
            if not stopped.reached:
                typer.echo(f"The error of {error:g} was not reached in {count:,} draws.", err=True)
            outcomes = stopped.outcomes
    return outcomes


def _replay(model: Model, given: GivenDraws, on_error: str) -> Outcomes:
    """Run the draws of a file, each once; tell what stays fixed though it is uncertain."""
    say_warnings(given.notes)
    count = len(next(iter(given.values.values())))
    with progress("Draws", count) as advance:
        return run_psa(
            model,
            values=given.values,
            draw_names=given.names,
            on_draws=advance,
            on_compile=say_compiling,
            on_error=on_error,
        )
