// Dead letters on the built worker: recorded, kept, shown, replayed and discarded.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { FIXTURES, dripline, publish } from "./command_line.mjs";
import { start } from "./runtime.mjs";
import { Visitor, textOf } from "./visitor.mjs";

const PAGE = "/admin/dead-letters";
const OF_NEWER_CODE = JSON.stringify({ type: "wish_v9", about: "<b>nobody</b>" });

let runtime;
before(async () => {
  runtime = await start({ submitLimit: 1_000 });
  await publish(runtime, FIXTURES);
  await runtime.tick();
});
after(() => runtime?.stop());

const deadLetters = (...args) =>
  dripline("dead-letters", ...args, "--to", runtime.url, "--token", "test-token");

async function listed() {
  const { status, stdout, stderr } = await deadLetters("--json");
  assert.equal(status, 0, stdout + stderr);
  return JSON.parse(stdout);
}

const orders = async () =>
  (await runtime.d1("SELECT count(*) AS n FROM events WHERE name = 'order.completed'"))[0].n;

describe("What the queues gave up", () => {
  test("is nothing at first, in both languages", async () => {
    const operator = new Visitor(runtime);
    assert.equal((await operator.fetch(PAGE)).status, 303);
    await operator.signIn();
    assert.match(textOf(await (await operator.fetch(`${PAGE}?lang=en`)).text()), /No dead letters/);
    assert.match(textOf(await (await operator.fetch(`${PAGE}?lang=zh-CN`)).text()), /没有死信/);
    assert.deepEqual(await listed(), { kept: 0, oldest: null, lost: 0, dead_letters: [] });
    assert.match((await deadLetters()).stdout, /There are no dead letters/);
    assert.equal((await runtime.fetch("/api/v1/dead-letters")).status, 401);
  });

  test("is kept with its reason when it dies, and replayed once the cause is fixed", async () => {
    await runtime.d1("ALTER TABLE events RENAME TO events_away");
    const event = { id: "o1", name: "order.completed", email: "ann@example.com", value: "10.00", currency: "EUR" };
    const response = await runtime.api("POST", "/api/v1/events", { events: [event] });
    assert.equal(response.status, 202, await response.text());
    await runtime.settle();
    const { kept, dead_letters: [deadLetter] } = await listed();
    assert.deepEqual([kept, deadLetter.tag, deadLetter.count], [1, "report_v1", 1]);
    assert.match(deadLetter.error, /no such table/);
    const said = await (await runtime.api("GET", "/readyz")).json();
    assert.equal(said.dead_letters.kept, 1);
    assert.equal((await (await runtime.fetch("/readyz")).json()).dead_letters, "failing");

    const inVain = await deadLetters("replay", deadLetter.id);
    assert.equal(inVain.status, 1, inVain.stdout + inVain.stderr);
    assert.match(inVain.stdout, /Replayed: 0\. Failed again: 1\./);
    await runtime.d1("ALTER TABLE events_away RENAME TO events");
    const paths = [1, 2].map(() => `/api/v1/dead-letters/${deadLetter.id}/replay`);
    const both = await Promise.all(paths.map((path) => runtime.api("POST", path, {})));
    assert.ok(both.some((answer) => answer.status === 200));
    assert.equal(await orders(), 1);
    assert.equal((await listed()).kept, 0);
    assert.equal((await runtime.api("POST", paths[0], {})).status, 404);
  });

  test("is shown in the web app, and discarded after ticking the box", async () => {
    await runtime.enqueue("DEAD", OF_NEWER_CODE);
    await runtime.enqueue("DEAD", JSON.stringify({ type: "due_v1", contacts: ["nobody"] }));
    await runtime.settle();
    const operator = new Visitor(runtime);
    await operator.signIn();
    const page = await (await operator.fetch(`${PAGE}?lang=en`)).text();
    assert.match(textOf(page), /From newer code, or damaged wish_v9 This code cannot read it\. Deploy/);
    assert.match(textOf(page), /A hint: the next tick does its work by itself due_v1/);
    assert.ok(!page.includes("<b>nobody</b>"));
    const [, id] = new RegExp(`action="${PAGE}/([0-9a-f]{32})/discard`).exec(page);
    const path = `${PAGE}/${id}/discard`;
    const sure = { method: "POST", body: new URLSearchParams({ sure: "1" }) };
    const foreign = { ...sure, headers: { origin: "https://evil.example" } };
    assert.equal((await operator.fetch(path, foreign)).status, 403);
    const replay = { method: "POST", body: new URLSearchParams({}) };
    assert.equal((await operator.fetch(`${PAGE}/${id}/replay`, { ...replay, headers: { origin: "https://evil.example" } })).status, 403);
    const again = await operator.fetch(`${PAGE}/${id}/replay`, replay);
    assert.equal(again.status, 409);
    assert.match(textOf(await again.text()), /Replayed: 0\. Failed again and kept: 1, the first: it cannot be read/);
    assert.equal((await operator.fetch(path, replay)).status, 303);
    assert.equal((await listed()).kept, 2);
    assert.equal((await operator.fetch(path, sure)).status, 303);
    assert.deepEqual((await listed()).dead_letters.map(({ tag }) => tag), ["due_v1"]);
    assert.equal((await operator.fetch(`${PAGE}/all/replay`, replay)).status, 303);
    assert.equal((await listed()).kept, 0);
  });

  test("is discarded by the command line only if that is meant", async () => {
    await runtime.enqueue("DEAD", OF_NEWER_CODE);
    await runtime.settle();
    assert.equal((await deadLetters("discard", "all")).status, 1);
    assert.equal((await listed()).kept, 1);
    const done = await deadLetters("discard", "all", "--yes");
    assert.deepEqual([done.status, done.stdout], [0, "Discarded: 1.\n"]);
    assert.equal((await listed()).kept, 0);
  });

  test("is discarded up to the moment that is named, and shown whole", async () => {
    const long = JSON.stringify({ type: "wish_v9", text: "长".repeat(2_000) });
    await runtime.enqueue("DEAD", long);
    await runtime.settle();
    const [{ id, last_at, body }] = (await listed()).dead_letters;
    assert.equal([...body].length, 1_001);
    const shown = await deadLetters("show", id);
    assert.deepEqual([shown.status, JSON.parse(shown.stdout).body], [0, long]);
    assert.equal((await deadLetters("show", "0123")).status, 1);
    const discard = (body) => runtime.api("POST", "/api/v1/dead-letters/all/discard", body);
    assert.equal((await discard([])).status, 400);
    assert.deepEqual(await (await discard({ before: last_at })).json(), { discarded: 0 });
    const operator = new Visitor(runtime);
    await operator.signIn();
    const post = (said) =>
      operator.fetch(`${PAGE}/all/discard`, { method: "POST", body: new URLSearchParams(said) });
    await post({ sure: "" });
    assert.equal((await listed()).kept, 1);
    await post({ sure: "1" });
    assert.equal((await listed()).kept, 0);
  });
});
