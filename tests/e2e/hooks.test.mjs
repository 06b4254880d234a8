// Provider webhooks: accepted if signed, counted once, refused otherwise.

import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { after, before, test } from "node:test";
import { FIXTURES, SAMPLES, publish } from "./command_line.mjs";
import { CONFIGURATION, start } from "./runtime.mjs";
import { join as send } from "./visitor.mjs";

const KEY = Buffer.from("a key of twenty-four bytes");
const PROVIDERS = {
  SENDER_EMAIL: "resend",
  RESEND_API_KEY: "re_test",
  RESEND_WEBHOOK_SECRET: `whsec_${KEY.toString("base64")}`,
  SENDER_SMS: "twilio",
  TWILIO_ACCOUNT_SID: "AC0123",
  TWILIO_AUTH_TOKEN: "twilio-secret",
  TWILIO_FROM: "+15005550006",
  TENCENT_WEBHOOK_SECRET: "s3cret",
  MAILGUN_WEBHOOK_KEY: "mailgun-key",
};

let runtime;

before(async () => {
  const outbound = async () => Response.json({ id: "re-1", sid: "SM1" });
  runtime = await start({ variables: PROVIDERS, outbound });
  await publish(runtime, FIXTURES, SAMPLES);
});
after(() => runtime?.stop());

/** Lets somebody submit the form; returns the message that was sent, as stored. */
async function join(name) {
  await send(runtime, name);
  return ledger(name);
}

async function ledger(name) {
  const [message] = await runtime.d1(
    `SELECT id, state, reason FROM messages
     WHERE contact_id = (SELECT id FROM contacts WHERE email = ?) ORDER BY queued_at`,
    `${name}@example.com`,
  );
  return message;
}

/** Sends a Resend event about a message, signed as Svix signs; `changes` apply to the request. */
async function report(type, message, more = {}, changes = {}) {
  const value = message.id.replaceAll("_", "__").replaceAll(".", "_-");
  const body = JSON.stringify({
    type,
    created_at: new Date(runtime.now()).toISOString(),
    data: { email_id: "re-1", tags: { dripline_message: value }, ...more },
  });
  const id = changes.id ?? `msg_${type}`;
  const timestamp = String(Math.floor(runtime.now() / 1_000) + (changes.seconds ?? 0));
  const mac = createHmac("sha256", KEY).update(`${id}.${timestamp}.${body}`).digest("base64");
  const response = await runtime.fetch("/hooks/resend", {
    method: "POST",
    headers: {
      "content-type": "application/json",
      "svix-id": id,
      "svix-timestamp": timestamp,
      "svix-signature": changes.signature ?? `v1,${mac}`,
    },
    body: changes.body ?? body,
  });
  const text = await response.text();
  await runtime.settle();
  return { status: response.status, text };
}

const GONE = {
  bounce: { type: "Permanent", diagnosticCode: ["550 5.1.1 <b>no</b> such user"] },
};

async function figures() {
  const report = await (await runtime.api("GET", "/api/v1/reports/campaigns/relay")).json();
  const { figures, ...row } = report.messages.find(({ template }) => template === "emails/first");
  return { ...row, ...figures };
}

test("what is signed moves the message and the report, once, in any order", async () => {
  const message = await join("ann");
  assert.equal(message.state, "sent");
  const before = await figures();
  assert.equal((await report("email.bounced", message, GONE)).status, 200);
  assert.equal((await report("email.bounced", message, GONE, { id: "again" })).status, 200);
  assert.equal((await report("email.delivered", message)).status, 200, "it comes late");
  const { state, reason } = await ledger("ann");
  assert.equal(state, "bounced");
  assert.match(reason, /^550 5\.1\.1 <b>no<\/b> such user$/);
  const after = await figures();
  const moved = (name) => after[name] - before[name];
  assert.deepEqual(["bounced", "hard_bounced", "delivered", "complained"].map(moved), [1, 1, 1, 0]);
  const kept = await runtime.d1("SELECT address, reason, until FROM suppressions");
  assert.deepEqual(kept, [{ address: "ann@example.com", reason: "bounced", until: null }]);
});

test("a complaint ends all mail to the address", async () => {
  const message = await join("bea");
  assert.equal((await report("email.complained", message)).status, 200);
  assert.equal((await ledger("bea")).state, "complained");
  const [{ state }] = await runtime.d1(
    `SELECT state FROM consents JOIN contacts c ON c.id = contact_id
     WHERE c.email = 'bea@example.com' AND channel = 'email' ORDER BY consents.seq DESC LIMIT 1`,
  );
  assert.equal(state, "withdrawn");
});

test("a report about another address than the message went to changes nothing", async () => {
  const message = await join("dan");
  const all = () => runtime.d1("SELECT * FROM suppressions ORDER BY address");
  const before = await all();
  const elsewhere = { to: ["ceo@rival.example"] };
  assert.equal((await report("email.complained", message, elsewhere)).status, 200);
  assert.equal((await report("email.bounced", message, { ...GONE, ...elsewhere })).status, 200);
  assert.deepEqual(await all(), before);
  assert.equal((await ledger("dan")).state, "sent");
  assert.equal((await report("email.complained", message, { to: ["Dan@example.com"] })).status, 200);
  assert.equal((await ledger("dan")).state, "complained");
});

/** Sends a Mailgun event about a message; its signature covers only a token and a timestamp. */
async function toldByMailgun(event, message, token) {
  const timestamp = String(Math.floor(runtime.now() / 1_000));
  const signature = createHmac("sha256", PROVIDERS.MAILGUN_WEBHOOK_KEY)
    .update(timestamp + token)
    .digest("hex");
  const body = JSON.stringify({
    signature: { timestamp, token, signature },
    "event-data": {
      event,
      timestamp: Number(timestamp),
      recipient: "eve@example.com",
      message: { headers: { "message-id": "mg-1" } },
      "user-variables": { dripline_message: message.id },
    },
  });
  const response = await runtime.fetch("/hooks/mailgun", { method: "POST", body });
  await runtime.settle();
  return response.status;
}

test("a captured signature of Mailgun's is used once, whatever the event", async () => {
  const message = await join("eve");
  for (const [event, token] of [["opened", "one"], ["accepted", "two"]]) {
    assert.equal(await toldByMailgun(event, message, token), 200);
    assert.equal(await toldByMailgun("complained", message, token), 200);
    assert.equal((await ledger("eve")).state, "sent", event);
  }
  assert.equal(await toldByMailgun("complained", message, "three"), 200);
  assert.equal((await ledger("eve")).state, "complained");
});

test("what is forged, stale, huge or garbled changes nothing", async () => {
  const message = await join("cy");
  const refused = { status: 401, text: "not verified\n" };
  const forged = { signature: `v1,${Buffer.alloc(32).toString("base64")}` };
  assert.deepEqual(await report("email.bounced", message, GONE, forged), refused);
  assert.deepEqual(await report("email.bounced", message, GONE, { body: "{}" }), refused);
  assert.deepEqual(await report("email.bounced", message, GONE, { seconds: -301 }), refused);
  assert.deepEqual(await report("email.bounced", message, GONE, { seconds: 301 }), refused);
  const huge = "x".repeat(1_100_000);
  assert.equal((await report("email.bounced", message, GONE, { body: huge })).status, 413);
  for (const body of ["", "{", "\u0000\u00ff", "[".repeat(10_000)]) {
    assert.deepEqual(await report("email.bounced", message, GONE, { body }), refused);
  }
  assert.equal((await ledger("cy")).state, "sent");
});

test("a report about an unknown message is accepted and changes nothing", async () => {
  const events = () => runtime.d1("SELECT count(*) AS count FROM events");
  const before = await events();
  assert.equal((await report("email.bounced", { id: "nobody.1" }, GONE)).status, 200);
  assert.deepEqual(await events(), before);
});

test("only providers with a secret may call, and only by POST", async () => {
  const post = async (path) => (await runtime.fetch(path, { method: "POST", body: "[]" })).status;
  assert.equal(await post("/hooks/nobody"), 404);
  assert.equal(await post("/hooks/postmark"), 401, "no secret is configured");
  assert.equal(await post("/hooks/tencent"), 401);
  assert.equal(await post("/hooks/tencent/wrong"), 401);
  assert.equal(await post("/hooks/tencent/s3cret"), 200);
  const got = await runtime.fetch("/hooks/tencent/s3cret");
  assert.deepEqual([got.status, got.headers.get("allow")], [405, "POST"]);
});

test("STOP by text ends the texts of a number, known or not", async () => {
  const fields = { SmsStatus: "received", MessageSid: "SM9", From: "+447400123456", Body: "Stop!" };
  const sorted = Object.keys(fields).sort().map((name) => name + fields[name]);
  const url = `${CONFIGURATION.BASE_URL}/hooks/twilio`;
  const sign = (key) => createHmac("sha1", key).update(url + sorted.join("")).digest("base64");
  const text = (key) =>
    runtime.fetch("/hooks/twilio", {
      method: "POST",
      headers: { "x-twilio-signature": sign(key) },
      body: new URLSearchParams(fields),
    });
  assert.equal((await text("somebody else's")).status, 401);
  const answer = await text("twilio-secret");
  assert.deepEqual([answer.status, await answer.text()], [200, "<Response/>"]);
  await runtime.settle();
  const kept = await runtime.d1("SELECT address, reason FROM suppressions WHERE channel = 'sms'");
  assert.deepEqual(kept, [{ address: "+447400123456", reason: "unsubscribed" }]);
});
