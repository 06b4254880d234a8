// Breaks the sample campaigns, one character at a time, and counts what `dripline check` makes of
// it: how many errors a slip gives, and whether each names file and line and has a remedy.
// node scripts/broken-campaigns.mjs [-v] [--rounds 2000] [--seed 1] [--binary target/debug/dripline]

import { execFileSync } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const { values } = parseArgs({
  options: {
    verbose: { type: "boolean", short: "v", default: false },
    rounds: { type: "string", default: "2000" },
    seed: { type: "string", default: "1" },
    binary: { type: "string", default: join(ROOT, "target/debug/dripline") },
  },
});
/** One slip; more errors than these hide it. */
const ERRORS_MAX = 3;
/** Words that are the parser's. */
const NOT_OURS = /^not TOML/;
/** Messages that are remedies themselves: "expected a span such as \"3d\", not `2`". */
const REMEDIES = /^(expected|must not be empty|a span is from|takes only)/;

let state = Number(values.seed);
/** A whole number below the limit, the same ones for a seed (a linear congruential generator). */
function below(limit) {
  state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
  return Math.floor((state / 2_147_483_648) * limit);
}

/** The twin of a character on a Chinese keyboard. */
function fullWidth(char) {
  if (char === " ") return "\u3000";
  const code = char.charCodeAt(0);
  return code > 0x20 && code < 0x7f ? String.fromCharCode(code + 0xfee0) : char;
}

const SLIPS = [["removed", () => ""], ["doubled", (char) => char + char], ["full-width", fullWidth]];

/** A text with one character otherwise, and what was done. */
function broken(text) {
  const chars = [...text];
  const at = below(chars.length);
  const [name, change] = SLIPS[below(SLIPS.length)];
  const line = chars.slice(0, at).filter((char) => char === "\n").length + 1;
  const before = chars[at];
  chars[at] = change(before);
  return { text: chars.join(""), said: `${name} ${JSON.stringify(before)} in line ${line}`, line };
}

/** What `check` says of a file; nothing if it is accepted. */
function problems(file) {
  try {
    execFileSync(values.binary, ["check", file, "--json"], { encoding: "utf8", stdio: "pipe" });
    return [];
  } catch (error) {
    return JSON.parse(error.stdout).problems;
  }
}

const work = mkdtempSync(join(tmpdir(), "broken-"));
for (const folder of ["campaigns", "templates"]) {
  cpSync(join(ROOT, folder), join(work, folder), { recursive: true });
}
const names = readdirSync(join(work, "campaigns"));
const texts = names.map((name) => readFileSync(join(work, "campaigns", name), "utf8"));
const count = { accepted: 0, refused: 0, "not in our words": 0, "without a remedy": 0, "more than 3 errors": 0 };
const errors = {};
const far = {};
for (let round = 0; round < Number(values.rounds); round += 1) {
  const index = below(names.length);
  const { text, said, line } = broken(texts[index]);
  const file = join(work, "campaigns", names[index]);
  writeFileSync(file, text);
  const found = problems(file);
  writeFileSync(file, texts[index]);
  if (!found.length) {
    count.accepted += 1;
    continue;
  }
  const faults = [];
  if (found.some(({ message }) => NOT_OURS.test(message))) faults.push("not in our words");
  if (found.some(({ file: at, line, help, message }) => !at || !line || !(help || REMEDIES.test(message)))) faults.push("without a remedy");
  if (found.length > ERRORS_MAX) faults.push("more than 3 errors");
  count.refused += 1;
  for (const fault of faults) count[fault] += 1;
  errors[found.length] = (errors[found.length] ?? 0) + 1;
  const away = found.some((one) => one.file.endsWith(".toml") && Math.abs(one.line - line) <= 1);
  far[away ? "at its line" : "elsewhere"] = (far[away ? "at its line" : "elsewhere"] ?? 0) + 1;
  if (values.verbose && faults.length) {
    console.log(`${names[index]}: ${said}: ${faults.join(", ")}`);
    for (const one of found) {
      console.log(`  ${one.file.replace(work, "")}:${one.line} ${one.key}: ${one.message}; ${one.help ?? "–"}`);
    }
  }
}
rmSync(work, { recursive: true });
for (const [what, times] of Object.entries(count)) console.log(`${what}: ${times}`);
console.log(`errors of one slip, and how often: ${JSON.stringify(errors)}`);
console.log(`where an error stands: ${JSON.stringify(far)}`);
process.exitCode = count["not in our words"] + count["without a remedy"] + count["more than 3 errors"] ? 1 : 0;
