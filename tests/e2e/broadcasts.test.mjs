// A broadcast to 250 people through a provider that remembers every request. The process is killed
// in the middle, the broadcast is paused and resumed, and everybody gets it once.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { setTimeout as sleep } from "node:timers/promises";
import { dripline, publish } from "./command_line.mjs";
import { start } from "./runtime.mjs";
import { Visitor } from "./visitor.mjs";

const CAMPAIGNS = fileURLToPath(new URL("fixtures/broadcasts/campaigns", import.meta.url));
/** A call carries at most a hundred e-mails, so there are three. */
const PEOPLE = 250;

let runtime;
/** The e-mails that the provider accepted, by idempotency key. */
const taken = new Map();
/** How many more calls are answered before the worker is killed. */
let callsToLive = Infinity;
let killed = () => {};

async function outbound(request) {
  const key = request.headers.get("idempotency-key");
  const body = await request.json();
  const mails = [body].flat();
  if (!taken.has(key)) taken.set(key, mails.map(({ to, subject }) => `${[to].flat()[0]}: ${subject}`));
  callsToLive -= 1;
  if (callsToLive === 0) {
    await runtime.kill();
    killed();
  }
  const ids = mails.map((_, index) => ({ id: `re-${key}-${index}` }));
  return Response.json(Array.isArray(body) ? { data: ids } : ids[0]);
}

before(async () => {
  const variables = { SENDER_EMAIL: "resend", RESEND_API_KEY: "re_test" };
  runtime = await start({ variables, outbound, submitLimit: 10_000 });
  await publish(runtime, CAMPAIGNS);
});
after(() => runtime?.stop());

async function join(name, more) {
  const answers = { first_name: name, email: `${name}@example.com`, ...more };
  assert.equal((await new Visitor(runtime).fillIn("/bulletin", answers)).status, 200);
}

async function broadcast(...args) {
  const server = ["--to", runtime.url, "--token", "test-token"];
  return dripline("broadcast", ...args, "--yes", ...server);
}

/** Every e-mail whose subject ends so, once for each time that it was accepted. */
function mails(subject) {
  return [...taken.values()].flat().filter((mail) => mail.endsWith(subject)).sort();
}

test("a preview counts who would get it", async () => {
  for (let n = 0; n < PEOPLE; n += 1) await join(`r${n}`, { consent: "yes" });
  await join("refuses", {});
  const { stdout, status } = await broadcast("preview", "bulletin.news");
  assert.equal(status, 0);
  assert.match(stdout, /would go to 250 people \(of 251 in the segment readers; 1 without consent\)/);
});

test("killed, paused and resumed, it reaches everybody once", async () => {
  const dead = new Promise((resolve) => (killed = resolve));
  callsToLive = 2;
  assert.equal((await broadcast("start", "bulletin.news")).status, 0);
  const late = sleep(5_000, "late", { ref: false });
  if ((await Promise.race([dead, late])) === "late") await runtime.kill();
  callsToLive = Infinity;
  await runtime.restart();

  const paused = await broadcast("pause", "bulletin.news");
  assert.equal(paused.status, 0, paused.stdout + paused.stderr);
  await runtime.settle();
  const before = mails("the news").length;
  assert.ok(before < PEOPLE, `${before} had been sent`);
  // What was under way when the process died is retried; nothing else is sent.
  await runtime.live("1h", "10m");
  assert.equal(mails("the news").length, before, "nothing leaves during a pause");

  assert.equal((await broadcast("resume", "bulletin.news")).status, 0);
  await runtime.live("1h", "10m");
  const all = mails("the news");
  assert.equal(new Set(all).size, PEOPLE);
  assert.equal(all.length, PEOPLE, "nobody got it twice");
  assert.ok(!all.some((mail) => mail.startsWith("refuses")));
  const [row] = await runtime.d1("SELECT state FROM broadcasts WHERE broadcast = 'news'");
  assert.equal(row.state, "done");
  const again = await broadcast("start", "bulletin.news");
  assert.equal(again.status, 1);
  assert.match(again.stderr, /`bulletin.news` has been sent/);
});

test("a test of two subjects ends with the stated default where nobody clicks", async () => {
  assert.equal((await broadcast("start", "bulletin.offer")).status, 0);
  await runtime.settle();
  await runtime.tick();
  const tried = mails("an offer").length;
  assert.ok(tried > 30 && tried < 95, `${tried} tried the personal subject`);
  await runtime.advance("5h");
  await runtime.live("10m", "2m");
  assert.equal(mails("an offer").length, tried, "the rest got the other one");
  assert.equal(mails("the news").length, PEOPLE + PEOPLE - tried);
  const report = await (await runtime.api("GET", "/api/v1/reports/campaigns/bulletin")).json();
  const offer = report.broadcasts.find((one) => one.broadcast === "offer");
  assert.equal(offer.finding.reason, "no_difference");
  assert.deepEqual(offer.excluded, { no_consent: 1 });
  assert.deepEqual(offer.variants.map((v) => v.recipients), [PEOPLE - tried, tried]);
});

test("explain says why somebody did not get it", async () => {
  const answer = await runtime.api("POST", "/api/v1/contacts/explain", {
    contact: "refuses@example.com",
    broadcast: "bulletin.news",
  });
  const { broadcasts } = await answer.json();
  assert.equal(broadcasts[0].words, "the contact has not consented, or has not confirmed the consent");
});
