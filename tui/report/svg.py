"""Draws the laid-out time line as SVG: names and classes only, colours come from the style sheet."""

from collections.abc import Iterator

from orchestrion.tui.report import words
from orchestrion.tui.report.escape import Markup, tag, together
from orchestrion.tui.report.layout import BAR_HEIGHT, GUTTER, LANE_HEIGHT, RIGHT_MARGIN, TOP, Arrow, Layout

INDENT = 10.0


def timeline_svg(layout: Layout) -> Markup:
    """The time line as one `<svg>` element."""
    return tag(
        "svg",
        together(*_axis(layout), *_lanes(layout), *_bars(layout), *map(_arrow, layout.arrows)),
        class_="timeline",
        viewBox=f"0 0 {layout.width:g} {layout.height:g}",
        role="img",
        aria_label="Time line: agents as lanes, tool calls as bars, messages and handoffs as arrows",
    )


def _axis(layout: Layout) -> Iterator[Markup]:
    bottom = layout.height - 4
    for fold in layout.folds:
        fill = tag("rect", class_="fold", x=fold.x, y=TOP - 8, width=fold.width, height=bottom - TOP + 8)
        yield tag("g", tag("title", fold.label), fill)
    last = -100.0
    for tick in layout.ticks:
        yield tag("line", class_="tick", x1=tick.x, y1=TOP - 6, x2=tick.x, y2=bottom)
        if tick.x - last > 70:
            yield tag("text", tick.label, class_="time", x=tick.x, y=TOP - 12, text_anchor="middle")
            last = tick.x


def _lanes(layout: Layout) -> Iterator[Markup]:
    for lane in layout.lanes:
        low = lane.y + LANE_HEIGHT / 2
        yield tag("line", class_="rule", x1=0, y1=low, x2=layout.width - RIGHT_MARGIN, y2=low)
        x = min(4 + INDENT * lane.depth, GUTTER / 2)
        yield tag("text", lane.label, class_="lane", x=x, y=lane.y + 4)
        if lane.x is not None:
            span = {"x": lane.x, "y": lane.y - LANE_HEIGHT / 2 + 3, "width": lane.width, "height": LANE_HEIGHT - 6}
            title = tag("title", _with_evidence(lane.title, lane.positions))
            yield tag("rect", title, class_=f"span {lane.status}", rx=4, **span)


def _bars(layout: Layout) -> Iterator[Markup]:
    for bar in layout.bars:
        place = {"x": bar.x, "y": bar.y - BAR_HEIGHT / 2, "width": bar.width, "height": BAR_HEIGHT}
        title = tag("title", _with_evidence(bar.title, bar.positions))
        yield tag("rect", title, class_=f"bar {bar.kind}", rx=min(2.5, bar.width / 2), **place)


def _arrow(arrow: Arrow) -> Markup:
    title = tag("title", _with_evidence(arrow.title, arrow.positions))
    return tag("path", title, class_=f"arrow {arrow.kind}", d=arrow.path)


def _with_evidence(title: str, positions: tuple[int, ...]) -> str:
    where = words.evidence(positions)
    return f"{title} · {where}" if where else title
