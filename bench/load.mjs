// The load: posts prepared form bodies over a fixed number of connections and measures each.
// In a process of its own, pinned to another core than the server. { url, path, bodies,
// connections } comes as a message; { statuses, latencies, seconds } goes back.

import { Pool } from "undici";

process.on("disconnect", () => process.exit(1));
process.on("message", async ({ url, path, bodies, connections }) => {
  const pool = new Pool(url, { connections, pipelining: 1 });
  const latencies = new Float64Array(bodies.length);
  const statuses = {};
  let next = 0;
  const worker = async () => {
    while (next < bodies.length) {
      const index = next++;
      const started = performance.now();
      const { statusCode, body } = await pool.request({
        method: "POST",
        path,
        headers: { "content-type": "application/x-www-form-urlencoded" },
        body: bodies[index],
      });
      await body.dump();
      latencies[index] = performance.now() - started;
      statuses[statusCode] = (statuses[statusCode] ?? 0) + 1;
    }
  };
  const started = performance.now();
  await Promise.all(Array.from({ length: connections }, worker));
  const seconds = (performance.now() - started) / 1_000;
  await pool.close();
  process.send({ statuses, latencies: Array.from(latencies), seconds });
});
