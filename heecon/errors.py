"""The errors heecon raises, each saying where the trouble is and what to do about it.

A message is a list of problems, because a user who mends one line and runs again only to
meet the next one loses an afternoon. Everything that checks input collects first and raises once.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong.

    Attributes:
        where: the place, most precise first: ``parameters.csv:12:3 (value)``,
            ``model.toml:8:1``, ``draw 4, cycle 12, bone_only -> death``.
        what: what is wrong there, with the offending value; no full stop at the end.
        remedy: what the user can do; may be empty.
    """

    where: str
    what: str
    remedy: str = ""

    def __str__(self) -> str:
        text = f"{self.where}: {self.what}" if self.where else self.what
        return f"{text}. {self.remedy}" if self.remedy else f"{text}."


class HeeconError(Exception):
    """Base of every error a user can cause; carries all the problems found, not just the first."""

    def __init__(self, problems: Problem | Iterable[Problem]) -> None:
        self.problems: tuple[Problem, ...] = (
            (problems,) if isinstance(problems, Problem) else tuple(problems)
        )
        super().__init__("\n".join(str(problem) for problem in self.problems))


class InputError(HeeconError):
    """Something the user wrote (a file, a cell, an argument) cannot be used as it is."""


class SimulationError(HeeconError):
    """A model broke an invariant while it ran: the problem names draw, cycle and state."""


SHOWN_LENGTH = 60


class InvalidValue(ValueError):  # noqa: N818  (a noun of the field)
    """Something a user wrote that cannot be used, before it is known where it stands.

    Whoever catches it adds the place.

    Attributes:
        what: what is wrong, with the offending value; no full stop at the end.
        remedy: what the user can do; may be empty.
    """

    def __init__(self, what: str, remedy: str = "") -> None:
        self.what = what
        self.remedy = remedy
        super().__init__(f"{what}. {remedy}" if remedy else what)

    def at(self, where: str) -> Problem:
        """The problem at a place such as ``parameters.csv:12:3 (value)``."""
        return Problem(where, self.what, self.remedy)


def shown(value: object) -> str:
    """A value as messages quote it: short, whatever was written."""
    try:
        text = repr(value)
    except ValueError:  # integers of thousands of digits refuse to be written
        return "a huge number"
    if len(text) <= SHOWN_LENGTH:
        return text
    return f"{text[:SHOWN_LENGTH]}... ({len(text):,} characters)"
