// Which page is shown is in the address (?session=…&at=…&q=…); one look at a time is at it.

import { clear } from "./dom.js";
import { close as closeEvidence } from "./evidence.js";
import { Look } from "./look.js";

const main = document.getElementById("main");
const words = document.getElementById("words");
const SAID = { waiting: "connecting", live: "live", broken: "connection lost, trying again", refused: "nothing to show, asking again" };
const page = { main, link, go, state, trouble, again };
let look = null;

function place() {
  const given = new URLSearchParams(location.search);
  return { session: given.get("session") || null, at: given.get("at") || null, words: given.get("q") ?? "" };
}

function link({ session, at, words }) {
  const given = Object.entries({ session, at, q: words }).filter(([, value]) => value !== null && value !== undefined && value !== "");
  return given.length ? `./?${new URLSearchParams(given)}` : "./";
}

function go(parameters, replace = false) {
  history[replace ? "replaceState" : "pushState"](null, "", link(parameters));
  show();
}

function show() {
  closeEvidence();
  words.value = place().words;
  lookAnew();
}

function lookAnew() {
  look?.end();
  trouble(null);
  look = new Look(place(), page);
}

// What stands there is of another log.
function again() {
  clear(main);
  lookAnew();
}

function state(name, said = SAID[name]) {
  document.getElementById("live").dataset.state = name;
  document.getElementById("live-words").textContent = said;
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
  go({ words: words.value.trim() });
});
document.addEventListener("keydown", (event) => {
  if (event.key === "/" && document.activeElement !== words) {
    event.preventDefault();
    words.focus();
  }
});
addEventListener("popstate", show);
document.addEventListener("visibilitychange", () => (document.hidden ? look.end() : lookAnew()));
show();
