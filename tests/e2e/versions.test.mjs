// Published versions and enrolled contacts: contacts are migrated, journeys paused, contacts
// explained and quarantined.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { FIXTURES, dripline, publish, publishChanged } from "./command_line.mjs";
import { start } from "./runtime.mjs";
import { Visitor, join, mailTo, textOf } from "./visitor.mjs";

const FIRST = ", this is the first mail of the first version";
const SECOND = ", this is the second mail of the first version";
/** By then every isolate knows what was published or commanded, and a tick acts on it. */
const HEARD_OF = "3m";

let runtime;
before(async () => {
  runtime = await start();
  await publish(runtime, FIXTURES);
});
after(() => runtime?.stop());

/** The subjects of all e-mails to a name, oldest first. */
async function subjectsTo(name) {
  return (await mailTo(runtime, name)).map(({ subject }) => subject);
}

/** Runs a command against the runtime, which must succeed, and returns its output. */
async function command(...args) {
  const ran = await dripline(...args, "--to", runtime.url, "--token", "test-token");
  assert.equal(ran.status, 0, ran.stdout + ran.stderr);
  return ran.stdout;
}

async function explained(name) {
  const response = await runtime.api("POST", "/api/v1/contacts/explain", {
    contact: `${name}@example.com`,
  });
  assert.equal(response.status, 200);
  return response.json();
}

test("a dry run publishes nothing", async () => {
  await join(runtime, "ann");
  const planned = await command("publish", "--dry-run", FIXTURES);
  assert.match(planned, /relay: unchanged, version 1/);
  const { is_new } = await (await runtime.api("POST", "/api/v1/campaigns/diff", {})).json();
  assert.equal(is_new, undefined, "what is no campaign is refused");
  const versions = await runtime.d1("SELECT version FROM campaign_versions");
  assert.equal(versions.length, 1);
});

test("contacts at a removed step move where the file says, in their own time", async () => {
  const pause = 'id = "pause"\nwait = "1d"';
  const rest = 'id = "rest"\nwait = "9d"\n\n[journey.pass.migrate]\npause = "rest"';
  const [published] = await publishChanged(runtime, pause, rest);
  const [journey] = published.journeys;
  assert.deepEqual([journey.added, journey.removed], [["rest"], ["pause"]]);
  const [{ people, step, migration }] = journey.people;
  assert.deepEqual([people, step, migration], [1, "pause", { move: "rest" }]);

  await runtime.advance(HEARD_OF);
  const stand = await runtime.d1("SELECT version, step, state FROM enrollments");
  assert.deepEqual(stand, [{ version: 2, step: "rest", state: "active" }]);
  await runtime.advance("25h");
  assert.deepEqual(await subjectsTo("ann"), ["ann" + FIRST, "ann" + SECOND]);
  await publish(runtime, FIXTURES);
});

test("a map that names no step is refused with the place and the nearest name", async () => {
  const pause = 'id = "pause"\nwait = "1d"';
  const typo = `${pause}\n\n[journey.pass.migrate]\npuase = "pause"`;
  await assert.rejects(publishChanged(runtime, pause, typo), (error) => {
    assert.match(error.message, /journey\.pass\.migrate\.puase/);
    assert.match(error.message, /did you mean `pause`\?/);
    return true;
  });
});

test("while a journey is paused nobody enters and nothing is sent; afterwards it goes on", async () => {
  await join(runtime, "bo");
  assert.match(await command("journey", "pause", "relay.pass"), /relay\.pass is paused.*1 person/);
  await join(runtime, "cy");
  await runtime.live("3d", "1d");
  assert.deepEqual([await subjectsTo("bo"), await subjectsTo("cy")], [["bo" + FIRST], []]);
  const { journeys } = await explained("cy");
  assert.equal(journeys[0].entry, "paused");

  await command("journey", "resume", "relay.pass");
  await runtime.advance(HEARD_OF);
  await runtime.advance("1m");
  assert.deepEqual(await subjectsTo("bo"), ["bo" + FIRST, "bo" + SECOND]);
  assert.deepEqual(await subjectsTo("cy"), []);
});

test("an operator archives a journey on the campaign's page; another site cannot", async () => {
  await join(runtime, "di");
  const tom = new Visitor(runtime);
  const archive = (headers, sure = { sure: "1" }) =>
    tom.fetch("/admin/journeys/relay.pass/archive", {
      method: "POST",
      headers,
      body: new URLSearchParams(sure),
    });
  const stranger = await archive();
  assert.match(stranger.headers.get("location"), /^\/admin\/sign-in/);
  const body = new URLSearchParams({ token: "test-token" });
  await tom.fetch("/admin/sign-in", { method: "POST", body });
  assert.equal((await archive({ "sec-fetch-site": "cross-site" })).status, 403);
  const before = textOf((await tom.visit("/admin/campaigns/relay?lang=en")).html);
  assert.match(before, /Journey pass Running/);

  const done = await archive({ "sec-fetch-site": "same-origin" });
  assert.equal(done.status, 303);
  const page = textOf((await tom.visit(done.headers.get("location"))).html);
  assert.match(page, /Archived|已归档/);
  await runtime.advance(HEARD_OF);
  const { journeys } = await explained("di");
  const { state, reason, words } = journeys[0].passages[0];
  assert.deepEqual([state, reason, words], ["exited", "archived", "the journey is archived"]);
  await runtime.live("2d", "1d");
  assert.deepEqual(await subjectsTo("di"), ["di" + FIRST]);
  await command("journey", "resume", "relay.pass");
});

test("why? is answered in words, also by the command line", async () => {
  const answer = await command("explain", "ann@example.com");
  assert.match(answer, /Journey relay\.pass: has been in it, and may enter only once/);
  assert.match(answer, /delivered/);
  const unknown = await runtime.api("GET", "/api/v1/contacts/nobody/explain");
  assert.equal(unknown.status, 404);
  const stranger = await runtime.fetch("/api/v1/contacts/nobody/explain");
  assert.equal(stranger.status, 401);
});

test("a contact that cannot be read stalls nobody, is parked, and goes on once it is released", async () => {
  await join(runtime, "eve");
  await join(runtime, "fay");
  await runtime.d1("UPDATE contacts SET attributes = '[1]' WHERE email = 'eve@example.com'");
  await runtime.advance("25h");
  // The task failed together with its hint about fay's e-mail; the next tick finds the e-mail.
  await runtime.advance("1m");
  assert.deepEqual(await subjectsTo("fay"), ["fay" + FIRST, "fay" + SECOND]);
  await runtime.live("40m", "6m");

  const { parked } = await (await runtime.api("GET", "/api/v1/parked")).json();
  assert.equal(parked.length, 1);
  assert.match(parked[0].reason, /invalid type/);
  assert.equal((await (await runtime.api("GET", "/readyz")).json()).parked, 1);
  assert.match(await command("parked"), /invalid type/);

  await runtime.d1("UPDATE contacts SET attributes = '{\"first_name\":\"eve\"}' WHERE email = 'eve@example.com'");
  await command("parked", "release", parked[0].contact);
  await runtime.tick();
  assert.deepEqual(await subjectsTo("eve"), ["eve" + FIRST, "eve" + SECOND]);
  assert.match(await command("parked"), /No contact is in quarantine/);
});

test("statistics are kept by version", async () => {
  const report = await (await runtime.api("GET", "/api/v1/reports/campaigns/relay")).json();
  const [pass] = report.journeys;
  assert.equal(pass.journey, "pass");
  const entered = pass.versions.map(({ version, entered }) => [version, entered]);
  assert.deepEqual(entered, [
    [2, 1],
    [3, 4],
  ]);
});
