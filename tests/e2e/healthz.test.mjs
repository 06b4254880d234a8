import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { start } from "./runtime.mjs";

let runtime;
before(async () => {
  runtime = await start();
});
after(() => runtime?.stop());

test("the worker is alive", async () => {
  const response = await runtime.fetch("/healthz");
  assert.equal(response.status, 200);
  assert.equal(await response.text(), "ok\n");
});

test("it is still alive after a restart", async () => {
  await runtime.restart();
  assert.equal((await runtime.fetch("/healthz")).status, 200);
});
