"""What is wrong with an expression, and a caret under the place."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from heecon.errors import InputError, Problem

# A picture shows at most this many characters before and after the start of the problem.
_BEFORE, _AFTER = 40, 50


@dataclass(frozen=True)
class ExpressionProblem(Problem):
    """One thing that is wrong with an expression.

    It is told with a caret picture, so the hint, what to write instead, gets a line of its own.

    Attributes:
        text: the expression as written.
        start: offset of the first offending character.
        end: offset after the last one.
    """

    text: str = ""
    start: int = 0
    end: int = 0

    def __str__(self) -> str:
        where = f"{self.where}: " if self.where else ""
        hint = f"\n  {self.hint}" if self.hint else ""
        return f"{where}{self.what}\n{picture(self.text, self.start, self.end)}{hint}"


class ExpressionError(InputError):
    """An expression cannot be used; carries every problem, in the order of the text.

    Attributes:
        text: the expression as written.
        problems: what is wrong with it.
    """

    problems: tuple[ExpressionProblem, ...]

    def __init__(self, text: str, problems: Iterable[ExpressionProblem]) -> None:
        self.text = text
        super().__init__(replace(problem, where="expression", text=text) for problem in problems)

    def problems_at(self, where: str) -> list[ExpressionProblem]:
        """The problems as those of a place such as ``model.toml:31:14``."""
        return [replace(problem, where=where) for problem in self.problems]


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
