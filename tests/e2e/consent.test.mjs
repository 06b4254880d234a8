// Granting and withdrawing consent over HTTP, as mail clients and people do it; and the suppression
// list, by the command line and in the web app.

import assert from "node:assert/strict";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { SAMPLES, dripline, publish } from "./command_line.mjs";
import { start } from "./runtime.mjs";
import { Visitor, linkTo, textOf } from "./visitor.mjs";

const ANN = {
  first_name: "Ann",
  email: "ann@example.com",
  phone: "07400 123456",
  role: "lead",
  consent: "yes",
};

let runtime, ann, welcome;
before(async () => {
  runtime = await start({ submitLimit: 100 });
  await publish(runtime, SAMPLES);
  ann = new Visitor(runtime);
  await ann.fillIn("/webinar", ANN);
  await runtime.settle();
  [welcome] = await runtime.mailbox();
});
after(() => runtime?.stop());

const count = async (what) => (await runtime.d1(`SELECT count(*) AS n FROM ${what}`))[0].n;
const withdrawn = () => count("consents WHERE state = 'withdrawn'");

describe("One click", () => {
  test("is taken as multipart, URL-encoded or empty, without cookies and without redirect", async () => {
    const { pathname } = new URL(JSON.parse(welcome.headers)["List-Unsubscribe"].slice(1, -1));
    const multipart = new FormData();
    multipart.set("List-Unsubscribe", "One-Click");
    const encoded = new URLSearchParams({ "List-Unsubscribe": "One-Click" });
    for (const body of [multipart, encoded, undefined, "x".repeat(20_000)]) {
      const answer = await runtime.fetch(pathname, { method: "POST", body });
      assert.equal(answer.status, 200);
      assert.equal(answer.headers.get("set-cookie"), null);
      assert.match(await answer.text(), /You are unsubscribed/);
    }
    assert.equal(await withdrawn(), 1);
  });

  test("answers the same for a contact that is gone, and tells a broken link apart", async () => {
    const path = linkTo(welcome, "/u/");
    const broken = await runtime.fetch(path.slice(0, -1), { method: "POST" });
    assert.equal(broken.status, 404);
    assert.match(await broken.text(), /answer the message with the word/);
  });
});

describe("The page of preferences", () => {
  let path;
  const boxes = (html) =>
    [...html.matchAll(/name="agree" value="([^"]+)"( checked)?/g)].map(([, v, on]) => `${v}${on ?? ""}`);

  test("is linked by the page of a refusal, and nothing happens by a look", async () => {
    const unsubscribed = await runtime.fetch(linkTo(welcome, "/u/"), { method: "POST" });
    path = /href="(\/preferences\/[^"?]+)/.exec(await unsubscribed.text())[1];
    const events = await count("events");
    for (const method of ["GET", "HEAD"]) {
      assert.equal((await runtime.fetch(path, { method })).status, 200);
    }
    assert.equal(await count("events"), events);
    const page = await (await runtime.fetch(path)).text();
    assert.match(textOf(page), /Webinars /);
    assert.doesNotMatch(textOf(page), /Maintenance news/, "another campaign's");
    assert.match(textOf(page), /a…@example\.com, …456/, "enough of the address, and no more");
    assert.doesNotMatch(page, /ann@example\.com/);
    assert.deepEqual(boxes(page).sort(), ["email.webinars", "sms.webinars checked"]);
  });

  test("agrees, withdraws, and speaks the language that was chosen", async () => {
    const page = await (await runtime.fetch(path)).text();
    const hidden = (name) => new RegExp(`name="${name}" value="([^"]*)"`).exec(page)[1];
    const body = new URLSearchParams({
      shown: hidden("shown"), words: hidden("words"), agree: "email.webinars",
      do_not_track: "1", language: "zh-CN", time_zone: "Asia/Shanghai",
    });
    assert.match(page, /<optgroup label="Asia">[^]*<option value="Asia\/Shanghai">Beijing, Shanghai, Shenzhen<\/option>/);
    const saved = await runtime.fetch(`${path}?lang=en`, { method: "POST", body });
    assert.equal(saved.status, 200);
    const text = await saved.text();
    assert.match(text, /<html lang="zh-CN">/);
    assert.match(textOf(text), /您的选择已保存/);
    assert.deepEqual(boxes(text).filter((box) => box.endsWith("checked")), [
      "email.webinars checked",
    ]);
    const [contact] = await runtime.d1("SELECT attributes, locale, time_zone FROM contacts");
    assert.equal(contact.locale, "zh-CN");
    assert.equal(contact.time_zone, "Asia/Shanghai");
    assert.equal(JSON.parse(contact.attributes).do_not_track, true);
    const [entry] = await runtime.d1(
      "SELECT state, text, message_id FROM consents WHERE source = 'preference page' AND text <> ''",
    );
    assert.equal(entry.state, "confirmed");
    assert.equal(entry.text, "Webinars · Invitations and material around our sessions, about twice a month. · E-mail");
    assert.equal(entry.message_id, welcome.id);
  });

  test("decides the language of the other pages, whatever the campaign's and the browser's", async () => {
    for (const link of [linkTo(welcome, "/u/"), path]) {
      const asked = await runtime.fetch(link, { headers: { "accept-language": "en" } });
      assert.match(await asked.text(), /<html lang="zh-CN">/, link);
    }
    const other = await runtime.fetch(`${linkTo(welcome, "/u/")}?lang=en`);
    assert.match(await other.text(), /<html lang="en">/, "unless the address says otherwise");
  });

  test("stops everything", async () => {
    const answer = await runtime.fetch(path, { method: "POST", body: "do=stop" , headers: {
      "content-type": "application/x-www-form-urlencoded" } });
    assert.equal(answer.status, 200);
    assert.deepEqual(boxes(await answer.text()).filter((box) => box.endsWith("checked")), []);
  });

  test("a refusal is undone by its own button, and the ledger tells all of it", async () => {
    const bo = new Visitor(runtime);
    await bo.fillIn("/webinar", { ...ANN, email: "bo@example.com", phone: "" });
    await runtime.settle();
    const mail = (await runtime.mailbox()).find((one) => one.address === "bo@example.com");
    const done = await runtime.fetch(linkTo(mail, "/u/"), { method: "POST" });
    const undo = /action="(\/u\/[^"]+\/undo[^"]*)"/.exec(await done.text())[1];
    assert.equal((await runtime.fetch(undo)).status, 405, "never by GET");
    const undone = await runtime.fetch(undo, { method: "POST" });
    assert.match(textOf(await undone.text()), /You are subscribed again/);
    const server = ["--to", runtime.url, "--token", "test-token"];
    const response = await dripline("consents", "bo@example.com", "--json", ...server);
    const { entries } = JSON.parse(response.stdout);
    const email = entries.filter((one) => one.channel === "email");
    assert.deepEqual(email.map((one) => one.state), ["granted", "withdrawn", "confirmed"]);
    assert.equal(email[2].text, "A mistake? Subscribe again: Webinars");
    assert.match(email[0].text_hash, /^[0-9a-f]{64}$/);
  });

  test("says so when nothing is stored any more", async () => {
    await runtime.d1("DELETE FROM contacts WHERE email = 'ann@example.com'");
    const page = await runtime.fetch(path);
    assert.equal(page.status, 200);
    assert.match(textOf(await page.text()), /We store nothing about you/);
    assert.equal((await runtime.fetch(linkTo(welcome, "/u/"), { method: "POST" })).status, 200);
  });
});

describe("Suppressed addresses", () => {
  let folder;
  before(async () => (folder = await mkdtemp(join(tmpdir(), "dripline-list-"))));
  after(() => rm(folder, { recursive: true }));
  const run = (...args) =>
    dripline("suppressions", ...args, "--to", runtime.url, "--token", "test-token");

  test("a list is imported, half of it malformed, and again", async () => {
    const rows = Array.from({ length: Number(process.env.ROWS ?? 4_000) }, (_, n) =>
      n % 2 ? `p${n}@example.org,Hard bounce` : `broken ${n},x`);
    const file = join(folder, "list.csv");
    await writeFile(file, `\ufeffEmail Address,Reason\r\n${rows.join("\r\n")}\r\n`);
    for (const [added, kept] of [[rows.length / 2, 0], [0, rows.length / 2]]) {
      const { stdout } = await run("import", file, "--json");
      const said = JSON.parse(stdout);
      assert.deepEqual([said.added, said.kept, said.wrong], [added, kept, rows.length / 2], stdout);
      if (process.env.ROWS) console.log(`${rows.length / said.seconds} rows a second: ${stdout}`);
    }
    const wrong = (await readFile(`${file}.wrong.csv`, "utf8")).split("\n");
    assert.match(wrong[1], /^2,.*broken 0,x/);
    assert.equal(await count("suppressions WHERE reason = 'bounced'"), rows.length / 2);
  });

  test("they are seen, added and lifted in the web app, by anybody who is signed in", async () => {
    const operator = new Visitor(runtime);
    assert.equal((await operator.fetch("/admin/suppressions")).status, 303);
    const encoded = (fields) => ({ method: "POST", body: new URLSearchParams(fields) });
    await operator.fetch("/admin/sign-in", encoded({ token: "test-token" }));
    const first = await (await operator.fetch("/admin/suppressions?reason=bounced")).text();
    assert.equal([...first.matchAll(/@example\.org<\/th>/g)].length, 100);
    const next = /href="([^"]+)" rel="next"/.exec(first)[1].replaceAll("&#38;", "&");
    assert.match(textOf(await (await operator.fetch(next)).text()), /Page 2/);
    const add = await operator.fetch("/admin/suppressions", encoded({ address: "Eve@Example.org" }));
    assert.equal(add.status, 303);
    const lift = { address: "eve@example.org", note: "typing error" };
    assert.equal((await operator.fetch("/admin/suppressions/release", encoded(lift))).status, 303);
    const [entry] = await runtime.d1(
      "SELECT released_by, release_note FROM suppressions WHERE address = 'eve@example.org'");
    assert.deepEqual(entry, { released_by: "token:tests", release_note: "typing error" });
    const foreign = { ...encoded(lift), headers: { "sec-fetch-site": "cross-site" } };
    assert.equal((await operator.fetch("/admin/suppressions/release", foreign)).status, 403);
  });

  test("the API wants a token, and says what is wrong", async () => {
    assert.equal((await runtime.fetch("/api/v1/suppressions")).status, 401);
    const add = await runtime.api("POST", "/api/v1/suppressions", { address: "nobody" });
    assert.equal(add.status, 422);
    const release = { address: "nobody@example.org", note: "why" };
    assert.equal((await runtime.api("POST", "/api/v1/suppressions/release", release)).status, 404);
    const listed = await (await runtime.api("GET", "/api/v1/suppressions?page=2")).json();
    assert.equal(listed.suppressions.length, 100);
    assert.equal((await runtime.api("GET", "/api/v1/suppressions/list")).status, 405);
  });
});
