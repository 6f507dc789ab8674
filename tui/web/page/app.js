// Which page is shown is in the address (?session=…&at=…&q=…); the log's growth redraws it.

import { ask, Live } from "./ask.js";
import { el } from "./dom.js";
import { draw as drawSession, tell } from "./session.js";
import { draw as drawSessions } from "./sessions.js";
import { scrubber } from "./scrubber.js";

const REDRAW_MILLISECONDS = 250;
const REST_FACTOR = 4;  // after a redraw rest this many times as long as it took: a huge session must not busy the server
const main = document.getElementById("main");
const words = document.getElementById("words");
let live = null, drawing = false, wanted = false, last = 0, took = 0;

function place() {
  const given = new URLSearchParams(location.search);
  return { session: given.get("session"), at: given.get("at"), words: given.get("q") ?? "" };
}

function link(parameters) {
  const given = Object.entries(parameters).filter(([, value]) => value !== null && value !== undefined && value !== "");
  return given.length ? `./?${new URLSearchParams(given)}` : "./";
}

function go(parameters, replace = false) {
  history[replace ? "replaceState" : "pushState"](null, "", link(parameters));
  return show();
}

async function show() {
  const here = place(), asked = location.search;
  live?.close();
  live = null;
  if (!here.session) delete main.dataset.session;
  words.value = here.words;
  const position = await redraw();
  if (position === null) return;
  if (here.session) {
    await scrubbed(here);
    await told(here.session, here.at ?? position);
  }
  if (here.at !== null) return state("past", `as it stood at position ${here.at}`);
  if (location.search !== asked) return;
  live = new Live(here.session, position, { facts, reset: () => show(), trouble, state: (name) => state(name) });
}

// The commentary begins with the last of what happened before we came.
async function told(session, position) {
  const { facts: before } = await ask("api/commentary", { id: session, upto: position });
  tell(before);
}

async function scrubbed(here) {
  if (main.querySelector("#scrubber")) return;
  const bounds = await ask("api/bounds", { id: here.session });
  main.querySelector('[data-part="head"]').after(scrubber(bounds, here.at, (at) => go({ session: here.session, at }, true)));
}

function facts(data) {
  const here = place();
  if (here.session) tell(data.facts);
  soon();
}

function soon() {
  wanted = true;
  if (drawing) return;
  const wait = Math.max(0, Math.max(REDRAW_MILLISECONDS, REST_FACTOR * took) - (performance.now() - last));
  drawing = true;
  setTimeout(async () => {
    wanted = false;
    await redraw();
    drawing = false;
    if (wanted) soon();
  }, wait);
}

async function redraw() {
  const here = place(), began = performance.now();
  try {
    const position = here.session ? await drawSession(main, here, link) : await drawSessions(main, here, link);
    main.dataset.position = position;
    return position;
  } catch (error) {
    main.replaceChildren(el("p", { class: "bad" }, error.message));
    delete main.dataset.session;
    state("broken");
    return null;
  } finally {
    last = performance.now();
    took = last - began;
  }
}

function state(name, said) {
  const output = document.getElementById("live");
  output.dataset.state = name;
  document.getElementById("live-words").textContent = said ?? { live: "live", broken: "connection lost, trying again" }[name];
}

function trouble(sentence) {
  const shown = document.getElementById("trouble");
  shown.hidden = !sentence;
  shown.textContent = sentence ?? "";
}

document.addEventListener("click", (event) => {
  const anchor = event.target.closest?.("a");
  if (!anchor || anchor.target || event.metaKey || event.ctrlKey || event.shiftKey) return;
  event.preventDefault();
  history.pushState(null, "", anchor.getAttribute("href"));
  show();
  main.focus();
});
document.getElementById("search").addEventListener("submit", (event) => {
  event.preventDefault();
  go({ q: words.value.trim() });
});
document.addEventListener("keydown", (event) => {
  if (event.key === "/" && document.activeElement !== words) {
    event.preventDefault();
    words.focus();
  }
});
addEventListener("popstate", show);
show();
