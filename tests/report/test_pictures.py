"""The pictures show what they should, whatever a model calls its parts."""

from collections.abc import Iterator
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
from matplotlib import pyplot as plt
from matplotlib.axes import Axes

import heecon as he
from heecon import plot
from heecon.analysis.evaluation import run
from heecon.analysis.one_way import one_way
from heecon.analysis.psa import run_psa
from heecon.analysis.two_way import two_way
from heecon.model.load import build_model
from heecon.plot import Format
from heecon.report.psa_report import pictures, report
from heecon.report.run_files import trace_picture
from heecon.report.sensitivity_report import one_way_report, two_way_report
from tests.analysis.test_evaluation import parameters, small

SVG = "{http://www.w3.org/2000/svg}"
FORMATS = list(Format)


@pytest.fixture(autouse=True)
def closed_figures() -> Iterator[None]:
    plt.switch_backend("agg")
    yield
    plt.close("all")


def trace_of(**settings: Any) -> plot.Draw:
    return trace_picture(run(build_model(small(**settings), parameters()), keep_trace=True))


def words_on(ax: Axes) -> set[str]:
    """Every text on the axes and the panels in them."""
    texts = {ax.get_title("left"), ax.get_xlabel(), ax.get_ylabel()}
    texts |= {text.get_text() for text in ax.texts}
    texts |= {label.get_text() for label in (*ax.get_xticklabels(), *ax.get_yticklabels())}
    if (legend := ax.get_legend()) is not None:
        texts |= {text.get_text() for text in legend.get_texts()}
    return texts.union(*(words_on(panel) for panel in ax.child_axes if isinstance(panel, Axes)))


def panels_of(ax: Axes) -> list[Axes]:
    return [panel for panel in ax.child_axes if isinstance(panel, Axes)]


# --- the trace -----------------------------------------------------------------------------------


def test_a_trace_has_one_area_a_state_and_strategy() -> None:
    ax = trace_of()()
    assert [len(panel.collections) for panel in panels_of(ax)] == [2, 2]
    assert {"Usual care", "New", "Well", "Years", "Share of the cohort"} <= words_on(ax)


def test_areas_show_the_occupancy() -> None:
    """In the first panel the border between well and dead falls from 1 to 0.5 to 0.25."""
    (well, _) = panels_of(trace_of()())[0].collections
    (path,) = well.get_paths()
    edge: dict[float, float] = {}
    for x, y in np.asarray(path.vertices).tolist():
        edge[x] = max(y, edge.get(x, 0.0))
    assert [edge[x] for x in sorted(edge)[:3]] == pytest.approx([1.0, 0.5, 0.25])


def test_a_trace_of_any_length_can_be_drawn() -> None:
    for horizon in ("1 cycles", "75 cycles"):
        for panel in panels_of(trace_of(horizon=horizon)()):
            low, high = panel.get_xlim()
            assert low == 0 < high


def test_a_trace_goes_into_the_axes_given() -> None:
    _, axes = plt.subplots(2)
    assert trace_of()(ax=axes[1]) is axes[1]
    assert not axes[0].child_axes


# --- words of strangers --------------------------------------------------------------------------


def test_hostile_labels_stay_words() -> None:
    title = '<script>alert(1)</script> & "more"'
    files = plot.rendered("trace", trace_of(title=title), [Format.SVG])
    root = ElementTree.fromstring(files["trace.svg"])
    assert root.find(f".//{SVG}script") is None
    assert title in [text.text for text in root.iter(f"{SVG}text")]


def test_labels_are_no_mathematics() -> None:
    draw = trace_of(title=r"From $5 to $\frac{1}{$ and \undefined_^")
    files = plot.rendered("trace", draw, [Format.SVG])
    root = ElementTree.fromstring(files["trace.svg"])
    assert r"From $5 to $\frac{1}{$ and \undefined_^" in [t.text for t in root.iter(f"{SVG}text")]


def test_control_characters_and_foreign_scripts_do_not_break_a_picture() -> None:
    files = plot.rendered("trace", trace_of(title="a\x01b\n骨転移"), FORMATS)
    root = ElementTree.fromstring(files["trace.svg"])
    assert "a b 骨転移" in [text.text for text in root.iter(f"{SVG}text")]


# --- files ---------------------------------------------------------------------------------------


def test_every_format_is_written_the_same_each_time() -> None:
    first, second = (plot.rendered("trace", trace_of(), FORMATS) for _ in range(2))
    assert first == second
    begins = {"trace.svg": b"<?xml", "trace.png": b"\x89PNG", "trace.pdf": b"%PDF"}
    assert {name: first[name].startswith(start) for name, start in begins.items()} == dict.fromkeys(
        begins, True
    )
    assert not plt.get_fignums()


def test_nothing_is_drawn_unasked() -> None:
    def refuse() -> Axes:
        raise AssertionError

    assert plot.files({"never": refuse}, []) == {}


# --- uncertainty ---------------------------------------------------------------------------------


def test_pictures_of_a_probabilistic_analysis() -> None:
    outcomes = run_psa(he.load("hiv/base_case"), 60)
    found = report(outcomes, [10_000.0, 20_000.0])
    drawn = {name: draw() for name, draw in pictures(found).items()}
    assert list(drawn) == ["ce_plane", "ceac", "expected_loss", "evpi"]
    labels = set(outcomes.labels.values())
    plane = drawn["ce_plane"]
    (cloud,) = plane.collections
    points = np.asarray(cloud.get_offsets())
    np.testing.assert_array_equal(points[:, 1], outcomes.cost[:, 1] - outcomes.cost[:, 0])
    np.testing.assert_array_equal(points[:, 0], outcomes.effect[:, 1] - outcomes.effect[:, 0])
    assert outcomes.labels[outcomes.strategies[1]] in words_on(plane)
    curves = drawn["ceac"].get_lines()
    assert len(curves) == 3
    np.testing.assert_array_equal(curves[1].get_ydata(), found.curves.probability[:, 1])
    assert {*labels, "Frontier (dashed)"} <= words_on(drawn["ceac"])
    assert drawn["ceac"].get_ylim() == (0, 1)
    np.testing.assert_array_equal(drawn["evpi"].get_lines()[0].get_ydata(), found.curves.evpi)
    assert labels <= words_on(drawn["expected_loss"])


def test_a_tornado_has_a_bar_a_side_and_names_labels() -> None:
    model = he.load("hiv/base_case")
    found = one_way(model, 10_000)
    ax = one_way_report(found, False, "GBP").pictures["tornado"]()
    bars = [row for row in found.rows if row.swing > 0][:20]
    assert len(ax.patches) == 2 * len(bars)
    assert words_on(ax) >= {plot.words(row.label) for row in bars if "[" not in row.name}
    assert ax.patches[0].get_width() == pytest.approx(  # type: ignore[attr-defined]
        bars[0].low.nmb - found.base.nmb
    )


def test_a_decision_map_colours_each_cell_by_its_best_strategy() -> None:
    model = he.load("hiv/base_case")
    found = two_way(model, "rr", "dmc_A", 10_000, steps=5)
    ax = two_way_report(found).pictures["two_way"]()
    (mesh,) = ax.collections
    colours = np.asarray(mesh.get_array()).reshape(5, 5, 3)
    from matplotlib.colors import to_hex  # noqa: PLC0415

    for i in range(5):
        for j in range(5):
            best = int(found.optimal[i, j].argmax())
            assert to_hex(colours[j, i]).upper() == plot.colour(best)


def test_a_forest_has_a_square_and_an_interval_a_row() -> None:
    ax = plot.forest(
        [("Trials", [("A", (0.5, 0.4, 0.7)), ("B", (1.2, 0.9, 1.6))]), ("All", [("C", (1, 1, 1))])],
        "Title",
        "ratio",
    )
    squares = [line for line in ax.get_lines() if line.get_marker() == "s"]
    assert [float(np.asarray(s.get_xdata())[0]) for s in squares] == [0.5, 1.2, 1.0]
    assert {"Trials", "A", "0.50 (0.40-0.70)", "Title", "ratio"} <= words_on(ax)
