"""Write plain data as TOML."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping


def document(head: Mapping[str, object], tables: Mapping[str, Mapping[str, object]]) -> str:
    """A file of some keys, and below them tables; empty tables are left out."""
    lines = [f"{_key(key):<7} = {value_text(value)}" for key, value in head.items()]
    for name, table in tables.items():
        if table:
            lines += ["", f"[{_key(name)}]"]
            lines += [f"{_key(key)} = {value_text(value)}" for key, value in table.items()]
    return "\n".join(lines) + "\n"


def _key(name: str) -> str:
    return name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else value_text(name)


def value_text(value: object) -> str:
    """A value as TOML; its basic strings are written like those of JSON."""
    if isinstance(value, Mapping):
        pairs = (f"{_key(str(key))} = {value_text(below)}" for key, below in value.items())
        return "{ " + ", ".join(pairs) + " }"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(value_text, value)) + "]"
    if isinstance(value, str):
        text = json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
        return text.encode("utf-8", "replace").decode("utf-8")  # a file's name may be no Unicode
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    return repr(value)
