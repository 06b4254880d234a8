// Keys, sessions and privileges on the built worker: what a rotated secret still opens, one-time
// links, sign-out that revokes, plain http, pages of other sites, ambiguous paths.

import assert from "node:assert/strict";
import { createHash, createHmac } from "node:crypto";
import { request } from "node:http";
import { after, before, describe, test } from "node:test";
import { SAMPLES, dripline, publish } from "./command_line.mjs";
import { CONFIGURATION, start } from "./runtime.mjs";
import { Visitor, linkTo, textOf } from "./visitor.mjs";

const OLD = CONFIGURATION.SIGNING_SECRET;
const NEW = "another secret that only these tests know, of thirty-two bytes";
const hash = (text) => createHash("sha256").update(text).digest("hex");

/** A token as anybody can make it who knows a signing secret. */
function forge(secret, letter, payload) {
  const derive = (what) => createHash("sha256").update(`dripline ${what}: ${secret}`).digest();
  const name = derive("key name").subarray(0, 3).toString("base64url").slice(0, 2);
  const key = name.replace(/[-_]/g, "0");
  const signed = `1${letter}${key}.${Buffer.from(payload).toString("base64url")}`;
  const mac = createHmac("sha256", derive("key")).update(signed).digest().subarray(0, 16);
  return `${signed}.${mac.toString("base64url")}`;
}

/** Whether these cookies open the web app. */
async function opens(cookie) {
  const answer = await runtime.fetch("/admin", { headers: { cookie } });
  return answer.status === 200;
}

/** Makes a sign-in link with the command line; returns its path. */
async function link(token = "test-token") {
  const made = await dripline("token", "sign-in", "--to", runtime.url, "--token", token, "--json");
  assert.equal(made.status, 0, made.stdout + made.stderr);
  const { url, expires_at } = JSON.parse(made.stdout);
  assert.ok(url.startsWith(`${runtime.url}/admin/sign-in#dls_`), url);
  assert.ok(Date.parse(expires_at) > runtime.now());
  return url.split("#")[1];
}

/** Sends a request whose path is not normalised on the way. */
function raw(path, headers = {}, method = "GET") {
  const { hostname, port } = new URL(runtime.url);
  return new Promise((resolve, reject) => {
    const sent = request({ hostname, port, path, method, headers }, (answer) => {
      let body = "";
      answer.on("data", (chunk) => (body += chunk));
      answer.on("end", () => resolve({ status: answer.statusCode, headers: answer.headers, body }));
    });
    sent.on("error", reject);
    sent.end();
  });
}

let runtime;
before(async () => {
  runtime = await start({ submitLimit: 1_000 });
  await publish(runtime, SAMPLES);
});
after(() => runtime?.stop());

describe("Signing in", () => {
  test("no signature opens the web app, with whatever secret it is made", async () => {
    const now = runtime.now();
    for (const at of [now, now + 10 * 365 * 86_400_000]) {
      for (const name of ["dripline", "__Host-dripline"]) {
        assert.equal(await opens(`${name}=${forge(OLD, "s", String(at))}`), false);
      }
      const signed = await new Visitor(runtime).signIn(forge(OLD, "i", String(at)));
      assert.equal(signed.status, 401);
    }
  });

  test("a link is shown by a page that keeps its secret from logs, and works once", async () => {
    const secret = await link();
    // What a link preview fetches contains no secret and uses nothing up.
    for (const _ of [1, 2]) {
      const page = await runtime.fetch("/admin/sign-in");
      assert.equal(page.status, 200);
      const policy = page.headers.get("content-security-policy");
      assert.match(policy, /script-src 'self';/);
      const html = await page.text();
      assert.match(html, /<script src="\/admin\/sign-in\.js"><\/script>/);
      assert.ok(!html.includes(secret));
    }
    const script = await runtime.fetch("/admin/sign-in.js");
    assert.match(script.headers.get("content-type"), /^text\/javascript/);
    assert.match(await script.text(), /location\.hash/);
    const ann = new Visitor(runtime);
    const answer = await ann.signIn(`${runtime.url}/admin/sign-in#${secret}`);
    assert.equal(answer.status, 303);
    assert.match(answer.headers.get("location"), /^\/admin\?lang=/);
    assert.match(answer.headers.get("set-cookie"), /; HttpOnly; SameSite=Lax$/);
    assert.equal(await opens(ann.cookies), true);
    const again = await new Visitor(runtime).signIn(secret);
    assert.equal(again.status, 401);
    assert.equal(await opens(ann.cookies), true);
    const kept = JSON.stringify(await runtime.d1("SELECT * FROM sessions"));
    assert.ok(!kept.includes(secret) && !kept.includes(ann.cookies.split("=")[1]));
  });

  test("of many who press at once, one is in", async () => {
    const secret = await link();
    const all = await Promise.all(
      Array.from({ length: 20 }, () => new Visitor(runtime).signIn(secret)),
    );
    assert.deepEqual(all.map((one) => one.status).sort(), [303, ...Array(19).fill(401)]);
  });

  test("a link is good for 15 minutes, and only for the token that made it", async () => {
    const secret = await link();
    await runtime.skip("16m");
    assert.equal((await new Visitor(runtime).signIn(secret)).status, 401);
    assert.equal((await runtime.fetch("/api/v1/sign-in-links", { method: "POST" })).status, 401);
  });

  test("it leads to the page that was asked for, if that is one of ours", async () => {
    const ann = new Visitor(runtime);
    const asked = "/admin/suppressions?reason=bounced&page=2&lang=zh-CN";
    const door = (await ann.fetch(asked)).headers.get("location");
    assert.match(door, /^\/admin\/sign-in\?lang=zh-CN&next=/);
    const { form, html } = await ann.visit(door);
    assert.match(html, /<html lang="zh-CN">/);
    assert.equal((await ann.signIn("test-token", form.action)).headers.get("location"), asked);
    for (const next of ["//evil.example/admin", "https://evil.example", "/c/x", "/admin/../x", "/\\evil.example"]) {
      const path = `/admin/sign-in?next=${encodeURIComponent(next)}`;
      const answer = await new Visitor(runtime).signIn("test-token", path);
      assert.match(answer.headers.get("location"), /^\/admin\?lang=/, next);
    }
  });

  test("it is a new session each time, and the former one ends", async () => {
    const ann = new Visitor(runtime, {});
    await ann.signIn();
    const former = ann.cookies;
    await ann.signIn();
    assert.notEqual(ann.cookies, former);
    assert.deepEqual([await opens(former), await opens(ann.cookies)], [false, true]);
    // A session id that somebody else chose is not adopted.
    const chosen = `dripline=${"x".repeat(43)}`;
    const eve = new Visitor(runtime, { cookie: chosen });
    await eve.signIn();
    assert.equal(await opens(chosen), false);
  });

  test("guessing is stopped", async () => {
    await runtime.restart({ submitLimit: 3 });
    const statuses = [];
    for (let n = 0; n < 5; n++) {
      const guesser = new Visitor(runtime, { "cf-connecting-ip": "192.0.2.7" });
      statuses.push((await guesser.signIn(`guess-${n}`)).status);
    }
    assert.deepEqual(statuses, [401, 401, 401, 429, 429]);
    await runtime.restart({ submitLimit: 1_000 });
  });
});

describe("A session", () => {
  test("ends at sign-out, wherever a copy of it is", async () => {
    const ann = new Visitor(runtime);
    await ann.signIn();
    for (const path of ["/admin", "/admin/suppressions", "/admin/campaigns/spring-webinar", "/dev/mailbox"]) {
      const { html } = await ann.visit(`${path}?lang=en`);
      assert.match(html, /<form class="out" method="post" action="\/admin\/sign-out\?lang=en">/, path);
      assert.match(textOf(html), /Sign out/, path);
    }
    const copy = ann.cookies;
    assert.equal((await ann.fetch("/admin/sign-out")).status, 405);
    const out = await ann.fetch("/admin/sign-out?lang=en", { method: "POST" });
    assert.match(out.headers.get("location"), /^\/admin\/sign-in\?lang=en/);
    assert.match(out.headers.get("set-cookie"), /^dripline=; .*Max-Age=0/);
    assert.equal(await opens(copy), false);
    const over = await runtime.fetch("/admin?lang=en", { headers: { cookie: copy } });
    const door = await (await runtime.fetch(over.headers.get("location"))).text();
    assert.match(textOf(door), /Your session is over/);
  });

  test("ends when its API token is taken out, and when that is changed", async () => {
    const variables = (tokens) => ({ variables: { API_TOKENS: tokens } });
    const tests = `tests:${hash("test-token")}`;
    const crm = `crm:${hash("crm-token")}`;
    await runtime.restart(variables(`${tests} ${crm}`));
    const [ann, bo] = [new Visitor(runtime), new Visitor(runtime)];
    await ann.signIn("crm-token");
    await bo.signIn("test-token");
    const secret = await link("crm-token");
    await runtime.restart(variables(`${crm}:reader ${tests}`));
    assert.deepEqual([await opens(ann.cookies), await opens(bo.cookies)], [false, true]);
    await runtime.restart(variables(tests));
    assert.deepEqual([await opens(ann.cookies), await opens(bo.cookies)], [false, true]);
    assert.equal((await new Visitor(runtime).signIn(secret)).status, 401);
  });

  test("ends after two days without use, and after seven", async () => {
    const [ann, bo] = [new Visitor(runtime), new Visitor(runtime)];
    await ann.signIn();
    await bo.signIn();
    for (let day = 1; day < 7; day++) {
      await runtime.skip("1d");
      assert.equal(await opens(ann.cookies), true, `day ${day}`);
    }
    assert.equal(await opens(bo.cookies), false);
    await runtime.skip("1d");
    assert.equal(await opens(ann.cookies), false);
  });

  test("from the future is none", async () => {
    const ann = new Visitor(runtime);
    await ann.signIn();
    await runtime.d1("UPDATE sessions SET created_at = created_at + 864000000, expires_at = 9000000000000000");
    assert.equal(await opens(ann.cookies), false);
  });

  test("is seen by operators, who end them all", async () => {
    const ann = new Visitor(runtime);
    await ann.signIn();
    const secret = await link();
    const server = ["--to", runtime.url, "--token", "test-token"];
    const listed = await dripline("session", ...server);
    assert.match(listed.stdout, /tests +session/);
    assert.match(listed.stdout, /tests +unused link/);
    assert.ok(!listed.stdout.includes(secret));
    const ended = await dripline("session", "end", ...server);
    assert.equal(ended.status, 0, ended.stderr);
    assert.equal(await opens(ann.cookies), false);
    assert.equal((await new Visitor(runtime).signIn(secret)).status, 401);
    assert.equal((await dripline("session", ...server)).stdout, "Nobody is signed in.\n");
    assert.equal((await runtime.fetch("/api/v1/sessions/end", { method: "POST" })).status, 401);
  });
});

test("a leaked secret that was rotated opens nothing, and old mail still unsubscribes", async () => {
  const ann = new Visitor(runtime);
  await ann.fillIn("/webinar", { first_name: "Ann", email: "ann@example.com", role: "lead", consent: "yes" });
  const li = {
    full_name: "李雷", company: "晨光", email: "li@example.cn", role: "it", machines: "under-50", consent: "yes",
  };
  await ann.fillIn("/white-paper", li);
  await runtime.settle();
  const mails = await runtime.mailbox();
  const of = (address) => mails.find((mail) => mail.address === address);
  const [welcome, question] = [of("ann@example.com"), of("li@example.cn")];
  const confirm = linkTo(question, "/confirm/");
  const open = /\/o\/[^"]+/.exec(welcome.html)[0];
  await ann.signIn();
  const { form } = await ann.visit("/webinar");

  await runtime.restart({ variables: { SIGNING_SECRET: NEW, SIGNING_SECRET_PREVIOUS: OLD } });
  const status = async (path, init) => (await runtime.fetch(path, init)).status;
  assert.equal(await status(linkTo(welcome, "/c/")), 302);
  assert.equal(await status(open), 200);
  // Proving that one owns an address needs the current secret.
  for (const method of ["GET", "POST"]) assert.equal(await status(confirm, { method }), 404);
  const [{ contact_id, id }] = await runtime.d1("SELECT contact_id, id FROM messages WHERE channel = 'email' LIMIT 1");
  const undo = forge(OLD, "n", `${contact_id}|spring-webinar|${id}|email|${runtime.now()}|webinars`);
  assert.equal(await status(`/u/${undo}/undo`, { method: "POST" }), 404);
  // The form that a visitor has open is still accepted.
  await runtime.skip("3s");
  const sent = await ann.send(form, { first_name: "Cy", email: "cy@example.com", role: "lead", consent: "yes" });
  assert.equal(sent.status, 303);
  const done = await runtime.fetch(linkTo(welcome, "/u/"), { method: "POST" });
  assert.match(textOf(await done.text()), /unsubscribed/i);
  const preferences = forge(OLD, "p", `${contact_id}|spring-webinar|${id}|email`);
  assert.equal(await status(`/preferences/${preferences}`), 200);
  // Signing in does not depend on it.
  assert.equal(await opens(ann.cookies), true);
  for (const secret of [OLD, NEW]) {
    for (const at of [runtime.now(), runtime.now() + 86_400_000]) {
      assert.equal(await opens(`dripline=${forge(secret, "s", String(at))}`), false);
      assert.equal((await new Visitor(runtime).signIn(forge(secret, "i", String(at)))).status, 401);
    }
  }
  await runtime.restart({ variables: {} });
});

describe("Who sends a form of the web app", () => {
  const CASES = [
    [{}, 403],
    [{ "sec-fetch-site": "same-origin" }, 303],
    [{ "sec-fetch-site": "none" }, 403],
    [{ "sec-fetch-site": "none", origin: "OURS" }, 303],
    [{ "sec-fetch-site": "same-site", origin: "OURS" }, 403],
    [{ "sec-fetch-site": "cross-site", origin: "OURS" }, 403],
    [{ "sec-fetch-site": "nonsense", origin: "OURS" }, 403],
    [{ origin: "OURS" }, 303],
    [{ origin: "http://dripline.test" }, 303],
    [{ origin: "null" }, 403],
    [{ origin: "https://dripline.test" }, 403],
    [{ origin: "http://shop.dripline.test" }, 403],
    [{ origin: "http://dripline.test.evil.example" }, 403],
    [{ origin: "http://evil.example//dripline.test" }, 403],
    [{ origin: "http://dripline.test:8080" }, 403],
    [{ origin: "null", referer: "http://dripline.test/admin" }, 403],
    [{ referer: "http://dripline.test/admin?lang=en" }, 303],
    [{ referer: "http://dripline.test@evil.example/admin" }, 403],
    [{ referer: "http://evil.example/http://dripline.test/" }, 403],
  ];

  test("is our own page, by list", async () => {
    const paths = ["/admin/sign-in", "/admin/sign-out", "/admin/journeys/spring-webinar.nurture/resume",
      "/admin/suppressions", "/admin/suppressions/release", "/admin/parked/x/release",
      "/admin/broadcasts/a.b/start", "/admin/campaigns/spring-webinar/release",
      "/admin/campaigns/spring-webinar/messages/emails/webinar-welcome"];
    for (const [headers, status] of CASES) {
      const given = Object.entries(headers).map(([name, value]) => [name, value.replace("OURS", runtime.url)]);
      for (const path of paths) {
        const answer = await runtime.fetch(path, {
          method: "POST", headers: Object.fromEntries(given), body: new URLSearchParams({ token: "test-token" }),
        });
        // Requests that pass reach the sign-in page, or sign in.
        assert.equal(answer.status, status, `${path} ${JSON.stringify(headers)}`);
      }
    }
  });

  test("does not matter where a token or nothing is the authority", async () => {
    for (const authorization of ["bearer test-token", "BEARER  test-token", "Bearer\ttest-token "]) {
      const answer = await runtime.fetch("/api/v1/parked", { headers: { authorization } });
      assert.equal(answer.status, 200, authorization);
    }
    for (const authorization of ["Bearer test-token x", "Bearertest-token", "Token test-token", `Bearer ${"x".repeat(600)}`]) {
      const answer = await runtime.fetch("/api/v1/parked", { headers: { authorization } });
      assert.equal(answer.status, 401, authorization);
    }
  });
});

describe("A path", () => {
  test("is decoded once; one with two readings leads nowhere", async () => {
    const ann = new Visitor(runtime);
    await ann.signIn();
    const headers = { cookie: ann.cookies, authorization: "Bearer test-token" };
    for (const path of ["/admin/suppressions", "/admin/%73uppressions", "/api/v1/parked", "/webinar", "/webinar/"]) {
      assert.equal((await raw(path, headers)).status, 200, path);
    }
    for (const path of [
      "/admin%2Fsuppressions", "/admin%2fsuppressions", "/admin%5Csuppressions", "/admin%252Fsuppressions",
      "//admin/suppressions", "/admin//suppressions", "/admin/suppressions/", "/admin;x/suppressions",
      "/api%2Fv1%2Fparked", "/api/v1%2fparked", "/api//v1/parked", "/api/v1/parked/",
      "/webinar%2Fthanks", "/webinar//thanks", "/webinar%00", "/webinar%0d%0ax", "/%zz", "/100%",
      "/admin/campaigns/x%2F..%2Fspring-webinar", "/admin/campaigns/%2e%2e%2fsuppressions",
    ]) {
      const answer = await raw(path, headers);
      assert.equal(answer.status, 404, `${path}: ${answer.body}`);
      assert.equal(answer.headers.location, undefined);
    }
    // The platform resolves dots first; the resulting path is what counts.
    for (const path of ["/x/../admin/suppressions", "/x/%2e%2e/admin/suppressions"]) {
      assert.ok([200, 404].includes((await raw(path, headers)).status), path);
      assert.notEqual((await raw(path)).status, 200, path);
    }
  });
});

describe("Where the public comes by https", () => {
  const BASE_URL = "https://dripline.test";
  const https = { "cf-visitor": '{"scheme":"https"}' };
  const plain = [
    {}, { "cf-visitor": '{"scheme":"http"}' }, { "x-forwarded-proto": "http" },
    { "cf-visitor": '{"scheme":"http"}', "x-forwarded-proto": "https" }, { "x-forwarded-proto": "https, http" },
  ];
  before(() => runtime.restart({ variables: { BASE_URL } }));
  after(() => runtime.restart({ variables: {} }));

  test("a page of the web app asked for by http is asked for again by https", async () => {
    for (const headers of plain) {
      for (const path of ["/admin", "/admin/sign-in?lang=en", "/admin/suppressions?page=2", "/dev/mailbox"]) {
        const answer = await runtime.fetch(path, { headers });
        assert.equal(answer.status, 308, `${path} ${JSON.stringify(headers)}`);
        assert.equal(answer.headers.get("location"), BASE_URL + path);
        assert.equal(answer.headers.get("set-cookie"), null);
        assert.equal(answer.headers.get("strict-transport-security"), null);
      }
    }
  });

  test("a token that comes by http is not taken", async () => {
    const authorization = "Bearer test-token";
    for (const headers of plain) {
      for (const [method, path] of [["GET", "/api/v1/parked"], ["POST", "/api/v1/sign-in-links"], ["POST", "/api/v1/events"]]) {
        const answer = await runtime.fetch(path, { method, headers: { ...headers, authorization } });
        assert.equal(answer.status, 403, `${path} ${JSON.stringify(headers)}`);
        const { title, detail } = await answer.json();
        assert.equal(title, "The API takes https only");
        assert.match(detail, /https:\/\/dripline\.test.*dripline token new/);
      }
      const signIn = await runtime.fetch("/admin/sign-in", {
        method: "POST", headers: { ...headers, origin: BASE_URL }, body: new URLSearchParams({ token: "test-token" }),
      });
      assert.equal(signIn.status, 403);
      assert.equal(signIn.headers.get("set-cookie"), null);
      assert.match(textOf(await signIn.text()), /insecure connection/);
    }
    const answer = await runtime.fetch("/api/v1/parked", { headers: { ...https, authorization } });
    assert.equal(answer.status, 200);
    const visitor = await runtime.fetch("/webinar");
    assert.equal(visitor.status, 200, "visitors' pages are as they were");
  });

  test("signing in by https gives a cookie for this host and https only", async () => {
    const ann = new Visitor(runtime, { ...https, origin: BASE_URL });
    const answer = await ann.fetch("/admin/sign-in", {
      method: "POST", headers: { origin: BASE_URL }, body: new URLSearchParams({ token: "test-token" }),
    });
    assert.equal(answer.status, 303);
    assert.match(answer.headers.get("set-cookie"), /^__Host-dripline=[\w-]{43}; Path=\/; Max-Age=\d+; HttpOnly; SameSite=Lax; Secure$/);
    assert.equal(answer.headers.get("strict-transport-security"), "max-age=31536000");
    assert.equal((await ann.fetch("/admin")).status, 200);
    // A cookie without the prefix, which plain http can set, is ignored.
    const cookie = ann.cookies.replace("__Host-", "");
    assert.equal((await runtime.fetch("/admin", { headers: { ...https, cookie } })).status, 303);
    const foreign = await ann.fetch("/admin/sign-out", { method: "POST", headers: { origin: "http://dripline.test" } });
    assert.equal(foreign.status, 403, "a page of ours that came by http may be anybody's");
  });
});

test("the mailbox is shown without signing in only on one's own machine, by its own name", async () => {
  assert.equal((await raw("/dev/mailbox")).status, 200);
  const { port } = new URL(runtime.url);
  for (const host of ["evil.example", `evil.example:${port}`, "192.168.1.5"]) {
    const answer = await raw("/dev/mailbox", { host });
    assert.equal(answer.status, 303, host);
    assert.match(answer.headers.location, /^\/admin\/sign-in\?/);
  }
  await runtime.restart({ variables: { BASE_URL: "http://go.example.com" } });
  assert.equal((await raw("/dev/mailbox")).status, 303);
  assert.equal((await raw("/dev/mailbox", { accept: "application/json" })).status, 303);
  await runtime.restart({ variables: {} });
});
