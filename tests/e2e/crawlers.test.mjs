// The built-in list of crawlers equals that of the package it comes from.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { CRAWLERS_FILE, crawlers } from "../../scripts/crawlers.mjs";

test("the list of crawlers is that of the package (else run scripts/crawlers.mjs)", async () => {
  assert.equal(await readFile(CRAWLERS_FILE, "utf8"), crawlers());
});
