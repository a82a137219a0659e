"""Load a model from its folder, with or without a scenario, or from plain Python data."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from heecon.errors import InputError, Problem
from heecon.files import locate, names
from heecon.files.table_file import read_table
from heecon.files.toml_file import KeyPath, TomlFile, read_toml
from heecon.language import Table
from heecon.model.blocks import Joints
from heecon.model.build import Parts, build
from heecon.model.definition import Model, ScenarioInfo, SourceFile
from heecon.model.evidence_folder import EvidenceFolder
from heecon.model.mend import keys_of, mended
from heecon.model.parameter import Parameter, complaints_of, duplicates, parameters_from_table
from heecon.model.persons import Columns, patients_from_columns, patients_from_table
from heecon.model.scenario import Overrides, apply_to_parameters, read_overrides
from heecon.model.schema import ModelFile, Where, faults_of
from heecon.model.tables import (
    joint_from_columns,
    joint_matrix,
    lookup_table,
    table_from_columns,
)

Floats = NDArray[np.float64]
P = ParamSpec("P")
T = TypeVar("T")


def load(
    source: str | Path | None = None,
    scenario: str | Path | None = None,
    *,
    every_strategy: bool = False,
) -> Model:
    """Load and check a model.

    Args:
        source: a model folder, a scenario file, or a bundled name; see ``locate.find``. None
            means the bundled base case.
        scenario: the name of a scenario of the model, or the path of a scenario file, when
            ``source`` is a model.
        every_strategy: keep the strategies a scenario leaves out.

    Raises:
        InputError: everything that is wrong with the files, each with its place.
    """
    target = locate.find(source)
    path = _scenario_path(target, scenario)
    if path is None:
        return _load(target.model, Overrides(ScenarioInfo(target.model.name, "")))
    overrides = read_overrides(path, None if target.scenario else target.scenario_folder)
    if every_strategy:
        overrides = overrides.with_every_strategy()
    name, where = overrides.model
    if target.scenario is not None:
        return _load(locate.model_of(path, name, where or path.name), overrides)
    if name not in (None, target.model.name):
        what = f"this scenario is for the model '{name}', not for '{target.model.name}'"
        raise InputError(Problem(where, what, "Load the model it is for, or drop the key"))
    return _load(target.model, overrides)


def build_model(
    definition: Mapping[str, Any],
    parameters: Sequence[Parameter] | Mapping[str, float] = (),
    tables: Mapping[str, Mapping[str, Sequence[float]]] | None = None,
    name: str = "model",
    joint: Mapping[str, Mapping[str, Sequence[float]]] | None = None,
    patients: Mapping[str, Sequence[float]] | None = None,
) -> Model:
    """Build a model in code from the same keys model.toml has.

    Args:
        definition: sections as in model.toml: model, states, start, strategies, variables,
            transitions, outcomes.
        parameters: ``Parameter`` rows, or plain values by name.
        tables: look-up tables as columns, the keys first.
        name: what to call the model.
        joint: what joint/*.csv hold, as columns by parameter key: correlation group -> columns.
        patients: what patients.csv holds, as columns.

    Raises:
        InputError: everything that is wrong.
    """

    def where(_path: Sequence[str | int]) -> str:
        return "definition"

    given = _Files()
    rows = (
        [Parameter(key, value) for key, value in parameters.items()]
        if isinstance(parameters, Mapping)
        else list(parameters)
    )
    for row in rows:
        given.problems += [complaint.at(row.place) for complaint in complaints_of(row)]
    given.problems += duplicates(rows)
    rows_are_sound = not given.problems
    looked_up: dict[str, Table] = {}
    for key, columns in (tables or {}).items():
        found = given.read(table_from_columns, key, columns)
        looked_up |= {key: found} if found else {}
    joints: dict[str, tuple[tuple[str, ...], Floats]] = {}
    for key, columns in (joint or {}).items():
        matrix = given.read(joint_from_columns, key, columns)
        joints |= {key: matrix} if matrix else {}
    people = None
    if patients is not None:
        people, found_wrong = patients_from_columns(patients)
        given.problems += found_wrong
    file, doubtful = _shape(definition, where, given)
    if file is None or given.unreadable:
        raise InputError(given.problems)
    parts = Parts(
        name=name,
        file=file,
        where=where,
        parameters=tuple({(row.name, row.strategy): row for row in rows}.values()),
        tables=looked_up,
        joints=joints,
        patients=people,
        scenario=ScenarioInfo(name, ""),
        problems=tuple(given.problems),
        doubtful=doubtful,
        rows_are_sound=rows_are_sound,
    )
    return build(parts)


class _Files:
    """Reads one file after another, noting what is wrong with each.

    Attributes:
        problems: everything found so far.
        unreadable: True once a file could not be understood at all. The others can be looked at
            still, but not their sense: half of what they mean may stand in that file.
        paths: the files that were read.
    """

    def __init__(self) -> None:
        self.problems: list[Problem] = []
        self.unreadable = False
        self.paths: list[Path] = []

    def read(self, reader: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T | None:
        """What the reader returns, or None when it had to refuse."""
        try:
            return reader(*args, **kwargs)
        except InputError as error:
            self.problems += error.problems
            self.unreadable = True
            return None


def _scenario_path(target: locate.Target, scenario: str | Path | None) -> Path | None:
    if scenario is None:
        return target.scenario
    path = Path(scenario)
    if path.suffix == ".toml":
        return path.resolve()
    return locate.sibling([target.scenario_folder], str(scenario), "scenario")


def _load(folder: Path, overrides: Overrides) -> Model:
    files = _Files()
    files.problems += overrides.problems
    file, where, doubtful = _model_file(folder, overrides, files)
    sound_before = len(files.problems)
    evidence = EvidenceFolder(locate.evidence_beside(folder))
    parameters = _parameters(folder, files, evidence)
    # Before overrides are applied: they would hide a row that stands twice.
    files.problems += duplicates(parameters)
    rows_are_sound = len(files.problems) == sound_before
    tables = _tables(folder, files)
    joints = _joints(folder, files)
    patients = _patients(folder, files)
    if file is None or files.unreadable:
        raise InputError(files.problems)
    kept, found = overrides.strategies(file.strategies)
    files.problems += found
    names_of = list(file.strategies)
    applied = files.read(apply_to_parameters, parameters, overrides, names_of, evidence)
    if applied is None:
        raise InputError(files.problems)
    parameters, found = applied
    files.problems += found
    parts = Parts(
        name=folder.name,
        file=file,
        where=where,
        parameters=parameters,
        tables=tables,
        joints={**joints, **evidence.joints(parameters)},
        patients=patients,
        scenario=overrides.info,
        strategies=kept,
        problems=tuple(files.problems),
        doubtful=doubtful,
        rows_are_sound=rows_are_sound and not found,
    )
    model = build(parts)
    # Hashed last: what was refused, for its size or its kind, is not read again.
    hashes = [_hashed(path, folder) for path in files.paths]
    hashes += [_hashed(path, evidence.folder.parent) for path in evidence.paths]
    hashes += [_hashed(layer.path, layer.path.parent.parent.parent) for layer in overrides.layers]
    return replace(model, files=tuple(hashes))


def _model_file(
    folder: Path, overrides: Overrides, files: _Files
) -> tuple[ModelFile | None, Where, tuple[KeyPath, ...]]:
    """The model file with a scenario's settings in place, and where each key now stands."""
    path = folder / "model.toml"
    toml = files.read(_toml_in, path, folder)
    files.paths.append(path)
    if toml is None:
        return None, lambda _path: path.name, ()
    settings = overrides.settings()
    data = dict(toml.data)
    if isinstance(data.get("model"), Mapping):
        data["model"] = {**data["model"], **{key: value for key, (value, _) in settings.items()}}

    def where(path: Sequence[str | int]) -> str:
        if len(path) > 1 and path[0] == "model" and path[1] in settings:
            return settings[str(path[1])][1].file.where(("settings", *path[1:]))
        return toml.where(path)

    file, doubtful = _shape(data, where, files)
    return file, where, doubtful


def _shape(
    data: Mapping[str, Any], where: Where, files: _Files
) -> tuple[ModelFile | None, tuple[KeyPath, ...]]:
    """The content as a model file, mended where its shape is wrong, and where that was."""
    try:
        return ModelFile.model_validate(dict(data)), ()
    except ValidationError as error:
        faults = faults_of(error, data, where, ModelFile)
    files.problems += faults.values()
    doubtful = tuple(keys_of(path) for path in faults)
    if any(len(path) == 1 for path in doubtful):
        return None, doubtful  # a whole section is wrong: too much else would seem wrong, too
    try:
        return ModelFile.model_validate(mended(data, doubtful)), doubtful
    except ValidationError:
        return None, doubtful


def _parameters(folder: Path, files: _Files, evidence: EvidenceFolder) -> tuple[Parameter, ...]:
    present = [folder / f"parameters{ending}" for ending in (".csv", ".xlsx")]
    present = [path for path in present if path.exists() or path.is_symlink()]
    if len(present) != 1:
        what, remedy = "there is no parameters.csv or parameters.xlsx", "Put it beside model.toml"
        if present:
            what, remedy = "there are both parameters.csv and parameters.xlsx", "Keep one"
        files.problems.append(Problem(folder.name, what, remedy))
        files.unreadable = True
        return ()
    (path,) = present
    files.paths.append(path)
    read = files.read(_rows_in, path, folder, evidence)
    if read is None:
        return ()
    parameters, problems = read
    files.problems += problems
    return parameters


def _tables(folder: Path, files: _Files) -> dict[str, Table]:
    tables: dict[str, Table] = {}
    for path, name in _files_in(folder, "tables", files):
        complaint = names.complaint(path.stem)
        if path.stem in tables:
            complaint = f"the table '{path.stem}' stands twice"
        if complaint:
            files.problems.append(Problem(name, complaint, "Rename the file"))
            continue
        file = files.read(read_table, path, name)
        if file is not None:
            tables[path.stem], problems = lookup_table(path.stem, file)
            files.problems += problems
    return tables


def _joints(folder: Path, files: _Files) -> Joints:
    joints: dict[str, tuple[tuple[str, ...], Floats]] = {}
    for path, name in _files_in(folder, "joint", files):
        joint = files.read(_joint_in, path, name)
        if joint is not None:
            joints[path.stem] = joint
    return joints


def _patients(folder: Path, files: _Files) -> Columns | None:
    path = folder / "patients.csv"
    if not (path.exists() or path.is_symlink()):
        return None
    real = files.read(locate.inside, path, folder)
    table = None if real is None else files.read(read_table, real, path.name)
    if table is None:
        return None
    files.paths.append(path)
    columns, problems = patients_from_table(table)
    files.problems += problems
    return columns


def _files_in(model: Path, name: str, files: _Files) -> Iterator[tuple[Path, str]]:
    """The real paths of the tables in a folder of the model, and what messages call them."""
    folder = model / name
    if not folder.is_dir() or files.read(locate.inside, folder, model) is None:
        return
    for path in sorted(folder.iterdir()):
        if path.suffix.lower() in {".csv", ".xlsx"}:
            called = f"{name}/{path.name}"
            real = files.read(locate.inside, path, model, called)
            if real is not None:
                files.paths.append(path)
                yield real, called


def _toml_in(path: Path, folder: Path) -> TomlFile:
    return read_toml(locate.inside(path, folder))


def _rows_in(
    path: Path, folder: Path, evidence: EvidenceFolder
) -> tuple[tuple[Parameter, ...], list[Problem]]:
    return parameters_from_table(read_table(locate.inside(path, folder), path.name), evidence)


def _joint_in(path: Path, name: str) -> tuple[tuple[str, ...], Floats]:
    return joint_matrix(read_table(path, name))


def _hashed(path: Path, base: Path) -> SourceFile:
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return SourceFile(path.relative_to(base).as_posix(), digest)
