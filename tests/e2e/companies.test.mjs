// Companies on the built worker: people take positions by id, by domain and by a form; thousands of
// them follow a rule about their company; parents make no circle, whoever is first; two companies
// become one; hostile input gets its answer and loses nothing.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { publishChanged } from "./command_line.mjs";
import { start } from "./runtime.mjs";
import { Visitor } from "./visitor.mjs";

const COMPANY = {
  id: "company",
  label: { en: "Company", "zh-CN": "公司" },
  title: "name",
  fields: [
    { name: "name", kind: "text", required: true, indexed: true },
    { name: "domain", kind: "text", unique: true, indexed: true },
    { name: "parent", kind: { link: { to: "company" } }, indexed: true },
    { name: "industry", kind: "text" },
  ],
};

const FOOD = `[segment.food]
rule = { company = { attribute = "industry", is = "食品" } }

[journey.pass]`;

let runtime;
before(async () => {
  runtime = await start();
  assert.equal((await send("/api/v1/kinds", COMPANY)).status, 200);
  await publishChanged(
    runtime,
    /\{ name = "first_name", type = "text" \},|\[journey\.pass\]/g,
    (found) =>
      found.startsWith("[")
        ? FOOD
        : `${found} { name = "firm", type = "text", company = "name" },`,
  );
});
after(() => runtime?.stop());

async function send(path, body) {
  const answer = await runtime.api("POST", path, body);
  return { status: answer.status, body: await answer.json() };
}

async function read(path) {
  const answer = await runtime.api("GET", path);
  return { status: answer.status, body: await answer.json() };
}

async function make(fields) {
  const { status, body } = await send("/api/v1/records/company", { fields });
  assert.equal(status, 201, JSON.stringify(body));
  return body.id;
}

const edit = (id, fields) => send(`/api/v1/records/company/${id}`, { fields });
const put = (company, position) => send(`/api/v1/records/company/${company}/people`, position);

async function count(sql, ...parameters) {
  return (await runtime.d1(`SELECT count(*) AS n FROM ${sql}`, ...parameters))[0].n;
}

async function report(emails) {
  for (let at = 0; at < emails.length; at += 100) {
    const events = emails
      .slice(at, at + 100)
      .map((email) => ({ id: `e-${email}`, name: "demo.asked", email }));
    const { status, body } = await send("/api/v1/events", { events });
    assert.equal(status, 202, JSON.stringify(body));
  }
  await runtime.settle();
}

/** Walks through all pages of a list. */
async function pages(path, name, limit) {
  const seen = [];
  let next = "";
  do {
    const { status, body } = await read(`${path}?limit=${limit}${next && `&after=${next}`}`);
    assert.equal(status, 200, JSON.stringify(body));
    seen.push(...body[name]);
    next = body.next;
  } while (next);
  return seen;
}

test("thousands of people are at their company by domain, and follow a rule about it", async () => {
  const firm = await make({ name: "云雀食品集团", domain: "https://www.Lark.example/about" });
  await make({ name: "Everybody", domain: "qq.com" });
  await report(Array.from({ length: 1_500 }, (_, n) => `p${n}@lark.example`));
  await report(["wang@qq.com", "li@163.com"]);
  const people = await pages(`/api/v1/records/company/${firm}/people`, "people", 100);
  assert.equal(people.length, 1_500);
  assert.equal(new Set(people.map(({ contact }) => contact.id)).size, 1_500, "each once");
  assert.equal(await count("positions WHERE company_id <> ?1", firm), 0, "nobody is at qq.com");
  assert.equal((await edit(firm, { industry: "食品" })).status, 200);
  await runtime.live("10m", "1m");
  assert.equal(await count("segment_members WHERE segment_id = 'relay.food'"), 1_500);
  const log = await pages(`/api/v1/records/company/${firm}/log`, "log", 200);
  assert.equal(log.filter(({ record }) => record === firm).length, 2);
  assert.equal(new Set(log.map(({ record, seq }) => `${record} ${seq}`)).size, log.length);
  assert.ok(log.every(({ at }, index) => index === 0 || at <= log[index - 1].at), "newest first");
  assert.equal(new Set(log.map(({ record }) => record)).size, 1_001, "the newest thousand");
});

test("of many who put one contact at one company at once, all are answered, and it is there once", async () => {
  const firm = await make({ name: "Once" });
  await report(["busy@example.com"]);
  const roles = Array.from({ length: 10 }, (_, n) => `职务 ${n}`);
  const answers = await Promise.all(
    roles.map((role) => put(firm, { contact: "busy@example.com", role, stance: -2, main: true })),
  );
  assert.deepEqual(answers.map(({ status }) => status), Array(10).fill(200));
  assert.equal(await count("positions WHERE company_id = ?1", firm), 1);
  const { body } = await read(`/api/v1/records/company/${firm}/people`);
  assert.ok(roles.includes(body.people[0].role));
  const [{ id }] = await runtime.d1("SELECT id FROM contacts WHERE email = 'busy@example.com'");
  const end = `/api/v1/records/company/${firm}/people/${id}/end`;
  assert.deepEqual((await send(end, {})).body, { ended: true });
  assert.deepEqual((await send(end, {})).body, { ended: false });
});

test("two who name one new company in a form at once make one company", async () => {
  const names = ["杭州云雀科技有限公司", "杭州云雀科技有限公司 ", "ＡＣＭＥ", "acme"];
  const sent = names.map((firm, n) =>
    new Visitor(runtime).fillIn("/relay", { email: `f${n}@example.com`, firm, consent: "yes" }),
  );
  for (const answer of await Promise.all(sent)) assert.equal(answer.status, 200);
  await runtime.live("5m", "1m");
  const made = await runtime.d1(
    "SELECT title FROM contacts WHERE kind = 'company' AND id IN (SELECT company_id FROM positions WHERE source = 'form')",
  );
  assert.equal(made.length, 2, JSON.stringify(made));
  assert.equal(await count("positions WHERE source = 'form'"), 4);
  assert.equal(await count("named_companies"), 0);
});

test("parents make no circle, whoever comes first", async () => {
  const ids = [];
  for (const name of ["甲", "乙", "丙"]) ids.push(await make({ name }));
  const answers = await Promise.all(
    ids.map((id, n) => edit(id, { parent: ids[(n + 1) % ids.length] })),
  );
  const statuses = answers.map(({ status }) => status).sort();
  assert.deepEqual(statuses, [200, 200, 409], JSON.stringify(answers));
  const refused = answers.find(({ status }) => status === 409).body;
  assert.match(refused.problems[0].message, /above itself: . → . → . → ./);
});

test("of two companies one stays, with the people and values of both", async () => {
  const from = await make({ name: "Nimbus", domain: "nimbus.example", industry: "光学" });
  const into = await make({ name: "Nimbus GmbH" });
  const child = await make({ name: "Child", parent: from });
  await report(["ann@nimbus.example", "bob@nimbus.example"]);
  await put(into, { contact: "bob@nimbus.example", role: "CEO" });
  const path = `/api/v1/records/company/${from}/merge`;
  const both = await Promise.all([send(path, { into }), send(path, { into })]);
  assert.deepEqual(both.map(({ status }) => status), [200, 200]);
  assert.deepEqual(both.map(({ body }) => body.merged).sort(), [from, null].sort());
  const { body } = await read(`/api/v1/records/company/${from}`);
  assert.equal(body.id, into, "the id that is gone leads to the other");
  assert.equal(body.fields.name, "Nimbus GmbH");
  assert.equal(body.fields.domain, "nimbus.example");
  assert.equal(body.fields.industry, "光学");
  const people = await pages(`/api/v1/records/company/${into}/people`, "people", 1);
  assert.equal(people.length, 2);
  const link = (await read(`/api/v1/records/company/${child}`)).body.fields.parent;
  assert.equal((await read(`/api/v1/records/company/${link}`)).body.id, into, "a link leads on");
  await report(["new@nimbus.example"]);
  assert.equal(await count("positions WHERE company_id = ?1", into), 3);
  assert.equal((await send(`/api/v1/records/company/${into}/erase`, {})).status, 200);
  assert.equal(await count("positions WHERE company_id = ?1", into), 0);
});

describe("Bad input", () => {
  let firm;
  before(async () => {
    firm = await make({ name: "Target'); DROP TABLE positions;--" });
    await report(["victim@example.com"]);
  });

  for (const [what, position, status] of [
    ["nobody", { contact: "nobody@example.com" }, 404],
    ["SQL for a contact", { contact: "' OR 1=1 --" }, 404],
    ["a stance of three", { contact: "victim@example.com", stance: 3 }, 400],
    ["a stance in words", { contact: "victim@example.com", stance: "for" }, 400],
    ["a role of two lines", { contact: "victim@example.com", role: "a\nb" }, 422],
    ["a role that is too long", { contact: "victim@example.com", role: "长".repeat(61) }, 422],
    ["a role that turns the text round", { contact: "victim@example.com", role: "\u202eab" }, 422],
    ["an unknown key", { contact: "victim@example.com", weight: 1 }, 400],
    ["a number", 7, 400],
    ["too much", { contact: "x".repeat(10_000) }, 413],
  ]) {
    test(`${what} is answered, and nobody takes a position`, async () => {
      const { status: answered, body } = await put(firm, position);
      assert.equal(answered, status, JSON.stringify(body));
      assert.equal(await count("positions WHERE company_id = ?1", firm), 0);
    });
  }

  test("merging with itself, with another kind, or with nothing says what is wrong", async () => {
    const [{ id }] = await runtime.d1("SELECT id FROM contacts WHERE email = 'victim@example.com'");
    const merge = (from, into, kind = "company") =>
      send(`/api/v1/records/${kind}/${from}/merge`, { into });
    const answers = [
      [await merge(firm, firm), 422, /record itself/],
      [await merge(firm, id), 422, /of the kind/],
      [await merge(firm, "00000000-0000-7000-8000-000000000000"), 404, /no such record/],
      [await merge(id, firm, "contact"), 422, /contacts\/<id>\/merge/],
    ];
    for (const [{ status, body }, expected, wanted] of answers) {
      assert.equal(status, expected, JSON.stringify(body));
      assert.match(JSON.stringify(body.problems), wanted);
    }
  });

  test("pages that do not exist and companies that are none are named", async () => {
    const path = `/api/v1/records/company/${firm}`;
    for (const [query, status] of [
      ["people?limit=0", 400], ["people?limit=1e3", 400], ["log?limit=201", 400],
      ["log?after='%3B--", 422], ["people?after='%3B--", 200],
    ]) {
      assert.equal((await read(`${path}/${query}`)).status, status, query);
    }
    const [{ id }] = await runtime.d1("SELECT id FROM contacts WHERE email = 'victim@example.com'");
    assert.equal((await read(`/api/v1/records/company/${id}/people`)).status, 404);
    assert.equal((await runtime.fetch(`${path}/people`)).status, 401, "without a token");
  });
});
