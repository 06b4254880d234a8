// A campaign is unpublished and published again, on the built worker: what its addresses answer,
// what is stopped, and what keeps working.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { FIXTURES, dripline, publish } from "./command_line.mjs";
import { start } from "./runtime.mjs";
import { Visitor, linkTo, mailTo, textOf } from "./visitor.mjs";

/** Longer than an isolate trusts what it read last. */
const FORGETS_MS = 5_500;
const PAGE = "/admin/campaigns/relay";
const EMBEDS = { origin: "https://partner.example", accept: "application/json" };

let runtime;
before(async () => {
  runtime = await start({ submitLimit: 1_000 });
  await publish(runtime, FIXTURES);
});
after(() => runtime?.stop());

async function join(name) {
  const answers = { first_name: name, email: `${name}@example.com`, consent: "yes" };
  const answer = await new Visitor(runtime).fillIn("/relay", answers);
  await runtime.settle();
  return answer.status;
}

const ours = ["--to", "", "--token", "test-token"];
const unpublish = (...args) => dripline("unpublish", "relay", ...ours.with(1, runtime.url), ...args);

/** Everybody's enrollments, by name. */
async function enrollments() {
  const rows = await runtime.d1(
    `SELECT c.email, e.state, e.reason FROM enrollments e JOIN contacts c ON c.id = e.contact_id
      ORDER BY c.email, e.entered_at`,
  );
  return rows.map(({ email, state, reason }) => `${email.split("@")[0]} ${state} ${reason}`.trim());
}

describe("A campaign that is unpublished", () => {
  test("changes nothing when only asked what it would stop", async () => {
    assert.deepEqual([await join("ann"), await join("ben")], [200, 200]);
    const { status, stdout } = await unpublish("--dry-run");
    assert.equal(status, 0);
    assert.match(stdout, /relay would be unpublished\. That stops:\n {2}people in journeys: 2\n {4}pass: 2/);
    // Nobody has confirmed.
    const refused = await unpublish();
    assert.equal(refused.status, 1);
    assert.match(refused.stderr, /people in journeys: 2[^]*nothing was stopped/);
    assert.equal((await runtime.fetch("/relay")).status, 200);
    const nobody = await dripline("unpublish", "nobody", "--yes", ...ours.with(1, runtime.url));
    assert.equal(nobody.status, 1);
    assert.match(nobody.stderr, /there is no campaign `nobody`/);
  });

  test("takes the ticked box in the web app, which says what it would stop", async () => {
    const operator = new Visitor(runtime);
    assert.equal((await operator.fetch(PAGE)).status, 303);
    await operator.signIn();
    for (const [language, words] of [["en", /who would leave its journeys for good: 2\./], ["zh-CN", /将退出旅程且不再返回的人数：2。/]]) {
      assert.match(textOf(await (await operator.fetch(`${PAGE}?lang=${language}`)).text()), words);
    }
    const post = { method: "POST", body: new URLSearchParams({}) };
    const foreign = { ...post, headers: { origin: "https://evil.example" } };
    assert.equal((await operator.fetch(`${PAGE}/unpublish`, foreign)).status, 403);
    assert.equal((await operator.fetch(`${PAGE}/unpublish`, post)).status, 303);
    assert.equal((await runtime.fetch("/relay")).status, 200);
    const sure = { method: "POST", body: new URLSearchParams({ sure: "1" }) };
    assert.equal((await operator.fetch(`${PAGE}/unpublish`, sure)).status, 303);
    assert.equal((await runtime.fetch("/relay")).status, 410);
    assert.match(textOf(await (await operator.fetch("/admin?lang=en")).text()), /Unpublished .*relay/);
    const left = await operator.fetch(`${PAGE}?lang=en`);
    assert.equal(left.status, 200);
    assert.match(textOf(await left.text()), /answer “no longer available”/);
    for (const part of [`${PAGE}/messages`, "/admin/broadcasts/relay.news"]) {
      const shown = await operator.fetch(`${part}?lang=en`);
      assert.equal(shown.headers.get("location"), `${PAGE}?lang=en`, "the page that says so");
    }
  });

  test("answers that it is no longer available, in the reader's language", async () => {
    for (const [language, words] of [["en", /no longer available/], ["zh-CN", /此内容已下线/]]) {
      const page = await runtime.fetch("/relay", { headers: { "accept-language": language } });
      assert.equal(page.status, 410);
      assert.match(textOf(await page.text()), words);
    }
    for (const method of ["GET", "POST"]) {
      const body = method === "POST" ? new URLSearchParams({ email: "eve@example.com" }) : undefined;
      const form = await runtime.fetch("/f/relay.join", { method, body, headers: EMBEDS });
      assert.equal(form.status, 410);
      assert.equal(form.headers.get("content-type"), "application/problem+json");
      assert.equal(form.headers.get("access-control-allow-origin"), "*");
      assert.match((await form.json()).title, /no longer available/);
    }
    const preflight = await runtime.fetch("/f/relay.join", { method: "OPTIONS", headers: EMBEDS });
    assert.equal(preflight.status, 204);
    assert.equal((await runtime.fetch("/elsewhere")).status, 404);
  });

  test("is that for every isolate, by KV or without it", async () => {
    await runtime.tick();
    await runtime.restart();
    assert.equal((await runtime.fetch("/relay")).status, 410);
    await runtime.forgetCopies();
    await new Promise((resolve) => setTimeout(resolve, FORGETS_MS));
    assert.equal((await runtime.fetch("/relay")).status, 410);
  });

  test("stops the people inside, and says again what it said", async () => {
    await runtime.live("5m", "1m");
    assert.deepEqual(await enrollments(), ["ann exited unpublished", "ben exited unpublished"]);
    const again = await unpublish("--yes", "--json");
    assert.equal(again.status, 0, again.stdout + again.stderr);
    assert.equal(JSON.parse(again.stdout).people, 0);
    await runtime.advance("2d");
    assert.equal((await mailTo(runtime, "ann")).length, 1);
    const report = await runtime.api("GET", "/api/v1/reports/campaigns/relay");
    assert.equal((await report.json()).total.leads, 2);
  });

  test("keeps the links of its mails alive, with its name on their pages", async () => {
    const [message] = await mailTo(runtime, "ben");
    const ask = await runtime.fetch(linkTo(message, "/u/"));
    assert.equal(ask.status, 200);
    assert.match(textOf(await ask.text()), /1 Test Lane, London/);
    assert.equal((await runtime.fetch(linkTo(message, "/c/"))).status, 302);
    const body = "List-Unsubscribe=One-Click";
    const type = "application/x-www-form-urlencoded";
    const done = await runtime.fetch(linkTo(message, "/u/"), {
      method: "POST", headers: { "content-type": type }, body,
    });
    assert.equal(done.status, 200);
    const page = await done.text();
    const preferences = /href="([^"]*\/preferences\/[^"]+)"/.exec(page)[1];
    assert.equal((await runtime.fetch(preferences)).status, 200);
    const [{ state }] = await runtime.d1(
      `SELECT k.state FROM consents k JOIN contacts c ON c.id = k.contact_id
        WHERE c.email = 'ben@example.com' ORDER BY k.at DESC LIMIT 1`,
    );
    assert.equal(state, "withdrawn");
  });

  test("is back once it is published again, and who was stopped stays out", async () => {
    const [published] = await publish(runtime, FIXTURES);
    assert.equal(published.version, 2);
    assert.equal((await runtime.fetch("/relay")).status, 200);
    assert.equal(await join("cy"), 200);
    await runtime.advance("25h");
    await runtime.tick();
    assert.deepEqual(
      [await mailTo(runtime, "ann"), await mailTo(runtime, "ben"), await mailTo(runtime, "cy")].map((all) => all.length),
      [1, 1, 2],
    );
  });
});
