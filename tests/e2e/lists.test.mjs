// Static lists on the built worker: made, filled by requests, forms and steps, written to, emptied
// by erasures and merges, and deleted; two at once; hostile input gets its answer.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { dripline, publish } from "./command_line.mjs";
import { assertSound } from "./invariants.mjs";
import { start } from "./runtime.mjs";
import { Visitor } from "./visitor.mjs";

const CAMPAIGNS = fileURLToPath(new URL("fixtures/lists/campaigns", import.meta.url));

let runtime;
before(async () => {
  runtime = await start({ submitLimit: 10_000 });
  await publish(runtime, CAMPAIGNS);
});
after(() => runtime?.stop());

async function call(method, path, body) {
  const answer = await runtime.api(method, path, body);
  return { status: answer.status, body: await answer.json() };
}

const make = (id, more = {}) => call("POST", "/api/v1/lists", { id, ...more });
const change = (id, body) => call("POST", `/api/v1/lists/${id}/members`, body);
const show = async (id) => (await call("GET", `/api/v1/lists/${id}`)).body;

/** Everybody on a list, page by page. */
async function members(id, limit = 200) {
  const all = [];
  let after = "";
  do {
    const { body } = await call("GET", `/api/v1/lists/${id}/members?limit=${limit}${after && `&after=${after}`}`);
    all.push(...body.members);
    after = body.next;
  } while (after);
  return all;
}

/** Fills in the form of the page; the visitor consents unless it says otherwise. */
async function visit(name, more = { consent: "yes" }) {
  const answers = { first_name: name, email: `${name}@example.com`, ...more };
  assert.equal((await new Visitor(runtime).fillIn("/fair", answers)).status, 200);
}

/** Contacts that another system reports. */
async function report(names) {
  const event = (name) => ({ name: "badge.scanned", email: `${name}@example.com`, id: `scan-${name}` });
  for (let from = 0; from < names.length; from += 100) {
    const events = names.slice(from, from + 100).map(event);
    assert.equal((await runtime.api("POST", "/api/v1/events", { events })).status, 202);
  }
  await runtime.settle();
}

test("a list has a Chinese name, is renamed, and is found among the others", async () => {
  const made = await make("vip", { name: "贵宾客户 🌟", description: "上海展会" });
  assert.equal(made.status, 201);
  assert.deepEqual([made.body.name, made.body.members], ["贵宾客户 🌟", 0]);
  assert.equal((await make("vip")).status, 409);
  const renamed = await call("POST", "/api/v1/lists/vip", { name: "重要客户" });
  assert.deepEqual([renamed.body.name, renamed.body.description], ["重要客户", "上海展会"]);
  const { body } = await call("GET", "/api/v1/lists");
  assert.ok(body.lists.some(({ id, name }) => id === "vip" && name === "重要客户"));
  const logged = await call("GET", "/api/v1/audit?kind=list");
  assert.deepEqual(logged.body.entries.map(({ action }) => action).sort(), ["create", "edit"]);
});

test("a form and a step put a visitor on lists that nobody has made, and a rule follows", async () => {
  await visit("ann");
  await visit("bob", {});
  const [ann] = await members("stand");
  assert.deepEqual([ann.record.fields.email, ann.source], ["ann@example.com", "form:fair/stand"]);
  assert.deepEqual((await members("dinner")).map(({ source }) => source), Array(2).fill("journey:fair/invite"));
  const stand = await show("stand");
  assert.deepEqual([stand.members, stand.created_by], [2, "form:fair/stand"]);
  const guests = await runtime.d1("SELECT count(*) AS n FROM segment_members WHERE segment_id = 'fair.guests'");
  assert.equal(guests[0].n, 2);
  const one = await call("GET", `/api/v1/records/contact/${ann.record.id}`);
  assert.deepEqual(Object.keys(one.body.lists).sort(), ["dinner", "stand"]);
});

test("a thousand records join by one request, and unknown ones come back by their row", async () => {
  const names = Array.from({ length: 998 }, (_, n) => `scan${n}`);
  await report(names);
  await make("scanned");
  const add = ["nobody@example.com", ...names.map((name) => `${name}@example.com`), "ann@example.com"];
  const { status, body } = await change("scanned", { add, source: "展会 2026" });
  assert.equal(status, 200);
  assert.deepEqual([body.added, body.unknown], [999, [{ in: "add", row: 1 }]]);
  assert.equal((await show("scanned")).members, 999);
  const all = await members("scanned");
  assert.equal(new Set(all.map(({ record }) => record.id)).size, 999);
  assert.ok(all.every(({ source }) => source === "展会 2026"));
  const again = await change("scanned", { add });
  assert.deepEqual([again.body.added, again.body.unchanged], [0, 999]);
  assert.equal((await change("scanned", { add: [...add, "more"] })).status, 422);
});

test("of many requests at once, one adds the record and one takes it off", async () => {
  await make("rush");
  const join = () => change("rush", { add: ["ann@example.com"] });
  const joined = await Promise.all(Array.from({ length: 8 }, join));
  assert.equal(joined.reduce((sum, { body }) => sum + body.added, 0), 1);
  const leave = () => change("rush", { remove: ["ann@example.com"] });
  const left = await Promise.all(Array.from({ length: 8 }, leave));
  assert.equal(left.reduce((sum, { body }) => sum + body.removed, 0), 1);
  assert.equal((await show("rush")).members, 0);
});

test("a broadcast goes to those on the list who agreed", async () => {
  await make("guests-of-honour");
  await change("guests-of-honour", { add: ["ann@example.com", "bob@example.com", "scan1@example.com"] });
  const seen = await call("GET", "/api/v1/broadcasts/fair.news");
  assert.deepEqual([seen.body.list, seen.body.members, seen.body.recipients], ["guests-of-honour", 3, 1]);
  assert.equal((await call("POST", "/api/v1/broadcasts/fair.news/start", {})).status, 200);
  await runtime.settle();
  await runtime.live("5m", "1m");
  const mails = (await runtime.mailbox()).filter(({ subject }) => !subject.includes("sign"));
  assert.deepEqual(mails.map(({ address }) => address), ["ann@example.com"]);
});

test("who is merged moves along, and who is erased is on no list", async () => {
  await make("moved");
  await change("moved", { add: ["scan2@example.com", "scan3@example.com"] });
  const merge = { contact: "scan2@example.com", into: "ann@example.com" };
  assert.equal((await call("POST", "/api/v1/contacts/merge", merge)).status, 200);
  assert.equal((await call("POST", "/api/v1/contacts/erase", { contact: "scan3@example.com" })).status, 200);
  assert.deepEqual((await members("moved")).map(({ record }) => record.fields.email), ["ann@example.com"]);
  assert.equal((await show("moved")).members, 1);
  const erased = await change("moved", { add: ["scan3@example.com"] });
  assert.equal(erased.body.unknown.length, 1);
});

test("a list in use stays, and another is deleted and free again", async () => {
  const used = await call("POST", "/api/v1/lists/dinner/delete", {});
  assert.equal(used.status, 409);
  const said = JSON.stringify(used.body.problems);
  assert.ok(said.includes("segment.guests.rule") && said.includes("journey.invite.step.guest"), said);
  assert.equal((await call("POST", "/api/v1/lists/scanned/delete", {})).status, 200);
  assert.equal((await call("GET", "/api/v1/lists/scanned")).status, 404);
  assert.equal((await change("scanned", { add: ["ann@example.com"] })).status, 404);
  await runtime.live("40m", "1m");
  assert.equal((await make("scanned")).status, 201);
  assert.deepEqual(await members("scanned"), []);
});

test("the command line does the same", async () => {
  const run = (...args) => dripline("list", ...args, "--to", runtime.url, "--token", "test-token");
  assert.equal((await run("create", "by-hand", "--name", "手工名单")).status, 0);
  const added = await run("add", "by-hand", "bob@example.com", "nobody@example.com", "--source", "cli");
  assert.deepEqual([added.status, added.stdout.includes("1 record added")], [1, true]);
  assert.ok(added.stdout.includes("unknown: nobody@example.com"));
  assert.ok((await run("show", "by-hand")).stdout.includes("bob@example.com"));
  assert.ok((await run("ls")).stdout.includes("手工名单"));
  assert.equal((await run("remove", "by-hand", "bob@example.com")).status, 0);
  assert.equal((await run("delete", "by-hand", "--yes")).status, 0);
  const wrong = await run("show", "no-such-list");
  assert.equal(wrong.status, 1);
});

describe("Bad input", () => {
  for (const [what, path, body, status] of [
    ["an id in Chinese", "/api/v1/lists", { id: "贵宾" }, 422],
    ["an id with a quote", "/api/v1/lists", { id: "a'; DROP TABLE lists; --" }, 422],
    ["no id", "/api/v1/lists", { name: "x" }, 400],
    ["a name of two lines", "/api/v1/lists", { id: "x", name: "a\nb" }, 422],
    ["too long a name", "/api/v1/lists", { id: "x", name: "长".repeat(201) }, 422],
    ["an unknown key", "/api/v1/lists", { id: "x", colour: "red" }, 400],
    ["an unknown list", "/api/v1/lists/no-such/members", { add: ["ann@example.com"] }, 404],
    ["nobody", "/api/v1/lists/vip/members", {}, 422],
    ["numbers for names", "/api/v1/lists/vip/members", { add: [1] }, 400],
    ["a text for a list", "/api/v1/lists/vip/members", { add: "ann@example.com" }, 400],
    ["control characters in the source", "/api/v1/lists/vip/members", { add: ["x"], source: "a\u0000" }, 422],
    ["too long an entry", "/api/v1/lists/vip/members", { add: ["x".repeat(321)] }, 422],
  ]) {
    test(`${what} is refused with ${status}`, async () => {
      const answer = await call("POST", path, body);
      assert.equal(answer.status, status, JSON.stringify(answer.body));
    });
  }

  test("SQL, marks and empty names name nobody", async () => {
    const add = ["' OR 1=1 --", "", " ", "\u202e", "%", "ann@example.com' --"];
    const { status, body } = await change("vip", { add });
    assert.deepEqual([status, body.added, body.unknown.length], [200, 0, add.length]);
  });
});

test("the database is sound at last", async () => {
  await assertSound(runtime, { atRest: false });
});
