// No lead is lost and no contact is taken over: one token for several people, one id for several
// events, a stranger who knows an address.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { FIXTURES, publish } from "./command_line.mjs";
import { start } from "./runtime.mjs";
import { Visitor, linkTo } from "./visitor.mjs";

let runtime;
before(async () => {
  runtime = await start({ submitLimit: 1_000 });
  await publish(runtime, FIXTURES);
});
after(() => runtime?.stop());

async function people(pattern) {
  const rows = await runtime.d1(
    "SELECT email, phone, attributes ->> 'first_name' AS name FROM contacts WHERE email LIKE ?1 ORDER BY email",
    pattern,
  );
  return rows.map(({ email, phone, name }) => `${email} ${phone} ${name}`);
}

async function submissions(pattern) {
  const [row] = await runtime.d1(
    `SELECT count(*) AS count FROM events e JOIN contacts c ON c.id = e.contact_id
      WHERE e.name = 'form.submitted' AND c.email LIKE ?1`,
    pattern,
  );
  return row.count;
}

async function mailTo(address) {
  return (await runtime.mailbox()).filter((mail) => mail.address === address);
}

/** A token of the form, as an embedding page gets one, old enough to be submitted. */
async function token() {
  const { token } = await (await runtime.fetch("/f/relay.join")).json();
  await runtime.skip("3s");
  return token;
}

function sendJson(token, answers) {
  return runtime.fetch("/f/relay.join", {
    method: "POST",
    headers: { "content-type": "application/json", accept: "application/json" },
    body: JSON.stringify({ _token: token, ...answers }),
  });
}

test("a page that keeps one token, posted by several people, makes each of them a contact", async () => {
  const kept = await token();
  for (const name of ["ann", "bo", "cy", "ann"]) {
    const response = await sendJson(kept, { email: `${name}@kiosk.example`, consent: "yes" });
    assert.deepEqual([response.status, (await response.json()).status], [200, "ok"]);
  }
  await runtime.settle();
  assert.equal((await people("%@kiosk.example")).length, 3);
  assert.equal(await submissions("%@kiosk.example"), 3);
  for (const name of ["ann", "bo", "cy"]) {
    assert.equal((await mailTo(`${name}@kiosk.example`)).length, 1, `one welcome for ${name}`);
  }
});

test("an address that is corrected after a typo, in the restored tab, is a lead", async () => {
  const visitor = new Visitor(runtime);
  const { form } = await visitor.visit("/relay");
  await runtime.skip("3s");
  for (const email of ["jo@typo.exampel", "jo@typo.example", "jo@typo.example"]) {
    assert.equal((await visitor.send(form, { email, consent: "yes" })).status, 200);
  }
  await runtime.settle();
  assert.deepEqual(await people("jo@typo.%"), ["jo@typo.exampel null null", "jo@typo.example null null"]);
  assert.equal(await submissions("jo@typo.example"), 1);
});

test("two people at once with one token are two, and a double click is one", async () => {
  const kept = await token();
  const posts = ["dee", "eva", "dee", "eva"].map((name) =>
    sendJson(kept, { email: `${name}@once.example`, consent: "yes" }),
  );
  assert.deepEqual((await Promise.all(posts)).map((response) => response.status), [200, 200, 200, 200]);
  await runtime.settle();
  assert.equal(await submissions("%@once.example"), 2);
});

test("an id of the API stands for one event: other content is 409, and nothing is taken", async () => {
  const event = (id, value) => ({
    id, name: "order.completed", email: "ann@orders.example", value, currency: "EUR",
  });
  const tell = (...events) => runtime.api("POST", "/api/v1/events", { events });
  assert.equal((await tell(event("o-1", "10.00"))).status, 202);
  await runtime.settle();
  assert.equal((await tell(event("o-1", "10.00"))).status, 202, "the same again");
  const refused = await tell(event("o-2", "5.00"), event("o-1", "11.00"));
  assert.equal(refused.status, 409);
  const { problems } = await refused.json();
  assert.deepEqual(problems.map((problem) => problem.key), ["events[1].id"]);
  assert.match(problems[0].message, /o-1.*other content/);
  assert.equal((await tell(event("o-3", "1.00"), event("o-3", "2.00"))).status, 409);
  await runtime.settle();
  const orders = await runtime.d1("SELECT key FROM events WHERE name = 'order.completed'");
  assert.deepEqual(orders, [{ key: "api:o-1" }]);
});

test("what is under way twice is taken once, and the other is put on record", async () => {
  const event = (value) => ({
    id: "race", name: "order.completed", email: "bo@orders.example", value, currency: "EUR",
  });
  const tell = (value) => runtime.api("POST", "/api/v1/events", { events: [event(value)] });
  const statuses = (await Promise.all([tell("1.00"), tell("2.00")])).map(({ status }) => status);
  await runtime.settle();
  const names = await runtime.d1(
    `SELECT e.name FROM events e JOIN contacts c ON c.id = e.contact_id
      WHERE c.email = 'bo@orders.example' ORDER BY 1`,
  );
  const taken = names.filter(({ name }) => name === "order.completed").length;
  const recorded = names.filter(({ name }) => name === "contact.report_refused").length;
  const refused = statuses.filter((status) => status === 409).length;
  assert.equal(taken, 1);
  assert.equal(recorded + refused, 1, JSON.stringify({ names, statuses }));
});

test("a stranger changes nothing of hers by a form, and gets her no mail that she refused", async () => {
  const visitor = new Visitor(runtime);
  const hers = { email: "fay@x.example", phone: "07400 123456", first_name: "Fay", consent: "yes" };
  await visitor.fillIn("/relay", hers);
  await runtime.settle();
  const [welcome] = await mailTo("fay@x.example");
  await visitor.fillIn("/relay", { ...hers, phone: "07400 999999", first_name: "Eve" });
  await runtime.settle();
  assert.deepEqual(await people("fay@x.example"), ["fay@x.example +447400123456 Fay"]);

  const path = new URL(JSON.parse(welcome.headers)["List-Unsubscribe"].slice(1, -1)).pathname;
  const body = "List-Unsubscribe=One-Click";
  assert.equal((await runtime.fetch(path, { method: "POST", body })).status, 200);
  await visitor.fillIn("/relay", hers);
  await runtime.settle();
  await runtime.advance("2d");
  const mails = await mailTo("fay@x.example");
  assert.equal(mails.length, 2, "the welcome, and a question");
  const question = mails.find((mail) => mail.text.includes("/confirm/"));

  // The owner is shown the claims, and keeps her own data.
  const link = linkTo(question, "/confirm/");
  const page = await (await runtime.fetch(link)).text();
  assert.match(page, /Eve/);
  assert.match(page, /\+447400999999/);
  const shown = /name="shown" value="(\d+)"/.exec(page)[1];
  const answer = new URLSearchParams({ shown, details: "keep" });
  assert.equal((await runtime.fetch(link, { method: "POST", body: answer })).status, 200);
  assert.deepEqual(await people("fay@x.example"), ["fay@x.example +447400123456 Fay"]);
  const states = await runtime.d1(
    `SELECT k.value ->> 'state' AS state FROM contacts c, json_each(c.consents) k
      WHERE c.email = 'fay@x.example'`,
  );
  assert.deepEqual(states, [{ state: "confirmed" }]);
});
