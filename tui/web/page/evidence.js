// Opens the events behind a figure.

import { ask } from "./ask.js";
import { el } from "./dom.js";
import { MAX_POSITIONS } from "./words.js";

const dialog = document.getElementById("evidence");
let asking = new AbortController();
dialog.addEventListener("close", () => asking.abort());
document.getElementById("evidence-close").addEventListener("click", close);

export function close() {
  dialog.close();
}

export async function open(title, positions) {
  asking.abort();
  const { signal } = (asking = new AbortController());
  document.getElementById("evidence-title").textContent = title;
  const list = document.getElementById("evidence-events");
  list.replaceChildren(el("p", { class: "none" }, "Reading …"));
  if (!dialog.open) dialog.showModal();
  try {
    const { events } = await ask("api/events", { positions: positions.join(",") }, signal);
    list.replaceChildren(...events.map(drawn));
    if (!events.length) list.replaceChildren(el("p", { class: "none" }, "No event can be read there."));
  } catch (error) {
    if (!signal.aborted) list.replaceChildren(el("p", { class: "bad" }, error.message));
  }
}

function drawn(event) {
  const where = el("summary", null, el("b", null, event.position), ` ${event.kind} `, el("small", null, `${event.at} · ${event.place} · seen by ${event.source}`));
  return el("details", { open: true }, where, el("pre", null, event.data));
}

// A figure that can be opened; one that rests on nothing is only text.
export function figure(name, value, positions) {
  if (!positions?.length) return el("span", { class: "figure" }, value);
  return el("button", { class: "figure", type: "button", title: told(positions), onclick: () => open(name, positions) }, value);
}

export function places(name, positions, inAll) {
  if (!positions?.length) return "";
  const more = (inAll ?? positions.length) > MAX_POSITIONS ? ` … ${inAll ?? positions.length}` : "";
  return el("button", { class: "places", type: "button", title: told(positions), onclick: () => open(name, positions) },
    positions.slice(0, MAX_POSITIONS).join(", ") + more);
}

function told(positions) {
  return `the events at ${positions.slice(0, MAX_POSITIONS).join(", ")}${positions.length > MAX_POSITIONS ? ", …" : ""}`;
}
