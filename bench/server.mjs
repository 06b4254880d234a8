// One contestant: a worker on workerd, in a process of its own so that it can be pinned to a core.
// The parent talks to it by messages: { sql } runs a statement, { stop } ends it.

import { readFile, readdir } from "node:fs/promises";
import { join } from "node:path";
import { Log, LogLevel, Miniflare } from "miniflare";

const { root, modules, variables, migrations } = JSON.parse(process.argv[2]);

// No queue has a consumer here and no cron runs: what is measured is the capture alone.
const miniflare = new Miniflare({
  name: "contestant",
  modulesRoot: root,
  modules,
  compatibilityDate: "2026-04-01",
  bindings: variables,
  d1Databases: { DB: "bench" },
  kvNamespaces: { KV: "bench" },
  queueProducers: { INTAKE: "intake", WORK: "work" },
  ratelimits: { SUBMIT_LIMIT: { simple: { limit: 1_000_000_000, period: 60 } } },
  log: new Log(LogLevel.ERROR),
});

const url = (await miniflare.ready).origin;
const database = await miniflare.getD1Database("DB");
for (const name of (await readdir(migrations)).filter((one) => one.endsWith(".sql")).sort()) {
  await database.prepare(await readFile(join(migrations, name), "utf8")).run();
}

process.on("message", async ({ sql, stop }) => {
  if (stop) {
    await miniflare.dispose();
    process.exit(0);
  }
  const { results } = await database.prepare(sql).all();
  process.send({ rows: results });
});
process.send({ url, workerd: await childNamed("workerd") });

async function childNamed(name) {
  const children = await readFile(`/proc/self/task/${process.pid}/children`, "utf8");
  for (const pid of children.trim().split(" ")) {
    if ((await readFile(`/proc/${pid}/comm`, "utf8")).trim() === name) return Number(pid);
  }
  throw new Error(`no process ${name} below this one`);
}
