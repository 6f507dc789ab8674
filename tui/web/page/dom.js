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

export function table(heads, rows, numeric = []) {
  if (!rows.length) return el("p", { class: "none" }, "None in the log.");
  const shade = (index) => (numeric.includes(index) ? "number" : null);
  const line = (cells, kind) => el("tr", null, cells.map((cell, index) => el(kind, { class: shade(index) }, cell)));
  return el("div", { class: "scroll" }, el("table", null, el("thead", null, line(heads, "th")),
    el("tbody", null, rows.map((row) => line(row, "td")))));
}

// Nothing of what `main` showed is left, nor that it showed it.
export function clear(main, ...children) {
  for (const name of Object.keys(main.dataset)) delete main.dataset[name];
  main.replaceChildren(...children);
}
