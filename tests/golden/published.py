"""Reads the golden files and heecon's own model files, with changes made for one test."""

from __future__ import annotations

import copy
import csv
import json
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

import heecon as he
from heecon.arrays import Floats

HERE = Path(__file__).parent
INPUTS = HERE.parent.parent / "inputs"


def golden(name: str) -> Any:
    """One golden file."""
    return json.loads((HERE / "data" / f"{name}.json").read_text(encoding="utf-8"))


def golden_columns(name: str) -> dict[str, Floats]:
    """The columns of a golden csv file."""
    with (HERE / "data" / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    return {column: np.array([float(row[column]) for row in rows]) for column in rows[0]}


def definition(name: str) -> dict[str, Any]:
    """model.toml of a model in inputs/, to be edited and built again with ``rebuilt``."""
    return tomllib.loads((INPUTS / name / "model.toml").read_text(encoding="utf-8"))


def rebuilt(
    name: str,
    edited: Mapping[str, Any],
    tables: Mapping[str, Mapping[str, Sequence[float]]] | None = None,
    parameters: Mapping[str, float] | None = None,
) -> he.Model:
    """A model of inputs/ with another definition, more tables or other base values."""
    model = he.load(INPUTS / name)
    rows = [
        row.overridden((parameters or {}).get(row.name, row.value), "test", "test")
        for row in model.parameters
    ]
    added = set(parameters or {}) - {row.name for row in model.parameters}
    rows += [he.Parameter(key, float((parameters or {})[key])) for key in sorted(added)]
    columns = {
        key: {"key": list(table.keys), **{k: list(v) for k, v in table.columns.items()}}
        for key, table in model.tables.items()
    }
    return he.Model.from_dict(
        copy.deepcopy(dict(edited)), rows, {**columns, **(tables or {})}, name
    )


def close(actual: object, expected: object, *, relative: float = 1e-10) -> None:
    """Assert agreement to 1e-10 relative; zeros to 1e-12."""
    np.testing.assert_allclose(
        np.asarray(actual, dtype=float),
        np.asarray(expected, dtype=float),
        rtol=relative,
        atol=1e-12,
    )
