// A slider over the session's positions: any of them can be looked at, as it stood then.

import { el } from "./dom.js";

const SETTLE_MILLISECONDS = 120;

export class Scrubber {
  constructor({ session, at }, go) {
    this.session = session;
    this.go = (at) => go({ session, at }, true);
    this.positions = [];
    this.waiting = null;
    this.input = el("input", { id: "position", type: "range", min: 0, max: 0, step: 1, "aria-label": "Position in the log", oninput: () => this.moved() });
    this.said = el("output", { for: "position" });
    this.element = el("div", { id: "scrubber" }, el("label", { for: "position" }, "Play back"), this.input, this.said,
      el("button", { type: "button", onclick: () => this.now() }, "Now"));
    this.element.scrubber = this;
    this.stand(at);
  }

  get last() {
    return this.positions.at(-1) ?? 0;
  }

  // More positions that can be looked at; one that is known already changes nothing.
  grow(positions) {
    const { last } = this;
    this.positions.push(...positions.filter((position) => position > last));
    this.input.max = String(Math.max(0, this.positions.length - 1));
    this.place();
  }

  // `at` is looked at (null: now), unless the slider is just being moved to somewhere else.
  stand(at) {
    if (this.waiting !== null) return;
    this.at = at;
    this.place();
  }

  place() {
    const mark = this.at === null ? this.positions.length - 1 : this.positions.findLastIndex((position) => position <= Number(this.at));
    this.input.value = String(Math.max(0, mark));
    this.said.textContent = this.at === null ? "now" : `position ${this.at}`;
  }

  moved() {
    this.at = this.positions[Number(this.input.value)];
    this.said.textContent = `position ${this.at}`;
    clearTimeout(this.waiting);
    this.waiting = setTimeout(() => this.settled(), SETTLE_MILLISECONDS);
  }

  now() {
    this.at = null;
    this.settled();
  }

  settled() {
    clearTimeout(this.waiting);
    this.waiting = null;
    this.place();
    this.go(this.at);
  }
}
