// One contestant: a worker on workerd, in a process of its own so that it can be pinned to a core.
// The parent talks to it by messages: { sql } runs a statement, { stop } ends it.

import { childNamed } from "./process.mjs";
import { migrate, open } from "./runtime.mjs";

const runtime = await open(JSON.parse(process.argv[2]));
await migrate(runtime);

// The benchmark failed, and nobody will say `stop`.
process.on("disconnect", () => process.exit(1));
process.on("message", async ({ sql, stop }) => {
  if (stop) {
    await runtime.close();
    process.exit(0);
  }
  process.send({ rows: await runtime.sql(sql) });
});
process.send({ url: runtime.url, workerd: await childNamed("workerd") });
