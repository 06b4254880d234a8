// `make bench`: form capture, dripline against the same endpoint in TypeScript with Hono.
//
// Each contestant runs on its own workerd on core 0, one at a time under load from core 1. First
// all must give the same answers and write the same rows; then they are measured in alternating
// rounds of equally many forms, each from a visitor never seen before. CPU time is that of the
// workerd process, read from /proc: it counts the runtime, the worker and D1, and nothing else.
// Figures compare contestants on this machine; they say nothing about Cloudflare's network. Every
// form is of somebody new, which dripline writes without a read; the peers read first.

import { fork } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, readFile } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import assert from "node:assert/strict";
import { build } from "esbuild";
import { cpuSeconds, median } from "./process.mjs";
import { ROOT, dripline, publishSample } from "./runtime.mjs";
import {
  SECRET, driplineErased, driplineToken, peerErased, peerToken, submission,
} from "./submissions.mjs";

const HERE = join(ROOT, "bench");
const SECONDS = Number(process.env.SECONDS ?? 6);
const ROUNDS = Number(process.env.ROUNDS ?? 5);
const CONNECTIONS = Number(process.env.CONNECTIONS ?? 16);
const WARM_UP_FORMS = 400;
const SERVER_CORE = "0";
const LOAD_CORE = "1";
const FORM_PATH = "/f/spring-webinar.signup";
const TABLES = ["contacts", "events", "enrollments", "messages", "consents", "counters"];

/** How many people the checks of the rows write down; `GONE` is not among them. */
const PEOPLE = 3;
const GONE = "gone@example.com";

let visitors = PEOPLE;

await main();

async function main() {
  if (process.platform !== "linux" || !existsSync("/proc/self/stat")) {
    throw new Error("this benchmark reads CPU time from /proc: it needs Linux");
  }
  if (availableParallelism() < 2) throw new Error("this benchmark needs two cores");
  const load = pinned(LOAD_CORE, join(HERE, "load.mjs"), []);
  const contestants = [];
  for (const open of [ours, hono("usual"), hono("tuned")]) contestants.push(await open());
  try {
    await checkAnswers(contestants);
    await checkRows(contestants);
    const rounds = await measure(contestants, load);
    await checkCounts(contestants);
    print(contestants, rounds);
  } finally {
    for (const { process: child } of contestants) child.send({ stop: true });
    load.kill();
  }
}

/** dripline, with the sample campaign published. */
async function ours() {
  const contestant = await server("dripline", dripline());
  await publishSample(contestant);
  contestant.erased = driplineErased;
  contestant.token = () => driplineToken("spring-webinar.signup");
  return contestant;
}

function hono(variant) {
  return async () => {
    const folder = join(HERE, "build");
    await mkdir(folder, { recursive: true });
    const path = join(folder, `${variant}.js`);
    await build({
      entryPoints: [join(HERE, `peers/hono/${variant}.ts`)],
      outfile: path,
      bundle: true,
      minify: true,
      format: "esm",
      logLevel: "warning",
    });
    const contestant = await server(`hono, ${variant}`, {
      modulesRoot: folder,
      modules: [{ type: "ESModule", path }],
      bindings: { SIGNING_SECRET: SECRET },
    });
    contestant.erased = peerErased;
    contestant.token = peerToken;
    return contestant;
  };
}

async function server(name, worker) {
  const child = pinned(SERVER_CORE, join(HERE, "server.mjs"), [JSON.stringify(worker)]);
  const { url, workerd } = await message(child);
  return {
    name,
    url,
    workerd,
    process: child,
    async sql(sql) {
      child.send({ sql });
      return (await message(child)).rows;
    },
  };
}

/** Starts a program of ours on one core. */
function pinned(core, path, args) {
  return fork(path, args, { execPath: "taskset", execArgv: ["-c", core, process.execPath] });
}

function message(child) {
  return new Promise((resolve, reject) => {
    const died = (status) => reject(new Error(`a process of the benchmark ended: ${status}`));
    child.once("exit", died);
    child.once("message", (value) => {
      child.off("exit", died);
      resolve(value);
    });
  });
}

/** All contestants must judge these forms alike, and write nothing for those they refuse. */
async function checkAnswers(contestants) {
  const forms = [
    ["no address", { email: "" }, 422],
    ["no such address", { email: "somebody" }, 422],
    ["no such role", { role: "astronaut" }, 422],
    ["no first name", { first_name: " " }, 422],
    ["no consent", { consent: "" }, 422],
    ["a forged token", { _token: "eyJ.x.y" }, 400],
    ["a bot", { website_url_confirm: "https://spam.example" }, 303],
  ];
  for (const contestant of contestants) {
    for (const [what, changes, status] of forms) {
      const body = submission(0, contestant.token(), changes);
      assert.equal(await post(contestant, body), status, `${contestant.name}: ${what}`);
    }
    assert.equal((await counts(contestant)).contacts, 0, `${contestant.name} wrote something`);
  }
}

async function post(contestant, body) {
  const response = await fetch(contestant.url + FORM_PATH, {
    method: "POST",
    redirect: "manual",
    headers: { "content-type": "application/x-www-form-urlencoded" },
    body,
  });
  await response.arrayBuffer();
  return response.status;
}

/** The same people must leave the same rows, whatever of theirs comes twice. */
async function checkRows(contestants) {
  const dumps = [];
  for (const contestant of contestants) {
    await contestant.sql(erase(contestant, GONE));
    for (const body of people(contestant)) {
      assert.equal(await post(contestant, body), 303, contestant.name);
    }
    dumps.push(await dump(contestant));
  }
  assert.equal(dumps[0].contacts.length, PEOPLE);
  for (const [index, rows] of dumps.entries()) {
    assert.deepEqual(rows, dumps[0], `${contestants[index].name} writes other rows`);
  }
}

/** The forms of `PEOPLE` people, and of one who was erased after the form was shown. */
function people(contestant) {
  const token = () => contestant.token();
  const shared = token();
  const first = submission(0, shared);
  return [
    first,
    first,
    // Somebody else sends what a kiosk has left open.
    submission(1, shared),
    // A known contact says more, and contradicts itself.
    submission(0, token(), { role: "lead", databases: "sqlite" }),
    // One mailbox, spelled in three ways.
    submission(2, token(), { email: "Info@Müller.example" }),
    submission(2, token(), { email: "info@mu\u0308ller.example" }),
    submission(2, token(), { email: "info@xn--mller-kva.example" }),
    submission(3, token(), { email: GONE }),
  ];
}

/** A row of the list of those erased, an hour ahead of the form. */
function erase(contestant, email) {
  const at = Date.now() + 3_600_000;
  return `INSERT INTO suppressions (channel, address, reason, at)
          VALUES ('email', '${contestant.erased(email)}', 'erased', ${at})`;
}

/** Every row, with ids, instants, keys and hashes masked and JSON in a fixed order. */
async function dump(contestant) {
  const masked = (column, value) => {
    if (value === null) return null;
    if (/(^|_)(id|at|since|key|origin_hash|enrollment)$/.test(column) && !/campaign/.test(column)) {
      return `<${column}>`;
    }
    if (typeof value === "string" && /^[[{]/.test(value)) return sorted(JSON.parse(value));
    return value;
  };
  const sorted = (value) => {
    if (Array.isArray(value)) return value.map(sorted);
    if (value === null || typeof value !== "object") return value;
    const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
    return Object.fromEntries(entries.map(([key, one]) => [key, masked(key, sorted(one))]));
  };
  const tables = {};
  for (const table of TABLES) {
    const rows = (await contestant.sql(`SELECT * FROM ${table}`)).map((row) => {
      const columns = Object.entries(row).map(([name, value]) => [name, masked(name, value)]);
      return JSON.stringify(Object.fromEntries(columns));
    });
    tables[table] = rows.sort();
  }
  return tables;
}

/** Alternating rounds; each contestant takes equally many forms in each. */
async function measure(contestants, load) {
  for (const contestant of contestants) await round(contestant, load, WARM_UP_FORMS);
  const slowest = [];
  for (const contestant of contestants) {
    slowest.push((await round(contestant, load, WARM_UP_FORMS)).rate);
  }
  const forms = Math.max(200, Math.round(Math.min(...slowest) * SECONDS));
  const rounds = contestants.map(() => []);
  for (let number = 0; number < ROUNDS; number += 1) {
    for (let turn = 0; turn < contestants.length; turn += 1) {
      const index = (number + turn) % contestants.length;
      rounds[index].push(await round(contestants[index], load, forms));
    }
  }
  return rounds;
}

async function round(contestant, load, forms) {
  const bodies = Array.from({ length: forms }, () => {
    visitors += 1;
    return submission(visitors, contestant.token());
  });
  contestant.forms = (contestant.forms ?? 0) + forms;
  const before = await cpuSeconds(contestant.workerd);
  load.send({ url: contestant.url, path: FORM_PATH, bodies, connections: CONNECTIONS });
  const { statuses, latencies, seconds } = await message(load);
  const cpu = (await cpuSeconds(contestant.workerd)) - before;
  assert.deepEqual(statuses, { 303: forms }, `${contestant.name} answered otherwise`);
  latencies.sort((a, b) => a - b);
  return {
    cpu_ms: (cpu / forms) * 1_000,
    rate: forms / seconds,
    p50_ms: latencies[Math.floor(forms * 0.5)],
    p99_ms: latencies[Math.floor(forms * 0.99)],
    memory_mb: await memoryMegabytes(contestant.workerd),
  };
}

async function memoryMegabytes(pid) {
  const status = await readFile(`/proc/${pid}/status`, "utf8");
  return Number(/VmRSS:\s+(\d+)/.exec(status)[1]) / 1_024;
}

async function counts(contestant) {
  const columns = TABLES.map((table) => `(SELECT count(*) FROM ${table}) AS ${table}`);
  return (await contestant.sql(`SELECT ${columns.join(", ")}`))[0];
}

/** Everybody must have written as many rows for each form. */
async function checkCounts(contestants) {
  const all = [];
  for (const contestant of contestants) all.push(await counts(contestant));
  for (const [index, each] of all.entries()) {
    assert.equal(contestants[index].forms, contestants[0].forms);
    assert.equal(each.contacts, contestants[index].forms + PEOPLE, contestants[index].name);
    assert.deepEqual(each, all[0], `${contestants[index].name} wrote other rows`);
  }
}

function print(contestants, rounds) {
  const columns = ["cpu_ms", "rate", "p50_ms", "p99_ms", "memory_mb"];
  const results = rounds.map((each) =>
    Object.fromEntries(columns.map((name) => [name, median(each.map((one) => one[name]))])),
  );
  const forms = contestants[0].forms;
  console.log(`\nForm capture: ${ROUNDS} rounds, ${forms} forms each, ${CONNECTIONS} connections\n`);
  const heads = ["CPU ms/form", "forms/s", "p50 ms", "p99 ms", "memory MB", "CPU ratio"];
  console.log(["".padEnd(14), ...heads.map((head) => head.padStart(12))].join(""));
  for (const [index, result] of results.entries()) {
    // Ratios of the rounds, then their median: what slows a whole round slows both.
    const ratios = rounds[index].map((one, at) => rounds[0][at].cpu_ms / one.cpu_ms);
    result.dripline_cpu_ratio = median(ratios);
    const cells = [
      result.cpu_ms.toFixed(2), result.rate.toFixed(0), result.p50_ms.toFixed(1),
      result.p99_ms.toFixed(1), result.memory_mb.toFixed(0), result.dripline_cpu_ratio.toFixed(2),
    ];
    const name = contestants[index].name.padEnd(14);
    console.log([name, ...cells.map((cell) => cell.padStart(12))].join(""));
  }
  console.log("\nCPU ratio: dripline's CPU per form over that of the row; below 1, dripline needs less.");
  const named = results.map((result, index) => [contestants[index].name, result]);
  console.log(JSON.stringify({ bench: "capture", ROUNDS, forms, CONNECTIONS, ...Object.fromEntries(named) }));
}
