"""Text in Markdown stays text."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heecon.report.markdown import escaped, table


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("plain words", "plain words"),
        ("c_unit", "c_unit"),
        ("_emphasis_", r"\_emphasis\_"),
        ("a | b", r"a \| b"),
        (r"a \| b", r"a \\\| b"),
        ("=1+1", r"\=1+1"),
        ("@SUM(1)", r"\@SUM(1)"),
        ("-5", "-5"),
        ("-2,340 (-1,487)", "-2,340 (-1,487)"),
        ("-x", r"\-x"),
        ("two\nlines\ttab", "two lines tab"),
        ("<script>", r"\<script\>"),
        ("[text](javascript:x)", r"\[text\](javascript:x)"),
        ("`code` **bold** # head", r"\`code\` \*\*bold\*\* \# head"),
        ("&amp;", r"\&amp;"),
        ("right\u202eleft\x00", "right?left?"),
    ],
)
def test_escaped(text: str, written: str) -> None:
    assert escaped(text) == written


PIPE = re.compile(r"(?<!\\)(?:\\\\)*\|")


@given(st.lists(st.lists(st.text(max_size=20), min_size=3, max_size=3), max_size=4))
def test_a_table_keeps_its_shape(rows: list[list[str]]) -> None:
    lines = table(["a", "b|", "=c"], rows, numbers=1).splitlines()
    assert len(lines) == 2 + len(rows)
    assert all(len(PIPE.findall(line)) == 4 for line in lines)
    for line in lines:
        assert not re.search(r"\| [=@]", line)
