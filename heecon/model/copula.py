"""Rank correlations: parameters that keep their own distributions and still vary together.

Parameters with an ordinary distribution that share a ``correlation_group`` are joined by a Gaussian
copula. ``joint/<group>.csv`` holds their Spearman correlations: a header of parameter keys and the
square matrix. For normal scores a rank correlation rho belongs to a correlation 2 sin(pi rho / 6).

Correlations that come from different sources, or from opinion, need not be possible together. Then
the nearest matrix that is possible is used (Higham 2002 IMA Journal of Numerical Analysis 22:329),
and the model's warnings say what was changed and by how much.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from heecon.arrays import Floats
from heecon.errors import Diagnostics
from heecon.files import names
from heecon.model.correlation import REPORTED, SMALLEST, nearest_correlation
from heecon.model.parameter import Parameter


@dataclass(frozen=True)
class Copula:
    """A Gaussian copula.

    Attributes:
        group: the ``correlation_group``.
        names: parameter keys.
        ranks: Spearman correlations as given.
        scores: correlations of the normal scores, positive definite, after any repair.
    """

    group: str
    names: tuple[str, ...]
    ranks: Floats
    scores: Floats

    @property
    def used(self) -> Floats:
        """The Spearman correlations that are drawn; ``ranks`` unless these were impossible."""
        return np.asarray(np.arcsin(self.scores / 2) * 6 / np.pi)

    def draw(self, uniforms: Floats) -> Floats:
        """Turn independent uniforms (draws x parameters) into correlated ones.

        Every margin stays uniform, and the first parameter's column stays as it is.
        """
        from scipy.special import ndtr, ndtri  # noqa: PLC0415

        drawn = ndtr(ndtri(uniforms) @ np.linalg.cholesky(self.scores).T)
        return np.asarray(np.clip(drawn, 0.5**54, 1 - 0.5**53))

    def warn_of_repair(self, diagnostics: Diagnostics) -> None:
        """Say what was repaired, and by how much."""
        change = np.abs(self.used - self.ranks)
        if change.max(initial=0.0) < REPORTED:
            return
        row, column = np.unravel_index(int(change.argmax()), change.shape)
        what = (
            "these rank correlations are impossible together; the "
            f"nearest possible ones are used. The largest change is {change.max():.3g}: "
            f"{self.names[row]} with {self.names[column]} from {self.ranks[row, column]:.4g} to "
            f"{self.used[row, column]:.4g}; the root mean square change of all pairs is "
            f"{_root_mean_square(change):.3g}"
        )
        diagnostics.warn(f"joint/{self.group}.csv", what)


Members = Mapping[str, Mapping[str, str]]
"""Group -> what varies together in it: key -> place."""


def rank_correlated(parameters: Sequence[Parameter]) -> Members:
    """The parameters that share a group and keep their own distributions."""
    members: dict[str, dict[str, str]] = {}
    for row in parameters:
        if row.correlation_group and row.distribution and row.distribution.family != "fixed":
            members.setdefault(row.correlation_group, {})[row.key] = row.place
    return members


def read_copulas(
    members: Members,
    joints: Mapping[str, tuple[tuple[str, ...], Floats]],
    known: Collection[str],
    diagnostics: Diagnostics,
    blocks: Collection[str] = (),
) -> dict[str, Copula]:
    """The copulas of a model, by group.

    Args:
        members: what varies together.
        joints: header and numbers of the files in joint/, by group.
        known: every key that a header may name.
        diagnostics: takes what is wrong or odd.
        blocks: groups that have a joint distribution.
    """
    copulas: dict[str, Copula] = {}
    for group, places in members.items():
        # Sorted, so that the order of rows changes no draw.
        keys, where = tuple(sorted(places)), next(iter(places.values()))
        if group in blocks:
            what = f"the group '{group}' mixes joint and ordinary distributions"
            diagnostics.error(where, what, "Give all its rows the same joint one, or none")
        elif group not in joints:
            what = f"the group '{group}' needs its rank correlations in joint/{group}.csv"
            hint = "Add the file, with a header of parameter names, or empty correlation_group"
            diagnostics.error(where, what, hint)
        elif _is_sound(group, keys, joints[group], known, diagnostics):
            header, matrix = joints[group]
            order = [header.index(key) for key in keys]
            copulas[group] = _copula(group, keys, matrix[np.ix_(order, order)])
            copulas[group].warn_of_repair(diagnostics)
            for key in header:
                if key not in keys:
                    what = f"{key} is not uncertain in this group: its correlations are not used"
                    diagnostics.warn(f"joint/{group}.csv", what)
    return copulas


def _copula(group: str, keys: tuple[str, ...], ranks: Floats) -> Copula:
    scores = 2 * np.sin(np.pi * ranks / 6)
    np.fill_diagonal(scores, 1.0)
    if float(np.linalg.eigvalsh(scores).min()) < SMALLEST:
        scores = nearest_correlation(scores)
    return Copula(group, keys, ranks, scores)


def _is_sound(
    group: str,
    keys: Sequence[str],
    joint: tuple[tuple[str, ...], Floats],
    known: Collection[str],
    diagnostics: Diagnostics,
) -> bool:
    (header, matrix), file, before = joint, f"joint/{group}.csv", diagnostics.found
    for key in header:
        if key not in known:
            hint = names.did_you_mean(key, known)
            diagnostics.error(f"{file}:1", f"unknown parameter '{key}'", hint)
    for key in keys:
        if key not in header:
            what = f"there is no column '{key}', which is in the group '{group}'"
            diagnostics.error(f"{file}:1", what)
    if matrix.shape != (len(header), len(header)):
        what = f"{matrix.shape[0]} rows for {len(header)} parameters"
        diagnostics.error(file, what, "A matrix of correlations is square")
    if diagnostics.found > before:
        return False
    if not np.allclose(np.diag(matrix), 1, rtol=0, atol=1e-12):
        hint = "This file holds rank correlations, not covariances"
        diagnostics.error(file, "the diagonal is not all ones", hint)
    if not np.allclose(matrix, matrix.T, rtol=0, atol=1e-12):
        row, column = np.argwhere(~np.isclose(matrix, matrix.T, rtol=0, atol=1e-12))[0]
        what = (
            f"{header[row]} with {header[column]} is {matrix[row, column]:g}, the other way round "
            f"{matrix[column, row]:g}"
        )
        diagnostics.error(file, what, "Give both the same number")
    if (np.abs(matrix) > 1).any():
        worst = matrix.flat[int(np.abs(matrix).argmax())]
        diagnostics.error(file, f"{worst:g} is not a correlation", "Use -1 to 1")
    return diagnostics.found == before


def _root_mean_square(change: Floats) -> float:
    above = change[np.triu_indices(len(change), 1)]
    return float(np.sqrt(np.mean(above**2)))
