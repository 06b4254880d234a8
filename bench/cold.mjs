// `make bench-cold`: the first requests of a worker that nobody has asked yet.
//
// Each start is a new workerd over the same stored database and key-value store, in which the
// sample campaign is published. What is measured is the time to an answer, and the CPU time of
// workerd for it, of the first request and of the next one alike; beside it a worker that answers
// "ok". The starts of the two alternate.

import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { childNamed, cpuMilliseconds, median } from "./process.mjs";
import { dripline, migrate, open, publishSample } from "./runtime.mjs";
import { driplineToken, submission } from "./submissions.mjs";

const STARTS = Number(process.env.STARTS ?? 15);
const FORM = "spring-webinar.signup";

let number = 0;
const stored = await mkdtemp(join(tmpdir(), "dripline-cold-"));
try {
  await publish();
  const contestants = [
    ["a page", dripline, () => ({ path: "/webinar", status: 200 })],
    ["a form", dripline, form],
    ["health", dripline, () => ({ path: "/healthz", status: 200 })],
    ["a worker of one line", oneLine, () => ({ path: "/", status: 200 })],
  ];
  const starts = contestants.map(() => []);
  for (let number = 0; number < STARTS; number += 1) {
    for (const [index, [, worker, asked]] of contestants.entries()) {
      starts[index].push(await start(worker(), asked));
    }
  }
  print(contestants.map(([name], index) => [name, starts[index]]));
} finally {
  await rm(stored, { recursive: true });
}

function oneLine() {
  return { modules: true, script: 'export default { fetch: () => new Response("ok\\n") };' };
}

function form() {
  number += 1;
  return { path: `/f/${FORM}`, status: 303, body: submission(number, driplineToken(FORM)) };
}

/** Makes the database, and publishes the sample into it. */
async function publish() {
  const runtime = await open(dripline(), stored);
  await migrate(runtime);
  await publishSample(runtime);
  await runtime.close();
}

/** One start: milliseconds, and those of CPU, of the first three requests. */
async function start(worker, asked) {
  const runtime = await open(worker, stored);
  try {
    const url = new URL(runtime.url);
    const pid = await childNamed("workerd");
    const requests = [];
    for (let request = 0; request < 3; request += 1) {
      const before = await cpuMilliseconds(pid);
      const ms = await ask(url, asked());
      requests.push({ ms, cpu_ms: (await cpuMilliseconds(pid)) - before });
    }
    return requests;
  } finally {
    await runtime.close();
  }
}

/** Milliseconds to the end of an answer. */
function ask({ hostname, port }, { path, status, body }) {
  const headers = { "content-type": "application/x-www-form-urlencoded" };
  const options = { hostname, port, path, headers, method: body ? "POST" : "GET" };
  const begun = performance.now();
  return new Promise((resolve, reject) => {
    const sent = request(options, (answer) => {
      answer.on("end", () => resolve(performance.now() - begun)).resume();
      if (answer.statusCode !== status) reject(assert.fail(`${path}: ${answer.statusCode}`));
    });
    sent.on("error", reject).end(body);
  });
}

function print(rows) {
  console.log(`\nCold requests: medians of ${STARTS} starts of workerd\n`);
  const heads = ["1st ms", "2nd ms", "3rd ms", "1st CPU", "2nd CPU", "3rd CPU"];
  console.log(["".padEnd(22), ...heads.map((head) => head.padStart(10))].join(""));
  const report = {};
  for (const [name, starts] of rows) {
    const of = (value, request) => median(starts.map((start) => start[request][value]));
    const cells = ["ms", "cpu_ms"].flatMap((value) => [0, 1, 2].map((at) => of(value, at)));
    console.log([name.padEnd(22), ...cells.map((cell) => cell.toFixed(1).padStart(10))].join(""));
    report[name] = { first_ms: cells[0], second_ms: cells[1], first_cpu_ms: cells[3] };
  }
  console.log(JSON.stringify({ bench: "cold", STARTS, ...report }));
}
