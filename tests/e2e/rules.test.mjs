// Rules at the limits of what `check` accepts, generated from a seed, published to the built
// worker, backfilled, counted and previewed on D1, and compared with a third evaluator: the one
// here.

import assert from "node:assert/strict";
import { cp, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { dripline, publish } from "./command_line.mjs";
import { start } from "./runtime.mjs";
import { Visitor } from "./visitor.mjs";

const FIXTURE = fileURLToPath(new URL("fixtures/broadcasts", import.meta.url));
const SEED = Number(process.env.SEED ?? 1);
const DAY = 86_400_000;
const PEOPLE = 40;
const EVENTS = ["page.read", "demo.seen"];
const PLANS = ["free", "pro", "team"];

/** A pseudo-random source that gives the same numbers for the same seed (mulberry32). */
function numbers(seed) {
  let state = seed >>> 0;
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let word = Math.imul(state ^ (state >>> 15), state | 1);
    word ^= word + Math.imul(word ^ (word >>> 7), word | 61);
    return ((word ^ (word >>> 14)) >>> 0) / 2 ** 32;
  };
  const below = (count) => Math.floor(next() * count);
  return { below, pick: (list) => list[below(list.length)], chance: (share) => next() < share };
}

const range = (count) => Array.from({ length: count }, (_, index) => index);
const day = (at) => new Date(at).toISOString().slice(0, 10);
const quoted = (value) => JSON.stringify(value);

/** Contacts as the database stores them. Their events are half a day away from every window. */
function people({ below, pick, chance }, now) {
  return range(PEOPLE).map((index) => {
    const attributes = { country: `c${below(160)}`, size: below(160), since: day(now + pick([-1_000, 1_000]) * DAY) };
    if (chance(0.3)) delete attributes.country;
    const events = range(below(12)).map(() => ({
      name: pick(EVENTS),
      at: now - below(30) * DAY - DAY / 2,
      properties: { ...Object.fromEntries(range(10).map((n) => [`p${n}`, pick(PLANS)])), n: below(6) },
    }));
    events.sort((a, b) => a.at - b.at);
    return { id: `p${String(index).padStart(4, "0")}`, attributes, events, tags: range(3).map(() => `t${below(300)}`) };
  });
}

/** Conditions: each as written, and its answer. They must not change with `now` alone. */
function questions(dice, now) {
  const { below, pick, chance } = dice;
  const since = (days) => now - days * DAY;
  const where = (conditions) => {
    const exact = range(Math.max(0, conditions - 1)).map((n) => [`p${n}`, pick(PLANS)]);
    const least = below(5);
    const parts = exact.map(([name, value]) => `${name} = ${quoted(value)}`);
    const compared = conditions > 0;
    if (compared) parts.push(`n = { gte = ${least} }`);
    return {
      toml: parts.length > 0 ? `, where = { ${parts.join(", ")} }` : "",
      holds: ({ properties }) =>
        exact.every(([name, value]) => properties[name] === value) && (!compared || properties.n >= least),
    };
  };
  const events = (conditions, days) => {
    const [name, wanted] = [pick(EVENTS), where(conditions)];
    const holds = (event) => event.name === name && wanted.holds(event) && event.at > since(days);
    return { toml: `event = ${quoted(name)}${wanted.toml}`, of: (person) => person.events.filter(holds) };
  };
  return {
    listed(count, key) {
      const values = range(count).map(() => (key === "size" ? below(160) : `c${below(160)}`));
      const no = chance(0.5);
      return {
        toml: `{ attribute = "${key}", ${no ? "not_in" : "in"} = [${values.map(quoted).join(", ")}] }`,
        holds: ({ attributes }) => values.includes(attributes[key]) !== no,
      };
    },
    mixed(count) {
      const values = range(count).map((n) => [below(160), `c${below(160)}`, true][n % 3]);
      return {
        toml: `{ attribute = "size", in = [${values.map(quoted).join(", ")}] }`,
        holds: ({ attributes }) => values.includes(attributes.size),
      };
    },
    tag() {
      const tag = `t${below(300)}`;
      return { toml: `{ tag = "${tag}" }`, holds: ({ tags }) => tags.includes(tag) };
    },
    date() {
      const isPast = ({ attributes }) => attributes.since < day(now);
      const isAhead = ({ attributes }) => attributes.since > day(now);
      const kinds = [
        { toml: `before = ${day(now)}`, holds: isPast },
        { toml: 'in_last = "2000d"', holds: isPast },
        { toml: 'in_next = "2000d"', holds: isAhead },
        { toml: `between = [${day(now - 1_500 * DAY)}, ${day(now - 500 * DAY)}]`, holds: isPast },
        { toml: `anniversary = 364`, holds: () => true },
      ];
      const { toml, holds } = pick(kinds);
      return { toml: `{ attribute = "since", ${toml} }`, holds };
    },
    counted(conditions) {
      const [days, least] = [1 + below(30), 1 + below(2)];
      const asked = events(conditions, days);
      return {
        toml: `{ ${asked.toml}, count = { gte = ${least} }, within = "${days}d" }`,
        holds: (person) => asked.of(person).length >= least,
      };
    },
    added(conditions) {
      const [days, least] = [1 + below(30), below(9)];
      const asked = events(conditions, days);
      return {
        toml: `{ ${asked.toml}, sum = { property = "n", gte = ${least} }, within = "${days}d" }`,
        holds: (person) => asked.of(person).reduce((sum, { properties }) => sum + properties.n, 0) >= least,
      };
    },
    recent(conditions) {
      const [days, last] = [1 + below(30), 1 + below(30)];
      const asked = events(conditions, days);
      return {
        toml: `{ ${asked.toml}, last = { in_last = "${last}d" }, within = "${days}d" }`,
        holds: (person) => asked.of(person).some(({ at }) => at > since(last)),
      };
    },
    followed(conditions) {
      const [days, span] = [1 + below(30), 1 + below(9)];
      const [first, then] = [events(conditions, days), events(conditions, days)];
      return {
        toml: `{ sequence = [{ ${first.toml} }, { ${then.toml} }], span = "${span}d", within = "${days}d" }`,
        holds: (person) =>
          first.of(person).some((one) =>
            then.of(person).some((two) => {
              const isLater = two.at > one.at || (two.at === one.at && person.events.indexOf(two) > person.events.indexOf(one));
              return isLater && two.at <= one.at + span * DAY;
            }),
          ),
      };
    },
  };
}

const all = (parts) => ({
  toml: `{ all = [${parts.map(({ toml }) => toml).join(", ")}] }`,
  holds: (person) => parts.every((part) => part.holds(person)),
});
const any = (parts) => ({
  toml: `{ any = [${parts.map(({ toml }) => toml).join(", ")}] }`,
  holds: (person) => parts.some((part) => part.holds(person)),
});
const not = (part) => ({ toml: `{ not = ${part.toml} }`, holds: (person) => !part.holds(person) });

/** Rules of every shape, as large as the limits in docs/campaign-files.md. */
function rules(dice, now) {
  const ask = questions(dice, now);
  const { below, pick, chance } = dice;
  const kinds = [
    () => ask.tag(), () => ask.listed(1 + below(100), "country"), () => ask.counted(below(4)),
    () => ask.added(below(3)), () => ask.recent(below(3)), () => ask.followed(below(2)),
  ];
  const some = (count, make) => range(count).map(make);
  /** A rule nested this many levels deep, with some conditions on each level. */
  const nested = (levels, beside) =>
    range(levels - 1).reduce((inner, level) => {
      const parts = [...some(beside, () => pick(kinds)()), inner];
      return [all, any, ([, ...rest]) => not(rest.at(-1) ?? inner)][level % 3](parts);
    }, pick([() => ask.date(), () => ask.followed(1), () => ask.recent(2)])());
  return [
    any(some(100, () => ask.listed(100, pick(["country", "size"])))),
    all([ask.listed(48, "country")]),
    ask.listed(100, "size"),
    ask.mixed(99),
    any(some(100, () => ask.tag())),
    any(some(100, () => ask.counted(0))),
    all(some(100, () => not(ask.recent(0)))),
    any(some(40, () => ask.counted(10))),
    not(any(some(30, () => ask.added(8)))),
    any(some(50, () => ask.followed(1))),
    any([...some(10, () => ask.date()), ...some(80, () => ask.counted(0))]),
    nested(20, 1),
    nested(20, 4),
    nested(19, 2),
    ...some(10, () => (chance(0.5) ? any : all)(some(20 + below(30), () => pick(kinds)()))),
    ...some(6, () => nested(5 + below(15), below(4))),
  ];
}

/** A campaign with a segment and a broadcast for each rule, in its own folder. */
async function written(rules) {
  const folder = await mkdtemp(join(tmpdir(), "dripline-rules-"));
  await cp(FIXTURE, folder, { recursive: true });
  const file = join(folder, "campaigns", "bulletin.toml");
  const text = await readFile(file, "utf8");
  const head = text
    .slice(0, text.indexOf("[segment."))
    .replace("[campaign]", '[campaign]\nattributes = ["country", "size", "since"]');
  const one = ({ toml }, n) => `[segment.s${n}]\nrule = ${toml}\n[broadcast.b${n}]\nsegment = "s${n}"\nsend = "emails/news"\n`;
  await writeFile(file, head + rules.map(one).join("\n"));
  return { folder };
}

/** What `check` says about the rules that it refuses, by their numbers. */
async function refusals(rules) {
  const { folder } = await written(rules);
  const { stdout, stderr } = await dripline("check", "--json", join(folder, "campaigns"));
  await rm(folder, { recursive: true });
  const refused = new Map();
  for (const { key, message } of JSON.parse(stdout).problems ?? []) {
    const [, number] = /^segment\.s(\d+)\.rule$/.exec(key) ?? [];
    assert.ok(number, `${key}: ${message}${stderr}`);
    refused.set(Number(number), message);
  }
  return refused;
}

describe(`Rules at the limits (SEED=${SEED})`, () => {
  let runtime;
  let crowd;
  let accepted;
  before(async () => {
    runtime = await start();
    const dice = numbers(SEED);
    crowd = people(dice, runtime.now());
    const made = rules(dice, runtime.now());
    const refused = await refusals(made);
    for (const [number, why] of refused) assert.match(why, /the limit is/, `s${number}`);
    accepted = made.filter((_, number) => !refused.has(number));
    await write(runtime, crowd);
    const { folder } = await written(accepted);
    await publish(runtime, join(folder, "campaigns"));
    await rm(folder, { recursive: true });
  });
  after(() => runtime?.stop());

  test("most of what is made up is accepted", () => {
    assert.ok(accepted.length >= 24, `${accepted.length} rules`);
  });

  test("are backfilled, each with the contacts that match", async () => {
    await runtime.advance("3m");
    await runtime.live("5m", "1m");
    assert.deepEqual(await runtime.d1("SELECT * FROM failing_work"), []);
    assert.deepEqual(await runtime.d1("SELECT * FROM segment_fills WHERE wave = 1"), []);
    const members = await runtime.d1("SELECT segment_id, contact_id FROM segment_members");
    for (const [number, rule] of accepted.entries()) {
      const found = members.filter((row) => row.segment_id === `bulletin.s${number}`);
      const expected = crowd.filter((person) => rule.holds(person)).map(({ id }) => id);
      assert.deepEqual(found.map((row) => row.contact_id).sort(), expected, `s${number}: ${rule.toml.slice(0, 300)}`);
    }
  });

  test("are counted, each as many", async () => {
    for (const [number, rule] of accepted.entries()) {
      const answer = await runtime.api("GET", `/api/v1/broadcasts/bulletin.b${number}`);
      const preview = await answer.json();
      assert.equal(answer.status, 200, JSON.stringify(preview));
      assert.equal(preview.members, crowd.filter((person) => rule.holds(person)).length, `s${number}`);
    }
  });
});

describe("A rule that D1 refuses, as a version of an older release may have it", () => {
  let runtime;
  before(async () => {
    runtime = await start();
    await publish(runtime, join(FIXTURE, "campaigns"));
    await write(runtime, people(numbers(SEED), runtime.now()));
    const [{ version, compiled }] = await runtime.d1("SELECT version, compiled FROM campaign_versions");
    const changed = JSON.parse(compiled);
    const filter = range(10).map((n) => [`property${n}`, "x"]);
    const question = { event: { event: "seen", filter, count: { gte: 1 }, within: DAY } };
    changed.campaign.segments.huge = { any: Array(300).fill(question) };
    changed.campaign.broadcasts.offer.segment = "huge";
    await runtime.d1(
      `INSERT INTO campaign_versions (campaign_id, version, hash, compiled, published_at)
       VALUES ('bulletin', ?1, 'huge', ?2, ?3)`,
      version + 1, JSON.stringify(changed), runtime.now(),
    );
    await runtime.d1("UPDATE campaigns SET live_version = ?1", version + 1);
    await runtime.d1("INSERT INTO segment_fills VALUES ('bulletin.huge', 1, 0, '')");
    await runtime.advance("3m");
  });
  after(() => runtime?.stop());

  test("stops its own filling, and no other", async () => {
    const members = await runtime.d1("SELECT DISTINCT segment_id FROM segment_members");
    assert.deepEqual(members, [{ segment_id: "bulletin.readers" }]);
  });

  test("is named by /readyz, with when it is tried again", async () => {
    const answer = await runtime.api("GET", "/readyz");
    const { failing } = await answer.json();
    assert.equal(answer.status, 200);
    assert.deepEqual(failing.map(({ kind, id }) => [kind, id]), [["filling", "bulletin.huge"]]);
    assert.ok(failing[0].tried_again_in_seconds > 0);
  });

  test("is shown on its campaign's page, in both languages", async () => {
    const marketer = new Visitor(runtime);
    const token = new URLSearchParams({ token: "test-token" });
    await marketer.fetch("/admin/sign-in", { method: "POST", body: token });
    for (const [language, words] of [["en", /A segment backfill has stopped/], ["zh-CN", /人群回填已停下/]]) {
      const page = await (await marketer.fetch(`/admin/campaigns/bulletin?lang=${language}`)).text();
      assert.match(page, words);
      assert.match(page, /huge/);
    }
  });

  test("refuses a preview with what is wrong and what to do, and no broadcast waits for another", async () => {
    const answer = await runtime.api("GET", "/api/v1/broadcasts/bulletin.offer");
    const { problems } = await answer.json();
    assert.equal(answer.status, 422);
    assert.equal(problems[0].key, "segment.huge.rule");
    assert.match(problems[0].help, /a segment of its own/);
    const started = await runtime.api("POST", "/api/v1/broadcasts/bulletin.offer/start");
    assert.equal(started.status, 422, "it is not spent");
    // Started by an older release, which did not ask first.
    for (const name of ["offer", "news"]) {
      await runtime.d1(
        `INSERT INTO broadcasts (campaign_id, broadcast, version, state, phase, due_at, started_at,
                                 after_id, failures, rounds)
         SELECT id, ?1, live_version, 'running', 'rest', ?2, ?2, '', 0, 0 FROM campaigns`,
        name, runtime.now(),
      );
    }
    await runtime.settle();
    await runtime.tick();
    const states = await runtime.d1("SELECT broadcast, state FROM broadcasts ORDER BY broadcast");
    assert.deepEqual(states.map(({ state }) => state), ["done", "running"]);
    const { failing } = await (await runtime.api("GET", "/readyz")).json();
    assert.deepEqual(failing.map(({ id }) => id), ["bulletin.huge", "bulletin.offer"]);
  });
});

/** Inserts contacts into the database as if they had existed for long. */
async function write(runtime, crowd) {
  const contacts = crowd.map(({ id, events, attributes, tags }) => [
    id, events.length, `${id}@example.com`, JSON.stringify(attributes), JSON.stringify(tags),
  ]);
  await runtime.d1(
    `INSERT INTO contacts (id, seq, email, attributes, tags, score, consents, touches, created_at, updated_at)
     SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, 0, '[]', '[]', 0, 0 FROM json_each(?1)`,
    JSON.stringify(contacts),
  );
  const events = crowd.flatMap(({ id, events }) =>
    events.map(({ at, name, properties }, index) => [id, index + 1, at, name, JSON.stringify(properties)]),
  );
  await runtime.d1(
    `INSERT INTO events (contact_id, seq, at, name, properties)
     SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4 FROM json_each(?1)`,
    JSON.stringify(events),
  );
}
