"""The errors heecon raises, each saying where the trouble is and what to do about it.

A message is a list of problems, because a user who mends one line and runs again only to
meet the next one loses an afternoon. Everything that checks input notes what it finds in one
``Diagnostics`` and raises once.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from difflib import get_close_matches

SHOWN_LENGTH = 60
"""Characters of a value that a message quotes."""

LONGEST = 5_000
"""Characters of a problem that a message tells."""

SHOWN_PROBLEMS = 50
"""Problems that a message tells; of the others it tells how many there are."""

KEPT_PROBLEMS = 1_000
"""Problems that are kept: a file of millions of wrong cells must not fill the memory."""


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong.

    Attributes:
        where: the place, most precise first: ``parameters.csv:12:3 (value)``,
            ``model.toml:8:1``, ``draw 4, cycle 12, bone_only -> death``.
        what: what is wrong there, with the offending value; no full stop at the end.
        hint: what the user can do; may be empty.
    """

    where: str
    what: str
    hint: str = ""

    def __str__(self) -> str:
        text = f"{self.where}: {self.what}" if self.where else self.what
        text = f"{text}. {self.hint}" if self.hint else f"{text}."
        if len(text) > LONGEST:
            text = f"{text[:LONGEST]}... ({len(text):,} characters)"
        return harmless(text)


class HeeconError(Exception):
    """Base of every error a user can cause; carries the problems found, not just the first.

    Attributes:
        problems: what was found, at most ``KEPT_PROBLEMS`` of it when a ``Diagnostics`` raised it.
        more: how many problems were found beside these.
    """

    def __init__(self, problems: Problem | Iterable[Problem], more: int = 0) -> None:
        self.problems: tuple[Problem, ...] = (
            (problems,) if isinstance(problems, Problem) else tuple(problems)
        )
        self.more = more
        super().__init__("\n".join(self.messages()))

    @property
    def count(self) -> int:
        """How many problems were found."""
        return len(self.problems) + self.more

    def messages(self) -> list[str]:
        """The first ``SHOWN_PROBLEMS`` in words, and how many more there are."""
        told = [str(problem) for problem in self.problems[:SHOWN_PROBLEMS]]
        left = self.count - len(told)
        return [*told, f"... and {left:,} more."] if left else told


class InputError(HeeconError):
    """Something the user wrote (a file, a cell, an argument) cannot be used as it is."""


class SimulationError(HeeconError):
    """A model broke an invariant while it ran: the problem names draw, cycle and state."""


class InvalidValue(ValueError):  # noqa: N818  (a noun of the field)
    """Something a user wrote that cannot be used, before it is known where it stands.

    Whoever catches it adds the place, see ``Diagnostics.collecting``.

    Attributes:
        what: what is wrong, with the offending value; no full stop at the end.
        hint: what the user can do; may be empty.
    """

    def __init__(self, what: str, hint: str = "") -> None:
        self.what = what
        self.hint = hint
        super().__init__(f"{what}. {hint}" if hint else what)

    def at(self, where: str) -> Problem:
        """The problem at a place such as ``parameters.csv:12:3 (value)``."""
        return Problem(where, self.what, self.hint)


class Diagnostics:
    """What is wrong with the files of a user, collected on the way to be told at once.

    Errors stop the run once everything was looked at; warnings do not. Each is kept once, in the
    order found.

    Attributes:
        found: how often an error was noted; compare two readings to see whether a part was sound.
    """

    def __init__(self) -> None:
        self.found = 0
        self._errors: dict[Problem, None] = {}
        self._warnings: dict[Problem, None] = {}
        self._more = 0

    @property
    def errors(self) -> tuple[Problem, ...]:
        """The first ``KEPT_PROBLEMS`` errors."""
        return tuple(self._errors)

    @property
    def warnings(self) -> tuple[Problem, ...]:
        """All warnings."""
        return tuple(self._warnings)

    def error(self, where: str, what: str, hint: str = "") -> None:
        """Note something that stops the run; see ``Problem``."""
        self.add([Problem(where, what, hint)])

    def warn(self, where: str, what: str, hint: str = "") -> None:
        """Note something that does not stop the run; see ``Problem``."""
        self._warnings.setdefault(Problem(where, what, hint))

    def add(self, problems: Iterable[Problem], more: int = 0) -> None:
        """Note what was found elsewhere, such as the problems of an error that was caught."""
        self._more += more
        self.found += more
        for problem in problems:
            self.found += 1
            if len(self._errors) < KEPT_PROBLEMS:
                self._errors.setdefault(problem)
            elif problem not in self._errors:
                self._more += 1

    @contextmanager
    def collecting(self, where: str) -> Iterator[None]:
        """Note an ``InvalidValue`` raised inside as an error at a place, and go on after it."""
        try:
            yield
        except InvalidValue as invalid:
            self.add([invalid.at(where)])

    def raise_if_any(self) -> None:
        """Stop if there are errors.

        Raises:
            InputError: with all of them.
        """
        if self.found:
            raise self.refusal()

    def refusal(self) -> InputError:
        """The errors as an exception."""
        return InputError(self._errors, self._more)


def shown(value: object) -> str:
    """A value as messages quote it: short, whatever was written."""
    try:
        text = repr(value)
    except ValueError:  # integers of thousands of digits refuse to be written
        return "a huge number"
    if len(text) <= SHOWN_LENGTH:
        return text
    return f"{text[:SHOWN_LENGTH]}... ({len(text):,} characters)"


def harmless(text: str) -> str:
    """A text on one line, with codes for characters a terminal would obey or cannot show."""
    if text.isprintable():
        return text
    codes = (c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
    return "".join(codes)


def nearest(wrong: str, known: Iterable[str]) -> str:
    """The known name that looks most like a wrong one; empty if none is near."""
    by_lower = {name.lower(): name for name in known}
    near = get_close_matches(wrong.lower(), by_lower, n=1)
    return by_lower[near[0]] if near else ""
