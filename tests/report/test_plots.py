"""The trace plot is well-formed SVG and shows what it should."""

from typing import Any
from xml.etree import ElementTree

import pytest

import heecon as he
from heecon.report.plots import trace_plot
from tests.analysis.test_evaluation import parameters, small

SVG = "{http://www.w3.org/2000/svg}"


def draw(**settings: Any) -> ElementTree.Element:
    evaluation = he.run(he.build_model(small(**settings), parameters()), keep_trace=True)
    return ElementTree.fromstring(trace_plot(evaluation.result, evaluation.trace_arrays()))


def points(polygon: ElementTree.Element) -> list[tuple[float, float]]:
    pairs = [point.split(",") for point in polygon.attrib["points"].split()]
    return [(float(x), float(y)) for x, y in pairs]


def test_one_area_a_state_and_strategy() -> None:
    root = draw()
    assert len(root.findall(f".//{SVG}polygon")) == 2 * 2
    texts = [text.text for text in root.iter(f"{SVG}text")]
    assert {"Usual care", "New", "Well", "Years", "Share of the cohort"} <= set(texts)


def test_areas_show_the_occupancy() -> None:
    """In the first panel the border between well and dead falls from 1 to 0.5 to 0.25."""
    first = points(draw().findall(f".//{SVG}polygon")[0])
    top, bottom = min(y for _, y in first), max(y for _, y in first)
    shares = [(bottom - y) / (bottom - top) for _, y in first[:3]]
    assert shares == pytest.approx([1.0, 0.5, 0.25], abs=0.002)


def test_hostile_labels_are_escaped() -> None:
    root = draw(title='<script>alert(1)</script> & "more"')
    assert root.find(f".//{SVG}script") is None
    title = next(root.iter(f"{SVG}text")).text or ""
    assert "<script>alert(1)</script>" in title


def test_everything_lies_on_the_page() -> None:
    for arguments in ({}, {"horizon": "1 cycles"}, {"horizon": "75 cycles"}):
        root = draw(**arguments)
        width, height = float(root.attrib["width"]), float(root.attrib["height"])
        for polygon in root.iter(f"{SVG}polygon"):
            for x, y in points(polygon):
                assert 0 <= x <= width
                assert 0 <= y <= height
