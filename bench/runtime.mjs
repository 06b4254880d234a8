// Workers on workerd with what dripline needs, for the benchmarks of requests.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readFile, readdir } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { Log, LogLevel, Miniflare } from "miniflare";
import { SECRET } from "./submissions.mjs";
import { sha256 } from "./tokens.mjs";

export const ROOT = fileURLToPath(new URL("..", import.meta.url));

const API_TOKEN = "bench-token";

/** Runs statements. Miniflare's own stub of D1 waits for a thread of its process, and now and then
 * misses the answer when both have one core. */
const DATABASE = `export default {
  async fetch(request, { DB }) {
    const { results } = await DB.prepare(await request.text()).all();
    return Response.json(results);
  },
};`;

/** The built worker, with two mailboxes to send to. */
export function dripline() {
  const build = join(ROOT, "build");
  return {
    modulesRoot: build,
    modules: [
      { type: "ESModule", path: join(build, "index.js") },
      { type: "CompiledWasm", path: join(build, "index_bg.wasm") },
    ],
    bindings: {
      SIGNING_SECRET: SECRET,
      API_TOKENS: `bench:${sha256(API_TOKEN)}`,
      BASE_URL: "http://localhost",
      MAIL_FROM: "Bench <bench@example.com>",
      SENDER_EMAIL: "mailbox",
      SENDER_SMS: "mailbox",
    },
  };
}

/** Starts a worker, its data in a folder if one is named. No queue has a consumer and no cron runs:
 * what is measured is what a request does. */
export async function open(worker, folder) {
  const data = { d1Databases: { DB: "bench" }, kvNamespaces: { KV: "bench" } };
  const measured = {
    ...worker,
    ...data,
    name: "measured",
    compatibilityDate: "2026-04-01",
    queueProducers: { INTAKE: "intake", WORK: "work" },
    ratelimits: { SUBMIT_LIMIT: { simple: { limit: 1_000_000_000, period: 60 } } },
  };
  const database = {
    ...data,
    name: "database",
    modules: true,
    script: DATABASE,
    unsafeDirectSockets: [{}],
  };
  const stored = folder && { d1Persist: join(folder, "d1"), kvPersist: join(folder, "kv") };
  const miniflare = new Miniflare({
    ...stored,
    workers: [measured, database],
    log: new Log(LogLevel.ERROR),
  });
  const url = (await miniflare.ready).origin;
  return {
    url,
    async sql(sql) {
      const address = await miniflare.unsafeGetDirectURL("database");
      const answer = await fetch(address, { method: "POST", body: sql });
      assert.equal(answer.status, 200, sql);
      return answer.json();
    },
    close: () => miniflare.dispose(),
  };
}

/** Makes the tables. */
export async function migrate({ sql }) {
  const folder = join(ROOT, "migrations");
  for (const name of (await readdir(folder)).filter((one) => one.endsWith(".sql")).sort()) {
    await sql(await readFile(join(folder, name), "utf8"));
  }
}

/** Publishes the sample campaign as `make dev` does. */
export async function publishSample({ url }) {
  const program = join(ROOT, "target/debug/dripline");
  const campaign = join(ROOT, "campaigns/spring-webinar.toml");
  await promisify(execFile)(program, ["publish", campaign, "--to", url, "--token", API_TOKEN]);
}
