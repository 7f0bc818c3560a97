"""A flow as a picture: stages left to right, ways back below, the current stage marked. Plain SVG, no script."""

from html import escape

from yiwang.kernel.flow.definitions import END_PREFIX, ORIGIN, PREVIOUS, RETURNER, STAY, Flow, Stage
from yiwang.kernel.flow.models import FlowVersion
from yiwang.kernel.flow.publishing import flow_of

WIDTH, HEIGHT, GAP, TOP, LEFT, LANE = 112, 44, 56, 24, 40, 14


def svg(version: FlowVersion | int, current: str = "", done: tuple[str, ...] = ()) -> str:
    """Markup whose every word is escaped; colours come from the page's tokens through classes."""
    flow = flow_of(version if isinstance(version, int) else version.pk)
    order = {stage.code: index for index, stage in enumerate(flow.stages)}
    ways: dict[tuple[int, int], dict[str, None]] = {}
    for code, stop, name in edges(flow, order):
        ways.setdefault((order[code], stop), {})[name] = None
    arrows = [(start, stop, "、".join(ways[start, stop])) for start, stop in sorted(ways)]
    lanes = sum(_bent(start, stop) for start, stop, _ in arrows)
    width = 2 * LEFT + len(flow.stages) * (WIDTH + GAP) + 20
    height = TOP + HEIGHT + 24 + LANE * lanes
    parts = [
        (
            f'<svg class="flow" xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img" '
            f'aria-label="{escape(flow.name)}流程图，当前环节：{escape(_name(flow, current))}">'
        ),
        (
            '<defs><marker id="flow-arrow" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" '
            'orient="auto"><path class="flow-head" d="M0 0L8 4L0 8z"/></marker></defs>'
        ),
        f'<circle class="flow-start" cx="{LEFT - 24}" cy="{TOP + HEIGHT // 2}" r="7"/>',
        _line(LEFT - 17, LEFT, ""),
    ]
    lane = 0
    for start, stop, name in arrows:
        lane += _bent(start, stop)
        parts.append(_arrow(start, stop, name, lane))
    parts += [_box(stage, index, current, done) for index, stage in enumerate(flow.stages)]
    parts.append(f'<circle class="flow-end" cx="{_x(len(flow.stages)) + 8}" cy="{TOP + HEIGHT // 2}" r="8"/></svg>')
    return "".join(parts)


def edges(flow: Flow, order: dict[str, int]) -> list[tuple[str, int, str]]:
    """(from stage, to position, name); the position behind the last stage is the end."""
    found = []
    for stage in flow.stages:
        for action in stage.actions:
            if action.to == STAY:
                continue
            if action.to.startswith(END_PREFIX):
                place = len(flow.stages)
            elif action.to in (PREVIOUS, RETURNER):
                place = max(0, order[stage.code] - 1)
            else:
                place = 0 if action.to == ORIGIN else order[action.to]
            found.append((stage.code, place, action.name))
    return found


def _name(flow: Flow, code: str) -> str:
    return next((stage.name for stage in flow.stages if stage.code == code), "无")


def _x(index: int) -> int:
    return LEFT + index * (WIDTH + GAP)


def _line(start: int, stop: int, name: str) -> str:
    y = TOP + HEIGHT // 2
    return f'<path class="flow-way" d="M{start} {y}H{stop}" marker-end="url(#flow-arrow)"><title>{escape(name)}</title></path>'


def _bent(start: int, stop: int) -> bool:
    """Whether the way runs below the stages, in a lane of its own."""
    return stop != start + 1


def _arrow(start: int, stop: int, name: str, lane: int) -> str:
    if not _bent(start, stop):
        return _line(_x(start) + WIDTH, _x(stop), name)
    base, low = TOP + HEIGHT, TOP + HEIGHT + 12 + LANE * lane
    shift = 20 if stop <= start else -20
    kind = "flow-back" if stop <= start else "flow-way"
    middle = _x(start) + WIDTH // 2 - shift // 2, _x(stop) + (WIDTH // 2 + shift // 2 if stop <= start else 8)
    return (
        f'<path class="{kind}" d="M{middle[0]} {base}V{low}H{middle[1]}V{base + 2}" '
        f'marker-end="url(#flow-arrow)"><title>{escape(name)}</title></path>'
    )


def _box(stage: Stage, index: int, current: str, done: tuple[str, ...]) -> str:
    state = "current" if stage.code == current else "done" if stage.code in done else "ahead"
    mark = ' aria-current="step"' if state == "current" else ""
    x, middle = _x(index), _x(index) + WIDTH // 2
    phase = f'<text class="flow-phase" x="{middle}" y="{TOP - 8}">{escape(stage.phase)}</text>' if stage.phase else ""
    return (
        f'<g class="flow-stage {state}"{mark}>{phase}<rect x="{x}" y="{TOP}" width="{WIDTH}" height="{HEIGHT}" rx="6"/>'
        f'<text x="{middle}" y="{TOP + HEIGHT // 2 + 5}" text-anchor="middle">{escape(stage.name)}</text></g>'
    )
