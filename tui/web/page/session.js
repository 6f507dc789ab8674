// One session: its figures, time line, tree of runs, commentary, messages and handoffs.

import { badge } from "./badge.js";
import { clear, el, refill, table } from "./dom.js";
import { figure, places } from "./evidence.js";
import { Scrubber } from "./scrubber.js";
import { timeline } from "./timeline.js";
import { clock, count, lasting, money, percent, plain } from "./words.js";

const MOST_LINES = 400;
const LEGEND = [["ok", "tool call"], ["mcp", "MCP call"], ["failed", "failed"], ["open", "unanswered"],
  ["message", "message"], ["urgent", "urgent message"], ["handoff", "handoff"]];

// Sections are drawn again only where their data changed, so that focus, selection and scrolling stay.
export async function draw(main, place, link, ask) {
  if (main.dataset.session === place.session) slider()?.stand(place.at);
  const report = await ask("api/session", { id: place.session, at: place.at });
  if (main.dataset.session !== place.session) clear(main);
  main.dataset.session = place.session;
  for (const [name, data, drawn] of parts(report, place, link)) section(main, name, data, drawn);
  document.title = `${report.header.request.value || report.session} – Orchestrion`;
  return report.last;
}

// The slider, and the last lines of what happened before we came.
export async function begin(main, place, go, ask) {
  if (!slider()) main.querySelector('[data-part="head"]').after(new Scrubber(place, go).element);
  const { positions } = await ask("api/bounds", { id: place.session, after: slider().last });
  slider().grow(positions);
  const { facts } = await ask("api/commentary", { id: place.session, upto: place.at });
  const list = document.getElementById("commentary");
  if (facts.length && lastTold(list) < facts[0].position) renew(list);
  tell(facts);
}

function slider() {
  return document.getElementById("scrubber")?.scrubber;
}

function section(main, name, data, drawn) {
  const text = JSON.stringify(data);
  let holder = main.querySelector(`:scope > [data-part="${name}"]`);
  if (!holder) {
    holder = el("div", { "data-part": name });
    main.append(holder);
  }
  if (holder.told === text) return;
  holder.told = text;
  refill(holder, drawn(data));
}

function parts(report, place, link) {
  return [
    ["head", [report.session, report.header, report.last, place.at], () => head(report, place, link)],
    ["cards", [report.metrics, report.summary, report.progress], () => [cards(report)]],
    ["timeline", report.timeline, (layout) => [box("Time line", legend(layout), el("div", { class: "scroll" }, timeline(layout)))]],
    ["agents", report.agents, (agents) => [box("Agents", tree(agents))]],
    ["commentary", [place.session, place.at], () => [box("Commentary", renew(el("ol", { id: "commentary" })))]],
    ["advice", report.advice, (advice) => [box("Recommendations", ...recommended(advice))]],
    ["messages", [report.messages, report.messages_in_all], ([messages, all]) => [box(`Messages (${count(all)})`, said(messages))]],
    ["handoffs", report.handoffs, (handoffs) => [box(`Handoffs (${count(handoffs.length)})`, handed(handoffs))]],
    ["tools", report.tools, (tools) => [box("Tools", used(tools))]],
    ["patterns", report.patterns, (patterns) => [box("Learned patterns", learned(patterns))]],
  ];
}

// More lines of the running commentary; a position or a fact that stands there already is not told again.
export function tell(facts) {
  const list = document.getElementById("commentary");
  if (!list) return;
  slider()?.grow(facts.map((fact) => fact.position));
  const { tools, known } = list;
  const following = list.scrollTop + list.clientHeight >= list.scrollHeight - 8;
  for (const fact of facts) {
    if (fact.kind === "tool.called") tools.set(fact.call, fact.text);
    const tool = fact.kind === "tool.returned" ? tools.get(fact.call) : null;
    if (lastTold(list) >= fact.position || known.has(fact.fact)) continue;
    if (fact.fact) known.add(fact.fact);
    list.append(el("li", { "data-position": fact.position, class: fact.failed ? "bad" : fact.kind.startsWith("usage") ? "faint" : null },
      el("small", null, fact.at), " ", places(fact.kind, [fact.position]), " ", el("b", null, fact.kind), " ",
      fact.agent ? el("em", null, fact.agent) : null, " ", tool ? `${tool} · ` : null, fact.text));
  }
  while (list.childElementCount > MOST_LINES) list.firstElementChild.remove();
  if (following) list.scrollTop = list.scrollHeight;
}

function renew(list) {
  list.replaceChildren();
  return Object.assign(list, { tools: new Map(), known: new Set() });
}

function lastTold(list) {
  return Number(list.lastElementChild?.dataset.position ?? 0);
}

function box(title, ...content) {
  return el("section", null, el("h2", null, title), content);
}

function head(report, place, link) {
  const { header } = report;
  const facts = [["Session", report.session], ["Source", plain(header.source.value)], ["Project", plain(header.project.value)],
    ["Started", plain(header.started_at.value)], [report.ended ? "Ended" : "Last seen", plain(header.ended_at.value)], ["Log", `positions ${report.first} to ${report.last}`]];
  const saved = ["html", "md", "json"].map((form) =>
    el("a", { href: `report?${new URLSearchParams({ id: report.id, format: form, at: place.at ?? report.last })}`, target: "_blank", rel: "noopener" }, form));
  return [
    el("p", { class: "kicker" }, el("a", { href: link({}) }, "Sessions"), " / ", badge(header.status.value), el("span", { class: "saved" }, "Report: ", saved)),
    el("h1", null, header.request.value || "Session without a known request"),
    el("dl", null, facts.map(([name, value]) => el("div", null, el("dt", null, name), el("dd", null, value)))),
  ];
}

function cards(report) {
  const { metrics, summary, progress } = report;
  const shown = [
    ["Duration", lasting(summary.duration_ms.value), summary.duration_ms],
    ["Progress", `${progress.done.value} / ${progress.total.value} agents`, progress.done],
    ["In parallel", percent(metrics.parallel.value), metrics.parallel],
    ["Through MCP", percent(metrics.mcp.value), metrics.mcp],
    ["Tool calls", count(metrics.tool_calls.value), metrics.tool_calls],
    ["Failed", count(metrics.failed_calls.value), metrics.failed_calls],
    ["Average response", lasting(metrics.mean_ms.value), metrics.mean_ms],
    ["p95 response", lasting(metrics.p95_ms.value), metrics.p95_ms],
    ["Messages", count(summary.messages.value), summary.messages],
    ["Tokens", count(metrics.tokens.value), metrics.tokens],
    ["Tokens in", count(metrics.input_tokens.value), metrics.input_tokens],
    ["Tokens out", count(metrics.output_tokens.value), metrics.output_tokens],
    ["Cache read", count(metrics.cache_read_tokens.value), metrics.cache_read_tokens],
    ["Cost", money(metrics.cost_microdollars.value, metrics.unpriced_requests.value), metrics.cost_microdollars],
  ];
  return el("div", { class: "cards" }, shown.map(([name, value, rests]) =>
    el("div", { class: rests.value === null ? "card unknown" : "card" }, el("span", null, name), figure(name, value, rests))));
}

function legend(layout) {
  const items = LEGEND.map(([kind, name]) => el("span", null, el("i", { class: `key ${kind}` }), name));
  const out = layout.left_out ? el("span", null, `${count(layout.left_out)} not drawn (no known time or lane, or too many)`) : null;
  return el("p", { class: "legend" }, items, out);
}

function tree(agents) {
  return table(["Agent", "Status", "Duration", "Tools", "Messages", "Task", "Evidence"], agents.map((line) => [
    el("span", { class: `depth${Math.min(line.depth, 6)}`, title: line.run }, line.agent || line.run),
    el("span", null, badge(line.status), line.current_tool ? ` ${line.current_tool}` : null),
    lasting(line.duration_ms.value),
    figure(`${line.agent}: tool calls`, count(line.tool_calls.value), line.tool_calls),
    figure(`${line.agent}: messages`, count(line.messages.value), line.messages),
    line.task || "", places(line.agent || line.run, line.positions, line.rests_on)]), [2, 3, 4]);
}

function recommended(advice) {
  if (!advice.length) return [el("p", { class: "none" }, "No rule found anything to recommend.")];
  return advice.map((one) => el("p", { class: `advice ${one.weight}` }, el("b", null, one.rule), ` ${one.text} `, places(one.rule, one.positions, one.rests_on)));
}

function said(messages) {
  return table(["Time", "From → to", "Type", "Priority", "Delivery", "What", "Evidence"], messages.toReversed().map((one) => [
    clock(one.happened_at), `${one.sender} → ${one.recipient}`, one.type.replaceAll("_", " "), one.priority,
    plain(one.state), el("span", { class: "said" }, one.text), places(one.type, one.positions, one.rests_on)]));
}

function handed(handoffs) {
  return table(["Offered", "From → to", "Task", "Urgency", "State", "Problems", "Evidence"], handoffs.map((one) => [
    clock(one.offered_at), `${one.giver} → ${one.taker}`, one.task, one.urgency, badge(one.status), one.problems.join("; "),
    places(`handoff ${one.giver} → ${one.taker}`, one.positions, one.rests_on)]));
}

function used(tools) {
  return table(["Tool", "MCP server", "Calls", "Failed", "p50", "p95"], tools.map((one) => [
    one.tool, one.mcp_server || "", figure(`${one.tool}: calls`, count(one.calls.value), one.calls),
    figure(`${one.tool}: failed`, count(one.failed.value), one.failed), lasting(one.p50_ms.value), lasting(one.p95_ms.value)]), [2, 3, 4, 5]);
}

function learned(patterns) {
  return table(["Type", "Pattern", "Confidence", "Found by", "Context", "Evidence"], patterns.map((one) => [
    one.type, one.name, percent(one.confidence), plain(one.agent), one.context || "", places(one.name, one.positions, one.rests_on)]), [2]);
}
