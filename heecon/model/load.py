"""Load a model from its folder, with or without a scenario, or from plain Python data."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from heecon.errors import InputError, Problem
from heecon.language import Table
from heecon.model import library, names
from heecon.model.build import Parts, build
from heecon.model.definition import Model, ScenarioInfo, SourceFile
from heecon.model.parameter import Parameter, duplicates, parameters_from_table
from heecon.model.scenario import Overrides, apply_to_parameters, read_overrides
from heecon.model.schema import ModelFile, Where, problems_of
from heecon.model.table_file import read_table
from heecon.model.tables import (
    joint_from_columns,
    joint_matrix,
    lookup_table,
    table_from_columns,
)
from heecon.model.toml_file import TomlFile, read_toml

Joints = dict[str, tuple[tuple[str, ...], NDArray[np.float64]]]


def load(source: str | Path | None = None, scenario: str | Path | None = None) -> Model:
    """Load and check a model.

    Args:
        source: a model folder, a scenario file, or a bundled name; see ``library.find``. None
            means the bundled base case.
        scenario: the name of a scenario of the model, or the path of a scenario file, when
            ``source`` is a model.

    Raises:
        InputError: everything that is wrong with the files, each with its place.
    """
    target = library.find(source)
    path = _scenario_path(target, scenario)
    if path is None:
        info = ScenarioInfo(target.model.name, "")
        return _load(target.model, Overrides(info), scenario_files=())
    overrides = read_overrides(path)
    if target.scenario is not None:
        name, where = overrides.model
        folder = library.model_of(path, name, where or path.name)
    else:
        folder = target.model
    return _load(folder, overrides, scenario_files=[layer.path for layer in overrides.layers])


def build_model(
    definition: Mapping[str, Any],
    parameters: Sequence[Parameter] | Mapping[str, float] = (),
    tables: Mapping[str, Mapping[str, Sequence[float]]] | None = None,
    name: str = "model",
    joint: Mapping[str, Mapping[str, Sequence[float]]] | None = None,
) -> Model:
    """Build a model in code from the same keys model.toml has.

    Args:
        definition: sections as in model.toml: model, states, start, strategies, variables,
            transitions, outcomes.
        parameters: ``Parameter`` rows, or plain values by name.
        tables: look-up tables as columns, the keys first.
        name: what to call the model.
        joint: what joint/*.csv hold, as columns by parameter key: correlation group -> columns.

    Raises:
        InputError: everything that is wrong.
    """

    def where(_path: Sequence[str | int]) -> str:
        return "definition"

    rows = (
        [Parameter(key, float(value)) for key, value in parameters.items()]
        if isinstance(parameters, Mapping)
        else list(parameters)
    )
    looked_up = {key: table_from_columns(key, columns) for key, columns in (tables or {}).items()}
    problems = [problem for row in rows for problem in _complaints(row)]
    parts = Parts(
        name=name,
        file=_shape(definition, where),
        where=where,
        parameters=tuple(rows),
        tables=looked_up,
        joints={key: joint_from_columns(key, columns) for key, columns in (joint or {}).items()},
        scenario=ScenarioInfo(name, ""),
        problems=tuple(problems),
    )
    return build(parts)


def _complaints(row: Parameter) -> list[Problem]:
    complaint = names.complaint(row.name)
    if not complaint and not math.isfinite(row.value):
        complaint = f"the value {row.value} is not finite"
    return [Problem(f"parameter '{row.key}'", complaint)] if complaint else []


def _scenario_path(target: library.Target, scenario: str | Path | None) -> Path | None:
    if scenario is None:
        return target.scenario
    path = Path(scenario)
    if path.suffix == ".toml":
        return path.resolve()
    return library.sibling(target.scenario_folder / "any.toml", str(scenario), "scenario")


def _load(folder: Path, overrides: Overrides, scenario_files: Sequence[Path]) -> Model:
    toml = read_toml(library.inside(folder / "model.toml", folder))
    file, where = _with_settings(toml, overrides)
    paths = [folder / "model.toml"]
    problems: list[Problem] = []
    parameters, found, path = _parameters(folder)
    # Before overrides are applied: they would hide a row that stands twice.
    problems += found + duplicates(parameters)
    parameters, found = apply_to_parameters(parameters, overrides, list(file.strategies))
    problems += found
    paths += path
    tables, found, path = _tables(folder)
    problems += found
    paths += path
    joints, path = _joints(folder)
    paths += path
    parts = Parts(
        name=folder.name,
        file=file,
        where=where,
        parameters=parameters,
        tables=tables,
        joints=joints,
        scenario=overrides.info,
        strategies=overrides.strategies,
        problems=tuple(problems),
    )
    model = build(parts)
    # Hashed last: what was refused, for its size or its kind, is not read again.
    hashes = [_hashed(path, folder) for path in paths]
    hashes += [_hashed(path, path.parent.parent.parent) for path in scenario_files]
    return replace(model, files=tuple(hashes))


def _with_settings(toml: TomlFile, overrides: Overrides) -> tuple[ModelFile, Where]:
    """The model file with a scenario's settings in place, and where each key now stands."""
    settings = overrides.settings()
    data = dict(toml.data)
    if isinstance(data.get("model"), Mapping):
        data["model"] = {**data["model"], **{key: value for key, (value, _) in settings.items()}}

    def where(path: Sequence[str | int]) -> str:
        if len(path) > 1 and path[0] == "model" and path[1] in settings:
            return settings[str(path[1])][1].file.where(("settings", *path[1:]))
        if tuple(path) == ("strategies",) and overrides.strategies is not None:
            return overrides.layers[-1].file.where(path)
        return toml.where(path)

    return _shape(data, where), where


def _shape(data: Mapping[str, Any], where: Where) -> ModelFile:
    try:
        return ModelFile.model_validate(dict(data))
    except ValidationError as error:
        raise InputError(problems_of(error, data, where, ModelFile)) from None


def _parameters(folder: Path) -> tuple[tuple[Parameter, ...], list[Problem], list[Path]]:
    present = [folder / f"parameters{ending}" for ending in (".csv", ".xlsx")]
    present = [path for path in present if path.exists() or path.is_symlink()]
    if len(present) > 1:
        raise InputError(
            Problem(folder.name, "there are both parameters.csv and parameters.xlsx", "Keep one")
        )
    if not present:
        what, remedy = "there is no parameters.csv or parameters.xlsx", "Put it beside model.toml"
        raise InputError(Problem(folder.name, what, remedy))
    parameters, problems = parameters_from_table(
        read_table(library.inside(present[0], folder), present[0].name)
    )
    return parameters, problems, present


def _tables(folder: Path) -> tuple[dict[str, Table], list[Problem], list[Path]]:
    tables: dict[str, Table] = {}
    problems: list[Problem] = []
    paths = _files_in(folder / "tables", folder)
    for path in paths:
        name = f"tables/{path.name}"
        complaint = names.complaint(path.stem) or ("stands twice" if path.stem in tables else "")
        if complaint:
            problems.append(Problem(name, complaint, "Rename the file"))
            continue
        try:
            table, found = lookup_table(path.stem, read_table(library.inside(path, folder), name))
            problems += found
            tables[path.stem] = table
        except InputError as error:
            problems += error.problems
    return tables, problems, paths


def _joints(folder: Path) -> tuple[Joints, list[Path]]:
    paths = _files_in(folder / "joint", folder)
    return {
        path.stem: joint_matrix(read_table(library.inside(path, folder), f"joint/{path.name}"))
        for path in paths
    }, paths


def _files_in(folder: Path, model: Path) -> list[Path]:
    if not folder.is_dir():
        return []
    library.inside(folder, model)
    return sorted(path for path in folder.iterdir() if path.suffix.lower() in {".csv", ".xlsx"})


def _hashed(path: Path, base: Path) -> SourceFile:
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return SourceFile(path.relative_to(base).as_posix(), digest)
