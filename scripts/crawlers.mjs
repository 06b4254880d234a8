// Writes `src/domain/inbound/bot_detection/crawlers.txt` from the npm package `isbot`, which keeps the list:
// after a new version of the package, run `node scripts/crawlers.mjs`.

import { writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { list } from "isbot";

export const CRAWLERS_FILE = fileURLToPath(
  new URL("../src/domain/inbound/bot_detection/crawlers.txt", import.meta.url),
);

/** The list, one pattern a line. */
export function crawlers() {
  // In a class of characters Rust wants the hyphen last.
  return list.map((pattern) => `${pattern.replaceAll("\\d-.]", "\\d.-]")}\n`).join("");
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await writeFile(CRAWLERS_FILE, crawlers());
