// Makes elements. Text only ever becomes text: nothing here, or anywhere on this page, reads HTML.

const SVG = "http://www.w3.org/2000/svg";

function filled(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else node.setAttribute(name, value === true ? "" : String(value));
  }
  node.append(...children.flat().filter((child) => child !== null && child !== undefined).map(asNode));
  return node;
}

function asNode(child) {
  return child instanceof Node ? child : document.createTextNode(String(child));
}

export function el(name, attributes, ...children) {
  return filled(document.createElement(name), attributes, children);
}

export function svg(name, attributes, ...children) {
  return filled(document.createElementNS(SVG, name), attributes, children);
}

export function cells(values, numeric, kind = "td") {
  return values.map((value, index) => el(kind, { class: numeric.includes(index) ? "number" : null }, value));
}

export function table(heads, rows, numeric = []) {
  if (!rows.length) return el("p", { class: "none" }, "None in the log.");
  return el("div", { class: "scroll" }, el("table", null, el("thead", null, el("tr", null, cells(heads, numeric, "th"))),
    el("tbody", null, rows.map((row) => (row instanceof Node ? row : el("tr", null, cells(row, numeric)))))));
}

const FOCUSABLE = "a, button, summary, [tabindex]";

// Puts `fresh` in the place of what `holder` holds; the keyboard and the scrolled boxes stay where they were.
export function refill(holder, fresh) {
  const focused = holder.contains(document.activeElement) ? document.activeElement : null;
  const place = [...holder.querySelectorAll(FOCUSABLE)].indexOf(focused);
  const scrolled = [...holder.querySelectorAll(".scroll")].map((box) => [box.scrollLeft, box.scrollTop]);
  holder.replaceChildren(...fresh);
  holder.querySelectorAll(".scroll").forEach((box, index) => box.scrollTo(...(scrolled[index] ?? [0, 0])));
  if (!focused) return;
  const able = [...holder.querySelectorAll(FOCUSABLE)];
  (able.find((node) => node.isEqualNode(focused)) ?? able[place])?.focus({ preventScroll: true });
}

// Makes `nodes` the children of `parent`; those that stand there in their place already are not touched.
export function arrange(parent, nodes) {
  const wanted = new Set(nodes);
  for (const child of [...parent.children]) if (!wanted.has(child)) child.remove();
  nodes.forEach((node, index) => {
    if (parent.children[index] !== node) parent.insertBefore(node, parent.children[index] ?? null);
  });
}

// Nothing of what `main` showed is left, nor that it showed it.
export function clear(main, ...children) {
  for (const name of Object.keys(main.dataset)) delete main.dataset[name];
  main.replaceChildren(...children);
}
