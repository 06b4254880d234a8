// Search on the built worker: records are found by words and by two Chinese characters, within the
// scope of a role and never by what it masks; and the words are tables that a dump can hold.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { dripline, FIXTURES, publish } from "./command_line.mjs";
import { start } from "./runtime.mjs";

const COMPANY = {
  id: "company",
  label: { en: "Company", "zh-CN": "公司" },
  title: "name",
  search: true,
  fields: [
    { name: "name", kind: "text" },
    { name: "phone", kind: { tel: {} }, class: "personal", search: true },
    { name: "notes", kind: "textarea", search: true },
  ],
};

let runtime;
before(async () => {
  runtime = await start();
  await publish(runtime, FIXTURES);
  assert.equal((await send("/api/v1/kinds", COMPANY)).status, 200);
});
after(() => runtime?.stop());

async function send(path, body, token = "test-token") {
  const headers = { authorization: `Bearer ${token}`, "content-type": "application/json" };
  const answer = await runtime.fetch(path, { method: "POST", headers, body: JSON.stringify(body) });
  return { status: answer.status, body: await answer.json() };
}

async function make(fields) {
  const made = await send("/api/v1/records/company", { fields });
  assert.equal(made.status, 201, JSON.stringify(made.body));
  return made.body.id;
}

async function ids(q, more = {}) {
  const found = await send("/api/v1/search", { q, ...more });
  assert.equal(found.status, 200, JSON.stringify(found.body));
  return found.body.found.map((record) => record.id);
}

test("records are found by beginnings of words and by two Chinese characters", async () => {
  const larkspan = await make({ name: "Lärkspan GmbH", phone: "+4915112345678" });
  const yunqi = await make({ name: "杭州云栖科技", notes: "met at the fair ✓ 👩‍👩‍👧" });
  assert.deepEqual(await ids("lark"), [larkspan]);
  assert.deepEqual(await ids("LARKSPAN gmbh"), [larkspan]);
  assert.deepEqual(await ids("5678"), [larkspan]);
  assert.deepEqual(await ids("云栖"), [yunqi]);
  assert.deepEqual(await ids("云栖 fair"), [yunqi]);
  assert.deepEqual(await ids("栖云"), []);
  const answer = await runtime.api("GET", `/api/v1/search?q=${encodeURIComponent("杭州")}&limit=1`);
  assert.equal((await answer.json()).found[0].id, yunqi);
});

test("an edit and an erasure change what is found, and leave no word behind", async () => {
  const id = await make({ name: "Wrenfield" });
  const edited = await send(`/api/v1/records/company/${id}`, { fields: { name: "Finchley" } });
  assert.equal(edited.status, 200);
  assert.deepEqual([await ids("wrenfield"), await ids("finch")], [[], [id]]);
  assert.equal((await send(`/api/v1/records/company/${id}/erase`, {})).status, 200);
  assert.deepEqual(await ids("finch"), []);
  const left = await runtime.d1("SELECT count(*) AS n FROM words WHERE record_id = ?", id);
  assert.equal(left[0].n, 0);
});

test("pages lead on, and a query that cannot be searched says why", async () => {
  const made = [];
  for (let n = 0; n < 5; n++) made.push(await make({ name: `Thrush ${n}` }));
  const seen = [];
  let after;
  for (let page = 0; page < 5; page++) {
    const { body } = await send("/api/v1/search", { q: "thrush", limit: 2, ...(after && { after }) });
    seen.push(...body.found.map((record) => record.id));
    if (!(after = body.next)) break;
  }
  assert.deepEqual(seen, made.toReversed());
  for (const [question, status] of [
    [{ q: "," }, 422],
    [{ q: "x".repeat(201) }, 422],
    [{ q: "lark", kind: "contact" }, 422],
    [{ q: "lark", kind: "nothing" }, 404],
    [{ q: "lark", colour: "red" }, 400],
    [{}, 400],
  ]) {
    assert.equal((await send("/api/v1/search", question)).status, status, JSON.stringify(question));
  }
});

test("a token with masks finds nothing by what it sees masked, and the command prints what is found", async () => {
  const id = await make({ name: "Wagtail", phone: "+4915187654321" });
  const made = await send("/api/v1/tokens", { name: "reader", roles: ["read-only"] });
  assert.equal(made.status, 201, JSON.stringify(made.body));
  const found = async (q) => (await send("/api/v1/search", { q }, made.body.secret)).body.found;
  assert.deepEqual(await found("+4915187654321"), []);
  assert.deepEqual(await found("wagtail 4321"), []);
  const [shown] = await found("wagtail");
  assert.equal(shown.id, id);
  assert.equal(shown.fields.phone, "***4321");
  const printed = await dripline("search", "wagt", "--to", runtime.url, "--token", "test-token");
  assert.equal(printed.status, 0, printed.stderr);
  assert.match(printed.stdout, new RegExp(`${id}.*company.*Wagtail`));
});

test("the words are ordinary tables, so that the database can be exported", async () => {
  const virtual = await runtime.d1("SELECT name FROM sqlite_master WHERE sql LIKE 'CREATE VIRTUAL%'");
  assert.deepEqual(virtual, []);
});
