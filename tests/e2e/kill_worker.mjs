// A worker that is killed in the middle of its work, and a provider that survives and remembers
// every request. The worker's memory and queues are lost.

import { setTimeout as sleep } from "node:timers/promises";
import { FIXTURES, publish } from "./command_line.mjs";
import { start } from "./runtime.mjs";
import { Visitor } from "./visitor.mjs";

/** How long the provider takes: long enough for a tick to be in the middle of something. */
const CALL_MS = 2;
/** How long to wait for the call at which the worker should die. */
const CALL_WAIT_MS = 3_000;

export class Doomed {
  runtime;
  /** The names of those whose submission was accepted. */
  thanked = new Set();
  /** What the provider accepted, by idempotency key. */
  taken = new Map();
  /** All calls: their key, address, and the life in which they came. */
  calls = [];
  /** The keys that came again with another body. */
  changed = [];
  /** How often the worker was restarted. */
  life = 0;
  /** How many more calls are answered before the worker is killed. */
  #callsToLive = Infinity;
  #killed = () => {};

  static async start() {
    const doomed = new Doomed();
    // One by one, so that there are many calls in which to be killed.
    const variables = {
      SENDER_EMAIL: "resend",
      RESEND_API_KEY: "re_test",
      SEND_BATCH_MAX: "1",
      // So that the provider's default of two calls a second does not slow the test.
      PACING: JSON.stringify({ rates: { resend: { calls: 10_000, per: "1s" } } }),
    };
    const outbound = (request) => doomed.#take(request);
    doomed.runtime = await start({ variables, outbound, submitLimit: 10_000 });
    await publish(doomed.runtime, FIXTURES);
    return doomed;
  }

  async stop() {
    await this.runtime.stop();
  }

  async #take(request) {
    const key = request.headers.get("idempotency-key");
    const body = await request.text();
    const { to, subject } = JSON.parse(body);
    this.calls.push({ key, to: to[0], life: this.life });
    const before = this.taken.get(key);
    if (!before) this.taken.set(key, { to: to[0], subject, body });
    this.#callsToLive -= 1;
    if (this.#callsToLive === 0) {
      await this.runtime.kill();
      this.#killed();
    }
    await sleep(CALL_MS);
    if (before && before.body !== body) {
      this.changed.push(key);
      return Response.json({ name: "invalid_idempotent_request" }, { status: 409 });
    }
    return Response.json({ id: `re-${key}` });
  }

  /** This many forms, read while everything still works. */
  async forms(count) {
    const pages = await Promise.all(
      Array.from({ length: count }, () => new Visitor(this.runtime).visit("/relay")),
    );
    await this.runtime.skip("3s");
    return pages.map((page) => page.form);
  }

  /** Submits the form; if the process dies meanwhile, the submission does not count as accepted. */
  async join(form, name) {
    const answers = { first_name: name, email: addressOf(name), consent: "yes" };
    try {
      const response = await new Visitor(this.runtime).send(form, answers);
      if (response.status === 200 || response.status === 303) this.thanked.add(name);
    } catch {
      // The process died.
    }
  }

  /**
   * Starts these works, kills the worker in the middle of them, and restarts it: `atCall`, at the
   * n-th call to the provider, accepted but not answered; or after `afterMs`, also if that call
   * never comes.
   */
  async dieDuring({ atCall, afterMs = CALL_WAIT_MS }, works) {
    const dead = new Promise((resolve) => (this.#killed = resolve));
    this.#callsToLive = atCall ?? Infinity;
    const under = works.map((work) => work());
    const late = sleep(afterMs, "late", { ref: false });
    if ((await Promise.race([dead, late])) === "late") await this.runtime.kill();
    this.#callsToLive = Infinity;
    await this.runtime.restart();
    this.life += 1;
    await Promise.allSettled(under);
  }

  /** Runs a minute's cron, or starts to. */
  async tick() {
    try {
      await this.runtime.cron();
    } catch {
      // The process died.
    }
  }

  /** Everything works again, until no more work is due. */
  async comeToRest() {
    // Claims of dead workers expire after some minutes; their work is retried.
    await this.runtime.live("1h", "6m");
    await this.runtime.live("3d", "12h");
  }

  /** The e-mails that were sent, each as "address: subject". */
  get mails() {
    return [...this.taken.values()].map(({ to, subject }) => `${to}: ${subject}`);
  }
}

/** The address of the person with this name. */
export function addressOf(name) {
  return `${name}@example.com`;
}

/** One of the two e-mails of the journey, as in `mails`. */
export function mailOf(name, which, to = name) {
  return `${addressOf(to)}: ${name}, this is the ${which} mail of the first version`;
}
