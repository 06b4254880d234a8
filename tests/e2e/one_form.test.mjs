// Addresses and amounts on the real runtime: one address is one contact however it is spelled, and
// segments compare the order values that the API received.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { FIXTURES, SAMPLES, publish } from "./command_line.mjs";
import { start } from "./runtime.mjs";
import { Visitor } from "./visitor.mjs";

const SHOP = fileURLToPath(new URL("fixtures/shop/campaigns", import.meta.url));
const KEPT = "info@xn--mller-kva.example";
const SPELLINGS = [
  "info@müller.example",
  "Info@XN--MLLER-KVA.example",
  "ｉｎｆｏ＠ｍüｌｌｅｒ。ｅｘａｍｐｌｅ",
  "info@mu\u0308ller.example.",
];

/** Every e-mail that the provider received. */
const mails = [];
let runtime;

async function outbound(request) {
  const body = await request.json();
  const taken = [body].flat().map((mail) => (mails.push(mail), { id: `re-${mails.length}` }));
  return Response.json(Array.isArray(body) ? { data: taken } : taken[0]);
}

before(async () => {
  const variables = { SENDER_EMAIL: "resend", RESEND_API_KEY: "re_test" };
  runtime = await start({ variables, outbound, submitLimit: 100 });
  await publish(runtime, FIXTURES, SAMPLES, SHOP);
});
after(() => runtime?.stop());

const join = async (email) => {
  const form = { first_name: "Ann", email, consent: "yes" };
  assert.equal((await new Visitor(runtime).fillIn("/relay", form)).status, 200);
  await runtime.settle();
};

const tell = async (...events) => {
  const answer = await runtime.api("POST", "/api/v1/events", { events });
  assert.equal(answer.status, 202, await answer.text());
  await runtime.settle();
};

test("each spelling of an address is the same contact, and its mail goes to ASCII", async () => {
  for (const email of SPELLINGS) {
    await join(email);
    await tell({ name: "seen", email });
  }
  assert.deepEqual(await runtime.d1("SELECT email FROM contacts"), [{ email: KEPT }]);
  assert.ok(mails.length > 0);
  assert.deepEqual(new Set(mails.flatMap((mail) => mail.to)), new Set([KEPT]));
});

test("each spelling is suppressed by one entry, and nothing more leaves", async () => {
  for (const address of SPELLINGS) {
    const added = await runtime.api("POST", "/api/v1/suppressions", { address });
    assert.ok(added.ok, await added.text());
  }
  assert.deepEqual(await runtime.d1("SELECT channel, address FROM suppressions"), [
    { channel: "email", address: KEPT },
  ]);
  const before = mails.length;
  for (const email of SPELLINGS) await join(email);
  await runtime.live("1d", "1h");
  assert.equal(mails.length, before);
});

test("who has spent more than 100 is in the segment that asks for it, and explained so", async () => {
  const order = (id, value, currency) =>
    tell({ id, name: "order.completed", email: "shop@example.com", value, currency });
  const inside = async () =>
    (await runtime.d1("SELECT segment_id FROM segment_members WHERE segment_id = 'shop.spenders'"))
      .length;
  await order("o1", "99.99", "GBP");
  await order("o2", "500.00", "USD");
  assert.equal(await inside(), 0);
  await order("o3", "0.01", "GBP");
  assert.equal(await inside(), 1);
  const body = { contact: "shop@example.com" };
  const answer = await (await runtime.api("POST", "/api/v1/contacts/explain", body)).text();
  assert.match(answer, /100\.00 GBP/);
  const refused = await runtime.api("POST", "/api/v1/events", {
    events: [{ name: "order.completed", email: "shop@example.com", properties: { value: 120 } }],
  });
  assert.equal(refused.status, 422);
  assert.match(await refused.text(), /beside `properties`/);
});
