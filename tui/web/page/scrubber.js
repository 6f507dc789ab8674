// A slider over the session's positions: any of them can be looked at, as it stood then.

import { el } from "./dom.js";

const SETTLE_MILLISECONDS = 120;

export function scrubber(bounds, at, go) {
  const input = el("input", { type: "range", min: 0, max: Math.max(0, bounds.positions.length - 1), step: 1, "aria-label": "Position in the log" });
  const said = el("output", { for: "position" });
  const now = el("button", { type: "button" }, "Now");
  const mark = at === null ? bounds.positions.length - 1 : bounds.positions.findLastIndex((position) => position <= Number(at));
  input.id = "position";
  input.value = String(Math.max(0, mark));
  const word = () => { said.textContent = at === null ? "now" : `position ${bounds.positions[Number(input.value)] ?? at}`; };
  word();
  let waiting = 0;
  input.addEventListener("input", () => {
    at = bounds.positions[Number(input.value)];
    word();
    clearTimeout(waiting);
    waiting = setTimeout(() => go(at), SETTLE_MILLISECONDS);
  });
  now.addEventListener("click", () => {
    at = null;
    input.value = input.max;
    word();
    go(null);
  });
  return el("div", { id: "scrubber" }, el("label", { for: "position" }, "Play back"), input, said, now);
}
