// Both sample campaigns, from publishing to the return on what they cost.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { SAMPLES, dripline, publish } from "./command_line.mjs";
import { DAYLIGHT, start } from "./runtime.mjs";
import { Visitor, linkTo, links, readPage, textOf } from "./visitor.mjs";

const ANN = {
  first_name: "Ann",
  email: "Ann@Example.com",
  role: "architect",
  country: "GB",
  databases: ["postgres", "sqlite"],
  phone: "07400 123456",
  question: "What about joins?",
  consent: "yes",
};
const WANG = {
  full_name: "王芳",
  company: "晨光机械",
  email: "wang@example.cn",
  phone: "138 0013 8000",
  role: "equipment",
  machines: "200-1000",
  equipment: ["motor", "pump"],
  consent: "yes",
};

/** The names of a contact's events, in order. */
async function history(runtime, email) {
  const rows = await runtime.d1(
    `SELECT name FROM events WHERE contact_id = (SELECT id FROM contacts WHERE email = ?)
     ORDER BY seq`,
    email,
  );
  return rows.map((row) => row.name);
}

/** The messages to an address, oldest first. */
async function inbox(runtime, address) {
  return (await runtime.mailbox()).filter((mail) => mail.address === address).reverse();
}

function subjects(mails) {
  return mails.map((mail) => mail.subject);
}

describe("The English campaign", () => {
  let runtime, ann;
  before(async () => {
    runtime = await start();
    ann = new Visitor(runtime);
  });
  after(() => runtime?.stop());

  test("is published with the command line", async () => {
    assert.deepEqual(await publish(runtime, SAMPLES), [
      { campaign: "spring-webinar", version: 1, is_new: true },
      { campaign: "white-paper", version: 1, is_new: true },
    ]);
  });

  test("thanks the visitor who fills in its form, and writes to them", async () => {
    const passerBy = new Visitor(runtime);
    assert.equal((await passerBy.visit("/webinar?utm_source=devweekly")).status, 200);
    const sent = await ann.fillIn("/webinar?utm_source=linkedin&utm_medium=cpc", ANN);
    assert.equal(sent.status, 303);
    const thanks = await ann.visit(sent.headers.get("location"));
    assert.equal(thanks.status, 200);
    assert.match(textOf(thanks.html), /You’re in/);

    await runtime.settle();
    const [welcome, ...others] = await inbox(runtime, "ann@example.com");
    assert.equal(welcome.subject, "Ann, your seat is saved for Thursday");
    assert.equal(welcome.sender, "Mara at Larkspan <mara@larkspan.example>");
    assert.match(welcome.html, /See you Thursday, Ann\./);
    assert.match(welcome.text, /Thank you for sending a question ahead/);
    assert.deepEqual(others, []);
  });

  test("keeps what was answered, and where the visitor came from", async () => {
    const [contact] = await runtime.d1("SELECT * FROM contacts");
    assert.equal(contact.email, "ann@example.com");
    assert.equal(contact.phone, "+447400123456");
    const { first_name, country, databases } = JSON.parse(contact.attributes);
    assert.deepEqual({ first_name, country, databases }, {
      first_name: "Ann",
      country: "GB",
      databases: ["postgres", "sqlite"],
    });
    const [touch] = JSON.parse(contact.touches);
    assert.equal(touch.channel, "linkedin");
    assert.equal(touch.medium, "cpc");
    assert.equal(touch.landing_path, "/webinar");
  });

  test("names the way out in the head of every marketing mail", async () => {
    const [welcome] = await inbox(runtime, "ann@example.com");
    const headers = JSON.parse(welcome.headers);
    assert.match(headers["List-Unsubscribe"], /^<http:\/\/dripline\.test\/u\/[\w.-]+>$/);
    assert.equal(headers["List-Unsubscribe-Post"], "List-Unsubscribe=One-Click");
    assert.ok(links(welcome).includes(linkTo(welcome, "/u/")), "and in its text");
  });

  test("leads a click to the page that the mail names, and notices it", async () => {
    // Sooner than a person can read, it would count as a bot's.
    await runtime.advance("1m");
    const [welcome] = await inbox(runtime, "ann@example.com");
    const clicked = await ann.fetch(linkTo(welcome, "/c/"));
    assert.equal(clicked.status, 302);
    const target = new URL(clicked.headers.get("location"));
    assert.equal(target.origin + target.pathname, "http://dripline.test/webinar/guide");
    assert.equal(target.searchParams.get("utm_content"), "welcome");
    assert.equal((await ann.visit(target.pathname + target.search)).status, 200);
    await runtime.settle();
    const happened = await history(runtime, "ann@example.com");
    assert.ok(happened.includes("message.clicked"), happened.join());
  });

  test("shows the pixel of a mail, and notices it", async () => {
    const [welcome] = await inbox(runtime, "ann@example.com");
    const pixel = /src="http:\/\/dripline\.test(\/o\/[^"]+)"/.exec(welcome.html)[1];
    const shown = await ann.fetch(pixel);
    assert.equal(shown.status, 200);
    assert.equal(shown.headers.get("content-type"), "image/gif");
    await runtime.settle();
    const happened = await history(runtime, "ann@example.com");
    assert.ok(happened.includes("message.opened"), happened.join());
  });

  test("counts no click of a scanner", async () => {
    const [welcome] = await inbox(runtime, "ann@example.com");
    const scanner = new Visitor(runtime, { "user-agent": "Barracuda Sentinel" });
    assert.equal((await scanner.fetch(linkTo(welcome, "/c/"))).status, 302);
    assert.equal((await ann.fetch(linkTo(welcome, "/c/"), { method: "HEAD" })).status, 302);
    await runtime.settle();
    const counted = await runtime.d1(
      `SELECT metric, SUM(value) AS value FROM counters
        WHERE metric IN ('clicked', 'machine_clicks') GROUP BY metric ORDER BY metric`,
    );
    assert.deepEqual(counted.map((row) => row.value), [1, 2]);
    const judged = await runtime.d1(
      `SELECT properties ->> 'reasons' AS reasons FROM events
        WHERE name = 'message.clicked' AND properties ->> 'machine' ORDER BY seq`,
    );
    assert.match(judged[0].reasons, /scanner_user_agent/);
    assert.match(judged[1].reasons, /head_request/);
  });

  test("takes who clicked and decides for hot, and tells the owner", async () => {
    await runtime.advance("25h");
    const [contact] = await runtime.d1("SELECT tags, score, attributes FROM contacts");
    assert.deepEqual(JSON.parse(contact.tags).sort(), ["decides", "read-guide"]);
    assert.equal(contact.score, 35);
    assert.equal(JSON.parse(contact.attributes).stage, "evaluating");
    const [notice] = await inbox(runtime, "tom@larkspan.example");
    assert.match(notice.text, /A personal line before Thursday/);
    assert.match(notice.text, /ann@example\.com/);
  });

  test("goes on with the story and the text message", async () => {
    await runtime.live("11d", "1d");
    await runtime.live(...DAYLIGHT);
    const [, story] = await inbox(runtime, "ann@example.com");
    assert.equal(story.subject, "They moved one table. Here is what broke.");
    const [sms] = await inbox(runtime, "+447400123456");
    assert.match(sms.text, /^Larkspan: Ann, our session is on Thursday/);
    assert.ok((await history(runtime, "ann@example.com")).includes("journey.completed"));
  });

  test("turns an order into revenue and a return", async () => {
    const order = {
      id: "order-1",
      name: "order.completed",
      email: "ann@example.com",
      value: "4990.00",
      currency: "GBP",
    };
    for (const time of ["once", "twice"]) {
      const response = await runtime.api("POST", "/api/v1/events", { events: [order] });
      assert.equal(response.status, 202, time);
      assert.deepEqual(await response.json(), { accepted: 1 });
    }
    await runtime.settle();
    const report = await (
      await runtime.api("GET", "/api/v1/reports/campaigns/spring-webinar")
    ).json();
    const { visitors, leads, contacts, conversions, revenue_minor, cost_minor } = report.total;
    assert.deepEqual({ visitors, leads, contacts, conversions, revenue_minor, cost_minor }, {
      visitors: 2,
      leads: 1,
      contacts: 1,
      conversions: 1,
      revenue_minor: 499_000,
      cost_minor: 340_645,
    });
    const linkedin = report.by_channel.find((row) => row.channel === "linkedin");
    assert.equal(linkedin.visitors, 1);
    assert.equal(linkedin.revenue_minor, 499_000);
    const welcome = report.messages.find((row) => row.template === "emails/webinar-welcome");
    const { sent, opened, clicked } = welcome;
    assert.deepEqual({ sent, opened, clicked }, { sent: 1, opened: 1, clicked: 1 });
  });

  test("shows the same report to who signs in, and to the command line", async () => {
    const tom = new Visitor(runtime);
    const door = await tom.fetch("/admin/campaigns/spring-webinar");
    assert.equal(door.status, 303);
    assert.match(door.headers.get("location"), /^\/admin\/sign-in/);
    const body = new URLSearchParams({ token: "test-token" });
    const signedIn = await tom.fetch("/admin/sign-in", { method: "POST", body });
    assert.equal(signedIn.status, 303);
    const { status, html } = await tom.visit("/admin/campaigns/spring-webinar?lang=en");
    assert.equal(status, 200);
    // 4,990.00 earned for 3,406.45 spent.
    for (const figure of ["£4,990.00", "£3,406.45", "46.5%", "linkedin", "devweekly"]) {
      assert.ok(textOf(html).includes(figure), `${figure} is missing: ${textOf(html)}`);
    }
    const server = ["--to", runtime.url, "--token", "test-token"];
    const response = await dripline("report", "spring-webinar", ...server);
    assert.equal(response.status, 0, response.stderr);
    assert.match(response.stdout, /4,990\.00/);
  });

  test("asks before it unsubscribes anybody, and a look changes nothing", async () => {
    const [welcome] = await inbox(runtime, "ann@example.com");
    const before = await history(runtime, "ann@example.com");
    const path = linkTo(welcome, "/u/");
    const asked = await ann.visit(path);
    assert.equal(asked.status, 200);
    assert.match(textOf(asked.html), /Stop these messages\?/);
    assert.equal(asked.form.action, `${path}?lang=en`, "its button answers in the same language");
    assert.equal((await ann.fetch(path, { method: "HEAD" })).status, 200);
    assert.deepEqual(await history(runtime, "ann@example.com"), before);
  });

  test("lets a mail program unsubscribe with one click, and twice is as good as once", async () => {
    const [welcome] = await inbox(runtime, "ann@example.com");
    const { pathname } = new URL(JSON.parse(welcome.headers)["List-Unsubscribe"].slice(1, -1));
    for (const time of ["once", "twice"]) {
      // As RFC 8058 requires: no cookies, no other context, and no redirect as an answer.
      const answer = await runtime.fetch(pathname, {
        method: "POST",
        headers: { "content-type": "application/x-www-form-urlencoded" },
        body: "List-Unsubscribe=One-Click",
      });
      assert.equal(answer.status, 200, time);
      assert.match(textOf(await answer.text()), /You are unsubscribed/);
    }
    const withdrawn = await runtime.d1("SELECT * FROM consents WHERE state = 'withdrawn'");
    assert.equal(withdrawn.length, 1);
  });

  test("says on a later visit that they are unsubscribed, and links to the way back", async () => {
    const [welcome] = await inbox(runtime, "ann@example.com");
    const { html, form } = await ann.visit(linkTo(welcome, "/u/"));
    assert.match(textOf(html), /You are unsubscribed .*Subscribe again, or change your preferences/);
    assert.equal(form, undefined, "there is nothing to press");
    const [, preferences] = /href="(\/preferences\/[^"]+)"/.exec(html);
    assert.equal((await ann.visit(preferences)).status, 200);
  });

  test("takes the button of the page for the same", async () => {
    const bo = new Visitor(runtime);
    const answers = { ...ANN, email: "bo@example.com", phone: "" };
    assert.equal((await bo.fillIn("/webinar", answers)).status, 303);
    await runtime.settle();
    const [welcome] = await inbox(runtime, "bo@example.com");
    const { form } = await bo.visit(linkTo(welcome, "/u/"));
    const done = await bo.send(form, {});
    assert.match(textOf(await done.text()), /You are unsubscribed/);
    await runtime.live("12d", "1d");
    assert.deepEqual(subjects(await inbox(runtime, "bo@example.com")), [welcome.subject]);
    const [{ skipped }] = await runtime.d1(
      "SELECT COUNT(*) AS skipped FROM messages WHERE state = 'skipped'",
    );
    assert.ok(skipped > 0, "the journey went on and its mail was held back");
  });
});

describe("The Chinese campaign", () => {
  let runtime, wang;
  before(async () => {
    runtime = await start();
    wang = new Visitor(runtime, { "accept-language": "zh-CN,zh;q=0.9" });
    await publish(runtime, SAMPLES);
  });
  after(() => runtime?.stop());

  test("asks the visitor who fills in its form to confirm the address first", async () => {
    const sent = await wang.fillIn("/white-paper?utm_source=baidu", WANG);
    assert.equal(sent.headers.get("location"), "/white-paper/thanks");
    const thanks = await wang.visit("/white-paper/thanks");
    assert.match(thanks.html, /<html lang="zh-CN">/);
    await runtime.settle();
    const mails = await inbox(runtime, "wang@example.cn");
    assert.equal(mails.length, 1);
    assert.ok(linkTo(mails[0], "/confirm/"));
    assert.equal((await runtime.d1("SELECT * FROM enrollments")).length, 0);
  });

  test("shows a page by the link, and confirms nothing by a look", async () => {
    const [mail] = await inbox(runtime, "wang@example.cn");
    const path = linkTo(mail, "/confirm/");
    const page = await wang.visit(path);
    assert.equal(page.status, 200);
    assert.match(textOf(page.html), /我同意砺川装备通过邮件和短信/);
    assert.equal((await wang.fetch(path, { method: "HEAD" })).status, 200);
    assert.equal((await runtime.d1("SELECT * FROM enrollments")).length, 0);
    const confirmed = await runtime.d1("SELECT * FROM consents WHERE state = 'confirmed'");
    assert.deepEqual(confirmed, []);
  });

  test("begins its journey when the button is pressed, and only once", async () => {
    const [mail] = await inbox(runtime, "wang@example.cn");
    const { form } = await wang.visit(linkTo(mail, "/confirm/"));
    for (const time of ["once", "twice"]) {
      const done = await wang.send(form, {});
      assert.equal(done.status, 200, time);
      assert.match(textOf(await done.text()), /邮箱已确认/);
    }
    await runtime.settle();
    assert.equal((await runtime.d1("SELECT * FROM enrollments")).length, 1);
    const mails = await inbox(runtime, "wang@example.cn");
    assert.equal(mails.length, 2);
    assert.match(mails[1].html, /王芳/);
  });

  test("keeps the words agreed to, with each consent", async () => {
    const rows = await runtime.d1("SELECT channel, state, text FROM consents ORDER BY seq");
    const granted = rows.filter((row) => row.state === "granted");
    assert.deepEqual(granted.map((row) => row.channel).sort(), ["email", "sms"]);
    assert.match(granted[0].text, /^我同意砺川装备/);
    assert.equal(rows.filter((row) => row.state === "confirmed").length, 1);
  });

  test("goes by what was read, and grades and texts the reader", async () => {
    await runtime.advance("1m");
    const [, welcome] = await inbox(runtime, "wang@example.cn");
    assert.equal((await wang.fetch(linkTo(welcome, "/c/"))).status, 302);
    await runtime.settle();
    await runtime.live("12d", "1d");
    await runtime.live(...DAYLIGHT);
    const [contact] = await runtime.d1("SELECT tags, attributes, phone FROM contacts");
    assert.deepEqual(JSON.parse(contact.tags).sort(), ["key-account", "white-paper-reader"]);
    assert.equal(JSON.parse(contact.attributes).lead_grade, "A");
    const [notice] = await inbox(runtime, "zhou.min@lichuan.example");
    assert.match(notice.text, /建议两个工作日内电话联系/);
    const [sms] = await inbox(runtime, "+8613800138000");
    assert.match(sms.text, /^【砺川装备】王芳，您好/);
  });

  test("asks in Chinese before it unsubscribes", async () => {
    const [, welcome] = await inbox(runtime, "wang@example.cn");
    const page = await wang.visit(linkTo(welcome, "/u/"));
    assert.match(textOf(page.html), /确定退订吗/);
    const done = readPage(200, await (await wang.send(page.form, {})).text());
    assert.match(textOf(done.html), /您已退订/);
  });

  test("shows its report in Chinese", async () => {
    const zhou = new Visitor(runtime, { "accept-language": "zh-CN" });
    const body = new URLSearchParams({ token: "test-token" });
    await zhou.fetch("/admin/sign-in", { method: "POST", body });
    const { html } = await zhou.visit("/admin/campaigns/white-paper");
    assert.match(html, /<html lang="zh-CN">/);
    assert.match(textOf(html), /转化漏斗/);
    assert.match(textOf(html), /baidu/);
  });
});
