"""Files from strangers: a message or a result, never a traceback, a hang or a full disk."""

import io
import itertools
import os
import resource
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from heecon.errors import InputError
from heecon.files import xlsx_package
from heecon.files.xlsx_package import check_package
from heecon.workbook import package
from heecon.workbook.lint import lint
from heecon.workbook.package import read_sheets
from tests.workbook.books import edited, part_of, refused, repacked

LAUGHS = b'<!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>'
DECLARATION = b"<?xml version='1.0' encoding='UTF-8'?>"
MAIN = b'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'


def test_a_fresh_export_is_read(export: Path) -> None:
    check_package(export)
    sheets = read_sheets(export, ("Cover", "Inputs", "None"))
    assert set(sheets) == {"Cover", "Inputs"}
    assert sheets["Cover"].value(4, 1) == "format"


def test_no_file_at_all(tmp_path: Path) -> None:
    refused(tmp_path / "missing.xlsx", "there is no file")


def test_a_dangling_and_a_circular_link(tmp_path: Path) -> None:
    (tmp_path / "link.xlsx").symlink_to(tmp_path / "nothing.xlsx")
    refused(tmp_path / "link.xlsx", "there is no file")
    (tmp_path / "circle.xlsx").symlink_to(tmp_path / "circle.xlsx")
    refused(tmp_path / "circle.xlsx", "circle.xlsx")


def test_a_folder_and_a_pipe(tmp_path: Path) -> None:
    (tmp_path / "folder.xlsx").mkdir()
    refused(tmp_path / "folder.xlsx", "not a regular file")
    os.mkfifo(tmp_path / "pipe.xlsx")
    refused(tmp_path / "pipe.xlsx", "not a regular file")


@pytest.mark.parametrize("content", [b"", b"PK", b"not a zip", b"PK\x05\x06" + bytes(18)])
def test_not_a_zip(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "odd.xlsx"
    path.write_bytes(content)
    refused(path, "odd.xlsx")


def test_an_encrypted_workbook_is_an_ole_file(tmp_path: Path) -> None:
    path = tmp_path / "secret.xlsx"
    path.write_bytes(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(512))
    refused(path, "encrypted", "without a password")


def test_the_encrypted_flag(export: Path) -> None:
    content = bytearray(export.read_bytes())
    for mark, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        content[content.index(mark) + offset] |= 1
    export.write_bytes(content)
    refused(export, "encrypted")


@pytest.mark.parametrize("tenth", range(10))
def test_truncated(export: Path, tenth: int) -> None:
    content = export.read_bytes()
    export.write_bytes(content[: len(content) * tenth // 10])
    refused(export, "not a readable .xlsx workbook")


def test_another_ending(export: Path) -> None:
    for name in ("small.xlsm", "small.xls", "small"):
        path = export.rename(export.with_name(name))
        refused(path, "Save it as .xlsx, without macros")
        export = path


@pytest.mark.parametrize(
    "part",
    ["xl/vbaProject.bin", "xl/VBAPROJECT.BIN", "xl/macrosheets/sheet1.xml", "xl/embeddings/a.bin",
     "xl/activeX/activeX1.bin"],
)  # fmt: skip
def test_macros_by_their_parts(export: Path, part: str) -> None:
    refused(repacked(export, export, {part: b"x"}), "macros")


@pytest.mark.parametrize(
    "kind",
    [b"application/vnd.ms-excel.sheet.macroEnabled.main+xml",
     b"application/vnd.ms-office.vbaProject", b"application/vnd.ms-excel.macrosheet+xml"],
)  # fmt: skip
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_macros_by_what_is_declared(export: Path, kind: bytes, encoding: str) -> None:
    declared = b'<Override PartName="/xl/other.bin" ContentType="' + kind + b'"/></Types>'

    def change(types: bytes) -> bytes:
        text = types.replace(b"</Types>", declared).decode()
        return text.replace("utf-8", encoding).replace("UTF-8", encoding).encode(encoding)

    refused(repacked(export, export, {"[Content_Types].xml": change}), "declares macros")


@pytest.mark.parametrize(
    ("part", "tag", "count", "said"),
    [
        ("xl/sharedStrings.xml", "<si>{}</si>", 500_001, "500,001 texts"),
        ("xl/workbook.xml", "<definedName a='{}'/>", 20_001, "names. At most 20,000"),
    ],
)
def test_what_takes_minutes_to_read(
    export: Path, part: str, tag: str, count: int, said: str
) -> None:
    with zipfile.ZipFile(export) as archive:
        before = archive.read(part) if part in archive.namelist() else b""
    content = before + "".join(tag.format(i) for i in range(count)).encode()
    refused(repacked(export, export, {part: content}), said)


def test_links_to_other_files(export: Path) -> None:
    part = {"xl/externalLinks/externalLink1.xml": b"<a/>"}
    refused(repacked(export, export, part), "links to other files")


@pytest.mark.parametrize("padding", [0, 5_000, 3_000_000])
@pytest.mark.parametrize(
    "part", ["xl/workbook.xml", "Inputs", "xl/styles.xml", "xl/sharedStrings.xml"]
)
def test_entities_anywhere(export: Path, part: str, padding: int) -> None:
    name = part if part.startswith("xl/") else part_of(export, part)
    spaces = itertools.islice(itertools.cycle(b" \n  \t \n"), padding)

    def change(content: bytes) -> bytes:
        _, _, rest = content.rpartition(b"?>")
        return DECLARATION + bytes(spaces) + LAUGHS + rest

    # Only other programs write shared strings.
    content = change(b"<sst/>") if name == "xl/sharedStrings.xml" else change
    refused(repacked(export, export, {name: content}), "entities of its own", name)


def test_entities_in_another_encoding(export: Path) -> None:
    def change(content: bytes) -> bytes:
        text = (
            content.decode().partition("?>")[2]
            if content.startswith(b"<?xml")
            else content.decode()
        )
        return ("<?xml version='1.0' encoding='UTF-16'?>" + LAUGHS.decode() + text).encode("utf-16")

    refused(repacked(export, export, {part_of(export, "Inputs"): change}), "entities of its own")


def test_a_bomb_that_says_so(export: Path) -> None:
    refused(
        repacked(export, export, {"xl/media/a.bin": bytes(30_000_000)}), "unpacks to 30,000,000"
    )


def test_a_bomb_whose_size_lies(export: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The directory says 1 byte; the data is 20 MB. Nothing beyond the byte is unpacked."""
    name = part_of(export, "Inputs")
    repacked(export, export, {name: b" " * 20_000_000})
    content = bytearray(export.read_bytes())
    for mark, offset, at in ((b"PK\x03\x04", 22, 30), (b"PK\x01\x02", 24, 46)):
        start = 0
        while (start := content.find(mark, start)) >= 0:
            if content[start + at :].startswith(name.encode()):
                content[start + offset : start + offset + 4] = (1).to_bytes(4, "little")
            start += 4
    export.write_bytes(content)
    monkeypatch.setattr(xlsx_package, "MAX_PART_BYTES", 1_000_000)
    refused(export, "not a readable .xlsx workbook")


def test_one_stretch_of_data_under_many_names(
    export: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Parts that share their data make a small file unpack to any size: the sum is bounded."""
    monkeypatch.setattr(xlsx_package, "MAX_UNPACKED_BYTES", 3_000_000)
    parts = {f"xl/media/{i}.bin": os.urandom(20_000) * 10 for i in range(20)}
    refused(repacked(export, export, parts), "the workbook unpacks to")


def test_a_zip_in_a_zip_is_not_opened(export: Path) -> None:
    inner = io.BytesIO()
    with zipfile.ZipFile(inner, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("bomb", bytes(50_000_000))
    path = repacked(export, export, {"xl/media/inner.xlsx": inner.getvalue()})
    assert set(read_sheets(path, ("Cover",))) == {"Cover"}


def test_too_many_parts_and_sheets(export: Path) -> None:
    refused(repacked(export, export, {f"x{i}": b"" for i in range(2_001)}), "parts")


def test_too_many_sheets(export: Path) -> None:
    entry = b'<sheet name="s%d" sheetId="%d" r:id="rId1"/>'
    more = b"".join(entry % (i, i) for i in range(100, 1_200))

    def change(text: bytes) -> bytes:
        return text.replace(b"</sheets>", more + b"</sheets>")

    refused(repacked(export, export, {"xl/workbook.xml": change}), "sheets")


def test_a_part_that_is_there_twice(export: Path) -> None:
    with zipfile.ZipFile(export, "a") as archive, pytest.warns(UserWarning, match="Duplicate"):
        archive.writestr("xl/workbook.xml", "<a/>")
    refused(export, "twice")


def test_other_zip_archives(export: Path) -> None:
    path = repacked(export, export, {"xl/workbook.xml": None})
    refused(path, "not a workbook")


@pytest.mark.parametrize("sheet", ["Cover", "Control", "Inputs"])
def test_missing_sheets(export: Path, sheet: str) -> None:
    refused(edited(export, export, lambda book: book.remove(book[sheet])), sheet, "no sheet")


def test_wrong_content_types(export: Path) -> None:
    def change(types: bytes) -> bytes:
        return types.replace(b"worksheet+xml", b"chartsheet+xml").replace(
            b"sheet.main", b"doc.main"
        )

    refused(repacked(export, export, {"[Content_Types].xml": change}), "small.xlsx")


def test_relationships_that_lead_nowhere(export: Path) -> None:
    def change(text: bytes) -> bytes:
        return text.replace(b"/xl/worksheets/", b"/../../etc/")

    refused(repacked(export, export, {"xl/_rels/workbook.xml.rels": change}), "small.xlsx")


def far_out(cell: bytes) -> Callable[[bytes], bytes]:
    row = b"<row>" + cell + b"</row></sheetData>"
    return lambda text: text.replace(b"</sheetData>", row, 1)


@pytest.mark.parametrize(
    "cell",
    [
        b'<c r="ZZZZZZ1"><v>1</v></c>',
        b'<c r="A99999999999"><v>1</v></c>',
        b'<c r="A0"><v>1</v></c>',
        b'<c r="A999"><f>"%s"</f></c>' % (b"x" * 9_000),
    ],
)
@pytest.mark.parametrize("read", [lambda path: read_sheets(path, ["Inputs"]), lint])
def test_cells_where_none_can_be(export: Path, cell: bytes, read: Callable[[Path], object]) -> None:
    """openpyxl would fill the space before such a cell, until memory ends."""
    path = repacked(export, export, {part_of(export, "Inputs"): far_out(cell)})
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(InputError):
        read(path)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 200_000


def test_a_row_far_down_takes_no_time(export: Path) -> None:
    row = b'<row r="1048576"><c r="XFD1048576"><v>1</v></c></row></sheetData>'
    part = part_of(export, "Inputs")
    path = repacked(export, export, {part: lambda text: text.replace(b"</sheetData>", row, 1)})
    assert read_sheets(path, ["Inputs"])["Inputs"].value(1_048_576, 16_384) == 1
    assert lint(path) == ()


def test_too_many_cells(export: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(package, "MAX_CELLS", 100)
    refused(export, "more than 100 cells")


def test_shared_and_array_formulas_are_read(export: Path) -> None:
    cells = (
        b'<row r="900"><c r="A900"><f t="shared" ref="A900:A901" si="0">B1+1</f><v>5</v></c></row>'
        b'<row r="901"><c r="A901"><f t="shared" si="0"/><v>6</v></c>'
        b'<c r="B901"><f t="array" ref="B901">SUM(A1:A2*B1:B2)</f><v>7</v></c></row></sheetData>'
    )
    part = part_of(export, "Inputs")
    path = repacked(export, export, {part: lambda text: text.replace(b"</sheetData>", cells, 1)})
    found = read_sheets(path, ["Inputs"])["Inputs"].cells
    assert (found[901, 1].formula, found[901, 1].value) == ("B2+1", 6)
    assert (found[901, 2].formula, found[901, 2].value) == ("SUM(A1:A2*B1:B2)", 7)


def read_or_refused(path: Path) -> None:
    try:
        read_sheets(path, ("Cover", "Control", "Inputs"))
        lint(path)
        said = path.name
    except InputError as error:
        said = str(error)
    assert path.name in said


@settings(
    max_examples=40, deadline=None, derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)  # fmt: skip
@given(st.data())
def test_flipped_bytes(export_to_read: Path, tmp_path: Path, data: st.DataObject) -> None:
    content = bytearray(export_to_read.read_bytes())
    for _ in range(data.draw(st.integers(1, 8))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path = tmp_path / "flipped.xlsx"
    path.write_bytes(content)
    read_or_refused(path)


@settings(
    max_examples=12, deadline=None, derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)  # fmt: skip
@given(st.data())
def test_damaged_parts_in_sound_packages(
    export_to_read: Path, tmp_path: Path, data: st.DataObject
) -> None:
    """Flipped bytes below the checksum, which a package that was only damaged would notice."""
    with zipfile.ZipFile(export_to_read) as archive:
        names = [name for name in archive.namelist() if "chart" not in name]
    names = [part_of(export_to_read, "Inputs"), "xl/workbook.xml", "xl/styles.xml", *names]

    def damage(content: bytes) -> bytes:
        changed = bytearray(content)
        for _ in range(data.draw(st.integers(1, 5))):
            byte = data.draw(st.sampled_from(b'<>/"=&;019A\x00\xff'))
            changed[data.draw(st.integers(0, len(changed) - 1))] = byte
        return bytes(changed)

    name = data.draw(st.sampled_from(names))
    path = repacked(export_to_read, tmp_path / "damaged.xlsx", {name: damage})
    read_or_refused(path)
