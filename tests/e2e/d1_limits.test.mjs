// D1 on workerd refuses what native SQLite refuses: the same statements as in
// `tests/native/d1_limits.rs`.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { after, before, test } from "node:test";
import { start } from "./runtime.mjs";

const TABLE = new URL("../fixtures/d1_limits.json", import.meta.url);
const { statements } = JSON.parse(await readFile(TABLE, "utf8"));

let runtime;
before(async () => {
  runtime = await start();
});
after(() => runtime?.stop());

function textOf({ sql }) {
  if (typeof sql === "string") return sql;
  const { before = "", part, times, between, after = "" } = sql;
  const parts = Array.from({ length: times }, (_, index) => part.replaceAll("#", index + 1));
  return `${before}${parts.join(between)}${after}`;
}

function parametersOf({ params = [] }) {
  return params.flatMap(({ letter, number, times }) => {
    return letter ? [letter.repeat(times)] : Array(times).fill(number);
  });
}

// Statements that workerd accepts although D1 refuses them are skipped: the next workerd may not.
for (const one of statements.filter(({ kinder }) => !kinder)) {
  test(`${one.name}: ${one.refused ? "refused" : "taken"}`, async () => {
    const run = runtime.d1(textOf(one), ...parametersOf(one));
    await (one.refused ? assert.rejects(run, /SQLITE|D1_ERROR/) : run);
  });
}
