"""Read back the results that ``heecon run`` wrote into a folder."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from heecon.analysis.incremental import Totals, equalised
from heecon.analysis.strategy_comparison import RunTotals
from heecon.errors import InputError, Problem
from heecon.files.names import unprintable
from heecon.files.reading import reading

FILE = "results.json"
MAX_BYTES = 50_000_000

REMEDY = "Run `heecon run` into the folder again"


def holds_results(folder: Path) -> bool:
    """Whether a folder was written by ``heecon run``."""
    return (folder / FILE).is_file()


def read_run(folder: Path) -> RunTotals:
    """The totals of a saved run.

    Args:
        folder: written by ``heecon run``.

    Raises:
        InputError: the file cannot be read, is too large, or is not what ``heecon run`` writes.
    """
    path = folder / FILE
    try:
        with reading(path, str(path), MAX_BYTES, REMEDY, kind="results", utf8="UTF-8"):
            content = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        what = f"the results cannot be read: {error}"
        raise InputError(Problem(str(path), what, REMEDY)) from None
    try:
        return _totals(content)
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        what = f"these are not the results of a run ({type(error).__name__}: {error})"
        raise InputError(Problem(str(path), what, REMEDY)) from None


def _totals(content: Mapping[str, Any]) -> RunTotals:
    settings, scenario = content["settings"], content["scenario"]
    amounts: dict[str, dict[str, float]] = {"cost": {}, "qaly": {}}
    for row in content["summary"]:
        if row["outcome"] in {"total_cost", "total_qaly"}:
            kind = row["outcome"].removeprefix("total_")
            amounts[kind][_text(row["strategy"])] = _number(row["discounted"])
    counted = {row["kind"] for row in content["summary"] if not row["outcome"].startswith("total_")}
    qalys = amounts["qaly"] if "qaly" in counted else dict.fromkeys(amounts["cost"], 0.0)
    totals = equalised(Totals(name, cost, qalys[name]) for name, cost in amounts["cost"].items())
    model, own = _text(content["model"]), _text(scenario["name"])
    return RunTotals(
        name=f"{model}/{own} (saved results)" if own != model else f"{model} (saved results)",
        title=_text(scenario["title"]) or _text(content["title"]),
        currency=_text(settings["currency"]),
        comparator=_text(settings["comparator"]),
        thresholds=tuple(_number(value) for value in settings["thresholds"]),
        totals=totals,
        has_qalys="qaly" in counted,
    )


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r:.40} should be text")
    if code := unprintable(value):
        raise ValueError(f"a text has the control character {code}")
    return " ".join(value.split())


def _number(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise TypeError(f"{value!r:.40} should be a number")
    return float(value)
