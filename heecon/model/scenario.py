"""Scenario files: overrides of a model's settings and parameters, and nothing else."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from heecon.errors import Diagnostics, InputError, InvalidValue, Problem, shown
from heecon.files import locate, names
from heecon.files.shape import faults_of, is_finite
from heecon.files.toml_file import TomlFile, read_toml
from heecon.model.citation import Sources
from heecon.model.definition import ScenarioInfo
from heecon.model.joint import JOINT_FAMILIES
from heecon.model.parameter import COLUMNS, Parameter, parameter_from_row
from heecon.model.schema import ParameterOverride, ScenarioFile

MAX_CHAIN = 20


@dataclass(frozen=True)
class Layer:
    """One scenario file of a chain."""

    file: TomlFile
    content: ScenarioFile
    path: Path


@dataclass(frozen=True)
class Overrides:
    """What a scenario changes, the file it extends applied first.

    Attributes:
        info: title, purpose and analyses.
        layers: the files, base first.
        model: name of the model, if a file says so, and where.
        problems: what is wrong with the files themselves.
    """

    info: ScenarioInfo
    layers: tuple[Layer, ...] = field(default=())
    model: tuple[str | None, str] = (None, "")
    problems: tuple[Problem, ...] = ()

    def strategies(self, known: Collection[str]) -> tuple[tuple[str, ...] | None, list[Problem]]:
        """The strategies to keep: those of the last file that names any; None for all.

        Args:
            known: the strategies of the model; others are problems.
        """
        naming = [layer for layer in self.layers if layer.content.strategies is not None]
        if not naming:
            return None, []
        problems: list[Problem] = []
        kept: list[str] = []
        for index, name in enumerate(naming[-1].content.strategies or ()):
            place = f"{naming[-1].file.where(('strategies', index))} (strategies)"
            if name not in known:
                what = f"unknown strategy {shown(name)}"
                problems.append(Problem(place, what, names.did_you_mean(name, known)))
            elif name in kept:
                what = f"the strategy '{name}' stands twice"
                problems.append(Problem(place, what, "Delete one of them"))
            else:
                kept.append(name)
        return tuple(kept) or None, problems

    def with_every_strategy(self) -> Overrides:
        """The same, leaving out no strategy of the model."""
        layers = tuple(
            replace(layer, content=layer.content.model_copy(update={"strategies": None}))
            for layer in self.layers
        )
        return replace(self, layers=layers)

    def settings(self) -> dict[str, tuple[Any, Layer]]:
        """Overridden keys of [model] with the file each comes from."""
        found: dict[str, tuple[Any, Layer]] = {}
        for layer in self.layers:
            found |= {key: (value, layer) for key, value in layer.content.settings.items()}
        return found


def read_overrides(path: Path, beside: Path | None = None) -> Overrides:
    """Read a scenario file and the files it extends.

    Args:
        path: the file.
        beside: another folder in which extended scenarios are looked for.

    Raises:
        InputError: a file is missing or not TOML, or the scenario extends itself.
    """
    layers: list[Layer] = []
    problems: list[Problem] = []
    current = path
    while True:
        layer, found = _read_layer(current)
        problems += found
        layers.insert(0, layer)
        parent = layer.content.extends
        where = f"{layer.file.where(('extends',))} (extends)"
        if parent is None:
            break
        folders = [current.parent, *([beside] if beside is not None else [])]
        current = locate.sibling(folders, parent, where, layer.content.model or "")
        if current in [known.path for known in layers] or len(layers) > MAX_CHAIN:
            what = f"'{parent}' leads back to a scenario that extends it"
            raise InputError(
                Problem(where, what, "End the chain with a scenario without 'extends'")
            )
    last = layers[-1]
    engine = next((x.content.engine for x in reversed(layers) if x.content.engine), "")
    analyses: dict[str, dict[str, object]] = {}
    for layer in layers:
        for analysis, sizes in layer.content.analyses.items():
            analyses[analysis] = {**analyses.get(analysis, {}), **sizes}
    named = [layer for layer in layers if layer.content.model is not None]
    model = (named[-1].content.model, named[-1].file.where(("model",))) if named else (None, "")
    info = ScenarioInfo(
        path.stem,
        last.content.title,
        last.content.purpose,
        engine,
        last.content.extends or "",
        analyses,
    )
    return Overrides(info, tuple(layers), model, tuple(problems))


def apply_to_parameters(
    parameters: Sequence[Parameter],
    overrides: Overrides,
    strategies: Sequence[str],
    sources: Sources | None = None,
) -> tuple[tuple[Parameter, ...], list[Problem]]:
    """Replace rows by what the scenario says of them.

    A bare number fixes the parameter there and makes it an assumption of the scenario; a table
    with value, distribution, status and source gives it new evidence, or cites it from the
    registry. A value for a single strategy adds or replaces that strategy's own row.
    """
    rows = {(row.name, row.strategy): row for row in parameters}
    problems: list[Problem] = []
    for layer in overrides.layers:
        for name, given in layer.content.parameters.items():
            try:
                changed, found = _changed(name, given, layer, rows, strategies, sources)
            except InvalidValue as complaint:
                place = f"{layer.file.where(('parameters', name))} (parameters.{name})"
                problems.append(complaint.at(place))
            else:
                problems += found
                rows |= {(row.name, row.strategy): row for row in changed}
    return tuple(rows.values()), problems


def _changed(
    name: str,
    given: Any,
    layer: Layer,
    rows: Mapping[tuple[str, str | None], Parameter],
    strategies: Sequence[str],
    sources: Sources | None,
) -> tuple[list[Parameter], list[Problem]]:
    """The rows one override changes or adds."""
    templates = {row.strategy: row for row in rows.values() if row.name == name}
    if not templates:
        known = dict.fromkeys(known for known, _ in rows)
        raise InvalidValue(f"unknown parameter {shown(name)}", names.did_you_mean(name, known))
    by_strategy = _by_strategy(given, strategies)
    if None in by_strategy and None not in templates:
        own = ", ".join(f"{strategy} = ..." for strategy in templates)
        what = f"parameter '{name}' has a row for each strategy, which would go before this one"
        raise InvalidValue(what, f"Say which: {name} = {{ {own} }}")
    changed: list[Parameter] = []
    problems: list[Problem] = []
    for strategy, content in by_strategy.items():
        template = templates.get(strategy) or next(iter(templates.values()))
        path = ("parameters", name) if strategy is None else ("parameters", name, strategy)
        row, found = _override(replace(template, strategy=strategy), content, layer, path, sources)
        problems += found
        changed += [row] if row is not None else []
    return changed, problems


def _by_strategy(given: Any, strategies: Sequence[str]) -> Mapping[str | None, Any]:
    """Split ``{denosumab = 1, pamidronate = 2}`` into strategies; anything else is for all."""
    if not isinstance(given, Mapping):
        return {None: given}
    fields = ParameterOverride.model_fields
    for key in given:
        if key not in fields and key not in strategies:
            what = f"{shown(key)} is neither a strategy nor a key of a parameter"
            raise InvalidValue(what, names.did_you_mean(key, [*strategies, *fields]))
    if any(key in fields for key in given):
        return {None: given}
    return {str(key): value for key, value in given.items()}


def _override(
    base: Parameter,
    content: Any,
    layer: Layer,
    path: tuple[str, ...],
    sources: Sources | None,
) -> tuple[Parameter | None, list[Problem]]:
    place = f"{layer.file.where(path)} ({'.'.join(path)})"
    source = f"set by scenario '{layer.content.title}'"
    if isinstance(content, int | float) and not isinstance(content, bool):
        if not is_finite(content):
            return None, [Problem(place, "the value is not a finite number", "Give one")]
        return base.overridden(float(content), source, place), []
    if not isinstance(content, Mapping):
        what = f"{shown(content)} cannot be the value of a parameter"
        remedy = "Give a number, or a table with value = ... or evidence = ..."
        return None, [Problem(place, what, remedy)]

    def where(below: Sequence[str | int]) -> str:
        return layer.file.where((*path, *below))

    try:
        given = ParameterOverride.model_validate(content)
    except ValidationError as error:
        return None, list(faults_of(error, content, where, ParameterOverride).values())
    own = {
        key: str(value) if isinstance(value, str) else repr(value)
        for key, value in given.model_dump(exclude_none=True).items()
    }
    kept = {"name": base.name, "label": base.label, "unit": base.unit, "tags": " ".join(base.tags)}
    if given.evidence is None:
        kept["source"] = source
    if base.strategy is not None:
        kept["strategy"] = base.strategy
    if given.distribution in JOINT_FAMILIES:
        kept["correlation_group"] = base.correlation_group
    cells = {column: cell for column, cell in (kept | own).items() if cell and column in COLUMNS}
    places = {"": place} | {key: f"{where((key,))} ({'.'.join(path)}.{key})" for key in own}
    diagnostics = Diagnostics()
    row = parameter_from_row(cells, places, diagnostics, sources)
    return row, list(diagnostics.errors)


def _read_layer(path: Path) -> tuple[Layer, list[Problem]]:
    """A scenario file without its wrong keys, and what is wrong with them."""
    file = read_toml(path, f"{path.parent.name}/{path.name}")
    try:
        return Layer(file, ScenarioFile.model_validate(dict(file.data)), path), []
    except ValidationError as error:
        faults = faults_of(error, file.data, file.where, ScenarioFile)
    wrong = {key[0] for key in faults}
    # Only the title is needed; its place is taken by the name of the file.
    sound = {"title": path.stem} | {k: v for k, v in file.data.items() if k not in wrong}
    return Layer(file, ScenarioFile.model_validate(sound), path), list(faults.values())
