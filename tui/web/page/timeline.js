// Draws the time line from the numbers that the server laid out; the report draws the same ones.

import { svg } from "./dom.js";
import { open } from "./evidence.js";

const TOP = 30, LANE = 30, BAR = 14, INDENT = 10, MARGIN = 16, LABEL_GAP = 70, MAX_INDENT = 95;

export function timeline(layout) {
  const parts = [...axis(layout), ...layout.lanes.flatMap((lane) => drawnLane(lane, layout)), ...layout.bars.map(drawnBar),
    ...layout.arrows.map((arrow) => opens(svg("path", { class: `arrow ${arrow.kind}`, d: arrow.path }, title(arrow)), arrow))];
  return svg("svg", { class: "timeline", viewBox: `0 0 ${layout.width} ${layout.height}`, role: "img",
    "aria-label": "Time line: agents as lanes, tool calls as bars, messages and handoffs as arrows" }, parts);
}

function axis(layout) {
  const bottom = layout.height - 4;
  let last = -2 * LABEL_GAP;
  const folds = layout.folds.map((fold) => svg("rect", { class: "fold", x: fold.x, y: TOP - 8, width: fold.width, height: bottom - TOP + 8 },
    svg("title", null, fold.label)));
  const ticks = layout.ticks.flatMap((tick) => {
    const line = svg("line", { class: "tick", x1: tick.x, y1: TOP - 6, x2: tick.x, y2: bottom });
    if (tick.x - last <= LABEL_GAP) return [line];
    last = tick.x;
    return [line, svg("text", { class: "time", x: tick.x, y: TOP - 12, "text-anchor": "middle" }, tick.label)];
  });
  return [...folds, ...ticks];
}

function drawnLane(lane, layout) {
  const low = lane.y + LANE / 2;
  const rule = svg("line", { class: "rule", x1: 0, y1: low, x2: layout.width - MARGIN, y2: low });
  const name = svg("text", { class: "lane", x: Math.min(4 + INDENT * lane.depth, MAX_INDENT), y: lane.y + 4 }, lane.label);
  if (lane.x === null) return [rule, name];
  const box = { x: lane.x, y: lane.y - LANE / 2 + 3, width: lane.width, height: LANE - 6, rx: 4 };
  return [rule, name, opens(svg("rect", { class: `span ${lane.status}`, ...box }, title(lane)), lane)];
}

function drawnBar(bar) {
  const box = { x: bar.x, y: bar.y - BAR / 2, width: bar.width, height: BAR, rx: Math.min(2.5, bar.width / 2) };
  return opens(svg("rect", { class: `bar ${bar.kind}`, ...box }, title(bar)), bar);
}

function title(thing) {
  return svg("title", null, thing.positions.length ? `${thing.title} · positions ${thing.positions.join(", ")}` : thing.title);
}

function opens(node, thing) {
  if (thing.positions.length) {
    node.classList.add("opens");
    node.addEventListener("click", () => open(thing.title, thing));
  }
  return node;
}
