// The product as people use it: by keyboard, without JavaScript, on a phone and on a desktop.
// SCREENSHOTS=<folder> keeps a picture of every screen.

import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { barriers } from "./accessibility.mjs";
import { cutFrames, excessWidth, findChromium, launch, tabTo, typeInto, unseenStops } from "./browser.mjs";
import { SAMPLES, publish } from "./command_line.mjs";
import { start } from "./runtime.mjs";
import { Visitor, linkTo } from "./visitor.mjs";

const HOST = "dripline.test";
const SITE = `http://${HOST}`;
const WIDTHS = [360, 1440];
const LANGUAGES = ["en", "zh-CN"];
const SCREENSHOTS = process.env.SCREENSHOTS;

const { path, missing } = await findChromium();
const options = { skip: process.env.CI ? false : missing };

let runtime, browser;
before(async () => {
  if (options.skip) return;
  runtime = await start({ submitLimit: 100 });
  await publish(runtime, SAMPLES);
  browser = await launch(path, HOST, runtime);
});
after(async () => {
  await browser?.close();
  await runtime?.stop();
});

/** A new window without a history. */
async function open({ language = "en", width = 1440, javaScriptEnabled = false } = {}) {
  const context = await browser.newContext({
    locale: language,
    viewport: { width, height: 900 },
    javaScriptEnabled,
    baseURL: SITE,
    // The headless browser names itself, and its clicks would count as a bot's.
    userAgent: `Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/${browser.version()}`,
  });
  context.setDefaultTimeout(10_000);
  return context.newPage();
}

/** Presses Enter on the focused element, after the time that a person needs for a form. */
async function send(page) {
  await runtime.skip("3s");
  await Promise.all([page.waitForNavigation(), page.keyboard.press("Enter")]);
}

function focused(page) {
  return page.evaluate(() => document.activeElement.id);
}

describe("By keyboard and without JavaScript", options, () => {
  test("an English form is filled in, corrected by its error summary, and sent", async () => {
    const page = await open();
    await page.goto("/webinar?utm_source=linkedin");
    await typeInto(page, "#dl-first_name", "Ann");
    await typeInto(page, "#dl-email", "ann@example.com");
    await tabTo(page, "#dl-role");
    await page.keyboard.type("I choose");
    await tabTo(page, "#dl-country");
    await page.keyboard.type("United K");
    await tabTo(page, "#dl-databases-3");
    await page.keyboard.press("Space");
    await typeInto(page, "#dl-phone", "12");
    await typeInto(page, "#dl-question", "What about joins?");
    await tabTo(page, "#dl-consent");
    await page.keyboard.press("Space");
    await tabTo(page, ".dl-submit");
    await send(page);

    assert.equal(await focused(page), "dl--problems", "the summary has the focus");
    const problems = page.locator("#dl--problems li");
    assert.equal(await problems.count(), 1);
    assert.match(await problems.first().innerText(), /^Mobile number: /);
    assert.equal(await page.inputValue("#dl-first_name"), "Ann");
    assert.equal(await page.inputValue("#dl-role"), "architect");
    assert.equal(await page.inputValue("#dl-country"), "GB");
    assert.ok(await page.isChecked("#dl-databases-3"));
    assert.ok(await page.isChecked("#dl-consent"));

    await tabTo(page, "#dl--problems a");
    await page.keyboard.press("Enter");
    assert.equal(await focused(page), "dl-phone", "a problem leads to its field");
    const phone = page.locator("#dl-phone");
    assert.equal(await phone.getAttribute("aria-invalid"), "true");
    const described = (await phone.getAttribute("aria-describedby")).split(" ");
    const texts = await Promise.all(described.map((id) => page.locator(`#${id}`).innerText()));
    assert.equal(texts.length, 2, "its hint and its problem are read out");
    await typeInto(page, "#dl-phone", "07400 123456");
    await send(page);
    assert.equal(new URL(page.url()).pathname, "/webinar/thanks");
    assert.match(await page.innerText("h1"), /You’re in/);
    await page.context().close();
  });

  test("a Chinese form is filled in, corrected by its error summary, and sent", async () => {
    const page = await open({ language: "zh-CN" });
    await page.goto("/white-paper?utm_source=baidu");
    await typeInto(page, "#dl-full_name", "王芳");
    await typeInto(page, "#dl-company", "晨光机械");
    await typeInto(page, "#dl-email", "wang@example.cn");
    await typeInto(page, "#dl-phone", "12");
    await tabTo(page, "#dl-role");
    await page.keyboard.press("Space");
    await tabTo(page, "#dl-machines");
    await page.keyboard.press("ArrowDown");
    await tabTo(page, "#dl-consent");
    await page.keyboard.press("Space");
    await tabTo(page, ".dl-submit");
    await send(page);

    assert.equal(await focused(page), "dl--problems");
    assert.match(await page.innerText("#dl--problems li"), /^手机号：/);
    assert.equal(await page.inputValue("#dl-full_name"), "王芳");
    assert.ok(await page.isChecked("#dl-role"));
    await tabTo(page, "#dl--problems a");
    await page.keyboard.press("Enter");
    await typeInto(page, "#dl-phone", "138 0013 8000");
    await send(page);
    assert.equal(new URL(page.url()).pathname, "/white-paper/thanks");
    await page.context().close();
  });

  test("the mail of the form is read in the mailbox, and its button leads to the guide", async () => {
    await runtime.settle();
    const page = await open();
    await page.goto("/dev/mailbox");
    await page.click("text=Ann, your seat is saved for Thursday");
    const mail = page.frameLocator("iframe.mail");
    const tab = page.context().waitForEvent("page");
    // Sooner than a person can read, it would count as a bot's too.
    await runtime.advance("1m");
    await mail.locator("a", { hasText: "Open the guide" }).click();
    const guide = await tab;
    await guide.waitForLoadState();
    assert.equal(new URL(guide.url()).pathname, "/webinar/guide");
    await page.context().close();
  });

  test("an address is confirmed by the button of the mail, and that of the page", async () => {
    const page = await open({ language: "zh-CN" });
    await page.goto("/dev/mailbox");
    await page.locator(".mails a", { hasText: "wang@example.cn" }).click();
    const tab = page.context().waitForEvent("page");
    await page.frameLocator("iframe.mail").locator("a").first().click();
    const confirm = await tab;
    await confirm.waitForLoadState();
    await tabTo(confirm, "button");
    await Promise.all([confirm.waitForNavigation(), confirm.keyboard.press("Enter")]);
    assert.equal(await confirm.innerText("h1"), "邮箱已确认");
    await runtime.settle();
    await page.context().close();
  });

  test("the report is reached by signing in with the token", async () => {
    const page = await open();
    await page.goto("/admin");
    assert.equal(new URL(page.url()).pathname, "/admin/sign-in");
    assert.equal(await focused(page), "token");
    await page.keyboard.insertText("wrong");
    await Promise.all([page.waitForNavigation(), page.keyboard.press("Enter")]);
    assert.ok(await page.isVisible("#wrong"));
    await typeInto(page, "#token", "test-token");
    await Promise.all([page.waitForNavigation(), page.keyboard.press("Enter")]);
    await page.click("text=Spring webinar: databases at the edge");
    assert.equal(new URL(page.url()).pathname, "/admin/campaigns/spring-webinar");
    assert.ok((await page.locator(".tile").count()) > 3);
    assert.equal(await page.locator(".funnel li").count() > 2, true);
    await page.context().close();
  });

  test("a sign-in link leads to what was asked for, leaves no trace, and one signs out again", async () => {
    const made = await (await runtime.api("POST", "/api/v1/sign-in-links", {})).json();
    const page = await open({ javaScriptEnabled: true });
    const asked = [];
    page.on("request", (request) => asked.push(request.url(), JSON.stringify(request.headers())));
    await page.goto("/admin/suppressions?reason=bounced");
    const door = new URL(page.url());
    await page.goto(`${door.pathname}${door.search}${made.path.slice(made.path.indexOf("#"))}`);
    assert.ok(await page.isVisible("#link"));
    const secret = made.path.split("#")[1];
    assert.equal(await page.inputValue("#token"), secret);
    assert.equal(new URL(page.url()).hash, "");
    assert.deepEqual(asked.filter((text) => text.includes(secret)), []);
    await Promise.all([page.waitForNavigation(), page.click("button")]);
    assert.equal(new URL(page.url()).pathname, "/admin/suppressions");
    assert.equal(new URL(page.url()).searchParams.get("reason"), "bounced");
    await Promise.all([page.waitForNavigation(), page.click(".out button")]);
    assert.equal(new URL(page.url()).pathname, "/admin/sign-in");
    await page.goto("/admin");
    assert.equal(new URL(page.url()).pathname, "/admin/sign-in");
    await page.context().close();
  });

  test("every stop of Tab is seen, and the first one in the web app skips to the content", async () => {
    const page = await open();
    await page.goto("/admin/sign-in?lang=en");
    await page.fill("#token", "test-token");
    await Promise.all([page.waitForNavigation(), page.click("button")]);
    for (const address of ["/admin/campaigns/spring-webinar", "/admin/suppressions", "/webinar"]) {
      await page.goto(address);
      await page.keyboard.press("Tab");
      if (address.startsWith("/admin")) {
        assert.equal(await page.evaluate(() => document.activeElement.className), "skip");
      }
      const stops = await unseenStops(page);
      assert.ok(stops.count > 5, `${address} has ${stops.count} stops`);
      assert.deepEqual(stops.unseen, [], address);
    }
    await page.goto("/admin");
    await page.keyboard.press("Tab");
    await Promise.all([page.waitForURL(/#main$/), page.keyboard.press("Enter")]);
    await page.keyboard.press("Tab");
    assert.ok(await page.evaluate(() => document.activeElement.closest("main")), "past the menu");
    await page.context().close();
  });
});

describe("On a phone and on a desk, in both languages", options, () => {
  /** The addresses of all screens, by the name of their picture. */
  const screens = {};
  before(async () => {
    if (options.skip) return;
    const bo = new Visitor(runtime);
    const answers = {
      first_name: "Bo",
      email: "bo.with.a.rather.long.name@a-company-with-a-long-name.example.com",
      phone: "07400 123457",
      role: "lead",
      consent: "yes",
    };
    await bo.fillIn("/webinar?utm_source=devweekly", answers);
    await runtime.settle();
    const order = { name: "order.completed", value: "1234567.89", currency: "GBP" };
    const events = [{ ...order, email: answers.email }];
    await runtime.api("POST", "/api/v1/events", { events });
    await runtime.live("12d", "1d");
    const messages = await runtime.mailbox();
    const unsubscribe = async (message) => {
      const done = await (await runtime.fetch(linkTo(message, "/u/"), { method: "POST" })).text();
      const back = /action="([^"]+\/undo[^"]*)"/.exec(done)[1].replaceAll("&#38;", "&");
      await runtime.fetch(back, { method: "POST" });
      return /href="(\/preferences\/[^"?]+)/.exec(done)[1];
    };
    const find = (what) => messages.find(what) ?? assert.fail("a message is missing");
    const welcome = find((one) => one.subject === "Ann, your seat is saved for Thursday");
    const confirm = find((one) => one.html.includes("/confirm/"));
    const preferences = await unsubscribe(find((one) => one.address === answers.email));
    const rows = Array.from({ length: 1000 }, (_, n) => ({
      address: `somebody.with.a.rather.long.name.${n}@a-company-with-a-long-name.example.com`,
      reason: n % 3 ? "bounced" : "complained",
    }));
    await runtime.api("POST", "/api/v1/suppressions/import", { source: "mailchimp", rows });
    Object.assign(screens, {
      "preferences": preferences,
      "suppressions": "/admin/suppressions",
      "suppressions-empty": "/admin/suppressions?reason=erased",
      "landing": "/webinar",
      "landing-chinese": "/white-paper",
      "thanks": "/webinar/thanks",
      "thanks-chinese": "/white-paper/thanks",
      "guide": "/webinar/guide",
      "read-chinese": "/white-paper/read",
      "unsubscribe": linkTo(welcome, "/u/"),
      "unsubscribe-broken": "/u/broken",
      "confirm": linkTo(confirm, "/confirm/"),
      "confirm-broken": "/confirm/broken",
      "not-found": "/nothing",
      "sign-in": "/admin/sign-in",
      "mailbox": "/dev/mailbox",
      "mail": `/dev/mailbox/${welcome.id}`,
      "mail-confirm": `/dev/mailbox/${confirm.id}`,
      "mail-notice": `/dev/mailbox/${find((one) => one.address === "tom@larkspan.example").id}`,
      "mail-sms": `/dev/mailbox/${find((one) => one.channel === "sms").id}`,
      "campaigns": "/admin",
      "report": "/admin/campaigns/spring-webinar",
      "report-chinese": "/admin/campaigns/white-paper",
      "messages": "/admin/campaigns/spring-webinar/messages",
      "message": "/admin/campaigns/spring-webinar/messages/emails/webinar-story",
      "message-chinese": "/admin/campaigns/white-paper/messages/emails/white-paper-welcome",
      "message-sms": "/admin/campaigns/white-paper/messages/sms/white-paper-checklist",
    });
    for (const [index, message] of messages.entries()) {
      if (message.channel === "email") screens[`mail-${index}`] = `/dev/mailbox/${message.id}`;
    }
  });

  /** Checks what is on the screen, and takes a picture if asked to. */
  async function look(page, name, width, language) {
    if (SCREENSHOTS) {
      const file = join(SCREENSHOTS, `${name}-${language}-${width}.png`);
      await page.screenshot({ path: file, fullPage: true });
    }
    assert.equal(await cutFrames(page), 0, `${name} in ${language} at ${width} px`);
    const excess = await excessWidth(page);
    assert.ok(excess <= 0, `${name} in ${language} is ${excess} px wider than ${width}`);
    // A campaign's own pages, and what an e-mail provider shows, are in the campaign's language.
    const spoken = name.match(/landing|thanks|guide|read|mistakes/) ? undefined : language;
    assert.deepEqual(await barriers(page, spoken), [], `${name} in ${language} at ${width} px`);
  }

  for (const width of WIDTHS) {
    for (const language of LANGUAGES) {
      test(`no screen in ${language} is wider than ${width} px`, async () => {
        const page = await open({ language, width });
        await page.goto("/admin/sign-in");
        await page.fill("#token", "test-token");
        await Promise.all([page.waitForNavigation(), page.click("button")]);
        for (const [name, address] of Object.entries(screens)) {
          // Pages of the Chinese campaign that have no other language are for Chinese readers only.
          const separator = address.includes("?") ? "&" : "?";
          await page.goto(`${address}${separator}lang=${language}`);
          await look(page, name, width, language);
        }
        await page.context().close();
      });
    }
  }

  for (const width of WIDTHS) {
    test(`a form with mistakes is no wider than ${width} px`, async () => {
      for (const landing of ["/webinar", "/white-paper"]) {
        const page = await open({ width });
        await page.goto(landing);
        // What a browser validates by itself must be validated by the worker, too.
        await page.locator("form.dl-form").evaluate((form) => (form.noValidate = true));
        await page.fill("#dl-email", `${"much-too-long-".repeat(6)}@@example.com`);
        await page.fill("#dl-phone", "12");
        await Promise.all([page.waitForNavigation(), page.click(".dl-submit")]);
        assert.ok((await page.locator("#dl--problems li").count()) > 3);
        await look(page, `mistakes${landing.replace("/", "-")}`, width, "en");
        await page.context().close();
      }
    });
  }
});
