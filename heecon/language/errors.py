"""What is wrong with an expression, and a caret under the place."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from heecon.errors import InputError, Problem

# A picture shows at most this many characters before and after the start of the finding.
_BEFORE, _AFTER = 40, 50


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong with an expression.

    Attributes:
        message: what is wrong, without a full stop.
        start: offset of the first offending character.
        end: offset after the last one.
        remedy: what to write instead; may be empty.
    """

    message: str
    start: int
    end: int
    remedy: str = ""


@dataclass(frozen=True)
class ExpressionProblem(Problem):
    """A problem whose ``what`` ends in a caret picture, so the remedy gets a line of its own."""

    def __str__(self) -> str:
        text = f"{self.where}: {self.what}" if self.where else self.what
        return f"{text}\n  {self.remedy}" if self.remedy else text


class ExpressionError(InputError):
    """An expression cannot be used; carries every finding.

    Attributes:
        text: the expression as written.
        findings: what is wrong, in the order of the text.
    """

    def __init__(self, text: str, findings: Iterable[Finding]) -> None:
        self.text = text
        self.findings = tuple(findings)
        super().__init__(self.problems_at("expression"))

    def problems_at(self, where: str) -> list[Problem]:
        """The findings as problems of a place such as ``model.toml:31:14``."""
        return [located(finding, self.text, where) for finding in self.findings]


def located(finding: Finding, text: str, where: str) -> Problem:
    """A finding in ``text`` as a problem of the place ``where``, with its caret picture."""
    what = f"{finding.message}\n{picture(text, finding.start, finding.end)}"
    return ExpressionProblem(where=where, what=what, remedy=finding.remedy)


def picture(text: str, start: int, end: int) -> str:
    """Two indented lines: the (neighbourhood of the) text, and carets under ``start:end``."""
    first = max(0, start - _BEFORE)
    last = min(len(text), start + _AFTER)
    head = "..." if first > 0 else ""
    tail = "..." if last < len(text) else ""
    shown = "".join(_visible(character) for character in text[first:last])
    width = max(1, min(end, last) - start)
    return f"    {head}{shown}{tail}\n    {' ' * (len(head) + start - first)}{'^' * width}"


def _visible(character: str) -> str:
    """The character itself, or something of width one that a terminal can show."""
    if character in "\t\r\n":
        return " "
    return character if character.isprintable() else "?"
