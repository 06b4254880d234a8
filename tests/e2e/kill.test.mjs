// The process is killed in the middle of a delivery, a tick, a queue batch, or visitors'
// submissions. Its memory and its queues are lost; the provider, which is not killed, remembers
// every request. Nobody gets an e-mail twice, and nobody is lost.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { Doomed, mailOf } from "./kill_worker.mjs";
import { assertSound } from "./invariants.mjs";

const PEOPLE_A_ROUND = 12;

/**
 * What is killed when: at a call to the provider, accepted but not answered; or after some time.
 * Without `recover`, the next kill comes before anything has recovered.
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

let doomed;
before(async () => (doomed = await Doomed.start()));
after(() => doomed?.stop());

async function round({ posts, tick, recover, ...end }, number) {
  const filled = posts ? await doomed.forms(PEOPLE_A_ROUND) : [];
  if (tick) await doomed.runtime.skip("25h");
  const works = filled.map((form, index) => () => doomed.join(form, `r${number}p${index}`));
  if (tick) works.push(() => doomed.tick());
  await doomed.dieDuring(end, works);
  // What was being sent is retried within the hour: long before the provider forgets its key.
  if (recover) await doomed.runtime.live("50m", "16m");
}

test("whenever the process is killed, nobody gets a mail twice and nobody is lost", async () => {
  for (const [number, one] of ROUNDS.entries()) await round(one, number);
  await doomed.comeToRest();

  const { thanked, mails, calls, taken, changed } = doomed;
  assert.ok(thanked.size >= PEOPLE_A_ROUND, `${thanked.size} were thanked`);
  assert.equal(new Set(mails).size, mails.length, "no mail has left under two keys");
  assert.deepEqual(changed, [], "the same key has the same bytes");
  for (const name of thanked) {
    for (const which of ["first", "second"]) {
      assert.ok(mails.includes(mailOf(name, which)), `lost: the ${which} mail to ${name}`);
    }
  }
  const repeats = calls.length - taken.size;
  console.log(`${thanked.size} thanked, ${mails.length} mails, ${repeats} repeated calls`);
});

test("the database is sound after it", async () => {
  await assertSound(doomed.runtime, { atRest: true });
  const sound = {
    "nobody is left in a journey": "SELECT * FROM enrollments WHERE state <> 'completed'",
    "nothing waits": "SELECT * FROM messages WHERE state IN ('queued', 'sending')",
    "every mail was sent, and the ledger says so": "SELECT * FROM messages WHERE state <> 'sent'",
    "everybody took every step once": "SELECT * FROM enrollments WHERE steps_taken <> 3",
  };
  for (const [sentence, sql] of Object.entries(sound)) {
    assert.deepEqual(await doomed.runtime.d1(sql), [], sentence);
  }
  const messages = await doomed.runtime.d1("SELECT id FROM messages ORDER BY id");
  assert.deepEqual(messages.map(({ id }) => id), [...doomed.taken.keys()].sort());
});
