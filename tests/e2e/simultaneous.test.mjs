// Concurrency: the same person, the same form, the same minute.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { FIXTURES, publish } from "./command_line.mjs";
import { start } from "./runtime.mjs";
import { Visitor } from "./visitor.mjs";

const CROWD = 50;
const REPEATS = 20;
// workerd drops a kept-alive connection that it cannot read from within 5 s; it reads from 16 at a
// time, so on a slow machine a crowd on kept-alive connections loses its last ones. New connections
// have 15 s.
const STRANGER = { connection: "close" };

let runtime;
before(async () => {
  runtime = await start({ submitLimit: 1_000 });
  await publish(runtime, FIXTURES);
});
after(() => runtime?.stop());

async function count(sql, ...parameters) {
  const [row] = await runtime.d1(`SELECT COUNT(*) AS count ${sql}`, ...parameters);
  return row.count;
}

async function mailTo(address) {
  return (await runtime.mailbox()).filter((message) => message.address === address);
}

/** The form of the page, opened this many times and long enough ago to be submitted. */
async function forms(times) {
  const visitor = new Visitor(runtime, STRANGER);
  const pages = await Promise.all(Array.from({ length: times }, () => visitor.visit("/relay")));
  await runtime.skip("3s");
  return pages.map((page) => page.form);
}

/** Submits each form with these answers, all at once; returns the statuses. */
async function sendAll(forms, answersOf) {
  const visitor = new Visitor(runtime, STRANGER);
  const sent = forms.map((form, index) => visitor.send(form, answersOf(index)));
  return (await Promise.all(sent)).map((response) => response.status);
}

test(`${CROWD} simultaneous submissions with one address make one contact`, async () => {
  const ann = { email: "ann@example.com", consent: "yes" };
  const answers = (index) => ({ ...ann, first_name: `Ann ${index}` });
  const statuses = await sendAll(await forms(CROWD), answers);
  assert.deepEqual(new Set(statuses), new Set([200]), "everyone is thanked");
  await runtime.settle();
  await runtime.tick();
  assert.equal(await count("FROM contacts"), 1);
  assert.equal(await count("FROM enrollments"), 1);
  assert.equal(await count("FROM events WHERE name = 'form.submitted'"), CROWD);
  assert.equal((await mailTo("ann@example.com")).length, 1, "one welcome");
  const [{ leads }] = await runtime.d1(
    "SELECT SUM(value) AS leads FROM counters WHERE metric = 'leads'",
  );
  assert.equal(leads, 1);
});

test(`${REPEATS} posts of the same filled-in form are one submission`, async () => {
  const [form] = await forms(1);
  const answers = () => ({ first_name: "Bo", email: "bo@example.com", consent: "yes" });
  const statuses = await sendAll(Array(REPEATS).fill(form), answers);
  assert.deepEqual(new Set(statuses), new Set([200]));
  await runtime.settle();
  const bo = "(SELECT id FROM contacts WHERE email = 'bo@example.com')";
  const submitted = `FROM events WHERE name = 'form.submitted' AND contact_id = ${bo}`;
  assert.equal(await count(submitted), 1);
  assert.equal((await mailTo("bo@example.com")).length, 1);
});

test("as many different people at once are as many contacts", async () => {
  const answers = (index) => ({ email: `crowd-${index}@example.com`, consent: "yes" });
  const statuses = await sendAll(await forms(REPEATS), answers);
  assert.deepEqual(new Set(statuses), new Set([200]));
  await runtime.settle();
  assert.equal(await count("FROM contacts WHERE email LIKE 'crowd-%'"), REPEATS);
  const messages = await runtime.mailbox();
  const crowd = messages.filter((message) => message.address.startsWith("crowd-"));
  assert.equal(crowd.length, REPEATS);
});

test("the same unsubscription many times at once is one", async () => {
  const [message] = await mailTo("bo@example.com");
  const path = new URL(JSON.parse(message.headers)["List-Unsubscribe"].slice(1, -1)).pathname;
  const body = "List-Unsubscribe=One-Click";
  const posts = Array.from({ length: REPEATS }, () =>
    runtime.fetch(path, { method: "POST", headers: STRANGER, body }),
  );
  const statuses = (await Promise.all(posts)).map((response) => response.status);
  assert.deepEqual(new Set(statuses), new Set([200]));
  assert.equal(await count("FROM consents WHERE state = 'withdrawn'"), 1);
});

test("ticks that overlap take each step once", async () => {
  await runtime.skip("25h");
  await Promise.all(Array.from({ length: 5 }, () => runtime.cron()));
  await runtime.settle();
  const twice = await runtime.d1(
    "SELECT contact_id, step FROM messages GROUP BY contact_id, step HAVING COUNT(*) > 1",
  );
  assert.deepEqual(twice, []);
  // Everybody but Bo, who has unsubscribed, now has the second e-mail, exactly once.
  const messages = await runtime.mailbox();
  const second = messages.filter((message) => message.subject.includes("the second mail"));
  assert.equal(second.length, 1 + REPEATS);
  assert.equal(new Set(second.map((message) => message.address)).size, 1 + REPEATS);
});
