"""Scenario files: overrides of a model's settings and parameters, and nothing else."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from heecon.errors import Diagnostics, InputError, InvalidValue, Problem, shown
from heecon.files import locate, names
from heecon.files.shape import Where, faults_of, is_finite
from heecon.files.toml_file import read_toml
from heecon.model.citation import Sources
from heecon.model.definition import ScenarioInfo
from heecon.model.joint import JOINT_FAMILIES
from heecon.model.parameter import Parameter, parameter_from_row
from heecon.model.schema import ParameterOverride, ScenarioFile

MAX_CHAIN = 20


@dataclass(frozen=True)
class Layer:
    """One scenario of a chain.

    Attributes:
        content: what it says.
        where: turns a key path of the content into a place, such as ``file:row:column``.
        name: what to call it.
        path: its file; None for one that stands in no file.
    """

    content: ScenarioFile
    where: Where
    name: str
    path: Path | None = None

    def place(self, *path: str) -> str:
        """The place of a key path, and the path itself."""
        return f"{self.where(path)} ({'.'.join(path)})"


@dataclass(frozen=True)
class Overrides:
    """What a scenario changes, the scenario it extends applied first.

    Attributes:
        info: title, purpose and analyses.
        layers: the scenarios, base first.
        model: name of the model, if a file says so, and where.
        problems: what is wrong with the files themselves.
    """

    info: ScenarioInfo
    layers: tuple[Layer, ...] = field(default=())
    model: tuple[str | None, str] = (None, "")
    problems: tuple[Problem, ...] = ()

    def strategies(
        self, known: Collection[str], diagnostics: Diagnostics
    ) -> tuple[str, ...] | None:
        """The strategies to keep: those of the last scenario that names any; None for all.

        Args:
            known: the strategies of the model; others are errors.
            diagnostics: takes them.
        """
        naming = [layer for layer in self.layers if layer.content.strategies is not None]
        if not naming:
            return None
        kept: list[str] = []
        for index, name in enumerate(naming[-1].content.strategies or ()):
            place = f"{naming[-1].where(('strategies', index))} (strategies)"
            if name not in known:
                hint = names.did_you_mean(name, known)
                diagnostics.error(place, f"unknown strategy {shown(name)}", hint)
            elif name in kept:
                what = f"the strategy '{name}' stands twice"
                diagnostics.error(place, what, "Delete one of them")
            else:
                kept.append(name)
        return tuple(kept) or None

    def with_every_strategy(self) -> Overrides:
        """The same, leaving out no strategy of the model."""
        layers = tuple(
            replace(layer, content=layer.content.model_copy(update={"strategies": None}))
            for layer in self.layers
        )
        return replace(self, layers=layers)

    def settings(self) -> dict[str, tuple[Any, Layer]]:
        """Overridden keys of [model] with the scenario each comes from."""
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
    last, problems = _read_layer(path)
    return overrides_of(last, beside, problems)


def overrides_of(last: Layer, beside: Path | None, problems: Sequence[Problem] = ()) -> Overrides:
    """What a scenario changes together with those it extends.

    Args:
        last: the scenario.
        beside: where an extended scenario is looked for, after the folder of its file.
        problems: what is wrong with it.

    Raises:
        InputError: as ``read_overrides``.
    """
    layers, found = [last], list(problems)
    while (parent := layers[0].content.extends) is not None:
        where = layers[0].place("extends")
        file = layers[0].path
        folders = [*([file.parent] if file else []), *([beside] if beside else [])]
        path = locate.sibling(folders, parent, where, layers[0].content.model or "")
        if path in [known.path for known in layers] or len(layers) > MAX_CHAIN:
            what = f"'{parent}' leads back to a scenario that extends it"
            if len(layers) > MAX_CHAIN:
                what = f"more than {MAX_CHAIN} scenarios extend each other"
            raise InputError(
                Problem(where, what, "End the chain with a scenario without 'extends'")
            )
        layer, more = _read_layer(path)
        layers.insert(0, layer)
        found += more
    named = [layer for layer in layers if layer.content.model is not None]
    model = (named[-1].content.model, named[-1].where(("model",))) if named else (None, "")
    return Overrides(_info(layers), tuple(layers), model, tuple(found))


def _info(layers: Sequence[Layer]) -> ScenarioInfo:
    """What a chain of scenarios says beside its overrides."""
    last = layers[-1].content
    analyses: dict[str, dict[str, object]] = {}
    for layer in layers:
        for analysis, sizes in layer.content.analyses.given().items():
            analyses[analysis] = {**analyses.get(analysis, {}), **sizes}
    engine = next((x.content.engine for x in reversed(layers) if x.content.engine), "")
    extends = last.extends or ""
    return ScenarioInfo(layers[-1].name, last.title, last.purpose, engine, extends, analyses)


def apply_to_parameters(
    parameters: Sequence[Parameter],
    overrides: Overrides,
    strategies: Sequence[str],
    diagnostics: Diagnostics,
    sources: Sources | None = None,
) -> tuple[Parameter, ...]:
    """Replace rows by what the scenario says of them.

    A bare number fixes the parameter there and makes it an assumption of the scenario; a table
    with value, distribution, status and source gives it new evidence, or cites it from the
    registry. A value for a single strategy adds or replaces that strategy's own row.
    """
    rows = {(row.name, row.strategy): row for row in parameters}
    for layer in overrides.layers:
        for name, given in layer.content.parameters.items():
            with diagnostics.collecting(layer.place("parameters", name)):
                for base, path, content in _rows_of(name, given, rows.values(), strategies):
                    row = _overridden(base, content, layer, path, diagnostics, sources)
                    rows |= {(row.name, row.strategy): row} if row is not None else {}
    return tuple(rows.values())


def _rows_of(
    name: str, given: Any, rows: Collection[Parameter], strategies: Sequence[str]
) -> list[tuple[Parameter, tuple[str, ...], Any]]:
    """The rows one override changes or adds: as each was, its key path, and what is said of it.

    Raises:
        InvalidValue: it is not clear what is meant.
    """
    templates = {row.strategy: row for row in rows if row.name == name}
    if not templates:
        known = dict.fromkeys(row.name for row in rows)
        raise InvalidValue(f"unknown parameter {shown(name)}", names.did_you_mean(name, known))
    by_strategy = _by_strategy(given, strategies)
    if None in by_strategy and None not in templates:
        own = ", ".join(f"{strategy} = ..." for strategy in templates)
        what = f"parameter '{name}' has a row for each strategy, which would go before this one"
        raise InvalidValue(what, f"Say which: {name} = {{ {own} }}")
    first = next(iter(templates.values()))
    return [
        (
            replace(templates.get(strategy, first), strategy=strategy),
            ("parameters", name) if strategy is None else ("parameters", name, strategy),
            content,
        )
        for strategy, content in by_strategy.items()
    ]


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


def _overridden(
    base: Parameter,
    content: Any,
    layer: Layer,
    path: tuple[str, ...],
    diagnostics: Diagnostics,
    sources: Sources | None,
) -> Parameter | None:
    """A row with what a scenario says of it; None where that cannot be understood."""
    place = layer.place(*path)
    source = f"set by scenario '{layer.content.title}'"
    if isinstance(content, int | float) and not isinstance(content, bool):
        if is_finite(content):
            return base.overridden(float(content), source, place)
        diagnostics.error(place, "the value is not a finite number", "Give one")
        return None
    if not isinstance(content, Mapping):
        what = f"{shown(content)} cannot be the value of a parameter"
        hint = "Give a number, or a table with value = ... or evidence = ..."
        diagnostics.error(place, what, hint)
        return None

    def where(below: Sequence[str | int]) -> str:
        return layer.where((*path, *below))

    try:
        given = ParameterOverride.model_validate(content)
    except ValidationError as error:
        diagnostics.add(faults_of(error, content, where, ParameterOverride).values())
        return None
    own = given.model_dump(exclude_none=True)
    kept = {"name": base.name, "label": base.label, "unit": base.unit, "tags": " ".join(base.tags)}
    if given.evidence is None:
        kept["source"] = source
    if base.strategy is not None:
        kept["strategy"] = base.strategy
    if given.distribution in JOINT_FAMILIES:
        kept["correlation_group"] = base.correlation_group
    cells = {column: cell for column, cell in (kept | own).items() if cell != ""}
    places = {"": place} | {key: layer.place(*path, key) for key in own}
    return parameter_from_row(cells, places, diagnostics, sources)


def _read_layer(path: Path) -> tuple[Layer, tuple[Problem, ...]]:
    """A scenario file without its wrong keys, and what is wrong with them."""
    file = read_toml(path, f"{path.parent.name}/{path.name}")
    data, faults = dict(file.data), {}
    try:
        content = ScenarioFile.model_validate(data)
    except ValidationError as error:
        faults = faults_of(error, data, file.where, ScenarioFile)
        wrong = {key[0] for key in faults}
        # Only the title is needed; its place is taken by the name of the file.
        sound = {"title": path.stem} | {k: v for k, v in data.items() if k not in wrong}
        content = ScenarioFile.model_validate(sound)
    return Layer(content, file.where, path.stem, path), tuple(faults.values())
