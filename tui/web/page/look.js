// One look at a place: drawn, drawn again as the log grows, and asked for again where no answer came, until it ends.

import { ask, Live, pause, Refusal } from "./ask.js";
import { released } from "./pressed.js";
import * as session from "./session.js";
import * as sessions from "./sessions.js";
import { clear, el } from "./dom.js";

const REDRAW_MILLISECONDS = 250;
const REST_FACTOR = 4;  // after a redraw rest this many times as long as it took: a huge session must not busy the server

export class Look {
  // `page` has main, link, go, state, trouble, and again, which looks anew.
  constructor(place, page) {
    this.place = place;
    this.page = page;
    this.view = place.session ? session : sessions;
    this.ending = new AbortController();
    this.failures = 0;
    this.stream = "waiting";
    this.draw();
  }

  end() {
    this.ending.abort();
    clearTimeout(this.timer);
    this.live?.close();
  }

  ask = async (path, parameters) => {
    const answer = await ask(path, parameters, this.ending.signal);
    await released();
    this.ending.signal.throwIfAborted();
    return answer;
  };

  // A drawing that failed is wanted still; what stands there stays meanwhile.
  async draw() {
    const began = performance.now();
    this.wanted = false;
    this.drawing = true;
    this.say();
    try {
      await this.drawn();
      this.failures = 0;
    } catch (error) {
      if (this.ending.signal.aborted) return;
      this.failed(error);
    }
    this.drawing = false;
    this.last = performance.now();
    this.took = this.last - began;
    this.say();
    if (this.wanted) this.soon();
  }

  async drawn() {
    const { main, link } = this.page;
    const position = await this.view.draw(main, this.place, link, this.ask);
    main.dataset.position = position;
    main.dataset.shows = this.page.link(this.place);
    if (this.begun) return;
    await this.view.begin(main, this.place, this.page.go, this.ask);
    this.begun = true;
    // A browser opens six connections to a server at most: a page that nobody sees must not hold one.
    if (this.place.at === null && !document.hidden) this.live ??= this.follow(position);
  }

  follow(position) {
    return new Live(this.place.session, position, {
      facts: (data) => this.grown(data),
      reset: () => this.page.again(),
      trouble: this.page.trouble,
      state: (name) => {
        this.stream = name;
        this.say();
      },
    });
  }

  failed(error) {
    const { main, link } = this.page;
    this.failures += 1;
    this.wanted = true;
    this.refused = error instanceof Refusal;
    if (!this.refused && main.dataset.shows === link(this.place)) return;
    clear(main, el("p", { class: "bad" }, error.message));
    document.title = "Orchestrion";
    this.begun = false;
  }

  grown(data) {
    this.view.tell(data.facts);
    this.wanted = true;
    this.soon();
  }

  // One drawing waits at most: it shows all that came until then.
  soon() {
    if (this.drawing) return;
    this.drawing = true;
    const rest = this.failures ? pause(this.failures) : Math.max(REDRAW_MILLISECONDS, REST_FACTOR * this.took);
    this.timer = setTimeout(() => this.draw(), Math.max(0, rest - (performance.now() - this.last)));
  }

  say() {
    const { at } = this.place;
    if (this.failures) this.page.state(this.refused ? "refused" : "broken");
    else if (!this.begun) this.page.state("waiting");
    else if (at !== null) this.page.state("past", `as it stood at position ${at}`);
    else this.page.state(this.stream);
  }
}
