// The list of sessions, live ones first.

import { arrange, cells, clear, el, refill, table } from "./dom.js";
import { counted } from "./evidence.js";
import { count, day, lasting, money, plain } from "./words.js";
import { badge } from "./badge.js";

const HEADS = ["Status", "Session", "Runs", "Tool calls", "Messages", "Tokens", "Cost", "Duration", "Started (UTC)"];
const NUMERIC = [2, 3, 4, 5, 6, 7];
const NONE_YET = "The log holds no session yet; “orchestrion demo”, “run” or “import” adds one.";

export async function draw(main, place, link, ask) {
  const found = await ask("api/sessions", { q: place.words, at: place.at });
  const rows = lines(main, found.sessions, place, link);
  const words = place.words ? ` with “${place.words}”` : "";
  const more = found.found > rows.length ? ` (the newest ${rows.length} are shown)` : "";
  const title = `${count(found.found)} session${found.found === 1 ? "" : "s"}${words}${more}`;
  const body = main.querySelector(".sessions tbody");
  if (body && rows.length) {
    main.querySelector("h1").textContent = title;
    arrange(body, rows);
  } else {
    const empty = el("p", { class: "none" }, place.words ? `No session${words}.` : NONE_YET);
    clear(main, el("h1", null, title), el("section", { class: "sessions" }, rows.length ? table(HEADS, rows, NUMERIC) : empty));
  }
  delete main.dataset.session;
  document.title = "Sessions – Orchestrion";
  return found.position;
}

// A session keeps its row, and a row its content where nothing changed: what is pointed at stays there.
function lines(main, sessions, place, link) {
  const known = new Map([...main.querySelectorAll(".sessions tbody tr")].map((row) => [row.session, row]));
  return sessions.map((session) => {
    const row = known.get(session.id) ?? Object.assign(el("tr"), { session: session.id });
    const told = JSON.stringify([session, place.at]);
    if (row.told !== told) refill(row, cells(line(session, place, link), NUMERIC));
    row.told = told;
    return row;
  });
}

function line(session, place, link) {
  const number = (of, name, value) => counted(`${name} of ${session.session}`, value, { of, id: session.id, at: place.at });
  return [
    badge(session.status),
    el("div", { class: "what" },
      el("a", { href: link({ session: session.id }) }, session.request || "Session without a known request"),
      el("small", null, `${session.session} · ${plain(session.source)} · project ${plain(session.project)}`)),
    number("agents", "Runs", count(session.agents)), number("tool_calls", "Tool calls", count(session.tool_calls)),
    number("messages", "Messages", count(session.messages)), number("tokens", "Tokens", count(session.tokens)),
    number("cost", "Cost", money(session.cost_microdollars, session.unpriced_requests)),
    number("age", "Events", lasting(session.duration_ms)), el("span", { class: "when" }, day(session.started_at)),
  ];
}

// The list has no running commentary and no slider.
export function begin() {}
export function tell() {}
