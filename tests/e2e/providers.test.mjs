// Messages are sent through real providers' APIs; a script replaces the outside world.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { FIXTURES, SAMPLES, publish } from "./command_line.mjs";
import { start } from "./runtime.mjs";
import { Visitor, links, join as send } from "./visitor.mjs";

const PROVIDERS = {
  SENDER_EMAIL: "resend",
  RESEND_API_KEY: "re_test",
  SENDER_SMS: "twilio",
  TWILIO_ACCOUNT_SID: "AC0123",
  TWILIO_AUTH_TOKEN: "twilio-secret",
  TWILIO_FROM: "+15005550006",
};
const TWILIO_URL = "https://api.twilio.com/2010-04-01/Accounts/AC0123/Messages.json";

let runtime;
/** Resend's answers to the next requests, in order; after that, it accepts. */
let script = [];
/** Twilio's answer to every request. */
let twilio = accept;
/** Every request that was received. */
const requests = [];

async function outbound(request) {
  const { method, url, headers } = request;
  const body = await request.text();
  requests.push({ method, url, headers, body });
  return (url === TWILIO_URL ? twilio : (script.shift() ?? accept))(url, body);
}

before(async () => {
  runtime = await start({ variables: PROVIDERS, outbound });
  await publish(runtime, FIXTURES, SAMPLES);
});
after(() => runtime?.stop());

/** Accepts as Resend does, one by one or in a batch, or as Twilio does. */
function accept(url, body) {
  const taken = { id: "accepted-1", sid: "SM1" };
  return json(200, url.endsWith("/batch") ? { data: JSON.parse(body).map(() => taken) } : taken);
}

function json(status, body, headers = {}) {
  return new Response(JSON.stringify(body), {
    status,
    headers: { "content-type": "application/json", ...headers },
  });
}

/** An answer whose connection breaks in the middle. */
function broken() {
  return new Response(
    new ReadableStream({
      start: (controller) => controller.enqueue(new TextEncoder().encode('{"sid":')),
      pull: (controller) => controller.error(new Error("the line is dead")),
    }),
    { status: 201 },
  );
}

/** Lets somebody submit the form, with these answers for the calls that follow. */
async function join(name, ...answers) {
  script = answers;
  await send(runtime, name);
}

/** The requests that would have sent something to an address. */
function sendsTo(address) {
  return requests.filter(({ body }) => body.includes(address));
}

/** The messages to a contact, in order. */
function messagesTo(email) {
  return runtime.d1(
    `SELECT id, channel, state, reason, attempts, provider_id FROM messages
     WHERE contact_id = (SELECT id FROM contacts WHERE email = ?) ORDER BY queued_at`,
    email,
  );
}

function keyOf({ headers }) {
  return headers.get("idempotency-key");
}

test("Resend gets the request that its API asks for", async () => {
  await join("ann");
  const [message] = await messagesTo("ann@example.com");
  const [{ method, url, headers, body }, ...more] = sendsTo("ann@example.com");
  assert.deepEqual(more, []);
  assert.equal(`${method} ${url}`, "POST https://api.resend.com/emails");
  assert.equal(headers.get("authorization"), "Bearer re_test");
  assert.equal(headers.get("content-type"), "application/json");
  assert.match(headers.get("user-agent"), /^dripline\/[0-9]/);
  assert.equal(headers.get("idempotency-key"), message.id);
  const mail = JSON.parse(body);
  assert.equal(mail.from, "dripline <hello@dripline.test>");
  assert.deepEqual(mail.to, ["ann@example.com"]);
  assert.equal(mail.subject, "ann, this is the first mail of the first version");
  assert.match(mail.html, /Hello ann\./);
  assert.ok(links(mail).some((path) => path.startsWith("/c/")), "its links are tracked");
  assert.match(mail.text, /^Hello ann\. Stop: http:\/\/dripline\.test\/u\//);
  assert.equal(mail.headers["List-Unsubscribe-Post"], "List-Unsubscribe=One-Click");
  assert.match(mail.headers["List-Unsubscribe"], /^<http:\/\/dripline\.test\/u\/.*>$/);
  const { state, provider_id } = message;
  assert.deepEqual({ state, provider_id }, { state: "sent", provider_id: "accepted-1" });
});

test("a provider that is busy is asked again, later and under the same key", async () => {
  const busy = { name: "rate_limit_exceeded", message: "Too many requests." };
  const fault = { name: "internal_server_error", message: "Sorry." };
  await join(
    "bea",
    () => json(429, busy, { "retry-after": "120" }),
    () => json(500, fault),
  );
  assert.equal(sendsTo("bea@").length, 1);
  await runtime.advance("90s");
  assert.equal(sendsTo("bea@").length, 1, "not before the two minutes that it asked for");
  await runtime.advance("60s");
  assert.equal(sendsTo("bea@").length, 2);
  await runtime.advance("1h");
  const sends = sendsTo("bea@");
  assert.equal(sends.length, 3);
  assert.equal(new Set(sends.map(keyOf)).size, 1);
  assert.equal(new Set(sends.map((request) => request.body)).size, 1, "the very same request");
  const [{ state, attempts }] = await messagesTo("bea@example.com");
  // A temporary refusal counts no attempt.
  assert.deepEqual({ state, attempts }, { state: "sent", attempts: 2 });
  await runtime.advance("1h");
  assert.equal(sendsTo("bea@").length, 3, "and never again");
});

test("a mail that the provider refuses has failed, and says why", async () => {
  const refusal = { statusCode: 422, name: "validation_error", message: "Invalid `to` field." };
  await join("cy", () => json(422, refusal));
  await runtime.advance("2h");
  assert.equal(sendsTo("cy@").length, 1, "it is not tried again");
  const [{ state, reason }] = await messagesTo("cy@example.com");
  assert.equal(state, "failed");
  assert.match(reason, /validation_error: Invalid `to` field/);
  await runtime.advance("25h");
  assert.equal((await messagesTo("cy@example.com")).length, 2, "the journey goes on");
});

test("an e-mail whose answer is lost is sent again, for Resend knows the key", async () => {
  await join("dan", broken);
  await runtime.advance("1h");
  const sends = sendsTo("dan@");
  assert.equal(sends.length, 2);
  assert.equal(keyOf(sends[0]), keyOf(sends[1]));
  assert.equal((await messagesTo("dan@example.com"))[0].state, "sent");
});

test("an SMS whose answer is lost is of unknown fate, and never sent again", async () => {
  const answers = {
    first_name: "Eve",
    email: "eve@example.com",
    phone: "07400 123456",
    role: "architect",
    consent: "yes",
  };
  twilio = broken;
  assert.equal((await new Visitor(runtime).fillIn("/webinar", answers)).status, 303);
  await runtime.settle();
  const texts = () => requests.filter(({ url }) => url === TWILIO_URL);
  while (texts().length === 0 && runtime.now() < Date.now() + 30 * 86_400_000) {
    await runtime.advance("1d");
  }
  await runtime.live("2d", "6h");
  assert.equal(texts().length, 1);
  const [{ method, headers, body }] = texts();
  assert.equal(method, "POST");
  assert.equal(headers.get("authorization"), `Basic ${btoa("AC0123:twilio-secret")}`);
  assert.equal(headers.get("content-type"), "application/x-www-form-urlencoded");
  const form = new URLSearchParams(body);
  assert.equal(form.get("To"), "+447400123456");
  assert.equal(form.get("From"), "+15005550006");
  assert.match(form.get("Body"), /^Larkspan: Eve, our session is on Thursday/);
  const sms = (await messagesTo("eve@example.com")).find(({ channel }) => channel === "sms");
  assert.deepEqual([sms.state, sms.attempts], ["unknown", 1]);
});

test("without a sender messages wait, and leave once there is one", async () => {
  await runtime.restart({ variables: { SENDER_EMAIL: "", SENDER_SMS: "" } });
  await join("fay");
  const looked = await runtime.fetch("/dev/mailbox");
  assert.equal(looked.status, 404, "there is no mailbox to look into");
  assert.equal((await messagesTo("fay@example.com"))[0].state, "queued");
  await runtime.restart({ variables: PROVIDERS });
  await runtime.advance("2h");
  assert.equal(sendsTo("fay@").length, 1);
  assert.equal((await messagesTo("fay@example.com"))[0].state, "sent");
});
