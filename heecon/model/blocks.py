"""Put the parameters of each joint distribution together with their matrix, and check the two."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from heecon.arrays import Floats
from heecon.errors import Diagnostics, InvalidValue
from heecon.files import names
from heecon.model.correlation import REPORTED, nearest_covariance
from heecon.model.joint import JOINT_FAMILIES, Block
from heecon.model.parameter import Parameter

Joints = Mapping[str, tuple[tuple[str, ...], Floats]]

TOLERANCE = 0.02
"""How far base values may be from the means of their joint distribution before it is said."""


def read_blocks(
    parameters: Sequence[Parameter], joints: Joints, diagnostics: Diagnostics
) -> dict[str, Block]:
    """The joint distributions of a model, by group.

    Args:
        parameters: every row.
        joints: header and numbers of the files in joint/, by group.
        diagnostics: takes what is wrong or odd.
    """
    members: dict[str, list[Parameter]] = {}
    for row in parameters:
        if row.joint_family:
            members.setdefault(row.correlation_group, []).append(row)
    known = [row.key for row in parameters]
    blocks: dict[str, Block] = {}
    for group, rows in members.items():
        with diagnostics.collecting(rows[0].place):
            rows.sort(key=lambda row: row.key)  # so that the order of rows changes no draw
            blocks[group] = _block(group, rows, joints, known, diagnostics)
            _warn_of_mismatches(blocks[group], rows, diagnostics)
    used = {row.correlation_group for row in parameters}
    for group in joints.keys() - used:
        diagnostics.warn("", f"joint/{group}.csv is used by no parameter")
    return blocks


def _block(
    group: str,
    rows: Sequence[Parameter],
    joints: Joints,
    known: Sequence[str],
    diagnostics: Diagnostics,
) -> Block:
    family = rows[0].joint_family
    if any(row.joint_family != family for row in rows):
        raise InvalidValue(
            f"the group '{group}' mixes distributions", "Give all its rows the same one"
        )
    keys = tuple(row.key for row in rows)
    values = np.array([row.value for row in rows])
    counts = np.array([row.joint_count or 0.0 for row in rows])
    matrix = np.empty((0, len(rows)))
    if JOINT_FAMILIES[family].matrix:
        if group not in joints:
            hint = "Add it, with a header of parameter names"
            near = names.did_you_mean(group, joints)
            raise InvalidValue(f"'{family}' needs the file joint/{group}.csv", near or hint)
        matrix = _matrix(group, keys, joints[group], known)
        if JOINT_FAMILIES[family].matrix == "covariance":
            matrix = _square(group, keys, joints[group], matrix)
    block = Block(group, family, keys, values, matrix, counts)
    what = JOINT_FAMILIES[family].check(block)
    if what:
        raise InvalidValue(f"group '{group}': {what}", "Correct the numbers")
    if JOINT_FAMILIES[family].matrix == "covariance":
        matrix, change = nearest_covariance(matrix)
        block = replace(block, matrix=matrix)
        if change >= REPORTED:
            what = "these covariances are impossible together, by rounding; the nearest possible "
            what += f"ones are used. The largest change of a correlation is {change:.3g}"
            diagnostics.warn(f"joint/{group}.csv", what)
    for key in joints[group][0] if matrix.size else ():
        if key not in keys:
            what = f"{key} is not uncertain in this group: its column is not used"
            diagnostics.warn(f"joint/{group}.csv", what)
    return block


def _matrix(
    group: str, keys: Sequence[str], joint: tuple[tuple[str, ...], Floats], known: Sequence[str]
) -> Floats:
    """The columns of the members; a scenario may have fixed other parameters of the file."""
    header, matrix = joint
    for key in keys:
        if key not in header:
            what = f"joint/{group}.csv has no column '{key}', which is in the group '{group}'"
            raise InvalidValue(what, names.did_you_mean(key, header))
    for key in header:
        if key not in known:
            what = f"joint/{group}.csv has the column '{key}', which is no parameter"
            raise InvalidValue(what, names.did_you_mean(key, known))
    return matrix[:, [header.index(key) for key in keys]]


def _square(
    group: str, keys: Sequence[str], joint: tuple[tuple[str, ...], Floats], matrix: Floats
) -> Floats:
    header, given = joint
    if given.shape[0] != given.shape[1]:
        what = f"joint/{group}.csv has {given.shape[0]} rows for {len(header)} parameters"
        raise InvalidValue(what, "A covariance matrix is square")
    return matrix[[header.index(key) for key in keys], :]


def _warn_of_mismatches(block: Block, rows: Sequence[Parameter], diagnostics: Diagnostics) -> None:
    """Say which base values are not the means of their joint distribution."""
    for row, mean in zip(rows, block.mean(), strict=True):
        if not np.isclose(row.value, mean, rtol=TOLERANCE, atol=1e-12):
            what = f"{row.key}: the base value {row.value:.6g} is not that of the {block.family}"
            what = f"{what} group '{block.group}', which is {mean:.6g}"
            diagnostics.warn(row.place, what)
