// Runs the built worker on workerd, with D1, KV, Queues and the rate limiter, for tests.
//
// D1 and KV live in a folder of this run and survive `restart()`. Miniflare keeps queues in
// memory, so a restart loses what is in them; the product must recover, and tests may rely on it.

import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { cp, mkdtemp, readFile, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { Log, LogLevel, Miniflare } from "miniflare";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const BUILD = join(ROOT, "build");
const COMPATIBILITY_DATE = "2026-04-01";
const CLOCK_OFFSET_KEY = "test:clock_offset_ms";
const DAY_MS = 86_400_000;
const SPAN_MS = { s: 1_000, m: 60_000, h: 3_600_000, d: DAY_MS, w: 7 * DAY_MS };
const SETTLE_TIMEOUT_MS = 20_000;
const STUCK_MS = 8_000;
const SETTLE_POLL_MS = 25;
const SETTLE_QUIET_POLLS = 4;

// The worker, and a count of the queue batches that it is processing, which Miniflare cannot
// report. A request with the header TRAP_HEADER traps when it asks for the time, exactly like a
// panic. With KV_PATH, KV refuses writes as Cloudflare's does after 1,000 of them in a day; the
// tests' own clock is stored there too, and is exempt.
const TAP_PATH = "/.test/consuming";
const KV_PATH = "/.test/kv";
export const TRAP_HEADER = "x-test-trap";
const TAP = `
import worker from "./index.js";
let consuming = 0;
let trap = false;
let refuses = false;
const refusing = (kv) =>
  new Proxy(kv, {
    get(target, name) {
      const value = target[name];
      if (typeof value !== "function") return value;
      return (key, ...rest) => {
        if (name === "put" && refuses && !String(key).startsWith("test:")) {
          return Promise.reject(new Error("KV PUT failed: 429 Too Many Requests"));
        }
        return value.call(target, key, ...rest);
      };
    },
  });
globalThis.Date = class extends Date {
  constructor(...parts) {
    if (trap) {
      trap = false;
      throw new WebAssembly.RuntimeError("unreachable");
    }
    super(...parts);
  }
  static now() {
    return new Date().getTime();
  }
};
const refusingKv = (env) => {
  const kv = refusing(env.KV);
  return new Proxy(env, { get: (all, name) => (name === "KV" ? kv : all[name]) });
};
export default {
  fetch(request, env, context) {
    trap ||= request.headers.has("${TRAP_HEADER}");
    const { pathname, search } = new URL(request.url);
    if (pathname === "${KV_PATH}") {
      refuses = search === "?refuses";
      return new Response();
    }
    if (pathname === "${TAP_PATH}") return Response.json(consuming);
    return worker.fetch(request, refusingKv(env), context);
  },
  scheduled: (event, env, context) => worker.scheduled(event, refusingKv(env), context),
  async queue(batch, env, context) {
    consuming += batch.messages.length;
    try {
      return await worker.queue(batch, refusingKv(env), context);
    } finally {
      consuming -= batch.messages.length;
    }
  },
};
`;

/**
 * Arguments of `live` after which an SMS that waits for daytime is sent, whenever the test began.
 */
export const DAYLIGHT = ["1d", "3h"];

/** The worker's configuration in tests, besides its bindings. */
export const CONFIGURATION = {
  TEST_CLOCK: "1",
  SIGNING_SECRET: "a secret that only tests know, thirty-two bytes or more",
  API_TOKENS: `tests:${createHash("sha256").update("test-token").digest("hex")}`,
  BASE_URL: "http://dripline.test",
  MAIL_FROM: "dripline <hello@dripline.test>",
  SENDER_EMAIL: "mailbox",
  SENDER_SMS: "mailbox",
};

/**
 * Starts the worker on an empty database with all migrations applied.
 *
 * `variables` are added to CONFIGURATION; `submitLimit` is how many submissions a visitor may make
 * per minute; `outbound(request)` answers for the whole outside world (default: it is down);
 * `queueSeconds` is how long a queue waits before it delivers; `email` binds Cloudflare's e-mail
 * service; `listen(line)` receives Miniflare's log lines; `verbose` shows the worker's log.
 */
export async function start(settings = {}) {
  const folder = await mkdtemp(join(tmpdir(), "dripline-"));
  const runtime = new Runtime(settings, folder);
  await runtime.open();
  await runtime.migrate();
  return runtime;
}

class Runtime {
  #settings;
  #folder;
  #miniflare;
  #offset = 0;
  /** The address of the worker, without a trailing slash. */
  url;

  constructor(settings, folder) {
    this.#settings = settings;
    this.#folder = folder;
  }

  async open() {
    this.#miniflare = new Miniflare(options(this.#folder, this.#settings));
    this.url = (await this.#miniflare.ready).origin;
    // Persisted, so that a restarted worker has the same time of day.
    this.#offset = Number((await (await this.#kv()).get(CLOCK_OFFSET_KEY)) ?? 0);
  }

  /**
   * Like the global `fetch`, by path or by a link out of a message, and without following redirects
   * unless asked to. Each request has its own connection: a worker that refuses a body without
   * reading it makes workerd close the connection, perhaps during the next request.
   */
  fetch(link, init = {}) {
    const { pathname, search } = new URL(link, CONFIGURATION.BASE_URL);
    const headers = new Headers(init.headers);
    headers.set("connection", "close");
    return fetch(`${this.url}${pathname}${search}`, { redirect: "manual", ...init, headers });
  }

  /** Sends `body` as JSON with the API token, and returns the response. */
  api(method, path, body) {
    return this.fetch(path, {
      method,
      headers: { authorization: "Bearer test-token", "content-type": "application/json" },
      body: body === undefined ? undefined : JSON.stringify(body),
    });
  }

  /** Runs one minute's cron, then waits until the queues are empty. */
  async tick() {
    await this.cron();
    await this.settle();
  }

  /** Runs one minute's cron without waiting for the work that it handed out. */
  async cron() {
    const worker = await this.#miniflare.getWorker();
    await worker.scheduled({ cron: "* * * * *", scheduledTime: new Date(this.now()) });
  }

  /** Moves the worker's clock by milliseconds or by a span such as "3d", then ticks. */
  async advance(by) {
    await this.skip(by);
    await this.tick();
  }

  /** Moves the worker's clock, also backwards, without a tick. */
  async skip(by) {
    this.#offset += milliseconds(by);
    await (await this.#kv()).put(CLOCK_OFFSET_KEY, String(this.#offset));
  }

  /** Lets a span of time pass, with a tick after each step of it. */
  async live(span, step) {
    const end = this.now() + milliseconds(span);
    while (this.now() < end) await this.advance(step);
  }

  /** The worker's current time, in milliseconds. */
  now() {
    return Date.now() + this.#offset;
  }

  /** The messages in the local mailbox. */
  async mailbox() {
    const response = await this.fetch("/dev/mailbox", { headers: { accept: "application/json" } });
    if (!response.ok) {
      throw new Error(`/dev/mailbox answered ${response.status}: ${await response.text()}`);
    }
    return response.json();
  }

  /** Runs one statement of SQL and returns its rows. */
  async d1(sql, ...parameters) {
    const database = await this.#miniflare.getD1Database("DB");
    const { results } = await database.prepare(sql).bind(...parameters).all();
    return results;
  }

  /** Sets whether KV refuses writes. */
  async kvRefuses(refuses) {
    await this.fetch(`${KV_PATH}${refuses ? "?refuses" : ""}`);
  }

  /** Deletes the copies of published versions in KV. */
  async forgetCopies() {
    const kv = await this.#kv();
    const { keys } = await kv.list();
    const copies = keys.filter(({ name }) => name === "live" || name.startsWith("version:"));
    await Promise.all(copies.map(({ name }) => kv.delete(name)));
  }

  /** Sends a text to a queue, as if the worker had. */
  async enqueue(binding, text) {
    const queue = await this.#miniflare.getQueueProducer(binding);
    await queue.send(text, { contentType: "text" });
  }

  /** The text under a key of KV, or null. */
  async kv(key) {
    return (await this.#kv()).get(key);
  }

  /**
   * Waits until every message that was sent to a queue has been consumed. On its way from a queue
   * to the worker a message is visible in neither, so both must be empty for a while.
   */
  async settle() {
    let deadline = Date.now() + SETTLE_TIMEOUT_MS;
    let stuckSince = Date.now();
    for (let quiet = 0; quiet < SETTLE_QUIET_POLLS; ) {
      const left = await this.#backlog();
      const isStuck = left.work > 0 && left.intake === 0 && left.consuming === 0;
      if (!isStuck) stuckSince = Date.now();
      if (Date.now() > stuckSince + STUCK_MS) {
        // Under load Miniflare may never deliver a queue again. Hints may be lost: a tick makes up
        // for them.
        console.error("the local queue is stuck: starting it again, and ticking");
        await this.restart();
        await this.cron();
        deadline = Date.now() + SETTLE_TIMEOUT_MS;
        stuckSince = Date.now();
        continue;
      }
      if (Date.now() > deadline) {
        throw new Error(`the queues did not drain in time: ${JSON.stringify(left)}`);
      }
      await new Promise((resolve) => setTimeout(resolve, SETTLE_POLL_MS));
      quiet = Object.values(left).some((count) => count > 0) ? 0 : quiet + 1;
    }
  }

  /** Restarts the worker on the same database and KV, with these settings. */
  async restart(settings = {}) {
    await this.#miniflare.dispose();
    this.#settings = { ...this.#settings, ...settings };
    await this.open();
  }

  /** Copies the database; returns what `putDatabaseBack` needs. */
  async copyDatabase() {
    const copy = join(this.#folder, `d1-${this.now()}`);
    await this.#whileStopped(() => cp(join(this.#folder, "d1"), copy, { recursive: true }));
    return copy;
  }

  /** Restores the database from a copy. KV and the clock are not restored. */
  async putDatabaseBack(copy) {
    await this.#whileStopped(async () => {
      await rm(join(this.#folder, "d1"), { recursive: true });
      await cp(copy, join(this.#folder, "d1"), { recursive: true });
    });
  }

  /** Stops the worker, changes its files, and starts it. */
  async #whileStopped(work) {
    await this.#miniflare.dispose();
    await work();
    await this.open();
  }

  /** Kills the worker's process; `restart()` brings it back. */
  async kill() {
    const processes = await promisify(execFile)("ps", ["-A", "-o", "pid=,ppid=,comm="]);
    const lines = processes.stdout.split("\n").map((line) => line.trim().split(/\s+/));
    const own = lines.filter(([, parent, name]) => {
      return Number(parent) === process.pid && name?.endsWith("workerd");
    });
    if (own.length === 0) throw new Error("no worker is running");
    for (const [pid] of own) process.kill(Number(pid), "SIGKILL");
  }

  async stop() {
    await this.#miniflare.dispose();
    await rm(this.#folder, { recursive: true, force: true });
  }

  async migrate() {
    const folder = join(ROOT, "migrations");
    const names = (await readdir(folder)).filter((name) => name.endsWith(".sql"));
    for (const name of names.sort()) {
      await this.d1(await readFile(join(folder, name), "utf8"));
    }
  }

  #kv() {
    return this.#miniflare.getKVNamespace("KV");
  }

  /** How many messages wait in each queue, and how many are being consumed. */
  async #backlog() {
    const waiting = async (binding) => {
      const queue = await this.#miniflare.getQueueProducer(binding);
      return (await queue.metrics()).backlogCount;
    };
    const queues = ["INTAKE", "WORK", "DEAD"];
    const [intake, work, dead] = await Promise.all(queues.map(waiting));
    return { intake, work, dead, consuming: await (await this.fetch(TAP_PATH)).json() };
  }
}

/** Reads "3d" or a number of milliseconds. */
function milliseconds(span) {
  if (typeof span === "number") return span;
  const [, count, unit] = /^(\d+)([smhdw])$/.exec(span) ?? [];
  if (count === undefined) throw new Error(`"${span}" is not a span such as "90s" or "3d"`);
  return Number(count) * SPAN_MS[unit];
}

/** Forwards Miniflare's log lines and prints nothing. */
class Ear extends Log {
  #listen;

  constructor(listen) {
    super(LogLevel.INFO);
    this.#listen = listen;
  }

  log(message) {
    this.#listen(message);
  }
}

/** Reads and discards the runtime's output: unread, it would fill the pipe and block. */
function silence(...streams) {
  for (const stream of streams) stream.resume();
}

function options(folder, settings) {
  const { variables = {}, submitLimit = 10, queueSeconds = 0.05, outbound, email, listen, verbose } = settings;
  const consumer = {
    maxBatchTimeout: queueSeconds,
    maxRetries: 5,
    deadLetterQueue: "dripline-dead",
  };
  return {
    name: "dripline",
    // Miniflare's own root is the folder that contains all modules.
    modulesRoot: BUILD,
    modules: [
      { type: "ESModule", path: join(BUILD, "tap.js"), contents: TAP },
      { type: "ESModule", path: join(BUILD, "index.js") },
      { type: "CompiledWasm", path: join(BUILD, "index_bg.wasm") },
    ],
    compatibilityDate: COMPATIBILITY_DATE,
    bindings: { ...CONFIGURATION, ...variables },
    d1Databases: { DB: "dripline" },
    d1Persist: join(folder, "d1"),
    kvNamespaces: { KV: "dripline" },
    kvPersist: join(folder, "kv"),
    // The worker sends nothing to the last one; tests count what waits in it.
    queueProducers: { INTAKE: "dripline-intake", WORK: "dripline-work", DEAD: "dripline-dead" },
    queueConsumers: {
      "dripline-intake": { ...consumer, maxBatchSize: 100 },
      "dripline-work": { ...consumer, maxBatchSize: 10 },
      "dripline-dead": { maxBatchTimeout: queueSeconds, maxBatchSize: 10, maxRetries: 5 },
    },
    ...(email && { email: { send_email: [{ name: "EMAIL" }] } }),
    ratelimits: { SUBMIT_LIMIT: { simple: { limit: submitLimit, period: 60 } } },
    outboundService: outbound ?? (() => new Response("the outside world is down", { status: 503 })),
    log: listen ? new Ear(listen) : new Log(verbose ? LogLevel.INFO : LogLevel.NONE),
    handleRuntimeStdio: verbose ? undefined : silence,
  };
}
