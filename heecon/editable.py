"""Models made in Python from a dictionary, and changed: values, settings, scenarios."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from heecon.difference.parts import columns_of
from heecon.errors import InputError, Problem
from heecon.files import names
from heecon.model import definition
from heecon.model.load import build_model
from heecon.model.load import load as load_definition
from heecon.model.parameter import Parameter
from heecon.model.to_dict import to_dict
from heecon.table import Field, Table

if TYPE_CHECKING:
    import pandas as pd


PARAMETERS: tuple[Field, ...] = (
    ("parameter", "Parameter", "text", "key"),
    ("label", "Label", "text"),
    ("value", "Value", ".6g"),
    ("low", "Low", ".6g"),
    ("high", "High", ".6g"),
    (
        "distribution",
        "Distribution",
        "text",
        lambda row: row.distribution.describe() if row.distribution else row.joint_family,
    ),
    ("unit", "Unit", "text"),
    ("tags", "Tags", "text", lambda row: " ".join(row.tags)),
    ("status", "Status", "text"),
    ("source", "Source", "text"),
)


class Parameters(tuple[Parameter, ...]):
    """The parameters of a model, which a notebook shows as a table."""

    __slots__ = ()

    @property
    def table(self) -> Table:
        """One row a parameter: value, range, distribution, status and source."""
        return Table.of("parameters", "Parameters", self, PARAMETERS)

    def to_pandas(self) -> pd.DataFrame:
        """The table as a frame."""
        return self.table.to_pandas()

    def __repr__(self) -> str:
        return repr(self.table)

    def _repr_html_(self) -> str:
        return self.table._repr_html_()


@dataclass(frozen=True, repr=False, eq=False)
class EditableModel(definition.Model):
    """A checked model that gives others with changes; it is never changed itself.

    Attributes:
        source: the folder it was loaded from; None once it was made or changed in code.
    """

    parameters: Parameters
    source: Path | None = None

    @classmethod
    def of(cls, found: definition.Model, source: Path | None = None) -> Self:
        """The methods for a model that has been checked."""
        content = {item.name: getattr(found, item.name) for item in fields(definition.Model)}
        content["parameters"] = Parameters(found.parameters)
        return cls(**content, source=source)

    @classmethod
    def from_dict(
        cls,
        sections: Mapping[str, Any],
        parameters: Sequence[Parameter] | Mapping[str, float] = (),
        tables: Mapping[str, Mapping[str, Sequence[float]]] | None = None,
        name: str = "model",
        joint: Mapping[str, Mapping[str, Sequence[float]]] | None = None,
        patients: Mapping[str, Sequence[float]] | None = None,
    ) -> Self:
        """Make a model in code from the keys model.toml has.

        Args:
            sections: as in model.toml: model, states, start, strategies, variables, transitions,
                outcomes.
            parameters: ``Parameter`` rows, or plain values by name.
            tables: look-up tables as columns, the keys first.
            name: what to call the model.
            joint: what joint/*.csv hold, as columns by parameter key: correlation group -> columns.
            patients: what patients.csv holds, as columns.

        Raises:
            InputError: everything that is wrong.
        """
        return cls.of(build_model(sections, parameters, tables, name, joint, patients))

    def with_values(self, values: Mapping[str, float]) -> Self:
        """The model with other values, each fixed there as a scenario would fix it.

        Args:
            values: by parameter key, such as ``c_unit[denosumab]``.

        Raises:
            InputError: unknown keys, or values that make no model.
        """
        rows = {row.key: row for row in self.parameters}
        problems = []
        for key, value in values.items():
            name, _, owner = key.removesuffix("]").partition("[")
            if key not in rows and not (owner in self.strategies and name in rows):
                known = [*rows, *(f"{row}[{owner}]" for row in rows if owner in self.strategies)]
                what = f"unknown parameter '{key}'"
                problems.append(Problem("values", what, names.did_you_mean(key, known)))
                continue
            row = rows.get(key) or replace(rows[name], strategy=owner)
            rows[key] = row.overridden(float(value), "set in Python", "")
        if problems:
            raise InputError(problems)
        return self._rebuilt(list(rows.values()), {})

    def with_settings(self, **settings: Any) -> Self:
        """The model with other keys of [model], such as ``horizon="10 years"``.

        Raises:
            InputError: unknown keys, or settings that make no model.
        """
        return self._rebuilt(self.parameters, settings)

    def with_scenario(self, scenario: str | Path) -> Self:
        """The model of the same files under a scenario: its name, or the path of its file.

        Raises:
            InputError: there is no such scenario, or the model was made or changed in code.
        """
        if self.source is None:
            what = "a scenario changes the files of a model, and this one was made in code"
            hint = "Load the model and apply the scenario first, then change values"
            raise InputError(Problem(str(scenario), what, hint))
        return self.of(load_definition(self.source, scenario), self.source)

    def _rebuilt(self, rows: Sequence[Parameter], settings: Mapping[str, Any]) -> Self:
        sections = to_dict(self)
        replaced = {key: str(sections["model"].get(key, "")) for key in settings}
        sections["model"] |= settings
        matrices = {group: (block.names, block.matrix) for group, block in self.blocks.items()}
        for group, copula in {**self.copulas, **self.individual_copulas}.items():
            matrices[group] = copula.names, copula.ranks
        joint = {
            group: dict(zip(keys, np.asarray(matrix).T.tolist(), strict=True))
            for group, (keys, matrix) in matrices.items()
            if np.size(matrix)
        }
        tables = {name: columns_of(table) for name, table in self.tables.items()}
        patients = {name: column.tolist() for name, column in self.patients.items()}
        people = patients or None
        built = build_model(sections, rows, tables, self.name, joint, people, replaced)
        engine = settings.get("engine", self.scenario.engine)
        return self.of(replace(built, scenario=replace(self.scenario, engine=engine)))
