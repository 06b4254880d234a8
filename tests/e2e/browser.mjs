// A real browser: Chromium, operated as a person does it.

import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { chromium } from "playwright-core";

const FIND_CHROMIUM = fileURLToPath(new URL("../../scripts/chromium", import.meta.url));
const TABS_MAX = 80;

/** The path of a Chromium, or why there is none. */
export async function findChromium() {
  try {
    return { path: (await promisify(execFile)(FIND_CHROMIUM)).stdout.trim() };
  } catch (error) {
    return { missing: error.stderr.trim() };
  }
}

/** Starts the browser. It resolves `host`, the public name of the runtime, to this machine. */
export function launch(path, host, runtime) {
  const rules = `MAP ${host} ${new URL(runtime.url).host}`;
  return chromium.launch({
    executablePath: path,
    // Root cannot use the sandbox; some containers have little shared memory.
    args: [`--host-resolver-rules=${rules}`, "--no-sandbox", "--disable-dev-shm-usage"],
  });
}

/** Presses Tab until the element that `selector` names has the focus. */
export async function tabTo(page, selector) {
  for (let tabs = 0; tabs < TABS_MAX; tabs += 1) {
    if (await page.locator(selector).first().evaluate((one) => one === document.activeElement)) return;
    await page.keyboard.press("Tab");
  }
  throw new Error(`${selector} cannot be reached by Tab`);
}

/** Types into the next field that Tab reaches. */
export async function typeInto(page, selector, text) {
  await tabTo(page, selector);
  await page.keyboard.press("ControlOrMeta+A");
  await page.keyboard.insertText(text);
}

/** How much wider a page, or a frame in it, is than its window. */
export async function excessWidth(page) {
  const widths = page.frames().map((frame) =>
    frame.evaluate(() => {
      const { scrollWidth, clientWidth } = document.documentElement;
      return scrollWidth - clientWidth;
    }),
  );
  return Math.max(...(await Promise.all(widths)));
}

/** The number of frames that are not within the width of the window. */
export function cutFrames(page) {
  return page.locator("iframe").evaluateAll((frames) => {
    const boxes = frames.map((frame) => frame.getBoundingClientRect());
    return boxes.filter(({ left, right }) => left < 0 || right > innerWidth).length;
  });
}

/** The number of Tab stops from here on, and those without a visible focus. */
export async function unseenStops(page) {
  const unseen = [];
  for (let count = 1; count < TABS_MAX; count += 1) {
    const stop = await page.evaluate(() => {
      const one = document.activeElement;
      const { outlineStyle, outlineWidth } = getComputedStyle(one);
      const { top, width, height } = one.getBoundingClientRect();
      const isMarked = outlineStyle !== "none" && parseFloat(outlineWidth) > 0;
      const html = one.outerHTML.slice(0, 90);
      return { isOver: one === document.body, isSeen: isMarked && top >= 0 && width && height, html };
    });
    if (stop.isOver) return { count, unseen };
    if (!stop.isSeen) unseen.push(stop.html);
    await page.keyboard.press("Tab");
  }
  return { count: TABS_MAX, unseen };
}
