"""The charts of the workbook, drawn by the spreadsheet program from live cells."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from heecon.plot import COLOURS

if TYPE_CHECKING:
    from openpyxl.chart import AreaChart, BarChart, LineChart, ScatterChart
    from openpyxl.chart._chart import ChartBase

    from heecon.workbook.columns import Trace

WIDTH, HEIGHT = 24.0, 11.0
"""Centimetres."""


def _coloured(series: Any, number: int, *, line: bool = False) -> None:
    colour = COLOURS[number % len(COLOURS)].removeprefix("#")
    if line:
        series.graphicalProperties.line.solidFill = colour
        series.graphicalProperties.line.width = 19_050
        series.smooth = False
    else:
        series.graphicalProperties.solidFill = colour
        series.graphicalProperties.line.solidFill = colour


def _titled(chart: ChartBase, x: str, y: str) -> None:
    """Axis titles that show, also in versions of Excel that hide axes by default."""
    found: Any = chart
    found.x_axis.title, found.y_axis.title = x, y
    found.x_axis.delete, found.y_axis.delete = False, False
    found.width, found.height = WIDTH, HEIGHT


def _title(text: str) -> Any:
    """A chart title of modest size."""
    from openpyxl.chart.text import RichText, Text  # noqa: PLC0415
    from openpyxl.chart.title import Title  # noqa: PLC0415
    from openpyxl.drawing.text import (  # noqa: PLC0415
        CharacterProperties,
        Paragraph,
        ParagraphProperties,
        RegularTextRun,
    )

    font = CharacterProperties(sz=1200, b=True)
    run = RegularTextRun(rPr=font, t=text)
    paragraph = Paragraph(pPr=ParagraphProperties(defRPr=font), r=[run])
    return Title(tx=Text(rich=RichText(p=[paragraph])), overlay=False)


def _series(values: str, title: str) -> Any:
    from openpyxl.chart import Series  # noqa: PLC0415

    return Series(values, title=title)


def _names(text: str) -> Any:
    """Categories or titles from cells."""
    from openpyxl.chart.data_source import AxDataSource, NumRef  # noqa: PLC0415

    return AxDataSource(numRef=NumRef(f=text))


def trace_area(trace: Trace) -> AreaChart:
    """Share of the cohort in each state over time."""
    from openpyxl.chart import AreaChart  # noqa: PLC0415

    chart = AreaChart(grouping="stacked")
    for number, (name, state) in enumerate(trace.model.states.items()):
        series = _series(trace.range("occupancy", name).text, state.label)
        _coloured(series, number)
        chart.series.append(series)
        series.cat = _names(trace.range("time").text)
    _titled(chart, "years", "share of the cohort")
    chart.title = _title(trace.model.strategies[trace.strategy].label)
    chart.y_axis.scaling.min, chart.y_axis.scaling.max = 0, 1
    chart.y_axis.number_format = "0%"
    chart.x_axis.number_format = "0"
    step = max(1, round(5 / trace.model.settings.cycle_length))
    chart.x_axis.tickLblSkip = chart.x_axis.tickMarkSkip = step
    chart.legend.position = "b"
    chart.width, chart.height = 16.0, 9.0
    return chart


def cost_breakdown(areas: Mapping[str, str], names: str) -> BarChart:
    """Discounted costs by category, a bar a strategy.

    Args:
        areas: category -> cells of its costs, one a strategy.
        names: cells of the strategies' names.
    """
    from openpyxl.chart import BarChart  # noqa: PLC0415

    chart = BarChart()
    chart.type, chart.grouping, chart.overlap, chart.gapWidth = "bar", "stacked", 100, 60
    for number, (category, area) in enumerate(areas.items()):
        series = _series(area, category)
        _coloured(series, number)
        series.cat = _text(names)
        chart.series.append(series)
    _titled(chart, "", "cost per person, discounted, in the currency of this sheet's head")
    chart.x_axis.scaling.orientation = "maxMin"
    chart.y_axis.number_format = "#,##0"
    chart.legend.position = "b"
    return chart


def _text(area: str) -> Any:
    from openpyxl.chart.data_source import AxDataSource, StrRef  # noqa: PLC0415

    return AxDataSource(strRef=StrRef(f=area))


def tornado(names: str, low: str, high: str, currency: str, count: int) -> BarChart:
    """What each input does to incremental net benefit, the widest on top."""
    from openpyxl.chart import BarChart  # noqa: PLC0415

    chart = BarChart()
    chart.type, chart.grouping, chart.overlap, chart.gapWidth = "bar", "clustered", 100, 30
    for number, (area, title) in enumerate(
        ((low, "input at its low end"), (high, "at its high end"))
    ):
        series = _series(area, title)
        _coloured(series, number)
        series.cat = _text(names)
        chart.series.append(series)
    _titled(chart, "", f"change of incremental net monetary benefit ({currency or 'money'})")
    chart.x_axis.scaling.orientation = "maxMin"
    chart.x_axis.tickLblPos = "low"
    chart.y_axis.number_format = "#,##0"
    chart.legend.position = "b"
    chart.height = min(22.0, 4.0 + 0.7 * count)
    return chart


def plane(clouds: list[tuple[int, str, str, str]], currency: str) -> ScatterChart:
    """Incremental cost against incremental QALYs of every draw.

    Args:
        clouds: number of the strategy, which decides its colour, title, effects, costs.
        currency: for the axis.
    """
    from openpyxl.chart import ScatterChart, Series  # noqa: PLC0415
    from openpyxl.chart.marker import Marker  # noqa: PLC0415

    chart = ScatterChart(style=13)
    chart.scatterStyle = "lineMarker"
    for number, title, effects, costs in clouds:
        series = Series(costs, xvalues=effects, title=title)
        colour = COLOURS[number % len(COLOURS)].removeprefix("#")
        series.marker = Marker("circle", size=3)
        series.marker.graphicalProperties.solidFill = colour
        series.marker.graphicalProperties.line.solidFill = colour
        series.graphicalProperties.line.noFill = True
        chart.series.append(series)
    _titled(chart, "incremental QALYs", f"incremental cost ({currency or 'money'})")
    chart.x_axis.tickLblPos = chart.y_axis.tickLblPos = "low"
    chart.x_axis.number_format, chart.y_axis.number_format = "0.000", "#,##0"
    chart.legend.position = "b"
    return chart


def curves(
    lines: list[tuple[str, str]], thresholds: str, y: str, currency: str
) -> LineChart | ScatterChart:
    """Curves over the thresholds; (title, values)."""
    from openpyxl.chart import ScatterChart, Series  # noqa: PLC0415

    chart = ScatterChart(style=13)
    chart.scatterStyle = "lineMarker"
    for number, (title, values) in enumerate(lines):
        series = Series(values, xvalues=thresholds, title=title)
        series.marker.symbol = "none"
        _coloured(series, number, line=True)
        chart.series.append(series)
    _titled(chart, f"willingness to pay ({currency or 'money'} per QALY)", y)
    chart.x_axis.number_format = "#,##0"
    chart.y_axis.scaling.min = 0
    chart.legend.position = "b"
    return chart
