// The list of sessions, live ones first.

import { clear, el, table } from "./dom.js";
import { count, day, lasting, money, plain } from "./words.js";
import { badge } from "./badge.js";

export async function draw(main, place, link, ask) {
  const found = await ask("api/sessions", { q: place.words, at: place.at });
  const rows = found.sessions.map((session) => [
    badge(session.status),
    el("div", { class: "what" },
      el("a", { href: link({ session: session.id }) }, session.request || "Session without a known request"),
      el("small", null, `${session.session} · ${plain(session.source)} · project ${plain(session.project)}`)),
    count(session.agents), count(session.tool_calls), count(session.messages),
    count(session.tokens), money(session.cost_microdollars, session.unpriced_requests),
    lasting(session.duration_ms), el("span", { class: "when" }, day(session.started_at)),
  ]);
  const more = found.found > rows.length ? ` (the newest ${rows.length} are shown)` : "";
  const words = place.words ? ` with “${place.words}”` : "";
  const empty = el("p", { class: "none" }, place.words ? `No session${words}.` : "The log holds no session yet; “orchestrion demo”, “run” or “import” adds one.");
  const shown = rows.length ? table(["Status", "Session", "Agents", "Tools", "Messages", "Tokens", "Cost", "Duration", "Started (UTC)"], rows, [2, 3, 4, 5, 6, 7]) : empty;
  clear(main, el("h1", null, `${count(found.found)} session${found.found === 1 ? "" : "s"}${words}${more}`),
    el("section", { class: "sessions" }, shown));
  document.title = "Sessions – Orchestrion";
  return found.position;
}

// The list has no running commentary and no slider.
export function begin() {}
export function tell() {}
