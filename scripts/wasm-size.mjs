// What each crate weighs in the worker: the machine code of its functions, by their names in the
// module that the compiler made (before wasm-opt and before the names are stripped), and the
// constants. Usage: node scripts/wasm-size.mjs [module]
import { readFileSync } from "node:fs";
import { gzipSync } from "node:zlib";

const CODE = 10, DATA = 11, IMPORTS = 2, CUSTOM = 0, FUNCTION_NAMES = 1;
const path = process.argv[2] ?? "target/wasm32-unknown-unknown/release/dripline.wasm";
const bytes = readFileSync(path);

/** A cursor over the bytes of a module (WebAssembly core specification, chapter 5). */
function cursor(at, end = bytes.length) {
  const leb = () => {
    for (let value = 0, shift = 0; ; shift += 7) {
      const byte = bytes[at++];
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) return value;
    }
  };
  const take = (length) => bytes.subarray(at, (at += length));
  return { leb, take, byte: () => bytes[at++], text: () => take(leb()).toString(), at: () => at, more: () => at < end };
}

function sections() {
  const module = cursor(8), found = [];
  while (module.more()) {
    const id = module.byte(), size = module.leb(), start = module.at();
    found.push({ id, start, end: start + size });
    module.take(size);
  }
  return found;
}

function importedFunctions({ start, end }) {
  const imports = cursor(start, end);
  let functions = 0;
  for (let left = imports.leb(); left > 0; left--) {
    imports.text(), imports.text();
    const kind = imports.byte();
    if (kind !== 0) throw new Error(`an import of kind ${kind}: teach this script its shape`);
    imports.leb(), functions++;
  }
  return functions;
}

function functionNames(custom) {
  const names = new Map();
  for (const { start, end } of custom) {
    const section = cursor(start, end);
    if (section.text() !== "name") continue;
    while (section.more()) {
      const kind = section.byte(), size = section.leb();
      if (kind !== FUNCTION_NAMES) { section.take(size); continue; }
      for (let left = section.leb(); left > 0; left--) names.set(section.leb(), section.text());
    }
  }
  return names;
}

/** A mangled name as a path; the compiler's older mangling, which this target uses. */
function demangle(name) {
  const parts = [];
  for (let rest = name.slice("_ZN".length); /^\d/.test(rest); ) {
    const [digits] = /^\d+/.exec(rest);
    parts.push(rest.slice(digits.length, digits.length + Number(digits)));
    rest = rest.slice(digits.length + Number(digits));
  }
  return parts.join("::").replaceAll("..", "::");
}

/** The crate that a function is of; of an instance of a generic one, the crate it was made for. */
function crate(name = "") {
  const words = demangle(name).match(/[a-z_][a-z0-9_]*(?=::)/g) ?? [];
  return words.find((word) => CRATES.has(word)) ?? "(the standard library, and what has no name)";
}

const CRATES = new Set([
  "dripline",
  ...[...readFileSync("Cargo.lock", "utf8").matchAll(/^name = "(.*)"$/gm)].map(([, name]) => name.replaceAll("-", "_")),
]);
const all = sections();
const one = (id) => all.find((section) => section.id === id);
const names = functionNames(all.filter(({ id }) => id === CUSTOM));
const bodies = new Map();
const code = cursor(one(CODE).start, one(CODE).end);
let index = importedFunctions(one(IMPORTS));
for (let left = code.leb(); left > 0; left--, index++) {
  const owner = crate(names.get(index));
  if (!bodies.has(owner)) bodies.set(owner, []);
  bodies.get(owner).push(code.take(code.leb()));
}
const rows = [...bodies].map(([owner, parts]) => [owner, Buffer.concat(parts)]);
rows.push(["(constants: time zones, numbering plans, texts)", bytes.subarray(one(DATA).start, one(DATA).end)]);
const sized = rows.map(([owner, part]) => [owner, part.length, gzipSync(part).length]);
console.log("| crate | kB | kB gzipped |\n|---|--:|--:|");
for (const [owner, raw, zipped] of sized.sort((a, b) => b[2] - a[2])) {
  if (zipped >= 500) console.log(`| ${owner} | ${(raw / 1e3).toFixed(0)} | ${(zipped / 1e3).toFixed(0)} |`);
}
