// Records of any kind on the built worker: a kind is published, its records are made, edited by two
// people at once, listed, filtered and erased; hostile input gets its answer and loses nothing.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { FIXTURES, publish } from "./command_line.mjs";
import { start } from "./runtime.mjs";

const DEAL = {
  id: "deal",
  label: { en: "Deal", "zh-CN": "商机" },
  title: "number",
  stage: "status",
  value: "amount",
  fields: [
    { name: "number", kind: { auto_number: { pattern: "D-{n:3}" } } },
    { name: "status", kind: { select: [{ value: "open" }, { value: "won" }] }, indexed: true },
    { name: "amount", kind: { money: { currency: "EUR" } } },
    { name: "code", kind: "text", unique: true },
    { name: "notes", kind: "rich_text" },
  ],
};

let runtime;
before(async () => {
  runtime = await start();
  await publish(runtime, FIXTURES);
  assert.equal((await send("/api/v1/kinds", DEAL)).status, 200);
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

const make = (fields, more = {}) => send("/api/v1/records/deal", { fields, ...more });

async function count(sql, ...parameters) {
  return (await runtime.d1(`SELECT count(*) AS n FROM ${sql}`, ...parameters))[0].n;
}

test("a record is numbered, titled, read back as it is written, and found by a rule", async () => {
  const made = await make({ status: "open", amount: "1,250.50", notes: "<b>Hi</b><script>x</script>" });
  assert.equal(made.status, 201);
  assert.equal(made.body.title, "D-001");
  assert.equal(made.body.fields.amount, "1250.50");
  assert.ok(!made.body.fields.notes.includes("script"));
  const one = await read(`/api/v1/records/deal/${made.body.id}`);
  assert.deepEqual(one.body.log.map((event) => event.name), ["record.created"]);
  assert.equal(one.body.log[0].properties.by, "token:tests");
  const filter = { all: [{ attribute: "status", is: "open" }, { attribute: "amount", gte: 100_000 }] };
  const found = await send("/api/v1/records/deal/query", { filter });
  assert.deepEqual(found.body.records.map((record) => record.id), [made.body.id]);
  const other = await send("/api/v1/records/deal/query", { filter: { not: filter } });
  assert.ok(!other.body.records.some((record) => record.id === made.body.id));
});

test("of two people who edit one field at once, one is shown the other's value", async () => {
  const { body: deal } = await make({ status: "open", amount: "1" });
  const edit = (amount) =>
    send(`/api/v1/records/deal/${deal.id}`, { fields: { amount: { was: "1.00", new: amount } } });
  const answers = await Promise.all(["2", "3", "4", "5"].map(edit));
  assert.deepEqual(answers.map(({ status }) => status).sort(), [200, 409, 409, 409]);
  const winner = answers.find(({ status }) => status === 200).body.fields.amount;
  for (const { body } of answers.filter(({ status }) => status === 409)) {
    const [conflict] = body.conflicts;
    assert.deepEqual([conflict.field, conflict.was], ["amount", 100]);
    assert.equal((conflict.now / 100).toFixed(2), winner);
  }
  const both = await Promise.all([
    send(`/api/v1/records/deal/${deal.id}`, { fields: { status: { was: "open", new: "won" } } }),
    send(`/api/v1/records/deal/${deal.id}`, { fields: { code: { was: null, new: "X-9" } } }),
  ]);
  assert.deepEqual(both.map(({ status }) => status), [200, 200], "different fields");
});

test("a unique value goes to one of those who want it at once, and a key makes one record", async () => {
  const wanted = await Promise.all(Array.from({ length: 10 }, () => make({ code: "U-1" })));
  assert.deepEqual(
    wanted.map(({ status }) => status).sort(),
    [201, ...Array(9).fill(409)],
  );
  assert.equal(await count("unique_fields WHERE value = 'U-1'"), 1);
  const key = { key: "import-7" };
  const first = await make({ status: "open" }, key);
  const again = await make({ status: "open" }, key);
  assert.deepEqual([first.status, again.status], [201, 200]);
  assert.equal(first.body.id, again.body.id);
  const numbers = await runtime.d1("SELECT number FROM contacts WHERE kind = 'deal'");
  assert.equal(new Set(numbers.map(({ number }) => number)).size, numbers.length);
});

test("lists are paged, each record once", async () => {
  for (let n = 0; n < 7; n += 1) await make({ status: "won" });
  const seen = [];
  let after = "";
  do {
    const { body } = await read(`/api/v1/records/deal?limit=3${after && `&after=${after}`}`);
    seen.push(...body.records.map((record) => record.id));
    after = body.next;
  } while (after);
  assert.equal(new Set(seen).size, seen.length);
  assert.equal(seen.length, await count("contacts WHERE kind = 'deal'"));
});

describe("A member", () => {
  let token;
  before(async () => {
    const person = { email: "sal@larkspan.example", name: "Sal", roles: ["sales"] };
    const { body } = await send("/api/v1/members", person);
    const made = await send("/api/v1/tokens", { name: "sal", roles: ["sales"], member: body.member.id });
    token = made.body.secret;
  });

  async function as(method, path, body) {
    const headers = { authorization: `Bearer ${token}`, "content-type": "application/json" };
    const answer = await runtime.fetch(path, { method, headers, body: body && JSON.stringify(body) });
    return { status: answer.status, body: await answer.json() };
  }

  test("lists and edits the own records, and no others", async () => {
    const { body: other } = await make({ status: "open", code: "OTHER" });
    const own = await as("POST", "/api/v1/records/deal", { fields: { code: "OWN" } });
    assert.equal(own.status, 201);
    const { body: page } = await as("GET", "/api/v1/records/deal");
    assert.deepEqual(page.records.map(({ id }) => id), [own.body.id]);
    const { body: found } = await as("POST", "/api/v1/records/deal/query", {
      filter: { attribute: "code", set: true },
    });
    assert.deepEqual(found.records.map(({ fields }) => fields.code), ["OWN"]);
    const path = `/api/v1/records/deal/${other.id}`;
    assert.equal((await as("GET", path)).status, 404);
    assert.equal((await as("POST", path, { fields: { code: "MINE" } })).status, 404);
    assert.equal((await as("POST", `/api/v1/records/deal/${own.body.id}/erase`, {})).status, 403);
    const away = { fields: { owner: "somebody-else" } };
    assert.equal((await as("POST", `/api/v1/records/deal/${own.body.id}`, away)).status, 200);
    assert.equal((await as("GET", `/api/v1/records/deal/${own.body.id}`)).status, 404);
  });
});

test("a contact is made by an address, which no other has and no edit replaces", async () => {
  const contact = (fields) => send("/api/v1/records/contact", { fields });
  const made = await contact({ email: "Wei@Example.com", first_name: "伟", time_zone: "Asia/Shanghai" });
  assert.equal(made.status, 201);
  assert.equal(made.body.fields.email, "wei@example.com");
  assert.equal(made.body.attributes.first_name, "伟");
  const twice = await Promise.all(Array.from({ length: 6 }, () => contact({ phone: "+8613800138000" })));
  assert.deepEqual([...new Set(twice.map(({ body }) => body.id).filter(Boolean))].length, 1);
  assert.equal(await count("contacts WHERE phone = '+8613800138000'"), 1);
  const edit = (fields) => send(`/api/v1/records/contact/${made.body.id}`, { fields });
  assert.equal((await edit({ email: "li@example.com" })).status, 422);
  assert.equal((await edit({ phone: "+8613800138000" })).status, 409);
  assert.equal((await edit({ phone: "+8613800138001" })).body.fields.phone, "+8613800138001");
});

describe("Bad input", () => {
  for (const [what, fields, field] of [
    ["an unknown field", { colour: "red" }, "fields.colour"],
    ["an amount in words", { amount: "many" }, "fields.amount"],
    ["an option that does not exist", { status: "maybe" }, "fields.status"],
    ["a number that is computed", { number: "D-999" }, "fields.number"],
    ["control characters", { code: "a\u0000b" }, "fields.code"],
    ["an object for a text", { code: { a: 1 } }, "fields.code"],
    ["too long a text", { code: "x".repeat(5_000) }, "fields.code"],
  ]) {
    test(`${what} is refused by name, and nothing is written`, async () => {
      const records = await count("contacts");
      const { status, body } = await make(fields);
      assert.equal(status, 422);
      assert.deepEqual(body.problems.map((problem) => problem.key), [field]);
      assert.equal(await count("contacts"), records);
    });
  }

  test("a value of 2 MB is too large", async () => {
    assert.equal((await make({ notes: "x".repeat(2_000_000) })).status, 413);
  });

  test("ten thousand options, a loop of formulas and a false title are named", async () => {
    const select = Array.from({ length: 10_000 }, (_, n) => ({ value: `o${n}` }));
    const kind = {
      id: "wrong",
      label: { en: "Wrong" },
      title: "nothing",
      fields: [
        { name: "many", kind: { select } },
        { name: "a", kind: { formula: { expression: "b + 1" } } },
        { name: "b", kind: { formula: { expression: "a + 1" } } },
      ],
    };
    const { status, body } = await send("/api/v1/kinds", kind);
    assert.equal(status, 422);
    const told = body.problems.map(({ key, message }) => `${key}: ${message}`).join("\n");
    for (const wanted of ["kind.title", "options", "circle"]) assert.match(told, new RegExp(wanted));
  });

  test("what does not exist is 404, and a contact needs an address", async () => {
    assert.equal((await read("/api/v1/records/nothing")).status, 404);
    assert.equal((await read("/api/v1/records/deal/00000000-0000-7000-8000-000000000000")).status, 404);
    assert.equal((await send("/api/v1/records/contact", { fields: {} })).status, 422);
    assert.equal((await runtime.fetch("/api/v1/records/deal")).status, 401, "without a token");
  });
});

test("an erased record leaves no value behind, and its unique value is free", async () => {
  const { body: deal } = await make({ code: "Secret-7", status: "open" });
  const erased = await send(`/api/v1/records/deal/${deal.id}/erase`, {});
  assert.equal(erased.status, 200);
  assert.equal((await read(`/api/v1/records/deal/${deal.id}`)).status, 404);
  for (const table of ["contacts", "events", "unique_fields", "field_index"]) {
    const rows = JSON.stringify(await runtime.d1(`SELECT * FROM ${table}`));
    assert.ok(!rows.includes("Secret-7"), table);
  }
  assert.equal((await make({ code: "Secret-7" })).status, 201);
});

test("a new version says what it does to values, keeps them, and fills its indexes", async () => {
  const { body: deal } = await make({ amount: "12.00" });
  const fields = DEAL.fields
    .filter(({ name }) => name !== "amount")
    .map((field) => (field.name === "code" ? { ...field, indexed: true } : field));
  const next = { ...DEAL, value: undefined, fields };
  const planned = await send("/api/v1/kinds/diff", next);
  const removed = planned.body.effects.find(({ change }) => change === "removed");
  assert.equal(removed.field, "amount");
  assert.equal((await send("/api/v1/kinds", next)).body.version, 2);
  await runtime.skip("1m");
  assert.equal((await read(`/api/v1/records/deal/${deal.id}`)).body.attributes.amount, 1_200);
  await runtime.live("1h", "5m");
  const indexed = await count("field_index WHERE kind = 'deal' AND field = 'code'");
  assert.equal(indexed, await count("unique_fields WHERE kind = 'deal'"));
});
