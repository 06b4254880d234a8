// What operators and marketers can switch, on the built worker: short links in SMS, messages
// without tracking, the auto-pause and its button, Cloudflare's own e-mail service.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { SAMPLES, publish, publishChanged } from "./command_line.mjs";
import { DAYLIGHT, start } from "./runtime.mjs";
import { Visitor, join, linkTo, links, readPage, textOf } from "./visitor.mjs";

const ANN = {
  first_name: "Ann",
  email: "ann@example.com",
  phone: "07400 123456",
  role: "lead",
  consent: "yes",
};
const BROWSER = { "user-agent": "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) Safari/604.1" };

let runtime;
/** The log output of Miniflare. */
const said = [];
before(async () => {
  const variables = { SENDER_EMAIL_TRANSACTIONAL: "cloudflare", SENDER_INTERNAL: "mailbox" };
  runtime = await start({ variables, email: true, listen: (line) => said.push(line) });
  await publish(runtime, SAMPLES);
});
after(() => runtime?.stop());

/** How often a contact did something with a message, according to its event log. */
async function count(name) {
  const events = "SELECT count(*) AS n FROM events WHERE name = ?1";
  return (await runtime.d1(events, name))[0].n;
}

describe("A short link in a text", () => {
  let path;
  before(async () => {
    await new Visitor(runtime).fillIn("/webinar", ANN);
    await runtime.settle();
    await runtime.live("12d", "1d");
    await runtime.live(...DAYLIGHT);
    const sms = (await runtime.mailbox()).find((mail) => mail.channel === "sms");
    path = /http:\/\/dripline\.test(\/s\/[A-Za-z0-9]{11}) Reply STOP/.exec(sms.text)[1];
  });

  test("leads on, and its click is recorded", async () => {
    const answer = await runtime.fetch(path, { headers: BROWSER });
    assert.equal(answer.status, 302);
    const { pathname, hash, searchParams } = new URL(answer.headers.get("location"));
    assert.deepEqual([pathname, hash], ["/webinar/guide", "#join"]);
    assert.equal(searchParams.get("utm_source"), "sms");
    await runtime.settle();
    assert.equal(await count("message.clicked"), 1);
  });

  test("that nobody was sent differs from one that nobody may follow", async () => {
    for (const wrong of ["/s/AAAAAAAAAAA", path.slice(0, -1), "/s/"]) {
      assert.equal((await runtime.fetch(wrong, { headers: BROWSER })).status, 404, wrong);
    }
    assert.equal((await runtime.fetch(path, { method: "POST", headers: BROWSER })).status, 405);
    await runtime.settle();
    assert.equal(await count("message.clicked"), 1);
  });
});

describe("A message that is not followed", () => {
  test("has its links as they were written, and no picture", async () => {
    const send = 'send = "emails/first"';
    await publishChanged(runtime, send, `${send}\ntracking = false`);
    await join(runtime, "bo");
    await runtime.advance("25h");
    const mails = await runtime.mailbox();
    const theirs = mails.filter((mail) => mail.address === "bo@example.com");
    const [second, first] = theirs;
    assert.equal(theirs.length, 2);
    assert.ok(links(first).includes("/relay?utm_source=email"), links(first).join(" "));
    assert.ok(!/\/[co]\//.test(first.html), "neither followed links nor a picture");
    linkTo(first, "/u/");
    linkTo(second, "/c/");
    assert.match(second.html, /<img [^>]*src="[^"]*\/o\//);
  });
});

describe("The brake", () => {
  const REPORT = "/admin/campaigns/relay?lang=en";
  let signedIn;
  before(async () => {
    signedIn = new Visitor(runtime);
    const token = new URLSearchParams({ token: "test-token" });
    await signedIn.fetch("/admin/sign-in", { method: "POST", body: token });
  });

  /** Counts this many e-mails and complaints for the campaign today. */
  async function counted(sent, complained) {
    const today = new Date(runtime.now()).toISOString().slice(0, 10);
    for (const [metric, value] of Object.entries({ sent, complained })) {
      await runtime.d1(
        `INSERT INTO counters (campaign_id, metric, channel, part, day, value)
         VALUES ('relay', ?1, 'email', 'emails/first', ?2, ?3)
         ON CONFLICT DO UPDATE SET value = value + excluded.value`,
        metric, today, value,
      );
    }
    await runtime.tick();
  }

  test("stops a campaign that people complain of, and its report says why", async () => {
    await counted(1_000, 9);
    await runtime.advance("3m");
    const html = await (await signedIn.fetch(REPORT)).text();
    assert.match(textOf(html), /Release/);
    await join(runtime, "cy");
    await runtime.advance("3m");
    const [held] = await runtime.d1(
      "SELECT m.reason FROM messages m JOIN contacts c ON c.id = m.contact_id WHERE c.email = ?1",
      "cy@example.com",
    );
    assert.equal(held.reason, "braked");
  });

  test("is released by the report's button with a note, by nobody else", async () => {
    const { form } = readPage(200, await (await signedIn.fetch(REPORT)).text());
    const release = (body, who) =>
      who.fetch(form.action, { method: "POST", body: new URLSearchParams(body) });
    const stranger = await release({ note: "let me" }, new Visitor(runtime));
    assert.notEqual(stranger.status, 200);
    const { n: before } = (await runtime.d1("SELECT count(*) AS n FROM brakes"))[0];
    const foreign = { "sec-fetch-site": "cross-site", origin: "https://evil.example" };
    const body = new URLSearchParams({ note: "let me" });
    const forged = await signedIn.fetch(form.action, { method: "POST", body, headers: foreign });
    assert.equal(forged.status, 403);
    assert.equal((await release({ note: "" }, signedIn)).status, 400);
    assert.equal((await runtime.d1("SELECT count(*) AS n FROM brakes"))[0].n, before);

    const released = await release({ note: "The bad list is out." }, signedIn);
    assert.equal(released.status, 303);
    const words = await runtime.d1("SELECT state, note FROM brakes ORDER BY n DESC LIMIT 1");
    assert.deepEqual(words, [{ state: "released", note: "The bad list is out." }]);
    await runtime.live("15m", "5m");
    const mails = (await runtime.mailbox()).filter((mail) => mail.address === "cy@example.com");
    assert.equal(mails.length, 1, "what waited has left");
  });
});

describe("Cloudflare's e-mail service", () => {
  test("carries what is no marketing", async () => {
    const text = 'text = "Write to me."';
    await publishChanged(runtime, text, `${text}\nrequired = false\ndouble_opt_in = true`);
    const agreed = await thankedFor({ email: "dan@example.com", consent: "yes" });
    assert.match(agreed, /open the e-mail that we sent you, and confirm/);
    const silent = await thankedFor({ email: "eve@example.com" });
    assert.match(silent, /We have received your answers/, "nobody is asked to confirm nothing");
    await runtime.settle();
    const [message] = await runtime.d1(
      `SELECT m.template, m.state, m.sender, m.provider_id FROM messages m
         JOIN contacts c ON c.id = m.contact_id WHERE c.email = 'dan@example.com'`,
    );
    assert.deepEqual([message.state, message.sender], ["sent", "cloudflare"]);
    assert.match(message.provider_id, /@dripline\.test>?$/);
    const log = said.filter((line) => line.includes("MessageBuilder")).join("\n");
    assert.match(log, /To: dan@example\.com/);
    assert.match(log, /From: .*hello@dripline\.test/);
    const mails = (await runtime.mailbox()).filter((mail) => mail.address === "dan@example.com");
    assert.equal(mails.length, 0, "the local mailbox carries marketing only");
  });
});

/** The text of the page that thanks for a form. */
async function thankedFor(answers) {
  const response = await new Visitor(runtime).fillIn("/relay", answers);
  assert.equal(response.status, 200);
  return response.text();
}
