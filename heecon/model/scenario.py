"""Scenario files: overrides of a model's settings and parameters, and nothing else."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from heecon.errors import InputError, Problem
from heecon.model import library, names
from heecon.model.definition import ScenarioInfo
from heecon.model.parameter import COLUMNS, Parameter, parameter_from_row
from heecon.model.schema import ParameterOverride, ScenarioFile, problems_of
from heecon.model.toml_file import TomlFile, read_toml

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
    """

    info: ScenarioInfo
    layers: tuple[Layer, ...] = field(default=())
    model: tuple[str | None, str] = (None, "")

    @property
    def strategies(self) -> tuple[str, ...] | None:
        """The strategies to keep: those of the last file that names any."""
        for layer in reversed(self.layers):
            if layer.content.strategies is not None:
                return tuple(layer.content.strategies)
        return None

    def settings(self) -> dict[str, tuple[Any, Layer]]:
        """Overridden keys of [model] with the file each comes from."""
        found: dict[str, tuple[Any, Layer]] = {}
        for layer in self.layers:
            found |= {key: (value, layer) for key, value in layer.content.settings.items()}
        return found


def read_overrides(path: Path) -> Overrides:
    """Read a scenario file and the files it extends.

    Raises:
        InputError: a file is missing, malformed, or extends itself.
    """
    layers: list[Layer] = []
    current: Path | None = path
    while current is not None:
        layer = _read_layer(current)
        layers.insert(0, layer)
        parent = layer.content.extends
        where = layer.file.where(("extends",))
        current = library.sibling(current, parent, where) if parent is not None else None
        if current in [known.path for known in layers] or len(layers) > MAX_CHAIN:
            raise InputError(Problem(where, f"'{parent}' leads back to a scenario that extends it"))
    last = layers[-1]
    analyses: dict[str, dict[str, object]] = {}
    for layer in layers:
        for analysis, sizes in layer.content.analyses.items():
            analyses[analysis] = {**analyses.get(analysis, {}), **sizes}
    named = [layer for layer in layers if layer.content.model is not None]
    model = (named[-1].content.model, named[-1].file.where(("model",))) if named else (None, "")
    info = ScenarioInfo(
        path.stem, last.content.title, last.content.purpose, last.content.engine, analyses
    )
    return Overrides(info, tuple(layers), model)


def apply_to_parameters(
    parameters: Sequence[Parameter], overrides: Overrides, strategies: Sequence[str]
) -> tuple[tuple[Parameter, ...], list[Problem]]:
    """Replace rows by what the scenario says of them.

    A bare number fixes the parameter there and makes it an assumption of the scenario; a table
    with value, distribution, status and source gives it new evidence. A value for a single
    strategy adds or replaces that strategy's own row.
    """
    rows = {(row.name, row.strategy): row for row in parameters}
    problems: list[Problem] = []
    for layer in overrides.layers:
        for name, given in layer.content.parameters.items():
            place = f"{layer.file.where(('parameters', name))} (parameters.{name})"
            known = {row.name for row in parameters}
            if name not in known:
                remedy = names.did_you_mean(name, sorted(known))
                problems.append(Problem(place, f"unknown parameter '{name}'", remedy))
                continue
            strange = _strange_keys(given, strategies)
            if strange:
                remedy = names.did_you_mean(
                    strange[0], [*strategies, *ParameterOverride.model_fields]
                )
                what = f"'{strange[0]}' is neither a strategy nor a key of a parameter"
                problems.append(Problem(place, what, remedy))
                continue
            for strategy, content in _by_strategy(given).items():
                template = rows.get((name, strategy)) or _any_row(rows, name)
                row, found = _override(template, strategy, content, layer, place)
                problems += found
                if row is not None:
                    rows[name, strategy] = row
    return tuple(rows.values()), problems


def _read_layer(path: Path) -> Layer:
    name = f"{path.parent.name}/{path.name}"
    file = read_toml(path, name)
    try:
        return Layer(file, ScenarioFile.model_validate(dict(file.data)), path)
    except ValidationError as error:
        raise InputError(problems_of(error, file.data, file.where, ScenarioFile)) from None


def _strange_keys(given: Any, strategies: Sequence[str]) -> list[str]:
    known = {*ParameterOverride.model_fields, *strategies}
    return [str(key) for key in given if key not in known] if isinstance(given, Mapping) else []


def _by_strategy(given: Any) -> Mapping[str | None, Any]:
    """Split ``{denosumab = 1, pamidronate = 2}`` into strategies; anything else is for all."""
    fields = ParameterOverride.model_fields
    if isinstance(given, Mapping) and not any(key in fields for key in given):
        return {str(key): value for key, value in given.items()}
    return {None: given}


def _any_row(rows: Mapping[tuple[str, str | None], Parameter], name: str) -> Parameter:
    return next(row for (known, _), row in rows.items() if known == name)


def _override(
    template: Parameter, strategy: str | None, content: Any, layer: Layer, place: str
) -> tuple[Parameter | None, list[Problem]]:
    base = replace(template, strategy=strategy)
    if isinstance(content, int | float) and not isinstance(content, bool):
        if not _finite(content):
            return None, [Problem(place, "the value is not a finite number")]
        source = f"set by scenario '{layer.content.title}'"
        return base.overridden(float(content), source, place), []
    try:
        given = ParameterOverride.model_validate(content)
    except ValidationError as error:
        return None, [
            Problem(place, _text(detail), "Give a number, or a table with at least value = ...")
            for detail in error.errors()
        ]
    row = {
        key: str(value) if isinstance(value, str) else repr(value)
        for key, value in given.model_dump(exclude_none=True).items()
    }
    kept = {"name": base.name, "label": base.label, "unit": base.unit, "tags": " ".join(base.tags)}
    kept["source"] = f"set by scenario '{layer.content.title}'"
    if strategy is not None:
        kept["strategy"] = strategy
    cells = {column: cell for column, cell in (kept | row).items() if cell and column in COLUMNS}
    return parameter_from_row(cells, {"": place})


def _finite(value: float) -> bool:
    try:
        return math.isfinite(value)
    except OverflowError:  # a whole number of hundreds of digits
        return False


def _text(detail: Any) -> str:
    key = ".".join(str(part) for part in detail["loc"])
    return f"{key}: {detail['msg']}" if key else str(detail["msg"])
