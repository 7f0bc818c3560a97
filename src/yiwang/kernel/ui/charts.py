"""Charts drawn on the server as SVG: they print, follow dark mode, and carry their numbers as a table."""

import math
import re
from collections.abc import Sequence
from decimal import Decimal

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe

Value = float | int | Decimal | None
WIDTH = 640
COLOURS = 8
NOTHING = SafeString("")


def picture(svg: str) -> SafeString:
    """An SVG the kernel drew itself (a flow), shown at its own size; whoever draws escapes the words in it."""
    size = re.match(r'<svg [^>]*viewBox="0 0 (\d+) \d+"', svg)
    if size is None:
        raise ValueError("not a drawing")
    return mark_safe(svg.replace("<svg ", f'<svg width="{size[1]}" ', 1))  # noqa: S308


def _text(value: Value) -> str:
    if value is None:
        return "—"
    number = float(value)
    return f"{number:,.0f}" if number == int(number) else f"{number:,.2f}".rstrip("0")


def _n(value: float) -> str:
    return f"{value:.1f}".rstrip("0").rstrip(".")


def nice(top: float) -> tuple[float, int]:
    """An axis: the top of the scale (≥ top) and the number of equal steps that gives round labels."""
    if top <= 0:
        return 1.0, 1
    power = 10.0 ** math.floor(math.log10(top / 4))
    for factor in (1, 2, 2.5, 5, 10):
        step = factor * power
        if step * 5 >= top:
            return step * math.ceil(round(top / step, 9)), math.ceil(round(top / step, 9))
    raise ArithmeticError(f"no scale for {top}")


def _shorten(label: str, length: int) -> str:
    return label if len(label) <= length else label[: length - 1] + "…"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> SafeString:
    cells = format_html_join("", '<th scope="col">{}</th>', ((each,) for each in head))
    body = format_html_join(
        "", "<tr>{}</tr>", ((format_html_join("", "<td>{}</td>", ((c,) for c in row)),) for row in rows)
    )
    return format_html(
        '<details><summary>数据表</summary><table class="table"><thead><tr>{}</tr></thead>'
        "<tbody>{}</tbody></table></details>",
        cells, body,
    )  # fmt: skip


def _figure(
    title: str, unit: str, height: float, body: SafeString, table: SafeString, legend: SafeString
) -> SafeString:
    # An image has no parts; a drawing with links in it is a group of them.
    role = "group" if "<a " in body else "img"
    return format_html(
        '<figure class="chart"><figcaption>{}</figcaption><svg viewBox="0 0 {} {}" role="{}" aria-label="{}"><title>{}</title>'
        "<desc>{}，单位：{}。各项数值见下方数据表。</desc>{}</svg>{}{}</figure>",
        title, WIDTH, _n(height), role, title, title, title, unit or "个", body, legend, table,
    )  # fmt: skip


def _legend(names: Sequence[str]) -> SafeString:
    swatch = (
        '<li><svg viewBox="0 0 10 10" aria-hidden="true" class="s{}">'
        '<rect class="fill" width="10" height="10"/></svg>{}</li>'
    )
    items = format_html_join("", swatch, ((index % COLOURS, name) for index, name in enumerate(names)))
    return format_html('<ul class="legend">{}</ul>', items)


def bar(rows: Sequence[tuple[str, Value] | tuple[str, Value, str]], *, title: str, unit: str = "") -> SafeString:
    """Horizontal bars, one per (label, value[, address of the rows behind it])."""
    left, right, step = 150, 80, 26
    top = max((float(row[1] or 0) for row in rows), default=0) or 1
    parts = []
    for index, row in enumerate(rows):
        label, value, address = row[0], row[1], row[2] if len(row) > 2 else ""
        y, length = index * step + 4, max(0.0, float(value or 0)) / top * (WIDTH - left - right)
        drawn = format_html(
            '<title>{}：{}{}</title><text x="{}" y="{}" text-anchor="end">{}</text>'
            '<rect class="fill" x="{}" y="{}" width="{}" height="16" rx="2"/>'
            '<text class="value" x="{}" y="{}">{}</text>',
            label, _text(value), unit, left - 8, y + 13, _shorten(label, 11), left, y, _n(length),
            _n(left + length + 6), y + 13, _text(value),
        )  # fmt: skip
        parts.append(format_html('<a href="{}">{}</a>', address, drawn) if address else format_html("<g>{}</g>", drawn))
    table = _table(("项目", unit or "数值"), [(row[0], _text(row[1])) for row in rows])
    return _figure(title, unit, len(rows) * step + 6, format_html_join("", "{}", ((p,) for p in parts)), table, NOTHING)


Tile = tuple[str, Value, int, int, str]


def tiles(cells: Sequence[Tile], *, title: str, unit: str = "") -> SafeString:
    """A schematic map: one tile per (label, value, column, row, address of the rows behind it or ""), the fuller the
    more. Where a tile lies says roughly where the place is; its size says nothing."""
    wide, high, gap = 150, 76, 8
    top = max((float(cell[1] or 0) for cell in cells), default=0) or 1
    parts = []
    for label, value, column, row, address in cells:
        x, y = column * (wide + gap) + 4, row * (high + gap) + 4
        drawn = format_html(
            '<title>{}：{}{}</title><rect class="fill" fill-opacity="{}" x="{}" y="{}" width="{}" height="{}" rx="4"/>'
            '<rect class="axis" fill="none" x="{}" y="{}" width="{}" height="{}" rx="4"/>'
            '<text class="tile" x="{}" y="{}" text-anchor="middle">{}</text><text class="tile" x="{}" y="{}" text-anchor="middle">{}</text>',
            label, _text(value), unit, _n(0.04 + 0.4 * float(value or 0) / top) if value else "0", x, y, wide, high,
            x, y, wide, high, x + wide / 2, y + 32, _shorten(label, 8), x + wide / 2, y + 57, _text(value),
        )  # fmt: skip
        parts.append(format_html('<a href="{}">{}</a>', address, drawn) if address else format_html("<g>{}</g>", drawn))
    rows = max((cell[3] for cell in cells), default=0) + 1
    table = _table(("地点", unit or "数值"), [(cell[0], _text(cell[1])) for cell in cells])
    body = format_html_join("", "{}", ((part,) for part in parts))
    return _figure(title, unit, rows * (high + gap) + 6, body, table, NOTHING)


def _axes(top: float, steps: int, left: float, bottom: float, height: float) -> SafeString:
    lines = (
        (left, _n(bottom - height * i / steps), WIDTH - 8, _n(bottom - height * i / steps),
         left - 6, _n(bottom - height * i / steps + 4), _text(top * i / steps))
        for i in range(steps + 1)
    )  # fmt: skip
    shape = '<line class="axis" x1="{}" y1="{}" x2="{}" y2="{}"/><text x="{}" y="{}" text-anchor="end">{}</text>'
    return format_html_join("", shape, lines)


def _ticks(labels: Sequence[str], left: float, slot: float, bottom: float) -> SafeString:
    every = max(1, math.ceil(len(labels) * 46 / (WIDTH - left)))
    shape = '<text x="{}" y="{}" text-anchor="middle">{}</text>'
    marks = ((_n(left + slot * (i + 0.5)), bottom + 18, label) for i, label in enumerate(labels) if i % every == 0)
    return format_html_join("", shape, marks)


def _series_table(labels: Sequence[str], series: Sequence[tuple[str, Sequence[Value]]]) -> SafeString:
    rows = [(label, *(_text(values[i]) for _, values in series)) for i, label in enumerate(labels)]
    return _table(("", *(name for name, _ in series)), rows)


def _path(points: Sequence[tuple[float, float] | None]) -> str:
    """A line through the points; a missing value breaks it instead of being drawn as zero."""
    parts, pen = [], "M"
    for point in points:
        if point is None:
            pen = "M"
            continue
        parts.append(f"{pen}{_n(point[0])} {_n(point[1])}")
        pen = "L"
    return "".join(parts)


def line(
    labels: Sequence[str], series: Sequence[tuple[str, Sequence[Value]]], *, title: str, unit: str = ""
) -> SafeString:
    left, bottom, height = 56.0, 204, 190
    top, steps = nice(max((float(v) for _, values in series for v in values if v is not None), default=0))
    slot = (WIDTH - left - 8) / max(1, len(labels))
    drawn = []
    for rank, (name, values) in enumerate(series):
        points = [
            None if value is None else (left + slot * (i + 0.5), bottom - float(value) / top * height)
            for i, value in enumerate(values)
        ]
        dots = format_html_join(
            "",
            '<circle class="fill" cx="{}" cy="{}" r="3"><title>{} {}：{}{}</title></circle>',
            (
                (_n(point[0]), _n(point[1]), labels[i], name, _text(values[i]), unit)
                for i, point in enumerate(points)
                if point is not None
            ),
        )
        drawn.append((rank % COLOURS, _path(points), dots))
    shape = '<g class="s{}"><path class="stroke" d="{}"/>{}</g>'
    axes, ticks = _axes(top, steps, left, bottom, height), _ticks(labels, left, slot, bottom)
    body = format_html("{}{}{}", axes, ticks, format_html_join("", shape, drawn))
    legend = _legend([name for name, _ in series]) if len(series) > 1 else NOTHING
    return _figure(title, unit, bottom + 26, body, _series_table(labels, series), legend)
