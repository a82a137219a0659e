"""What a model is validated against: ``validation.toml`` beside its ``model.toml``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import Field

from heecon.analysis.frailty import ARM_MEASURES
from heecon.analysis.measures import MEASURES
from heecon.errors import Diagnostics, InputError, InvalidValue, Problem
from heecon.evidence.interval import interval_from_se
from heecon.evidence.registry import Evidence, Registry
from heecon.files import locate, names
from heecon.files.shape import Number, Section, validated
from heecon.files.toml_file import TomlFile, read_toml
from heecon.model.definition import Model

FILE = "validation.toml"


class _Target(Section):
    """One [[targets]] table."""

    evidence: str
    use: Literal["calibration", "independent"]
    measure: str
    strategy: str
    against: str | None = None
    years: Number | None = Field(default=None, gt=0)
    patients: Number | None = Field(default=None, gt=0)
    view: str | None = None
    events: str | None = None
    free: str | None = None


class _File(Section):
    """The whole of validation.toml."""

    events: str
    free: str
    also: list[str] = Field(default_factory=list, max_length=20)
    views: dict[str, dict[str, Number]] = Field(default_factory=dict)
    targets: list[_Target] = Field(min_length=1, max_length=500)


@dataclass(frozen=True)
class Target:
    """One observation and how the model predicts it.

    Attributes:
        evidence: the figure observed.
        calibrated: the model was fitted to it.
        measure: a key of ``MEASURES``, or of ``ARM_MEASURES`` where people are simulated.
        strategy: whose prediction.
        against: the other strategy of a comparison; empty for none.
        years: within how long; None where the measure needs none.
        view: values of parameters as the trial saw them.
        events: outcome that counts events.
        free: state of those without one so far.
        low, high: 95% interval of the observation; None if there is none.
    """

    evidence: Evidence
    calibrated: bool
    measure: str
    strategy: str
    against: str
    years: float | None
    view: Mapping[str, float]
    events: str
    free: str
    low: float | None
    high: float | None

    @property
    def name(self) -> str:
        """What reports call it."""
        return self.evidence.id

    @property
    def observed(self) -> float:
        """The figure."""
        return float(self.evidence.value or 0.0)


def read_also(folder: Path) -> tuple[str, ...]:
    """The other models whose targets belong to this model's validation.

    Args:
        folder: of the model.

    Raises:
        InputError: as ``read_targets``.
    """
    return tuple(_read(folder)[1].also)


def _read(folder: Path) -> tuple[TomlFile, _File]:
    path = folder / FILE
    if not path.is_file():
        what = f"the model '{folder.name}' has no {FILE}"
        raise InputError(Problem(folder.name, what, "Write one: see docs/validation.md"))
    file = read_toml(locate.inside(path, folder), FILE)
    return file, validated(_File, file.data, file.where)


def read_targets(folder: Path, model: Model, registry: Registry) -> tuple[Target, ...]:
    """The targets of a model.

    Args:
        folder: of the model.
        model: with its scenario.
        registry: where the observations are.

    Raises:
        InputError: there is no such file, or something in it cannot be used.
    """
    file, content = _read(folder)
    diagnostics = Diagnostics()
    found: list[Target] = []
    for index, given in enumerate(content.targets):
        with diagnostics.collecting(file.where(("targets", index, "evidence"))):
            evidence = registry.cite(given.evidence)
            if evidence.value is None:
                raise InvalidValue(f"the evidence '{evidence.id}' has no value", "Cite another one")
            found.append(_target(given, content, evidence))
        for key, what, hint in _complaints(given, content, model):
            where = f"{file.where(('targets', index, key))} ({key})"
            diagnostics.error(where, what, hint)
    diagnostics.raise_if_any()
    return tuple(found)


def _complaints(given: _Target, content: _File, model: Model) -> list[tuple[str, str, str]]:
    """What of a target the model does not know: (key, what, hint)."""
    outcomes, values = list(model.outcomes), model.values(None)
    simulated = model.scenario.engine != "cohort"
    known_measures = ARM_MEASURES if simulated else MEASURES
    named: list[tuple[str, str | None, Sequence[str]]] = [
        ("measure", given.measure, list(known_measures)),
        ("strategy", given.strategy, list(model.strategies)),
        ("against", given.against, list(model.strategies)),
        ("view", given.view, list(content.views)),
        ("events", given.events or content.events, outcomes),
        ("free", given.free or content.free, list(model.states)),
    ]
    found = [
        (key, f"unknown {key} '{name}'", names.did_you_mean(name, known))
        for key, name, known in named
        if name is not None and name not in known
    ]
    for name in content.views.get(given.view or "", {}):
        if name not in values:
            what = f"the view sets '{name}', which no parameter of all strategies is called"
            found.append(("view", what, names.did_you_mean(name, values)))
    if not simulated and given.measure in MEASURES:
        needs = MEASURES[given.measure]
        for key, needed, there in (
            ("years", needs.years, given.years),
            ("against", needs.against, given.against),
        ):
            if needed and there is None:
                found.append((key, f"the measure '{given.measure}' needs '{key}'", "Add it"))
    return found


def _target(given: _Target, content: _File, evidence: Evidence) -> Target:
    low, high = _interval(evidence, given.patients)
    return Target(
        evidence=evidence,
        calibrated=given.use == "calibration",
        measure=given.measure,
        strategy=given.strategy,
        against=given.against or "",
        years=given.years,
        view=content.views.get(given.view or "", {}),
        events=given.events or content.events,
        free=given.free or content.free,
        low=low,
        high=high,
    )


def _interval(evidence: Evidence, patients: float | None) -> tuple[float | None, float | None]:
    """The published interval, else that of the counts (Wilson 1927)."""
    if evidence.low is not None and evidence.high is not None:
        return evidence.low, evidence.high
    if evidence.se is not None and evidence.value is not None:
        return interval_from_se(evidence.value, evidence.se, log=evidence.kind.scale == "log")
    count = evidence.denominator or patients
    if evidence.estimand != "proportion" or not count or evidence.value is None:
        return None, None
    share = evidence.value if evidence.events is None else evidence.events / count
    return wilson(share, count)


def wilson(share: float, count: float) -> tuple[float, float]:
    """95% interval of a proportion of so many."""
    z2 = 1.959963984540054**2
    centre = (share + z2 / (2 * count)) / (1 + z2 / count)
    half = (z2 * (share * (1 - share) / count + z2 / (4 * count**2))) ** 0.5 / (1 + z2 / count)
    return centre - half, centre + half
