// Asks the server, and keeps one live stream that goes on at its position after a broken connection.

const PATIENCE_MILLISECONDS = 60_000;  // a connection that says nothing for so long is dead, though nobody told
const SILENCE_MILLISECONDS = 40_000;  // more than two beats of a stream (BEAT_SECONDS)
const FIRST_PAUSE_MILLISECONDS = 1000;
const LONGEST_PAUSE_MILLISECONDS = 30_000;

// The server answered, but not with what was asked for: its sentence says why.
export class Refusal extends Error {}

// How long to wait before what failed so often is tried again.
export function pause(failures) {
  return Math.min(LONGEST_PAUSE_MILLISECONDS, FIRST_PAUSE_MILLISECONDS * 2 ** (failures - 1));
}

// The answer, or an error. Once `signal` is aborted nobody wants it, and it is always an error: what follows an answer
// can be sure that it is still asked for.
export async function ask(path, parameters = {}, signal = new AbortController().signal) {
  const given = Object.entries(parameters).filter(([, value]) => value !== null && value !== undefined && value !== "");
  const body = await read(`${path}?${new URLSearchParams(given)}`, signal);
  signal.throwIfAborted();
  return body;
}

async function read(address, signal) {
  const patience = new AbortController();
  const timer = setTimeout(() => patience.abort(new Error("the server is silent")), PATIENCE_MILLISECONDS);
  const leave = () => patience.abort(signal.reason);
  signal.addEventListener("abort", leave);
  try {
    const answer = await fetch(address, { cache: "no-store", signal: patience.signal });
    if (!answer.ok) throw new Refusal(await reason(answer));
    return await answer.json();
  } catch (error) {
    throw error instanceof TypeError ? new Error("the server cannot be reached") : error;
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", leave);
  }
}

// Our own refusals are JSON; those at the door are one line of text.
async function reason(answer) {
  if (answer.headers.get("content-type")?.startsWith("application/json")) return (await answer.json()).error;
  return (await answer.text()).trim() || `the server answered ${answer.status}`;
}

// Calls heard.facts, heard.reset, heard.trouble (null: none), heard.state ("live" or "broken"). The browser opens a
// broken stream again by itself and names the last position it got; where it gives up, and where a stream is silent
// though beats should come, we open one from there.
export class Live {
  constructor(session, after, heard) {
    this.session = session;
    this.position = after;
    this.heard = heard;
    this.failures = 0;
    this.closed = false;
    this.open();
  }

  address() {
    const parameters = new URLSearchParams({ after: this.position });
    if (this.session) parameters.set("session", this.session);
    return `api/stream?${parameters}`;
  }

  open() {
    this.source = new EventSource(this.address());
    this.source.onopen = () => this.opened();
    this.source.onerror = () => this.broken();
    this.listen("facts", (data) => this.facts(data));
    this.listen("reset", () => this.heard.reset());
    this.listen("trouble", (data) => this.heard.trouble(data.trouble));
    this.listen("beat", () => {});
    this.watch();
  }

  listen(name, handle) {
    this.source.addEventListener(name, (event) => {
      this.watch();
      handle(JSON.parse(event.data));
    });
  }

  watch() {
    clearTimeout(this.silence);
    this.silence = setTimeout(() => this.dead(), SILENCE_MILLISECONDS);
  }

  // A stream begins with the trouble there is; it says nothing where there is none.
  opened() {
    this.failures = 0;
    this.heard.trouble(null);
    this.heard.state("live");
  }

  facts(data) {
    if (data.position <= this.position) return;
    this.position = data.position;
    this.heard.facts(data);
  }

  dead() {
    this.heard.state("broken");
    this.source.close();
    this.open();
  }

  broken() {
    this.heard.state("broken");
    if (this.source.readyState !== EventSource.CLOSED) return;
    clearTimeout(this.silence);
    this.failures += 1;
    this.again = setTimeout(() => this.reopen(), pause(this.failures));
  }

  // The browser does not tell why it gave up; the same question asked in another way does.
  async reopen() {
    const asking = new AbortController();
    try {
      const answer = await fetch(this.address(), { cache: "no-store", signal: asking.signal });
      const why = answer.ok ? null : await reason(answer);
      if (this.closed) return;
      if (why) this.heard.trouble(why);
    } catch { // it cannot be reached: the browser will say so
    }
    asking.abort();
    if (!this.closed) this.open();
  }

  close() {
    this.closed = true;
    clearTimeout(this.again);
    clearTimeout(this.silence);
    this.source.close();
  }
}
