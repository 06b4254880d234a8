// How much of handlebars.js's own specification `dripline render` gives the same output for: the
// plain cases, which need no helper, decorator or option of JavaScript's, and whose data is JSON.
// node scripts/handlebars-spec.mjs <folder spec of a copy of handlebars.js> [-v]

import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import vm from "node:vm";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const FILES = ["basic", "blocks", "builtins", "data", "helpers", "partials", "regressions", "security",
  "subexpressions", "utils", "whitespace-control"];
const [folder, flag] = process.argv.slice(2);
const write = (line) => process.stdout.write(`${line}\n`); // The specification replaces the console.

/** Whether a value is the same after having been JSON. */
function isJson(value, seen = new Set()) {
  if (value === null || ["string", "boolean"].includes(typeof value)) return true;
  if (typeof value === "number") return Number.isFinite(value);
  if (typeof value !== "object" || seen.has(value)) return false;
  seen.add(value);
  const name = Object.getPrototypeOf(value)?.constructor?.name;
  return ["Object", "Array"].includes(name) && Object.values(value).every((one) => isJson(one, seen));
}

const cases = [];
class Case {
  constructor(template, place) {
    Object.assign(this, { template, place, data: {}, partials: {}, isPlain: true });
    const set = (change) => (...given) => { change(...given); return this; };
    const unfit = set((value) => { if (Object.keys(value ?? {}).length) this.isPlain = false; });
    this.withInput = set((data) => { this.data = data; });
    this.withPartial = set((name, text) => { this.partials[name] = text; });
    this.withPartials = set((partials) => Object.assign(this.partials, partials));
    this.withHelper = this.withDecorator = set(() => { this.isPlain = false; });
    this.withHelpers = this.withDecorators = unfit;
    this.withCompileOptions = this.withRuntimeOptions = unfit;
    this.withMessage = set(() => {});
    this.toThrow = () => {};
  }

  toCompileTo(expected) {
    const isText = Object.values(this.partials).every((text) => typeof text === "string");
    if (this.isPlain && isText && isJson(this.data)) cases.push({ ...this, expected });
  }
}

/** What stands for everything that a plain case does not need. */
const inert = () => new Proxy(function () {}, {
  get: (_, key) => (key === Symbol.toPrimitive ? () => "" : inert()), apply: inert, construct: inert,
});

for (const file of FILES) {
  const path = [file];
  const nested = (name, body) => {
    path.push(name);
    try { body(); } catch { /* A case that needs more than is here. */ }
    path.pop();
  };
  nested.skip = () => {};
  const world = { describe: nested, it: nested, expectTemplate: (text) => new Case(text, path.join(" › ")) };
  for (const name of ["beforeEach", "afterEach", "expect", "vi", "Handlebars", "handlebarsEnv",
    "CompilerContext", "shouldThrow", "equals", "console"]) world[name] = inert();
  world.global = world.globalThis = world;
  const text = readFileSync(join(folder, `${file}.js`), "utf8").replace(/^import .*$/gm, "");
  vm.runInNewContext(text, world);
}

const work = mkdtempSync(join(tmpdir(), "handlebars-"));
mkdirSync(join(work, "pages"));
function rendered({ template, data, partials }) {
  rmSync(join(work, "partials"), { recursive: true, force: true });
  mkdirSync(join(work, "partials"));
  for (const [name, text] of Object.entries(partials)) {
    const file = join(work, "partials", `${name}.hbs`);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text);
  }
  writeFileSync(join(work, "pages", "it.hbs"), template);
  writeFileSync(join(work, "data.json"), JSON.stringify(data));
  const args = ["render", join(work, "pages", "it.hbs"), join(work, "data.json"), "--json"];
  try {
    const out = execFileSync(join(ROOT, "target/debug/dripline"), args, { encoding: "utf8", stdio: "pipe" });
    return JSON.parse(out);
  } catch (error) {
    return { problem: error.stdout || error.stderr };
  }
}

const count = { whole: [0, 0], "without partials": [0, 0] };
for (const one of cases) {
  const { output, problem } = rendered(one);
  const passes = output === one.expected;
  const groups = Object.keys(one.partials).length ? ["whole"] : ["whole", "without partials"];
  for (const group of groups) {
    count[group][0] += passes;
    count[group][1] += 1;
  }
  if (!passes && flag === "-v") {
    const { place, template, data, expected } = one;
    write(`${place}\n  ${JSON.stringify({ template, data, partials: one.partials })}`);
    write(`  wanted ${JSON.stringify(expected)}\n  got    ${JSON.stringify(output ?? problem)}`);
  }
}
rmSync(work, { recursive: true });
for (const [group, [passed, all]] of Object.entries(count)) write(`${group}: ${passed} of ${all} pass`);
