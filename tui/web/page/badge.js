// A state as a coloured badge: the word always stands beside the colour.

import { el } from "./dom.js";

const SHADES = {
  completed: "good", accepted: "good", ok: "good",
  running: "going", waiting: "going", offered: "going",
  failed: "bad", timed_out: "bad", rejected: "bad", lost: "bad", refused: "bad", error: "bad",
};

export function badge(state) {
  const word = state || "unknown";
  return el("span", { class: `badge ${SHADES[word] ?? "plain"}` }, el("i", null), word.replaceAll("_", " "));
}
