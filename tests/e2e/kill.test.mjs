// The process is killed in the middle of things: of a delivery, of a tick, of a queue batch, of
// visitors' posts. What it kept in memory is gone, its queues are too; the provider, which is not
// killed, remembers every request. Nobody gets a mail twice, and nobody is lost.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { FIXTURES, publish } from "./command_line.mjs";
import { start } from "./runtime.mjs";
import { Visitor } from "./visitor.mjs";

const PEOPLE_A_ROUND = 12;
/** How long the provider takes: long enough for a tick to be in the middle of something. */
const CALL_MS = 2;

/**
 * What is killed when: at a call to the provider, taken but not answered; or after some time. Where
 * it does not `recover`, the next kill comes before anything was mended.
 */
const ROUNDS = [
  { posts: true, atCall: 1 },
  { posts: true, afterMs: 40 },
  { posts: true, atCall: 3, recover: true },
  { tick: true, atCall: 1, recover: true },
  { tick: true, atCall: 7 },
  { posts: true, afterMs: 15, recover: true },
  { posts: true, tick: true, afterMs: 60, recover: true },
  { tick: true, afterMs: 5 },
  { posts: true, afterMs: 30, recover: true },
  { posts: true, tick: true, atCall: 5, recover: true },
  { posts: true, tick: true, afterMs: 120 },
];

let runtime;
/** The names of those who were thanked. */
const thanked = new Set();
/** By idempotency key, what the provider took. */
const taken = new Map();
let calls = 0;
let repeats = 0;
/** How many calls it still answers before the worker is killed. */
let callsToLive = Infinity;
let killed = () => {};

async function outbound(request) {
  const key = request.headers.get("idempotency-key");
  const body = await request.text();
  calls += 1;
  const before = taken.get(key);
  if (before) {
    repeats += 1;
    assert.equal(body, before.body, "the same key has the same bytes");
  } else {
    const { to, subject } = JSON.parse(body);
    taken.set(key, { to: to[0], subject, body });
  }
  callsToLive -= 1;
  if (callsToLive === 0) {
    await runtime.kill();
    killed();
  }
  await sleep(CALL_MS);
  return Response.json({ id: `re-${key}` });
}

before(async () => {
  // One by one, so that there are many calls to be killed in.
  const variables = {
    SENDER_EMAIL: "resend",
    RESEND_API_KEY: "re_test",
    SEND_BATCH_MAX: "1",
    // Nobody waits for the provider's own two calls a second.
    PACING: JSON.stringify({ rates: { resend: { calls: 10_000, per: "1s" } } }),
  };
  runtime = await start({ variables, outbound, submitLimit: 10_000 });
  await publish(runtime, FIXTURES);
});
after(() => runtime?.stop());

/** Somebody sends the form; if the process dies meanwhile, nobody is thanked. */
async function join(form, name) {
  const answers = { first_name: name, email: `${name}@example.com`, consent: "yes" };
  try {
    const response = await new Visitor(runtime).send(form, answers);
    if (response.status === 200 || response.status === 303) thanked.add(name);
  } catch {
    // The process died.
  }
}

/** One form for each, read while everything still works. */
async function forms(count) {
  const pages = await Promise.all(
    Array.from({ length: count }, () => new Visitor(runtime).visit("/relay")),
  );
  await runtime.skip("3s");
  return pages.map((page) => page.form);
}

async function round({ posts, tick, recover, atCall, afterMs }, number) {
  const filled = posts ? await forms(PEOPLE_A_ROUND) : [];
  if (tick) await runtime.skip("25h");
  const dead = new Promise((resolve) => (killed = resolve));
  callsToLive = atCall ?? Infinity;
  const under = filled.map((form, index) => join(form, `r${number}p${index}`));
  if (tick) under.push(runtime.cron().catch(() => {}));
  // A call that never comes kills nobody; then the time does.
  const late = sleep(afterMs ?? 3_000, "late", { ref: false });
  if ((await Promise.race([dead, late])) === "late") await runtime.kill();
  callsToLive = Infinity;
  await runtime.restart();
  await Promise.allSettled(under);
  // What was being sent is tried again within the hour: long before the provider forgets its key.
  if (recover) await runtime.live("50m", "16m");
}

/** Everything works again, until nothing is due any more. */
async function comeToRest() {
  // Claims of dead workers lapse after some minutes; what they had in hand is tried again.
  await runtime.live("1h", "6m");
  await runtime.live("3d", "12h");
}

test("whenever the process is killed, nobody gets a mail twice and nobody is lost", async () => {
  for (const [number, one] of ROUNDS.entries()) await round(one, number);
  await comeToRest();

  assert.ok(thanked.size >= PEOPLE_A_ROUND, `${thanked.size} were thanked`);
  const mails = [...taken.values()].map(({ to, subject }) => `${to}: ${subject}`);
  assert.equal(new Set(mails).size, mails.length, "no mail has left under two keys");
  for (const name of thanked) {
    for (const which of ["first", "second"]) {
      const mail = `${name}@example.com: ${name}, this is the ${which} mail of the first edition`;
      assert.ok(mails.includes(mail), `lost: ${mail}`);
    }
  }
  console.log(`${thanked.size} thanked, ${mails.length} mails, ${calls} calls, ${repeats} repeats`);
});

test("the database is sound after it", async () => {
  const sound = {
    "nobody is left in a journey": "SELECT * FROM enrollments WHERE state <> 'completed'",
    "nothing waits": "SELECT * FROM messages WHERE state IN ('queued', 'sending')",
    "every mail was sent, and the ledger says so": "SELECT * FROM messages WHERE state <> 'sent'",
    "everybody took every step once": "SELECT * FROM enrollments WHERE steps_taken <> 3",
    "events are numbered without a gap": `SELECT contact_id FROM events GROUP BY contact_id
      HAVING min(seq) <> 1 OR max(seq) <> count(*)`,
    "a contact's number is that of its newest event": `SELECT id FROM contacts c
      WHERE seq <> (SELECT max(seq) FROM events WHERE contact_id = c.id)`,
    "a message is sent once": `SELECT properties ->> 'message' FROM events
      WHERE name = 'message.sent' GROUP BY 1 HAVING count(*) > 1`,
    "the counter is what the rows say": `SELECT sum(value) FROM counters WHERE metric = 'sent'
      HAVING sum(value) <> (SELECT count(*) FROM messages WHERE state = 'sent')`,
  };
  for (const [sentence, sql] of Object.entries(sound)) {
    assert.deepEqual(await runtime.d1(sql), [], sentence);
  }
  const messages = await runtime.d1("SELECT id FROM messages ORDER BY id");
  assert.deepEqual(messages.map(({ id }) => id), [...taken.keys()].sort());
});
