"""Look over a workbook from a stranger before anything in it is read."""

from __future__ import annotations

import zipfile
from pathlib import Path

from heecon.errors import InputError, Problem
from heecon.files.reading import reading

MAX_BYTES = 100_000_000
MAX_PART_BYTES = 150_000_000
"""Unpacked bytes of a part that is read: sheets, shared strings, styles."""

MAX_UNPACKED_BYTES = 800_000_000
"""Of all parts together; each is unpacked once before any is understood."""

MAX_RATIO = 200
"""How much smaller a part may be packed: numbers and formulas reach 20, a bomb thousands."""

MAX_PARTS = 2_000

SAVE_AGAIN = "Save it again from a spreadsheet program as .xlsx"

_MACROS = ("vbaproject", "xl/macrosheets/", "xl/activex/", "xl/embeddings/")
_MACRO_TYPES = (b"macroenabled", b"vbaproject", b"macrosheet", b"activex", b"oleobject")
_LINK_TYPES = (b"externallink",)
_ENTITIES = (b"<!doctype", b"<!entity")
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_CHUNK, _OVERLAP = 1 << 20, 16
_BOMB_FLOOR = 5_000_000
"""Parts smaller than this are not asked how well they were packed."""

_COUNTED = (
    ("xl/workbook.xml", b"<sheet", 1_000, "sheets"),
    ("xl/workbook.xml", b"<definedname", 20_000, "names"),
    ("xl/sharedstrings.xml", b"<si>", 500_000, "texts"),
)
"""What takes long to read: the part it stands in, its tag, how many of it are read."""


def check_package(path: Path, name: str = "", most: int | None = None) -> None:
    """Refuse what is not a plain, bounded .xlsx file, before anything in it is read.

    Args:
        path: the file.
        name: how messages call it; its own name if empty.
        most: unpacked bytes of all parts together; ``MAX_UNPACKED_BYTES`` if None.

    Raises:
        InputError: missing, too large, not a workbook, damaged, with macros or links to other
            files, or packed to burst.
    """
    name = name or path.name
    with reading(path, name, MAX_BYTES, "Drop what is not needed", "an .xlsx file", "UTF-8"):
        _check(path, name, MAX_UNPACKED_BYTES if most is None else most)


def _check(path: Path, name: str, most: int) -> None:
    if path.suffix.lower() != ".xlsx":
        what = f"'{path.suffix or name}' is not the ending of a workbook heecon reads"
        raise InputError(Problem(name, what, "Save it as .xlsx, without macros"))
    try:
        with path.open("rb") as file:
            if file.read(len(_OLE)) == _OLE:
                what = "the workbook is encrypted, or in the format of Excel before 2007"
                raise InputError(Problem(name, what, "Save it as .xlsx without a password"))
        with zipfile.ZipFile(path) as archive:
            problems = _problems(archive, name, most)
    except (InputError, OSError):
        raise
    except Exception as error:  # zlib, lzma, struct and zipfile each have their own for damage
        what = f"this is not a readable .xlsx workbook ({error or type(error).__name__})"
        raise InputError(Problem(name, what, SAVE_AGAIN)) from None
    if problems:
        raise InputError(problems)


def _problems(archive: zipfile.ZipFile, name: str, most: int) -> list[Problem]:
    """Everything about a package that is a reason not to read it."""
    parts = archive.infolist()
    found = []
    if len(parts) > MAX_PARTS:
        return [Problem(name, f"the workbook has {len(parts):,} parts", SAVE_AGAIN)]
    if any(part.flag_bits & 1 for part in parts):
        return [Problem(name, "the workbook is encrypted", "Save it without a password")]
    lowered = [part.filename.lower() for part in parts]
    if "xl/workbook.xml" not in lowered or "[content_types].xml" not in lowered:
        what = "this is a zip archive, but not a workbook"
        return [Problem(name, what, SAVE_AGAIN)]
    if len(set(lowered)) < len(lowered):  # programs differ in which of two they read
        return [Problem(name, "a part of the workbook is there twice", SAVE_AGAIN)]
    if any(mark in part for part in lowered for mark in _MACROS):
        found.append(_macros(name, "carries macros or embedded programs"))
    if any(part.startswith("xl/externallinks/") for part in lowered):
        found.append(_links(name))
    for part in parts:
        big = part.file_size > _BOMB_FLOOR
        ratio = part.file_size / max(part.compress_size, 1)
        if part.file_size > MAX_PART_BYTES or (big and ratio > MAX_RATIO):
            what = f"'{part.filename}' unpacks to {part.file_size:,} bytes"
            hint = f"At most {MAX_PART_BYTES:,} are read: drop what is not needed"
            found.append(Problem(name, what, hint))
    unpacked = sum(part.file_size for part in parts)
    if unpacked > most and not found:
        what = f"the workbook unpacks to {unpacked:,} bytes"
        hint = f"At most {most:,} are read: drop what is not needed"
        found.append(Problem(name, what, hint))
    return found or _contents(archive, parts, name)


def _contents(archive: zipfile.ZipFile, parts: list[zipfile.ZipInfo], name: str) -> list[Problem]:
    """What the parts say that is a reason not to read them; all of them are unpacked once."""
    found = [
        Problem(name, f"'{part.filename}' declares entities of its own", SAVE_AGAIN)
        for part in parts
        if _declares_entities(archive, part)
    ]
    types = _text(archive, parts, "[content_types].xml")
    if any(mark in types for mark in _MACRO_TYPES):
        found.append(_macros(name, "declares macros or embedded programs"))
    if any(mark in types for mark in _LINK_TYPES):
        found.append(_links(name))
    for part, mark, most, called in _COUNTED:
        count = _text(archive, parts, part).count(mark)
        if count > most:
            what = f"the workbook has {count:,} {called}"
            found.append(Problem(name, what, f"At most {most:,} are read"))
    return found


def _macros(name: str, what: str) -> Problem:
    hint = "Save it as .xlsx without them; nothing of it was read"
    return Problem(name, f"the workbook {what}", hint)


def _links(name: str) -> Problem:
    hint = "Break the links (Data, Edit Links) and save it again"
    return Problem(name, "the workbook has links to other files", hint)


def _text(archive: zipfile.ZipFile, parts: list[zipfile.ZipInfo], name: str) -> bytes:
    """The letters of a part, whatever its case and encoding."""
    part = next((part for part in parts if part.filename.lower() == name), None)
    content = b"" if part is None else archive.read(part)
    return content.lower().replace(b"\0", b"").replace(b" ", b"")


def _declares_entities(archive: zipfile.ZipFile, part: zipfile.ZipInfo) -> bool:
    """Whether a part declares entities: no spreadsheet program writes any, and they can explode.

    Pictures may; nothing here reads them.
    """
    if part.filename.lower().startswith("xl/media/"):
        return False
    before = b""
    with archive.open(part) as stream:
        while chunk := stream.read(_CHUNK):
            # UTF-16 has a zero byte beside every letter.
            text = before + chunk.replace(b"\0", b"")
            if b"<!" in text and any(mark in text.lower() for mark in _ENTITIES):
                return True
            before = text[-_OVERLAP:]
    return False
