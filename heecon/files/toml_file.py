"""Read a TOML file and remember the row and column of every key, so that errors can point at it."""

from __future__ import annotations

import re
import tomllib
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from heecon.errors import Diagnostics, InputError, Problem
from heecon.files.names import unprintable
from heecon.files.reading import reading

MAX_BYTES = 1_000_000

MAX_DOTS = 500
"""Dots in one line: Python's parser takes time with the square of the parts of a dotted key."""

MAX_SQUARED_DOTS = 80 * MAX_DOTS**2
"""Sum of their squares over the lines of a file: three seconds."""

KeyPath = tuple[str | int, ...]

_AT_LINE = re.compile(r" \(at line (\d+), column (\d+)\)")


@dataclass(frozen=True)
class TomlFile:
    """A parsed TOML file.

    Attributes:
        name: how messages call the file, for example ``model.toml``.
        data: the parsed content.
        places: position of the value of every key path, as (row, column) counted from 1.
    """

    name: str
    data: Mapping[str, Any]
    places: Mapping[KeyPath, tuple[int, int]]

    def where(self, path: Sequence[str | int]) -> str:
        """``file:row:column`` of the value at a key path, or of its nearest parent in the file."""
        found = tuple(path)
        while found and found not in self.places:
            found = found[:-1]
        if not found:
            return self.name
        row, column = self.places[found]
        return f"{self.name}:{row}:{column}"


def read_toml(path: Path, name: str | None = None) -> TomlFile:
    """Read one TOML file of at most 1 MB.

    Raises:
        InputError: the file is missing, too large, not UTF-8, or not TOML.
    """
    name = name or path.name
    smaller = "Move large tables to CSV files in tables/"
    with reading(path, name, MAX_BYTES, smaller, kind="a text file", utf8="UTF-8"):
        return parse_toml(path.read_text(encoding="utf-8-sig"), name)


def parse_toml(text: str, name: str) -> TomlFile:
    """Parse TOML text that messages call ``name``.

    Raises:
        InputError: the text is not TOML.
    """
    squared = 0
    for row, line in enumerate(text.split("\n"), 1):
        dots = line.count(".")
        squared += dots**2
        if dots > MAX_DOTS or squared > MAX_SQUARED_DOTS:
            what = f"the line has more than {MAX_DOTS:,} dots, or too many before it have hundreds"
            raise InputError(Problem(f"{name}:{row}", what, "Break it, or use a file in tables/"))
    try:
        data = tomllib.loads(text)
        file = TomlFile(name, data, dict(_Scanner(text).places()))
        diagnostics = Diagnostics()
        for path, words, allowed in _texts(data):
            if code := unprintable(words, allowed):
                what = f"the text has the control character {code}"
                diagnostics.error(file.where(path), what, "Delete it")
    except RecursionError:
        what = "the file is nested too deeply"
        raise InputError(Problem(name, what, "No list or table needs many levels")) from None
    except ValueError as error:  # a TOMLDecodeError, or an integer of thousands of digits
        raise InputError(_not_toml(name, str(error))) from None
    diagnostics.raise_if_any()
    return file


def _texts(data: Any, path: KeyPath = ()) -> Iterator[tuple[KeyPath, str, str]]:
    """Every key and every text in the data: its key path, itself, the controls it may have."""
    if isinstance(data, str):
        yield path, data, "\n\t"
    elif isinstance(data, Mapping):
        for key, value in data.items():
            yield (*path, key), key, ""
            yield from _texts(value, (*path, key))
    elif isinstance(data, list):
        for index, value in enumerate(data):
            yield from _texts(value, (*path, index))


def _not_toml(name: str, message: str) -> Problem:
    found = _AT_LINE.search(message)
    place = f"{name}:{found[1]}:{found[2]}" if found else name
    hint = "See the TOML rules at toml.io; text needs quotes and each key may stand once"
    return Problem(place, f"this is not valid TOML: {_AT_LINE.sub('', message)}", hint)


class _Scanner:
    """Walks text that is known to be valid TOML and yields the position of every value."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.line_starts = [0, *(found.end() for found in re.finditer("\n", text))]
        self.counts: dict[KeyPath, int] = {}

    def places(self) -> Iterator[tuple[KeyPath, tuple[int, int]]]:
        table: KeyPath = ()
        while self._skip_blank():
            if self._peek() == "[":
                position = self._position(self.at)
                table = self._header()
                yield table, position
            else:
                path = (*table, *self._key())
                self._skip("= \t")
                yield from self._value(path)

    def _header(self) -> KeyPath:
        """The path of ``[a.b]``, or of ``[[a.b]]`` with the number of the repetition."""
        repeated = self.text.startswith("[[", self.at)
        self.at += 2 if repeated else 1
        *parents, last = self._key()
        path: KeyPath = ()
        for key in parents:
            path = (*path, key)
            if path in self.counts:  # below [[a]], [a.b] belongs to its latest repetition
                path = (*path, self.counts[path])
        path = (*path, last)
        if repeated:
            self.counts[path] = self.counts.get(path, -1) + 1
            path = (*path, self.counts[path])
        self._skip_line()
        return path

    def _value(self, path: KeyPath) -> Iterator[tuple[KeyPath, tuple[int, int]]]:
        yield path, self._position(self.at)
        opening = self._peek()
        if opening in "\"'":
            self._string()
        elif opening == "{":
            yield from self._inline_table(path)
        elif opening == "[":
            yield from self._array(path)
        else:
            while self._peek() not in ",]}\n#":
                self.at += 1

    def _inline_table(self, path: KeyPath) -> Iterator[tuple[KeyPath, tuple[int, int]]]:
        self.at += 1
        while self._next_item("}"):
            key = (*path, *self._key())
            self._skip("= \t")
            yield from self._value(key)

    def _array(self, path: KeyPath) -> Iterator[tuple[KeyPath, tuple[int, int]]]:
        self.at += 1
        index = 0
        while self._next_item("]"):
            yield from self._value((*path, index))
            index += 1

    def _next_item(self, closing: str) -> bool:
        while self._skip_blank() and self._peek() == ",":
            self.at += 1
        if self._peek() == closing:
            self.at += 1
            return False
        return True

    def _key(self) -> tuple[str, ...]:
        parts: list[str] = []
        while True:
            self._skip(" \t.")
            start = self.at
            if self._peek() in "=]":
                return tuple(parts)
            if self._peek() in "\"'":
                self._string()
                parts.append(tomllib.loads(f"key = {self.text[start : self.at]}")["key"])
            else:
                while self._peek() not in " \t.=]":
                    self.at += 1
                parts.append(self.text[start : self.at])

    def _string(self) -> None:
        quote = self._peek()
        fence = quote * 3 if self.text.startswith(quote * 3, self.at) else quote
        self.at += len(fence)
        while not self.text.startswith(fence, self.at):
            self.at += 2 if quote == '"' and self._peek() == "\\" else 1
        self.at += len(fence)
        while len(fence) == 3 and self._peek() == quote:
            self.at += 1

    def _skip_blank(self) -> bool:
        while self.at < len(self.text):
            if self._peek() == "#":
                self._skip_line()
            elif self._peek().isspace():
                self.at += 1
            else:
                return True
        return False

    def _skip_line(self) -> None:
        end = self.text.find("\n", self.at)
        self.at = len(self.text) if end < 0 else end

    def _skip(self, characters: str) -> None:
        while self.at < len(self.text) and self.text[self.at] in characters:
            self.at += 1

    def _peek(self) -> str:
        return self.text[self.at] if self.at < len(self.text) else "\n"

    def _position(self, offset: int) -> tuple[int, int]:
        row = bisect_right(self.line_starts, offset)
        return row, offset - self.line_starts[row - 1] + 1
