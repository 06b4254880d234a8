// One failing part never stops the rest, on the built worker: KV that refuses writes, a version
// that cannot be read, a clock that was fast. Unsubscribing works throughout.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { FIXTURES, SAMPLES, publish, publishChanged } from "./command_line.mjs";
import { start } from "./runtime.mjs";
import { join, linkTo, mailTo } from "./visitor.mjs";

/** Longer than an isolate trusts what it read last. */
const FORGETS_MS = 5_500;

let runtime;
before(async () => {
  runtime = await start();
  await publish(runtime, FIXTURES);
});
after(() => runtime?.stop());

/** The answer of `/readyz` with a token, or without one. */
async function ready(isAnybody = false) {
  const ask = isAnybody ? runtime.fetch("/readyz") : runtime.api("GET", "/readyz");
  const response = await ask;
  return { status: response.status, ...(await response.json()) };
}

async function unsubscribes(name) {
  const [message] = await mailTo(runtime, name);
  const link = linkTo(message, "/u/");
  const response = await runtime.fetch(link, {
    method: "POST",
    headers: { "content-type": "application/x-www-form-urlencoded" },
    body: "List-Unsubscribe=One-Click",
  });
  assert.equal(response.status, 200);
}

const forget = () => new Promise((resolve) => setTimeout(resolve, FORGETS_MS));

describe("KV that refuses writes", () => {
  before(async () => {
    await join(runtime, "ann");
    await join(runtime, "ben");
    await runtime.tick();
    await runtime.kvRefuses(true);
  });
  after(() => runtime.kvRefuses(false));

  test("keeps no message from leaving, and /readyz says so", async () => {
    await runtime.advance("25h");
    assert.equal((await mailTo(runtime, "ann")).length, 2);
    const said = await ready();
    assert.equal(said.status, 503);
    assert.match(said.kv, /takes no writes since/);
    assert.equal(said.oldest_due_seconds, 0);
    await unsubscribes("ben");
  });

  test("keeps no publish from going live", async () => {
    await publishChanged(runtime, "Relay, first version", "Relay, second version");
    await forget();
    assert.match(await (await runtime.fetch("/relay")).text(), /Relay, second version/);
    await runtime.kvRefuses(false);
    await runtime.advance("6m");
    assert.equal((await ready()).kv, null);
  });
});

describe("A version that cannot be read", () => {
  let kept;
  before(async () => {
    await publish(runtime, SAMPLES);
    await join(runtime, "eve");
    await runtime.tick();
    kept = await runtime.d1("SELECT version, compiled FROM campaign_versions WHERE campaign_id = 'relay'");
    await runtime.d1("UPDATE campaign_versions SET compiled = '{\"new\": 1}' WHERE campaign_id = 'relay'");
    await runtime.forgetCopies();
    await runtime.restart();
  });

  test("takes its own campaign out", async () => {
    const page = await runtime.fetch("/relay");
    assert.equal(page.status, 503);
    assert.ok(page.headers.get("retry-after"));
    const form = await runtime.fetch("/f/relay.join", { method: "POST", body: "x=1" });
    assert.ok([404, 503].includes(form.status));
    assert.equal((await runtime.fetch("/webinar")).status, 200);
    assert.equal((await runtime.fetch("/healthz")).status, 200);
  });

  test("is reported to operators with its reason, and to everybody else in one word", async () => {
    await runtime.tick();
    const said = await ready();
    assert.equal(said.status, 503);
    assert.equal(said.versions[0].campaign, "relay");
    assert.ok(said.versions[0].reason.length > 0);
    const words = await ready(true);
    assert.deepEqual([words.status, words.versions, words.database], [503, "failing", "ok"]);
    assert.ok(!JSON.stringify(words).includes("relay"));
  });

  test("lets people unsubscribe, and loses nothing", async () => {
    await runtime.advance("25h");
    assert.equal((await mailTo(runtime, "eve")).length, 1);
    await unsubscribes("ann");
    const [{ failed }] = await runtime.d1(
      "SELECT count(*) AS failed FROM enrollments WHERE state = 'failed'",
    );
    assert.equal(failed, 0);
    for (const { version, compiled } of kept) {
      await runtime.d1(
        "UPDATE campaign_versions SET compiled = ?1 WHERE campaign_id = 'relay' AND version = ?2",
        compiled,
        version,
      );
    }
    await forget();
    await runtime.tick();
    await forget();
    await runtime.advance("2m");
    await runtime.advance("16m");
    assert.equal((await mailTo(runtime, "eve")).length, 2);
    assert.deepEqual((await ready()).versions, []);
    assert.equal((await runtime.fetch("/relay")).status, 200);
  });
});

describe("A clock that was a year ahead", () => {
  test("is reported, and corrected by the next tick", async () => {
    await runtime.skip("365d");
    await runtime.cron();
    await runtime.settle();
    await runtime.skip(-365 * 86_400_000);
    const said = await ready();
    assert.equal(said.status, 503);
    assert.match(said.scheduler, /in the future/);
    await unsubscribes("eve");
    await runtime.tick();
    await runtime.advance("1m");
    const later = await ready();
    assert.equal(later.scheduler, null);
    assert.equal(later.restored, null);
  });
});
