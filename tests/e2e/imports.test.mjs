// Imports and exports on the built worker: encodings and dialects by the runtime's own decoder, a
// large file in the background, refused rows, undo, and a whole installation into another by the
// command line.

import assert from "node:assert/strict";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { FIXTURES, dripline, publish } from "./command_line.mjs";
import { start } from "./runtime.mjs";

const PART_BYTES = 1_000_000;

let runtime;
let folder;
before(async () => {
  runtime = await start();
  folder = await mkdtemp(join(tmpdir(), "dripline-imports-"));
  await publish(runtime, FIXTURES);
});
after(async () => {
  await runtime?.stop();
  if (folder) await rm(folder, { recursive: true });
});

async function call(method, path, body) {
  const answer = await runtime.api(method, path, body);
  return { status: answer.status, body: await answer.json() };
}

async function send(id, part, bytes) {
  const answer = await fetch(`${runtime.url}/api/v1/imports/${id}/parts/${part}`, {
    method: "POST",
    headers: { authorization: "Bearer test-token", "content-type": "application/octet-stream" },
    body: bytes,
  });
  return { status: answer.status, body: await answer.json() };
}

async function create(settings, bytes, size = PART_BYTES) {
  const { status, body } = await call("POST", "/api/v1/imports", settings);
  assert.equal(status, 201, JSON.stringify(body));
  for (let at = 0, part = 1; at < bytes.length; at += size, part += 1) {
    assert.equal((await send(body.id, part, bytes.subarray(at, at + size))).status, 200);
  }
  return body.id;
}

async function ended(id) {
  for (let tries = 0; tries < 600; tries += 1) {
    const { body } = await call("GET", `/api/v1/imports/${id}`);
    if (!["checking", "running", "undoing"].includes(body.state)) return body;
    await new Promise((done) => setTimeout(done, 100));
  }
  throw new Error("the import does not end");
}

async function imported(settings, bytes, size) {
  const id = await create(settings, bytes, size);
  const { status, body } = await call("POST", `/api/v1/imports/${id}/start`, {});
  assert.equal(status, 200, JSON.stringify(body));
  return ended(id);
}

async function refused(id, of = "import") {
  const answer = await runtime.api("GET", `/api/v1/imports/${id}/refused?of=${of}`);
  assert.equal(answer.headers.get("content-type"), "text/csv; charset=utf-8");
  return answer.text();
}

const contacts = { kind: "contact" };
const count = async (sql) => (await runtime.d1(`SELECT count(*) AS n FROM ${sql}`))[0].n;

/** `姓名,邮箱` and `张三,<mail>` in GB18030. */
function chinese(mail) {
  return Buffer.concat([
    Buffer.from([0xd0, 0xd5, 0xc3, 0xfb, 0x2c, 0xd3, 0xca, 0xcf, 0xe4, 0x0d, 0x0a]),
    Buffer.from([0xd5, 0xc5, 0xc8, 0xfd, 0x2c]),
    Buffer.from(`${mail}\r\n`),
  ]);
}

test("GB18030, UTF-16 and Excel's dialect are read, in parts of any size", async () => {
  const text = "姓名;邮箱\r\n张三;MAIL\r\n";
  const files = {
    "gbk@example.com": chinese("gbk@example.com"),
    "wide@example.com": Buffer.from(`\ufeff${text.replace("MAIL", "wide@example.com")}`, "utf16le"),
    "excel@example.com": Buffer.from(`sep=;\r\n"姓名";邮箱\r\n"张三";excel@example.com\r\n`),
    "marked@example.com": Buffer.from(`\ufeff${text.replace("MAIL", "marked@example.com")}`),
  };
  for (const [mail, bytes] of Object.entries(files)) {
    const done = await imported(contacts, bytes, 7);
    assert.deepEqual([done.state, done.counts.made, done.counts.refused], ["done", 1, 0], mail);
    const [row] = await runtime.d1("SELECT attributes FROM contacts WHERE email = ?", mail);
    assert.equal(JSON.parse(row.attributes).name, "张三", mail);
  }
});

test("10,000 rows are done in the background, each once, and the wrong ones are listed", async () => {
  const rows = Array.from({ length: 10_000 }, (_, n) =>
    n % 1_000 === 999 ? `broken ${n},,` : `many${n}@example.com,Person ${n},"vip, new"`,
  );
  const bytes = Buffer.from(`email,name,tags\n${rows.join("\n")}\n`);
  const settings = { ...contacts, file: "many.csv", key: "many" };
  const id = await create(settings, bytes, 200_000);
  assert.equal(await create(settings, bytes, 200_000), id, "the same key is the same import");
  await call("POST", `/api/v1/imports/${id}/check`, { rows: 500 });
  const checked = await ended(id);
  assert.deepEqual([checked.state, checked.counts.rows, checked.counts.made], ["checked", 500, 500]);
  assert.equal(await count("contacts WHERE email LIKE 'many%'"), 0);
  const starts = await Promise.all([1, 2, 3].map(() => call("POST", `/api/v1/imports/${id}/start`, {})));
  assert.ok(starts.some(({ status }) => status === 200));
  const done = await ended(id);
  assert.equal(done.state, "done", done.reason);
  assert.deepEqual(done.counts, { rows: 10_000, made: 9_990, changed: 0, unchanged: 0, skipped: 0, refused: 10 });
  assert.equal(await count("contacts WHERE email LIKE 'many%'"), 9_990);
  assert.equal(await count("import_parts"), 0, "the file is gone");
  const file = await refused(id);
  assert.equal(file.trim().split("\r\n").length, 11);
  assert.match(file, /1000,1001,email,/);
  const again = await imported({ ...contacts }, bytes);
  assert.deepEqual([again.counts.made, again.counts.unchanged], [0, 9_990]);
});

test("an undo removes what was made", async () => {
  const done = await imported(contacts, Buffer.from("email\nundo1@example.com\nundo2@example.com\n"));
  await call("POST", `/api/v1/imports/${done.id}/undo`, {});
  const undone = await ended(done.id);
  assert.deepEqual([undone.state, undone.undo], ["undone", { removed: 2, restored: 0, kept: 0 }]);
  assert.equal(await count("contacts WHERE email LIKE 'undo%'"), 0);
});

test("bad input gets its answer", async () => {
  for (const [settings, status] of [
    [{ kind: "nothing" }, 404],
    [{ kind: "contact", match: ["name"] }, 422],
    [{ kind: "contact", colour: "red" }, 400],
  ]) {
    assert.equal((await call("POST", "/api/v1/imports", settings)).status, status);
  }
  assert.equal((await call("GET", "/api/v1/imports/none")).status, 404);
  const { body } = await call("POST", "/api/v1/imports", contacts);
  assert.equal((await call("POST", `/api/v1/imports/${body.id}/start`, {})).status, 409, "no part");
  assert.equal((await send(body.id, 1, Buffer.alloc(PART_BYTES + 1, "a"))).status, 413);
  assert.equal((await send(body.id, 0, Buffer.from("a"))).status, 422);
  assert.equal((await send(body.id, 2, Buffer.from("email\n"))).status, 200);
  const missing = await call("POST", `/api/v1/imports/${body.id}/start`, {});
  assert.equal(missing.status, 409);
  assert.match(missing.body.problems[0].message, /part 1 is missing/);
  assert.equal((await send(body.id, 1, Buffer.from("PK\u0003\u0004xl/"))).status, 200);
  const workbook = await call("POST", `/api/v1/imports/${body.id}/start`, {});
  assert.equal(workbook.status, 422);
  assert.match(workbook.body.problems[0].message, /save it as CSV/);
});

test("an export is paged, safe for spreadsheets, and one entry of the audit log", async () => {
  const name = Buffer.from('email,name\nsafe@example.com,"=HYPERLINK(1)"\n');
  await imported(contacts, name);
  const asked = { columns: ["email", "name"], filter: { attribute: "email", is: "safe@example.com" } };
  const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
  let text = "";
  let pages = 0;
  do {
    const answer = await runtime.api("POST", "/api/v1/records/contact/export", asked);
    text += decoder.decode(await answer.arrayBuffer());
    asked.after = answer.headers.get("x-next") ?? undefined;
    pages += 1;
  } while (asked.after);
  assert.ok(pages > 1, "a page looks at a part of the contacts only");
  assert.match(text, /^\ufeffemail,name\r\nsafe@example\.com,'=HYPERLINK/);
  const entries = await runtime.d1("SELECT detail FROM audit WHERE action = 'export'");
  assert.equal(entries.length, 1);
  assert.equal(JSON.parse(entries[0].detail).records, 1);
});

test("by the command line, a file is checked and imported, and everything moves elsewhere", async () => {
  const server = (to) => ["--to", to.url, "--token", "test-token"];
  const file = join(folder, "leads.csv");
  await writeFile(file, "Mail;Stadt;consent.text\nann@example.com;Bonn;Send me news\nwrong;;\n");
  const options = ["--map", "Mail=email", "--map", "Stadt=city", "--match", "email",
    "--set", "consent.purpose=news", "--set", "consent.channel=email",
    "--set", "consent.source=fair", "--set", "consent.date=2025-04-01"];
  const tried = await dripline("import", file, "--dry-run", ...options, ...server(runtime));
  assert.equal(tried.status, 1, tried.stderr);
  assert.match(tried.stdout, /2 rows: 1 made, 0 changed, 0 unchanged, 0 skipped, 1 refused/);
  assert.match(await readFile(`${file}.refused.csv`, "utf8"), /import_row,import_line/);
  const done = await dripline("import", file, ...options, ...server(runtime));
  assert.match(done.stdout, /: done/);
  const all = join(folder, "all");
  const out = await dripline("export", "--all", all, ...server(runtime));
  assert.equal(out.status, 0, out.stderr);
  const other = await start();
  try {
    const into = await dripline("import", "--all", all, ...server(other));
    assert.equal(into.status, 0, into.stdout + into.stderr);
    const sql = `SELECT id, kind, email, phone, attributes, tags, created_at,
      json_array_length(consents) AS consents FROM contacts WHERE erased_at IS NULL ORDER BY id`;
    assert.deepEqual(await other.d1(sql), await runtime.d1(sql));
  } finally {
    await other.stop();
  }
});
