// The database is restored to an earlier copy, as D1's Time Travel does. It has forgotten what was
// sent since; KV has not, so nothing is sent again unless an operator releases it.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { FIXTURES, dripline, publish } from "./command_line.mjs";
import { assertSound } from "./invariants.mjs";
import { start } from "./runtime.mjs";
import { join, mailTo } from "./visitor.mjs";

const FIRST = ", this is the first mail of the first version";
const SECOND = ", this is the second mail of the first version";

let runtime;
before(async () => {
  runtime = await start();
  await publish(runtime, FIXTURES);
});
after(() => runtime?.stop());

/** The subjects of all e-mails to a name that the database knows of, oldest first. */
async function subjectsTo(name) {
  return (await mailTo(runtime, name)).map(({ subject }) => subject);
}

/** The output of `dripline restore`, with or without a command. */
async function restore(...word) {
  const ran = await dripline("restore", ...word, "--to", runtime.url, "--token", "test-token");
  assert.equal(ran.status, 0, ran.stdout + ran.stderr);
  return ran.stdout;
}

async function ready() {
  const response = await runtime.api("GET", "/readyz");
  return { status: response.status, text: await response.text() };
}

/** Keeps a copy, lets everybody get their second e-mail, and restores the copy. */
async function forgetADay() {
  await runtime.tick();
  const copy = await runtime.copyDatabase();
  await runtime.advance("25h");
  const sent = "SELECT count(*) AS n FROM events WHERE name = 'message.sent'";
  const [{ n: before }] = await runtime.d1(sent);
  await runtime.putDatabaseBack(copy);
  const [{ n: after }] = await runtime.d1(sent);
  assert.ok(before > after, "the database has forgotten mails");
  await runtime.tick();
}

test("a database that nobody has put back waits for no word", async () => {
  await join(runtime, "ann");
  await runtime.tick();
  assert.equal(await restore(), "No restore is waiting for a decision.\n");
  assert.equal((await ready()).status, 200);
});

test("messages that may have left wait, and later contacts are written to", async () => {
  await forgetADay();
  assert.deepEqual(await subjectsTo("ann"), ["ann" + FIRST]);
  const waiting = await runtime.d1("SELECT reason FROM messages WHERE state = 'queued'");
  assert.deepEqual(waiting, [{ reason: "restored" }]);
  const { status, text } = await ready();
  assert.equal(status, 503);
  assert.match(text, /restore/);
  assert.match(await restore(), /^The database was restored, .* Waiting: 1 message\./);
  await join(runtime, "bo");
  assert.deepEqual(await subjectsTo("bo"), ["bo" + FIRST]);
  await runtime.live("3h", "1h");
  assert.deepEqual(await subjectsTo("ann"), ["ann" + FIRST]);
});

test("`release` sends what waits, once, and the worker is ready again", async () => {
  assert.equal(await restore("release"), "Released: 1 message, and all others that are held.\n");
  await runtime.live("1h", "10m");
  assert.deepEqual(await subjectsTo("ann"), ["ann" + FIRST, "ann" + SECOND]);
  assert.equal(await restore(), "No restore is waiting for a decision.\n");
  assert.equal((await ready()).status, 200);
});

test("`drop` has it never sent; who came afterwards goes on", async () => {
  await join(runtime, "cy");
  await forgetADay();
  assert.match(await restore(), /Waiting: 2 messages\./);
  await join(runtime, "dan");
  assert.equal(await restore("drop"), "Dropped: 2 messages; they are not sent.\n");
  await runtime.live("3d", "12h");
  assert.deepEqual(await subjectsTo("bo"), ["bo" + FIRST]);
  assert.deepEqual(await subjectsTo("cy"), ["cy" + FIRST]);
  assert.deepEqual(await subjectsTo("dan"), ["dan" + FIRST, "dan" + SECOND]);
  const skipped = await runtime.d1("SELECT reason FROM messages WHERE state = 'skipped'");
  assert.deepEqual(skipped, [{ reason: "restored" }, { reason: "restored" }]);
  await assertSound(runtime, { atRest: true });
});
