// Asks the server, and keeps one live stream that goes on at its position after a broken connection.

export async function ask(path, parameters = {}) {
  const given = Object.entries(parameters).filter(([, value]) => value !== null && value !== undefined && value !== "");
  const answer = await fetch(`${path}?${new URLSearchParams(given)}`, { cache: "no-store" });
  const body = await answer.json().catch(() => ({ error: `the server answered ${answer.status}` }));
  if (!answer.ok) throw new Error(body.error ?? `the server answered ${answer.status}`);
  return body;
}

const OPENING_MILLISECONDS = 1500;

// Calls heard.facts, heard.reset, heard.trouble, heard.state ("live" or "broken"). The browser opens a broken stream
// again by itself and names the last position it got; where it gives up, we open one from there.
export class Live {
  constructor(session, after, heard) {
    this.session = session;
    this.position = after;
    this.heard = heard;
    this.open();
  }

  open() {
    const parameters = new URLSearchParams({ after: this.position });
    if (this.session) parameters.set("session", this.session);
    this.source = new EventSource(`api/stream?${parameters}`);
    this.source.onopen = () => this.heard.state("live");
    this.source.onerror = () => this.broken();
    this.listen("facts", (data) => this.facts(data));
    this.listen("reset", () => this.heard.reset());
    this.listen("trouble", (data) => this.heard.trouble(data.trouble));
  }

  listen(name, handle) {
    this.source.addEventListener(name, (event) => handle(JSON.parse(event.data)));
  }

  facts(data) {
    if (data.position <= this.position) return;
    this.position = data.position;
    this.heard.facts(data);
  }

  broken() {
    this.heard.state("broken");
    if (this.source.readyState !== EventSource.CLOSED) return;
    this.again = setTimeout(() => this.open(), OPENING_MILLISECONDS);
  }

  close() {
    clearTimeout(this.again);
    this.source.close();
  }
}
