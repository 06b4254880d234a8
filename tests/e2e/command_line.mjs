// The command line, as a marketer uses it: target/debug/dripline.

import { execFile } from "node:child_process";
import { cp, mkdtemp, readFile, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const DRIPLINE = join(ROOT, "target/debug/dripline");

/** Both campaigns that come with the product. */
export const SAMPLES = join(ROOT, "campaigns");
/** Campaigns made for tests. */
export const FIXTURES = fileURLToPath(new URL("fixtures/campaigns", import.meta.url));

/** Runs a command and returns its result, whatever its exit status. Prompts get no answer. */
export function dripline(...args) {
  return new Promise((resolve) => {
    const command = execFile(DRIPLINE, args, { cwd: ROOT }, (error, stdout, stderr) => {
      resolve({ status: error ? error.code : 0, stdout, stderr });
    });
    command.stdin.end();
  });
}

/** Publishes campaign files and folders to a runtime; returns what was published. */
export async function publish(runtime, ...paths) {
  const server = ["--to", runtime.url, "--token", "test-token"];
  const { status, stdout, stderr } = await dripline("publish", "--json", ...server, ...paths);
  if (status !== 0) throw new Error(`publishing failed (${status}): ${stdout}${stderr}`);
  return JSON.parse(stdout).published;
}

/**
 * Publishes the campaigns of FIXTURES with `before` replaced by `after` in them and in their
 * templates.
 */
export async function publishChanged(runtime, before, after) {
  const folder = await mkdtemp(join(tmpdir(), "dripline-fixtures-"));
  await cp(join(FIXTURES, ".."), folder, { recursive: true });
  const names = await readdir(folder, { recursive: true, withFileTypes: true });
  for (const entry of names.filter((entry) => entry.isFile())) {
    const path = join(entry.parentPath, entry.name);
    const text = await readFile(path, "utf8");
    await writeFile(path, text.replaceAll(before, after));
  }
  const published = await publish(runtime, join(folder, "campaigns"));
  await rm(folder, { recursive: true });
  return published;
}
