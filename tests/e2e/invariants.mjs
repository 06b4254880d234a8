// What must always hold in the database: the queries of src/store/invariants.rs, which the native
// tests and the simulator run too.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";

const SOURCE = fileURLToPath(new URL("../../src/store/invariants.rs", import.meta.url));

/** Fails if a row of the database violates an invariant. `atRest`: all due work is done. */
export async function assertSound(runtime, { atRest }) {
  const source = await readFile(SOURCE, "utf8");
  const wanted = atRest ? ["ALWAYS", "AT_REST"] : ["ALWAYS"];
  for (const [name, sql] of wanted.flatMap((list) => queriesOf(source, list))) {
    const parameters = sql.includes("?1") ? [runtime.now()] : [];
    assert.deepEqual(await runtime.d1(sql, ...parameters), [], name);
  }
}

/** The names and queries of a list in the Rust source. */
function queriesOf(source, list) {
  const [, count, inside] =
    new RegExp(`const ${list}: \\[\\(&str, &str\\); (\\d+)\\] = \\[\n(.*?)\n\\];`, "s").exec(source);
  const queries = [...inside.matchAll(/\(\s*(?:\/\/[^\n]*\s*)*"([^"]+)",\s*(?:"([^"]+)"|([A-Z_]+)),?\s*\)/g)];
  assert.equal(queries.length, Number(count), `all queries of ${list} are read`);
  return queries.map(([, name, sql, constant]) => [name, sql ?? textOf(source, constant)]);
}

function textOf(source, constant) {
  return new RegExp(`const ${constant}: &str = "([^"]+)";`).exec(source)[1];
}
