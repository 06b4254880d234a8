// The runtime is stopped in the middle of its work. Its queues lose what is in them.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { FIXTURES, publish, publishChanged } from "./command_line.mjs";
import { start } from "./runtime.mjs";
import { Visitor, textOf } from "./visitor.mjs";

/** So long that nothing leaves a queue in this test. */
const NEVER_SECONDS = 60;
/** As in all other tests. */
const SOON_SECONDS = 0.05;

const FIRST = ", this is the first mail of the first version";
const SECOND = ", this is the second mail of the first version";

let runtime;
before(async () => {
  runtime = await start();
  await publish(runtime, FIXTURES);
});
after(() => runtime?.stop());

function join(name) {
  const answers = { first_name: name, email: `${name}@example.com`, consent: "yes" };
  return new Visitor(runtime).fillIn("/relay", answers);
}

/** The subjects of all e-mails to a name, oldest first. */
async function mailTo(name) {
  const messages = await runtime.mailbox();
  const theirs = messages.filter((message) => message.address === `${name}@example.com`);
  return theirs.map((message) => message.subject).reverse();
}

test("a mail that waits for its delivery when the worker stops leaves after it", async () => {
  await runtime.restart({ queueSeconds: NEVER_SECONDS });
  assert.equal((await join("ann")).status, 200);
  assert.deepEqual(await mailTo("ann"), []);

  await runtime.restart({ queueSeconds: SOON_SECONDS });
  assert.deepEqual(await mailTo("ann"), []);
  const states = await runtime.d1("SELECT state, attempts FROM messages");
  assert.deepEqual(states, [{ state: "queued", attempts: 0 }]);
  await runtime.tick();
  assert.deepEqual(await mailTo("ann"), ["ann" + FIRST]);
});

test("a contact whose step fell due when the worker stopped takes it after that", async () => {
  await runtime.restart({ queueSeconds: NEVER_SECONDS });
  await runtime.skip("25h");
  // The tick hands the contact out; the queue loses it.
  await runtime.cron();
  await runtime.restart({ queueSeconds: SOON_SECONDS });
  assert.deepEqual(await mailTo("ann"), ["ann" + FIRST]);
  // The claim expires after some minutes.
  await runtime.advance("10m");
  assert.deepEqual(await mailTo("ann"), ["ann" + FIRST, "ann" + SECOND]);
});

test("a restart while somebody waits neither forgets nor repeats anything", async () => {
  assert.equal((await join("bo")).status, 200);
  await runtime.settle();
  await runtime.restart();
  await runtime.advance("23h");
  assert.deepEqual(await mailTo("bo"), ["bo" + FIRST]);
  await runtime.restart();
  await runtime.advance("2h");
  await runtime.restart();
  await runtime.live("3d", "1d");
  assert.deepEqual(await mailTo("bo"), ["bo" + FIRST, "bo" + SECOND]);
  assert.deepEqual(await mailTo("ann"), ["ann" + FIRST, "ann" + SECOND]);
  const states = await runtime.d1("SELECT DISTINCT state FROM enrollments");
  assert.deepEqual(states, [{ state: "completed" }]);
});

test("publishing what is live already changes nothing, also after a restart", async () => {
  const same = [{ campaign: "relay", version: 1, is_new: false }];
  assert.deepEqual(await publish(runtime, FIXTURES), same);
  await runtime.restart();
  assert.deepEqual(await publish(runtime, FIXTURES), same);
  const versions = await runtime.d1("SELECT version FROM campaign_versions");
  assert.equal(versions.length, 1);
});

test("a changed page is live on the next request; who began before ends as it was", async () => {
  assert.equal((await join("cy")).status, 200);
  await runtime.settle();
  const visitor = new Visitor(runtime);
  assert.match(textOf((await visitor.visit("/relay")).html), /Relay, first version/);

  const published = await publishChanged(runtime, "first version", "second version");
  assert.deepEqual([published[0].version, published[0].is_new], [2, true]);
  assert.match(textOf((await visitor.visit("/relay")).html), /Relay, second version/);

  assert.equal((await join("dan")).status, 200);
  await runtime.restart();
  await runtime.live("2d", "1d");
  assert.deepEqual(await mailTo("cy"), ["cy" + FIRST, "cy" + SECOND]);
  assert.deepEqual(await mailTo("dan"), [
    "dan, this is the first mail of the second version",
    "dan, this is the second mail of the second version",
  ]);
});

test("what was live before can be published again, as a new version", async () => {
  const published = await publish(runtime, FIXTURES);
  assert.equal(published[0].version, 3);
  const { html } = await new Visitor(runtime).visit("/relay");
  assert.match(textOf(html), /Relay, first version/);
});
