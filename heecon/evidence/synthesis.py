"""A network of the registry's figures: ``networks/NAME.toml`` says which, and how spread is found.

Only figures of one estimand are combined; others need a declared conversion. A figure printed
without an interval gets its standard error by a rule named in the file, never by hand, and the
comparison then counts as derived.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import Field

from heecon.errors import Diagnostics, InputError, InvalidValue, Problem, shown
from heecon.evidence.conversion import (
    MIXED_POISSON,
    check_arguments,
    converted,
    declaration,
    mean_events,
)
from heecon.evidence.estimand import ESTIMANDS
from heecon.evidence.interval import LOG_SE, se_from_interval
from heecon.evidence.network import METHODS, Network, synthesise
from heecon.evidence.registry import Evidence, Registry
from heecon.evidence.spread import reconstructed
from heecon.evidence.trial import Contrast
from heecon.files import names
from heecon.files.shape import Number, Section, Truth, validated
from heecon.files.toml_file import TomlFile, read_toml

MAX_CONTRASTS = 500
"""Comparisons of a network; matrices grow with the square of their number."""

RISKS = "risks_to_rate_ratio"
"""Conversion of two proportions to the ratio of the mean numbers of events they belong to."""


@dataclass(frozen=True)
class Comparison:
    """One row of a network as it was read.

    Attributes:
        contrast: effect and standard error on the logarithmic scale.
        evidence: ids of the figures it rests on.
        spread: how its standard error was found, in words.
        conversion: as declared; empty without one.
        assumes: what that assumes.
        status: "trial", "published" or "derived".
    """

    contrast: Contrast
    evidence: tuple[str, ...]
    spread: str
    conversion: str
    assumes: str
    status: str


@dataclass(frozen=True)
class Synthesis:
    """A network of the registry and what comes of it.

    Attributes:
        name: name of its file.
        title: what it is about.
        estimand: what its effects are.
        small_is_good: whether a smaller effect is a better one.
        note: what to know about it.
        comparisons: what went in.
        network: what came out.
    """

    name: str
    title: str
    estimand: str
    small_is_good: bool
    note: str
    comparisons: tuple[Comparison, ...]
    network: Network

    def ratio(self, treatment: str, comparator: str | None = None) -> tuple[float, float, float]:
        """A comparison as a ratio with its 95% interval; against the reference by default."""
        return self.network.effect(treatment, comparator or self.network.reference).ratio()

    @property
    def source(self) -> str:
        """Reference of its figures."""
        studies = ", ".join(dict.fromkeys(c.contrast.study for c in self.comparisons))
        return f"Network meta-analysis '{self.name}' of {studies}"


def read_synthesis(
    path: Path,
    name: str,
    registry: Registry,
    method: str | None = None,
    base: Callable[[str], TomlFile] | None = None,
) -> Synthesis:
    """Read a network and combine its figures.

    Args:
        path: of the file.
        name: how messages call it.
        registry: where the figures are.
        method: another one of ``METHODS`` than the file's.
        base: reads the network that this one extends.

    Raises:
        InputError: with everything that is wrong: unknown or superseded figures, another estimand,
            no way to a standard error, a network that falls apart.
    """
    file = read_toml(path, name)
    content, rows = _content(file, base)
    diagnostics = Diagnostics()
    estimand, method = content.estimand, method or content.method
    if not (estimand in ESTIMANDS and ESTIMANDS[estimand].ratio):
        hint = names.did_you_mean(estimand, [n for n, e in ESTIMANDS.items() if e.ratio])
        what = f"{shown(estimand)} is not a ratio that can be combined"
        diagnostics.error(file.where(("estimand",)), what, hint)
    if method not in METHODS:
        what = f"unknown method {shown(method)}"
        diagnostics.error(file.where(("method",)), what, f"There is {', '.join(METHODS)}")
    comparisons = []
    rows_of = Counter(row.study for row, _ in rows)
    for row, where in rows:
        with diagnostics.collecting(where):
            found = _comparison(row, estimand, registry, where)
            if rows_of[row.study] > 1:
                found = _with_rounding(found, row, estimand, registry)
            comparisons.append(found)
    diagnostics.raise_if_any()
    contrasts = [comparison.contrast for comparison in comparisons]
    try:
        network = synthesise(contrasts, reference=content.reference, method=method)
    except InputError as error:
        placed = [replace(p, where=name) if p.where == "network" else p for p in error.problems]
        raise InputError(placed) from None
    if float(np.abs(network.effects).max() + 2 * np.diag(network.covariance).max() ** 0.5) > 700:
        raise InputError(Problem(name, "the effects are too large for ratios", "Correct them"))
    return Synthesis(
        name=path.stem,
        title=content.title,
        estimand=estimand,
        small_is_good=content.small_is_good,
        note=content.note,
        comparisons=tuple(comparisons),
        network=network,
    )


class ContrastSection(Section):
    """One row of [[contrasts]]."""

    study: str
    treatment: str
    comparator: str
    evidence: str | list[str]
    conversion: str = ""
    spread: str | dict[str, Any] | None = None
    continuity: Number | None = Field(default=None, ge=0.001, le=1)


class NetworkFile(Section):
    """The whole of a file in networks/."""

    title: str
    estimand: str
    reference: str
    contrasts: list[ContrastSection]
    method: str = "reml"
    small_is_good: Truth = True
    note: str = ""
    extends: str | None = None
    leave_out: list[str] = Field(default_factory=list)


Placed = tuple[ContrastSection, str]
"""A row of [[contrasts]] and the place of its evidence."""


def _content(
    file: TomlFile, base: Callable[[str], TomlFile] | None
) -> tuple[NetworkFile, list[Placed]]:
    """A network and its rows, those of the network it extends first."""
    data, rows = dict(file.data), list[Placed]()
    diagnostics = Diagnostics()
    if isinstance(data.get("extends"), str) and base is not None:
        below = base(data["extends"])
        if "extends" in below.data:
            what = f"'{data['extends']}' extends another network itself"
            place = file.where(("extends",))
            raise InputError(Problem(place, what, "Extend that one instead"))
        rows += _placed(validated(NetworkFile, below.data, below.where), below)
        data = {**below.data, "contrasts": [], **data}
    content = validated(NetworkFile, data, file.where)
    studies = [row.study for row, _ in rows]
    for study in content.leave_out:
        if study not in studies:
            what = f"there is no trial {shown(study)} to leave out"
            hint = names.did_you_mean(study, studies)
            diagnostics.error(file.where(("leave_out",)), what, hint)
    rows = [(row, where) for row, where in rows if row.study not in content.leave_out]
    rows += _placed(content, file)
    if len(rows) > MAX_CONTRASTS:
        what = f"the network has more than {MAX_CONTRASTS} comparisons"
        diagnostics.error(file.where(("contrasts",)), what, "Pool those of one kind first")
    diagnostics.raise_if_any()
    return content, rows


def _placed(content: NetworkFile, file: TomlFile) -> list[Placed]:
    return [
        (row, file.where(("contrasts", i, "evidence"))) for i, row in enumerate(content.contrasts)
    ]


# --- one comparison ------------------------------------------------------------------------------


def _comparison(row: ContrastSection, estimand: str, registry: Registry, where: str) -> Comparison:
    ids = [row.evidence] if isinstance(row.evidence, str) else row.evidence
    if not 0 < len(ids) <= 2:
        raise InvalidValue(
            f"{shown(ids)} is neither one id nor two", "Cite one figure, or one an arm"
        )
    figures = [registry.cite(identifier) for identifier in ids]
    value, se, spread, quantity, assumes = (_of_two if len(ids) == 2 else _of_one)(
        figures, row, registry
    )
    if quantity != estimand:
        what = f"'{' and '.join(ids)}' gives a {quantity}, the network combines {estimand}s"
        raise InvalidValue(what, "Estimands are never mixed: declare a conversion, or leave it out")
    if row.spread is not None:
        if se is not None:
            raise InvalidValue(f"'{ids[0]}' has a spread of its own", "Delete the key 'spread'")
        se, spread = reconstructed(row.spread, value, figures, row.conversion, registry)
    if se is None:
        what = f"nothing says how uncertain '{' and '.join(ids)}' is"
        raise InvalidValue(what, "Name a rule: spread = ...")
    if not (LOG_SE[0] <= se <= LOG_SE[1] and abs(math.log(value)) <= LOG_SE[1]):
        what = f"the ratio {value:g} of '{' and '.join(ids)}' has a standard error of {se:g}"
        hint = f"That of its logarithm is {LOG_SE[0]:g} to {LOG_SE[1]:g}: look it up in the source"
        raise InvalidValue(what, hint)
    derived = bool(assumes) or row.spread is not None or len(figures) == 2
    return Comparison(
        Contrast(row.study, row.treatment, row.comparator, math.log(value), se, where),
        tuple(ids),
        spread,
        row.conversion,
        assumes,
        "derived" if derived else figures[0].status,
    )


def _with_rounding(
    found: Comparison, row: ContrastSection, estimand: str, registry: Registry
) -> Comparison:
    """A comparison of a trial of several arms with what the digits of its figures leave open.

    Every figure it rests on is moved by half a unit of its last digit; what that does is summed up.
    """
    contrast, effect, se = found.contrast, 0.0, 0.0
    rule = row.spread.values() if isinstance(row.spread, dict) else ()
    for identifier in dict.fromkeys(
        [*found.evidence, *map(str, rule), *re.findall(r"\w+", row.conversion)]
    ):
        if identifier not in registry.rows:
            continue
        figure = registry.rows[identifier]
        for column, half in figure.rounding.items():
            less: Any = float(getattr(figure, column)) - half
            less = f"{less:.15g}" if column == "p_value" else less
            cells = {**registry.rows, identifier: replace(figure, **{column: less})}
            moved = _comparison(row, estimand, replace(registry, rows=cells), contrast.where)
            effect += abs(moved.contrast.effect - contrast.effect)
            se += abs(moved.contrast.se - contrast.se)
    return replace(found, contrast=replace(contrast, effect_rounding=effect, se_rounding=se))


Reading = tuple[float, float | None, str, str, str]
"""A ratio, the standard error of its logarithm if known and where it is from, its estimand, what it
assumes."""


def _of_one(figures: list[Evidence], row: ContrastSection, registry: Registry) -> Reading:
    found = converted(figures[0], row.conversion, registry)
    if found.value is None or not figures[0].kind.ratio:
        raise InvalidValue(
            f"'{figures[0].id}' is no ratio of two groups", "Cite one, or two figures"
        )
    _no_continuity(row)
    se, spread = found.se, "its standard error"
    if found.low is not None and found.high is not None:
        se, spread = se_from_interval(found.low, found.high, log=True), "its interval"
    return found.value, se, spread, found.quantity, found.assumes


def _of_two(figures: list[Evidence], row: ContrastSection, registry: Registry) -> Reading:
    kinds = {figure.estimand for figure in figures}
    units = {figure.unit for figure in figures}
    if len(kinds) > 1 or len(units) > 1:
        what = f"'{figures[0].id}' and '{figures[1].id}' are not figures of one kind"
        raise InvalidValue(what, "Cite the same figure of both arms")
    (kind,) = kinds
    name, arguments = declaration(row.conversion, registry)
    if kind == "proportion" and name in {"", RISKS}:
        return _of_risks(figures, row, arguments)
    if kind != "rate" or row.conversion:
        what = f"no ratio is made of two figures of the kind '{kind}'"
        raise InvalidValue(what, f"Rates are divided; proportions too, or declare '{RISKS}'")
    _no_continuity(row)
    one, two = (_positive(figure) for figure in figures)
    spreads = [_relative_se(figure) for figure in figures]
    se = None if None in spreads else math.hypot(*(spread or 0 for spread in spreads))
    return one / two, se, "their intervals", "rate ratio", ""


def _no_continuity(row: ContrastSection) -> None:
    if row.continuity is not None:
        what = "a continuity correction is for an arm in which nobody or everybody has the event"
        raise InvalidValue(what, "Delete the key 'continuity'")


def _positive(figure: Evidence) -> float:
    if figure.value is None or figure.value <= 0:
        value = "nothing" if figure.value is None else f"{figure.value:g}"
        what = f"'{figure.id}' is {value}, and a ratio needs two positive rates"
        raise InvalidValue(what, "Leave the trial out, or cite a ratio with its interval")
    return figure.value


def _relative_se(figure: Evidence) -> float | None:
    """Standard error of the logarithm of a rate by the delta method."""
    if figure.value is None or figure.low is None or figure.high is None:
        return None
    return se_from_interval(figure.low, figure.high, log=False) / figure.value


def _of_risks(
    figures: list[Evidence], row: ContrastSection, arguments: tuple[float, ...]
) -> Reading:
    """Of two proportions of patients: a risk ratio, or the ratio of mean numbers of events.

    Standard errors by the delta method: a proportion's p (1 - p) / n, and the slope of
    ``mean_events``, (1 - p)^(-v - 1).
    """
    check_arguments(RISKS, arguments, ("variance of the frailty",) if row.conversion else ())
    more, spread = _added(figures, row)
    sizes, variances = [], []
    for figure in figures:
        patients = (figure.denominator or 0) + 2 * more
        risk = ((figure.events or 0) + more) / patients
        size, slope = risk, 1.0
        if row.conversion:
            size, slope = mean_events(risk, arguments[0]), (1 - risk) ** (-arguments[0] - 1)
        sizes.append(size)
        variances.append((slope / size) ** 2 * risk * (1 - risk) / patients)
    se = math.sqrt(sum(variances))
    if not row.conversion:
        return sizes[0] / sizes[1], se, spread, "risk ratio", ""
    return sizes[0] / sizes[1], se, spread, "rate ratio", MIXED_POISSON


def _added(figures: list[Evidence], row: ContrastSection) -> tuple[float, str]:
    """What is added to events and to other patients of both arms, and the words for it."""
    for figure in figures:
        if figure.events is None or not figure.denominator:
            raise InvalidValue(f"'{figure.id}' has no counts", "Fill events and denominator")
    shares = [(figure.events or 0) / (figure.denominator or 1) for figure in figures]
    extreme = [i for i, share in enumerate(shares) if share in {0, 1}]
    if not extreme:
        _no_continuity(row)
        return 0.0, "their counts"
    at = figures[extreme[0]]
    nobody = "nobody" if shares[extreme[0]] == 0 else "everybody"
    if shares[0] == shares[1]:
        what = f"{nobody} has the event in both '{figures[0].id}' and '{figures[1].id}'"
        raise InvalidValue(what, "That says nothing about their ratio: leave the trial out")
    if row.continuity is None:
        what = f"{nobody} has the event in '{at.id}' ({at.events:g} of {at.denominator:g})"
        hint = "Write continuity = 0.5 to add half a patient with and without the event to both "
        raise InvalidValue(what, f"{hint}arms, cite a ratio with its interval, or leave it out")
    return (
        row.continuity,
        f"their counts, {row.continuity:g} added as {nobody} has the event in {at.id}",
    )
