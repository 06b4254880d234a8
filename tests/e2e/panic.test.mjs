// A panic ends the module instance in the middle of a request, whatever it was doing.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { FIXTURES, publish } from "./command_line.mjs";
import { TRAP_HEADER, start } from "./runtime.mjs";
import { Visitor } from "./visitor.mjs";

let runtime;
before(async () => {
  runtime = await start();
  await publish(runtime, FIXTURES);
});
after(() => runtime?.stop());

/** Sends a request that panics. Nothing else may be running then, because it would end, too. */
async function panic() {
  await runtime.settle();
  const broken = await runtime.fetch("/relay", { headers: { [TRAP_HEADER]: "1" } });
  await broken.arrayBuffer();
  assert.equal(broken.status, 500, "the trap was sprung");
}

test("a panic in one request does not hurt the next", async () => {
  for (let times = 0; times < 3; times++) {
    await panic();
    const next = await runtime.fetch("/relay");
    assert.equal(next.status, 200);
    assert.match(await next.text(), /<form/);
  }
});

test("what is done after a panic is kept", async () => {
  const visitor = new Visitor(runtime);
  const { form } = await visitor.visit("/relay");
  await runtime.skip("3s");
  await panic();
  const sent = await visitor.send(form, { email: "ann@example.com", first_name: "Ann", consent: "yes" });
  assert.equal(sent.status, 200);
  await runtime.tick();
  const messages = (await runtime.mailbox()).filter(({ address }) => address === "ann@example.com");
  assert.equal(messages.length, 1);
});
