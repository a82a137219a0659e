"""A difference as a scenario says it: settings and parameters given anew."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any

from heecon.errors import InvalidValue
from heecon.files.table_file import number
from heecon.model.definition import Model
from heecon.model.distribution import fitted
from heecon.model.parameter import Parameter, is_assumption
from heecon.model.to_dict import to_dict

ARGUMENTS = ("arg1", "arg2", "arg3")


def settings_given(a: Model, b: Model) -> dict[str, Any]:
    """The settings of B that A has not, as a scenario gives them."""
    before, after = (to_dict(model)["model"] for model in (a, b))
    found = {key: value for key, value in after.items() if before.get(key) != value}
    formulas = {key: _numbers(found[key]) for key in ("start_age", "discounting") if key in found}
    return found | formulas


def _numbers(content: Any) -> Any:
    """The content with formulas that are numbers as numbers."""
    if isinstance(content, Mapping):
        return {key: _numbers(value) for key, value in content.items()}
    if isinstance(content, list):
        return [_numbers(value) for value in content]
    with suppress(InvalidValue):
        return number(content) if isinstance(content, str) else content
    return content


def parameters_given(a: Model, b: Model) -> dict[str, Any]:
    """The rows of B that A has not: name -> table, or name -> strategy -> table.

    A scenario cites no evidence for them: their figures and sources are written out.
    """
    rows = {row.key: row for row in a.parameters}
    first = {row.name: row for row in reversed(a.parameters)}
    shared: dict[str, dict[str, Any]] = {}
    own: dict[str, dict[str, dict[str, Any]]] = {}
    for row in b.parameters:
        base = rows.get(row.key)
        if base is not None and replace(base, where="") == replace(row, where=""):
            continue
        table = row_table(row, base or first.get(row.name, row))
        if row.strategy is None:
            shared[row.name] = table
        else:
            own.setdefault(row.name, {})[row.strategy] = table
    return by_name(shared, own, list(b.strategies), rows)


def by_name(
    shared: Mapping[str, Any],
    own: Mapping[str, Mapping[str, Any]],
    strategies: Collection[str],
    keys: Collection[str],
) -> dict[str, Any]:
    """Tables as a scenario has them: one a name, or one a strategy where both are given.

    Args:
        shared: the table of all strategies, by name.
        own: the tables of single strategies, by name and strategy.
        strategies: of the model.
        keys: of the rows the model has already; a strategy with one does not follow the others.
    """
    found: dict[str, Any] = {}
    for name in dict.fromkeys([*shared, *own]):
        if name not in own:
            found[name] = shared[name]
            continue
        others = [s for s in strategies if name in shared and f"{name}[{s}]" not in keys]
        found[name] = dict.fromkeys(others, shared.get(name)) | dict(own[name])
    return found


def row_table(row: Parameter, base: Parameter) -> dict[str, Any]:
    """What a scenario says of a row that takes the place of another one."""
    table = {
        "value": row.value,
        "distribution": _family(row),
        "low": row.low,
        "high": row.high,
        "se": row.se,
        **_arguments(row),
        "unit": row.unit if row.unit != base.unit else None,
        "price_year": row.price_year,
        "status": "assumption" if is_assumption(row) else row.status,
        "source": row.source,
        "note": row.note,
    }
    return {key: value for key, value in table.items() if value not in (None, "")}


def _family(row: Parameter) -> str:
    family = row.distribution.family if row.distribution else row.joint_family
    return "" if family == "fixed" else family


def _arguments(row: Parameter) -> dict[str, float | None]:
    """The arguments of a distribution that are not fitted to the other figures."""
    if row.distribution is None or row.distribution.family == "fixed":
        return {"arg1": row.joint_count}
    family = row.distribution.family
    with suppress(InvalidValue):
        if fitted(family, row.value, se=row.se, low=row.low, high=row.high) == row.distribution:
            return {}
    return dict(zip(ARGUMENTS, row.distribution.arguments, strict=False))
