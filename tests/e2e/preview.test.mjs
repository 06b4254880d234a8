// Previews and test sends on the built worker: by programs, and in the web app.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { SAMPLES, publish } from "./command_line.mjs";
import { start } from "./runtime.mjs";
import { Visitor, textOf } from "./visitor.mjs";

const MAIL = "emails/webinar-welcome";
const PAGE = `/admin/campaigns/spring-webinar/messages/${MAIL}`;

let runtime, bo;
before(async () => {
  runtime = await start();
  await publish(runtime, SAMPLES);
  await new Visitor(runtime).fillIn("/webinar", {
    first_name: "Ann", email: "ann@example.com", role: "lead", consent: "yes",
  });
  await runtime.settle();
  bo = new Visitor(runtime);
  await bo.fetch("/admin/sign-in", { method: "POST", body: new URLSearchParams({ token: "test-token" }) });
});
after(() => runtime?.stop());

async function json(response, status) {
  const text = await response.text();
  assert.equal(response.status, status, text);
  return JSON.parse(text);
}

describe("For programs", () => {
  const preview = (asked) => runtime.api("POST", "/api/v1/campaigns/spring-webinar/preview", asked);
  const sendTest = (asked) => runtime.api("POST", "/api/v1/campaigns/spring-webinar/test", asked);

  test("a message is shown for a contact, and nothing is sent", async () => {
    const before = (await runtime.mailbox()).length;
    const shown = await json(await preview({ template: MAIL, contact: "ann@example.com" }), 200);
    assert.match(shown.text, /^See you Thursday, Ann|Ann/);
    assert.match(shown.preheader, /^Thursday, 16:00 London time/);
    assert.ok(!shown.html.includes("/c/"), "links are as they were written");
    await runtime.settle();
    assert.equal((await runtime.mailbox()).length, before);
  });

  test("a text is shown as it would leave, with what it takes", async () => {
    const shown = await json(await preview({ template: "sms/webinar-reminder" }), 200);
    assert.equal(shown.text, shown.sms.text);
    assert.match(shown.text, /^Larkspan: Robin, .* Join: http:\/\/dripline\.test\/s\/\w{11} Reply STOP/);
    assert.equal(shown.sms.encoding, "GSM-7");
    assert.equal(shown.sms.segments, 1);
    const [[code, target]] = shown.sms.links;
    assert.ok(shown.text.includes(`/s/${code} `));
    assert.equal(target, "http://dripline.test/webinar/guide?utm_source=sms#join");
    assert.equal((await runtime.fetch(`/s/${code}`)).status, 404, "it leads nowhere");
    const page = await (await bo.fetch("/admin/campaigns/spring-webinar/messages/sms/webinar-reminder")).text();
    assert.match(textOf(page), /Encoding GSM-7 .* Segments 1 Cost no price is set/);
  });

  test("what is not there is named", async () => {
    const wrong = await json(await preview({ template: "emails/webinar-welcom" }), 422);
    assert.match(wrong.problems[0].help, /emails\/webinar-welcome/);
    await json(await preview({ template: MAIL, contact: "no@example.com" }), 422);
    await json(await preview({ templat: MAIL }), 400);
    const url = "/api/v1/campaigns/nothing/preview";
    await json(await runtime.api("POST", url, { template: MAIL }), 404);
    assert.equal((await runtime.fetch(url, { method: "POST" })).status, 401);
  });

  test("a test goes to the owner, marked, and to no stranger", async () => {
    const asked = { template: MAIL, contact: "ann@example.com" };
    const { to, message } = await json(await sendTest(asked), 202);
    assert.equal(to, "tom@larkspan.example");
    await runtime.settle();
    const mail = (await runtime.mailbox()).find((one) => one.id === message);
    assert.match(mail.subject, /^\[Test\] /);
    assert.equal(mail.address, to);
    assert.ok(!mail.html.includes("/c/") && !mail.html.includes("/o/"));
    await json(await sendTest({ ...asked, to: "eve@example.org" }), 422);
  });
});

describe("In the web app", () => {
  test("strangers are sent to the door", async () => {
    for (const path of ["/admin/campaigns/spring-webinar/messages", PAGE]) {
      const answer = await runtime.fetch(path);
      assert.equal(answer.status, 303);
      assert.match(answer.headers.get("location"), /^\/admin\/sign-in/);
    }
    const posted = await runtime.fetch(PAGE, { method: "POST", body: new URLSearchParams({ do: "test" }) });
    assert.notEqual(posted.status, 200);
  });

  test("a message is framed without scripts, for the contact that the form names", async () => {
    const list = await (await bo.fetch("/admin/campaigns/spring-webinar/messages")).text();
    assert.ok(list.includes(`${PAGE}?lang=en`));
    const made = await bo.fetch(PAGE);
    assert.match(made.headers.get("content-security-policy"), /default-src 'none'/);
    const html = await made.text();
    assert.equal(html.match(/<iframe [^>]*sandbox="" /g).length, 2);
    assert.match(html, /See you Thursday, Robin/);
    const body = new URLSearchParams({ contact: "ann@example.com", locale: "", do: "show" });
    assert.match(await (await bo.fetch(PAGE, { method: "POST", body })).text(), /See you Thursday, Ann/);
    const nobody = new URLSearchParams({ contact: "<b>@example.com", do: "show" });
    const answer = await bo.fetch(PAGE, { method: "POST", body: nobody });
    assert.equal(answer.status, 422);
    const result = await answer.text();
    assert.match(textOf(result), /There is no such contact/);
    assert.ok(!result.includes("<b>@"));
    const missing = await bo.fetch(`${PAGE.replace("welcome", "nothing")}?lang=en`);
    assert.equal(missing.status, 404);
    assert.match(await missing.text(), /<a href="\/admin\?lang=en">All campaigns<\/a>/);
  });

  test("another site can make nobody send a test", async () => {
    const before = (await runtime.mailbox()).length;
    const body = new URLSearchParams({ contact: "ann@example.com", do: "test" });
    const headers = { origin: "https://evil.example", "sec-fetch-site": "cross-site" };
    assert.equal((await bo.fetch(PAGE, { method: "POST", body, headers })).status, 403);
    await runtime.settle();
    assert.equal((await runtime.mailbox()).length, before);
    const sent = await bo.fetch(PAGE, { method: "POST", body });
    assert.match(textOf(await sent.text()), /on its way to tom@larkspan\.example/);
    await runtime.settle();
    assert.equal((await runtime.mailbox()).length, before + 1);
  });
});
