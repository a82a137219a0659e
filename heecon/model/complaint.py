"""Something a user wrote that cannot be used, before it is known where it stands."""

from __future__ import annotations

from heecon.errors import Problem

LONGEST = 60


class Complaint(ValueError):  # noqa: N818  (it is one)
    """What is wrong and what to do; whoever catches it adds the place.

    Attributes:
        what: what is wrong, with the offending value; no full stop at the end.
        remedy: what the user can do; may be empty.
    """

    def __init__(self, what: str, remedy: str = "") -> None:
        self.what = what
        self.remedy = remedy
        super().__init__(f"{what}. {remedy}" if remedy else what)

    def at(self, where: str) -> Problem:
        """The complaint about a place such as ``parameters.csv:12:3 (value)``."""
        return Problem(where, self.what, self.remedy)


def shown(value: object) -> str:
    """A value as messages quote it: short, whatever was written."""
    try:
        text = repr(value)
    except ValueError:  # integers of thousands of digits refuse to be written
        return "a huge number"
    if len(text) <= LONGEST:
        return text
    return f"{text[:LONGEST]}... ({len(text):,} characters)"
