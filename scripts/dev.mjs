// `make dev`: the whole product on this machine, on the same runtime as on Cloudflare.
//
// Starts `wrangler dev`, publishes the campaigns, lets a minute's tick run each minute as cron would,
// and stops everything on Ctrl-C. Expects a finished build, and the local database.

import { spawn } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { createWriteStream, existsSync } from "node:fs";
import { readFile, readdir, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { setTimeout as sleep } from "node:timers/promises";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const PORT = Number(process.env.PORT ?? 8787);
const URL_LOCAL = `http://localhost:${PORT}`;
const SECRETS_FILE = join(ROOT, ".dev.vars");
const STATE_FOLDER = join(ROOT, ".wrangler/state");
const LOG_FILE = join(ROOT, ".wrangler/dev.log");
const WRANGLER = join(ROOT, "node_modules/wrangler/bin/wrangler.js");
const WORKER = join(ROOT, "build-dev/index.js");
const DRIPLINE = join(ROOT, "target/debug/dripline");
const TICK_MS = 60_000;
const START_TIMEOUT_MS = 60_000;
const STOP_TIMEOUT_MS = 5_000;

const ENVIRONMENT = { ...process.env, WRANGLER_SEND_METRICS: "false", CI: "1" };

let server;
let stopping = false;
process.on("SIGINT", () => stop(0));
process.on("SIGTERM", () => stop(0));

try {
  await main();
} catch (error) {
  console.error(`dripline: ${error.message}`);
  await stop(1);
}

async function main() {
  await refuseBusyPort();
  const token = await secrets();
  server = serve();
  await alive();
  await run("publishing", DRIPLINE, [
    "publish", "campaigns", "--to", URL_LOCAL, "--token", token,
  ]);
  await tick();
  setInterval(() => tick().catch((error) => console.error(`tick: ${error.message}`)), TICK_MS);
  await printAddresses(token);
}

/** Another program on the port would answer in our place. */
async function refuseBusyPort() {
  const probe = createServer();
  await new Promise((resolve, reject) => {
    probe.once("error", () =>
      reject(new Error(`port ${PORT} is in use; stop what uses it, or choose: PORT=8788 make dev`)),
    );
    probe.listen(PORT, "127.0.0.1", resolve);
  });
  await new Promise((resolve) => probe.close(resolve));
}

/** Makes up the secrets on the first run; returns the API token, which the worker has hashed. */
async function secrets() {
  if (!existsSync(SECRETS_FILE)) {
    const token = `dl_${randomBytes(32).toString("base64url")}`;
    const lines = [
      "# Local configuration, made by `make dev`; `make reset` forgets it. Never commit it.",
      `# The API token of this machine: DRIPLINE_TOKEN=${token}`,
      `API_TOKENS="dev:${createHash("sha256").update(token).digest("hex")}"`,
      `SIGNING_SECRET="${randomBytes(32).toString("hex")}"`,
      `BASE_URL="${URL_LOCAL}"`,
      'MAIL_FROM="dripline <hello@dripline.example>"',
      'SENDER_EMAIL="mailbox"',
      'SENDER_SMS="mailbox"',
    ];
    await writeFile(SECRETS_FILE, `${lines.join("\n")}\n`, { mode: 0o600 });
  }
  const known = await readFile(SECRETS_FILE, "utf8");
  // Links carry the port of this run, not that of the first one.
  const wanted = known.replace(/^BASE_URL="http:\/\/localhost:\d+"$/m, `BASE_URL="${URL_LOCAL}"`);
  if (wanted !== known) await writeFile(SECRETS_FILE, wanted);
  const token = /DRIPLINE_TOKEN=(\S+)/.exec(known);
  if (!token) throw new Error(".dev.vars has no DRIPLINE_TOKEN; `make reset` makes a new one");
  return token[1];
}

/** Runs a program to its end and returns what it said; shows that if it fails. */
async function run(what, program, args) {
  const child = spawn(program, args, { cwd: ROOT, env: ENVIRONMENT });
  let output = "";
  child.stdout.on("data", (chunk) => (output += chunk));
  child.stderr.on("data", (chunk) => (output += chunk));
  const status = await new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", resolve);
  });
  if (status !== 0) throw new Error(`${what} failed (status ${status}):\n${output}`);
  return output;
}

/** Starts the worker. In a process group of its own, so that Ctrl-C reaches it through us. */
function serve() {
  const args = ["dev", WORKER, "--test-scheduled", "--port", String(PORT), "--ip", "127.0.0.1"];
  const child = spawn(
    process.execPath,
    [WRANGLER, ...args, "--inspector-port", "0", "--persist-to", STATE_FOLDER],
    { cwd: ROOT, env: ENVIRONMENT, detached: true, stdio: ["ignore", "pipe", "pipe"] },
  );
  const log = createWriteStream(LOG_FILE);
  child.stdout.pipe(log, { end: false });
  child.stderr.pipe(log, { end: false });
  child.stderr.pipe(process.stderr, { end: false });
  child.once("exit", (status) => {
    if (stopping) return;
    console.error(`dripline: the worker stopped (status ${status}); its log is ${LOG_FILE}`);
    stop(1);
  });
  return child;
}

/** Waits until the worker answers. */
async function alive() {
  const deadline = Date.now() + START_TIMEOUT_MS;
  while (Date.now() < deadline) {
    const response = await fetch(`${URL_LOCAL}/healthz`).catch(() => null);
    if (response?.ok) return;
    await sleep(100);
  }
  throw new Error(`the worker did not answer in time; its log is ${LOG_FILE}`);
}

/** What cron does on Cloudflare. */
async function tick() {
  const response = await fetch(`${URL_LOCAL}/__scheduled?cron=*+*+*+*+*`);
  if (!response.ok) throw new Error(`answered ${response.status}`);
}

async function printAddresses(token) {
  const campaigns = await readCampaigns();
  const line = (what, address) => console.log(`  ${what.padEnd(28)} ${URL_LOCAL}${address}`);
  console.log("\ndripline is running. Ctrl-C stops it; what it stored is kept (`make reset`).\n");
  for (const { id, paths } of campaigns) {
    for (const path of paths) line(`page of ${id}`, path);
  }
  for (const { id } of campaigns) line(`report of ${id}`, `/admin/campaigns/${id}`);
  line("mailbox", "/dev/mailbox");
  const link = await run("signing in", DRIPLINE, [
    "token", "sign-in", "--to", URL_LOCAL, "--token", token,
  ]);
  console.log(`\n  To see reports, sign in within 15 minutes by this link, which works once:\n  ${link.split("\n")[0]}`);
  console.log("  or later with the API token, or with a new link: dripline token sign-in");
  console.log(`\n  The worker's log is in ${LOG_FILE}; the API token in ${SECRETS_FILE}.\n`);
}

/** The paths of the pages with a form, by campaign. Only these lines of the files matter here. */
async function readCampaigns() {
  const folder = join(ROOT, "campaigns");
  const names = (await readdir(folder)).filter((name) => name.endsWith(".toml")).sort();
  return Promise.all(
    names.map(async (name) => {
      const sections = (await readFile(join(folder, name), "utf8")).split(/^\[+/m);
      const pages = sections.filter((text) => text.startsWith("page.") && /^form\s*=/m.test(text));
      const paths = pages.flatMap((text) => /^path\s*=\s*"([^"]+)"/m.exec(text)?.[1] ?? []);
      return { id: name.replace(/\.toml$/, ""), paths };
    }),
  );
}

/** Stops the worker, then this program. */
async function stop(status) {
  if (stopping) return;
  stopping = true;
  if (server && server.exitCode === null) {
    const gone = new Promise((resolve) => server.once("close", resolve));
    signal("SIGTERM");
    await Promise.race([gone, sleep(STOP_TIMEOUT_MS)]);
    signal("SIGKILL");
  }
  process.exit(status);
}

/** To the whole group: wrangler and the runtime below it. */
function signal(name) {
  try {
    process.kill(-server.pid, name);
  } catch {
    // Nobody is left, which is what was wanted.
  }
}
