"""Ways to spoil a file: text by characters, numbers, lines and cells; workbooks by their parts."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Callable
from random import Random

HOSTILE = (
    *("0", "1", "-1", "2", "1e100", "1e15", "-1e308", "1e999", "1e-300", "nan", "inf", "-0.0"),
    *("0.5", "0.999999999", "1.0000001", "9" * 30, "0x10", "1_000", "1,5", "1.234,5", "5%", "١"),
    *("", " ", '"', "'", "true", "[]", "{}", "[[", "=1+1", "\x00", "\x1b[2J", "\uffff", "\ud800"),
    *("\n", "\r", ";", ",", "../x", "a" * 500, "\u202e", "rest", "alive", "cycle", "time", "age"),
    *("state_time", "exp(710)", "1/0", "mod(1, 0)", "log(-1)", "if(1, 2, 3)", "9**9**9", "dead"),
    *("(" * 200, "usual_care", "new_drug", "c_drug", "u_stable", "fixed", "beta", "gamma", "-"),
)
TOKENS = (*HOSTILE, "+", "*", "/", "^", "**", "(", ")", "<", "<=", "==", "!=", "and", "or", "not")
_NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?(e-?[0-9]+)?")
_TOKEN = re.compile(r"[A-Za-z_]+")

Mutate = Callable[[str, Random], str]


def number(text: str, luck: Random) -> str:
    """Another number in the place of one."""
    return _replaced(_NUMBER, text, luck)


def word(text: str, luck: Random) -> str:
    """Something else, or another word of the file, in the place of a word."""
    words = _TOKEN.findall(text)
    other = luck.choice(words) if words and luck.random() < 0.5 else luck.choice(TOKENS)
    return _replaced(_TOKEN, text, luck, other)


def character(text: str, luck: Random) -> str:
    """A character deleted, doubled, or something put in its place."""
    at = luck.randrange(len(text) + 1)
    middle = luck.choice(["", text[at : at + 1] * 2, luck.choice(TOKENS)])
    return text[:at] + middle + text[at + 1 :]


def line(text: str, luck: Random) -> str:
    """A line deleted, doubled or exchanged with another."""
    lines = text.split("\n")
    one, two = luck.randrange(len(lines)), luck.randrange(len(lines))
    kind = luck.randrange(3)
    if kind == 0:
        del lines[one]
    elif kind == 1:
        lines.insert(two, lines[one])
    else:
        lines[one], lines[two] = lines[two], lines[one]
    return "\n".join(lines)


def cell(text: str, luck: Random) -> str:
    """Something else between two commas or quotes."""
    return _replaced(re.compile(r'(?<=[,"])[^,"\n]*(?=[,"])'), text, luck)


def _replaced(pattern: re.Pattern[str], text: str, luck: Random, other: str | None = None) -> str:
    found = list(pattern.finditer(text))
    if not found:
        return text
    place = luck.choice(found)
    other = luck.choice(HOSTILE) if other is None else other
    return text[: place.start()] + other + text[place.end() :]


def spoiled(text: str, luck: Random) -> str:
    """A text with one to three mutations."""
    for _ in range(luck.randint(1, 3)):
        text = luck.choice([number, number, word, word, character, line, cell])(text, luck)
    return text


def spoiled_bytes(content: bytes, luck: Random) -> bytes:
    """Bytes of a file with a few changed, or the end cut off."""
    changed = bytearray(content)
    if luck.random() < 0.3:
        return content[: luck.randrange(len(content))]
    for _ in range(luck.randint(1, 4)):
        changed[luck.randrange(len(changed))] = luck.randrange(256)
    return bytes(changed)


def spoiled_package(content: bytes, luck: Random) -> bytes:
    """A workbook with one of its parts spoiled, missing or doubled."""
    if luck.random() < 0.05:
        return spoiled_bytes(content, luck)
    with zipfile.ZipFile(io.BytesIO(content)) as package:
        parts = {name: package.read(name) for name in package.namelist()}
    name = luck.choice([name for name in parts if name.endswith((".xml", ".rels"))])
    if luck.random() < 0.1:
        del parts[name]
    elif luck.random() < 0.1:
        parts[name] = parts[luck.choice(list(parts))]
    else:
        text = spoiled(parts[name].decode(), luck)
        parts[name] = text.encode("utf-8", "surrogatepass")
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as package:
        for part, data in parts.items():
            package.writestr(part, data)
    return target.getvalue()


def expression(luck: Random) -> str:
    """A few random tokens."""
    return " ".join(luck.choice(TOKENS) for _ in range(luck.randint(1, 12)))
