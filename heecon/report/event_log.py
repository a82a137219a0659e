"""The events of a microsimulation in a columnar file: one row a move of a person."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from heecon.arrays import Integers
from heecon.errors import InputError, Problem
from heecon.model.definition import Model

MAX_EVENTS = 50_000_000
"""Rows a log may have: about a gigabyte in memory."""

ENDINGS = (".npz", ".parquet")


class EventLog:
    """Collects events while people are simulated, then writes them.

    Columns: strategy, draw, person, cycle, time (years, the start of the cycle in which the move
    is made), from, to, type (empty where entries have none). In ``.npz`` files text columns are
    numbers into the arrays ``strategies``, ``states`` and ``types``; type -1 is none.
    """

    def __init__(self, model: Model, path: Path) -> None:
        """Check that the file can be written.

        Raises:
            InputError: the ending is none of those known, or needs pyarrow, which is not there.
        """
        if path.suffix not in ENDINGS:
            what = f"the log cannot be a {path.suffix or 'file without ending'}"
            raise InputError(Problem(str(path), what, f"End its name in {' or '.join(ENDINGS)}"))
        if path.suffix == ".parquet" and find_spec("pyarrow") is None:
            hint = "Install it (pip install pyarrow), or write .npz"
            raise InputError(Problem(str(path), "parquet files need pyarrow", hint))
        self.model = model
        self.path = path
        self.rows = 0
        self._parts: list[Integers] = []
        self._strategies = list(model.strategies)
        self._types = [
            f"{state}: {name}" for state, types in model.types.items() for name in types.shares
        ]

    def add(self, strategy: str, draw: int, moves: Integers) -> None:
        """Add events of some people: (moves, 5) person, cycle, from, to, type.

        Raises:
            InputError: there are too many.
        """
        self.rows += len(moves)
        if self.rows > MAX_EVENTS:
            what = f"more than {MAX_EVENTS:,} events"
            hint = "Simulate fewer people, or do without the log"
            raise InputError(Problem(str(self.path), what, hint))
        part = np.empty((len(moves), 7), dtype=np.int64)
        part[:, 0] = self._strategies.index(strategy)
        part[:, 1] = draw
        part[:, 2:] = moves
        part[:, 6] = self._type_numbers(moves)
        self._parts.append(part)

    def _type_numbers(self, moves: Integers) -> Integers:
        """Numbers into all types of all states."""
        first, low = np.full(len(self.model.states), -1, dtype=np.int64), 0
        for index, state in enumerate(self.model.states):
            if state in self.model.types:
                first[index] = low
                low += len(self.model.types[state].shares)
        return np.where(moves[:, 4] < 0, -1, first[moves[:, 3]] + moves[:, 4])

    def columns(self) -> dict[str, Any]:
        """The columns, in the order people were simulated."""
        table = np.concatenate([np.zeros((0, 7), dtype=np.int64), *self._parts])
        return {
            "strategy": table[:, 0].astype(np.int16),
            "draw": table[:, 1].astype(np.int32),
            "person": table[:, 2],
            "cycle": table[:, 3].astype(np.int32),
            "time": table[:, 3] * self.model.settings.cycle_length,
            "from": table[:, 4].astype(np.int16),
            "to": table[:, 5].astype(np.int16),
            "type": table[:, 6].astype(np.int16),
        }

    def write(self) -> Path:
        """Write the file, whole or not at all.

        Raises:
            InputError: it cannot be written.
        """
        words = {
            "strategies": self._strategies,
            "states": list(self.model.states),
            "types": self._types,
        }
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(dir=self.path.parent, prefix=".") as folder:
                waiting = Path(folder) / self.path.name
                if self.path.suffix == ".npz":
                    arrays: Any = {
                        name: np.array(names, dtype=str) for name, names in words.items()
                    }
                    np.savez_compressed(waiting, **self.columns(), **arrays)
                else:
                    _write_parquet(waiting, self.columns(), words)
                waiting.replace(self.path)
        except OSError as error:
            what = f"cannot write here: {error.strerror}"
            raise InputError(Problem(str(self.path), what, "Choose another folder")) from None
        return self.path


def _write_parquet(path: Path, columns: dict[str, Any], words: Mapping[str, list[str]]) -> None:
    import pyarrow  # noqa: PLC0415  (only there on request)
    import pyarrow.parquet  # noqa: PLC0415

    names = {"strategy": "strategies", "from": "states", "to": "states", "type": "types"}
    found = {}
    for name, column in columns.items():
        if name in names:
            known = words[names[name]]
            numbers = pyarrow.array(column.astype(np.int16), mask=column < 0)
            column = pyarrow.DictionaryArray.from_arrays(numbers, known)  # noqa: PLW2901
        found[name] = column
    pyarrow.parquet.write_table(pyarrow.table(found), path)
