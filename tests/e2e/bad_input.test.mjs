// Invalid input is reported with its own status and a remedy, and changes nothing.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { FIXTURES, SAMPLES, publish } from "./command_line.mjs";
import { start } from "./runtime.mjs";
import { Visitor, linkTo, readPage, textOf } from "./visitor.mjs";

const FORM = "/f/relay.join";
const URLENCODED = "application/x-www-form-urlencoded";
const PARTNER = "https://partner.example";
const GOOD = { email: "good@example.com", first_name: "Good", consent: "yes" };
/** How many valid submissions a visitor may send per minute here. */
const SUBMIT_LIMIT = 10;
const DAY_MS = 86_400_000;

let runtime;
/** A message that was really sent, and the compiled fixture form, both to be tampered with. */
let mail, compiled;

before(async () => {
  runtime = await start({ submitLimit: SUBMIT_LIMIT });
  await publish(runtime, FIXTURES, SAMPLES);
  const reader = new Visitor(runtime);
  await reader.fillIn("/relay", { email: "reader@example.com", consent: "yes" });
  await runtime.settle();
  [mail] = await runtime.mailbox();
  const [row] = await runtime.d1(
    "SELECT compiled FROM campaign_versions WHERE campaign_id = 'relay'",
  );
  compiled = JSON.parse(row.compiled);
});
after(() => runtime?.stop());

/** The number of rows in each table. */
async function rowCounts() {
  await runtime.settle();
  const tables = await runtime.d1(
    "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE '\\_%' ESCAPE '\\'",
  );
  const counts = tables.map(({ name }) => `(SELECT COUNT(*) FROM ${name}) AS ${name}`);
  const [row] = await runtime.d1(`SELECT ${counts.join(", ")}`);
  return row;
}

/** A test that must not write anything. */
function unchanged(name, body) {
  test(name, async () => {
    const before = await rowCounts();
    await body();
    assert.deepEqual(await rowCounts(), before);
  });
}

/** Sends an invalid request as a browser in each language and as a program; checks each answer. */
async function refuses(what, path, init, status, says) {
  await refusesPeople(what, path, init, status, says);
  const headers = { ...init.headers, accept: "application/json" };
  const answer = await runtime.fetch(path, { ...init, ...init.stream?.(), headers });
  await isProblem(what, answer, status, says.en);
}

/** The same, but as a browser only. */
async function refusesPeople(what, path, init, status, { en, zh, allow }) {
  const ask = (headers) =>
    runtime.fetch(path, { ...init, ...init.stream?.(), headers: { ...init.headers, ...headers } });
  for (const [language, says] of [["en", en], ["zh-CN", zh]]) {
    const answer = await ask({ accept: "text/html", "accept-language": language });
    const html = await answer.text();
    assert.equal(answer.status, status, `${what}: ${textOf(html)}`);
    assert.match(answer.headers.get("content-type"), /^text\/html/, what);
    assert.match(html, new RegExp(`<html lang="${language}">`), what);
    assert.match(textOf(html), says, what);
    if (allow) assert.equal(answer.headers.get("allow"), allow, what);
  }
}

/** Checks and returns a problem document (RFC 9457). */
async function isProblem(what, answer, status, says = /./) {
  const text = await answer.text();
  assert.equal(answer.status, status, `${what}: ${text}`);
  assert.equal(answer.headers.get("content-type"), "application/problem+json", what);
  const problem = JSON.parse(text);
  assert.equal(problem.status, status, what);
  assert.ok(problem.title.length > 0, what);
  assert.match(`${problem.detail} ${JSON.stringify(problem.problems ?? "")}`, says, what);
  return problem;
}

/** A fresh token of a form, by default of the fixture's. */
async function formToken(form = FORM) {
  const { token } = await (await runtime.fetch(form)).json();
  return token;
}

/** A filled-in form as a request body. */
function urlencoded(answers) {
  return { method: "POST", headers: { "content-type": URLENCODED }, body: encoded(answers) };
}

function encoded(answers) {
  return new URLSearchParams(answers).toString();
}

/** The token at the end of a link. */
function tokenOf(path) {
  return path.split("/").at(-1);
}

describe("Addresses and methods", () => {
  unchanged("an address where nothing is says so, and what to do", async () => {
    const says = { en: /Check the address/, zh: /请检查地址/ };
    const nothing = [
      "/nothing", "/relay/nothing", "/RELAY", "/f/relay.nothing", "/f/nothing", "/f/", "/f/a/b", "/c",
      "/u", "/confirm", "/admin/nothing", "/admin/campaigns", "/dev", "/dev/mailbox/nothing",
      "/assets/x.css", "/preferences", "/hooks", "/%ff%fe", "/%E4%B8%AD%E6%96%87", "/%00",
      "/relay%2fx", "/../../etc/passwd", `/${"long".repeat(2_000)}`,
    ];
    for (const path of nothing) await refuses(path.slice(0, 40), path, {}, 404, says);
    await refuses("an unknown form", "/f/relay.nothing", urlencoded(GOOD), 404, says);
    for (const path of ["/api/v2/events", "/api/v1/nothing", "/api"]) {
      await isProblem(path, await runtime.api("GET", path), 404, /Check the address/);
    }
  });

  unchanged("a wrong method gets a list of the right ones", async () => {
    const says = { en: /Go back to the page you came from/, zh: /请返回之前的页面/ };
    const wrong = [
      ["POST", "/relay", "GET, HEAD"],
      ["DELETE", "/relay", "GET, HEAD"],
      ["PROPFIND", "/relay", "GET, HEAD"],
      ["OPTIONS", "/relay", "GET, HEAD"],
      ["PUT", FORM, "GET, HEAD, POST, OPTIONS"],
      ["POST", linkTo(mail, "/c/"), "GET, HEAD"],
      ["POST", "/o/x", "GET, HEAD"],
      ["DELETE", linkTo(mail, "/u/"), "GET, HEAD, POST"],
      ["PATCH", "/confirm/x", "GET, HEAD, POST"],
      ["POST", "/admin", "GET, HEAD"],
      ["PUT", "/admin/sign-in", "GET, HEAD, POST"],
      ["GET", "/admin/sign-out", "POST"],
      ["DELETE", "/dev/mailbox", "GET, HEAD"],
      ["POST", "/healthz", "GET, HEAD"],
      ["POST", "/readyz", "GET, HEAD"],
    ];
    for (const [method, path, allow] of wrong) {
      await refuses(`${method} ${path}`, path, { method }, 405, { ...says, allow });
    }
    const api = [
      ["GET", "/api/v1/events", "POST"],
      ["PUT", "/api/v1/campaigns", "POST"],
      ["POST", "/api/v1/reports/campaigns/relay", "GET, HEAD"],
    ];
    for (const [method, path, allow] of api) {
      const answer = await runtime.api(method, path);
      assert.equal(answer.headers.get("allow"), allow);
      await isProblem(`${method} ${path}`, answer, 405);
    }
  });
});

describe("Bodies of forms", () => {
  const send = (type, body) => ({ method: "POST", headers: { "content-type": type }, body });

  unchanged("a body over 64 KiB is refused, and the limit is named", async () => {
    const says = { en: /64 KiB.*shorten/, zh: /64 KiB.*精简/ };
    const big = `note=${"x".repeat(64 * 1024)}`;
    await refuses("urlencoded", FORM, send(URLENCODED, big), 413, says);
    const json = send("application/json", JSON.stringify({ note: big }));
    await isProblem("JSON", await runtime.fetch(FORM, json), 413, says.en);
    // Without a Content-Length: in chunks.
    const stream = () => ({ body: pieces("x".repeat(16 * 1024), 5), duplex: "half" });
    await refuses("in pieces", FORM, { ...send(URLENCODED), stream }, 413, says);
    // The rest is read too: with unread data the runtime would reset the connection, and with it
    // the next request.
    for (const turn of [1, 2, 3]) {
      await refuses(`1 MB, ${turn}`, FORM, send(URLENCODED, "x".repeat(1 << 20)), 413, says);
    }
    const many = Array.from({ length: 101 }, (_, index) => `a${index}=1`).join("&");
    const saysMany = { en: /100 values/, zh: /超过 100 个/ };
    await refuses("101 values", FORM, send(URLENCODED, many), 413, saysMany);
  });

  unchanged("a body that cannot be read is refused, and says why", async () => {
    const back = { en: /reload the page/, zh: /刷新页面/ };
    const bad = [
      ["a broken escape", URLENCODED, "email=%zz", /two hexadecimal digits/, /十六进制/],
      ["broken UTF-8", URLENCODED, "email=%ff%fe", /valid UTF-8/, /UTF-8/],
      ["raw broken UTF-8", URLENCODED, Buffer.from([0x61, 0x3d, 0xff]), /valid UTF-8/, /UTF-8/],
      ["no JSON", "application/json", "{", /JSON object/, /JSON 对象/],
      ["a JSON list", "application/json", "[]", /JSON object/, /JSON 对象/],
      ["empty JSON", "application/json", "", /JSON object/, /JSON 对象/],
      ["deep JSON", "application/json", '{"a":{"b":1}}', /list of texts/, /文本列表/],
    ];
    for (const [what, type, body, en, zh] of bad) {
      if (type === URLENCODED) await refuses(what, FORM, send(type, body), 400, { en, zh });
      else await isProblem(what, await runtime.fetch(FORM, send(type, body)), 400, en);
    }
    await refuses("nothing at all", FORM, send(URLENCODED, ""), 400, back);
  });

  unchanged("files and unknown kinds of content are refused, and say what is taken", async () => {
    const says = { en: /from its own page/, zh: /表单页面重新提交/ };
    const form = new FormData();
    form.set("email", "a@example.com");
    await refuses("multipart", FORM, { method: "POST", body: form }, 415, says);
    await refuses("plain text", FORM, send("text/plain", "email=a"), 415, says);
    await refuses("XML", FORM, send("application/xml", "<a/>"), 415, says);
  });
});

describe("Tokens of forms", () => {
  unchanged("a form without a token of its own is refused, and says how to get one", async () => {
    const good = await formToken();
    const click = tokenOf(linkTo(mail, "/c/"));
    const bad = [
      ["no token", "", /without its token/, /缺少令牌/],
      ["a cut token", good.slice(0, -8), /was not made here|a part of it/, /令牌/],
      ["half a token", good.slice(0, good.length / 2), /a part of it/, /令牌不完整/],
      ["a forged token", forge(good), /was not made here/, /不是由本站签发/],
      ["another form's", await formToken("/f/spring-webinar.signup"), /another form/, /不属于/],
      ["a link's", click, /another form/, /不属于/],
      ["too long a one", "x".repeat(5_000), /a part of it/, /令牌/],
    ];
    for (const [what, token, en, zh] of bad) {
      await refuses(what, FORM, urlencoded({ ...GOOD, _token: token }), 400, { en, zh });
    }
  });

  unchanged("a form that comes too soon or too late is shown once more", async () => {
    const hurried = await runtime.fetch(FORM, urlencoded({ ...GOOD, _token: await formToken() }));
    assert.equal(hurried.status, 422);
    const page = readPage(422, await hurried.text());
    assert.match(textOf(page.html), /once more/);
    assert.ok(page.html.includes('value="good@example.com"'), "what was typed is kept");

    const token = await formToken();
    await runtime.skip(8 * DAY_MS);
    const late = await runtime.fetch(FORM, urlencoded({ ...GOOD, _token: token }));
    assert.equal(late.status, 422);
  });
});

describe("Links", () => {
  unchanged("a forged, cut or mistaken token opens nothing", async () => {
    const tokens = ["c", "u"].map((kind) => tokenOf(linkTo(mail, `/${kind}/`)));
    const open = /\/o\/([^"]+)"/.exec(mail.html)[1];
    const [click, unsubscribe] = tokens;
    const form = await formToken();
    const notFound = { en: /Check the address/, zh: /请检查地址/ };
    const unsubscribing = { en: /Open it again from the message/, zh: /请从消息中重新打开/ };
    const confirming = { en: /Fill in the form again/, zh: /请重新填写表单/ };
    const routes = [
      ["/c/", "GET", click, [open, unsubscribe, form], notFound],
      ["/o/", "GET", open, [click, unsubscribe, form], notFound],
      ["/u/", "GET", unsubscribe, [click, open, form], unsubscribing],
      ["/u/", "POST", unsubscribe, [click, open, form], unsubscribing],
      ["/confirm/", "GET", unsubscribe, [click, open, unsubscribe, form], confirming],
      ["/confirm/", "POST", unsubscribe, [click, open, unsubscribe, form], confirming],
    ];
    for (const [path, method, good, others, says] of routes) {
      const bad = [
        ...others, forge(good), good.slice(0, -1), good.slice(0, 20), `x${good}`,
        "x", "1", "...", "%ff", "x".repeat(5_000), `1u${good.slice(2, 4)}..`,
      ];
      for (const token of bad) {
        const answer = await runtime.fetch(path + token, { method });
        const html = await answer.text();
        assert.equal(answer.status, 404, `${method} ${path}${token}: ${textOf(html)}`);
      }
      await refusesPeople(`${method} ${path}`, path + forge(good), { method }, 404, says);
    }
  });

  test("a confirmation of what the page did not show is asked for again", async () => {
    const answers = {
      full_name: "韩梅梅", company: "晨光", email: "mei@example.cn", role: "it",
      machines: "under-50", consent: "yes",
    };
    await new Visitor(runtime).fillIn("/white-paper", answers);
    await runtime.settle();
    const [mail] = (await runtime.mailbox()).filter((one) => one.address === "mei@example.cn");
    const path = linkTo(mail, "/confirm/");
    const confirm = async (shown, query = "") => {
      const body = new URLSearchParams({ shown });
      const answer = await runtime.fetch(path + query, { method: "POST", body });
      assert.equal(answer.status, 200, shown);
      return answer.text();
    };
    const again = await confirm("0", "?lang=xx");
    assert.match(again, /name="shown"/);
    assert.match(again, /<html lang="zh-CN"/, "an unknown language is not English");
    assert.doesNotMatch(await confirm("-9223372036854775808"), /name="shown"/);
  });

  test("a confirmation link that is too old confirms nothing, and says what to do", async () => {
    const answers = {
      full_name: "李雷", company: "晨光", email: "li@example.cn", role: "it",
      machines: "under-50", consent: "yes",
    };
    await new Visitor(runtime).fillIn("/white-paper", answers);
    await runtime.settle();
    const [mail] = (await runtime.mailbox()).filter((one) => one.address === "li@example.cn");
    const path = linkTo(mail, "/confirm/");
    await runtime.skip(15 * DAY_MS);
    const before = await rowCounts();
    for (const method of ["GET", "POST"]) {
      const answer = await runtime.fetch(path, { method });
      assert.equal(answer.status, 410, method);
      assert.match(textOf(await answer.text()), /请重新填写表单/);
    }
    assert.deepEqual(await rowCounts(), before);
  });
});

describe("The web app", () => {
  const signIn = (body, headers) => ({
    method: "POST",
    headers: { "content-type": URLENCODED, origin: runtime.url, ...headers },
    body,
  });

  unchanged("lets nobody in without a token, with a forged session or from another site", async () => {
    const says = { en: /token/i, zh: /令牌/ };
    for (const [language, words] of [["en", says.en], ["zh-CN", says.zh]]) {
      const headers = { "accept-language": language };
      for (const body of ["token=wrong", "token=", "", "%zz", encoded({ token: await formToken() })]) {
        const answer = await runtime.fetch("/admin/sign-in", signIn(body, headers));
        assert.equal(answer.status, 401, body);
        assert.equal(answer.headers.get("set-cookie"), null);
        assert.match(textOf(await answer.text()), words);
      }
    }
    for (const cookie of ["dripline=x", `dripline=${await formToken()}`, "dripline=", "=;;=,"]) {
      const answer = await runtime.fetch("/admin", { headers: { cookie } });
      assert.equal(answer.status, 303, cookie);
      assert.match(answer.headers.get("location"), /^\/admin\/sign-in/);
    }
    const token = "token=test-token";
    const elsewhere = [{ "sec-fetch-site": "cross-site" }, { origin: "https://evil.example" }];
    for (const headers of elsewhere) {
      const answer = await runtime.fetch("/admin/sign-in", signIn(token, headers));
      assert.equal(answer.status, 403);
      assert.match(textOf(await answer.text()), /Open the page here and try again/);
    }
    const big = await runtime.fetch("/admin/sign-in", signIn(`token=${"x".repeat(5_000)}`));
    assert.equal(big.status, 413);
  });
});

describe("The API", () => {
  const EVENTS = "/api/v1/events";
  const CAMPAIGNS = "/api/v1/campaigns";
  const tell = (...events) => runtime.api("POST", EVENTS, { events });
  const order = { name: "order.completed", email: "reader@example.com" };

  unchanged("asks who comes without a good token for one", async () => {
    const bad = [undefined, "Bearer ", "Bearer wrong", "Basic dGVzdDp0ZXN0", "test-token", "Bearer x y"];
    for (const authorization of bad) {
      for (const [method, path] of [
        ["POST", EVENTS], ["POST", CAMPAIGNS], ["GET", "/api/v1/reports/campaigns/relay"],
      ]) {
        const headers = { "content-type": "application/json", ...(authorization && { authorization }) };
        const body = method === "POST" ? JSON.stringify({ events: [order] }) : undefined;
        const answer = await runtime.fetch(path, { method, headers, body });
        assert.equal(answer.headers.get("www-authenticate"), "Bearer");
        await isProblem(`${authorization} ${path}`, answer, 401, /dripline token new/);
      }
    }
  });

  unchanged("takes JSON only, and not without end", async () => {
    const authorization = "Bearer test-token";
    for (const path of [EVENTS, CAMPAIGNS]) {
      for (const type of ["text/plain", URLENCODED, "multipart/form-data; boundary=x", ""]) {
        const headers = { authorization, ...(type && { "content-type": type }) };
        const body = new TextEncoder().encode("{}");
        const answer = await runtime.fetch(path, { method: "POST", headers, body });
        await isProblem(type, answer, 415, /content-type: application\/json/);
      }
    }
    const big = { events: [{ ...order, properties: { text: "x".repeat(300_000) } }] };
    await isProblem("events", await runtime.api("POST", EVENTS, big), 413, /262144 bytes/);
    const huge = { ...compiled, templates: "x".repeat(2_030_000) };
    await isProblem("a campaign", await runtime.api("POST", CAMPAIGNS, huge), 413, /2000000 bytes/);
  });

  unchanged("takes no event that cannot be true, and names each one", async () => {
    const future = new Date(runtime.now() + DAY_MS).toISOString();
    const bad = [
      [{ ...order, at: future }, "events[0].at", /in the future/],
      [{ ...order, at: "yesterday" }, "events[0].at", /RFC 3339/],
      [{ ...order, at: "1960-01-01T00:00:00Z" }, "events[0].at", /before 1970/],
      [{ ...order, name: "message.clicked" }, "events[0].name", /choose another/],
      [{ ...order, name: "goal.reached" }, "events[0].name", /choose another/],
      [{ ...order, name: "Order Completed" }, "events[0].name", /a-z/],
      [{ ...order, name: "" }, "events[0].name", /a-z/],
      [{ name: "order.completed" }, "events[0]", /identify the contact/],
      [{ ...order, email: "nobody" }, "events[0].email", /./],
      [{ ...order, phone: "12" }, "events[0].phone", /./],
      [{ ...order, external_id: "" }, "events[0].external_id", /1 to 200/],
      [{ ...order, id: "" }, "events[0].id", /1 to 200/],
      [{ ...order, value: "12.345", currency: "EUR" }, "events[0].value", /199\.00/],
      [{ ...order, value: "lots", currency: "EUR" }, "events[0].value", /199\.00/],
      [{ ...order, value: "1e3", currency: "EUR" }, "events[0].value", /199\.00/],
      [{ ...order, value: "99999999999999999999", currency: "EUR" }, "events[0].value", /199\.00/],
      [{ ...order, value: "1.00" }, "events[0].currency", /needs a currency/],
      [{ ...order, value: "1.00", currency: "RMB" }, "events[0].currency", /`RMB` is no currency: write `CNY`/],
      [{ ...order, value: 199 }, "events[0].value", /write it as text, in quotes: \\"199\\"/],
      [{ ...order, properties: { value_minor: 1 } }, "events[0].properties", /leave it out/],
      [{ ...order, properties: { text: "x".repeat(9_000) } }, "events[0].properties", /8192/],
      [{ ...order, vlaue: "1.00" }, "events[0]", /unknown field `vlaue`/],
      ["order.completed", "events[0]", /./],
    ];
    for (const [event, key, says] of bad) {
      const what = JSON.stringify(event).slice(0, 120);
      const problem = await isProblem(what, await tell(event), 422, says);
      assert.deepEqual(problem.problems.map((one) => one.key), [key], what);
    }
    const mixed = await isProblem("good and bad", await tell(order, { ...order, at: future }), 422);
    assert.deepEqual(mixed.problems.map((one) => one.key), ["events[1].at"]);
    for (const body of [{}, [], { events: [] }, { events: {} }, { events: [order], more: 1 }]) {
      await isProblem(JSON.stringify(body), await runtime.api("POST", EVENTS, body), 422);
    }
    await isProblem("101 events", await tell(...Array(101).fill(order)), 422, /1 to 100/);
    for (const raw of ["{", "", "\u0000", Buffer.from([0xff])]) {
      const headers = { authorization: "Bearer test-token", "content-type": "application/json" };
      const answer = await runtime.fetch(EVENTS, { method: "POST", headers, body: raw });
      await isProblem("broken JSON", answer, 400, /events/);
    }
  });

  unchanged("publishes no campaign with mistakes, and names them all", async () => {
    const spoil = async (change) => {
      const copy = structuredClone(compiled);
      change(copy.campaign, copy);
      return runtime.api("POST", CAMPAIGNS, copy);
    };
    const page = (all) => all.templates["pages/relay"];
    const mistakes = [
      ["a reserved path", (c) => (c.pages.start.path = "/api/relay"), /begin the path with another word/],
      ["a path of another campaign", (c) => (c.pages.start.path = "/webinar"), /spring-webinar/],
      ["a form that is not there", (c) => (c.pages.start.form = "joni"), /join/],
      ["a missing template", (_, all) => delete all.templates["pages/relay"], /pages\/relay/],
      ["an unknown variable", (_, all) => (page(all).page += "{{titel}}"), /title/],
      ["too large a template", (_, all) => (page(all).page += " ".repeat(262_144)), /262144/],
      ["blocks without end", (_, all) => (page(all).page += "{{#if title}}".repeat(9_000)), /20/],
      [
        "a partial in itself",
        (_, all) => (all.templates["partials/a"] = { partial: "{{> a}}" }),
        /includes itself/,
      ],
      ["too deep a rule", (c) => (c.segments.deep = deepRule(60)), /the limit is 20/],
    ];
    for (const [what, change, says] of mistakes) {
      const problem = await isProblem(what, await spoil(change), 422, says);
      assert.ok(problem.problems.length > 0, what);
      assert.match(problem.detail, /Fix the listed/);
    }
    const unknown = { ...compiled, templates: { "pages/relay": { ["x".repeat(9_000)]: "" } } };
    for (const body of [{}, [], "text", { campaign: {} }, null, unknown]) {
      const what = JSON.stringify(body).slice(0, 60);
      const answer = await runtime.api("POST", CAMPAIGNS, body);
      const { detail } = await isProblem(what, answer, 400, /dripline publish/);
      assert.ok(detail.length < 500, "it quotes no more than needed");
    }
  });

  unchanged("knows no report of a campaign that is not published", async () => {
    const cases = [["nothing", /was ever published/], ["relay'--", /was ever published/], ["%00", /address/], ["%ff", /address/]];
    for (const [id, words] of cases) {
      const answer = await runtime.api("GET", `/api/v1/reports/campaigns/${id}`);
      await isProblem(id, answer, 404, words);
    }
  });
});

describe("Answers with mistakes", () => {
  const typed = {
    first_name: 'Ann "<Q>" & Co', email: "ann@@example", phone: "12", seats: "21",
    site: "ftp://x", day: "2026-02-30", size: "huge", pace: "fast", tools: ["pen", "saw"],
    vip: "yes", country: "XX", note: "first\nsecond", consent: "yes",
  };

  /** Submits the form of the page with these answers. */
  async function answer(path, answers, headers) {
    const visitor = new Visitor(runtime, headers);
    const { form } = await visitor.visit(path);
    await runtime.skip("3s");
    const before = await rowCounts();
    const response = await visitor.send(form, answers);
    assert.deepEqual(await rowCounts(), before);
    return readPage(response.status, await response.text());
  }

  test("are shown beside each field and all together, and the typed values are kept", async () => {
    const page = await answer("/relay", typed);
    assert.equal(page.status, 422);
    const summary = [...page.html.matchAll(/<li><a href="#dl-([a-z_]+)">([^<]+)</g)];
    const fields = ["email", "phone", "seats", "site", "day", "size", "tools", "country"];
    assert.deepEqual(summary.map(([, field]) => field), fields);
    for (const field of fields) assert.ok(page.html.includes(`id="dl-${field}"`), field);
    const kept = [
      'value="Ann &#34;&#60;Q&#62;&#34; &#38; Co"', 'value="ann@@example"', 'value="12"',
      'value="21"', 'value="ftp://x"', 'value="2026-02-30"', ">\nfirst\nsecond</textarea>",
    ];
    for (const value of kept) assert.ok(page.html.includes(value), `${value} is lost`);
    assert.match(page.html, /name="pace" value="fast"[^>]* checked/);
    assert.match(page.html, /name="tools" value="pen"[^>]* checked/);
    assert.match(page.html, /name="vip" value="yes"[^>]* checked/);
    assert.match(page.html, /name="consent" value="yes-[0-9a-f]{16}"[^>]* checked/);
    assert.ok(!page.html.includes("<Q>"), "what was typed is text and no HTML");
  });

  test("are corrected at once, without another wait", async () => {
    const visitor = new Visitor(runtime);
    const { form } = await visitor.visit("/relay");
    await runtime.skip("3s");
    const wrong = await visitor.send(form, { email: "kim@@example", consent: "yes" });
    const page = readPage(wrong.status, await wrong.text());
    assert.equal(page.status, 422);
    const right = await visitor.send(page.form, { email: "kim@example.com", consent: "yes" });
    assert.equal(right.status, 200);
  });

  test("are shown in the language of the page", async () => {
    const page = await answer("/white-paper", { email: "x", phone: "1", role: "it" });
    assert.equal(page.status, 422);
    assert.match(page.html, /<html lang="zh-CN">/);
    const problems = /id="dl--problems".*?<\/div>/s.exec(page.html)[0];
    assert.match(textOf(problems), /姓名.*公司名称.*工作邮箱.*手机号/);
  });

  test("are returned to a program as a problem document, with a new token", async () => {
    const token = await formToken();
    await runtime.skip("3s");
    const send = (body) =>
      runtime.fetch(FORM, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify(body),
      });
    const refused = await send({ _token: token, email: "ann@@example", tools: ["pen"] });
    const problem = await isProblem("JSON", refused, 422, /Correct the listed fields/);
    assert.deepEqual(problem.problems.map((one) => one.field), ["email"]);
    await runtime.skip("3s");
    const taken = await send({ _token: problem.token, email: "json@example.com", vip: true });
    assert.equal(taken.status, 200);
    assert.deepEqual(await taken.json(), { status: "ok", thanks: null });
  });
});

describe("A form on another site", () => {
  const start = (origin) => runtime.fetch(FORM, { headers: { origin } });

  test("gets its fields and a token, and is sent as JSON", async () => {
    const opened = await start(PARTNER);
    assert.equal(opened.headers.get("access-control-allow-origin"), PARTNER);
    assert.equal(opened.headers.get("vary"), "origin");
    const { form, token, fields, consent } = await opened.json();
    assert.equal(form, "relay.join");
    assert.ok(fields.some((field) => field.name === "email" && field.required));
    assert.equal(consent.text, "Write to me.");

    const asked = await runtime.fetch(FORM, {
      method: "OPTIONS",
      headers: { origin: PARTNER, "access-control-request-method": "POST" },
    });
    assert.equal(asked.status, 204);
    assert.equal(asked.headers.get("access-control-allow-origin"), PARTNER);
    assert.match(asked.headers.get("access-control-allow-methods"), /POST/);
    assert.match(asked.headers.get("access-control-allow-headers"), /content-type/);

    await runtime.skip("3s");
    const body = JSON.stringify({ _token: token, email: "embedded@example.com", consent: true });
    const headers = { origin: PARTNER, "content-type": "application/json" };
    const sent = await runtime.fetch(FORM, { method: "POST", headers, body });
    assert.equal(sent.status, 200, await sent.clone().text());
    assert.equal(sent.headers.get("access-control-allow-origin"), PARTNER);
    await runtime.settle();
    const mails = await runtime.mailbox();
    assert.ok(mails.some((one) => one.address === "embedded@example.com"));
  });

  unchanged("is opened to no site but those that the form names", async () => {
    const strangers = [
      "https://evil.example", "http://partner.example", "https://partner.example.evil.example",
      "https://partner.example:8443", "null", "",
    ];
    for (const origin of strangers) {
      for (const method of ["GET", "OPTIONS"]) {
        const answer = await runtime.fetch(FORM, { method, headers: { origin } });
        assert.equal(answer.headers.get("access-control-allow-origin"), null, origin);
      }
    }
    // The refusal can be read where the form may be embedded.
    const refused = await runtime.fetch(FORM, {
      method: "POST",
      headers: { origin: PARTNER, "content-type": "application/json" },
      body: "{",
    });
    assert.equal(refused.headers.get("access-control-allow-origin"), PARTNER);
    await isProblem("a broken body", refused, 400);
  });
});

describe("Robots and crowds", () => {
  unchanged("a robot is thanked and forgotten", async () => {
    const token = await formToken();
    await runtime.skip("3s");
    const robot = { ...GOOD, _token: token, website_url_confirm: "https://spam.example" };
    const answer = await runtime.fetch(FORM, urlencoded(robot));
    assert.equal(answer.status, 200);
    assert.match(textOf(await answer.text()), /Thank you/);
  });

  test("a visitor who sends too often is asked to wait, and earlier submissions are kept", async () => {
    const times = SUBMIT_LIMIT + 2;
    const tokens = await Promise.all(Array.from({ length: times }, () => formToken()));
    await runtime.skip("3s");
    const statuses = [];
    for (const token of tokens) {
      const answers = { ...GOOD, _token: token, email: "often@example.com" };
      const answer = await runtime.fetch(FORM, urlencoded(answers));
      statuses.push(answer.status);
      if (answer.status === 429) assert.equal(answer.headers.get("retry-after"), "60");
    }
    const taken = statuses.filter((status) => status === 200).length;
    assert.ok(taken > 0 && taken <= SUBMIT_LIMIT, statuses.join());
    assert.equal(statuses.at(-1), 429);
    const [{ submitted }] = await runtime.d1(
      `SELECT COUNT(*) AS submitted FROM events WHERE name = 'form.submitted' AND contact_id =
       (SELECT id FROM contacts WHERE email = 'often@example.com')`,
    );
    assert.equal(submitted, taken);
    const says = { en: /Wait a minute/, zh: /请一分钟后重试/ };
    await refuses("too often", FORM, urlencoded({ ...GOOD, _token: tokens.at(-1) }), 429, says);
  });

  test("a burst of good, bad and broken-off requests leaves the worker well", async () => {
    const form = await formToken();
    const requests = [
      (signal) => runtime.fetch("/webinar", { signal }),
      (signal) => runtime.fetch("/nothing", { signal }),
      (signal) => runtime.fetch(FORM, { ...urlencoded({ _token: form }), signal }),
      (signal) => runtime.fetch(FORM, { ...urlencoded({ email: "x".repeat(70_000) }), signal }),
      (signal) => runtime.fetch(FORM, { method: "POST", signal, body: slow(), duplex: "half" }),
      (signal) => runtime.fetch(linkTo(mail, "/c/"), { signal }),
      (signal) => runtime.fetch("/u/forged", { method: "POST", signal }),
      (signal) => runtime.fetch("/api/v1/events", { method: "POST", body: "{", signal }),
      (signal) => runtime.fetch("/white-paper", { signal }),
      (signal) => runtime.fetch("/dev/mailbox", { signal }),
    ];
    const statusOf = async (index, signal) => {
      const response = await requests[index % requests.length](signal);
      await response.arrayBuffer();
      return response.status;
    };
    const burst = Array.from({ length: 200 }, async (_, index) => {
      // Every fourth request is aborted, each a little later than the one before, and is not
      // awaited.
      if (index % 4 !== 3) return statusOf(index);
      const controller = new AbortController();
      const broken = new Promise((resolve) => setTimeout(resolve, index));
      statusOf(index, controller.signal).catch(() => {});
      await broken;
      controller.abort();
    });
    const statuses = (await Promise.all(burst)).filter((status) => status !== undefined);
    assert.equal(statuses.length, 150);
    assert.deepEqual(statuses.filter((status) => status >= 500), []);
    assert.equal((await runtime.fetch("/webinar")).status, 200);
    await runtime.tick();
    const ready = await runtime.fetch("/readyz");
    assert.equal(ready.status, 200, await ready.text());
  });
});

/** A token with its second to last letter changed: the last one has unused bits. */
function forge(token) {
  const letter = token.at(-2) === "A" ? "B" : "A";
  return token.slice(0, -2) + letter + token.at(-1);
}

/** A rule nested this many levels deep. */
function deepRule(depth) {
  return depth === 0 ? { score: { gte: 1 } } : { not: deepRule(depth - 1) };
}

/** A body in chunks, without a length. */
function pieces(piece, count) {
  let left = count;
  return new ReadableStream({
    pull(controller) {
      if (left-- > 0) controller.enqueue(new TextEncoder().encode(piece));
      else controller.close();
    },
  });
}

/** A body that starts and never continues. */
function slow() {
  return new ReadableStream({
    start(controller) {
      controller.enqueue(new TextEncoder().encode("email="));
      setTimeout(() => controller.close(), 1_000);
    },
  });
}
