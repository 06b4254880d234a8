// Members on the built worker: mailed links, roles that limit what is answered, tokens that end,
// and the audit log.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { SAMPLES, dripline, publish } from "./command_line.mjs";
import { start } from "./runtime.mjs";
import { Visitor, links, textOf } from "./visitor.mjs";

let runtime;
before(async () => {
  runtime = await start({ submitLimit: 1_000 });
  await publish(runtime, SAMPLES);
});
after(() => runtime?.stop());

/** Calls the API with a token; returns the status and the JSON. */
async function call(method, path, body, token = "test-token") {
  const headers = { authorization: `Bearer ${token}` };
  if (body) headers["content-type"] = "application/json";
  const answer = await runtime.fetch(path, { method, headers, body: body && JSON.stringify(body) });
  return { status: answer.status, json: await answer.json() };
}

/** Adds a member; returns it. */
async function add(email, ...roles) {
  const { status, json } = await call("POST", "/api/v1/members", { email, name: email.split("@")[0], roles });
  assert.equal(status, 201, JSON.stringify(json));
  return json.member;
}

/** Runs a command against the runtime. */
const run = (...args) => dripline(...args, "--to", runtime.url, "--token", "test-token", "--json");

/** Makes a token of the server with the command line. */
async function token(name, role, ...more) {
  const made = await run("token", "add", name, "--role", role, ...more);
  assert.equal(made.status, 0, made.stdout + made.stderr);
  return JSON.parse(made.stdout).secret;
}

/** Asks for a link on the sign-in page. */
async function ask(email) {
  const answer = await new Visitor(runtime).fetch("/admin/sign-in?lang=en", {
    method: "POST",
    headers: { origin: runtime.url },
    body: new URLSearchParams({ email }),
  });
  return { status: answer.status, text: textOf(await answer.text()) };
}

/** The newest sign-in mail to an address, waited for because it leaves after the answer. */
async function mailTo(email, count = 1) {
  for (let tries = 0; tries < 50; tries += 1) {
    const mails = (await runtime.mailbox()).filter(({ address }) => address === email);
    if (mails.length >= count) return mails[0];
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error(`no mail to ${email}`);
}

/** Signs a member in by a mailed link; returns the visitor. */
async function signIn(email) {
  await ask(email);
  const link = links(await mailTo(email)).find((path) => path.startsWith("/admin/sign-in#dls_"));
  const member = new Visitor(runtime);
  const answer = await member.signIn(link.split("#")[1]);
  assert.equal(answer.status, 303);
  return member;
}

const status = async (member, path, options) => (await member.fetch(path, options)).status;
const post = { method: "POST", headers: { "sec-fetch-site": "same-origin" } };

describe("Members", () => {
  test("sign in by a mailed link, and the page says the same about every address", async () => {
    await add("ann@larkspan.example", "read-only");
    const [known, unknown] = [await ask("ann@larkspan.example"), await ask("nobody@larkspan.example")];
    assert.equal(known.status, 200);
    assert.match(known.text, /a link is on its way/);
    assert.deepEqual(known, unknown);
    const mail = await mailTo("ann@larkspan.example");
    assert.match(mail.subject, /Sign in.*登录/);
    const others = (await runtime.mailbox()).filter(({ address }) => address === "nobody@larkspan.example");
    assert.equal(others.length, 0);
  });

  test("see and do what their roles allow, on pages too", async () => {
    await add("bo@larkspan.example", "read-only");
    const bo = await signIn("bo@larkspan.example");
    assert.equal(await status(bo, "/admin"), 200);
    assert.equal(await status(bo, "/admin/suppressions"), 403);
    assert.equal(await status(bo, "/admin/dead-letters"), 403);
    assert.equal(await status(bo, "/admin/campaigns/spring-webinar/unpublish", post), 403);
    const refused = await bo.fetch("/admin/suppressions?lang=zh-CN");
    assert.match(textOf(await refused.text()), /您的角色没有此权限/);
  });

  test("are out at the next request when they end", async () => {
    const cy = await add("cy@larkspan.example", "marketer");
    const visitor = await signIn("cy@larkspan.example");
    const own = await token("cy-laptop", "marketer", "--member", "cy@larkspan.example");
    assert.equal(await status(visitor, "/admin"), 200);
    assert.equal((await call("GET", "/api/v1/reports/campaigns/spring-webinar", undefined, own)).status, 200);
    const ended = await run("member", "end", cy.id);
    assert.equal(ended.status, 0, ended.stderr);
    assert.equal(await status(visitor, "/admin"), 303);
    assert.equal((await call("GET", "/api/v1/reports/campaigns/spring-webinar", undefined, own)).status, 401);
    const { sessions } = (await call("GET", "/api/v1/sessions")).json;
    assert.ok(!sessions.some(({ subject }) => subject === "cy"));
  });

  test("with no role see nothing", async () => {
    await add("di@larkspan.example");
    const di = await signIn("di@larkspan.example");
    for (const path of ["/admin", "/admin/campaigns/spring-webinar", "/admin/suppressions"]) {
      assert.equal(await status(di, path), 403, path);
    }
  });

  test("get at most five links an hour", async () => {
    await add("ed@larkspan.example", "editor");
    for (let n = 0; n < 7; n += 1) assert.equal((await ask("ed@larkspan.example")).status, 200);
    await mailTo("ed@larkspan.example", 5);
    await new Promise((resolve) => setTimeout(resolve, 500));
    const mails = (await runtime.mailbox()).filter(({ address }) => address === "ed@larkspan.example");
    assert.equal(mails.length, 5);
    const link = await call("POST", "/api/v1/members/ed@larkspan.example/link");
    assert.equal(link.status, 429);
  });
});

describe("Tokens of the server", () => {
  test("are limited by their roles, and masks hide addresses", async () => {
    const answers = { first_name: "Fay", email: "fay@example.com", role: "lead", consent: "yes" };
    assert.equal((await new Visitor(runtime).fillIn("/webinar", answers)).status, 303);
    await runtime.settle();
    const [{ id }] = await runtime.d1("SELECT id FROM contacts WHERE email = 'fay@example.com'");
    const [analyst, service] = [await token("bi", "analyst"), await token("desk", "service")];
    const shown = await call("GET", `/api/v1/records/contact/${id}`, undefined, analyst);
    assert.equal(shown.status, 200);
    assert.equal(shown.json.fields.email, "f***@example.com");
    assert.deepEqual(shown.json.masked, ["email"]);
    assert.ok(!JSON.stringify(shown.json).includes("fay@"));
    for (const [method, path, body] of [
      ["GET", `/api/v1/contacts/${id}/explain`],
      ["POST", `/api/v1/records/contact/${id}/unmask`, { field: "email" }],
      ["POST", `/api/v1/contacts/${id}/erase`, {}],
      ["GET", "/api/v1/suppressions"],
      ["POST", "/api/v1/events", { events: [] }],
      ["GET", "/api/v1/members"],
      ["GET", "/api/v1/audit"],
      ["POST", "/api/v1/sign-in-links"],
    ]) {
      const { status, json } = await call(method, path, body, analyst);
      assert.equal(status, 403, `${method} ${path}`);
      assert.equal(json.title, "Your roles do not allow this");
    }
    const lifted = await call("POST", `/api/v1/records/contact/${id}/unmask`, { field: "email" }, service);
    assert.deepEqual(lifted, { status: 200, json: { field: "email", value: "fay@example.com" } });
    const { entries } = (await call("GET", `/api/v1/audit?object=${id}`)).json;
    assert.deepEqual(entries.map(({ actor, action }) => [actor, action]), [["token:desk", "unmask"]]);
  });

  test("end when they are revoked and when they expire", async () => {
    const [one, two] = [await token("one", "analyst", "--days", "1"), await token("two", "analyst")];
    const works = async (secret) => (await call("GET", "/api/v1/reports/campaigns/spring-webinar", undefined, secret)).status;
    assert.deepEqual([await works(one), await works(two)], [200, 200]);
    assert.equal((await run("token", "revoke", "two")).status, 0);
    assert.deepEqual([await works(one), await works(two)], [200, 401]);
    await runtime.skip("25h");
    assert.equal(await works(one), 401);
    const { tokens } = (await call("GET", "/api/v1/tokens")).json;
    assert.ok(tokens.find(({ name }) => name === "one").used_at > 0);
    const kept = JSON.stringify(await runtime.d1("SELECT * FROM api_tokens"));
    assert.ok(!kept.includes(one) && !kept.includes(two));
  });

  test("nobody gives more than they hold", async () => {
    const role = { name: "Lead", grants: [{ actions: ["manage"], scope: "all" }] };
    assert.equal((await call("POST", "/api/v1/roles/lead", role)).status, 200);
    const lead = await token("lead", "lead");
    const wanted = { email: "gus@larkspan.example", name: "Gus", roles: ["owner"] };
    assert.equal((await call("POST", "/api/v1/members", wanted, lead)).status, 403);
    assert.equal((await call("POST", "/api/v1/roles/lead", role, lead)).status, 403);
    assert.equal((await call("POST", "/api/v1/roles/owner", role)).status, 422);
    const made = await call("POST", "/api/v1/tokens", { name: "gus", roles: ["owner"] }, lead);
    assert.equal(made.status, 403);
  });
});

describe("The audit log", () => {
  test("has every act with who did it, page by page", async () => {
    await call("POST", "/api/v1/journeys/spring-webinar.nurture/pause", {});
    await call("POST", "/api/v1/journeys/spring-webinar.nurture/resume", {});
    const about = (await call("GET", "/api/v1/audit?object=spring-webinar.nurture")).json.entries;
    assert.deepEqual(about.map(({ action }) => action), ["resume", "pause"]);
    assert.ok(about.every(({ actor }) => actor === "token:tests"));
    const published = (await call("GET", "/api/v1/audit?action=publish&object=spring-webinar")).json.entries;
    assert.equal(published[0].detail.version, 1);
    const seen = [];
    let next = "";
    do {
      const page = (await call("GET", `/api/v1/audit?limit=3&before=${next}`)).json;
      seen.push(...page.entries.map(({ id }) => id));
      next = page.next;
    } while (next && seen.length < 300);
    assert.equal(new Set(seen).size, seen.length);
    assert.equal((await call("GET", "/api/v1/audit?since=yesterday")).status, 400);
    const text = (await runtime.d1("SELECT * FROM audit")).map((row) => JSON.stringify(row)).join("\n");
    assert.ok(!text.includes("@larkspan.example"), "no address is in the log");
    const exported = await dripline("audit", "--csv", "--to", runtime.url, "--token", "test-token");
    assert.match(exported.stdout, /^at,actor,action,kind,object,detail,id\n/);
    assert.ok(exported.stdout.split("\n").length > 10);
  });

  test("a failed act is not in it", async () => {
    const before = (await call("GET", "/api/v1/audit?action=unpublish")).json.entries.length;
    assert.equal((await call("POST", "/api/v1/campaigns/nowhere/unpublish", {})).status, 404);
    assert.equal((await call("GET", "/api/v1/audit?action=unpublish")).json.entries.length, before);
  });
});
