"""Draws where the time of a session went as a flame graph: one SVG file that needs nothing else."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from html import escape

from orchestrion.domain.inert import one_line
from orchestrion.projections.inquiry.profiling import Profile, waited
from orchestrion.projections.inquiry.spans import Span, length

WIDTH, ROW, TEXT = 1200, 20, 7
"""Pixels: the whole width, a frame's height, and (about) a letter's width."""
NARROWEST = 0.5
"""Frames narrower than this are not drawn, only counted."""
DEEPEST = 60
_STYLE = (
    "text{font:12px monospace;fill:#1b1b1b;pointer-events:none}rect{stroke:#fff;stroke-width:.5}"
    ".session{fill:#d0d0d0}.agent{fill:#f2a65a}.tool{fill:#8fb8de}.own{fill:#f7d794}"
)


@dataclass(slots=True)
class Frame:
    """A box: its width is the milliseconds worked in it and in what it called."""

    name: str
    sort: str
    own: int = 0
    count: int = 0
    inner: dict[tuple[str, str], "Frame"] = field(default_factory=dict)

    @property
    def ms(self) -> int:
        """Its own time and that of all within."""
        return self.own + sum(frame.ms for frame in self.inner.values())

    def into(self, name: str, sort: str) -> "Frame":
        """The frame of that name within this one."""
        return self.inner.setdefault((sort, name), Frame(name, sort))


def flame_svg(profile: Profile) -> str:
    """The flame graph of a profile: agents on the agents that started them, tools on top, width by time worked."""
    root = Frame(f"session {profile.session}", "session", count=1)
    for run in profile.timed.runs.values():
        if run.parent is None:
            _stack(run, root)
    boxes = list(_boxes(root, 0.0, 0, WIDTH / root.ms)) if root.ms else []
    depth = max((box[2] for box in boxes), default=0)
    height = (depth + 2) * ROW + 2 * ROW
    total = f"{_said(root.ms)} of work in {_said(profile.wall_ms or 0)}" if root.ms else "nothing of known duration"
    hidden = _frames(root) - len(boxes) if root.ms else 0
    tail = f"; {hidden} frames are too narrow to be drawn" if hidden else ""
    body = "".join(_drawn(box, height) for box in boxes)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}" '
        f'role="img"><title>{_safe(root.name)}</title><style>{_STYLE}</style>'
        f'<text x="4" y="15">{_safe(root.name)}: {total}{tail}</text>{body}</svg>\n'
    )


def _stack(run: Span, below: Frame) -> None:
    todo = [(run, below, 0)]
    while todo:
        span, under, depth = todo.pop()
        frame = under.into(span.name, "agent") if depth < DEEPEST else under
        frame.count += 1
        started = {child.parent_call for child in span.children}
        in_tools = 0
        for call in span.calls:
            if call.id not in started:
                tool = frame.into(call.name, "tool")
                tool.own, tool.count, in_tools = tool.own + call.ms, tool.count + 1, in_tools + call.ms
        frame.own += max(span.ms - in_tools - length(waited(span)), 0)
        todo += [(child, frame, depth + 1) for child in span.children]


def _boxes(frame: Frame, x: float, depth: int, scale: float) -> Iterator[tuple[Frame, float, int, float]]:
    todo = [(frame, x, depth)]
    while todo:
        here, left, level = todo.pop()
        width = here.ms * scale
        if width < NARROWEST:
            continue
        yield here, left, level, width
        for _, inner in sorted(here.inner.items()):
            todo.append((inner, left, level + 1))
            left += inner.ms * scale


def _frames(root: Frame) -> int:
    count, todo = 0, [root]
    while todo:
        frame = todo.pop()
        count += 1
        todo += frame.inner.values()
    return count


def _drawn(box: tuple[Frame, float, int, float], height: int) -> str:
    frame, x, depth, width = box
    y = height - (depth + 1) * ROW
    letters = int((width - 6) // TEXT)
    name = one_line(frame.name)
    shown = name if len(name) <= letters else name[: max(letters - 1, 0)] + "…"
    label = f'<text x="{x + 3:.1f}" y="{y + 14}">{_safe(shown)}</text>' if letters > 2 else ""
    told = f"{name}: {_said(frame.ms)}, {_said(frame.own)} of it its own, {frame.count} times"
    return (
        f'<g><title>{_safe(told)}</title><rect class="{frame.sort}" x="{x:.2f}" y="{y}" '
        f'width="{width:.2f}" height="{ROW}"/>{label}</g>'
    )


def _said(ms: int) -> str:
    return f"{ms} ms" if ms < 1000 else f"{ms / 1000:.1f} s" if ms < 120_000 else f"{ms / 60_000:.1f} min"


def _safe(text: str) -> str:
    return escape(one_line(text))
