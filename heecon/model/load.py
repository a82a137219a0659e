"""Load a model from its folder, with or without a scenario, or from plain Python data."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from heecon.arrays import Floats
from heecon.errors import Diagnostics, InputError, Problem, shown
from heecon.files import locate, names
from heecon.files.shape import Where, faults_of, keys_of, with_placeholders
from heecon.files.table_file import read_table
from heecon.files.toml_file import KeyPath, TomlFile, read_toml
from heecon.language import Table
from heecon.model.blocks import Joints
from heecon.model.check_model import Parts, check_model
from heecon.model.definition import Model, ScenarioInfo, SourceFile
from heecon.model.evidence_folder import EvidenceFolder
from heecon.model.individuals import Columns, patients_from_columns, patients_from_table
from heecon.model.parameter import (
    Parameter,
    check_duplicates,
    check_parameter,
    parameters_from_table,
)
from heecon.model.scenario import (
    Layer,
    Overrides,
    apply_to_parameters,
    overrides_of,
    read_overrides,
)
from heecon.model.schema import ModelFile
from heecon.model.tables import joint_matrix, lookup_table, table_of_columns


def load(
    source: str | Path | None = None,
    scenario: str | Path | Layer | None = None,
    *,
    no_scenario: bool = False,
    every_strategy: bool = False,
) -> Model:
    """Load and check a model.

    Args:
        source: a model folder, a scenario file, or a bundled name; see ``locate.find``. None
            means the bundled base case.
        scenario: the name of a scenario of the model, the path of a scenario file, or a scenario
            that stands in no file, when ``source`` is a model; its base case, if it has one, when
            None.
        no_scenario: the model's files as they stand, without its base case.
        every_strategy: keep the strategies a scenario leaves out.

    Raises:
        InputError: everything that is wrong with the files, each with its place.
    """
    target = locate.find(source, bare=no_scenario or scenario is not None)
    if no_scenario and (scenario is not None or target.scenario is not None):
        named = source or locate.DEFAULT if scenario is None else scenario
        what = f"a scenario is named, {shown(str(named))}, and none is wanted"
        raise InputError(Problem("--no-scenario", what, "Name the model alone, or drop this"))
    beside = None if target.scenario else target.scenario_folder
    path = None if isinstance(scenario, Layer) else _scenario_path(target, scenario)
    if isinstance(scenario, Layer):
        overrides = overrides_of(scenario, beside)
    elif path is not None:
        overrides = read_overrides(path, beside)
    else:
        return _load(target.model, Overrides(ScenarioInfo(target.model.name, "")))
    if every_strategy:
        overrides = overrides.with_every_strategy()
    name, where = overrides.model
    if path is not None and target.model == Path():
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
    replaced: Mapping[str, str] | None = None,
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
        replaced: what keys of [model] were before somebody changed them, as text.

    Raises:
        InputError: everything that is wrong.
    """

    def where(_path: Sequence[str | int]) -> str:
        return "definition"

    given = _Files()
    diagnostics = given.diagnostics
    rows = (
        [Parameter(key, value) for key, value in parameters.items()]
        if isinstance(parameters, Mapping)
        else list(parameters)
    )
    for row in rows:
        check_parameter(row, diagnostics)
    check_duplicates(rows, diagnostics)
    rows_are_sound = not diagnostics.found
    looked_up: dict[str, Table] = {}
    for key, columns in (tables or {}).items():
        with given.reading():
            table = table_of_columns(f"table '{key}'", columns)
            looked_up[key] = lookup_table(key, table, diagnostics)
    joints: dict[str, tuple[tuple[str, ...], Floats]] = {}
    for key, columns in (joint or {}).items():
        with given.reading():
            joints[key] = joint_matrix(table_of_columns(f"joint '{key}'", columns))
    people = None if patients is None else patients_from_columns(patients, diagnostics)
    file, doubtful = _shape(definition, where, diagnostics)
    if file is None or given.unreadable:
        raise diagnostics.refusal()
    parts = Parts(
        name=name,
        file=file,
        where=where,
        parameters=tuple({(row.name, row.strategy): row for row in rows}.values()),
        tables=looked_up,
        joints=joints,
        patients=people,
        scenario=ScenarioInfo(name, ""),
        doubtful=doubtful,
        rows_are_sound=rows_are_sound,
        replaced=replaced or {},
    )
    return check_model(parts, diagnostics)


class _Files:
    """Reads one file after another, noting what is wrong with each.

    Attributes:
        diagnostics: everything found so far.
        unreadable: True once a file could not be understood at all. The others can be looked at
            still, but not their sense: half of what they mean may stand in that file.
        paths: the files that were read.
    """

    def __init__(self) -> None:
        self.diagnostics = Diagnostics()
        self.unreadable = False
        self.paths: list[Path] = []

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Note that a reader inside had to refuse its file, and go on after it."""
        try:
            yield
        except InputError as error:
            self.diagnostics.add(error.problems, error.more)
            self.unreadable = True


def _scenario_path(target: locate.Target, scenario: str | Path | None) -> Path | None:
    if scenario is None:
        return target.scenario
    path = Path(scenario)
    if path.suffix == ".toml":
        return path.resolve()
    return locate.sibling([target.scenario_folder], str(scenario), "scenario")


def _load(folder: Path, overrides: Overrides) -> Model:
    files = _Files()
    diagnostics = files.diagnostics
    diagnostics.add(overrides.problems)
    file, where, doubtful, replaced = _model_file(folder, overrides, files)
    before = diagnostics.found
    evidence = EvidenceFolder(locate.evidence_beside(folder))
    parameters = _parameters(folder, files, evidence)
    # Before overrides are applied: they would hide a row that stands twice.
    check_duplicates(parameters, diagnostics)
    rows_are_sound = diagnostics.found == before
    tables = _tables(folder, files)
    joints = _joints(folder, files)
    patients = _patients(folder, files)
    kept: tuple[str, ...] | None = None
    if file is not None and not files.unreadable:
        kept = overrides.strategies(file.strategies, diagnostics)
        before = diagnostics.found
        with files.reading():
            parameters = apply_to_parameters(
                parameters, overrides, list(file.strategies), diagnostics, evidence
            )
        rows_are_sound = rows_are_sound and diagnostics.found == before
    if file is None or files.unreadable:
        raise diagnostics.refusal()
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
        doubtful=doubtful,
        rows_are_sound=rows_are_sound,
        replaced=replaced,
    )
    try:
        model = check_model(parts, diagnostics)
    except InputError as wrong:
        if parameters:
            raise
        what = "there are no parameters: no parameters.csv or parameters.xlsx, or nothing in it"
        missing = Problem(folder.name, what, "Put it beside model.toml, if formulas read any")
        raise InputError([missing, *wrong.problems], wrong.more) from None
    # Hashed last: what was refused, for its size or its kind, is not read again.
    hashes = [_hashed(path, folder) for path in files.paths]
    hashes += [_hashed(path, evidence.folder.parent) for path in evidence.paths]
    scenarios = [layer.path for layer in overrides.layers if layer.path is not None]
    hashes += [_hashed(path, path.parent.parent.parent) for path in scenarios]
    return replace(model, files=tuple(hashes))


def _model_file(
    folder: Path, overrides: Overrides, files: _Files
) -> tuple[ModelFile | None, Where, tuple[KeyPath, ...], Mapping[str, str]]:
    """The model file with a scenario's settings in place, and what it says of them itself."""
    path = folder / "model.toml"
    files.paths.append(path)
    toml = TomlFile(path.name, {}, {})
    with files.reading():
        toml = read_toml(locate.inside(path, folder))
    settings = overrides.settings()
    data = dict(toml.data)
    replaced: dict[str, str] = {}
    if isinstance(data.get("model"), Mapping):
        replaced = {key: str(data["model"].get(key, "")) for key in settings}
        data["model"] = {**data["model"], **{key: value for key, (value, _) in settings.items()}}

    def where(path: Sequence[str | int]) -> str:
        if len(path) > 1 and path[0] == "model" and path[1] in settings:
            return settings[str(path[1])][1].where(("settings", *path[1:]))
        return toml.where(path)

    if files.unreadable:
        return None, where, (), replaced
    file, doubtful = _shape(data, where, files.diagnostics)
    return file, where, doubtful, replaced


def _shape(
    data: Mapping[str, Any], where: Where, diagnostics: Diagnostics
) -> tuple[ModelFile | None, tuple[KeyPath, ...]]:
    """The content as a model file, with placeholders where its shape is wrong, and where it is."""
    try:
        return ModelFile.model_validate(dict(data)), ()
    except ValidationError as error:
        faults = faults_of(error, data, where, ModelFile)
    diagnostics.add(faults.values())
    doubtful = tuple(keys_of(path) for path in faults)
    if any(len(path) == 1 for path in doubtful):
        return None, doubtful  # a whole section is wrong: too much else would seem wrong, too
    try:
        return ModelFile.model_validate(with_placeholders(ModelFile, data, doubtful)), doubtful
    except ValidationError:
        return None, doubtful


def _parameters(folder: Path, files: _Files, evidence: EvidenceFolder) -> tuple[Parameter, ...]:
    present = [folder / f"parameters{ending}" for ending in (".csv", ".xlsx")]
    present = [path for path in present if path.exists() or path.is_symlink()]
    if len(present) > 1:
        what = "there are both parameters.csv and parameters.xlsx"
        files.diagnostics.error(folder.name, what, "Keep one")
        files.unreadable = True
        return ()
    if not present:
        return ()
    (path,) = present
    files.paths.append(path)
    with files.reading():
        table = read_table(locate.inside(path, folder), path.name)
        return parameters_from_table(table, files.diagnostics, evidence)
    return ()


def _tables(folder: Path, files: _Files) -> dict[str, Table]:
    tables: dict[str, Table] = {}
    for path, name in _files_in(folder, "tables", files):
        complaint = names.complaint(path.stem)
        if path.stem in tables:
            complaint = f"the table '{path.stem}' stands twice"
        if complaint:
            files.diagnostics.error(name, complaint, "Rename the file")
            continue
        with files.reading():
            file = read_table(path, name)
            tables[path.stem] = lookup_table(path.stem, file, files.diagnostics)
    return tables


def _joints(folder: Path, files: _Files) -> Joints:
    joints: dict[str, tuple[tuple[str, ...], Floats]] = {}
    for path, name in _files_in(folder, "joint", files):
        with files.reading():
            joints[path.stem] = joint_matrix(read_table(path, name))
    return joints


def _patients(folder: Path, files: _Files) -> Columns | None:
    path = folder / "patients.csv"
    if not (path.exists() or path.is_symlink()):
        return None
    with files.reading():
        table = read_table(locate.inside(path, folder), path.name)
        files.paths.append(path)
        return patients_from_table(table, files.diagnostics)
    return None


def _files_in(model: Path, name: str, files: _Files) -> Iterator[tuple[Path, str]]:
    """The real paths of the tables in a folder of the model, and what messages call them."""
    folder = model / name
    if not folder.is_dir():
        return
    with files.reading():
        locate.inside(folder, model)
        for path in sorted(folder.iterdir()):
            if path.suffix.lower() in {".csv", ".xlsx"}:
                called = f"{name}/{path.name}"
                with files.reading():
                    real = locate.inside(path, model, called)
                    files.paths.append(path)
                    yield real, called


def _hashed(path: Path, base: Path) -> SourceFile:
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return SourceFile(path.relative_to(base).as_posix(), digest)
