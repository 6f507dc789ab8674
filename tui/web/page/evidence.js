// Opens the events behind a figure.

import { ask } from "./ask.js";
import { el } from "./dom.js";
import { count, MAX_POSITIONS, UNKNOWN } from "./words.js";

const dialog = document.getElementById("evidence");
let asking = new AbortController();
dialog.addEventListener("close", () => asking.abort());
document.getElementById("evidence-close").addEventListener("click", close);

export function close() {
  dialog.close();
}

// Shows the answer to `question`: events, of which there may be more (`inAll`) than are shown.
async function show(title, question, inAll) {
  asking.abort();
  const { signal } = (asking = new AbortController());
  const heading = document.getElementById("evidence-title");
  heading.textContent = title;
  const list = document.getElementById("evidence-events");
  list.replaceChildren(el("p", { class: "none" }, "Reading …"));
  if (!dialog.open) dialog.showModal();
  try {
    const { events, found } = await ask("api/events", question, signal);
    const all = Math.max(found, inAll ?? 0);
    if (all > events.length) heading.textContent = `${title}: the first ${count(events.length)} of ${count(all)} events`;
    list.replaceChildren(...events.map(drawn));
    if (!events.length) list.replaceChildren(el("p", { class: "none" }, "No event can be read there."));
  } catch (error) {
    if (!signal.aborted) list.replaceChildren(el("p", { class: "bad" }, error.message));
  }
}

export function open(title, { positions, rests_on }) {
  return show(title, { positions: positions.join(",") }, rests_on);
}

function drawn(event) {
  const where = el("summary", null, el("b", null, event.position), ` ${event.kind} `, el("small", null, `${event.at} · ${event.place} · seen by ${event.source}`));
  return el("details", { open: true }, where, el("pre", null, event.data));
}

// A figure that can be opened; one that rests on nothing is only text.
export function figure(name, value, rests) {
  if (!rests.positions?.length) return el("span", { class: "figure" }, value);
  return el("button", { class: "figure", type: "button", title: told(rests.positions), onclick: () => open(name, rests) }, value);
}

// A figure of the list, whose events are found when they are asked for.
export function counted(name, value, question) {
  if (value === UNKNOWN || value === "0") return el("span", { class: "figure" }, value);
  return el("button", { class: "figure", type: "button", title: "the events behind it", onclick: () => show(name, question) }, value);
}

export function places(name, positions, inAll = positions?.length) {
  if (!positions?.length) return "";
  const more = inAll > MAX_POSITIONS ? ` … ${inAll}` : "";
  return el("button", { class: "places", type: "button", title: told(positions), onclick: () => open(name, { positions, rests_on: inAll }) },
    positions.slice(0, MAX_POSITIONS).join(", ") + more);
}

function told(positions) {
  return `the events at ${positions.slice(0, MAX_POSITIONS).join(", ")}${positions.length > MAX_POSITIONS ? ", …" : ""}`;
}
